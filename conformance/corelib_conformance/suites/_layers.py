"""What layers compute, in NumPy and float64, as their definitions say it: by loops where a loop is plainer."""

from __future__ import annotations

import itertools
from math import prod
from typing import Any

import numpy as np

__all__ = [
    "average_pool", "batch_norm", "convolution", "convolution_grads", "cross_entropy", "layer_norm", "log_softmax",
    "logsumexp", "max_pool", "norm_grads", "softmax",
]  # fmt: skip

Array = Any


def logsumexp(x: Array, dim: Any, keepdim: bool = False) -> Array:
    """log Σ exp, the largest taken out first."""
    with np.errstate(all="ignore"):
        top = np.max(x, axis=dim, keepdims=True, initial=-np.inf)
        safe = np.where(np.isfinite(top), top, 0)
        found = np.log(np.sum(np.exp(x - safe), axis=dim, keepdims=True)) + safe
    return found if keepdim else np.squeeze(found, dim)


def softmax(x: Array, dim: int) -> Array:
    """Exponentials by their sum; nan where a row has none but -inf, or an inf."""
    with np.errstate(all="ignore"):
        e = np.exp(x - np.max(x, axis=dim, keepdims=True, initial=-np.inf))
        return e / np.sum(e, axis=dim, keepdims=True)


def log_softmax(x: Array, dim: int) -> Array:
    """x less its logsumexp."""
    with np.errstate(all="ignore"):
        away = x - np.max(x, axis=dim, keepdims=True, initial=-np.inf)
        return away - np.log(np.sum(np.exp(away), axis=dim, keepdims=True))


