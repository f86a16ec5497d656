"""Programs compiled by the system's C compiler, and kept on disk: by compiler, options, processor and source."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from corelib.codegen.writer import Kernel

_TYPES = {
    "u8": ctypes.c_uint8, "i8": ctypes.c_int8, "i16": ctypes.c_int16, "i32": ctypes.c_int32, "i64": ctypes.c_int64,
    "f32": ctypes.c_float, "f64": ctypes.c_double, "array": ctypes.c_void_p,
}  # fmt: skip
_FLAGS = ("-std=gnu11", "-O2", "-march=native", "-fno-math-errno", "-shared", "-fPIC")


def functions(source: str, kernels: Sequence[Kernel]) -> list[Any]:
    """The kernels of a program as ctypes functions; their last two arguments are the units [first, limit)."""
    # A product and a sum may be one rounding only where every kernel of the program says so.
    contract = "fast" if all(kernel.contract for kernel in kernels) else "off"
    library = ctypes.CDLL(str(_compiled(source, (*_FLAGS, f"-ffp-contract={contract}"))))
    found = [getattr(library, kernel.name) for kernel in kernels]
    for function, kernel in zip(found, kernels, strict=True):
        function.argtypes = [*[_TYPES[t] for t in kernel.parameters], ctypes.c_int64, ctypes.c_int64]
        function.restype = None
    return found


def _compiled(source: str, flags: tuple[str, ...]) -> Path:
    """The shared library of a program.  Written whole or not at all, since other processes look for it too."""
    key = repr((_compiler(), platform.processor(), platform.node(), flags, source))
    library = _folder() / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.so"
    if not library.exists():
        with tempfile.TemporaryDirectory(dir=_folder()) as scratch:
            text, made = Path(scratch) / "program.c", Path(scratch) / "program.so"
            text.write_text(source, encoding="utf-8")
            command = [*_compiler()[:-1], *flags, "-o", str(made), str(text), "-lm"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(f"a kernel does not compile: {shlex.join(command)}\n{done.stderr}")
            made.replace(library)
    return library


@cache
def _compiler() -> tuple[str, ...]:
    """The command (``CC``, or cc), and its version."""
    command = shlex.split(os.environ.get("CC", "cc"))
    try:
        done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise RuntimeError(f"threads needs a C compiler: '{shlex.join(command)}' does not run ({error})") from error
    return *command, done.stdout.partition("\n")[0]


@cache
def _folder() -> Path:
    """Where libraries are kept: ``CORELIB_THREADS_CACHE``, or a folder in the user's cache."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(os.environ.get("CORELIB_THREADS_CACHE") or Path(base) / "corelib" / "threads")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
