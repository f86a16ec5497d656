"""Comparisons of functions and modules with PyTorch's, on the same arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np

import corelib

Same = Callable[[Callable[[Any], Any]], Any]
RTOL = {"float64": 1e-7, "float32": 3e-5}  # some of PyTorch's gradients have constants in float32


def _host(x: Any) -> Any:
    return x.detach().numpy() if isinstance(x, corelib.Tensor) else x.detach().numpy(force=True)


def near(ours: Any, theirs: Any) -> None:
    """Equal in dtype, shape and value, up to rounding; None is as good as zeros."""
    if ours is None or theirs is None:
        for x in (ours, theirs):
            assert x is None or np.abs(_host(x)).max(initial=0) < 1e-9
        return
    if isinstance(theirs, (tuple, list)):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            near(a, b)
        return
    assert tuple(ours.shape) == tuple(theirs.shape)
    assert ours.dtype.name == str(theirs.dtype).removeprefix("torch.")
    rtol = RTOL.get(ours.dtype.name, 0.0)
    b = _host(theirs)
    size = np.abs(b, where=np.isfinite(b), out=np.zeros_like(b)).max(initial=1.0) if rtol else 0
    np.testing.assert_allclose(_host(ours), b, rtol=rtol, atol=rtol * size, equal_nan=True)


def _weights(t: Any, y: Any, seed: int) -> Any:
    host = np.random.default_rng(seed).uniform(-1, 1, tuple(y.shape)).astype(str(y.dtype).split(".")[-1])
    return t.tensor(host)


def _run(t: Any, function: Callable[..., Any], arrays: Sequence[Any], orders: int) -> list[Any]:
    """The value, and the gradients of as many orders, along directions that are the same for both libraries."""
    inputs = [t.tensor(a).requires_grad_(a.dtype.kind == "f") for a in arrays]
    active = [x for x in inputs if x.requires_grad]
    y = function(t, *inputs)
    found: list[Any] = [y]
    for order in range(orders):
        several = y if isinstance(y, (tuple, list)) else [y]
        several = [z for z in several if z is not None and z.requires_grad]
        if not several:
            break
        total = sum((z * _weights(t, z, 10 * order + i)).sum() for i, z in enumerate(several))
        y = t.autograd.grad(total, active, create_graph=order + 1 < orders, allow_unused=True)
        found.append(list(y))
    return found


def same_calls(torch: ModuleType, function: Callable[..., Any], arrays: Sequence[Any], orders: int = 2) -> None:
    """``function(library, *tensors)`` gives the same values and the same gradients of the first orders."""
    ours, theirs = _run(corelib, function, arrays, orders), _run(torch, function, arrays, orders)
    for a, b in zip(ours, theirs, strict=False):
        near(a, b)
    for rest in (*ours[len(theirs) :], *theirs[len(ours) :]):  # one may know that a gradient is constant
        near(rest, [None] * len(rest))


def same_modules(
    torch: ModuleType, make: Callable[[Any], Any], call: Callable[..., Any], arrays: Sequence[Any], orders: int = 1
) -> None:
    """Modules print the same, have the same state, and with it the same results and gradients."""
    module, other = make(corelib.nn).double(), make(torch.nn).double()
    assert repr(module) == repr(other)
    state = other.state_dict()
    assert {k: tuple(v.shape) for k, v in module.state_dict().items()} == {k: tuple(v.shape) for k, v in state.items()}
    assert list(module.state_dict()) == list(state)
    module.load_state_dict({k: corelib.tensor(v.numpy()) for k, v in state.items()})
    ours = _run(corelib, lambda _, *x: call(module, *x), arrays, orders)
    theirs = _run(torch, lambda _, *x: call(other, *x), arrays, orders)
    for a, b in zip(ours, theirs, strict=True):
        near(a, b)
