"""Backends with one fault each, for the runner's tests: ``--import broken_devices:register:FAULT``."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from corelib_conformance.strict import StrictBackend
from corelib_conformance.strict.handle import elements

from corelib.backend import BackendSpec, register_backend
from corelib.backend.registry import registry
from corelib.device import Device
from corelib.layout import Layout


def right(kernel: Callable[..., Any], backend: StrictBackend) -> Callable[..., Any]:
    return kernel


def wrong(kernel: Callable[..., Any], backend: StrictBackend) -> Callable[..., Any]:
    """Positive where it should be negative."""

    def neg(x: Any, out: Any = None) -> Any:
        result = kernel(x) if out is None else kernel(x, out=out)
        values = elements(result)
        values[...] = abs(values)
        return result

    return neg


def segfault(kernel: Callable[..., Any], backend: StrictBackend) -> Callable[..., Any]:
    """Ends the process, but for 0-d operands."""

    def neg(x: Any, **out: Any) -> Any:
        if x._shape:
            ctypes.string_at(0)
        return kernel(x, **out)

    return neg


def hang(kernel: Callable[..., Any], backend: StrictBackend) -> Callable[..., Any]:
    """Never comes back, but for 0-d operands."""

    def neg(x: Any, **out: Any) -> Any:
        while x._shape:
            time.sleep(0.01)
        return kernel(x, **out)

    return neg


def hold(kernel: Callable[..., Any], backend: StrictBackend) -> Callable[..., Any]:
    """Never comes back and lets nobody else run either."""

    def neg(x: Any, **out: Any) -> Any:
        ctypes.PyDLL(None).sleep(3600)
        return kernel(x, **out)

    return neg


def leave(kernel: Callable[..., Any], backend: StrictBackend) -> Callable[..., Any]:
    """Ends the process in an orderly way, as some drivers do."""
    return lambda x, **out: os._exit(3)


def host(kernel: Callable[..., Any], backend: StrictBackend) -> Callable[..., Any]:
    """Computes on the host."""

    def neg(x: Any, **out: Any) -> Any:
        layout = Layout.of(x._shape, x._dtype, Device(backend.name, x._memory.index))
        values = backend.download(x, layout)
        return kernel(backend.upload(values, layout), **out)

    return neg


def borrow(kernel: Callable[..., Any], backend: StrictBackend) -> Callable[..., Any]:
    """Has the CPU's kernel compute, on memory that it shares with the device."""

    def neg(x: Any, **out: Any) -> Any:
        registry.get("cpu").kernels["neg"].function(elements(x))
        return kernel(x, **out)

    return neg


def once(kernel: Callable[..., Any], backend: StrictBackend) -> Callable[..., Any]:
    """Right in the first two calls of a process."""
    calls = []

    def neg(x: Any, **out: Any) -> Any:
        calls.append(x)
        return kernel(x, **out) if len(calls) <= 2 else kernel(kernel(x), **out)

    return neg


def chatter(kernel: Callable[..., Any], backend: StrictBackend) -> Callable[..., Any]:
    """Right, but writes to what was standard output, by number too."""

    def neg(x: Any, **out: Any) -> Any:
        print('{"id": "neg"}')
        os.write(1, b"compiling\n")
        return kernel(x, **out)

    return neg


FAULTS = {f.__name__: f for f in (right, wrong, segfault, hang, hold, leave, host, borrow, once, chatter)}


class Broken(StrictBackend):
    """The strict backend with another ``neg``."""

    name = "broken"

    def __init__(self, fault: str) -> None:
        super().__init__()
        if fault in ("missing", "fallback"):
            del self.kernels["neg"]
            registry.set_cpu_fallback(fault == "fallback")
            return
        entry = self.kernels["neg"]
        self.kernels["neg"] = replace(entry, function=FAULTS[fault](entry.function, self))


class Narrow(StrictBackend):
    """A device that holds neither float16 nor, wrongly, float32."""

    name = "broken"

    def supports(self, d: Any) -> bool:
        return super().supports(d) and d.name not in ("float16", "float32")


def register(fault: str) -> None:
    create: Callable[[], StrictBackend] = Narrow if fault == "narrow" else lambda: Broken(fault)
    register_backend(BackendSpec("broken", create, version="9.8", description="for tests", testing=True))


def unusable() -> None:
    raise OSError("no driver")
