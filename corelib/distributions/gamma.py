"""Distributions made of gamma variables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from .. import _functions as ops
from ..dtypes import finfo
from ..nn.functional import one_hot
from ..ops.variates import standard_log_gamma
from ..tensor import Tensor
from . import constraints
from .combined import TransformedDistribution
from .distribution import Distribution, ExponentialFamily
from .transforms import PowerTransform

__all__ = ["Beta", "Chi2", "Dirichlet", "FisherSnedecor", "Gamma", "InverseGamma", "StudentT"]


def at_least_tiny(value: Tensor) -> Tensor:
    """Not below the smallest normal number."""
    return value.clamp(min=finfo(value.dtype).tiny)


class Gamma(ExponentialFamily):
    """Density rate**c * x**(c - 1) * exp(-rate * x) / Gamma(c) for the concentration c."""

    arg_constraints: ClassVar[dict[str, Any]] = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None) -> None:
        self._set(validate_args, concentration=concentration, rate=rate)

    concentration: Tensor
    rate: Tensor
    mean = property(lambda self: self.concentration / self.rate)
    mode = property(lambda self: ((self.concentration - 1) / self.rate).clamp(min=0))
    variance = property(lambda self: self.concentration / self.rate.pow(2))

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        drawn = ops._standard_gamma(self.concentration.expand(shape)) / self.rate.expand(shape)
        return at_least_tiny(drawn)

    def log_prob(self, value: Tensor) -> Tensor:
        value = self._checked(value)
        c, rate = self.concentration, self.rate
        return ops.xlogy(c, rate) + ops.xlogy(c - 1, value) - rate * value - c.lgamma()

    def entropy(self) -> Tensor:
        c = self.concentration
        return c - self.rate.log() + c.lgamma() + (1.0 - c) * c.digamma()

    def cdf(self, value: Tensor) -> Tensor:
        return ops.igamma(self.concentration, self.rate * self._checked(value))


class Chi2(Gamma):
    """The sum of ``df`` squared standard normal variables."""

    arg_constraints: ClassVar[dict[str, Any]] = {"df": constraints.positive}

    def __init__(self, df: Any, validate_args: bool | None = None) -> None:
        super().__init__(0.5 * df, 0.5, validate_args=validate_args)

    df = property(lambda self: self.concentration * 2)


class InverseGamma(TransformedDistribution):
    """The reciprocal of a gamma variable."""

    arg_constraints: ClassVar[dict[str, Any]] = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.positive
    has_rsample = True

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None) -> None:
        base = Gamma(concentration, rate, validate_args=validate_args)
        super().__init__(base, PowerTransform(-base.rate.new_ones(())), validate_args)

    concentration: Any = property(lambda self: self.base_dist.concentration)
    rate: Any = property(lambda self: self.base_dist.rate)
    mode = property(lambda self: self.rate / (self.concentration + 1))

    @property
    def mean(self) -> Tensor:
        return ops.where(self.concentration > 1, self.rate / (self.concentration - 1), math.inf)

    @property
    def variance(self) -> Tensor:
        c = self.concentration
        return ops.where(c > 2, self.rate.square() / ((c - 1).square() * (c - 2)), math.inf)

    def entropy(self) -> Tensor:
        c = self.concentration
        return c + self.rate.log() + c.lgamma() - (1 + c) * c.digamma()


class Dirichlet(ExponentialFamily):
    """Points of the simplex with density in proportion to the product of x ** (concentration - 1)."""

    arg_constraints: ClassVar[dict[str, Any]] = {"concentration": constraints.independent(constraints.positive, 1)}
    support = constraints.simplex
    has_rsample = True

    def __init__(self, concentration: Tensor, validate_args: bool | None = None) -> None:
        if concentration.dim() < 1:
            raise ValueError("`concentration` parameter must be at least one-dimensional.")
        self._set(validate_args, 1, concentration=concentration)

    concentration: Tensor
    mean = property(lambda self: self.concentration / self.concentration.sum(-1, True))

    @property
    def mode(self) -> Tensor:
        above = (self.concentration - 1).clamp(min=0.0)
        mode = above / above.sum(-1, True)
        corner = one_hot(self.concentration.argmax(-1), mode.shape[-1]).to(mode.dtype)
        return ops.where((self.concentration < 1).all(-1, True), corner, mode)

    @property
    def variance(self) -> Tensor:
        total = self.concentration.sum(-1, True)
        return self.concentration * (total - self.concentration) / (total.pow(2) * (total + 1))

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        logarithms = standard_log_gamma(self.concentration.expand(self._extended_shape(sample_shape)))
        return at_least_tiny(logarithms.softmax(-1))

    def log_prob(self, value: Tensor) -> Tensor:
        c = self.concentration
        return ops.xlogy(c - 1.0, self._checked(value)).sum(-1) + c.sum(-1).lgamma() - c.lgamma().sum(-1)

    def entropy(self) -> Tensor:
        c = self.concentration
        total = c.sum(-1)
        spread = (c.shape[-1] - total) * total.digamma() + ((c - 1.0) * c.digamma()).sum(-1)
        return c.lgamma().sum(-1) - total.lgamma() - spread


class Beta(ExponentialFamily):
    """Density in proportion to x ** (concentration1 - 1) * (1 - x) ** (concentration0 - 1) over [0, 1]."""

    arg_constraints: ClassVar[dict[str, Any]] = {
        "concentration1": constraints.positive, "concentration0": constraints.positive
    }  # fmt: skip
    support = constraints.unit_interval
    has_rsample = True

    def __init__(self, concentration1: Any, concentration0: Any, validate_args: bool | None = None) -> None:
        self._set(validate_args, concentration1=concentration1, concentration0=concentration0)

    concentration1: Tensor
    concentration0: Tensor

    @property
    def _dirichlet(self) -> Dirichlet:
        pair = ops.stack([self.concentration1, self.concentration0], -1)
        return Dirichlet(pair, validate_args=self._validate_args)

    mean = property(lambda self: self.concentration1 / (self.concentration1 + self.concentration0))
    mode = property(lambda self: self._dirichlet.mode[..., 0])

    @property
    def variance(self) -> Tensor:
        total = self.concentration1 + self.concentration0
        return self.concentration1 * self.concentration0 / (total.pow(2) * (total + 1))

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self._dirichlet.rsample(sample_shape).select(-1, 0)

    def log_prob(self, value: Tensor) -> Tensor:
        value = self._checked(value)
        return self._dirichlet.log_prob(ops.stack([value, 1.0 - value], -1))

    def entropy(self) -> Tensor:
        return self._dirichlet.entropy()


class StudentT(Distribution):
    """A normal variable over the root of a Chi2 one divided by its degrees of freedom, scaled and moved."""

    arg_constraints: ClassVar[dict[str, Any]] = {
        "df": constraints.positive, "loc": constraints.real, "scale": constraints.positive
    }  # fmt: skip
    support = constraints.real
    has_rsample = True

    def __init__(self, df: Any, loc: Any = 0.0, scale: Any = 1.0, validate_args: bool | None = None) -> None:
        self._set(validate_args, df=df, loc=loc, scale=scale)

    df: Tensor
    loc: Tensor
    scale: Tensor
    mean = property(lambda self: ops.where(self.df <= 1, math.nan, self.loc))
    mode = property(lambda self: self.loc)

    @property
    def variance(self) -> Tensor:
        df = ops.where(self.df > 2, self.df, 3.0)
        infinite = ops.where(self.df > 1, math.inf, ops.full_like(df, math.nan))
        return ops.where(self.df > 2, self.scale.pow(2) * df / (df - 2), infinite)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        x = ops.randn(*shape, dtype=self.df.dtype, device=self.df.device)
        z = Chi2(self.df, validate_args=False).rsample(sample_shape)
        return self.loc + self.scale * (x * (z / self.df).rsqrt())

    def log_prob(self, value: Tensor) -> Tensor:
        y = (self._checked(value) - self.loc) / self.scale
        half = 0.5 * self.df
        factor = self.scale.log() + 0.5 * self.df.log() + 0.5 * math.log(math.pi)
        return -0.5 * (self.df + 1.0) * (y**2.0 / self.df).log1p() - factor - half.lgamma() + (half + 0.5).lgamma()

    def entropy(self) -> Tensor:
        half = 0.5 * self.df
        beta = half.lgamma() + math.lgamma(0.5) - (half + 0.5).lgamma()
        rest = (half + 0.5) * ((half + 0.5).digamma() - half.digamma())
        return self.scale.log() + rest + 0.5 * self.df.log() + beta


class FisherSnedecor(Distribution):
    """The ratio of two Chi2 variables over their degrees of freedom."""

    arg_constraints: ClassVar[dict[str, Any]] = {"df1": constraints.positive, "df2": constraints.positive}
    support = constraints.positive
    has_rsample = True

    def __init__(self, df1: Any, df2: Any, validate_args: bool | None = None) -> None:
        self._set(validate_args, df1=df1, df2=df2)

    df1: Tensor
    df2: Tensor

    @property
    def mean(self) -> Tensor:
        df2 = ops.where(self.df2 <= 2, math.nan, self.df2)
        return df2 / (df2 - 2)

    @property
    def mode(self) -> Tensor:
        mode = (self.df1 - 2) / self.df1 * self.df2 / (self.df2 + 2)
        return ops.where(self.df1 <= 2, math.nan, mode)

    @property
    def variance(self) -> Tensor:
        df2 = ops.where(self.df2 <= 4, math.nan, self.df2)
        return 2 * df2.pow(2) * (self.df1 + df2 - 2) / (self.df1 * (df2 - 2).pow(2) * (df2 - 4))

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        one, two = (Gamma(df * 0.5, df * 0.5, validate_args=False).rsample(sample_shape) for df in (self.df1, self.df2))
        return at_least_tiny(one / two)

    def log_prob(self, value: Tensor) -> Tensor:
        value = self._checked(value)
        one, two, ratio = self.df1 * 0.5, self.df2 * 0.5, self.df1 / self.df2
        factor = (one + two).lgamma() - one.lgamma() - two.lgamma()
        return factor + one * ratio.log() + (one - 1) * value.log() - (one + two) * (ratio * value).log1p()
