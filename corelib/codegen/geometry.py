"""The shape of loops: which dimensions can be one, and in which order memory is best walked.

A loop nest is *sizes*, outermost first, with the strides (in elements) of every array in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Nest", "collapse", "step_class"]


class Nest(NamedTuple):
    """Sizes of loops, and for each array its strides in them."""

    sizes: tuple[int, ...]
    strides: tuple[tuple[int, ...], ...]


def collapse(sizes: Sequence[int], strides: Sequence[Sequence[int]]) -> Nest:
    """The same walk in as few loops as possible; at least one.

    Two neighbouring dimensions are one where every array steps from the end of the inner to the next of the outer: a
    broadcast dimension (stride 0) only merges with one that is broadcast in the same array too.
    """
    kept: list[int] = []
    steps: list[list[int]] = [[] for _ in strides]
    for d, size in enumerate(sizes):
        if size == 1:
            continue
        if kept and all(s[-1] == given[d] * size for s, given in zip(steps, strides, strict=True)):
            kept[-1] *= size
            for s, given in zip(steps, strides, strict=True):
                s[-1] = given[d]
        else:
            kept.append(size)
            for s, given in zip(steps, strides, strict=True):
                s.append(given[d])
    if not kept:
        return Nest((1,), tuple((1,) for _ in strides))
    return Nest(tuple(kept), tuple(map(tuple, steps)))


def step_class(stride: int) -> str:
    """How the innermost loop steps through an array: "1" (dense), "0" (one element), "s" (given at launch)."""
    return "1" if stride == 1 else "0" if stride == 0 else "s"
