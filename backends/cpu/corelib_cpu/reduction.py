"""Reductions, scans and sort.  The half types accumulate in float32; a nan wins a maximum and sorts last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from corelib.backend.array_module import REAL
from corelib.backend.base import kernel
from corelib.dtypes import dtype

from .context import quiet
from .elementwise import Array, is_half, store, wide

Dims = tuple[int, ...]
_BLOCK = 512  # rows that are added one after the other before their sum joins others


def dense(array: Array) -> Array:
    """``array`` itself where it is row-major, else a row-major copy (0-d stays 0-d)."""
    return array if array.flags.c_contiguous else np.array(array, order="C")


# -- reductions ------------------------------------------------------------------------------------------


def _block_sum(x: Array, dims: Dims, target: np.dtype[Any]) -> Array:
    """Sum over one outer dimension, by blocks.  NumPy sums pairwise only along the fastest dimension; row
    after row, the rounding error would grow with the number of rows and not with its logarithm."""
    (dim,) = dims
    size = x.shape[dim]
    whole = size // _BLOCK * _BLOCK
    head = x[(slice(None),) * dim + (slice(0, whole),)]
    blocks = head.reshape(*x.shape[:dim], whole // _BLOCK, _BLOCK, *x.shape[dim + 1 :])
    parts = np.add.reduce(blocks, axis=dim + 1, dtype=target)
    tail = np.add.reduce(x[(slice(None),) * dim + (slice(whole, size),)], axis=dim, dtype=target)
    total = _block_sum(parts, dims, target) if parts.shape[dim] > _BLOCK else np.add.reduce(parts, axis=dim)
    return total + tail


def _sum(x: Array, dims: Dims, keepdim: bool, target: np.dtype[Any]) -> Array:
    if len(dims) == 1 and dims[0] != x.ndim - 1 and x.shape[dims[0]] > 2 * _BLOCK and target.kind in "fc":
        total = np.asarray(_block_sum(x, dims, target))
        return np.expand_dims(total, dims) if keepdim else total
    return np.add.reduce(x, axis=dims, dtype=target, keepdims=keepdim, out=...)


@kernel("sum")
@quiet
def sum_(x: Array, dims: Dims, keepdim: bool, target: dtype) -> Array:
    """Sum over ``dims``, accumulated in ``target``."""
    if target.is_half:
        return store(_sum(x, dims, keepdim, np.dtype(np.float32)), target.numpy, None)
    return dense(_sum(wide(x), dims, keepdim, target.numpy))


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


# -- scans -----------------------------------------------------------------------------------------------

# A running sum in float32 of ten million times 0.1 ends at 1,087,937: scans accumulate one size wider.
_WIDER = {"f": np.dtype(np.float64), "V": np.dtype(np.float32), "c": np.dtype(np.complex128)}


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


# -- sort ------------------------------------------------------------------------------------------------


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
