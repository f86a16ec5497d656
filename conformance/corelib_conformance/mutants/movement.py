"""Harder faults in storage, copies and conversions, some of them planted into ``strict``."""

from __future__ import annotations

from typing import Any

import numpy as np

from corelib.backend.base import Backend
from corelib.layout import Layout

from .listed import ANY
from .planting import kernel, method, mutant

Array = Any


@kernel("copy", "the bits of a nan are not kept")
def _canonical(right: Any, x: Array, out: Any = None) -> Array:
    if out is not None:
        return right(x, out=out)
    result = right(x)
    return np.where(np.isnan(result), result.dtype.type(np.nan), result) if result.dtype.kind == "f" else result


@kernel("copy", "into a window of a step of 2 the last element is left out", out=True)
def _last_out(right: Any, x: Array, out: Any = None) -> Array:
    if out is None or out is ANY or not out.ndim or out.strides[-1] != 2 * out.itemsize:
        return right(x) if out is None or out is ANY else right(x, out=out)
    kept = out[..., -1:].copy()
    right(x, out=out)
    out[..., -1:] = kept
    return out


@kernel("copy", "a copy of a square matrix of Fortran order does not transpose")
def _order(right: Any, x: Array, out: Any = None) -> Array:
    if out is None and x.ndim == 2 and x.shape[0] == x.shape[1] and x.flags.f_contiguous and not x.flags.c_contiguous:
        return np.ascontiguousarray(x.T)
    return right(x) if out is None else right(x, out=out)


@kernel("cast", "floats are rounded to integers", out=False)
def _rounded(right: Any, x: Array, target: Any) -> Array:
    return right(np.rint(x), target) if x.dtype.kind == "f" and target.category == 1 else right(x, target)


@kernel("cast", "negative numbers are rounded down", out=False)
def _down(right: Any, x: Array, target: Any) -> Array:
    return (
        right(np.floor(x), target)
        if x.dtype.kind == "f" and target.category == 1 and target.is_signed
        else right(x, target)
    )


@kernel("cast", "integers saturate", out=False)
def _clipped(right: Any, x: Array, target: Any) -> Array:
    if x.dtype.kind in "iu" and target.category == 1 and target.itemsize < x.dtype.itemsize:
        limit = np.iinfo(target.numpy)
        x = np.clip(x, limit.min, limit.max)
    return right(x, target)


@kernel("cast", "to bool by way of an integer: 0.5 is False", out=False)
def _half_false(right: Any, x: Array, target: Any) -> Array:
    if target.category == 0 and x.dtype.kind == "f":
        with np.errstate(all="ignore"):
            x = np.where(np.abs(x) < 1, x.dtype.type(0), x)
    return right(x, target)


@kernel("cast", "subnormal float16 becomes 0", out=False)
def _small(right: Any, x: Array, target: Any) -> Array:
    result = right(x, target)
    if target.name == "float16":
        result = np.where(np.abs(result) < 2.0**-14, result * np.float16(0), result).astype(np.float16)
    return result


@kernel("cast", "int64 becomes float64 by way of float32", out=False)
def _by_way(right: Any, x: Array, target: Any) -> Array:
    return right(x.astype(np.float32), target) if x.dtype == np.int64 and target.name == "float64" else right(x, target)


@kernel("cast", "the largest float16 overflows", out=False)
def _overflows(right: Any, x: Array, target: Any) -> Array:
    result = right(x, target)
    if target.name == "float16" and x.dtype != np.float16:
        with np.errstate(all="ignore"):
            result = np.where(np.abs(result) >= 65504, result * np.float16(2), result).astype(np.float16)
    return result


@kernel("fill", "-0.0 is 0.0", out=False)
def _zero(right: Any, value: Any, layout: Any) -> Array:
    return right(value + 0.0 if isinstance(value, float) else value, layout)


@kernel("fill", "an int64 number goes through float64", out=False)
def _number(right: Any, value: Any, layout: Any) -> Array:
    if type(value) is int and abs(value) > 2**53:
        value = max(min(int(float(value)), 2**63 - 1), -(2**63)) if abs(value) < 2**63 - 1024 else value - (value > 0)
    return right(value, layout)


@kernel("arange", "the step is added over and over", out=False)
def _running(right: Any, start: Any, step: Any, layout: Any) -> Array:
    result = right(start, step, layout)
    if result.dtype == np.float32 and result.size > 1:
        steps = np.full(result.size, step, np.float32)
        steps[0] = start
        return np.add.accumulate(steps, dtype=np.float32).reshape(result.shape)
    return result


@kernel("arange", "int64 is counted in float64", out=False)
def _counted(right: Any, start: Any, step: Any, layout: Any) -> Array:
    result = right(start, step, layout)
    if result.dtype != np.int64 or (result.size and np.abs(result.astype(np.float64)).max() > 2.0**62):
        return result
    return (float(start) + np.arange(result.size) * float(step)).astype(np.int64).reshape(result.shape)


