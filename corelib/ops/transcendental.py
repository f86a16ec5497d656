"""Functions of one real or complex variable: trigonometric, hyperbolic and their inverses, exponentials, logarithms."""

from __future__ import annotations

import math
from typing import Any

from ..codegen.lowering import Elementwise
from ..core.plan import Result
from ..core.tensor import Tensor
from ..dtypes import default_dtype
from ..dtypes import dtype as DType
from . import approximations as numerics
from . import rules, samples
from .activation import sigmoid
from .creation import full
from .derived import clamp
from .elementwise import abs as _abs
from .elementwise import (
    atan2,
    bitwise_and,
    conj,
    cos,
    div,
    eq,
    exp,
    expm1,
    le,
    log,
    log1p,
    lt,
    maximum,
    minimum,
    mul,
    neg,
    pow,
    sin,
    sqrt,
    where,
)
from .primitive import primitive
from .results import accepts_out

__all__ = [
    "acos", "acosh", "asin", "asinh", "atan", "atanh", "cosh", "exp2", "log2", "log10", "logaddexp", "logaddexp2",
    "logit", "sinc", "sinh", "tan", "xlogy",
]  # fmt: skip
METHODS = __all__
IN_PLACE = [name for name in METHODS if not name.startswith("logadd")]
ALIASES = {
    "arccos": "acos", "arccosh": "acosh", "arcsin": "asin", "arcsinh": "asinh", "arctan": "atan", "arctanh": "atanh",
}  # fmt: skip

_REAL = "bif"


def _signed(size: Tensor, x: Tensor) -> Tensor:
    """The value of an odd function from that at abs(x); zeros keep their sign."""
    return where(lt(x, 0), neg(size), where(eq(x, 0), x, size))


def _pairs() -> Any:
    """Samples of two positive operands of one dtype (PyTorch takes the logarithm of an integer one in float32)."""
    a, b = samples.array(2, 3, low=0.2, high=3.0), samples.array(2, 3, low=0.2, high=3.0, seed=1)
    row = samples.array(3, low=0.2, high=3.0, seed=2)
    return samples.calls(
        (a, b),
        (a, row),
        (row, a),
        "[0] [1]",
        accepts="f",
        rejects="c",
        layouts=True,
    )


# -- trigonometric


@primitive(
    rule=rules.floating(),
    vjp={"input": lambda grad, out: grad * conj(out * out + 1)},
    samples=samples.unary(-1.4, 1.4, accepts="fibc"),
    lower=Elementwise("f"),
)
def tan(input: Tensor) -> Tensor:
    """Tangent, elementwise."""
    return sin(input) / cos(input)


@primitive(
    rule=rules.floating(),
    vjp={"input": lambda grad, input: grad * conj(div(1.0, sqrt(1 - input * input)))},
    samples=samples.unary(-0.9, 0.9, accepts="fbc"),
    lower=Elementwise("f"),
)
def asin(input: Tensor) -> Tensor:
    """Inverse sine, elementwise; nan outside [-1, 1]."""
    if input.dtype.is_complex:
        return -1j * log(1j * input + sqrt(1 - input * input))
    return atan2(input, sqrt((1 - input) * (1 + input)))


@primitive(
    rule=rules.floating(),
    vjp={"input": lambda grad, input: -grad * conj(div(1.0, sqrt(1 - input * input)))},
    samples=samples.unary(-0.9, 0.9, accepts="fbc"),
    lower=Elementwise("f"),
)
def acos(input: Tensor) -> Tensor:
    """Inverse cosine, elementwise, in [0, pi]; nan outside [-1, 1]."""
    if input.dtype.is_complex:
        return math.pi / 2 + 1j * log(1j * input + sqrt(1 - input * input))
    return 2 * atan2(sqrt(1 - input), sqrt(1 + input))


@primitive(
    rule=rules.floating(),
    vjp={"input": lambda grad, input: grad / conj(input * input + 1)},
    samples=samples.unary(accepts="fibc"),
    lower=Elementwise("f"),
)
def atan(input: Tensor) -> Tensor:
    """Inverse tangent, elementwise, in [-pi/2, pi/2]."""
    if input.dtype.is_complex:
        return 0.5j * (log(1 - 1j * input) - log(1 + 1j * input))
    return atan2(input, 1.0)


# -- hyperbolic


def _sinh_grad(grad: Tensor, input: Tensor) -> Tensor:
    return grad * conj(cosh(input))


@primitive(
    rule=rules.floating(), vjp={"input": _sinh_grad}, samples=samples.unary(accepts="fibc"), lower=Elementwise("f")
)
def sinh(input: Tensor) -> Tensor:
    """Hyperbolic sine, elementwise."""
    if input.dtype.is_complex:
        return (exp(input) - exp(neg(input))) * 0.5
    size = _abs(input)
    e = expm1(minimum(size, 20.0))
    half = exp(size * 0.5)
    return _signed(
        where(lt(size, 20.0), (e + e / (e + 1)) * 0.5, where(eq(size, size), half * 0.5 * half, size)), input
    )