def _out(size: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def _taps(shape: Any, kernel: Any, stride: Any, padding: Any, dilation: Any) -> Any:
    """For each place in the kernel: which outputs it touches, and which inputs, as index tuples."""
    sizes = [_out(*args) for args in zip(shape, kernel, stride, padding, dilation, strict=True)]
    for place in itertools.product(*map(range, kernel)):
        outs, ins = [], []
        for d, (at, size) in enumerate(zip(place, sizes, strict=True)):
            where = np.arange(size) * stride[d] + at * dilation[d] - padding[d]
            good = (where >= 0) & (where < shape[d])
            outs.append(np.arange(size)[good])
            ins.append(where[good])
        yield place, np.ix_(*outs), np.ix_(*ins)


def convolution(x: Array, w: Array, b: Array | None, stride: Any, padding: Any, dilation: Any, groups: int) -> Array:
    """[N, C, ...] by [O, C/groups, ...]."""
    shape, kernel = x.shape[2:], w.shape[2:]
    sizes = [_out(*args) for args in zip(shape, kernel, stride, padding, dilation, strict=True)]
    result = np.zeros((x.shape[0], w.shape[0], *sizes))
    ins, outs = x.shape[1] // groups, w.shape[0] // groups
    for place, to, source in _taps(shape, kernel, stride, padding, dilation):
        for g in range(groups):
            part = x[:, g * ins : (g + 1) * ins][(slice(None), slice(None), *source)]
            tap = w[(slice(g * outs, (g + 1) * outs), slice(None), *place)]
            into = result[:, g * outs : (g + 1) * outs]
            into[(slice(None), slice(None), *to)] += np.einsum("nc...,oc->no...", part, tap)
    return result if b is None else result + b.reshape(-1, *[1] * len(sizes))


def convolution_grads(
    grad: Array, x: Array, w: Array, stride: Any, padding: Any, dilation: Any, groups: int
) -> tuple[Array, Array]:
    """Of the input and of the weight."""
    gx, gw = np.zeros(x.shape), np.zeros(w.shape)
    ins, outs = x.shape[1] // groups, w.shape[0] // groups
    every = (slice(None), slice(None))
    for place, to, source in _taps(x.shape[2:], w.shape[2:], stride, padding, dilation):
        for g in range(groups):
            mine, theirs = slice(g * ins, (g + 1) * ins), slice(g * outs, (g + 1) * outs)
            out = grad[:, theirs][(*every, *to)]
            gx[:, mine][(*every, *source)] += np.einsum("no...,oc->nc...", out, w[(theirs, slice(None), *place)])
            flat = x[:, mine][(*every, *source)]
            n = prod(out.shape[2:])
            gw[(theirs, slice(None), *place)] += np.einsum(
                "nop,ncp->oc", out.reshape(*out.shape[:2], n), flat.reshape(*flat.shape[:2], n))  # fmt: skip
    return gx, gw


def _pool_size(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil: bool) -> int:
    span = size + 2 * padding - dilation * (kernel - 1) - 1
    found = (span + (stride - 1 if ceil else 0)) // stride + 1
    if ceil and (found - 1) * stride >= size + padding:
        found -= 1
    return found


def max_pool(x: Array, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil: bool) -> tuple[Array, Array]:
    """Largest of each window and where it is in the plane: the first of ties, nan above all."""
    h, w = x.shape[-2:]
    sizes = [_pool_size((h, w)[i], kernel[i], stride[i], padding[i], dilation[i], ceil) for i in (0, 1)]
    values, places = np.zeros((*x.shape[:-2], *sizes), x.dtype), np.zeros((*x.shape[:-2], *sizes), np.int64)
    for lead in np.ndindex(*x.shape[:-2]):
        for i, j in itertools.product(*map(range, sizes)):
            best, where = None, 0
            for a, b in itertools.product(range(kernel[0]), range(kernel[1])):
                r, c = i * stride[0] - padding[0] + a * dilation[0], j * stride[1] - padding[1] + b * dilation[1]
                if 0 <= r < h and 0 <= c < w:
                    value = x[(*lead, r, c)]
                    if best is None or (value > best) or (np.isnan(value) and not np.isnan(best)):
                        best, where = value, r * w + c
            values[(*lead, i, j)], places[(*lead, i, j)] = best, where
    return values, places


def average_pool(x: Array, kernel: Any, stride: Any, padding: Any, ceil: bool, count_pad: bool, divisor: Any) -> Array:
    """Mean of each window, over what it covers, padding included or not."""
    h, w = x.shape[-2:]
    sizes = [_pool_size((h, w)[i], kernel[i], stride[i], padding[i], 1, ceil) for i in (0, 1)]
    result = np.zeros((*x.shape[:-2], *sizes))
    for i, j in itertools.product(*map(range, sizes)):
        r0, c0 = i * stride[0] - padding[0], j * stride[1] - padding[1]
        r1, c1 = min(r0 + kernel[0], h + padding[0]), min(c0 + kernel[1], w + padding[1])
        size = (r1 - r0) * (c1 - c0)
        r0, c0, r1, c1 = max(r0, 0), max(c0, 0), min(r1, h), min(c1, w)
        count = divisor or (size if count_pad else max((r1 - r0) * (c1 - c0), 1))
        result[..., i, j] = x[..., r0:r1, c0:c1].sum((-2, -1)) / count
    return result


def layer_norm(x: Array, w: Array | None, b: Array | None, dims: int, eps: float) -> tuple[Array, Array, Array]:
    """Normalized over the last dimensions, the mean, 1/deviation."""
    along = tuple(range(x.ndim - dims, x.ndim))
    mean = x.mean(along, keepdims=True)
    rstd = 1 / np.sqrt(x.var(along, keepdims=True) + eps)
    result = (x - mean) * rstd
    result = result * w if w is not None else result
    return result + b if b is not None else result, mean, rstd


def batch_norm(x: Array, w: Array | None, b: Array | None, eps: float) -> tuple[Array, Array, Array, Array]:
    """Normalized by channel, the mean, 1/deviation, the unbiased variance."""
    dims = (0, *range(2, x.ndim))
    shape = (1, -1, *[1] * (x.ndim - 2))
    count = x.size // x.shape[1]
    mean, variance = x.mean(dims), x.var(dims)
    rstd = 1 / np.sqrt(variance + eps)
    result = (x - mean.reshape(shape)) * rstd.reshape(shape)
    result = result * w.reshape(shape) if w is not None else result
    result = result + b.reshape(shape) if b is not None else result
    with np.errstate(all="ignore"):
        return result, mean, rstd, variance * count / (count - 1)


def norm_grads(g: Array, x: Array, w: Array | None, mean: Array, rstd: Array, along: Any, rest: Any) -> Any:
    """Gradients of input, weight and bias of a normalization over ``along``; weights are shared over ``rest``."""
    away = (x - mean) * rstd
    scaled = g if w is None else g * w
    inner = scaled - scaled.mean(along, keepdims=True) - away * (scaled * away).mean(along, keepdims=True)
    return inner * rstd, (g * away).sum(rest), g.sum(rest)


def cross_entropy(x: Array, target: Array, ignore: int, reduction: str) -> tuple[Array, Array, Array]:
    """The loss, the log-probabilities, how many rows count."""
    logs = log_softmax(x, 1)
    counted = target != ignore
    each = np.where(counted, -logs[np.arange(len(x)), np.where(counted, target, 0)], 0)
    count = counted.sum()
    if reduction == "none":
        return each, logs, count
    return (each.sum() if reduction == "sum" else each.sum() / count), logs, count
