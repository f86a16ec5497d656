"""Averaged stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from ..creation import zeros_like
from ..tensor import Tensor
from ._options import checked, number
from ._rule import Rule, scalar_state
from .optimizer import ParamsT

__all__ = ["ASGD"]


class ASGD(Rule):
    """SGD with a decaying rate, which also keeps the mean of the parameter over the steps, in the state as "ax".

    Args:
        lambd: decay of the parameter, and of the rate: ``eta = lr / (1 + lambd * lr * step) ** alpha``.
        alpha: power in it.
        t0: the step after which averaging starts.
        weight_decay: adds ``weight_decay * p`` to the gradient.
        maximize: follow the gradient up instead of down.
        foreach, capturable: accepted, as in PyTorch.
        differentiable: only False is supported.

    State per parameter: "step", "eta" (the rate), "mu" (weight of the newest value in the mean), 0-d float32, and "ax".
    """

    _scalars = ("step", "eta", "mu")

    def __init__(
        self, params: ParamsT, lr: float | Tensor = 1e-2, lambd: float = 1e-4, alpha: float = 0.75, t0: float = 1e6,
        weight_decay: float = 0, foreach: bool | None = None, maximize: bool = False, differentiable: bool = False,
        capturable: bool = False,
    ) -> None:  # fmt: skip
        order = "lr lambd alpha t0 weight_decay foreach maximize differentiable capturable"
        super().__init__(params, checked(locals(), order))

    def init_state(self, param: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        return {
            "eta": scalar_state(number(group["lr"]), param, group),
            "mu": scalar_state(1.0, param, group),
            "ax": zeros_like(param),
        }

    def update(self, param: Tensor, grad: Tensor, state: dict[str, Any], step: float, group: dict[str, Any]) -> None:
        lr, lambd = number(group["lr"]), group["lambd"]
        if group["weight_decay"] != 0:
            grad = grad.add(param, alpha=group["weight_decay"])
        eta, mu, mean = state["eta"].item(), state["mu"].item(), state["ax"]
        param.mul_(1 - lambd * eta)
        param.add_(grad, alpha=-eta)
        if mu == 1:
            mean.copy_(param)
        else:
            mean.add_(param - mean, alpha=mu)
        # Rounded to the scalars' dtype, whatever dtype loading a state dict has made of the state's.
        state["eta"].copy_(scalar_state(lr / (1 + lambd * lr * step) ** group["alpha"], param, group))
        state["mu"].copy_(scalar_state(1 / max(1, step - group["t0"]), param, group))
