"""Numerics of the special functions, over tensors: error functions, gamma functions, modified Bessel functions.

Each takes a real floating tensor and is good to some ULP of float64 there; :func:`precisely` has float32 numbers pass
through float64 where the device has it.  No gradients: the primitives of ``special_functions`` have them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ..core.tensor import Tensor, backend_of
from ..dtypes import float32, float64
from .derived import trunc
from .elementwise import abs as _abs
from .elementwise import div, eq, erf, exp, le, log, lt, maximum, minimum, neg, pow, sin, sqrt, where
from .elementwise import round_float as _round
from .movement import cast

__all__ = [
    "bessel", "cotangent_derivative", "digamma", "erfc", "erfcx", "erfinv", "lgamma", "log_erfc", "normal_quantile",
    "precisely", "zeta",
]  # fmt: skip

_INF = float("inf")
_NAN = float("nan")


def precisely(function: Callable[..., Tensor], *operands: Any) -> Tensor:
    """``function`` of the operands in float64 where they are float32 and their device has it, rounded once."""
    first: Tensor = next(x for x in operands if isinstance(x, Tensor))
    layout = first._layout
    if layout.dtype is not float32 or not backend_of(layout).device_supports(float64, layout.device.index or 0):
        return function(*operands)
    return cast(function(*[cast(x, float64) if isinstance(x, Tensor) else x for x in operands]), float32)


def _polynomial(x: Tensor, coefficients: Sequence[float]) -> Tensor:
    """Horner's rule, the coefficient of the highest power first."""
    result = x * coefficients[0] + coefficients[1]
    for c in coefficients[2:]:
        result = result * x + c
    return result


# -- error functions

# W. J. Cody, Rational Chebyshev approximations for the error function, Math. Comp. 23 (1969): exp(x**2)*erfc(x) in x on
# [0.46875, 4], and above, in 1/x**2.
_MIDDLE_P = (
    2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e1,
    2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3,
)  # fmt: skip
_MIDDLE_Q = (
    1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
    3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3,
)  # fmt: skip
_FAR_P = (
    1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
    1.60837851487422766e-2, 6.58749161529837803e-4,
)  # fmt: skip
_FAR_Q = (
    1.0, 2.56852019228982242e0, 1.87295284992346047e0, 5.27905102951428412e-1, 6.05183413124413191e-2,
    2.33520497626869185e-3,
)  # fmt: skip


def _scaled_tail(x: Tensor) -> Tensor:
    """exp(x**2) * erfc(x) of x >= 0.46875."""
    near = minimum(x, 4.0)
    middle = _polynomial(near, _MIDDLE_P) / _polynomial(near, _MIDDLE_Q)
    far = maximum(x, 4.0)
    inverse = div(1.0, far * far)
    tail = (1 / math.sqrt(math.pi) - inverse * (_polynomial(inverse, _FAR_P) / _polynomial(inverse, _FAR_Q))) / far
    return where(lt(4.0, x), tail, middle)


def _exp_minus_square(x: Tensor) -> Tensor:
    """exp(-x**2), the square taken in two parts so that its rounding does not show."""
    rough = trunc(x * 16) / 16
    return exp(neg(rough * rough)) * exp(neg((x - rough) * (x + rough)))


def erfc(x: Tensor) -> Tensor:
    """1 - erf(x), the tail by a formula of its own."""
    size = minimum(maximum(_abs(x), 0.46875), 30.0)
    tail = _scaled_tail(size) * _exp_minus_square(size)
    result = where(lt(x, 0), 2 - tail, tail)
    return where(lt(_abs(x), 0.46875), 1 - erf(x), where(eq(x, x), result, x))


def erfcx(x: Tensor) -> Tensor:
    """exp(x**2) * erfc(x)."""
    size = maximum(_abs(x), 0.46875)
    tail = _scaled_tail(size)
    square = minimum(size, 27.0)
    result = where(lt(x, 0), where(lt(size, 27.0), 2 / _exp_minus_square(square) - tail, _INF), tail)
    return where(lt(_abs(x), 0.46875), exp(x * x) * (1 - erf(x)), where(eq(x, x), result, x))


