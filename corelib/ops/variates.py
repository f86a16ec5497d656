"""Random variates that take parameters: gamma, Poisson and binomial ones.

Methods with a rejection step draw for all elements at once, then again for those that were not accepted.
All is computed in float64 where the device has it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

from ..core.generator import Generator
from ..core.late import late
from ..core.tensor import Tensor, backend_of
from ..dtypes import finfo, float32, float64
from ..layout import Layout
from . import rules
from .derived import floor
from .elementwise import abs as _abs
from .elementwise import (
    bitwise_and,
    bitwise_not,
    bitwise_or,
    eq,
    exp,
    le,
    log,
    log1p,
    lt,
    maximum,
    minimum,
    sqrt,
    where,
)
from .incomplete import shape_slope
from .random import _normal, _uniform
from .special_functions import lgamma

__all__ = ["_standard_gamma", "binomial", "poisson"]

Attempt = Callable[..., tuple[Tensor, Tensor]]


def _wide(*operands: Tensor) -> list[Tensor]:
    """The operands without history, flat, of one shape and of the device's widest floating dtype."""
    first = operands[0]
    d = float64 if backend_of(first._layout).supports(float64) else float32
    shape = rules.broadcast_shapes(*[x.shape for x in operands])
    return [x.detach().to(d).expand(shape).reshape(-1) for x in operands]


def _unit(like: Tensor, generator: Generator | None) -> Tensor:
    """Uniform numbers in (0, 1] with the shape, dtype and device of a tensor."""
    return 1.0 - _uniform(Layout.of(tuple(like.shape), like.dtype, like.device), generator)


def _by_rejection(attempt: Attempt, *parameters: Tensor) -> Tensor:
    """The values of ``attempt(*parameters)``, repeated for the elements that it does not accept."""
    result, accepted = attempt(*parameters)
    left = bitwise_not(accepted).nonzero().reshape(-1)
    while left.numel():
        chosen = [p.index_select(0, left) for p in parameters]
        values, accepted = attempt(*chosen)
        result = result.index_copy(0, left, values)
        left = left.index_select(0, bitwise_not(accepted).nonzero().reshape(-1))
    return result


def _by_inversion(first: Tensor, ratio: Callable[[int], Tensor], generator: Generator | None) -> Tensor:
    """Counts by the probability of 0 and the ratios of those of k and k - 1: the first k whose sum is above a uniform.

    For means up to 10: the sums stop at 120.
    """
    u = 1.0 - _unit(first, generator)
    total = probability = first
    count = first * 0
    for k in range(1, 120):
        above = le(total, u)
        if not bool(above.any()):
            break
        count = where(above, float(k), count)
        probability = probability * ratio(k)
        total = total + probability
    return count


# -- gamma ---------------------------------------------------------------------------------------------------------


@cache
def _log_gamma_function() -> Any:
    base: Any = late.function

    class StandardGamma(base):  # type: ignore[misc]  # the upper layer's class
        """The logarithms of gamma variates; their gradient keeps the probability below each as it is."""

        @staticmethod
        def forward(ctx: Any, alpha: Tensor, generator: Generator | None) -> Tensor:
            (a,) = _wide(alpha)

            def attempt(d: Tensor) -> tuple[Tensor, Tensor]:  # Marsaglia and Tsang
                x = _normal(Layout.of(tuple(d.shape), d.dtype, d.device), generator)
                root = 1.0 + x / sqrt(9.0 * d)
                inside = lt(0, root)
                cube = where(inside, root, 1.0) ** 3
                u = log(_unit(d, generator))
                accepted = bitwise_and(inside, lt(u, 0.5 * x * x + d * (1.0 - cube + log(cube))))
                accepted = bitwise_or(accepted, bitwise_not(bitwise_and(lt(0, d), lt(d, math.inf))))
                return log(d) + log(cube), accepted

            small = lt(a, 1)
            level = _by_rejection(attempt, where(small, a + 1, a) - 1 / 3)
            level = where(small, level + log(_unit(a, generator)) / a, level)
            level = where(lt(a, 0), math.nan, level).reshape(alpha.shape)
            ctx.save_for_backward(alpha, level)
            return level.to(alpha.dtype)

        @staticmethod
        def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
            alpha, level = ctx.saved_tensors
            nodes = 36 if alpha.dtype is float64 else 24
            slope = shape_slope(alpha.detach().to(level.dtype), level, nodes)
            return grad * slope.to(grad.dtype), None

    return StandardGamma


def standard_log_gamma(alpha: Tensor, generator: Generator | None = None) -> Tensor:
    """Logarithms of gamma variates of the given shapes and scale 1; finite where the variates are below all floats.

    Differentiable in ``alpha``.
    """
    result: Tensor = _log_gamma_function().apply(alpha, generator)
    return result


