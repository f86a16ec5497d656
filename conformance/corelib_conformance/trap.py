"""Whether the host does a device's work: a counter of transfers inside of kernels.

A kernel that copies an operand to the host, or asks the CPU's kernels, computes there, and whoever
measures the device measures the CPU.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from corelib.backend.base import Backend, Kernel

__all__ = ["Trap"]

_WORD = 64  # bytes that a kernel may read back: an error word, a count


class Trap:
    """Wraps a backend's kernels and storage methods, for good.

    Attributes:
        seen: what was caught since :meth:`reset`, one line each.
    """

    def __init__(self, backend: Backend) -> None:
        self.seen: list[str] = []
        self._inside = threading.local()
        self._wrap_kernels(backend, self._entered)
        methods: Any = backend
        methods.download = self._download(backend.download)
        if backend.name != "cpu":
            self._watch_cpu()
        from corelib.backend.registry import registry

        for callback in registry.on_change:
            callback()

    def reset(self) -> None:
        """Forget what was caught."""
        self.seen.clear()

    def _wrap_kernels(self, backend: Backend, wrap: Callable[[str, Callable[..., Any]], Callable[..., Any]]) -> None:
        for name, kernel in list(backend.kernels.items()):
            backend.kernels[name] = self._wrapped(name, kernel, wrap)

    def _wrapped(self, name: str, kernel: Kernel, wrap: Callable[[str, Callable[..., Any]], Callable[..., Any]]) -> Any:
        after = kernel.otherwise
        return replace(
            kernel,
            function=wrap(name, kernel.function),
            otherwise=self._wrapped(name, after, wrap) if after is not None else None,
        )

    def _entered(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        inside = self._inside

        def kernel(*args: Any, **out: Any) -> Any:
            outer = getattr(inside, "call", None)
            inside.call = (name, args)
            try:
                return function(*args, **out)
            finally:
                inside.call = outer

        return kernel

    def _download(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def download(array: Any, layout: Any) -> Any:
            call = getattr(self._inside, "call", None)
            if call is not None:
                name, args = call
                size = layout.numel * layout.dtype.itemsize
                if size > _WORD or any(array is x for x in args):
                    self.seen.append(f"{name} copied {size} bytes to the host")
            return function(array, layout)

        return download

    def _watch_cpu(self) -> None:
        """A kernel of the device that calls one of the CPU's."""
        from corelib.backend.errors import BackendNotAvailable
        from corelib.backend.registry import registry

        def wrap(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
            def kernel(*args: Any, **out: Any) -> Any:
                call = getattr(self._inside, "call", None)
                if call is not None:
                    self.seen.append(f"{call[0]} called the CPU's {name}")
                return function(*args, **out)

            return kernel

        try:
            cpu = registry.get("cpu")
        except BackendNotAvailable:
            return
        self._wrap_kernels(cpu, wrap)