def log_erfc(x: Tensor) -> Tensor:
    """log(erfc(x)), finite in the tail."""
    above = maximum(x, 1.0)
    return where(lt(1.0, x), log(erfcx(above)) - above * above, log(erfc(minimum(x, 1.0))))


def _inverse_tail(complement: Tensor) -> Tensor:
    """The x >= 0.4 with erfc(x) = complement, by Newton's method on the logarithm."""
    level = log(complement)
    z = sqrt(neg(level - math.log(2.0)))
    x = _polynomial(z, (1.641345311, 3.429567803, -1.624906493, -1.970840454)) / _polynomial(
        z, (1.637067800, 3.543889200, 1.0)
    )
    for _ in range(3):
        scaled = erfcx(x)
        x = x + (log(scaled) - x * x - level) * scaled * (0.5 * math.sqrt(math.pi))
    return where(eq(complement, 0), _INF, x)


def erfinv(y: Tensor) -> Tensor:
    """The x with erf(x) = y: a rational start, then Newton's method."""
    size = _abs(y)
    small = minimum(size, 0.7)
    z = small * small
    x = small * _polynomial(z, (-0.140543331, 0.914624893, -1.645349621, 0.886226899))
    x = x / _polynomial(z, (0.012229801, -0.329097515, 1.442710462, -2.118377725, 1.0))
    for _ in range(2):
        x = x - (erf(x) - small) / exp(neg(x * x)) * (0.5 * math.sqrt(math.pi))
    x = where(lt(0.7, size), _inverse_tail(where(lt(0.7, size), 1 - size, 0.25)), x)
    return where(lt(y, 0), neg(x), where(eq(y, 0), y, x))


def normal_quantile(p: Tensor) -> Tensor:
    """The x below which a standard normal variable falls with probability p."""
    twice = 2 * minimum(p, 1 - p)
    tail = lt(twice, 0.3)
    far = neg(_inverse_tail(where(tail, twice, 0.25)))
    x = math.sqrt(2.0) * where(tail, where(lt(0.5, p), neg(far), far), erfinv(where(tail, 0.0, 2 * p - 1)))
    return where(eq(p, p), x, p)


# -- gamma functions

# Cephes (S. L. Moshier): log(Gamma(x)) on [2, 3] in x - 2.
_GAMMA_P = (
    -1.37825152569120859100e3, -3.88016315134637840924e4, -3.31612992738871184744e5, -1.16237097492762307383e6,
    -1.72173700820839662146e6, -8.53555664245765465627e5,
)  # fmt: skip
_GAMMA_Q = (
    1.0, -3.51815701436523470549e2, -1.70642106651881159223e4, -2.20528590553854454839e5, -1.13933444367982507207e6,
    -2.53252307177582951285e6, -2.01889141433532773231e6,
)  # fmt: skip
_STIRLING = (-3617 / 122400, 1 / 156, -691 / 360360, 1 / 1188, -1 / 1680, 1 / 1260, -1 / 360, 1 / 12)
_DIGAMMA = (3617 / 8160, -1 / 12, 691 / 32760, -1 / 132, 1 / 240, -1 / 252, 1 / 120, -1 / 12)


def _sin_pi(x: Tensor) -> tuple[Tensor, Tensor]:
    """sin(pi*x) up to its sign, and x less its nearest integer."""
    rest = x - _round(x)
    return sin(rest * math.pi), rest


