"""A device type in use: its backend, the plugins that serve it, and the flat kernel table they share.

pluggy holds the plugins and says in which order they are asked; that happens once, when they register.
What they answered is flattened into ``backend.kernels``, in place, so that tensors that live see it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pluggy

from . import hookspec
from .base import Backend, BackendSpec, Kernel, KernelPack
from .discovery import check_contract

__all__ = ["DeviceType"]


class DeviceType:
    """Created from the plugin that brings the device type; packs are added afterwards.

    Args:
        name: the device type.
        plugin: carries the hook ``corelib_backend``.
        package, distribution: where it comes from, for messages; distribution is empty where pip knows of none.

    Raises:
        ContractError: the spec says another version of the contract.
        Exception: whatever the plugin raises, as it is; TypeError and ValueError for what breaks the rules of
            the hook, and pluggy's PluginValidationError.
    """

    def __init__(self, name: str, plugin: object, package: str, distribution: str) -> None:
        self.name = name
        self.package = package
        self._plugins = pluggy.PluginManager(hookspec.PROJECT)
        self._plugins.add_hookspecs(hookspec)
        self._register(plugin, name)
        self.spec = self._ask_spec(distribution)
        self.backend = self.spec.create()
        if not isinstance(self.backend, Backend):
            raise TypeError(f"create() of '{name}' returned {self.backend!r}, which is no corelib.backend.Backend")
        self.backend.name = name
        table = self.backend.kernels
        for primitive in list(table):
            table[primitive] = replace(table[primitive], owner=name)
        self.backend.device_count()  # may look for a driver: what it raises belongs to loading
        self._answers: dict[str, list[KernelPack]] = {}  # by the plugin's name
        self._own: dict[str, Kernel | None] = {}  # the backend's kernels, where others were put before them
        self._preferred: dict[str, str] = {}

    # -- plugins

    def add_pack(self, plugin: object, name: str, package: str, distribution: str) -> list[str]:
        """Ask a plugin for its kernels, and enter them; ``name`` is its entry point's, "device.pack".

        Returns the primitives.  Raises as the constructor does, and then nothing has changed.
        """
        self._register(plugin, name)
        try:
            packs = self._ask_packs(plugin)
            for pack in packs:
                check_contract(name, package, pack.contract, distribution)
            self._answers[name] = list(map(self._owned, packs))
        except BaseException:
            self._plugins.unregister(name=name)
            raise
        self._flatten()
        return sorted({primitive for pack in packs for primitive in pack.kernels})

    def remove_pack(self, name: str) -> None:
        """Take the kernels of the plugin added as ``name`` out again."""
        self._plugins.unregister(name=name)
        del self._answers[name]
        self._flatten()

    def _register(self, plugin: object, name: str) -> None:
        self._plugins.register(plugin, name=name)
        try:
            self._plugins.check_pending()  # a hook of ours that is misspelt
        except pluggy.PluginValidationError:
            self._plugins.unregister(name=name)
            raise

    def _ask_spec(self, distribution: str) -> BackendSpec:
        spec = self._plugins.hook.corelib_backend()
        if spec is None:
            raise TypeError("the plugin gives no hook 'corelib_backend': mark it with corelib.backend.hookimpl")
        if not isinstance(spec, BackendSpec):
            raise TypeError(f"corelib_backend() returned {spec!r}, which is no corelib.backend.BackendSpec")
        if spec.name != self.name:
            raise ValueError(f"the plugin is listed as '{self.name}', but its BackendSpec is named '{spec.name}'")
        check_contract(self.name, self.package, spec.contract, distribution)
        return spec

    def _ask_packs(self, plugin: object) -> list[KernelPack]:
        others = [other for _, other in self._plugins.list_name_plugin() if other is not plugin]
        answers = self._plugins.subset_hook_caller("corelib_kernels", others)(device=self.name)
        packs = [p for answer in answers for p in (answer if isinstance(answer, list) else [answer]) if p is not None]
        if not packs:
            raise TypeError(f"the plugin gives no kernels for '{self.name}' through the hook 'corelib_kernels'")
        taken = {self.name, *(pack.name for answer in self._answers.values() for pack in answer)}
        for pack in packs:
            if not isinstance(pack, KernelPack):
                raise TypeError(f"corelib_kernels() returned {pack!r}, which is no corelib.backend.KernelPack")
            if pack.device != self.name:
                raise ValueError(f"asked for '{self.name}', the pack '{pack.name}' is for '{pack.device}'")
            if pack.name in taken:
                raise ValueError(f"'{self.name}' already has kernels owned by '{pack.name}'")
            taken.add(pack.name)
            for primitive, entry in pack.kernels.items():
                if not isinstance(entry, Kernel) or not callable(entry.function):
                    raise TypeError(f"'{primitive}' of the pack '{pack.name}' is no corelib.backend.Kernel")
        return packs

    def _owned(self, pack: KernelPack) -> KernelPack:
        kernels = {
            primitive: replace(entry, owner=pack.name, dtypes=frozenset(filter(self.backend.supports, entry.dtypes)))
            for primitive, entry in pack.kernels.items()
        }
        return replace(pack, kernels=kernels)

    # -- the table

    def owners(self, primitive: str) -> list[str]:
        """Who has a kernel for it: the one that is asked first, first."""
        return [entry.owner for entry in self._candidates(primitive)]

    def prefer(self, primitive: str, owner: str | None) -> None:
        """Ask ``owner``'s kernel first; None restores the order of the plugins.

        Raises ValueError where that owner has no kernel for the primitive.
        """
        if owner is None:
            self._preferred.pop(primitive, None)
        else:
            owners = self.owners(primitive)
            if owner not in owners:
                there = ", ".join(map(repr, owners)) or "nobody"
                raise ValueError(f"'{owner}' has no kernel for '{primitive}' on '{self.name}': {there} has")
            self._preferred[primitive] = owner
        self._flatten()

    def _packs(self) -> Iterator[KernelPack]:
        """In pluggy's order: the last of its list is called first."""
        for implementation in reversed(self._plugins.hook.corelib_kernels.get_hookimpls()):
            yield from self._answers.get(implementation.plugin_name, ())

    def _candidates(self, primitive: str) -> list[Kernel]:
        found = [pack.kernels[primitive] for pack in self._packs() if primitive in pack.kernels]
        own = self._own[primitive] if primitive in self._own else self.backend.kernels.get(primitive)
        if own is not None:
            found.append(own)
        preferred = self._preferred.get(primitive)
        return sorted(found, key=lambda entry: entry.owner != preferred)  # stable

    def _flatten(self) -> None:
        """Put the first candidate of each primitive into the table, the others behind it."""
        table: dict[str, Any] = self.backend.kernels
        contributed = {primitive for pack in self._packs() for primitive in pack.kernels}
        for primitive in sorted(contributed | set(self._own)):
            if primitive not in self._own:
                self._own[primitive] = table.get(primitive)
            winner = None
            for entry in reversed(self._candidates(primitive)):
                winner = replace(entry, otherwise=winner)
            if winner is not None:
                table[primitive] = winner
            else:
                del table[primitive]
            if primitive not in contributed:
                del self._own[primitive]
