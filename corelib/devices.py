"""Device modules: ``corelib.cuda.is_available()`` and its kin, for every device type, installed or not."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

from .backend.errors import BackendNotAvailable
from .backend.registry import registry
from .device import Device
from .state import local

__all__ = ["cpu", "cuda", "device_module", "mps", "opencl", "xpu"]


class _DeviceModule(ModuleType):
    """Queries of one device type; nothing is loaded before the first that needs it."""

    def __init__(self, device_type: str) -> None:
        super().__init__(f"corelib.{device_type}", f"Queries of device type '{device_type}'.")
        self.device_type = device_type

    def is_available(self) -> bool:
        """Whether a device of this type can be used."""
        return self.device_count() > 0

    def device_count(self) -> int:
        """Number of devices; 0 where the backend is not installed or cannot be loaded."""
        try:
            return registry.load(self.device_type).device_count()
        except BackendNotAvailable:
            return 0

    def current_device(self) -> int:
        """Index of the device that a bare type means."""
        for d in reversed(local.devices):
            if d.type == self.device_type and d.index is not None:
                return int(d.index)
        return 0

    def get_device_name(self, device: Any = None) -> str:
        """The device's name."""
        return registry.get(self.device_type).properties(self._index(device)).name

    def get_device_properties(self, device: Any = None) -> Any:
        """Name, memory and what else the backend tells."""
        return registry.get(self.device_type).properties(self._index(device))

    def synchronize(self, device: Any = None) -> None:
        """Wait for all work on the device, and raise what it reported."""
        registry.get(self.device_type).synchronize(self._index(device))

    def memory_allocated(self, device: Any = None) -> int:
        """Bytes held by tensors on the device, where the backend knows; else 0."""
        return registry.get(self.device_type).memory_allocated(self._index(device)) or 0

    def manual_seed(self, seed: int) -> None:
        """Seed the default stream (one for all devices)."""
        from .random import manual_seed

        manual_seed(seed)

    manual_seed_all = manual_seed

    @property
    def amp(self) -> ModuleType:
        """``torch.cuda.amp``: mixed precision, which is the same for all types."""
        return importlib.import_module("corelib.amp")

    def _index(self, device: Any) -> int:
        """Of a user's argument; None and a bare type mean the current one."""
        index: int | None = device
        if not isinstance(device, int | None):
            given = Device(device)
            if given.type != self.device_type:
                raise ValueError(f"Expected a {self.device_type} device, but got: {given}")
            index = given.index
        if index is None:
            index = self.current_device()
        count = registry.get(self.device_type).device_count()
        if not 0 <= index < count:
            raise RuntimeError(f"{self.device_type.upper()} error: invalid device ordinal: {index} of {count}")
        return index

    def __repr__(self) -> str:
        return f"<device module '{self.device_type}'>"


_modules: dict[str, _DeviceModule] = {}


def device_module(device_type: str) -> _DeviceModule:
    """The module of a device type."""
    if device_type not in _modules:
        _modules[device_type] = _DeviceModule(device_type)
    return _modules[device_type]


cpu = device_module("cpu")
cuda = device_module("cuda")
opencl = device_module("opencl")
mps = device_module("mps")
xpu = device_module("xpu")
