"""A backend from any library that speaks the Python array API standard (2024.12 or later).

Subclass :class:`ArrayModuleBackend`, name the module, and override what your library does better::

    class MyBackend(ArrayModuleBackend):
        name = "mine"

        def __init__(self) -> None:
            super().__init__(my_array_module)

Everything here is written over the standard alone.  So arrays are taken to be immutable (an assignment
makes a new array) and views are gathers; a library with writable strided arrays sets ``mutable`` and
``strided`` and overrides :meth:`~corelib.backend.base.Backend.as_strided` and the kernel ``copy`` (with
``out=``).

float16 and bfloat16 are computed in float32 and rounded once, reductions, scans, products and sorts too:
libraries differ in what they do by themselves (some add 4,096 ones to 256).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from ..device import Device
from ..dtypes import ALL_DTYPES, bool_, dtype, float32, float64, int64
from ..layout import Layout
from .array_functions import erf, philox
from .base import Backend, kernel
from .errors import DivisionByZero, IndexOutOfBounds

__all__ = ["ArrayModuleBackend"]

Array = Any
Operand = Any  # an Array or a Python number
Dims = tuple[int, ...]

FLOATS = tuple(d for d in ALL_DTYPES if d.is_floating_point)
INEXACT = tuple(d for d in ALL_DTYPES if d.category >= 2)
INTEGERS = tuple(d for d in ALL_DTYPES if d.category == 1)
BITS = (bool_, *INTEGERS)
NUMERIC = tuple(d for d in ALL_DTYPES if d is not bool_)
REAL = tuple(d for d in ALL_DTYPES if not d.is_complex)


def _of_one(name: str, dtypes: tuple[dtype, ...], function: str = "") -> Any:
    """The kernel that is a function of the standard's, by its name where it has another."""

    def compute(self: Any, x: Array) -> Array:
        return self._unary(getattr(self.xp, function or name), x)

    compute.__name__ = name
    return kernel(name, dtypes=dtypes)(compute)


def _of_two(name: str, dtypes: tuple[dtype, ...], function: str = "", of_bool: str = "") -> Any:
    """As :func:`_of_one`, with two operands, and another function of bools."""

    def compute(self: Any, a: Operand, b: Operand) -> Array:
        chosen = of_bool if of_bool and self._on_bool(a, b) else function or name
        return self._binary(getattr(self.xp, chosen), a, b)

    compute.__name__ = name
    return kernel(name, dtypes=dtypes)(compute)


