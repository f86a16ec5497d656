"""Elementwise primitives: arithmetic, comparison, bits, and the functions of one variable."""

from __future__ import annotations

from typing import Any, overload

from ..codegen import scalar
from ..codegen.lowering import Elementwise
from ..core.plan import Result
from ..core.tensor import TENSORS, Tensor
from ..dtypes import bool_, dtype
from ..layout import Layout
from . import rules, samples
from .primitive import Number, primitive
from .results import accepts_out

__all__ = [
    "abs", "atan2", "bitwise_and", "bitwise_left_shift", "bitwise_not", "bitwise_or", "bitwise_right_shift",
    "bitwise_xor", "conj", "cos", "eq", "erf", "exp", "expm1", "fmod", "le", "log", "log1p", "lt", "maximum",
    "minimum", "mul", "neg", "pow", "sign", "sin", "sqrt", "tanh", "where",
]  # fmt: skip
METHODS = [
    "abs", "atan2", "bitwise_and", "bitwise_left_shift", "bitwise_not", "bitwise_or", "bitwise_right_shift",
    "bitwise_xor", "conj", "cos", "eq", "erf", "exp", "expm1", "fmod", "le", "log", "log1p", "lt", "maximum",
    "minimum", "mul", "neg", "pow", "sign", "sin", "sqrt", "tanh",
]  # fmt: skip
IN_PLACE = ["sign"]


def _not_neg(d: dtype) -> Exception:
    return RuntimeError(
        "Negation, the `-` operator, on a bool tensor is not supported. "
        "If you are trying to invert a mask, use the `~` or `logical_not()` operator instead."
    )


def _not_sub(d: dtype) -> Exception:
    return RuntimeError(
        "Subtraction, the `-` operator, with two bool tensors is not supported. "
        "Use the `^` or `logical_xor()` operator instead."
    )


def _not_floor(d: dtype) -> Exception:
    if d.is_complex:
        return NotImplementedError("floor is not supported for complex inputs")
    return rules.not_implemented("floor_vml_cpu", d)


# -- one operand


@primitive(
    rule=rules.unary("same", accepts="ifc", error=_not_neg),
    vjp={"input": lambda grad: -grad},
    samples=samples.unary(accepts="fic", rejects="b"),
    lower="if",
)
def neg(input: Tensor) -> Tensor:
    """-input, elementwise; integers wrap."""


def _abs_grad(grad: Tensor, input: Tensor) -> Tensor:
    return grad * sgn(input)


@primitive(
    rule=rules.unary("real", accepts="ifc", name="abs_cpu"),
    vjp={"input": _abs_grad},
    samples=samples.unary(accepts="fi", rejects="b"),
    lower="if",
)
def abs(input: Tensor) -> Tensor:
    """Absolute value, elementwise; of a complex tensor the magnitude, real."""


@primitive(
    name="floor",
    rule=rules.unary("same", accepts="f", error=_not_floor),
    vjp={"input": lambda grad: grad.new_zeros(grad.shape)},
    samples=samples.unary(accepts="f", rejects="bc"),
    lower="f",
)
def floor_float(input: Tensor) -> Tensor:
    """Largest integer not above, of a floating tensor (``floor`` returns integers as they are)."""


@primitive(
    name="round",
    rule=rules.unary("same", accepts="f", name="round_vml_cpu"),
    vjp={"input": lambda grad: grad.new_zeros(grad.shape)},
    samples=samples.unary(accepts="f", rejects="bc"),
    lower="f",
)
def round_float(input: Tensor) -> Tensor:
    """Nearest integer, halves to even, of a floating tensor."""


@primitive(
    rule=rules.floating(),
    vjp={"input": lambda grad, out: grad / (2 * out.conj())},
    samples=samples.unary(0.1, 4.0),
    lower="f",
)
def sqrt(input: Tensor) -> Tensor:
    """Square root, elementwise."""


@primitive(
    rule=rules.floating(),
    vjp={"input": lambda grad, out: grad * out.conj()},
    samples=samples.unary(),
    lower="f",
)
def exp(input: Tensor) -> Tensor:
    """e**input, elementwise."""


@primitive(
    rule=rules.floating(),
    vjp={"input": lambda grad, out: grad * (out + 1).conj()},
    samples=samples.unary(),
    lower="f",
)
def expm1(input: Tensor) -> Tensor:
    """e**input - 1, accurate near 0."""


@primitive(
    rule=rules.floating(),
    vjp={"input": lambda grad, input: grad / input.conj()},
    samples=samples.unary(0.1, 5.0),
    lower="f",
)
def log(input: Tensor) -> Tensor:
    """Natural logarithm, elementwise."""


