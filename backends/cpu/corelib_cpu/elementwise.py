"""Elementwise kernels: ufuncs, run quietly, with a dense row-major result.

``out=...`` makes a ufunc return an array where it would return a scalar, and ``order="C"`` a row-major one
where its operands are not.  float16 and bfloat16 are computed in float32 and rounded once; NumPy and
ml_dtypes do so by themselves in ``+ - * /``, the other functions are told to.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from corelib.backend.array_functions import erf, polynomial
from corelib.backend.array_module import BITS, FLOATS, INEXACT, INTEGERS, NUMERIC, REAL
from corelib.backend.base import kernel
from corelib.backend.errors import DivisionByZero
from corelib.dtypes import dtype
from corelib.dtypes import float32 as float32_
from corelib.dtypes import float64 as float64_
from corelib.layout import Layout

from .context import local, quiet

Array = np.ndarray[Any, Any]
Operand = Any  # an Array or a Python number
Kernel = Callable[..., Array]

float32 = np.dtype(np.float32)
ndarray = np.ndarray
_TILE = 8192


def is_half(array_dtype: np.dtype[Any]) -> bool:
    """float16, or ml_dtypes' bfloat16 (whose kind NumPy shows as "V")."""
    return array_dtype.itemsize == 2 and array_dtype.kind in "fV"


def wide(array: Array) -> Array:
    """A half array as float32; any other as it is."""
    return array.astype(float32) if is_half(array.dtype) else array


def store(result: Any, target: np.dtype[Any], out: Any) -> Array:
    """``result`` in ``out`` where one is given, else as a dense array of dtype ``target``."""
    if out is ... or out is None:
        return np.ascontiguousarray(result, target).reshape(np.shape(result))
    written: Array = out
    np.copyto(written, result, casting="unsafe")
    return written


# -- one operand


def _unary(ufunc: np.ufunc) -> Kernel:
    """A ufunc that is exact in every dtype, or needs no rounding."""

    def run(x: Array, out: Any = ...) -> Array:
        return local.run(ufunc, x, out=out, order="C")

    return run


def forward(x: Operand) -> Operand:
    """A copy of a view with a negative stride, where NumPy takes another route to a last bit of its own."""
    if x.__class__ is not ndarray or x.flags.forc or min(x.strides) >= 0:
        return x
    return np.array(x, order="C")


@quiet
def _half(ufunc: np.ufunc, x: Array, out: Any) -> Array:
    return store(ufunc(x, dtype=float32), x.dtype, out)


def _function(ufunc: np.ufunc) -> Kernel:
    """A ufunc that the half types compute in float32."""

    def run(x: Array, out: Any = ...) -> Array:
        if x.itemsize != 2:
            return local.run(ufunc, x if x.flags.forc else forward(x), out=out, order="C")
        return _half(ufunc, x, out)

    return run


neg = kernel("neg", dtypes=NUMERIC, out=True)(_unary(np.negative))
abs_ = kernel("abs", dtypes=NUMERIC, out=True)(_unary(np.absolute))
bitwise_not = kernel("bitwise_not", dtypes=BITS, out=True)(_unary(np.invert))
floor = kernel("floor", dtypes=FLOATS, out=True)(_function(np.floor))
round_ = kernel("round", dtypes=FLOATS, out=True)(_function(np.rint))
sqrt = kernel("sqrt", dtypes=INEXACT, out=True)(_function(np.sqrt))
exp = kernel("exp", dtypes=INEXACT, out=True)(_function(np.exp))
expm1 = kernel("expm1", dtypes=INEXACT, out=True)(_function(np.expm1))
log = kernel("log", dtypes=INEXACT, out=True)(_function(np.log))
log1p = kernel("log1p", dtypes=INEXACT, out=True)(_function(np.log1p))
sin = kernel("sin", dtypes=INEXACT, out=True)(_function(np.sin))
cos = kernel("cos", dtypes=INEXACT, out=True)(_function(np.cos))
tanh = kernel("tanh", dtypes=INEXACT, out=True)(_function(np.tanh))
tan = kernel("tan", dtypes=INEXACT, out=True)(_function(np.tan))
sinh = kernel("sinh", dtypes=INEXACT, out=True)(_function(np.sinh))
cosh = kernel("cosh", dtypes=INEXACT, out=True)(_function(np.cosh))
asin = kernel("asin", dtypes=INEXACT, out=True)(_function(np.arcsin))
acos = kernel("acos", dtypes=INEXACT, out=True)(_function(np.arccos))
atan = kernel("atan", dtypes=INEXACT, out=True)(_function(np.arctan))
asinh = kernel("asinh", dtypes=INEXACT, out=True)(_function(np.arcsinh))
acosh = kernel("acosh", dtypes=INEXACT, out=True)(_function(np.arccosh))
atanh = kernel("atanh", dtypes=INEXACT, out=True)(_function(np.arctanh))
log2 = kernel("log2", dtypes=INEXACT, out=True)(_function(np.log2))
log10 = kernel("log10", dtypes=INEXACT, out=True)(_function(np.log10))
exp2 = kernel("exp2", dtypes=FLOATS, out=True)(_function(np.exp2))


