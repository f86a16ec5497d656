"""Distances between features, dropout by channels and padding: functions of the top level that networks use."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..core.tensor import Tensor
from . import rules
from .creation import full
from .derived import clamp
from .elementwise import abs as _abs
from .elementwise import div, sqrt, where
from .movement import cat
from .nonlinear import written
from .random import bernoulli, dropout
from .reduction import sum

__all__ = [
    "alpha_dropout", "alpha_dropout_", "constant_pad_nd", "cosine_similarity", "dropout_", "feature_alpha_dropout",
    "feature_alpha_dropout_", "feature_dropout", "feature_dropout_", "pairwise_distance",
]  # fmt: skip

_ALPHA = 1.7580993408473766  # selu's scale * alpha: what an alpha-dropped element becomes, negated


def constant_pad_nd(input: Tensor, pad: Sequence[int], value: Any = 0) -> Tensor:
    """``pad[0]`` times ``value`` before and ``pad[1]`` after the last dimension, ``pad[2:4]`` around the one before.

    Negative counts cut elements off.  RuntimeError where there are too many counts or nothing would be left.
    """
    counts = list(map(int, pad))
    if len(counts) % 2:
        raise RuntimeError(f"Length of pad must be even but instead it equals {len(counts)}")
    if len(counts) > 2 * input.ndim:
        raise RuntimeError(
            f"Length of pad should be no more than twice the number of dimensions of the input. Pad length is "
            f"{len(counts)}while the input has {input.ndim}dimensions."
        )
    result = input
    for i in range(len(counts) // 2):
        dim, (before, after) = input.ndim - 1 - i, counts[2 * i : 2 * i + 2]
        size = input.shape[dim]
        if size + before + after < 0:
            raise RuntimeError(
                f"The input size {size}, plus negative padding {before} and {after} resulted in a negative output "
                f"size, which is invalid. Check dimension {dim} of your input."
            )
        middle = cropped(result, dim, before, after)
        parts = [*_filler(result, dim, before, value), middle, *_filler(result, dim, after, value)]
        result = cat(parts, dim) if len(parts) > 1 else parts[0]
    return result.clone() if all(n <= 0 for n in counts) else result


def cropped(x: Tensor, dim: int, before: int, after: int) -> Tensor:
    """Without as many elements at both ends as negative counts say."""
    start, size = max(-before, 0), x.shape[dim] - max(-before, 0) - max(-after, 0)
    return x if size == x.shape[dim] else x.narrow(dim, start, size)


def _filler(x: Tensor, dim: int, count: int, value: Any) -> list[Tensor]:
    if count <= 0:
        return []
    return [full((*x.shape[:dim], count, *x.shape[dim + 1 :]), value, dtype=x.dtype, device=x.device)]


# -- distances


def vector_norm(x: Tensor, p: float, dim: int, keepdim: bool = False) -> Tensor:
    """The p-norm along ``dim``; its gradient is 0 where the norm is 0."""
    size = _abs(x)
    if p == 1:
        return sum(size, dim, keepdim)
    if math.isinf(p):
        return size.amax(dim, keepdim) if p > 0 else size.amin(dim, keepdim)
    if p == 0:
        return sum(where(size.eq(0), size.sign(), 1.0), dim, keepdim)
    if p == 2:
        total = sum(size * size, dim, keepdim)
        none = total.eq(0)
        return where(none, 0.0, sqrt(where(none, 1.0, total)))
    zero = size.eq(0)
    total = sum(where(zero, 0.0, where(zero, 1.0, size) ** p), dim, keepdim)
    none = total.eq(0)
    return where(none, 0.0, where(none, 1.0, total) ** (1.0 / p))


def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """p-norms of ``x1 - x2 + eps`` along the last dimension (shapes broadcast)."""
    return vector_norm(x1 - x2 + eps, p, -1, keepdim)


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """x1 . x2 / (max(|x1|, eps) * max(|x2|, eps)) along ``dim``, of floating tensors (shapes broadcast)."""
    d = rules.promote(x1._layout, x2._layout)
    if d.category < 2:
        raise RuntimeError(f"expected common dtype to be floating point, yet common dtype is {rules.what(d)}")
    shape = rules.broadcast_shapes(tuple(x1.shape), tuple(x2.shape))
    x1, x2 = x1.to(d).expand(shape), x2.to(d).expand(shape)
    a, b = (div(x, clamp(vector_norm(x, 2, dim, True), min=eps)) for x in (x1, x2))
    return sum(a * b, dim)


# -- dropout


def _check_p(p: float) -> None:
    if not 0 <= p <= 1:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {p:g}")


def _kept(input: Tensor, p: float, by_feature: bool) -> Tensor:
    """1 with probability 1 - p, else 0; for each element, or each channel of [N, C, ...]."""
    shape = tuple(input.shape)
    if by_feature:
        if input.ndim < 2:
            raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
        shape = (*shape[:2], *(1,) * (input.ndim - 2))
    return bernoulli(input.new_empty(shape), 1.0 - p)


def _feature_dropped(input: Tensor, p: float, train: bool) -> Tensor:
    _check_p(p)
    if p == 0 or not train or input.numel() == 0:
        return input
    if p == 1:
        return input * 0.0
    return input * (_kept(input, p, True) / (1.0 - p))


def feature_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """In training whole channels of [N, C, ...] zeroed with probability ``p``, the others scaled by 1/(1-p)."""
    return _feature_dropped(input, p, train)


def feature_dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """In-place ``feature_dropout``."""
    return written(_feature_dropped, input, p, train)


def dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """In-place ``dropout``."""
    return written(dropout, input, p, train)


def _alpha_dropped(input: Tensor, p: float, train: bool, by_feature: bool) -> Tensor:
    _check_p(p)
    if p == 0 or not train or input.numel() == 0:
        return input
    if p == 1:
        return input * 0.0
    kept = _kept(input, p, by_feature)
    a = 1.0 / math.sqrt((_ALPHA * _ALPHA * p + 1) * (1 - p))
    return input * (kept * a) + ((kept - 1) * (_ALPHA * a) + _ALPHA * a * p)


def alpha_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """Dropout to selu's negative limit, which keeps the mean and variance of standard normal input."""
    return _alpha_dropped(input, p, train, False)


def alpha_dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """In-place ``alpha_dropout``."""
    return written(_alpha_dropped, input, p, train, False)


def feature_alpha_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """``alpha_dropout`` of whole channels of [N, C, ...]."""
    return _alpha_dropped(input, p, train, True)


def feature_alpha_dropout_(input: Tensor, p: float, train: bool) -> Tensor:
    """In-place ``feature_alpha_dropout``."""
    return written(_alpha_dropped, input, p, train, True)
