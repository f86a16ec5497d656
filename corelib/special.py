"""``torch.special``: the special functions, under the names that they have there."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

from .core.tensor import Tensor
from .dtypes import default_dtype
from .ops import approximations
from .ops.activation import log_softmax, softmax
from .ops.activation import sigmoid as expit
from .ops.bessel import (
    airy_ai,
    bessel_j0,
    bessel_j1,
    bessel_y0,
    bessel_y1,
    modified_bessel_k0,
    modified_bessel_k1,
    scaled_modified_bessel_k0,
    scaled_modified_bessel_k1,
)
from .ops.creation import full
from .ops.derived import round
from .ops.elementwise import abs as abs_
from .ops.elementwise import bitwise_and, bitwise_not, eq, erf, expm1, le, log1p, lt, pow, sin, where
from .ops.face import show
from .ops.incomplete import igamma as gammainc
from .ops.incomplete import igammac as gammaincc
from .ops.primitive import Number
from .ops.reduction import logsumexp
from .ops.results import accepts_out
from .ops.special_functions import (
    digamma,
    erfc,
    erfcx,
    erfinv,
    i0,
    i0e,
    i1,
    i1e,
    lgamma,
    log_ndtr,
    mvlgamma,
    ndtri,
    polygamma,
)
from .ops.transcendental import exp2, logit, sinc, xlog1py, xlogy

__all__ = [
    "airy_ai", "bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1", "chebyshev_polynomial_t", "chebyshev_polynomial_u",
    "chebyshev_polynomial_v", "chebyshev_polynomial_w", "digamma", "entr", "erf", "erfc", "erfcx", "erfinv", "exp2",
    "expit", "expm1", "gammainc", "gammaincc", "gammaln", "hermite_polynomial_h", "hermite_polynomial_he", "i0", "i0e",
    "i1", "i1e", "laguerre_polynomial_l", "legendre_polynomial_p", "log1p", "log_ndtr", "log_softmax", "logit",
    "logsumexp", "modified_bessel_i0", "modified_bessel_i1", "modified_bessel_k0", "modified_bessel_k1", "multigammaln",
    "ndtr", "ndtri", "polygamma", "psi", "round", "scaled_modified_bessel_k0", "scaled_modified_bessel_k1",
    "shifted_chebyshev_polynomial_t", "shifted_chebyshev_polynomial_u", "shifted_chebyshev_polynomial_v",
    "shifted_chebyshev_polynomial_w", "sinc", "softmax", "spherical_bessel_j0", "xlog1py", "xlogy", "zeta",
]  # fmt: skip

gammaln = lgamma
psi = digamma
multigammaln = mvlgamma


@accepts_out
def entr(input: Tensor) -> Tensor:
    """-input * log(input), elementwise; 0 at 0, minus infinity below."""
    x = input if input.dtype.category >= 2 else input.to(default_dtype())
    return where(lt(x, 0), -math.inf, -xlogy(x, x) + 0.0)


@accepts_out
def ndtr(input: Tensor) -> Tensor:
    """The standard normal distribution function, elementwise, accurate in the tail."""
    x = input if input.dtype.category >= 2 else input.to(default_dtype())
    return erfc(x * -math.sqrt(0.5)) * 0.5


# -- modified Bessel functions by their longer names, spherical ones

modified_bessel_i0 = i0
modified_bessel_i1 = i1


@accepts_out
def spherical_bessel_j0(x: Tensor) -> Tensor:
    """sin(x) / x, elementwise; 1 at 0, 0 at infinity."""
    x = _floating(x)
    safe = where(eq(x, 0), 1.0, x)
    return where(eq(abs_(x), math.inf), 0.0, where(eq(x, 0), 1.0, sin(safe) / safe))


def _zeta(s: Tensor, q: Tensor) -> Tensor:
    total, y = q * 0, q
    while bool(lt(y, 0).any()):  # to a positive argument, term by term
        below = lt(y, 0)
        total = where(below, total + pow(where(below, y, 1.0), -s), total)
        y = where(below, y + 1, y)
    pole = bitwise_and(le(q, 0), eq(q, q.floor()))
    result = total + approximations.zeta(s, where(pole, 1.0, y))
    whole = eq(s, s.floor())
    result = where(pole, math.inf, where(bitwise_and(lt(q, 0), bitwise_not(whole)), math.nan, result))
    return where(lt(s, 1), math.nan, where(eq(s, 1), math.inf, result))


@accepts_out
def zeta(input: Any, other: Any) -> Tensor:
    """Hurwitz's zeta function, the sum of (other + k)**-input over k >= 0, elementwise."""
    s, q = map(_floating, (input, other))
    s = s if isinstance(s, Tensor) else full((), s, dtype=q.dtype, device=q.device)
    q = q if isinstance(q, Tensor) else full((), q, dtype=s.dtype, device=s.device)
    return approximations.precisely(_zeta, s, q)