@primitive(
    rule=rules.floating(),
    vjp={"input": lambda grad, input: grad * conj(sinh(input))},
    samples=samples.unary(accepts="fibc"),
    lower=Elementwise("f"),
)
def cosh(input: Tensor) -> Tensor:
    """Hyperbolic cosine, elementwise."""
    if input.dtype.is_complex:
        return (exp(input) + exp(neg(input))) * 0.5
    half = exp(_abs(input) * 0.5)
    return half * 0.5 * half + 0.5 / half / half


@primitive(
    rule=rules.floating(),
    vjp={"input": lambda grad, input: grad * conj(div(1.0, sqrt(input * input + 1)))},
    samples=samples.unary(accepts="fibc"),
    lower=Elementwise("f"),
)
def asinh(input: Tensor) -> Tensor:
    """Inverse hyperbolic sine, elementwise."""
    if input.dtype.is_complex:
        return log(input + sqrt(input * input + 1))
    size = _abs(input)
    small = minimum(size, 1e9)
    square = small * small
    near = log1p(small + square / (sqrt(square + 1) + 1))
    return _signed(where(lt(1e9, size), log(size) + math.log(2.0), near), input)


@primitive(
    rule=rules.floating(),
    vjp={"input": lambda grad, input: grad * conj(_acosh_slope(input))},
    samples=samples.unary(1.1, 4.0, accepts="fbc"),
    lower=Elementwise("f"),
)
def acosh(input: Tensor) -> Tensor:
    """Inverse hyperbolic cosine, elementwise; nan below 1."""
    if input.dtype.is_complex:
        return log(input + sqrt(input + 1) * sqrt(input - 1))
    above = minimum(input, 1e9) - 1
    return where(lt(1e9, input), log(maximum(input, 1.0)) + math.log(2.0), log1p(above + sqrt(above) * sqrt(above + 2)))


def _acosh_slope(x: Tensor) -> Tensor:
    return div(1.0, sqrt(x - 1) * sqrt(x + 1)) if x.dtype.is_complex else div(1.0, sqrt(x * x - 1))


@primitive(
    rule=rules.floating(),
    vjp={"input": lambda grad, input: grad / conj(1 - input * input)},
    samples=samples.unary(-0.9, 0.9, accepts="fbc"),
    lower=Elementwise("f"),
)
def atanh(input: Tensor) -> Tensor:
    """Inverse hyperbolic tangent, elementwise; nan outside [-1, 1]."""
    if input.dtype.is_complex:
        return 0.5 * (log(1 + input) - log(1 - input))
    size = _abs(input)
    return _signed(0.5 * log1p(2 * size / (1 - size)), input)


# -- exponentials and logarithms


@primitive(
    rule=rules.floating(),
    vjp={"input": lambda grad, out: grad * conj(out * math.log(2.0))},
    samples=samples.unary(accepts="fibc"),
    lower=Elementwise("f"),
)
def exp2(input: Tensor) -> Tensor:
    """2 ** input, elementwise."""
    return exp(input * math.log(2.0)) if input.dtype.is_complex else pow(2.0, input)


@primitive(
    rule=rules.floating(),
    vjp={"input": lambda grad, input: grad / conj(input * math.log(2.0))},
    samples=samples.unary(0.1, 5.0, accepts="fbc"),
    lower=Elementwise("f"),
)
def log2(input: Tensor) -> Tensor:
    """Logarithm to base 2, elementwise."""
    return numerics.precisely(lambda x: log(x) * (1 / math.log(2.0)), input)


@primitive(
    rule=rules.floating(),
    vjp={"input": lambda grad, input: grad / conj(input * math.log(10.0))},
    samples=samples.unary(0.1, 5.0, accepts="fbc"),
    lower=Elementwise("f"),
)
def log10(input: Tensor) -> Tensor:
    """Logarithm to base 10, elementwise."""
    return numerics.precisely(lambda x: log(x) / math.log(10.0), input)


def _share(mine: Any, other: Any, base: float) -> Tensor:
    """The part of one of two terms in their sum, from their logarithms."""
    difference = other - mine
    if not difference.dtype.is_complex:  # of two equal infinities it is not a number
        difference = where(bitwise_and(eq(mine, other), eq(_abs(mine), math.inf)), 0.0, difference)
    return conj(sigmoid(difference * -base))


@primitive(
    rule=rules.binary(accepts="fc", name="logaddexp_cpu"),
    vjp={
        "input": lambda grad, input, other: grad * _share(input, other, 1.0),
        "other": lambda grad, input, other: grad * _share(other, input, 1.0),
    },
    samples=samples.binary(accepts="f", numbers=()),
    scalars_mix=True,
    lower="f",
)
def logaddexp(input: Tensor, other: Tensor) -> Tensor:
    """log(exp(input) + exp(other)), elementwise, without overflow."""
    if input.dtype.is_complex:
        swap = lt(input.real, other.real)
        high, low = where(swap, other, input), where(swap, input, other)
        return high + log1p(exp(low - high))
    high = maximum(input, other)
    return where(eq(input, other), high + math.log(2.0), high + log1p(exp(neg(_abs(input - other)))))


