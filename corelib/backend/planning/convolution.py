"""Calls of convolutions and linear maps: windows and weights are packed, a bias with them, then multiplied."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from ...codegen import convolution as loops
from ...codegen import templates
from ...codegen.scalar import compute
from ...dtypes import dtype
from ...layout import Layout
from ..window import Window

if TYPE_CHECKING:
    from ..codegen_backend import CodegenBackend

__all__ = ["CONVOLUTIONS", "pack_lines"]


_COLUMNS = 1 << 22
"""Elements of packed columns that are made before they are multiplied."""


def _panels(lines: int, width: int) -> int:
    return -(-lines // width)


def _tile(backend: CodegenBackend, layout: Layout) -> tuple[int, int]:
    return templates.tile(backend.dialect(layout.device.index or 0))


def _columns(
    backend: CodegenBackend, x: Window, y: Window, matrices: int, lines: int, numbers: Sequence[int], rank: int,
    steps: bool, ones: bool,
) -> None:  # fmt: skip
    layout, width = x.layout, _tile(backend, x.layout)[1]
    index, units = layout.device.index or 0, matrices * _panels(lines, width)
    built = backend.built(
        ("pack_columns", layout.dtype, rank, steps, ones), index,
        lambda dialect: loops.pack_columns(dialect, "pack_columns", layout.dtype, rank, width, steps, ones),
    )  # fmt: skip
    backend.run(built, units, [x.memory, x.offset, y.memory, y.offset, lines, *numbers], index)


def _room(backend: CodegenBackend, like: Layout, matrices: int, lines: int, k: int) -> Window:
    """Memory for packed columns."""
    width = _tile(backend, like)[1]
    shape = matrices * _panels(lines, width), k, width
    array: Window = backend.allocate(Layout.of(shape, compute(like.dtype), like.device))
    return array


def _images(
    backend: CodegenBackend, x: Window, a: Callable[[int], Window], y: Window, groups: int, sizes: tuple[int, int, int],
    numbers: Sequence[int], rank: int, steps: bool, ones: bool,
) -> Window:  # fmt: skip
    """Columns of x, multiplied by ``a(how often it is there)`` into y, some images at a time; sizes: m, n, k."""
    m, n, k = sizes
    images = x.layout.shape[0]
    chunk = min(images, max(1, _COLUMNS // max(1, groups * n * k)))
    room = _room(backend, x.layout, chunk * groups, n, k)
    packed = a(1 if groups == 1 else chunk)
    for first in range(0, images, chunk):
        matrices = min(chunk, images - first) * groups
        part = Window(x.memory, x.offset + first * x.layout.strides[0], x.layout)
        _columns(backend, part, room, matrices, n, numbers, rank, steps, ones)
        _product(
            backend, packed, room, Window(y.memory, y.offset + first * groups * m * n, y.layout), matrices, m, n, k
        )
    return y


def pack_lines(backend: CodegenBackend, d: dtype, width: int, last: str, index: int) -> Any:
    """The kernel that packs lines for a product (see :func:`codegen.convolution.pack_lines`)."""
    return backend.built(
        ("pack_lines", d, width, last), index,
        lambda dialect: loops.pack_lines(dialect, "pack_lines", d, width, last),
    )  # fmt: skip


def _lines(
    backend: CodegenBackend, x: Window, bias: Window | None, matrices: int, lines: int, k: tuple[int, int],
    steps: Sequence[int], again: int, side: int = 0, one: bool = False,
) -> Window:  # fmt: skip
    """``steps``: across lines, in the two loops, from matrix to matrix; ``side``: of the product, 0 or 1."""
    layout, width = x.layout, _tile(backend, x.layout)[side]
    index, units = layout.device.index or 0, matrices * _panels(lines, width)
    last = "one" if one else "" if bias is None else "bias"
    size = prod(k) + bool(last)
    y = backend.allocate(Layout.of((units, size, width), compute(layout.dtype), layout.device))
    built = pack_lines(backend, layout.dtype, width, last, index)
    given = [v for a in (x, bias, y) if a is not None for v in (a.memory, a.offset)]
    backend.run(built, units, [*given, lines, *k, *steps, again], index)
    return y


def _product(backend: CodegenBackend, a: Window, b: Window, y: Window, matrices: int, m: int, n: int, k: int) -> None:
    """Products of panels into dense y; a's are used again for each matrix where there are only those of one."""
    d, index = y.layout.dtype, y.layout.device.index or 0
    height, width = _tile(backend, y.layout)
    rows, columns = _panels(m, height), _panels(n, width)
    built = backend.built(("matmul", d), index, lambda dialect: templates.matmul(dialect, "matmul", d))
    a_panels = 0 if a.layout.shape[0] == rows else rows
    blocks = [v for x in (a, b, y) for v in (x.memory, x.offset)]
    backend.run(built, matrices * rows * columns, [*blocks, m, n, k, a_panels, columns], index)


def _dense(backend: CodegenBackend, x: Window) -> Window:
    array: Window = x if x.layout.contiguous else backend.kernels["copy"].function(x)
    return array


def _zeros(backend: CodegenBackend, y: Window) -> Window:
    array: Window = backend.kernels["fill"].function(0.0, y.layout, out=y)
    return array


