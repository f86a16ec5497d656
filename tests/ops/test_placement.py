"""What factories take besides sizes and dtypes: layout, pinned memory, memory formats, requires_grad."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import corelib

FACTORIES: dict[str, Callable[..., Any]] = {
    "zeros": lambda t, **k: t.zeros(2, **k),
    "ones": lambda t, **k: t.ones((2, 3), **k),
    "empty": lambda t, **k: t.empty(2, 3, **k),
    "empty 4d": lambda t, **k: t.empty((2, 3, 4, 5), **k),
    "full": lambda t, **k: t.full((2,), 1.0, **k),
    "arange": lambda t, **k: t.arange(3.0, **k),
    "linspace": lambda t, **k: t.linspace(0, 1, 3, **k),
    "logspace": lambda t, **k: t.logspace(0, 1, 3, **k),
    "eye": lambda t, **k: t.eye(2, **k),
    "rand": lambda t, **k: t.rand(2, **k),
    "randn": lambda t, **k: t.randn(2, **k),
    "randint": lambda t, **k: t.randint(0, 3, (2,), **k),
    "randperm": lambda t, **k: t.randperm(3, **k),
    "normal": lambda t, **k: t.normal(0.0, 1.0, (2,), **k),
    "scalar_tensor": lambda t, **k: t.scalar_tensor(1.0, **k),
    "empty_strided": lambda t, **k: t.empty_strided((2, 3), (1, 2), **k),
    "hann_window": lambda t, **k: t.hann_window(3, **k),
    "zeros_like": lambda t, **k: t.zeros_like(t.ones(2, 3), **k),
    "ones_like": lambda t, **k: t.ones_like(t.ones(2, 3), **k),
    "empty_like": lambda t, **k: t.empty_like(t.ones(2, 3), **k),
    "full_like": lambda t, **k: t.full_like(t.ones(2, 3), 2, **k),
    "rand_like": lambda t, **k: t.rand_like(t.ones(2, 3), **k),
    "randn_like": lambda t, **k: t.randn_like(t.ones(2, 3), **k),
    "randint_like": lambda t, **k: t.randint_like(t.ones(2, 3), 3, **k),
    "new_zeros": lambda t, **k: t.ones(2).new_zeros(2, **k),
    "new_full": lambda t, **k: t.ones(2).new_full((2,), 1, **k),
}
OPTIONS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "strided": lambda t: {"layout": t.strided},
    "wrong layout": lambda t: {"layout": "strided"},
    "not pinned": lambda t: {"pin_memory": False},
    "pinned": lambda t: {"pin_memory": True},
    "preserved": lambda t: {"memory_format": t.preserve_format},
    "contiguous": lambda t: {"memory_format": t.contiguous_format},
    "wrong format": lambda t: {"memory_format": "channels_last"},
    "channels last": lambda t: {"memory_format": t.channels_last},
    "channels last 3d": lambda t: {"memory_format": t.channels_last_3d},
    "requires grad": lambda t: {"requires_grad": True, "dtype": t.float64},
    "unknown": lambda t: {"bogus": 1},
}
CHANNELS_LAST = {("empty 4d", "channels last")}  # memory stays row-major


def _outcome(t: Any, name: str, option: str) -> tuple[Any, ...]:
    try:
        x = FACTORIES[name](t, **OPTIONS[option](t))
    except TypeError:
        return ("TypeError",)
    except Exception as error:
        return type(error).__name__, str(error).splitlines()[0]
    return str(x.dtype), tuple(x.shape), (name, option) in CHANNELS_LAST or x.stride(), x.requires_grad, x.is_leaf


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("name", FACTORIES)
def test_as_in_torch(torch: Any, name: str, option: str) -> None:
    assert _outcome(corelib, name, option) == _outcome(torch, name, option)
