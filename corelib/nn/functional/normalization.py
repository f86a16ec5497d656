"""Normalization over batch, layer and groups."""

from __future__ import annotations

from collections.abc import Sequence

from ... import ops
from ...tensor import Tensor

__all__ = ["batch_norm", "layer_norm"]


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize (N, C, ...) per channel: by the batch's statistics in training, else by the running ones.

    In training the running mean and (unbiased) variance, where given, move to the batch's by ``momentum``.
    """
    if training:
        size = input.size()
        per_channel = size[0]
        for length in size[2:]:
            per_channel *= length
        if per_channel == 1:
            raise ValueError(f"Expected more than 1 value per channel when training, got input size {size}")
    return ops.batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps)


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize over the last ``len(normalized_shape)`` dimensions, then scale and shift."""
    return ops.layer_norm(input, normalized_shape, weight, bias, eps)