@primitive(
    rule=rules.binary(accepts="f", name="logaddexp2_cpu"),
    vjp={
        "input": lambda grad, input, other: grad * _share(input, other, math.log(2.0)),
        "other": lambda grad, input, other: grad * _share(other, input, math.log(2.0)),
    },
    samples=samples.binary(accepts="f", numbers=()),
    scalars_mix=True,
    lower="f",
)
def logaddexp2(input: Tensor, other: Tensor) -> Tensor:
    """log2(2**input + 2**other), elementwise, without overflow."""
    high = maximum(input, other)
    more = log1p(exp(neg(_abs(input - other)) * math.log(2.0))) * (1 / math.log(2.0))
    return where(eq(input, other), high + 1, high + more)


def number_like(value: Any, other: Tensor) -> Tensor:
    """A number as a tensor without dimensions that leaves the other operand's dtype as it is."""
    return value if isinstance(value, Tensor) else full((), value, dtype=_floating(other.dtype), device=other.device)


def _floating(d: DType) -> DType:
    return d if d.category >= 2 else default_dtype()


def _pair(input: Any, other: Any) -> tuple[Tensor, Tensor]:
    if isinstance(input, Tensor):
        return input, number_like(other, input)
    return number_like(input, other), other


def _times_log_rule(name: str) -> Any:
    return rules.binary("float", accepts="bif", name=name)


def _unless_zero(x: Tensor, y: Tensor, value: Tensor) -> Tensor:
    """``value``, but 0 where x is 0 and y is not nan."""
    return where(bitwise_and(eq(x, 0), eq(y, y)), 0.0, value)


@primitive(
    name="xlogy",
    rule=_times_log_rule("xlogy_cpu"),
    vjp={
        "input": lambda grad, input, other: grad * where(bitwise_and(eq(input, 0), le(other, 0)), 0.0, log(other)),
        "other": lambda grad, input, other: grad * (input / other),
    },
    samples=_pairs(),
    scalars_mix=True,
    lower="f",
)
def _xlogy(input: Tensor, other: Tensor) -> Tensor:
    """input * log(other), elementwise; 0 where input is 0."""
    return _unless_zero(input, other, mul(input, log(other)))


@accepts_out
def xlogy(input: Any, other: Any) -> Tensor:
    """input * log(other), elementwise; 0 where input is 0. One of the two may be a number."""
    return _xlogy(*_pair(input, other))


@primitive(
    name="special_xlog1py",
    torch_name="special.xlog1py",
    rule=_times_log_rule("xlog1py_cpu"),
    vjp={
        "input": lambda grad, input, other: grad * where(bitwise_and(eq(input, 0), le(other, -1)), 0.0, log1p(other)),
        "other": lambda grad, input, other: grad * (input / (other + 1)),
    },
    samples=_pairs(),
    scalars_mix=True,
    lower="f",
)
def _xlog1py(input: Tensor, other: Tensor) -> Tensor:
    """input * log1p(other), elementwise; 0 where input is 0."""
    return _unless_zero(input, other, mul(input, log1p(other)))


@accepts_out
def xlog1py(input: Any, other: Any) -> Tensor:
    """input * log1p(other), elementwise; 0 where input is 0. One of the two may be a number."""
    return _xlog1py(*_pair(input, other))


_logit_rule = rules.floating("bif", "logit_cpu")


@primitive(
    name="logit",
    rule=lambda x, eps: Result(_logit_rule(x).layout, (eps,), cast=_logit_rule(x).cast),
    vjp={"input": lambda grad, input, eps: grad * _logit_slope(input, eps)},
    samples=samples.calls(
        "[2,3]~0.1..0.9 None; [5]~0.0..1.0 0.2; [0] None; []~0.2..0.8 None",
        accepts="f", rejects="c", layouts=True,
    ),
    lower="f",
)  # fmt: skip
def _logit(input: Tensor, eps: Any) -> Tensor:
    """log(input / (1 - input))."""
    x = input if eps is None else clamp(input, eps, 1 - eps)
    return log(x / (1 - x))


def _logit_slope(x: Tensor, eps: Any) -> Tensor:
    slope = div(1.0, x * (1 - x))
    if eps is None:
        return where(bitwise_and(le(0, x), le(x, 1)), slope, math.nan)
    return where(bitwise_and(le(eps, x), le(x, 1 - eps)), slope, 0.0)


@accepts_out
def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """log(input / (1 - input)), elementwise; input is limited to [eps, 1 - eps] where eps is given."""
    return _logit(input, eps)


def _sinc_grad(grad: Tensor, input: Tensor) -> Tensor:
    x = input * math.pi
    zero = eq(x, 0)
    safe = where(zero, 1.0, x)
    return grad * conj(where(zero, 0.0, (cos(x) * x - sin(x)) / safe / safe * math.pi))


@primitive(rule=rules.floating(), vjp={"input": _sinc_grad}, samples=samples.unary(0.1, 3.0, accepts="fibc"), lower="f")
def sinc(input: Tensor) -> Tensor:
    """sin(pi * input) / (pi * input), elementwise; 1 at 0."""
    x = input * math.pi
    return where(eq(x, 0), 1.0, sin(x) / where(eq(x, 0), 1.0, x))
