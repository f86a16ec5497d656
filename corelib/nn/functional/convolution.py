"""Convolution and linear maps, and windows as columns."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from ... import ops
from ...layout import Layout
from ...ops import convolutions
from ...ops.features import constant_pad_nd
from ...ops.view import as_strided_grad, as_strided_relative
from ...tensor import Tensor

__all__ = [
    "conv1d", "conv2d", "conv3d", "conv_tbc", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "fold",
    "linear", "unfold",
]  # fmt: skip

linear = ops.linear
conv1d = ops.conv1d
conv2d = ops.conv2d
conv3d = convolutions.conv3d
conv_tbc = convolutions.conv_tbc
conv_transpose1d = convolutions.conv_transpose1d
conv_transpose2d = convolutions.conv_transpose2d
conv_transpose3d = convolutions.conv_transpose3d

_Pair = int | Sequence[int]


def _pair(name: str, value: Any) -> tuple[int, int]:
    given = (value, value) if isinstance(value, int) else tuple(value)
    if len(given) == 1:
        given = given * 2
    if len(given) != 2:
        raise RuntimeError(f"It is expected {name} equals to 2, but got size {len(given)}")
    return given[0], given[1]


def _check(kernel: Any, dilation: Any, padding: Any, stride: Any) -> None:
    for name, pair in (("kernel size", kernel), ("stride", stride), ("dilation", dilation)):
        if min(pair) <= 0:
            words = f"{name.replace(' ', '_')}_height: {pair[0]} {name.replace(' ', '_')}_width: {pair[1]}"
            if name == "kernel size":
                words = words.replace("kernel_size", "kernel")
            raise RuntimeError(f"{name} should be greater than zero, but got {words}")
    if min(padding) < 0:
        raise RuntimeError(f"padding should be non-negative, but got pad_height: {padding[0]} pad_width: {padding[1]}")


def _blocks(size: Sequence[int], kernel: Any, dilation: Any, padding: Any, stride: Any) -> tuple[int, int]:
    counts = [(size[i] + 2 * padding[i] - dilation[i] * (kernel[i] - 1) - 1) // stride[i] + 1 for i in (0, 1)]
    return counts[0], counts[1]


def unfold(input: Tensor, kernel_size: _Pair, dilation: _Pair = 1, padding: _Pair = 0, stride: _Pair = 1) -> Tensor:
    """The windows of (N, C, H, W) as columns: (N, C * kH * kW, positions); or all of it without N."""
    kernel, space = _pair("kernel_size", kernel_size), _pair("dilation", dilation)
    pad, step = _pair("padding", padding), _pair("stride", stride)
    _check(kernel, space, pad, step)
    if input.dim() not in (3, 4) or 0 in input.shape[-3:]:
        raise RuntimeError(
            "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for "
            f"input, but got: {list(input.shape)}"
        )
    x = input if input.dim() == 4 else input.unsqueeze(0)
    rows, columns = _blocks(tuple(x.shape[2:]), kernel, space, pad, step)
    if rows < 1 or columns < 1:
        raise RuntimeError(
            f"Given input with spatial size ({x.shape[2]}, {x.shape[3]}), kernel_size=({kernel[0]}, {kernel[1]}), "
            f"dilation=({space[0]}, {space[1]}), padding=({pad[0]}, {pad[1]}), "
            f"calculated shape of the array of sliding blocks as ({rows}, {columns}), but its components must be at "
            "least one."
        )
    framed = constant_pad_nd(x, (pad[1], pad[1], pad[0], pad[0])).contiguous() if any(pad) else x.contiguous()
    s = framed.stride()
    windows = as_strided_relative(
        framed,
        (*x.shape[:2], *kernel, rows, columns),
        (s[0], s[1], s[2] * space[0], s[3] * space[1], s[2] * step[0], s[3] * step[1]),
        0,
    )
    result = windows.reshape((x.shape[0], x.shape[1] * prod(kernel), rows * columns))
    return result if input.dim() == 4 else result.squeeze(0)


def fold(
    input: Tensor,
    output_size: _Pair,
    kernel_size: _Pair,
    dilation: _Pair = 1,
    padding: _Pair = 0,
    stride: _Pair = 1,
) -> Tensor:
    """Columns (N, C * kH * kW, positions) added where their windows lie: (N, C, *output_size); N may be absent."""
    size, kernel = _pair("output_size", output_size), _pair("kernel_size", kernel_size)
    space, pad, step = _pair("dilation", dilation), _pair("padding", padding), _pair("stride", stride)
    _check(kernel, space, pad, step)
    if min(size) <= 0:
        raise RuntimeError(
            f"Expected output spatial size to be greater than zero, but got output_height: {size[0]} "
            f"output_width: {size[1]}"
        )
    if input.dim() not in (2, 3) or 0 in input.shape[-2:]:
        raise RuntimeError(
            "Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero dimensions for "
            f"input, but got: {list(input.shape)}"
        )
    x = input if input.dim() == 3 else input.unsqueeze(0)
    if x.shape[1] % prod(kernel):
        raise RuntimeError(
            "Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got "
            f"input.size(1)={x.shape[1]} and kernel_size=({kernel[0]}, {kernel[1]})."
        )
    rows, columns = _blocks(size, kernel, space, pad, step)
    if x.shape[2] != rows * columns or rows < 1 or columns < 1:
        raise RuntimeError(
            f"Given output_size=({size[0]}, {size[1]}), kernel_size=({kernel[0]}, {kernel[1]}), dilation=({space[0]}, "
            f"{space[1]}), padding=({pad[0]}, {pad[1]}), stride=({step[0]}, {step[1]}), expected size of input's "
            f"dimension 2 to match the calculated number of sliding blocks {rows} * {columns} = {rows * columns}, "
            f"but got input.size(2)={x.shape[2]}."
        )
    batch, channels = x.shape[0], x.shape[1] // prod(kernel)
    whole = Layout.of((batch, channels, size[0] + 2 * pad[0], size[1] + 2 * pad[1]), x.dtype, x.device)
    s = whole.strides
    windows = Layout.of(
        (batch, channels, *kernel, rows, columns), x.dtype, x.device,
        (s[0], s[1], s[2] * space[0], s[3] * space[1], s[2] * step[0], s[3] * step[1]),
    )  # fmt: skip
    result = as_strided_grad(x.reshape(tuple(windows.shape)), whole, windows, 0)
    result = result[..., pad[0] : pad[0] + size[0], pad[1] : pad[1] + size[1]]
    if any(pad):
        result = result.contiguous()
    return result if input.dim() == 3 else result.squeeze(0)
