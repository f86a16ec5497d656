"""Normalization over batch, layer and groups."""

from __future__ import annotations

from collections.abc import Sequence

from ... import ops
from ...ops import norms
from ...ops.features import constant_pad_nd
from ...tensor import Tensor

__all__ = ["batch_norm", "group_norm", "instance_norm", "layer_norm", "local_response_norm", "rms_norm"]


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
        _several(
            tuple(input.size()), f"Expected more than 1 value per channel when training, got input size {input.size()}"
        )
    return ops.batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps)


def _several(size: tuple[int, ...], complaint: str, batch: bool = True) -> None:
    count = size[0] if batch else 1
    for length in size[2:]:
        count *= length
    if count == 1:
        raise ValueError(complaint)


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize over the last ``len(normalized_shape)`` dimensions, then scale and shift."""
    return ops.layer_norm(input, normalized_shape, weight, bias, eps)


def group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Normalize (N, C, ...) over each sample's groups of channels, then scale and shift per channel."""
    if input.dim() < 2:
        raise RuntimeError(f"Expected at least 2 dimensions for input tensor but received {input.dim()}")
    size = tuple(input.size())
    if num_groups > 0:
        counted = (size[0] * size[1] // num_groups, num_groups, *size[2:])
        _several(counted, f"Expected more than 1 value per channel when training, got input size {list(counted)}")
    return norms.group_norm(input, num_groups, weight, bias, eps)


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize every channel of every sample of (N, C, ...), by its own statistics or the running ones."""
    if use_input_stats:
        complaint = f"Expected more than 1 spatial element when training, got input size {input.size()}"
        _several(tuple(input.size()), complaint, False)
    return norms.instance_norm(input, weight, bias, running_mean, running_var, use_input_stats, momentum, eps)


def rms_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """Divide by the root mean square over the last ``len(normalized_shape)`` dimensions, then scale."""
    return norms.rms_norm(input, normalized_shape, weight, eps)


def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """(N, C, ...) over (k + alpha * mean of the squares of ``size`` neighbouring channels) ** beta."""
    if input.dim() < 3:
        raise ValueError(f"Expected 3D or higher dimensionality input (got {input.dim()} dimensions)")
    if input.numel() == 0:
        return input
    batch, channels = input.shape[:2]
    squares = constant_pad_nd((input * input).reshape((batch, 1, channels, -1)), (0, 0, size // 2, (size - 1) // 2))
    near = ops.avg_pool2d(squares, (size, 1), 1).reshape(tuple(input.shape))
    return input / (near * alpha + k) ** beta
