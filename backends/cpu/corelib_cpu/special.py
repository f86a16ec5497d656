"""erf, which NumPy lacks."""

from __future__ import annotations

from typing import Any

import numpy as np

from corelib.backend.base import kernel

from .context import quiet
from .elementwise import FLOATS, Array, store

# W. J. Cody, Rational Chebyshev approximations for the error function, Math. Comp. 23 (1969): the
# coefficients of erf(x)/x in x**2 for |x| <= 0.46875, and of exp(x**2)*erfc(x) in x above.
_SMALL_P = (1.85777706184603153e-1, 3.16112374387056560e0, 1.13864154151050156e2,
            3.77485237685302021e2, 3.20937758913846947e3)  # fmt: skip
_SMALL_Q = (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3)
_TAIL_P = (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0,
           6.61191906371416295e1, 2.98635138197400131e2, 8.81952221241769090e2,
           1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3)  # fmt: skip
_TAIL_Q = (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
           3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3)  # fmt: skip
_TILE = 8192  # elements computed at once: the temporaries stay in cache


def _polynomial(x: Array, coefficients: tuple[float, ...]) -> Array:
    """Horner's rule, highest power first."""
    result = x * coefficients[0] + coefficients[1]
    for coefficient in coefficients[2:]:
        np.multiply(result, x, out=result)
        np.add(result, coefficient, out=result)
    return result


def _erf(x: Array) -> Array:
    """erf of float64 numbers within 1 ULP or so; nan stays nan."""
    magnitude = np.minimum(np.abs(x), 6.0)  # erf(6) is 1 to the last bit
    square = np.square(np.minimum(magnitude, 0.5))
    small = x * (_polynomial(square, _SMALL_P) / _polynomial(square, _SMALL_Q))
    tail = _polynomial(magnitude, _TAIL_P) / _polynomial(magnitude, _TAIL_Q)
    tail *= np.exp(-np.square(magnitude))
    return np.where(magnitude <= 0.46875, small, np.copysign(1.0 - tail, x))


@kernel("erf", dtypes=FLOATS, out=True)
@quiet
def erf(x: Array, out: Any = None) -> Array:
    """The error function; all dtypes are computed in float64 and rounded once."""
    flat = np.ascontiguousarray(x).reshape(-1)
    result = np.empty(flat.size, x.dtype)
    for start in range(0, flat.size, _TILE):
        part = slice(start, start + _TILE)
        result[part] = _erf(flat[part].astype(np.float64)).astype(np.float32 if x.itemsize == 2 else x.dtype)
    result = result.reshape(x.shape)
    return result if out is None else store(result, x.dtype, out)
