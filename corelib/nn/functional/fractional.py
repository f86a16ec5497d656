"""Maxima of windows at random places, and cross entropy of a linear map."""

from __future__ import annotations

from typing import Any

from ... import ops
from ...dtypes import int64
from ...tensor import Tensor
from .._dimensions import Size, as_tuple
from ..functional.loss import cross_entropy

__all__ = ["fractional_max_pool2d", "fractional_max_pool3d", "linear_cross_entropy"]

_AXES = ("time", "height", "width")


def _starts(samples: Tensor, size: int, out: int, kernel: int) -> Tensor:
    """Where windows begin along one dimension: [N, C, out], from numbers [N, C] in [0, 1)."""
    if out == 1:
        return samples.unsqueeze(-1).new_full((*samples.shape, 1), size - kernel).to(int64)
    alpha = (size - kernel) / (out - 1)
    sample = samples.unsqueeze(-1)
    steps = ops.arange(out, dtype=samples.dtype, device=samples.device)
    places = ((steps + sample) * alpha).to(int64) - (sample * alpha).to(int64)
    return ops.where(steps == out - 1, size - kernel, places)


def _fractional_max_pool(
    n: int, input: Tensor, kernel_size: Size, output_size: Any, output_ratio: Any, return_indices: bool, samples: Any
) -> Any:
    name = f"fractional_max_pool{n}d"
    if output_size is None and output_ratio is None:
        raise ValueError(f"{name} requires specifying either an output_size or an output_ratio")
    sizes = tuple(input.shape[-n:])
    if output_size is None:
        ratios = (output_ratio,) * n if isinstance(output_ratio, (int, float)) else tuple(output_ratio)
        if len(ratios) > n:
            raise ValueError(f"{name} requires output_ratio to either be a single Int or tuple of Ints.")
        output_size = [int(size * ratio) for size, ratio in zip(sizes, ratios, strict=True)]
    batch = 1 if input.dim() == n + 1 else input.shape[0]
    channels = input.size(-n - 1)
    if samples is None:
        samples = ops.rand(batch, channels, n, dtype=input.dtype, device=input.device)
    if samples.dtype is not input.dtype:
        raise RuntimeError("Expect _random_samples to have the same dtype as input")
    kernels, outs = as_tuple(kernel_size, n), as_tuple(output_size, n)
    where = input.reshape((batch, channels, -1))
    places: Any = 0
    for i, (size, kernel, out) in enumerate(zip(sizes, kernels, outs, strict=True)):
        if out + kernel - 1 > size:
            suffix, axis = ("_out" if n == 3 else ""), _AXES[i + 3 - n]
            raise RuntimeError(f"{name}{suffix}(): pool {axis} {kernel} too large relative to input {axis} {size}")
        # PyTorch's first number of two is for the width
        starts = _starts(samples[..., n - 1 - i if n == 2 else i], size, out, kernel)
        axis_places = starts.unsqueeze(-1) + ops.arange(kernel, device=input.device)
        shape = [batch, channels, *[1] * (2 * n)]
        shape[2 + i], shape[2 + n + i] = out, kernel
        places = places * size + axis_places.reshape(shape)
    places = places.flatten(2 + n)
    values = where.gather(2, places.flatten(2)).reshape(places.shape)
    maxima, found = values.max(-1)
    shape = [*input.shape[:-n], *outs]
    if not return_indices:
        return maxima.reshape(shape)
    return maxima.reshape(shape), places.gather(-1, found.unsqueeze(-1)).reshape(shape)


def fractional_max_pool2d(
    input: Tensor, kernel_size: Size, output_size: Any = None, output_ratio: Any = None, return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:  # fmt: skip
    """The largest elements of windows at random steps of (N, C, H, W) or (C, H, W), so many as ``output_size`` says.

    Or ``output_ratio`` of the input's size.  RuntimeError where the windows do not fit.
    """
    return _fractional_max_pool(2, input, kernel_size, output_size, output_ratio, return_indices, _random_samples)


def fractional_max_pool3d(
    input: Tensor, kernel_size: Size, output_size: Any = None, output_ratio: Any = None, return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:  # fmt: skip
    """``fractional_max_pool2d`` of (N, C, D, H, W) or (C, D, H, W)."""
    return _fractional_max_pool(3, input, kernel_size, output_size, output_ratio, return_indices, _random_samples)


def linear_cross_entropy(
    input: Tensor, linear_weight: Tensor, target: Tensor, *, linear_bias: Tensor | None = None,
    weight: Tensor | None = None, reduction: str = "mean", ignore_index: int | None = None,
    label_smoothing: float = 0.0, options: None = None,
) -> Tensor:  # fmt: skip
    """``cross_entropy`` of ``input @ linear_weight.T``: input (N, F) or (F), weight (C, F) or (C, d1, ..., F).

    ``options`` (a way to compute it in parts) is not there yet: NotImplementedError unless it is None.
    """
    if options is not None:
        raise NotImplementedError("linear_cross_entropy computes in one piece: options must be None")
    if not 1 <= input.dim() <= 2:
        raise RuntimeError(f"expected input with dimensionality 1 or 2, got {input.dim()}")
    if linear_weight.dim() < 2:
        raise RuntimeError(f"expected linear_weight with dimensionality at least 2, got {linear_weight.dim()}")
    if input.shape[-1] != linear_weight.shape[-1]:
        raise RuntimeError(
            "expected equal input and linear_weight last dimensions (in_features), "
            f"got {input.shape[-1]} and {linear_weight.shape[-1]}, respectively"
        )
    classes = tuple(linear_weight.shape[:-1])
    if linear_bias is not None and tuple(linear_bias.shape) != classes:
        raise RuntimeError(f"expected linear_bias shape {classes}, got {tuple(linear_bias.shape)}")
    if len(classes) > 1 and input.dim() == 1:
        raise RuntimeError(
            f"K-dimensional loss defined by linear_weight shape {tuple(linear_weight.shape)} requires batched input, "
            f"(N, {input.shape[-1]}), got unbatched input with shape {tuple(input.shape)}"
        )
    logits = ops.linear(input, linear_weight.reshape((-1, input.shape[-1]))).reshape((*input.shape[:-1], *classes))
    logits = logits if linear_bias is None else logits + linear_bias
    if target.shape == logits.shape and ignore_index is not None:
        raise RuntimeError("ignore_index cannot be specified when target contains probabilities")
    return cross_entropy(
        logits, target, weight, ignore_index=-100 if ignore_index is None else ignore_index, reduction=reduction,
        label_smoothing=label_smoothing,
    )  # fmt: skip
