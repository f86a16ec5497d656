"""Fourier transforms along one dimension, by NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from corelib.backend.base import kernel
from corelib.dtypes import complex64, complex128, float32, float64

from .context import quiet
from .elementwise import Array

_COMPLEX = frozenset({complex64, complex128})
_REAL = frozenset({float32, float64})


def _finished(result: Array, dtype: np.dtype[Any], scale: float) -> Array:
    """Scaled, dense, and in single precision again where an older NumPy computes in double."""
    if scale != 1.0:
        result *= scale
    return np.ascontiguousarray(result, dtype).reshape(result.shape)


@kernel("fft_c2c", dtypes=_COMPLEX)
@quiet
def c2c(x: Array, dim: int, inverse: bool, scale: float) -> Array:
    if x.size == 0:
        return np.zeros(x.shape, x.dtype)
    result = np.fft.ifft(x, axis=dim, norm="forward") if inverse else np.fft.fft(x, axis=dim)
    return _finished(result, x.dtype, scale)


@kernel("fft_r2c", dtypes=_REAL)
@quiet
def r2c(x: Array, dim: int, scale: float) -> Array:
    dtype = np.result_type(x.dtype, np.complex64)
    if x.size == 0:
        return np.zeros((*x.shape[:dim], x.shape[dim] // 2 + 1, *x.shape[dim + 1 :]), dtype)
    return _finished(np.fft.rfft(x, axis=dim), dtype, scale)


@kernel("fft_c2r", dtypes=_COMPLEX)
@quiet
def c2r(x: Array, n: int, dim: int, scale: float) -> Array:
    dtype = x.real.dtype
    if x.size == 0:
        return np.zeros((*x.shape[:dim], n, *x.shape[dim + 1 :]), dtype)
    return _finished(np.fft.irfft(x, n, axis=dim, norm="forward"), dtype, scale)
