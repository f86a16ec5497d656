"""The frame of optimizers that update one parameter after the other: skip, make the state, count, negate, update."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from ..creation import tensor
from ..dtypes import default_dtype, float32, float64
from ..ops import view_as_real
from ..tensor import Tensor
from .optimizer import Optimizer

__all__ = ["Rule", "real", "scalar_state"]


def scalar_state(value: float, param: Tensor, group: dict[str, Any]) -> Tensor:
    """A number kept in the state: 0-d and float32, on the CPU (it is read every step) unless asked otherwise."""
    device = param.device if group.get("capturable") or group.get("fused") else "cpu"
    return tensor(float(value), dtype=float64 if default_dtype() is float64 else float32, device=device)


def real(value: Any) -> Any:
    """A view of a complex tensor as a real one with a last dimension of two; anything else as it is."""
    return view_as_real(value) if isinstance(value, Tensor) and value.is_complex() else value


class Rule(Optimizer):
    """Base of optimizers with a rule for one parameter.

    A subclass says what the state is, beside the "step" that is counted here, and how a parameter is updated.
    """

    #: Options that state dicts of old versions lack, with what they meant then.
    _later_options: ClassVar[dict[str, Any]] = {
        "foreach": None,
        "maximize": False,
        "differentiable": False,
        "capturable": False,
    }
    #: Names of the numbers in the state that are kept as tensors, and were not in old versions.
    _scalars: tuple[str, ...] = ("step",)

    @abstractmethod
    def init_state(self, param: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        """The state before the first step, without "step"."""

    @abstractmethod
    def update(self, param: Tensor, grad: Tensor, state: dict[str, Any], step: float, group: dict[str, Any]) -> None:
        """Update ``param`` and ``state`` in place; this is step number ``step``, from 1."""

    def update_group(self, group: dict[str, Any]) -> None:
        maximize = group.get("maximize", False)
        for param in group["params"]:
            grad = param.grad
            if grad is None:
                continue
            state = self.state[param]
            if not state:
                self._start(state, param, group)
            state["step"].add_(1)
            if maximize:
                grad = -grad
            if param.is_complex():  # as two real parameters; views, so that it is updated through them
                param, grad = real(param), real(grad)
                state = {key: real(value) for key, value in state.items()}
            self.update(param, grad, state, state["step"].item(), group)

    def _start(self, state: dict[str, Any], param: Tensor, group: dict[str, Any]) -> None:
        state["step"] = scalar_state(0.0, param, group)
        state.update(self.init_state(param, group))

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            for name, value in self._later_options.items():
                group.setdefault(name, value)
            for param in group["params"]:
                own = self.state.get(param)
                for name in self._scalars if own else ():
                    if not isinstance(own[name], Tensor):  # type: ignore[index]  # saved by an old version
                        own[name] = scalar_state(own[name], param, group)  # type: ignore[index]
