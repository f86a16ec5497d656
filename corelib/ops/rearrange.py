"""Rearrangement: turned, rolled and repeated tensors, other shapes, diagonals, pieces, writes to a view of a copy."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

from ..core.tensor import TENSORS, Tensor
from . import rules
from .creation import zeros
from .elementwise import conj
from .indexing import copy_, index_select
from .movement import cat, clone, flip, movedim, repeat, reshape, split
from .reduction import cumsum
from .results import accepts_out
from .view import diagonal, expand, select, slice_, sum_to, transpose, view

__all__ = [
    "adjoint", "broadcast_tensors", "broadcast_to", "diag", "diag_embed", "diagflat", "diagonal_scatter", "dsplit",
    "expand_copy", "fliplr", "flipud", "hsplit", "is_same_size", "movedim", "narrow_copy", "permute_copy", "ravel",
    "repeat_interleave", "roll", "rot90", "select_scatter", "slice_scatter", "split_with_sizes", "sum_to_size",
    "tensor_split", "tile", "transpose", "transpose_copy", "unflatten", "unsafe_chunk", "unsafe_split",
    "unsafe_split_with_sizes", "view_copy", "vsplit",
]  # fmt: skip
METHODS = [
    "adjoint", "broadcast_to", "diag", "diag_embed", "diagflat", "diagonal_scatter", "dsplit", "fliplr", "flipud",
    "hsplit", "is_same_size", "movedim", "narrow_copy", "ravel", "repeat_interleave", "roll", "rot90", "select_scatter",
    "slice_scatter", "split_with_sizes", "sum_to_size", "tensor_split", "tile", "transpose", "unflatten",
    "unsafe_chunk", "unsafe_split", "unsafe_split_with_sizes", "vsplit",
]  # fmt: skip
ALIASES = {"moveaxis": "movedim", "swapaxes": "transpose", "swapdims": "transpose"}


def _ints(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """Sizes given one by one or as one sequence."""
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        return tuple(map(int, sizes[0]))
    return tuple(map(int, sizes))


# -- turned, rolled, repeated


def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """Elements moved by ``shifts`` along ``dims``, those that leave coming in at the other end.

    Without ``dims`` the flattened tensor is rolled.  RuntimeError where there are not as many shifts as dimensions.
    """
    moves = (shifts,) if isinstance(shifts, int) else tuple(shifts)
    along = () if dims is None else (dims,) if isinstance(dims, int) else tuple(dims)
    if not moves:
        raise RuntimeError("`shifts` required")
    if not along and len(moves) == 1:
        return roll(input.reshape(-1), moves, (0,)).reshape(tuple(input.shape))
    if len(moves) != len(along):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(moves)}, dims:{len(along)}")
    if not input.ndim:
        raise IndexError(f"Dimension specified as {along[0]} but tensor has no dimensions")
    result = input
    for shift, dim in zip(moves, along, strict=True):
        d = rules.normalize_dim(dim, input.ndim)
        n = result.shape[d] if input.ndim else 1
        start = -shift % n if n else 0
        if start:
            result = cat([slice_(result, d, start, n, 1), slice_(result, d, 0, start, 1)], d)
    return clone(result) if result is input else result


def rot90(input: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """Turned ``k`` times by 90 degrees, from the first of ``dims`` towards the second."""
    given = tuple(dims)
    if len(given) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(given)}")
    if input.ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {input.ndim}")
    if abs(given[0] - given[1]) in (0, input.ndim):
        raise RuntimeError(f"expected rotation dims to be different, but got dim0 = {given[0]} and dim1 = {given[1]}")
    for name, d in zip(("0", "1"), given, strict=True):
        if not -input.ndim <= d < input.ndim:
            raise RuntimeError(f"Rotation dim{name} out of range, dim{name} = {d}")
    k %= 4
    if k == 1:
        return transpose(flip(input, (given[1],)), given[0], given[1])
    if k == 2:
        return flip(input, given)
    if k == 3:
        return transpose(flip(input, (given[0],)), given[0], given[1])
    return clone(input)


def fliplr(input: Tensor) -> Tensor:
    """Columns (dimension 1) in reverse."""
    if input.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return flip(input, (1,))


def flipud(input: Tensor) -> Tensor:
    """Rows (dimension 0) in reverse."""
    if input.ndim < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return flip(input, (0,))


def tile(input: Tensor, *dims: Any, **named: Any) -> Tensor:
    """``repeat``, with leading ones where fewer counts than dimensions are given."""
    if named:
        dims = rules.by_name("tile", "dims", dims, named)
    counts = _ints(dims)
    return repeat(input, (1,) * (input.ndim - len(counts)) + counts)


def repeat_interleave(
    input: Tensor, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Tensor:
    """Each element (slice along ``dim``) ``repeats`` times in a row; a tensor of counts says how often each.

    With counts alone: each index as many times as they say.  RuntimeError for negative counts, or a wrong number.
    """
    if repeats is None:
        counts = _counts(input)
        return _spread(counts)
    x = input.reshape(-1) if dim is None else input
    d = rules.normalize_dim(0 if dim is None else dim, x.ndim)
    if not x.ndim:
        x = x.reshape(1)
    n = x.shape[d]
    if repeats.__class__ not in TENSORS:
        times = int(repeats)
        if times < 0:
            raise RuntimeError("Repeats must be non-negative")
        shape = tuple(x.shape)
        wide = expand(x.unsqueeze(d + 1), (*shape[: d + 1], times, *shape[d + 1 :]))
        return reshape(wide, (*shape[:d], n * times, *shape[d + 1 :]))
    counts = _counts(repeats if repeats.ndim else repeats.reshape(1))
    if counts.shape[0] == 1:
        counts = expand(counts, (n,))
    if counts.shape[0] != n:
        raise RuntimeError("repeats must have the same size as input along dim, but got " + (
            f"repeats.size(0) = {counts.shape[0]} and input.size({d}) = {n}"
        ))  # fmt: skip
    return index_select(x, d, _spread(counts))


def _counts(repeats: Tensor) -> Tensor:
    if repeats.ndim != 1:
        raise RuntimeError("repeat_interleave only accept 1D vector as repeat")
    if repeats.dtype.name not in ("int32", "int64"):
        raise RuntimeError("repeats has to be Long or Int tensor")
    return repeats


def _spread(counts: Tensor) -> Tensor:
    """Index i as many times as ``counts[i]`` says."""
    from .indexing import scatter_add

    if not counts.shape[0]:
        return counts
    if int(counts.min()) < 0:
        raise RuntimeError("repeats can not be negative")
    ends = cumsum(counts, 0)
    total = int(ends[-1])
    starts = zeros(total + 1, dtype=ends.dtype, device=counts.device)
    passed = scatter_add(starts, 0, ends, ends.new_ones(tuple(ends.shape)))  # ends that lie at or before each place
    return cumsum(passed[:total], 0).to(counts.dtype)


# -- shapes


def ravel(input: Tensor) -> Tensor:
    """One dimension; a view where the elements are contiguous."""
    return input.contiguous().reshape(-1)


def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """One dimension as several, of the given sizes (one of them may be -1)."""
    d = rules.normalize_dim(dim, input.ndim)
    given = list(map(int, sizes))
    if not given:
        raise RuntimeError("unflatten: sizes must be non-empty")
    n, known = input.shape[d], 1
    for size in given:
        known *= size if size != -1 else 1
    if given.count(-1) == 1 and known and n % known == 0:
        given[given.index(-1)] = n // known
    elif known != n or -1 in given:
        raise RuntimeError(
            f"unflatten: Provided sizes {given} don't multiply up to the size of dim {d} ({n}) in the input tensor"
        )
    return view(input, (*input.shape[:d], *given, *input.shape[d + 1 :]))


def adjoint(input: Tensor) -> Tensor:
    """The conjugate of the last two dimensions transposed."""
    if input.ndim == 1:
        raise RuntimeError("tensor.adjoint() is only supported on matrices or batches of matrices. Got 1-D tensor.")
    turned = transpose(input, -2, -1) if input.ndim else input
    return conj(turned) if input.dtype.is_complex else turned


def broadcast_to(input: Tensor, size: Sequence[int]) -> Tensor:
    """Expanded to ``size``."""
    return expand(input, tuple(size))


def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """Each expanded to the shape they have in common."""
    given = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)) else tensors
    shape = rules.broadcast_shapes(*[tuple(x.shape) for x in given])
    return tuple(expand(x, shape) for x in given)


def sum_to_size(input: Tensor, *size: Any) -> Tensor:
    """Summed over what broadcasting ``size`` to the tensor's shape would repeat."""
    shape = _ints(size)
    try:
        fits = tuple(rules.broadcast_shapes(shape, tuple(input.shape))) == tuple(input.shape)
    except RuntimeError:
        fits = False
    if not fits:
        raise RuntimeError(f"size {{{list(shape)}}} is not expandable to size {{{list(input.shape)}}}.")
    return sum_to(input, shape)


