"""Tensor's side of DLPack: its memory for other libraries."""

from __future__ import annotations

from typing import Any

from ..core.tensor import Tensor, backend_of
from .binding import method

__all__: list[str] = []

_DEVICE_TYPES = {"cpu": 1, "cuda": 2, "opencl": 4, "vulkan": 7, "metal": 8, "mps": 8, "rocm": 10, "xpu": 14}


@method
def __dlpack__(
    self: Tensor, *, stream: Any = None, max_version: Any = None, dl_device: Any = None, copy: bool | None = None
) -> Any:
    """A capsule with the tensor's memory.

    Raises:
        BufferError: it requires grad, its backend's arrays know no DLPack, or the dtype is none of the protocol's.
    """
    if self.requires_grad:
        raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
    if self.device.type == "cpu":
        array = self.numpy() if self.dtype.name != "bfloat16" else self._host()
    elif hasattr(backend_of(self._layout), "xp") and hasattr(self._array, "__dlpack__"):
        array = self._array
    else:
        raise BufferError(f"Can't export tensors of device type '{self.device.type}': its backend knows no DLPack")
    given = {"stream": stream, "max_version": max_version, "dl_device": dl_device, "copy": copy}
    return array.__dlpack__(**{name: value for name, value in given.items() if value is not None})


@method
def __dlpack_device__(self: Tensor) -> tuple[int, int]:
    """The protocol's number for the device's type, and the device's index.

    Raises:
        ValueError: the protocol has no number for it.
    """
    kind = _DEVICE_TYPES.get(self.device.type)
    if kind is None:
        raise ValueError(f"Unknown device type {self.device.type} for Dlpack")
    return kind, self.device.index or 0
