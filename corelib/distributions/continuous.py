"""Distributions over the real numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .. import ops
from ..autograd import no_grad
from ..dtypes import finfo
from ..ops.transcendental import erfinv
from ..tensor import Tensor
from .distribution import Distribution, broadcast_all

__all__ = ["Cauchy", "Exponential", "Gumbel", "HalfNormal", "Laplace", "LogNormal", "Normal", "Uniform"]

_EULER = 0.5772156649015329


class _LocationScale(Distribution):
    """A standard variable, scaled and moved."""

    has_rsample = True
    parameters = ("loc", "scale")

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)
        self._require("loc", self.loc, ops.eq(self.loc, self.loc), "Real()")
        self._require("scale", self.scale, self.scale > 0, "GreaterThan(lower_bound=0.0)")

    def _standard(self, shape: tuple[int, ...]) -> Tensor:
        raise NotImplementedError

    def _like(self) -> dict[str, Any]:
        return {"dtype": self.loc.dtype, "device": self.loc.device}

    def _open_uniform(self, shape: tuple[int, ...]) -> Tensor:
        """Uniform numbers that are not 0."""
        return ops.rand(*shape, **self._like()) * (1 - finfo(self.loc.dtype).eps) + finfo(self.loc.dtype).tiny

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with no_grad():
            standard = self._standard(self._extended_shape(sample_shape))
        return self.loc + self.scale * standard

    def _centred(self, value: Tensor) -> Tensor:
        self._require_value(value, ops.eq(value, value), "Real()")
        return (value - self.loc) / self.scale


class Normal(_LocationScale):
    """The normal distribution with mean ``loc`` and standard deviation ``scale``."""

    def _standard(self, shape: tuple[int, ...]) -> Tensor:
        return ops.randn(*shape, **self._like())

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        """The most likely value."""
        return self.loc

    @property
    def variance(self) -> Tensor:
        return self.scale * self.scale

    def log_prob(self, value: Tensor) -> Tensor:
        z = self._centred(value)
        return -0.5 * z * z - ops.log(self.scale) - 0.5 * math.log(2 * math.pi)

    def cdf(self, value: Tensor) -> Tensor:
        return 0.5 * (1 + ops.erf(self._centred(value) / math.sqrt(2)))

    def icdf(self, value: Tensor) -> Tensor:
        return self.loc + self.scale * erfinv(2 * value - 1) * math.sqrt(2)

    def entropy(self) -> Tensor:
        return 0.5 + 0.5 * math.log(2 * math.pi) + ops.log(self.scale)


class LogNormal(Normal):
    """The distribution of e**x for a normal x with mean ``loc`` and standard deviation ``scale``."""

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return ops.exp(super().rsample(sample_shape))

    @property
    def mean(self) -> Tensor:
        return ops.exp(self.loc + self.scale * self.scale / 2)

    @property
    def mode(self) -> Tensor:
        return ops.exp(self.loc - self.scale * self.scale)

    @property
    def variance(self) -> Tensor:
        s = self.scale * self.scale
        return ops.expm1(s) * ops.exp(2 * self.loc + s)

    def log_prob(self, value: Tensor) -> Tensor:
        logarithm = ops.log(value)
        return super().log_prob(logarithm) - logarithm

    def cdf(self, value: Tensor) -> Tensor:
        return super().cdf(ops.log(value))

    def icdf(self, value: Tensor) -> Tensor:
        return ops.exp(super().icdf(value))

    def entropy(self) -> Tensor:
        return super().entropy() + self.loc


class HalfNormal(Distribution):
    """The distribution of |x| for a normal x with mean 0 and standard deviation ``scale``."""

    has_rsample = True
    parameters = ("scale",)

    def __init__(self, scale: Any, validate_args: bool | None = None) -> None:
        self._normal = Normal(0, scale, validate_args=validate_args)
        self.scale = self._normal.scale
        super().__init__(self.scale.shape, validate_args=validate_args)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return ops.abs(self._normal.rsample(sample_shape))

    @property
    def mean(self) -> Tensor:
        return self.scale * math.sqrt(2 / math.pi)

    @property
    def variance(self) -> Tensor:
        return self.scale * self.scale * (1 - 2 / math.pi)

    def log_prob(self, value: Tensor) -> Tensor:
        self._require_value(value, value >= 0, "GreaterThanEq(lower_bound=0.0)")
        return self._normal.log_prob(value) + math.log(2)

    def cdf(self, value: Tensor) -> Tensor:
        return 2 * self._normal.cdf(value) - 1

    def entropy(self) -> Tensor:
        return self._normal.entropy() - math.log(2)


class Laplace(_LocationScale):
    """Density exp(-|x - loc| / scale) / (2 scale)."""

    def _standard(self, shape: tuple[int, ...]) -> Tensor:
        u = self._open_uniform(shape) - 0.5
        return -ops.sign(u) * ops.log1p(-2 * ops.abs(u))

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return 2 * self.scale * self.scale

    def log_prob(self, value: Tensor) -> Tensor:
        return -ops.log(2 * self.scale) - ops.abs(self._centred(value))

    def cdf(self, value: Tensor) -> Tensor:
        z = self._centred(value)
        return 0.5 - 0.5 * ops.sign(z) * ops.expm1(-ops.abs(z))

    def icdf(self, value: Tensor) -> Tensor:
        term = value - 0.5
        return self.loc - self.scale * ops.sign(term) * ops.log1p(-2 * ops.abs(term))

    def entropy(self) -> Tensor:
        return 1 + ops.log(2 * self.scale)


class Gumbel(_LocationScale):
    """The distribution of -log(e) for an exponential e, scaled and moved."""

    def _standard(self, shape: tuple[int, ...]) -> Tensor:
        return -ops.log(-ops.log(self._open_uniform(shape)))

    @property
    def mean(self) -> Tensor:
        return self.loc + self.scale * _EULER

    @property
    def variance(self) -> Tensor:
        return self.scale * self.scale * (math.pi**2 / 6)

    def log_prob(self, value: Tensor) -> Tensor:
        z = self._centred(value)
        return -z - ops.exp(-z) - ops.log(self.scale)

    def cdf(self, value: Tensor) -> Tensor:
        return ops.exp(-ops.exp(-self._centred(value)))

    def entropy(self) -> Tensor:
        return ops.log(self.scale) + (1 + _EULER)


class Cauchy(_LocationScale):
    """Density 1 / (pi scale (1 + ((x - loc) / scale)**2)); it has no mean."""

    def _standard(self, shape: tuple[int, ...]) -> Tensor:
        angle = (self._open_uniform(shape) - 0.5) * math.pi
        return ops.sin(angle) / ops.cos(angle)

    @property
    def mean(self) -> Tensor:
        return ops.full_like(self.loc, float("nan"))

    @property
    def variance(self) -> Tensor:
        return ops.full_like(self.loc, float("inf"))

    def log_prob(self, value: Tensor) -> Tensor:
        z = self._centred(value)
        return -math.log(math.pi) - ops.log(self.scale) - ops.log1p(z * z)

    def cdf(self, value: Tensor) -> Tensor:
        return ops.atan2(value - self.loc, self.scale) / math.pi + 0.5

    def entropy(self) -> Tensor:
        return math.log(4 * math.pi) + ops.log(self.scale)


class Exponential(Distribution):
    """Density rate * exp(-rate * x) over x >= 0."""

    has_rsample = True
    parameters = ("rate",)

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        (self.rate,) = broadcast_all(rate)
        super().__init__(self.rate.shape, validate_args=validate_args)
        self._require("rate", self.rate, self.rate > 0, "GreaterThan(lower_bound=0.0)")

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with no_grad():
            u = ops.rand(*self._extended_shape(sample_shape), dtype=self.rate.dtype, device=self.rate.device)
            standard = -ops.log1p(-u)
        return standard / self.rate

    @property
    def mean(self) -> Tensor:
        return 1 / self.rate

    @property
    def variance(self) -> Tensor:
        return 1 / (self.rate * self.rate)

    def log_prob(self, value: Tensor) -> Tensor:
        self._require_value(value, value >= 0, "GreaterThanEq(lower_bound=0.0)")
        return ops.log(self.rate) - self.rate * value

    def cdf(self, value: Tensor) -> Tensor:
        return -ops.expm1(-self.rate * value)

    def icdf(self, value: Tensor) -> Tensor:
        return -ops.log1p(-value) / self.rate

    def entropy(self) -> Tensor:
        return 1 - ops.log(self.rate)


class Uniform(Distribution):
    """Constant density over [low, high)."""

    has_rsample = True
    parameters = ("low", "high")

    def __init__(self, low: Any, high: Any, validate_args: bool | None = None) -> None:
        self.low, self.high = broadcast_all(low, high)
        super().__init__(self.low.shape, validate_args=validate_args)
        if self._validate_args and not bool((self.low < self.high).all()):
            raise ValueError("Uniform is not defined when low>= high")

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with no_grad():
            u = ops.rand(*self._extended_shape(sample_shape), dtype=self.low.dtype, device=self.low.device)
        return self.low + u * (self.high - self.low)

    @property
    def mean(self) -> Tensor:
        return (self.high + self.low) / 2

    @property
    def variance(self) -> Tensor:
        width = self.high - self.low
        return width * width / 12

    def log_prob(self, value: Tensor) -> Tensor:
        inside = (self.low <= value) & (value < self.high)
        self._require_value(value, (self.low <= value) & (value <= self.high), "Interval")
        return ops.log(inside.to(self.low.dtype)) - ops.log(self.high - self.low)

    def cdf(self, value: Tensor) -> Tensor:
        return ops.clamp((value - self.low) / (self.high - self.low), 0, 1)

    def icdf(self, value: Tensor) -> Tensor:
        return value * (self.high - self.low) + self.low

    def entropy(self) -> Tensor:
        return ops.log(self.high - self.low)
