"""Statistics and calculus along a dimension: moments that skip nan, covariance, differences, integrals, distances."""

from __future__ import annotations

import warnings
from typing import Any

from ..core.tensor import TENSORS, Tensor
from ..dtypes import bool_
from ..dtypes import dtype as dtype_class
from . import rules
from .derived import isnan, ne
from .elementwise import conj, div, lt, sqrt, where
from .features import vector_norm
from .linalg import matmul
from .movement import cat, clone
from .reduction import cumsum, sum, var_mean
from .results import accepts_out
from .transcendental import logaddexp

__all__ = [
    "corrcoef", "cov", "cumulative_trapezoid", "diff", "dist", "gradient", "logcumsumexp", "nanmean", "nansum",
    "renorm", "std_mean", "trapezoid",
]  # fmt: skip
METHODS = ["corrcoef", "cov", "diff", "dist", "logcumsumexp", "nanmean", "nansum", "renorm"]
IN_PLACE = ["renorm"]
ALIASES = {"trapz": "trapezoid"}


# -- moments


def std_mean(
    input: Tensor, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: int | None = None
) -> tuple[Tensor, Tensor]:
    """(standard deviation, mean) over ``dim``; see ``var``."""
    variance, mean = var_mean(input, dim, unbiased, keepdim, correction=correction)
    return sqrt(variance), mean


def _without_nan(input: Tensor) -> Tensor:
    return where(isnan(input), 0, input) if input.dtype.category >= 2 else input


@accepts_out
def nansum(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: dtype_class | None = None) -> Tensor:
    """The sum of what is not nan; complex numbers are not supported."""
    if input.dtype.is_complex:
        raise RuntimeError("nansum does not support complex inputs")
    return sum(_without_nan(input), dim, keepdim, dtype=dtype)


@accepts_out
def nanmean(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: dtype_class | None = None) -> Tensor:
    """The mean of what is not nan; nan where there is nothing."""
    if input.dtype.category < 2:
        raise RuntimeError(
            f"nanmean(): expected input to have floating point or complex dtype but got {rules.what(input.dtype)}"
        )
    count = sum(ne(isnan(input), True), dim, keepdim)
    return sum(_without_nan(input), dim, keepdim, dtype=dtype) / count


@accepts_out
def logcumsumexp(input: Tensor, dim: int) -> Tensor:
    """log of the running sum of exp along ``dim``, without overflow."""
    if input.dtype.category != 2:
        raise rules.not_implemented("logcumsumexp_out_cpu", input.dtype)
    d = rules.normalize_dim(dim, input.ndim)
    if not input.ndim:
        return clone(input)
    n, step, result = input.shape[d], 1, input
    while step < n:
        head, tail = result.narrow(d, 0, step), result.narrow(d, step, n - step)
        result = cat([head, logaddexp(tail, result.narrow(d, 0, n - step))], d)
        step *= 2
    return clone(result) if result is input else result


def cov(
    input: Tensor, *, correction: int = 1, fweights: Tensor | None = None, aweights: Tensor | None = None
) -> Tensor:
    """The covariance matrix of the rows (variables) over the columns (observations), which may be weighted."""
    if input.ndim > 2:
        raise RuntimeError(
            f"cov(): expected input to have two or fewer dimensions but got an input with {input.ndim} dimensions"
        )
    if input.dtype is bool_:
        raise RuntimeError("cov(): bool dtype is not supported for input")
    x = input if input.ndim == 2 else input.reshape(1, -1)
    count = x.shape[1]
    for name, w, integral in (("fweights", fweights, True), ("aweights", aweights, False)):
        if w is None:
            continue
        if w.ndim > 1:
            raise RuntimeError(
                f"cov(): expected {name} to have one or fewer dimensions but got {name} with {w.ndim} dimensions"
            )
        if (w.dtype.category != 1) if integral else (w.dtype.category != 2):
            kind = "integral" if integral else "floating point"
            raise RuntimeError(
                f"cov(): expected {name} to have {kind} dtype but got {name} with {rules.what(w.dtype)} dtype"
            )
        if w.numel() != count:
            raise RuntimeError(
                f"cov(): expected {name} to have the same numel as there are observations in the input but got "
                f"{w.numel()} != {count}"
            )
        if count and bool(lt(w, 0).any()):
            raise RuntimeError(f"cov(): {name} cannot be negative")
    weight = fweights
    if aweights is not None:
        weight = aweights if weight is None else weight * aweights
    if weight is None:
        total: Any = float(count)
        center = div(sum(x, 1, True), total)
        freedom: Any = float(count - correction)
    else:
        total = sum(weight)
        center = sum(x * weight, 1, True) / total
        if aweights is None or correction == 0:
            freedom = total - correction
        else:
            freedom = total - correction * sum(weight * aweights) / total
    if float(freedom) <= 0:
        warnings.warn(
            "cov(): degrees of freedom is <= 0. Correction should be strictly less than the number of observations.",
            UserWarning,
            stacklevel=2,
        )
        freedom = 0.0
    away = x - center
    other = away if weight is None else away * weight
    turned = conj(other.transpose(0, 1)) if other.dtype.is_complex else other.transpose(0, 1)
    matrix: Tensor = (matmul(away, turned.to(away.dtype)) / freedom).squeeze()
    return matrix


