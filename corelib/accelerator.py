"""``torch.accelerator``: the device type to use when one other than the CPU is there."""

from __future__ import annotations

from .device import Device
from .devices import device_module

__all__ = ["current_accelerator", "current_device_index", "device_count", "is_available", "synchronize"]


def current_accelerator(check_available: bool = False) -> Device | None:
    """The first installed device type that is neither the CPU nor for testing, or None."""
    from .backend.registry import registry

    order = ["cuda", "xpu", "mps", "opencl"]
    types = registry.types()
    for name in [t for t in order if t in types] + [t for t in types if t not in order]:
        if name == "cpu" or _testing(name):
            continue
        if not check_available or device_module(name).is_available():
            return Device(name)
    return None


def _testing(name: str) -> bool:
    from .backend.registry import registry

    return any(s.name == name and s.spec is not None and s.spec.testing for s in registry.states())


def is_available() -> bool:
    """Whether there is an accelerator that can be used."""
    return current_accelerator(True) is not None


def device_count() -> int:
    """Number of accelerators."""
    found = current_accelerator()
    return 0 if found is None else device_module(found.type).device_count()


def current_device_index() -> int:
    """Index of the accelerator that a bare type means."""
    found = current_accelerator()
    return 0 if found is None else device_module(found.type).current_device()


def synchronize(device: object = None) -> None:
    """Wait for all work on the accelerator."""
    found = current_accelerator()
    if found is not None:
        device_module(found.type).synchronize(device)
