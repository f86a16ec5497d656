"""Adadelta."""

from __future__ import annotations

from typing import Any

from ..creation import zeros_like
from ..tensor import Tensor
from ._options import checked, number
from ._rule import Rule
from .optimizer import ParamsT

__all__ = ["Adadelta"]


class Adadelta(Rule):
    """The gradient, scaled by the root mean square of past updates over that of past gradients.

    Args:
        rho: how much of the two running mean squares is kept each step.
        eps: added to both of them before the root.
        weight_decay: adds ``weight_decay * p`` to the gradient.
        maximize: follow the gradient up instead of down.
        foreach, capturable: accepted, as in PyTorch.
        differentiable: only False is supported.

    State per parameter: "step" (0-d float32), "square_avg" and "acc_delta".
    """

    def __init__(
        self, params: ParamsT, lr: float | Tensor = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0,
        foreach: bool | None = None, *, capturable: bool = False, maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        order = "lr rho eps weight_decay maximize capturable foreach differentiable"
        super().__init__(params, checked(locals(), order))

    def init_state(self, param: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        return {"square_avg": zeros_like(param), "acc_delta": zeros_like(param)}

    def update(self, param: Tensor, grad: Tensor, state: dict[str, Any], step: float, group: dict[str, Any]) -> None:
        rho, eps = group["rho"], group["eps"]
        if group["weight_decay"] != 0:
            grad = grad.add(param, alpha=group["weight_decay"])
        square_avg, acc_delta = state["square_avg"], state["acc_delta"]
        square_avg.mul_(rho).addcmul_(grad, grad, value=1 - rho)
        delta = (acc_delta + eps).sqrt() / (square_avg + eps).sqrt() * grad
        acc_delta.mul_(rho).addcmul_(delta, delta, value=1 - rho)
        param.add_(delta, alpha=-number(group["lr"]))