def corrcoef(input: Tensor) -> Tensor:
    """The matrix of the rows' correlation coefficients."""
    if input.ndim > 2:
        raise RuntimeError(
            f"corrcoef(): expected input to have two or fewer dimensions but got an input with {input.ndim} dimensions"
        )
    c = cov(input)
    if not c.ndim:
        return c / c
    diagonal = c.diagonal()
    deviation = sqrt(diagonal.real if c.dtype.is_complex else diagonal)
    scaled = c / deviation.unsqueeze(1) / deviation.unsqueeze(0)
    return scaled if c.dtype.is_complex else scaled.clamp(-1, 1)


# -- differences and integrals


@accepts_out
def diff(
    input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | None = None
) -> Tensor:
    """Differences of neighbours along ``dim``, ``n`` times over; of bools, where they differ."""
    if not input.ndim:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    d = rules.normalize_dim(dim, input.ndim)
    if not n:
        return clone(input)
    parts = [x for x in (prepend, input, append) if x is not None]
    result = cat(parts, d) if len(parts) > 1 else input
    for _ in range(min(n, result.shape[d])):
        size = max(result.shape[d] - 1, 0)
        after, before = result.narrow(d, result.shape[d] - size, size), result.narrow(d, 0, size)
        result = ne(after, before) if result.dtype is bool_ else after - before
    return clone(result) if result is input else result


def gradient(input: Tensor, *, spacing: Any = 1, dim: Any = None, edge_order: int = 1) -> tuple[Tensor, ...]:
    """Derivatives along each dimension by central differences, by one-sided ones of ``edge_order`` at the ends.

    ``spacing``: a number, one for each dimension, or a tensor of coordinates for each.
    """
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    given = list(range(input.ndim)) if dim is None else [dim] if isinstance(dim, int) else list(dim)
    dims = [rules.normalize_dim(d, input.ndim) for d in given]
    for i, d in enumerate(dims):
        if d in dims[:i]:
            raise RuntimeError(f"dim {d} appears multiple times in the list of dims")
    spacing = 1 if spacing is None else spacing
    spaces = list(spacing) if isinstance(spacing, (tuple, list)) else [spacing] * len(dims)
    if len(spaces) != len(dims):
        raise RuntimeError(
            f"torch.gradient expected spacing to be unspecified, a scalar or a list of length {len(dims)}, but got a "
            f"list of length {len(spaces)}"
        )
    for d in dims:
        if input.shape[d] < edge_order + 1:
            raise RuntimeError("torch.gradient expected each dimension size to be at least edge_order+1")
    return tuple(
        (_by_coordinates if h.__class__ in TENSORS and h.ndim else _by_step)(input, h, d, edge_order)
        for d, h in zip(dims, spaces, strict=True)
    )


