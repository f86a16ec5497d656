"""A device made of the C dialect and the system's compiler: memory is bytearrays of NumPy, a launch a ctypes call."""

from __future__ import annotations

import ctypes
import hashlib
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from corelib.backend.codegen_backend import CodegenBackend
from corelib.codegen.dialect import Dialect
from corelib.codegen.dialects import C
from corelib.codegen.writer import Kernel

_TYPES = {
    "u8": ctypes.c_uint8, "i8": ctypes.c_int8, "i16": ctypes.c_int16, "i32": ctypes.c_int32, "i64": ctypes.c_int64,
    "f32": ctypes.c_float, "f64": ctypes.c_double, "array": ctypes.c_void_p,
}  # fmt: skip


class HostBackend(CodegenBackend):
    """Runs each kernel as several callers would, one after the other: ``workers`` shares of its units."""

    flags: Sequence[str] = ("-O2", "-march=native", "-fno-math-errno")

    def __init__(self) -> None:
        super().__init__()
        self._folder = Path(tempfile.mkdtemp(prefix="corelib-c-"))

    def dialect(self, index: int) -> Dialect:
        return C

    def workers(self, index: int) -> int:
        return 3

    def new_memory(self, size: int, index: int) -> Any:
        return np.full(size + 64, 0xA5, np.uint8)

    def write(self, memory: Any, host: np.ndarray[Any, Any], index: int) -> None:
        memory[: host.nbytes] = host.reshape(-1).view(np.uint8)

    def read(self, memory: Any, offset: int, size: int, index: int) -> np.ndarray[Any, Any]:
        return np.array(memory[offset : offset + size])

    def build(self, source: str, kernels: Sequence[Kernel], index: int) -> list[Any]:
        name = hashlib.sha256(source.encode()).hexdigest()[:16]
        file = self._folder / f"{name}.c"
        file.write_text(source)
        library = file.with_suffix(".so")
        command = ["cc", "-std=gnu11", "-shared", "-fPIC", *self.flags, "-o", str(library), str(file), "-lm"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{done.stderr}\n{source}")
        handle = ctypes.CDLL(str(library))
        built = []
        for kernel in kernels:
            function = getattr(handle, kernel.name)
            function.argtypes = [*[_TYPES[t] for t in kernel.parameters], ctypes.c_int64, ctypes.c_int64]
            function.restype = None
            built.append(function)
        return built

    def launch(self, built: Any, units: int, arguments: Sequence[Any], index: int) -> None:
        given = [x.ctypes.data if isinstance(x, np.ndarray) else x for x in arguments]
        shares = min(3, units)
        for share in range(shares):
            built(*given, units * share // shares, units * (share + 1) // shares)