# A rational approximation of erf(x)/x in x**2 on [-4, 4], good to float32, as published in Eigen and XLA; its
# arithmetic is done in float64 (1.6 ULP then, 7 in float32).
_ERF_P = (-2.72614225801306e-10, 2.77068142495902e-08, -2.10102402082508e-06, -5.69250639462346e-05,
          -7.34990630326855e-04, -2.95459980854025e-03, -1.60960333262415e-02)  # fmt: skip
_ERF_Q = (-1.45660718464996e-05, -2.13374055278905e-04, -1.68282697438203e-03, -7.37332916720468e-03,
          -1.42647390514189e-02)  # fmt: skip


def _erf_float32(x: Array) -> Array:
    """erf of float64 numbers, to the accuracy of float32."""
    np.clip(x, -4.0, 4.0, out=x)  # erf(4) rounds to 1
    square = np.square(x)
    x *= polynomial(square, _ERF_P)
    x /= polynomial(square, _ERF_Q)
    return x


@kernel("erf", dtypes=FLOATS, out=True)
@quiet
def erf_(x: Array, out: Any = None) -> Array:
    """In float64, in tiles whose temporaries stay in cache, and rounded once (half types by way of float32)."""
    flat = np.ascontiguousarray(x).reshape(-1)
    result = np.empty(flat.size, x.dtype)
    for start in range(0, flat.size, _TILE):
        part = flat[start : start + _TILE].astype(np.float64)
        result[start : start + _TILE] = erf(np, part) if x.itemsize == 8 else _erf_float32(part).astype(float32)
    return store(result.reshape(x.shape), x.dtype, out)


# -- two operands


@quiet
def _halves(ufunc: np.ufunc, a: Operand, b: Operand, out: Any) -> Array:
    """A half array with a half array or a number: in float32."""
    target = a.dtype if a.__class__ is ndarray else b.dtype
    a, b = (x if x.__class__ is ndarray else np.float32(x) for x in (a, b))
    result = ufunc(a, b, signature=(float32, float32, None))
    return store(result, target if result.dtype == float32 else result.dtype, out)


def _arithmetic(ufunc: np.ufunc) -> Kernel:
    """A ufunc that rounds correctly on two arrays of any dtype; only a number needs a look."""

    def run(a: Operand, b: Operand, out: Any = ...) -> Array:
        if a.__class__ is not b.__class__:  # an array with a number
            array = a if a.__class__ is ndarray else b
            if array.itemsize == 2 and array.dtype.kind in "fV":
                return _halves(ufunc, a, b, out)
        return local.run(ufunc, a, b, out=out, order="C")

    return run


def _binary_function(ufunc: np.ufunc) -> Kernel:
    """A ufunc that the half types compute in float32."""

    def run(a: Operand, b: Operand, out: Any = ...) -> Array:
        if is_half((a if a.__class__ is ndarray else b).dtype):
            return _halves(ufunc, a, b, out)
        return local.run(ufunc, forward(a), forward(b), out=out, order="C")

    return run


add = kernel("add", out=True)(_arithmetic(np.add))
sub = kernel("sub", dtypes=NUMERIC, out=True)(_arithmetic(np.subtract))
mul = kernel("mul", out=True)(_arithmetic(np.multiply))
div = kernel("div", dtypes=INEXACT, out=True)(_arithmetic(np.true_divide))
atan2 = kernel("atan2", dtypes=FLOATS, out=True)(_binary_function(np.arctan2))
hypot = kernel("hypot", dtypes=FLOATS, out=True)(_binary_function(np.hypot))
copysign = kernel("copysign", dtypes=FLOATS, out=True)(_binary_function(np.copysign))
logaddexp = kernel("logaddexp", dtypes=FLOATS, out=True)(_binary_function(np.logaddexp))
logaddexp2 = kernel("logaddexp2", dtypes=FLOATS, out=True)(_binary_function(np.logaddexp2))
fmax = kernel("fmax", dtypes=REAL, out=True)(_arithmetic(np.fmax))
fmin = kernel("fmin", dtypes=REAL, out=True)(_arithmetic(np.fmin))
nextafter = kernel("nextafter", dtypes=(float32_, float64_), out=True)(_arithmetic(np.nextafter))
gcd = kernel("gcd", dtypes=INTEGERS, out=True)(_arithmetic(np.gcd))
lcm = kernel("lcm", dtypes=INTEGERS, out=True)(_arithmetic(np.lcm))
signbit = kernel("signbit", dtypes=FLOATS)(_unary(np.signbit))  # NumPy writes into strided outputs wrongly
maximum = kernel("maximum", dtypes=REAL, out=True)(_arithmetic(np.maximum))
minimum = kernel("minimum", dtypes=REAL, out=True)(_arithmetic(np.minimum))


@kernel("clamp", dtypes=REAL, out=True)
def clamp(x: Array, low: float, high: float, out: Any = ...) -> Array:
    """Limited to [low, high]: two passes, the second in place."""
    result = maximum(x, low, out=out)
    return minimum(result, high, out=result)


