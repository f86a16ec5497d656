"""What every primitive must give, in NumPy, computed wider than the device computes.

An oracle takes what the kernel takes (operands as float64, complex128 or integer arrays or numbers, then
the parameters) and gives an array, or a tuple of them.  Optional primitives have none: theirs is their
decomposition in float64 on the CPU.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["FACTORS", "ORACLES", "ULPS", "VIEWS"]

Array = Any


def _trunc_divide(a: Array, b: Array) -> Array:
    quotient, rest = np.divmod(a, b)
    return quotient + ((rest != 0) & ((a < 0) != (b < 0)))


def _running(better: Callable[[Array, Array], Array]) -> Callable[[Array, int], tuple[Array, Array]]:
    """Running extremum along a dimension, and where it stands (the last of ties)."""

    def scan(x: Array, dim: int) -> tuple[Array, Array]:
        if not x.ndim:
            return x, np.zeros((), np.int64)
        x = np.moveaxis(x, dim, 0)
        if len(x) > 300:  # the same without a loop
            values = (np.maximum if better is np.greater_equal else np.minimum).accumulate(x, axis=0)
            met = (x == values) | np.isnan(x)
            places = np.arange(len(x)).reshape(-1, *[1] * (x.ndim - 1))
            indices = np.maximum.accumulate(np.where(met, places, 0), axis=0)
            return np.moveaxis(values, 0, dim), np.moveaxis(indices, 0, dim)
        values, indices = x.copy(), np.zeros(x.shape, np.int64)
        for i in range(1, len(x)):
            new = better(x[i], values[i - 1]) | np.isnan(x[i])
            values[i] = np.where(new, x[i], values[i - 1])
            indices[i] = np.where(new, i, indices[i - 1])
        return np.moveaxis(values, 0, dim), np.moveaxis(indices, 0, dim)

    return scan


def _gather(x: Array, index: Array, dim: int) -> Array:
    if not x.ndim:
        return x
    window = tuple(slice(None) if d == dim else slice(n) for d, n in enumerate(index.shape))
    return np.take_along_axis(x[window], index, dim)


def _scattered(add: bool) -> Callable[..., Array]:
    def scatter(x: Array, index: Array, src: Array, dim: int) -> Array:
        result = x.copy()
        for place in np.ndindex(*index.shape):
            target = (*place[:dim], index[place], *place[dim + 1 :]) if x.ndim else ()
            value = src[place] if np.ndim(src) else src
            result[target] = result[target] + value if add else value
        return result

    return scatter


def _sort(x: Array, dim: int, descending: bool) -> tuple[Array, Array]:
    if not x.ndim:
        return x, np.zeros((), np.int64)
    if descending:  # stable: the mirror image of an ascending sort of the mirror image
        order = x.shape[dim] - 1 - np.flip(np.argsort(np.flip(x, dim), dim, kind="stable"), dim)
    else:
        order = np.argsort(x, dim, kind="stable")
    return np.take_along_axis(x, order, dim), order


def _arg(function: Callable[..., Array]) -> Callable[[Array, int, bool], Array]:
    return lambda x, dim, keepdim: function(x, axis=dim, keepdims=keepdim) if x.ndim else np.zeros((), np.int64)


def _cast(x: Array, dtype: Any) -> Array:
    return x != 0 if dtype.name == "bool" else x.real if dtype.category < 3 else x


def _as_strided(x: Array, size: Any, stride: Any, delta: int) -> Array:
    flat = np.ascontiguousarray(x).ravel()[delta:]
    return np.lib.stride_tricks.as_strided(flat, size, [s * flat.itemsize for s in stride])


def _unfold(x: Array, dimension: int, size: int, step: int) -> Array:
    if not x.ndim:
        return np.broadcast_to(x, (size,))
    windows = np.lib.stride_tricks.sliding_window_view(x, size, dimension)
    return windows[(slice(None),) * dimension + (slice(None, None, step),)]


def _along(function: Callable[..., Array]) -> Callable[..., Array]:
    """A scan with a result dtype; integers count in it."""

    def scan(x: Array, dim: int, dtype: Any) -> Array:
        return function(x, axis=dim, dtype=None if dtype.category >= 2 else dtype.numpy) if x.ndim else x

    return scan


def _reduced(function: Callable[..., Array]) -> Callable[..., Array]:
    def reduce(x: Array, dims: Any, keepdim: bool, dtype: Any) -> Array:
        return function(x, axis=dims, keepdims=keepdim, dtype=None if dtype.category >= 2 else dtype.numpy)

    return reduce


def _mean(x: Array, dims: Any, keepdim: bool, dtype: Any) -> Array:
    total = np.sum(x, axis=dims, keepdims=keepdim)
    return total / np.prod([x.shape[d] for d in dims])


_erf = np.vectorize(math.erf, otypes=[np.float64])

VIEWS: dict[str, Callable[..., Array]] = {
    "alias": lambda x: x,
    "as_strided": _as_strided,
    "diagonal": lambda x, offset, a, b: np.diagonal(x, offset, a, b),
    "expand": np.broadcast_to,
    "permute": np.transpose,
    "select": lambda x, dim, index: np.take(x, index, dim),
    "slice": lambda x, dim, start, end, step: x[(slice(None),) * dim + (slice(start, end, step),)],
    "squeeze": lambda x, dims: np.squeeze(x, tuple(d for d in dims if x.ndim and x.shape[d] == 1)),
    "transpose": lambda x, a, b: np.swapaxes(x, a, b) if x.ndim else x,
    "unfold": _unfold,
    "unsqueeze": np.expand_dims,
    "view": np.reshape,
    "view_as_complex": lambda x: x[..., 0] + 1j * x[..., 1],
    "view_as_real": lambda x: np.stack([x.real, x.imag], -1),
}

ORACLES: dict[str, Callable[..., Any]] = {
    **VIEWS,
    "neg": np.negative, "abs": np.abs, "floor": np.floor, "round": np.rint, "sqrt": np.sqrt, "exp": np.exp,
    "expm1": np.expm1, "log": np.log, "log1p": np.log1p, "sin": np.sin, "cos": np.cos, "tanh": np.tanh, "erf": _erf,
    "bitwise_not": np.invert, "sign_real": lambda x: (x > 0) * 1.0 - (x < 0), "conj_physical": np.conj,
    "rsqrt": lambda x: 1 / np.sqrt(x), "reciprocal": lambda x: 1 / x,
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.true_divide, "trunc_divide": _trunc_divide,
    "fmod": np.fmod, "pow": np.power, "atan2": np.arctan2, "maximum": np.maximum, "minimum": np.minimum,
    "eq": np.equal, "lt": np.less, "le": np.less_equal, "where": np.where,
    "bitwise_and": np.bitwise_and, "bitwise_or": np.bitwise_or, "bitwise_xor": np.bitwise_xor,
    "bitwise_left_shift": np.left_shift, "bitwise_right_shift": np.right_shift,
    "sum": _reduced(np.sum), "prod": _reduced(np.prod), "mean": _mean,
    "amax": lambda x, dims, keepdim: np.amax(x, dims, keepdims=keepdim),
    "amin": lambda x, dims, keepdim: np.amin(x, dims, keepdims=keepdim),
    "argmax": _arg(np.argmax), "argmin": _arg(np.argmin),
    "cumsum": _along(np.cumsum), "cumprod": _along(np.cumprod),
    "cummax": _running(np.greater_equal), "cummin": _running(np.less_equal),
    "gather": _gather, "scatter": _scattered(False), "scatter_add": _scattered(True), "sort": _sort,
    "matmul": np.matmul, "cat": lambda tensors, dim: np.concatenate(_joinable(tensors), dim),
    "copy": lambda x: x, "transfer": lambda x, device: x, "cast": _cast,
    "fill": lambda value, layout: np.full(layout.shape, value),
    "arange": lambda start, step, layout: start + np.arange(layout.numel) * step,
}  # fmt: skip


def _joinable(tensors: Any) -> list[Array]:
    """PyTorch lets tensors of shape [0] stand beside any other."""
    return [t for t in tensors if t.shape != (0,)] or list(tensors)


ULPS = {
    "add": 0.5, "sub": 0.5, "mul": 0.5, "div": 0.5, "sqrt": 3, "exp": 3, "log": 3, "sin": 4, "cos": 4, "tanh": 5,
    "erf": 16, "pow": 16, "log1p": 2, "expm1": 3, "fmod": 0, "atan2": 6, "rsqrt": 4, "reciprocal": 1, "sigmoid": 8,
}  # fmt: skip
"""Largest error of elementwise functions, in units of the last place.

