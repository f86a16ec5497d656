"""On which device a loaded tensor goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..backend.errors import BackendNotAvailable
from ..device import Device
from ..tensor import Tensor

__all__ = ["MapLocation", "on_device"]

MapLocation = str | Device | Mapping[str, str] | Callable[[Any, str], Any] | None


def on_device(tensor: Tensor, saved: str, map_location: MapLocation) -> Tensor:
    """``tensor`` where ``map_location`` says that what was saved from device ``saved`` goes."""
    if map_location is None:
        target: str | Device = saved
    elif isinstance(map_location, Mapping):
        target = map_location.get(saved, saved)
    elif callable(map_location):
        moved = map_location(tensor, saved)
        if isinstance(moved, Tensor):
            return moved
        target = saved
    else:
        target = map_location
    try:
        return tensor.to(Device(target))
    except BackendNotAvailable as error:
        if map_location is not None:
            raise
        kind = Device(saved).type
        raise RuntimeError(
            f"Attempting to deserialize object on a {kind.upper()} device but {kind} is not available: {error.reason}. "
            "Please use load with map_location='cpu' to map the tensors to the CPU."
        ) from error
