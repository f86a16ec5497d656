"""Functions that the array API standard lacks, written over it: erf and Philox-4x32-10.

``xp`` is any array module (NumPy, CuPy, array-api-strict, ...).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["erf", "philox", "polynomial"]

# W. J. Cody, Rational Chebyshev approximations for the error function, Math. Comp. 23 (1969): the
# coefficients of erf(x)/x in x**2 for |x| <= 0.46875, and of exp(x**2)*erfc(x) in x above.
_SMALL = 0.46875
_SMALL_P = (1.85777706184603153e-1, 3.16112374387056560e0, 1.13864154151050156e2,
            3.77485237685302021e2, 3.20937758913846947e3)  # fmt: skip
_SMALL_Q = (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3)
_TAIL_P = (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0,
           6.61191906371416295e1, 2.98635138197400131e2, 8.81952221241769090e2,
           1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3)  # fmt: skip
_TAIL_Q = (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
           3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3)  # fmt: skip


def polynomial(x: Any, coefficients: Sequence[float]) -> Any:
    """Horner's rule, the coefficient of the highest power first."""
    result = x * coefficients[0] + coefficients[1]
    for coefficient in coefficients[2:]:
        result *= x
        result += coefficient
    return result


def erf(xp: Any, x: Any) -> Any:
    """The error function of a floating array: within 4 ULP in float64, and in float32 where it is given
    float64 numbers and rounded.  Odd, so that -0.0 stays; nan stays nan."""
    magnitude = xp.abs(x)
    magnitude = xp.where(magnitude > 6.0, xp.full_like(magnitude, 6.0), magnitude)  # erf(6) rounds to 1
    square = xp.where(magnitude > _SMALL, xp.zeros_like(x), x * x)
    near_zero = x * (polynomial(square, _SMALL_P) / polynomial(square, _SMALL_Q))
    tail = xp.exp(-(magnitude * magnitude)) * (polynomial(magnitude, _TAIL_P) / polynomial(magnitude, _TAIL_Q))
    return xp.where(magnitude > _SMALL, xp.copysign(1.0 - tail, x), near_zero)


_MULTIPLIERS = 0xD2511F53, 0xCD9E8D57
_WEYL = 0x9E3779B9, 0xBB67AE85
_WORD = 0xFFFFFFFF


def philox(xp: Any, seed: int, first: int, count: int) -> Any:
    """Blocks ``first`` to ``first + count`` of the stream of a 64-bit seed: words as uint64, [count, 4].

    Philox-4x32-10 of J. K. Salmon, M. A. Moraes, R. O. Dror and D. E. Shaw, Parallel random numbers: as
    easy as 1, 2, 3 (2011).  The key is the seed and the counter is the block's number, low words first.
    """
    number = xp.arange(count, dtype=xp.uint64) + xp.asarray(first & 0xFFFFFFFFFFFFFFFF, dtype=xp.uint64)
    low_word = xp.asarray(_WORD, dtype=xp.uint64)
    half = xp.asarray(32, dtype=xp.uint64)
    multipliers = [xp.asarray(m, dtype=xp.uint64) for m in _MULTIPLIERS]
    x0, x1 = number & low_word, number >> half
    x2 = x3 = xp.zeros_like(number)
    key = seed & _WORD, (seed >> 32) & _WORD
    for _ in range(10):
        p0, p1 = x0 * multipliers[0], x2 * multipliers[1]
        x0 = (p1 >> half) ^ x1 ^ xp.asarray(key[0], dtype=xp.uint64)
        x2 = (p0 >> half) ^ x3 ^ xp.asarray(key[1], dtype=xp.uint64)
        x1, x3 = p1 & low_word, p0 & low_word
        key = (key[0] + _WEYL[0]) & _WORD, (key[1] + _WEYL[1]) & _WORD
    return xp.stack((x0, x1, x2, x3), axis=1)
