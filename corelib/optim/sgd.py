"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..creation import empty_like
from ..tensor import Tensor
from ._options import check_implementation, check_tensor_lr, number
from .optimizer import Optimizer, ParamsT

__all__ = ["SGD"]


class SGD(Optimizer):
    """``p -= lr * d`` with ``d = grad + weight_decay * p``, or, with momentum, the running sum of d.

    Args:
        momentum: ``buf = momentum * buf + (1 - dampening) * d`` (the first time ``buf = d``), used in place of d.
        nesterov: use ``d + momentum * buf`` instead of ``buf``.
        maximize: follow the gradient up instead of down.
        foreach, fused: accepted, as in PyTorch; every group is updated by one primitive whatever they say.
        differentiable: only False is supported.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_tensor_lr(lr)
        if lr < 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if momentum < 0.0:
            raise ValueError(f"Invalid momentum value: {momentum}")
        if weight_decay < 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        check_implementation(foreach, fused, differentiable)
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            for name, default in (("nesterov", False), ("maximize", False), ("foreach", None), ("fused", None)):
                group.setdefault(name, default)
            group.setdefault("differentiable", False)

    def update_group(self, group: dict[str, Any]) -> None:
        with_momentum = group["momentum"] != 0
        params, grads, buffers = [], [], []
        first_params, first_grads, first_buffers = [], [], []  # those that have no momentum yet
        for param in group["params"]:
            grad = param.grad
            if grad is None:
                continue
            if with_momentum:
                state = self.state[param]
                buffer = state.get("momentum_buffer")
                if buffer is None:
                    state["momentum_buffer"] = buffer = empty_like(param)
                    first_params.append(param)
                    first_grads.append(grad)
                    first_buffers.append(buffer)
                    continue
                buffers.append(buffer)
            params.append(param)
            grads.append(grad)
        if first_params:
            self._update(group, first_params, first_grads, first_buffers, True)
        if params:
            self._update(group, params, grads, buffers, False)

    @staticmethod
    def _update(
        group: dict[str, Any], params: list[Tensor], grads: list[Tensor], buffers: list[Tensor], first: bool
    ) -> None:
        ops.sgd_step_(
            params,
            grads,
            buffers,
            lr=number(group["lr"]),
            momentum=group["momentum"],
            dampening=group["dampening"],
            weight_decay=group["weight_decay"],
            nesterov=group["nesterov"],
            maximize=group["maximize"],
            first=first,
        )
