"""Lowerings: how a primitive is said in loop programs, by kind of iteration.

A primitive's definition gives one (``lower=`` of ``@primitive``), and ``corelib.ops`` pushes it into :data:`LOWERINGS`,
which backends read; so a device's kernels come from the definitions without the backend knowing them.  Every lowering
says what it ``accepts``: categories of dtypes, of b(ool), i(nteger), f(loating).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..dtypes import dtype, int64
from ..layout import Layout
from . import scalar
from .scalar import Expr, const

__all__ = [
    "LOWERINGS", "PLAIN", "Elementwise", "Gather", "Indexed", "Lowering", "Reduction", "Rowwise", "Scan", "Scatter",
    "Stage", "State", "Template", "Update", "UpdateGroup", "extreme", "fold", "least", "position", "running",
    "running_best", "spread",
]  # fmt: skip

State = tuple[Expr, ...]


@dataclass(frozen=True)
class Lowering:
    """What all have in common."""

    accepts: str


@dataclass(frozen=True)
class Elementwise(Lowering):
    """Each element of the result from the elements of the operands at the same place.

    ``function(*operands, *parameters)`` gives the expression; None means the scalar function of the primitive's own
    name.
    """

    function: Callable[..., Expr] | None = None


@dataclass(frozen=True)
class Indexed(Lowering):
    """Elements made of their position and of numbers: ``function(element, *numbers, dtype)``; no operand array."""

    function: Callable[..., Expr]


@dataclass(frozen=True)
class Reduction(Lowering):
    """A fold over dimensions with an associative function of a state.

    Attributes:
        start: the state of one element, ``start(x, position along what is reduced)``.
        combine: of two states.
        identity: the state of nothing, ``identity(dtype)``.
    """

    start: Callable[[Expr, Expr], State]
    combine: Callable[[State, State], State]
    identity: Callable[[dtype], State]
    finish: Callable[[State], Expr]
    """The result from the state."""


@dataclass(frozen=True)
class Scan(Lowering):
    """Running states along one dimension; every part of the state is a result."""

    start: Callable[[Expr, Expr], State]
    combine: Callable[[State, State], State]


@dataclass(frozen=True)
class Gather(Lowering):
    """Elements of the first operand where the second, along one dimension, points."""


@dataclass(frozen=True)
class Scatter(Lowering):
    """The reverse: ``combine(old, new)`` of repeated places, or any of them where None."""

    combine: Callable[[Expr, Expr], Expr] | None = None


@dataclass(frozen=True)
class Stage:
    """One kernel over rows (:mod:`rowwise`).

    Attributes:
        function: ``function(row, *elements)`` gives the results by element and those by row.
        shape: of the walk; ``dims``: those of its dimensions that are a row.
        inputs: for each element, (position of the array, its strides in ``shape``); None where it is absent.
        elements, rows: the results' dense layouts; a result by row has the other dimensions, in order.
    """

    function: Callable[..., tuple[Sequence[Expr], Sequence[Expr]]]
    shape: tuple[int, ...]
    dims: tuple[int, ...]
    inputs: tuple[tuple[int, tuple[int, ...]] | None, ...]
    elements: tuple[Layout, ...] = ()
    rows: tuple[Layout, ...] = ()


@dataclass(frozen=True)
class Rowwise(Lowering):
    """Several reductions over the same rows, and what is made of them.

    ``stages(*layouts, *parameters)`` gives the kernels, and which of all their results, in order, are the primitive's.
    As an input, a position is an operand's; ~i is the i-th result of earlier stages.
    """

    stages: Callable[..., tuple[Sequence[Stage], Sequence[int]]]


def spread(position: int, layout: Layout | None, shape: Sequence[int], dim: int = -1) -> Any:
    """An input broadcast to ``shape``; its own last dimension is ``dim`` of it."""
    if layout is None:
        return None
    strides = [0] * len(shape)
    first = dim % max(len(shape), 1) + 1 - len(layout.shape)
    for i, (size, stride) in enumerate(zip(layout.shape, layout.strides, strict=True)):
        strides[first + i] = stride if size == shape[first + i] else 0
    return position, tuple(strides)


UpdateFunction = Callable[[Any, Sequence[Any], Sequence[Expr]], Sequence[Expr | None]]


@dataclass(frozen=True)
class UpdateGroup:
    """Lists of dense arrays (None for one that is absent) and the function of their new elements.

    ``function(flags, elements, numbers)`` gives None for a list that stays as it is.  A list's arrays of one element,
    beside larger ones, serve every element.
    """

    function: UpdateFunction
    lists: Sequence[Any]
    numbers: tuple[float, ...] = ()
    flags: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Update(Lowering):
    """Lists of arrays changed in place: ``groups(*arguments)`` of a call, one after the other."""

    groups: Callable[..., Sequence[UpdateGroup]]


@dataclass(frozen=True)
class Template(Lowering):
    """A kernel written by hand in the same C family (products, sorts, random bits); backends know it by name."""

    name: str


LOWERINGS: dict[str, Lowering] = {}
"""By the primitive's name."""

PLAIN: dict[str, int] = {}
"""How many operands elementwise primitives have, of those that have nothing else."""


def fold(op: str, neutral: int) -> Reduction:
    """A sum or a product."""
    return Reduction(
        "bif",
        lambda x, at: (x,),
        lambda a, b: (scalar.apply(op, a[0], b[0]),),
        lambda d: (const(neutral, d),),
        lambda state: state[0],
    )


def least(d: dtype, larger: bool) -> Expr:
    """What every number of the dtype is ahead of."""
    if d.category == 2:
        return const(-math.inf if larger else math.inf, d)
    if d.category == 0:
        return const(not larger, d)
    bits = 8 * d.itemsize - d.is_signed
    low = -(2**bits) if d.is_signed else 0
    return const(low if larger else 2**bits - 1, d)


def extreme(larger: bool) -> Reduction:
    """The largest or smallest element; nan if any is."""
    op = "maximum" if larger else "minimum"
    return Reduction(
        "bif",
        lambda x, at: (x,),
        lambda a, b: (scalar.apply(op, a[0], b[0]),),
        lambda d: (least(d, larger),),
        lambda state: state[0],
    )


def position(larger: bool) -> Reduction:
    """Where the first of the largest or smallest elements is; the first nan is ahead of all."""
    return Reduction(
        "if",
        lambda x, at: (x, at),
        _better(larger, last=False),
        lambda d: (least(d, larger), const(2**63 - 1, int64)),
        lambda state: state[1],
    )


def running(op: str) -> Scan:
    """Running sums or products."""
    return Scan("bif", lambda x, at: (x,), lambda a, b: (scalar.apply(op, a[0], b[0]),))


def running_best(larger: bool) -> Scan:
    """Running extremes, and where each was last met."""
    return Scan("bif", lambda x, at: (x, at), _better(larger, last=True))


def _better(larger: bool, last: bool) -> Callable[[State, State], State]:
    """``combine`` of (value, position) states: the extreme, nan above all; of ties the first, or the last."""

    def combine(a: State, b: State) -> State:
        ahead = b[0] > a[0] if larger else b[0] < a[0]
        tie = scalar.apply("eq", a[0], b[0])
        if a[0].dtype.category == 2:
            ahead = (ahead & ~scalar.isnan(a[0])) | (scalar.isnan(b[0]) & ~scalar.isnan(a[0]))
            tie = tie | (scalar.isnan(a[0]) & scalar.isnan(b[0]))
        take = ahead | (tie & (b[1] > a[1] if last else b[1] < a[1]))
        return scalar.select(take, b[0], a[0]), scalar.select(take, b[1], a[1])

    return combine
