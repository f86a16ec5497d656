"""Checks of the options that optimizers share."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor

__all__ = [
    "check_betas", "check_implementation", "check_lr", "check_not_negative", "check_tensor_lr", "checked", "number",
]  # fmt: skip

_NOT_NEGATIVE = {
    "eps": "epsilon", "weight_decay": "weight_decay", "momentum": "momentum", "momentum_decay": "momentum_decay",
    "lr_decay": "lr_decay", "initial_accumulator_value": "initial_accumulator_value",
}  # fmt: skip
"""Options that must not be negative, and what they are called in the error."""


def check_tensor_lr(lr: Any, foreach: bool | None = None, capturable: bool = True) -> None:
    """A learning rate may be a tensor of one element."""
    if isinstance(lr, Tensor):
        if foreach and not capturable:
            raise ValueError("lr as a Tensor is not supported for capturable=False and foreach=True")
        if lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")


def check_lr(lr: Any) -> None:
    """A learning rate is a number, or a tensor of one, that is not negative."""
    check_tensor_lr(lr)
    check_not_negative("learning rate", lr, "")


def check_not_negative(name: str, value: Any, kind: str = " value") -> None:
    """Raise PyTorch's ValueError where ``value`` is negative or nan."""
    if not value >= 0.0:
        raise ValueError(f"Invalid {name}{kind}: {value}")


def check_betas(betas: Any) -> None:
    """Each of the betas is at least 0 and less than 1."""
    for i, beta in enumerate(betas):
        if not 0.0 <= beta < 1.0:
            raise ValueError(f"Invalid beta parameter at index {i}: {beta}")


def check_implementation(foreach: bool | None, fused: bool | None, differentiable: bool) -> None:
    """``foreach`` and ``fused`` choose between implementations in PyTorch; here there is one: they must only agree."""
    if fused and differentiable:
        raise RuntimeError("`fused` does not support `differentiable`")
    if fused and foreach:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
    if differentiable:
        raise NotImplementedError("differentiable=True is not supported: the update is not recorded by autograd")


def checked(given: dict[str, Any], names: str) -> dict[str, Any]:
    """The named arguments of a constructor, from its ``locals()``, with the checks that PyTorch's optimizers share."""
    options = {name: given[name] for name in names.split()}
    check_lr(options["lr"])
    for name, said in _NOT_NEGATIVE.items():
        if name in options:
            check_not_negative(said, options[name])
    check_betas(options.get("betas", ()))
    check_implementation(options.get("foreach"), options.get("fused"), options["differentiable"])
    return options


def number(value: Any) -> float:
    """An option as a number, read from the device where it is a tensor."""
    return value.item() if isinstance(value, Tensor) else value  # type: ignore[no-any-return]
