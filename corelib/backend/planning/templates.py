"""Calls of the kernels that are written by hand: random bits, sorting, matrix products."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING, Any

from ...codegen import templates
from ...codegen.geometry import collapse
from ...codegen.scalar import compute
from ...dtypes import int64
from ...layout import Layout
from ..window import Window
from .convolution import pack_lines

if TYPE_CHECKING:
    from ..codegen_backend import CodegenBackend

__all__ = ["TEMPLATES", "signed"]


def _random_bits(backend: CodegenBackend, seed: int, offset: int, layout: Layout) -> Window:
    y = backend.allocate(layout)
    index, blocks = layout.device.index or 0, -(-layout.numel // 4)
    if layout.numel:
        built = backend.built(("random_bits",), index, templates.random_bits)
        block, units = backend.units((blocks,), index)
        numbers = [signed(seed), signed(offset), layout.numel, block]
        backend.run(built, units, [y.memory, y.offset, *numbers], index)
    return y


def signed(word: int) -> int:
    """Of 64 bits, what int64 has the same."""
    return word - 2**64 if word >= 2**63 else word


def _sort(backend: CodegenBackend, x: Window, dim: int, descending: bool) -> tuple[Window, Window]:
    layout, copy = x.layout, backend.kernels["copy"].function
    rank = len(layout.shape)
    order = [d for d in range(rank) if d != dim] + ([dim] if rank else [])
    moved = _permuted(backend, x, order)
    values = copy(moved)
    places = backend.allocate(values.layout.with_dtype(int64))
    index, length = layout.device.index or 0, values.layout.shape[-1] if rank else 1
    if layout.numel:
        scratch = [backend.allocate(values.layout), backend.allocate(places.layout)]
        together = length > 64 and backend.dialect(index).schedule == "grid"
        built = backend.built(
            ("sort", layout.dtype, descending, together), index,
            lambda dialect: templates.sort(dialect, "sort", layout.dtype, descending, together),
        )  # fmt: skip
        blocks = [v for a in (values, places, *scratch) for v in (a.memory, a.offset)]
        backend.run(built, layout.numel // length, [*blocks, length], index)
    if dim == rank - 1 or not rank:
        return values, places
    back = list(map(order.index, range(rank)))
    return copy(_permuted(backend, values, back)), copy(_permuted(backend, places, back))


def _permuted(backend: CodegenBackend, x: Window, order: list[int]) -> Window:
    layout = x.layout
    shape, strides = tuple(layout.shape[d] for d in order), tuple(layout.strides[d] for d in order)
    view: Window = backend.as_strided(x, Layout.of(shape, layout.dtype, layout.device, strides), 0)
    return view


def _matmul(backend: CodegenBackend, a: Window, b: Window) -> Window:
    key = ("matmul", a.layout, b.layout)
    plan = backend.plans.get(key)
    if plan is None:
        plan = backend.plans[key] = _plan_matmul(backend, a.layout, b.layout)
    result, dense, packs, built, units, tail, index = plan
    y = backend.allocate(result)
    if not units:
        return y
    if dense:
        a, b = map(backend.kernels["copy"].function, (a, b))
    packed: list[Any] = []
    for x, (into, pack, panels, numbers) in zip((a, b), packs, strict=True):
        panel = backend.allocate(into)
        backend.run(pack, panels, [x.memory, x.offset, panel.memory, panel.offset, *numbers], index)
        packed += [panel.memory, panel.offset]
    backend.run(built, units, [*packed, y.memory, y.offset, *tail], index)
    return y


def _plan_matmul(backend: CodegenBackend, a: Layout, b: Layout) -> tuple[Any, ...]:
    """Result's layout, whether operands are copied first, each one's packing, the kernel, its units and numbers."""
    d, index = a.dtype, a.device.index or 0
    *batch, m, k = a.shape
    n, matrices = b.shape[-1], prod(batch)
    result = Layout.of((*batch, m, n), d, a.device)
    if not result.numel:
        return result, False, [], None, 0, [], index
    nest = collapse(batch, [a.strides[:-2], b.strides[:-2]])
    dense = len(nest.sizes) > 1
    if dense:
        a, b = a.dense, b.dense
        nest = collapse(batch, [a.strides[:-2], b.strides[:-2]])
    rows, columns = templates.tile(backend.dialect(index))
    packs, steps = [], []
    for x, lines, width, along, across, (step, *_) in (
        (a, m, rows, -1, -2, nest.strides[0]), (b, n, columns, -2, -1, nest.strides[1])
    ):  # fmt: skip
        count = 1 if step == 0 or matrices == 1 else matrices
        panels = -(-lines // width)
        into = Layout.of((count * panels, max(k, 1), width), compute(d), a.device)
        built = pack_lines(backend, d, width, "", index)
        packs.append((into, built, count * panels, [lines, 1, k, x.strides[across], 0, x.strides[along], step, count]))
        steps.append(0 if count == 1 else panels)
    built = backend.built(("matmul", d), index, lambda dialect: templates.matmul(dialect, "matmul", d))
    units = matrices * -(-m // rows) * -(-n // columns)
    return result, dense, packs, built, units, [m, n, k, *steps], index


TEMPLATES: dict[str, Callable[..., Any]] = {"random_bits": _random_bits, "sort": _sort, "matmul": _matmul}
