"""Which OpenCL devices there are, and in which order."""

from __future__ import annotations

import os

import pyopencl as cl

__all__ = ["find"]

_SIMULATORS = ("oclgrind",)  # found first where installed, and a thousand times slower: only by name
_KINDS = [cl.device_type.GPU, cl.device_type.ACCELERATOR, cl.device_type.CPU]


def find() -> list[cl.Device]:
    """Devices of all platforms: GPUs before accelerators before CPUs, or as ``CORELIB_OPENCL_DEVICES`` names them.

    Raises RuntimeError where that names a device that is not there.
    """
    found = [d for platform in _platforms() for d in platform.get_devices()]
    chosen = [part.strip().lower() for part in os.environ.get("CORELIB_OPENCL_DEVICES", "").split(",") if part.strip()]
    if chosen:
        return [d for part in chosen for d in _named(found, part)]
    usable = [d for d in found if not any(s in _names(d) for s in _SIMULATORS)]
    return sorted(usable, key=lambda d: next((i for i, kind in enumerate(_KINDS) if d.type & kind), len(_KINDS)))


def _platforms() -> list[cl.Platform]:
    try:
        return list(cl.get_platforms())
    except cl.LogicError:  # what the loader raises where no driver is installed
        return []


def _names(device: cl.Device) -> str:
    return f"{device.platform.name} {device.name}".lower()


def _named(found: list[cl.Device], part: str) -> list[cl.Device]:
    matching = [d for d in found if part in _names(d)]
    if not matching:
        there = ", ".join(_names(d) for d in found) or "none"
        raise RuntimeError(f"CORELIB_OPENCL_DEVICES names '{part}', but the devices are: {there}")
    return matching
