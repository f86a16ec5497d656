"""The device: memory of its own, arrays in it, and the library of functions that compute on it.

The device here is malloc and a C library; put your driver's calls in the place of ctypes.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shlex
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from corelib.backend import OutOfMemoryError
from corelib.layout import Layout

_ALIGNMENT = 64
_FLAGS = ("-std=gnu11", "-O2", "-fwrapv", "-ffp-contract=off", "-fno-math-errno", "-shared", "-fPIC")
_libc = ctypes.CDLL(None)
_libc.aligned_alloc.argtypes = [ctypes.c_size_t, ctypes.c_size_t]
_libc.aligned_alloc.restype = ctypes.c_void_p
_libc.free.argtypes = [ctypes.c_void_p]


class Memory:
    """A block of bytes, entered in the device's account, and given back when nothing refers to it any more."""

    __slots__ = ("account", "address", "size")

    def __init__(self, size: int, account: dict[int, int]) -> None:
        self.size = max(-(-size // _ALIGNMENT), 1) * _ALIGNMENT
        self.account = account
        self.address = _libc.aligned_alloc(_ALIGNMENT, self.size)
        if self.address is None:
            raise OutOfMemoryError(f"rawmem is out of memory: there are no {size} bytes")
        account[self.address] = self.size

    def __del__(self) -> None:
        self.account.pop(self.address, None)  # before somebody else gets the address
        _libc.free(self.address)


class Array:
    """What the frontend holds, and hands back without looking inside: memory, where in it, and a layout."""

    __slots__ = ("layout", "memory", "offset")

    def __init__(self, memory: Memory, offset: int, layout: Layout) -> None:
        self.memory = memory
        self.offset = offset  # of the first element, in bytes
        self.layout = layout

    @property
    def address(self) -> int:
        """Of the first element."""
        assert self.memory.address is not None
        return int(self.memory.address) + self.offset


@cache
def library() -> Any:
    """``kernels.c``, compiled once for each version of it, and kept in ``CORELIB_RAWMEM_CACHE`` or the user's cache."""
    source = Path(__file__).with_name("kernels.c").read_text(encoding="utf-8")
    compiler = shlex.split(os.environ.get("CC", "cc"))
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "corelib" / "rawmem"
    folder = Path(os.environ.get("CORELIB_RAWMEM_CACHE") or base)
    key = repr((compiler, platform.machine(), _FLAGS, source))
    file = folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.so"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:  # other processes see it whole or not at all
            text, made = Path(scratch) / "kernels.c", Path(scratch) / "kernels.so"
            text.write_text(source, encoding="utf-8")
            command = [*compiler, *_FLAGS, "-o", str(made), str(text), "-lm"]
            try:
                subprocess.run(command, capture_output=True, text=True, check=True)
            except OSError as error:
                raise RuntimeError(f"rawmem needs a C compiler: '{compiler[0]}' does not run ({error})") from error
            except subprocess.CalledProcessError as error:
                raise RuntimeError(f"kernels.c does not compile: {shlex.join(command)}\n{error.stderr}") from error
            made.replace(file)
    loaded = ctypes.CDLL(str(file))
    loaded.outside.restype = loaded.load.restype = ctypes.c_int64
    return loaded


def call(name: str, *arguments: Any) -> Any:
    """Call a function of the library: an Array goes as its address, an int as 64 bits, a float as a double, a tuple
    (of sizes or strides) as an array of 64-bit integers."""
    return getattr(library(), name)(*map(_argument, arguments))


def _argument(value: Any) -> Any:
    if isinstance(value, Array):
        return ctypes.c_void_p(value.address)
    if isinstance(value, int):
        return ctypes.c_int64(value) if value < 1 << 63 else ctypes.c_uint64(value)
    if isinstance(value, float):
        return ctypes.c_double(value)
    return (ctypes.c_int64 * len(value))(*value)
