"""Calls of scans, gather and scatter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...codegen import lines as loops
from ...codegen import scalar
from ...codegen.geometry import Nest, collapse
from ...codegen.lowering import Scan, Scatter
from ...dtypes import dtype, int64
from ...layout import Layout
from ..window import Window

if TYPE_CHECKING:
    from ..codegen_backend import CodegenBackend

__all__ = ["gather", "scan", "scatter"]


def _others(lanes: int, shape: tuple[int, ...], dim: int, *strides: tuple[int, ...]) -> tuple[Nest, int]:
    """The dimensions beside ``dim`` collapsed, and how many groups of so many lines there are."""
    rest = [d for d in range(len(shape)) if d != dim]
    nest = collapse([shape[d] for d in rest], [[s[d] for d in rest] for s in strides])
    units = -(-nest.sizes[-1] // lanes)
    for size in nest.sizes[:-1]:
        units *= size
    return nest, units


def _step(layout: Layout, dim: int) -> int:
    return layout.strides[dim] if layout.strides else 1


def _length(layout: Layout, dim: int) -> int:
    return layout.shape[dim] if layout.shape else 1


def scan(backend: CodegenBackend, name: str, lowering: Scan, x: Window, dim: int, *rest: Any) -> Any:
    """``(x, dim[, dtype])``; one result for each part of the state."""
    layout = x.layout
    converted: dtype = rest[0] if rest else layout.dtype
    outs = [converted] if rest else [converted, int64]
    index = layout.device.index or 0
    results = [backend.allocate(Layout.of(tuple(layout.shape), d, layout.device)) for d in outs]
    dense = results[0].layout
    dialect = backend.dialect(index)
    nest, units = _others(loops.lanes(dialect), layout.shape, dim, layout.strides, dense.strides)
    others = len(nest.sizes)
    together = dialect.schedule == "grid" and _length(layout, dim) > 64
    if layout.numel:
        built = backend.built(
            (name, layout.dtype, converted, others, together), index,
            lambda dialect: loops.scan(dialect, name, lowering, layout.dtype, converted, outs, others, together),
        )  # fmt: skip
        blocks = [v for array in (x, *results) for v in (array.memory, array.offset)]
        steps = [_length(layout, dim), _step(layout, dim), _step(dense, dim)]
        backend.run(built, units, [*blocks, *steps, *nest.sizes, *nest.strides[0], *nest.strides[1]], index)
    return results[0] if rest else tuple(results)


def gather(backend: CodegenBackend, x: Window, places: Window, dim: int) -> Window:
    """``(x, index, dim)``."""
    shape, d, index = places.layout.shape, x.layout.dtype, x.layout.device.index or 0
    y = backend.allocate(Layout.of(tuple(shape), d, x.layout.device))
    dialect = backend.dialect(index)
    lanes = loops.lanes(dialect)
    nest, units = _others(lanes, shape, dim, x.layout.strides, places.layout.strides, y.layout.strides)
    others = len(nest.sizes)
    if dialect.schedule == "grid":
        units = y.layout.numel
    if y.layout.numel:
        built = backend.built(("gather", d, others), index, lambda dialect: loops.gather(dialect, "gather", d, others))
        blocks = [v for array in (x, places, y) for v in (array.memory, array.offset)]
        steps = [_step(array.layout, dim) for array in (x, places, y)]
        lengths = [dim, _length(x.layout, dim), _length(places.layout, dim)]
        walked = [s for strides in nest.strides for s in strides]
        backend.run(built, units, [*blocks, *lengths, *steps, *nest.sizes, *walked], index)
    return y


def scatter(
    backend: CodegenBackend, name: str, lowering: Scatter, x: Window, places: Window, src: Any, dim: int
) -> Window:
    """``(x, index, src, dim)``: into a copy of x."""
    d, index = x.layout.dtype, x.layout.device.index or 0
    wide = d if lowering.combine is None else scalar.compute(d)
    y: Window = backend.kernels["copy"].function(x) if wide is d else backend.kernels["cast"].function(x, wide)
    number = not isinstance(src, Window)
    arrays = [places, y] if number else [places, y, src]
    shape = places.layout.shape
    lanes = loops.lanes(backend.dialect(index))
    nest, units = _others(lanes, shape, dim, *[a.layout.strides for a in arrays])
    others = len(nest.sizes)
    if places.layout.numel:
        built = backend.built(
            (name, d, others, number), index,
            lambda dialect: loops.scatter(dialect, name, lowering, d, others, number),
        )  # fmt: skip
        value = [src] if number else [src.memory, src.offset]
        steps = [_step(a.layout, dim) for a in ([places, y] if number else [places, src, y])]
        lengths = [dim, _length(x.layout, dim), _length(places.layout, dim)]
        walked = [s for strides in nest.strides for s in strides]
        arguments = [places.memory, places.offset, *value, y.memory, y.offset, *lengths, *steps, *nest.sizes, *walked]
        backend.run(built, units, arguments, index)
    if wide is not d:
        y = backend.kernels["cast"].function(y, d)
    return y