class ArrayModuleBackend(Backend):
    """The required kernels over an array module ``xp``.

    ``dtypes`` adds or replaces dtypes that the module does not name itself: ``{bfloat16: ml_dtypes.bfloat16}``.
    A dtype that the module lacks is refused.
    """

    mutable: ClassVar[bool] = False
    strided: ClassVar[bool] = False
    broadcasts: ClassVar[bool] = True
    capabilities: ClassVar[frozenset[str]] = frozenset({"float64", "complex"})

    def __init__(self, xp: Any, dtypes: dict[dtype, Any] | None = None) -> None:
        self.xp = xp
        names = {d: "bool" if d is bool_ else d.name for d in ALL_DTYPES}
        self._dtypes = {d: getattr(xp, name) for d, name in names.items() if hasattr(xp, name)} | (dtypes or {})
        self._halves = [native for d, native in self._dtypes.items() if d.is_half]
        super().__init__()

    def supports(self, d: dtype) -> bool:
        return d in self._dtypes and super().supports(d)

    # -- storage

    def allocate(self, layout: Layout) -> Array:
        return self.xp.empty(tuple(layout.shape), dtype=self._dtypes[layout.dtype])

    def upload(self, host: np.ndarray[Any, Any], layout: Layout) -> Array:
        return self.xp.asarray(host, dtype=self._dtypes[layout.dtype], copy=True)

    def download(self, array: Array, layout: Layout) -> np.ndarray[Any, Any]:
        host = array if isinstance(array, np.ndarray) else np.from_dlpack(array)  # there is none for bfloat16
        return np.array(host, dtype=layout.dtype.numpy, order="C")

    def bitcast(self, array: Array, layout: Layout) -> Array:
        """By way of the host, since the standard has no reinterpretation of memory: not aliasing."""
        source = next(d for d, native in self._dtypes.items() if native == array.dtype)
        host = self.download(array, Layout.of(tuple(array.shape), source, layout.device))
        return self.upload(host.reshape(-1).view(layout.dtype.numpy).reshape(layout.shape), layout)

    def describe(self, array: Array) -> Layout:
        """As a dense array on the first device: the standard knows neither strides nor an index."""
        if not hasattr(array, "dtype"):
            raise TypeError(f"not an array of '{self.name}': {type(array).__name__}")
        found = next((d for d, native in self._dtypes.items() if native == array.dtype), None)
        if found is None:
            raise TypeError(f"not an array of a dtype that '{self.name}' knows: {array.dtype}")
        return Layout.of(tuple(array.shape), found, Device(self.name))

    def take(self, array: Array, indices: np.ndarray[Any, Any], layout: Layout) -> Array:
        xp = self.xp
        if layout.numel == 0:
            return self.allocate(layout)
        positions = xp.asarray(np.ascontiguousarray(indices).reshape(-1))
        return xp.reshape(xp.take(xp.reshape(array, (-1,)), positions, axis=0), tuple(layout.shape))

    def assign(self, array: Array, indices: np.ndarray[Any, Any] | None, value: Array) -> Array:
        xp = self.xp
        if indices is None:
            return xp.reshape(self.copy(value), array.shape)
        positions = xp.asarray(np.ascontiguousarray(indices).reshape(-1))
        written = self._scatter(xp.reshape(array, (-1,)), positions, xp.reshape(value, (-1,)))
        return xp.reshape(written, array.shape)

    # -- conversions

    def _is_half(self, array: Array) -> bool:
        return any(array.dtype == native for native in self._halves)

    def _wide(self, array: Array) -> Array:
        """A half array as float32; any other as it is."""
        return self.xp.astype(array, self.xp.float32) if self._is_half(array) else array

    def _accumulator(self, d: dtype) -> Any:
        return self._dtypes[float32 if d.is_half else d]

    def _kind(self, array: Array, kind: str) -> bool:
        if self._is_half(array):  # bfloat16 is none of the standard's dtypes
            return kind == "real floating"
        return bool(self.xp.isdtype(array.dtype, kind))

    def _as(self, result: Any, native: Any) -> Array:
        """A kernel's result as an array (some libraries make scalars of 0-d ones) of this dtype."""
        return self.xp.astype(self.xp.asarray(result), native, copy=False)

    def _pair(self, a: Operand, b: Operand, moved: bool = False) -> tuple[Array, Array, Any]:
        """Both operands as arrays of the compute dtype, and the dtype they came in, which what is only
        moved keeps, with the bits of its nans."""
        native = (b if isinstance(a, bool | int | float | complex) else a).dtype
        half = any(native == other for other in self._halves)
        compute = self.xp.float32 if half and not moved else native

        def convert(x: Operand) -> Array:
            if isinstance(x, bool | int | float | complex):
                return self.xp.asarray(x, dtype=compute)
            return self.xp.astype(x, compute, copy=False)

        return convert(a), convert(b), native

    def _unary(self, function: Callable[[Array], Array], x: Array) -> Array:
        return self._as(function(self._wide(x)), x.dtype)

    def _binary(self, function: Callable[[Array, Array], Array], a: Operand, b: Operand) -> Array:
        a, b, native = self._pair(a, b)
        return self._as(function(a, b), native)

    # -- creation and copies

    @kernel("fill")
    def fill(self, value: Any, layout: Layout) -> Array:
        full = self.xp.full(tuple(layout.shape), value, dtype=self._accumulator(layout.dtype))
        return self.xp.astype(full, self._dtypes[layout.dtype], copy=False)

    @kernel("copy")
    def copy(self, x: Array) -> Array:
        return self.xp.asarray(x, copy=True)

    @kernel("cast")
    def cast(self, x: Array, target: dtype) -> Array:
        """To a half type by way of float32, as PyTorch does."""
        xp = self.xp
        x = self._wide(x)
        if target is bool_:
            return xp.asarray(x != 0) if not self._kind(x, "bool") else self.copy(x)
        if self._kind(x, "complex floating") and not target.is_complex:
            x = xp.real(x)
        if target.is_half:
            x = xp.astype(x, xp.float32, copy=False)
        return xp.astype(x, self._dtypes[target], copy=True)

    @kernel("arange", dtypes=NUMERIC)
    def arange(self, start: Any, step: Any, layout: Layout) -> Array:
        """Integers exactly; floats in the widest real dtype, rounded once."""
        xp = self.xp
        steps = xp.arange(layout.numel, dtype=xp.int64)
        if layout.dtype.is_floating_point:
            steps = xp.astype(steps, self._dtypes[float64 if self.supports(float64) else float32])
        elif layout.dtype.is_complex:
            steps = xp.astype(steps, self._dtypes[layout.dtype])
        return xp.reshape(self.cast(steps * step + start, layout.dtype), tuple(layout.shape))

    # -- elementwise, one operand

    neg = _of_one("neg", NUMERIC, "negative")
    floor = _of_one("floor", FLOATS)
    round = _of_one("round", FLOATS)
    sqrt = _of_one("sqrt", INEXACT)
    exp = _of_one("exp", INEXACT)
    expm1 = _of_one("expm1", INEXACT)
    log = _of_one("log", INEXACT)
    log1p = _of_one("log1p", INEXACT)
    sin = _of_one("sin", INEXACT)
    cos = _of_one("cos", INEXACT)
    tanh = _of_one("tanh", INEXACT)
    bitwise_not = _of_one("bitwise_not", BITS, "bitwise_invert")

    @kernel("abs", dtypes=NUMERIC)
    def abs(self, x: Array) -> Array:
        if self._kind(x, "complex floating"):
            return self.xp.asarray(self.xp.abs(x))
        return self._unary(self.xp.abs, x)

    @kernel("erf", dtypes=FLOATS)
    def erf(self, x: Array) -> Array:
        """In float64 where the device has it: the formula alone loses 3 bits in float32."""
        xp = self.xp
        compute = self._dtypes[float64 if self.supports(float64) else float32]
        result = erf(xp, xp.astype(x, compute))
        return self._as(self._as(result, xp.float32) if self._is_half(x) else result, x.dtype)

    # -- elementwise, two operands

    def _on_bool(self, a: Operand, b: Operand) -> bool:
        return self._kind(b if isinstance(a, bool | int | float | complex) else a, "bool")

    add = _of_two("add", ALL_DTYPES, "add", "logical_or")
    sub = _of_two("sub", NUMERIC, "subtract")
    mul = _of_two("mul", ALL_DTYPES, "multiply", "logical_and")
    div = _of_two("div", INEXACT, "divide")
    atan2 = _of_two("atan2", FLOATS)
    maximum = _of_two("maximum", REAL, "maximum", "logical_or")
    minimum = _of_two("minimum", REAL, "minimum", "logical_and")
    bitwise_and = _of_two("bitwise_and", BITS)
    bitwise_or = _of_two("bitwise_or", BITS)
    bitwise_xor = _of_two("bitwise_xor", BITS)

    @kernel("trunc_divide", dtypes=INTEGERS)
    def trunc_divide(self, a: Operand, b: Operand) -> Array:
        """Integer quotient rounded toward zero; ``INT_MIN / -1`` wraps."""
        xp = self.xp
        a, b, _ = self._pair(a, b)
        if bool(xp.any(b == 0)):
            raise DivisionByZero
        if self._kind(b, "unsigned integer"):
            return xp.asarray(xp.floor_divide(a, b))
        negated = b == -1  # apart, since the quotient of INT_MIN overflows
        divisor = xp.where(negated, xp.ones_like(b), b)
        quotient = xp.floor_divide(a, divisor)
        below = (quotient * divisor != a) & ((a < 0) != (divisor < 0))
        return xp.where(negated, -a, quotient + self._as(below, b.dtype))

    @kernel("fmod", dtypes=(*INTEGERS, *FLOATS))
    def fmod(self, a: Operand, b: Operand) -> Array:
        """C's remainder: exact, with the sign of ``a``.  The standard's has the sign of ``b``; on
        magnitudes the two are one."""
        xp = self.xp
        if self._kind(b if isinstance(a, bool | int | float | complex) else a, "integral"):
            return xp.asarray(a - self.trunc_divide(a, b) * b)
        return self._binary(lambda p, q: xp.copysign(xp.remainder(xp.abs(p), xp.abs(q)), p), a, b)

    @kernel("pow", dtypes=NUMERIC)
    def pow(self, a: Operand, b: Operand) -> Array:
        """Integers wrap; a negative integer exponent gives the truncated quotient: 0, 1 or -1."""
        xp = self.xp
        a, b, native = self._pair(a, b)
        if not self._kind(b, "signed integer"):
            return self._as(xp.pow(a, b), native)
        zero, one = xp.zeros_like(b), xp.ones_like(b)
        sign = xp.where(b % 2 == 0, one, -one)
        reciprocal = xp.where(a == 1, one, xp.where(a == -1, sign, zero))
        return xp.where(b < 0, reciprocal, xp.pow(a, xp.where(b < 0, zero, b)))

    def _ordered(self, function: Callable[[Array, Array], Array], a: Operand, b: Operand) -> Array:
        xp = self.xp
        a, b, native = self._pair(a, b)
        if native == self._dtypes[bool_]:
            a, b = xp.astype(a, xp.uint8), xp.astype(b, xp.uint8)
        return xp.asarray(function(a, b))

    @kernel("eq")
    def eq(self, a: Operand, b: Operand) -> Array:
        a, b, _ = self._pair(a, b)
        return self.xp.asarray(self.xp.equal(a, b))

    @kernel("lt", dtypes=REAL)
    def lt(self, a: Operand, b: Operand) -> Array:
        return self._ordered(self.xp.less, a, b)

    @kernel("le", dtypes=REAL)
    def le(self, a: Operand, b: Operand) -> Array:
        return self._ordered(self.xp.less_equal, a, b)

    def _shift(self, function: Callable[[Array, Array], Array], a: Operand, b: Operand, outside: Any) -> Array:
        """The standard leaves shifts outside the width undefined."""
        xp = self.xp
        a, b, _ = self._pair(a, b)
        inside = (b >= 0) & (b < xp.iinfo(b.dtype).bits)
        shifted = function(a, xp.where(inside, b, xp.zeros_like(b)))
        return xp.where(inside, shifted, outside(a))

    @kernel("bitwise_left_shift", dtypes=INTEGERS)
    def bitwise_left_shift(self, a: Operand, b: Operand) -> Array:
        return self._shift(self.xp.bitwise_left_shift, a, b, self.xp.zeros_like)

    @kernel("bitwise_right_shift", dtypes=INTEGERS)
    def bitwise_right_shift(self, a: Operand, b: Operand) -> Array:
        # 0, or -1 for a negative number
        return self._shift(self.xp.bitwise_right_shift, a, b, lambda x: -self._as(x < 0, x.dtype))

    @kernel("where")
    def where(self, condition: Array, a: Operand, b: Operand) -> Array:
        a, b, native = self._pair(a, b, moved=True)
        return self._as(self.xp.where(condition, a, b), native)

    # -- reductions and scans

    def _reduce(self, function: Callable[..., Array], x: Array, dims: Dims, keepdim: bool) -> Array:
        return function(x, axis=dims, keepdims=keepdim) if x.ndim else x

    @kernel("sum")
    def sum(self, x: Array, dims: Dims, keepdim: bool, target: dtype) -> Array:
        xp, compute = self.xp, self._accumulator(target)
        total = self._reduce(xp.sum, xp.astype(x, compute), dims, keepdim)
        return self._as(total, self._dtypes[target])

    @kernel("prod")
    def prod(self, x: Array, dims: Dims, keepdim: bool, target: dtype) -> Array:
        xp, compute = self.xp, self._accumulator(target)
        product = self._reduce(xp.prod, xp.astype(x, compute), dims, keepdim)
        return self._as(product, self._dtypes[target])

    @kernel("amax", dtypes=REAL)
    def amax(self, x: Array, dims: Dims, keepdim: bool) -> Array:
        function = self.xp.any if self._kind(x, "bool") else self.xp.max
        return self.copy(self._unary(lambda wide: self._reduce(function, wide, dims, keepdim), x))

    @kernel("amin", dtypes=REAL)
    def amin(self, x: Array, dims: Dims, keepdim: bool) -> Array:
        function = self.xp.all if self._kind(x, "bool") else self.xp.min
        return self.copy(self._unary(lambda wide: self._reduce(function, wide, dims, keepdim), x))

    def _position(self, extremum: Callable[..., Array], x: Array, dim: int, keepdim: bool) -> Array:
        """First of ties, and the first nan wins: the standard says neither about nan."""
        xp = self.xp
        if x.ndim == 0:
            return xp.zeros((), dtype=xp.int64)
        x = self._wide(x)
        found = (x == extremum(x, axis=dim, keepdims=True)) | (x != x)
        return self._as(xp.argmax(xp.astype(found, xp.int8), axis=dim, keepdims=keepdim), xp.int64)

    @kernel("argmax", dtypes=NUMERIC)
    def argmax(self, x: Array, dim: int, keepdim: bool) -> Array:
        return self._position(self.xp.max, x, dim, keepdim)

    @kernel("argmin", dtypes=NUMERIC)
    def argmin(self, x: Array, dim: int, keepdim: bool) -> Array:
        return self._position(self.xp.min, x, dim, keepdim)

    def _scan(self, function: Callable[..., Array], x: Array, dim: int, target: dtype) -> Array:
        """A running sum of ten million times 0.1 in float32 ends at 1,087,937: scans accumulate in float64."""
        xp = self.xp
        compute = self._accumulator(target)
        if target is float32 and self.supports(float64):
            compute = self._dtypes[float64]
        scanned = xp.astype(x, compute)
        if x.ndim:
            scanned = function(scanned, axis=dim)
        return xp.astype(scanned, self._dtypes[target])

    @kernel("cumsum")
    def cumsum(self, x: Array, dim: int, target: dtype) -> Array:
        return self._scan(self.xp.cumulative_sum, x, dim, target)

    @kernel("cumprod")
    def cumprod(self, x: Array, dim: int, target: dtype) -> Array:
        return self._scan(self.xp.cumulative_prod, x, dim, target)

    def _running(self, better: Callable[[Array, Array], Array], x: Array, dim: int) -> tuple[Array, Array]:
        """Running extremum by doubling: after step s an element has seen its 2s predecessors."""
        xp = self.xp
        if x.ndim == 0:
            return self.copy(x), xp.zeros((), dtype=xp.int64)
        bools = self._kind(x, "bool")
        values = xp.astype(x, xp.uint8) if bools else self._wide(x)
        size = x.shape[dim]
        moving = tuple(size if d == dim else 1 for d in range(x.ndim))
        indices = xp.broadcast_to(xp.reshape(xp.arange(size, dtype=xp.int64), moving), x.shape)

        def part(array: Array, start: int, stop: int) -> Array:
            return array[tuple(slice(start, stop) if d == dim else slice(None) for d in range(array.ndim))]

        step = 1
        while step < size:
            before, after = part(values, 0, size - step), part(values, step, size)
            keep = (after != after) | ((before == before) & better(after, before))
            new_values = xp.where(keep, after, before)
            new_indices = xp.where(keep, part(indices, step, size), part(indices, 0, size - step))
            values = xp.concat((part(values, 0, step), new_values), axis=dim)
            indices = xp.concat((part(indices, 0, step), new_indices), axis=dim)
            step *= 2
        return xp.astype(values, x.dtype), self.copy(indices)

    @kernel("cummax", dtypes=REAL)
    def cummax(self, x: Array, dim: int) -> tuple[Array, Array]:
        return self._running(self.xp.greater_equal, x, dim)

    @kernel("cummin", dtypes=REAL)
    def cummin(self, x: Array, dim: int) -> tuple[Array, Array]:
        return self._running(self.xp.less_equal, x, dim)

    # -- indexing

    def _check_bounds(self, index: Array, dim: int, size: int) -> None:
        bad = (index < 0) | (index >= size)
        if bool(self.xp.any(bad)):
            raise IndexOutOfBounds(int(index[bad][0]), dim, size)

    @kernel("gather")
    def gather(self, x: Array, index: Array, dim: int) -> Array:
        xp = self.xp
        if x.ndim == 0 or index.ndim == 0:
            found = self.gather(xp.reshape(x, (-1,)), xp.reshape(index, (-1,)), 0)
            return xp.reshape(found, index.shape)
        self._check_bounds(index, dim, x.shape[dim])
        if 0 in index.shape:
            return xp.empty(index.shape, dtype=x.dtype)
        window = tuple(slice(None) if d == dim else slice(0, size) for d, size in enumerate(index.shape))
        return xp.take_along_axis(x[window], index, axis=dim)

    def _flat_positions(self, shape: tuple[int, ...], index: Array, dim: int) -> Array:
        """Where, in a flattened array of ``shape``, each element of ``index`` points; one dimension."""
        xp = self.xp
        positions, step = xp.zeros_like(index), 1
        for d in reversed(range(len(shape))):
            if d == dim:
                positions = positions + index * step
            else:
                moving = tuple(index.shape[d] if e == d else 1 for e in range(index.ndim))
                positions = positions + xp.reshape(xp.arange(index.shape[d], dtype=xp.int64), moving) * step
            step *= shape[d]
        return xp.reshape(positions, (-1,))

    def _runs(self, size: int, positions: Array) -> tuple[Array, Array, Array]:
        """A stable order of the positions, and where in it the run of each of 0..size-1 starts and ends."""
        xp = self.xp
        order = xp.argsort(positions, stable=True)
        ordered = xp.take(positions, order)
        targets = xp.arange(size, dtype=xp.int64)
        starts = xp.searchsorted(ordered, targets, side="left")
        return order, starts, xp.searchsorted(ordered, targets, side="right")

    def _scatter(self, flat: Array, positions: Array, values: Array) -> Array:
        """``flat[positions] = values`` in one dimension: each element takes the last value of its run."""
        xp = self.xp
        if 0 in positions.shape:
            return self.copy(flat)
        order, starts, ends = self._runs(flat.shape[0], positions)
        last = xp.take(order, xp.where(ends > starts, ends - 1, xp.zeros_like(ends)))
        return xp.where(ends > starts, xp.take(values, last), flat)

    def _scatter_add(self, flat: Array, positions: Array, values: Array) -> Array:
        """``flat[positions] += values``, duplicates in order: as many rounds as the longest run."""
        xp = self.xp
        if 0 in positions.shape:
            return self.copy(flat)
        order, starts, ends = self._runs(flat.shape[0], positions)
        add = xp.logical_or if self._kind(flat, "bool") else xp.add
        for turn in range(int(xp.max(ends - starts))):
            present = starts + turn < ends
            source = xp.take(order, xp.where(present, starts + turn, xp.zeros_like(starts)))
            flat = xp.where(present, add(flat, xp.take(values, source)), flat)
        return flat

    def _written(self, write: Callable[..., Array], x: Array, index: Array, src: Operand, dim: int) -> Array:
        xp = self.xp
        if not isinstance(src, bool | int | float | complex):
            src = xp.reshape(src[tuple(slice(0, size) for size in index.shape)], (-1,))
        flat, values, native = self._pair(xp.reshape(x, (-1,)), src, moved=write == self._scatter)
        shape = tuple(x.shape) or (1,)
        index = xp.reshape(index, tuple(index.shape) or (1,))
        self._check_bounds(index, dim, shape[dim])
        positions = self._flat_positions(shape, index, dim)
        written = write(flat, positions, xp.broadcast_to(values, positions.shape))
        return xp.reshape(xp.astype(written, native), x.shape)

    @kernel("scatter")
    def scatter(self, x: Array, index: Array, src: Operand, dim: int) -> Array:
        return self._written(self._scatter, x, index, src, dim)

    @kernel("scatter_add")
    def scatter_add(self, x: Array, index: Array, src: Operand, dim: int) -> Array:
        return self._written(self._scatter_add, x, index, src, dim)

    # -- products, sorting, random numbers

    @kernel("matmul", dtypes=NUMERIC)
    def matmul(self, a: Array, b: Array) -> Array:
        return self._binary(self.xp.matmul, a, b)

    @kernel("sort", dtypes=REAL)
    def sort(self, x: Array, dim: int, descending: bool) -> tuple[Array, Array]:
        """nan is the largest: the standard leaves its place open, so it becomes inf, and then a second
        stable sort puts it beyond inf."""
        xp = self.xp
        if x.ndim == 0:
            return self.copy(x), xp.zeros((), dtype=xp.int64)

        def order(keys: Array) -> Array:
            if not descending:
                return xp.argsort(keys, axis=dim, stable=True)
            # Equal elements keep their order: sort the mirror image, and mirror back.
            mirrored = xp.argsort(xp.flip(keys, axis=dim), axis=dim, stable=True)
            return x.shape[dim] - 1 - xp.flip(mirrored, axis=dim)

        keys = xp.astype(x, xp.uint8) if self._kind(x, "bool") else self._wide(x)
        if self._kind(keys, "real floating"):
            missing = keys != keys
            indices = order(xp.where(missing, xp.full_like(keys, float("inf")), keys))
            last = order(xp.take_along_axis(xp.astype(missing, xp.int8), indices, axis=dim))
            indices = xp.take_along_axis(indices, last, axis=dim)
        else:
            indices = order(keys)
        return xp.take_along_axis(x, indices, axis=dim), xp.astype(indices, xp.int64)

    @kernel("random_bits", dtypes=(int64,))
    def random_bits(self, seed: int, offset: int, layout: Layout) -> Array:
        xp = self.xp
        words = xp.reshape(philox(xp, seed, offset, -(-layout.numel // 4)), (-1,))
        return xp.reshape(xp.astype(words[: layout.numel], xp.int64), tuple(layout.shape))
