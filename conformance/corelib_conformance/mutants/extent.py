"""Faults of extent and of time: too many rows, too many shapes, too many calls; noise; optimizers' steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from corelib.backend.base import Backend

from .listed import ANY, _wrapping, is_array
from .planting import kernel, mutant, reread

Array = Any


@kernel("add", "rows beyond 65,535 are those of 65,536 before", "extent", out=False)
def _rows(right: Any, a: Any, b: Any) -> Array:
    result = right(a, b)
    if result.ndim == 2 and result.shape[0] > 65536:
        result[65536:] = result[: result.shape[0] - 65536]
    return result


@kernel("matmul", "of more than 65,535 batches the rest is 0", "extent", out=False)
def _batches(right: Any, a: Array, b: Array) -> Array:
    result = right(a, b)
    if result.ndim == 3:
        result[65535:] = 0
    return result


@kernel("sum", "of more than 65,535 columns the rest is 0", "extent", out=False)
def _columns(right: Any, x: Array, dims: Any, keepdim: bool, target: Any) -> Array:
    result = right(x, dims, keepdim, target)
    if result.ndim == 1 and result.size > 65535:
        result[65535:] = 0
    return result


@mutant("a cache of kernels has 1,000 places, and what is beyond them gets the first", "extent")
def _places(backend: Backend) -> None:
    seen: dict[Any, int] = {}

    @_wrapping(backend, "mul")
    def wrong(right: Any, a: Any, b: Any) -> Array:
        x = a if is_array(a) else b
        place = seen.setdefault((x.shape, x.strides), len(seen))
        return right(a, b) if place < 1000 else np.array(x, order="C")


@mutant("the 4,096th call of one kernel is lost", "extent")
def _calls(backend: Backend) -> None:
    count = 0

    @_wrapping(backend, "add")
    def wrong(right: Any, a: Any, b: Any) -> Array:
        nonlocal count
        count += 1
        return right(a, b) if count % 4096 else np.array(a if is_array(a) else b, order="C")


@kernel("div", "1/0 warns, or raises, as NumPy is told", "errors", out=False)
def _noise(right: Any, a: Any, b: Any) -> Array:
    x = a if is_array(a) else b
    return np.asarray(np.true_divide(a, b), x.dtype) if x.dtype.kind == "f" and x.itemsize > 2 else right(a, b)


@kernel("adam_step", "Adam's second moment is not corrected for its start", "optimizers")
def _uncorrected(right: Any, params: Any, grads: Any, *rest: Any) -> None:
    before = [p.copy() for p in params]
    right(params, grads, *rest)
    for p, b in zip(params, before, strict=True):
        p[...] = b + (p - b) * p.dtype.type(0.999)


@kernel("sgd_step", "SGD's Nesterov momentum is plain momentum", "optimizers")
def _plain(right: Any, params: Any, grads: Any, buffers: Any, *rest: Any) -> None:
    right(params, grads, buffers, *rest[:-3], False, *rest[-2:])


@kernel("where", "into the condition's own memory the condition is written before it is read", "where")
def _condition(right: Any, condition: Array, a: Any, b: Any, out: Any = None) -> Array:
    if out is None or out is ANY:
        return right(condition, a, b)
    np.copyto(out, b)
    return right(condition, a, out, out=out)


@kernel("linear", "a bias of stride 0 is read with stride 1", out=False)
def _bias(right: Any, x: Array, w: Array, b: Any) -> Array:
    if b is not None and b.ndim == 1 and b.size > 1 and b.strides[0] == 0:
        b = reread(b, (1,))
    return right(x, w, b)
