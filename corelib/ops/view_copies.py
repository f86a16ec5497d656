"""Views as new tensors: for each view operation the function that copies what it shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.tensor import Tensor
from .bitcast import view_as_complex, view_as_real
from .indexing import copy_
from .movement import clone, split, unbind
from .results import accepts_out
from .view import as_strided, diagonal, select, slice_, squeeze, unfold, unsqueeze

__all__ = [
    "alias_copy", "as_strided_copy", "as_strided_scatter", "detach_copy", "diagonal_copy", "select_copy", "slice_copy",
    "split_copy", "split_with_sizes_copy", "squeeze_copy", "t_copy", "unbind_copy", "unfold_copy", "unsqueeze_copy",
    "view_as_complex_copy", "view_as_real_copy",
]  # fmt: skip
METHODS = ["as_strided_scatter"]


@accepts_out
def alias_copy(input: Tensor) -> Tensor:
    """The tensor, as a new one."""
    return clone(input)


def detach_copy(input: Tensor) -> Tensor:
    """``detach``, as a new tensor."""
    return clone(input.detach())


@accepts_out
def as_strided_copy(
    input: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None
) -> Tensor:
    """``as_strided``, as a new tensor."""
    return clone(as_strided(input, tuple(size), tuple(stride), storage_offset))


def as_strided_scatter(
    input: Tensor, src: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None
) -> Tensor:
    """A copy with ``src`` in place of its view of the given sizes and strides."""
    made = clone(input)
    place = as_strided(made, tuple(size), tuple(stride), storage_offset)
    if tuple(place.shape) != tuple(src.shape):
        raise RuntimeError(
            "expected src to have a size equal to the slice of self. src size = "
            f"{list(src.shape)}, slice size = {list(place.shape)}"
        )
    copy_(place, src)
    return made


@accepts_out
def diagonal_copy(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """``diagonal``, as a new tensor."""
    return clone(diagonal(input, offset, dim1, dim2))


@accepts_out
def select_copy(input: Tensor, dim: int, index: int) -> Tensor:
    """``select``, as a new tensor."""
    return clone(select(input, dim, index))


@accepts_out
def slice_copy(input: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> Tensor:
    """The slice ``start:end:step`` of ``dim``, as a new tensor."""
    return clone(slice_(input, dim, start, end, step))


def split_copy(input: Tensor, split_size: int, dim: int = 0) -> tuple[Tensor, ...]:
    """``split``, as new tensors."""
    return tuple(map(clone, split(input, split_size, dim)))


def split_with_sizes_copy(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """``split_with_sizes``, as new tensors."""
    return tuple(map(clone, split(input, list(split_sizes), dim)))


@accepts_out
def squeeze_copy(input: Tensor, dim: Any = None) -> Tensor:
    """``squeeze``, as a new tensor."""
    return clone(squeeze(input, dim))


@accepts_out
def unsqueeze_copy(input: Tensor, dim: int) -> Tensor:
    """``unsqueeze``, as a new tensor."""
    return clone(unsqueeze(input, dim))


@accepts_out
def t_copy(input: Tensor) -> Tensor:
    """``t``, as a new tensor."""
    return clone(input.t())


def unbind_copy(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """``unbind``, as new tensors."""
    return tuple(map(clone, unbind(input, dim)))


@accepts_out
def unfold_copy(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """``unfold``, as a new tensor."""
    return clone(unfold(input, dimension, size, step))


@accepts_out
def view_as_complex_copy(input: Tensor) -> Tensor:
    """``view_as_complex``, as a new tensor."""
    return clone(view_as_complex(input))


@accepts_out
def view_as_real_copy(input: Tensor) -> Tensor:
    """``view_as_real``, as a new tensor."""
    return clone(view_as_real(input))
