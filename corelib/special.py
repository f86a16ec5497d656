"""``torch.special``: the special functions, under the names that they have there."""

from __future__ import annotations

import math

from .core.tensor import Tensor
from .dtypes import default_dtype
from .ops.activation import log_softmax, softmax
from .ops.activation import sigmoid as expit
from .ops.derived import round
from .ops.elementwise import erf, expm1, log1p, lt, where
from .ops.reduction import logsumexp
from .ops.results import accepts_out
from .ops.transcendental import (
    digamma,
    erfc,
    erfcx,
    erfinv,
    exp2,
    i0,
    i0e,
    i1,
    i1e,
    lgamma,
    log_ndtr,
    logit,
    mvlgamma,
    ndtri,
    polygamma,
    sinc,
    xlog1py,
    xlogy,
)

__all__ = [
    "digamma", "entr", "erf", "erfc", "erfcx", "erfinv", "exp2", "expit", "expm1", "gammaln", "i0", "i0e", "i1", "i1e",
    "log1p", "log_ndtr", "log_softmax", "logit", "logsumexp", "multigammaln", "ndtr", "ndtri", "polygamma", "psi",
    "round", "sinc", "softmax", "xlog1py", "xlogy",
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
