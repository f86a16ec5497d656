"""How a function becomes a method of the Tensor of slots."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ..core.tensor import Tensor

__all__ = ["S", "T", "bind", "method"]

T: Any = Tensor
S = TypeVar("S", bound=Tensor)
F = TypeVar("F", bound=Callable[..., Any])


def bind(name: str, function: Any) -> None:
    """Make ``function`` the method or property ``name``."""
    setattr(T, name, function)


def method(function: F) -> F:
    bind(function.__name__, function)
    return function