def _standard_gamma(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Gamma variates of the shapes ``input`` and scale 1, differentiable in them; at least the smallest float."""
    if input.dtype.category != 2:
        raise rules.not_implemented("gamma", input.dtype)
    return maximum(exp(standard_log_gamma(input, generator)), finfo(input.dtype).tiny)


# -- Poisson and binomial ------------------------------------------------------------------------------------------


def _counts(drawn: Tensor, shape: Any, *inputs: Tensor) -> Tensor:
    """In the first input's dtype, with a gradient (of 0) for those that want one."""
    result = drawn.reshape(shape).to(inputs[0].dtype)
    for x in inputs:
        if x.requires_grad:
            result = where(eq(result, result), result, x)
    return result


def _from_hat(
    u: Tensor, v: Tensor, shape: tuple[Tensor, Tensor], centre: Tensor, quick: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Hörmann's transformed rejection: the count, whether it is accepted at once, and the hat's factor."""
    a, b = shape
    us = maximum(0.5 - _abs(u), 1e-30)
    count = floor((2 * a / us + b) * u + centre)
    return count, bitwise_and(le(0.07, us), le(v, quick)), a / (us * us) + b


def poisson(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Counts with the means ``input``, in its floating dtype; RuntimeError where one is negative or nan."""
    if input.dtype.category != 2:
        raise rules.not_implemented("poisson_cpu", input.dtype)
    (rate,) = _wide(input)
    if not bool(le(0, rate).all()):
        raise RuntimeError("invalid Poisson rate, expected rate to be non-negative")
    low = minimum(rate, 10.0)
    result = _by_inversion(exp(-low), lambda k: low / k, generator)

    def attempt(mean: Tensor) -> tuple[Tensor, Tensor]:
        u, v = _unit(mean, generator) - 0.5, _unit(mean, generator)
        b = 0.931 + 2.53 * sqrt(mean)
        a = 0.02483 * b - 0.059
        count, accepted, hat = _from_hat(u, v, (a, b), mean + 0.43, 0.9277 - 3.6224 / (b - 2))
        inside = le(0, count)
        k = where(inside, count, 0.0)
        bound = k * log(mean) - mean - lgamma(k + 1)
        fine = bitwise_and(inside, le(log(v * (1.1239 + 1.1328 / (b - 3.4)) / hat), bound))
        return count, bitwise_or(bitwise_or(accepted, fine), eq(mean, math.inf))

    high = lt(10, rate).nonzero().reshape(-1)
    if high.numel():
        drawn = _by_rejection(attempt, rate.index_select(0, high))
        result = result.index_copy(0, high, drawn)
    return _counts(where(eq(rate, math.inf), math.inf, result), input.shape, input)


def binomial(count: Tensor, prob: Tensor, generator: Generator | None = None) -> Tensor:
    """Numbers of successes in ``count`` trials of probability ``prob`` (shapes broadcast), in count's dtype."""
    for name, x in (("count", count), ("prob", prob)):
        if x.dtype.category != 2:
            raise ValueError(f"binomial only supports floating-point dtypes for {name}, got: {rules.what(x.dtype)}")
    n, p = _wide(count, prob)
    certain = bitwise_not(bitwise_and(bitwise_and(lt(0, n), lt(n, math.inf)), bitwise_and(lt(0, p), lt(p, 1))))
    trials = where(certain, 0.0, floor(n))
    turned = lt(0.5, p)
    q = where(certain, 0.5, where(turned, 1 - p, p))
    large = lt(10, trials * q)
    odds = q / (1 - q)
    low = where(large, 0.0, trials)
    result = _by_inversion(exp(low * log1p(-q)), lambda k: maximum(low - (k - 1), 0.0) / k * odds, generator)

    def attempt(n: Tensor, p: Tensor) -> tuple[Tensor, Tensor]:
        u, v = _unit(n, generator) - 0.5, _unit(n, generator)
        spread = sqrt(n * p * (1 - p))
        b = 1.15 + 2.53 * spread
        a = 0.0248 * b + 0.01 * p - 0.0873
        k, accepted, hat = _from_hat(u, v, (a, b), n * p + 0.5, 0.92 - 4.2 / b)
        inside = bitwise_and(le(0, k), le(k, n))
        k = where(inside, k, 0.0)
        m = floor((n + 1) * p)
        bound = lgamma(m + 1) + lgamma(n - m + 1) - lgamma(k + 1) - lgamma(n - k + 1)
        bound = bound + (k - m) * log(p / (1 - p))
        fine = le(log(v * (2.83 + 5.1 / b) * spread / hat), bound)
        return k, bitwise_and(inside, bitwise_or(accepted, fine))

    high = large.nonzero().reshape(-1)
    if high.numel():
        drawn = _by_rejection(attempt, trials.index_select(0, high), q.index_select(0, high))
        result = result.index_copy(0, high, drawn)
    result = where(turned, trials - result, result)
    result = where(certain, where(le(p, 0), 0.0, where(le(1, p), n, where(le(n, 0), 0.0, n * p))), result)
    result = where(bitwise_and(eq(n, n), eq(p, p)), result, math.nan)
    return _counts(result, rules.broadcast_shapes(count.shape, prob.shape), count, prob)