def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether both have one shape."""
    return tuple(input.shape) == tuple(other.shape)


def expand_copy(input: Tensor, size: Sequence[int], *, implicit: bool = False) -> Tensor:
    """``expand``, as a new tensor."""
    return clone(expand(input, tuple(size)))


def permute_copy(input: Tensor, dims: Sequence[int]) -> Tensor:
    """``permute``, as a new tensor."""
    return clone(input.permute(tuple(dims)))


def transpose_copy(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """``transpose``, as a new tensor."""
    return clone(transpose(input, dim0, dim1))


def view_copy(input: Tensor, size: Sequence[int]) -> Tensor:
    """``view``, as a new tensor."""
    return clone(view(input, tuple(size)))


def narrow_copy(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """``narrow``, as a new tensor."""
    return clone(input.narrow(dim, start, length))


# -- diagonals


@accepts_out
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """A vector as the diagonal of a matrix of zeros, or the diagonal of a matrix as a new vector."""
    if input.ndim == 1:
        return diag_embed(input, diagonal)
    if input.ndim != 2:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.ndim}D")
    return clone(_diagonal(input, diagonal, 0, 1))


_diagonal = diagonal


def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """The flattened tensor as the diagonal of a matrix of zeros."""
    return diag_embed(input.reshape(-1), offset)


@accepts_out
def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """The last dimension as diagonals of the matrices along ``dim1`` and ``dim2`` of the result."""
    ndim = input.ndim + 1
    d1, d2 = rules.normalize_dim(dim1, ndim), rules.normalize_dim(dim2, ndim)
    if d1 == d2:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    n = input.shape[-1] + abs(offset)
    sizes = list(input.shape[:-1])
    for d in sorted((d1, d2)):
        sizes.insert(d, n)
    return _written(zeros(tuple(sizes), dtype=input.dtype, device=input.device), input, _diagonal, offset, d1, d2)


def _written(made: Tensor, src: Tensor, function: Any, *args: Any) -> Tensor:
    copy_(function(made, *args), src)
    return made


def _scattered(input: Tensor, src: Tensor, function: Any, *args: Any) -> Tensor:
    """A copy with ``src`` in place of one of its views."""
    made = clone(input)
    place = function(made, *args)
    if tuple(place.shape) != tuple(src.shape):
        raise RuntimeError(
            "expected src to have a size equal to the slice of self. src size = "
            f"{list(src.shape)}, slice size = {list(place.shape)}"
        )
    copy_(place, src)
    return made


def diagonal_scatter(input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A copy with ``src`` as its diagonal."""
    return _scattered(input, src, _diagonal, offset, dim1, dim2)


