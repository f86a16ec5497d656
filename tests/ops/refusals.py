"""Calls that are made wrong, one argument at a time, from PyTorch's sample calls."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["KINDS", "wrong_calls"]

Call = list[Any]  # input, arguments, keyword arguments
UNSAFE = {"lu_unpack", "ormqr", "linalg.lu_solve", "lu_solve", "linalg.ldl_solve"}  # PyTorch reads beyond their memory
SAMPLES = 2


def _paths(x: Any, torch: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where the tensors are."""
    if isinstance(x, torch.Tensor):
        yield at
    elif isinstance(x, (list, tuple, dict)):
        for key, y in x.items() if isinstance(x, dict) else enumerate(x):
            yield from _paths(y, torch, (*at, key))


def _put(x: Any, at: tuple[Any, ...], change: Callable[[Any], Any]) -> Any:
    if not at:
        return change(x)
    if isinstance(x, dict):
        return {k: _put(v, at[1:], change) if k == at[0] else v for k, v in x.items()}
    return [_put(v, at[1:], change) if i == at[0] else v for i, v in enumerate(x)]


def _wrong_type(call: Call, op: Any, torch: Any) -> Iterator[Call]:
    for at in list(_paths(call, torch))[:3]:
        yield _put(call, at, lambda x: "a")


def _wrong_dim(call: Call, op: Any, torch: Any) -> Iterator[Call]:
    for i, key in itertools.chain(((1, i) for i in range(len(call[1]))), ((2, "dim"),)):
        value = call[i].get(key) if i == 2 else call[i][key]
        if type(value) is int:
            yield _put(call, (i, key), lambda x: 99)


def _wrong_dtype(call: Call, op: Any, torch: Any) -> Iterator[Call]:
    places = list(_paths(call, torch))
    for dtype in (torch.bool, torch.int64, torch.complex64):
        if dtype not in op.supported_dtypes("cpu"):
            changed = call
            for at in places:
                changed = _put(changed, at, lambda x, d=dtype: x.to(d) if x.is_floating_point() else x)
            yield changed
    for at in places[1:2]:
        yield _put(call, at, lambda x: x.double() if x.dtype is torch.float32 else x.int())
        yield _put(call, at, lambda x: x.to(torch.complex64) if x.dtype is not torch.bool else x)


def _wrong_shape(call: Call, op: Any, torch: Any) -> Iterator[Call]:
    for at in list(_paths(call, torch))[:3]:
        for shape in ((2,) * 7, (), (13,)):
            yield _put(call, at, lambda x, s=shape: torch.ones(s, dtype=x.dtype))


KINDS = {"type": _wrong_type, "dim": _wrong_dim, "dtype": _wrong_dtype, "shape": _wrong_shape}


def wrong_calls(op: Any, kind: str, torch: Any) -> Iterator[Call]:
    """Calls of an operation with one thing wrong (of which PyTorch may accept some)."""
    if op.name in UNSAFE:
        return
    torch.manual_seed(0)
    dtypes = (torch.float32, torch.float64, torch.int64, torch.complex64)
    dtype = next((d for d in dtypes if d in op.supported_dtypes("cpu")), None)
    if dtype is None:
        return
    made = list(itertools.islice(op.sample_inputs("cpu", dtype, requires_grad=False), 60))
    for sample in made[:: max(1, len(made) // SAMPLES)][:SAMPLES]:
        yield from KINDS[kind]([sample.input, list(sample.args), dict(sample.kwargs)], op, torch)
    if kind == "shape" and op.error_inputs_func is not None:  # PyTorch's own list, of all kinds
        for error in op.error_inputs("cpu"):
            sample = error.sample_input
            if "out" not in sample.kwargs:
                yield [sample.input, list(sample.args), dict(sample.kwargs)]
