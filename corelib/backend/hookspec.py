"""The hooks of a plugin: what a device's package, or a package of kernels, implements.

A package that brings a device type::

    # pyproject.toml                              # corelib_mychip/__init__.py
    [project.entry-points."corelib.backends"]     from corelib.backend import BackendSpec, hookimpl
    mychip = "corelib_mychip"
                                                  @hookimpl
    [project.entry-points."corelib.contract"]     def corelib_backend():
    mychip = "v1_0"                                   return BackendSpec("mychip", create)

The entry point's name is the device type; its value is the module, or an object in it, that carries the
hooks.  The group ``corelib.contract`` is optional and never loaded: it says, under the same name, for which
version of :data:`~corelib.backend.base.CONTRACT` the package was written (``v1_0`` is 1.0), so that a
package of another age is refused with both versions named before any of its code runs.

A package that brings kernels to a device type it does not own::

    [project.entry-points."corelib.kernels"]
    "cuda.fastattention" = "fastattention.corelib"    # device, dot, the pack's name

Nothing is imported until the device type is first used.  Hooks are called once then, never on an operation.
"""

from __future__ import annotations

import pluggy

from .base import BackendSpec, KernelPack

__all__ = ["PROJECT", "corelib_backend", "corelib_kernels", "hookimpl", "hookspec"]

PROJECT = "corelib"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function or method as the implementation of a hook; ``tryfirst`` and ``trylast`` order packs."""


@hookspec(firstresult=True)
def corelib_backend() -> BackendSpec | None:
    """The device type this plugin brings.

    Its ``name`` must be the entry point's.  Keep this light: what is heavy (a driver, a library) belongs in
    the spec's ``create``, whose errors reach the user as they are.
    """
    raise NotImplementedError


@hookspec
def corelib_kernels(device: str) -> KernelPack | list[KernelPack] | None:
    """The kernels this plugin brings to device type ``device``; None where it has none for it.

    Called once, after the device's backend has been created.  Of two packs with a kernel for one primitive
    the one that pluggy calls first wins (``tryfirst`` before, ``trylast`` after the others, else by the
    entry point's name), and every pack wins over the backend; ``corelib.backend.prefer`` changes that.
    """
    raise NotImplementedError
