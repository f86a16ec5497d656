"""Adam."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..creation import tensor
from ..dtypes import float32
from ..tensor import Tensor
from ._options import check_implementation, check_tensor_lr, number
from ._rule import real
from .optimizer import Optimizer, ParamsT

__all__ = ["Adam"]


class Adam(Optimizer):
    """Adam: steps of the gradient's running mean over the root of its running mean square.

    Args:
        betas: how much of the two running means is kept each step.
        eps: added to the root.
        weight_decay: adds ``weight_decay * p`` to the gradient; or, with ``decoupled_weight_decay``, shrinks p
            by ``lr * weight_decay`` instead.
        amsgrad: divide by the largest mean square so far.
        maximize: follow the gradient up instead of down.
        foreach, fused, capturable: accepted, as in PyTorch; every group is updated by one primitive.
        differentiable: only False is supported.

    State per parameter: "step" (0-d float32), "exp_avg", "exp_avg_sq" and, with amsgrad, "max_exp_avg_sq".
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        check_tensor_lr(lr, foreach, capturable)
        if not lr >= 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not eps >= 0.0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        betas = (number(betas[0]), number(betas[1]))
        for i, beta in enumerate(betas):
            if not 0.0 <= beta < 1.0:
                raise ValueError(f"Invalid beta parameter at index {i}: {beta}")
        if not weight_decay >= 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        check_implementation(foreach, fused, differentiable)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            for name in ("amsgrad", "maximize", "capturable", "differentiable", "decoupled_weight_decay"):
                group.setdefault(name, False)
            group.setdefault("foreach", None)
            group.setdefault("fused", None)
            for param in group["params"]:
                own = self.state.get(param)
                if own and not isinstance(own["step"], Tensor):  # saved by an old version, as a number
                    own["step"] = tensor(float(own["step"]), dtype=float32)

    def update_group(self, group: dict[str, Any]) -> None:
        params: list[Tensor] = [p for p in group["params"] if p._grad is not None]
        if not params:
            return
        states = [self.state[p] for p in params]
        if not all(states):
            self._init_state([p for p, state in zip(params, states, strict=True) if not state], group)
        grads: list[Any] = [p._grad for p in params]
        if any([p._layout.dtype.is_complex for p in params]):  # as two real parameters, updated through views
            params, grads = [real(p) for p in params], [real(g) for g in grads]
            states = [{key: real(value) for key, value in state.items()} for state in states]
        amsgrad = group["amsgrad"]
        beta1, beta2 = group["betas"]
        ops.adam_step_(
            params,
            grads,
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [state["max_exp_avg_sq"] for state in states] if amsgrad else [],
            [state["step"] for state in states],
            lr=number(group["lr"]),
            beta1=beta1,
            beta2=beta2,
            eps=group["eps"],
            weight_decay=group["weight_decay"],
            amsgrad=amsgrad,
            maximize=group["maximize"],
            decoupled=group["decoupled_weight_decay"],
        )

    def _init_state(self, params: list[Tensor], group: dict[str, Any]) -> None:
        names = ["exp_avg", "exp_avg_sq", *["max_exp_avg_sq"] * group["amsgrad"]]
        zeros = [ops.zeros_together(params) for _ in names]
        for i, param in enumerate(params):
            # On the CPU unless asked otherwise: the bias corrections are computed on the host.
            device = param.device if group["capturable"] or group["fused"] else "cpu"
            state = self.state[param]
            state["step"] = tensor(0.0, dtype=float32, device=device)
            for name, each in zip(names, zeros, strict=True):
                state[name] = each[i]
