"""Calls of reductions: which walk, in how many parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...codegen import reduction as loops
from ...codegen.geometry import collapse
from ...codegen.lowering import Reduction
from ...codegen.scalar import compute
from ...dtypes import dtype, int64
from ...layout import Layout
from ..window import Window

if TYPE_CHECKING:
    from ..codegen_backend import CodegenBackend

__all__ = ["reduction"]

_PART = 1 << 15
"""Elements of a result that are worth another part."""


def reduction(
    backend: CodegenBackend, name: str, lowering: Reduction, x: Window, dims: Any, keepdim: bool, *rest: Any
) -> Window:
    """``(x, dims or dim, keepdim[, dtype])``."""
    layout = x.layout
    source = layout.dtype
    converted: dtype = rest[0] if rest else source
    out_dtype = converted if rest or isinstance(dims, tuple) else int64
    chosen = dims if isinstance(dims, tuple) else (dims,)
    if not layout.shape:
        chosen = ()
    shape = [1 if d in chosen else n for d, n in enumerate(layout.shape)]
    if not keepdim:
        shape = [n for d, n in enumerate(layout.shape) if d not in chosen]
    result = backend.allocate(Layout.of(tuple(shape), out_dtype, layout.device))
    numel = result.layout.numel
    if not numel:
        return result
    over = [d for d in range(len(layout.shape)) if d in chosen]
    if isinstance(dims, tuple):  # a fold does not mind the order: long dense loops innermost
        over.sort(key=lambda d: -layout.strides[d])
    kept = [d for d in range(len(layout.shape)) if d not in chosen]
    k = collapse([layout.shape[d] for d in kept], [[layout.strides[d] for d in kept]])
    r = collapse([layout.shape[d] for d in over], [[layout.strides[d] for d in over]])
    walk = "inner1" if r.strides[0][-1] == 1 else "inners"
    if walk == "inners" and k.strides[0][-1] == 1 and k.sizes[-1] > 1:
        walk = "outer"
    index = layout.device.index or 0
    groups = numel if walk != "outer" else numel // k.sizes[-1] * -(-k.sizes[-1] // loops.LANES)
    each = layout.numel // groups
    parts = max(1, min(each // _PART, -(-backend.workers(index) // groups)))
    sizes = (len(k.sizes), len(r.sizes))
    key = (name, source, converted, out_dtype, *sizes, walk)
    tail = [*k.sizes, *r.sizes, *k.strides[0], *r.strides[0], parts]
    whole = parts == 1

    def render(dialect: Any) -> Any:
        out = out_dtype if whole else None
        return loops.reduce(dialect, name, lowering, source, converted, out, *sizes, walk)

    built = backend.built((*key, whole), index, render)
    if whole:
        backend.run(built, groups, [x.memory, x.offset, result.memory, result.offset, *tail], index)
        return result
    states = [
        backend.allocate(Layout.of((numel, parts), e.dtype, layout.device))
        for e in lowering.identity(compute(converted))
    ]
    blocks = [v for state in states for v in (state.memory, state.offset)]
    backend.run(built, groups * parts, [x.memory, x.offset, *blocks, *tail], index)
    built = backend.built(
        ("finish", name, converted, out_dtype), index,
        lambda dialect: loops.finish(dialect, f"{name}_finish", lowering, converted, out_dtype),
    )  # fmt: skip
    backend.run(built, numel, [*blocks, result.memory, result.offset, parts], index)
    return result