eq = kernel("eq", out=True)(_arithmetic(np.equal))
lt = kernel("lt", dtypes=REAL, out=True)(_arithmetic(np.less))
le = kernel("le", dtypes=REAL, out=True)(_arithmetic(np.less_equal))
bitwise_and = kernel("bitwise_and", dtypes=BITS, out=True)(_arithmetic(np.bitwise_and))
bitwise_or = kernel("bitwise_or", dtypes=BITS, out=True)(_arithmetic(np.bitwise_or))
bitwise_xor = kernel("bitwise_xor", dtypes=BITS, out=True)(_arithmetic(np.bitwise_xor))
# NumPy gives 0 (-1 for a negative number shifted right) where the shift is outside the width.
bitwise_left_shift = kernel("bitwise_left_shift", dtypes=INTEGERS, out=True)(_arithmetic(np.left_shift))
bitwise_right_shift = kernel("bitwise_right_shift", dtypes=INTEGERS, out=True)(_arithmetic(np.right_shift))


def _refuse_zero(divisor: Operand) -> None:
    if not np.all(divisor):
        raise DivisionByZero


@kernel("trunc_divide", dtypes=INTEGERS, out=True)
@quiet
def trunc_divide(a: Operand, b: Operand, out: Any = ...) -> Array:
    """Integer quotient rounded toward zero; ``INT_MIN / -1`` wraps."""
    _refuse_zero(b)
    quotient: Array = np.floor_divide(np.subtract(a, np.fmod(a, b)), b, out=out, order="C")
    return quotient


_fmod = _binary_function(np.fmod)


@kernel("fmod", dtypes=(*INTEGERS, *FLOATS), out=True)
def fmod(a: Operand, b: Operand, out: Any = ...) -> Array:
    """C's remainder: exact, with the sign of ``a``."""
    if (a if a.__class__ is ndarray else b).dtype.kind in "iu":
        _refuse_zero(b)
    return _fmod(a, b, out)


_pow = _binary_function(np.power)


@kernel("pow", dtypes=NUMERIC, out=True)
def pow_(a: Operand, b: Operand, out: Any = ...) -> Array:
    """C's ``pow``; integers wrap, and a negative exponent gives 0, 1 or -1 (the truncated quotient)."""
    if b.__class__ is not ndarray:
        if b == 2:  # the commonest exponent by far: the product is as exact, and thirty times as fast
            return mul(a, a, out)
        if b == 3 and a.dtype.kind != "c":
            return mul(mul(a, a), a, out) if a.itemsize != 2 or a.dtype.kind == "i" else _pow(a, b, out)
    elif b.dtype.kind == "i" and b.size and b.min() < 0:
        return _integer_pow(a, b, out)
    return _pow(a, b, out)


@quiet
def _integer_pow(a: Operand, b: Array, out: Any) -> Array:
    odd = np.bitwise_and(b, 1)
    reciprocal = np.where(np.equal(a, 1), 1, np.where(np.equal(a, -1), 1 - 2 * odd, 0))
    return store(np.where(b < 0, reciprocal, np.power(a, np.maximum(b, 0))), b.dtype, out)


# -- choice, data movement, creation


def number_as(value: Any, target: np.dtype[Any]) -> Any:
    """A Python number as a scalar of an array's dtype, the half types by way of float32."""
    return np.float32(value).astype(target) if is_half(target) else target.type(value)


@kernel("where", out=True)
@quiet
def where(condition: Array, a: Operand, b: Operand, out: Any = ...) -> Array:
    """``a`` where the condition holds, else ``b``."""
    if a.__class__ is not ndarray:
        a = number_as(a, b.dtype)
    elif b.__class__ is not ndarray:
        b = number_as(b, a.dtype)
    return store(np.where(condition, a, b), a.dtype, out)


@kernel("copy", out=True)
def copy(x: Array, out: Array | None = None) -> Array:
    """A dense copy, or a strided write into ``out``."""
    if out is None:
        return np.array(x, order="C")
    np.copyto(out, x)
    return out


@kernel("cast", out=True)
@quiet
def cast(x: Array, target: dtype, out: Array | None = None) -> Array:
    """Truncates to integers, compares with 0 for bool, keeps the real part of a complex number.

    float64 and integers become a half type by way of float32, as in PyTorch.
    """
    wanted = target.numpy
    if x.dtype.kind == "c" and wanted.kind not in "cb":
        x = x.real
    if (target.is_half and x.itemsize > 2) or (is_half(x.dtype) and wanted.kind != "f"):
        x = x.astype(float32)
    if out is None:
        return x.astype(wanted, order="C")
    np.copyto(out, x, casting="unsafe")
    return out


@kernel("fill", out=True)
@quiet
def fill(value: Any, layout: Layout, out: Array | None = None) -> Array:
    """An array full of one number."""
    target = layout.dtype.numpy
    if out is None:
        if value == 0 and "-" not in str(value):  # nor is any part -0.0
            return np.zeros(layout.shape, target)
        out = np.empty(layout.shape, target)
    out.fill(np.float32(value) if layout.dtype.is_half else value)
    return out