0 for those not named: they move, compare or round.  In half precision a result is the wider one rounded,
and so within one unit.
"""


def _h(x: Array) -> Array:
    return np.swapaxes(x, -1, -2).conj()


def _orthonormal(q: Array) -> tuple[Array, Array]:
    return _h(q) @ q, np.broadcast_to(np.eye(q.shape[-1]), (*q.shape[:-2], q.shape[-1], q.shape[-1]))


def _svd_facts(a: Array, full: bool, u: Array, s: Array, vh: Array) -> list[tuple[Array, Array]]:
    k = s.shape[-1]
    product = (u[..., :k] * s[..., None, :]) @ vh[..., :k, :]
    return [(product, a), (s, np.linalg.svd(a, compute_uv=False)), _orthonormal(u), _orthonormal(_h(vh))]


def _eigh_facts(a: Array, w: Array, v: Array) -> list[tuple[Array, Array]]:
    return [(v * w[..., None, :], (np.tril(a) + _h(np.tril(a, -1))) @ v), (w, np.linalg.eigvalsh(a)), _orthonormal(v)]


FACTORS: dict[str, Callable[..., list[tuple[Array, Array]]]] = {
    "linalg_qr": lambda a, complete, q, r: [(q @ r, a), (np.tril(r, -1), np.zeros_like(r)), _orthonormal(q)],
    "linalg_eigh": _eigh_facts,
    "linalg_svd": _svd_facts,
    "linalg_eig": lambda a, w, v: [(a @ v, v * w[..., None, :])],
}
"""Factorizations, which are unique up to signs and phases only: pairs that must be equal, of operand and factors."""
