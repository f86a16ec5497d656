"""Order: medians, quantiles, the k-th smallest, modes, searches in sorted tensors, histograms."""

from __future__ import annotations

from typing import Any, cast

from ..core.tensor import Tensor
from ..dtypes import bool_, float32, float64, int32, int64
from . import rules
from .creation import linspace, tensor
from .derived import isnan, ne
from .elementwise import eq, le, lt, where
from .indexing import gather, index_select, masked_select, scatter_add
from .movement import cat
from .reduction import amax, amin, argmax, cumsum
from .reduction import any as any_
from .reduction import sum as sum_
from .results import ValuesIndices, accepts_out, values_indices
from .sorting import bincount, sort, sort_kernel

__all__ = [
    "aminmax", "bucketize", "histc", "histogram", "kthvalue", "median", "mode", "msort", "nanmedian", "nanquantile",
    "quantile", "searchsorted", "unique_consecutive",
]  # fmt: skip
METHODS = [
    "aminmax", "histc", "histogram", "kthvalue", "median", "mode", "msort", "nanmedian", "nanquantile", "quantile",
    "unique_consecutive",
]  # fmt: skip

_Kth, _Median = values_indices("kthvalue"), values_indices("median")
_NanMedian, _Mode = values_indices("nanmedian"), values_indices("mode")


class MinMax(tuple[Tensor, Tensor]):
    """``(min, max)``, by position and by name."""

    __slots__ = ()

    def __new__(cls, low: Tensor, high: Tensor) -> MinMax:
        return tuple.__new__(cls, (low, high))

    @property
    def min(self) -> Tensor:
        return self[0]

    @property
    def max(self) -> Tensor:
        return self[1]

    def __repr__(self) -> str:
        return f"torch.return_types.aminmax(\nmin={self[0]!r},\nmax={self[1]!r})"


class Histogram(tuple[Tensor, Tensor]):
    """``(hist, bin_edges)``, by position and by name."""

    __slots__ = ()

    def __new__(cls, hist: Tensor, bin_edges: Tensor) -> Histogram:
        return tuple.__new__(cls, (hist, bin_edges))

    @property
    def hist(self) -> Tensor:
        return self[0]

    @property
    def bin_edges(self) -> Tensor:
        return self[1]

    def __repr__(self) -> str:
        return f"torch.return_types.histogram(\nhist={self[0]!r},\nbin_edges={self[1]!r})"


def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> MinMax:
    """The smallest and the largest element, of all or along ``dim``; nan where there is one."""
    return MinMax(amin(input, dim, keepdim), amax(input, dim, keepdim))


def msort(input: Tensor) -> Tensor:
    """Sorted along the first dimension."""
    return sort(input, 0)[0]


def _at(input: Tensor, position: Any, d: int, keepdim: bool, order: Tensor, result: Any) -> Any:
    """The elements at a place of the order along a dimension: gathered from the input, so that gradients go there."""
    index = order.narrow(d, position, 1) if isinstance(position, int) else gather(order, d, position)
    values = gather(input, d, index)
    return result(values, index) if keepdim else result(values.squeeze(d), index.squeeze(d))


@accepts_out
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> ValuesIndices:
    """The k-th smallest element along ``dim`` (from 1), and its index."""
    d = rules.normalize_dim(dim, input.ndim)
    n = input.shape[d] if input.ndim else 1
    if not 1 <= k <= n:
        raise RuntimeError("kthvalue(): selected number k out of range for dimension " + str(d))
    if not input.ndim:
        return _Kth(input.clone(), tensor(0, device=input.device))
    return cast(ValuesIndices, _at(input, k - 1, d, keepdim, sort_kernel(input.detach(), d, False)[1], _Kth))


