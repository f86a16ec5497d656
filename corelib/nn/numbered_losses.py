"""Losses of the top level: those of ``nn.functional``, with PyTorch's numbers for the reduction."""

from __future__ import annotations

from collections.abc import Sequence

from ..tensor import Tensor
from . import functional

__all__ = [
    "binary_cross_entropy_with_logits", "cosine_embedding_loss", "ctc_loss", "hinge_embedding_loss", "kl_div",
    "margin_ranking_loss", "poisson_nll_loss", "triplet_margin_loss",
]  # fmt: skip

_REDUCTIONS = ("none", "mean", "sum")


def _named(reduction: int) -> str:
    """0 is none, 1 the mean, 2 the sum; ValueError for other numbers."""
    if reduction not in (0, 1, 2):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return _REDUCTIONS[reduction]


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    pos_weight: Tensor | None = None,
    reduction: int = 1,
) -> Tensor:
    """Binary cross entropy of sigmoid(input)."""
    loss: Tensor = functional.binary_cross_entropy_with_logits(
        input, target, weight, pos_weight=pos_weight, reduction=_named(reduction)
    )
    return loss


def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: int = 1
) -> Tensor:
    """1 - cos(x1, x2) where the target is 1, max(0, cos(x1, x2) - ``margin``) where it is -1."""
    loss: Tensor = functional.cosine_embedding_loss(input1, input2, target, margin, reduction=_named(reduction))
    return loss


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor | Sequence[int],
    target_lengths: Tensor | Sequence[int],
    blank: int = 0,
    reduction: int = 1,
    zero_infinity: bool = False,
) -> Tensor:
    """Connectionist temporal classification."""
    loss: Tensor = functional.ctc_loss(
        log_probs, targets, input_lengths, target_lengths, blank, _named(reduction), zero_infinity
    )
    return loss


def hinge_embedding_loss(input: Tensor, target: Tensor, margin: float = 1.0, reduction: int = 1) -> Tensor:
    """x where the target is 1, max(0, ``margin`` - x) where it is -1."""
    loss: Tensor = functional.hinge_embedding_loss(input, target, margin, reduction=_named(reduction))
    return loss


def kl_div(input: Tensor, target: Tensor, reduction: int = 1, *, log_target: bool = False) -> Tensor:
    """y * (log y - x) for log-probabilities x; the mean is over all elements."""
    losses: Tensor = functional.kl_div(input, target, reduction="none", log_target=log_target)
    name = _named(reduction)
    return losses if name == "none" else losses.mean() if name == "mean" else losses.sum()


def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: int = 1
) -> Tensor:
    """max(0, -y * (x1 - x2) + ``margin``)."""
    loss: Tensor = functional.margin_ranking_loss(input1, input2, target, margin, reduction=_named(reduction))
    return loss


def poisson_nll_loss(input: Tensor, target: Tensor, log_input: bool, full: bool, eps: float, reduction: int) -> Tensor:
    """Negative log-likelihood of counts under Poisson distributions."""
    loss: Tensor = functional.poisson_nll_loss(input, target, log_input, full, eps=eps, reduction=_named(reduction))
    return loss


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: int = 1,
) -> Tensor:
    """max(0, d(anchor, positive) - d(anchor, negative) + ``margin``)."""
    loss: Tensor = functional.triplet_margin_loss(
        anchor, positive, negative, margin, p, eps, swap, reduction=_named(reduction)
    )
    return loss
