"""NVRTC through ctypes: CUDA C to machine code, without a driver or a device."""

from __future__ import annotations

import ctypes
import importlib.util
from pathlib import Path

__all__ = ["compiled", "library"]


def library() -> ctypes.CDLL | None:
    """The library of the package nvidia-cuda-nvrtc, if it is installed."""
    spec = importlib.util.find_spec("nvidia")
    for folder in spec.submodule_search_locations if spec and spec.submodule_search_locations else []:
        for file in sorted(Path(folder).glob("*/lib/libnvrtc.so.*")):
            if "builtins" not in file.name and "alt" not in file.name:
                return ctypes.CDLL(str(file))
    return None


def compiled(nvrtc: ctypes.CDLL, source: str, architecture: str, *options: str) -> tuple[bytes, str]:
    """(cubin, log) of a program; AssertionError with the log where it does not compile."""
    program = ctypes.c_void_p()
    _ok(nvrtc.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"kernels.cu", 0, None, None))
    try:
        given = [f"--gpu-architecture={architecture}", "--std=c++17", *options]
        array = (ctypes.c_char_p * len(given))(*[o.encode() for o in given])
        failed = nvrtc.nvrtcCompileProgram(program, len(given), array)
        log = _bytes(nvrtc, "ProgramLog", program).decode()
        assert not failed, log[:6000]
        return _bytes(nvrtc, "CUBIN", program), log
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))


def _bytes(nvrtc: ctypes.CDLL, what: str, program: ctypes.c_void_p) -> bytes:
    size = ctypes.c_size_t()
    _ok(getattr(nvrtc, f"nvrtcGet{what}Size")(program, ctypes.byref(size)))
    buffer = ctypes.create_string_buffer(size.value)
    _ok(getattr(nvrtc, f"nvrtcGet{what}")(program, buffer))
    return buffer.raw[: size.value].rstrip(b"\0") if what == "ProgramLog" else buffer.raw


def _ok(code: int) -> None:
    assert code == 0, f"NVRTC error {code}"
