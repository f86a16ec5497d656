"""Reductions, scans and sort.  The half types accumulate in float32; a nan wins a maximum and sorts last."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from corelib.backend.array_module import INEXACT, REAL
from corelib.backend.base import kernel
from corelib.dtypes import dtype

from .context import local, quiet
from .elementwise import Array, is_half, store, wide

Dims = tuple[int, ...]
_RUN = 128  # additions one after the other, at most, before their sum joins others
_SMALL = 1024  # elements that are simply added
_DOT = 4096  # elements that are added as a product with ones
_add_reduce = np.add.reduce
_ones = {np.dtype(t): np.ones(_DOT, t) for t in (np.float32, np.float64)}


def dense(array: Array) -> Array:
    """``array`` itself where it is row-major, else a row-major copy (0-d stays 0-d)."""
    return array if array.flags.c_contiguous else np.array(array, order="C")


# -- reductions


def _sum_along(x: Array, dim: int, target: np.dtype[Any]) -> Array:
    """Sum over one dimension, kept with size 1.

    NumPy adds pairwise along the innermost dimension only; along another it adds row after row, and the
    rounding error would grow with their number.  So rows i, i+m, i+2m, ... are added first, then their sums.
    """
    while dim != x.ndim - 1 and x.shape[dim] > _RUN:
        size = x.shape[dim]
        step = -(-size // _RUN)
        whole = size // step * step
        before = (slice(None),) * dim
        runs = x[(*before, slice(0, whole))].reshape(*x.shape[:dim], whole // step, step, *x.shape[dim + 1 :])
        parts = np.add.reduce(runs, axis=dim, dtype=target)
        if whole < size:
            parts[(*before, slice(0, size - whole))] += x[(*before, slice(whole, size))]
        x = parts
    return np.add.reduce(x, axis=dim, dtype=target, keepdims=True, out=...)


def sum_floats(x: Array, dims: Dims, keepdim: bool, target: np.dtype[Any]) -> Array:
    """Sum in ``target`` whose error does not grow with the number of terms, whatever the dimensions."""
    if (
        x.size <= _SMALL
        or (len(dims) == 1 and x.shape[dims[0]] <= _RUN)
        or (len(dims) == x.ndim and x.flags.c_contiguous)  # one dimension to NumPy
    ):
        return np.add.reduce(x, axis=dims, dtype=target, keepdims=keepdim, out=...)
    kept = [1 if d in dims else size for d, size in enumerate(x.shape) if keepdim or d not in dims]
    if x.flags.c_contiguous:  # adjacent dimensions are one
        while len(dims) > 1 and dims[-1] == dims[-2] + 1:
            last = dims[-2]
            x = x.reshape(*x.shape[:last], -1, *x.shape[last + 2 :])
            dims = dims[:-1]
    for dim in reversed(dims):
        x = _sum_along(x, dim, target)
    return x.reshape(kept)


@kernel("sum")
def sum_(x: Array, dims: Dims, keepdim: bool, target: dtype) -> Array:
    """Sum over ``dims``, accumulated in ``target``, a half type in float32."""
    if x.size <= _DOT and len(dims) == x.ndim and not keepdim and x.dtype is target.numpy and x.flags.c_contiguous:
        ones = _ones.get(x.dtype)
        if ones is not None:  # a product of vectors has a third of a reduction's overhead, and many partial sums
            result = np.empty((), x.dtype)
            local.run((x if x.ndim == 1 else x.reshape(-1)).dot, ones[: x.size], result)
            return result
    if (
        x.dtype is target.numpy
        and x.itemsize != 2
        and (x.size <= _SMALL or (len(dims) == x.ndim and x.flags.c_contiguous))
    ):  # the commonest case by far, and one step
        return dense(local.run(_add_reduce, x, dims, x.dtype, keepdims=keepdim, out=...))
    return _sum(x, dims, keepdim, target)


@quiet
def _sum(x: Array, dims: Dims, keepdim: bool, target: dtype) -> Array:
    if target.category < 2:
        return dense(np.add.reduce(wide(x), axis=dims, dtype=target.numpy, keepdims=keepdim, out=...))
    if target.is_half:
        return store(sum_floats(wide(x), dims, keepdim, np.dtype(np.float32)), target.numpy, None)
    return dense(sum_floats(wide(x), dims, keepdim, target.numpy))


def sum_rows(rows: Array) -> Array:
    """Of [n, k] over n: few rows as a product."""
    count = rows.shape[0]
    if count <= _RUN:
        ones = _ones.get(rows.dtype)
        if ones is not None:
            return local.run(ones[:count].dot, rows)
        return local.run(_add_reduce, rows, 0, rows.dtype)
    return _long_sum(rows, (0,), False, rows.dtype)


_long_sum = quiet(sum_floats)


def sum_last(x: Array) -> Any:
    """Over the last dimension, of dense float32 or float64; within quiet functions."""
    count = x.shape[-1]
    return x.dot(_ones[x.dtype][:count]) if count <= _RUN else np.add.reduce(x, axis=-1)


@kernel("mean", dtypes=INEXACT)
@quiet
def mean(x: Array, dims: Dims, keepdim: bool, target: dtype) -> Array:
    """Mean over ``dims`` in ``target``, accumulated as :func:`sum_` does; nan where there is nothing."""
    accumulator = np.dtype(np.float32) if target.is_half else target.numpy
    total = dense(sum_floats(wide(x), dims, keepdim, accumulator))
    np.divide(total, math.prod([x.shape[d] for d in dims]), out=total)
    return total.astype(target.numpy) if target.is_half else total


@kernel("prod")
@quiet
def prod(x: Array, dims: Dims, keepdim: bool, target: dtype) -> Array:
    """Product over ``dims``, accumulated in ``target``."""
    accumulator = np.dtype(np.float32) if target.is_half else target.numpy
    result = np.multiply.reduce(wide(x), axis=dims, dtype=accumulator, keepdims=keepdim, out=...)
    return store(result, target.numpy, None)


def _extremum(ufunc: np.ufunc) -> Callable[..., Array]:
    @quiet
    def run(x: Array, dims: Dims, keepdim: bool) -> Array:
        if is_half(x.dtype):
            return store(ufunc.reduce(wide(x), axis=dims, keepdims=keepdim), x.dtype, None)
        return dense(ufunc.reduce(x, axis=dims, keepdims=keepdim, out=...))

    return run


amax = kernel("amax", dtypes=REAL)(_extremum(np.maximum))
amin = kernel("amin", dtypes=REAL)(_extremum(np.minimum))


def _position(function: Callable[..., Any]) -> Callable[..., Array]:
    @quiet
    def run(x: Array, dim: int, keepdim: bool) -> Array:
        if x.ndim == 0:
            return np.zeros((), np.int64)
        found = np.asarray(function(wide(x), axis=dim, keepdims=keepdim))
        return dense(found.astype(np.int64, copy=False))

    return run


argmax = kernel("argmax", dtypes=REAL)(_position(np.argmax))
argmin = kernel("argmin", dtypes=REAL)(_position(np.argmin))


# -- scans

# A running sum in float32 of ten million times 0.1 ends at 1,087,937: scans accumulate one size wider.
_WIDER: dict[str, np.dtype[Any]] = {"f": np.dtype(np.float64), "V": np.dtype(np.float32), "c": np.dtype(np.complex128)}


def _scan(ufunc: np.ufunc) -> Callable[..., Array]:
    @quiet
    def run(x: Array, dim: int, target: dtype) -> Array:
        accumulator = _WIDER.get(target.numpy.kind, target.numpy)
        x = wide(x)
        if x.ndim == 0:
            return store(x, target.numpy, None) if x.dtype != target.numpy else x.copy()
        return store(ufunc.accumulate(x, axis=dim, dtype=accumulator), target.numpy, None)

    return run


cumsum = kernel("cumsum")(_scan(np.add))
cumprod = kernel("cumprod")(_scan(np.multiply))


def _scan_position(ufunc: np.ufunc) -> Callable[..., tuple[Array, Array]]:
    @quiet
    def run(x: Array, dim: int) -> tuple[Array, Array]:
        if x.ndim == 0:
            return x.copy(), np.zeros((), np.int64)
        keys = wide(x)
        moving = [1] * x.ndim
        moving[dim] = -1
        positions = np.arange(x.shape[dim]).reshape(moving)
        # An element takes over where it equals the best so far, or is nan (nan != nan).
        takes_over = (keys == ufunc.accumulate(keys, axis=dim)) | (keys != keys)
        indices = np.maximum.accumulate(np.where(takes_over, positions, 0), axis=dim)
        return dense(np.take_along_axis(x, indices, dim)), dense(indices)

    return run


cummax = kernel("cummax", dtypes=REAL)(_scan_position(np.maximum))
cummin = kernel("cummin", dtypes=REAL)(_scan_position(np.minimum))


# -- sort


@kernel("sort", dtypes=REAL)
@quiet
def sort(x: Array, dim: int, descending: bool) -> tuple[Array, Array]:
    """Stable sort, nan largest; returns values and int64 indices."""
    if x.ndim == 0:
        return x.copy(), np.zeros((), np.int64)
    keys = wide(x)
    if not descending:
        indices = np.argsort(keys, axis=dim, kind="stable")
    else:  # equal elements keep their order: sort the mirror image, and mirror back
        mirrored = np.argsort(np.flip(keys, dim), axis=dim, kind="stable")
        indices = x.shape[dim] - 1 - np.flip(mirrored, dim)
    return dense(np.take_along_axis(x, indices, dim)), dense(indices)
