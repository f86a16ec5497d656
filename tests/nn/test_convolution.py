"""Convolutions, transposed ones and windows as columns, beside PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import corelib

from .oracle import Same, same_calls, same_modules

Function = Callable[..., Any]
_LONG, _FLAT, _DEEP = (2, 4, 9), (2, 4, 6, 7), (1, 4, 5, 4, 6)


def _f(t: Any) -> Any:
    return t.nn.functional


# A function of the library and tensors, and the tensors' shapes.
CALLS: dict[str, tuple[Function, tuple[tuple[int, ...], ...]]] = {
    "conv1d": (lambda t, x, w, b: t.conv1d(x, w, b, 2, 1, 2), (_LONG, (3, 4, 3), (3,))),
    "conv1d, same": (lambda t, x, w: _f(t).conv1d(x, w, padding="same"), (_LONG, (3, 4, 4))),
    "conv1d, unbatched": (lambda t, x, w: _f(t).conv1d(x, w, groups=2), ((4, 9), (6, 2, 3))),
    "conv2d": (lambda t, x, w, b: t.conv2d(x, w, b, (2, 1), (1, 0), 1, 2), (_FLAT, (6, 2, 3, 2), (6,))),
    "conv3d": (lambda t, x, w, b: t.conv3d(x, w, b, (1, 2, 1), 1), (_DEEP, (3, 4, 3, 2, 3), (3,))),
    "conv3d, same": (lambda t, x, w: _f(t).conv3d(x, w, padding="same", dilation=(1, 1, 2)), (_DEEP, (2, 4, 3, 2, 2))),
    "conv3d, unbatched": (lambda t, x, w: _f(t).conv3d(x, w, groups=4), (_DEEP[1:], (4, 1, 2, 2, 2))),
    "transposed 1d": (lambda t, x, w, b: t.conv_transpose1d(x, w, b, 3, 1, 2), ((2, 4, 5), (4, 3, 4), (3,))),
    "transposed 1d, unbatched": (lambda t, x, w: _f(t).conv_transpose1d(x, w), ((4, 5), (4, 3, 4))),
    "transposed 2d": (lambda t, x, w: t.conv_transpose2d(x, w, None, 2, 1, 1), ((2, 4, 3, 4), (4, 3, 3, 2))),
    "transposed 2d, groups": (
        lambda t, x, w, b: _f(t).conv_transpose2d(x, w, b, (2, 1), groups=2, dilation=(1, 2)),
        ((2, 4, 3, 4), (4, 3, 3, 2), (6,)),
    ),
    "transposed 2d, far": (  # more output padding than a stride
        lambda t, x, w: _f(t).conv_transpose2d(x, w, None, 1, (1, 0), 1, dilation=2),
        ((2, 4, 3, 4), (4, 3, 3, 2)),
    ),
    "transposed 3d": (lambda t, x, w, b: t.conv_transpose3d(x, w, b, 2, 1), ((1, 4, 3, 2, 3), (4, 2, 3, 2, 3), (2,))),
    "tbc": (lambda t, x, w, b: t.conv_tbc(x, w, b, 1), ((6, 2, 3), (3, 3, 4), (4,))),
    "unfold": (lambda t, x: _f(t).unfold(x, (2, 3), dilation=(1, 2), padding=1, stride=(2, 1)), (_FLAT,)),
    "unfold, unbatched": (lambda t, x: _f(t).unfold(x, 2), (_FLAT[1:],)),
    "fold": (lambda t, x: _f(t).fold(x, (4, 5), (2, 3), padding=1, stride=(1, 2)), ((2, 12, 15),)),
    "fold, unbatched": (lambda t, x: _f(t).fold(x, 3, 2), ((8, 4),)),
}  # fmt: skip


def _arrays(shapes: tuple[tuple[int, ...], ...]) -> list[Any]:
    return [np.random.default_rng(i).standard_normal(shape) for i, shape in enumerate(shapes)]


@pytest.mark.filterwarnings("ignore:Using padding='same'")  # of PyTorch's
@pytest.mark.parametrize("name", CALLS)
def test_values_and_gradients(torch: ModuleType, name: str) -> None:
    function, shapes = CALLS[name]
    same_calls(torch, function, _arrays(shapes))


@pytest.mark.parametrize("name", CALLS)
def test_on_another_backend(name: str) -> None:
    function, shapes = CALLS[name]
    arrays = _arrays(shapes)
    here = function(corelib, *[corelib.tensor(a) for a in arrays])
    there = function(corelib, *[corelib.tensor(a, device="strict") for a in arrays])
    np.testing.assert_allclose(there.cpu().numpy(), here.numpy(), rtol=1e-9, atol=1e-12)


MODULES: dict[str, tuple[Function, tuple[int, ...]]] = {
    "conv1d": (lambda nn: nn.Conv1d(4, 6, 3, 2, 1, groups=2), _LONG),
    "conv1d, reflect": (lambda nn: nn.Conv1d(4, 6, 3, padding=2, padding_mode="reflect"), _LONG),
    "conv2d, replicate": (lambda nn: nn.Conv2d(4, 3, 3, padding=(2, 1), padding_mode="replicate"), _FLAT),
    "conv2d, circular": (lambda nn: nn.Conv2d(4, 3, (4, 3), padding="same", padding_mode="circular"), _FLAT),
    "conv3d": (lambda nn: nn.Conv3d(4, 2, (3, 2, 2), padding=1, dilation=(1, 2, 1), bias=False), _DEEP),
    "transposed 1d": (lambda nn: nn.ConvTranspose1d(4, 3, 3, 2, 1, 1), (2, 4, 5)),
    "transposed 2d": (lambda nn: nn.ConvTranspose2d(4, 6, (3, 2), 2, groups=2, dilation=2), (4, 3, 4)),
    "transposed 3d": (lambda nn: nn.ConvTranspose3d(4, 2, 2, 2, bias=False), (1, 4, 3, 2, 3)),
    "unfold": (lambda nn: nn.Unfold((2, 3), padding=1), _FLAT),
    "fold": (lambda nn: nn.Fold((3, 4), 2), (2, 8, 6)),
}


@pytest.mark.parametrize("name", MODULES)
def test_modules(torch: ModuleType, name: str) -> None:
    make, shape = MODULES[name]
    same_modules(torch, make, lambda module, x: module(x), _arrays((shape,)))


def test_transposed_output_size(torch: ModuleType) -> None:
    for size in ((7, 9), (2, 3, 8, 10)):
        same_modules(
            torch,
            lambda nn: nn.ConvTranspose2d(4, 3, 3, 2, 1),
            lambda module, x, size=size: module(x, output_size=size),
            _arrays(((2, 4, 4, 5),)),
        )


ERRORS: dict[str, Function] = {
    "groups": lambda t: t.nn.Conv3d(4, 3, 3, groups=2),
    "no groups": lambda t: t.nn.Conv1d(4, 3, 3, groups=0),
    "transposed padding mode": lambda t: t.nn.ConvTranspose1d(2, 2, 3, padding_mode="circular"),
    "strided same": lambda t: t.nn.Conv1d(4, 3, 3, 2, padding="same"),
    "output size": lambda t: t.nn.ConvTranspose1d(2, 2, 3, 2)(t.zeros(1, 2, 4), output_size=(12,)),
    "output size's length": lambda t: t.nn.ConvTranspose1d(2, 2, 3, 2)(t.zeros(1, 2, 4), output_size=(1, 2)),
    "rank": lambda t: t.conv3d(t.zeros(2, 3), t.zeros(2, 3, 1, 1, 1)),
    "transposed rank": lambda t: t.conv_transpose2d(t.zeros(2, 3), t.zeros(2, 3, 1, 1)),
    "transposed channels": lambda t: t.conv_transpose2d(t.zeros(1, 3, 4, 4), t.zeros(2, 3, 1, 1)),
    "transposed bias": lambda t: t.conv_transpose1d(t.zeros(1, 3, 4), t.zeros(3, 2, 1), t.zeros(3)),
    "fold, blocks": lambda t: t.nn.functional.fold(t.zeros(1, 4, 5), 3, 2),
    "fold, channels": lambda t: t.nn.functional.fold(t.zeros(1, 5, 4), 3, 2),
    "unfold, rank": lambda t: t.nn.functional.unfold(t.zeros(1, 1, 2, 2, 3), 2),
    "unfold, kernel": lambda t: t.nn.functional.unfold(t.zeros(1, 4, 5, 5), 0),
    "unfold, too large": lambda t: t.nn.functional.unfold(t.zeros(1, 1, 2, 2), 3),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(same: Same, name: str) -> None:
    same(ERRORS[name])


@pytest.mark.parametrize("kind", ["Conv1d", "Conv3d", "ConvTranspose2d"])
def test_initial_values(kind: str) -> None:
    corelib.manual_seed(0)
    module = getattr(corelib.nn, kind)(8, 16, 3)
    bound = float(np.prod(module.weight.shape[1:])) ** -0.5
    for x in (module.weight, module.bias):
        assert bool((x.abs() <= bound).all())
    assert float(module.weight.abs().max()) > 0.9 * bound
