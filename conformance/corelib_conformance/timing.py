"""How long one call of a primitive takes on a device, beside the CPU."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from corelib.device import Device
    from corelib.ops.samples import Sample

__all__ = ["measure"]

_BUDGET = 0.01  # seconds for each operation and device
_LARGE = 1 << 16  # elements of an elementwise operation's operands


def measure(name: str, device: Device) -> dict[str, Any] | None:
    """Seconds of one call, the fastest of several, on the device and on the CPU; None where it cannot be called.

    Elementwise primitives of one shape are timed on 65,536 elements, others on their first sample.
    """
    from corelib.device import Device as device_class
    from corelib.ops import PRIMITIVES

    prim = PRIMITIVES[name]
    sample = next((s for s in (prim.samples() if prim.samples else ()) if s.error is None), None)
    if sample is None:
        return None
    if prim.kind == "kernel" and prim.operands and not prim.parameters and set(prim.kinds) <= {"tensor", "number"}:
        sample = _enlarged(name, sample)
    try:
        seconds = _fastest(prim.function, sample, device)
        beside = seconds if device.type == "cpu" else _fastest(prim.function, sample, device_class("cpu"))
    except Exception:  # its checks say what is wrong
        return None
    return {"call": _described(sample), "seconds": seconds, "cpu_seconds": beside}


def _enlarged(name: str, sample: Sample) -> Sample:
    """The call on larger operands of one shape, for elementwise primitives: those that broadcast by the rule."""
    from dataclasses import replace

    from corelib.ops.samples import ArraySpec

    from .cases import _ELEMENTWISE

    arrays = [a for a in sample.args if isinstance(a, ArraySpec)]
    if name not in _ELEMENTWISE or len({a.shape for a in arrays}) != 1 or any(a.values is not None for a in arrays):
        return sample
    args = tuple(replace(a, shape=(256, _LARGE // 256)) if isinstance(a, ArraySpec) else a for a in sample.args)
    return replace(sample, args=args)


def _fastest(function: Callable[..., Any], sample: Sample, device: Device) -> float:
    from corelib.backend.registry import registry

    from .cases import arguments

    args = arguments(sample, device)
    backend, index = registry.get(device.type), device.index or 0
    best = float("inf")
    end = time.perf_counter() + _BUDGET
    for turn in range(200):
        start = time.perf_counter()
        function(*args)
        backend.synchronize(index)
        now = time.perf_counter()
        if turn:  # the first call compiles
            best = min(best, now - start)
            if now > end:
                break
    return best


def _described(sample: Sample) -> str:
    from corelib.ops.samples import specs

    return " ".join(f"{s.dtype.name}[{','.join(map(str, s.shape))}]" for s in specs(sample.args))
