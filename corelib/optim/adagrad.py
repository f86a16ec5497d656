"""Adagrad."""

from __future__ import annotations

from typing import Any, ClassVar

from ..creation import full_like
from ..tensor import Tensor
from ._options import checked, number
from ._rule import Rule
from .optimizer import ParamsT

__all__ = ["Adagrad"]


class Adagrad(Rule):
    """The gradient over the root of the sum of all squared gradients so far.

    Args:
        lr_decay: step number n uses ``lr / (1 + (n - 1) * lr_decay)``.
        weight_decay: adds ``weight_decay * p`` to the gradient.
        initial_accumulator_value: where the sum of squares starts.
        eps: added to the root.
        maximize: follow the gradient up instead of down.
        foreach, fused: accepted, as in PyTorch.
        differentiable: only False is supported.

    State per parameter, there from the beginning: "step" (0-d float32) and "sum".
    """

    _later_options: ClassVar[dict[str, Any]] = {
        "foreach": None,
        "maximize": False,
        "differentiable": False,
        "fused": None,
    }

    def __init__(
        self, params: ParamsT, lr: float | Tensor = 1e-2, lr_decay: float = 0, weight_decay: float = 0,
        initial_accumulator_value: float = 0, eps: float = 1e-10, foreach: bool | None = None, *,
        maximize: bool = False, differentiable: bool = False, fused: bool | None = None,
    ) -> None:  # fmt: skip
        order = "lr lr_decay eps weight_decay initial_accumulator_value foreach maximize differentiable fused"
        super().__init__(params, checked(locals(), order))
        for group in self.param_groups:
            for param in group["params"]:
                self._start(self.state[param], param, group)

    def init_state(self, param: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        start = self.defaults["initial_accumulator_value"]
        return {"sum": full_like(param, complex(start, start) if param.is_complex() else start)}

    def update(self, param: Tensor, grad: Tensor, state: dict[str, Any], step: float, group: dict[str, Any]) -> None:
        if group["weight_decay"] != 0:
            grad = grad.add(param, alpha=group["weight_decay"])
        rate = number(group["lr"]) / (1 + (step - 1) * group["lr_decay"])
        state["sum"].addcmul_(grad, grad)
        param.addcdiv_(grad, state["sum"].sqrt() + group["eps"], value=-rate)
