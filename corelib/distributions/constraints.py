"""Regions in which parameters and values lie; ``check`` says of each event whether it does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from .. import _functions as ops
from .. import linalg
from ..dtypes import bool_, finfo
from ..tensor import Tensor

__all__ = [
    "Constraint", "MixtureSameFamilyConstraint", "boolean", "cat", "corr_cholesky", "dependent", "dependent_property",
    "greater_than", "greater_than_eq", "half_open_interval", "independent", "integer_interval", "interval",
    "is_dependent", "less_than", "lower_cholesky", "lower_triangular", "multinomial", "nonnegative",
    "nonnegative_integer", "one_hot", "positive", "positive_definite", "positive_integer", "positive_semidefinite",
    "real", "real_vector", "simplex", "square", "stack", "symmetric", "unit_interval",
]  # fmt: skip


class Constraint:
    """A region: of whole numbers where ``is_discrete``; of events with ``event_dim`` dimensions.

    A subclass with bounds names them: they are its arguments and are shown.
    """

    is_discrete: Any = False
    event_dim: Any = 0
    bounds: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *values: Any, **named: Any) -> None:
        given = {**dict(zip(self.bounds, values, strict=False)), **named}
        if len(values) > len(self.bounds) or set(given) != set(self.bounds):
            raise TypeError(f"{type(self).__name__} takes the arguments {self.bounds}")
        self.__dict__.update(given)

    def check(self, value: Tensor) -> Tensor:
        """For every event of ``value`` whether it is within: bool of shape sample_shape + batch_shape."""
        raise NotImplementedError

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)}" for name in self.bounds)
        return f"{type(self).__name__.removeprefix('_')}({shown})"


class _Dependent(Constraint):
    """Depends on other parameters, so that it cannot be checked alone."""

    def __init__(self, *, is_discrete: Any = NotImplemented, event_dim: Any = NotImplemented) -> None:
        self._is_discrete, self._event_dim = is_discrete, event_dim

    @property
    def is_discrete(self) -> Any:
        if self._is_discrete is NotImplemented:
            raise NotImplementedError(".is_discrete cannot be determined statically")
        return self._is_discrete

    @property
    def event_dim(self) -> Any:
        if self._event_dim is NotImplemented:
            raise NotImplementedError(".event_dim cannot be determined statically")
        return self._event_dim

    def __call__(self, *, is_discrete: Any = NotImplemented, event_dim: Any = NotImplemented) -> Any:
        return _Dependent(
            is_discrete=self._is_discrete if is_discrete is NotImplemented else is_discrete,
            event_dim=self._event_dim if event_dim is NotImplemented else event_dim,
        )

    def check(self, value: Tensor) -> Tensor:
        raise ValueError("Cannot determine validity of dependent constraint")


class _DependentProperty(property, _Dependent):
    """Decorator: a property of distributions that is a dependent constraint of their class."""

    def __init__(self, fn: Any = None, *, is_discrete: Any = NotImplemented, event_dim: Any = NotImplemented) -> None:
        property.__init__(self, fn)
        self._is_discrete, self._event_dim = is_discrete, event_dim

    def __call__(self, fn: Any) -> Any:  # type: ignore[override]
        return _DependentProperty(fn, is_discrete=self._is_discrete, event_dim=self._event_dim)


def is_dependent(constraint: Any) -> bool:
    """Whether a constraint depends on other parameters."""
    return isinstance(constraint, _Dependent)


def flat_all(value: Tensor, dims: int) -> Tensor:
    """``all`` over the last ``dims`` dimensions."""
    return value.flatten(value.ndim - dims).all(-1) if dims else value


class _IndependentConstraint(Constraint):
    """A constraint whose last ``reinterpreted_batch_ndims`` batch dimensions belong to the event."""

    def __init__(self, base_constraint: Constraint, reinterpreted_batch_ndims: int) -> None:
        self.base_constraint, self.reinterpreted_batch_ndims = base_constraint, reinterpreted_batch_ndims

    is_discrete = property(lambda self: self.base_constraint.is_discrete)
    event_dim = property(lambda self: self.base_constraint.event_dim + self.reinterpreted_batch_ndims)

    def check(self, value: Tensor) -> Tensor:
        result = self.base_constraint.check(value)
        if result.dim() < self.reinterpreted_batch_ndims:
            expected = self.base_constraint.event_dim + self.reinterpreted_batch_ndims
            raise ValueError(f"Expected value.dim() >= {expected} but got {value.dim()}")
        return flat_all(result, self.reinterpreted_batch_ndims)

    def __repr__(self) -> str:
        return f"{type(self).__name__[1:]}({self.base_constraint!r}, {self.reinterpreted_batch_ndims})"


class MixtureSameFamilyConstraint(Constraint):
    """The support of a mixture: that of its components, which have one more batch dimension."""

    def __init__(self, base_constraint: Constraint) -> None:
        self.base_constraint = base_constraint

    is_discrete = property(lambda self: self.base_constraint.is_discrete)
    event_dim = property(lambda self: self.base_constraint.event_dim)

    def check(self, value: Tensor) -> Tensor:
        dims = self.event_dim
        result = self.base_constraint.check(value.unsqueeze(-1 - dims))
        if value.dim() < dims:
            raise ValueError(f"Expected value.dim() >= {dims} but got {value.dim()}")
        return flat_all(result, result.dim() - (value.dim() - dims))

    def __repr__(self) -> str:
        return f"MixtureSameFamilyConstraint({self.base_constraint!r})"


def _region(
    name: str, bounds: str, check: Callable[[Any, Tensor], Any], is_discrete: bool = False, event_dim: int = 0,
    parent: type[Constraint] = Constraint,
) -> Any:  # fmt: skip
    return type(
        "_" + name, (parent,),
        {"bounds": tuple(bounds.split()), "check": check, "is_discrete": is_discrete, "event_dim": event_dim,
         "__module__": __name__, "__doc__": f"The region {name}."},
    )  # fmt: skip


def _whole(x: Tensor) -> Tensor:
    return x == x.trunc() if x.dtype.category >= 2 else ops.ones_like(x, dtype=bool_)


def _lower(x: Tensor) -> Tensor:
    return flat_all(x.tril() == x, 2)


def _cholesky(x: Tensor) -> Tensor:
    return _lower(x) & (x.diagonal(dim1=-2, dim2=-1) > 0).all(-1)


def _unit_rows(x: Tensor) -> Tensor:
    tolerance = finfo(x.dtype).eps * x.shape[-1] * 10
    norms = (x.detach() * x.detach()).sum(-1).sqrt()
    return ((norms - 1).abs() <= tolerance).all(-1)


def _is_square(x: Tensor) -> Tensor:
    return ops.full(tuple(x.shape[:-2]), x.shape[-2] == x.shape[-1], dtype=bool_, device=x.device)


def _is_symmetric(x: Tensor) -> Tensor:
    return flat_all(ops.isclose(x, x.mT, atol=1e-6), 2) if x.shape[-2] == x.shape[-1] else _is_square(x)


def _where_symmetric(x: Tensor, check: Callable[[Tensor], Tensor]) -> Tensor:
    symmetric = _is_symmetric(x)
    return check(x) if bool(symmetric.all()) else symmetric


def _one_hot_rows(x: Tensor) -> Tensor:
    return ((x == 0) | (x == 1)).all(-1) & (x.sum(-1) == 1)


_Boolean = _region("Boolean", "", lambda self, x: (x == 0) | (x == 1), True)
_OneHot = _region("OneHot", "", lambda self, x: _one_hot_rows(x), True, 1)
_IntegerInterval = _region(
    "IntegerInterval", "lower_bound upper_bound",
    lambda self, x: _whole(x) & (x >= self.lower_bound) & (x <= self.upper_bound), True,
)  # fmt: skip
_IntegerLessThan = _region("IntegerLessThan", "upper_bound", lambda self, x: _whole(x) & (x <= self.upper_bound), True)
_IntegerGreaterThan = _region(
    "IntegerGreaterThan", "lower_bound", lambda self, x: _whole(x) & (x >= self.lower_bound), True
)
_Real = _region("Real", "", lambda self, x: x == x)
_GreaterThan = _region("GreaterThan", "lower_bound", lambda self, x: x > self.lower_bound)
_GreaterThanEq = _region("GreaterThanEq", "lower_bound", lambda self, x: x >= self.lower_bound)
_LessThan = _region("LessThan", "upper_bound", lambda self, x: x < self.upper_bound)
_Interval = _region(
    "Interval", "lower_bound upper_bound", lambda self, x: (x >= self.lower_bound) & (x <= self.upper_bound)
)
_HalfOpenInterval = _region(
    "HalfOpenInterval", "lower_bound upper_bound", lambda self, x: (x >= self.lower_bound) & (x < self.upper_bound)
)
_Simplex = _region(
    "Simplex", "", lambda self, x: (x >= 0).all(-1) & ((x.sum(-1) - 1).abs() < 1e-6), event_dim=1
)  # fmt: skip
_Multinomial = _region(
    "Multinomial", "upper_bound", lambda self, x: (x >= 0).all(-1) & (x.sum(-1) <= self.upper_bound), True, 1
)
_Multinomial.__repr__ = lambda self: "Multinomial()"
_LowerTriangular = _region("LowerTriangular", "", lambda self, x: _lower(x), event_dim=2)
_LowerCholesky = _region("LowerCholesky", "", lambda self, x: _cholesky(x), event_dim=2)
_CorrCholesky = _region("CorrCholesky", "", lambda self, x: _cholesky(x) & _unit_rows(x), event_dim=2)
_Square = _region("Square", "", lambda self, x: _is_square(x), event_dim=2)
_Symmetric = _region("Symmetric", "", lambda self, x: _is_symmetric(x), False, 2, _Square)
_PositiveSemidefinite = _region(
    "PositiveSemidefinite", "",
    lambda self, x: _where_symmetric(x, lambda y: (linalg.eigvalsh(y) >= 0).all(-1)), False, 2, _Symmetric,
)  # fmt: skip
_PositiveDefinite = _region(
    "PositiveDefinite", "",
    lambda self, x: _where_symmetric(x, lambda y: linalg.cholesky_ex(y).info == 0), False, 2, _Symmetric,
)  # fmt: skip


class _Stack(Constraint):
    """One constraint for each slice along ``dim``."""

    def __init__(self, cseq: Sequence[Constraint], dim: int = 0) -> None:
        if not all(isinstance(c, Constraint) for c in cseq):
            raise AssertionError("All elements of cseq must be Constraint instances")
        self.cseq, self.dim = list(cseq), dim

    is_discrete = property(lambda self: any(c.is_discrete for c in self.cseq))

    @property
    def event_dim(self) -> int:
        dims: int = max(c.event_dim for c in self.cseq)
        return dims + 1 if self.dim + dims < 0 else dims

    def _check_dim(self, value: Tensor) -> None:
        if not -value.dim() <= self.dim < value.dim():
            raise AssertionError(f"dim {self.dim} out of range for value with {value.dim()} dimensions")

    def check(self, value: Tensor) -> Tensor:
        self._check_dim(value)
        parts = zip(value.unbind(self.dim), self.cseq, strict=False)
        return ops.stack([c.check(v) for v, c in parts], self.dim)

    def __repr__(self) -> str:
        return f"{type(self).__name__[1:]}()"


class _Cat(_Stack):
    """One constraint for each part along ``dim``, of the given lengths."""

    def __init__(self, cseq: Sequence[Constraint], dim: int = 0, lengths: Sequence[int] | None = None) -> None:
        super().__init__(cseq, dim)
        self.lengths = list(lengths) if lengths is not None else [1] * len(self.cseq)
        if len(self.lengths) != len(self.cseq):
            raise AssertionError(f"lengths ({len(self.lengths)}) must match cseq ({len(self.cseq)})")

    event_dim = property(lambda self: max(c.event_dim for c in self.cseq))

    def check(self, value: Tensor) -> Tensor:
        self._check_dim(value)
        parts = zip(ops.split(value, self.lengths, self.dim), self.cseq, strict=True)
        return ops.cat([c.check(v) for v, c in parts], self.dim)


dependent = _Dependent()
dependent_property: Any = _DependentProperty
independent = _IndependentConstraint
boolean = _Boolean()
one_hot = _OneHot()
nonnegative_integer = _IntegerGreaterThan(0)
positive_integer = _IntegerGreaterThan(1)
integer_interval = _IntegerInterval
real = _Real()
real_vector = independent(real, 1)
positive = _GreaterThan(0.0)
nonnegative = _GreaterThanEq(0.0)
greater_than = _GreaterThan
greater_than_eq = _GreaterThanEq
less_than = _LessThan
multinomial = _Multinomial
unit_interval = _Interval(0.0, 1.0)
interval = _Interval
half_open_interval = _HalfOpenInterval
simplex = _Simplex()
lower_triangular = _LowerTriangular()
lower_cholesky = _LowerCholesky()
corr_cholesky = _CorrCholesky()
square = _Square()
symmetric = _Symmetric()
positive_semidefinite = _PositiveSemidefinite()
positive_definite = _PositiveDefinite()
cat = _Cat
stack = _Stack
