"""Programs compiled, and kept on disk: by device, driver, options and source."""

from __future__ import annotations

import hashlib
import os
import tempfile
import warnings
from pathlib import Path
from typing import Any

import pyopencl as cl

__all__ = ["compile_program"]


def compile_program(context: cl.Context, device: cl.Device, source: str) -> cl.Program:
    """A built program, from the cache where it is there and sound.

    Raises RuntimeError with the compiler's words and the source's numbered lines where it does not compile.
    """
    options = ["-cl-std=CL1.2"]
    if device.single_fp_config & cl.device_fp_config.CORRECTLY_ROUNDED_DIVIDE_SQRT:
        options.append("-cl-fp32-correctly-rounded-divide-sqrt")
    file = _file(device, options, source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a compiler's remarks
        if file is not None and file.exists():
            try:
                kept: cl.Program = cl.Program(context, [device], [file.read_bytes()])
                kept.build(options)
                return kept
            except (cl.Error, OSError):
                file.unlink(missing_ok=True)  # damaged, or of another driver after all
        program: Any = cl.Program(context, source)
        try:
            program.build(options, cache_dir=False)  # PyOpenCL's own would keep it twice
        except cl.RuntimeError as error:
            numbered = "\n".join(f"{i:4} {line}" for i, line in enumerate(source.splitlines(), 1))
            raise RuntimeError(f"a kernel does not compile on {device.name}: {error}\n{numbered}") from error
    if file is not None:
        _keep(file, program.get_info(cl.program_info.BINARIES)[0])
    built: cl.Program = program
    return built


def _file(device: cl.Device, options: list[str], source: str) -> Path | None:
    folder = os.environ.get("CORELIB_OPENCL_CACHE")
    if folder is None:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        folder = str(Path(base) / "corelib" / "opencl")
    if not folder:
        return None
    platform = device.platform
    parts = [platform.name, platform.version, device.name, device.version, device.driver_version, *options, source]
    return Path(folder) / f"{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()}.bin"


def _keep(file: Path, binary: bytes) -> None:
    """Write it whole or not at all; a folder that cannot be written to is no error."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as scratch:
            scratch.write(binary)
        os.replace(scratch.name, file)
    except OSError:
        pass
