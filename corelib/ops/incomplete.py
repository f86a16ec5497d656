"""The incomplete gamma functions, by quadrature of one integrand on the side of the tail that is short.

With g(u) = exp(a*u - x*(exp(u) - 1)) and c = x**a * exp(-x) / Gamma(a), the lower function is c times the integral
of g over u < 0 and the upper one c times that over u > 0.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from typing import Any

from ..core.tensor import Tensor
from ..dtypes import float64
from . import rules, samples
from .approximations import _GAMMA_P, _GAMMA_Q, _STIRLING, _polynomial, digamma, lgamma, precisely
from .elementwise import abs as _abs
from .elementwise import bitwise_or, eq, exp, expm1, le, log, log1p, lt, maximum, minimum, neg, sqrt, where
from .primitive import primitive

__all__ = ["igamma", "igammac"]
METHODS = ["igamma", "igammac"]
IN_PLACE = ["igamma", "igammac"]

_SERIES = 1.5  # below this x power series are used


@cache
def _legendre(count: int) -> tuple[tuple[float, float], ...]:
    """Nodes and weights of Gauss and Legendre's rule on [0, 1]."""
    rule = []
    for i in range(count):
        x = math.cos(math.pi * (i + 0.75) / (count + 0.5))
        for _ in range(20):
            below, here = 1.0, x
            for k in range(1, count):
                below, here = here, ((2 * k + 1) * x * here - k * below) / (k + 1)
            slope = count * (x * here - below) / (x * x - 1)
            x -= here / slope
        rule.append(((1 - x) / 2, 1 / ((1 - x * x) * slope * slope)))
    return tuple(rule)


def _tail(a: Tensor, x: Tensor, nodes: int) -> tuple[Tensor, Tensor, Tensor]:
    """The integrals of g and of u * g from 0 to the side where g falls, and that side (-1 or 1); x > 0."""
    gap = _abs(a - x)
    side = where(le(x, a), -1.0, 1.0)
    end = side * (sqrt(gap * gap + 74.0 * x) - gap) / x
    for _ in range(2):  # Newton's steps to where g is exp(-37)
        grown = x * expm1(end)
        end = end - (grown - a * end - 37.0) / (grown + (x - a))
    total = first = x * 0
    for node, weight in _legendre(nodes):
        u = end * node
        value = exp(a * u - x * expm1(u)) * weight
        total, first = total + value, first + value * u
    return total * _abs(end), first * _abs(end), side


def _factor(a: Tensor, x: Tensor) -> Tensor:
    """x**a * exp(-x) / Gamma(a) of a >= 0 and x > 0."""
    big = maximum(a, 7.0)
    ratio = (x - big) / big
    inverse = 1.0 / big
    far = exp(big * (log1p(ratio) - ratio) - _polynomial(inverse * inverse, _STIRLING) * inverse)
    small = minimum(maximum(a, 1e-300 if a.dtype is float64 else 1e-37), 7.0)
    return where(lt(a, 7), exp(small * log(x) - x - lgamma(small + 1)) * small, far * sqrt(big / (2 * math.pi)))


