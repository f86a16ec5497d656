"""corelib's CPU backend, on NumPy.

``plugin`` is what the entry point "cpu" of the group ``corelib.backends`` names.

``CORELIB_CPU_MALLOC=0`` leaves glibc's allocator as it is (see :mod:`corelib_cpu.malloc`).
"""

from __future__ import annotations

from corelib.backend.base import Backend, BackendSpec
from corelib.backend.hookspec import hookimpl

__all__ = ["plugin"]
__version__ = "0.1.0"


class _Plugin:
    @hookimpl
    def corelib_backend(self) -> BackendSpec:
        """Name the device type "cpu"; NumPy is imported when a CPU tensor is first made."""
        return BackendSpec("cpu", _create, version=__version__, description="NumPy on the host's processor")


def _create() -> Backend:
    from .backend import CpuBackend

    return CpuBackend()


plugin = _Plugin()
