"""Differentiable maps between spaces, with their inverses and log-determinants."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from .. import _functions as ops
from ..dtypes import finfo
from ..layout import Size
from ..nn.functional import softplus
from ..ops import rules
from ..tensor import Tensor
from . import constraints
from .matrix_transforms import (
    CorrCholeskyTransform,
    LowerCholeskyTransform,
    PositiveDefiniteTransform,
    SoftmaxTransform,
    StickBreakingTransform,
)
from .transform import (
    PLAIN,
    ComposeTransform,
    IndependentTransform,
    ReshapeTransform,
    Shape,
    Transform,
    as_event,
    clipped_sigmoid,
    identity_transform,
)
from .utils import broadcast_all, sum_rightmost

__all__ = [
    "AbsTransform", "AffineTransform", "CatTransform", "ComposeTransform", "CorrCholeskyTransform",
    "CumulativeDistributionTransform", "ExpTransform", "IndependentTransform", "LowerCholeskyTransform",
    "PositiveDefiniteTransform", "PowerTransform", "ReshapeTransform", "SigmoidTransform", "SoftmaxTransform",
    "SoftplusTransform", "StackTransform", "StickBreakingTransform", "TanhTransform", "Transform",
    "identity_transform",
]  # fmt: skip


def _scalar(
    name: str, doc: str, call: Callable[[Tensor], Tensor], inverse: Callable[[Tensor], Tensor],
    log_slope: Callable[[Tensor, Tensor], Tensor] | None, codomain: Any, rises: bool = True, domain: Any = None,
) -> Any:  # fmt: skip
    """A transform of single numbers that has no parameters."""
    body = {
        "domain": domain or constraints.real, "codomain": codomain, "__doc__": doc, "__module__": __name__,
        "_call": lambda self, x: call(x), "_inverse": lambda self, y: inverse(y),
    }  # fmt: skip
    if log_slope is not None:
        body["log_abs_det_jacobian"] = lambda self, x, y: log_slope(x, y)
    if rises:
        body.update(bijective=True, sign=+1)
    kind = type(name, (Transform,), body)
    PLAIN.add(kind)
    return kind


def _unclipped(y: Tensor) -> Tensor:
    y = ops.clamp(y, finfo(y.dtype).tiny, 1.0 - finfo(y.dtype).eps)
    return y.log() - (-y).log1p()


ExpTransform = _scalar(
    "ExpTransform", "y = exp(x).", lambda x: x.exp(), lambda y: y.log(), lambda x, y: x, constraints.positive
)
SigmoidTransform = _scalar(
    "SigmoidTransform", "y = 1 / (1 + exp(-x)).", clipped_sigmoid, _unclipped,
    lambda x, y: -softplus(-x) - softplus(x), constraints.unit_interval,
)  # fmt: skip
SoftplusTransform = _scalar(
    "SoftplusTransform", "y = log(1 + exp(x)).", softplus, lambda y: (-(-y).expm1()).log() + y,
    lambda x, y: -softplus(-x), constraints.positive,
)  # fmt: skip
TanhTransform = _scalar(
    "TanhTransform", "y = tanh(x).", lambda x: x.tanh(), lambda y: y.atanh(),
    lambda x, y: 2.0 * (math.log(2.0) - x - softplus(-2.0 * x)), constraints.interval(-1.0, 1.0),
)  # fmt: skip
AbsTransform = _scalar(
    "AbsTransform", "y = abs(x), which has no inverse but the positive one.", lambda x: x.abs(), lambda y: y, None,
    constraints.positive, False,
)  # fmt: skip


def _shape_with(shape: Shape, *values: Any) -> Any:
    return Size(rules.broadcast_shapes(shape, *[getattr(v, "shape", ()) for v in values]))


def _equal(a: Any, b: Any) -> bool:
    same = a == b
    return bool(same.all()) if isinstance(same, Tensor) else bool(same)


class PowerTransform(Transform):
    """y = x ** exponent."""

    domain = constraints.positive
    codomain = constraints.positive
    bijective = True

    def __init__(self, exponent: Any, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        (self.exponent,) = broadcast_all(exponent)

    sign = property(lambda self: self.exponent.sign())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PowerTransform) and _equal(self.exponent, other.exponent)

    __hash__ = Transform.__hash__

    def _call(self, x: Any) -> Any:
        return x.pow(self.exponent)

    def _inverse(self, y: Any) -> Any:
        return y.pow(1 / self.exponent)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return (self.exponent * y / x).abs().log()

    def forward_shape(self, shape: Shape) -> Any:
        return _shape_with(shape, self.exponent)

    inverse_shape = forward_shape


class AffineTransform(Transform):
    """y = loc + scale * x."""

    bijective = True

    def __init__(self, loc: Any, scale: Any, event_dim: int = 0, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.loc, self.scale, self._event_dim = loc, scale, event_dim

    event_dim = property(lambda self: self._event_dim)
    domain = codomain = constraints.dependent_property(
        lambda self: as_event(constraints.real, self._event_dim), is_discrete=False
    )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AffineTransform) and _equal(self.loc, other.loc) and _equal(self.scale, other.scale)

    __hash__ = Transform.__hash__

    @property
    def sign(self) -> Any:
        return self.scale.sign() if isinstance(self.scale, Tensor) else (self.scale > 0) - (self.scale < 0)

    def _call(self, x: Any) -> Any:
        return self.loc + self.scale * x

    def _inverse(self, y: Any) -> Any:
        return (y - self.loc) / self.scale

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        scale, dims = self.scale, self._event_dim
        result = scale.abs().log() if isinstance(scale, Tensor) else ops.full_like(x, math.log(abs(scale)))
        if dims:
            result = result.view((*result.shape[:-dims], -1)).sum(-1)
        return result.expand(x.shape[: x.dim() - dims])

    def forward_shape(self, shape: Shape) -> Any:
        return _shape_with(shape, self.loc, self.scale)

    inverse_shape = forward_shape


# -- of parts ----------------------------------------------------------------------------------------------------


class StackTransform(Transform):
    """One transform for each slice along ``dim``."""

    _joined = staticmethod(ops.stack)

    def __init__(self, tseq: Sequence[Transform], dim: int = 0, cache_size: int = 0) -> None:
        if not all(isinstance(t, Transform) for t in tseq):
            raise AssertionError("All elements of tseq must be Transform instances")
        super().__init__(cache_size)
        self.transforms = [t.with_cache(cache_size) if cache_size else t for t in tseq]
        self.dim = dim

    def _parts(self, value: Tensor) -> Any:
        if not -value.dim() <= self.dim < value.dim():
            raise AssertionError(f"dim {self.dim} out of range for tensor with {value.dim()} dimensions")
        if value.size(self.dim) != len(self.transforms):
            raise AssertionError(
                f"x.size({self.dim}) = {value.size(self.dim)} must equal len(transforms) {len(self.transforms)}"
            )
        return value.unbind(self.dim)

    def _call(self, x: Any) -> Any:
        return self._joined([t(v) for t, v in zip(self.transforms, self._parts(x), strict=True)], self.dim)

    def _inverse(self, y: Any) -> Any:
        return self._joined([t.inv(v) for t, v in zip(self.transforms, self._parts(y), strict=True)], self.dim)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        parts = zip(self.transforms, self._parts(x), self._parts(y), strict=True)
        return ops.stack([t.log_abs_det_jacobian(a, b) for t, a, b in parts], self.dim)

    bijective = property(lambda self: all(t.bijective for t in self.transforms))
    domain = constraints.dependent_property(
        lambda self: constraints.stack([t.domain for t in self.transforms], self.dim)
    )
    codomain = constraints.dependent_property(
        lambda self: constraints.stack([t.codomain for t in self.transforms], self.dim)
    )


class CatTransform(StackTransform):
    """One transform for each part along ``dim``, of the given lengths."""

    _joined = staticmethod(ops.cat)

    def __init__(
        self, tseq: Sequence[Transform], dim: int = 0, lengths: Sequence[int] | None = None, cache_size: int = 0
    ) -> None:
        super().__init__(tseq, dim, cache_size)
        self.lengths = list(lengths) if lengths is not None else [1] * len(self.transforms)
        if len(self.lengths) != len(self.transforms):
            raise AssertionError(f"lengths ({len(self.lengths)}) must match transforms ({len(self.transforms)})")

    event_dim = property(lambda self: max(t.event_dim for t in self.transforms))
    length = property(lambda self: sum(self.lengths))

    def _parts(self, value: Tensor) -> Any:
        if not -value.dim() <= self.dim < value.dim():
            raise AssertionError(f"dim {self.dim} out of range for tensor with {value.dim()} dimensions")
        if value.size(self.dim) != self.length:
            raise AssertionError(f"x.size({self.dim}) = {value.size(self.dim)} must equal length {self.length}")
        return ops.split(value, self.lengths, self.dim)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        dims = self.event_dim
        parts = zip(self.transforms, self._parts(x), self._parts(y), strict=True)
        terms = [sum_rightmost(t.log_abs_det_jacobian(a, b), dims - t.event_dim) for t, a, b in parts]
        dim = (self.dim if self.dim < 0 else self.dim - x.dim()) + dims
        return ops.cat(terms, dim) if dim < 0 else sum(terms)

    domain = constraints.dependent_property(
        lambda self: constraints.cat([t.domain for t in self.transforms], self.dim, self.lengths)
    )
    codomain = constraints.dependent_property(
        lambda self: constraints.cat([t.codomain for t in self.transforms], self.dim, self.lengths)
    )


class CumulativeDistributionTransform(Transform):
    """y = cdf(x) of a distribution."""

    bijective = True
    codomain = constraints.unit_interval
    sign = +1

    def __init__(self, distribution: Any, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.distribution = distribution

    domain = property(lambda self: self.distribution.support)

    def _call(self, x: Any) -> Any:
        return self.distribution.cdf(x)

    def _inverse(self, y: Any) -> Any:
        return self.distribution.icdf(y)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return self.distribution.log_prob(x)