def _near(a: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """The lower function, and one minus it without cancellation where a < 1, of x up to 1.5, by power series."""
    term = total = x * 0 + 1
    alternating, power = x * 0, x * 0 + 1
    for k in range(1, 26):
        term = term * x / (a + k)
        total = total + term
        power = power * x * (-1.0 / k)
        alternating = alternating + power / (a + k)
    lower = exp(a * log(x) - x - lgamma(a + 1)) * total
    a = minimum(a, 1.0)
    rest = a * (_polynomial(a, _GAMMA_P) / _polynomial(a, _GAMMA_Q)) - log1p(a)  # log(Gamma(1 + a))
    power = a * log(x) - rest
    return lower, neg(expm1(power)) - exp(power) * a * alternating


def _regularized(a: Tensor, x: Tensor, upper: bool) -> Tensor:
    """P(a, x) or Q(a, x)."""
    within = lt(0, a).logical_and(lt(0, x)).logical_and(lt(a, math.inf)).logical_and(lt(x, math.inf))
    b, y = where(within, a, 1.0), where(within, x, 1.0)
    far = maximum(y, _SERIES)
    total, _, side = _tail(b, far, 36)
    part = total * _factor(b, far)
    lower, complement = _near(b, minimum(y, _SERIES))
    if upper:
        result = where(lt(side, 0), 1 - part, part)
        near = where(lt(b, minimum(y, 1.0)), complement, 1 - lower)
    else:
        result, near = where(lt(side, 0), part, 1 - part), lower
    result = where(lt(y, _SERIES), near, result)
    one = bitwise_or(eq(a, 0), eq(x, math.inf))  # all of the mass is below x
    none = bitwise_or(eq(x, 0), eq(a, math.inf))
    edge = where(one.logical_xor(none).logical_and(le(0, a)).logical_and(le(0, x)), 1.0, math.nan)
    edge = edge * where(one, 0.0 if upper else 1.0, 1.0 if upper else 0.0)
    return where(within, result, edge)


def shape_slope(a: Tensor, level: Tensor, nodes: int = 36) -> Tensor:
    """d log(x) / d a at which the lower function stays as it is; ``level`` is log(x), which may be far below."""
    x = exp(level)
    far = maximum(x, _SERIES)
    total, first, side = _tail(a, far, nodes)
    psi = digamma(a)
    result = side * (total * (log(far) - psi) + first)
    small = minimum(x, _SERIES)
    term = sums = small * 0 + 1
    harmonic = moved = small * 0
    for k in range(1, 26):
        term = term * small / (a + k)
        harmonic = harmonic - 1.0 / (a + k)
        sums, moved = sums + term, moved + term * harmonic
    near = neg((sums * (minimum(level, math.log(_SERIES)) - psi - 1.0 / a) + moved) / a)
    return where(lt(x, _SERIES), near, result)


def _slope(input: Tensor, other: Tensor) -> Tensor:
    """dP/da, for x > 0."""
    return precisely(lambda a, x: neg(_factor(a, x) * shape_slope(a, log(x))), input, other)


def _density(input: Tensor, other: Tensor) -> Tensor:
    return exp((input - 1) * log(other) - other - input.lgamma())


def _pairs() -> Any:
    a, b = samples.array(2, 3, low=0.2, high=9.0), samples.array(2, 3, low=0.2, high=9.0, seed=1)
    row = samples.array(3, low=0.2, high=3.0, seed=2)
    made = samples.calls(
        (a, b), (a, row), (row, a), (samples.array(0), samples.array(1)), accepts="f", rejects="c", layouts=True
    )
    # PyTorch, with which samples are compared, has no gradient in the first argument
    return lambda: [replace(sample, gradient=False) for sample in made()]


@primitive(
    rule=rules.binary("float", accepts="f", name="igamma_cpu"),
    vjp={
        "input": lambda grad, input, other: grad * _slope(input, other),
        "other": lambda grad, input, other: grad * _density(input, other),
    },
    samples=_pairs(),
)
def igamma(input: Tensor, other: Tensor) -> Tensor:
    """The regularized lower incomplete gamma function P(input, other), elementwise; nan of negative arguments."""
    return precisely(lambda a, x: _regularized(a, x, False), input, other)


@primitive(
    rule=rules.binary("float", accepts="f", name="igammac_cpu"),
    vjp={
        "input": lambda grad, input, other: grad * -_slope(input, other),
        "other": lambda grad, input, other: grad * -_density(input, other),
    },
    samples=_pairs(),
)
def igammac(input: Tensor, other: Tensor) -> Tensor:
    """The regularized upper incomplete gamma function Q(input, other) = 1 - P, elementwise."""
    return precisely(lambda a, x: _regularized(a, x, True), input, other)
