"""Convolution and its two gradients, in any number of spatial dimensions, as matrix products.

The windows of the input are a strided view.  They are copied, some samples at a time so that they stay in
cache, into columns ``[n, group, channel * kernel, output position]``; then one product a sample gives the
output in place, already in channel-first order.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import Any

import numpy as np

from corelib.backend.array_module import NUMERIC
from corelib.backend.base import kernel

from .context import quiet
from .elementwise import Array, wide
from .reduction import dense

Ints = tuple[int, ...]
_COLUMN_BYTES = 1 << 21


def pad(x: Array, before: Ints, after: Ints, value: Any = 0) -> Array:
    """``x`` with its last ``len(before)`` dimensions enlarged, dense; ``x`` itself where nothing is added."""
    if not any(before) and not any(after):
        return dense(x)
    lead = x.ndim - len(before)
    spatial = x.shape[lead:]
    padded = np.full(
        (*x.shape[:lead], *(b + s + a for b, s, a in zip(before, spatial, after, strict=True))), value, x.dtype
    )
    inner: Any = (..., *[slice(b, b + s) for b, s in zip(before, spatial, strict=True)])
    padded[inner] = x
    return padded


def windows(x: Array, size: Ints, stride: Ints, dilation: Ints) -> Array:
    """The windows of a dense array [N, C, *spatial] as a view [N, C, *kernel, *output]."""
    steps = x.strides[2:]
    output = [(s - (k - 1) * d - 1) // t + 1 for s, k, t, d in zip(x.shape[2:], size, stride, dilation, strict=True)]
    strides = (
        *x.strides[:2],
        *map(prod, zip(steps, dilation, strict=True)),
        *map(prod, zip(steps, stride, strict=True)),
    )
    return np.ndarray((*x.shape[:2], *size, *output), x.dtype, x, 0, strides)


def _chunks(samples: int, bytes_each: int) -> Iterator[slice]:
    step = max(1, _COLUMN_BYTES // max(bytes_each, 1))
    for start in range(0, samples, step):
        yield slice(start, min(start + step, samples))


def _forward(x: Array, weight: Array, stride: Ints, padding: Ints, dilation: Ints, groups: int) -> Array:
    view = windows(pad(x, padding, padding), weight.shape[2:], stride, dilation)
    samples, channels = x.shape[:2]
    kernel_dims = weight.ndim - 2
    output = view.shape[2 + kernel_dims :]
    positions, outputs = prod(output), weight.shape[0]
    depth = prod(weight.shape[1:])
    matrix = weight.reshape(groups, outputs // groups, depth)
    result = np.empty((samples, groups, outputs // groups, positions), x.dtype)
    for part in _chunks(samples, channels * prod(weight.shape[2:]) * positions * x.itemsize):
        columns = view[part].reshape(part.stop - part.start, groups, depth, positions)  # the copy
        np.matmul(matrix, columns, out=result[part])
    return result.reshape(samples, outputs, *output)


@kernel("convolution", dtypes=NUMERIC)
@quiet
def convolution(
    x: Array, weight: Array, bias: Array | None, stride: Ints, padding: Ints, dilation: Ints, groups: int
) -> Array:
    """x [N, C, *spatial] with weight [O, C/groups, *kernel] and bias [O] -> [N, O, *output]."""
    result = _forward(wide(x), wide(weight), stride, padding, dilation, groups)
    if bias is not None:
        np.add(result, wide(bias).reshape(-1, *[1] * (x.ndim - 2)), out=result)
    return result.astype(x.dtype, copy=False)


@kernel("convolution_input_grad", dtypes=NUMERIC)
@quiet
def convolution_input_grad(
    grad: Array, weight: Array, input_shape: Ints, stride: Ints, padding: Ints, dilation: Ints, groups: int
) -> Array:
    """The gradient of the input, from that of the output, [N, O, *output]."""
    kernel_size, channels = weight.shape[2:], input_shape[1]
    full = tuple((k - 1) * d - p for k, d, p in zip(kernel_size, dilation, padding, strict=True))
    if set(stride) == {1} and weight.shape[0] <= channels and min(full) >= 0:
        # A convolution itself, with mirrored kernels and the roles of the channels exchanged.
        mirrored = np.flip(wide(weight), tuple(range(2, weight.ndim)))
        grouped = mirrored.reshape(groups, -1, *weight.shape[1:]).swapaxes(1, 2)
        exchanged = np.ascontiguousarray(grouped).reshape(channels, -1, *kernel_size)
        result = _forward(wide(grad), exchanged, stride, full, dilation, groups)
    else:
        result = _spread(wide(grad), wide(weight), input_shape, stride, padding, dilation, groups)
    return result.astype(grad.dtype, copy=False)


def _spread(
    grad: Array, weight: Array, input_shape: Ints, stride: Ints, padding: Ints, dilation: Ints, groups: int
) -> Array:
    """Each output position adds its share to the window it came from."""
    samples, channels, *spatial = input_shape
    kernel_size, output = weight.shape[2:], grad.shape[2:]
    result = np.zeros((samples, channels, *(s + 2 * p for s, p in zip(spatial, padding, strict=True))), grad.dtype)
    depth = prod(weight.shape[1:])
    matrix = weight.reshape(groups, weight.shape[0] // groups, depth).swapaxes(1, 2)
    outer = dense(grad).reshape(samples, groups, weight.shape[0] // groups, prod(output))
    for part in _chunks(samples, channels * prod(kernel_size) * prod(output) * grad.itemsize):
        columns = np.matmul(matrix, outer[part]).reshape(-1, channels, *kernel_size, *output)
        target = result[part]
        for place in product(*map(range, kernel_size)):
            steps = zip(place, dilation, stride, output, strict=True)
            reach: Any = (..., *[slice(i * d, i * d + t * (o - 1) + 1, t) for i, d, t, o in steps])
            target[reach] += columns[(slice(None), slice(None), *place)]
    inner: Any = (..., *[slice(p, p + s) for p, s in zip(padding, spatial, strict=True)])
    return dense(result[inner])


@kernel("convolution_weight_grad", dtypes=NUMERIC)
@quiet
def convolution_weight_grad(
    grad: Array, x: Array, weight_shape: Ints, stride: Ints, padding: Ints, dilation: Ints, groups: int
) -> Array:
    """The gradient of the weight, from that of the output, [N, O, *output]."""
    samples, channels = x.shape[:2]
    outputs, depth = weight_shape[0] // groups, prod(weight_shape[1:])
    view = windows(pad(wide(x), padding, padding), weight_shape[2:], stride, dilation)
    positions = prod(grad.shape[2:])
    outer = wide(grad).reshape(samples, groups, outputs, positions)
    result = np.zeros((groups, outputs, depth), outer.dtype)
    for part in _chunks(samples, channels * prod(weight_shape[2:]) * positions * outer.itemsize):
        columns = view[part].reshape(part.stop - part.start, groups, depth, positions)  # the copy
        result += np.add.reduce(np.matmul(outer[part], columns.swapaxes(2, 3)), axis=0)
    return result.reshape(weight_shape).astype(grad.dtype, copy=False)
