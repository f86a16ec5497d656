"""Max and average pooling over the last two dimensions.

A window is walked offset by offset: each offset of the window is one strided view of the whole input.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from corelib.backend.array_module import FLOATS, REAL
from corelib.backend.base import kernel

from .context import quiet
from .convolution import pad
from .elementwise import Array, wide
from .reduction import dense

Pair = tuple[int, int]


def _output_size(size: int, window: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> int:
    """PyTorch's: with ``ceil_mode`` a last window may stick out, but has to start inside (or in the left padding)."""
    free = size + 2 * padding - dilation * (window - 1) - 1
    output = (free + (stride - 1 if ceil_mode else 0)) // stride + 1
    if ceil_mode and (output - 1) * stride >= size + padding:
        output -= 1
    return output


def _padded(x: Array, output: Pair, window: Pair, stride: Pair, padding: Pair, dilation: Pair, value: Any) -> Array:
    """``x`` enlarged so that each window lies inside."""
    after = tuple(
        max(0, (output[d] - 1) * stride[d] + (window[d] - 1) * dilation[d] + 1 - padding[d] - x.shape[d - 2])
        for d in (0, 1)
    )
    return pad(x, padding, after, value)


def _reach(offset: int, output: int, stride: int) -> slice:
    return slice(offset, offset + stride * (output - 1) + 1, stride)


@kernel("max_pool2d", dtypes=REAL)
@quiet
def max_pool2d(
    x: Array, window: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool
) -> tuple[Array, Array]:
    """x [..., H, W] -> the maxima, and where they were found: int64 indices into the flattened H x W.

    The first of equal maxima is taken, and a nan beats every number, the last nan of a window counting.
    """
    width = x.shape[-1]
    sizes = [_output_size(x.shape[d - 2], window[d], stride[d], padding[d], dilation[d], ceil_mode) for d in (0, 1)]
    output = sizes[0], sizes[1]
    source = wide(x)
    lowest = -np.inf if source.dtype.kind == "f" else np.iinfo(source.dtype).min if source.dtype.kind in "iu" else False
    source = _padded(source, output, window, stride, padding, dilation, lowest)
    # Rows and columns of the input (not of the padded one) at which each window's offsets start, and the
    # first offset that is no padding: it is the answer where all elements are the lowest number.
    starts = [np.arange(output[d]) * stride[d] - padding[d] for d in (0, 1)]
    first = [np.maximum(0, -(starts[d] // dilation[d])) for d in (0, 1)]
    best = np.full((*x.shape[:-2], *output), lowest, source.dtype)
    small = np.uint8 if prod(window) <= 256 else np.int32  # of few bytes, for the offsets are written often
    offsets: Array = np.empty(best.shape, small)
    offsets[...] = first[0][:, None] * window[1] + first[1]
    better = np.empty(best.shape, np.bool_)
    has_nan = source.dtype.kind == "f" and bool(np.isnan(np.add.reduce(source, axis=None)))  # or inf - inf
    for i in range(window[0]):
        rows = _reach(i * dilation[0], output[0], stride[0])
        for j in range(window[1]):
            candidate = source[..., rows, _reach(j * dilation[1], output[1], stride[1])]
            np.greater(candidate, best, out=better)
            if has_nan:
                better |= candidate != candidate
            # Offsets grow, so the largest is the last that was better.
            np.maximum(offsets, np.multiply(better, small(i * window[1] + j), dtype=small), out=offsets)
            np.maximum(best, candidate, out=best)
    within = np.arange(window[0])[:, None] * (dilation[0] * width) + np.arange(window[1]) * dilation[1]
    indices = np.take(within.reshape(-1), offsets)
    indices += starts[0][:, None] * width + starts[1]
    return best.astype(x.dtype, copy=False), indices


@kernel("max_pool2d_grad", dtypes=FLOATS)
@quiet
def max_pool2d_grad(grad: Array, indices: Array, input_shape: tuple[int, ...]) -> Array:
    """Each element of grad [..., OH, OW] goes to where its maximum was found, added in float64."""
    *lead, height, width = input_shape
    planes = prod(lead)
    size = planes * height * width
    targets = indices.reshape(planes, prod(indices.shape[-2:])) + (np.arange(planes) * (height * width))[:, None]
    total = np.bincount(targets.reshape(-1), weights=wide(grad).reshape(-1), minlength=size)
    return total.astype(wide(grad).dtype).astype(grad.dtype, copy=False).reshape(input_shape)


@kernel("avg_pool2d", dtypes=FLOATS)
@quiet
def avg_pool2d(
    x: Array,
    window: Pair,
    stride: Pair,
    padding: Pair,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> Array:
    """x [..., H, W] -> the means of the windows: sums along rows, then along columns."""
    sizes = [_output_size(x.shape[d - 2], window[d], stride[d], padding[d], 1, ceil_mode) for d in (0, 1)]
    output = sizes[0], sizes[1]
    source = _padded(wide(x), output, window, stride, padding, (1, 1), 0)
    sums = source[..., _reach(0, output[1], stride[1])].copy()
    for j in range(1, window[1]):
        sums += source[..., _reach(j, output[1], stride[1])]
    total = sums[..., _reach(0, output[0], stride[0]), :].copy()
    for i in range(1, window[0]):
        total += sums[..., _reach(i, output[0], stride[0]), :]
    if divisor_override is not None:
        divisor: Any = divisor_override
    else:
        counts = []
        for d in (0, 1):
            start = np.arange(output[d]) * stride[d] - padding[d]
            stop = np.minimum(start + window[d], x.shape[d - 2] + padding[d])
            if not count_include_pad:
                start, stop = np.maximum(start, 0), np.minimum(stop, x.shape[d - 2])
            counts.append(stop - start)
        divisor = (counts[0][:, None] * counts[1]).astype(total.dtype)
    return dense(np.divide(total, divisor, out=total)).astype(x.dtype, copy=False)
