"""Exact answers for elementwise functions: integers by Python's own, functions by mpmath or in float64.

An exact value is two float64 numbers, the second what the first lacks, so that an error in units of the last
place can be told for float64 too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..oracles import ORACLES, ULPS

__all__ = ["BOUNDS", "CORRECT", "MOVING", "SCALES", "exact", "integers"]

Array = Any

CORRECT = frozenset({
    "add", "sub", "mul", "div", "sqrt", "fmod", "neg", "abs", "floor", "round", "maximum", "minimum", "where", "relu",
    "copysign", "fmax", "fmin", "sign_real",
})  # fmt: skip
"""Functions whose float64 results NumPy's hardware rounds correctly: no mpmath is needed."""

MOVING = frozenset({"neg", "abs", "floor", "round", "maximum", "minimum", "where", "relu", "copysign", "fmax", "fmin",
                    "sign_real", "fmod", "copy", "conj_physical"})  # fmt: skip
"""Functions with one right answer in every dtype."""

BOUNDS: dict[str, float] = {
    **{name: 0.5 for name in ("add", "sub", "mul", "div")},
    "sqrt": 3, "exp": 3, "log": 3, "sin": 4, "cos": 4, "tanh": 5, "erf": 16, "pow": 16, "log1p": 2, "expm1": 3,
    "atan2": 6, "rsqrt": 4, "reciprocal": 1, "sigmoid": 8, "tan": 5, "asin": 4, "acos": 4, "atan": 5, "sinh": 4,
    "cosh": 4, "asinh": 4, "acosh": 4, "atanh": 5, "exp2": 3, "log2": 3, "log10": 3, "hypot": 4, "erfc": 16,
    "logaddexp": 8, "logaddexp2": 8, "sinc": 8,
}  # fmt: skip
"""Largest error in units of the last place, as in the OpenCL table; float64 div and sqrt round correctly."""
SCALES: dict[str, Callable[..., Array]] = {
    "sigmoid": lambda x: np.full_like(x, 2.0**-120),  # what is 0 to float32's exp may be 0
    "gelu": np.abs, "sinc": np.ones_like, "lgamma": np.ones_like, "digamma": np.ones_like,
    "logaddexp": lambda x, y: np.maximum(np.maximum(np.abs(x), np.abs(y)), 1),
    "logaddexp2": lambda x, y: np.maximum(np.maximum(np.abs(x), np.abs(y)), 1),
}  # fmt: skip
"""Functions that cancel: the size of what does, whose units their error is told in."""
assert set(ULPS) <= set(BOUNDS) | {"fmod"}


# -- integers ----------------------------------------------------------------------------------------------------


def _wrapped(value: int, width: int, signed: bool) -> int:
    value &= (1 << width) - 1
    return value - (1 << width) if signed and value >> (width - 1) else value


def _quotient(a: int, b: int) -> int:
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def _power(a: int, b: int, width: int) -> int:
    if b < 0:
        return 1 if a == 1 else (-1 if b % 2 else 1) if a == -1 else 0
    return pow(a, b, 1 << width)


_INTEGER: dict[str, Callable[[int, int, int], int]] = {
    "add": lambda a, b, w: a + b,
    "sub": lambda a, b, w: a - b,
    "mul": lambda a, b, w: a * b,
    "trunc_divide": lambda a, b, w: _quotient(a, b),
    "fmod": lambda a, b, w: a - b * _quotient(a, b),
    "pow": _power,
    "maximum": lambda a, b, w: max(a, b),
    "minimum": lambda a, b, w: min(a, b),
    "fmax": lambda a, b, w: max(a, b),
    "fmin": lambda a, b, w: min(a, b),
    "eq": lambda a, b, w: a == b,
    "lt": lambda a, b, w: a < b,
    "le": lambda a, b, w: a <= b,
    "bitwise_and": lambda a, b, w: a & b,
    "bitwise_or": lambda a, b, w: a | b,
    "bitwise_xor": lambda a, b, w: a ^ b,
    "bitwise_left_shift": lambda a, b, w: a << b if 0 <= b < w else 0,
    "bitwise_right_shift": lambda a, b, w: a >> b if 0 <= b < w else (-1 if a < 0 else 0),
    "gcd": lambda a, b, w: math.gcd(a, b),
    "lcm": lambda a, b, w: math.lcm(a, b),
    "neg": lambda a, b, w: -a,
    "abs": lambda a, b, w: abs(a),
    "bitwise_not": lambda a, b, w: ~a,
    "sign_real": lambda a, b, w: (a > 0) - (a < 0),
    "relu": lambda a, b, w: max(a, 0),
}
COMPARISONS = ("eq", "lt", "le")


def integers(name: str, a: Array, b: Array | None = None) -> Array | None:
    """The result on integer arrays, wrapped to their width; None where the suite has no oracle."""
    function = _INTEGER.get(name)
    if function is None:
        return None
    width, signed = 8 * a.dtype.itemsize, a.dtype.kind == "i"
    second = np.zeros_like(a) if b is None else b
    pairs = zip(a.ravel().tolist(), second.ravel().tolist(), strict=True)
    if name in COMPARISONS:
        return np.array([bool(function(x, y, width)) for x, y in pairs], bool).reshape(a.shape)
    found = [_wrapped(function(x, y, width), width, signed) for x, y in pairs]
    return np.array(found, dtype=a.dtype).reshape(a.shape)


# -- functions ---------------------------------------------------------------------------------------------------


def _half(mp: Any) -> Any:
    return mp.mpf(1) / 2


