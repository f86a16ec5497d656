"""Continuous relaxations of Bernoulli and Categorical variables, with gradients through the samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from .. import _functions as ops
from ..tensor import Tensor
from . import constraints
from .combined import TransformedDistribution
from .discrete import BinaryParameters, Categorical
from .distribution import Distribution
from .transforms import ExpTransform, SigmoidTransform
from .utils import broadcast_all, clamp_probs

__all__ = ["ExpRelaxedCategorical", "LogitRelaxedBernoulli", "RelaxedBernoulli", "RelaxedOneHotCategorical"]


def _uniform(shape: Sequence[int], like: Tensor) -> Tensor:
    return clamp_probs(ops.rand(*shape, dtype=like.dtype, device=like.device))


class LogitRelaxedBernoulli(BinaryParameters):
    """The logit of a :class:`RelaxedBernoulli` variable."""

    support = constraints.real

    def __init__(
        self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self.temperature = temperature
        super().__init__(probs, logits, validate_args)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        p = clamp_probs(self.probs.expand(shape))
        u = _uniform(shape, p)
        return (u.log() - (-u).log1p() + p.log() - (-p).log1p()) / self.temperature

    def log_prob(self, value: Tensor) -> Tensor:
        logits, value = broadcast_all(self.logits, self._checked(value))
        off = logits - value * self.temperature
        return ops.log(self.temperature) + off - 2 * off.exp().log1p()


class ExpRelaxedCategorical(Distribution):
    """The logarithm of a :class:`RelaxedOneHotCategorical` variable."""

    arg_constraints: ClassVar[dict[str, Any]] = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.real_vector
    has_rsample = True

    def __init__(
        self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self._categorical, self.temperature = Categorical(probs, logits), temperature
        super().__init__(self._categorical.batch_shape, self._categorical.param_shape[-1:], validate_args)

    probs: Any = property(lambda self: self._categorical.probs)
    logits: Any = property(lambda self: self._categorical.logits)
    param_shape = property(lambda self: self._categorical.param_shape, doc="The shape of the parameters.")

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        gumbels = -(-_uniform(self._extended_shape(sample_shape), self.logits).log()).log()
        scores = (self.logits + gumbels) / self.temperature
        return scores - scores.logsumexp(-1, keepdim=True)

    def log_prob(self, value: Tensor) -> Tensor:
        count = self._event_shape[0]
        logits, value = broadcast_all(self.logits, self._checked(value))
        temperature = ops.as_tensor(self.temperature)
        level = ops.full_like(temperature, float(count)).lgamma() + temperature.log() * (count - 1)
        return (logits - value * self.temperature).log_softmax(-1).sum(-1) + level


class _Relaxed(TransformedDistribution):
    has_rsample = True
    temperature = property(lambda self: self.base_dist.temperature)
    probs: Any = property(lambda self: self.base_dist.probs)
    logits: Any = property(lambda self: self.base_dist.logits)


class RelaxedBernoulli(_Relaxed):
    """Numbers in (0, 1) that are near 0 and 1 at low ``temperature``."""

    arg_constraints: ClassVar[dict[str, Any]] = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval

    def __init__(
        self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        super().__init__(LogitRelaxedBernoulli(temperature, probs, logits), SigmoidTransform(), validate_args)


class RelaxedOneHotCategorical(_Relaxed):
    """Points of the simplex that are near its corners at low ``temperature``."""

    arg_constraints: ClassVar[dict[str, Any]] = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.simplex

    def __init__(
        self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        base = ExpRelaxedCategorical(temperature, probs, logits, validate_args)
        super().__init__(base, ExpTransform(), validate_args)
