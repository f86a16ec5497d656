"""Resizing and sampling beside PyTorch's."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import corelib

from .oracle import Same, near, same_calls, same_modules

SHAPES = {1: (2, 3, 7), 2: (2, 3, 7, 5), 3: (1, 2, 4, 5, 3)}
LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}
TARGETS: dict[str, dict[str, Any]] = {
    "smaller": {"size": 3},
    "larger": {"size": 9},
    "one": {"size": 1},
    "twice": {"scale_factor": 2},
    "by 0.6": {"scale_factor": 0.6},
    "by 1.7": {"scale_factor": 1.7},
    "by 1.7, recomputed": {"scale_factor": 1.7, "recompute_scale_factor": True},
}


def _array(shape: tuple[int, ...], seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape)


def _resize(torch: ModuleType, n: int, **options: Any) -> None:
    same_calls(torch, lambda t, x: t.nn.functional.interpolate(x, **options), [_array(SHAPES[n])])


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "area"])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_resizing(torch: ModuleType, n: int, mode: str, target: str) -> None:
    _resize(torch, n, mode=mode, **TARGETS[target])


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("corners", [None, False, True])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_resizing_linearly(torch: ModuleType, n: int, corners: bool | None, target: str) -> None:
    _resize(torch, n, mode=LINEAR[n], align_corners=corners, **TARGETS[target])


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("corners", [False, True])
def test_resizing_images(torch: ModuleType, corners: bool, target: str) -> None:
    _resize(torch, 2, mode="bicubic", align_corners=corners, **TARGETS[target])
    for mode in ("bilinear", "bicubic"):
        _resize(torch, 2, mode=mode, align_corners=corners, antialias=True, **TARGETS[target])


def test_nearest_positions_in_single_precision(torch: ModuleType) -> None:
    for length in range(1, 24):
        x = np.arange(length, dtype=np.float32).reshape(1, 1, -1)
        for target in [{"size": n} for n in range(1, 60)] + [{"scale_factor": f} for f in (1.1, 2.3, 3.7)]:
            for mode in ("nearest", "nearest-exact"):
                options: Any = {"mode": mode, **target}
                ours = corelib.nn.functional.interpolate(corelib.tensor(x), **options)
                near(ours, torch.nn.functional.interpolate(torch.tensor(x), **options))


@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8"])
def test_other_dtypes(torch: ModuleType, dtype: str) -> None:
    results = []
    for t in (corelib, torch):
        x = t.arange(24).reshape(1, 1, 4, 6).to(getattr(t, dtype))
        mode = "nearest" if dtype == "uint8" else "bilinear"
        y = t.nn.functional.interpolate(x, size=(3, 8), mode=mode)
        assert y.dtype == x.dtype
        results.append(y.to(t.float64).numpy())
    np.testing.assert_allclose(*results, rtol=2e-3 if dtype == "float16" else 1e-5)


@pytest.mark.parametrize("corners", [False, True])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
@pytest.mark.parametrize("n", [2, 3])
def test_sampling(torch: ModuleType, n: int, mode: str, padding: str, corners: bool) -> None:
    if n == 3 and mode == "bicubic":
        return
    grid = _array((SHAPES[n][0], *(4, 3, 2)[:n], n), 1) * 1.2

    def sample(t: Any, x: Any, g: Any) -> Any:
        return t.nn.functional.grid_sample(x, g, mode, padding, corners)

    same_calls(torch, sample, [_array(SHAPES[n]), grid], orders=1)


@pytest.mark.parametrize("corners", [False, True])
def test_affine_grids(torch: ModuleType, corners: bool) -> None:
    for size, theta in (((2, 3, 4, 5), (2, 2, 3)), ((1, 2, 3, 2, 4), (1, 3, 4))):
        same_calls(
            torch,
            lambda t, x, size=size: t.nn.functional.affine_grid(x, size, align_corners=corners),
            [_array(theta)],
        )


MODULES: dict[str, tuple[Callable[[Any], Any], int]] = {
    "size": (lambda nn: nn.Upsample(5), 1),
    "factor": (lambda nn: nn.Upsample(scale_factor=2, mode="bilinear"), 2),
    "factors": (lambda nn: nn.Upsample(scale_factor=(2, 1.5, 1), mode="trilinear", align_corners=True), 3),
    "recomputed": (lambda nn: nn.Upsample(scale_factor=1.3, mode="linear", recompute_scale_factor=True), 1),
    "nearest": (lambda nn: nn.UpsamplingNearest2d(scale_factor=3), 2),
    "bilinear": (lambda nn: nn.UpsamplingBilinear2d((4, 9)), 2),
}


@pytest.mark.parametrize("name", MODULES)
def test_modules(torch: ModuleType, name: str) -> None:
    make, n = MODULES[name]
    same_modules(torch, make, lambda module, x: module(x), [_array(SHAPES[n])])


def test_on_another_backend() -> None:
    F = corelib.nn.functional
    x, grid = _array(SHAPES[2]), _array((2, 3, 3, 2), 1)
    here, there = corelib.tensor(x), corelib.tensor(x, device="strict")
    for options in ({"mode": "bicubic"}, {"mode": "bilinear", "antialias": True}, {"mode": "nearest"}):
        for size in (3, 9):
            ours: Any = F.interpolate(there, size, **options)  # type: ignore[arg-type]
            expected = F.interpolate(here, size, **options)  # type: ignore[arg-type]
            np.testing.assert_allclose(ours.cpu().numpy(), expected.numpy(), rtol=1e-9, atol=1e-12)
    sampled = F.grid_sample(there, corelib.tensor(grid, device="strict"), align_corners=False)
    expected = F.grid_sample(here, corelib.tensor(grid), align_corners=False)
    np.testing.assert_allclose(sampled.cpu().numpy(), expected.numpy(), rtol=1e-9, atol=1e-12)


ERRORS: dict[str, Callable[[Any], Any]] = {
    "no size": lambda t: t.nn.functional.interpolate(t.zeros(1, 1, 3)),
    "both": lambda t: t.nn.functional.interpolate(t.zeros(1, 1, 3), 2, 2.0),
    "corners": lambda t: t.nn.functional.interpolate(t.zeros(1, 1, 3), 2, align_corners=True),
    "rank": lambda t: t.nn.functional.interpolate(t.zeros(1, 1, 3), 2, mode="bilinear"),
    "antialias": lambda t: t.nn.functional.interpolate(t.zeros(1, 1, 3), 2, mode="linear", antialias=True),
    "recompute": lambda t: t.nn.functional.interpolate(t.zeros(1, 1, 3), 2, recompute_scale_factor=True),
    "mode": lambda t: t.nn.functional.grid_sample(t.zeros(1, 1, 2, 2), t.zeros(1, 1, 1, 2), "cubic"),
    "padding": lambda t: t.nn.functional.grid_sample(t.zeros(1, 1, 2, 2), t.zeros(1, 1, 1, 2), padding_mode="no"),
    "grid": lambda t: t.nn.functional.grid_sample(t.zeros(1, 1, 2, 2), t.zeros(1, 1, 1, 3), align_corners=False),
    "batch": lambda t: t.nn.functional.grid_sample(t.zeros(1, 1, 2, 2), t.zeros(2, 1, 1, 2), align_corners=False),
    "theta": lambda t: t.nn.functional.affine_grid(t.zeros(1, 3, 3), (1, 1, 2, 2), align_corners=False),
    "theta's dtype": lambda t: t.nn.functional.affine_grid(
        t.zeros(1, 2, 3, dtype=t.int64), (1, 1, 2, 2), align_corners=False
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(same: Same, name: str) -> None:
    same(ERRORS[name])


def test_older_names_warn() -> None:
    F = corelib.nn.functional
    x = corelib.zeros(1, 1, 2, 2)
    for function in (F.upsample, F.upsample_nearest, F.upsample_bilinear):
        with pytest.warns(UserWarning, match="deprecated"):
            assert tuple(function(x, scale_factor=2).shape) == (1, 1, 4, 4)
    with pytest.warns(UserWarning, match="align_corners"):
        F.grid_sample(x, corelib.zeros(1, 1, 1, 2))
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        F.affine_grid(corelib.zeros(1, 2, 3), [1, 1, 2, 2])
    assert len(seen) == 1
