"""Calls of pools."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

from ...codegen import pooling as loops
from ...codegen.scalar import compute
from ...dtypes import int64
from ...layout import Layout
from ..window import Window

if TYPE_CHECKING:
    from ..codegen_backend import CodegenBackend

__all__ = ["POOLS"]


def _sizes(layout: Layout, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> list[int]:
    sizes = []
    for i in (0, 1):
        size = layout.shape[i - 2]
        free = size + 2 * padding[i] - dilation[i] * (kernel[i] - 1) - 1
        count = (free + (stride[i] - 1 if ceil_mode else 0)) // stride[i] + 1
        sizes.append(count - 1 if ceil_mode and (count - 1) * stride[i] >= size + padding[i] else count)
    return sizes


def _walk(layout: Layout, sizes: list[int]) -> list[int]:
    """Planes, and x's and the result's last two dimensions."""
    shape, s = layout.shape, layout.strides
    lead = (s[0], s[1]) if len(shape) == 4 else (0, s[0])
    return [shape[-3] or 1, *lead, *shape[-2:], *s[-2:], *sizes]


def max_pool(
    backend: CodegenBackend, x: Window, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> tuple[Window, Window]:
    """``(input, kernel, stride, padding, dilation, ceil_mode)``."""
    layout, d = x.layout, x.layout.dtype
    sizes = _sizes(layout, kernel, stride, padding, dilation, ceil_mode)
    y = backend.allocate(Layout.of((*layout.shape[:-2], *sizes), d, layout.device))
    places = backend.allocate(y.layout.with_dtype(int64))
    index = layout.device.index or 0
    if y.layout.numel:
        built = backend.built(("max_pool2d", d), index, partial(loops.max_pool, name="max_pool2d", d=d))
        blocks = [v for a in (x, y, places) for v in (a.memory, a.offset)]
        numbers = [*_walk(layout, sizes), *kernel, *stride, *padding, *dilation]
        backend.run(built, y.layout.numel // sizes[1], [*blocks, *numbers], index)
    return y, places


def max_pool_grad(backend: CodegenBackend, grad: Window, places: Window, input_shape: Any) -> Window:
    """``(grad_output, indices, input_shape)``."""
    layout, d, copy = grad.layout, grad.layout.dtype, backend.kernels["copy"].function
    y = backend.allocate(Layout.of(tuple(input_shape), compute(d), layout.device))
    index = layout.device.index or 0
    if y.layout.numel:
        grad, places = (a if a.layout.contiguous else copy(a) for a in (grad, places))
        built = backend.built(("max_pool2d_grad", d), index, partial(loops.max_pool_grad, name="max_pool2d_grad", d=d))
        blocks = [v for a in (grad, places, y) for v in (a.memory, a.offset)]
        backend.run(built, prod(input_shape[:-2]), [*blocks, prod(layout.shape[-2:]), prod(input_shape[-2:])], index)
    return y if y.layout.dtype is d else backend.kernels["cast"].function(y, d)


def avg_pool(
    backend: CodegenBackend, x: Window, kernel: Any, stride: Any, padding: Any, ceil_mode: bool,
    count_include_pad: bool, divisor_override: Any,
) -> Window:  # fmt: skip
    """``(input, kernel, stride, padding, ceil_mode, count_include_pad, divisor_override)``."""
    layout, d = x.layout, x.layout.dtype
    sizes = _sizes(layout, kernel, stride, padding, (1, 1), ceil_mode)
    y = backend.allocate(Layout.of((*layout.shape[:-2], *sizes), d, layout.device))
    index = layout.device.index or 0
    if y.layout.numel:
        built = backend.built(("avg_pool2d", d), index, partial(loops.avg_pool, name="avg_pool2d", d=d))
        numbers = [*_walk(layout, sizes), int(count_include_pad), *kernel, *stride, *padding, 1, 1]
        blocks = [x.memory, x.offset, y.memory, y.offset]
        backend.run(built, y.layout.numel // sizes[1], [*blocks, *numbers, float(divisor_override or 0)], index)
    return y


POOLS: dict[str, Callable[..., Any]] = {
    "max_pool2d": max_pool, "max_pool2d_grad": max_pool_grad, "avg_pool2d": avg_pool,
}  # fmt: skip
