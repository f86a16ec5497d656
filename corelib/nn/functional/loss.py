"""The losses that are used most, and what all losses share."""

from __future__ import annotations

import warnings
from typing import Any

from ... import ops
from ...autograd import Function
from ...tensor import Tensor
from .activation import logsigmoid

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "l1_loss", "mse_loss", "nll_loss",
]  # fmt: skip


def reduction_of(reduction: str, size_average: bool | None, reduce: bool | None) -> str:
    """The reduction asked for, by name or through the two deprecated flags."""
    if size_average is not None or reduce is not None:
        average = size_average is None or size_average
        reduction = "none" if reduce is False else "mean" if average else "sum"
        warnings.warn(
            f"size_average and reduce args will be deprecated, please use reduction='{reduction}' instead.",
            stacklevel=4,
        )
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return reduction


def reduce_loss(loss: Tensor, reduction: str) -> Tensor:
    """The losses themselves, their mean or their sum."""
    return loss if reduction == "none" else loss.mean() if reduction == "mean" else loss.sum()


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Cross entropy between logits (N, C, ...) or (C) and class indices (N, ...), or probabilities (N, C, ...)."""
    reduction = reduction_of(reduction, size_average, reduce)
    return ops.cross_entropy(input, target, weight, ignore_index, reduction, label_smoothing)


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Negative log-likelihood: minus the log-probability in ``input`` (N, C, ...) of class ``target`` (N, ...)."""
    reduction = reduction_of(reduction, size_average, reduce)
    return ops.nll_loss(input, target, weight, ignore_index, reduction)


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """(x - y) squared, reduced; ``weight``, of the input's shape, weighs the elements."""
    reduction = reduction_of(reduction, size_average, reduce)
    warn_broadcast(input, target)
    difference = input - target
    return weighted(difference * difference, weight, reduction)


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """|x - y|, reduced; ``weight``, of the input's shape, weighs the elements."""
    reduction = reduction_of(reduction, size_average, reduce)
    warn_broadcast(input, target)
    return weighted(ops.abs(input - target), weight, reduction)


def warn_broadcast(input: Tensor, target: Tensor) -> None:
    """PyTorch's warning where the shapes differ."""
    if target.size() != input.size():
        warnings.warn(
            f"Using a target size ({target.size()}) that is different to the input size ({input.size()}). "
            "This will likely lead to incorrect results due to broadcasting. "
            "Please ensure they have the same size.",
            stacklevel=3,
        )


def weighted(loss: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    """Losses reduced, those with ``weight`` by their weighted mean."""
    if weight is None:
        return reduce_loss(loss, reduction)
    if weight.size() != loss.size():
        raise ValueError("Weights and input must have the same size.")
    loss = loss * weight
    return loss.sum() / weight.sum() if reduction == "mean" else reduce_loss(loss, reduction)


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-(y log p + (1 - y) log(1 - p)) for probabilities ``input``; logarithms are clamped at -100."""
    reduction = reduction_of(reduction, size_average, reduce)
    if target.size() != input.size():
        raise ValueError(
            f"Using a target size ({target.size()}) that is different to the input size ({input.size()}) is "
            "deprecated. Please ensure they have the same size."
        )
    loss = _BinaryCrossEntropy.apply(input, target)
    return reduce_loss(loss if weight is None else loss * weight, reduction)


class _BinaryCrossEntropy(Function):
    """Elementwise binary cross entropy, with PyTorch's gradient: finite also at p = 0 and p = 1."""

    @staticmethod
    def forward(ctx: Any, input: Tensor, target: Tensor) -> Tensor:
        ctx.save_for_backward(input, target)
        log_p = ops.clamp(ops.log(input), min=-100)
        log_q = ops.clamp(ops.log1p(-input), min=-100)
        return -(target * log_p + (1 - target) * log_q)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor | None]:
        input, target = ctx.saved_tensors
        grad_input = grad * (input - target) / ops.clamp((1 - input) * input, min=1e-12)
        grad_target = grad * (ops.log1p(-input) - ops.log(input)) if ctx.needs_input_grad[1] else None
        return grad_input, grad_target


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """Binary cross entropy of sigmoid(input), without the loss of precision; ``pos_weight`` weighs y = 1."""
    reduction = reduction_of(reduction, size_average, reduce)
    if target.size() != input.size():
        raise ValueError(f"Target size ({target.size()}) must be the same as input size ({input.size()})")
    log_p = logsigmoid(input)
    if pos_weight is None:
        loss = (1 - target) * input - log_p
    else:
        loss = (1 - target) * input - (1 + (pos_weight - 1) * target) * log_p
    return reduce_loss(loss if weight is None else loss * weight, reduction)
