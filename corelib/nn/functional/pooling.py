"""Pooling over windows."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, prod
from typing import Any

from ... import ops
from ...ops import pools
from ...tensor import Tensor
from .._dimensions import Size, as_tuple, by_dims

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d",
    "adaptive_max_pool1d_with_indices", "adaptive_max_pool2d", "adaptive_max_pool2d_with_indices",
    "adaptive_max_pool3d", "adaptive_max_pool3d_with_indices", "avg_pool1d", "avg_pool2d", "avg_pool3d", "lp_pool1d",
    "lp_pool2d", "lp_pool3d", "max_pool1d", "max_pool1d_with_indices", "max_pool2d", "max_pool2d_with_indices",
    "max_pool3d", "max_pool3d_with_indices", "max_unpool1d", "max_unpool2d", "max_unpool3d",
]  # fmt: skip

_Sizes = int | Sequence[int | None] | None
_Maxima = Tensor | tuple[Tensor, Tensor]
_FOUND: Any = (pools.max_pool1d_with_indices, ops.max_pool2d_with_indices, pools.max_pool3d_with_indices)
_MEANS: Any = (pools.avg_pool1d, ops.avg_pool2d, pools.avg_pool3d)

avg_pool1d = pools.avg_pool1d
avg_pool3d = pools.avg_pool3d


@by_dims
def max_poolnd_with_indices(
    n: int, input: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0, dilation: Size = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """What ``max_pool{n}d`` finds, and where: the places in the flattened last {n} dimensions."""
    found: tuple[Tensor, Tensor] = _FOUND[n - 1](input, kernel_size, stride, padding, dilation, ceil_mode)
    return found


@by_dims
def max_poolnd(
    n: int, input: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0, dilation: Size = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> _Maxima:  # fmt: skip
    """The largest element of each window of {shapes}; the stride is the kernel size by default."""
    found: tuple[Tensor, Tensor] = _FOUND[n - 1](input, kernel_size, stride, padding, dilation, ceil_mode)
    return found if return_indices else found[0]


max_pool1d_with_indices, max_pool2d_with_indices, max_pool3d_with_indices = max_poolnd_with_indices
max_pool1d, max_pool2d, max_pool3d = max_poolnd


def avg_pool2d(
    input: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Tensor:  # fmt: skip
    """The mean of each window of (N, C, H, W) or (C, H, W)."""
    return ops.avg_pool2d(input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


@by_dims
def adaptive_avg_poolnd(n: int, input: Tensor, output_size: _Sizes) -> Tensor:
    """The mean over ``output_size`` nearly equal windows of {shapes}; None keeps a size."""
    return pools.adaptive_avg_pool(f"adaptive_avg_pool{n}d", input, output_size, n)


@by_dims
def adaptive_max_poolnd_with_indices(
    n: int, input: Tensor, output_size: _Sizes, return_indices: bool = False
) -> tuple[Tensor, Tensor]:
    """What ``adaptive_max_pool{n}d`` finds, and where."""
    return pools.adaptive_max_pool(f"adaptive_max_pool{n}d", input, output_size, n)


@by_dims
def adaptive_max_poolnd(n: int, input: Tensor, output_size: _Sizes, return_indices: bool = False) -> _Maxima:
    """The largest element of each of ``output_size`` nearly equal windows of {shapes}."""
    found = pools.adaptive_max_pool(f"adaptive_max_pool{n}d", input, output_size, n)
    return found if return_indices else found[0]


adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d = adaptive_avg_poolnd
adaptive_max_pool1d_with_indices, adaptive_max_pool2d_with_indices, adaptive_max_pool3d_with_indices = (
    adaptive_max_poolnd_with_indices
)
adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d = adaptive_max_poolnd


@by_dims
def lp_poolnd(
    n: int, input: Tensor, norm_type: float, kernel_size: Size, stride: Size | None = None, ceil_mode: bool = False
) -> Tensor:
    """(sum of x**norm_type) ** (1 / norm_type) of each window of {shapes}."""
    if abs(norm_type) == inf:
        sign = 1 if norm_type > 0 else -1
        return sign * _FOUND[n - 1](sign * input.abs(), kernel_size, stride, 0, 1, ceil_mode)[0]  # type: ignore[no-any-return]
    mean = _MEANS[n - 1](input**norm_type, kernel_size, stride, 0, ceil_mode)
    count = prod(as_tuple(kernel_size, n))
    return (mean.sign() * ops.relu(mean.abs()) * count) ** (1.0 / norm_type)  # type: ignore[no-any-return]


lp_pool1d, lp_pool2d, lp_pool3d = lp_poolnd


def _unpooled_size(
    input: Tensor, kernel: tuple[int, ...], stride: tuple[int, ...], padding: tuple[int, ...], output_size: Any
) -> list[int]:
    n = len(kernel)
    sizes = [(input.shape[i - n] - 1) * stride[i] + kernel[i] - 2 * padding[i] for i in range(n)]
    if output_size is None:
        return sizes
    wanted = list(output_size)
    if len(wanted) == n + 2:
        wanted = wanted[2:]
    if len(wanted) != n:
        raise ValueError(
            f"output_size should be a sequence containing {n} or {n + 2} elements, but it has a length of "
            f"'{len(wanted)}'"
        )
    for i, size in enumerate(sizes):
        if not size - stride[i] < wanted[i] < size + stride[i]:
            raise ValueError(
                f'invalid output_size "{output_size}" (dim {i} must be between {size - stride[i]} and '
                f"{size + stride[i]})"
            )
    return wanted


@by_dims
def max_unpoolnd(
    n: int, input: Tensor, indices: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:  # fmt: skip
    """Maxima put back where ``max_pool{n}d`` found them, among zeros."""
    if input.dim() not in (n + 1, n + 2):
        raise RuntimeError(
            f"Input to max_unpooling{n}d should be a {n + 1}d or {n + 2}d Tensor, but got a tensor with "
            f"{input.dim()} dimensions"
        )
    if input.shape != indices.shape:
        line = [1] if n == 1 else []
        raise RuntimeError(
            "Expected shape of indices to be same as that of the input tensor "
            f"({[*input.shape, *line]}) but got indices tensor with shape: {[*indices.shape, *line]}"
        )
    kernel, pad = as_tuple(kernel_size, n), as_tuple(padding, n)
    step = kernel if stride is None else as_tuple(stride, n)
    sizes = _unpooled_size(input, kernel, step, pad, output_size)
    lead = tuple(input.shape[:-n])
    flat = input.new_zeros((*lead, prod(sizes))).scatter(-1, indices.flatten(-n), input.flatten(-n))
    return flat.reshape((*lead, *sizes))


max_unpool1d, max_unpool2d, max_unpool3d = max_unpoolnd
