"""Scalar expressions: what a kernel computes for one element, as a small typed tree.

An expression is computed in *compute types*: an element's own dtype, or float32 for float16 and bfloat16.  Python
numbers beside an expression take its dtype.  The renderer gives equal subexpressions one name, so a function may build
them as often as it likes.

    >>> x = load(0, float32)
    >>> 1 / (1 + exp(-x))
    div(1.0, add(1.0, exp(neg(load(0)))))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..dtypes import bool_, dtype, float32, int64

__all__ = ["Expr", "Value", "apply", "cast", "compute", "const", "index", "load", "number", "select", "variable"]


class Expr:
    """A node: ``op`` applied to ``args``, of a compute dtype; ``value`` is what a leaf needs beside its op."""

    __slots__ = ("args", "dtype", "op", "value")

    def __init__(self, op: str, args: tuple[Expr, ...], dtype: dtype, value: Any = None) -> None:
        self.op = op
        self.args = args
        self.dtype = dtype
        self.value = value

    def __repr__(self) -> str:
        inner = ", ".join(map(repr, self.args))
        if self.op == "const":
            return repr(self.value)
        return f"{self.op}({inner if self.args else '' if self.value is None else self.value})"

    # Operators, with Python numbers on either side.
    def __add__(self, other: Value) -> Expr:
        return apply("add", self, other)

    def __radd__(self, other: Value) -> Expr:
        return apply("add", other, self)

    def __sub__(self, other: Value) -> Expr:
        return apply("sub", self, other)

    def __rsub__(self, other: Value) -> Expr:
        return apply("sub", other, self)

    def __mul__(self, other: Value) -> Expr:
        return apply("mul", self, other)

    def __rmul__(self, other: Value) -> Expr:
        return apply("mul", other, self)

    def __truediv__(self, other: Value) -> Expr:
        return apply("div", self, other)

    def __rtruediv__(self, other: Value) -> Expr:
        return apply("div", other, self)

    def __neg__(self) -> Expr:
        return apply("neg", self)

    def __lt__(self, other: Value) -> Expr:
        return apply("lt", self, other)

    def __le__(self, other: Value) -> Expr:
        return apply("le", self, other)

    def __gt__(self, other: Value) -> Expr:
        return apply("lt", other, self)

    def __ge__(self, other: Value) -> Expr:
        return apply("le", other, self)

    def __and__(self, other: Value) -> Expr:
        return apply("bitwise_and", self, other)

    def __or__(self, other: Value) -> Expr:
        return apply("bitwise_or", self, other)

    def __invert__(self) -> Expr:
        return apply("bitwise_not", self)


Value = Expr | bool | int | float

_COMPARISONS = frozenset({"eq", "lt", "le"})


def compute(d: dtype) -> dtype:
    """The dtype that elements of ``d`` are computed in."""
    return float32 if d.is_half else d


def const(value: bool | int | float, d: dtype) -> Expr:
    """A number known when the kernel is rendered."""
    return Expr("const", (), d, (bool, int, float)[d.category](value))


def load(operand: int, d: dtype) -> Expr:
    """The element of an operand at this point of the iteration, widened to its compute type."""
    return Expr("load", (), compute(d), operand)


def number(operand: int, d: dtype) -> Expr:
    """A number given when the kernel is launched."""
    return Expr("number", (), compute(d), operand)


def index(what: str = "element") -> Expr:
    """An integer of the iteration: "element" is the result's position in row-major order, "reduced" the position
    along what is reduced."""
    return Expr("index", (), int64, what)


def variable(name: str, d: dtype) -> Expr:
    """A variable that the renderer declared: part of a reduction's state."""
    return Expr("variable", (), d, name)


def lift(value: Value, d: dtype) -> Expr:
    """``value`` as an expression; a Python number becomes a constant of dtype ``d``."""
    return value if isinstance(value, Expr) else const(value, d)


def apply(op: str, *values: Value) -> Expr:
    """A function of expressions of one dtype; a comparison's result is bool."""
    d = next(v.dtype for v in values if isinstance(v, Expr))
    args = tuple(lift(v, d) for v in values)
    assert all(a.dtype is d for a in args), f"{op}: operands of several dtypes: {args}"
    if op == "eq" and args[0] is args[1] and d.category < 2:
        return const(True, bool_)  # no integer is nan
    return Expr(op, args, bool_ if op in _COMPARISONS else d)


def cast(x: Expr, d: dtype) -> Expr:
    """x in dtype ``d``; a half dtype rounds to it and stays in its compute type."""
    if x.dtype is d:
        return x
    return Expr("cast", (x,), compute(d), d)


def select(condition: Expr, x: Value, other: Value) -> Expr:
    """x where the condition holds, else other."""
    d = next(v.dtype for v in (x, other) if isinstance(v, Expr))
    return Expr("select", (condition, lift(x, d), lift(other, d)), d)


def isnan(x: Expr) -> Expr:
    """Whether x is nan; False of integers."""
    return ~apply("eq", x, x) if x.dtype.category == 2 else const(False, bool_)


def __getattr__(name: str) -> Callable[..., Expr]:
    """``scalar.exp(x)`` is ``apply("exp", x)``."""
    if name.startswith("_"):
        raise AttributeError(name)
    return lambda *values: apply(name, *values)
