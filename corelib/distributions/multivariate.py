"""Distributions over vectors and matrices that are said by a covariance, and over correlation matrices."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any, ClassVar

from .. import _functions as ops
from .. import linalg
from ..autograd import no_grad
from ..dtypes import finfo
from ..ops import rules
from ..tensor import Tensor
from . import constraints
from .distribution import Distribution, ExponentialFamily
from .gamma import Beta, Chi2
from .utils import broadcast_all, lazy_property

__all__ = ["LKJCholesky", "LowRankMultivariateNormal", "MultivariateNormal", "Wishart"]


def half_log_det(factor: Tensor) -> Tensor:
    """The logarithm of the determinant of a triangular matrix with a positive diagonal."""
    return factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def solve_lower(factor: Tensor, right: Tensor) -> Tensor:
    """The solution of lower triangular systems (batch dimensions broadcast)."""
    shape = rules.broadcast_shapes(factor.shape[:-2], right.shape[:-2])
    factor, right = factor.expand(*shape, *factor.shape[-2:]), right.expand(*shape, *right.shape[-2:])
    return linalg.solve_triangular(factor, right, upper=False)


def mahalanobis(factor: Tensor, x: Tensor) -> Tensor:
    """|inverse(factor) @ x| ** 2 over the last dimension."""
    if factor.dim() == 2:  # one system with many right sides
        solved = linalg.solve_triangular(factor, x.reshape(-1, x.shape[-1]).mT, upper=False)
        return (solved * solved).sum(0).reshape(x.shape[:-1])
    solved = solve_lower(factor, x.unsqueeze(-1)).squeeze(-1)
    return (solved * solved).sum(-1)


def _of_precision(precision: Tensor) -> Tensor:
    """The lower triangular factor of the inverse."""
    flipped = linalg.cholesky(precision.flip((-2, -1)))
    return solve_lower(flipped.flip((-2, -1)).mT, _identity(precision))


def _identity(like: Tensor) -> Tensor:
    return ops.eye(like.shape[-1], dtype=like.dtype, device=like.device)


class _ByCovariance(Distribution):
    """Keeps the one of covariance, precision and triangular factor that is given; the others on demand."""

    _unbroadcasted_scale_tril: Tensor

    def _keep(self, batch_shape: Any, covariance: Any, precision: Any, scale_tril: Any) -> None:
        given = {"covariance_matrix": covariance, "precision_matrix": precision, "scale_tril": scale_tril}
        name, matrix = next((k, v) for k, v in given.items() if v is not None)
        self.__dict__[name] = matrix.expand(*batch_shape, *matrix.shape[-2:])

    def _factor(self, covariance: Any, precision: Any, scale_tril: Any) -> None:
        if scale_tril is None:
            scale_tril = linalg.cholesky(covariance) if covariance is not None else _of_precision(precision)
        self._unbroadcasted_scale_tril = scale_tril

    def _full(self, matrix: Tensor) -> Tensor:
        return matrix.expand(*self._batch_shape, *matrix.shape[-2:])

    @lazy_property
    def scale_tril(self) -> Tensor:
        return self._full(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        factor = self._unbroadcasted_scale_tril
        return self._full(factor @ factor.mT)

    @lazy_property
    def precision_matrix(self) -> Tensor:
        inverse = solve_lower(self._unbroadcasted_scale_tril, _identity(self._unbroadcasted_scale_tril))
        return self._full(inverse.mT @ inverse)


class MultivariateNormal(_ByCovariance):
    """The normal distribution over vectors."""

    arg_constraints: ClassVar[dict[str, Any]] = {
        "loc": constraints.real_vector, "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite, "scale_tril": constraints.lower_cholesky,
    }  # fmt: skip
    support = constraints.real_vector
    has_rsample = True

    def __init__(
        self, loc: Tensor, covariance_matrix: Tensor | None = None, precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None, validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        given = {
            "covariance_matrix": covariance_matrix, "precision_matrix": precision_matrix,
            "scale_tril matrix": scale_tril,
        }  # fmt: skip
        named = [(name, m) for name, m in given.items() if m is not None]
        if len(named) != 1:
            raise ValueError("Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified.")
        name, matrix = named[0]
        if matrix.dim() < 2:
            raise ValueError(f"{name} must be at least two-dimensional, with optional leading batch dimensions")
        batch = rules.broadcast_shapes(matrix.shape[:-2], loc.shape[:-1])
        self._keep(batch, covariance_matrix, precision_matrix, scale_tril)
        self.loc = loc.expand(*batch, loc.shape[-1])
        super().__init__(batch, loc.shape[-1:], validate_args)
        self._factor(covariance_matrix, precision_matrix, scale_tril)

    mean = property(lambda self: self.loc)
    mode = property(lambda self: self.loc)

    @property
    def variance(self) -> Tensor:
        return self._unbroadcasted_scale_tril.pow(2).sum(-1).expand(self._extended_shape())

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        noise = ops.randn(*self._extended_shape(sample_shape), dtype=self.loc.dtype, device=self.loc.device)
        return self.loc + (self._unbroadcasted_scale_tril @ noise.unsqueeze(-1)).squeeze(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        factor = self._unbroadcasted_scale_tril
        distance = mahalanobis(factor, self._checked(value) - self.loc)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + distance) - half_log_det(factor)

    def entropy(self) -> Tensor:
        spread = half_log_det(self._unbroadcasted_scale_tril)
        return (0.5 * self._event_shape[0] * (1.0 + math.log(2 * math.pi)) + spread).expand(self._batch_shape)


class LowRankMultivariateNormal(Distribution):
    """The normal distribution with the covariance ``cov_factor @ cov_factor.T + diag(cov_diag)``."""

    arg_constraints: ClassVar[dict[str, Any]] = {
        "loc": constraints.real_vector, "cov_factor": constraints.independent(constraints.real, 2),
        "cov_diag": constraints.independent(constraints.positive, 1),
    }  # fmt: skip
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, loc: Tensor, cov_factor: Tensor, cov_diag: Tensor, validate_args: bool | None = None) -> None:
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        event = loc.shape[-1:]
        if cov_factor.dim() < 2:
            raise ValueError("cov_factor must be at least two-dimensional, with optional leading batch dimensions")
        if cov_factor.shape[-2:-1] != event:
            raise ValueError(f"cov_factor must be a batch of matrices with shape {event[0]} x m")
        if cov_diag.shape[-1:] != event:
            raise ValueError(f"cov_diag must be a batch of vectors with shape {event}")
        try:
            batch = rules.broadcast_shapes(loc.shape[:-1], cov_factor.shape[:-2], cov_diag.shape[:-1])
        except RuntimeError as e:
            raise ValueError(
                f"Incompatible batch shapes: loc {loc.shape}, cov_factor {cov_factor.shape}, cov_diag {cov_diag.shape}"
            ) from e
        self.loc, self.cov_diag = loc.expand(*batch, *event), cov_diag.expand(*batch, *event)
        self.cov_factor = cov_factor.expand(*batch, *cov_factor.shape[-2:])
        self._unbroadcasted_cov_factor, self._unbroadcasted_cov_diag = cov_factor, cov_diag
        scaled = cov_factor.mT / cov_diag.unsqueeze(-2)
        inner = scaled @ cov_factor
        self._unbroadcasted_capacitance_tril = linalg.cholesky(inner + _identity(inner))
        super().__init__(batch, event, validate_args)

    mean = property(lambda self: self.loc)
    mode = property(lambda self: self.loc)

    @lazy_property
    def variance(self) -> Tensor:
        return self.cov_factor.pow(2).sum(-1) + self.cov_diag

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The lower triangular factor of the covariance."""
        root = self.cov_diag.sqrt().unsqueeze(-1)
        scaled = self.cov_factor / root
        inner = scaled @ scaled.mT
        return root * linalg.cholesky(inner + _identity(inner))

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """The covariance."""
        return self.cov_factor @ self.cov_factor.mT + self.cov_diag.diag_embed()

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The inverse of the covariance."""
        a = solve_lower(self._unbroadcasted_capacitance_tril, self.cov_factor.mT / self.cov_diag.unsqueeze(-2))
        return self.cov_diag.reciprocal().diag_embed() - a.mT @ a

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        like: dict[str, Any] = {"dtype": self.loc.dtype, "device": self.loc.device}
        common = ops.randn(*shape[:-1], self.cov_factor.shape[-1], **like)
        own = ops.randn(*shape, **like)
        return self.loc + (self.cov_factor @ common.unsqueeze(-1)).squeeze(-1) + self.cov_diag.sqrt() * own

    def _log_det(self) -> Tensor:
        return 2 * half_log_det(self._unbroadcasted_capacitance_tril) + self._unbroadcasted_cov_diag.log().sum(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        off = self._checked(value) - self.loc
        diagonal = self._unbroadcasted_cov_diag
        scaled = self._unbroadcasted_cov_factor.mT / diagonal.unsqueeze(-2)
        inside = mahalanobis(self._unbroadcasted_capacitance_tril, (scaled @ off.unsqueeze(-1)).squeeze(-1))
        distance = (off.pow(2) / diagonal).sum(-1) - inside
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + self._log_det() + distance)

    def entropy(self) -> Tensor:
        spread = self._event_shape[0] * (1.0 + math.log(2 * math.pi))
        return (0.5 * (spread + self._log_det())).expand(self._batch_shape)


class Wishart(_ByCovariance, ExponentialFamily):
    """Scatter matrices of ``df`` normal vectors."""

    support = constraints.positive_definite
    has_rsample = True

    @property
    def arg_constraints(self) -> dict[str, Any]:
        """What the parameters must satisfy."""
        return {
            "covariance_matrix": constraints.positive_definite, "precision_matrix": constraints.positive_definite,
            "scale_tril": constraints.lower_cholesky, "df": constraints.greater_than(self.event_shape[-1] - 1),
        }  # fmt: skip

    def __init__(
        self, df: Any, covariance_matrix: Tensor | None = None, precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None, validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        matrices = [m for m in (covariance_matrix, precision_matrix, scale_tril) if m is not None]
        if len(matrices) != 1:
            raise AssertionError("Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified.")
        matrix = matrices[0]
        if matrix.dim() < 2:
            raise ValueError("scale_tril must be at least two-dimensional, with optional leading batch dimensions")
        count = df if isinstance(df, Tensor) else ops.tensor(df, dtype=matrix.dtype, device=matrix.device)
        batch = rules.broadcast_shapes(matrix.shape[:-2], count.shape)
        size = matrix.shape[-1]
        self.df = count.expand(batch)
        if bool((self.df <= size - 1).any()):
            raise ValueError(f"Value of df={df} expected to be greater than ndim - 1 = {size - 1}.")
        if bool((self.df < size).any()):
            warnings.warn(
                "Low df values detected. Singular samples are highly likely to occur for ndim - 1 < df < ndim.",
                stacklevel=2,
            )
        self._keep(batch, covariance_matrix, precision_matrix, scale_tril)
        super().__init__(batch, matrix.shape[-2:], validate_args)
        self._factor(covariance_matrix, precision_matrix, scale_tril)

    def _df(self) -> Tensor:
        return self.df.view(*self._batch_shape, 1, 1)

    @property
    def mean(self) -> Tensor:
        return self._df() * self.covariance_matrix

    @property
    def mode(self) -> Tensor:
        factor = self._df() - self._event_shape[0] - 1
        return ops.where(factor <= 0, math.nan, factor) * self.covariance_matrix

    @property
    def variance(self) -> Tensor:
        covariance = self.covariance_matrix
        diagonal = covariance.diagonal(dim1=-2, dim2=-1)
        return self._df() * (covariance.pow(2) + diagonal.unsqueeze(-1) * diagonal.unsqueeze(-2))

    def _bartlett(self, sample_shape: Sequence[int]) -> Tensor:
        size = self._event_shape[-1]
        like: dict[str, Any] = {"dtype": self.df.dtype, "device": self.df.device}
        squares = Chi2(self.df.unsqueeze(-1) - ops.arange(size, **like), validate_args=False).rsample(sample_shape)
        diagonal = squares.sqrt().clamp(min=finfo(self.df.dtype).eps).diag_embed()
        noise = ops.randn(*self._extended_shape(sample_shape), **like).tril(-1) + diagonal
        factor = self._unbroadcasted_scale_tril @ noise
        return factor @ factor.mT

    def rsample(self, sample_shape: Sequence[int] = (), max_try_correction: int | None = None) -> Tensor:
        """Bartlett's decomposition; singular matrices are drawn again up to ``max_try_correction`` (10) times."""
        result = self._bartlett(sample_shape)
        for attempt in range(10 if max_try_correction is None else max_try_correction):
            fine = self.support.check(result.detach())
            fine = fine if fine.shape == result.shape[:-2] else fine.expand(result.shape[:-2])
            if bool(fine.all()):
                break
            if not attempt:
                warnings.warn("Singular sample detected.", stacklevel=2)
            result = ops.where(fine.unsqueeze(-1).unsqueeze(-1), result, self._bartlett(sample_shape))
        return result

    def _scale(self) -> Tensor:
        return self._event_shape[-1] * math.log(2) / 2 + half_log_det(self._unbroadcasted_scale_tril)

    def log_prob(self, value: Tensor) -> Tensor:
        df, size, factor = self.df, self._event_shape[-1], self._unbroadcasted_scale_tril
        half = solve_lower(factor, self._checked(value))
        trace = solve_lower(factor, half.mT).diagonal(dim1=-2, dim2=-1).sum(-1)
        level = (df - size - 1) / 2 * linalg.slogdet(value).logabsdet
        return level - df * self._scale() - ops.mvlgamma(df / 2, size) - trace / 2

    def entropy(self) -> Tensor:
        df, size = self.df, self._event_shape[-1]
        slope = (df.unsqueeze(-1) / 2 - ops.arange(size, dtype=df.dtype, device=df.device) / 2).digamma().sum(-1)
        level = (size + 1) * self._scale() + ops.mvlgamma(df / 2, size)
        return level - (df - size - 1) / 2 * slope + df * size / 2

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return -self.precision_matrix / 2, (self.df - self._event_shape[-1] - 1) / 2


