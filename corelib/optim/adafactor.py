"""Adafactor, with a mean square kept as one row and one column."""

from __future__ import annotations

from typing import Any, ClassVar

from ..creation import zeros_like
from ..dtypes import finfo
from ..tensor import Tensor
from ._options import check_tensor_lr, number
from ._rule import Rule
from .optimizer import ParamsT

__all__ = ["Adafactor"]


class Adafactor(Rule):
    """Steps relative to the size of the parameter; matrices keep their gradient's mean square factored.

    Args:
        lr: the largest rate; step number n uses at most ``1 / sqrt(n)``.
        beta2_decay: step number n takes ``n ** beta2_decay`` of the new squares into the mean.
        eps: least mean square (None: that of the dtype) and least root mean square of the parameter.
        d: updates are scaled down to this root mean square.
        weight_decay: shrinks p by ``lr * weight_decay``.
        maximize: follow the gradient up instead of down.
        foreach: accepted, as in PyTorch.

    State per parameter: "step" (0-d float32), and "row_var" and "col_var", or "variance" below two dimensions.
    """

    _later_options: ClassVar[dict[str, Any]] = {"foreach": None, "maximize": False}

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        check_tensor_lr(lr)
        if not lr >= 0.0:
            raise ValueError(f"Learning rate should be >= 0 but is: {lr}")
        if not beta2_decay <= 0.0:
            raise ValueError(f"beta2_decay should be <= 0 but is: {beta2_decay}")
        if eps[0] is not None and not eps[0] >= 0.0:
            raise ValueError(f"epsilon1 should be >= 0 but is: {eps[0]}")
        if not eps[1] >= 0.0:
            raise ValueError(f"epsilon2 should be >= 0 but is: {eps[1]}")
        if not d >= 1.0:
            raise ValueError(f"Clipping threshold d should be >= 1 but is: {d}")
        if not weight_decay >= 0.0:
            raise ValueError(f"weight_decay should be >= 0 but is: {weight_decay}")
        defaults = {
            "lr": lr,
            "beta2_decay": beta2_decay,
            "eps": eps,
            "d": d,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def init_state(self, param: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        if param.is_complex():
            raise RuntimeError("Adafactor does not support complex parameters")
        if param.dim() < 2:
            return {"variance": zeros_like(param)}
        *batch, rows, columns = param.shape
        return {"row_var": param.new_zeros((*batch, rows, 1)), "col_var": param.new_zeros((*batch, 1, columns))}

    def update(self, param: Tensor, grad: Tensor, state: dict[str, Any], step: float, group: dict[str, Any]) -> None:
        lr = number(group["lr"])
        least, least_size = group["eps"]
        if least is None:
            least = finfo(param.dtype).eps
        new = step ** group["beta2_decay"]
        size = max(least_size, param.norm().item() / param.numel() ** 0.5)
        if group["weight_decay"] != 0:
            param.mul_(1 - lr * group["weight_decay"])
        squares = grad * grad
        if grad.dim() > 1:
            rows, columns = state["row_var"], state["col_var"]
            rows.lerp_(squares.mean(-1, keepdim=True), new)
            columns.lerp_(squares.mean(-2, keepdim=True), new)
            variance = rows @ columns / rows.mean(-2, keepdim=True).clamp(min=least)
        else:
            variance = state["variance"].lerp_(squares, new)
        update = grad * variance.clamp(min=least * least).rsqrt()
        clip = max(1.0, update.norm().item() / (update.numel() ** 0.5 * group["d"]))
        param.add_(update, alpha=-size * min(lr, 1 / step**0.5) / clip)
