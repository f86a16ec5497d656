"""Rprop, resilient backpropagation."""

from __future__ import annotations

from typing import Any

from ..creation import full_like, zeros_like
from ..ops import where
from ..tensor import Tensor
from ._options import checked, number
from ._rule import Rule
from .optimizer import ParamsT

__all__ = ["Rprop"]


class Rprop(Rule):
    """Steps by the sign of the gradient alone; every element has a step size of its own, that starts at ``lr``.

    Args:
        etas: what the step size is multiplied by where the gradient changed its sign, and where it kept it.
        step_sizes: the smallest and the largest step size.
        maximize: follow the gradient up instead of down.
        foreach, capturable: accepted, as in PyTorch.
        differentiable: only False is supported.

    State per parameter: "step" (0-d float32), "prev" (the gradient before) and "step_size".
    """

    def __init__(
        self, params: ParamsT, lr: float | Tensor = 1e-2, etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50), *, capturable: bool = False, foreach: bool | None = None,
        maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        super().__init__(params, checked(locals(), "lr etas step_sizes foreach maximize differentiable capturable"))

    def init_state(self, param: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        lr = number(group["lr"])
        size = full_like(param, complex(lr, lr) if param.is_complex() else lr)
        return {"prev": zeros_like(param), "step_size": size}

    def update(self, param: Tensor, grad: Tensor, state: dict[str, Any], step: float, group: dict[str, Any]) -> None:
        shrink, grow = group["etas"]
        agreement = grad * state["prev"]
        turned = agreement < 0
        size = state["step_size"]
        changed = where(turned, size * shrink, where(agreement > 0, size * grow, size))
        size.copy_(changed.clamp(*group["step_sizes"]))
        grad = where(turned, 0.0, grad)  # no step where it turned, and no agreement the next time
        param.sub_(grad.sign() * size)
        state["prev"].copy_(grad)
