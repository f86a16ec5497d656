"""Distributions over whole numbers and classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from .. import _functions as ops
from ..autograd import no_grad
from ..dtypes import finfo, int64
from ..nn.functional import binary_cross_entropy_with_logits, logsigmoid, one_hot
from ..ops import rules
from ..tensor import Tensor
from . import constraints
from .distribution import Distribution, ExponentialFamily
from .gamma import Gamma
from .utils import broadcast_all, clamp_probs, lazy_property, probs_to_logits

__all__ = [
    "Bernoulli", "Binomial", "Categorical", "ContinuousBernoulli", "Geometric", "Multinomial", "NegativeBinomial",
    "OneHotCategorical", "OneHotCategoricalStraightThrough", "Poisson",
]  # fmt: skip


def exactly_one(probs: Any, logits: Any) -> None:
    """ValueError unless one of the two is given."""
    if (probs is None) == (logits is None):
        raise ValueError("Either `probs` or `logits` must be specified, but not both.")


class BinaryParameters(Distribution):
    """Parametrized by the probability of 1 or by its logit: the other one is computed when asked for."""

    arg_constraints: ClassVar[dict[str, Any]] = {"probs": constraints.unit_interval, "logits": constraints.real}

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        exactly_one(probs, logits)
        self._set(validate_args, **({"probs": probs} if probs is not None else {"logits": logits}))

    @lazy_property
    def logits(self) -> Tensor:
        return probs_to_logits(self.probs, True)

    @lazy_property
    def probs(self) -> Tensor:
        return self.logits.sigmoid()

    _param = property(lambda self: self.__dict__.get("probs", self.__dict__.get("logits")))
    param_shape = property(lambda self: self._param.size(), doc="The shape of the parameters.")

    def _cross_entropy(self, value: Tensor) -> Tensor:
        logits, value = broadcast_all(self.logits, value)
        return binary_cross_entropy_with_logits(logits, value, reduction="none")


class Bernoulli(BinaryParameters, ExponentialFamily):
    """1 with probability ``probs`` (or sigmoid of ``logits``), else 0."""

    support = constraints.boolean
    has_enumerate_support = True
    mean = property(lambda self: self.probs)
    variance = property(lambda self: self.probs * (1 - self.probs))

    @property
    def mode(self) -> Tensor:
        mode = (self.probs >= 0.5).to(self.probs.dtype)
        return ops.where(self.probs == 0.5, math.nan, mode)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with no_grad():
            return ops.bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        return -self._cross_entropy(self._checked(value))

    def entropy(self) -> Tensor:
        return self._cross_entropy(self.probs)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        return self._enumerated(2, self._param, self._param.dtype, expand)


class ContinuousBernoulli(BinaryParameters, ExponentialFamily):
    """Density in proportion to probs**x * (1 - probs)**(1 - x) over [0, 1]."""

    support = constraints.unit_interval
    has_rsample = True

    def __init__(
        self, probs: Any = None, logits: Any = None, lims: tuple[float, float] = (0.499, 0.501),
        validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        exactly_one(probs, logits)
        self._lims = lims
        if probs is not None:
            (probs,) = broadcast_all(probs)
            if validate_args is not None and not bool(constraints.unit_interval.check(probs).all()):
                raise ValueError("The parameter probs has invalid values")
            probs = clamp_probs(probs)
        super().__init__(probs, logits, validate_args)

    @lazy_property
    def probs(self) -> Tensor:
        return clamp_probs(self.logits.sigmoid())

    def _cut(self) -> tuple[Tensor, Tensor]:
        """Where probs is not near 1/2, and probs there (elsewhere a number that is not)."""
        p = self.probs
        away = (p <= self._lims[0]) | (p > self._lims[1])
        return away, ops.where(away, p, self._lims[0])

    def _log_norm(self) -> Tensor:
        away, p = self._cut()
        x = (self.probs - 0.5).pow(2)
        near = math.log(2.0) + (4.0 / 3.0 + 104.0 / 45.0 * x) * x
        return ops.where(away, ((-p).log1p() - p.log()).abs().log() - (1 - 2 * p).abs().log(), near)

    @property
    def mean(self) -> Tensor:
        away, p = self._cut()
        x = self.probs - 0.5
        near = 0.5 + (1.0 / 3.0 + 16.0 / 45.0 * x.pow(2)) * x
        return ops.where(away, p / (2.0 * p - 1.0) + 1.0 / ((-p).log1p() - p.log()), near)

    @property
    def variance(self) -> Tensor:
        away, p = self._cut()
        x = (self.probs - 0.5).pow(2)
        near = 1.0 / 12.0 - (1.0 / 15.0 - 128.0 / 945.0 * x) * x
        return ops.where(away, p * (p - 1.0) / (1.0 - 2.0 * p).pow(2) + ((-p).log1p() - p.log()).pow(-2), near)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        return self.icdf(ops.rand(*shape, dtype=self.probs.dtype, device=self.probs.device))

    def log_prob(self, value: Tensor) -> Tensor:
        return self._log_norm() - self._cross_entropy(self._checked(value))

    def cdf(self, value: Tensor) -> Tensor:
        value = self._checked(value)
        away, p = self._cut()
        inside = (p.pow(value) * (1.0 - p).pow(1.0 - value) + p - 1.0) / (2.0 * p - 1.0)
        return ops.where(value <= 0, 0.0, ops.where(value >= 1, 1.0, ops.where(away, inside, value)))

    def icdf(self, value: Tensor) -> Tensor:
        away, p = self._cut()
        low = (-p).log1p()
        return ops.where(away, ((-p + value * (2.0 * p - 1.0)).log1p() - low) / (p.log() - low), value)

    def entropy(self) -> Tensor:
        zero, one = (-self.probs).log1p(), self.probs.log()
        return self.mean * (zero - one) - self._log_norm() - zero


class Geometric(BinaryParameters):
    """The number of failures before the first success, of probability ``probs``."""

    support = constraints.nonnegative_integer

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        super().__init__(probs, logits, validate_args)
        if self._validate_args and probs is not None and not bool((self.probs > 0).all()):
            value = self.probs
            raise ValueError(
                f"Expected parameter probs ({type(value).__name__} of shape {tuple(value.shape)}) of distribution "
                f"{self!r} to be positive but found invalid values:\n{value}"
            )

    mean = property(lambda self: 1.0 / self.probs - 1.0)
    mode = property(lambda self: ops.zeros_like(self.probs))
    variance = property(lambda self: (1.0 / self.probs - 1.0) / self.probs)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with no_grad():
            p = self.probs
            u = 1 - ops.rand(*self._extended_shape(sample_shape), dtype=p.dtype, device=p.device)
            return (u.log() / (-p).log1p()).floor()

    def log_prob(self, value: Tensor) -> Tensor:
        value, p = broadcast_all(self._checked(value), self.probs)
        p = ops.where((p == 1) & (value == 0), 0.0, p)
        return value * (-p).log1p() + self.probs.log()

    def entropy(self) -> Tensor:
        return self._cross_entropy(self.probs) / self.probs


class _Counted(BinaryParameters):
    """Of ``total_count`` trials."""

    total_count: Tensor

    def __init__(
        self, total_count: Any = 1, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        exactly_one(probs, logits)
        named = {"probs": probs} if probs is not None else {"logits": logits}
        name, given = next(iter(named.items()))
        self.total_count, parameter = broadcast_all(total_count, given)
        self.total_count = self.total_count.type_as(parameter)
        self._set(validate_args, 0, **{name: parameter})


def _clamp_by_zero(x: Tensor) -> Tensor:
    return (x.clamp(min=0) + x - x.clamp(max=0)) / 2  # as max(x, 0), with the gradient 1/2 at 0


class Binomial(_Counted):
    """The number of successes in ``total_count`` trials."""

    arg_constraints: ClassVar[dict[str, Any]] = {
        "total_count": constraints.nonnegative_integer, "probs": constraints.unit_interval, "logits": constraints.real
    }  # fmt: skip
    has_enumerate_support = True

    @constraints.dependent_property(is_discrete=True, event_dim=0)  # type: ignore[untyped-decorator]
    def support(self) -> Any:
        return constraints.integer_interval(0, self.total_count)

    mean = property(lambda self: self.total_count * self.probs)
    mode = property(lambda self: ((self.total_count + 1) * self.probs).floor().clamp(max=self.total_count))
    variance = property(lambda self: self.total_count * self.probs * (1 - self.probs))

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        with no_grad():
            return ops.binomial(self.total_count.expand(shape), self.probs.expand(shape))

    def log_prob(self, value: Tensor) -> Tensor:
        value = self._checked(value)
        n, logits = self.total_count, self.logits
        ways = (n + 1).lgamma() - (value + 1).lgamma() - (n - value + 1).lgamma()
        return ways + value * logits - n * (_clamp_by_zero(logits) + (-logits.abs()).exp().log1p())

    def entropy(self) -> Tensor:
        if bool((self.total_count != self.total_count.max()).any()):
            raise NotImplementedError("Inhomogeneous total count not supported by `entropy`.")
        level = self.log_prob(self.enumerate_support(False))
        return -(level.exp() * level).sum(0)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        if bool((self.total_count != self.total_count.max()).any()):
            raise NotImplementedError("Inhomogeneous total count not supported by `enumerate_support`.")
        return self._enumerated(1 + int(self.total_count.max().item()), self._param, self._param.dtype, expand)


class NegativeBinomial(_Counted):
    """The number of successes, of probability ``probs``, before ``total_count`` failures."""

    arg_constraints: ClassVar[dict[str, Any]] = {
        "total_count": constraints.greater_than_eq(0), "probs": constraints.half_open_interval(0.0, 1.0),
        "logits": constraints.real,
    }  # fmt: skip
    support = constraints.nonnegative_integer

    def __init__(
        self, total_count: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        super().__init__(total_count, probs, logits, validate_args)

    mean = property(lambda self: self.total_count * self.logits.exp())
    mode = property(lambda self: ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0.0))
    variance = property(lambda self: self.mean / (-self.logits).sigmoid())

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with no_grad():
            rate = Gamma(self.total_count, (-self.logits).exp(), validate_args=False).sample(sample_shape)
            return ops.poisson(rate)

    def log_prob(self, value: Tensor) -> Tensor:
        value, n = self._checked(value), self.total_count
        chance = n * logsigmoid(-self.logits) + value * logsigmoid(self.logits)
        ways = -(n + value).lgamma() + (1.0 + value).lgamma() + n.lgamma()
        return chance - ops.where(n + value == 0.0, 0.0, ways)


class Poisson(ExponentialFamily):
    """The number of events of which ``rate`` are expected."""

    arg_constraints: ClassVar[dict[str, Any]] = {"rate": constraints.nonnegative}
    support = constraints.nonnegative_integer

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        self._set(validate_args, rate=rate)

    rate: Tensor
    mean = property(lambda self: self.rate)
    mode = property(lambda self: self.rate.floor())
    variance = property(lambda self: self.rate)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with no_grad():
            return ops.poisson(self.rate.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        rate, value = broadcast_all(self.rate, self._checked(value))
        return ops.xlogy(value, rate) - rate - (value + 1).lgamma()


# -- classes -----------------------------------------------------------------------------------------------------


class Categorical(Distribution):
    """Class 0 to K-1, with probabilities in proportion to ``probs`` (or exp of ``logits``) along the last dimension."""

    arg_constraints: ClassVar[dict[str, Any]] = {"probs": constraints.simplex, "logits": constraints.real_vector}
    has_enumerate_support = True

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        exactly_one(probs, logits)
        given: Tensor = probs if probs is not None else logits
        name = "probs" if probs is not None else "logits"
        if given.dim() < 1:
            raise ValueError(f"`{name}` parameter must be at least one-dimensional.")
        normal = given / given.sum(-1, keepdim=True) if probs is not None else given - given.logsumexp(-1, keepdim=True)
        self.__dict__[name], self._num_events = normal, given.shape[-1]
        super().__init__(given.shape[:-1], validate_args=validate_args)

    @lazy_property
    def logits(self) -> Tensor:
        return probs_to_logits(self.probs)

    @lazy_property
    def probs(self) -> Tensor:
        return self.logits.softmax(-1)

    _param = property(lambda self: self.__dict__.get("probs", self.__dict__.get("logits")))
    param_shape = property(lambda self: self._param.size(), doc="The shape of the parameters.")

    @constraints.dependent_property(is_discrete=True, event_dim=0)  # type: ignore[untyped-decorator]
    def support(self) -> Any:
        return constraints.integer_interval(0, self._num_events - 1)

    @property
    def mean(self) -> Tensor:
        return ops.full(tuple(self._batch_shape), math.nan, dtype=self.probs.dtype, device=self.probs.device)

    mode = property(lambda self: self.probs.argmax(-1))
    variance = property(lambda self: self.mean)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with no_grad():
            rows = self.probs.reshape(-1, self._num_events)
            drawn = ops.multinomial(rows, math.prod(sample_shape), True)
            return drawn.transpose(0, 1).reshape(self._extended_shape(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        index = self._checked(value).to(int64).unsqueeze(-1)
        shape = rules.broadcast_shapes(index.shape[:-1], self.logits.shape[:-1])
        return self.logits.expand(*shape, self._num_events).gather(-1, index.expand(*shape, 1)).squeeze(-1)

    def entropy(self) -> Tensor:
        logits = self.logits.clamp(min=finfo(self.logits.dtype).min)
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        return self._enumerated(self._num_events, self._param, int64, expand)


class _OfCategorical(Distribution):
    """Shows the parameters of a Categorical of its own, whose classes are dimensions of the event."""

    _categorical: Categorical
    arg_constraints: ClassVar[dict[str, Any]] = {"probs": constraints.simplex, "logits": constraints.real_vector}
    probs: Any = property(lambda self: self._categorical.probs)
    logits: Any = property(lambda self: self._categorical.logits)
    _param = property(lambda self: self._categorical._param)
    param_shape = property(lambda self: self._categorical.param_shape, doc="The shape of the parameters.")


class OneHotCategorical(_OfCategorical):
    """A :class:`Categorical` whose values are one-hot vectors."""

    support = constraints.one_hot
    has_enumerate_support = True

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        self._categorical = Categorical(probs, logits)
        super().__init__(self._categorical.batch_shape, self._categorical.param_shape[-1:], validate_args)

    mean = property(lambda self: self.probs)
    mode = property(lambda self: one_hot(self._categorical.mode, self._event_shape[0]).to(self.probs.dtype))
    variance = property(lambda self: self.probs * (1 - self.probs))

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return one_hot(self._categorical.sample(sample_shape), self._event_shape[0]).to(self.probs.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        return self._categorical.log_prob(self._checked(value).argmax(-1))

    def entropy(self) -> Tensor:
        return self._categorical.entropy()

    def enumerate_support(self, expand: bool = True) -> Tensor:
        count = self._event_shape[0]
        values = ops.eye(count, dtype=self._param.dtype, device=self._param.device)
        values = values.view(count, *[1] * len(self._batch_shape), count)
        return values.expand(count, *self._batch_shape, count) if expand else values


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """A :class:`OneHotCategorical` whose samples have the gradient of the probabilities."""

    has_rsample = True

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self.sample(sample_shape) + (self.probs - self.probs.detach())


class Multinomial(_OfCategorical):
    """How often each class came up in ``total_count`` draws."""

    total_count: int

    def __init__(
        self, total_count: int = 1, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        if not isinstance(total_count, int):
            raise NotImplementedError("inhomogeneous total_count is not supported")
        self.total_count = total_count
        self._categorical = Categorical(probs, logits)
        super().__init__(self._categorical.batch_shape, self._categorical.param_shape[-1:], validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=1)  # type: ignore[untyped-decorator]
    def support(self) -> Any:
        return constraints.multinomial(self.total_count)

    mean = property(lambda self: self.probs * self.total_count)
    variance = property(lambda self: self.total_count * self.probs * (1 - self.probs))

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with no_grad():
            drawn = self._categorical.sample((self.total_count, *sample_shape)).movedim(0, -1)
            counts = self.probs.new_zeros(self._extended_shape(sample_shape))
            return counts.scatter_add(-1, drawn, counts.new_ones(()).expand(drawn.shape))

    def entropy(self) -> Tensor:
        n = self.total_count
        count = ops.tensor(float(n), dtype=self.probs.dtype, device=self.probs.device)
        one = Binomial(n, probs=self.probs)
        support = one.enumerate_support(False)[1:]
        terms = (one.log_prob(support).exp() * (support + 1).lgamma()).sum([0, -1])
        return n * self._categorical.entropy() - (count + 1).lgamma() + terms

    def log_prob(self, value: Tensor) -> Tensor:
        logits, value = broadcast_all(self.logits, self._checked(value))
        logits = ops.where((value == 0) & (logits == -math.inf), 0.0, logits)
        return (value.sum(-1) + 1).lgamma() - (value + 1).lgamma().sum(-1) + (logits * value).sum(-1)
