"""Calls of the kernels that copy or draw: rows of a table, their gradient, arrays joined, dropout."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

from ...codegen import tables as loops
from ...codegen.scalar import compute
from ...dtypes import bool_
from ...layout import Layout
from ..window import Window
from .templates import signed

if TYPE_CHECKING:
    from ..codegen_backend import CodegenBackend

__all__ = ["TABLES"]


def _dense(backend: CodegenBackend, x: Window) -> Window:
    array: Window = x if x.layout.contiguous else backend.kernels["copy"].function(x)
    return array


def embedding(backend: CodegenBackend, weight: Window, indices: Window, padding_idx: int) -> Window:
    """``(weight, indices, padding_idx)``."""
    layout, d = weight.layout, weight.layout.dtype
    rows, length = layout.shape
    y = backend.allocate(Layout.of((*indices.layout.shape, length), d, layout.device))
    index, count = layout.device.index or 0, indices.layout.numel
    if y.layout.numel:
        built = backend.built(("embedding", d), index, partial(loops.embedding, name="embedding", d=d))
        block = max(1, backend.units((length,), index)[0] // length)
        blocks = [v for a in (weight, _dense(backend, indices), y) for v in (a.memory, a.offset)]
        backend.run(built, -(-count // block), [*blocks, count, rows, *layout.strides, length, block], index)
    return y


def embedding_grad(backend: CodegenBackend, grad: Window, indices: Window, rows: int, padding_idx: int) -> Window:
    """``(grad_output, indices, rows, padding_idx)``."""
    layout, d = grad.layout, grad.layout.dtype
    length = layout.shape[-1]
    y = backend.allocate(Layout.of((rows, length), compute(d), layout.device))
    index = layout.device.index or 0
    if y.layout.numel:
        built = backend.built(("embedding_grad", d), index, partial(loops.embedding_grad, name="embedding_grad", d=d))
        alone = backend.dialect(index).schedule != "chunks"  # one caller a column; else shares of the rows
        shares, columns = (1, 1) if alone else (min(rows, backend.workers(index)), length)
        blocks = [v for a in (_dense(backend, grad), _dense(backend, indices), y) for v in (a.memory, a.offset)]
        numbers = [indices.layout.numel, rows, padding_idx, length, shares, columns]
        backend.run(built, shares * -(-length // columns), [*blocks, *numbers], index)
    return y if y.layout.dtype is d else backend.kernels["cast"].function(y, d)


def cat(backend: CodegenBackend, arrays: Sequence[Window], dim: int) -> Window:
    """``(tensors, dim)``."""
    rank = max(len(a.layout.shape) for a in arrays)
    kept = [a for a in arrays if len(a.layout.shape) == rank]
    shape = list(kept[0].layout.shape)
    shape[dim] = sum(a.layout.shape[dim] for a in kept)
    layout = Layout.of(tuple(shape), kept[0].layout.dtype, kept[0].layout.device)
    d, index, y = layout.dtype, layout.device.index or 0, backend.allocate(layout)
    inner = prod(shape[dim + 1 :])
    start, places = 0, []
    for a in kept:
        length = a.layout.shape[dim] * inner
        if a.layout.numel:
            places.append((_dense(backend, a), length, start))
        start += length
    for first in range(0, len(places), loops.COUNT):
        chosen = places[first : first + loops.COUNT]
        arguments: list[Any] = []
        units = block = 0
        for j in range(loops.COUNT):
            x, length, at = chosen[j] if j < len(chosen) else chosen[0]
            size = x.layout.numel if j < len(chosen) else 0
            arguments += (x.memory, x.offset, length, at, size)
            if size:
                block, count = backend.units((size,), index)
                units += count
        built = backend.built(("cat", d), index, partial(loops.cat, name="cat", d=d))
        backend.run(built, units, [*arguments, y.memory, y.offset, shape[dim] * inner, block], index)
    return y


def dropout(backend: CodegenBackend, seed: int, offset: int, x: Window, p: float) -> tuple[Window, Window]:
    """``(seed, offset, input, p)``."""
    layout, d = x.layout, x.layout.dtype
    y, mask = backend.allocate(layout.dense), backend.allocate(layout.dense.with_dtype(bool_))
    index = layout.device.index or 0
    if layout.numel:
        built = backend.built(("dropout", d), index, partial(loops.dropout, name="dropout", d=d))
        block, units = backend.units((-(-layout.numel // 4),), index)
        blocks = [v for a in (_dense(backend, x), y, mask) for v in (a.memory, a.offset)]
        numbers = [signed(seed), signed(offset), layout.numel, 1.0 - p, 1.0 / (1.0 - p) if p < 1 else 0.0, block]
        backend.run(built, units, [*blocks, *numbers], index)
    return y, mask


TABLES: dict[str, Callable[..., Any]] = {
    "embedding": embedding, "embedding_grad": embedding_grad, "cat": cat, "dropout": dropout,
}  # fmt: skip
