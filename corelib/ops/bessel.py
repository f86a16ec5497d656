"""Bessel and Airy functions of real numbers: power series near 0, integrals in the middle, asymptotic series far out.

Values are good to some 1e-15 of the largest near them in float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

from ..core.late import late
from ..core.tensor import Tensor
from . import rules
from .approximations import _polynomial, precisely
from .elementwise import abs as _abs
from .elementwise import bitwise_or, cos, eq, exp, expm1, log, lt, maximum, minimum, neg, sin, sqrt, where
from .incomplete import _legendre

__all__ = [
    "airy_ai", "bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1", "modified_bessel_k0", "modified_bessel_k1",
    "scaled_modified_bessel_k0", "scaled_modified_bessel_k1",
]  # fmt: skip

_One = Callable[[Tensor], Tensor]
_EULER = 0.5772156649015329
_FAR = 25.0  # from here on the asymptotic series
_NODES = 48


def _sinh(t: Tensor) -> Tensor:
    grown = expm1(t)
    return (grown + grown / (grown + 1)) * 0.5


def _waves(x: Tensor, order: float) -> tuple[Tensor, Tensor]:
    """(J, Y) of x >= 25 by Hankel's series."""
    inverse = 1.0 / x
    term, terms = 1.0, [1.0]
    for k in range(1, 27):
        term *= (4 * order * order - (2 * k - 1) ** 2) / (8 * k)
        terms.append(term)
    square = inverse * inverse
    even = _polynomial(square, [c * (-1) ** (i % 2) for i, c in enumerate(terms[0::2])][::-1])
    odd = inverse * _polynomial(square, [c * (-1) ** (i % 2) for i, c in enumerate(terms[1::2])][::-1])
    angle = x - (order / 2 + 0.25) * math.pi
    c, s, size = cos(angle), sin(angle), sqrt(2 / math.pi * inverse)
    return size * (even * c - odd * s), size * (even * s + odd * c)


def _integral(x: Tensor, integrand: Callable[[Tensor, float], Tensor]) -> Tensor:
    """Over (0, pi) divided by pi."""
    total = x * 0
    for node, weight in _legendre(_NODES):
        angle = node * math.pi
        total = total + weight * integrand(x * math.sin(angle), angle)
    return total


def _tail(x: Tensor, integrand: Callable[[Any], Tensor]) -> Tensor:
    """The integral of ``integrand(t)`` * exp(-x * sinh(t)) over t > 0, of x >= 2."""
    ratio = 38.0 / x
    end = log(ratio + sqrt(ratio * ratio + 1))
    total = x * 0
    for node, weight in _legendre(_NODES):
        t = end * node
        total = total + weight * integrand(t) * exp(neg(x * _sinh(t)))
    return total * end


def _j(x: Tensor, order: int) -> Tensor:
    size = _abs(x)
    near = _integral(minimum(size, _FAR), (lambda y, t: cos(y)) if order == 0 else (lambda y, t: sin(y) * math.sin(t)))
    result = where(lt(size, _FAR), near, _waves(maximum(size, _FAR), order)[0])
    return where(lt(x, 0), neg(result), result) if order else where(eq(x, 0), 1.0, result)


def _log_series(x: Tensor, order: int, sign: float) -> Tensor:
    """The part of Y (sign -1) and K (sign 1) that has no logarithm: a power series with harmonic numbers, x <= 2."""
    quarter = x * x * (0.25 * sign)
    coefficients, harmonic = [], 0.0
    for k in range(16):
        harmonic += 1 / k if k else 0.0
        after = harmonic if order == 0 else 2 * harmonic + 1 / (k + 1)
        coefficients.append(after / (math.factorial(k) * math.factorial(k + order)))
    return _polynomial(quarter, coefficients[::-1])


def _y(x: Tensor, order: int) -> Tensor:
    small, middle = minimum(maximum(x, 1e-30), 2.0), minimum(maximum(x, 2.0), _FAR)
    level = (log(small * 0.5) + _EULER) * _j(small, order) * (2 / math.pi)
    series = _log_series(small, order, -1.0)
    if order == 0:
        near = level - series * (2 / math.pi)
        inside = _integral(middle, lambda y, t: sin(y)) - _tail(middle, lambda t: 2.0 + t * 0) / math.pi
    else:
        near = level - series * small / (2 * math.pi) - 2 / (math.pi * small)
        inside = _integral(middle, lambda y, t: sin(y - t)) - _tail(middle, lambda t: 2 * _sinh(t)) / math.pi
    result = where(lt(x, _FAR), where(lt(x, 2), near, inside), _waves(maximum(x, _FAR), order)[1])
    return where(lt(x, 0), math.nan, where(eq(x, 0), -math.inf, result))


def _k_tail(x: Tensor, order: float) -> Tensor:
    """exp(x) * K(x) of x >= 1: the trapezoidal rule on exp(-x * (cosh(t) - 1)) * cosh(order * t)."""
    gap = 38.0 / x
    end = log(1 + gap + sqrt(gap * (gap + 2)))
    total = x * 0 + 0.5
    steps = 24
    for i in range(1, steps + 1):
        half = _sinh(end * (i / (2 * steps)))
        value = exp(neg(x * (2 * half * half)))
        if order == 1:
            value = value * (1 + 2 * half * half)
        elif order:
            wide = exp(end * (i / steps * order))
            value = value * (wide + 1 / wide) * 0.5
        total = total + value
    return total * end * (1 / steps)


