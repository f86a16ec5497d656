"""Device: a device type (the name of a backend) and an index; default device and device contexts."""

from __future__ import annotations

import re
from typing import Any

from .state import local

__all__ = ["Device", "current_device", "get_default_device", "set_default_device"]

_PATTERN = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::(0|[1-9][0-9]*))?")
_interned: dict[tuple[str, int | None], Device] = {}


class Device:
    """``device("cuda:1")``, ``device("cuda", 1)`` or ``device(other)``.  Equal devices are one object.

    As a context manager it is the device of factory functions inside the block, as in PyTorch.
    """

    __slots__ = ("index", "type")
    type: str
    index: int | None

    def __new__(cls, type: str | Device | int | None = None, index: int | None = None) -> Device:
        if isinstance(type, Device):
            if index is not None:
                raise TypeError("device(): argument 'type' (position 1) must be str, not torch.device")
            return type
        if not isinstance(type, str):
            given = "nothing" if type is None else repr(type)
            raise TypeError(
                f"device(): argument 'type' must be str, not {given}: give a device such as 'cpu' or 'cuda:0'"
            )
        if index is not None and (not isinstance(index, int) or isinstance(index, bool)):
            raise TypeError(f"device(): argument 'index' (position 2) must be int, not {index.__class__.__name__}")
        match = _PATTERN.fullmatch(type)
        if match is None:
            raise RuntimeError(
                f"Invalid device string: '{type}': expected a device type, or type:index, such as 'cuda:0'"
            )
        name, inline = match[1], match[2]
        if inline is not None:
            if index is not None:
                raise RuntimeError(
                    f"type (string) must not include an index because index was passed explicitly: {type}"
                )
            index = int(inline)
        if index is not None and index < 0:
            raise RuntimeError("Device index must not be negative")
        key = (name, index)
        found = _interned.get(key)
        if found is None:
            found = object.__new__(cls)
            object.__setattr__(found, "type", name)
            object.__setattr__(found, "index", index)
            found = _interned.setdefault(key, found)
        return found

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"attribute '{name}' of 'torch.device' objects is not writable")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"attribute '{name}' of 'torch.device' objects is not writable")

    def __repr__(self) -> str:
        inner = f"type={self.type!r}" if self.index is None else f"type={self.type!r}, index={self.index}"
        return f"device({inner})"

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __reduce__(self) -> tuple[Any, ...]:
        return (Device, (self.type, self.index))

    def __enter__(self) -> Device:
        local.devices.append(self)
        return self

    def __exit__(self, *exc: object) -> None:
        local.devices.pop()


_default = Device("cpu")


def set_default_device(device: str | Device | None) -> None:
    """The device of factory functions that are given none; ``None`` means the CPU again."""
    global _default
    _default = Device("cpu") if device is None else Device(device)


def get_default_device() -> Device:
    """The innermost ``with device(...)`` of this thread, else what ``set_default_device`` said."""
    return local.devices[-1] if local.devices else _default


def current_device(device: str | Device | int | None) -> Device:
    """The device a factory function uses, given its ``device=`` argument."""
    return get_default_device() if device is None else Device(device)
