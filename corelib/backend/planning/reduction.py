"""Calls of reductions: which walk, in how many parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ...codegen import reduction as loops
from ...codegen.dialect import Dialect
from ...codegen.geometry import collapse
from ...codegen.lowering import Reduction
from ...codegen.scalar import compute
from ...codegen.writer import Kernel
from ...dtypes import dtype, int64
from ...layout import Layout
from ..window import Window

if TYPE_CHECKING:
    from ..codegen_backend import CodegenBackend

__all__ = ["reduction"]

_PART = 1 << 15
"""Elements of a result that are worth another part."""
_SHORT = 256
"""Elements for which a group is too many."""


class _Plan(NamedTuple):
    """What a reduction of one layout needs."""

    result: Layout
    units: int
    built: Any
    tail: list[int]
    states: list[Layout]
    finish: Any
    device: int


def reduction(
    backend: CodegenBackend, name: str, lowering: Reduction, x: Window, dims: Any, keepdim: bool, *rest: Any
) -> Window:
    """``(x, dims or dim, keepdim[, dtype])``."""
    key = (name, x.layout, dims, keepdim, *rest)
    plan = backend.plans.get(key)
    if plan is None:
        plan = backend.plans[key] = _plan(backend, name, lowering, x.layout, dims, keepdim, *rest)
    result = backend.allocate(plan.result)
    if not plan.units:
        return result
    if plan.finish is None:
        backend.run(plan.built, plan.units, [x.memory, x.offset, result.memory, result.offset, *plan.tail], plan.device)
        return result
    states = [backend.allocate(state) for state in plan.states]
    blocks = [v for state in states for v in (state.memory, state.offset)]
    backend.run(plan.built, plan.units, [x.memory, x.offset, *blocks, *plan.tail], plan.device)
    parts = plan.tail[-1]
    backend.run(plan.finish, plan.result.numel, [*blocks, result.memory, result.offset, parts], plan.device)
    return result


def _plan(
    backend: CodegenBackend, name: str, lowering: Reduction, layout: Layout, dims: Any, keepdim: bool, *rest: Any
) -> _Plan:
    source = layout.dtype
    converted: dtype = rest[0] if rest else source
    out_dtype = converted if rest or isinstance(dims, tuple) else int64
    chosen = dims if isinstance(dims, tuple) else (dims,)
    if not layout.shape:
        chosen = ()
    shape = [1 if d in chosen else n for d, n in enumerate(layout.shape)]
    if not keepdim:
        shape = [n for d, n in enumerate(layout.shape) if d not in chosen]
    result = Layout.of(tuple(shape), out_dtype, layout.device)
    index = layout.device.index or 0
    if not result.numel:
        return _Plan(result, 0, None, [], [], None, index)
    over = [d for d in range(len(layout.shape)) if d in chosen]
    if isinstance(dims, tuple):  # a fold does not mind the order: long dense loops innermost
        over.sort(key=lambda d: -layout.strides[d])
    kept = [d for d in range(len(layout.shape)) if d not in chosen]
    k = collapse([layout.shape[d] for d in kept], [[layout.strides[d] for d in kept]])
    r = collapse([layout.shape[d] for d in over], [[layout.strides[d] for d in over]])
    walk = "inner1" if r.strides[0][-1] == 1 else "inners"
    if walk == "inners" and k.strides[0][-1] == 1 and k.sizes[-1] > 1:
        walk = "outer"
    groups = result.numel if walk != "outer" else result.numel // k.sizes[-1] * -(-k.sizes[-1] // loops.COLUMNS)
    parts = max(1, min(layout.numel // groups // _PART, -(-backend.workers(index) // groups)))
    if backend.dialect(index).schedule == "grid":
        walk, parts = _on_grid(walk == "outer", result.numel, layout.numel // result.numel, backend.workers(index))
        groups = result.numel
    sizes = (len(k.sizes), len(r.sizes))
    tail = [*k.sizes, *r.sizes, *k.strides[0], *r.strides[0], parts]
    whole = parts == 1

    def render(dialect: Dialect) -> Kernel:
        out = out_dtype if whole else None
        return loops.reduce(dialect, name, lowering, source, converted, out, *sizes, walk)

    built = backend.built((name, source, converted, out_dtype, *sizes, walk, whole), index, render)
    if whole:
        return _Plan(result, groups, built, tail, [], None, index)
    identity = lowering.identity(compute(converted))
    states = [Layout.of((result.numel, parts), e.dtype, layout.device) for e in identity]
    together = walk in ("group", "single") and parts > 32
    finish = backend.built(
        ("finish", name, converted, out_dtype, together), index,
        lambda dialect: loops.finish(dialect, f"{name}_finish", lowering, converted, out_dtype, together),
    )  # fmt: skip
    return _Plan(result, groups * parts, built, tail, states, finish, index)


def _on_grid(outer: bool, results: int, each: int, workers: int) -> tuple[str, int]:
    """Who makes a result of so many elements, and in how many parts: enough of them for all groups to have work."""
    if outer or each < _SHORT:
        return "single", max(1, min(each // _SHORT, -(-workers * loops.GROUP // results)))
    return "group", max(1, min(each // (32 * loops.GROUP), -(-workers // results)))
