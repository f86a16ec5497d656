"""Normalizations as the top level has them: over groups, instances and by the root mean square too."""

from __future__ import annotations

from math import prod
from typing import Any

from ..core.tensor import Tensor
from ..dtypes import finfo, float32
from . import normalization
from .derived import rsqrt
from .normalization import native_layer_norm
from .reduction import mean as _mean

__all__ = ["batch_norm", "group_norm", "instance_norm", "layer_norm", "rms_norm"]


def batch_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float | None,
    eps: float,
    cudnn_enabled: bool = True,
) -> Tensor:
    """By the batch's statistics in training (the running ones move towards them), else by the running ones."""
    return normalization.batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps)


def layer_norm(
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Tensor:
    """Normalize over the last ``len(normalized_shape)`` dimensions, then scale and shift."""
    return normalization.layer_norm(input, normalized_shape, weight, bias, eps)


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Tensor:
    """Normalize [N, C, ...] over each sample's ``num_groups`` groups of channels; ``weight`` and ``bias`` are [C]."""
    if input.ndim < 2:
        raise RuntimeError(f"Expected at least 2 dimensions for input tensor but received {input.ndim}")
    channels = input.shape[1]
    if num_groups <= 0:
        raise RuntimeError(f"Expected num groups to be greater than 0, got {num_groups}")
    if channels % num_groups:
        raise RuntimeError(
            f"Expected number of channels in input to be divisible by num_groups, but got input of shape "
            f"{list(input.shape)} and num_groups={num_groups}"
        )
    for name, v in (("weight", weight), ("bias", bias)):
        if v is not None and tuple(v.shape) != (channels,):
            raise RuntimeError(
                f"Expected {name} to be a vector of size equal to the number of channels in input, but got {name} of "
                f"shape {list(v.shape)} and input of shape {list(input.shape)}"
            )
    size = channels // num_groups * prod(input.shape[2:])
    normal = native_layer_norm(input.reshape((input.shape[0], num_groups, size)), None, None, 1, eps)[0]
    return _affine(normal.reshape(tuple(input.shape)), weight, bias)


def _affine(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    """Scaled and shifted per channel, in the input's dtype."""
    shape, d = (-1, *(1,) * (x.ndim - 2)), x.dtype
    if weight is not None:
        x = x * weight.reshape(shape)
    if bias is not None:
        x = x + bias.reshape(shape)
    return x.to(d)


def instance_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool = True,
) -> Tensor:
    """Normalize every channel of every sample of [N, C, ...].

    By its own statistics where ``use_input_stats`` (running ones, where given, move towards the batch's mean of
    them), else by the running ones.
    """
    if not use_input_stats and (running_mean is None or running_var is None):
        raise RuntimeError("Expected running_mean and running_var to be defined when use_input_stats is false")
    if not use_input_stats:
        return normalization.batch_norm(input, weight, bias, running_mean, running_var, False, momentum, eps)
    batch, channels, count = input.shape[0], input.shape[1], prod(input.shape[2:])
    flat = input.reshape((batch, channels, count))
    normal, center, _ = native_layer_norm(flat, None, None, 1, eps)
    if running_mean is not None or running_var is not None:
        seen = flat.detach().to(center.dtype)
        if running_mean is not None:
            _move(running_mean, _mean(seen, (0, 2)), momentum)
        if running_var is not None:
            away = seen - center.detach()
            spread = (away * away).sum(2) / float(count - 1) if count > 1 else away.sum(2) * float("nan")
            _move(running_var, _mean(spread, (0,)), momentum)
    return _affine(normal.reshape(tuple(input.shape)), weight, bias)


def _move(running: Tensor, towards: Tensor, momentum: float) -> None:
    data = running.detach()
    data.copy_(data * (1 - momentum) + towards * momentum)


def rms_norm(input: Tensor, normalized_shape: Any, weight: Tensor | None = None, eps: float | None = None) -> Tensor:
    """Divide by the root mean square over the last dimensions (half precision in float32), then scale.

    ``eps``, added to the mean square, is by default the dtype's smallest step from 1.
    """
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    n = len(shape)
    if n == 0:
        raise RuntimeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got "
            "normalized_shape = []"
        )
    if weight is not None and tuple(weight.shape) != shape:
        raise RuntimeError(
            f"Expected weight to be of same shape as normalized_shape, but got weight of shape {list(weight.shape)} "
            f"and normalized_shape = {list(shape)}"
        )
    if input.ndim < n or tuple(input.shape[-n:]) != shape:
        raise RuntimeError(
            f"Given normalized_shape={list(shape)}, expected input with shape [*{', '.join(map(str, shape))}], "
            f"but got input of size{list(input.shape)}"
        )
    wide = input.to(float32) if input.dtype.is_half else input
    if eps is None:
        eps = float(finfo(wide.dtype).eps)
    dims = tuple(range(input.ndim - n, input.ndim))
    result = wide * rsqrt(_mean(wide * wide, dims, True) + eps)
    return (result if weight is None else result * weight).to(input.dtype)
