"""Joining tensors side by side, and the grids, products and triangles that are made of vectors."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from ..core.tensor import Tensor
from ..dtypes import dtype as dtype_class
from ..dtypes import int64
from . import rules
from .creation import arange, tensor, zeros
from .elementwise import le
from .indexing import copy_, index_select
from .movement import cat, stack
from .reduction import cumprod
from .results import accepts_out
from .view import expand

__all__ = [
    "atleast_1d", "atleast_2d", "atleast_3d", "block_diag", "cartesian_prod", "column_stack", "combinations", "dstack",
    "hstack", "meshgrid", "row_stack", "tril_indices", "triu_indices", "vander", "vstack",
]  # fmt: skip


def _each(function: Callable[[Tensor], Tensor], tensors: tuple[Any, ...]) -> Any:
    """The function of one tensor, or a tuple of that of each."""
    if len(tensors) == 1 and not isinstance(tensors[0], (tuple, list)):
        return function(tensors[0])
    given = tensors[0] if len(tensors) == 1 else tensors
    return tuple(map(function, given))


def _line(x: Tensor) -> Tensor:
    return x if x.ndim else x.reshape(1)


def _plane(x: Tensor) -> Tensor:
    return x if x.ndim > 1 else _line(x).unsqueeze(0)


def _solid(x: Tensor) -> Tensor:
    return x if x.ndim > 2 else _plane(x).unsqueeze(-1)


def atleast_1d(*tensors: Any) -> Any:
    """A number as a vector of one; others as they are.  Of several tensors a tuple."""
    return _each(_line, tensors)


def atleast_2d(*tensors: Any) -> Any:
    """A vector as a matrix of one row; others as they are.  Of several tensors a tuple."""
    return _each(_plane, tensors)


def atleast_3d(*tensors: Any) -> Any:
    """A matrix [m, n] as [m, n, 1], a vector as [1, n, 1].  Of several tensors a tuple."""
    return _each(_solid, tensors)


def _some(tensors: Any, name: str) -> list[Tensor]:
    given = list(tensors)
    if not given:
        raise RuntimeError(f"{name} expects a non-empty TensorList")
    return given


@accepts_out
def hstack(tensors: Any) -> Tensor:
    """Joined along columns (dimension 1; 0 of vectors)."""
    given = list(map(_line, _some(tensors, "hstack")))
    return cat(given, 0 if given[0].ndim == 1 else 1)


@accepts_out
def vstack(tensors: Any) -> Tensor:
    """Joined along rows, vectors being one row each."""
    return cat(list(map(_plane, _some(tensors, "vstack"))), 0)


@accepts_out
def row_stack(tensors: Any) -> Tensor:
    """``vstack``."""
    return cat(list(map(_plane, _some(tensors, "vstack"))), 0)


@accepts_out
def dstack(tensors: Any) -> Tensor:
    """Joined along the third dimension."""
    return cat(list(map(_solid, _some(tensors, "dstack"))), 2)


@accepts_out
def column_stack(tensors: Any) -> Tensor:
    """Joined along columns, vectors being one column each."""
    given = [x.reshape(-1, 1) if x.ndim < 2 else x for x in _some(tensors, "column_stack")]
    return cat(given, 1)


def block_diag(*tensors: Tensor) -> Tensor:
    """A matrix with the given ones (vectors: one row each) along its diagonal, zeros elsewhere."""
    if not tensors:
        return zeros(1, 0)
    for i, x in enumerate(tensors):
        if x.ndim > 2:
            raise RuntimeError(
                f"torch.block_diag: Input tensors must have 2 or fewer dimensions. Input {i} has {x.ndim} dimensions"
            )
    blocks = list(map(_plane, tensors))
    rows, columns = sum(x.shape[0] for x in blocks), sum(x.shape[1] for x in blocks)
    made = zeros(rows, columns, dtype=rules.promote(*[x._layout for x in blocks]), device=blocks[0].device)
    row = column = 0
    for x in blocks:
        copy_(made[row : row + x.shape[0], column : column + x.shape[1]], x)
        row, column = row + x.shape[0], column + x.shape[1]
    return made


# -- grids


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """Coordinates of a grid: each vector expanded along its own dimension, in the shape of all.

    With ``indexing="xy"`` the first two vectors run along each other's dimension.
    """
    given = list(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)) else list(tensors)
    if not given:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    for x in given:
        if x.ndim > 1:
            raise RuntimeError(f"torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: {list(x.shape)}")
    if any(x.dtype is not given[0].dtype for x in given):
        raise RuntimeError("meshgrid expects all tensors to have the same dtype")
    if indexing not in ("ij", "xy"):
        raise RuntimeError(f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    swapped = indexing == "xy" and len(given) >= 2
    if swapped:
        given[0], given[1] = given[1], given[0]
    sizes = tuple(x.numel() for x in given)
    grids = [expand(x.reshape((1,) * i + (-1,) + (1,) * (len(given) - 1 - i)), sizes) for i, x in enumerate(given)]
    if swapped:
        grids[0], grids[1] = grids[1], grids[0]
    return tuple(grids)


def cartesian_prod(*tensors: Tensor) -> Tensor:
    """Rows of one element of each vector, the last changing fastest; one vector is as it is."""
    for x in tensors:
        if x.ndim != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {list(x.shape)}")
    if len(tensors) == 1:
        return tensors[0]
    return stack([g.reshape(-1) for g in meshgrid(*tensors)], 1)


def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """Rows of ``r`` elements of a vector, in order (each at most once unless ``with_replacement``)."""
    if input.ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(input.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if r == 0:
        return input.new_empty((0,))
    chosen = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = list(itertools.chain.from_iterable(chosen(range(input.shape[0]), r)))
    picked = index_select(input, 0, tensor(rows, dtype=int64, device=input.device))
    chosen_rows: Tensor = picked.reshape(len(rows) // r, r)
    return chosen_rows


def _triangle(keep: Tensor, dtype: dtype_class | None) -> Tensor:
    found = keep.nonzero().t().contiguous()
    result: Tensor = found if dtype is None or dtype is int64 else found.to(dtype)
    return result


def _check_sides(row: int, col: int) -> None:
    for name, n in (("row", row), ("col", col)):
        if n < 0:
            raise RuntimeError(f"{name} must be non-negative, got{n}")


def tril_indices(
    row: int, col: int, offset: int = 0, *, dtype: dtype_class | None = None, device: Any = None
) -> Tensor:
    """[2, count]: rows and columns of a matrix's elements on and below a diagonal, row by row."""
    _check_sides(row, col)
    i, j = arange(row, device=device).reshape(-1, 1), arange(col, device=device)
    return _triangle(le(j, i + offset), dtype)


def triu_indices(
    row: int, col: int, offset: int = 0, *, dtype: dtype_class | None = None, device: Any = None
) -> Tensor:
    """[2, count]: rows and columns of a matrix's elements on and above a diagonal, row by row."""
    _check_sides(row, col)
    i, j = arange(row, device=device).reshape(-1, 1), arange(col, device=device)
    return _triangle(le(i + offset, j), dtype)


def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """[n, N] of the powers N-1 ... 0 of a vector's elements (0 ... N-1 where ``increasing``)."""
    if x.ndim != 1:
        raise RuntimeError("x must be a one-dimensional tensor.")
    count = x.shape[0] if N is None else N
    if count < 0:
        raise RuntimeError("N must be non-negative.")
    d = int64 if x.dtype.category < 2 else x.dtype
    parts = [x.new_ones((x.shape[0], min(count, 1)), dtype=d)]
    if count > 1:
        parts.append(cumprod(expand(x.to(d).reshape(-1, 1), (x.shape[0], count - 1)), 1))
    powers = cat(parts, 1)
    return powers if increasing else powers.flip((1,))
