"""What all distributions share: shapes, checks, expansion."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, ClassVar, Self

from .. import _functions as ops
from ..autograd import grad, no_grad
from ..layout import Size
from ..tensor import Tensor
from . import constraints
from .utils import broadcast_all, lazy_property

__all__ = ["Distribution", "ExponentialFamily"]


class Distribution:
    """A probability distribution: ``batch_shape`` independent ones over values of ``event_shape``.

    Arguments that do not satisfy the distribution's constraints are a ValueError unless ``validate_args`` is False.
    """

    has_rsample: Any = False
    has_enumerate_support: Any = False
    arg_constraints: ClassVar[Any]
    support: Any
    _validate_args = __debug__

    def __init__(
        self, batch_shape: Sequence[int] = (), event_shape: Sequence[int] = (), validate_args: bool | None = None
    ) -> None:
        self._batch_shape, self._event_shape = Size(batch_shape), Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if not self._validate_args:
            return
        if not hasattr(self, "arg_constraints"):
            warnings.warn(
                f"{type(self)} does not define `arg_constraints`. Please set `arg_constraints = {{}}` or initialize "
                "the distribution with `validate_args=False` to turn off validation.", stacklevel=2,
            )  # fmt: skip
        for name, constraint in getattr(self, "arg_constraints", {}).items():
            lazy = name not in self.__dict__ and isinstance(getattr(type(self), name, None), lazy_property)
            if lazy or constraints.is_dependent(constraint):
                continue
            value = getattr(self, name)
            if not bool(constraint.check(value).all()):
                raise ValueError(
                    f"Expected parameter {name} ({type(value).__name__} of shape {tuple(value.shape)}) of distribution "
                    f"{self!r} to satisfy the constraint {constraint!r}, but found invalid values:\n{value}"
                )

    def _set(self, validate_args: bool | None, event_dims: int = 0, **parameters: Any) -> None:
        """Broadcast and keep the parameters, whose last ``event_dims`` dimensions are those of the event."""
        values = broadcast_all(*parameters.values())
        self.__dict__.update(zip(parameters, values, strict=True))
        shape = values[0].shape
        split = len(shape) - event_dims
        Distribution.__init__(self, shape[:split], shape[split:], validate_args)

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Whether arguments are checked where a distribution is not told."""
        if value not in (True, False):
            raise ValueError
        Distribution._validate_args = value

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Self:
        """The same with the batch dimensions expanded to ``batch_shape``, over the same memory."""
        new = self._get_checked_instance(type(self), _instance)
        shape, old = Size(batch_shape), self._batch_shape
        for name, value in self.__dict__.items():
            shared = name.startswith("_unbroadcasted")
            if isinstance(value, Tensor) and not shared and value.shape[: len(old)] == old:
                value = value.expand(*shape, *value.shape[len(old) :])
            elif isinstance(value, Distribution):
                value = value.expand((*shape, *value.batch_shape[len(old) :]))
            new.__dict__[name] = value
        new._batch_shape = shape
        return new

    def _get_checked_instance(self, cls: Any, _instance: Any = None) -> Any:
        """The instance to fill when expanding: a new one unless a subclass gives it."""
        if _instance is None and type(self).__init__ is not cls.__init__:
            raise NotImplementedError(
                f"Subclass {type(self).__name__} of {cls.__name__} that defines a custom __init__ method must also "
                "define a custom .expand() method."
            )
        return object.__new__(type(self)) if _instance is None else _instance

    batch_shape: Any = property(lambda self: self._batch_shape, doc="The shape of independent distributions.")
    event_shape: Any = property(lambda self: self._event_shape, doc="The shape of one value.")
    stddev: Any = property(lambda self: self.variance.sqrt(), doc="The root of the variance.")

    @property
    def mean(self) -> Any:
        """The expected value."""
        raise NotImplementedError

    @property
    def mode(self) -> Any:
        """The most likely value."""
        raise NotImplementedError(f"{type(self)} does not implement mode")

    @property
    def variance(self) -> Any:
        """The expected squared distance from the mean."""
        raise NotImplementedError

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Values of shape ``sample_shape + batch_shape + event_shape``, without history."""
        with no_grad():
            return self.rsample(sample_shape)

    def sample_n(self, n: int) -> Tensor:
        """``sample((n,))``, deprecated."""
        warnings.warn("sample_n(n) will be deprecated. Use .sample((n,)) instead", UserWarning, stacklevel=2)
        return self.sample((n,))

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """As :meth:`sample`, differentiable in the parameters (where ``has_rsample``)."""
        raise NotImplementedError

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density (or probability) at ``value``."""
        raise NotImplementedError

    def cdf(self, value: Tensor) -> Tensor:
        """The probability of a value not above."""
        raise NotImplementedError

    def icdf(self, value: Tensor) -> Tensor:
        """The inverse of :meth:`cdf`."""
        raise NotImplementedError

    def entropy(self) -> Tensor:
        """The expected -log_prob, in nats."""
        raise NotImplementedError

    def perplexity(self) -> Tensor:
        """e to the entropy."""
        return self.entropy().exp()

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All values of a discrete distribution."""
        raise NotImplementedError

    def _enumerated(self, count: int, like: Tensor, dtype: Any, expand: bool) -> Tensor:
        """0, 1, ... count - 1 along a new first dimension."""
        values = ops.arange(count, dtype=dtype, device=like.device).view(-1, *[1] * len(self._batch_shape))
        return values.expand(-1, *self._batch_shape) if expand else values

    def _extended_shape(self, sample_shape: Sequence[int] = ()) -> Size:
        return Size((*sample_shape, *self._batch_shape, *self._event_shape))

    def _validate_sample(self, value: Any) -> None:
        """ValueError where ``value`` has a shape or values that the distribution does not have."""
        if not isinstance(value, Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        shape, event = value.shape, self._event_shape
        if shape[len(shape) - len(event) :] != event:
            raise ValueError(f"The right-most size of value must match event_shape: {shape} vs {event}.")
        expected = Size((*self._batch_shape, *event))
        if any(1 not in (i, j) and i != j for i, j in zip(shape[::-1], expected[::-1], strict=False)):
            raise ValueError(f"Value is not broadcastable with batch_shape+event_shape: {shape} vs {expected}.")
        try:
            support = self.support
        except (NotImplementedError, AttributeError):
            warnings.warn(
                f"{type(self)} does not define `support` to enable sample validation. Please initialize the "
                "distribution with `validate_args=False` to turn off validation.", stacklevel=2,
            )  # fmt: skip
            return
        if not bool(support.check(value).all()):
            raise ValueError(
                f"Expected value argument ({type(value).__name__} of shape {tuple(shape)}) to be within the support "
                f"({support!r}) of the distribution {self!r}, but found invalid values:\n{value}"
            )

    def _checked(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        return value

    def __repr__(self) -> str:
        given = {name: self.__dict__[name] for name in self.arg_constraints if name in self.__dict__}
        shown = [f"{k}: {v if v.numel() == 1 else v.size()}" for k, v in given.items()]
        return f"{type(self).__name__}({', '.join(shown)})"


class ExponentialFamily(Distribution):
    """Densities exp(<t(x), n> - F(n) + k(x)) with natural parameters n and log-normalizer F.

    A subclass that defines ``_natural_params``, ``_log_normalizer`` and ``_mean_carrier_measure`` has its entropy
    (and its divergence from its own kind) by F's gradient.
    """

    _mean_carrier_measure: ClassVar[Any] = 0

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        raise NotImplementedError

    def _log_normalizer(self, *natural_params: Tensor) -> Tensor:
        raise NotImplementedError

    def entropy(self) -> Tensor:
        natural = [p.detach().requires_grad_() for p in self._natural_params]
        normalizer = self._log_normalizer(*natural)
        result: Any = normalizer - self._mean_carrier_measure
        for n, slope in zip(natural, grad(normalizer.sum(), natural, create_graph=True), strict=True):
            result = result - (n * slope).reshape((*self._batch_shape, -1)).sum(-1)
        return result
