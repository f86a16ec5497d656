"""What sorting tells: order statistics, modes, quantiles, runs, places in sorted sequences and histograms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..core.node import has_history
from ..core.tensor import TENSORS, Tensor
from ..dtypes import bool_, float32, float64, int32, int64
from . import rules
from .arithmetic import lerp
from .creation import arange, full, linspace, tensor, zeros
from .decompositions import named
from .derived import ceil, floor, isnan, logical_not, ne, round
from .elementwise import bitwise_and, bitwise_or, eq, le, lt, maximum, minimum, where
from .indexing import gather, index_select, masked_select, scatter_add
from .movement import cat
from .reduction import all as all_
from .reduction import amax, amin, argmax, cummax, cumsum, sum
from .reduction import any as any_
from .results import ValuesIndices, accepts_out, values_indices
from .sorting import bincount, sort_kernel
from .view import expand

__all__ = [
    "aminmax", "bucketize", "histc", "histogram", "isin", "kthvalue", "median", "mode", "msort", "nanmedian",
    "nanquantile", "quantile", "searchsorted", "unique_consecutive",
]  # fmt: skip
METHODS = [
    "aminmax", "histc", "histogram", "kthvalue", "median", "mode", "msort", "nanmedian", "nanquantile", "quantile",
    "unique_consecutive",
]  # fmt: skip

_Kthvalue, _Median, _Nanmedian, _Mode = map(values_indices, ("kthvalue", "median", "nanmedian", "mode"))
_Aminmax = named("aminmax", "min", "max")
_Histogram = named("histogram", "hist", "bin_edges")


def _last(x: Tensor, dim: int, name: str) -> tuple[Tensor, int]:
    """The tensor with ``dim`` last (a number as a vector of one), and which dimension that is."""
    d = rules.normalize_dim(dim, x.ndim)
    if x.ndim and not x.shape[d]:
        raise IndexError(f"{name}(): Expected reduction dim {d} to have non-zero size.")
    return (x.movedim(d, -1) if x.ndim else x.reshape(1)), d


def _picked(kind: Any, sorted_: Tensor, order: Tensor, rank: Any, like: Tensor, d: int, keepdim: bool) -> ValuesIndices:
    """(value, index) at a rank (a number, or one for each row) of what is sorted along its last dimension."""
    if rank.__class__ in TENSORS:
        values, indices = (gather(x, -1, rank.unsqueeze(-1)).squeeze(-1) for x in (sorted_, order))
    else:
        values, indices = (x.select(-1, rank) for x in (sorted_, order))
    if keepdim and like.ndim:
        values, indices = values.unsqueeze(d), indices.unsqueeze(d)
    result: ValuesIndices = kind(values, indices)
    return result


# -- order statistics


@accepts_out
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> ValuesIndices:
    """``(values, indices)``: the k-th smallest along ``dim`` (from 1) and where it stands (the gradient goes there).

    nan is the largest.  RuntimeError where there is no k-th.
    """
    d = rules.normalize_dim(dim, input.ndim)
    if not 0 < k <= (input.shape[d] if input.ndim else 1):
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {d}")
    moved, d = _last(input, d, "kthvalue")
    values, order = sort_kernel(moved, -1, False)
    return _picked(_Kthvalue, values, order, k - 1, input, d, keepdim)


def _middle(input: Tensor, dim: Any, keepdim: bool, skip_nan: bool) -> Any:
    name = "nanmedian" if skip_nan else "median"
    if dim is None:
        return _middle_of_all(input, skip_nan)
    moved, d = _last(input, dim, name)
    values, order = sort_kernel(moved, -1, False)
    n = moved.shape[-1]
    rank: Any = (n - 1) // 2
    if input.dtype.category == 2:
        held = n - sum(isnan(values), -1)  # numbers come first
        rank = maximum(held - 1, 0) >> 1 if skip_nan else where(eq(held, n), rank, held)
    return _picked(_Nanmedian if skip_nan else _Median, values, order, rank, input, d, keepdim)


def _middle_of_all(input: Tensor, skip_nan: bool) -> Tensor:
    """As of one row; elements that equal the median share the gradient."""
    flat = input.reshape(-1)
    if not flat.shape[0]:
        if input.dtype.category == 2:
            return full((), math.nan, dtype=input.dtype, device=input.device)
        return full((), -(1 << (8 * input.dtype.itemsize - 1)), dtype=input.dtype, device=input.device)
    value: Tensor = _middle(flat.detach(), 0, False, skip_nan)[0]
    if not has_history(input):
        return value
    same = where(isnan(value), isnan(flat), eq(flat, value))
    return amax(where(same, flat, -math.inf), 0)


@accepts_out
def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The middle element in order, of an even count the lower; along ``dim`` ``(values, indices)``.

    nan where there is one.  The gradient goes to the index (without ``dim``: to all that equal the median).
    """
    return _middle(input, dim, keepdim, False)


