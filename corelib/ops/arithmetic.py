"""Arithmetic, comparison and parts of numbers, elementwise: what PyTorch has beside the operators."""

from __future__ import annotations

import math
from typing import Any

from ..core.plan import Result
from ..core.tensor import Tensor
from ..dtypes import bool_, complex128, default_dtype, dtype, float16, float32, float64, int32
from ..layout import Layout
from . import derived, rules, samples
from .bitcast import view_as_complex, view_as_real
from .creation import full
from .derived import clamp, ge, gt, isinf, isnan, ne, trunc
from .elementwise import abs as _abs
from .elementwise import (
    add,
    atan2,
    bitwise_and,
    bitwise_or,
    conj,
    div,
    eq,
    floor_float,
    fmod,
    le,
    log,
    lt,
    maximum,
    minimum,
    mul,
    neg,
    pow,
    sgn,
    sign,
    sqrt,
    sub,
    trunc_divide,
    where,
)
from .elementwise import cos as _cos
from .elementwise import sin as _sin
from .movement import cast, stack
from .primitive import Number, primitive
from .results import accepts_out

__all__ = [
    "absolute", "addcdiv", "addcmul", "angle", "arctan2", "clamp_max", "clamp_min", "clip", "complex",
    "conj_physical", "copysign", "deg2rad", "divide",
    "fix", "float_power", "fmax", "fmin", "frac", "frexp", "gcd", "greater", "greater_equal",
    "heaviside", "hypot", "imag", "isneginf", "isposinf", "isreal", "lcm", "ldexp", "lerp", "less", "less_equal",
    "logical_and", "logical_or", "logical_xor", "multiply", "nan_to_num", "negative", "nextafter", "not_equal",
    "polar", "positive", "rad2deg", "real", "rsub", "sgn", "signbit", "subtract",
]  # fmt: skip
METHODS = [
    "absolute", "addcdiv", "addcmul", "angle", "arctan2", "clamp_max", "clamp_min", "clip", "conj_physical",
    "copysign", "deg2rad", "divide", "fix", "float_power", "fmax", "fmin", "frac", "frexp", "gcd", "greater",
    "greater_equal", "heaviside", "hypot", "isneginf", "isposinf", "isreal", "lcm", "ldexp", "lerp", "less",
    "less_equal", "logical_and", "logical_or", "logical_xor", "multiply", "nan_to_num", "negative", "nextafter",
    "not_equal", "positive", "rad2deg", "sgn", "signbit", "subtract",
]  # fmt: skip
IN_PLACE = [
    "absolute", "arctan2", "clamp_max", "clamp_min", "clip", "copysign", "deg2rad", "divide", "fix", "float_power",
    "frac", "gcd", "greater", "greater_equal", "heaviside", "hypot", "lcm", "ldexp", "less", "less_equal",
    "logical_and", "logical_or", "logical_xor", "multiply", "nan_to_num", "negative", "nextafter", "not_equal",
    "rad2deg", "sgn", "subtract",
]  # fmt: skip

Value = Any  # a tensor or a Python number


def _operands(*operands: Any) -> dtype:
    return rules.promote(*[x._layout if isinstance(x, Tensor) else x.__class__ for x in operands])


def _tensors_only(name: str, other: Any, argument: str = "other") -> None:
    if not isinstance(other, Tensor):
        raise TypeError(f"{name}(): argument '{argument}' (position 2) must be Tensor, not {type(other).__name__}")


# -- parts of numbers


def _not_signbit(d: dtype) -> Exception:
    return NotImplementedError("signbit is not implemented for complex tensors.")


@primitive(
    rule=rules.unary("bool", accepts="bif", error=_not_signbit),
    samples=samples.both(
        samples.unary(accepts="fib", rejects="c"),
        samples.calls(
            "[6]=0.0,-0.0,1.5,-1.5,inf,-inf",
        ),
    ),
    lower="bif",
)
def signbit(input: Tensor) -> Tensor:
    """Whether each element is negative, -0.0 included."""
    if input.dtype.category < 2:
        return lt(input, 0)
    zero = eq(input, 0)
    return lt(where(zero, div(1.0, input), input), 0)


def _copysign_grad(grad: Tensor, input: Any, out: Tensor) -> Tensor:
    return where(eq(input, 0), 0.0, grad * sign(input) * sign(out))


