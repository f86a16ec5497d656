"""Pooling over one to three dimensions, said in the two-dimensional one: windows are boxes, so they separate."""

from __future__ import annotations

from typing import Any

from ..core.tensor import Tensor
from . import rules
from .convolution import _pair
from .creation import arange
from .movement import cat, stack
from .pooling import avg_pool2d, max_pool2d_with_indices
from .pooling import max_pool2d as max_pool2d
from .reduction import mean as _mean

__all__ = [
    "adaptive_avg_pool1d", "adaptive_max_pool1d", "avg_pool1d", "max_pool1d", "max_pool1d_with_indices", "max_pool2d",
    "max_pool3d",
]  # fmt: skip


def _steps(kernel: tuple[int, ...], stride: Any) -> tuple[int, ...]:
    return kernel if stride is None or stride == () or stride == [] else _pair(stride, len(kernel), "stride")


def _check_rank(name: str, input: Tensor, n: int) -> None:
    if input.ndim not in (n + 1, n + 2):
        raise RuntimeError(f"{name}() Expected {n + 1}D or {n + 2}D input tensor, but got {list(input.shape)}")


def max_pool1d_with_indices(
    input: Tensor, kernel_size: Any, stride: Any = (), padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> tuple[Tensor, Tensor]:
    """Maxima of windows of the last dimension of [N, C, L] or [C, L], and where they stand."""
    if input.ndim not in (2, 3):
        raise RuntimeError(f"max_pool1d() Expected 2D or 3D input tensor, but got {list(input.shape)}")
    kernel = _pair(kernel_size, 1, "kernel_size")
    step, pad, space = _steps(kernel, stride), _pair(padding, 1, "padding"), _pair(dilation, 1, "dilation")
    values, indices = max_pool2d_with_indices(
        input.unsqueeze(-2), (1, *kernel), (1, *step), (0, *pad), (1, *space), ceil_mode
    )
    return values.squeeze(-2), indices.squeeze(-2)


def max_pool1d(
    input: Tensor, kernel_size: Any, stride: Any = (), padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Tensor:
    """Maxima of windows of the last dimension of [N, C, L] or [C, L]."""
    return max_pool1d_with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)[0]


def max_pool3d_with_indices(
    input: Tensor, kernel_size: Any, stride: Any = (), padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> tuple[Tensor, Tensor]:
    """Maxima of windows of [N, C, D, H, W] or [C, D, H, W], and where they stand in the flattened volume.

    First each plane's windows, then those of depth over them; so the first of ties in the order of memory wins.
    """
    _check_rank("max_pool3d", input, 3)
    kernel = _pair(kernel_size, 3, "kernel_size")
    step, pad, space = _steps(kernel, stride), _pair(padding, 3, "padding"), _pair(dilation, 3, "dilation")
    lead, (depth, height, width) = tuple(input.shape[:-3]), tuple(input.shape[-3:])
    planes = input.reshape((*lead[:-1], lead[-1] * depth, height, width))
    values, place = max_pool2d_with_indices(planes, kernel[1:], step[1:], pad[1:], space[1:], ceil_mode)
    sizes = tuple(values.shape[-2:])
    spots = sizes[0] * sizes[1]
    values, deep = max_pool2d_with_indices(
        values.reshape((*lead, depth, spots)), (kernel[0], 1), (step[0], 1), (pad[0], 0), (space[0], 1), ceil_mode
    )
    shape = (*lead, values.shape[-2], *sizes)
    within = place.reshape((*lead, depth * spots)).gather(-1, deep.flatten(-2)).reshape(tuple(deep.shape))
    return values.reshape(shape), (deep // spots * (height * width) + within).reshape(shape)


def max_pool3d(
    input: Tensor, kernel_size: Any, stride: Any = (), padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Tensor:
    """Maxima of windows of the last three dimensions."""
    return max_pool3d_with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)[0]


def avg_pool1d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = (),
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """Means of windows of the last dimension of [N, C, L] or [C, L]."""
    if input.ndim not in (2, 3):
        raise RuntimeError(f"Expected 2D or 3D input to avg_pool1d, but got {list(input.shape)}")
    kernel = _pair(kernel_size, 1, "kernel_size")
    step, pad = _steps(kernel, stride), _pair(padding, 1, "padding")
    result = avg_pool2d(input.unsqueeze(-2), (1, *kernel), (1, *step), (0, *pad), ceil_mode, count_include_pad)
    return result.squeeze(-2)


def avg_pool3d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = (),
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Means of windows of [N, C, D, H, W] or [C, D, H, W]: of each plane's, then of depth over them."""
    _check_rank("avg_pool3d", input, 3)
    if divisor_override == 0:
        raise RuntimeError("divisor must be not zero")
    kernel = _pair(kernel_size, 3, "kernel_size")
    step, pad = _steps(kernel, stride), _pair(padding, 3, "padding")
    lead, (depth, height, width) = tuple(input.shape[:-3]), tuple(input.shape[-3:])
    planes = input.reshape((*lead[:-1], lead[-1] * depth, height, width))
    flat = avg_pool2d(
        planes, kernel[1:], step[1:], pad[1:], ceil_mode, count_include_pad, None if divisor_override is None else 1
    )
    sizes = tuple(flat.shape[-2:])
    columns = flat.reshape((*lead, depth, sizes[0] * sizes[1]))
    result = avg_pool2d(
        columns, (kernel[0], 1), (step[0], 1), (pad[0], 0), ceil_mode, count_include_pad, divisor_override
    )
    return result.reshape((*lead, result.shape[-2], *sizes))


# -- to a given number of nearly equal windows


def _wanted(name: str, input: Tensor, output_size: Any, n: int) -> list[int]:
    alike = output_size is None or isinstance(output_size, int)
    given = (output_size,) * n if alike else tuple(output_size)
    if not alike and n > 1 and input.ndim <= len(given):
        raise ValueError(f"Input dimension should be at least {len(given) + 1}")
    if input.ndim not in (n + 1, n + 2):
        raise RuntimeError(f"{name}(): Expected {n + 1}D or {n + 2}D tensor, but got {list(input.shape)}")
    if len(given) != n:
        raise RuntimeError(f"{name}: output_size must be {n}")
    if input.dtype.category != 2:
        raise rules.not_implemented(f"{name[:-2]}{'3d_cpu' if n == 3 else '2d'}", input.dtype)
    sizes = [input.shape[i - n] if s is None else int(s) for i, s in enumerate(given)]
    if any(s < 0 for s in sizes):
        raise RuntimeError(f"{name}: elements of output_size must be greater than or equal to 0 but received {sizes}")
    return sizes


def _bounds(length: int, size: int) -> list[tuple[int, int]]:
    return [(i * length // size, -(-(i + 1) * length // size)) for i in range(size)]


def adaptive_avg_pool(name: str, input: Tensor, output_size: Any, n: int) -> Tensor:
    """The mean over ``output_size`` nearly equal windows of the last ``n`` dimensions; None keeps a size."""
    sizes, first = _wanted(name, input, output_size, n), input.ndim - n
    shape, inner = list(input.shape[:first]), []
    for length, size in zip(input.shape[first:], sizes, strict=True):  # equal windows, all at once
        if size and length != size and length % size == 0:
            inner.append(len(shape) + 1)
            shape += [size, length // size]
        else:
            shape.append(length)
    result = _mean(input.reshape(tuple(shape)), tuple(inner)) if inner else input
    for i, size in enumerate(sizes):
        dim = first + i
        length = result.shape[dim]
        if size == 0:
            result = result.narrow(dim, 0, 0)
        elif length != size:
            result = stack([_mean(result.narrow(dim, a, b - a), (dim,)) for a, b in _bounds(length, size)], dim)
    return result.clone() if result is input else result


def adaptive_max_pool(name: str, input: Tensor, output_size: Any, n: int) -> tuple[Tensor, Tensor]:
    """The maxima of nearly equal windows of the last ``n`` dimensions, and where they stand in them, flattened."""
    sizes = _wanted(name, input, output_size, n)
    result, inner = input, 1
    shape = [1] * (input.ndim - n) + list(input.shape[input.ndim - n :])
    place = arange(0, device=input.device).new_zeros(tuple(input.shape))
    for i in reversed(range(n)):  # the last dimension first: then the first of ties in the order of memory wins
        dim = input.ndim - n + i
        chosen = []
        for start, stop in _bounds(shape[dim], sizes[i]):
            chosen.append(result.narrow(dim, start, stop - start).argmax(dim, True) + start)
        index = cat(chosen, dim) if chosen else place.narrow(dim, 0, 0)
        result = result.gather(dim, index)
        place = place.gather(dim, index) + index * inner
        inner *= shape[dim]
    return result, place


def adaptive_avg_pool1d(input: Tensor, output_size: Any) -> Tensor:
    """The mean over ``output_size`` nearly equal windows of the last dimension of [N, C, L] or [C, L]."""
    return adaptive_avg_pool("adaptive_avg_pool1d", input, output_size, 1)


def adaptive_max_pool1d(input: Tensor, output_size: Any) -> tuple[Tensor, Tensor]:
    """(maxima, indices) of ``output_size`` nearly equal windows of the last dimension of [N, C, L] or [C, L]."""
    return adaptive_max_pool("adaptive_max_pool1d", input, output_size, 1)