@accepts_out
def nanmedian(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """``median`` of what is not nan."""
    return _middle(input, dim, keepdim, True)


@accepts_out
def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> ValuesIndices:
    """``(values, indices)``: the most frequent value along ``dim``, of several the smallest, and where it is last."""
    moved, d = _last(input, dim, "mode")
    values, order = sort_kernel(moved, -1, False)
    n = moved.shape[-1]
    place = expand(arange(n, device=input.device), tuple(values.shape))
    first = cat([ne(place[..., :1], place[..., :1]), ne(values[..., 1:], values[..., :-1])], -1)
    length = place - cummax(where(first, place, 0), -1)[0]  # of the run so far, less one
    return _picked(_Mode, values, order, argmax(length, -1), input, d, keepdim)


@accepts_out
def msort(input: Tensor) -> Tensor:
    """Sorted along the first dimension."""
    return sort_kernel(input, 0, False)[0]


@accepts_out
def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> Any:
    """``(min, max)`` of all elements, or along ``dim``."""
    if dim is None:
        if not input.numel():
            raise RuntimeError(
                "aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity."
            )
        dims: Any = tuple(range(input.ndim))
    else:
        dims = dim
    return _Aminmax(amin(input, dims, keepdim), amax(input, dims, keepdim))


# -- quantiles


def _quantile(name: str, input: Tensor, q: Any, dim: int | None, keepdim: bool, interpolation: str) -> Tensor:
    d = 0 if dim is None else rules.normalize_dim(dim, input.ndim)
    if not input.numel():
        raise RuntimeError(f"{name}() input tensor must be non-empty")
    if q.__class__ in TENSORS:
        if q.ndim > 1:
            raise RuntimeError(f"{name}() q must be a scalar or 1D tensor")
    elif not 0 <= q <= 1:
        raise RuntimeError(f"{name}() q must be in the range [0, 1] but got {q:g}")
    if input.dtype not in (float32, float64):
        raise RuntimeError(f"{name}() input tensor must be either float or double dtype")
    if interpolation not in ("linear", "lower", "higher", "midpoint", "nearest"):
        raise RuntimeError(
            "quantile() interpolation must be one of linear, lower, higher, midpoint or nearest, but got "
            f"{interpolation}"
        )
    if q.__class__ in TENSORS:
        if q.dtype is not input.dtype:
            raise RuntimeError(f"{name}() q tensor must be same dtype as the input tensor")
        if not bool(all_(bitwise_and(le(0, q), le(q, 1)))):
            raise RuntimeError(f"{name}() q values must be in the range [0, 1]")
        share, single = q.reshape(-1), q.ndim == 0
    else:
        share, single = full((1,), float(q), dtype=input.dtype, device=input.device), True
    moved = input.reshape(-1) if dim is None or not input.ndim else input.movedim(d, -1)
    values = sort_kernel(moved, -1, False)[0]
    n = values.shape[-1]
    held = (n - sum(isnan(values), -1, True)).to(input.dtype)
    if name == "nanquantile":
        rank = maximum(share * (held - 1), 0.0)
    else:
        rank = where(eq(held, n), share * (n - 1), float(n - 1))  # the last is nan where one is
    if interpolation == "lower":
        rank = floor(rank)
    elif interpolation == "higher":
        rank = ceil(rank)
    elif interpolation == "nearest":
        rank = round(rank)
    below = floor(rank)
    result = gather(values, -1, below.to(int64))
    if interpolation in ("linear", "midpoint"):
        above = gather(values, -1, ceil(rank).to(int64))
        result = lerp(result, above, rank - below if interpolation == "linear" else full((), 0.5, dtype=input.dtype))
    if keepdim and input.ndim:
        shape = [1] * input.ndim
        if dim is not None:
            shape = [1 if i == d else m for i, m in enumerate(input.shape)]
        result = result.movedim(-1, 0).reshape((-1, *shape))
    else:
        result = result.movedim(-1, 0)
    return result.squeeze(0) if single else result


@accepts_out
def quantile(
    input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """The values below which the share ``q`` (a number, 0-d or 1-d tensor, in [0, 1]) of the elements lies.

    Along ``dim`` or of all; of a vector ``q`` the first dimension runs over it.  Between two elements it is
    "linear", the "lower", the "higher", the "nearest" or their "midpoint".  nan where there is one.
    """
    return _quantile("quantile", input, q, dim, keepdim, interpolation)


@accepts_out
def nanquantile(
    input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """``quantile`` of what is not nan."""
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation)


# -- sorted sequences


@accepts_out
def searchsorted(
    sorted_sequence: Tensor,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
) -> Tensor:
    """Where each of ``input`` (tensor or number) would stand in the sorted last dimension of a sequence.

    Before its equals, after them with ``right`` (or ``side="right"``); ``sorter`` sorts a sequence that is not.
    """
    if side is not None and side not in ("left", "right"):
        raise RuntimeError(f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}")
    if side == "left" and right:
        raise RuntimeError(
            "torch.searchsorted(): side and right can't be set to opposites, got side of left while right was True"
        )
    number = input.__class__ not in TENSORS
    common = rules.promote(sorted_sequence._layout, type(input) if number else input._layout)
    values = full((), input, dtype=common, device=sorted_sequence.device) if number else input.detach().to(common)
    sorted_sequence = sorted_sequence.detach().to(common)
    if not sorted_sequence.ndim:
        raise RuntimeError(
            "torch.searchsorted(): input value can be a scalar only when boundary tensor dimension is 1, but we got "
            "boundary tensor dim(0) and input value's dim(0) numel(1)"
            if not values.ndim
            else "torch.searchsorted(): boundaries tensor should have positive dimension, but got 0 dimension"
        )
    if sorter is not None:
        sorted_sequence = gather(sorted_sequence, -1, sorter)
    batch, n = tuple(sorted_sequence.shape[:-1]), sorted_sequence.shape[-1]
    if batch and tuple(values.shape[:-1]) != batch:
        raise RuntimeError(
            "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries "
            f"tensor and input value tensor must match, but we got boundaries tensor {list(sorted_sequence.shape)} "
            f"and input value tensor {list(values.shape)}"
        )
    sought = values if batch else values.reshape(-1)
    place = zeros(tuple(sought.shape), dtype=int64, device=sought.device)
    step = 1 << max(n.bit_length() - 1, 0)
    while step and n:
        at = gather(sorted_sequence, -1, minimum(place + step, n) - 1)
        stop = lt(sought, at) if right or side == "right" else le(sought, at)
        place = where(bitwise_or(stop, lt(n - step, place)), place, place + step)
        step >>= 1
    place = place.reshape(tuple(values.shape))
    return place.to(int32) if out_int32 else place


@accepts_out
def bucketize(input: Any, boundaries: Tensor, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """The bucket of each of ``input`` (tensor or number) between sorted boundaries (a vector).

    A value at a boundary falls below it; above it with ``right``.
    """
    if boundaries.ndim != 1:
        raise RuntimeError(f"boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})")
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Whether each element is among ``test_elements`` (with ``invert``: is not); either may be a number."""
    given: list[Any] = [elements, test_elements]
    like = next(x for x in given if x.__class__ in TENSORS)
    for i, x in enumerate(given):
        if x.__class__ not in TENSORS:
            given[i] = tensor(x, device=like.device)
    d = rules.promote(*[x._layout for x in given])
    mine, tests = given[0].to(d), given[1].to(d).reshape(-1)
    if not tests.shape[0]:
        found = zeros(tuple(mine.shape), dtype=bool_, device=mine.device)
    elif tests.shape[0] <= 32:
        found = any_(eq(mine.unsqueeze(-1), tests), -1)
    else:
        ordered = sort_kernel(tests, 0, False)[0]
        place = minimum(searchsorted(ordered, mine.contiguous()), tests.shape[0] - 1)
        found = eq(gather(ordered, 0, place.reshape(-1)).reshape(tuple(mine.shape)), mine)
    return logical_not(found) if invert else found


def unique_consecutive(
    input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """One of each run of equal elements (of equal slices along ``dim``).

    With ``return_inverse`` also the run of each element, with ``return_counts`` the lengths of the runs.
    """
    d = 0 if dim is None else rules.normalize_dim(dim, input.ndim)
    slices = input.reshape(-1) if dim is None or not input.ndim else input.transpose(0, d)
    count = slices.shape[0]
    different = ne(slices[1:], slices[:-1])
    if different.ndim > 1:
        different = any_(different.reshape(count - 1, -1), 1) if count > 1 else different.new_zeros((0,))
    first = cat([different.new_ones((min(count, 1),)), different], 0)
    if slices.ndim == 1:
        values = masked_select(slices, first)
    else:
        values = index_select(slices, 0, first.nonzero().reshape(-1)).transpose(0, d)
    results = [values]
    group = cumsum(first, 0) - 1
    if return_inverse:
        results.append(group.reshape(tuple(input.shape)) if dim is None else group)
    if return_counts:
        results.append(bincount(group))
    return values if len(results) == 1 else tuple(results)


# -- histograms


def _bounds(x: Tensor, low: float, high: float, name: str, widen: float = 1) -> tuple[float, float]:
    """The range of the bins: as given, or of the elements where it is empty (widened where that is one number)."""
    if low == high and x.numel():
        low, high = float(amin(x, ())), float(amax(x, ()))
    if not (math.isfinite(low) and math.isfinite(high)):
        raise RuntimeError(f"{name}(): range of [{low:g}, {high:g}] is not finite")
    if low > high:
        raise RuntimeError(f"{name}: max must be larger than min")
    return (low - widen, high + widen) if low == high else (low, high)


@accepts_out
def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """How many elements fall into each of ``bins`` equal parts of [min, max] (of the elements' range where equal)."""
    if input.dtype.category != 2:
        raise rules.not_implemented("histogram_cpu", input.dtype)
    if bins <= 0:
        raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {bins} for dimension 0")
    flat = input.detach().reshape(-1)
    low, high = _bounds(flat, min, max, "torch.histc")
    inside = bitwise_and(le(low, flat), le(flat, high))
    place = floor(where(inside, flat - low, 0.0) * bins / (high - low)).to(int64)
    return scatter_add(
        zeros(bins, dtype=input.dtype, device=input.device), 0, minimum(place, bins - 1), inside.to(input.dtype)
    )


@accepts_out
def histogram(
    input: Tensor,
    bins: Any,
    *,
    range: Sequence[float] | None = None,
    weight: Tensor | None = None,
    density: bool = False,
) -> Any:
    """``(hist, bin_edges)``: how many elements (what weight) fall between edges; the last bin has its upper edge too.

    ``bins``: a number of equal bins over ``range`` (or that of the elements), or a tensor of edges in order.  With
    ``density`` the integral is 1.
    """
    if input.dtype.category != 2:
        raise rules.not_implemented("histogram_cpu", input.dtype)
    flat = input.detach().reshape(-1)
    if bins.__class__ in TENSORS:
        if bins.ndim != 1:
            raise RuntimeError(
                f"torch.histogramdd(): bins tensor should have one dimension, but got {bins.ndim} dimensions in the "
                "bins tensor for dimension 0"
            )
        edges = bins
    else:
        if bins <= 0:
            raise RuntimeError(f"torch.histogramdd(): bins {bins} must be > 0")
        low, high = _bounds(flat, *((0.0, 0.0) if range is None else (range[0], range[1])), "torch.histogramdd", 0.5)
        edges = linspace(low, high, bins + 1, dtype=input.dtype, device=input.device)
    count = edges.shape[0] - 1
    place = searchsorted(edges, flat, right=True) - 1
    place = where(eq(flat, edges[-1]), count - 1, place)
    inside = bitwise_and(bitwise_and(le(0, place), lt(place, count)), eq(flat, flat))
    share = inside.to(input.dtype)
    if weight is not None:
        if tuple(weight.shape) != tuple(input.shape):
            raise RuntimeError(
                "torch.histogramdd(): if weight tensor is provided it should have the same shape as the input tensor "
                "excluding its innermost dimension, but got input with shape "
                f"{list(input.shape)} and weight with shape {list(weight.shape)}"
            )
        share = share * weight.reshape(-1)
    hist = scatter_add(zeros(count, dtype=input.dtype, device=input.device), 0, where(inside, place, 0), share)
    if density:
        hist = hist / (edges[1:] - edges[:-1]) / sum(hist)
    return _Histogram(hist, edges)
