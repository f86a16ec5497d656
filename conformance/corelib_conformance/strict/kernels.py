"""The 53 required kernels.  Each checks the promises it relies on, computes on dense arrays, and returns its result's
values with the dtype they are to be rounded to, once.  The table at the end names them all.

A dense copy of an operand has its compute type: float32 for float16 and bfloat16, otherwise its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from corelib.backend.errors import IndexOutOfBounds
from corelib.dtypes import ALL_DTYPES, bool_, dtype, int64
from corelib.layout import Layout

from . import arithmetic, rules
from .handle import Handle, Values, elements

Function = Callable[..., Any]  # of dense arrays
Result = tuple[Values, dtype]

ALL = [d for d in ALL_DTYPES if not d.is_complex]
FLOATS = [d for d in ALL if d.is_floating_point]
INTEGERS = [d for d in ALL if d.category == 1]
NUMBERS = INTEGERS + FLOATS
BITS = [bool_, *INTEGERS]


def compute_type(d: dtype) -> np.dtype[Any]:
    """What elements of this dtype are computed in."""
    return np.dtype(np.float32) if d.is_half else d.numpy


def read(x: Handle) -> Values:
    """A dense copy of the handle's elements."""
    return np.array(elements(x), dtype=compute_type(x._dtype), order="C")


def moved(x: Handle) -> Values:
    """A dense copy of the handle's elements in their own dtype, for what moves them bit by bit."""
    return np.array(elements(x), order="C")


def read_as(x: Handle, dtype: dtype) -> Values:
    """A dense copy converted to ``dtype``: what sums and products start from."""
    return arithmetic.convert(read(x), dtype).astype(compute_type(dtype))


def read_all(operands: Sequence[Any], like: Handle) -> list[Values]:
    """Dense copies of elementwise operands; a number counts as an array filled with it."""
    numbers = compute_type(like._dtype)
    return [read(x) if isinstance(x, Handle) else np.full(like._shape, x, numbers) for x in operands]


def fill(value: Any, layout: Layout) -> Result:
    """``value`` everywhere."""
    rules.number(value, layout.dtype)
    return np.full(layout.shape, value, compute_type(layout.dtype)), layout.dtype


def copy(x: Handle) -> Result:
    """The elements of x, bit by bit."""
    rules.arrays(x)
    return elements(x), x._dtype


def cast(x: Handle, dtype: dtype) -> Result:
    """x in another dtype; a copy even where the dtype is the same."""
    rules.arrays(x)
    return elements(x), dtype


def arange(start: Any, step: Any, layout: Layout) -> Result:
    """start + i * step, computed in layout.dtype; integers exactly (modulo 2^n)."""
    number = float if layout.dtype.is_floating_point else int
    rules.require(type(start) is type(step) is number, f"start and step are {number.__name__}s, got {start}, {step}")
    ramp = np.arange(layout.numel).astype(compute_type(layout.dtype) if number is float else np.int64)
    return (ramp.dtype.type(start) + ramp * ramp.dtype.type(step)).reshape(layout.shape), layout.dtype


def random_bits(seed: int, offset: int, layout: Layout) -> Result:
    """Philox words in [0, 2^32): element i, in row-major order, is word i mod 4 of block offset + i // 4."""
    rules.require(layout.dtype is int64, f"the result is int64, got {layout.dtype.name}")
    good = type(seed) is type(offset) is int and 0 <= seed < 2**64 and 0 <= offset < 2**64 - layout.numel // 4
    rules.require(good, f"seed and block numbers are ints in [0, 2^64), got seed {seed!r} and offset {offset!r}")
    return arithmetic.random_words(seed, offset, layout.numel).reshape(layout.shape), int64


def elementwise(function: Function, *operands: Any) -> Result:
    """``function`` of each element; the result has the operands' dtype, that of a comparison is bool."""
    like = rules.elementwise(operands)
    values = function(*read_all(operands, like))
    return values, bool_ if values.dtype == bool else like._dtype