@primitive(
    rule=rules.binary("float", accepts="bif", name="copysign_cpu"),
    vjp={"input": _copysign_grad, "other": lambda grad: grad * 0},
    samples=samples.binary(accepts="fib", rejects="c"),
    scalars_mix=True,
    lower="f",
)
def copysign(input: Tensor, other: Tensor | Number) -> Tensor:
    """The magnitude of input with the sign of other, elementwise."""
    size = _abs(input)
    if not isinstance(other, Tensor):
        return neg(size) if math.copysign(1.0, other.real) < 0 else size
    return where(signbit(other), neg(size), size)


_WORDS = {"float32": "int32", "float64": "int64", "float16": "int16", "bfloat16": "int16"}


@primitive(
    rule=rules.binary(accepts="f", name="nextafter_cpu"),
    samples=samples.calls(
        "[2,3] [2,3]#1; [2,3]@float64 [3]#1@float64; [4]=0.0,-0.0,1.0,inf [4]=1.0,-1.0,1.0,0.0; "
        "[3]=1e-45,1.0,-1.0 [3]=-1.0,nan,inf",
        layouts=True,
    ),
    scalars_mix=True,
    widen=False,
)
def nextafter(input: Tensor, other: Tensor) -> Tensor:
    """The next number after input towards other, elementwise."""
    from .. import dtypes
    from .bitcast import view_dtype

    word = getattr(dtypes, _WORDS[input.dtype.name])
    x = input.contiguous()
    bits = view_dtype(x, word)
    away = eq(lt(x, 0), lt(other, x))  # from zero: to a larger magnitude
    moved = view_dtype(where(away, bits + 1, bits - 1).to(word).contiguous(), input.dtype)
    least = view_dtype((cast(lt(other, 0), word) * -(2 ** (8 * input.dtype.itemsize - 1)) + 1).to(word), input.dtype)
    moved = where(eq(x, 0), least, moved)
    return where(eq(x, other), other, where(bitwise_and(eq(x, x), eq(other, other)), moved, x + other))


def _not_frexp(d: dtype) -> Exception:
    return RuntimeError("torch.frexp() only supports floating-point dtypes")


def _frexp_rule(x: Layout) -> Result:
    if x.dtype.category != 2:
        raise _not_frexp(x.dtype)
    return Result((Layout.of(x.shape, x.dtype, x.device), Layout.of(x.shape, int32, x.device)))


class FrexpResult(tuple[Tensor, Tensor]):
    """``(mantissa, exponent)``, by position and by name."""

    __slots__ = ()

    def __new__(cls, mantissa: Tensor, exponent: Tensor) -> FrexpResult:
        return tuple.__new__(cls, (mantissa, exponent))

    @property
    def mantissa(self) -> Tensor:
        return self[0]

    @property
    def exponent(self) -> Tensor:
        return self[1]

    def __repr__(self) -> str:
        return f"torch.return_types.frexp(\nmantissa={self[0]!r},\nexponent={self[1]!r})"


@primitive(
    rule=_frexp_rule,
    vjp={"input": lambda grad, exponent: grad * pow(2.0, cast(neg(exponent), grad.dtype))},
    samples=samples.both(
        samples.unary(accepts="f", rejects="bic"),
        samples.calls(
            "[7]=0.0,-0.0,1.0,-0.5,1e+30,-3e-39,8.0",
        ),
    ),
    outputs=("mantissa", "exponent"),
    nondifferentiable=(1,),
    result_type=FrexpResult,
)
def frexp(input: Tensor) -> FrexpResult:
    """Mantissas in [1/2, 1) and exponents (int32) with input = mantissa * 2**exponent."""
    tiny = lt(_abs(input), 1e-30)
    scaled = where(tiny, input * 2.0**100, input)
    usual = bitwise_and(ne(input, 0), lt(_abs(input), math.inf))
    exponent = where(usual, floor_float(log(_abs(where(usual, scaled, 1.0))) * (1 / math.log(2.0))) + 1, 0.0)
    half = cast(trunc(exponent * 0.5), input.dtype)  # by two steps: 2**exponent may be out of range
    mantissa = scaled * pow(2.0, neg(half)) * pow(2.0, half - exponent)
    high, low = le(1.0, _abs(mantissa)), lt(_abs(mantissa), 0.5)
    high, low = bitwise_and(high, usual), bitwise_and(low, usual)
    mantissa = where(high, mantissa * 0.5, where(low, mantissa * 2, mantissa))
    exponent = where(high, exponent + 1, where(low, exponent - 1, exponent))
    exponent = where(bitwise_and(tiny, usual), exponent - 100, exponent)
    result: Any = where(usual, mantissa, input), cast(exponent, int32)
    return result  # type: ignore[no-any-return]


