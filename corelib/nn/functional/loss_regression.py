"""Losses of numbers against numbers."""

from __future__ import annotations

import math
import warnings

from ... import ops
from ...autograd import no_grad
from ...ops import rules
from ...tensor import Tensor
from .activation import logsigmoid
from .loss import reduce_loss, reduction_of, warn_broadcast

__all__ = ["gaussian_nll_loss", "huber_loss", "kl_div", "poisson_nll_loss", "smooth_l1_loss", "soft_margin_loss"]


def _near_and_far(difference: Tensor, limit: float) -> tuple[Tensor, Tensor, Tensor]:
    """(|d|, where it is below the limit, d there and 0 elsewhere)."""
    size = ops.abs(difference)
    near = ops.lt(size, limit)
    return size, near, ops.where(near, difference, 0.0)


def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """d * d / (2 * beta) where |d| < ``beta``, else |d| - beta / 2, with d = x - y; reduced."""
    reduction = reduction_of(reduction, size_average, reduce)
    warn_broadcast(input, target)
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    difference = input - target
    if difference.dtype.category != 2:
        raise rules.not_implemented("smooth_l1_cpu", difference.dtype)
    if beta == 0:
        return reduce_loss(ops.abs(difference), reduction)
    size, near, small = _near_and_far(difference, beta)
    return reduce_loss(ops.where(near, small * small * (0.5 / beta), size - 0.5 * beta), reduction)


def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """d * d / 2 where |d| < ``delta``, else delta * (|d| - delta / 2), with d = x - y; weighted and reduced."""
    reduction = reduction_of(reduction, None, None)
    warn_broadcast(input, target)
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    difference = input - target
    if difference.dtype.category != 2:
        raise rules.not_implemented("huber_cpu", difference.dtype)
    size, near, small = _near_and_far(difference, delta)
    loss = ops.where(near, small * small * 0.5, (size - 0.5 * delta) * delta)
    if weight is not None:
        if weight.size() != input.size():
            raise ValueError("Weights and input must have the same size.")
        loss = loss * weight
    return reduce_loss(loss, reduction)


def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """y * (log y - x) for log-probabilities x, and 0 where y is 0; with ``log_target`` y is exp of the target.

    ``reduction`` "batchmean" divides the sum by the first dimension.
    """
    batch = reduction == "batchmean"
    if batch:
        reduction = "sum"
    elif reduction == "mean" and size_average is None and reduce is None:
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size.'batchmean' "
            "divides only by the batch size, and aligns with the KL div math definition.'mean' will be changed to "
            "behave the same as 'batchmean' in the next major release.",
            stacklevel=2,
        )
    reduction = reduction_of(reduction, size_average, reduce)
    if input.dtype.category < 2 or target.dtype.category < 2:
        raise RuntimeError("kl_div: Integral inputs not supported.")
    if log_target:
        loss = ops.exp(target) * (target - input)
    else:
        none = ops.eq(target, 0)
        entropy = ops.where(none, 0.0, target * ops.log(ops.where(none, 1.0, target)))
        loss = entropy - target * input
    loss = reduce_loss(loss, reduction)
    return loss / input.size(0) if batch and input.dim() else loss


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """exp(x) - y * x for the logarithm x of a Poisson distribution's mean, or x - y * log(x + eps) for its mean.

    ``full`` adds Stirling's approximation of log(y!) where y > 1.
    """
    reduction = reduction_of(reduction, size_average, reduce)
    loss = ops.exp(input) - target * input if log_input else input - target * ops.log(input + eps)
    if full:
        large = ops.lt(1, target)
        safe = ops.where(large, target, 1.0)
        stirling = safe * ops.log(safe) - safe + 0.5 * ops.log(safe * (2 * math.pi))
        loss = loss + ops.where(large, stirling, 0.0)
    return reduce_loss(loss, reduction)


def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """(log(var) + (x - y)^2 / var) / 2 with variances of at least ``eps``; ``full`` adds log(2 pi) / 2.

    ``var`` is a number, of the input's shape, or that without the last dimension or with it 1.
    ValueError where it is of another shape or negative.
    """
    if not isinstance(var, Tensor):
        if var < 0:
            raise ValueError("var has negative entry/entries")
        var = ops.full_like(input, var)
    elif bool(ops.any(ops.lt(var, 0))):
        raise ValueError("var has negative entry/entries")
    if tuple(var.shape) != tuple(input.shape):
        if tuple(input.shape[:-1]) == tuple(var.shape):
            var = var.unsqueeze(-1)
        elif not _broadcasts_by_one(tuple(input.shape), tuple(var.shape)):
            raise ValueError("var is of incorrect size")
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(reduction + " is not valid")
    floored = var.clone()
    with no_grad():  # as PyTorch, the gradient passes by the limit
        floored.clamp_(min=eps)
    difference = input - target
    loss = (ops.log(floored) + difference * difference / floored) * 0.5
    if full:
        loss = loss + 0.5 * math.log(2 * math.pi)
    return reduce_loss(loss, reduction)


def _broadcasts_by_one(shape: tuple[int, ...], var: tuple[int, ...]) -> bool:
    """Whether they differ in one dimension only, in which ``var`` has one element."""
    return len(shape) == len(var) and [b for a, b in zip(shape, var, strict=True) if a != b] == [1]


def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """log(1 + exp(-y * x)) for targets y of 1 and -1, without overflow."""
    reduction = reduction_of(reduction, size_average, reduce)
    return reduce_loss(-logsigmoid(target * input), reduction)