def _k(x: Tensor, order: int, scaled: bool) -> Tensor:
    from .approximations import bessel

    small, large = minimum(maximum(x, 1e-30), 1.0), maximum(x, 1.0)
    level = (log(small * 0.5) + _EULER) * bessel(small, order, False)
    series = _log_series(small, order, 1.0)
    near = series - level if order == 0 else 1 / small + level - series * small * 0.25
    far = _k_tail(large, order)
    if scaled:
        near = near * exp(small)
    else:
        far = far * exp(neg(large))
    result = where(lt(x, 1), near, where(eq(x, math.inf), 0.0, far))
    return where(lt(x, 0), math.nan, where(eq(x, 0), math.inf, result))


def _ai(x: Tensor) -> Tensor:
    near = minimum(maximum(x, -2.08), 1.32)
    cube = near * near * near
    f, g = [1.0], [1.0]
    for k in range(1, 16):
        f.append(f[-1] / ((3 * k - 1) * (3 * k)))
        g.append(g[-1] / ((3 * k) * (3 * k + 1)))
    middle = 0.3550280538878172 * _polynomial(cube, f[::-1]) - 0.2588194037928068 * near * _polynomial(cube, g[::-1])
    root = sqrt(maximum(_abs(x), 1.3))
    zeta = root * root * root * (2 / 3)
    above = _k_tail(zeta, 1 / 3) * exp(neg(zeta)) * root * (1 / (math.pi * math.sqrt(3)))
    inside = minimum(maximum(zeta, 2.0), _FAR)
    third = math.sin(math.pi / 3)

    def widened(t: Tensor) -> Tensor:
        return _sinh(t * (1 / 3)) * (2 * third / math.pi)

    sums = _integral(inside, lambda y, t: cos(y) * (2 * math.cos(t / 3))) + _tail(inside, widened)
    far = maximum(zeta, _FAR)
    j, y = _waves(far, 1 / 3)
    # J(-v) = cos(v * pi) * J(v) - sin(v * pi) * Y(v)
    waves = j * 1.5 - y * third
    below = where(lt(zeta, _FAR), sums, waves) * root * (1 / 3)
    result = where(lt(1.31, x), above, where(lt(x, -2.08), below, middle))
    return where(bitwise_or(eq(_abs(x), math.inf), eq(x, x).logical_not()), math.nan, result)


# -- with gradients ------------------------------------------------------------------------------------------------


@cache
def _differentiable() -> Any:
    base: Any = late.function

    class Special(base):  # type: ignore[misc]  # the upper layer's class
        """A function of one variable and its slope, both over tensors."""

        @staticmethod
        def forward(
            ctx: Any, x: Tensor, value: Callable[[Tensor], Tensor], slope: Callable[[Tensor], Tensor]
        ) -> Tensor:
            ctx.save_for_backward(x)
            ctx.slope = slope
            return precisely(value, x)

        @staticmethod
        def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
            return grad * ctx.slope(*ctx.saved_tensors), None, None

    return Special


def _special(name: str, doc: str, value: _One, slope: _One) -> Any:
    from ..dtypes import default_dtype, float32, float64
    from .results import accepts_out

    def function(input: Tensor) -> Tensor:
        x = input if input.dtype.category >= 2 else input.to(default_dtype())
        if x.dtype not in (float32, float64):
            raise rules.not_implemented(f"{name}_cpu", x.dtype)
        result: Tensor = _differentiable().apply(x, value, slope)
        return result

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{doc}, elementwise."
    return accepts_out(function)


def _over(y: Tensor, x: Tensor, limit: float) -> Tensor:
    zero = eq(x, 0)
    return where(zero, limit, y / where(zero, 1.0, x))


def _no_slope(x: Tensor) -> Tensor:
    raise NotImplementedError("the derivative for 'special_airy_ai' is not implemented.")


_KIND = "Bessel function of the {} kind of order {}"
bessel_j0: Any = _special("bessel_j0", _KIND.format("first", 0), lambda x: _j(x, 0), lambda x: -bessel_j1(x))
bessel_j1: Any = _special(
    "bessel_j1", _KIND.format("first", 1), lambda x: _j(x, 1), lambda x: bessel_j0(x) - _over(bessel_j1(x), x, 0.5)
)
bessel_y0: Any = _special("bessel_y0", _KIND.format("second", 0), lambda x: _y(x, 0), lambda x: -bessel_y1(x))
bessel_y1: Any = _special(
    "bessel_y1", _KIND.format("second", 1), lambda x: _y(x, 1), lambda x: bessel_y0(x) - bessel_y1(x) / x
)
_KIND = "Modified Bessel function of the second kind of order {}"
modified_bessel_k0: Any = _special(
    "modified_bessel_k0", _KIND.format(0), lambda x: _k(x, 0, False), lambda x: -modified_bessel_k1(x)
)
modified_bessel_k1: Any = _special(
    "modified_bessel_k1", _KIND.format(1), lambda x: _k(x, 1, False),
    lambda x: -modified_bessel_k0(x) - modified_bessel_k1(x) / x,
)  # fmt: skip
scaled_modified_bessel_k0: Any = _special(
    "scaled_modified_bessel_k0", _KIND.format(0) + ", times exp(input)", lambda x: _k(x, 0, True),
    lambda x: scaled_modified_bessel_k0(x) - scaled_modified_bessel_k1(x),
)  # fmt: skip
scaled_modified_bessel_k1: Any = _special(
    "scaled_modified_bessel_k1", _KIND.format(1) + ", times exp(input)", lambda x: _k(x, 1, True),
    lambda x: scaled_modified_bessel_k1(x) * (1 - 1 / x) - scaled_modified_bessel_k0(x),
)  # fmt: skip
airy_ai: Any = _special("airy_ai", "Airy function", _ai, _no_slope)
