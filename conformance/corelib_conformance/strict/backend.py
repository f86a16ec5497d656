"""The backend: two fake devices, the storage methods, and how a kernel is called and its result stored."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from math import prod
from typing import Any, ClassVar

import numpy as np

from corelib.backend.base import Backend
from corelib.backend.errors import OutOfMemoryError
from corelib.device import Device
from corelib.dtypes import dtype, float64
from corelib.layout import Layout, contiguous_strides

from . import arithmetic, rules
from .handle import Handle, Memory, Values, elements
from .kernels import KERNELS
from .rules import naming, require

_thread = threading.local()  # attribute "closed": whether this thread is in a `no_host_access` block


@contextmanager
def no_host_access() -> Iterator[None]:
    """Within this block a download in this thread raises :class:`StrictViolation`."""
    before, _thread.closed = getattr(_thread, "closed", False), True
    try:
        yield
    finally:
        _thread.closed = before


class StrictBackend(Backend):
    """The device type ``strict``.

    Attributes:
        uploads, downloads: how many times an array came from or went to the host.
        limit: bytes that may live on each device at a time; None means no limit.
    """

    capabilities: ClassVar[frozenset[str]] = frozenset({"float64"})
    name = "strict"

    def __init__(self) -> None:
        super().__init__()
        self.uploads = self.downloads = 0
        self.limit: int | None = None
        self._accounts: list[dict[int, int]] = [{}, {}]  # of each device: the bytes of each live allocation
        for name, (function, dtypes, out) in KERNELS.items():
            self.register(name, partial(self._call, name, function), dtypes=dtypes, out=out)

    # -- devices ---------------------------------------------------------------------------------

    def device_count(self) -> int:
        """Two."""
        return 2

    def device_supports(self, d: dtype, index: int) -> bool:
        """The second device has no float64: its tensors are refused there, not narrowed."""
        return self.supports(d) and not (index == 1 and d is float64)

    def memory_allocated(self, index: int) -> int:
        """Bytes of live allocations."""
        return sum(list(self._accounts[index].values()))

    # -- storage ---------------------------------------------------------------------------------

    @naming("allocate")
    def allocate(self, layout: Layout) -> Handle:
        """A dense array full of poison: nan, or bytes 0xA5."""
        return self._new(layout.shape, layout.dtype, layout.device.index or 0)

    @naming("upload")
    def upload(self, host: Values, layout: Layout) -> Handle:
        """A dense array with the host array's elements."""
        require(isinstance(host, np.ndarray), "the host array is a NumPy array")
        good = host.shape == layout.shape and host.dtype == layout.dtype.numpy and host.flags.c_contiguous
        require(good, f"the host array is C-contiguous, of the shape and dtype of {layout}")
        array = self.allocate(layout)
        elements(array)[...] = host
        self.uploads += 1
        return array

    @naming("download")
    def download(self, array: Handle, layout: Layout) -> Values:
        """A copy on the host; refused inside :func:`no_host_access`."""
        require(not getattr(_thread, "closed", False), "the host reads nothing inside no_host_access()")
        rules.arrays(array)
        same = array._shape == layout.shape and array._dtype is layout.dtype
        require(same and array._memory.index == (layout.device.index or 0), f"{array!r} is described by {layout}")
        self.downloads += 1
        return np.array(elements(array), order="C")

    @naming("as_strided")
    def as_strided(self, array: Handle, layout: Layout, offset: int) -> Handle:
        """A view of the same memory that lies wholly inside it."""
        rules.arrays(array)
        same = layout.dtype is array._dtype and (layout.device.index or 0) == array._memory.index
        require(same, f"a view has the dtype and device of {array!r}, got {layout}")
        start = array._offset + offset * layout.dtype.itemsize
        if layout.numel:
            reach = [(size - 1) * stride for size, stride in zip(layout.shape, layout.byte_strides, strict=True)]
            first = start + sum(step for step in reach if step < 0)
            end = start + sum(step for step in reach if step > 0) + layout.dtype.itemsize
            inside = first >= 0 and end <= array._memory.bytes.size
            require(inside, f"{layout} at offset {offset} leaves the memory of {array!r}")
        return Handle(array._memory, start, layout.shape, layout.strides, layout.dtype)

    @naming("bitcast")
    def bitcast(self, array: Handle, layout: Layout) -> Handle:
        """The same memory in another dtype."""
        rules.arrays(array)
        dense = Layout.of(array._shape, array._dtype, layout.device, array._strides).contiguous and layout.contiguous
        same = prod(array._shape) * array._dtype.itemsize == layout.numel * layout.dtype.itemsize
        require(dense and same, f"{array!r} and {layout} are dense and have the same number of bytes")
        return Handle(array._memory, array._offset, layout.shape, layout.strides, layout.dtype)

    def describe(self, array: Handle) -> Layout:
        """All that a handle is."""
        return Layout.of(array._shape, array._dtype, Device(self.name, array._memory.index), array._strides)

    @naming("transfer")
    def transfer(self, array: Handle, layout: Layout, index: int) -> Handle:
        """A dense copy on the other fake device, without the host."""
        rules.arrays(array)
        return self._store(elements(array), array._dtype, index)

    # -- kernels ---------------------------------------------------------------------------------

    def _call(self, name: str, function: Callable[..., Any], *operands: Any, out: Handle | None = None) -> Any:
        """Run a kernel with NumPy's floating-point warnings off, and store its result (or the two of a pair)."""
        with naming(name), np.errstate(all="ignore"):
            require(out is None or self.kernels[name].out, "it does not take out=")
            index = rules.call(self.kernels[name].dtypes, operands)
            result = function(*operands)
            if isinstance(result[0], tuple):
                return tuple(self._store(values, d, index) for values, d in result)
            values, dtype = result
            return self._store(values, dtype, index, out, operands)

    def _store(self, values: Values, d: dtype, index: int, out: Handle | None = None, inputs: Any = ()) -> Handle:
        """Round to ``d`` and put into a fresh array, or into ``out``."""
        if out is None:
            out = self._new(np.shape(values), d, index)
        else:
            rules.destination(out, np.shape(values), d, index, inputs)
        elements(out)[...] = arithmetic.convert(values, d)
        return out

    def _new(self, shape: tuple[int, ...], dtype: dtype, index: int) -> Handle:
        supported = index in (0, 1) and self.device_supports(dtype, index)
        require(supported, f"there is no device strict:{index} that holds {dtype.name}")
        nbytes = prod(shape) * dtype.itemsize
        if self.limit is not None and self.memory_allocated(index) + nbytes > self.limit:
            raise OutOfMemoryError(f"strict:{index} out of memory: {nbytes} bytes more would exceed {self.limit}")
        poison = 0xFF if dtype.is_floating_point else 0xA5
        try:
            memory = Memory(nbytes, index, self._accounts[index], poison)
        except MemoryError as error:
            raise OutOfMemoryError(f"strict:{index} out of memory: {error}") from error
        return Handle(memory, 0, shape, contiguous_strides(shape), dtype)
