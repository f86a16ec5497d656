"""Pooling over windows of the last two dimensions."""

from __future__ import annotations

from typing import Any

from ..codegen.lowering import Template
from ..core.plan import Result
from ..core.tensor import Tensor
from ..dtypes import int64
from ..layout import Layout
from . import rules, samples
from .convolution import _pair
from .elementwise import div, maximum
from .primitive import primitive
from .view import as_strided_grad, as_strided_relative


def pooled_size(size: int, window: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> int:
    """Number of windows; with ``ceil_mode`` the last may stick out but must start inside (or in the left padding)."""
    free = size + 2 * padding - dilation * (window - 1) - 1
    count = (free + (stride - 1 if ceil_mode else 0)) // stride + 1
    return count - 1 if ceil_mode and (count - 1) * stride >= size + padding else count


def _check(
    name: str, x: Layout, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> tuple[int, int]:
    if len(x.shape) not in (3, 4):
        raise RuntimeError(
            f"{name}(): Expected 3D or 4D (batch mode) tensor with optional 0 dim batch size for input, but got: "
            f"{list(x.shape)}"
        )
    if any(s <= 0 for s in stride):
        raise RuntimeError("stride should not be zero")
    if any(p < 0 for p in padding):
        raise RuntimeError(f"pad must be non-negative, but got pad: {min(padding)}")
    if any(p <= 0 for p in dilation):
        raise RuntimeError(
            f"dilation should be greater than zero, but got dilationH: {dilation[0]} dilationW: {dilation[1]}"
        )
    if any(p > k // 2 for p, k in zip(padding, kernel, strict=True)):
        raise RuntimeError(
            f"pad should be at most half of effective kernel size, but got pad={padding[0]}, kernel_size={kernel[0]} "
            f"and dilation={dilation[0]}"
        )
    sizes = [pooled_size(x.shape[i - 2], kernel[i], stride[i], padding[i], dilation[i], ceil_mode) for i in (0, 1)]
    if min(sizes) < 1:
        raise RuntimeError(
            f"Given input size: ({'x'.join(map(str, x.shape[-3:]))}). Calculated output size: "
            f"({x.shape[-3]}x{sizes[0]}x{sizes[1]}). Output size is too small"
        )
    return sizes[0], sizes[1]


def _max_pool_rule(x: Layout, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> Result:
    sizes = _check("max_pool2d", x, kernel, stride, padding, dilation, ceil_mode)
    shape = (*x.shape[:-2], *sizes)
    return Result(
        (x.with_shape(shape), Layout.of(shape, int64, x.device)), (kernel, stride, padding, dilation, bool(ceil_mode))
    )


def _framed(x: Tensor, kernel: Any, stride: Any, padding: Any, dilation: Any, sizes: Any, value: Any) -> Tensor:
    """The input in a frame of ``value`` wide enough for every window."""
    height = max((sizes[0] - 1) * stride[0] + (kernel[0] - 1) * dilation[0] + 1, x.shape[-2] + padding[0])
    width = max((sizes[1] - 1) * stride[1] + (kernel[1] - 1) * dilation[1] + 1, x.shape[-1] + padding[1])
    frame = x.new_full((*x.shape[:-2], height, width), value)
    frame[..., padding[0] : padding[0] + x.shape[-2], padding[1] : padding[1] + x.shape[-1]] = x
    return frame


def _window_view(frame: Tensor, kernel: Any, stride: Any, dilation: Any, sizes: Any) -> Tensor:
    s = frame.stride()
    return as_strided_relative(
        frame, (*frame.shape[:-2], *sizes, *kernel),
        (*s[:-2], s[-2] * stride[0], s[-1] * stride[1], s[-2] * dilation[0], s[-1] * dilation[1]), 0,
    )  # fmt: skip


_POOLED = samples.calls(
    "[2,3,6,6]u (2,2) (2,2) (0,0) (1,1) False; [2,7,5]u (3,2) (2,1) (1,1) (1,1) True; "
    "[1,2,6,6]tu (2,2) (1,1) (0,0) (2,2) False",
    accepts="f",
    layouts=True,
)


def _max_pool_vjp(grad: Tensor, indices: Tensor, input_layout: Layout) -> Tensor:
    return max_pool2d_grad(grad, indices, tuple(input_layout.shape))


@primitive(
    name="max_pool2d", rule=_max_pool_rule, outputs=("values", "indices"), nondifferentiable=(1,),
    vjp={"input": _max_pool_vjp},
    samples=_POOLED, node_name="MaxPool2DWithIndices", torch_name="", widen=False,
    lower=Template("if", "max_pool2d"),
)  # fmt: skip
def max_pool2d_kernel(
    input: Tensor, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> tuple[Tensor, Tensor]:
    """(maximum of each window, its index in the flattened plane); the first of ties, nan above all."""
    from .creation import arange
    from .reduction import argmax_dim

    sizes = tuple(
        pooled_size(input.shape[i - 2], kernel[i], stride[i], padding[i], dilation[i], ceil_mode) for i in (0, 1)
    )
    lowest = (
        float("-inf")
        if input.dtype.category == 2
        else -(1 << (8 * input.dtype.itemsize - 1))
        if input.dtype.is_signed
        else 0
    )
    frame = _framed(input, kernel, stride, padding, dilation, sizes, lowest)
    windows = _window_view(frame, kernel, stride, dilation, sizes).reshape(
        (*input.shape[:-2], *sizes, kernel[0] * kernel[1])
    )
    place = argmax_dim(windows, -1, True)
    values = windows.gather(-1, place).squeeze(-1)
    offset = place.squeeze(-1)
    rows = (arange(sizes[0], device=input.device) * stride[0] - padding[0]).reshape((-1, 1)) + offset // kernel[
        1
    ] * dilation[0]
    columns = arange(sizes[1], device=input.device) * stride[1] - padding[1] + offset % kernel[1] * dilation[1]
    # in a window of nothing but the lowest number padding is found first, which is no place
    return values, maximum(rows, 0) * input.shape[-1] + maximum(columns, 0)


def _pool_grad_rule(grad: Layout, indices: Layout, input_shape: Any) -> Result:
    return Result(grad.with_shape(tuple(input_shape)), (tuple(input_shape),))


@primitive(
    rule=_pool_grad_rule,
    vjp={"grad_output": lambda grad, indices: grad.flatten(-2).gather(-1, indices.flatten(-2)).reshape(indices.shape)},
    samples=samples.calls(
        "[2,2,2] [2,2,2]@int64~0..11 (2,3,4)",
        accepts="f", layouts=True,
    ),
    torch_name="",
    lower=Template("f", "max_pool2d_grad"),
)  # fmt: skip
def max_pool2d_grad(grad_output: Tensor, indices: Tensor, input_shape: Any) -> Tensor:
    """Each element of the gradient added where its maximum was found."""
    plane = grad_output.new_zeros((*input_shape[:-2], input_shape[-2] * input_shape[-1]))
    from .indexing import scatter_add

    return scatter_add(plane, plane.ndim - 1, indices.flatten(-2), grad_output.flatten(-2)).reshape(tuple(input_shape))


def _avg_pool_rule(
    x: Layout, kernel: Any, stride: Any, padding: Any, ceil_mode: bool, count_include_pad: bool, divisor_override: Any
) -> Result:
    rules.float_only(x.dtype, "avg_pool2d")
    sizes = _check("avg_pool2d", x, kernel, stride, padding, (1, 1), ceil_mode)
    if divisor_override == 0:
        raise RuntimeError("divisor must be not zero")
    statics = (kernel, stride, padding, bool(ceil_mode), bool(count_include_pad), divisor_override)
    return Result(x.with_shape((*x.shape[:-2], *sizes)), statics)


def _divisors(
    like: Tensor, shape: Any, sizes: Any, kernel: Any, stride: Any, padding: Any, include: bool, override: Any
) -> Any:
    """What each window's sum is divided by: a number, or a tensor [OH, OW]."""
    if override is not None:
        return float(override)
    counts = []
    for i in (0, 1):
        size, column = shape[i - 2], []
        for o in range(sizes[i]):
            start = o * stride[i] - padding[i]
            stop = min(start + kernel[i], size + padding[i])
            if not include:
                start, stop = max(start, 0), min(stop, size)
            column.append(float(stop - start))
        counts.append(column)
    if len(set(counts[0])) == 1 and len(set(counts[1])) == 1:
        return counts[0][0] * counts[1][0]
    return like.new_tensor(counts[0]).unsqueeze(1) * like.new_tensor(counts[1])


def _avg_grad(
    grad: Tensor,
    input_layout: Layout,
    kernel: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: Any,
) -> Tensor:
    shape, sizes = tuple(input_layout.shape), tuple(grad.shape[-2:])
    share = div(grad, _divisors(grad, shape, sizes, kernel, stride, padding, count_include_pad, divisor_override))
    height = max((sizes[0] - 1) * stride[0] + kernel[0], shape[-2] + padding[0])
    width = max((sizes[1] - 1) * stride[1] + kernel[1], shape[-1] + padding[1])
    base = Layout.of((*shape[:-2], height, width), input_layout.dtype, input_layout.device)
    s = base.strides
    made = Layout.of(
        (*grad.shape, *kernel), base.dtype, base.device, (*s[:-2], s[-2] * stride[0], s[-1] * stride[1], s[-2], s[-1])
    )
    whole = as_strided_grad(share[..., None, None].expand((*grad.shape, *kernel)), base, made, 0)
    return whole[..., padding[0] : padding[0] + shape[-2], padding[1] : padding[1] + shape[-1]]


@primitive(
    name="avg_pool2d",
    rule=_avg_pool_rule,
    vjp={"input": _avg_grad},
    samples=samples.calls(
        "[2,3,6,6] (2,2) (2,2) (0,0) False True None; [2,7,5] (3,2) (2,1) (1,1) True False None",
        accepts="f",
        layouts=True,
    ),
    torch_name="",
    lower=Template("f", "avg_pool2d"),
)
def avg_pool2d_kernel(
    input: Tensor,
    kernel: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: Any,
) -> Tensor:
    """Mean of each window."""
    sizes = tuple(pooled_size(input.shape[i - 2], kernel[i], stride[i], padding[i], 1, ceil_mode) for i in (0, 1))
    windows = _window_view(_framed(input, kernel, stride, padding, (1, 1), sizes, 0.0), kernel, stride, (1, 1), sizes)
    return div(
        windows.sum((-2, -1)),
        _divisors(input, tuple(input.shape), sizes, kernel, stride, padding, count_include_pad, divisor_override),
    )


def _window(kernel_size: Any, stride: Any) -> tuple[Any, Any]:
    kernel = _pair(kernel_size, 2, "kernel_size")
    return kernel, kernel if stride is None or stride == () else _pair(stride, 2, "stride")


def max_pool2d_with_indices(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> tuple[Tensor, Tensor]:
    """Maxima of windows, and where they stand in the flattened plane."""
    kernel, step = _window(kernel_size, stride)
    return max_pool2d_kernel(
        input, kernel, step, _pair(padding, 2, "padding"), _pair(dilation, 2, "dilation"), ceil_mode
    )


def max_pool2d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Tensor:
    """Maxima of windows of the last two dimensions."""
    return max_pool2d_with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)[0]


def avg_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: Any = None,
) -> Tensor:
    """Means of windows of the last two dimensions."""
    kernel, step = _window(kernel_size, stride)
    return avg_pool2d_kernel(
        input, kernel, step, _pair(padding, 2, "padding"), ceil_mode, count_include_pad, divisor_override
    )
