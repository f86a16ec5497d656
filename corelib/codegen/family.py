"""Element types and functions in the C family that all dialects share.

A dialect's prologue defines the types (``f32``, ``i64``, ...) and the functions of floating numbers (``exp_f32``, ...);
functions of integers are here, written once for all dialects: wrapping, without undefined behaviour.
"""

from __future__ import annotations

import math

from ..dtypes import (
    bfloat16,
    bool_,
    dtype,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
)
from .scalar import Expr

__all__ = ["FUNCTIONS", "TYPES", "helpers", "literal", "loaded", "spelled", "stored"]

TYPES = {
    bool_: "u8", uint8: "u8", int8: "i8", int16: "i16", int32: "i32", int64: "i64",
    float16: "f16", bfloat16: "bf16", float32: "f32", float64: "f64",
}  # fmt: skip
"""What an element is in memory; ``f16`` and ``bf16`` are 16 bits that are computed in ``f32``."""

FUNCTIONS = (
    "fabs", "floor", "ceil", "rint", "trunc", "sqrt", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin",
    "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "lgamma",
    "fmod", "pow", "atan2", "hypot", "copysign", "fma",
)  # fmt: skip
"""C's functions that a dialect gives for f32 and f64."""

_OPERATORS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "eq": "==", "lt": "<", "le": "<="}
_BITS = {"bitwise_and": "&", "bitwise_or": "|", "bitwise_xor": "^"}
_BOOL = {"add": "|", "mul": "&", "maximum": "|", "minimum": "&", **_BITS}
_RENAMED = {"abs": "fabs", "round": "rint"}

_INTEGER = {
    "abs": "INLINE {T} abs_{T}({T} a) {{ return a < 0 ? ({T})(0 - ({U})a) : a; }}",
    "maximum": "INLINE {T} maximum_{T}({T} a, {T} b) {{ return a > b ? a : b; }}",
    "minimum": "INLINE {T} minimum_{T}({T} a, {T} b) {{ return a < b ? a : b; }}",
    "trunc_divide": """INLINE {T} trunc_divide_{T}({T} a, {T} b, ERRORS) {{
    if (b == 0) {{ REPORT(ERROR_DIVISION, 0, 0, 0); return 0; }}
    return b == ({T})-1 ? ({T})(0 - ({U})a) : ({T})(a / b);
}}""",
    "fmod": """INLINE {T} fmod_{T}({T} a, {T} b, ERRORS) {{
    if (b == 0) {{ REPORT(ERROR_DIVISION, 0, 0, 0); return 0; }}
    return b == ({T})-1 ? 0 : ({T})(a % b);
}}""",
    "checked": """INLINE {T} checked_{T}({T} i, {T} size, {T} dim, ERRORS) {{
    if (i >= 0 && i < size) return i;
    REPORT(ERROR_INDEX, i, dim, size);
    return 0;
}}""",
    "pow": """INLINE {T} pow_{T}({T} a, {T} b) {{
    if (b < 0) return a == 1 ? 1 : a == ({T})-1 ? (b & 1 ? ({T})-1 : 1) : 0;
    {W} power = ({W})a, result = 1;
    for (; b; b >>= 1, power *= power) if (b & 1) result *= power;
    return ({T})result;
}}""",
    "bitwise_left_shift": """INLINE {T} bitwise_left_shift_{T}({T} a, {T} b) {{
    return b < 0 || b >= {bits} ? 0 : ({T})(({W})a << b);
}}""",
    "bitwise_right_shift": """INLINE {T} bitwise_right_shift_{T}({T} a, {T} b) {{
    return b < 0 || b >= {bits} ? (a < 0 ? ({T})-1 : 0) : ({T})(a >> b);
}}""",
}
_UNSIGNED_INTEGER = {
    "abs": "INLINE {T} abs_{T}({T} a) {{ return a; }}",
    "trunc_divide": """INLINE {T} trunc_divide_{T}({T} a, {T} b, ERRORS) {{
    if (b == 0) {{ REPORT(ERROR_DIVISION, 0, 0, 0); return 0; }}
    return ({T})(a / b);
}}""",
    "fmod": """INLINE {T} fmod_{T}({T} a, {T} b, ERRORS) {{
    if (b == 0) {{ REPORT(ERROR_DIVISION, 0, 0, 0); return 0; }}
    return ({T})(a % b);
}}""",
    "pow": """INLINE {T} pow_{T}({T} a, {T} b) {{
    u32 power = a, result = 1;
    for (; b; b >>= 1, power *= power) if (b & 1) result *= power;
    return ({T})result;
}}""",
    "bitwise_left_shift": """INLINE {T} bitwise_left_shift_{T}({T} a, {T} b) {{
    return b < 8 ? ({T})((u32)a << b) : 0;
}}""",
    "bitwise_right_shift": "INLINE {T} bitwise_right_shift_{T}({T} a, {T} b) {{ return b < 8 ? ({T})(a >> b) : 0; }}",
}
_FLOATING = {
    "maximum": "INLINE {T} maximum_{T}({T} a, {T} b) {{ return ((a > b) | (a != a)) ? a : b; }}",
    "minimum": "INLINE {T} minimum_{T}({T} a, {T} b) {{ return ((a < b) | (a != a)) ? a : b; }}",
}
_RAISES = frozenset({"checked", "trunc_divide", "fmod"})
_WIDER = {"i8": "u32", "i16": "u32", "i32": "u32", "i64": "u64", "u8": "u32"}
_TO_INTEGER = "INLINE {T} {T}_from_{F}({F} x) {{ return x > {low} && x < {high} ? ({T})x : ({T}){least}; }}"
"""Out of range gives the least: a plain conversion is undefined there."""


