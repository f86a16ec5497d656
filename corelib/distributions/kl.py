"""The Kullback-Leibler divergence, by pairs of distributions."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from .. import _functions as ops
from ..autograd import grad
from ..nn.functional import softplus
from ..tensor import Tensor
from .combined import Independent, TransformedDistribution
from .continuous import EULER, Cauchy, Exponential, Gumbel, HalfNormal, Laplace, Normal, Pareto, Uniform
from .discrete import (
    Bernoulli,
    Binomial,
    Categorical,
    ContinuousBernoulli,
    Geometric,
    OneHotCategorical,
    Poisson,
)
from .distribution import Distribution, ExponentialFamily
from .gamma import Beta, Dirichlet, Gamma
from .multivariate import LowRankMultivariateNormal, MultivariateNormal, half_log_det, mahalanobis, solve_lower
from .utils import sum_rightmost

__all__ = ["kl_divergence", "register_kl"]

F = TypeVar("F", bound=Callable[..., Any])
_RULES: dict[tuple[type, type], Callable[[Any, Any], Any]] = {}


def register_kl(type_p: type[Distribution], type_q: type[Distribution]) -> Callable[[F], F]:
    """Decorator: the function computes KL(p || q) for these types (and their subclasses)."""

    def register(function: F) -> F:
        _RULES[type_p, type_q] = function
        return function

    return register


def _rule(type_p: type, type_q: type) -> Callable[[Any, Any], Any] | None:
    """The rule for the most specific types, p's first; a warning where q's first would choose another."""
    pairs = [(a, b) for a in type_p.__mro__ for b in type_q.__mro__ if (a, b) in _RULES]
    if not pairs:
        return None
    other = min(pairs, key=lambda pair: (type_q.__mro__.index(pair[1]), type_p.__mro__.index(pair[0])))
    if _RULES[pairs[0]] is not _RULES[other]:
        warnings.warn(
            f"Ambiguous kl_divergence({type_p.__name__}, {type_q.__name__}). "
            f"Please register_kl({pairs[0][0].__name__}, {other[1].__name__})", RuntimeWarning, stacklevel=3,
        )  # fmt: skip
    return _RULES[pairs[0]]


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    """The expected log p(x) - log q(x) for x drawn from p; NotImplementedError where no formula is registered."""
    rule = _rule(type(p), type(q))
    if rule is None:
        raise NotImplementedError(
            f"No KL(p || q) is implemented for p type {type(p).__name__} and q type {type(q).__name__}"
        )
    result: Tensor = rule(p, q)
    return result


# -- two of a kind -----------------------------------------------------------------------------------------------


@register_kl(Bernoulli, Bernoulli)
def _bernoulli(p: Any, q: Any) -> Tensor:
    one = ops.where(q.probs == 0, math.inf, p.probs * (softplus(-q.logits) - softplus(-p.logits)))
    zero = ops.where(q.probs == 1, math.inf, (1 - p.probs) * (softplus(q.logits) - softplus(p.logits)))
    return ops.where(p.probs == 0, 0.0, one) + ops.where(p.probs == 1, 0.0, zero)


@register_kl(Beta, Beta)
def _beta(p: Any, q: Any) -> Tensor:
    return _dirichlet(p._dirichlet, q._dirichlet)


@register_kl(Binomial, Binomial)
def _binomial(p: Any, q: Any) -> Tensor:
    if bool((p.total_count < q.total_count).any()):
        raise NotImplementedError("KL between Binomials where q.total_count > p.total_count is not implemented")
    one = p.probs * (p.logits - q.logits) + (-p.probs).log1p() - (-q.probs).log1p()
    return ops.where(p.total_count > q.total_count, math.inf, p.total_count * one)


@register_kl(Categorical, Categorical)
def _categorical(p: Any, q: Any) -> Tensor:
    terms = ops.where(q.probs == 0, math.inf, p.probs * (p.logits - q.logits))
    return ops.where(p.probs == 0, 0.0, terms).sum(-1)


@register_kl(OneHotCategorical, OneHotCategorical)
def _one_hot(p: Any, q: Any) -> Tensor:
    return _categorical(p._categorical, q._categorical)


@register_kl(Cauchy, Cauchy)
def _cauchy(p: Any, q: Any) -> Tensor:
    return ((p.scale + q.scale).pow(2) + (p.loc - q.loc).pow(2)).log() - (4 * p.scale * q.scale).log()


@register_kl(ContinuousBernoulli, ContinuousBernoulli)
def _continuous_bernoulli(p: Any, q: Any) -> Tensor:
    return -p.entropy() - _EXPECTED[ContinuousBernoulli](p, q)


@register_kl(Dirichlet, Dirichlet)
def _dirichlet(p: Any, q: Any) -> Tensor:
    a, b = p.concentration, q.concentration
    level = a.sum(-1).lgamma() - b.sum(-1).lgamma() - (a.lgamma() - b.lgamma()).sum(-1)
    return level + ((a - b) * (a.digamma() - a.sum(-1, True).digamma())).sum(-1)


@register_kl(Exponential, Exponential)
def _exponential(p: Any, q: Any) -> Tensor:
    ratio = q.rate / p.rate
    return -ratio.log() + ratio - 1


@register_kl(ExponentialFamily, ExponentialFamily)
def _family(p: Any, q: Any) -> Tensor:
    if type(p) is not type(q):
        raise NotImplementedError(
            "The cross KL-divergence between different exponential families cannot be computed using Bregman "
            "divergences"
        )
    natural = [n.detach().requires_grad_() for n in p._natural_params]
    level = p._log_normalizer(*natural)
    result = q._log_normalizer(*q._natural_params) - level
    slopes = grad(level.sum(), natural, create_graph=True)
    for a, b, slope in zip(natural, q._natural_params, slopes, strict=True):
        result = result - sum_rightmost((b - a) * slope, len(q.event_shape))
    return result


@register_kl(Gamma, Gamma)
def _gamma(p: Any, q: Any) -> Tensor:
    a, b = p.concentration, q.concentration
    level = b * (p.rate / q.rate).log() + b.lgamma() - a.lgamma()
    return level + (a - b) * a.digamma() + (q.rate - p.rate) * (a / p.rate)


@register_kl(Geometric, Geometric)
def _geometric(p: Any, q: Any) -> Tensor:
    return -p.entropy() - (-q.probs).log1p() / p.probs - q.logits


@register_kl(Gumbel, Gumbel)
def _gumbel(p: Any, q: Any) -> Tensor:
    ratio, shift = p.scale / q.scale, (p.loc - q.loc) / q.scale
    return -ratio.log() + shift + ratio * EULER + ((1 + ratio).lgamma() - shift).exp() - (1 + EULER)


@register_kl(HalfNormal, HalfNormal)
def _half_normal(p: Any, q: Any) -> Tensor:
    return _normal(p.base_dist, q.base_dist)


@register_kl(Laplace, Laplace)
def _laplace(p: Any, q: Any) -> Tensor:
    ratio, gap = p.scale / q.scale, (p.loc - q.loc).abs()
    return -ratio.log() + gap / q.scale + ratio * (-gap / p.scale).exp() - 1


def _gaussian(p: Any, q: Any) -> Tensor:
    if p.event_shape != q.event_shape:
        raise ValueError(
            "KL-divergence between two Multivariate Normals with different event shapes cannot be computed"
        )
    spread = solve_lower(q.scale_tril, p.scale_tril).pow(2).sum((-2, -1))
    level = half_log_det(q.scale_tril) - half_log_det(p.scale_tril)
    return level + 0.5 * (spread + mahalanobis(q.scale_tril, q.loc - p.loc) - p.event_shape[0])


for _one in (MultivariateNormal, LowRankMultivariateNormal):
    for _other in (MultivariateNormal, LowRankMultivariateNormal):
        register_kl(_one, _other)(_gaussian)


@register_kl(Normal, Normal)
def _normal(p: Any, q: Any) -> Tensor:
    ratio = (p.scale / q.scale).pow(2)
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale).pow(2) - 1 - ratio.log())


@register_kl(Pareto, Pareto)
def _pareto(p: Any, q: Any) -> Tensor:
    ratio = q.alpha / p.alpha
    result = q.alpha * (p.scale / q.scale).log() - ratio.log() + ratio - 1
    return ops.where(p.scale < q.scale, math.inf, result)


@register_kl(Poisson, Poisson)
def _poisson(p: Any, q: Any) -> Tensor:
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed(p: Any, q: Any) -> Tensor:
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError
    return kl_divergence(p.base_dist, q.base_dist)


@register_kl(Independent, Independent)
def _independent(p: Any, q: Any) -> Tensor:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError
    return sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


@register_kl(Uniform, Uniform)
def _uniform(p: Any, q: Any) -> Tensor:
    result = ((q.high - q.low) / (p.high - p.low)).log()
    return ops.where((q.low > p.low) | (q.high < p.high), math.inf, result)


# -- different kinds: -entropy(p) less the expectation of log q, said by expectations under p ------------------------


def _mean_log(p: Any) -> Tensor:
    """The expected log(x)."""
    if isinstance(p, Beta):
        return p.concentration1.digamma() - (p.concentration1 + p.concentration0).digamma()
    if isinstance(p, Gamma):
        return p.concentration.digamma() - p.rate.log()
    if isinstance(p, Exponential):
        return -EULER - p.rate.log()
    if isinstance(p, Pareto):
        return p.scale.log() + p.alpha.reciprocal()
    return _log_area(p.low, p.high) / (p.high - p.low)


def _log_area(low: Tensor, high: Tensor) -> Tensor:
    return ops.xlogy(high, high) - ops.xlogy(low, low) - (high - low)


def _mean_exp(p: Any, scale: Tensor) -> Tensor:
    """The expected exp(-x / scale)."""
    if isinstance(p, Exponential):
        return p.rate / (p.rate + 1 / scale)
    if isinstance(p, Gamma):
        return (1 + 1 / (p.rate * scale)).pow(-p.concentration)
    if isinstance(p, Normal):
        return (0.5 * (p.scale / scale).pow(2) - p.loc / scale).exp()
    return scale * ((-p.low / scale).exp() - (-p.high / scale).exp()) / (p.high - p.low)


def _beta_under(p: Any, q: Any) -> Tensor:
    a, b = q.concentration1, q.concentration0
    rest = _log_area(1 - p.high, 1 - p.low) / (p.high - p.low)  # the expected log(1 - x) of a uniform x
    return (a - 1) * _mean_log(p) + (b - 1) * rest - (a.lgamma() + b.lgamma() - (a + b).lgamma())


def _gumbel_under(p: Any, q: Any) -> Tensor:
    return -q.scale.log() - (p.mean - q.loc) / q.scale - (q.loc / q.scale).exp() * _mean_exp(p, q.scale)


def _normal_under(p: Any, q: Any) -> Tensor:
    return -0.5 * math.log(2 * math.pi) - q.scale.log() - (p.variance + (p.mean - q.loc).pow(2)) / (2 * q.scale.pow(2))


def _laplace_under(p: Any, q: Any) -> Tensor:
    off = (p.loc - q.loc) / p.scale
    gap = p.scale * (math.sqrt(2 / math.pi) * (-0.5 * off * off).exp() + off * (off * math.sqrt(0.5)).erf())
    return -(2 * q.scale).log() - gap / q.scale


def _gamma_under(p: Any, q: Any) -> Tensor:
    c = q.concentration
    return c * q.rate.log() - c.lgamma() + (c - 1) * _mean_log(p) - q.rate * p.mean


_EXPECTED: dict[type, Callable[[Any, Any], Tensor]] = {
    Beta: _beta_under,
    ContinuousBernoulli: lambda p, q: p.mean * q.logits + (-q.probs).log1p() + q._log_norm(),
    Exponential: lambda p, q: q.rate.log() - q.rate * p.mean,
    Gamma: _gamma_under,
    Gumbel: _gumbel_under,
    Laplace: _laplace_under,
    Normal: _normal_under,
    Pareto: lambda p, q: q.alpha.log() + q.alpha * q.scale.log() - (q.alpha + 1) * _mean_log(p),
    Poisson: lambda p, q: p.mean * q.rate.log() - q.rate,
    Uniform: lambda p, q: -(q.high - q.low).log(),
}


def _within(p: Any, q: Any) -> Any:
    """Whether values of p are values of q, where that depends on parameters; None where it does not."""
    if isinstance(q, Uniform):  # p is over [0, 1]
        return (q.low <= 0) & (q.high >= 1)
    if not isinstance(p, Uniform) or isinstance(q, (Gumbel, Normal)):
        return None
    if isinstance(q, (Beta, ContinuousBernoulli)):
        return (p.low >= 0) & (p.high <= 1)
    return p.low >= (q.scale if isinstance(q, Pareto) else 0)


def _cross(p: Any, q: Any) -> Tensor:
    kind = next(k for k in type(q).__mro__ if k in _EXPECTED)
    result = -p.entropy() - _EXPECTED[kind](p, q)
    within = _within(p, q)
    return result if within is None else ops.where(within, result, math.inf)


def _infinite(p: Any, q: Any) -> Tensor:
    return ops.full_like(p.entropy(), math.inf)


_Kinds = tuple[type[Distribution], ...]
_UNIT: _Kinds = (Beta, ContinuousBernoulli)
_PAIRS: tuple[tuple[type[Distribution], _Kinds, _Kinds], ...] = (
    (Bernoulli, (Poisson,), ()),
    (Beta, (ContinuousBernoulli, Exponential, Gamma, Normal, Uniform), (Pareto,)),
    (ContinuousBernoulli, (Exponential, Normal, Uniform), (Pareto,)),
    (Exponential, (Gamma, Gumbel, Normal), (*_UNIT, Pareto, Uniform)),
    (Gamma, (Exponential, Gumbel, Normal), (*_UNIT, Pareto, Uniform)),
    (Gumbel, (Normal,), (*_UNIT, Exponential, Gamma, Pareto, Uniform)),
    (Laplace, (Normal,), (*_UNIT, Exponential, Gamma, Pareto, Uniform)),
    (Normal, (Gumbel, Laplace), (*_UNIT, Exponential, Gamma, Pareto, Uniform)),
    (Pareto, (Exponential, Gamma, Normal), (*_UNIT, Uniform)),
    (Uniform, (*_UNIT, Exponential, Gamma, Gumbel, Normal, Pareto), ()),
)
for _kind, _finite, _never in _PAIRS:
    for _q in _finite:
        register_kl(_kind, _q)(_cross)
    for _q in _never:
        register_kl(_kind, _q)(_infinite)


@register_kl(Poisson, Bernoulli)
@register_kl(Poisson, Binomial)
def _counts(p: Any, q: Any) -> Tensor:
    return ops.full_like(p.rate, math.inf)