def lgamma(x: Tensor) -> Tensor:
    """log(abs(Gamma(x))): Stirling's series from 7 on, by recurrence to [2, 3] below, by reflection below 1/2."""
    reflected = lt(x, 0.5)
    y = where(reflected, 1 - x, x)
    small = minimum(y, 7.0)
    factor = divisor = small * 0 + 1
    for _ in range(2):
        up = lt(small, 2)
        divisor = where(up, divisor * small, divisor)
        small = where(up, small + 1, small)
    for _ in range(4):
        down = le(3, small)
        small = where(down, small - 1, small)
        factor = where(down, factor * small, factor)
    rest = small - 2
    below = log(factor) - log(divisor) + rest * (_polynomial(rest, _GAMMA_P) / _polynomial(rest, _GAMMA_Q))
    big = maximum(y, 7.0)
    inverse = div(1.0, big)
    series = _polynomial(inverse * inverse, _STIRLING) * inverse
    # (big - 0.5) * log(big) - big, without inf - inf
    above = (big - 0.5) * (log(big) - 1) + (series + (0.5 * math.log(2 * math.pi) - 0.5))
    result = where(lt(y, 7), below, above)
    sine = _abs(_sin_pi(where(reflected, x, 0.25))[0])
    result = where(reflected, log(math.pi / sine) - result, result)
    return where(eq(_abs(x), _INF), _INF, where(reflected, where(eq(sine, 0), _INF, result), result))


def digamma(x: Tensor) -> Tensor:
    """The logarithmic derivative of Gamma: its series from 8 on, by recurrence below, by reflection below 0."""
    reflected = lt(x, 0)
    y = where(reflected, 1 - x, x)
    total = y * 0
    small = minimum(y, 8.0)
    for _ in range(8):
        up = lt(small, 8)
        total = where(up, total + div(1.0, small), total)
        small = where(up, small + 1, small)
    big = where(lt(y, 8), small, y)
    inverse = div(1.0, big)
    square = inverse * inverse
    result = log(big) - 0.5 * inverse + _polynomial(square, _DIGAMMA) * square - where(lt(y, 8), total, 0.0)
    sine, rest = _sin_pi(where(reflected, x, 0.25))
    cotangent = sin((0.5 - _abs(rest)) * math.pi) / sine
    pole = where(eq(rest, 0), _NAN, math.pi * cotangent)
    result = where(reflected, result - pole, result)
    # at 0: minus infinity, with the sign of the zero turned; at infinity: infinity
    return where(eq(x, 0), neg(div(1.0, x)), where(eq(x, _INF), _INF, result))


_BERNOULLI = (
    1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330,
)  # fmt: skip


def zeta(s: Any, q: Tensor) -> Tensor:
    """Hurwitz's zeta function, the sum of (q + k)**-s over k >= 0, of s > 1 and q > 0, by Euler and Maclaurin."""
    total = pow(q, -s)
    for k in range(1, 10):
        total = total + pow(q + k, -s)
    w = q + 10
    last = pow(w, -s)
    total = total + last * w / (s - 1) + 0.5 * last
    term = last * s / w
    inverse = div(1.0, w * w)
    for j, b in enumerate(_BERNOULLI):
        total = total + term * (b / math.factorial(2 * j + 2))
        term = term * (s + (2 * j + 1)) * (s + (2 * j + 2)) * inverse
    return where(eq(q, _INF), 0.0, total)


def cotangent_derivative(n: int, x: Tensor) -> Tensor:
    """pi times the n-th derivative of cot(pi * x): a polynomial in the cotangent."""
    powers = [0.0, 1.0]
    for _ in range(n):
        slope = [i * c for i, c in enumerate(powers)][1:]
        powers = [-c for c in slope] + [0.0, 0.0]
        for i, c in enumerate(slope):
            powers[i + 2] -= c
    sine, rest = _sin_pi(x)
    cotangent = sin((0.5 - _abs(rest)) * math.pi) / sine
    result = cotangent * powers[-1]
    for c in powers[-2:0:-1]:
        result = (result + c) * cotangent
    return (result + powers[0]) * math.pi ** (n + 1)


# -- modified Bessel functions

