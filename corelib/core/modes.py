"""The interception point: a stack of modes through which every primitive passes.

A mode sees, below autograd, each primitive with its operands and parameters, in-place writes (as the
primitive's ``name_`` function), random draws (the generator is an operand) and gradients that are
assigned to leaves.  While it decides, it is off the stack: calling the function goes to the next mode,
and at last to the kernel.  An empty stack costs nothing: operations test one global word.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..state import STATE, local

__all__ = ["Effect", "TorchDispatchMode"]


class TorchDispatchMode:
    """Base class of modes; override ``__torch_dispatch__``, use as a context manager.

    ``func`` is a primitive's function, its in-place form or an :class:`Effect`; its ``name`` says which.
    ``func(*args, **kwargs)`` runs it.
    """

    see_inner = False
    """Whether it also sees the primitives inside a decomposition (after the composite itself)."""

    def __torch_dispatch__(
        self, func: Any, types: tuple[type, ...], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return func(*args, **(kwargs or {}))

    def __enter__(self) -> TorchDispatchMode:
        local.modes = [*local.modes, self]
        STATE.enter()
        return self

    def __exit__(self, *exc: object) -> None:
        local.modes = local.modes[:-1]
        STATE.leave()


class Effect:
    """Something modes must see that is not a primitive's result."""

    def __init__(self, name: str, effect: Callable[..., Any]) -> None:
        self.name = name
        self.effect = effect

    def __call__(self, *args: Any) -> Any:
        from .dispatch import notify

        return notify(self, *args)

    def __repr__(self) -> str:
        return f"<effect {self.name}>"


def _set_grad(leaf: Any, value: Any) -> None:
    leaf._grad = value


set_grad = Effect("set_grad", _set_grad)
"""``set_grad(leaf, tensor or None)``: what assigns ``leaf.grad``."""
