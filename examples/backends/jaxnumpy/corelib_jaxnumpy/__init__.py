"""The device type ``jaxnumpy`` of corelib.  This module is what the entry point in ``corelib.backends`` names."""

from __future__ import annotations

from corelib.backend import Backend, BackendSpec, hookimpl

__version__ = "0.1.0"


@hookimpl
def corelib_backend() -> BackendSpec:
    """Name the device type; what is heavy is imported when it is first used."""
    return BackendSpec("jaxnumpy", _create, version=__version__, description="over a library that speaks NumPy")


def _create() -> Backend:
    from .backend import JaxnumpyBackend

    return JaxnumpyBackend()
