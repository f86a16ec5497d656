"""DLPack: tensors share memory with the arrays of other libraries, both ways."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.tensor import backend_of
from ..creation import from_numpy
from ..tensor import Tensor

__all__ = ["from_dlpack", "to_dlpack"]

_CPU = 1  # kDLCPU


class _Capsule:
    """A capsule as an object with the methods of the protocol."""

    def __init__(self, capsule: Any) -> None:
        self.capsule = capsule

    def __dlpack__(self, **kwargs: Any) -> Any:
        return self.capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return _CPU, 0


def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A tensor of what another library's array holds, in the same memory.

    Args:
        ext_tensor: an object with ``__dlpack__`` and ``__dlpack_device__`` in host memory, or a capsule of such.
        device: where the result is to be; a copy, if it is elsewhere.
        copy: True copies in any case; False raises where memory cannot be shared; None copies where it must:
            read-only memory, or a CPU backend that has its own.

    Raises:
        BufferError: the memory is not the host's, the dtype is none of NumPy's, or ``copy`` is False and it must be.
    """
    if isinstance(ext_tensor, Tensor):
        result, shared = ext_tensor.detach(), True
    else:
        source = _Capsule(ext_tensor) if type(ext_tensor).__name__ == "PyCapsule" else ext_tensor
        kind = source.__dlpack_device__()[0]
        if int(kind) != _CPU:
            raise BufferError(f"from_dlpack: only memory of the host can be taken, but the device is of type {kind}")
        try:
            array = np.from_dlpack(source)
        except RuntimeError as error:
            raise BufferError(str(error)) from None
        result, shared = _over(array)
    target = result if device is None else result.to(device)
    if copy is False and not (shared and target is result):
        raise BufferError("from_dlpack: memory cannot be shared, and copy=False was given")
    return target.clone() if copy and shared and target is result else target


def _over(array: np.ndarray[Any, Any]) -> tuple[Tensor, bool]:
    """A tensor over an array's memory, or over a copy of it; and which."""
    adopts = getattr(backend_of(from_numpy(np.empty(0, np.uint8))._layout), "adopt", None) is not None
    steps = [step // array.itemsize for step in array.strides]
    even = all(step % array.itemsize == 0 and step >= 0 for step in array.strides)
    if not (adopts and array.flags.writeable and array.flags.aligned and even):
        return from_numpy(np.array(array)), False
    if array.flags.c_contiguous:
        return from_numpy(array), True
    extent = 1 + sum((n - 1) * step for n, step in zip(array.shape, steps, strict=True))
    flat = np.lib.stride_tricks.as_strided(array, (extent,), (array.itemsize,))
    return from_numpy(flat).as_strided(array.shape, steps), True


def to_dlpack(tensor: Tensor) -> Any:
    """A capsule with the tensor's memory, for other libraries' ``from_dlpack``."""
    return tensor.__dlpack__()
