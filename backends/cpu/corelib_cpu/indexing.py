"""gather, scatter and scatter_add; embedding and its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from corelib.backend.base import kernel
from corelib.backend.errors import IndexOutOfBounds

from .context import quiet
from .elementwise import Array, number_as, wide
from .reduction import dense


def check_bounds(index: Array, dim: int, size: int) -> None:
    """Raise IndexOutOfBounds, naming the first bad index, unless ``0 <= index < size`` everywhere."""
    # As unsigned numbers the negative ones are the largest: one pass finds both kinds.
    if index.size and index.view(np.uint64).max() >= size:
        bad = index[(index < 0) | (index >= size)]
        raise IndexOutOfBounds(int(bad.flat[0]), dim, size)


def _window(x: Array, shape: tuple[int, ...], dim: int) -> Array:
    """The part of ``x`` that an index of this shape can reach: cut to its sizes except along ``dim``."""
    return x[tuple(slice(None) if d == dim else slice(0, size) for d, size in enumerate(shape))]


def _is_row_selection(index: Array, dim: int) -> bool:
    """Whether the index is a vector along ``dim``, expanded along all other dimensions."""
    return all(index.strides[d] == 0 or index.shape[d] == 1 for d in range(index.ndim) if d != dim)


@kernel("gather")
@quiet
def gather(x: Array, index: Array, dim: int) -> Array:
    """``out[i][j] = x[index[i][j]][j]`` for dim 0, and so on."""
    if x.ndim == 0 or index.ndim == 0:
        check_bounds(index, dim, 1 if x.ndim == 0 else x.shape[dim])
        return x.reshape(-1)[index.reshape(-1)].reshape(index.shape)
    check_bounds(index, dim, x.shape[dim])
    if index.size == 0:
        return np.empty(index.shape, x.dtype)
    x = _window(x, index.shape, dim)
    if _is_row_selection(index, dim):
        vector = index[tuple(slice(None) if d == dim else 0 for d in range(index.ndim))]
        return dense(np.take(x, vector, axis=dim))
    return dense(np.take_along_axis(x, index, dim))


def _flat_positions(shape: tuple[int, ...], index: Array, dim: int) -> Array:
    """Where, in a dense flattened array of ``shape``, each element of ``index`` points."""
    positions = np.zeros((), np.int64)
    step = 1
    for d in reversed(range(len(shape))):
        if d == dim:
            positions = positions + index * step
        else:
            moving = [1] * len(shape)
            moving[d] = index.shape[d]
            positions = positions + (np.arange(index.shape[d]) * step).reshape(moving)
        step *= shape[d]
    return np.broadcast_to(positions, index.shape).reshape(-1)


def _source(src: Any, index: Array, target: np.dtype[Any]) -> Any:
    if src.__class__ is not np.ndarray:
        return number_as(src, target)
    return src[tuple(slice(0, size) for size in index.shape)].reshape(-1)


@kernel("scatter")
@quiet
def scatter(x: Array, index: Array, src: Any, dim: int) -> Array:
    """A copy of ``x`` with ``out[index[i][j]][j] = src[i][j]`` for dim 0; the last of duplicates stays."""
    check_bounds(index, dim, x.shape[dim] if x.ndim else 1)
    out = np.array(x, order="C")
    if index.size:
        out.reshape(-1)[_flat_positions(x.shape, index, dim)] = _source(src, index, x.dtype)
    return out


@kernel("scatter_add")
@quiet
def scatter_add(x: Array, index: Array, src: Any, dim: int) -> Array:
    """A copy of ``x`` with ``out[index[i][j]][j] += src[i][j]`` for dim 0, in order: it is deterministic."""
    check_bounds(index, dim, x.shape[dim] if x.ndim else 1)
    out = np.array(wide(x), order="C")
    if index.size:
        source = np.asarray(_source(src, index, out.dtype)).astype(out.dtype, copy=False)
        np.add.at(out.reshape(-1), _flat_positions(x.shape, index, dim), np.broadcast_to(source, (index.size,)))
    return out.astype(x.dtype, copy=False)


@kernel("embedding")
@quiet
def embedding(weight: Array, indices: Array, padding_idx: int = -1) -> Array:
    """The rows of weight [V, D] at indices (int64, any shape): [*indices, D]."""
    check_bounds(indices, 0, weight.shape[0])
    return dense(np.take(weight, indices, axis=0))


@kernel("embedding_grad")
@quiet
def embedding_grad(grad: Array, indices: Array, num_embeddings: int, padding_idx: int = -1) -> Array:
    """grad [*indices, D] added up by index, in order: [num_embeddings, D]; nothing for the row ``padding_idx``."""
    check_bounds(indices, 0, num_embeddings)
    width = grad.shape[-1]
    rows = wide(grad)
    result = np.zeros((num_embeddings, width), rows.dtype)
    # NumPy adds at positions in one dimension three times as fast as row by row.
    positions = indices.reshape(-1, 1) * width + np.arange(width)
    np.add.at(result.reshape(-1), positions.reshape(-1), rows.reshape(-1))
    if padding_idx >= 0:
        result[padding_idx] = 0
    return result.astype(grad.dtype, copy=False)