@kernel("copy", "of more than 4,096 elements that are not dense the last row is left out")
def _many_rows(right: Any, x: Array, out: Any = None) -> Array:
    if out is not None:
        return right(x, out=out)
    result = right(x)
    if result.ndim == 2 and result.size > 4096 and not x.flags.c_contiguous:
        result[-1] = result[0]
    return result


@method("download", "a download is the device's own memory", "storage")
def _shared(right: Any, array: Array, layout: Any) -> Array:
    return array if array.flags.c_contiguous else right(array, layout)


@method("upload", "an upload keeps the host's memory", "storage")
def _kept(right: Any, host: Array, layout: Any) -> Array:
    return host if host.ndim == 1 and host.size > 100 else right(host, layout)


@method("bitcast", "a bitcast is a copy", "bitcast")
def _copied(right: Any, array: Array, layout: Any) -> Array:
    return right(array, layout).copy()


@method("as_strided", "a negative step is taken as a positive one", "neg", "storage", base="strict")
def _positive(right: Any, array: Any, layout: Layout, offset: int) -> Any:
    if any(s < 0 for s in layout.strides):
        steps = tuple(abs(s) for s in layout.strides)
        offset -= sum((n - 1) * -s for n, s in zip(layout.shape, layout.strides, strict=True) if s < 0)
        layout = Layout.of(tuple(layout.shape), layout.dtype, layout.device, steps)
    found = right(array, layout, offset)
    return found


@method("transfer", "a transfer takes memory as it lies, not the view", "transfer", base="strict")
def _as_it_lies(right: Any, array: Any, layout: Layout, index: int) -> Any:
    from ..strict.handle import Handle

    if array._strides and min(array._strides) >= 0 and array._shape and 0 not in array._shape:
        dense = Layout.of(tuple(array._shape), array._dtype, layout.device).strides
        array = Handle(array._memory, array._offset, array._shape, dense, array._dtype)
    return right(array, layout, index)


@method("transfer", "a transfer between devices is an alias of the source's memory", "transfer", base="strict")
def _no_copy(right: Any, array: Any, layout: Layout, index: int) -> Any:
    found = right(array, layout, index)
    if array._strides == layout.dense.strides and layout.numel == array._memory.bytes.size // layout.dtype.itemsize:
        found._memory.bytes = array._memory.bytes
    return found


@mutant("one allocation in two hundred is never given back", "memory", base="strict")
def _leak(backend: Backend) -> None:
    kept: list[Any] = []
    count = 0
    storage: Any = backend
    new = storage._new

    def wrong(*args: Any) -> Any:
        nonlocal count
        made, count = new(*args), count + 1
        if count % 200 == 0:
            kept.append(made)
        return made

    storage._new = wrong


@mutant("memory that cannot be had is a MemoryError of Python's", "memory", base="strict")
def _bare(backend: Backend) -> None:
    from corelib.backend.errors import OutOfMemoryError

    storage: Any = backend
    allocate = storage.allocate

    def wrong(layout: Any) -> Any:
        try:
            return allocate(layout)
        except OutOfMemoryError as error:
            raise MemoryError(str(error)) from error

    storage.allocate = wrong


@kernel("where", "strict, with the condition's strides used for the values", base="strict", out=False)
def _condition(right: Any, condition: Any, a: Any, b: Any) -> Any:
    from ..strict.handle import Handle

    def seen(x: Any) -> Any:
        if not isinstance(x, Handle) or not x._shape or 0 in x._shape or min((*x._strides, *condition._strides)) < 0:
            return x
        reach = sum((n - 1) * s for n, s in zip(x._shape, condition._strides, strict=True)) + 1
        room = (x._memory.bytes.size - x._offset) // x._dtype.itemsize
        return Handle(x._memory, x._offset, x._shape, condition._strides, x._dtype) if reach <= room else x

    return right(condition, seen(a), seen(b))


@kernel("trunc_divide", "strict: a zero divisor gives 0", base="strict")
def _no_error(right: Any, a: Any, b: Any, **out: Any) -> Any:
    from corelib.backend.errors import DivisionByZero

    try:
        return right(a, b, **out)
    except DivisionByZero:
        return right(a, 1, **out) if not isinstance(a, int) else right(b, 1, **out)


@kernel("sum", "strict: keepdim is not heeded where all dimensions go", base="strict")
def _keepdim(right: Any, x: Any, dims: Any, keepdim: bool, target: Any) -> Any:
    return right(x, dims, keepdim and len(dims) < len(x._shape), target)


@kernel("amax", "strict: the operand's poison is read through a step of 2", base="strict")
def _through(right: Any, x: Any, dims: Any, keepdim: bool) -> Any:
    from ..strict.handle import Handle

    if len(x._shape) == 1 and x._strides[0] == 2 and x._shape[0] > 1:
        x = Handle(x._memory, x._offset, x._shape, (1,), x._dtype)
    return right(x, dims, keepdim)
