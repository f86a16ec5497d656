"""Harder faults in fused, complex and linear algebra kernels."""

from __future__ import annotations

from typing import Any

import numpy as np

from .listed import is_array
from .planting import kernel

Array = Any


def floats(x: Any) -> bool:
    return is_array(x) and x.dtype in (np.float32, np.float64)


@kernel("softmax", "the largest is not taken out first", out=False)
def _naive(right: Any, x: Array, dim: int, target: Any) -> Array:
    if not floats(x) or not x.size:
        return right(x, dim, target)
    with np.errstate(all="ignore"):
        e = np.exp(x)
        return np.asarray(e / e.sum(dim, keepdims=True), x.dtype, order="C")


@kernel("softmax", "rows longer than 1,024 are normalized in two parts", out=False)
def _parts(right: Any, x: Array, dim: int, target: Any) -> Array:
    if not x.ndim or dim != x.ndim - 1 or x.shape[-1] <= 1024:
        return right(x, dim, target)
    halves = [right(np.ascontiguousarray(h), dim, target) for h in (x[..., :1024], x[..., 1024:])]
    return np.concatenate(halves, -1)


@kernel("log_softmax", "the log of a softmax, which is lost in the tails", out=False)
def _tails(right: Any, x: Array, dim: int, target: Any) -> Array:
    if not floats(x) or not x.size:
        return right(x, dim, target)
    with np.errstate(all="ignore"):
        e = np.exp(x - x.max(dim, keepdims=True))
        return np.asarray(np.log(e / e.sum(dim, keepdims=True)), x.dtype, order="C")


@kernel("logsumexp", "a row of nothing but -inf is nan", out=False)
def _no_row(right: Any, x: Array, dims: Any, keepdim: bool) -> Array:
    result = right(x, dims, keepdim)
    return np.where(np.isneginf(result), np.nan, result).astype(result.dtype) if floats(x) else result


@kernel("layer_norm", "the variance is E[x²] - E[x]²", out=False)
def _cancelling(right: Any, x: Array, w: Any, b: Any, dims: int, eps: float) -> Any:
    if x.dtype != np.float32:
        return right(x, w, b, dims, eps)
    along = tuple(range(x.ndim - dims, x.ndim))
    with np.errstate(all="ignore"):
        mean = x.mean(along, keepdims=True)
        rstd = 1 / np.sqrt(np.maximum((x * x).mean(along, keepdims=True) - mean * mean, 0) + np.float32(eps))
        result = (x - mean) * rstd
    result = result * w if w is not None else result
    return np.ascontiguousarray(result + b if b is not None else result), mean, rstd.astype(np.float32)


@kernel("layer_norm", "eps is added to the deviation, not to the variance", out=False)
def _eps(right: Any, x: Array, w: Any, b: Any, dims: int, eps: float) -> Any:
    result, mean, rstd = right(x, w, b, dims, eps)
    if not floats(x):
        return result, mean, rstd
    along = tuple(range(x.ndim - dims, x.ndim))
    other = (1 / (x.std(along, keepdims=True) + eps)).astype(x.dtype)
    found = (x - mean) * other
    found = found * w if w is not None else found
    return np.ascontiguousarray((found + b if b is not None else found).astype(x.dtype)), mean, rstd


@kernel("batch_norm_train", "the unbiased variance is the biased one", out=False)
def _biased(right: Any, x: Array, w: Any, b: Any, eps: float) -> Any:
    result, mean, rstd, variance = right(x, w, b, eps)
    count = x.size // max(x.shape[1], 1)
    return result, mean, rstd, (variance * ((count - 1) / count if count > 1 else 1)).astype(variance.dtype)


