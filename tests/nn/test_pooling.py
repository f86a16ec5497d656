"""Pools of one to three dimensions beside PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import corelib

from .oracle import Same, near, same_calls, same_modules

Function = Callable[..., Any]
SHAPES = {1: (2, 3, 11), 2: (2, 3, 8, 7), 3: (2, 2, 5, 7, 6)}
WINDOWS: dict[str, dict[str, Any]] = {
    "plain": {"kernel_size": 2},
    "strided": {"kernel_size": 3, "stride": 2, "padding": 1},
    "ceil": {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True},
}


def _array(n: int, single: bool = False) -> Any:
    return np.random.default_rng(n).standard_normal(SHAPES[n][single:])


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("windows", [*WINDOWS, "dilated"])
def test_maxima(torch: ModuleType, windows: str, n: int) -> None:
    options = WINDOWS.get(windows, {"kernel_size": 2, "stride": 1, "dilation": 2})
    name = f"max_pool{n}d"
    same_calls(torch, lambda t, x: getattr(t.nn.functional, name)(x, **options), [_array(n)])
    same_calls(torch, lambda t, x: getattr(t.nn.functional, name)(x, **options, return_indices=True), [_array(n, True)])
    same_calls(torch, lambda t, x: getattr(t, name)(x, **options), [_array(n)])


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_first_of_ties_wins(torch: ModuleType, n: int) -> None:
    ties = np.round(_array(n))
    for name, argument in (("max_pool", 3), ("adaptive_max_pool", 2), ("adaptive_max_pool", 3)):
        results = []
        for t in (corelib, torch):
            results.append(getattr(t.nn.functional, f"{name}{n}d")(t.tensor(ties), argument, return_indices=True))
        near(*results)


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("windows", [*WINDOWS, "not counted", "divisor"])
def test_means(torch: ModuleType, windows: str, n: int) -> None:
    special: dict[str, Any] = {"count_include_pad": False} if windows == "not counted" else {"divisor_override": 5}
    options = WINDOWS.get(windows) or {**WINDOWS["ceil"], **special}
    if n == 1:
        options = {k: v for k, v in options.items() if k != "divisor_override"}
    for single in (False, True):
        same_calls(torch, lambda t, x: getattr(t.nn.functional, f"avg_pool{n}d")(x, **options), [_array(n, single)])


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 2, 3, 5, 9])
def test_to_a_size(torch: ModuleType, size: int, n: int) -> None:
    same_calls(torch, lambda t, x: getattr(t.nn.functional, f"adaptive_avg_pool{n}d")(x, size), [_array(n)])

    def maxima(t: Any, x: Any) -> Any:
        return getattr(t.nn.functional, f"adaptive_max_pool{n}d")(x, size, return_indices=True)

    same_calls(torch, maxima, [_array(n, True)])


@pytest.mark.parametrize("n", [1, 2, 3])
def test_power_means(torch: ModuleType, n: int) -> None:
    for power in (1, 2.5, float("inf"), -float("inf")):
        same_calls(
            torch,
            lambda t, x, power=power: getattr(t.nn.functional, f"lp_pool{n}d")(x, power, 2, stride=1, ceil_mode=True),
            [np.abs(_array(n)) + 0.1],
        )


def _even(n: int) -> Any:
    return np.random.default_rng(n).standard_normal((2, 3, *(4, 6, 8)[:n]))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_maxima_put_back(torch: ModuleType, n: int) -> None:
    def there_and_back(t: Any, x: Any) -> Any:
        values, indices = getattr(t.nn.functional, f"max_pool{n}d")(x, 2, 2, return_indices=True)
        unpool = getattr(t.nn.functional, f"max_unpool{n}d")
        return unpool(values, indices, 2), unpool(values, indices, 2, output_size=x.shape)

    same_calls(torch, there_and_back, [_even(n)])


def _module(nn: Any, kind: str, n: int, *args: Any, **options: Any) -> Any:
    return getattr(nn, f"{kind}{n}d")(*args, **options)


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("kind", ["MaxPool", "AvgPool", "LPPool", "AdaptiveMaxPool", "AdaptiveAvgPool"])
def test_modules(torch: ModuleType, kind: str, n: int) -> None:
    choices: dict[str, list[tuple[tuple[Any, ...], dict[str, Any]]]] = {
        "MaxPool": [((2,), {}), ((3, 2, 1), {"return_indices": True, "ceil_mode": True})],
        "AvgPool": [((2,), {}), ((3, 2, 1), {"count_include_pad": False})],
        "LPPool": [((2, 2), {}), ((2, 3, 2), {"ceil_mode": True})],
        "AdaptiveMaxPool": [((3,), {}), ((2,), {"return_indices": True})],
        "AdaptiveAvgPool": [((3,), {}), (((2,) * n,), {})],
    }
    for args, options in choices[kind]:
        same_modules(
            torch,
            lambda nn, args=args, options=options: _module(nn, kind, n, *args, **options),
            lambda module, x: module(x),
            [np.abs(_array(n)) + 0.1],
        )


@pytest.mark.parametrize("n", [1, 2, 3])
def test_unpooling_modules(torch: ModuleType, n: int) -> None:
    pooled = getattr(torch.nn.functional, f"max_pool{n}d")(torch.tensor(_even(n)), 2, return_indices=True)
    same_modules(
        torch,
        lambda nn: _module(nn, "MaxUnpool", n, 2),
        lambda module, x, i: module(x, i),
        [x.numpy() for x in pooled],
    )


@pytest.mark.parametrize("dtype", ["float32", "int64", "float16"])
def test_other_dtypes(torch: ModuleType, dtype: str) -> None:
    host = np.arange(24.0).reshape(1, 2, 3, 4) % 7
    results = []
    for t in (corelib, torch):
        results.append(t.nn.functional.max_pool2d(t.tensor(host).to(getattr(t, dtype)), 2, return_indices=True))
    near(*results)


def test_on_another_backend() -> None:
    for n in (1, 2, 3):
        F = corelib.nn.functional
        here, there = corelib.tensor(_array(n)), corelib.tensor(_array(n), device="strict")
        for name, argument in (("max_pool", 2), ("avg_pool", 2), ("adaptive_avg_pool", 3), ("adaptive_max_pool", 3)):
            function = getattr(F, f"{name}{n}d")
            np.testing.assert_allclose(function(there, argument).cpu().numpy(), function(here, argument).numpy())


def test_nan_is_the_largest() -> None:
    x = corelib.tensor([[[1.0, float("nan"), 2.0, 3.0]]])
    found = corelib.nn.functional.adaptive_max_pool1d(x, 2).tolist()[0][0]
    assert found[0] != found[0]
    assert found[1] == 3.0


ERRORS: dict[str, Function] = {
    "unpooled shape": lambda t: t.nn.functional.max_unpool1d(t.zeros(1, 2), t.zeros(1, 3, dtype=t.int64), 2),
    "unpooled size": lambda t: t.nn.functional.max_unpool1d(
        t.zeros(1, 1, 2), t.zeros(1, 1, 2, dtype=t.int64), 2, output_size=(9,)
    ),
    "unpooled length": lambda t: t.nn.functional.max_unpool1d(
        t.zeros(1, 1, 2), t.zeros(1, 1, 2, dtype=t.int64), 2, output_size=(4, 4)
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(same: Same, name: str) -> None:
    same(ERRORS[name])


@pytest.mark.parametrize("device", ["cpu", "strict"])
def test_a_window_of_nothing_but_minus_infinity_has_a_place(device: str) -> None:
    x = corelib.full((1, 3, 3), float("-inf"), device=device)
    _, places = corelib.nn.functional.max_pool2d(x, 2, 2, padding=1, return_indices=True)
    assert places.tolist() == [[[0, 1], [3, 4]]]
