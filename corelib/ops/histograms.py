"""Histograms over several dimensions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..core.tensor import TENSORS, Tensor
from . import rules
from .creation import linspace, zeros
from .decompositions import named
from .elementwise import eq, le, lt, where
from .indexing import scatter_add
from .order import searchsorted

__all__ = ["histogramdd"]

_Histogram = named("histogramdd", "hist", "bin_edges")


def _edges(x: Tensor, bins: Sequence[int], range: Sequence[float] | None) -> list[Tensor]:
    """Equal bins for each column of x, over the given range or that of its elements."""
    if range is not None and len(range) != 2 * len(bins):
        raise RuntimeError(
            f"torch.histogramdd: for a {len(bins)}-dimensional histogram range should have {2 * len(bins)} elements, "
            f"but got {len(range)}"
        )
    result = []
    for i, count in enumerate(bins):
        if count <= 0:
            raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {count} for dimension {i}")
        if range is not None:
            low, high = float(range[2 * i]), float(range[2 * i + 1])
        elif x.shape[0]:
            low, high = float(x[:, i].min().item()), float(x[:, i].max().item())
        else:
            low, high = 0.0, 0.0
        if not (math.isfinite(low) and math.isfinite(high)):
            raise RuntimeError(f"torch.histogramdd: dimension {i}'s range [{low:g}, {high:g}] is not finite")
        if low > high:
            raise RuntimeError(
                f"torch.histogramdd: min should not exceed max, but got min {low:g} max {high:g} for dimension {i}"
            )
        if low == high:
            low, high = low - 0.5, high + 0.5
        result.append(linspace(low, high, count + 1, dtype=x.dtype, device=x.device))
    return result


def histogramdd(
    input: Tensor, bins: Any, range: Sequence[float] | None = None, weight: Tensor | None = None, density: bool = False
) -> Any:
    """``(hist, bin_edges)`` of the points (..., D) in D dimensions; a last bin has its upper edge too.

    ``bins``: a number for all dimensions, one for each, or tensors of edges in order.  ``range``: lower and upper
    bounds for each dimension (by default those of the points).  With ``density`` the integral is 1.
    """
    if input.dtype.category != 2:
        raise rules.not_implemented("histogramdd", input.dtype)
    if input.ndim < 2:
        raise RuntimeError("torch.histogramdd: input tensor should have at least 2 dimensions")
    size = input.shape[-1]
    given: Any = [bins] * size if isinstance(bins, int) else list(bins)
    if len(given) != size:
        raise RuntimeError("histogramdd: The size of bins must be equal to the innermost dimension of the input.")
    x = input.detach().reshape((-1, size))
    edges: list[Tensor] = given if given and given[0].__class__ in TENSORS else _edges(x, given, range)
    share: Any = eq(x[:, 0], x[:, 0])
    place: Any = 0
    for i, edge in enumerate(edges):
        count = edge.shape[0] - 1
        column = x[:, i].contiguous()
        index = searchsorted(edge, column, right=True) - 1
        index = where(eq(column, edge[-1]), count - 1, index)
        share = share.logical_and(le(0, index)).logical_and(lt(index, count)).logical_and(eq(column, column))
        place = place * count + index
    inside, share = share, share.to(x.dtype)
    if weight is not None:
        if tuple(weight.shape) != tuple(input.shape[:-1]):
            raise RuntimeError(
                "torch.histogramdd: if weight tensor is provided it should have the same shape as the input tensor "
                "excluding its innermost dimension, but got input with shape "
                f"{list(input.shape)} and weight with shape {list(weight.shape)}"
            )
        share = share * weight.detach().reshape(-1)
    shape = [edge.shape[0] - 1 for edge in edges]
    flat = zeros(math.prod(shape), dtype=x.dtype, device=x.device)
    hist = scatter_add(flat, 0, where(inside, place, 0), share).reshape(shape)
    if density:
        hist = hist / hist.sum()
        for i, edge in enumerate(edges):
            hist = hist / (edge[1:] - edge[:-1]).reshape([-1 if j == i else 1 for j, _ in enumerate(edges)])
    return _Histogram(hist, tuple(edges))