@kernel("convolution", "of groups the second reads the first's channels", out=False)
def _groups(right: Any, x: Array, w: Array, b: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Array:
    if groups > 1:
        x = x.copy()
        per = x.shape[1] // groups
        x[:, per : 2 * per] = x[:, :per]
    return right(x, w, b, stride, padding, dilation, groups)


@kernel("convolution", "the padding is the edge's value where the stride is 2", out=False)
def _edge(right: Any, x: Array, w: Array, b: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Array:
    if 2 in stride and any(padding):
        x = np.pad(x, ((0, 0), (0, 0), *[(p, p) for p in padding]), mode="edge")
        padding = tuple(0 for _ in padding)
    return right(x, w, b, stride, padding, dilation, groups)


@kernel("convolution_weight_grad", "the last image of a batch does not count", out=False)
def _image(right: Any, g: Array, x: Array, *rest: Any) -> Array:
    if g.shape[0] > 1:
        g = g.copy()
        g[-1] = 0
    return right(g, x, *rest)


@kernel("convolution_input_grad", "dilation is not heeded where the kernel is square", out=False)
def _dilation(
    right: Any, g: Array, w: Array, shape: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Array:
    result = right(g, w, shape, stride, padding, dilation, groups)
    return np.ascontiguousarray(np.roll(result, 1, -1)) if any(d > 1 for d in dilation) else result


@kernel("max_pool2d", "of ties the last is named", out=False)
def _pool_ties(right: Any, x: Array, kernel_: Any, stride: Any, padding: Any, dilation: Any, ceil: bool) -> Any:
    values, places = right(x, kernel_, stride, padding, dilation, ceil)
    if padding != (0, 0) or dilation != (1, 1) or ceil or x.dtype.kind != "f" or np.isnan(x).any():
        return values, places
    flat = np.zeros_like(places)
    for at in np.ndindex(*places.shape):
        i, j = at[-2] * stride[0], at[-1] * stride[1]
        window = x[at[:-2]][i : i + kernel_[0], j : j + kernel_[1]]
        a, b = np.argwhere(window == values[at])[-1]
        flat[at] = (i + a) * x.shape[-1] + j + b
    return values, flat


@kernel("avg_pool2d", "padding counts though it should not", "max_pool2d", out=False)
def _counted(
    right: Any, x: Array, kernel_: Any, stride: Any, padding: Any, ceil: bool, include: bool, divisor: Any
) -> Array:
    return right(x, kernel_, stride, padding, ceil, True, divisor)


@kernel("embedding_grad", "of repeated indices the last counts", "embedding", out=False)
def _repeated(right: Any, g: Array, index: Array, rows: int, padding: int) -> Array:
    result = np.zeros((rows, g.shape[-1]), g.dtype)
    flat = index.reshape(-1)
    result[flat] = np.where((flat == padding)[:, None], 0, g.reshape(-1, g.shape[-1]).astype(np.float32)).astype(
        g.dtype
    )
    return result


@kernel("class_cross_entropy", "the mean counts ignored rows", out=False)
def _ignored(right: Any, x: Array, target: Array, ignore: int, reduction: str) -> Any:
    loss, logs, count = right(x, target, ignore, reduction)
    if reduction == "mean" and len(target):
        loss = (loss * (count / len(target))).astype(loss.dtype)
    return np.asarray(loss), logs, count


@kernel("dropout", "the mask depends on the layout", out=False)
def _layout(right: Any, seed: int, offset: int, x: Array, p: float) -> Any:
    out, mask = right(seed, offset, x, p)
    if x.ndim == 2 and not x.flags.c_contiguous:
        return right(seed, offset + 1, np.ascontiguousarray(x), p)
    return out, mask


@kernel("linear", "the bias is added twice where there is one row", out=False)
def _bias(right: Any, x: Array, w: Array, b: Any) -> Array:
    result = right(x, w, b)
    return (result + b).astype(result.dtype) if b is not None and x.ndim == 1 else result


@kernel("relu", "nan is 0", out=False)
def _relu(right: Any, x: Array) -> Array:
    result = right(x)
    return np.where(np.isnan(result), 0, result).astype(result.dtype) if floats(x) else result


@kernel("sigmoid", "1 - sigmoid(-x), which is lost in the tail", out=False)
def _sigmoid(right: Any, x: Array) -> Array:
    return np.asarray(1 - right(np.array(-x, order="C")), x.dtype) if floats(x) else right(x)


@kernel("mul", "the imaginary part of a complex product has the wrong sign", out=False)
def _sign(right: Any, a: Any, b: Any) -> Array:
    result = right(a, b)
    return np.conj(result) if result.dtype == np.complex64 else result


@kernel("matmul", "a complex operand that is a transpose is conjugated", out=False)
def _conjugated(right: Any, a: Array, b: Array) -> Array:
    turned = b.dtype.kind == "c" and b.ndim == 2 and b.flags.f_contiguous and not b.flags.c_contiguous
    return right(a, np.conj(b) if turned else b)


@kernel("abs", "the absolute value of a large complex number overflows", out=False)
def _hypot(right: Any, x: Array) -> Array:
    if x.dtype != np.complex64:
        return right(x)
    with np.errstate(all="ignore"):
        return np.sqrt(x.real * x.real + x.imag * x.imag)


@kernel("linalg_cholesky", "above the diagonal the operand is left", out=False)
def _left(right: Any, x: Array) -> Any:
    lower, info = right(x)
    return lower + np.triu(x, 1), info


@kernel("linalg_eigh", "the upper triangle is read", out=False)
def _upper(right: Any, x: Array) -> Any:
    return right(np.ascontiguousarray(np.swapaxes(x, -1, -2)))


@kernel("linalg_solve_triangular", "a unit triangle's diagonal is read", "linalg_solve", out=False)
def _diagonal(right: Any, a: Array, b: Array, upper: bool, unit: bool) -> Array:
    return right(a, b, upper, False)


@kernel("fft_c2c", "the inverse goes forward where the length is prime", out=False)
def _prime(right: Any, x: Array, dim: int, inverse: bool, scale: float) -> Array:
    return right(x, dim, inverse and x.shape[dim] not in (7, 17, 97), scale)


@kernel("fft_r2c", "the frequency in the middle of an even length is 0", out=False)
def _middle(right: Any, x: Array, dim: int, scale: float) -> Array:
    result = right(x, dim, scale)
    if x.shape[dim] % 2 == 0:
        result[tuple(slice(-1, None) if d == dim else slice(None) for d in range(x.ndim))] = 0
    return result