def where(condition: Handle, a: Any, b: Any) -> Result:
    """a where the condition holds, else b."""
    rules.arrays(condition)
    like = rules.elementwise([a, b])
    good = condition._dtype is bool_ and condition._shape == like._shape
    rules.require(good, f"condition is bool and expanded to the shape of {like!r}, got {condition!r}")
    values = [moved(v) if isinstance(v, Handle) else read_all([v], like)[0].astype(like._dtype.numpy) for v in (a, b)]
    return np.where(read(condition), *values), like._dtype


def fold(function: Function, x: Handle, dims: tuple[int, ...], keepdim: bool, dtype: dtype) -> Result:
    """The sum (0 of nothing) or product (1 of nothing) over ``dims``, accumulated in ``dtype``."""
    rules.reduction(x, dims, keepdim)
    return arithmetic.reduce(function, read_as(x, dtype), dims, keepdim), dtype


def extreme(function: Function, x: Handle, dims: tuple[int, ...], keepdim: bool) -> Result:
    """The largest or smallest element over ``dims``; nan if any is; "any" or "all" of bools."""
    rules.reduction(x, dims, keepdim)
    rules.require(all(x._shape[d] for d in dims), f"no reduced dimension is empty, got {x!r}")
    return arithmetic.reduce(function, read(x), dims, keepdim), x._dtype


def position(function: Function, x: Handle, dim: int, keepdim: bool) -> Result:
    """Where along ``dim`` the first of the largest or smallest elements is, or the first nan."""
    rules.dim(dim, x)
    return extreme(function, x, (dim,) if x._shape else (), keepdim)[0], int64


def scan(function: Function, x: Handle, dim: int, dtype: dtype) -> Result:
    """Running sums or products along ``dim``, accumulated in ``dtype``."""
    rules.dim(dim, x)
    return function(np.atleast_1d(read_as(x, dtype)), axis=dim).reshape(x._shape), dtype


def running(function: Function, x: Handle, dim: int) -> tuple[Result, Result]:
    """Running maxima or minima along ``dim``, and where each was last met; after a nan, the last nan."""
    rules.dim(dim, x)
    return _picked(x, dim, arithmetic.running_index(np.atleast_1d(read(x)), dim, function))


def sort(x: Handle, dim: int, descending: bool) -> tuple[Result, Result]:
    """Sorted values along ``dim``, and where they were; stable; nan is the largest."""
    rules.dim(dim, x)
    rules.require(type(descending) is bool, f"descending is a bool, got {descending!r}")
    return _picked(x, dim, arithmetic.sort_order(np.atleast_1d(read(x)), dim, descending))


def _picked(x: Handle, dim: int, places: Values) -> tuple[Result, Result]:
    values = np.take_along_axis(np.atleast_1d(moved(x)), places, axis=dim)
    return (values.reshape(x._shape), x._dtype), (places.reshape(x._shape), int64)


def _coordinates(x: Handle, index: Handle, dim: int) -> tuple[Values, ...]:
    """The coordinates in x of the element that each element of ``index`` names: its own, but itself along ``dim``."""
    rules.dim(dim, x)
    rules.index(index, x, dim)
    values = np.atleast_1d(read(index))
    size = x._shape[dim] if x._shape else 1
    outside = values[(values < 0) | (values >= size)]
    if outside.size:
        raise IndexOutOfBounds(int(outside[0]), dim, size)
    own = np.indices(values.shape)
    return (*own[:dim], values, *own[dim + 1 :])


def gather(x: Handle, index: Handle, dim: int) -> Result:
    """The elements of x that ``index`` names, in its shape."""
    return np.atleast_1d(moved(x))[_coordinates(x, index, dim)].reshape(index._shape), x._dtype


