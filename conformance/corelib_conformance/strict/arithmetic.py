"""The arithmetic of the required kernels where it is more than one NumPy function, on dense NumPy arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from math import prod

import numpy as np

from corelib.backend.errors import DivisionByZero
from corelib.dtypes import dtype

from .handle import Values

_WORD = 0xFFFFFFFF

erf = np.vectorize(math.erf, otypes=[np.float64])


def convert(values: Values, target: dtype) -> Values:
    """Values as ``target``: ``!= 0`` to bool, towards zero from floating to integer, integers modulo 2^n."""
    return np.asarray(values != 0) if target.category == 0 else np.asarray(values).astype(target.numpy)


def trunc_divide(a: Values, b: Values) -> Values:
    """Integer division towards zero; the smallest integer by -1 wraps."""
    if (b == 0).any():
        raise DivisionByZero
    floored = a // b
    inexact = a - floored * b != 0
    return np.where(inexact & ((a < 0) != (b < 0)), floored + 1, floored)


def fmod(a: Values, b: Values) -> Values:
    """The remainder with the sign of ``a``; for integers a zero divisor raises."""
    if a.dtype.kind in "iu" and (b == 0).any():
        raise DivisionByZero
    return np.fmod(a, b)


def power(a: Values, b: Values) -> Values:
    """C's pow; integers wrap, and a negative exponent gives 1 for base 1, plus or minus 1 for base -1, else 0."""
    if a.dtype.kind != "i":
        return np.power(a, b)
    unit = np.where(a == -1, 1 - 2 * (b & 1), a == 1)
    return np.where(b < 0, unit, np.power(a, np.maximum(b, 0)))


def left_shift(a: Values, b: Values) -> Values:
    """a times 2^b, wrapping; 0 where b is not in [0, width)."""
    width = 8 * a.dtype.itemsize
    inside = (b >= 0) & (b < width)
    return np.where(inside, np.left_shift(a, np.where(inside, b, 0)), 0)


def right_shift(a: Values, b: Values) -> Values:
    """a divided by 2^b, rounded down; where b is not in [0, width), 0, or -1 for a negative a."""
    width = 8 * a.dtype.itemsize
    inside = (b >= 0) & (b < width)
    return np.right_shift(a, np.where(inside, b, width - 1)) >> np.where(inside, 0, 1)


def reduce(function: Callable[..., Values], x: Values, dims: tuple[int, ...], keepdim: bool) -> Values:
    """``function`` over ``dims``, moved last and joined into one dimension (of size 1 where there are none)."""
    kept = [d for d in range(x.ndim) if d not in dims]
    shape = [x.shape[d] for d in kept]
    rows = np.ascontiguousarray(x.transpose(*kept, *dims)).reshape(*shape, prod(x.shape[d] for d in dims))
    reduced = function(rows, axis=-1)
    return np.expand_dims(reduced, dims) if keepdim else reduced


def running_index(x: Values, dim: int, extreme: Callable[..., Values]) -> Values:
    """Where along ``dim`` the running maximum or minimum was last met; a nan is met by every later nan only."""
    met = (x == extreme(x, axis=dim)) | (x != x)
    return np.asarray(np.maximum.accumulate(np.where(met, np.indices(x.shape)[dim], 0), axis=dim))


def sort_order(x: Values, dim: int, descending: bool) -> Values:
    """The stable order along ``dim``, nan counting as the largest; equal elements keep their order both ways."""
    if not descending:
        return np.argsort(x, axis=dim, kind="stable")
    return np.asarray(x.shape[dim] - 1 - np.flip(np.argsort(np.flip(x, dim), axis=dim, kind="stable"), dim))


def philox(c0: Values, c1: Values, c2: Values, c3: Values, k0: int, k1: int) -> list[Values]:
    """Philox-4x32-10: four words (uint64 arrays below 2^32) from a counter of four such words and a key of two."""
    for _ in range(10):
        p0, p1 = c0 * np.uint64(0xD2511F53), c2 * np.uint64(0xCD9E8D57)
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & _WORD, (p0 >> 32) ^ c3 ^ k1, p0 & _WORD
        k0, k1 = (k0 + 0x9E3779B9) & _WORD, (k1 + 0xBB67AE85) & _WORD
    return [c0, c1, c2, c3]


def random_words(seed: int, offset: int, count: int) -> Values:
    """``count`` words of the stream: element i is word i mod 4 of the block with number ``offset + i // 4``."""
    block = np.arange((count + 3) // 4, dtype=np.uint64) + np.uint64(offset)
    zero = np.zeros_like(block)
    words = philox(block & _WORD, block >> 32, zero, zero, seed & _WORD, seed >> 32)
    return np.stack(words, axis=-1).reshape(-1)[:count].astype(np.int64)