_MP: dict[str, Callable[..., Any]] = {
    "exp": lambda mp, x: mp.exp(x), "expm1": lambda mp, x: mp.expm1(x), "log": lambda mp, x: mp.log(x),
    "log1p": lambda mp, x: mp.log1p(x), "sin": lambda mp, x: mp.sin(x), "cos": lambda mp, x: mp.cos(x),
    "tanh": lambda mp, x: mp.tanh(x), "erf": lambda mp, x: mp.erf(x), "pow": lambda mp, x, y: mp.power(x, y),
    "atan2": lambda mp, y, x: mp.atan2(y, x), "rsqrt": lambda mp, x: 1 / mp.sqrt(x),
    "reciprocal": lambda mp, x: 1 / x, "sigmoid": lambda mp, x: 1 / (1 + mp.exp(-x)), "tan": lambda mp, x: mp.tan(x),
    "asin": lambda mp, x: mp.asin(x), "acos": lambda mp, x: mp.acos(x), "atan": lambda mp, x: mp.atan(x),
    "sinh": lambda mp, x: mp.sinh(x), "cosh": lambda mp, x: mp.cosh(x), "asinh": lambda mp, x: mp.asinh(x),
    "acosh": lambda mp, x: mp.acosh(x), "atanh": lambda mp, x: mp.atanh(x), "exp2": lambda mp, x: mp.power(2, x),
    "log2": lambda mp, x: mp.log(x) / mp.log(2), "log10": lambda mp, x: mp.log10(x),
    "hypot": lambda mp, x, y: mp.hypot(x, y), "erfc": lambda mp, x: mp.erfc(x),
    "erfinv": lambda mp, x: mp.erfinv(x), "sinc": lambda mp, x: mp.sincpi(x),
    "logaddexp": lambda mp, x, y: mp.log(mp.exp(x) + mp.exp(y)),
    "logaddexp2": lambda mp, x, y: mp.log(mp.power(2, x) + mp.power(2, y)) / mp.log(2),
    "xlogy": lambda mp, x, y: x * mp.log(y), "special_xlog1py": lambda mp, x, y: x * mp.log1p(y),
    "special_erfcx": lambda mp, x: mp.exp(x * x) * mp.erfc(x),
    "special_ndtri": lambda mp, x: mp.sqrt(2) * mp.erfinv(2 * x - 1),
    "special_log_ndtr": lambda mp, x: mp.log(mp.erfc(-x / mp.sqrt(2)) / 2),
    "lgamma": lambda mp, x: mp.log(abs(mp.gamma(x))), "digamma": lambda mp, x: mp.digamma(x),
    "i0": lambda mp, x: mp.besseli(0, x), "special_i0e": lambda mp, x: mp.exp(-abs(x)) * mp.besseli(0, x),
    "special_i1": lambda mp, x: mp.besseli(1, x), "special_i1e": lambda mp, x: mp.exp(-abs(x)) * mp.besseli(1, x),
    "gelu": lambda mp, x: x * (1 + mp.erf(x / mp.sqrt(2))) * _half(mp),
    "logit": lambda mp, x: mp.log(x / (1 - x)),
}  # fmt: skip

_WIDE: dict[str, Callable[..., Array]] = {
    "tan": np.tan, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "sinh": np.sinh, "cosh": np.cosh,
    "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh, "exp2": np.exp2, "log2": np.log2,
    "log10": np.log10, "hypot": np.hypot, "logaddexp": np.logaddexp, "logaddexp2": np.logaddexp2,
    "copysign": np.copysign, "fmax": np.fmax, "fmin": np.fmin, "signbit": np.signbit, "nextafter": np.nextafter,
    "relu": lambda x: np.where(x != x, x, np.where(x > 0, x, 0.0)), "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "erfc": np.vectorize(math.erfc, otypes=[np.float64]),
}  # fmt: skip
"""Those of optional primitives that float64 has well enough for a narrower result."""


def _special(operands: list[Array], first: Array) -> Array:
    """Where the first answer is taken: it has C's rules for zeros and what is not finite."""
    bad = np.zeros(np.shape(first), bool)
    for x in operands:
        bad |= ~np.isfinite(x) | ((x == 0) & ~np.isnan(first))
    return bad


def _by_mpmath(function: Callable[..., Any], operands: list[Array], first: Array) -> tuple[Array, Array]:
    """``first`` with the ordinary elements replaced by mpmath's answers."""
    import mpmath  # type: ignore[import-untyped]

    high, low = np.array(first, np.float64), np.zeros(np.shape(first))
    with mpmath.workprec(160):
        for place in np.argwhere(~_special(operands, first)):
            at = tuple(place)
            try:
                value = function(mpmath.mp, *[mpmath.mpf(float(x[at])) for x in operands])
                if isinstance(value, mpmath.mpc):
                    if value.imag != 0:
                        continue
                    value = value.real
                nearest = float(value)
            except (ZeroDivisionError, ValueError, OverflowError):
                continue
            high[at] = nearest
            low[at] = float(value - mpmath.mpf(nearest)) if math.isfinite(nearest) else 0.0
    return high, low


def exact(name: str, operands: list[Array], dtype: Any) -> tuple[Array, Array] | None:
    """The exact results of float64 operands for a kernel of this NumPy dtype; None where there is no oracle."""
    wide: Callable[..., Array] | None = ORACLES.get(name, _WIDE.get(name))
    with np.errstate(all="ignore"):
        first = wide(*operands) if wide is not None else np.full(np.shape(operands[0]), np.nan)
    if name in CORRECT or name in COMPARISONS or (wide is not None and dtype != np.float64):
        return first, np.zeros(np.shape(first))
    if name not in _MP:
        return (first, np.zeros(np.shape(first))) if wide is not None else None
    return _by_mpmath(_MP[name], operands, first)
