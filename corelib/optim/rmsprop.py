"""RMSprop."""

from __future__ import annotations

from typing import Any, ClassVar

from ..creation import zeros_like
from ..tensor import Tensor
from ._options import check_not_negative, checked, number
from ._rule import Rule
from .optimizer import ParamsT

__all__ = ["RMSprop"]


class RMSprop(Rule):
    """The gradient over the root of its running mean square.

    Args:
        alpha: how much of the running mean square is kept each step.
        eps: added to the root.
        weight_decay: adds ``weight_decay * p`` to the gradient.
        momentum: the running sum of the scaled gradients is followed instead of the last one.
        centered: subtract the square of the running mean, that is divide by the deviation.
        maximize: follow the gradient up instead of down.
        foreach, capturable: accepted, as in PyTorch.
        differentiable: only False is supported.

    State per parameter: "step" (0-d float32), "square_avg", with momentum "momentum_buffer", centered "grad_avg".
    """

    _later_options: ClassVar[dict[str, Any]] = {**Rule._later_options, "momentum": 0, "centered": False}

    def __init__(
        self, params: ParamsT, lr: float | Tensor = 1e-2, alpha: float = 0.99, eps: float = 1e-8,
        weight_decay: float = 0, momentum: float = 0, centered: bool = False, capturable: bool = False,
        foreach: bool | None = None, maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        check_not_negative("alpha", alpha)
        order = "lr momentum alpha eps centered weight_decay capturable foreach maximize differentiable"
        super().__init__(params, checked(locals(), order))

    def init_state(self, param: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        state = {"square_avg": zeros_like(param)}
        if group["momentum"] > 0:
            state["momentum_buffer"] = zeros_like(param)
        if group["centered"]:
            state["grad_avg"] = zeros_like(param)
        return state

    def update(self, param: Tensor, grad: Tensor, state: dict[str, Any], step: float, group: dict[str, Any]) -> None:
        lr, alpha = number(group["lr"]), group["alpha"]
        if group["weight_decay"] != 0:
            grad = grad.add(param, alpha=group["weight_decay"])
        square = state["square_avg"]
        square.mul_(alpha).addcmul_(grad, grad, value=1 - alpha)
        if group["centered"]:
            mean = state["grad_avg"]
            mean.lerp_(grad, 1 - alpha)
            square = square - mean * mean
        root = square.sqrt() + group["eps"]
        if group["momentum"] > 0:
            buffer = state["momentum_buffer"]
            buffer.mul_(group["momentum"]).addcdiv_(grad, root)
            param.add_(buffer, alpha=-lr)
        else:
            param.addcdiv_(grad, root, value=-lr)