@accepts_out
def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The middle element in order (the lower of two) and, with ``dim``, its index; nan where there is one."""
    if dim is None:
        if not input.numel():
            return input.new_full((), float("nan"))
        return _median(input.reshape(-1), 0, False, False)[0]
    d = rules.normalize_dim(dim, input.ndim)
    if not input.ndim:
        return _Median(input.clone(), tensor(0, device=input.device))
    if not input.shape[d]:
        raise IndexError(f"median(): Expected reduction dim {d} to have non-zero size.")
    return _median(input, d, keepdim, False)


@accepts_out
def nanmedian(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """As :func:`median`, of the elements that are not nan."""
    if dim is None:
        if not input.numel():
            return input.new_full((), float("nan"))
        return _median(input.reshape(-1), 0, False, True)[0]
    d = rules.normalize_dim(dim, input.ndim)
    if not input.ndim:
        return _NanMedian(input.clone(), tensor(0, device=input.device))
    if not input.shape[d]:
        raise IndexError(f"nanmedian(): Expected reduction dim {d} to have non-zero size.")
    return _median(input, d, keepdim, True)


def _median(input: Tensor, d: int, keepdim: bool, ignore_nan: bool) -> Any:
    result = _NanMedian if ignore_nan else _Median
    order = sort_kernel(input.detach(), d, False)[1]  # nan last
    n = input.shape[d]
    if input.dtype.category < 2:
        return _at(input, (n - 1) // 2, d, keepdim, order, result)
    missing = isnan(input)
    kept = n - sum_(missing, d, True)
    if ignore_nan:
        position = where(lt(0, kept), (kept - 1).div(2, rounding_mode="floor"), 0)
    else:
        position = where(eq(kept, n), (n - 1) // 2, kept)  # the first nan
    return _at(input, position.to(int64), d, keepdim, order, result)


@accepts_out
def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> ValuesIndices:
    """The most frequent element along ``dim`` (the smallest of equals) and the index of its last occurrence."""
    d = rules.normalize_dim(dim, input.ndim)
    if not input.ndim:
        return _Mode(input.clone(), tensor(0, device=input.device))
    n = input.shape[d]
    if not n:
        raise IndexError(f"mode(): Expected reduction dim {d} to have non-zero size.")
    ordered, order = sort_kernel(input.detach(), d, False)  # stable: equal elements by index
    new = ne(ordered.narrow(d, 1, n - 1), ordered.narrow(d, 0, n - 1))
    run = cumsum(cat([new.new_zeros((*new.shape[:d], 1, *new.shape[d + 1 :])), new], d).to(int64), d)
    counts = scatter_add(run.new_zeros(run.shape), d, run, run.new_ones(run.shape))
    best = argmax(counts, d, True)  # the first of equals: the smallest element
    last = sum_(le(run, best), d, True) - 1
    return cast(ValuesIndices, _at(input, last, d, keepdim, order, _Mode))


# -- quantiles -----------------------------------------------------------------------------------------------------


@accepts_out
def quantile(
    input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """The value below which a share ``q`` of the elements lies (of all, or along ``dim``); nan where there is one.

    Args:
        q: a number in [0, 1] or a 1-d tensor of them, which then is the result's first dimension.
        interpolation: between neighbours: "linear", "lower", "higher", "midpoint" or "nearest".
    """
    return _quantile("quantile", input, q, dim, keepdim, interpolation, False)


@accepts_out
def nanquantile(
    input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """As :func:`quantile`, of the elements that are not nan."""
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation, True)


def _quantile(
    name: str, input: Tensor, q: Any, dim: int | None, keepdim: bool, interpolation: str, ignore_nan: bool
) -> Tensor:
    if input.dtype not in (float32, float64):
        raise RuntimeError(f"{name}() input tensor must be either float or double dtype")
    if not input.numel():
        raise RuntimeError(f"{name}() input tensor must be non-empty")
    if interpolation not in ("linear", "lower", "higher", "midpoint", "nearest"):
        raise RuntimeError(
            f"{name}() interpolation must be one of linear, lower, higher, midpoint or nearest, but got {interpolation}"
        )
    shares = q if isinstance(q, Tensor) else tensor(q, dtype=input.dtype, device=input.device)
    if shares.ndim > 1:
        raise RuntimeError(f"{name}() q must be a scalar or 1D tensor")
    if shares.dtype is not input.dtype:
        raise RuntimeError(f"{name}() q tensor must be same dtype as the input tensor")
    if not bool((le(0, shares) & le(shares, 1)).all()):
        if not isinstance(q, Tensor):
            raise RuntimeError(f"{name}() q must be in the range [0, 1] but got {q}")
        raise RuntimeError(f"{name}() q values must be in the range [0, 1]")
    d = 0 if dim is None else rules.normalize_dim(dim, input.ndim)
    x = input.reshape(-1) if dim is None or not input.ndim else input.movedim(d, -1)
    n = x.shape[-1]
    ordered = sort(x, -1)[0]
    kept = n - sum_(isnan(x), -1, True)
    last = (kept - 1).clamp(min=0) if ignore_nan else where(eq(kept, n), n - 1, kept)
    rank = shares.reshape(-1) * last.to(x.dtype)
    if not ignore_nan:  # any nan: take the nan
        rank = where(eq(kept, n), rank, last.to(x.dtype))
    low = rank.floor()
    weight = rank - low
    if interpolation == "lower":
        weight = weight * 0
    elif interpolation == "higher":
        weight = ne(weight, 0).to(x.dtype)
    elif interpolation == "midpoint":
        weight = ne(weight, 0).to(x.dtype) * 0.5
    elif interpolation == "nearest":
        weight = rank.round() - low
    below = low.to(int64)
    above = (below + 1).clamp(max=n - 1)
    a, b = gather(ordered, -1, below), gather(ordered, -1, above)
    result = where(eq(weight, 0), a, a + weight * (b - a))
    result = result.movedim(-1, 0)  # shares first
    if keepdim:
        shape = [1] * input.ndim if dim is None else [*input.shape[:d], 1, *input.shape[d + 1 :]]
        result = result.reshape(shares.numel(), *(shape if input.ndim else ()))
    return result if shares.ndim else result.squeeze(0)


# -- searches ------------------------------------------------------------------------------------------------------


def searchsorted(
    sorted_sequence: Tensor,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
) -> Tensor:
    """Where each value would be put into the sorted innermost rows so that they stay sorted.

    With ``right`` (or ``side="right"``) after equal elements, else before.
    """
    if side is not None and side not in ("left", "right"):
        raise RuntimeError(f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}")
    if side == "left" and right:
        raise RuntimeError(
            "torch.searchsorted(): side and right can't be set to opposites, got side of left while right was True"
        )
    rows = sorted_sequence
    if sorter is not None:
        if tuple(sorter.shape) != tuple(rows.shape):
            raise RuntimeError(
                f"torch.searchsorted(): boundary and sorter must have the same size, but got boundary tensor "
                f"{list(rows.shape)}and got sorter tensor {list(sorter.shape)}"
            )
        rows = gather(rows, -1, sorter)
    values = input if isinstance(input, Tensor) else tensor(input, dtype=rows.dtype, device=rows.device)
    if rows.ndim != 1 and (rows.ndim != values.ndim or tuple(rows.shape[:-1]) != tuple(values.shape[:-1])):
        raise RuntimeError(
            "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries "
            f"tensor and input value tensor must match, but we got boundaries tensor {list(rows.shape)} and input "
            f"value tensor {list(values.shape)}"
        )
    after = right or side == "right"
    found = _search(rows.detach(), values.detach(), after)
    return found.to(int32) if out_int32 else found


def _search(rows: Tensor, values: Tensor, after: bool) -> Tensor:
    """Bisection, all values at once: log2(n) steps of a gather and a comparison."""
    n = rows.shape[-1]
    flat = values.reshape(-1) if rows.ndim == 1 else values
    low = flat.new_zeros(flat.shape, dtype=int64)
    high = low + n
    for _ in range(n.bit_length()):
        middle = (low + high).bitwise_right_shift(1)
        probe = gather(rows, -1, middle.clamp(max=max(n - 1, 0))) if n else flat
        ahead = le(probe, flat) if after else lt(probe, flat)
        if rows.dtype.category >= 2:  # nan is the largest
            nan_value = isnan(flat)
            ahead = ahead | (nan_value if after else nan_value & isnan(probe).logical_not())
        ahead = ahead & lt(middle, high)
        low = where(ahead, middle + 1, low)
        high = where(ahead, high, middle)
    return low.reshape(tuple(values.shape))


def bucketize(input: Any, boundaries: Tensor, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """The index of the bucket between sorted 1-d ``boundaries`` that each value falls into."""
    if boundaries.ndim != 1:
        raise RuntimeError(f"boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})")
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


def unique_consecutive(
    input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """One of each run of equal elements (or of equal slices along ``dim``); see ``unique`` for what else returns."""
    d = 0 if dim is None else rules.normalize_dim(dim, input.ndim)
    slices = input.reshape(-1) if dim is None else input.transpose(0, d)
    count = slices.shape[0]
    different = ne(slices[1:], slices[:-1])
    if slices.ndim > 1:
        different = any_(different.reshape(count - 1, -1), 1) if count > 1 else different.new_zeros((0,), dtype=bool_)
    first = cat([different.new_ones((min(count, 1),)), different], 0)
    if dim is None:
        values = masked_select(slices, first)
    else:
        values = index_select(slices, 0, first.nonzero().reshape(-1)).transpose(0, d)
    results = [values]
    group = cumsum(first.to(int64), 0) - 1
    if return_inverse:
        results.append(group.reshape(tuple(input.shape)) if dim is None else group)
    if return_counts:
        results.append(bincount(group))
    return values if len(results) == 1 else tuple(results)


# -- histograms ----------------------------------------------------------------------------------------------------


def _range_of(input: Tensor, low: float, high: float, name: str) -> tuple[float, float]:
    if low == high and input.numel():
        low, high = float(amin(input)), float(amax(input))
    if not (abs(low) < float("inf") and abs(high) < float("inf")):
        raise RuntimeError(f"{name}: range of [{low}, {high}] is not finite")
    return (low - 1, high + 1) if low == high else (low, high)


@accepts_out
def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """How many elements fall into each of ``bins`` equal parts of [min, max] (by default of the elements' range)."""
    if bins <= 0:
        raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {bins} for dimension 0")
    if max < min:
        raise RuntimeError("torch.histc: max must be larger than min")
    if input.dtype.category != 2:
        raise rules.not_implemented("histogram_cpu", input.dtype)
    low, high = _range_of(input, float(min), float(max), "histc")
    x = masked_select(input.reshape(-1), le(low, input.reshape(-1)) & le(input.reshape(-1), high))
    index = ((x - low) * (bins / (high - low))).floor().to(int64).clamp(0, bins - 1)
    return bincount(index, minlength=bins).to(input.dtype)


@accepts_out
def histogram(
    input: Tensor,
    bins: Any,
    *,
    range: tuple[float, float] | None = None,
    weight: Tensor | None = None,
    density: bool = False,
) -> Any:
    """How many elements (or how much ``weight``) fall into each bin; ``density`` scales to an integral of 1.

    Args:
        bins: the number of equal bins of ``range``, or a tensor with their edges.
    """
    if input.dtype.category != 2:
        raise rules.not_implemented("histogram_cpu", input.dtype)
    flat = input.reshape(-1)
    if isinstance(bins, Tensor):
        edges = bins
    else:
        if bins <= 0:
            raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {bins} for dimension 0")
        low, high = _range_of(input, *(range or (0.0, 0.0)), "torch.histogram()")
        edges = linspace(low, high, bins + 1, dtype=input.dtype, device=input.device)
    count = edges.shape[0] - 1
    inside = le(edges[0], flat) & le(flat, edges[-1])
    index = (searchsorted(edges, flat, right=True) - 1).clamp(0, count - 1)
    amount = inside.to(input.dtype) if weight is None else where(inside, weight.reshape(-1), 0)
    hist = scatter_add(amount.new_zeros((count,)), 0, index, amount)
    if density:
        hist = hist / sum_(hist) / (edges[1:] - edges[:-1])
    return Histogram(hist, edges)
