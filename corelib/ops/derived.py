"""Elementwise operations said in others: rounding, remainders, comparisons, tests, limits."""

from __future__ import annotations

import math
from typing import Any

from ..codegen import scalar
from ..codegen.lowering import Elementwise
from ..core.plan import Result
from ..core.tensor import Tensor
from ..dtypes import bool_, iinfo, int64
from ..layout import Layout
from . import rules, samples
from .elementwise import (
    abs,
    bitwise_and,
    bitwise_not,
    conj,
    div,
    eq,
    floor_float,
    fmod,
    le,
    lt,
    mul,
    neg,
    round_float,
    sqrt,
    sub,
    trunc_divide,
    where,
)
from .primitive import Number, primitive
from .results import accepts_out

__all__ = [
    "ceil", "clamp", "floor", "floor_divide", "ge", "gt", "isfinite", "isinf", "isnan", "logical_not", "ne",
    "reciprocal", "remainder", "round", "rsqrt", "square", "true_divide", "trunc",
]  # fmt: skip
METHODS = [
    "ceil", "clamp", "floor", "floor_divide", "ge", "gt", "isfinite", "isinf", "isnan", "logical_not", "ne",
    "reciprocal", "remainder", "round", "rsqrt", "square", "true_divide", "trunc",
]  # fmt: skip
IN_PLACE = [
    "ceil", "clamp", "floor", "floor_divide", "ge", "gt", "logical_not", "ne", "remainder", "round", "square",
    "true_divide", "trunc",
]  # fmt: skip


def _whole(input: Tensor) -> bool:
    """Whether rounding leaves the tensor as it is (that of bool or complex ones is refused by the primitive)."""
    return input.dtype.category == 1


