"""Calls of the kernels that are written by hand: random bits, sorting, matrix products."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

from ...codegen import templates
from ...codegen.geometry import collapse
from ...codegen.scalar import compute
from ...codegen.templates import TILE
from ...dtypes import int64
from ...layout import Layout
from ..window import Window

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
        built = backend.built(
            ("sort", layout.dtype, descending), index,
            lambda dialect: templates.sort(dialect, "sort", layout.dtype, descending),
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
    d, index = a.layout.dtype, a.layout.device.index or 0
    *batch, m, k = a.layout.shape
    n = b.layout.shape[-1]
    y = backend.allocate(Layout.of((*batch, m, n), d, a.layout.device))
    if not y.layout.numel:
        return y
    nest = collapse(batch, [a.layout.strides[:-2], b.layout.strides[:-2]])
    if len(nest.sizes) > 1:
        a, b = map(backend.kernels["copy"].function, (a, b))
        nest = collapse(batch, [a.layout.strides[:-2], b.layout.strides[:-2]])
    matrices = prod(batch)
    packed, steps = [], []
    for x, lines, width, along, across, step in (
        (a, m, TILE[0], -1, -2, nest.strides[0][0]), (b, n, TILE[1], -2, -1, nest.strides[1][0])
    ):  # fmt: skip
        count = 1 if step == 0 or matrices == 1 else matrices
        panels = -(-lines // width)
        into = backend.allocate(Layout.of((count * panels, max(k, 1), width), compute(d), a.layout.device))
        built = backend.built(("pack", d, width), index, partial(templates.pack, name=f"pack{width}", d=d, width=width))
        strides = x.layout.strides
        numbers = [k, lines, strides[along], strides[across], step]
        backend.run(built, count * panels, [x.memory, x.offset, into.memory, into.offset, *numbers], index)
        packed += [into.memory, into.offset]
        steps.append(0 if count == 1 else panels)
    built = backend.built(("matmul", d), index, lambda dialect: templates.matmul(dialect, "matmul", d))
    units = matrices * -(-m // TILE[0]) * -(-n // TILE[1])
    backend.run(built, units, [*packed, y.memory, y.offset, m, n, k, *steps], index)
    return y


TEMPLATES: dict[str, Callable[..., Any]] = {"random_bits": _random_bits, "sort": _sort, "matmul": _matmul}
