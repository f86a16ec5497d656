"""Error, gamma and modified Bessel functions of a real variable."""

from __future__ import annotations

import math
from typing import Any

from ..codegen.lowering import Elementwise
from ..core.plan import Result
from ..core.tensor import Tensor
from ..dtypes import default_dtype, float64
from . import approximations as numerics
from . import rules, samples
from .elementwise import eq, exp, lt, neg, sgn, where
from .primitive import primitive
from .results import accepts_out

__all__ = ["digamma", "erfc", "erfinv", "i0", "lgamma", "mvlgamma", "polygamma"]
METHODS = IN_PLACE = __all__


def _singles(low: float, high: float) -> Any:
    """Samples without the half types, which PyTorch does not take there."""
    main = samples.array(2, 3, low=low, high=high)
    return samples.calls(
        (main,),
        "[0]",
        (main.__class__((2, 3), float64, low, high),),
        layouts=True,
    )


# -- error functions

_SLOPE = 2 / math.sqrt(math.pi)


@primitive(
    rule=rules.floating("bif", "erfc_vml_cpu"),
    vjp={"input": lambda grad, input: grad * (exp(neg(input * input)) * -_SLOPE)},
    samples=samples.unary(rejects="c"),
    lower=Elementwise("f"),
)
def erfc(input: Tensor) -> Tensor:
    """1 - erf(input), elementwise, accurate in the tail."""
    return numerics.precisely(numerics.erfc, input)


@primitive(
    rule=rules.floating("bif", "erfinv_vml_cpu"),
    vjp={"input": lambda grad, out: grad * (exp(out * out) / _SLOPE)},
    samples=samples.unary(-0.9, 0.9, accepts="fb", rejects="c"),
    lower="f",
)
def erfinv(input: Tensor) -> Tensor:
    """Inverse of erf, elementwise; nan outside [-1, 1]."""
    return numerics.precisely(numerics.erfinv, input)


@primitive(
    name="special_erfcx",
    torch_name="special.erfcx",
    rule=rules.floating("bif", "erfcx_cpu"),
    vjp={"input": lambda grad, input, out: grad * (2 * input * out - _SLOPE)},
    samples=_singles(-3.0, 3.0),
    lower="f",
)
def erfcx(input: Tensor) -> Tensor:
    """exp(input**2) * erfc(input), elementwise."""
    return numerics.precisely(numerics.erfcx, input)


@primitive(
    name="special_ndtri",
    torch_name="special.ndtri",
    rule=rules.floating("bif", "ndtri_cpu"),
    vjp={"input": lambda grad, out: grad * (exp(out * out * 0.5) * math.sqrt(2 * math.pi))},
    samples=_singles(0.05, 0.95),
    lower="f",
)
def ndtri(input: Tensor) -> Tensor:
    """The quantile of the standard normal distribution, elementwise."""
    return numerics.precisely(numerics.normal_quantile, input)


@primitive(
    name="special_log_ndtr",
    torch_name="special.log_ndtr",
    rule=rules.floating("bif", "log_ndtr_cpu"),
    vjp={"input": lambda grad, input: grad * (math.sqrt(2 / math.pi) / erfcx(input * -math.sqrt(0.5)))},
    samples=_singles(-3.0, 3.0),
    lower="f",
)
def log_ndtr(input: Tensor) -> Tensor:
    """Logarithm of the standard normal distribution function, elementwise, accurate in the tail."""
    return numerics.precisely(lambda x: numerics.log_erfc(x * -math.sqrt(0.5)) - math.log(2.0), input)


# -- gamma functions


def _lgamma_grad(grad: Tensor, input: Tensor) -> Tensor:
    return grad * digamma(input)


@primitive(
    rule=rules.floating("bif", "lgamma_vml_cpu"),
    vjp={"input": _lgamma_grad},
    samples=samples.unary(0.3, 5.0, accepts="fb", rejects="c"),
    lower=Elementwise("f"),
)
def lgamma(input: Tensor) -> Tensor:
    """log(abs(Gamma(input))), elementwise."""
    return numerics.precisely(numerics.lgamma, input)


def _digamma_grad(grad: Tensor, input: Tensor) -> Tensor:
    return grad * _polygamma(input, 1)


@primitive(
    rule=rules.floating("bif", "digamma"),
    vjp={"input": _digamma_grad},
    samples=samples.unary(0.3, 5.0, accepts="f", rejects="c"),
    lower="f",
)
def digamma(input: Tensor) -> Tensor:
    """Derivative of lgamma, elementwise."""
    return numerics.precisely(numerics.digamma, input)