@primitive(
    rule=rules.floating(),
    vjp={"input": lambda grad, input: grad / (input + 1).conj()},
    samples=samples.unary(-0.9, 4.0, accepts="f"),
    lower="f",
)
def log1p(input: Tensor) -> Tensor:
    """log(1 + input), accurate near 0."""


def _sin_grad(grad: Tensor, input: Tensor) -> Tensor:
    return mul(grad, conj(cos(input)))


@primitive(rule=rules.floating(), vjp={"input": _sin_grad}, samples=samples.unary(), lower="f")
def sin(input: Tensor) -> Tensor:
    """Sine, elementwise."""


@primitive(
    rule=rules.floating(),
    vjp={"input": lambda grad, input: -grad * sin(input).conj()},
    samples=samples.unary(),
    lower="f",
)
def cos(input: Tensor) -> Tensor:
    """Cosine, elementwise."""


@primitive(
    rule=rules.floating(),
    vjp={"input": lambda grad, out: grad * (1 - out * out).conj()},
    samples=samples.unary(),
    lower="f",
)
def tanh(input: Tensor) -> Tensor:
    """Hyperbolic tangent, elementwise."""


@primitive(
    rule=rules.floating("bif", "erf_vml_cpu"),
    vjp={"input": lambda grad, input: grad * (exp(-(input * input)) * 1.1283791670955126)},  # 2/sqrt(pi)
    samples=samples.unary(rejects="c"),
    lower="f",
)
def erf(input: Tensor) -> Tensor:
    """Error function, elementwise."""


@primitive(
    rule=rules.unary("same", accepts="bi", name="bitwise_not_cpu"),
    samples=samples.unary(accepts="ib", rejects="f"),
    lower="bi",
)
def bitwise_not(input: Tensor) -> Tensor:
    """Bits inverted; logical not of a bool tensor."""


# -- two operands