def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """A copy with ``src`` at ``index`` of ``dim``."""
    return _scattered(input, src, select, dim, index)


def slice_scatter(
    input: Tensor, src: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:
    """A copy with ``src`` as the slice ``start:end:step`` of ``dim``."""
    return _scattered(input, src, slice_, dim, start, end, step)


# -- pieces


def tensor_split(input: Tensor, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of nearly equal size (the first ones have the element more), or cut at the given indices."""
    if not input.ndim:
        raise RuntimeError("tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims")
    d = rules.normalize_dim(dim, input.ndim)
    n = input.shape[d]
    if indices_or_sections.__class__ in TENSORS:
        indices_or_sections = indices_or_sections.tolist()
    if isinstance(indices_or_sections, int):
        count = indices_or_sections
        if count <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {count}")
        size, more = divmod(n, count)
        cuts = [i * size + builtins.min(i, more) for i in range(1, count)]
    else:
        cuts = list(map(int, indices_or_sections))
    starts, ends = [0, *cuts], [*cuts, n]
    return tuple(slice_(input, d, a, b, 1) for a, b in zip(starts, ends, strict=True))


def _split_along(name: str, input: Tensor, given: Any, dim: int) -> tuple[Tensor, ...]:
    if isinstance(given, int) and (given <= 0 or input.shape[dim] % given):
        raise RuntimeError(
            f"torch.{name} attempted to split along dimension {dim}, but the size of the dimension "
            f"{input.shape[dim]} is not divisible by the split_size {given}!"
        )
    return tensor_split(input, given, dim)


def hsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """Split by columns (dimension 1; 0 of a vector) in equal parts or at indices."""
    if input.ndim < 1:
        raise RuntimeError(
            f"torch.hsplit requires a tensor with at least 1 dimension, but got a tensor with {input.ndim} dimensions!"
        )
    return _split_along("hsplit", input, indices_or_sections, 0 if input.ndim == 1 else 1)


def vsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """Split by rows (dimension 0) in equal parts or at indices."""
    if input.ndim < 2:
        raise RuntimeError(
            f"torch.vsplit requires a tensor with at least 2 dimension, but got a tensor with {input.ndim} dimensions!"
        )
    return _split_along("vsplit", input, indices_or_sections, 0)


def dsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """Split by depth (dimension 2) in equal parts or at indices."""
    if input.ndim < 3:
        raise RuntimeError(
            f"torch.dsplit requires a tensor with at least 3 dimension, but got a tensor with {input.ndim} dimensions!"
        )
    return _split_along("dsplit", input, indices_or_sections, 2)


def split_with_sizes(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Views of the given sizes, which add up to that of ``dim``."""
    return split(input, list(split_sizes), dim)


def unsafe_split(input: Tensor, split_size: int, dim: int = 0) -> tuple[Tensor, ...]:
    """``split`` whose pieces may be written to one by one."""
    return tuple(map(clone, split(input, split_size, dim)))


def unsafe_split_with_sizes(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """``split_with_sizes`` whose pieces may be written to one by one."""
    return tuple(map(clone, split_with_sizes(input, split_sizes, dim)))


def unsafe_chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """``chunk`` whose pieces may be written to one by one."""
    return tuple(map(clone, input.chunk(chunks, dim)))
