"""relu, sigmoid, rsqrt, reciprocal and the softmax family, with as few passes over memory as NumPy allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from corelib.backend.array_module import FLOATS, REAL
from corelib.backend.base import kernel

from .context import local, quiet
from .elementwise import Array, is_half, store, wide
from .reduction import Dims, dense, sum_floats

_TILE = 1 << 16  # elements that pass through all steps of a softmax while they are in cache


@kernel("relu", dtypes=REAL, out=True)
def relu(x: Array, out: Any = ...) -> Array:
    """The larger of x and 0; nan stays nan."""
    zero = _zeros.get(x.dtype)
    return local.run(np.maximum, x, _zero(x.dtype) if zero is None else zero, out=out, order="C")


_BITS = {size: np.dtype(f"i{size}") for size in (2, 4, 8)}


@kernel("relu_grad", dtypes=FLOATS)
def relu_grad(grad: Array, output: Array) -> Array:
    """grad where output is not zero, else 0 (not their product: a gradient may be infinite).

    As integers times 0 or 1, since ``np.where`` branches at every element, and mispredicts half of them.
    """
    bits = _BITS[grad.itemsize]
    mask: Array = local.run(np.not_equal, output, _zero(output.dtype), out=..., order="C").astype(bits)
    np.multiply(grad.view(bits), mask, mask)
    return mask.view(grad.dtype)


_zeros: dict[np.dtype[Any], Array] = {}


def _zero(dtype: np.dtype[Any]) -> Array:
    """A 0-d array: a ufunc takes it faster than the Python number 0."""
    zero = _zeros.get(dtype)
    if zero is None:
        zero = _zeros[dtype] = np.zeros((), dtype)
    return zero


def _pointwise(compute: Callable[[Array], Array]) -> Callable[..., Array]:
    """From a function that turns a fresh dense floating array into its result, in place or not."""

    @quiet
    def run(x: Array, out: Any = ...) -> Array:
        fresh = np.array(x, dtype=np.float32 if is_half(x.dtype) else None, order="C")
        result = compute(fresh)
        return result if out is ... and result.dtype == x.dtype else store(result, x.dtype, out)

    return run


def _sigmoid(x: Array) -> Array:
    np.negative(x, out=x)
    np.exp(x, out=x)
    np.add(x, 1, out=x)
    return np.reciprocal(x, out=x)


def _rsqrt(x: Array) -> Array:
    np.sqrt(x, out=x)
    return np.reciprocal(x, out=x)


sigmoid = kernel("sigmoid", dtypes=FLOATS, out=True)(_pointwise(_sigmoid))
rsqrt = kernel("rsqrt", dtypes=FLOATS, out=True)(_pointwise(_rsqrt))
reciprocal = kernel("reciprocal", dtypes=FLOATS, out=True)(_pointwise(lambda x: np.reciprocal(x, out=x)))


# -- softmax


def _tiles(x: Array, dim: int) -> Iterator[Any]:
    """Indices that cut ``x`` along its first dimension into parts of about ``_TILE`` elements."""
    rows = x.shape[0]
    if dim == 0 or rows < 2 or x.size <= _TILE:
        yield slice(None)
        return
    step = max(1, _TILE * rows // x.size)
    for start in range(0, rows, step):
        yield slice(start, start + step)


def _softmax(x: Array, out: Array, dim: int) -> None:
    np.subtract(x, np.maximum.reduce(x, axis=dim, keepdims=True), out=out)
    np.exp(out, out=out)
    np.divide(out, np.add.reduce(out, axis=dim, keepdims=True), out=out)


def _log_softmax(x: Array, out: Array, dim: int) -> None:
    np.subtract(x, np.maximum.reduce(x, axis=dim, keepdims=True), out=out)
    total = np.add.reduce(np.exp(out), axis=dim, keepdims=True)
    np.subtract(out, np.log(total), out=out)


def _along(compute: Callable[[Array, Array, int], None]) -> Callable[[Array, int], Array]:
    @quiet
    def run(x: Array, dim: int, dtype: Any = None) -> Array:  # the frontend has cast x to dtype already
        if x.ndim == 0:
            return run_dense(x.reshape(1), 0).reshape(())
        return run_dense(x, dim)

    def run_dense(x: Array, dim: int) -> Array:
        source = wide(x)
        result = np.empty(x.shape, source.dtype)
        if x.size:
            for tile in _tiles(x, dim):
                compute(source[tile], result[tile], dim)
        return result if result.dtype == x.dtype else result.astype(x.dtype)

    return run


softmax = kernel("softmax", dtypes=FLOATS)(_along(_softmax))
log_softmax = kernel("log_softmax", dtypes=FLOATS)(_along(_log_softmax))


@kernel("logsumexp", dtypes=FLOATS)
@quiet
def logsumexp(x: Array, dims: Dims, keepdim: bool) -> Array:
    """log(sum(exp(x))) over ``dims``; an infinite maximum is not subtracted, inf - inf being nan."""
    source = wide(x)
    if x.size == 0:
        return np.log(sum_floats(source, dims, keepdim, source.dtype), out=...).astype(x.dtype, copy=False)
    largest = np.maximum.reduce(source, axis=dims, keepdims=True, out=...)
    largest[np.isinf(largest)] = 0
    shifted = np.subtract(source, largest, out=..., order="C")
    total = sum_floats(np.exp(shifted, out=shifted), dims, True, source.dtype)
    result = np.add(np.log(total), largest, out=..., order="C").astype(x.dtype, copy=False)
    return dense(result if keepdim else result.reshape([s for d, s in enumerate(x.shape) if d not in dims]))