class LKJCholesky(Distribution):
    """Cholesky factors of correlation matrices with density in proportion to det ** (concentration - 1)."""

    arg_constraints: ClassVar[dict[str, Any]] = {"concentration": constraints.positive}
    support = constraints.corr_cholesky

    def __init__(self, dim: int, concentration: Any = 1.0, validate_args: bool | None = None) -> None:
        if dim < 2:
            raise ValueError(f"Expected dim to be an integer greater than or equal to 2. Found dim={dim}.")
        self.dim = dim
        (self.concentration,) = broadcast_all(concentration)
        super().__init__(self.concentration.size(), (dim, dim), validate_args)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with no_grad():  # the onion method: a radius and a direction for each row
            c = self.concentration
            like: dict[str, Any] = {"dtype": c.dtype, "device": c.device}
            offset = ops.arange(-1, self.dim - 1, **like).clamp(min=0)
            marginal = (c + 0.5 * (self.dim - 2)).unsqueeze(-1)
            radius = Beta(offset + 0.5, marginal - 0.5 * offset, validate_args=False).sample(sample_shape)
            noise = ops.randn(*self._extended_shape(sample_shape), **like).tril(-1)
            length = (noise * noise).sum(-1, True).sqrt()
            rows = radius.unsqueeze(-1).sqrt() * noise / ops.where(length == 0, 1.0, length)
            rest = (1 - (rows * rows).sum(-1)).clamp(min=finfo(c.dtype).tiny).sqrt()
            return rows + rest.diag_embed()

    def log_prob(self, value: Tensor) -> Tensor:
        diagonal = self._checked(value).diagonal(dim1=-1, dim2=-2)[..., 1:]
        c, count = self.concentration, self.dim - 1
        order = 2 * (c - 1).unsqueeze(-1) + ops.arange(self.dim - 2, -1, -1, dtype=c.dtype, device=c.device)
        alpha = c + 0.5 * count
        level = 0.5 * count * math.log(math.pi) + ops.mvlgamma(alpha - 0.5, count) - alpha.lgamma() * count
        return (order * diagonal.log()).sum(-1) - level
