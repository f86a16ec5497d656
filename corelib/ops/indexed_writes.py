"""Writes by index, and what reads by flat positions: index_copy, index_put, scatter_reduce, masked_scatter, put, take.

Reductions by index sort the elements by the place they go to (stably) and combine neighbours of one place in log2(n)
steps, so that they run wherever ``sort`` and ``scatter`` do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..core.plan import Result
from ..core.tensor import TENSORS, Tensor
from ..dtypes import bool_, iinfo, int64
from ..layout import Layout, contiguous_strides
from . import rules, samples
from .creation import arange, full
from .derived import floor_divide, ne, remainder
from .elementwise import div, eq, lt, maximum, minimum, mul, where
from .indexing import (
    _scatter_rule,
    along_dim,
    check_slices,
    fill_,
    gather,
    index_select,
    nonzero,
    scatter,
    scatter_add,
)
from .movement import cat, clone
from .nonlinear import written
from .primitive import primitive
from .reduction import cumsum
from .results import accepts_out
from .sorting import sort_kernel
from .view import expand, slice_

__all__ = [
    "argwhere", "index_copy", "index_fill", "index_put", "index_put_", "index_reduce", "masked_scatter", "put",
    "scatter_reduce", "take", "unravel_index",
]  # fmt: skip
METHODS = [
    "argwhere", "fill_diagonal_", "index_copy", "index_fill", "index_put", "index_reduce", "masked_scatter", "put",
    "scatter_reduce", "take",
]  # fmt: skip
IN_PLACE = ["index_copy", "index_fill", "index_put", "index_reduce", "masked_scatter", "put", "scatter_reduce"]


def _vector(index: Tensor, name: str) -> Tensor:
    if index.ndim > 1:
        raise IndexError(f"{name}(): Index should have dimension 1 or 0 (got {index.ndim})")
    if index.dtype is not int64:
        raise IndexError(f"{name}(): Expected LongTensor for index")
    return index.reshape(-1)


# -- slices by index


@accepts_out
def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """A copy with slices of ``source`` at ``index`` (a vector) along ``dim``."""
    at = _vector(index, "index_copy_")
    d = rules.normalize_dim(dim, input.ndim)
    if input.dtype is not source.dtype:
        raise RuntimeError(
            "index_copy_(): self and source expected to have the same dtype, but got (self) "
            f"{rules.what(input.dtype)} and (source) {rules.what(source.dtype)}"
        )
    if source.ndim and at.shape[0] != source.shape[d]:
        raise IndexError(
            f"index_copy_(): Number of indices ({at.shape[0]}) should be equal to source.size(dim) ({source.shape[d]})"
        )
    if not input.ndim:
        return scatter(input.reshape(1), 0, at, source.reshape(-1)).reshape(())
    rows = source.reshape(1) if not source.ndim else source
    return scatter(input, d, along_dim(at, d, rows.shape), rows)


def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """A copy with one value (a number or a 0-d tensor) in the slices at ``index`` along ``dim``."""
    if index.dtype is not int64:
        raise IndexError("index_fill_(): Expected dtype int64 for index.")
    d = rules.normalize_dim(dim, input.ndim)
    if not input.ndim:
        return index_fill(input.reshape(1), 0, index, value).reshape(())
    at = _vector(index, "index_fill_")
    at = _wrapped(at, input.shape[d])
    if value.__class__ in TENSORS:
        if value.ndim:
            raise RuntimeError(
                "index_fill_ only supports a 0-dimensional value tensor, but got tensor with "
                f"{value.ndim} dimension(s)."
            )
        # by a mask, so that an index that occurs twice does not count twice in the value's gradient
        filled = scatter(input.new_zeros((input.shape[d],), dtype=bool_), 0, at, True)
        shape = (-1,) + (1,) * (input.ndim - 1 - d)
        return where(filled.reshape(shape), value.to(input.dtype), input)
    return scatter(input, d, along_dim(at, d, input.shape), value)


def _wrapped(index: Tensor, size: int) -> Tensor:
    """Indices from the end as such from the start."""
    return where(lt(index, 0), index + size, index)


# -- elements by index


def _key(indices: Sequence[Tensor | None]) -> tuple[Any, ...]:
    return tuple(slice(None) if k is None else k for k in indices)


def index_put(input: Tensor, indices: Sequence[Tensor | None], values: Tensor, accumulate: bool = False) -> Tensor:
    """A copy with ``values`` (broadcast) at ``input[indices]``, or added there with ``accumulate`` (repeats all count).

    ``indices``: integer tensors or masks, None for a whole dimension.  RuntimeError where the dtypes differ.
    """
    if values.dtype is not input.dtype:
        raise RuntimeError(
            "Index put requires the source and destination dtypes match, got "
            f"{rules.what(input.dtype)} for the destination and {rules.what(values.dtype)} for the source."
        )
    place = arange(input.numel(), device=input.device).reshape(tuple(input.shape))[_key(indices)]
    target = tuple(place.shape)
    while values.ndim > len(target) and values.shape[0] == 1:
        values = values.squeeze(0)
    try:
        fits = tuple(rules.broadcast_shapes(target, tuple(values.shape))) == target
    except RuntimeError:
        fits = False
    if not fits:
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(values.shape)} cannot be broadcast to indexing result of "
            f"shape {list(target)}"
        )
    return _flat_put(input, place.reshape(-1), expand(values, target).reshape(-1), accumulate)


def _flat_put(input: Tensor, at: Tensor, values: Tensor, accumulate: bool) -> Tensor:
    write = scatter_add if accumulate else scatter
    return write(input.reshape(-1), 0, at, values).reshape(tuple(input.shape))


def index_put_(input: Tensor, indices: Sequence[Tensor | None], values: Tensor, accumulate: bool = False) -> Tensor:
    """In-place ``index_put``."""
    return written(index_put, input, indices, values, accumulate)


def _flat_index(input: Tensor, index: Tensor, name: str) -> Tensor:
    """A vector of positions in the flattened tensor, none negative."""
    if index.dtype is not int64:
        raise RuntimeError(f"{name}(): Expected a long tensor for index, but got {rules.what(index.dtype)}")
    n = input.numel()
    at = index.reshape(-1)
    if at.shape[0]:
        low, high = int(at.min()), int(at.max())
        if not n:
            raise IndexError(f"{name}(): tried to take from an empty tensor")
        if low < -n or high >= n:
            bad = low if low < -n else high
            raise IndexError(f"out of range: tried to access index {bad} on a tensor of {n} elements.")
    return _wrapped(at, n)


@accepts_out
def take(input: Tensor, index: Tensor) -> Tensor:
    """Elements of the flattened tensor, in the shape of ``index``."""
    return gather(input.reshape(-1), 0, _flat_index(input, index, "take")).reshape(tuple(index.shape))


def put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """A copy with ``source`` at positions of the flattened tensor, or added there with ``accumulate``."""
    if input.dtype is not source.dtype:
        raise RuntimeError(
            f"put_(): self and source expected to have the same dtype, but got self.dtype = {rules.what(input.dtype)} "
            f"and source.dtype = {rules.what(source.dtype)}"
        )
    if index.numel() != source.numel():
        raise IndexError(
            "put_(): Expected source and index to have the same number of elements, but got source.numel() = "
            f"{source.numel()}, index.numel() = {index.numel()}"
        )
    return _flat_put(input, _flat_index(input, index, "put_"), source.reshape(-1), accumulate)


def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """A copy in which the elements under a true ``mask`` (broadcast) are those of ``source``, in order."""
    if mask.dtype is not bool_:
        raise RuntimeError(
            f"masked_scatter_ only supports boolean masks, but got mask with dtype {rules.what(mask.dtype)}"
        )
    if input.dtype is not source.dtype:
        raise RuntimeError(
            "masked_scatter: expected self and source to have same dtypes but got"
            f"{rules.what(input.dtype)} and {rules.what(source.dtype)}"
        )
    shape = rules.broadcast_shapes(tuple(input.shape), tuple(mask.shape))
    where_true = expand(mask, shape)
    flat, wide = source.reshape(-1), expand(input, shape)
    if not wide.numel():
        return clone(wide)
    rank = cumsum(where_true.reshape(-1), 0)
    if int(rank[-1]) > flat.shape[0]:
        raise RuntimeError("Number of elements of source < number of ones in mask")
    if not flat.shape[0]:
        return clone(wide)
    picked = gather(flat, 0, maximum(minimum(rank, flat.shape[0]) - 1, 0)).reshape(shape)
    result: Tensor = where(where_true, picked, wide)
    return result


@accepts_out
def argwhere(input: Tensor) -> Tensor:
    """[count, ndim]: the indices of the nonzero elements."""
    found: Tensor = nonzero(input)
    return found


def unravel_index(indices: Tensor, shape: Any) -> tuple[Tensor, ...]:
    """The coordinates in a tensor of ``shape`` of flat positions, one tensor for each dimension."""
    if indices.dtype.category != 1:
        raise TypeError(f"expected 'indices' to be integer dtype, but got {indices.dtype}")
    sizes = list(map(int, (shape,) if isinstance(shape, int) else shape))
    if any(n < 0 for n in sizes):
        raise ValueError(f"'shape' cannot have negative values, but got {tuple(sizes)}")
    coordinates = []
    for step, n in zip(contiguous_strides(tuple(sizes)), sizes, strict=True):
        coordinates.append(remainder(floor_divide(indices, step), n))
    return tuple(coordinates)


def fill_diagonal_(input: Tensor, fill_value: Any, wrap: bool = False) -> Tensor:
    """Fill the main diagonal in place (of more than two dimensions, which then are equal, that of all).

    With ``wrap`` the diagonal of a tall matrix starts again below each block of columns + 1 rows.
    """
    if input.ndim < 2:
        raise RuntimeError("dimensions must larger than 1")
    rows, columns = input.shape[0], input.shape[1]
    if input.ndim > 2:
        if any(n != rows for n in input.shape):
            raise RuntimeError("all dimensions of input must be of equal length")
        fill_(input.as_strided((rows,), (sum(input.stride()),), input.storage_offset()), fill_value)
        return input
    for start in range(0, rows if wrap else 1, columns + 1):
        fill_(slice_(input, 0, start, start + columns, 1).diagonal(), fill_value)
    return input


# -- reductions by index


def _window(src: Tensor, shape: Sequence[int]) -> Tensor:
    """The part of ``src`` that an index of the given shape speaks of."""
    for d, n in enumerate(shape):
        if src.shape[d] != n:
            src = slice_(src, d, 0, n, 1)
    return src


def _positions(index: Tensor, shape: Sequence[int], dim: int) -> Tensor:
    """Where in the flattened result each element of the index goes; a vector."""
    place: Any = 0
    for d, step in enumerate(contiguous_strides(tuple(shape))):
        if d == dim:
            place = index * step + place
        else:
            along = arange(index.shape[d], device=index.device) * step
            place = along.reshape((-1,) + (1,) * (index.ndim - 1 - d)) + place
    flat: Tensor = place.reshape(-1)
    return flat


def _combined(
    input: Tensor, index: Tensor, src: Tensor, dim: int, combine: Callable[[Any, Any], Tensor], neutral: Any
) -> Tensor:
    """For each place of ``input``, all that goes there combined; ``neutral`` where nothing does."""
    count, n = input.numel(), index.numel()
    place, order = sort_kernel(_positions(index, tuple(input.shape), dim), 0, False)
    values = index_select(src.reshape(-1), 0, order)
    step = 1
    while step < n:  # each holds what lies up to 2 * step - 1 places before it and goes to the same place
        same = eq(place[step:], place[:-step])
        values = cat([values[:step], where(same, combine(values[step:], values[:-step]), values[step:])], 0)
        step *= 2
    last = cat([ne(place[1:], place[:-1]), place.new_ones((1,), dtype=bool_)], 0)
    whole = full((count + 1,), neutral, dtype=input.dtype, device=input.device)
    return scatter(whole, 0, where(last, place, count), values)[:count].reshape(tuple(input.shape))


def _lowest(x: Tensor, largest: bool) -> Any:
    """What never is the largest (smallest) element."""
    if x.dtype is bool_:
        return not largest
    if x.dtype.category == 1:
        return iinfo(x.dtype).min if largest else iinfo(x.dtype).max
    return -float("inf") if largest else float("inf")


def _extremum_rule(x: Layout, index: Layout, src: Layout, dim: int, largest: bool, include_self: bool) -> Result:
    if x.dtype.is_complex:
        raise rules.not_implemented("scatter_reduce_cpu", x.dtype)
    return Result(x.dense, (_scatter_rule(x, index, src, dim).statics[0], bool(largest), bool(include_self)))


def _extremum_grad(
    grad: Tensor, input: Tensor, index: Tensor, src: Tensor, out: Tensor, dim: int, include_self: bool
) -> tuple[Any, ...]:
    """All that equal the extremum share the gradient evenly."""
    mine = eq(input, out).to(grad.dtype)
    if not include_self:
        mine = scatter(mine, dim, index, 0.0)
    theirs = eq(_window(src, index.shape), gather(out, dim, index)).to(grad.dtype)
    share = div(grad, scatter_add(mine, dim, index, theirs))
    share = where(eq(share, share), share, 0.0)
    of_src = mul(theirs, gather(share, dim, index))
    if tuple(of_src.shape) != tuple(src.shape):
        whole = grad.new_zeros(tuple(src.shape))
        _window(whole, index.shape).copy_(of_src)
        of_src = whole
    return mul(mine, share), None, of_src


@primitive(
    rule=_extremum_rule,
    vjp=_extremum_grad,
    torch_name="",
    samples=samples.calls(
        "[3,3]u [4,3]@int64~0..2 [4,3]u#1 0 True True; [4] [20]@int64~0..3 [20]u#1 0 False False; "
        "[3,2] [2,5]@int64~0..1 [3,6]u#1 1 True False !-",
        accepts="fi",
    ),
)
def scatter_extremum(input: Tensor, index: Tensor, src: Tensor, dim: int, largest: bool, include_self: bool) -> Tensor:
    """A copy of ``input`` with, at ``index`` along ``dim``, the largest (smallest) of what goes there."""
    neutral = _lowest(input, largest)
    base = input if include_self else scatter(input, dim, index, neutral)
    combine = maximum if largest else minimum
    if not index.numel():
        return clone(base)
    return combine(base, _combined(input, index, _window(src, index.shape), dim, combine, neutral))


def _reduced_into(input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, include_self: bool) -> Tensor:
    if reduce in ("amax", "amin"):
        return scatter_extremum(input, index, src, dim, reduce == "amax", include_self)
    checked = _scatter_rule(input._layout, index._layout, src._layout, dim)
    d = checked.statics[0]
    src = _window(src, index.shape)
    if not index.numel():
        return clone(input)
    if reduce == "prod":
        base = input if include_self else scatter(input, d, index, 1)
        return mul(base, _combined(input, index, src, d, mul, 1))
    base = input if include_self else scatter(input, d, index, 0)
    total = scatter_add(base, d, index, src)
    if reduce == "sum":
        return total
    whole = input.new_ones(tuple(input.shape), dtype=input.dtype)
    count = scatter_add(whole if include_self else scatter(whole, d, index, 0), d, index, src.new_ones(src.shape))
    return div(total, count) if input.dtype.category >= 2 else floor_divide(total, count)


@accepts_out
def scatter_reduce(
    input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """A copy with, at ``index`` along ``dim``, all that goes there reduced: "sum", "prod", "mean", "amax" or "amin".

    What was there takes part unless ``include_self`` is False.  Elements that equal the extremum share its gradient.
    """
    reduce = {"max": "amax", "min": "amin"}.get(reduce, reduce)
    if reduce not in ("sum", "prod", "mean", "amax", "amin"):
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")
    if not input.ndim:
        shaped = [x.reshape(1) for x in (input, index, src)]
        return _reduced_into(shaped[0], dim, shaped[1], shaped[2], reduce, include_self).reshape(())
    return _reduced_into(input, dim, index, src, reduce, include_self)


@accepts_out
def index_reduce(
    input: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """A copy with slices of ``source`` reduced into those at ``index``: "prod", "mean", "amax" or "amin"."""
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got {reduce}.")
    check_slices("index_reduce_", input, dim, index, source)
    d = rules.normalize_dim(dim, input.ndim)
    if not input.ndim:
        return scatter_reduce(input, 0, index.reshape(()), source.reshape(()), reduce, include_self=include_self)
    if input.dtype is not source.dtype:
        raise RuntimeError("index_reduce_(): self and source must have the same scalar type")
    at = index.to(int64).reshape(-1)
    return _reduced_into(input, d, along_dim(at, d, source.shape), source, reduce, include_self)
