"""NAdam, Adam with Nesterov momentum."""

from __future__ import annotations

from typing import Any, ClassVar

from ..creation import zeros_like
from ..tensor import Tensor
from ._options import checked, number
from ._rule import Rule, scalar_state
from .optimizer import ParamsT

__all__ = ["NAdam"]


class NAdam(Rule):
    """Adam whose step looks ahead: of the gradient and of the next step's momentum, over the root mean square.

    Args:
        betas: how much of the running mean and of the running mean square is kept each step.
        eps: added to the root.
        weight_decay: adds ``weight_decay * p`` to the gradient; or, with ``decoupled_weight_decay``, shrinks p by
            ``lr * weight_decay``.
        momentum_decay: how fast the momentum approaches the first beta.
        maximize: follow the gradient up instead of down.
        foreach, capturable: accepted, as in PyTorch.
        differentiable: only False is supported.

    State per parameter: "step", "mu_product" (of all momenta so far), 0-d float32, "exp_avg" and "exp_avg_sq".
    """

    _later_options: ClassVar[dict[str, Any]] = {**Rule._later_options, "decoupled_weight_decay": False}
    _scalars = ("step", "mu_product")

    def __init__(
        self, params: ParamsT, lr: float | Tensor = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, momentum_decay: float = 4e-3, decoupled_weight_decay: bool = False, *,
        foreach: bool | None = None, maximize: bool = False, capturable: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        order = (
            "lr betas eps weight_decay momentum_decay decoupled_weight_decay maximize foreach capturable differentiable"
        )
        super().__init__(params, checked(locals(), order))

    def init_state(self, param: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        return {
            "mu_product": scalar_state(1.0, param, group),
            "exp_avg": zeros_like(param),
            "exp_avg_sq": zeros_like(param),
        }

    def update(self, param: Tensor, grad: Tensor, state: dict[str, Any], step: float, group: dict[str, Any]) -> None:
        lr, (beta1, beta2) = number(group["lr"]), group["betas"]
        if group["weight_decay"] != 0:
            if group["decoupled_weight_decay"]:
                param.mul_(1 - lr * group["weight_decay"])
            else:
                grad = grad.add(param, alpha=group["weight_decay"])
        mu = beta1 * (1.0 - 0.5 * 0.96 ** (step * group["momentum_decay"]))
        mu_next = beta1 * (1.0 - 0.5 * 0.96 ** ((step + 1) * group["momentum_decay"]))
        product = state["mu_product"].mul_(mu).item()
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        mean.lerp_(grad, 1 - beta1)
        square.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        root = (square / (1 - beta2**step)).sqrt() + group["eps"]
        param.addcdiv_(grad, root, value=-lr * (1.0 - mu) / (1.0 - product))
        param.addcdiv_(mean, root, value=-lr * mu_next / (1.0 - product * mu_next))