# Chebyshev coefficients, the lowest first: exp(-x)*I0(x) and exp(-x)*I1(x)/x in x/4 - 1 on [0, 8], and times sqrt(x)
# (I1 too) in 16/x - 1 above.
_I0_SMALL = (
    0.33839763720473803, -0.30468267234319846, 0.17162090152220877, -0.09490109704804764, 0.04930528423967064,
    -0.023737414805899408, 0.010546460394594876, -0.004324309995050468, 0.0016394756169411967,
    -0.0005763755745384343, 0.0001885028850955909, -5.754195010053464e-05, 1.644844807023829e-05,
    -4.416738358049356e-06, 1.1173875384421088e-06, -2.670793848534297e-07, 6.046994943995063e-08,
    -1.3000249368593088e-08, 2.6598225798894472e-09, -5.189785950004778e-10, 9.675666802879311e-11,
    -1.726722706789711e-11, 2.953692443231193e-12, -4.846420424951627e-13, 7.541999144665056e-14,
    -1.0667673214347109e-14, 3.389483483415176e-16, 7.188881883331643e-16, -1.1895076808183577e-15,
)  # fmt: skip
_I0_LARGE = (
    0.4022452055070544, 0.003369116478255682, 6.889758346910166e-05, 2.8913705208338563e-06, 2.0489185877405602e-07,
    2.2666689916321828e-08, 3.396231725801304e-09, 4.940602238917327e-10, 1.1888673620442996e-11,
    -3.149918007587214e-11, -1.3216423124988623e-11, -1.7941783324737986e-12, 7.174599079091778e-13,
    3.8526669777144456e-13, 1.496387554929559e-14, -4.150001598407263e-14, -1.0083117915495104e-14,
    3.80130709518396e-15, 1.0764336282235213e-15, -3.572021905315721e-16, -1.1560800625988043e-15,
    1.9308226515220113e-17, -9.56963976660597e-16,
)  # fmt: skip
_I1_SMALL = (
    0.12629359322181682, -0.17641651835783406, 0.10264365868984712, -0.052945981208095, 0.024726449030626534,
    -0.010564084894626216, 0.0041564229443129, -0.001513572450631275, 0.0005122859561686177, -0.00016176081582598305,
    4.781565107563256e-05, -1.3273163656211753e-05, 3.470251308388247e-06, -8.568720267875569e-07,
    2.0032947572230192e-07, -4.445059165192333e-08, 9.381537812475876e-09, -1.8872501696330447e-09,
    3.625594923490587e-10, -6.663534803306805e-11, 1.1736687019084764e-11, -1.984468145366236e-12,
    3.229321572056116e-13, -5.095130666583308e-14, 8.152209066533293e-15, -1.6336138790913017e-15,
    7.057846370831352e-16, -5.789020056974031e-16,
)  # fmt: skip
_I1_LARGE = (
    0.38928811750914, -0.009761097491361472, -0.0001105889387626723, -3.882564808862462e-06, -2.512236239714189e-07,
    -2.631468844759433e-08, -3.835380674890503e-09, -5.589743233497982e-10, -1.897542630271131e-11,
    3.2526066381329293e-11, 1.4125217903550373e-11, 2.0356518403297703e-12, -7.20375450112976e-13,
    -4.0833278787218935e-13, -2.142730437526552e-14, 4.273212218857512e-14, 9.876157862535088e-15,
    -3.803720623498362e-15, -2.558340013266665e-15, 3.4754807727396206e-16, -5.382168141117606e-16,
    -4.585703797364777e-17, -1.0571254017083013e-15,
)  # fmt: skip


def _chebyshev(y: Tensor, coefficients: Sequence[float]) -> Tensor:
    """Clenshaw's recurrence."""
    twice = y * 2
    one, two = y * 0, y * 0
    for c in coefficients[:0:-1]:
        one, two = twice * one - two + c, one
    return y * one - two + coefficients[0]


def bessel(x: Tensor, order: int, scaled: bool) -> Tensor:
    """I0 or I1; ``scaled`` times exp(-abs(x))."""
    size = _abs(x)
    small, large = minimum(size, 8.0), maximum(size, 8.0)
    near = _chebyshev(small * 0.25 - 1, _I1_SMALL if order else _I0_SMALL)
    far = _chebyshev(16 / large - 1, _I1_LARGE if order else _I0_LARGE) / sqrt(large)
    result = where(lt(size, 8), near * small if order else near, far)
    if not scaled:
        result = where(eq(size, _INF), _INF, result * exp(size))
    return where(lt(x, 0), neg(result), result) if order else result
