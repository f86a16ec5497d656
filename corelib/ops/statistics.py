"""Statistics: means that pass over nan, differences, integrals, covariances, distances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.tensor import Tensor
from ..dtypes import bool_, dtype
from . import rules
from .derived import clamp, isnan
from .elementwise import conj, div, le, lt, sqrt, sub, where
from .movement import cat
from .reduction import cumsum, norm, sum, var
from .results import accepts_out

__all__ = [
    "corrcoef", "cov", "cumulative_trapezoid", "diff", "dist", "gradient", "logcumsumexp", "nanmean", "nansum",
    "renorm", "std_mean", "trapezoid", "trapz",
]  # fmt: skip
METHODS = ["corrcoef", "cov", "diff", "dist", "logcumsumexp", "nanmean", "nansum", "renorm"]
IN_PLACE = ["renorm"]


def std_mean(
    input: Tensor,
    dim: Any = None,
    unbiased: bool = True,
    keepdim: bool = False,
    *,
    correction: int | None = None,
) -> tuple[Tensor, Tensor]:
    """(standard deviation, mean) over ``dim``; arguments as for ``std``."""
    from .reduction import mean

    given: Any = input
    if isinstance(dim, bool):  # std_mean(input, unbiased)
        dim, unbiased = None, dim
    spread: Tensor = sqrt(var(given, dim, unbiased, keepdim, correction=correction))
    return spread, mean(given, dim, keepdim)


@accepts_out
def nansum(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: dtype | None = None) -> Tensor:
    """The sum with nan taken as 0."""
    if input.dtype.is_complex:
        raise RuntimeError("nansum does not support complex inputs")
    kept = where(isnan(input), 0, input) if input.dtype.is_floating_point else input
    return sum(kept, dim, keepdim, dtype=dtype)


@accepts_out
def nanmean(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: dtype | None = None) -> Tensor:
    """The mean of the elements that are not nan; nan where there are none."""
    if input.dtype.category < 2:
        raise RuntimeError(
            "nanmean(): expected input to have floating point or complex dtype but got " + rules.what(input.dtype)
        )
    count = sum(isnan(input).logical_not(), dim, keepdim)
    total = sum(where(isnan(input), 0, input), dim, keepdim, dtype=dtype)
    return div(total, count.to(total.dtype))


@accepts_out
def logcumsumexp(input: Tensor, dim: int) -> Tensor:
    """log(cumsum(exp(input))) along ``dim``, by pairwise logaddexp, which neither over- nor underflows."""
    if input.dtype.category != 2:
        raise rules.not_implemented("logcumsumexp_out_cpu", input.dtype)
    d = rules.normalize_dim(dim, input.ndim)
    if not input.ndim or not input.numel():
        return input.clone()
    result, shift, n = input, 1, input.shape[d]
    while shift < n:  # after each step an element holds the sum over the last 2 * shift ones
        head = result.narrow(d, 0, shift)
        tail = _logaddexp(result.narrow(d, shift, n - shift), result.narrow(d, 0, n - shift))
        result, shift = cat([head, tail], d), 2 * shift
    return result


def _logaddexp(a: Tensor, b: Tensor) -> Tensor:
    """log(exp(a) + exp(b)), where both may be -inf."""
    from .transcendental import logaddexp

    result: Tensor = logaddexp(a, b)
    return result


@accepts_out
def diff(
    input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | None = None
) -> Tensor:
    """The ``n``-th difference of neighbours along ``dim``, with values put before and after first."""
    if not input.ndim:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    d = rules.normalize_dim(dim, input.ndim)
    parts = [x for x in (prepend, input, append) if x is not None]
    result = cat(parts, d) if len(parts) > 1 else input
    if n == 0:
        return result.clone()
    for _ in range(min(n, result.shape[d])):
        count = result.shape[d] - 1
        later, earlier = result.narrow(d, 1, count), result.narrow(d, 0, count)
        result = later ^ earlier if result.dtype is bool_ else sub(later, earlier)
    return result


def gradient(input: Tensor, *, spacing: Any = 1, dim: Any = None, edge_order: int = 1) -> tuple[Tensor, ...]:
    """The derivative along each dimension of ``dim`` (all by default), by central differences.

    Args:
        spacing: the distance between samples: one number, one for each dimension, or the coordinates (1-d tensors).
        edge_order: 1 or 2: the order of the one-sided differences at the ends.
    """
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    dims = range(input.ndim) if dim is None else (dim,) if isinstance(dim, int) else dim
    dims = [rules.normalize_dim(d, input.ndim) for d in dims]
    if isinstance(spacing, (int, float, complex)):
        spacings: Sequence[Any] = [spacing] * len(dims)
    else:
        spacings = list(spacing)
        if len(spacings) != len(dims):
            raise RuntimeError(
                "torch.gradient expected spacing to be unspecified, a scalar, or a list of length equal to "
                f"'self.dim() = {input.ndim}', or equal to the length of dim, but got a list of length {len(spacings)}"
            )
    for d in dims:
        if input.shape[d] < edge_order + 1:
            raise RuntimeError("torch.gradient expected each dimension size to be at least edge_order+1")
    return tuple([_derivative(input, d, h, edge_order) for d, h in zip(dims, spacings, strict=True)])


def _derivative(x: Tensor, d: int, spacing: Any, edge_order: int) -> Tensor:
    n = x.shape[d]
    if x.dtype.category < 2:
        x = x.to(rules.promote(x._layout, float))
    if isinstance(spacing, Tensor):
        steps = diff(spacing.to(x.dtype)).reshape((-1,) + (1,) * (x.ndim - 1 - d))
        h = steps.expand((n - 1,) + (1,) * (x.ndim - 1 - d))
    else:
        h = x.new_full((n - 1,) + (1,) * (x.ndim - 1 - d), spacing)

    def at(start: int, length: int) -> Tensor:
        return x.narrow(d, start, length)

    def step(start: int, length: int) -> Tensor:
        return h.narrow(0, start, length)

    if edge_order == 1 or n < 3:
        first = (at(1, 1) - at(0, 1)) / step(0, 1)
        last = (at(n - 1, 1) - at(n - 2, 1)) / step(n - 2, 1)
    else:
        a, b = step(0, 1), step(1, 1)
        first = -(2 * a + b) / (a * (a + b)) * at(0, 1) + (a + b) / (a * b) * at(1, 1) - a / (b * (a + b)) * at(2, 1)
        a, b = step(n - 3, 1), step(n - 2, 1)
        last = (
            b / (a * (a + b)) * at(n - 3, 1)
            - (b + a) / (a * b) * at(n - 2, 1)
            + (2 * b + a) / (b * (a + b)) * at(n - 1, 1)
        )
    if n < 3:
        return cat([first, last], d)
    a, b = step(0, n - 2), step(1, n - 2)
    if isinstance(spacing, Tensor):
        inner = -b / (a * (a + b)) * at(0, n - 2) + (b - a) / (a * b) * at(1, n - 2) + a / (b * (a + b)) * at(2, n - 2)
    else:
        inner = (at(2, n - 2) - at(0, n - 2)) / (2 * spacing)
    return cat([first, inner, last], d)


def _trapezoids(y: Tensor, x: Tensor | None, dx: Any, dim: int) -> tuple[Tensor, int]:
    """The area over each interval along a dimension."""
    if not y.ndim:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    d = rules.normalize_dim(dim, y.ndim)
    n = y.shape[d]
    if not n:
        return y, d
    height = y.narrow(d, 1, n - 1) + y.narrow(d, 0, n - 1)
    if x is None:
        return height * (dx / 2), d
    axis = d if x.ndim == y.ndim else x.ndim - (y.ndim - d) if x.ndim > 1 else 0
    m = x.shape[axis]
    width = x.narrow(axis, 1, m - 1) - x.narrow(axis, 0, m - 1)
    if x.ndim == 1:
        width = width.reshape((-1,) + (1,) * (y.ndim - 1 - d))
    return height * width / 2, d


def trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Any = 1, dim: int = -1) -> Tensor:
    """The integral of ``y`` along ``dim`` by the trapezoidal rule, over coordinates ``x`` or at steps of ``dx``."""
    areas, d = _trapezoids(y, x, dx, dim)
    return sum(areas, d)


def trapz(y: Tensor, x: Tensor | None = None, *, dx: Any = 1, dim: int = -1) -> Tensor:
    """The older name of :func:`trapezoid`."""
    return trapezoid(y, x, dx=dx, dim=dim)


def cumulative_trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Any = 1, dim: int = -1) -> Tensor:
    """The running integral: one element less than ``y`` along ``dim``."""
    areas, d = _trapezoids(y, x, dx, dim)
    return cumsum(areas, d)


def cov(
    input: Tensor, *, correction: int = 1, fweights: Tensor | None = None, aweights: Tensor | None = None
) -> Tensor:
    """The covariance matrix of the rows of ``input`` (variables, observations), or the variance of a 1-d tensor.

    Args:
        correction: 1 divides by one less than the number of observations, 0 by it.
        fweights, aweights: how often each observation counts (integers), and how much it weighs.
    """
    if input.ndim > 2:
        raise RuntimeError(
            f"cov(): expected input to have two or fewer dimensions but got an input with {input.ndim} dimensions"
        )
    if input.dtype is bool_:
        raise RuntimeError("cov(): bool dtype is not supported for input")
    x = input.reshape(1, -1) if input.ndim < 2 else input
    if x.dtype.category < 2:
        x = x.to(rules.promote(x._layout, float))
    real = x.dtype.to_real()
    weights: Tensor | None = None
    if fweights is not None:
        _check_weights("fweights", fweights, x, fweights.dtype.category == 1, "integral")
        weights = fweights.to(real)
    if aweights is not None:
        _check_weights("aweights", aweights, x, aweights.dtype.category == 2, "floating point")
        weights = aweights.to(real) if weights is None else weights * aweights
    if weights is None:
        count: Any = x.shape[1]
        centred = x - sum(x, 1, True) / count if x.shape[1] else x
        scale = count - correction
        product = centred @ conj(centred).transpose(0, 1)
        result = product / max(scale, 0) if scale > 0 else product / x.new_zeros(())
    else:
        count = sum(weights)
        centred = x - sum(x * weights, 1, True) / count
        if correction == 0:
            scale_t = count
        elif aweights is not None:
            scale_t = count - correction * sum(weights * aweights) / count
        else:
            scale_t = count - correction
        product = centred @ conj(centred * weights).transpose(0, 1)
        result = product / clamp(scale_t, min=0)
    return result.reshape(()) if input.ndim < 2 else result


def _check_weights(name: str, weights: Tensor, x: Tensor, right: bool, kind: str) -> None:
    if weights.ndim > 1:
        raise RuntimeError(
            f"cov(): expected {name} to have one or fewer dimensions but got {name} with {weights.ndim} dimensions"
        )
    if not right:
        raise RuntimeError(
            f"cov(): expected {name} to have {kind} dtype but got {name} with {rules.what(weights.dtype)} dtype"
        )
    if weights.numel() != x.shape[1]:
        raise RuntimeError(
            f"cov(): expected {name} to have the same numel as there are observations in the input but got "
            f"{weights.numel()} != {x.shape[1]}"
        )
    if weights.numel() and bool(lt(weights, 0).any()):
        raise RuntimeError(f"cov(): {name} cannot be negative")


def corrcoef(input: Tensor) -> Tensor:
    """The correlation coefficients of the rows of ``input`` (variables, observations)."""
    if input.ndim > 2:
        raise RuntimeError(
            f"corrcoef(): expected input to have two or fewer dimensions but got an input with {input.ndim} dimensions"
        )
    c = cov(input)
    if not c.ndim:
        return c / c
    spread = sqrt(c.diagonal().real if c.dtype.is_complex else c.diagonal())
    c = c / spread.reshape(-1, 1) / spread.reshape(1, -1)
    return c if c.dtype.is_complex else clamp(c, -1, 1)


def dist(input: Tensor, other: Tensor, p: Any = 2) -> Tensor:
    """The p-norm of input - other."""
    return norm(sub(input, other).reshape(-1), p)


def renorm(input: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    """Each slice along ``dim`` scaled down to a p-norm of at most ``maxnorm``."""
    if input.ndim < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {input.ndim} dimensions")
    d = rules.normalize_dim(dim, input.ndim)
    if p <= 0:
        raise RuntimeError("renorm: non-positive-norm not supported")
    if maxnorm < 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm}")
    others = tuple(i for i in range(input.ndim) if i != d)
    length = norm(input, p, others, True)
    return input * where(le(length, maxnorm), 1.0, maxnorm / (length + 1e-7))
