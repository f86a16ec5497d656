"""Adamax, Adam with the infinity norm."""

from __future__ import annotations

from typing import Any

from ..creation import zeros_like
from ..ops import maximum
from ..tensor import Tensor
from ._options import checked, number
from ._rule import Rule
from .optimizer import ParamsT

__all__ = ["Adamax"]


class Adamax(Rule):
    """The gradient's running mean over the largest magnitude so far, which decays.

    Args:
        betas: how much of the mean, and of the largest magnitude, is kept each step.
        eps: added to the gradient's magnitude.
        weight_decay: adds ``weight_decay * p`` to the gradient.
        maximize: follow the gradient up instead of down.
        foreach, capturable: accepted, as in PyTorch.
        differentiable: only False is supported.

    State per parameter: "step" (0-d float32), "exp_avg" and "exp_inf".
    """

    def __init__(
        self, params: ParamsT, lr: float | Tensor = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, foreach: bool | None = None, *, maximize: bool = False, differentiable: bool = False,
        capturable: bool = False,
    ) -> None:  # fmt: skip
        order = "lr betas eps weight_decay foreach maximize differentiable capturable"
        super().__init__(params, checked(locals(), order))

    def init_state(self, param: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        return {"exp_avg": zeros_like(param), "exp_inf": zeros_like(param)}

    def update(self, param: Tensor, grad: Tensor, state: dict[str, Any], step: float, group: dict[str, Any]) -> None:
        beta1, beta2 = group["betas"]
        if group["weight_decay"] != 0:
            grad = grad.add(param, alpha=group["weight_decay"])
        state["exp_avg"].lerp_(grad, 1 - beta1)
        state["exp_inf"].copy_(maximum(state["exp_inf"] * beta2, grad.abs() + group["eps"]))
        param.addcdiv_(state["exp_avg"], state["exp_inf"], value=-number(group["lr"]) / (1 - beta1**step))
