"""Harder faults in kernels: on one size, one rank, one dtype, one corner only."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np

from corelib.backend.base import Backend

from .listed import ANY, _wrapping, give, is_array
from .planting import kernel, mutant, reread

Array = Any


def _int(x: Any, d: str | None = None) -> bool:
    return is_array(x) and x.dtype.kind in "iu" and (d is None or x.dtype == d)


# -- elementwise ---------------------------------------------------------------------------------------------------


@kernel("add", "one element is wrong, and only beyond 1,024 of them", out=False)
def _beyond(right: Any, a: Any, b: Any) -> Array:
    result = right(a, b)
    if result.size > 1024 and result.dtype.kind == "f":
        flat = result.reshape(-1)
        flat[1024] = flat[1023]
    return result


@kernel("mul", "wrong from rank 5 on only: the last two dimensions change places", out=False)
def _rank(right: Any, a: Any, b: Any) -> Array:
    result = right(a, b)
    if result.ndim >= 5 and result.shape[-1] == result.shape[-2]:
        return np.ascontiguousarray(np.swapaxes(result, -1, -2))
    return result


@kernel("sub", "a number in the first place is taken for the second", out=False)
def _swapped(right: Any, a: Any, b: Any) -> Array:
    return right(a, b) if is_array(a) else right(b, a)


@kernel("div", "a quotient is a product with the reciprocal", out=False)
def _reciprocal(right: Any, a: Any, b: Any) -> Array:
    if not is_array(b) or b.dtype != np.float32:
        return right(a, b)
    with np.errstate(all="ignore"):
        product = np.asarray(a, np.float32) * (np.float32(1) / b)
        return np.where(np.isfinite(product), product, right(a, b)).astype(np.float32)


@kernel("exp", "results below the normal numbers are 0", out=False)
def _flushed(right: Any, x: Array) -> Array:
    result = right(x)
    if result.dtype == np.float32:
        result[np.abs(result) < np.finfo(np.float32).tiny] = 0
    return result


@kernel("mul", "subnormal operands count as 0", out=False)
def _subnormal(right: Any, a: Any, b: Any) -> Array:
    def flush(x: Any) -> Any:
        if not is_array(x) or x.dtype != np.float32:
            return x
        return np.where(np.abs(x) < np.finfo(np.float32).tiny, np.copysign(np.float32(0), x), x)

    return right(flush(a), flush(b))


@kernel("where", "the choice is a sum of products, so that a nan not chosen shows", out=False)
def _masked(right: Any, condition: Array, a: Any, b: Any) -> Array:
    result = right(condition, a, b)
    if result.dtype.kind != "f":
        return result
    with np.errstate(all="ignore"):
        return np.asarray(condition * a + ~condition * b, result.dtype)


@kernel("abs", "the smallest integer becomes the largest", out=False)
def _saturated(right: Any, x: Array) -> Array:
    result = right(x)
    if x.dtype.kind == "i":
        result = np.where(x == np.iinfo(x.dtype).min, np.iinfo(x.dtype).max, result).astype(x.dtype)
    return result


@kernel("trunc_divide", "integer division rounds down", out=False)
def _floored(right: Any, a: Any, b: Any) -> Array:
    right(a, b)
    with np.errstate(all="ignore"):
        return np.asarray(np.floor_divide(a, b), (a if is_array(a) else b).dtype)


@kernel("trunc_divide", "the smallest integer by -1 is the largest", out=False)
def _overflow(right: Any, a: Any, b: Any) -> Array:
    result = right(a, b)
    if result.dtype.kind != "i":
        return result
    limit = np.iinfo(result.dtype)
    return np.where((np.asarray(a) == limit.min) & (np.asarray(b) == -1), limit.max, result).astype(result.dtype)


@kernel("trunc_divide", "int64 is divided in float64", out=False)
def _in_floats(right: Any, a: Any, b: Any) -> Array:
    result = right(a, b)
    if result.dtype != np.int64:
        return result
    quotient = np.trunc(np.asarray(a, np.float64) / np.asarray(b, np.float64))
    fits = np.abs(quotient) < 2.0**62
    return np.where(fits, np.where(fits, quotient, 0).astype(np.int64), result)


@kernel("fmod", "the remainder has the divisor's sign", out=False)
def _remainder(right: Any, a: Any, b: Any) -> Array:
    right(a, b)
    with np.errstate(all="ignore"):
        return (
            np.asarray(np.remainder(a, b), (a if is_array(a) else b).dtype)
            if right(a, b).dtype.kind != "V"
            else right(a, b)
        )


@kernel("fmod", "x - y·trunc(x/y) in the operands' precision", out=False)
def _cancelled(right: Any, a: Any, b: Any) -> Array:
    result = right(a, b)
    if result.dtype != np.float32 or not is_array(a) or not is_array(b):
        return result
    with np.errstate(all="ignore"):
        found = (a - b * np.trunc(a / b)).astype(np.float32)
    return np.where(np.isfinite(found) & np.isfinite(a) & np.isfinite(b), np.copysign(found, a), result).astype(
        np.float32
    )


@kernel("pow", "pow by exp and log", out=False)
def _by_log(right: Any, a: Any, b: Any) -> Array:
    result = right(a, b)
    if result.dtype != np.float32 or not is_array(a) or not is_array(b):
        return result
    with np.errstate(all="ignore"):
        found = np.exp(b * np.log(np.abs(a))).astype(np.float32)
    return np.where(a > 0, found, result)


@kernel("pow", "pow(1, nan) is nan", out=False)
def _one_nan(right: Any, a: Any, b: Any) -> Array:
    result = right(a, b)
    return result if result.dtype.kind != "f" else np.where(np.not_equal(b, b), np.nan, result).astype(result.dtype)


@kernel("bitwise_left_shift", "the amount is taken modulo the width", out=False)
def _wrapped_amount(right: Any, a: Any, b: Any) -> Array:
    d = (a if is_array(a) else b).dtype
    return right(a, np.asarray(np.asarray(b) & (8 * d.itemsize - 1), d))


@kernel("lt", "uint8 is compared as signed", out=False)
def _signed(right: Any, a: Any, b: Any) -> Array:
    d = (a if is_array(a) else b).dtype
    if d != np.uint8:
        return right(a, b)
    return np.asarray(np.asarray(a, np.uint8).view(np.int8) < np.asarray(b, np.uint8).view(np.int8))


@kernel("eq", "int64 is compared in float64", out=False)
def _equal_floats(right: Any, a: Any, b: Any) -> Array:
    d = (a if is_array(a) else b).dtype
    return right(a, b) if d != np.int64 else np.asarray(np.asarray(a, np.float64) == np.asarray(b, np.float64))


@kernel("mul", "int64 products are made in float64", out=False)
def _product_floats(right: Any, a: Any, b: Any) -> Array:
    result = right(a, b)
    if result.dtype != np.int64:
        return result
    product = np.asarray(a, np.float64) * np.asarray(b, np.float64)
    fits = np.abs(product) < 2.0**62
    return np.where(fits, np.where(fits, product, 0).astype(np.int64), result)


@kernel("add", "int8 saturates", out=False)
def _int8(right: Any, a: Any, b: Any) -> Array:
    result = right(a, b)
    if result.dtype != np.int8:
        return result
    return np.clip(np.asarray(a, np.int16) + np.asarray(b, np.int16), -128, 127).astype(np.int8)


@kernel("add", "a tensor added to itself is itself", out=False)
def _itself(right: Any, a: Any, b: Any) -> Array:
    return np.array(a, order="C") if a is b else right(a, b)


@kernel("add", "in place, an operand with a transpose of the other is read while written", out=True)
def _in_place(right: Any, a: Any, b: Any, out: Any = None) -> Array:
    if out is None or out is ANY:
        return right(a, b)
    if is_array(a) and is_array(b) and out.ndim == 2 and not out.flags.c_contiguous:
        out[...] = a
        return right(out, b, out=out) if not np.shares_memory(out, b) else right(out, out, out=out)
    return right(a, b, out=out)


@kernel("round", "halves go away from zero", out=False)
def _half_up(right: Any, x: Array) -> Array:
    if x.dtype.kind != "f":
        return right(x)
    whole = np.trunc(x)
    return np.where(np.abs(x - whole) == 0.5, whole + np.sign(x), right(x)).astype(x.dtype)


@kernel("floor", "floor of what lies in (-1, 0) is -0", out=False)
def _toward_zero(right: Any, x: Array) -> Array:
    result = right(x)
    return np.where((x > -1) & (x < 0), -0.0, result).astype(result.dtype) if x.dtype.kind == "f" else result


@kernel("sin", "the argument is reduced with too few digits", out=False)
def _reduced(right: Any, x: Array) -> Array:
    if x.dtype != np.float32:
        return right(x)
    with np.errstate(all="ignore"):
        turns = np.rint(x / np.float32(2 * np.pi))
        return right(np.where(np.abs(x) > 100, x - turns * np.float32(2 * np.pi), x).astype(np.float32))


@kernel("tanh", "by exp(2x), which cancels near 0", out=False)
def _cancelling(right: Any, x: Array) -> Array:
    if x.dtype != np.float32:
        return right(x)
    with np.errstate(all="ignore"):
        e = np.exp(2 * x)
        return np.where(np.abs(x) < 8, (e - 1) / (e + 1), right(x)).astype(np.float32)


@kernel("log1p", "log(1 + x)", out=False)
def _plus_one(right: Any, x: Array) -> Array:
    if x.dtype != np.float64:
        return right(x)
    with np.errstate(all="ignore"):
        return np.log(1 + x)


@kernel("atan2", "the quadrant of (-0, -1) is lost", out=False)
def _quadrant(right: Any, a: Any, b: Any) -> Array:
    return right(np.asarray(a) + 0.0 if is_array(a) and a.dtype.kind == "f" else a, b)


@kernel("sqrt", "4 units off in float64, which float32's bound would allow", out=False)
def _near(right: Any, x: Array) -> Array:
    result = right(x)
    return result * (1 + 2.0**-52) if result.dtype == np.float64 else result


@kernel("exp", "float16 is computed in float16's own precision", out=False)
def _in_half(right: Any, x: Array) -> Array:
    if x.dtype != np.float16:
        return right(x)
    with np.errstate(all="ignore"):
        half = (x.astype(np.float32) * np.float32(0.5)).astype(np.float16)
        return (right(half) * right(half)).astype(np.float16)


@kernel("neg", "only an offset of an odd number of elements is read wrongly", out=False)
def _odd(right: Any, x: Array) -> Array:
    if x.ndim and x.size > 1 and x.dtype.kind in "fi" and x.__array_interface__["data"][0] // x.itemsize % 2:
        result = right(x)
        flat = result.reshape(-1)
        flat[-1] = flat[0]
        return result
    return right(x)


@kernel("abs", "only in a transposed operand with more rows than columns: the last row is lost", out=False)
def _last_row(right: Any, x: Array) -> Array:
    result = right(x)
    if x.ndim == 2 and x.flags.f_contiguous and not x.flags.c_contiguous and x.shape[0] > x.shape[1]:
        result[-1] = result[0]
    return result


@mutant("two threads share a scratch buffer", "threads")
def _scratch(backend: Backend) -> None:
    shared: dict[Any, Array] = {}

    @_wrapping(backend, "add")
    def wrong(right: Any, a: Any, b: Any) -> Array:
        result = right(a, b)
        if result.size < 100:
            return result
        buffer = shared.setdefault((result.shape, result.dtype), np.empty_like(result))
        buffer[...] = result
        if threading.active_count() > 4:
            time.sleep(0.0005)
        return buffer.copy()


@mutant("a result is kept and given again for operands of the same shape", "sub")
def _remembered(backend: Backend) -> None:
    calls: dict[Any, list[Any]] = {}

    @_wrapping(backend, "sub")
    def wrong(right: Any, a: Any, b: Any) -> Array:
        result = right(a, b)
        held = calls.setdefault((result.shape, result.dtype), [0, result])
        held[0] += 1
        if held[0] % 5 == 0 and result.size > 100:
            return held[1].copy()
        held[1] = result.copy()
        return result


# -- reductions and scans ------------------------------------------------------------------------------------------


@kernel("sum", "the sum of bools is a bool", out=False)
def _bools(right: Any, x: Array, dims: Any, keepdim: bool, target: Any) -> Array:
    result = right(x, dims, keepdim, target)
    return np.minimum(result, 1) if x.dtype == bool and target.category == 1 else result


@kernel("sum", "uint8 wraps before it is added", out=False)
def _wraps(right: Any, x: Array, dims: Any, keepdim: bool, target: Any) -> Array:
    result = right(x, dims, keepdim, target)
    return result % 256 if x.dtype == np.uint8 and target.name == "int64" else result


@kernel("sum", "of several dimensions that are not neighbours the first is left out where rank is 4", out=False)
def _apart(right: Any, x: Array, dims: Any, keepdim: bool, target: Any) -> Array:
    if x.ndim == 4 and len(dims) == 2 and dims[1] - dims[0] > 1 and x.shape[dims[0]] > 1:
        x = x[tuple(slice(1, None) if d == dims[0] else slice(None) for d in range(4))]
    return right(x, dims, keepdim, target)


@kernel("sum", "operands are rounded to TF32's 11 bits", out=False)
def _few_bits(right: Any, x: Array, dims: Any, keepdim: bool, target: Any) -> Array:
    if x.dtype == np.float32:
        cut = np.ascontiguousarray(x).view(np.uint32) & np.uint32(0xFFFFE000)
        x = cut.view(np.float32).reshape(x.shape)
    return right(x, dims, keepdim, target)


@kernel("prod", "a product of float32 goes through float16", out=False)
def _narrow(right: Any, x: Array, dims: Any, keepdim: bool, target: Any) -> Array:
    result = right(x, dims, keepdim, target)
    with np.errstate(all="ignore"):
        return result.astype(np.float16).astype(np.float32) if result.dtype == np.float32 and x.ndim > 1 else result


@kernel("amax", "begins with the least finite number, so that nothing but -inf is not -inf", out=False)
def _least(right: Any, x: Array, dims: Any, keepdim: bool) -> Array:
    result = right(x, dims, keepdim)
    return np.maximum(result, np.finfo(result.dtype).min) if result.dtype.kind == "f" else result


@kernel("amin", "a nan in the last place is not seen", out=False)
def _unseen(right: Any, x: Array, dims: Any, keepdim: bool) -> Array:
    if x.dtype.kind == "f" and dims == (x.ndim - 1,) and x.shape[-1] > 1:
        x = np.concatenate([x[..., :-1], np.where(np.isnan(x[..., -1:]), x[..., :1], x[..., -1:])], -1)
    return right(x, dims, keepdim)


@kernel("amax", "uint8 begins at -1, as signed", out=False)
def _unsigned(right: Any, x: Array, dims: Any, keepdim: bool) -> Array:
    return right(x.view(np.int8), dims, keepdim).view(np.uint8) if x.dtype == np.uint8 else right(x, dims, keepdim)


@kernel("amin", "bools are or-ed, not and-ed", out=False)
def _any_all(right: Any, x: Array, dims: Any, keepdim: bool) -> Array:
    return np.array(np.any(x, axis=dims, keepdims=keepdim)) if x.dtype == bool and x.ndim else right(x, dims, keepdim)


@kernel("argmin", "nan is passed over", out=False)
def _passed(right: Any, x: Array, dim: int, keepdim: bool) -> Array:
    return right(np.where(np.isnan(x), np.inf, x), dim, keepdim) if x.dtype.kind == "f" else right(x, dim, keepdim)


@kernel("argmax", "along the last dimension of a rank 3 that is not dense, memory's order counts", out=False)
def _memory_order(right: Any, x: Array, dim: int, keepdim: bool) -> Array:
    if x.ndim == 3 and dim == 2 and not x.flags.c_contiguous and min(x.strides) > 0:
        dense = [int(np.prod(x.shape[d + 1 :])) for d in range(3)]
        return right(reread(x, dense), dim, keepdim)
    return right(x, dim, keepdim)


@kernel("argmax", "blocks of 1,024 are joined so that a later equal one wins", out=False)
def _block_ties(right: Any, x: Array, dim: int, keepdim: bool) -> Array:
    result = right(x, dim, keepdim)
    if x.ndim == 1 and x.size > 1024 and x.dtype.kind == "f" and not np.isnan(x).any():
        late = 1024 + int(np.argmax(x[1024:]))
        if x[late] == x[int(result.reshape(-1)[0])]:
            return np.full_like(result, late)
    return result


@kernel("cumsum", "a running sum of float16 is kept in float16", out=False)
def _half_scan(right: Any, x: Array, dim: int, target: Any) -> Array:
    if target.name != "float16" or not x.ndim:
        return right(x, dim, target)
    result = np.moveaxis(x.astype(np.float16).copy(), dim, 0)
    for i in range(1, len(result)):
        result[i] = result[i - 1] + result[i]
    return np.ascontiguousarray(np.moveaxis(result, 0, dim))


@kernel("cumprod", "by quotients: after a zero all is nan", out=False)
def _quotients(right: Any, x: Array, dim: int, target: Any) -> Array:
    result = right(x, dim, target)
    if result.dtype.kind != "f" or not x.ndim:
        return result
    zero = np.cumsum(x == 0, axis=dim)
    return np.where(zero > 1, np.nan, result).astype(result.dtype)


@kernel("cumprod", "a zero ends the scan: what follows is 1 again", out=False)
def _restarted(right: Any, x: Array, dim: int, target: Any) -> Array:
    if not x.ndim or x.dtype != np.int64:
        return right(x, dim, target)
    return right(np.where(x == 0, 1, x), dim, target)


@kernel("cummax", "of ties the first is named", out=False)
def _first_tie(right: Any, x: Array, dim: int) -> Any:
    values, places = right(x, dim)
    if x.ndim != 1 or not x.size or x.dtype.kind == "f":
        return values, places
    return values, np.array([int(np.argmax(x == v)) for v in values])


@kernel("cummin", "an earlier nan is forgotten", out=False)
def _forgotten(right: Any, x: Array, dim: int) -> Any:
    values, places = right(x, dim)
    if x.dtype.kind != "f" or not x.ndim:
        return values, places
    return np.where(np.isnan(x), x, np.fmin.accumulate(x, axis=dim)).astype(x.dtype), places


# -- indexing, sorting, products -----------------------------------------------------------------------------------


@kernel("gather", "a negative index counts from the end", out=False)
def _from_the_end(right: Any, x: Array, index: Array, dim: int) -> Array:
    size = x.shape[dim] if x.ndim else 1
    return right(x, np.where((index < 0) & (index >= -size), index + size, index), dim)


@kernel("gather", "an index smaller than the operand in another dimension is taken for as large", out=False)
def _as_large(right: Any, x: Array, index: Array, dim: int) -> Array:
    result = right(x, index, dim)
    if x.ndim == 2 and dim == 1 and 0 < index.shape[0] < x.shape[0] and index.size:
        return right(x[-index.shape[0] :], index, dim)
    return result


@kernel("gather", "indices are read as 32 bits, so that 2^32 is 0", out=False)
def _short_index(right: Any, x: Array, index: Array, dim: int) -> Array:
    return right(x, index.astype(np.int32).astype(np.int64), dim)


@kernel("scatter", "a source larger than the index is read as if it were dense in the index's shape", out=False)
def _dense_source(right: Any, x: Array, index: Array, src: Any, dim: int) -> Array:
    if is_array(src) and src.ndim == 2 and src.shape != index.shape and index.size:
        src = np.ascontiguousarray(src).reshape(-1)[: index.size].reshape(index.shape)
    return right(x, index, src, dim)


@kernel("scatter", "nothing to write gives the operand itself", out=False)
def _nothing(right: Any, x: Array, index: Array, src: Any, dim: int) -> Array:
    return x if not index.size and x.flags.c_contiguous else right(x, index, src, dim)


@kernel("scatter", "what comes before a bad index is written, in place", out=False)
def _half_written(right: Any, x: Array, index: Array, src: Any, dim: int) -> Array:
    if x.ndim == 1 and index.size and ((index < 0) | (index >= x.size)).any():
        x[0] = x.dtype.type(0) if x[0] != 0 else x.dtype.type(1)
    return right(x, index, src, dim)


@kernel("scatter_add", "bools are xor-ed", out=False)
def _xor(right: Any, x: Array, index: Array, src: Any, dim: int) -> Array:
    result = right(x, index, src, dim)
    if x.dtype != bool or not x.ndim:
        return result
    number = right(x.astype(np.int64), index, src.astype(np.int64) if is_array(src) else int(src), dim)
    return number % 2 == 1


@kernel("scatter_add", "beyond 512 repetitions of one index the rest is dropped", out=False)
def _many(right: Any, x: Array, index: Array, src: Any, dim: int) -> Array:
    if index.ndim == 1 and index.size > 512 and is_array(src):
        src = src[: index.size].copy()
        for target in np.unique(index):
            src[np.flatnonzero(index == target)[512:]] = 0
    return right(x, index, src, dim)


@kernel("sort", "descending is ascending turned around, ties too", out=False)
def _turned(right: Any, x: Array, dim: int, descending: bool) -> Any:
    values, places = right(x, dim, False)
    if not descending or not x.ndim:
        return values, places
    return np.flip(values, dim).copy(), np.flip(places, dim).copy()


@kernel("sort", "nan is less than -inf", out=False)
def _nan_first(right: Any, x: Array, dim: int, descending: bool) -> Any:
    values, places = right(x, dim, descending)
    if x.dtype.kind != "f" or not x.ndim or not np.isnan(x).any():
        return values, places
    order = np.argsort(~np.isnan(values) if not descending else np.isnan(values), dim, kind="stable")
    return np.take_along_axis(values, order, dim), np.take_along_axis(places, order, dim)


@kernel("sort", "int64 keys are compared in float64", out=False)
def _float_keys(right: Any, x: Array, dim: int, descending: bool) -> Any:
    if x.dtype != np.int64 or not x.ndim:
        return right(x, dim, descending)
    places = right(x.astype(np.float64), dim, descending)[1]
    return np.take_along_axis(x, places, dim), places


@kernel("matmul", "a batch of stride 0 is read as dense", out=False)
def _batch_zero(right: Any, a: Array, b: Array) -> Array:
    def seen(x: Array) -> Array:
        if x.ndim < 3 or x.strides[0] != 0 or x.shape[0] < 2:
            return x
        return reread(x, [int(np.prod(x.shape[d + 1 :])) for d in range(x.ndim)])

    return right(seen(a), seen(b))


@kernel("matmul", "a transposed second operand is forgotten where it is square", out=False)
def _untransposed(right: Any, a: Array, b: Array) -> Array:
    square = b.ndim == 2 and b.shape[0] == b.shape[1] > 1
    return right(a, b.T if square and b.flags.f_contiguous and not b.flags.c_contiguous else b)


@kernel("matmul", "TF32 where k is 64 or more", out=False)
def _tf32(right: Any, a: Array, b: Array) -> Array:
    if a.dtype != np.float32 or a.shape[-1] < 64:
        return right(a, b)

    def cut(x: Array) -> Array:
        return ((np.ascontiguousarray(x).view(np.uint32) + 0x1000) & np.uint32(0xFFFFE000)).view(np.float32)

    return right(cut(a), cut(b))


@kernel("matmul", "the last row is lost where m is one more than a multiple of 32", out=False)
def _edge(right: Any, a: Array, b: Array) -> Array:
    result = right(a, b)
    if a.shape[-2] > 32 and a.shape[-2] % 32 == 1:
        result[..., -1, :] = 0
    return result


@kernel("matmul", "int32 products are made in float32", out=False)
def _whole(right: Any, a: Array, b: Array) -> Array:
    if a.dtype != np.int64:
        return right(a, b)
    return right(a.astype(np.float32), b.astype(np.float32)).astype(np.int64) + right(a, b) // 2**20


@kernel("random_bits", "the carry of the block number at 2^32 is lost", out=False)
def _no_carry(right: Any, seed: int, offset: int, layout: Any) -> Array:
    words = right(seed, offset, layout)
    low = offset & 0xFFFFFFFF
    over = max((2**32 - low) * 4, 0)
    if over < words.size:
        wrapped = right(seed, offset - low, layout).reshape(-1)
        words.reshape(-1)[over:] = wrapped[: words.size - over]
    return words


@kernel("random_bits", "the seed's high word is not used", out=False)
def _short_seed(right: Any, seed: int, offset: int, layout: Any) -> Array:
    return right(seed & 0xFFFFFFFF, offset, layout)


@kernel("random_bits", "an offset above 2^53 is rounded", out=False)
def _rounded_offset(right: Any, seed: int, offset: int, layout: Any) -> Array:
    return right(seed, int(float(offset)) if offset < 2**63 else offset, layout)


_ = give
