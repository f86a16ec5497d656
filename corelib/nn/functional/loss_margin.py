"""Losses with a margin: ranking, embeddings, classes."""

from __future__ import annotations

from collections.abc import Callable

from ... import ops
from ...ops.derived import clamp
from ...ops.features import pairwise_distance
from ...tensor import Tensor
from .activation import logsigmoid
from .loss import reduce_loss, reduction_of

__all__ = [
    "cosine_embedding_loss", "hinge_embedding_loss", "margin_ranking_loss", "multi_margin_loss",
    "multilabel_margin_loss", "multilabel_soft_margin_loss", "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]  # fmt: skip


def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """x where the target is 1, max(0, ``margin`` - x) where it is -1."""
    reduction = reduction_of(reduction, size_average, reduce)
    below = clamp(margin - input, min=0)
    loss = ops.where(ops.eq(target, 1), 0.0, below) + ops.where(ops.eq(target, -1), 0.0, input)
    return reduce_loss(loss, reduction)


def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, -y * (x1 - x2) + ``margin``), for targets y of 1 (x1 ranks higher) and -1."""
    reduction = reduction_of(reduction, size_average, reduce)
    if not input1.dim() == input2.dim() == target.dim():
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {input1.size()}, input2: {input2.size()}, target: {target.size()} "
        )
    return reduce_loss(clamp(-target * (input1 - input2) + margin, min=0), reduction)


def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """1 - cos(x1, x2) where the target is 1, max(0, cos(x1, x2) - ``margin``) where it is -1.

    Inputs are (N, D) with targets (N), or (D) with a target ().
    """
    reduction = reduction_of(reduction, size_average, reduce)
    if target.dim() not in (0, 1):
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    dims = target.dim() + 1
    if input1.dim() != dims or input2.dim() != dims:
        raise RuntimeError(
            f"{dims - 1}D target tensor expects {dims}D input tensors, but found inputs with sizes "
            f"{list(input1.shape)} and {list(input2.shape)}."
        )
    along = dims - 1
    tiny = 1e-12
    product = (input1 * input2).sum(along)
    lengths = ((input1 * input1).sum(along) + tiny) * ((input2 * input2).sum(along) + tiny)
    cosine = product / ops.sqrt(lengths)
    unlike = clamp(cosine - margin, min=0)
    loss = ops.where(ops.eq(target, 1), 1 - cosine, 0.0) + ops.where(ops.eq(target, -1), unlike, 0.0)
    return reduce_loss(loss, reduction)


def _same_dims(anchor: Tensor, positive: Tensor, negative: Tensor) -> None:
    if not anchor.dim() == positive.dim() == negative.dim():
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: "
            f"anchor {anchor.dim()}D, positive {positive.dim()}D, and negative {negative.dim()}D inputs"
        )


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, d(anchor, positive) - d(anchor, negative) + ``margin``), with p-norm distances of rows.

    ``swap``: the negative's distance is that of the anchor or of the positive, whichever is smaller.
    """
    reduction = reduction_of(reduction, size_average, reduce)

    def distance(a: Tensor, b: Tensor) -> Tensor:
        return pairwise_distance(a, b, p, eps)

    return triplet_margin_with_distance_loss(
        anchor, positive, negative, distance_function=distance, margin=margin, swap=swap, reduction=reduction
    )


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """``triplet_margin_loss`` with a distance of one's own (``pairwise_distance``)."""
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    _same_dims(anchor, positive, negative)
    distance = pairwise_distance if distance_function is None else distance_function
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = ops.minimum(far, distance(positive, negative))
    return reduce_loss(clamp(margin + near - far, min=0), reduction)


def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Binary cross entropy of logits (..., C) with targets of 0 and 1, averaged over the classes."""
    reduction = reduction_of(reduction, size_average, reduce)
    loss = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    if weight is not None:
        loss = loss * weight
    return reduce_loss(loss.sum(-1) / input.size(-1), reduction)


def _rows(input: Tensor) -> Tensor:
    """(N, C), of (N, C), (C) or ()."""
    return input if input.dim() == 2 else input.reshape(1, -1)


def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Sum over target classes j and others i of max(0, 1 - (x[j] - x[i])) / C.

    Scores are (N, C) or (C), targets int64 of that shape: class indices up to the first -1.
    """
    reduction = reduction_of(reduction, size_average, reduce)
    if input.dim() > 2 or tuple(target.shape) != tuple(input.shape):
        raise RuntimeError(f"inconsistent target size: {list(target.shape)} for input of size: {list(input.shape)}")
    x, classes = _rows(input), _rows(target)
    valid = ops.cumprod(ops.le(0, classes).to(classes.dtype), 1)
    safe = classes * valid
    is_target = ops.scatter_add(ops.zeros_like(classes), 1, safe, valid)
    gaps = 1 - x.gather(1, safe).unsqueeze(2) + x.unsqueeze(1)  # (N, which target, which class)
    counts = ops.logical_not(is_target).unsqueeze(1) & ops.lt(0, valid).unsqueeze(2) & ops.lt(0, gaps)
    loss = ops.where(counts, gaps, 0.0).sum((1, 2)) / x.size(1)
    return reduce_loss(loss if input.dim() == 2 else loss.squeeze(0), reduction)


def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Sum over classes i other than the target y of max(0, ``margin`` - x[y] + x[i])**p / C, times weight[y].

    Scores are (N, C) or (C), targets int64 (N) or (); ``p`` is 1 or 2.
    """
    reduction = reduction_of(reduction, size_average, reduce)
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    if weight is not None and weight.dim() != 1:
        raise ValueError("weight must be one-dimensional")
    x, classes = _rows(input), target.reshape(-1)
    if classes.numel() != x.size(0):
        raise RuntimeError(
            "multi_margin_loss: target tensor should be 1-D with size equal to the number of input samples (batch "
            f"size). Expected target size [{x.size(0)}], but got {list(target.shape)}. Input has shape "
            f"{list(input.shape)}."
        )
    gaps = margin - x.gather(1, classes.unsqueeze(1)) + x
    others = ops.ne(ops.arange(x.size(1), device=x.device), classes.unsqueeze(1))
    gaps = ops.where(others & ops.lt(0, gaps), gaps, 0.0)
    loss = gaps if p == 1 else gaps * gaps
    if weight is not None:
        loss = loss * ops.index_select(weight, 0, classes).unsqueeze(1)
    loss = loss.sum(1) / x.size(1)
    return reduce_loss(loss if target.dim() else loss.squeeze(0), reduction)
