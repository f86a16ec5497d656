"""The backend: memory pools, one in-order queue a device, and launches."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pyopencl as cl
import pyopencl.tools

from corelib.backend.base import DeviceProperties
from corelib.backend.codegen_backend import CodegenBackend
from corelib.backend.errors import OutOfMemoryError
from corelib.codegen.dialect import Dialect
from corelib.codegen.dialects import opencl
from corelib.codegen.writer import Kernel
from corelib.dtypes import dtype, float64

from .devices import find
from .programs import compile_program

__all__ = ["OpenCLBackend"]

_SCALARS = {
    "u8": np.uint8, "i8": np.int8, "i16": np.int16, "i32": np.int32, "i64": np.int64, "f32": np.float32,
    "f64": np.float64,
}  # fmt: skip
_GROUP = 128
"""Work-items of a group, where kernels leave it open (grid)."""


@dataclass
class _Device:
    """What belongs to one device."""

    device: cl.Device
    context: cl.Context
    queue: cl.CommandQueue
    pool: cl.tools.MemoryPool
    dialect: Dialect
    workers: int
    lock: threading.Lock = field(default_factory=threading.Lock)  # a kernel's arguments are its state


class OpenCLBackend(CodegenBackend):
    """The device type ``opencl``: ``opencl:0``, ``opencl:1``, ... as :func:`devices.find` orders them."""

    name = "opencl"
    asynchronous: ClassVar[bool] = True

    def __init__(self) -> None:
        self._found = find()
        self._opened: dict[int, _Device] = {}
        self._opening = threading.Lock()
        super().__init__()

    def _open(self, index: int) -> _Device:
        found = self._opened.get(index)
        if found is None:
            with self._opening:
                if index not in self._opened:
                    device = self._found[index]
                    self._opened[index] = _opened(device, self.schedule(device))
                found = self._opened[index]
        return found

    # -- devices -----------------------------------------------------------------------------------

    def device_count(self) -> int:
        return len(self._found)

    def device_supports(self, d: dtype, index: int) -> bool:
        """All dtypes that kernels have but float64, which a device may lack; halves are computed in float32."""
        return self.supports(d) and (d is not float64 or bool(self._found[index].double_fp_config))

    def properties(self, index: int) -> DeviceProperties:
        device = self._found[index]
        extra = {
            "platform": device.platform.name, "driver": device.driver_version, "units": device.max_compute_units,
            "float64": bool(device.double_fp_config),
        }  # fmt: skip
        return DeviceProperties(device.name, device.global_mem_size, extra)

    def memory_allocated(self, index: int) -> int:
        return int(self._open(index).pool.active_bytes) if index in self._opened else 0

    def dialect(self, index: int) -> Dialect:
        return self._open(index).dialect

    def workers(self, index: int) -> int:
        return self._open(index).workers

    def schedule(self, device: cl.Device) -> str:
        """Long loops for processors, an element a work-item for all others."""
        return "chunks" if device.type & cl.device_type.CPU else "grid"

    def batches(self, index: int) -> bool:
        """A processor's runtime compiles a kernel when it is first launched, and spends most of a build before that."""
        return self.dialect(index).schedule == "chunks"

    # -- memory ------------------------------------------------------------------------------------

    def new_memory(self, size: int, index: int) -> Any:
        pool = self._open(index).pool
        try:
            return pool.allocate(size)
        except cl.Error as error:
            _only_memory(error)
            pool.free_held()
        try:
            return pool.allocate(size)
        except cl.Error as error:
            _only_memory(error)
            held = pool.active_bytes / 2**20
            raise OutOfMemoryError(
                f"opencl:{index} out of memory: tried to allocate {size / 2**20:.2f} MiB with {held:.2f} MiB in use. "
                "Free tensors, or use smaller batches"
            ) from error

    def write(self, memory: Any, host: np.ndarray[Any, Any], index: int) -> None:
        cl.enqueue_copy(self._open(index).queue, memory, host)  # blocks: the host array may be changed afterwards

    def read(self, memory: Any, offset: int, size: int, index: int) -> np.ndarray[Any, Any]:
        host = np.empty(size, np.uint8)
        cl.enqueue_copy(self._open(index).queue, host, memory, src_offset=offset)
        return host

    # -- kernels -----------------------------------------------------------------------------------

    def build(self, source: str, kernels: Sequence[Kernel], index: int) -> list[Any]:
        opened = self._open(index)
        program = compile_program(opened.context, opened.device, source)
        built = []
        for kernel in kernels:
            function = cl.Kernel(program, kernel.name)
            scalars = [_SCALARS.get(t) for t in kernel.parameters]
            function.set_scalar_arg_dtypes([*scalars, np.int64])
            built.append((function, kernel.group))
        return built

    def launch(self, built: Any, units: int, arguments: Sequence[Any], index: int) -> None:
        opened = self._open(index)
        function, group = built
        if opened.dialect.schedule == "chunks":
            size, group = min(units, opened.workers), 1
        else:
            groups = units if group else -(-units // _GROUP)
            group = group or _GROUP
            size = min(groups, 1 << 16) * group
        with opened.lock:
            function(opened.queue, (size,), (group,), *arguments, units)


_NO_MEMORY = frozenset({
    cl.status_code.MEM_OBJECT_ALLOCATION_FAILURE, cl.status_code.OUT_OF_RESOURCES, cl.status_code.OUT_OF_HOST_MEMORY,
    cl.status_code.INVALID_BUFFER_SIZE,
})  # fmt: skip


def _only_memory(error: cl.Error) -> None:
    """Raise it again where it says anything else than that memory is short."""
    if error.code not in _NO_MEMORY:
        raise error


def _opened(device: cl.Device, schedule: str) -> _Device:
    context = cl.Context([device])
    queue = cl.CommandQueue(context)
    pool = cl.tools.MemoryPool(cl.tools.ImmediateAllocator(queue))
    dialect = opencl(schedule, bool(device.double_fp_config))
    workers = device.max_compute_units * (2 if schedule == "chunks" else 8)  # callers, or groups of them
    return _Device(device, context, queue, pool, dialect, workers)
