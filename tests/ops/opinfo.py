"""PyTorch's own sample calls of its operations, and the same calls on corelib."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from types import ModuleType
from typing import Any

import pytest

import corelib
from corelib import fft, linalg, special
from corelib.nn import functional

__all__ = ["call", "described", "flat", "function_names", "known", "leaves", "ours", "resolve"]

SPACES = {"": corelib, "nn.functional.": functional, "linalg.": linalg, "fft.": fft, "special.": special}


def function_names() -> list[str]:
    """The operations that users see, by their names below ``corelib``, and the methods."""
    found = {n for n in dir(corelib.Tensor) if not n.startswith("_") and not n.endswith("_")}
    for space, module in SPACES.items():
        for name in dir(module):
            value = getattr(module, name)
            plain = callable(value) and not isinstance(value, type) and not name.startswith("_")
            if plain and "corelib" in str(getattr(value, "__module__", "")):
                found.add(space + name)
    return sorted(found)


def resolve(name: str) -> Callable[..., Any] | None:
    """The function of this name below ``corelib``, or the method."""
    found: Any = corelib
    for part in name.split("."):
        found = getattr(found, part, None)
    return found if callable(found) else getattr(corelib.Tensor, name, None)


@cache
def known() -> dict[str, list[Any]]:
    """PyTorch's descriptions of its operations, by name; several where one has variants."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = pytest.importorskip("torch.testing._internal.common_methods_invocations")
    found: dict[str, list[Any]] = defaultdict(list)
    for op in module.op_db:
        for name in {op.name, *[alias.name for alias in op.aliases]}:
            found[name].append(op)
    return dict(found)


def ours(x: Any, torch: ModuleType, made: list[tuple[Any, Any]] | None = None) -> Any:
    """PyTorch's argument as corelib takes it; tensors that require grad do so again, and are noted in ``made``."""
    if isinstance(x, torch.Tensor):
        plain = x.detach().resolve_conj().resolve_neg()
        if x.dtype is torch.bfloat16:
            tensor = corelib.tensor(plain.float().numpy()).to(corelib.bfloat16)
        else:
            tensor = corelib.tensor(plain.contiguous().numpy().copy()).reshape(tuple(x.shape))
        tensor.requires_grad_(x.requires_grad)
        if made is not None:
            made.append((tensor, x))
        return tensor
    if isinstance(x, (torch.dtype, torch.memory_format, torch.layout)):
        return getattr(corelib, str(x).removeprefix("torch."), x)
    if isinstance(x, torch.device):
        return corelib.device(str(x))
    if isinstance(x, (list, tuple)):
        return (list if isinstance(x, list) else tuple)(ours(y, torch, made) for y in x)
    return {k: ours(v, torch, made) for k, v in x.items()} if isinstance(x, dict) else x


def leaves(x: Any, torch: ModuleType) -> Any:
    """The argument with fresh tensors, of which the inexact ones require grad."""
    if isinstance(x, torch.Tensor):
        return x.detach().clone().requires_grad_(x.is_floating_point() or x.is_complex())
    if isinstance(x, (list, tuple)):
        return (list if isinstance(x, list) else tuple)(leaves(y, torch) for y in x)
    return {k: leaves(v, torch) for k, v in x.items()} if isinstance(x, dict) else x


def flat(x: Any) -> Iterator[Any]:
    """The results, without their structure."""
    if isinstance(x, (list, tuple)):
        for y in x:
            yield from flat(y)
    else:
        yield x


def call(function: Callable[..., Any], input: Any, args: Any, kwargs: Any) -> Any:
    """The call, in silence."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(input, *args, **kwargs)


def described(sample: Any) -> str:
    """Shapes and other arguments, for messages."""
    return f"{sample.summary()}"[:500]
