"""A device made of the C dialect and the system's compiler: memory is blocks of malloc, a launch a ctypes call.

Kernels compile a hundred to a program: that takes a fifth of the time of a program each.  So tests first let the cases
run on a :class:`Recorder`, which computes nothing, and compile all that was rendered.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from corelib_conformance.cases import arguments, cases, decomposed

from corelib.backend import BackendSpec, register_backend
from corelib.backend.codegen_backend import CodegenBackend
from corelib.backend.registry import registry
from corelib.codegen.dialect import Dialect
from corelib.codegen.dialects import C
from corelib.codegen.program import program
from corelib.codegen.writer import Kernel
from corelib.core.tensor import Tensor
from corelib.device import Device

__all__ = ["FLAGS", "SANITIZED", "HostBackend", "Libraries", "Memory", "Recorder", "recorded"]

_TYPES = {
    "u8": ctypes.c_uint8, "i8": ctypes.c_int8, "i16": ctypes.c_int16, "i32": ctypes.c_int32, "i64": ctypes.c_int64,
    "f32": ctypes.c_float, "f64": ctypes.c_double, "array": ctypes.c_void_p,
}  # fmt: skip
_WARNINGS = ("-Wall", "-Wextra", "-Werror")
FLAGS = ("-O2", "-march=native", "-fno-math-errno")
SANITIZED = ("-O0", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
_BATCH = 100

_libc = ctypes.CDLL(None)
_libc.malloc.restype = ctypes.c_void_p
_libc.malloc.argtypes = [ctypes.c_size_t]
_libc.free.argtypes = [ctypes.c_void_p]


class Memory:
    """A block of exactly ``size`` bytes, so that a sanitizer sees the first byte beyond it; filled with 0xA5."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.address = _libc.malloc(size)
        ctypes.memset(self.address, 0xA5, size)

    def __del__(self) -> None:
        _libc.free(self.address)


class Libraries:
    """Compiled kernels, kept in a folder."""

    dialect: ClassVar[Dialect] = C
    prefix: ClassVar[str] = ""

    def __init__(self, folder: Path, flags: Sequence[str] = FLAGS) -> None:
        self.flags = flags
        self._folder = folder
        self._files: dict[str, Path] = {}
        self._functions: dict[str, Any] = {}

    def function(self, kernel: Kernel) -> Any:
        """The kernel as a ctypes function."""
        key = _key(kernel)
        found = self._functions.get(key)
        if found is None:
            self.prepare([kernel])
            found = getattr(ctypes.CDLL(str(self._files[key])), self.prefix + kernel.name)
            tail = self.dialect.tail.count(",") + 1
            found.argtypes = [*[_TYPES[t] for t in kernel.parameters], *[ctypes.c_int64] * tail]
            found.restype = None
            self._functions[key] = found
        return found

    def prepare(self, kernels: Iterable[Kernel]) -> None:
        """Compile those that are not there yet, many to a program, two programs at a time."""
        missing = [k for k in kernels if _key(k) not in self._files]
        batches = [
            list(b) for contract in (False, True) for b in _batches([k for k in missing if k.contract is contract])
        ]
        with ThreadPoolExecutor(2) as pool:
            for batch, file in zip(batches, pool.map(self._compile, batches), strict=True):
                self._files.update((_key(k), file) for k in batch)

    def text(self, kernels: list[Kernel]) -> str:
        """The program."""
        return program(self.dialect, kernels)

    def _compile(self, kernels: list[Kernel]) -> Path:
        source = self.text(kernels)
        flags = [*self.flags, *_WARNINGS, *([] if kernels[0].contract else ["-ffp-contract=off"])]
        name = hashlib.sha256(repr((flags, source)).encode()).hexdigest()[:16]
        file, library = self._folder / f"{name}.c", self._folder / f"{name}.so"
        if not library.exists():
            file.write_text(source)
            made = library.with_suffix(f".{os.getpid()}")
            command = ["cc", "-std=gnu11", "-shared", "-fPIC", *flags, "-o", str(made), str(file), "-lm"]
            env = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}  # a sanitizer is for what is compiled
            done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
            assert done.returncode == 0, done.stderr[:4000]
            made.replace(library)
        return library


def _key(kernel: Kernel) -> str:
    return repr((kernel.source, sorted(kernel.functions.items())))


def _batches(kernels: list[Kernel]) -> Iterator[list[Kernel]]:
    for i in range(0, len(kernels), _BATCH):
        yield kernels[i : i + _BATCH]


class HostBackend(CodegenBackend):
    """Runs each kernel as several callers would, one after the other: three shares of its units."""

    libraries: ClassVar[Libraries]
    kind: ClassVar[type[Libraries]] = Libraries

    @classmethod
    def spec(cls, name: str, folder: Path, flags: Sequence[str] = FLAGS) -> BackendSpec:
        """A device type whose libraries are in a folder."""
        cls.libraries = cls.kind(folder, flags)
        return BackendSpec(name, cls, description="C, through the system's compiler", testing=True)

    def dialect(self, index: int) -> Dialect:
        return C

    def workers(self, index: int) -> int:
        return 3

    def new_memory(self, size: int, index: int) -> Memory:
        return Memory(size)

    def write(self, memory: Memory, host: np.ndarray[Any, Any], index: int) -> None:
        assert host.nbytes <= memory.size
        ctypes.memmove(memory.address, host.ctypes.data, host.nbytes)

    def read(self, memory: Memory, offset: int, size: int, index: int) -> np.ndarray[Any, Any]:
        assert offset >= 0 and offset + size <= memory.size
        return np.frombuffer(bytearray(ctypes.string_at(memory.address + offset, size)), np.uint8)

    def build(self, source: str, kernels: Sequence[Kernel], index: int) -> list[Any]:
        return list(map(self.libraries.function, kernels))

    def launch(self, built: Any, units: int, arguments: Sequence[Any], index: int) -> None:
        given = [x.address if isinstance(x, Memory) else x for x in arguments]
        shares = min(3, units)
        for share in range(shares):
            built(*given, units * share // shares, units * (share + 1) // shares)


class Recorder(HostBackend):
    """Notes the kernels that are asked for in a dialect, in ``rendered``, and computes nothing."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self.rendered: dict[str, Kernel] = {}
        super().__init__()

    def dialect(self, index: int) -> Dialect:
        return self._dialect

    def new_memory(self, size: int, index: int) -> Memory:
        memory = Memory(size)
        ctypes.memset(memory.address, 0, size)
        return memory

    def build(self, source: str, kernels: Sequence[Kernel], index: int) -> list[Any]:
        self.rendered.update((_key(k), k) for k in kernels)
        return list(kernels)

    def launch(self, built: Any, units: int, arguments: Sequence[Any], index: int) -> None:
        pass


def recorded(dialect: Dialect) -> list[Kernel]:
    """The kernels that the operator cases need."""
    made: list[Recorder] = []
    name = f"recorder_{next(_numbers)}"
    register_backend(BackendSpec(name, lambda: made.append(Recorder(dialect)) or made[0], testing=True))
    device = Device(f"{name}:0")
    for case in cases():
        prim, sample = case.primitive, case.sample
        with suppress(Exception):  # a refusal, or a result that makes no sense
            args = arguments(sample, device)
            prim.function(*args)
            prim.function(*[x.clone() if isinstance(x, Tensor) else x for x in args])
            if prim.decomposition is not None:
                with decomposed(prim.name, device):
                    prim.function(*args)
    registry.unregister_backend(name)
    return list(made[0].rendered.values())


_numbers = count()
