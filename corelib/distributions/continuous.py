"""Distributions over the real numbers that are moved and scaled, or made of those."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from .. import _functions as ops
from ..autograd import no_grad
from ..ops.special_functions import i0e, i1e
from ..ops.transcendental import xlog1py
from ..tensor import Tensor
from . import constraints
from .combined import TransformedDistribution
from .distribution import Distribution, ExponentialFamily
from .transforms import AbsTransform, AffineTransform, ExpTransform, PowerTransform, StickBreakingTransform
from .utils import broadcast_all, lazy_property, open_uniform

__all__ = [
    "Cauchy", "Exponential", "GeneralizedPareto", "Gumbel", "HalfCauchy", "HalfNormal", "Kumaraswamy", "Laplace",
    "LogNormal", "LogisticNormal", "Normal", "Pareto", "Uniform", "VonMises", "Weibull",
]  # fmt: skip

EULER = 0.5772156649015329


class _LocationScale(Distribution):
    """A standard variable, scaled and moved."""

    has_rsample = True
    arg_constraints: ClassVar[dict[str, Any]] = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self._set(validate_args, loc=loc, scale=scale)

    loc: Tensor
    scale: Tensor
    mean = property(lambda self: self.loc)
    mode = property(lambda self: self.loc)

    def _standard(self, shape: Sequence[int]) -> Tensor:
        raise NotImplementedError

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with no_grad():
            standard = self._standard(self._extended_shape(sample_shape))
        return self.loc + self.scale * standard

    def _centred(self, value: Tensor) -> Tensor:
        return (self._checked(value) - self.loc) / self.scale


class Normal(_LocationScale, ExponentialFamily):
    """The normal distribution with mean ``loc`` and standard deviation ``scale``."""

    stddev = property(lambda self: self.scale)
    variance = property(lambda self: self.scale * self.scale)

    def _standard(self, shape: Sequence[int]) -> Tensor:
        return ops.randn(*shape, dtype=self.loc.dtype, device=self.loc.device)

    def log_prob(self, value: Tensor) -> Tensor:
        z = self._centred(value)
        return -0.5 * z * z - self.scale.log() - 0.5 * math.log(2 * math.pi)

    def cdf(self, value: Tensor) -> Tensor:
        return 0.5 * ops.erfc(self._centred(value) * -math.sqrt(0.5))

    def icdf(self, value: Tensor) -> Tensor:
        return self.loc + self.scale * ops.erfinv(2 * value - 1) * math.sqrt(2)

    def entropy(self) -> Tensor:
        return 0.5 + 0.5 * math.log(2 * math.pi) + self.scale.log()


class Laplace(_LocationScale):
    """Density exp(-|x - loc| / scale) / (2 scale)."""

    variance = property(lambda self: 2 * self.scale * self.scale)
    stddev = property(lambda self: math.sqrt(2) * self.scale)

    def _standard(self, shape: Sequence[int]) -> Tensor:
        u = open_uniform(shape, self.loc) - 0.5
        return -ops.sign(u) * ops.log1p(-2 * u.abs())

    def log_prob(self, value: Tensor) -> Tensor:
        return -(2 * self.scale).log() - self._centred(value).abs()

    def cdf(self, value: Tensor) -> Tensor:
        z = self._centred(value)
        return 0.5 - 0.5 * z.sign() * (-z.abs()).expm1()

    def icdf(self, value: Tensor) -> Tensor:
        term = value - 0.5
        return self.loc - self.scale * term.sign() * (-2 * term.abs()).log1p()

    def entropy(self) -> Tensor:
        return 1 + (2 * self.scale).log()


class Gumbel(_LocationScale):
    """The distribution of -log(e) for an exponential e, scaled and moved."""

    mean = property(lambda self: self.loc + self.scale * EULER)
    stddev = property(lambda self: (math.pi / math.sqrt(6)) * self.scale)
    variance = property(lambda self: self.scale * self.scale * (math.pi**2 / 6))

    def _standard(self, shape: Sequence[int]) -> Tensor:
        return -(-open_uniform(shape, self.loc).log()).log()

    def log_prob(self, value: Tensor) -> Tensor:
        z = self._centred(value)
        return -z - (-z).exp() - self.scale.log()

    def cdf(self, value: Tensor) -> Tensor:
        return (-(-self._centred(value)).exp()).exp()

    def icdf(self, value: Tensor) -> Tensor:
        return self.loc - self.scale * (-value.log()).log()

    def entropy(self) -> Tensor:
        return self.scale.log() + (1 + EULER)


class Cauchy(_LocationScale):
    """Density 1 / (pi scale (1 + ((x - loc) / scale)**2)); it has no mean."""

    mean = property(lambda self: ops.full_like(self.loc, math.nan))
    variance = property(lambda self: ops.full_like(self.loc, math.inf))

    def _standard(self, shape: Sequence[int]) -> Tensor:
        return ((open_uniform(shape, self.loc) - 0.5) * math.pi).tan()

    def log_prob(self, value: Tensor) -> Tensor:
        z = self._centred(value)
        return -math.log(math.pi) - self.scale.log() - (z * z).log1p()

    def cdf(self, value: Tensor) -> Tensor:
        return self._centred(value).atan() / math.pi + 0.5

    def icdf(self, value: Tensor) -> Tensor:
        return ((value - 0.5) * math.pi).tan() * self.scale + self.loc

    def entropy(self) -> Tensor:
        return math.log(4 * math.pi) + self.scale.log()


class Exponential(ExponentialFamily):
    """Density rate * exp(-rate * x) over x >= 0."""

    has_rsample = True
    arg_constraints: ClassVar[dict[str, Any]] = {"rate": constraints.positive}
    support = constraints.nonnegative

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        self._set(validate_args, rate=rate)

    rate: Tensor
    mean = property(lambda self: self.rate.reciprocal())
    mode = property(lambda self: ops.zeros_like(self.rate))
    stddev = property(lambda self: self.rate.reciprocal())
    variance = property(lambda self: self.rate.pow(-2))

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with no_grad():
            u = ops.rand(*self._extended_shape(sample_shape), dtype=self.rate.dtype, device=self.rate.device)
            standard = -(-u).log1p()
        return standard / self.rate

    def log_prob(self, value: Tensor) -> Tensor:
        return self.rate.log() - self.rate * self._checked(value)

    def cdf(self, value: Tensor) -> Tensor:
        return -(-self.rate * self._checked(value)).expm1()

    def icdf(self, value: Tensor) -> Tensor:
        return -(-value).log1p() / self.rate

    def entropy(self) -> Tensor:
        return 1 - self.rate.log()


class Uniform(Distribution):
    """Constant density over [low, high)."""

    has_rsample = True

    def __init__(self, low: Any, high: Any, validate_args: bool | None = None) -> None:
        self._set(validate_args, low=low, high=high)
        if self._validate_args and not bool((self.low < self.high).all()):
            raise ValueError("Uniform is not defined when low>= high")

    @property
    def arg_constraints(self) -> dict[str, Any]:
        """What the parameters must satisfy."""
        return {"low": constraints.less_than(self.high), "high": constraints.greater_than(self.low)}

    @constraints.dependent_property(is_discrete=False, event_dim=0)  # type: ignore[untyped-decorator]
    def support(self) -> Any:
        return constraints.interval(self.low, self.high)

    low: Tensor
    high: Tensor
    mean = property(lambda self: (self.high + self.low) / 2)
    mode = property(lambda self: math.nan * self.high)
    stddev = property(lambda self: (self.high - self.low) / math.sqrt(12))
    variance = property(lambda self: (self.high - self.low).pow(2) / 12)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        u = ops.rand(*self._extended_shape(sample_shape), dtype=self.low.dtype, device=self.low.device)
        return self.low + u * (self.high - self.low)

    def log_prob(self, value: Tensor) -> Tensor:
        value = self._checked(value)
        inside = (self.low <= value) & (value < self.high)
        return inside.to(self.low.dtype).log() - (self.high - self.low).log()

    def cdf(self, value: Tensor) -> Tensor:
        return ops.clamp((self._checked(value) - self.low) / (self.high - self.low), 0, 1)

    def icdf(self, value: Tensor) -> Tensor:
        return value * (self.high - self.low) + self.low

    def entropy(self) -> Tensor:
        return (self.high - self.low).log()


class VonMises(Distribution):
    """Angles with density exp(concentration * cos(x - loc)) / (2 pi I0(concentration))."""

    arg_constraints: ClassVar[dict[str, Any]] = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real

    def __init__(self, loc: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self._set(validate_args, loc=loc, concentration=concentration)

    loc: Tensor
    concentration: Tensor
    mean = property(lambda self: self.loc)
    mode = property(lambda self: self.loc)

    @lazy_property
    def variance(self) -> Tensor:
        """The circular one."""
        return 1 - i1e(self.concentration) / i0e(self.concentration)

    def log_prob(self, value: Tensor) -> Tensor:
        off = self._checked(value) - self.loc
        k = self.concentration
        return k * (off.cos() - 1) - math.log(2 * math.pi) - i0e(k).log()

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        from ..ops.variates import _by_rejection, _unit, _wide

        with no_grad():  # Best and Fisher's method
            shape = self._extended_shape(sample_shape)
            loc, k = _wide(self.loc.expand(shape), self.concentration.expand(shape))
            tau = 1 + (1 + 4 * k * k).sqrt()
            rho = (tau - (2 * tau).sqrt()) / (2 * k)
            r = ops.where(k < 1e-5, 1 / k + k, (1 + rho * rho) / (2 * rho))

            def attempt(k: Tensor, r: Tensor) -> tuple[Tensor, Tensor]:
                u, v, sign = _unit(k, None), _unit(k, None), _unit(k, None)
                z = (math.pi * u).cos()
                f = (1 + r * z) / (r + z)
                c = k * (r - f)
                accepted = (c * (2 - c) - v > 0) | ((c / v).log() + 1 - c >= 0) | (k != k)
                return (sign - 0.5).sign() * f.clamp(-1, 1).acos(), accepted

            angle = _by_rejection(attempt, k, r) + loc
            return ((angle + math.pi).remainder(2 * math.pi) - math.pi).reshape(shape).to(self.loc.dtype)


class GeneralizedPareto(Distribution):
    """Excesses over a threshold ``loc``: survival (1 + concentration * z) ** (-1 / concentration)."""

    has_rsample = True
    arg_constraints: ClassVar[dict[str, Any]] = {
        "loc": constraints.real, "scale": constraints.positive, "concentration": constraints.real
    }  # fmt: skip

    def __init__(self, loc: Any, scale: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self._set(validate_args, loc=loc, scale=scale, concentration=concentration)

    loc: Tensor
    scale: Tensor
    concentration: Tensor
    mode = property(lambda self: self.loc)

    @constraints.dependent_property(is_discrete=False, event_dim=0)  # type: ignore[untyped-decorator]
    def support(self) -> Any:
        c = self.concentration
        upper = ops.where(c < 0, self.loc - self.scale / ops.where(c < 0, c, 1.0), math.inf)
        return constraints.interval(self.loc, upper)

    def _safe(self) -> tuple[Tensor, Tensor]:
        none = self.concentration.abs() <= 1e-8
        return none, ops.where(none, 1.0, self.concentration)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self.icdf(ops.rand(*self._extended_shape(sample_shape), dtype=self.loc.dtype, device=self.loc.device))

    def log_prob(self, value: Tensor) -> Tensor:
        z = (self._checked(value) - self.loc) / self.scale
        none, c = self._safe()
        return -self.scale.log() - ops.where(none, z, xlog1py(1 / c + 1, c * z))

    def log_survival_function(self, value: Tensor) -> Tensor:
        """log(1 - cdf)."""
        z = (self._checked(value) - self.loc) / self.scale
        none, c = self._safe()
        return -ops.where(none, z, (c * z).log1p() / c)

    def log_cdf(self, value: Tensor) -> Tensor:
        """log(cdf)."""
        return (-self.log_survival_function(value).exp()).log1p()

    def cdf(self, value: Tensor) -> Tensor:
        return self.log_cdf(value).exp()

    def icdf(self, value: Tensor) -> Tensor:
        none, c = self._safe()
        level = (-value).log1p()
        return self.loc + self.scale * ops.where(none, -level, (-c * level).expm1() / c)

    @property
    def mean(self) -> Tensor:
        c = ops.where(self.concentration < 1, self.concentration, 0.5)
        return ops.where(self.concentration < 1, self.loc + self.scale / (1 - c), math.nan)

    @property
    def variance(self) -> Tensor:
        c = ops.where(self.concentration < 0.5, self.concentration, 0.25)
        result = self.scale.pow(2) / ((1 - c).pow(2) * (1 - 2 * c))
        return ops.where(self.concentration < 0.5, result, math.nan)

    def entropy(self) -> Tensor:
        return self.scale.log() + self.concentration + 1


# -- transformed ones --------------------------------------------------------------------------------------------


class LogNormal(TransformedDistribution):
    """The distribution of e**x for a normal x with mean ``loc`` and standard deviation ``scale``."""

    arg_constraints: ClassVar[dict[str, Any]] = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.positive
    has_rsample = True

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        super().__init__(Normal(loc, scale, validate_args), ExpTransform(), validate_args)

    loc: Any = property(lambda self: self.base_dist.loc)
    scale: Any = property(lambda self: self.base_dist.scale)
    mean = property(lambda self: (self.loc + self.scale.pow(2) / 2).exp())
    mode = property(lambda self: (self.loc - self.scale.pow(2)).exp())
    variance = property(lambda self: self.scale.pow(2).expm1() * (2 * self.loc + self.scale.pow(2)).exp())

    def entropy(self) -> Tensor:
        return self.base_dist.entropy() + self.loc


class _Half(TransformedDistribution):
    """The absolute value of a symmetric variable around 0."""

    arg_constraints: ClassVar[dict[str, Any]] = {"scale": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True
    _base: ClassVar[Any]

    def __init__(self, scale: Any, validate_args: bool | None = None) -> None:
        super().__init__(self._base(0, scale, validate_args=False), AbsTransform(), validate_args)

    scale: Any = property(lambda self: self.base_dist.scale)
    mode = property(lambda self: ops.zeros_like(self.scale))

    def log_prob(self, value: Tensor) -> Tensor:
        result = self.base_dist.log_prob(self._checked(value)) + math.log(2)
        return ops.where(value >= 0, result, -math.inf)

    def cdf(self, value: Tensor) -> Tensor:
        return 2 * self.base_dist.cdf(self._checked(value)) - 1

    def icdf(self, value: Tensor) -> Tensor:
        return self.base_dist.icdf((value + 1) / 2)

    def entropy(self) -> Tensor:
        return self.base_dist.entropy() - math.log(2)


class HalfNormal(_Half):
    """The distribution of |x| for a normal x with mean 0 and standard deviation ``scale``."""

    _base = Normal
    mean = property(lambda self: self.scale * math.sqrt(2 / math.pi))
    variance = property(lambda self: self.scale.pow(2) * (1 - 2 / math.pi))


class HalfCauchy(_Half):
    """The distribution of |x| for a Cauchy variable x around 0."""

    _base = Cauchy
    mean = property(lambda self: ops.full_like(self.scale, math.inf))
    variance = property(lambda self: self.base_dist.variance)


class LogisticNormal(TransformedDistribution):
    """Points of the simplex: a normal vector with broken sticks."""

    arg_constraints: ClassVar[dict[str, Any]] = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.simplex
    has_rsample = True

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        base = Normal(loc, scale, validate_args)
        base = base if base.batch_shape else base.expand([1])
        super().__init__(base, StickBreakingTransform(), validate_args)

    loc: Any = property(lambda self: self.base_dist.base_dist.loc)
    scale: Any = property(lambda self: self.base_dist.base_dist.scale)


class Pareto(TransformedDistribution):
    """Density alpha * scale**alpha / x**(alpha + 1) over x >= scale."""

    arg_constraints: ClassVar[dict[str, Any]] = {"alpha": constraints.positive, "scale": constraints.positive}
    has_rsample = True

    def __init__(self, scale: Any, alpha: Any, validate_args: bool | None = None) -> None:
        self.scale, self.alpha = broadcast_all(scale, alpha)
        base = Exponential(self.alpha, validate_args=validate_args)
        super().__init__(base, [ExpTransform(), AffineTransform(0, self.scale)], validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)  # type: ignore[untyped-decorator]
    def support(self) -> Any:
        return constraints.greater_than_eq(self.scale)

    mode = property(lambda self: self.scale)

    @property
    def mean(self) -> Tensor:
        a = self.alpha.clamp(min=1)
        return a * self.scale / (a - 1)

    @property
    def variance(self) -> Tensor:
        a = self.alpha.clamp(min=2)
        return self.scale.pow(2) * a / ((a - 1).pow(2) * (a - 2))

    def entropy(self) -> Tensor:
        return (self.scale / self.alpha).log() + (1 + self.alpha.reciprocal())


class Weibull(TransformedDistribution):
    """Survival exp(-(x / scale) ** concentration)."""

    arg_constraints: ClassVar[dict[str, Any]] = {"scale": constraints.positive, "concentration": constraints.positive}
    support = constraints.positive
    has_rsample = True

    def __init__(self, scale: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.scale, self.concentration = broadcast_all(scale, concentration)
        self.concentration_reciprocal = self.concentration.reciprocal()
        base = Exponential(ops.ones_like(self.scale), validate_args=validate_args)
        chain = [PowerTransform(self.concentration_reciprocal), AffineTransform(0, self.scale)]
        super().__init__(base, chain, validate_args)

    mean = property(lambda self: self.scale * (1 + self.concentration_reciprocal).lgamma().exp())

    @property
    def mode(self) -> Tensor:
        k = self.concentration
        return self.scale * ((k - 1) / k) ** k.reciprocal()

    @property
    def variance(self) -> Tensor:
        r = self.concentration_reciprocal
        return self.scale.pow(2) * ((1 + 2 * r).lgamma().exp() - (2 * (1 + r).lgamma()).exp())

    def entropy(self) -> Tensor:
        r = self.concentration_reciprocal
        return EULER * (1 - r) + (self.scale * r).log() + 1


class Kumaraswamy(TransformedDistribution):
    """Distribution function 1 - (1 - x ** concentration1) ** concentration0 over [0, 1]."""

    arg_constraints: ClassVar[dict[str, Any]] = {
        "concentration1": constraints.positive, "concentration0": constraints.positive
    }  # fmt: skip
    support = constraints.unit_interval
    has_rsample = True

    def __init__(self, concentration1: Any, concentration0: Any, validate_args: bool | None = None) -> None:
        a, b = self.concentration1, self.concentration0 = broadcast_all(concentration1, concentration0)
        base = Uniform(ops.full_like(a, 0), ops.full_like(a, 1), validate_args=validate_args)
        chain = [PowerTransform(b.reciprocal()), AffineTransform(1.0, -1.0), PowerTransform(a.reciprocal())]
        super().__init__(base, chain, validate_args)

    def _moment(self, n: int) -> Tensor:
        a, b = self.concentration1, self.concentration0
        arg = 1 + n / a
        return (b.log() + arg.lgamma() + b.lgamma() - (arg + b).lgamma()).exp()

    mean = property(lambda self: self._moment(1))
    variance = property(lambda self: self._moment(2) - self._moment(1).pow(2))

    @property
    def mode(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        level = b.reciprocal() * (-b).log1p() - (-b * a).log1p()
        return ops.where((b < 1) | (a < 1), math.nan, level.exp())

    def entropy(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        return (1 - b.reciprocal()) + (1 - a.reciprocal()) * ((b + 1).digamma() + EULER) - a.log() - b.log()