def floor(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Largest integer not above; integer tensors are copied."""
    return input.clone() if _whole(input) else floor_float(input, out=out)


def round(input: Tensor, *, decimals: int = 0, out: Tensor | None = None) -> Tensor:
    """Nearest integer (halves to even), or to ``decimals`` places."""
    if _whole(input):
        return input.clone()
    if decimals:
        scale = 10.0 ** max(decimals, -decimals)
        return round_float(input * scale) / scale if decimals > 0 else round_float(input / scale) * scale
    return round_float(input, out=out)


@accepts_out
def ceil(input: Tensor) -> Tensor:
    """Smallest integer not below."""
    return input.clone() if _whole(input) else neg(floor_float(neg(input)))


@accepts_out
def trunc(input: Tensor) -> Tensor:
    """Integer part, towards zero."""
    if _whole(input):
        return input.clone()
    return where(lt(input, 0), ceil(input), floor_float(input))


@primitive(
    rule=rules.unary("same", accepts="c"),
    vjp={"input": lambda grad: conj(grad)},
    samples=samples.unary(accepts="c"),
)
def conj_physical(input: Tensor) -> Tensor:
    """Complex conjugate, as a new tensor."""
    from .bitcast import view_as_complex, view_as_real

    parts = view_as_real(input)
    from .movement import stack

    return view_as_complex(stack([parts[..., 0], -parts[..., 1]], -1))


@primitive(
    rule=rules.floating(),
    vjp={"input": lambda grad, out: grad * conj(-0.5 * out * out * out)},
    samples=samples.unary(0.2, 4.0, accepts="f"),
    lower=Elementwise("f", lambda x: 1 / scalar.apply("sqrt", x)),
)
def rsqrt(input: Tensor) -> Tensor:
    """1 / sqrt(input)."""
    return div(1.0, sqrt(input))


@primitive(
    rule=rules.floating(),
    vjp={"input": lambda grad, out: -grad * conj(out * out)},
    samples=samples.unary(0.5, 3.0, accepts="f"),
    lower=Elementwise("f", lambda x: 1 / x),
)
def reciprocal(input: Tensor) -> Tensor:
    """1 / input."""
    return div(1.0, input)


@accepts_out
def square(input: Tensor) -> Tensor:
    """input * input, booleans as integers."""
    return mul(input, input if input.dtype is not bool_ else input.to(int64))


def _ordered(name: str, *operands: Any) -> None:
    for x in operands:
        if isinstance(x, Tensor) and x.dtype.is_complex:
            raise rules.not_implemented(name, x.dtype)


@accepts_out
def ne(input: Any, other: Any) -> Tensor:
    """input != other, elementwise, as bool."""
    return bitwise_not(eq(input, other))


@accepts_out
def gt(input: Any, other: Any) -> Tensor:
    """input > other, elementwise, as bool."""
    _ordered("gt_cpu", input, other)
    return lt(other, input)


@accepts_out
def ge(input: Any, other: Any) -> Tensor:
    """input >= other, elementwise, as bool."""
    _ordered("ge_cpu", input, other)
    return le(other, input)


@accepts_out
def logical_not(input: Tensor) -> Tensor:
    """Whether each element is zero."""
    return eq(input, 0)


def isnan(input: Tensor) -> Tensor:
    """Whether each element is nan."""
    return bitwise_not(eq(input, input))


def isinf(input: Tensor) -> Tensor:
    """Whether each element is infinite."""
    return eq(abs(input), float("inf")) if input.dtype.category >= 2 else input != input


def isfinite(input: Tensor) -> Tensor:
    """Whether each element is neither infinite nor nan."""
    return lt(abs(input), float("inf")) if input.dtype.category >= 2 else input == input


_REAL = (bool, int, float)


def _clamp_rule(x: Layout, min: Any, max: Any) -> Result:
    d = rules.promote(x, min, max)
    if d.is_complex:
        raise NotImplementedError("clamp is not supported for complex types")
    if d is bool_:
        raise rules.not_implemented("clamp_cpu", d)
    return Result(Layout.of(x.shape, d, x.device), cast=(d, d, d))


def _clamp_grad(grad: Tensor, input: Tensor, min: Any, max: Any) -> Tensor:
    return where(bitwise_and(le(min, input), le(input, max)), grad, 0.0)


@primitive(
    name="clamp",
    rule=_clamp_rule,
    vjp={"input": _clamp_grad},
    samples=samples.calls(
        "[3,4] -1.0 1.5; [0] 0.0 1.0; [] -0.5 0.5; [3,4] 1.0 -1.0; [2,3]@int64~-9..9 -2 3; [2,3]@int64~-9..9 -2 1.5",
        samples.Sample((samples.array(4, values=(math.nan, math.inf, -math.inf, 0.5)), -1.0, 1.0), gradient=False),
        accepts="fi",
        layouts=True,
    ),
    lower="if",
)
def clamp_numbers(input: Tensor, min: Number, max: Number) -> Tensor:
    """Elements limited to [min, max]; max where that is less than min."""
    above = where(lt(input, min), min, input)
    return where(lt(max, above), max, above)


@accepts_out
def clamp(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """Elements limited to [min, max]; numbers or tensors. The gradient passes where the element is inside."""
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if input.dtype.is_complex:
        raise NotImplementedError("clamp is not supported for complex types")
    if (min is None or min.__class__ in _REAL) and (max is None or max.__class__ in _REAL):
        low, high = -math.inf, math.inf
        if input.dtype.category != 2:
            d = rules.promote(input._layout, *[x.__class__ for x in (min, max) if x is not None])
            if d.category == 1:
                low, high = iinfo(d).min, iinfo(d).max
        return clamp_numbers(input, low if min is None else min, high if max is None else max)
    result = input
    if min is not None:
        result = where(lt(result, min), min, result)
    if max is not None:
        result = where(lt(max, result), max, result)
    return result


def _mod_fix(quotient: bool, input: Any, other: Any) -> Tensor:
    """floor_divide and remainder from their truncating kin (exact where x - y*floor(x/y) is not)."""
    d = rules.promote(*[x._layout if isinstance(x, Tensor) else x.__class__ for x in (input, other)])
    if d.category not in (1, 2):
        raise rules.not_implemented("div_floor_cpu" if quotient else "remainder_cpu", d)
    rest = fmod(input, other)
    wrong = bitwise_and(
        ne(rest, 0), ne(lt(rest, 0), lt(other, 0) if other.__class__ not in (int, float) else other < 0)
    )
    if not quotient:
        return where(wrong, rest + other, rest)
    if rest.dtype.category == 1:
        whole = trunc_divide(input, other)
        return where(wrong, whole - 1, whole)
    exact = div(sub(input, rest), other)
    exact = where(wrong, exact - 1, exact)
    rounded = floor_float(exact)
    rounded = where(lt(0.5, exact - rounded), rounded + 1, rounded)
    return (
        where(eq(other, 0), div(input, other), rounded)
        if other.__class__ not in (int, float)
        else (rounded if other != 0 else div(input, other))
    )


@accepts_out
def remainder(input: Any, other: Any) -> Tensor:
    """Remainder with the sign of the divisor (Python's %)."""
    return _mod_fix(False, input, other)


@accepts_out
def floor_divide(input: Any, other: Any) -> Tensor:
    """Division rounded down (Python's //)."""
    return _mod_fix(True, input, other)


@accepts_out
def true_divide(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """``torch.div`` with its rounding modes None, "trunc" and "floor"."""
    if rounding_mode is None:
        return div(input, other)
    if rounding_mode == "floor":
        return floor_divide(input, other)
    if rounding_mode == "trunc":
        if rules.promote(*[x._layout if isinstance(x, Tensor) else x.__class__ for x in (input, other)]).category == 1:
            return trunc_divide(input, other)
        return trunc(div(input, other))
    raise RuntimeError(f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'")
