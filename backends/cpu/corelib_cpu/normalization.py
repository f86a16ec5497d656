"""Layer and batch normalization with their gradients: two passes for the variance, tiles that stay in cache.

The half types are computed in float32; their mean and reciprocal standard deviation are float32 too.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np

from corelib.backend.array_module import FLOATS
from corelib.backend.base import kernel

from .context import quiet
from .elementwise import Array, wide
from .reduction import dense, sum_floats

_TILE = 1 << 16  # elements


def _tiles(rows: int, row_size: int) -> Iterator[slice]:
    step = max(1, _TILE // max(row_size, 1))
    for start in range(0, rows, step):
        yield slice(start, start + step)


def _mean_of(x: Array, dims: tuple[int, ...], count: int) -> Array:
    total = sum_floats(x, dims, True, x.dtype)
    return np.divide(total, count, out=total)


# -- layer norm


@kernel("layer_norm", dtypes=FLOATS)
@quiet
def layer_norm(
    x: Array, weight: Array | None, bias: Array | None, normalized_ndim: int, eps: float
) -> tuple[Array, Array, Array]:
    """Normalize over the last ``normalized_ndim`` dimensions.

    Returns y, and the mean and reciprocal standard deviation with those dimensions kept at size 1.
    """
    lead, size = x.shape[: x.ndim - normalized_ndim], prod(x.shape[x.ndim - normalized_ndim :])
    source = dense(wide(x)).reshape(prod(lead), size)
    result, mean = np.empty_like(source), np.empty((source.shape[0], 1), source.dtype)
    rstd = np.empty_like(mean)
    scale = None if weight is None else wide(weight).reshape(size)
    shift = None if bias is None else wide(bias).reshape(size)
    for tile in _tiles(*source.shape):
        part, y = source[tile], result[tile]
        mean[tile] = _mean_of(part, (1,), size)
        np.subtract(part, mean[tile], out=y)
        deviation = _mean_of(np.square(y), (1,), size)
        np.add(deviation, eps, out=deviation)
        np.sqrt(deviation, out=deviation)
        np.reciprocal(deviation, out=rstd[tile])
        np.multiply(y, rstd[tile], out=y)
        if scale is not None:
            np.multiply(y, scale, out=y)
        if shift is not None:
            np.add(y, shift, out=y)
    kept = (*lead, *[1] * normalized_ndim)
    return result.reshape(x.shape).astype(x.dtype, copy=False), mean.reshape(kept), rstd.reshape(kept)


@kernel("layer_norm_grad", dtypes=FLOATS)
@quiet
def layer_norm_grad(
    grad: Array, x: Array, weight: Array | None, mean: Array, rstd: Array, normalized_ndim: int
) -> tuple[Array, Array, Array]:
    """The gradients of x, weight and bias (the last two of the normalized shape, whether or not there is a weight)."""
    normalized = x.shape[x.ndim - normalized_ndim :]
    size = prod(normalized)
    source, outer = (dense(wide(array)).reshape(-1, size) if size else wide(array) for array in (x, grad))
    if size == 0 or source.shape[0] == 0:
        return np.zeros(x.shape, x.dtype), np.zeros(normalized, x.dtype), np.zeros(normalized, x.dtype)
    centre, factor = mean.reshape(-1, 1), rstd.reshape(-1, 1)
    scale = None if weight is None else wide(weight).reshape(size)
    grad_x = np.empty_like(source)
    weight_parts, bias_parts = [], []
    for tile in _tiles(*source.shape):
        normal = np.multiply(np.subtract(source[tile], centre[tile]), factor[tile])
        part, target = outer[tile], grad_x[tile]
        weight_parts.append(sum_floats(np.multiply(part, normal), (0,), False, source.dtype))
        bias_parts.append(sum_floats(part, (0,), False, source.dtype))
        scaled = part if scale is None else np.multiply(part, scale)
        along = _mean_of(np.multiply(scaled, normal), (1,), size)
        np.subtract(scaled, _mean_of(scaled, (1,), size), out=target)
        np.multiply(normal, along, out=normal)
        np.subtract(target, normal, out=target)
        np.multiply(target, factor[tile], out=target)
    grads = (sum_floats(np.stack(parts), (0,), False, source.dtype) for parts in (weight_parts, bias_parts))
    grad_weight, grad_bias = (g.reshape(normalized).astype(x.dtype, copy=False) for g in grads)
    return grad_x.reshape(x.shape).astype(x.dtype, copy=False), grad_weight, grad_bias


# -- batch norm


def _planes(x: Array) -> Array:
    """x [N, C, ...] as a dense [N, C, L] of the compute dtype."""
    return dense(wide(x)).reshape(*x.shape[:2], prod(x.shape[2:]))


def _channels(values: Array) -> Array:
    """A vector [C] for use with [N, C, L]."""
    return wide(values).reshape(-1, 1)


@kernel("batch_norm_train", dtypes=FLOATS)
@quiet
def batch_norm_train(
    x: Array, weight: Array | None, bias: Array | None, eps: float
) -> tuple[Array, Array, Array, Array]:
    """Normalize each channel of x [N, C, ...] over all other dimensions.

    Returns y, and of shape [C]: mean, reciprocal standard deviation, unbiased variance.
    """
    source = _planes(x)
    samples, channels, length = source.shape
    count = samples * length
    mean = _mean_of(source, (0, 2), count)[0]
    result = np.empty_like(source)
    squares = []
    for tile in _tiles(samples, channels * length):
        y = np.subtract(source[tile], mean, out=result[tile])
        squares.append(sum_floats(np.square(y), (0, 2), True, source.dtype)[0])
    total = sum_floats(np.stack(squares), (0,), False, source.dtype) if squares else np.full_like(mean, np.nan)
    rstd = np.reciprocal(np.sqrt(total / count + source.dtype.type(eps)))
    scale = rstd if weight is None else rstd * _channels(weight)
    shift = None if bias is None else _channels(bias)
    for tile in _tiles(samples, channels * length):
        y = np.multiply(result[tile], scale, out=result[tile])
        if shift is not None:
            np.add(y, shift, out=y)
    variance = np.divide(total, count - 1)
    y = result.reshape(x.shape).astype(x.dtype, copy=False)
    return y, mean.reshape(channels), rstd.reshape(channels), variance.reshape(channels)


@kernel("batch_norm_grad", dtypes=FLOATS)
@quiet
def batch_norm_grad(
    grad: Array, x: Array, weight: Array | None, mean: Array, rstd: Array
) -> tuple[Array, Array, Array]:
    """The gradients of x, weight and bias of :func:`batch_norm_train`."""
    source, outer = _planes(x), _planes(grad)
    samples, channels, length = source.shape
    count = samples * length
    centre, factor = _channels(mean), _channels(rstd)
    grad_x = np.empty_like(source)
    products = []
    for tile in _tiles(samples, channels * length):
        centred = np.subtract(source[tile], centre, out=grad_x[tile])
        products.append(sum_floats(np.multiply(centred, outer[tile]), (0, 2), True, source.dtype)[0])
    grad_bias = sum_floats(outer, (0, 2), True, source.dtype)[0]
    grad_weight = factor * (
        sum_floats(np.stack(products), (0,), False, source.dtype) if products else np.zeros_like(centre)
    )
    inner = grad_weight * factor / max(count, 1)  # of the centred input
    average = grad_bias / max(count, 1)
    scale = factor if weight is None else factor * _channels(weight)
    for tile in _tiles(samples, channels * length):
        target = grad_x[tile]
        np.multiply(target, inner, out=target)
        np.subtract(outer[tile], target, out=target)
        np.subtract(target, average, out=target)
        np.multiply(target, scale, out=target)
    vectors = (g.reshape(channels).astype(x.dtype, copy=False) for g in (grad_weight, grad_bias))
    grad_weight, grad_bias = vectors
    return grad_x.reshape(x.shape).astype(x.dtype, copy=False), grad_weight, grad_bias