@primitive(
    rule=rules.binary(),
    vjp={"input": lambda grad: grad, "other": lambda grad: grad},
    samples=samples.binary(accepts="fibc"),
    scalars_mix=True,
    lower="bif",
)
def add(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """input + other, elementwise; bool tensors are or-ed."""


@primitive(
    rule=rules.binary(accepts="ifc", error=_not_sub),
    vjp={"input": lambda grad: grad, "other": lambda grad: -grad},
    samples=samples.binary(accepts="fic", rejects="b"),
    scalars_mix=True,
    lower="if",
)
def sub(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """input - other, elementwise."""


@primitive(
    rule=rules.binary(),
    vjp={"input": lambda grad, other: grad * conj(other), "other": lambda grad, input: grad * conj(input)},
    samples=samples.binary(accepts="fibc"),
    scalars_mix=True,
    lower="bif",
)
def mul(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """input * other, elementwise; bool tensors are and-ed."""


@primitive(
    rule=rules.binary("float"),
    vjp={
        "input": lambda grad, other: grad / conj(other),
        "other": lambda grad, input, other: -grad * conj(input / other / other),
    },
    samples=samples.binary(low2=0.5, high2=3.0, accepts="fic"),
    scalars_mix=True,
    lower="f",
)
def div(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """input / other, elementwise; integers divide in the default dtype."""


@primitive(
    rule=rules.binary(accepts="i", name="div_trunc_cpu"),
    samples=samples.binary(low=-20, high=20, low2=1, high2=5, accepts="i"),
    scalars_mix=True,
    torch_name="",
    lower="i",
)
def trunc_divide(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """Integer division truncating towards zero; by zero raises ZeroDivisionError's words."""


def _fmod_grad(grad: Tensor, input: Any, other: Any) -> Tensor:
    from .derived import trunc

    return -grad * trunc(input / other)


@primitive(
    rule=rules.binary(accepts="if", name="fmod_cpu"),
    vjp={"input": lambda grad: grad, "other": _fmod_grad},
    samples=samples.binary(low2=1, high2=3, accepts="fi"),
    scalars_mix=True,
    lower="if",
)
def fmod(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """Remainder with the sign of the dividend."""


def _pow_grad_base(grad: Tensor, input: Any, exponent: Any) -> Tensor:
    if exponent.__class__ not in TENSORS:
        if exponent == 0:
            return grad * 0
        slope: Tensor = exponent * pow(input, exponent - 1)
        return grad * conj(slope)
    return grad * conj(where(eq(exponent, 0), 0.0, exponent * pow(input, exponent - 1)))


def _pow_grad_exponent(grad: Tensor, input: Any, exponent: Any, out: Tensor) -> Tensor:
    grows = le(0, exponent.real if exponent.dtype.is_complex else exponent)
    if input.__class__ not in TENSORS:
        import cmath

        if input == 0:
            return grad * where(grows, 0.0, float("nan"))
        factor = cmath.log(input)
        if not out.dtype.is_complex:
            return grad * (out * (factor.real if input > 0 else float("nan")))
        return grad * conj(out * factor)
    return grad * conj(where(bitwise_and(eq(input, 0), grows), 0.0, out * log(input)))


def _pow_rule(a: Any, b: Any) -> Result:
    d = rules.promote(a, b)
    if d is bool_:
        raise rules.not_implemented("pow", d)
    result = rules.binary()(a, b)
    if d.category == 1:
        result.number = _no_negative_power
    return result


def _no_negative_power(value: Any, position: int) -> Any:
    if position == 1 and value < 0:
        raise RuntimeError("Integers to negative integer powers are not allowed.")
    return value


@primitive(
    rule=_pow_rule,
    vjp={"input": _pow_grad_base, "exponent": _pow_grad_exponent},
    samples=samples.binary(0.3, 2.0, low2=0, high2=3, accepts="fi"),
    scalars_mix=True,
    lower="if",
)
def pow(input: Tensor | Number, exponent: Tensor | Number) -> Tensor:
    """input ** exponent, elementwise."""


@primitive(
    rule=rules.binary("float", accepts="bif", name="atan2_cpu"),
    vjp={
        "input": lambda grad, input, other: grad * (other / (input * input + other * other)),
        "other": lambda grad, input, other: grad * (-input / (input * input + other * other)),
    },
    samples=samples.binary(0.5, 3.0, accepts="f", numbers=()),
    scalars_mix=True,
    lower="f",
)
def atan2(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """Angle of the point (other, input), in (-pi, pi]."""


def _not_ordered(name: str) -> Any:
    return lambda d: RuntimeError(f"{name} not implemented for complex tensors.")


def _extremum_grad(first: bool, larger: bool) -> Any:
    """Each operand gets the gradient where it is the result; at a tie, half of it (as in PyTorch)."""

    def vjp(grad: Tensor, input: Any, other: Any) -> Tensor:
        mine, yours = (input, other) if first else (other, input)
        wins = lt(yours, mine) if larger else lt(mine, yours)
        return grad * where(eq(mine, yours), 0.5, 1.0).to(grad.dtype) * bitwise_or(wins, eq(mine, yours))

    return vjp


@primitive(
    rule=rules.binary(accepts="bif", error=_not_ordered("maximum")),
    vjp={"input": _extremum_grad(True, True), "other": _extremum_grad(False, True)},
    samples=samples.binary(accepts="fib", numbers=()),
    scalars_mix=True,
    lower="bif",
)
def maximum(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """The larger of the two, elementwise; nan where either is nan."""


@primitive(
    rule=rules.binary(accepts="bif", error=_not_ordered("minimum")),
    vjp={"input": _extremum_grad(True, False), "other": _extremum_grad(False, False)},
    samples=samples.binary(accepts="fib", numbers=()),
    scalars_mix=True,
    lower="bif",
)
def minimum(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """The smaller of the two, elementwise; nan where either is nan."""


def _compare(name: str, accepts: str = "bif") -> Any:
    return rules.binary("bool", accepts=accepts, name=name)


@primitive(
    rule=_compare("eq_cpu", "bifc"),
    samples=samples.binary(-2, 2, accepts="ifb"),
    scalars_mix=True,
    lower="bif",
)
def eq(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """input == other, elementwise, as bool."""


@primitive(
    rule=_compare("lt_cpu"),
    samples=samples.binary(-2, 2, accepts="ifb", rejects="c"),
    scalars_mix=True,
    lower="bif",
)
def lt(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """input < other, elementwise, as bool."""


@primitive(
    rule=_compare("le_cpu"),
    samples=samples.binary(-2, 2, accepts="ifb", rejects="c"),
    scalars_mix=True,
    lower="bif",
)
def le(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """input <= other, elementwise, as bool."""


@primitive(
    rule=rules.binary(accepts="bi", name="bitwise_and_cpu"),
    samples=samples.binary(accepts="ib", rejects="f", numbers=(2,)),
    scalars_mix=True,
    lower="bi",
)
def bitwise_and(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """Bits set in both."""


@primitive(
    rule=rules.binary(accepts="bi", name="bitwise_or_cpu"),
    samples=samples.binary(accepts="ib", rejects="f", numbers=(2,)),
    scalars_mix=True,
    lower="bi",
)
def bitwise_or(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """Bits set in either."""


@primitive(
    rule=rules.binary(accepts="bi", name="bitwise_xor_cpu"),
    samples=samples.binary(accepts="ib", rejects="f", numbers=(2,)),
    scalars_mix=True,
    lower="bi",
)
def bitwise_xor(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """Bits set in one and not the other."""


@primitive(
    rule=rules.binary(accepts="i", name="lshift_cpu"),
    samples=samples.binary(0, 9, low2=0, high2=5, accepts="i", numbers=(2,)),
    scalars_mix=True,
    lower="i",
)
def bitwise_left_shift(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """Bits moved left; by the width or more gives 0."""


@primitive(
    rule=rules.binary(accepts="i", name="rshift_cpu"),
    samples=samples.binary(-9, 9, low2=0, high2=5, accepts="i", numbers=(2,)),
    scalars_mix=True,
    lower="i",
)
def bitwise_right_shift(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """Bits moved right, keeping the sign."""


def _where_rule(condition: Layout, a: Any, b: Any) -> Result:
    if condition.dtype is not bool_:
        raise RuntimeError(
            "where expected condition to be a boolean tensor, but got a tensor with dtype "
            f"{rules.what(condition.dtype)}"
        )
    d = rules.promote(a, b)
    shape = rules.broadcast_shapes(*[o.shape for o in (condition, a, b) if o.__class__ is Layout])
    return Result(Layout.of(shape, d, rules.device_of((condition, a, b))), cast=(None, d, d), expand=shape)


def _masked(condition: Tensor, grad: Tensor, flipped: bool) -> Tensor:
    return where(condition, 0.0, grad) if flipped else where(condition, grad, 0.0)


@primitive(
    name="where",
    rule=_where_rule,
    vjp={
        "input": lambda grad, condition: _masked(condition, grad, False),
        "other": lambda grad, condition: _masked(condition, grad, True),
    },
    samples=samples.calls(
        "[2,3]@bool [2,3] [2,3]#1; [2,3]@bool [3] [2,1]#1; [2,3]t@bool [2,3] 0.5; []@bool [3] []; "
        "[0]@bool [0] [1]; [2] [2] [2] !RuntimeError",
        accepts="fibc",
        layouts=True,
    ),
    scalars_mix=True,
    lower=Elementwise("bif", scalar.select),
)
def where_kernel(condition: Tensor, input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """input where condition, else other."""


@overload
def where(condition: Tensor) -> tuple[Tensor, ...]: ...
@overload
def where(condition: Tensor, input: Any, other: Any) -> Tensor: ...
def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """``where(condition, input, other)``: elementwise choice; either may be a number.

    With the condition alone: the indices of its true elements, one tensor a dimension.
    """
    if input is None and other is None:
        from .indexing import nonzero

        return nonzero(condition, as_tuple=True)
    if input.__class__ in (bool, int, float, complex) and other.__class__ in (bool, int, float, complex):
        from .creation import full

        d = rules.promote(input.__class__, other.__class__)
        input = full((), input, dtype=d, device=condition.device)
        return where_kernel(condition, input, other)
    return where_kernel(condition, input, other)


# -- said in others


@primitive(
    rule=rules.unary("same", accepts="bif"),
    vjp={"input": lambda grad: grad.new_zeros(grad.shape)},
    samples=samples.unary(accepts="fi"),
    widen=False,
    lower="bif",
)
def sign_real(input: Tensor) -> Tensor:
    """-1, 0 or 1; 0 of nan, as in PyTorch."""
    return where(lt(0, input), 1, where(lt(input, 0), -1, 0)).to(input.dtype)


@accepts_out
def sign(input: Tensor) -> Tensor:
    """-1, 0 or 1; complex tensors have :func:`sgn`."""
    if input.dtype.is_complex:
        raise NotImplementedError(
            "Unlike NumPy, torch.sign is not intended to support complex numbers. Please use torch.sgn instead."
        )
    return sign_real(input)


@accepts_out
def sgn(input: Tensor) -> Tensor:
    """Sign; of a complex tensor the unit phase (0 at 0)."""
    if not input.dtype.is_complex:
        return sign_real(input)
    size = abs(input)
    return where(eq(size, 0), 0.0, input / where(eq(size, 0), 1.0, size))


@overload
def conj(input: Tensor) -> Tensor: ...
@overload
def conj(input: Any) -> Any: ...
def conj(input: Any) -> Any:
    """Complex conjugate; a real tensor or number is itself."""
    if input.__class__ in (bool, int, float):
        return input
    if input.__class__ is complex:
        return input.conjugate()
    if not input._layout.dtype.is_complex:
        return input
    from .derived import conj_physical

    return conj_physical(input)
