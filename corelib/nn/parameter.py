"""Parameter and Buffer: tensors that register themselves when set as attributes of a Module."""

from __future__ import annotations

from typing import Any

from ..creation import empty
from ..tensor import Tensor

__all__ = ["Buffer", "Parameter"]


class Parameter(Tensor):
    """A tensor that is a parameter of the module it is assigned to.

    Args:
        data: the values; shared, not copied.  ``None`` makes an empty tensor.
        requires_grad: whether gradients are wanted; set even inside ``no_grad``.

    Operations on it give plain tensors.
    """

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> Parameter:
        source = empty(0) if data is None else data
        return source.detach().as_subclass(cls).requires_grad_(requires_grad)

    def __init__(self, data: Tensor | None = None, requires_grad: bool = True) -> None:
        pass  # all is done in __new__; Tensor's own __init__ must not see the arguments

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        if id(self) in memo:
            return memo[id(self)]  # type: ignore[no-any-return]
        result = type(self)(self.detach().clone(), self.requires_grad)
        memo[id(self)] = result
        return result

    def __repr__(self) -> str:
        return "Parameter containing:\n" + Tensor.__repr__(self)


class Buffer(Tensor):
    """A tensor that becomes a buffer of the module it is assigned to.

    Args:
        data: the values; shared, not copied.
        persistent: whether it is part of the module's ``state_dict``.
    """

    persistent: bool

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Buffer:
        source = empty(0) if data is None else data
        result = source.detach().as_subclass(cls).requires_grad_(source.requires_grad)
        result.persistent = persistent
        return result

    def __init__(self, data: Tensor | None = None, *, persistent: bool = True) -> None:
        pass
