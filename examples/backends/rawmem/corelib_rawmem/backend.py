"""The backend: its storage methods, and the table of kernels."""

from __future__ import annotations

import ctypes
import platform
from functools import partial
from typing import Any

import numpy as np
from corelib.backend import Backend, DeviceProperties
from corelib.device import Device
from corelib.dtypes import dtype
from corelib.layout import Layout

from .kernels import KERNELS, copy
from .memory import Array, Memory, library


class RawmemBackend(Backend):
    """One device, whose memory nobody but the library looks into."""

    capabilities = frozenset({"float64"})

    def __init__(self) -> None:
        super().__init__()
        self._account: dict[int, int] = {}
        library()  # what is missing is missed now
        for name, (function, dtypes) in KERNELS.items():
            dense = name != "copy"  # which makes the others' operands dense
            layout = "contiguous" if dense else "strided"
            self.register(name, partial(function, self), dtypes=dtypes, layout=layout, out=not dense)

    def new(self, shape: tuple[int, ...], d: dtype) -> Array:
        """A dense array; OutOfMemoryError where there is no memory for it."""
        return self.allocate(Layout.of(shape, d, Device(self.name, 0)))

    # -- storage

    def allocate(self, layout: Layout) -> Array:
        """A dense array whose elements nobody has set."""
        return Array(Memory(layout.numel * layout.dtype.itemsize, self._account), 0, layout)

    def upload(self, host: np.ndarray[Any, Any], layout: Layout) -> Array:
        """From the host."""
        array = self.allocate(layout)
        ctypes.memmove(array.address, host.ctypes.data, host.nbytes)
        return array

    def download(self, array: Array, layout: Layout) -> np.ndarray[Any, Any]:
        """To the host; a view is made dense before."""
        if not array.layout.contiguous:
            array = copy(self, array)
        host = np.empty(array.layout.shape, array.layout.dtype.numpy)
        ctypes.memmove(host.ctypes.data, array.address, host.nbytes)
        return host

    def as_strided(self, array: Array, layout: Layout, offset: int) -> Array:
        """The same memory, seen otherwise."""
        return Array(array.memory, array.offset + offset * layout.dtype.itemsize, layout)

    def bitcast(self, array: Array, layout: Layout) -> Array:
        """The same bytes in another dtype."""
        return Array(array.memory, array.offset, layout)

    # -- for people, and for debug mode

    def describe(self, array: Any) -> Layout:
        """What an array really is."""
        if not isinstance(array, Array):
            raise TypeError(f"not an array of '{self.name}': {type(array).__name__}")
        return array.layout

    def properties(self, index: int) -> DeviceProperties:
        """What ``corelib devices`` shows."""
        return DeviceProperties(f"memory of C's, {platform.machine()}")

    def memory_allocated(self, index: int) -> int:
        """Bytes in use."""
        return sum(list(self._account.values()))