@accepts_out
def ldexp(input: Tensor, other: Tensor) -> Tensor:
    """input * 2**other, elementwise."""
    _tensors_only("ldexp", other)
    return mul(input, pow(2.0, other if other.dtype.category >= 2 else cast(other, default_dtype())))


@accepts_out
def frac(input: Tensor) -> Tensor:
    """The fractional part, with the sign of input."""
    if input.dtype.category != 2:
        raise rules.not_implemented("frac_cpu", input.dtype)
    return sub(input, trunc(input))


def positive(input: Tensor) -> Tensor:
    """The tensor itself."""
    if input.dtype is bool_:
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


# -- two and three operands


@primitive(
    rule=rules.binary(accepts="f", name="hypot_cpu"),
    vjp={
        "input": lambda grad, input, out: grad * (input / out),
        "other": lambda grad, other, out: grad * (other / out),
    },
    samples=samples.binary(accepts="f", rejects="ic", numbers=()),
    scalars_mix=True,
    lower="f",
)
def hypot(input: Tensor, other: Tensor) -> Tensor:
    """sqrt(input**2 + other**2), elementwise, without overflow on the way."""
    a, b = _abs(input), _abs(other)
    large, small = maximum(a, b), minimum(a, b)
    ratio = small / where(eq(large, 0), 1.0, large)
    result = large * sqrt(ratio * ratio + 1)
    return where(bitwise_or(eq(a, math.inf), eq(b, math.inf)), math.inf, result)


def _not_ordered(name: str) -> Any:
    return lambda d: RuntimeError(f"{name} not implemented for complex tensors.")


def _fmax_wins(mine: Tensor, other: Tensor) -> Tensor:
    return bitwise_or(le(other, mine), isnan(other))


@primitive(
    rule=rules.binary(accepts="bif", error=_not_ordered("fmax")),
    vjp={
        "input": lambda grad, input, other: where(_fmax_wins(input, other), grad, 0.0),
        "other": lambda grad, input, other: where(_fmax_wins(input, other), 0.0, grad),
    },
    samples=samples.binary(accepts="fib", rejects="c", numbers=()),
    scalars_mix=True,
    lower="bif",
)
def fmax(input: Tensor, other: Tensor) -> Tensor:
    """The larger of the two, elementwise; where one is nan, the other."""
    return where(_fmax_wins(input, other), input, other)


def _fmin_wins(mine: Tensor, other: Tensor) -> Tensor:
    return bitwise_or(le(mine, other), isnan(other))


@primitive(
    rule=rules.binary(accepts="bif", error=_not_ordered("fmin")),
    vjp={
        "input": lambda grad, input, other: where(_fmin_wins(input, other), grad, 0.0),
        "other": lambda grad, input, other: where(_fmin_wins(input, other), 0.0, grad),
    },
    samples=samples.binary(accepts="fib", rejects="c", numbers=()),
    scalars_mix=True,
    lower="bif",
)
def fmin(input: Tensor, other: Tensor) -> Tensor:
    """The smaller of the two, elementwise; where one is nan, the other."""
    return where(_fmin_wins(input, other), input, other)


@primitive(
    rule=rules.binary(accepts="i", name="gcd_cpu"),
    samples=samples.binary(-20, 20, accepts="i", rejects="bfc", numbers=()),
    scalars_mix=True,
)
def gcd(input: Tensor, other: Tensor) -> Tensor:
    """Greatest common divisor, elementwise, not negative."""
    a, b = (input, other) if not input.dtype.is_signed else (_abs(input), _abs(other))
    for _ in range({1: 13, 2: 24, 4: 47, 8: 93}[input.dtype.itemsize]):  # as many as the bits can need
        done = eq(b, 0)
        a, b = where(done, a, b), where(done, b, fmod(a, where(done, 1, b)))
    return a


@primitive(
    rule=rules.binary(accepts="i", name="lcm_cpu"),
    samples=samples.binary(-11, 11, accepts="i", rejects="bfc", numbers=()),
    scalars_mix=True,
)
def lcm(input: Tensor, other: Tensor) -> Tensor:
    """Least common multiple, elementwise, not negative."""
    divisor = gcd(input, other)
    product = mul(trunc_divide(input, where(eq(divisor, 0), 1, divisor)), other)
    return _abs(product) if product.dtype.is_signed else product


@accepts_out
def heaviside(input: Tensor, values: Tensor) -> Tensor:
    """0 below zero, 1 above, ``values`` at zero."""
    _tensors_only("heaviside", values, "values")
    if input.dtype.is_complex or values.dtype.is_complex:
        raise RuntimeError("heaviside is not yet implemented for complex tensors.")
    if input.dtype is not values.dtype:
        raise RuntimeError("heaviside is not yet implemented for tensors with different dtypes.")
    if input.dtype is bool_:
        return bitwise_or(input, values)
    return where(eq(input, 0), values, cast(lt(0, input), input.dtype))


