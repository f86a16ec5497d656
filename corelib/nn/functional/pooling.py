"""Pooling over windows."""

from __future__ import annotations

from collections.abc import Sequence

from ... import ops
from ...tensor import Tensor

__all__ = ["adaptive_avg_pool2d", "avg_pool2d", "max_pool2d"]

_Pair = int | Sequence[int]


def max_pool2d(
    input: Tensor,
    kernel_size: _Pair,
    stride: _Pair | None = None,
    padding: _Pair = 0,
    dilation: _Pair = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """The largest element of each window of (N, C, H, W) or (C, H, W); the stride is the kernel size by default."""
    if return_indices:
        return ops.max_pool2d_with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)
    return ops.max_pool2d(input, kernel_size, stride, padding, dilation, ceil_mode)


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


def adaptive_avg_pool2d(input: Tensor, output_size: int | Sequence[int | None] | None) -> Tensor:
    """The mean over (H_out, W_out) nearly equal windows of (N, C, H, W) or (C, H, W); None keeps a size."""
    if input.dim() not in (3, 4):
        raise RuntimeError(f"adaptive_avg_pool2d(): Expected 3D or 4D tensor, but got {list(input.size())}")
    wanted = (output_size, output_size) if output_size is None or isinstance(output_size, int) else tuple(output_size)
    sizes = [input.size(dim) if size is None else size for dim, size in zip((-2, -1), wanted, strict=True)]
    if 0 not in sizes and input.size(-2) % sizes[0] == 0 and input.size(-1) % sizes[1] == 0:
        return ops.avg_pool2d(input, (input.size(-2) // sizes[0], input.size(-1) // sizes[1]))
    for dim, size in zip((-2, -1), sizes, strict=True):
        length = input.size(dim)
        bounds = [(i * length // size, -(-(i + 1) * length // size)) for i in range(size)]
        windows = [input.narrow(dim, start, end - start).mean(dim) for start, end in bounds]
        input = ops.stack(windows, dim)
    return input
