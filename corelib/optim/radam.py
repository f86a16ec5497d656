"""RAdam, Adam with a rectified adaptive rate."""

from __future__ import annotations

from typing import Any, ClassVar

from ..creation import zeros_like
from ..tensor import Tensor
from ._options import checked, number
from ._rule import Rule
from .optimizer import ParamsT

__all__ = ["RAdam"]


class RAdam(Rule):
    """Adam that takes plain momentum steps until the mean square is estimated from enough gradients.

    Args:
        betas: how much of the running mean and of the running mean square is kept each step.
        eps: added to the root.
        weight_decay: adds ``weight_decay * p`` to the gradient; or, with ``decoupled_weight_decay``, shrinks p by
            ``lr * weight_decay``.
        maximize: follow the gradient up instead of down.
        foreach, capturable: accepted, as in PyTorch.
        differentiable: only False is supported.

    State per parameter: "step" (0-d float32), "exp_avg" and "exp_avg_sq".
    """

    _later_options: ClassVar[dict[str, Any]] = {**Rule._later_options, "decoupled_weight_decay": False}

    def __init__(
        self, params: ParamsT, lr: float | Tensor = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, decoupled_weight_decay: bool = False, *, foreach: bool | None = None,
        maximize: bool = False, capturable: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        order = "lr betas eps weight_decay maximize foreach capturable decoupled_weight_decay differentiable"
        super().__init__(params, checked(locals(), order))

    def init_state(self, param: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        return {"exp_avg": zeros_like(param), "exp_avg_sq": zeros_like(param)}

    def update(self, param: Tensor, grad: Tensor, state: dict[str, Any], step: float, group: dict[str, Any]) -> None:
        lr, (beta1, beta2) = number(group["lr"]), group["betas"]
        if group["weight_decay"] != 0:
            if group["decoupled_weight_decay"]:
                param.mul_(1 - lr * group["weight_decay"])
            else:
                grad = grad.add(param, alpha=group["weight_decay"])
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        mean.lerp_(grad, 1 - beta1)
        square.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        corrected = mean / (1 - beta1**step)
        correction2 = 1 - beta2**step
        longest = 2 / (1 - beta2) - 1  # the length of the average: of an infinitely long run, and now
        length = longest - 2 * step * beta2**step / correction2
        if length > 5.0:
            rectification = ((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)) ** 0.5
            corrected = corrected * (correction2**0.5 * rectification) / (square.sqrt() + group["eps"])
        param.add_(corrected, alpha=-lr)