@accepts_out
def float_power(input: Value, exponent: Value) -> Tensor:
    """input ** exponent, elementwise, in float64 (complex128 where either is complex)."""
    wide = complex128 if _operands(input, exponent).is_complex else float64
    base, power = (cast(x, wide) if isinstance(x, Tensor) else x for x in (input, exponent))
    return pow(base, power)


@accepts_out
def rsub(input: Tensor, other: Value, *, alpha: Any = 1) -> Tensor:
    """other - alpha * input."""
    return sub(other, input if alpha == 1 else mul(input, alpha))


@accepts_out
def subtract(input: Tensor, other: Value, *, alpha: Any = 1) -> Tensor:
    """input - alpha * other."""
    return sub(input, other if alpha == 1 else mul(other, alpha))


@accepts_out
def divide(input: Tensor, other: Value, *, rounding_mode: str | None = None) -> Tensor:
    """input / other, with rounding modes None, "trunc" and "floor"."""
    return derived.true_divide(input, other, rounding_mode=rounding_mode)


@accepts_out
def arctan2(input: Tensor, other: Tensor) -> Tensor:
    """Angle of the point (other, input), in (-pi, pi]."""
    return atan2(input, other)


def _same_dtype(name: str, input: Tensor, other: Tensor) -> None:
    if isinstance(other, Tensor) and other.dtype is not input.dtype:
        mine, theirs = (rules.c_name(x.dtype) for x in (input, other))
        raise RuntimeError(f"expected dtype {mine} for `{name}` but got dtype {theirs}")


@accepts_out
def lerp(input: Tensor, end: Tensor, weight: Value) -> Tensor:
    """input + weight * (end - input), from the nearer of the two; weight is a number or a tensor."""
    _same_dtype("end", input, end)
    if isinstance(weight, Tensor) and weight.shape:
        _same_dtype("weight", input, weight)
    if input.dtype.category < 2:
        kernel = "lerp_kernel_tensor" if isinstance(weight, Tensor) else "lerp_kernel_scalar"
        raise rules.not_implemented(kernel, input.dtype)
    span = sub(end, input)
    if not isinstance(weight, Tensor):
        return add(input, span * weight) if abs(weight) < 0.5 else sub(end, span * (1 - weight))
    near = lt(_abs(weight), 0.5)
    return where(near, add(input, span * weight), sub(end, span * (1 - weight)))


@accepts_out
def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """input + value * tensor1 * tensor2."""
    product = mul(tensor1, tensor2)
    if value.__class__ is float and _operands(input, product).category == 1:
        value = int(value)
    return add(input, product if value == 1 else mul(product, value))


@accepts_out
def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """input + value * tensor1 / tensor2."""
    if _operands(tensor1, tensor2).category < 2:
        raise RuntimeError(
            "Integer division with addcdiv is no longer supported, and in a future  release addcdiv will perform a "
            "true division of tensor1 and tensor2. The historic addcdiv behavior can be implemented as (input + value "
            "* torch.trunc(tensor1 / tensor2)).to(input.dtype) for integer inputs and as (input + value * tensor1 / "
            "tensor2) for float inputs. The future addcdiv behavior is just the latter implementation: (input + value "
            "* tensor1 / tensor2), for all dtypes."
        )
    quotient = div(tensor1, tensor2)
    return add(input, quotient if value == 1 else mul(quotient, value))


# -- limits and comparisons


@accepts_out
def clamp_min(input: Tensor, min: Value) -> Tensor:
    """Elements not below min."""
    return clamp(input, min=min)


@accepts_out
def clamp_max(input: Tensor, max: Value) -> Tensor:
    """Elements not above max."""
    return clamp(input, max=max)


_LARGEST = {float16: 65504.0, float32: 3.4028234663852886e38, float64: 1.7976931348623157e308}


