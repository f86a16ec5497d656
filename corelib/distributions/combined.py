"""Distributions made of others: independent dimensions, transformed values, mixtures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from ..autograd import no_grad
from ..layout import Size
from ..tensor import Tensor
from . import constraints
from .distribution import Distribution
from .transforms import ComposeTransform, Transform
from .utils import sum_rightmost

__all__ = ["Independent", "MixtureSameFamily", "TransformedDistribution"]


class Independent(Distribution):
    """The last ``reinterpreted_batch_ndims`` batch dimensions as dimensions of the event: log-probabilities add up."""

    arg_constraints: ClassVar[dict[str, Any]] = {}

    def __init__(
        self, base_distribution: Distribution, reinterpreted_batch_ndims: int, validate_args: bool | None = None
    ) -> None:
        count = len(base_distribution.batch_shape)
        if reinterpreted_batch_ndims > count:
            raise ValueError(
                "Expected reinterpreted_batch_ndims <= len(base_distribution.batch_shape), "
                f"actual {reinterpreted_batch_ndims} vs {count}"
            )
        self.base_dist, self.reinterpreted_batch_ndims = base_distribution, reinterpreted_batch_ndims
        shape = (*base_distribution.batch_shape, *base_distribution.event_shape)
        kept = count - reinterpreted_batch_ndims
        super().__init__(shape[:kept], shape[kept:], validate_args)

    has_rsample = property(lambda self: self.base_dist.has_rsample)
    mean = property(lambda self: self.base_dist.mean)
    mode = property(lambda self: self.base_dist.mode)
    variance = property(lambda self: self.base_dist.variance)

    @property
    def has_enumerate_support(self) -> Any:
        return False if self.reinterpreted_batch_ndims > 0 else self.base_dist.has_enumerate_support

    @constraints.dependent_property  # type: ignore[untyped-decorator]
    def support(self) -> Any:
        count = self.reinterpreted_batch_ndims
        base = self.base_dist.support
        return constraints.independent(base, count) if count else base

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self.base_dist.sample(sample_shape)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self.base_dist.rsample(sample_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        return sum_rightmost(self.base_dist.log_prob(value), self.reinterpreted_batch_ndims)

    def entropy(self) -> Tensor:
        return sum_rightmost(self.base_dist.entropy(), self.reinterpreted_batch_ndims)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        if self.reinterpreted_batch_ndims > 0:
            raise NotImplementedError("Enumeration over cartesian product is not implemented")
        return self.base_dist.enumerate_support(expand=expand)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_dist}, {self.reinterpreted_batch_ndims})"


class TransformedDistribution(Distribution):
    """The distribution of what transforms make of values of ``base_distribution``."""

    arg_constraints: ClassVar[dict[str, Any]] = {}

    def __init__(self, base_distribution: Distribution, transforms: Any, validate_args: bool | None = None) -> None:
        listed = [transforms] if isinstance(transforms, Transform) else transforms
        if not isinstance(listed, list):
            raise ValueError(f"transforms must be a Transform or list, but was {transforms}")
        if not all(isinstance(t, Transform) for t in listed):
            raise ValueError("transforms must be a Transform or a list of Transforms")
        self.transforms = listed
        shape = (*base_distribution.batch_shape, *base_distribution.event_shape)
        dims, whole = len(base_distribution.event_shape), ComposeTransform(listed)
        inside, outside = whole.domain.event_dim, whole.codomain.event_dim
        if len(shape) < inside:
            raise ValueError(
                f"base_distribution needs to have shape with size at least {inside}, but got {Size(shape)}."
            )
        after = whole.forward_shape(shape)
        before = whole.inverse_shape(after)
        if tuple(before) != shape:
            base_distribution = base_distribution.expand(before[: len(before) - dims])
        self.base_dist = Independent(base_distribution, inside - dims) if inside > dims else base_distribution
        cut = len(after) - max(outside, dims + outside - inside)
        super().__init__(after[:cut], after[cut:], validate_args)

    has_rsample = property(lambda self: self.base_dist.has_rsample)

    @constraints.dependent_property(is_discrete=False)  # type: ignore[untyped-decorator]
    def support(self) -> Any:
        if not self.transforms:
            return self.base_dist.support
        result = self.transforms[-1].codomain
        extra = len(self._event_shape) - result.event_dim
        return constraints.independent(result, extra) if extra > 0 else result

    def _forward(self, x: Tensor) -> Tensor:
        for transform in self.transforms:
            x = transform(x)
        return x

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with no_grad():
            return self._forward(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self._forward(self.base_dist.rsample(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        y, dims = self._checked(value), len(self._event_shape)
        total: Any = 0.0
        for transform in reversed(self.transforms):
            x = transform.inv(y)
            dims += transform.domain.event_dim - transform.codomain.event_dim
            slope = sum_rightmost(transform.log_abs_det_jacobian(x, y), dims - transform.domain.event_dim)
            y, total = x, total - slope
        return sum_rightmost(self.base_dist.log_prob(y), dims - len(self.base_dist.event_shape)) + total

    def _risen(self, probability: Tensor) -> Tensor:
        """The probability, or one minus it where the transforms fall."""
        sign = ComposeTransform(self.transforms).sign
        return probability if not isinstance(sign, Tensor) and sign == 1 else sign * (probability - 0.5) + 0.5

    def cdf(self, value: Tensor) -> Tensor:
        for transform in reversed(self.transforms):
            value = transform.inv(value)
        if self._validate_args:
            self.base_dist._validate_sample(value)
        return self._risen(self.base_dist.cdf(value))

    def icdf(self, value: Tensor) -> Tensor:
        return self._forward(self.base_dist.icdf(self._risen(value)))


class MixtureSameFamily(Distribution):
    """Values of one of the components along the last batch dimension, chosen by a Categorical."""

    arg_constraints: ClassVar[dict[str, Any]] = {}
    has_rsample = False

    def __init__(
        self, mixture_distribution: Any, component_distribution: Distribution, validate_args: bool | None = None
    ) -> None:
        from .discrete import Categorical

        if not isinstance(mixture_distribution, Categorical):
            raise ValueError(" The Mixture distribution needs to be an  instance of torch.distributions.Categorical")
        if not isinstance(component_distribution, Distribution):
            raise ValueError("The Component distribution need to be an instance of torch.distributions.Distribution")
        mixed, parts = mixture_distribution.batch_shape, component_distribution.batch_shape[:-1]
        for one, other in zip(reversed(mixed), reversed(parts), strict=False):
            if 1 not in (one, other) and one != other:
                raise ValueError(
                    f"`mixture_distribution.batch_shape` ({mixed}) is not compatible with "
                    f"`component_distribution.batch_shape`({parts})"
                )
        km, kc = mixture_distribution.logits.shape[-1], component_distribution.batch_shape[-1]
        if km != kc:
            raise ValueError(
                f"`mixture_distribution component` ({km}) does not equal "
                f"`component_distribution.batch_shape[-1]` ({kc})"
            )
        self._mixture_distribution, self._component_distribution = mixture_distribution, component_distribution
        super().__init__(parts, component_distribution.event_shape, validate_args)

    mixture_distribution = property(lambda self: self._mixture_distribution)
    component_distribution = property(lambda self: self._component_distribution)

    @constraints.dependent_property  # type: ignore[untyped-decorator]
    def support(self) -> Any:
        return constraints.MixtureSameFamilyConstraint(self._component_distribution.support)

    def _weights(self) -> Tensor:
        weights: Tensor = self._mixture_distribution.probs
        return weights.reshape((*weights.shape, *[1] * len(self._event_shape)))

    def _averaged(self, values: Tensor) -> Tensor:
        return (self._weights() * values).sum(-1 - len(self._event_shape))

    @property
    def mean(self) -> Tensor:
        return self._averaged(self._component_distribution.mean)

    @property
    def variance(self) -> Tensor:
        means = self._component_distribution.mean
        off = means - self.mean.unsqueeze(-1 - len(self._event_shape))
        return self._averaged(self._component_distribution.variance) + self._averaged(off * off)

    def cdf(self, x: Tensor) -> Tensor:
        return (self._component_distribution.cdf(self._padded(x)) * self._mixture_distribution.probs).sum(-1)

    def log_prob(self, x: Tensor) -> Tensor:
        parts = self._component_distribution.log_prob(self._padded(self._checked(x)))
        return (parts + self._mixture_distribution.logits.log_softmax(-1)).logsumexp(-1)

    def _padded(self, x: Tensor) -> Tensor:
        return x.unsqueeze(-1 - len(self._event_shape))

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with no_grad():
            chosen = self._mixture_distribution.expand(self._batch_shape).sample(sample_shape)
            values = self._component_distribution.sample(sample_shape)
            event = self._event_shape
            index = chosen.reshape((*chosen.shape, *[1] * (len(event) + 1)))
            index = index.expand(*chosen.shape, 1, *event)
            return values.gather(-1 - len(event), index).squeeze(-1 - len(event))

    def __repr__(self) -> str:
        return f"MixtureSameFamily(\n  {self._mixture_distribution},\n  {self._component_distribution})"