_polygamma_rule = rules.floating("bif", "polygamma")


def _polygamma_grad(grad: Tensor, input: Tensor, n: int) -> Tensor:
    return grad * _polygamma(input, n + 1)


@primitive(
    name="polygamma",
    rule=lambda x, n: Result(_polygamma_rule(x).layout, (n,), cast=_polygamma_rule(x).cast),
    vjp={"input": _polygamma_grad},
    samples=samples.calls(
        "[2,3]~0.3..5.0 1; [7]~0.3..9.0 3; [0] 1; []~0.3.. 2",
        accepts="f", layouts=True,
    ),
)  # fmt: skip
def _polygamma(input: Tensor, n: int) -> Tensor:
    """The n-th derivative of digamma, n >= 1; by reflection below 0."""

    def compute(x: Tensor) -> Tensor:
        below = lt(x, 0)
        result = numerics.zeta(n + 1, where(below, 1 - x, x)) * ((-1) ** (n + 1) * math.factorial(n))
        mirrored = result * (-1) ** n - numerics.cotangent_derivative(n, where(below, x, 0.25))
        return where(below, mirrored, result)

    return numerics.precisely(compute, input)


@accepts_out
def polygamma(n: Any, input: Any) -> Tensor:
    """The n-th derivative of digamma, elementwise (as a method of the tensor, which comes first then)."""
    if isinstance(n, Tensor):
        n, input = input, n
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    return _polygamma(input, n) if n else digamma(input)


@accepts_out
def mvlgamma(input: Tensor, p: int) -> Tensor:
    """Logarithm of the multivariate gamma function of dimension p, elementwise; input > (p - 1) / 2."""
    if p < 1:
        raise RuntimeError("p has to be greater than or equal to 1")
    x = input if input.dtype.category >= 2 else input.to(default_dtype())
    result = lgamma(x)
    for i in range(1, p):
        result = result + lgamma(x - 0.5 * i)
    return result + p * (p - 1) / 4 * math.log(math.pi)


# -- modified Bessel functions


def _ratio(i1_of: Tensor, x: Tensor) -> Tensor:
    """I1(x)/x, 1/2 at 0."""
    zero = eq(x, 0)
    return where(zero, 0.5, i1_of / where(zero, 1.0, x))


def _i0_grad(grad: Tensor, input: Tensor) -> Tensor:
    return grad * i1(input)


@primitive(
    rule=rules.floating("bif", "i0_vml_cpu"),
    vjp={"input": _i0_grad},
    samples=samples.unary(rejects="c"),
    lower="f",
)
def i0(input: Tensor) -> Tensor:
    """Modified Bessel function of the first kind of order 0, elementwise."""
    return numerics.precisely(lambda x: numerics.bessel(x, 0, False), input)


def _i0e_grad(grad: Tensor, input: Tensor, out: Tensor) -> Tensor:
    return grad * (i1e(input) - sgn(input) * out)


@primitive(
    name="special_i0e",
    torch_name="special.i0e",
    rule=rules.floating("bif", "i0e_cpu"),
    vjp={"input": _i0e_grad},
    samples=samples.unary(rejects="c"),
    lower="f",
)
def i0e(input: Tensor) -> Tensor:
    """exp(-abs(input)) * i0(input), elementwise."""
    return numerics.precisely(lambda x: numerics.bessel(x, 0, True), input)


@primitive(
    name="special_i1",
    torch_name="special.i1",
    rule=rules.floating("bif", "i1_cpu"),
    vjp={"input": lambda grad, input, out: grad * (i0(input) - _ratio(out, input))},
    samples=samples.unary(rejects="c"),
    lower="f",
)
def i1(input: Tensor) -> Tensor:
    """Modified Bessel function of the first kind of order 1, elementwise."""
    return numerics.precisely(lambda x: numerics.bessel(x, 1, False), input)


@primitive(
    name="special_i1e",
    torch_name="special.i1e",
    rule=rules.floating("bif", "i1e_cpu"),
    vjp={"input": lambda grad, input, out: grad * (i0e(input) - sgn(input) * out - _ratio(out, input))},
    samples=samples.unary(rejects="c"),
    lower="f",
)
def i1e(input: Tensor) -> Tensor:
    """exp(-abs(input)) * i1(input), elementwise."""
    return numerics.precisely(lambda x: numerics.bessel(x, 1, True), input)
