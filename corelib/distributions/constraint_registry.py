"""Transforms from unconstrained space to that of a constraint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import constraints, transforms

__all__ = ["ConstraintRegistry", "biject_to", "transform_to"]


class ConstraintRegistry:
    """Calling it with a constraint gives a transform to it: that which was registered for the constraint's class."""

    def __init__(self) -> None:
        self._registry: dict[Any, Callable[[Any], transforms.Transform]] = {}

    def register(self, constraint: Any, factory: Any = None) -> Any:
        """Let ``factory(constraint)`` make the transforms to constraints of a class (or of an instance's class)."""
        if factory is None:
            return lambda factory: self.register(constraint, factory)
        kind = type(constraint) if isinstance(constraint, constraints.Constraint) else constraint
        if not isinstance(kind, type) or not issubclass(kind, constraints.Constraint):
            raise TypeError(f"Expected constraint to be either a Constraint subclass or instance, but got {constraint}")
        self._registry[kind] = factory
        return factory

    def __call__(self, constraint: Any) -> transforms.Transform:
        if type(constraint) not in self._registry:
            raise NotImplementedError(f"Cannot transform {type(constraint).__name__} constraints")
        return self._registry[type(constraint)](constraint)


biject_to = ConstraintRegistry()
"""Bijections: what has a log-determinant, for densities."""
transform_to = ConstraintRegistry()
"""Any transforms, perhaps with more coordinates than needed: for optimization."""


def _from_exp(bound: Any, scale: float) -> Any:
    return transforms.ComposeTransform([transforms.ExpTransform(), transforms.AffineTransform(bound, scale)])


def _interval(c: Any) -> Any:
    low, high = c.lower_bound, c.upper_bound
    if isinstance(low, (int, float)) and isinstance(high, (int, float)) and (low, high) == (0, 1):
        return transforms.SigmoidTransform()
    return transforms.ComposeTransform([transforms.SigmoidTransform(), transforms.AffineTransform(low, high - low)])


for _registry in (biject_to, transform_to):

    def _independent(c: Any, to: Any = _registry) -> Any:
        return transforms.IndependentTransform(to(c.base_constraint), c.reinterpreted_batch_ndims)

    def _cat(c: Any, to: Any = _registry) -> Any:
        return transforms.CatTransform([to(part) for part in c.cseq], c.dim, c.lengths)

    def _stack(c: Any, to: Any = _registry) -> Any:
        return transforms.StackTransform([to(part) for part in c.cseq], c.dim)

    for _kinds, _factory in (
        ((constraints.real,), lambda c: transforms.identity_transform),
        ((constraints.independent,), _independent),
        ((constraints.greater_than, constraints.greater_than_eq), lambda c: _from_exp(c.lower_bound, 1)),
        ((constraints.less_than,), lambda c: _from_exp(c.upper_bound, -1)),
        ((constraints.interval, constraints.half_open_interval), _interval),
        ((constraints.corr_cholesky,), lambda c: transforms.CorrCholeskyTransform()),
        ((constraints.cat,), _cat),
        ((constraints.stack,), _stack),
    ):
        for _kind in _kinds:
            _registry.register(_kind, _factory)

biject_to.register(constraints.simplex, lambda c: transforms.StickBreakingTransform())
transform_to.register(constraints.simplex, lambda c: transforms.SoftmaxTransform())
transform_to.register(constraints.lower_cholesky, lambda c: transforms.LowerCholeskyTransform())
for _kind in (constraints.positive_definite, constraints.positive_semidefinite):
    transform_to.register(_kind, lambda c: transforms.PositiveDefiniteTransform())