def scatter(put: Function, x: Handle, index: Handle, src: Any, dim: int) -> Result:
    """x, but src is written to the elements that ``index`` names (any one of it where several meet), or added (all)."""
    coordinates = _coordinates(x, index, dim)
    look = moved if put is np.ndarray.__setitem__ else read
    target = np.atleast_1d(look(x))
    if isinstance(src, Handle):
        good = src._dtype is x._dtype and len(src._shape) == len(index._shape)
        good = good and all(n >= m for n, m in zip(src._shape, index._shape, strict=True))
        rules.require(good, f"src has the dtype of {x!r} and is at least as large as {index!r}, got {src!r}")
        src = np.atleast_1d(look(src)[tuple(slice(size) for size in index._shape)])
    else:
        rules.number(src, x._dtype)
        src = target.dtype.type(src)
    put(target, coordinates, src)
    return target.reshape(x._shape), x._dtype


def matmul(a: Handle, b: Handle) -> Result:
    """[..., m, k] by [..., k, n] with equal batch dimensions."""
    rules.arrays(a, b)
    good = a._dtype is b._dtype and len(a._shape) == len(b._shape) >= 2
    good = good and a._shape[:-2] == b._shape[:-2] and a._shape[-1] == b._shape[-2]
    rules.require(good, f"operands are [..., m, k] and [..., k, n] of one dtype, got {a!r} and {b!r}")
    return np.matmul(read(a), read(b)), a._dtype


# Elementwise kernels by the dtypes they are defined for.  On bool, add is or and mul is and.
ELEMENTWISE: list[tuple[list[dtype], dict[str, Function]]] = [
    (ALL, {"add": np.add, "mul": np.multiply, "maximum": np.maximum, "minimum": np.minimum}),
    (ALL, {"eq": np.equal, "lt": np.less, "le": np.less_equal}),
    (NUMBERS, {"neg": np.negative, "abs": np.abs, "sub": np.subtract}),
    (NUMBERS, {"fmod": arithmetic.fmod, "pow": arithmetic.power}),
    (FLOATS, {"floor": np.floor, "round": np.rint, "sqrt": np.sqrt, "exp": np.exp, "expm1": np.expm1, "log": np.log}),
    (FLOATS, {"log1p": np.log1p, "sin": np.sin, "cos": np.cos, "tanh": np.tanh, "erf": arithmetic.erf}),
    (FLOATS, {"div": np.divide, "atan2": np.arctan2}),
    (BITS, {"bitwise_and": np.bitwise_and, "bitwise_or": np.bitwise_or, "bitwise_xor": np.bitwise_xor}),
    (BITS, {"bitwise_not": np.invert}),
    (INTEGERS, {"bitwise_left_shift": arithmetic.left_shift, "bitwise_right_shift": arithmetic.right_shift}),
    (INTEGERS, {"trunc_divide": arithmetic.trunc_divide}),
]

# Name: function, the dtypes of the first array operand (or of the layout), and whether it takes `out=`.
KERNELS: dict[str, tuple[Function, Sequence[dtype], bool]] = {
    **{name: (partial(elementwise, f), dtypes, True) for dtypes, group in ELEMENTWISE for name, f in group.items()},
    "fill": (fill, ALL, True),
    "copy": (copy, ALL, True),
    "cast": (cast, ALL, True),
    "where": (where, ALL, True),
    "arange": (arange, NUMBERS, False),
    "random_bits": (random_bits, [int64], False),
    "sum": (partial(fold, np.add.reduce), ALL, False),
    "prod": (partial(fold, np.multiply.reduce), ALL, False),
    "amax": (partial(extreme, np.maximum.reduce), ALL, False),
    "amin": (partial(extreme, np.minimum.reduce), ALL, False),
    "argmax": (partial(position, np.argmax), NUMBERS, False),
    "argmin": (partial(position, np.argmin), NUMBERS, False),
    "cumsum": (partial(scan, np.add.accumulate), ALL, False),
    "cumprod": (partial(scan, np.multiply.accumulate), ALL, False),
    "cummax": (partial(running, np.maximum.accumulate), ALL, False),
    "cummin": (partial(running, np.minimum.accumulate), ALL, False),
    "sort": (sort, ALL, False),
    "gather": (gather, ALL, False),
    "scatter": (partial(scatter, np.ndarray.__setitem__), ALL, False),
    "scatter_add": (partial(scatter, np.add.at), ALL, False),
    "matmul": (matmul, NUMBERS, False),
}
