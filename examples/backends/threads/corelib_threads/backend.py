"""The backend: memory, and how a kernel is compiled and launched.  The kernels themselves are rendered by corelib.

The device here is the processor: memory is malloc's, the language is C, and a launch is a call for each thread.  For
another device, put its driver in the place of ctypes, and its language's dialect in the place of ``C``.
"""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from corelib.backend import DeviceProperties, OutOfMemoryError
from corelib.backend.codegen_backend import CodegenBackend
from corelib.codegen.dialect import Dialect
from corelib.codegen.dialects import C
from corelib.codegen.writer import Kernel

from . import compiler

_WORTH_THREADS = 1 << 17  # bytes of all operands: starting threads takes some 20 microseconds
_ALIGNMENT = 64  # of a line of the cache, and of the widest vectors
_libc = ctypes.CDLL(None)
_libc.aligned_alloc.argtypes = [ctypes.c_size_t, ctypes.c_size_t]
_libc.aligned_alloc.restype = ctypes.c_void_p
_libc.free.argtypes = [ctypes.c_void_p]


class Memory:
    """A block of bytes, entered in the device's account, and given back when nothing refers to it any more."""

    __slots__ = ("account", "address", "size")

    def __init__(self, size: int, account: dict[int, int]) -> None:
        self.size = -(-size // _ALIGNMENT) * _ALIGNMENT
        self.account = account
        self.address = _libc.aligned_alloc(_ALIGNMENT, self.size)
        if self.address is None:
            raise OutOfMemoryError(f"threads is out of memory: there are no {size} bytes")
        account[self.address] = self.size

    def __del__(self) -> None:
        self.account.pop(self.address, None)  # before somebody else gets the address
        _libc.free(self.address)


class ThreadsBackend(CodegenBackend):
    """One device: all the cores that this process may use."""

    def __init__(self) -> None:
        super().__init__()
        self._account: dict[int, int] = {}
        self._threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self._pool: ThreadPoolExecutor | None = None
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget_threads)  # a child has none of its parent's threads

    def _forget_threads(self) -> None:
        self._pool = None

    # -- the device

    def properties(self, index: int) -> DeviceProperties:
        """What ``corelib devices`` shows."""
        return DeviceProperties(f"{self._threads} threads, {platform.machine()}")

    def memory_allocated(self, index: int) -> int:
        """Bytes in use."""
        return sum(list(self._account.values()))

    def workers(self, index: int) -> int:
        """How many callers a large reduction is split among."""
        return self._threads

    # -- memory

    def new_memory(self, size: int, index: int) -> Memory:
        """At least ``size`` bytes; OutOfMemoryError where there are none."""
        return Memory(size, self._account)

    def write(self, memory: Memory, host: np.ndarray[Any, Any], index: int) -> None:
        """Copy a host array to the start of a block."""
        ctypes.memmove(memory.address, host.ctypes.data, host.nbytes)

    def read(self, memory: Memory, offset: int, size: int, index: int) -> np.ndarray[Any, Any]:
        """Copy bytes to the host."""
        host = np.empty(size, np.uint8)
        ctypes.memmove(host.ctypes.data, memory.address + offset, size)
        return host

    # -- kernels

    def dialect(self, index: int) -> Dialect:
        """The language."""
        return C

    def build(self, source: str, kernels: Sequence[Kernel], index: int) -> list[Any]:
        """Compile a program."""
        return compiler.functions(source, kernels)

    def launch(self, built: Any, units: int, arguments: Sequence[Any], index: int) -> None:
        """Call the kernel for all units: in this thread where there is little to do, otherwise in several."""
        given = [x.address if isinstance(x, Memory) else x for x in arguments]
        shares = min(self._threads, units)
        if shares == 1 or sum(x.size for x in arguments if isinstance(x, Memory)) < _WORTH_THREADS:
            built(*given, 0, units)
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="threads")
        bounds = [units * i // shares for i in range(shares + 1)]
        work = [[*given, bounds[i], bounds[i + 1]] for i in range(shares)]
        others = [self._pool.submit(built, *one) for one in work[1:]]
        built(*work[0])  # ctypes lets go of the interpreter's lock
        for other in others:
            other.result()
