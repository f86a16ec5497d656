"""What is the same for one, two and three dimensions, said once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import wraps
from types import FunctionType
from typing import Any, Concatenate, ParamSpec, TypeVar

__all__ = ["Size", "as_tuple", "by_dims", "for_dims"]

P = ParamSpec("P")
R = TypeVar("R")
Size = int | Sequence[int]
_SIZES = ("L", "H, W", "D, H, W")


def as_tuple(value: Any, n: int) -> tuple[int, ...]:
    """One number for all ``n`` dimensions, or those of each."""
    return (value,) * n if isinstance(value, int) else tuple(value)


def for_dims(text: str | None, n: int) -> str:
    """Documentation for ``n`` dimensions: {n}, {sizes}, {shapes} and {batches} filled in."""
    sizes = _SIZES[n - 1]
    known = {"n": n, "sizes": sizes, "shapes": f"(N, C, {sizes}) or (C, {sizes})"}
    known["batches"] = f"(N, C) or (N, C, {sizes})" if n == 1 else f"(N, C, {sizes})"
    return (text or "").format(**known)


def by_dims(
    function: Callable[Concatenate[int, P], R],
) -> tuple[Callable[P, R], Callable[P, R], Callable[P, R]]:
    """Functions for 1, 2 and 3 dimensions from one ``...nd`` that takes their number first."""
    return _bound(function, 1), _bound(function, 2), _bound(function, 3)


def _bound(function: Any, n: int) -> Any:
    name = function.__name__.replace("nd", f"{n}d", 1)
    code = function.__code__.replace(co_name=name, co_qualname=name)  # errors say the name that users know
    own = FunctionType(code, function.__globals__, name, function.__defaults__)
    signature = inspect.signature(function)

    @wraps(function)
    def bound(*args: Any, **kwargs: Any) -> Any:
        return own(n, *args, **kwargs)

    bound.__name__ = bound.__qualname__ = name
    bound.__doc__ = for_dims(function.__doc__, n)
    bound.__signature__ = signature.replace(parameters=[*signature.parameters.values()][1:])  # type: ignore[attr-defined]
    bound.__annotations__ = {k: v for k, v in function.__annotations__.items() if k != "n"}
    return bound
