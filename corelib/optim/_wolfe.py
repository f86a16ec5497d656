"""A line search that ends at a point with the strong Wolfe conditions."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ..tensor import Tensor

__all__ = ["Point", "strong_wolfe"]


@dataclass
class Point:
    """A point of the line: how far along, the value, the gradient, and the slope along the line."""

    t: float
    value: float
    gradient: Tensor
    slope: float


def strong_wolfe(
    evaluate: Callable[[float], tuple[float, Tensor]],
    t: float,
    direction: Tensor,
    start: Point,
    c1: float = 1e-4,
    c2: float = 0.9,
    tolerance_change: float = 1e-9,
    max_ls: int = 25,
) -> tuple[Point, int]:
    """Find a step along ``direction`` that lowers the value enough and flattens the slope enough.

    Args:
        evaluate: value and gradient at a distance; its gradients are tensors of their own.
        t: the distance to try first.
        start: the point at distance 0, with a negative slope.
        c1: the value has to be below ``start.value + c1 * t * start.slope``.
        c2: the slope's magnitude has to be at most ``c2`` times that at the start.
        tolerance_change: stop where the bracket is no longer than this (times the direction's largest element).
        max_ls: number of evaluations after the first.

    Returns:
        The point found and the number of evaluations.
    """
    evaluations = 0

    def at(t: float) -> Point:
        nonlocal evaluations
        evaluations += 1
        value, gradient = evaluate(t)
        return Point(t, value, gradient, gradient.dot(direction).item())

    def too_high(point: Point) -> bool:
        return point.value > start.value + c1 * point.t * start.slope

    def flat(point: Point) -> bool:
        return abs(point.slope) <= -c2 * start.slope

    # Step farther until a minimum is known to lie between the last two points.
    before, now = start, at(t)
    iterations = 0
    bracket: list[Point] = []
    while iterations < max_ls:
        if too_high(now) or (iterations > 1 and now.value >= before.value):
            bracket = [before, now]
            break
        if flat(now):
            return now, evaluations
        if now.slope >= 0:
            bracket = [before, now]
            break
        bounds = now.t + 0.01 * (now.t - before.t), now.t * 10
        before, now = now, at(_cubic_minimum(before, now, bounds))
        iterations += 1
    if iterations >= max_ls:
        bracket = [start, now]

    # Make the bracket smaller until its better end is good enough.
    largest = direction.abs().max().item()
    low, high = bracket if bracket[0].value <= bracket[1].value else bracket[::-1]
    stuck = False
    while iterations < max_ls:
        left, right = sorted((low.t, high.t))
        if (right - left) * largest < tolerance_change:
            break
        t = _cubic_minimum(low, high)
        margin = 0.1 * (right - left)
        if min(right - t, t - left) < margin:  # too near an end, perhaps a second time
            if stuck or t >= right or t <= left:
                t = right - margin if abs(t - right) < abs(t - left) else left + margin
                stuck = False
            else:
                stuck = True
        else:
            stuck = False
        now = at(t)
        iterations += 1
        if too_high(now) or now.value >= low.value:
            high = now
            if low.value > high.value:
                low, high = high, low
            continue
        done = flat(now)
        if not done and now.slope * (high.t - low.t) >= 0:
            high = low
        low = now
        if done:
            break
    return low, evaluations


def _cubic_minimum(a: Point, b: Point, bounds: tuple[float, float] | None = None) -> float:
    """Where the cubic through two points with their slopes is least, within bounds (by default the two points)."""
    if a.t > b.t:
        a, b = b, a
    lowest, highest = bounds or (a.t, b.t)
    if a.t == b.t:
        return (lowest + highest) / 2
    d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.t - b.t)
    square = d1**2 - a.slope * b.slope
    if not square >= 0:
        return (lowest + highest) / 2
    d2 = math.sqrt(square)
    denominator = b.slope - a.slope + 2 * d2
    if denominator == 0:
        return (lowest + highest) / 2
    return min(max(b.t - (b.t - a.t) * ((b.slope + d2 - d1) / denominator), lowest), highest)
