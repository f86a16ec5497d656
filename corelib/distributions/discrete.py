"""Distributions over whole numbers and classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from .. import ops
from ..autograd import no_grad
from ..dtypes import finfo, int64
from ..nn.functional import binary_cross_entropy_with_logits, one_hot
from ..tensor import Tensor
from .distribution import Distribution, broadcast_all

__all__ = ["Bernoulli", "Categorical", "Geometric", "OneHotCategorical"]


def _exactly_one(probs: Any, logits: Any) -> None:
    if (probs is None) == (logits is None):
        raise ValueError("Either `probs` or `logits` must be specified, but not both.")


def _logit(probs: Tensor) -> Tensor:
    eps = finfo(probs.dtype).eps
    p = ops.clamp(probs, eps, 1 - eps)
    return ops.log(p) - ops.log1p(-p)


class _Binary(Distribution):
    """Parametrized by the probability of 1 or by its logit."""

    parameters = ("probs", "logits")

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        _exactly_one(probs, logits)
        if probs is not None:
            (self.probs,) = broadcast_all(probs)
            self.logits = _logit(self.probs)
        else:
            (self.logits,) = broadcast_all(logits)
            self.probs = ops.sigmoid(self.logits)
        super().__init__(self.probs.shape, validate_args=validate_args)
        self._require(
            "probs", self.probs, (self.probs >= 0) & (self.probs <= 1), "Interval(lower_bound=0.0, upper_bound=1.0)"
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}(probs: {self.probs if self.probs.numel() == 1 else self.probs.size()})"


class Bernoulli(_Binary):
    """1 with probability ``probs`` (or sigmoid of ``logits``), else 0."""

    has_enumerate_support: ClassVar[bool] = True

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with no_grad():
            return ops.bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    @property
    def mean(self) -> Tensor:
        return self.probs

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def log_prob(self, value: Tensor) -> Tensor:
        self._require_value(value, ops.eq(value, 0) | ops.eq(value, 1), "Boolean()")
        logits, value = broadcast_all(self.logits, value)
        return -binary_cross_entropy_with_logits(logits, value, reduction="none")

    def entropy(self) -> Tensor:
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")

    def enumerate_support(self, expand: bool = True) -> Tensor:
        values = ops.arange(2, dtype=self.probs.dtype, device=self.probs.device)
        values = values.view(2, *[1] * len(self._batch_shape))
        return values.expand(2, *self._batch_shape) if expand else values


class Geometric(_Binary):
    """The number of failures before the first success, of probability ``probs``."""

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with no_grad():
            shape = self._extended_shape(sample_shape)
            u = ops.rand(*shape, dtype=self.probs.dtype, device=self.probs.device) + finfo(self.probs.dtype).tiny
            return ops.floor(ops.log(u) / ops.log1p(-self.probs))

    @property
    def mean(self) -> Tensor:
        return 1 / self.probs - 1

    @property
    def variance(self) -> Tensor:
        return (1 / self.probs - 1) / self.probs

    def log_prob(self, value: Tensor) -> Tensor:
        self._require_value(value, (value >= 0) & ops.eq(ops.floor(value), value), "IntegerGreaterThan(lower_bound=0)")
        never = ops.eq(self.probs, 1) & ops.eq(value, 0)
        failures = ops.log1p(-ops.where(never, 0.0, self.probs)) * value
        return failures + ops.log(self.probs)

    def entropy(self) -> Tensor:
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none") / self.probs


class Categorical(Distribution):
    """Class 0 to K-1, with probabilities in proportion to ``probs`` (or exp of ``logits``) along the last dimension."""

    has_enumerate_support: ClassVar[bool] = True

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        _exactly_one(probs, logits)
        given: Tensor = probs if probs is not None else logits
        if given.dim() < 1:
            raise ValueError(
                f"`{'probs' if probs is not None else 'logits'}` parameter must be at least one-dimensional."
            )
        if probs is not None:
            self.probs: Tensor = probs / probs.sum(-1, keepdim=True)
            eps = finfo(probs.dtype).eps
            self.logits: Tensor = ops.log(ops.clamp(self.probs, eps, 1 - eps))
        else:
            self.logits = logits - ops.logsumexp(logits, -1, keepdim=True)
            self.probs = ops.softmax(self.logits, -1)
        self._num_events = given.shape[-1]
        super().__init__(given.shape[:-1], validate_args=validate_args)
        if probs is not None:
            self._require("probs", probs, probs >= 0, "Simplex()")
        else:
            self._require("logits", logits, ops.eq(logits, logits), "IndependentConstraint(Real(), 1)")

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with no_grad():
            rows = self.probs.reshape(-1, self._num_events)
            count = 1
            for n in sample_shape:
                count *= n
            drawn = ops.multinomial(rows, count, True)
            return ops.reshape(ops.transpose(drawn, 0, 1), self._extended_shape(sample_shape))

    @property
    def param_shape(self) -> Any:
        """The shape of the parameters."""
        return self.probs.shape

    @property
    def mean(self) -> Tensor:
        return ops.full(tuple(self._batch_shape), float("nan"), dtype=self.probs.dtype, device=self.probs.device)

    @property
    def mode(self) -> Tensor:
        """The most likely class."""
        return ops.argmax(self.probs, -1)

    @property
    def variance(self) -> Tensor:
        return self.mean

    def log_prob(self, value: Tensor) -> Tensor:
        self._require_value(value, (value >= 0) & (value < self._num_events), "IntegerInterval")
        index = value.to(int64).unsqueeze(-1)
        shape = ops.rules.broadcast_shapes(index.shape[:-1], self.logits.shape[:-1])
        logits = self.logits.expand(*shape, self._num_events)
        return ops.gather(logits, -1, index.expand(*shape, 1)).squeeze(-1)

    def entropy(self) -> Tensor:
        floor = finfo(self.logits.dtype).min
        logits: Tensor = ops.clamp(self.logits, min=floor)
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        values = ops.arange(self._num_events, device=self.probs.device)
        values = values.view(-1, *[1] * len(self._batch_shape))
        return values.expand(-1, *self._batch_shape) if expand else values

    def __repr__(self) -> str:
        return f"{type(self).__name__}(probs: {self.probs.size()})"


class OneHotCategorical(Distribution):
    """A :class:`Categorical` whose values are one-hot vectors."""

    has_enumerate_support: ClassVar[bool] = True

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        self._categorical = Categorical(probs, logits, validate_args)
        self.probs: Tensor = self._categorical.probs
        self.logits: Tensor = self._categorical.logits
        super().__init__(self._categorical.batch_shape, self.probs.shape[-1:], validate_args)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        drawn = self._categorical.sample(sample_shape)
        return one_hot(drawn, self.event_shape[0]).to(self.probs.dtype)

    @property
    def mean(self) -> Tensor:
        return self.probs

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def log_prob(self, value: Tensor) -> Tensor:
        return self._categorical.log_prob(value.argmax(-1))

    def entropy(self) -> Tensor:
        return self._categorical.entropy()
