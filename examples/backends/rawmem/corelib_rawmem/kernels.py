"""The required kernels, as calls of the library's functions.

``KERNELS`` names them all, with their dtypes.  Operands are dense: the frontend has copied what was not, and it has
computed every shape but the few that are said here.  Each kernel returns a fresh dense array.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import Any, Protocol

import numpy as np
from corelib.backend import DivisionByZero, IndexOutOfBounds, OutOfMemoryError
from corelib.dtypes import bfloat16, bool_, dtype, float16, float32, float64, int8, int16, int32, int64, uint8
from corelib.layout import Layout

from .memory import Array, call

INTEGERS = [uint8, int8, int16, int32, int64]
FLOATS = [float16, bfloat16, float32, float64]
NUMBERS = INTEGERS + FLOATS
BITS = [bool_, *INTEGERS]
ALL = [bool_, *NUMBERS]
Shape = tuple[int, ...]

_SUFFIXES = {bool_: "u8", uint8: "u8", int8: "i8", int16: "i16", int32: "i32", int64: "i64"}
_SUFFIXES |= {float16: "f16", bfloat16: "bf16", float32: "f32", float64: "f64"}
# What is something else of bools; on 0 and 1 the others are the same as of bytes.
_OF_BOOL = {"add": "bitwise_or", "bitwise_not": "logical_not", "sum": "any", "cumsum": "cumany"}
_OF_BOOL |= {"scatter_add": "scatter_any"}


class Device(Protocol):
    """What kernels need of the backend."""

    def new(self, shape: Shape, d: dtype) -> Array:
        """A dense array."""


def _function(name: str, d: dtype) -> str:
    return f"{_OF_BOOL.get(name, name) if d is bool_ else name}_{_SUFFIXES[d]}"


def _wide(device: Device, x: Array) -> Array:
    """A half array as float32; any other as it is."""
    return cast(device, x, float32) if x.layout.dtype.is_half else x


def _narrow(device: Device, x: Array, d: dtype) -> Array:
    return x if x.layout.dtype is d else cast(device, x, d)


def _lines(shape: Shape, dim: int) -> Shape:
    """Shape as [outer, n, inner], ``dim`` in the middle."""
    return (prod(shape[:dim]), shape[dim], prod(shape[dim + 1 :])) if shape else (1, 1, 1)


def _seen_as(x: Array, shape: Shape, strides: Shape) -> Array:
    return Array(x.memory, x.offset, Layout.of(shape, x.layout.dtype, x.layout.device, strides))


# -- creation and copies


def fill(device: Device, value: Any, layout: Layout) -> Array:
    """``value`` everywhere."""
    z = device.new(layout.shape, layout.dtype)
    pattern = int.from_bytes(np.array(value, dtype=layout.dtype.numpy).tobytes(), "little")
    call(f"fill_{layout.dtype.itemsize}", layout.numel, pattern, z)
    return z


def copy(device: Device, x: Array, out: Array | None = None) -> Array:
    """The elements of any view, into a dense array or any other view."""
    layout = x.layout
    z = device.new(layout.shape, layout.dtype) if out is None else out
    rank, strides = len(layout.shape), z.layout.strides
    call(f"copy_{layout.dtype.itemsize}", layout.numel, rank, layout.shape, layout.strides, strides, x, z)
    return z


def cast(device: Device, x: Array, target: dtype) -> Array:
    """x in another dtype."""
    z = device.new(x.layout.shape, target)
    suffix = "bool" if target is bool_ else _SUFFIXES[target]
    call(f"cast_{_SUFFIXES[x.layout.dtype]}_{suffix}", x.layout.numel, x, z)
    return z


def arange(device: Device, start: Any, step: Any, layout: Layout) -> Array:
    """start + i * step: integers in 64 bits, floats in doubles, rounded once."""
    exact = float64 if layout.dtype.is_floating_point else int64
    z = device.new(layout.shape, exact)
    call(f"arange_{_SUFFIXES[exact]}", layout.numel, start, step, z)
    return _narrow(device, z, layout.dtype)


def random_bits(device: Device, seed: int, offset: int, layout: Layout) -> Array:
    """Words of the stream of this seed."""
    z = device.new(layout.shape, int64)
    call("random_bits", layout.numel, seed, offset, z)
    return z


# -- element by element


def _operands(device: Device, operands: Sequence[Any]) -> list[Array]:
    """Arrays, with numbers as arrays of the same shape and dtype; half types as float32."""
    like = next(x for x in operands if isinstance(x, Array)).layout
    compute = Layout.of(like.shape, float32 if like.dtype.is_half else like.dtype, like.device)
    return [_wide(device, x) if isinstance(x, Array) else fill(device, x, compute) for x in operands]


def elementwise(name: str, device: Device, *operands: Any) -> Array:
    """A function of one or two operands."""
    native = next(x for x in operands if isinstance(x, Array)).layout.dtype
    arrays = _operands(device, operands)
    layout = arrays[0].layout
    divides = native.category == 1 and name in ("trunc_divide", "fmod")
    if divides and call(f"has_zero_{_SUFFIXES[native]}", layout.numel, arrays[1]):
        raise DivisionByZero
    compares = name in ("eq", "lt", "le")
    z = device.new(layout.shape, bool_ if compares else layout.dtype)
    call(_function(name, layout.dtype), layout.numel, *arrays, z)
    return z if compares else _narrow(device, z, native)


def where(device: Device, condition: Array, a: Any, b: Any) -> Array:
    """a where the condition holds, else b: moved, and not looked at."""
    layout = next(x for x in (a, b) if isinstance(x, Array)).layout
    arrays = [x if isinstance(x, Array) else fill(device, x, layout.dense) for x in (a, b)]
    z = device.new(layout.shape, layout.dtype)
    call(f"where_{layout.dtype.itemsize}", layout.numel, condition, *arrays, z)
    return z


# -- along dimensions


def _rows(device: Device, x: Array, dims: Shape) -> Array:
    """The reduced dimensions last, and all in place."""
    layout = x.layout
    order = [d for d in range(len(layout.shape)) if d not in dims] + list(dims)
    if order == sorted(order):
        return x
    shape, strides = ([values[d] for d in order] for values in (layout.shape, layout.strides))
    return copy(device, _seen_as(x, tuple(shape), tuple(strides)))


def _reduce(name: str, device: Device, x: Array, dims: Shape, keepdim: bool, result: dtype) -> Array:
    shape = x.layout.shape
    kept = [1 if d in dims else n for d, n in enumerate(shape) if keepdim or d not in dims]
    z = device.new(tuple(kept), result)
    call(_function(name, x.layout.dtype), prod(kept), prod(shape[d] for d in dims), _rows(device, x, dims), z)
    return z


def fold(name: str, device: Device, x: Array, dims: Shape, keepdim: bool, target: dtype) -> Array:
    """A sum or a product, accumulated in ``target``, or wider."""
    x = _wide(device, _narrow(device, x, target))
    return _narrow(device, _reduce(name, device, x, dims, keepdim, x.layout.dtype), target)


def extreme(name: str, device: Device, x: Array, dims: Shape, keepdim: bool) -> Array:
    """The largest or the smallest."""
    wide = _wide(device, x)
    return _narrow(device, _reduce(name, device, wide, dims, keepdim, wide.layout.dtype), x.layout.dtype)


def position(name: str, device: Device, x: Array, dim: int, keepdim: bool) -> Array:
    """Where the largest or the smallest is."""
    return _reduce(name, device, _wide(device, x), (dim,) if x.layout.shape else (), keepdim, int64)


def scan(name: str, device: Device, x: Array, dim: int, target: dtype) -> Array:
    """Running sums or products."""
    x = _wide(device, _narrow(device, x, target))
    z = device.new(x.layout.shape, x.layout.dtype)
    call(_function(name, x.layout.dtype), *_lines(x.layout.shape, dim), x, z)
    return _narrow(device, z, target)


def running(name: str, device: Device, x: Array, dim: int) -> tuple[Array, Array]:
    """Running maxima or minima, and where they were met."""
    wide, places = _wide(device, x), device.new(x.layout.shape, int64)
    if x.layout.numel:
        call(_function(name, wide.layout.dtype), *_lines(x.layout.shape, dim), wide, places)
    return _picked(device, x, places, dim), places


def sort(device: Device, x: Array, dim: int, descending: bool) -> tuple[Array, Array]:
    """In order, and where each was."""
    wide, places = _wide(device, x), device.new(x.layout.shape, int64)
    if x.layout.numel:
        lines, name = _lines(x.layout.shape, dim), _function("sort", wide.layout.dtype)
        if call(name, *lines, int(descending), wide, places):
            raise OutOfMemoryError(f"sort: there are no {16 * lines[1]} bytes")
    return _picked(device, x, places, dim), places


def _picked(device: Device, x: Array, places: Array, dim: int) -> Array:
    """As gather, with places that are known to be good."""
    z, shape = device.new(places.layout.shape, x.layout.dtype), places.layout.shape or (1,)
    strides = x.layout.strides or (1,)
    call(f"gather_{x.layout.dtype.itemsize}", prod(shape), len(shape), dim, shape, strides, x, places, z)
    return z


def _check_index(x: Array, index: Array, dim: int) -> None:
    size = x.layout.shape[dim] if x.layout.shape else 1
    found = call("outside", index.layout.numel, index, size)
    if found >= 0:
        raise IndexOutOfBounds(call("load", index, found), dim, size)


def gather(device: Device, x: Array, index: Array, dim: int) -> Array:
    """The elements of x that ``index`` names, in its shape."""
    _check_index(x, index, dim)
    return _picked(device, x, index, dim)


def _scattered(name: str, device: Device, x: Array, index: Array, src: Any, dim: int) -> Array:
    """Into a copy of x."""
    _check_index(x, index, dim)
    layout, shape = index.layout, index.layout.shape or (1,)
    if not isinstance(src, Array):
        src = fill(device, src, Layout.of(layout.shape, x.layout.dtype, layout.device))
    elif src.layout.shape != layout.shape:  # it may be larger
        src = copy(device, _seen_as(src, layout.shape, src.layout.strides))
    z = copy(device, x)
    call(name, prod(shape), len(shape), dim, shape, x.layout.strides or (1,), src, index, z)
    return z


def scatter(device: Device, x: Array, index: Array, src: Any, dim: int) -> Array:
    """Of repeated indices any wins."""
    return _scattered(f"scatter_{x.layout.dtype.itemsize}", device, x, index, src, dim)


def scatter_add(device: Device, x: Array, index: Array, src: Any, dim: int) -> Array:
    """Repeated indices all count."""
    wide = _wide(device, x)
    src = _wide(device, src) if isinstance(src, Array) else src
    name = _function("scatter_add", wide.layout.dtype)
    return _narrow(device, _scattered(name, device, wide, index, src, dim), x.layout.dtype)


def matmul(device: Device, a: Array, b: Array) -> Array:
    """[..., m, k] by [..., k, n]."""
    wide_a, wide_b = _wide(device, a), _wide(device, b)
    *batch, m, k = a.layout.shape
    n = b.layout.shape[-1]
    z = device.new((*batch, m, n), wide_a.layout.dtype)
    call(_function("matmul", wide_a.layout.dtype), prod(batch), m, k, n, wide_a, wide_b, z)
    return _narrow(device, z, a.layout.dtype)


_ELEMENTWISE: list[tuple[list[dtype], str]] = [
    (ALL, "add mul maximum minimum eq lt le"),
    (NUMBERS, "neg abs sub fmod pow"),
    (FLOATS, "floor round sqrt exp expm1 log log1p sin cos tanh erf div atan2"),
    (BITS, "bitwise_not bitwise_and bitwise_or bitwise_xor"),
    (INTEGERS, "bitwise_left_shift bitwise_right_shift trunc_divide"),
]

# Name: function (the device is its first argument), and its dtypes.
KERNELS: dict[str, tuple[Callable[..., Any], Sequence[dtype]]] = {
    **{name: (partial(elementwise, name), dtypes) for dtypes, names in _ELEMENTWISE for name in names.split()},
    "fill": (fill, ALL), "copy": (copy, ALL), "cast": (cast, ALL), "arange": (arange, NUMBERS),
    "random_bits": (random_bits, [int64]), "where": (where, ALL),
    **{name: (partial(fold, name), ALL) for name in ("sum", "prod")},
    **{name: (partial(extreme, name), ALL) for name in ("amax", "amin")},
    **{name: (partial(position, name), NUMBERS) for name in ("argmax", "argmin")},
    **{name: (partial(scan, name), ALL) for name in ("cumsum", "cumprod")},
    **{name: (partial(running, name), ALL) for name in ("cummax", "cummin")},
    "sort": (sort, ALL), "gather": (gather, ALL), "scatter": (scatter, ALL), "scatter_add": (scatter_add, ALL),
    "matmul": (matmul, NUMBERS),
}  # fmt: skip
