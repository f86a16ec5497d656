"""corelib's OpenCL backend: any device with OpenCL 1.2, through PyOpenCL.

``plugin`` is what the entry point "opencl" of the group ``corelib.backends`` names.

* ``CORELIB_OPENCL_DEVICES=name,...`` chooses devices, and their order, by parts of their or their platform's names.
* ``CORELIB_OPENCL_CACHE=folder`` is where compiled kernels are kept (empty: nowhere).
"""

from __future__ import annotations

from corelib.backend.base import Backend, BackendSpec
from corelib.backend.hookspec import hookimpl

__all__ = ["plugin"]
__version__ = "0.1.0"


class _Plugin:
    @hookimpl
    def corelib_backend(self) -> BackendSpec:
        """Name the device type "opencl"; PyOpenCL is imported when it is first used."""
        return BackendSpec("opencl", _create, version=__version__, description="OpenCL devices, through PyOpenCL")


def _create() -> Backend:
    from .backend import OpenCLBackend

    return OpenCLBackend()


plugin = _Plugin()
