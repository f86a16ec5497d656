"""Pointwise nonlinearities and regroupings that are functions of the top level too, each said in primitives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.tensor import Tensor
from . import rules
from .activation import leaky_relu as _leaky
from .activation import relu
from .elementwise import abs as _abs
from .elementwise import expm1, le, lt, mul, where
from .indexing import copy_
from .movement import copy
from .random import rand

__all__ = [
    "celu", "celu_", "channel_shuffle", "hardshrink", "native_channel_shuffle", "pixel_shuffle", "pixel_unshuffle",
    "prelu", "relu_", "rrelu", "rrelu_", "selu", "selu_", "threshold", "threshold_",
]  # fmt: skip
METHODS = ["hardshrink", "prelu"]

_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


def written(function: Callable[..., Tensor], input: Tensor, *args: Any) -> Tensor:
    """Write ``function(input, *args)`` into ``input``; what its gradient needs is kept from before the write."""
    return copy_(input, function(copy(input) if input.requires_grad else input, *args))


def _floating(input: Tensor, name: str) -> None:
    if input.dtype.category != 2:
        raise rules.not_implemented(name, input.dtype)


def relu_(input: Tensor) -> Tensor:
    """In-place ``relu``."""
    return written(relu, input)


def _elu(input: Tensor, alpha: float, scale: float, input_scale: float) -> Tensor:
    """scale * x where positive, else scale * alpha * (exp(input_scale * x) - 1)."""
    _floating(input, "elu_cpu")
    positive = lt(0, input)
    low = where(positive, 0.0, input)
    return where(positive, input * scale, expm1(low * input_scale) * (alpha * scale))


def selu(input: Tensor) -> Tensor:
    """The self-normalizing scaled ``elu``: floats to the same dtype."""
    return _elu(input, _SELU_ALPHA, _SELU_SCALE, 1.0)


def selu_(input: Tensor) -> Tensor:
    """In-place ``selu``."""
    return written(selu, input)


def celu(input: Tensor, alpha: float = 1.0) -> Tensor:
    """x where positive, else ``alpha * (exp(x / alpha) - 1)``; RuntimeError where ``alpha`` is 0."""
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return _elu(input, alpha, 1.0, 1.0 / alpha)


def celu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """In-place ``celu``."""
    return written(celu, input, alpha)


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """0 within ``lambd`` of 0, else the element; nan stays nan."""
    _floating(input, "hardshrink_cpu")
    return where(le(_abs(input), lambd), 0.0, input)


def _above(input: Tensor, limit: float, value: float) -> Tensor:
    if input.dtype.category not in (1, 2):
        raise rules.not_implemented("threshold_cpu", input.dtype)
    if input.dtype.category == 1:
        limit, value = int(limit), int(value)
    return where(le(input, limit), value, input)


def threshold(input: Tensor, threshold: float, value: float) -> Tensor:
    """The elements above ``threshold``; ``value`` in place of the others; nan stays nan."""
    return _above(input, threshold, value)


def threshold_(input: Tensor, threshold: float, value: float) -> Tensor:
    """In-place ``threshold``."""
    return written(_above, input, threshold, value)


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """x where positive, else ``weight * x``; ``weight`` has one element, or one a channel (dimension 1)."""
    if weight.dtype is not input.dtype:
        raise RuntimeError(
            f"prelu: Type promoting not supported. Got {rules.what(input.dtype)} and {rules.what(weight.dtype)}"
        )
    if weight.ndim > 1:
        raise RuntimeError(f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim}")
    if weight.numel() != 1:
        if input.ndim == 0:
            raise RuntimeError("Not allow zero-dim input tensor.")
        channels = input.shape[1] if input.ndim > 1 else 1
        if channels != weight.numel():
            raise RuntimeError(
                f"Mismatch of parameter numbers and input channel size. Found parameter numbers = {weight.numel()} "
                f"and channel size = {channels}."
            )
    if weight.ndim == 0 or weight.numel() == 1:
        slope = weight.reshape((1,) * input.ndim)
    else:
        slope = weight.reshape((-1,) + (1,) * (input.ndim - 2))
    positive = lt(0, input)
    return where(positive, input, mul(where(positive, 0.0, input), slope))


def rrelu(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    generator: Any = None,
) -> Tensor:
    """x where positive, else x times a slope: random in [lower, upper) in training, their mean otherwise."""
    if lower > upper:
        raise RuntimeError("Lower bound should be less than or equal to the upper bound")
    _floating(input, "rrelu_with_noise_out_cpu" if training else "leaky_relu_cpu")
    if not training:
        return leaky_relu(input, (lower + upper) / 2)
    slope = rand(tuple(input.shape), dtype=input.dtype, device=input.device, generator=generator)
    positive = lt(0, input)
    return where(positive, input, mul(where(positive, 0.0, input), slope * (upper - lower) + lower))


def rrelu_(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    generator: Any = None,
) -> Tensor:
    """In-place ``rrelu``."""
    return written(rrelu, input, lower, upper, training, generator)


def elu(input: Tensor, alpha: float = 1.0) -> Tensor:
    """x where positive, else ``alpha * (exp(x) - 1)``."""
    return _elu(input, alpha, 1.0, 1.0)


def elu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """In-place ``elu``."""
    return written(elu, input, alpha)


def leaky_relu(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """x where positive, else ``negative_slope * x``."""
    _floating(input, "leaky_relu_cpu")
    return _leaky(input, negative_slope)


def leaky_relu_(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """In-place ``leaky_relu``."""
    return written(leaky_relu, input, negative_slope)


# -- regroupings of channels and pixels


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """[..., C * r * r, H, W] to [..., C, H * r, W * r], with r = ``upscale_factor``."""
    r = upscale_factor
    if input.ndim < 3:
        raise RuntimeError(
            f"pixel_shuffle expects input to have at least 3 dimensions, but got input with {input.ndim} dimension(s)"
        )
    if r <= 0:
        raise RuntimeError(f"pixel_shuffle expects a positive upscale_factor, but got {r}")
    *lead, c, h, w = tuple(input.shape)
    if c % (r * r):
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, "
            f"but input.size(-3)={c} is not divisible by {r * r}"
        )
    n, out = len(lead), c // (r * r)
    parts = input.reshape((*lead, out, r, r, h, w)).permute((*range(n), n, n + 3, n + 1, n + 4, n + 2))
    return parts.reshape((*lead, out, h * r, w * r))


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """[..., C, H * r, W * r] to [..., C * r * r, H, W], with r = ``downscale_factor``."""
    r = downscale_factor
    if input.ndim < 3:
        raise RuntimeError(
            f"pixel_unshuffle expects input to have at least 3 dimensions, but got input with {input.ndim} dimension(s)"
        )
    if r <= 0:
        raise RuntimeError(f"pixel_unshuffle expects a positive downscale_factor, but got {r}")
    *lead, c, h, w = tuple(input.shape)
    for name, place, size in (("height", -2, h), ("width", -1, w)):
        if size % r:
            raise RuntimeError(
                f"pixel_unshuffle expects {name} to be divisible by downscale_factor, but input.size({place})={size} "
                f"is not divisible by {r}"
            )
    n = len(lead)
    parts = input.reshape((*lead, c, h // r, r, w // r, r)).permute((*range(n), n, n + 2, n + 4, n + 1, n + 3))
    return parts.reshape((*lead, c * r * r, h // r, w // r))


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Interleaves the channels (dimension 1 of [N, C, ...]) of ``groups`` groups."""
    if input.ndim <= 2:
        raise RuntimeError(f"channel_shuffle expects input with > 2 dims, but got input with sizes {list(input.shape)}")
    n, c, *rest = tuple(input.shape)
    if groups <= 0:
        raise RuntimeError(f"Number of groups to divide channels in must be positive. Value of groups:{groups}")
    if c % groups:
        raise RuntimeError(f"Number of channels must be divisible by groups. Got {c} channels and {groups} groups.")
    return input.reshape((n, groups, c // groups, *rest)).transpose(1, 2).reshape((n, c, *rest))


native_channel_shuffle = channel_shuffle