def convolution(
    backend: CodegenBackend, x: Window, weight: Window, bias: Window | None, stride: Any, padding: Any, dilation: Any,
    groups: int,
) -> Window:  # fmt: skip
    """``(input, weight, bias, stride, padding, dilation, groups)``."""
    rank, shape, s = len(stride), x.layout.shape, x.layout.strides
    count, channels, window = weight.layout.shape[0] // groups, weight.layout.shape[1], weight.layout.shape[2:]
    sizes = [(shape[2 + i] + 2 * padding[i] - dilation[i] * (window[i] - 1) - 1) // stride[i] + 1 for i in range(rank)]
    y = backend.allocate(Layout.of((shape[0], weight.layout.shape[0], *sizes), x.layout.dtype, x.layout.device))
    if not y.layout.numel:
        return y
    k, ones = channels * prod(window), bias is not None
    weight, bias = _dense(backend, weight), None if bias is None else _dense(backend, bias)

    def lines(times: int) -> Window:
        return _lines(backend, weight, bias, groups * times, count, (k, 1), (k, 1, 0, count * k), groups)

    numbers = [groups, channels * s[1], s[0], 0]
    for i in range(rank):
        numbers += [sizes[i], stride[i], -padding[i]]
    numbers += [channels, s[1]]
    for i in range(rank):
        numbers += [window[i], dilation[i], 0]
    for i in range(rank):
        numbers += [shape[2 + i], s[2 + i]]
    return _images(backend, x, lines, y, groups, (count, prod(sizes), k + ones), numbers, rank, False, ones)


def input_grad(
    backend: CodegenBackend, grad: Window, weight: Window, input_shape: Any, stride: Any, padding: Any, dilation: Any,
    groups: int,
) -> Window:  # fmt: skip
    """``(grad_output, weight, input_shape, stride, padding, dilation, groups)``."""
    rank, shape, s = len(stride), grad.layout.shape, grad.layout.strides
    count, channels, window = weight.layout.shape[0] // groups, weight.layout.shape[1], weight.layout.shape[2:]
    y = backend.allocate(Layout.of(tuple(input_shape), grad.layout.dtype, grad.layout.device))
    if not y.layout.numel:
        return y
    if not grad.layout.numel or not weight.layout.numel:
        return _zeros(backend, y)
    places = prod(window)
    weight = _dense(backend, weight)
    across = (places, channels * places, 1, count * channels * places)

    def lines(times: int) -> Window:
        return _lines(backend, weight, None, groups * times, channels, (count, places), across, groups)

    steps = any(v != 1 for v in stride)
    numbers = [groups, count * s[1], s[0], 0]
    for i in range(rank):
        numbers += [input_shape[2 + i], 1, padding[i]]
    numbers += [count, s[1]]
    for i in range(rank):
        numbers += [window[i], -dilation[i], 0]
    for i in range(rank):
        numbers += [shape[2 + i], s[2 + i], *([stride[i]] if steps else [])]
    sizes = channels, prod(input_shape[2:]), count * places
    return _images(backend, grad, lines, y, groups, sizes, numbers, rank, steps, False)


def weight_grad(
    backend: CodegenBackend, grad: Window, x: Window, weight_shape: Any, stride: Any, padding: Any, dilation: Any,
    groups: int,
) -> Window:  # fmt: skip
    """``(grad_output, input, weight_shape, stride, padding, dilation, groups)``."""
    rank, shape, s = len(stride), x.layout.shape, x.layout.strides
    y = backend.allocate(Layout.of(tuple(weight_shape), grad.layout.dtype, grad.layout.device))
    if not y.layout.numel:
        return y
    if not grad.layout.numel or not x.layout.numel:
        return _zeros(backend, y)
    grad = _dense(backend, grad)
    sizes, window = grad.layout.shape[2:], weight_shape[2:]
    count, channels, positions = weight_shape[0] // groups, weight_shape[1], prod(sizes)
    k, lines = shape[0] * positions, channels * prod(window)
    a = _lines(
        backend, grad, None, groups, count, (shape[0], positions),
        (positions, groups * count * positions, 1, count * positions), groups,
    )  # fmt: skip
    numbers = [groups, channels * s[1], 0, s[1]]
    for i in range(rank):
        numbers += [window[i], dilation[i], 0]
    numbers += [shape[0], s[0]]
    for i in range(rank):
        numbers += [sizes[i], stride[i], -padding[i]]
    for i in range(rank):
        numbers += [shape[2 + i], s[2 + i]]
    b = _room(backend, x.layout, groups, lines, k)
    _columns(backend, x, b, groups, lines, numbers, rank, False, False)
    _product(backend, a, b, y, groups, count, lines, k)
    return y


def linear(backend: CodegenBackend, x: Window, weight: Window, bias: Window | None) -> Window:
    """``(input, weight, bias)``."""
    x = x if len(x.layout.shape) == 2 else _dense(backend, x)
    (n, k), shape, device = weight.layout.shape, x.layout.shape, x.layout.device
    y = backend.allocate(Layout.of((*shape[:-1], n), x.layout.dtype, device))
    if not y.layout.numel:
        return y
    m, ones = prod(shape[:-1]), bias is not None
    step = x.layout.strides[0] if len(shape) == 2 else k
    a = _lines(backend, x, None, 1, m, (1, k), (step, 0, x.layout.strides[-1], 0), 1, 0, ones)
    strides = weight.layout.strides
    dense = None if bias is None else _dense(backend, bias)
    b = _lines(backend, weight, dense, 1, n, (1, k), (strides[0], 0, strides[1], 0), 1, 1)
    _product(backend, a, b, y, 1, m, n, k + ones)
    return y


CONVOLUTIONS: dict[str, Callable[..., Any]] = {
    "convolution": convolution, "convolution_input_grad": input_grad, "convolution_weight_grad": weight_grad,
    "linear": linear,
}  # fmt: skip