def literal(value: bool | int | float, d: dtype) -> str:
    """A constant of a compute dtype."""
    t = TYPES[d]
    if d.category == 2:
        x = float(value)
        if not math.isfinite(x):
            return f"NAN_{t}" if math.isnan(x) else f"{'-' if x < 0 else ''}INFINITY_{t}"
        return f"({x.hex()}{'f' if d is float32 else ''})"
    x = int(value)
    if d is int64:
        return f"((i64){x}L)" if x != -(2**63) else "(-9223372036854775807L - 1)"
    return f"(({t}){x})" if x != -(2**31) else "((i32)(-2147483647 - 1))"


def loaded(d: dtype, pointer: str, index: str) -> str:
    """An element, widened to its compute type."""
    return f"load_{TYPES[d]}({pointer}, {index})" if d.is_half else f"{pointer}[{index}]"


def stored(d: dtype, pointer: str, index: str, value: str, source: dtype) -> str:
    """The statement that stores a value of a compute dtype, rounded once."""
    if d.is_half:
        wide = "_f64" if source is float64 else ""
        return f"store_{TYPES[d]}{wide}({pointer}, {index}, {value});"
    return f"{pointer}[{index}] = {value};"


def spelled(e: Expr, args: list[str]) -> str:
    """``e`` over the names of its arguments."""
    d = e.args[0].dtype if e.args else e.dtype
    t, op = TYPES[d], e.op
    if op == "select":
        return f"({args[0]} ? {args[1]} : {args[2]})"
    if op == "cast":
        return _converted(args[0], d, e.value)
    if op == "lt" and d in (bool_, uint8) and args[1] == literal(0, d):
        return f"((void){args[0]}, (u8)0)"  # never, which compilers remark on
    if op in ("eq", "lt", "le"):
        return f"(u8)({args[0]} {_OPERATORS[op]} {args[1]})"
    if d is bool_:
        return f"(u8)!{args[0]}" if op == "bitwise_not" else f"(u8)({args[0]} {_BOOL[op]} {args[1]})"
    if d.category == 2:
        if op in _OPERATORS:
            return f"({args[0]} {_OPERATORS[op]} {args[1]})"
        return f"(-{args[0]})" if op == "neg" else f"{_RENAMED.get(op, op)}_{t}({', '.join(args)})"
    if op in _OPERATORS:  # unsigned arithmetic wraps, signed is undefined
        wide = _WIDER[t]
        return f"({t})(({wide}){args[0]} {_OPERATORS[op]} ({wide}){args[1]})"
    if op == "neg":
        return f"({t})(0 - ({_WIDER[t]}){args[0]})"
    if op == "bitwise_not":
        return f"({t})~{args[0]}"
    if op in _BITS:
        return f"({t})({args[0]} {_BITS[op]} {args[1]})"
    return f"{op}_{t}({', '.join([*args, *(['error_'] if op in _RAISES else [])])})"


def raises(e: Expr) -> bool:
    """Whether it may set the error word."""
    return e.op in _RAISES and bool(e.args) and e.args[0].dtype.category == 1


def _converted(x: str, source: dtype, target: dtype) -> str:
    if target is bool_:
        return f"(u8)({x} != 0)"
    if target.is_half:
        return f"round_{TYPES[target]}({x})"
    if source.category == 2 and target.category == 1:
        return f"{TYPES[target]}_from_{TYPES[source]}({x})"
    return f"({TYPES[target]}){x}"


def helpers(e: Expr) -> tuple[str, str] | None:
    """The function that ``e`` calls, as (name, definition), where it is not the dialect's."""
    if not e.args:
        return None
    d = e.args[0].dtype
    t = TYPES[d]
    if e.op == "cast" and d.category == 2 and e.value.category == 1:
        bits = 8 * e.value.itemsize
        target = TYPES[e.value]
        low, high = (-1.0, 256.0) if e.value is uint8 else (-(2.0 ** (bits - 1)), 2.0 ** (bits - 1))
        least = "0" if e.value is uint8 else literal(low, d)
        text = _TO_INTEGER.format(T=target, F=t, low=literal(low, d), high=literal(high, d), least=least)
        return f"{target}_from_{t}", text
    if d.category == 2:
        text = _FLOATING.get(e.op, "")
    elif d.category == 1:
        text = (_UNSIGNED_INTEGER if d is uint8 else {}).get(e.op) or _INTEGER.get(e.op, "")
    else:
        return None
    return (f"{e.op}_{t}", text.format(T=t, U=_WIDER.get(t), W=_WIDER.get(t), bits=8 * d.itemsize)) if text else None