def _by_step(x: Tensor, h: Any, d: int, order: int) -> Tensor:
    n = x.shape[d]
    at = [x.narrow(d, i, 1) for i in (0, 1, n - 2, n - 1)]
    if order == 1:
        first, last = (at[1] - at[0]) / h, (at[3] - at[2]) / h
    else:
        first = (x.narrow(d, 1, 1) * 2 - at[0] * 1.5 - x.narrow(d, 2, 1) * 0.5) / h
        last = (at[3] * 1.5 - at[2] * 2 + x.narrow(d, n - 3, 1) * 0.5) / h
    middle = (x.narrow(d, 2, n - 2) - x.narrow(d, 0, n - 2)) / (h * 2)
    return cat([first, middle, last], d)


def _by_coordinates(x: Tensor, points: Tensor, d: int, order: int) -> Tensor:
    n = x.shape[d]
    if points.shape[0] != n:
        raise RuntimeError("torch.gradient expected the coordinates of a dimension to be as many as its elements")
    steps = diff(points).reshape((-1,) + (1,) * (x.ndim - 1 - d))
    slopes = diff(x, dim=d) / steps
    before, after = steps[:-1], steps[1:]
    left, right = slopes.narrow(d, 0, n - 2), slopes.narrow(d, 1, n - 2)
    middle = (left * after + right * before) / (before + after)
    first, last = slopes.narrow(d, 0, 1), slopes.narrow(d, n - 2, 1)
    if order == 2:  # the parabola through three points, at its end
        first = first + (first - slopes.narrow(d, 1, 1)) * steps[:1] / (steps[:1] + steps[1:2])
        last = last + (last - slopes.narrow(d, n - 3, 1)) * steps[-1:] / (steps[-1:] + steps[n - 3 : n - 2])
    return cat([first, middle, last], d)


def _areas(name: str, y: Tensor, x: Any, dx: Any, dim: int) -> tuple[Tensor, int]:
    """The areas of the trapezoids between neighbours, and the dimension they lie along."""
    d = rules.normalize_dim(dim, y.ndim)
    n = y.shape[d]
    if x is not None and dx is not None:
        raise TypeError(f"{name}() received an invalid combination of arguments: only one of 'x' and 'dx' may be given")
    size = max(n - 1, 0)
    pairs = y.narrow(d, 0, size) + y.narrow(d, n - size, size)
    if x is None:
        return pairs * (1.0 if dx is None else dx) / 2.0, d
    if x.ndim == 1:
        if x.shape[0] != n:
            raise RuntimeError(f"{name}: There must be one `x` value for each sample point")
        return pairs * diff(x).reshape((-1,) + (1,) * (y.ndim - 1 - d)) / 2.0, d
    return pairs * diff(x, dim=d - y.ndim) / 2.0, d


def trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """The integral along ``dim`` by the trapezoidal rule, with points ``x`` or the spacing ``dx`` (1)."""
    if not y.shape[rules.normalize_dim(dim, y.ndim)]:
        return sum(y, dim).to(y.dtype)
    areas, d = _areas("trapezoid", y, x, dx, dim)
    return sum(areas, d)


def cumulative_trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """The integrals from the first point to each of the others along ``dim``."""
    areas, d = _areas("cumulative_trapezoid", y, x, dx, dim)
    return cumsum(areas, d)


# -- distances


@accepts_out
def dist(input: Tensor, other: Tensor, p: Any = 2) -> Tensor:
    """The p-norm of the difference (shapes broadcast)."""
    return vector_norm((input - other).reshape(-1), float(p), 0)


@accepts_out
def renorm(input: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    """Each slice along ``dim`` whose p-norm is above ``maxnorm`` scaled down to it."""
    if p <= 0:
        raise RuntimeError("renorm: non-positive-norm not supported")
    if maxnorm < 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm:g}")
    if input.ndim < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {input.ndim} dimensions")
    d = rules.normalize_dim(dim, input.ndim)
    moved = input.movedim(d, 0)
    norms = vector_norm(moved.reshape(moved.shape[0], -1), float(p), 1)
    scale = where(lt(maxnorm, norms), maxnorm / (norms + 1e-7), 1.0)
    return input * scale.reshape((-1,) + (1,) * (input.ndim - 1 - d))
