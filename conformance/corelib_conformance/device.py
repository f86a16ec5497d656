"""A device under test, as its own package describes it: flags, tiers, versions, driver."""

from __future__ import annotations

import importlib
import platform
from typing import TYPE_CHECKING, Any

from . import __version__
from .check import TIERS, flag_of, tier_of

if TYPE_CHECKING:
    from corelib.backend.base import Backend
    from corelib.device import Device

__all__ = ["declared_tiers", "describe", "flags", "load", "resolve"]

_CAPABILITIES = ("linalg", "fft", "compile", "async", "multi-device")


def load(setup: str) -> None:
    """Prepare a process for a backend that is not installed: "module", "module:function" or "module:function:argument".

    The module is imported; the function, if one is named, is called with the argument, if there is one.
    """
    name, _, call = setup.partition(":")
    module = importlib.import_module(name)
    if call:
        function, colon, argument = call.partition(":")
        getattr(module, function)(*([argument] if colon else []))


def resolve(name: str) -> Device:
    """The device of a name such as "cpu" or "opencl:1", index included; raises where it cannot be used."""
    import corelib

    device: Device = corelib.ops.movement.place(name)
    from corelib.backend.registry import registry

    registry.get(device.type)
    return device


def flags(backend: Backend, index: int = 0) -> dict[str, bool]:
    """Every capability flag, and whether the device declares it.

    A dtype's flag says whether the device holds it ("complex" both of them); "out" whether results can be written
    into existing memory; "memory" whether it counts its bytes; "multi-device" whether there are two of the type;
    "linalg" and "fft" whether it says so, or has a kernel for one of their primitives.
    """
    from corelib.dtypes import ALL_DTYPES
    from corelib.ops import PRIMITIVES

    found: dict[str, bool] = {}
    for d in ALL_DTYPES:
        flag = flag_of(d.name)
        if flag is not None:
            found[flag] = found.get(flag, True) and bool(backend.device_supports(d, index))
    for name in _CAPABILITIES:
        found[name] = name in backend.capabilities
    brought = {tier_of(PRIMITIVES[name]) for name in backend.kernels if name in PRIMITIVES}
    for name in ("linalg", "fft"):
        found[name] = found[name] or name in brought
    found["async"] = found["async"] or bool(backend.asynchronous)
    found["multi-device"] = found["multi-device"] or backend.device_count() > 1
    found["mutable"] = bool(backend.mutable)
    found["strided"] = bool(backend.strided)
    found["out"] = found["mutable"]
    found["memory"] = backend.memory_allocated(index) is not None
    return found


def declared_tiers(backend: Backend, flagged: dict[str, bool]) -> list[str]:
    """The tiers that a device claims.

    Nobody can leave out core and training.  "fused" is claimed by a kernel for a primitive that needs none, the
    others by their flags.
    """
    from corelib.ops import PRIMITIVES

    brought = {tier_of(PRIMITIVES[name]) for name in backend.kernels if name in PRIMITIVES}
    claimed = {"core", "training"} | (brought & {"fused"})
    claimed |= {tier for tier in TIERS if flagged.get(tier)}
    return [tier for tier in TIERS if tier in claimed]


def describe(device: Device) -> dict[str, Any]:
    """What a report says of a device and of what ran it; made in the process that holds the device."""
    import numpy

    import corelib
    from corelib.backend.base import CONTRACT
    from corelib.backend.registry import registry

    backend = registry.get(device.type)
    index = device.index or 0
    properties = backend.properties(index)
    state = registry._state(device.type)  # states() would start every other device too
    spec = state.spec
    flagged = flags(backend, index)
    return {
        "device": str(device),
        "tiers": declared_tiers(backend, flagged),
        "flags": flagged,
        "hardware": {
            "name": properties.name,
            "memory": properties.total_memory,
            "driver": {str(key): str(value) for key, value in properties.extra.items()},
            "machine": platform.machine(),
            "system": f"{platform.system()} {platform.release()}",
        },
        "versions": {
            "suite": __version__,
            "contract": ".".join(map(str, CONTRACT)),
            "backend": spec.version if spec is not None else "",
            "backend_package": state.package,
            "kernel_packs": ", ".join(p.name for p in registry._pack_states(device.type) if p.status == "ok"),
            "backend_contract": ".".join(map(str, spec.contract)) if spec is not None else "",
            "corelib": corelib.__version__,
            "python": platform.python_version(),
            "numpy": numpy.__version__,
        },
    }
