"""The backend contract: what the author of a device's package reads and imports.

Importing this is light.  Heavier names (``hookimpl``, which needs pluggy, and ``ArrayModuleBackend``) are
imported when first asked for.  The registry itself is :data:`corelib.backend.registry.registry`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .base import CONTRACT, Backend, BackendSpec, DeviceProperties, Kernel, KernelPack, kernel
from .errors import (
    BackendError,
    BackendNotAvailable,
    ContractError,
    DivisionByZero,
    IndexOutOfBounds,
    KernelContractViolation,
    OutOfMemoryError,
    UnsupportedPrimitive,
)
from .registry import (
    prefer,
    register_backend,
    register_kernels,
    set_cpu_fallback,
    unregister_backend,
    unregister_kernels,
)

if TYPE_CHECKING:
    from .array_module import ArrayModuleBackend
    from .hookspec import hookimpl

__all__ = [
    "CONTRACT", "ArrayModuleBackend", "Backend", "BackendError", "BackendNotAvailable", "BackendSpec",
    "ContractError", "DeviceProperties", "DivisionByZero", "IndexOutOfBounds", "Kernel",
    "KernelContractViolation", "KernelPack", "OutOfMemoryError", "UnsupportedPrimitive", "hookimpl", "kernel",
    "prefer", "register_backend", "register_kernels", "set_cpu_fallback", "unregister_backend", "unregister_kernels",
]  # fmt: skip

_LAZY = {"ArrayModuleBackend": "array_module", "hookimpl": "hookspec"}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_LAZY[name]}", __name__), name)
    globals()[name] = value
    return value
