"""``Variable``, which a tensor has long been: kept for programs that still write it."""

from __future__ import annotations

from typing import Any

from ..core.tensor import Tensor

__all__ = ["Variable"]


class _Meta(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor)


class Variable(metaclass=_Meta):
    """``Variable(x, requires_grad)`` is the tensor's memory as a new leaf; ``isinstance`` asks for a Tensor."""

    def __new__(cls, data: Tensor, requires_grad: bool = False) -> Tensor:  # type: ignore[misc]
        if not isinstance(data, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(data).__name__}")
        return data.detach().requires_grad_(requires_grad) if requires_grad or not data.requires_grad else data
