"""Tensor's questions about itself, and the methods that have an answer but nothing to do here."""

from __future__ import annotations

import importlib
import math
from types import ModuleType
from typing import Any

from .. import ops
from ..core.inplace import resize
from ..core.tensor import Tensor
from ..formats import layout as layout_class
from ..formats import strided
from .binding import bind, method


def layout(self: Tensor) -> layout_class:
    """``torch.strided``: the only layout."""
    return strided


bind("layout", property(layout))


def _is_on(device_type: str) -> property:
    def is_on(self: Tensor) -> bool:
        return self.device.type == device_type

    is_on.__doc__ = f"Whether it is on a device of type '{device_type}'."
    return property(is_on)


for _type in ("xpu", "mps"):
    bind(f"is_{_type}", _is_on(_type))


@method
def is_conj(self: Tensor) -> bool:
    """False: conjugation is always carried out."""
    return False


@method
def is_neg(self: Tensor) -> bool:
    """False: negation is always carried out."""
    return False


@method
def is_distributed(self: Tensor) -> bool:
    """False: a tensor is on one device."""
    return False


@method
def resolve_conj(self: Tensor) -> Tensor:
    """The tensor itself: conjugation is always carried out."""
    return self


@method
def resolve_neg(self: Tensor) -> Tensor:
    """The tensor itself: negation is always carried out."""
    return self


@method
def is_shared(self: Tensor) -> bool:
    """False: memory is not shared between processes."""
    return False


@method
def is_pinned(self: Tensor, device: Any = None) -> bool:
    """False: no backend pins host memory."""
    return False


@method
def pin_memory(self: Tensor, device: Any = None) -> Tensor:
    """The tensor itself: no backend pins host memory, and copies work from any."""
    if self.device.type != "cpu":
        raise RuntimeError(f"cannot pin '{self.type()}' only dense CPU tensors can be pinned")
    return self


def _resize(tensor: Tensor, shape: tuple[int, ...], name: str) -> Tensor:
    if tensor.requires_grad:
        raise RuntimeError(f"cannot resize variables that require grad ({name}): use detach() first")
    if any(n < 0 for n in shape):
        raise RuntimeError(f"{name}: sizes must be non-negative, but got {list(shape)}")
    if tuple(tensor.shape) == shape:
        return tensor
    count = tensor.numel()
    grows = math.prod(shape) > count
    old = ops.copy(tensor).reshape(-1) if grows and count else None
    resize(tensor, shape, quiet=True)
    if old is not None:
        tensor.view(-1).narrow(0, 0, count).copy_(old)
    return tensor


@method
def resize_(self: Tensor, *sizes: Any, memory_format: Any = None) -> Tensor:
    """Change the shape in place; elements keep their order in memory, new ones are whatever the memory holds."""
    shape = tuple(sizes[0]) if len(sizes) == 1 and not isinstance(sizes[0], int) else sizes
    return _resize(self, shape, "resize_")


@method
def resize_as_(self: Tensor, the_template: Tensor, *, memory_format: Any = None) -> Tensor:
    """``resize_`` to the other tensor's shape."""
    return _resize(self, tuple(the_template.shape), "resize_as_")


@method
def xpu(self: Tensor, device: Any = None, non_blocking: bool = False, memory_format: Any = None) -> Tensor:
    """On an XPU device."""
    return ops.to(self, "xpu" if device is None else device)


def _array_namespace(self: Tensor, *, api_version: str | None = None) -> ModuleType:
    """The array API standard's functions for tensors; ValueError for a version that is not offered."""
    module = importlib.import_module("corelib.array_api")
    if api_version is not None and api_version > module.__array_api_version__:
        raise ValueError(f"array API {api_version} is not offered: the newest is {module.__array_api_version__}")
    return module


bind("__array_namespace__", _array_namespace)