# -- orthogonal polynomials


def _floating(x: Any) -> Any:
    if not isinstance(x, Tensor):
        return x
    return x if x.dtype.category >= 2 else x.to(default_dtype())


_Step = Callable[[int, Tensor, Tensor, Tensor], Tensor]


def _by_recurrence(name: str, doc: str, first: Callable[[Tensor], Tensor], step: _Step, shifted: bool = False) -> Any:
    """The polynomial of degree n: 1, then ``first``, then ``step`` from the two before; 0 of a negative degree."""

    def computed(x: Any, n: Any) -> Tensor:
        x = _floating(x) if isinstance(x, Tensor) else full((), x, dtype=default_dtype(), device=n.device)
        x = 2 * x - 1 if shifted else x
        chosen = isinstance(n, Tensor)
        degree = int(n.max().item() if n.numel() else 0) if chosen else int(n)
        one: Tensor = x * 0 + 1
        before, here = one, first(x)
        if not chosen:
            for k in range(1, degree):
                before, here = here, step(k, x, here, before)
            return here if degree > 0 else one * (degree == 0)
        n = n.trunc()
        result = where(eq(n, 0), one, where(eq(n, 1), here, here * 0))
        for k in range(1, degree):
            before, here = here, step(k, x, here, before)
            result = where(eq(n, k + 1), here, result)
        return result

    def polynomial(x: Tensor | Number, n: Tensor | Number) -> Tensor:
        return computed(x, n)

    polynomial.__name__ = polynomial.__qualname__ = name
    polynomial.__doc__ = f"{doc}."
    return accepts_out(polynomial)


def _chebyshev(k: int, x: Tensor, here: Tensor, before: Tensor) -> Tensor:
    return x * 2 * here - before


def _kinds(letter: str, ordinal: str, first: Callable[[Tensor], Tensor]) -> tuple[Any, Any]:
    name, doc = f"chebyshev_polynomial_{letter}", f"Chebyshev polynomial of the {ordinal} kind"
    plain = _by_recurrence(name, f"{doc} of degree n", first, _chebyshev)
    return plain, _by_recurrence(f"shifted_{name}", f"{doc} in 2 * x - 1", first, _chebyshev, True)


chebyshev_polynomial_t, shifted_chebyshev_polynomial_t = _kinds("t", "first", lambda x: x)
chebyshev_polynomial_u, shifted_chebyshev_polynomial_u = _kinds("u", "second", lambda x: x * 2)
chebyshev_polynomial_v, shifted_chebyshev_polynomial_v = _kinds("v", "third", lambda x: x * 2 - 1)
chebyshev_polynomial_w, shifted_chebyshev_polynomial_w = _kinds("w", "fourth", lambda x: x * 2 + 1)
hermite_polynomial_h = _by_recurrence(
    "hermite_polynomial_h", "Physicists' Hermite polynomial of degree n",
    lambda x: x * 2, lambda k, x, here, before: x * 2 * here - before * (2 * k),
)  # fmt: skip
hermite_polynomial_he = _by_recurrence(
    "hermite_polynomial_he", "Probabilists' Hermite polynomial of degree n",
    lambda x: x, lambda k, x, here, before: x * here - before * k,
)  # fmt: skip
laguerre_polynomial_l = _by_recurrence(
    "laguerre_polynomial_l", "Laguerre polynomial of degree n",
    lambda x: 1 - x, lambda k, x, here, before: ((2 * k + 1 - x) * here - before * k) / (k + 1),
)  # fmt: skip
legendre_polynomial_p = _by_recurrence(
    "legendre_polynomial_p", "Legendre polynomial of degree n",
    lambda x: x, lambda k, x, here, before: (x * here * (2 * k + 1) - before * k) / (k + 1),
)  # fmt: skip


show(sys.modules[__name__], __all__, "special_")