@accepts_out
def nan_to_num(
    input: Tensor, nan: float | None = None, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """nan as 0, and infinities as the largest finite numbers, or what is given for them."""
    if input.dtype.category < 2:
        return input.clone()
    if input.dtype.is_complex:
        parts = view_as_real(input)
        return view_as_complex(nan_to_num(parts, nan, posinf, neginf).contiguous())
    largest = _LARGEST.get(input.dtype, 3.3895313892515355e38)
    high, low = largest if posinf is None else posinf, -largest if neginf is None else neginf
    result = where(isnan(input), 0.0 if nan is None else nan, input)
    return where(eq(input, math.inf), high, where(eq(input, -math.inf), low, result))


def _truth(x: Tensor) -> Tensor:
    return x if x.dtype is bool_ else ne(x, 0)


@accepts_out
def logical_and(input: Tensor, other: Tensor) -> Tensor:
    """Whether both are nonzero, elementwise."""
    _tensors_only("logical_and", other)
    return bitwise_and(_truth(input), _truth(other))


@accepts_out
def logical_or(input: Tensor, other: Tensor) -> Tensor:
    """Whether either is nonzero, elementwise."""
    _tensors_only("logical_or", other)
    return bitwise_or(_truth(input), _truth(other))


@accepts_out
def logical_xor(input: Tensor, other: Tensor) -> Tensor:
    """Whether one of the two is nonzero, elementwise."""
    _tensors_only("logical_xor", other)
    return ne(_truth(input), _truth(other))


greater, greater_equal, less, less_equal, not_equal = gt, ge, lt, le, ne
absolute, clip, fix, multiply, negative = _abs, clamp, trunc, mul, neg
conj_physical = conj


@accepts_out
def isposinf(input: Tensor) -> Tensor:
    """Where the elements are +infinity."""
    if input.dtype.is_complex:
        raise RuntimeError("isposinf does not support complex inputs.")
    return isinf(input) if input.dtype.category < 2 else eq(input, math.inf)


@accepts_out
def isneginf(input: Tensor) -> Tensor:
    """Where the elements are -infinity."""
    if input.dtype.is_complex:
        raise RuntimeError("isneginf does not support complex inputs.")
    return isinf(input) if input.dtype.category < 2 else eq(input, -math.inf)


# -- angles and complex numbers


def _scaled_angle(name: str, factor: float) -> Any:
    def scale(input: Tensor) -> Tensor:
        if input.dtype.is_complex:
            raise RuntimeError(f"{name} is not supported for complex tensors.")
        return mul(input if input.dtype.category == 2 else cast(input, default_dtype()), factor)

    return scale


@accepts_out
def deg2rad(input: Tensor) -> Tensor:
    """Degrees to radians."""
    scaled: Tensor = _scaled_angle("deg2rad", math.pi / 180)(input)
    return scaled


@accepts_out
def rad2deg(input: Tensor) -> Tensor:
    """Radians to degrees."""
    scaled: Tensor = _scaled_angle("rad2deg", 180 / math.pi)(input)
    return scaled


def real(input: Tensor) -> Tensor:
    """The real part, a view; a real tensor is itself."""
    return view_as_real(input)[..., 0] if input.dtype.is_complex else input


def imag(input: Tensor) -> Tensor:
    """The imaginary part of a complex tensor, a view."""
    if not input.dtype.is_complex:
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
    return view_as_real(input)[..., 1]


def isreal(input: Tensor) -> Tensor:
    """Where the imaginary part is zero."""
    if input.dtype.is_complex:
        return eq(imag(input), 0)
    return full(tuple(input.shape), True, dtype=bool_, device=input.device)


@accepts_out
def angle(input: Tensor) -> Tensor:
    """The argument of complex numbers; pi for negative real ones, 0 for others, nan for nan."""
    if input.dtype.is_complex:
        return atan2(imag(input), real(input))
    x = input if input.dtype.category == 2 else cast(input, default_dtype())
    return where(isnan(x), x, where(lt(x, 0), math.pi, 0.0).to(x.dtype))


def _both_real(input: Tensor, other: Tensor) -> None:
    if not all(x.dtype in (float16, float32, float64) for x in (input, other)):
        mine, theirs = (rules.what(x.dtype) for x in (input, other))
        raise RuntimeError(f"Expected both inputs to be Half, Float or Double tensors but got {mine} and {theirs}")
    if input.dtype is not other.dtype:
        raise RuntimeError(
            f"Expected object of scalar type {rules.what(input.dtype)} but got scalar type {rules.what(other.dtype)} "
            "for second argument"
        )


@accepts_out
def complex(real: Tensor, imag: Tensor) -> Tensor:
    """A complex tensor from its parts, of one dtype."""
    _both_real(real, imag)
    shape = rules.broadcast_shapes(real.shape, imag.shape)
    return view_as_complex(stack([real.expand(shape), imag.expand(shape)], -1))


@accepts_out
def polar(abs: Tensor, angle: Tensor) -> Tensor:
    """A complex tensor from absolute values and angles."""
    _both_real(abs, angle)
    result: Tensor = complex(mul(abs, _cos(angle)), mul(abs, _sin(angle)))
    return result
