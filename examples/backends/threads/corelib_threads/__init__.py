"""The device type ``threads`` of corelib.  This module is what the entry point in ``corelib.backends`` names."""

from __future__ import annotations

from corelib.backend import Backend, BackendSpec, hookimpl

__version__ = "0.1.0"


@hookimpl
def corelib_backend() -> BackendSpec:
    """Name the device type; what is heavy is imported when it is first used."""
    return BackendSpec("threads", _create, version=__version__, description="kernels rendered for a C-like compiler")


def _create() -> Backend:
    from .backend import ThreadsBackend

    return ThreadsBackend()
