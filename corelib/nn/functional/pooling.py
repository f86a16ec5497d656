"""Pooling over windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ... import ops
from ...ops import pools
from ...tensor import Tensor

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d",
    "adaptive_max_pool1d_with_indices", "adaptive_max_pool2d", "adaptive_max_pool2d_with_indices",
    "adaptive_max_pool3d", "adaptive_max_pool3d_with_indices", "avg_pool1d", "avg_pool2d", "avg_pool3d", "lp_pool1d",
    "lp_pool2d", "lp_pool3d", "max_pool1d", "max_pool1d_with_indices", "max_pool2d", "max_pool2d_with_indices",
    "max_pool3d", "max_pool3d_with_indices", "max_unpool1d", "max_unpool2d", "max_unpool3d",
]  # fmt: skip

_Pair = int | Sequence[int]
_Sizes = int | Sequence[int | None] | None
_Maxima = Tensor | tuple[Tensor, Tensor]

avg_pool1d = pools.avg_pool1d
avg_pool3d = pools.avg_pool3d
adaptive_avg_pool1d = pools.adaptive_avg_pool1d


def max_pool1d_with_indices(
    input: Tensor,
    kernel_size: _Pair,
    stride: _Pair | None = None,
    padding: _Pair = 0,
    dilation: _Pair = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[Tensor, Tensor]:
    """What ``max_pool1d`` finds, and where: the places in the flattened last dimension."""
    return pools.max_pool1d_with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool1d(
    input: Tensor,
    kernel_size: _Pair,
    stride: _Pair | None = None,
    padding: _Pair = 0,
    dilation: _Pair = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> _Maxima:
    """The largest element of each window of (N, C, L) or (C, L); the stride is the kernel size by default."""
    found = pools.max_pool1d_with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)
    return found if return_indices else found[0]


def max_pool2d_with_indices(
    input: Tensor,
    kernel_size: _Pair,
    stride: _Pair | None = None,
    padding: _Pair = 0,
    dilation: _Pair = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[Tensor, Tensor]:
    """What ``max_pool2d`` finds, and where: the places in the flattened last 2 dimensions."""
    return ops.max_pool2d_with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool2d(
    input: Tensor,
    kernel_size: _Pair,
    stride: _Pair | None = None,
    padding: _Pair = 0,
    dilation: _Pair = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> _Maxima:
    """The largest element of each window of (N, C, H, W) or (C, H, W); the stride is the kernel size by default."""
    found = ops.max_pool2d_with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)
    return found if return_indices else found[0]


def max_pool3d_with_indices(
    input: Tensor,
    kernel_size: _Pair,
    stride: _Pair | None = None,
    padding: _Pair = 0,
    dilation: _Pair = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[Tensor, Tensor]:
    """What ``max_pool3d`` finds, and where: the places in the flattened last 3 dimensions."""
    return pools.max_pool3d_with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool3d(
    input: Tensor,
    kernel_size: _Pair,
    stride: _Pair | None = None,
    padding: _Pair = 0,
    dilation: _Pair = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> _Maxima:
    """The largest element of each window of (N, C, D, H, W) or (C, D, H, W); the stride is the kernel size."""
    found = pools.max_pool3d_with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)
    return found if return_indices else found[0]


def avg_pool2d(
    input: Tensor,
    kernel_size: _Pair,
    stride: _Pair | None = None,
    padding: _Pair = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window of (N, C, H, W) or (C, H, W)."""
    return ops.avg_pool2d(input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def adaptive_avg_pool2d(input: Tensor, output_size: _Sizes) -> Tensor:
    """The mean over (H_out, W_out) nearly equal windows of (N, C, H, W) or (C, H, W); None keeps a size."""
    return pools.adaptive_avg_pool("adaptive_avg_pool2d", input, output_size, 2)


def adaptive_avg_pool3d(input: Tensor, output_size: _Sizes) -> Tensor:
    """The mean over nearly equal windows of (N, C, D, H, W) or (C, D, H, W); None keeps a size."""
    return pools.adaptive_avg_pool("adaptive_avg_pool3d", input, output_size, 3)


def adaptive_max_pool1d_with_indices(
    input: Tensor, output_size: _Sizes, return_indices: bool = False
) -> tuple[Tensor, Tensor]:
    """What ``adaptive_max_pool1d`` finds, and where."""
    return pools.adaptive_max_pool("adaptive_max_pool1d", input, output_size, 1)


def adaptive_max_pool1d(input: Tensor, output_size: _Sizes, return_indices: bool = False) -> _Maxima:
    """The largest element of each of ``output_size`` nearly equal windows of (N, C, L) or (C, L)."""
    found = pools.adaptive_max_pool("adaptive_max_pool1d", input, output_size, 1)
    return found if return_indices else found[0]


def adaptive_max_pool2d_with_indices(
    input: Tensor, output_size: _Sizes, return_indices: bool = False
) -> tuple[Tensor, Tensor]:
    """What ``adaptive_max_pool2d`` finds, and where."""
    return pools.adaptive_max_pool("adaptive_max_pool2d", input, output_size, 2)


def adaptive_max_pool2d(input: Tensor, output_size: _Sizes, return_indices: bool = False) -> _Maxima:
    """The largest element of each of ``output_size`` nearly equal windows of (N, C, H, W) or (C, H, W)."""
    found = pools.adaptive_max_pool("adaptive_max_pool2d", input, output_size, 2)
    return found if return_indices else found[0]


def adaptive_max_pool3d_with_indices(
    input: Tensor, output_size: _Sizes, return_indices: bool = False
) -> tuple[Tensor, Tensor]:
    """What ``adaptive_max_pool3d`` finds, and where."""
    return pools.adaptive_max_pool("adaptive_max_pool3d", input, output_size, 3)


def adaptive_max_pool3d(input: Tensor, output_size: _Sizes, return_indices: bool = False) -> _Maxima:
    """The largest element of each of ``output_size`` nearly equal windows of (N, C, D, H, W) or (C, D, H, W)."""
    found = pools.adaptive_max_pool("adaptive_max_pool3d", input, output_size, 3)
    return found if return_indices else found[0]


def _tuple(value: Any, n: int) -> tuple[int, ...]:
    return (value,) * n if isinstance(value, int) else tuple(value)


def _lp_pool(n: int, input: Tensor, norm_type: float, kernel_size: Any, stride: Any, ceil_mode: bool) -> Tensor:
    maxima: Any = (pools.max_pool1d, ops.max_pool2d, pools.max_pool3d)[n - 1]
    means: Any = (pools.avg_pool1d, ops.avg_pool2d, pools.avg_pool3d)[n - 1]
    if norm_type == float("inf"):
        return maxima(input.abs(), kernel_size, stride, 0, 1, ceil_mode)  # type: ignore[no-any-return]
    if norm_type == -float("inf"):
        return -maxima(-input.abs(), kernel_size, stride, 0, 1, ceil_mode)  # type: ignore[no-any-return]
    mean = means(input**norm_type, kernel_size, stride, 0, ceil_mode)
    count = 1
    for length in _tuple(kernel_size, n):
        count *= length
    return (mean.sign() * ops.relu(mean.abs()) * count) ** (1.0 / norm_type)  # type: ignore[no-any-return]


def lp_pool1d(
    input: Tensor, norm_type: float, kernel_size: _Pair, stride: _Pair | None = None, ceil_mode: bool = False
) -> Tensor:
    """(sum of x**norm_type) ** (1 / norm_type) of each window of (N, C, L) or (C, L)."""
    return _lp_pool(1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(
    input: Tensor, norm_type: float, kernel_size: _Pair, stride: _Pair | None = None, ceil_mode: bool = False
) -> Tensor:
    """(sum of x**norm_type) ** (1 / norm_type) of each window of (N, C, H, W) or (C, H, W)."""
    return _lp_pool(2, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(
    input: Tensor, norm_type: float, kernel_size: _Pair, stride: _Pair | None = None, ceil_mode: bool = False
) -> Tensor:
    """(sum of x**norm_type) ** (1 / norm_type) of each window of (N, C, D, H, W) or (C, D, H, W)."""
    return _lp_pool(3, input, norm_type, kernel_size, stride, ceil_mode)


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


def _unpool(
    n: int, input: Tensor, indices: Tensor, kernel_size: Any, stride: Any, padding: Any, output_size: Any
) -> Tensor:
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
    kernel, pad = _tuple(kernel_size, n), _tuple(padding, n)
    step = kernel if stride is None else _tuple(stride, n)
    sizes = _unpooled_size(input, kernel, step, pad, output_size)
    lead, count = tuple(input.shape[:-n]), 1
    for size in sizes:
        count *= size
    flat = input.new_zeros((*lead, count)).scatter(-1, indices.flatten(-n), input.flatten(-n))
    return flat.reshape((*lead, *sizes))


def max_unpool1d(
    input: Tensor,
    indices: Tensor,
    kernel_size: _Pair,
    stride: _Pair | None = None,
    padding: _Pair = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Maxima put back where ``max_pool1d`` found them, among zeros."""
    return _unpool(1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: Tensor,
    indices: Tensor,
    kernel_size: _Pair,
    stride: _Pair | None = None,
    padding: _Pair = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Maxima put back where ``max_pool2d`` found them, among zeros."""
    return _unpool(2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Tensor,
    indices: Tensor,
    kernel_size: _Pair,
    stride: _Pair | None = None,
    padding: _Pair = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Maxima put back where ``max_pool3d`` found them, among zeros."""
    return _unpool(3, input, indices, kernel_size, stride, padding, output_size)
