"""The strict backend: the required kernels and nothing else, and every promise of the contract checked.

Read it as the specification.  :mod:`~corelib_conformance.strict.kernels` says what each required kernel
computes, :mod:`~corelib_conformance.strict.rules` what a kernel may rely on when it is called, and
:mod:`~corelib_conformance.strict.handle` how little the frontend may know of an array.  It is slow and
plain on purpose: an operand is copied into a dense NumPy array, NumPy computes, the result is stored.

There are two fake devices, ``strict:0`` and ``strict:1``; the second refuses float64.
"""

from __future__ import annotations

from pluggy import HookimplMarker

from corelib.backend.base import BackendSpec

from .. import __version__
from .backend import StrictBackend, no_host_access
from .rules import StrictViolation

__all__ = ["StrictBackend", "StrictViolation", "no_host_access", "plugin"]


class StrictPlugin:
    """What the entry point ``corelib.backends: strict`` names."""

    @HookimplMarker("corelib")
    def corelib_backend(self) -> BackendSpec:
        """The device type ``strict``."""
        description = "only the required kernels, on opaque handles, with every promise checked"
        return BackendSpec("strict", StrictBackend, version=__version__, description=description, testing=True)


plugin = StrictPlugin()
