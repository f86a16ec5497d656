"""The registry: which device types there are, and their backends, created when first used.

Metadata is read once, at the first question; no plugin is imported before its device type is used.  Then
the plugin's original error reaches the user, as the cause of a :class:`BackendNotAvailable`.
:mod:`corelib.backend.discovery` has the environment variables that allow, block and choose.

What a program registers itself (:func:`register_backend`, :func:`register_kernels`) comes before what is
installed, and is subject to no list.
"""

from __future__ import annotations

import copy
import importlib
import os
import pkgutil
import re
import sys
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from .base import Backend, BackendSpec, KernelPack
from .errors import BackendNotAvailable, ContractError, ForkedDevice

if TYPE_CHECKING:
    from .device_type import DeviceType
    from .discovery import Candidate, Installed

__all__ = [
    "BackendState", "PackState", "Registry", "prefer", "register_backend", "register_kernels", "registry",
    "set_cpu_fallback", "unregister_backend", "unregister_kernels",
]  # fmt: skip

_DEVICE_MODULES = frozenset({"cpu", "cuda", "mps", "opencl", "xpu"})  # corelib.cuda is the device type's own module
_SHOWN = ("cpu", "cuda", "opencl")  # listed even where nothing provides them
_PROGRAM = "this program's plugin"  # in the place of a distribution and version


@dataclass(frozen=True)
class BackendState:
    """What ``corelib devices`` and ``corelib doctor`` show of one device type.

    Attributes:
        name: the device type.
        status: "ok", "not installed", "blocked", "broken", "incompatible", "no hardware", "duplicate",
            "refused" (its name is taken) or "unregistered".
        package: distribution and version; of all candidates where there are several.
        spec, backend: where it could be loaded.
        error: where it cannot be used; its ``__cause__`` is what the plugin raised.
    """

    name: str
    status: str
    package: str = ""
    spec: BackendSpec | None = None
    backend: Backend | None = None
    error: BackendNotAvailable | None = None


@dataclass(frozen=True)
class PackState:
    """The same of one kernel pack.

    Attributes:
        name: "device.pack".
        status: "ok", "not used" (its device type is not available), or as in :class:`BackendState`.
        package: distribution and version.
        primitives: whose kernels it has.
        error: why it was skipped.
    """

    name: str
    status: str
    package: str = ""
    primitives: tuple[str, ...] = ()
    error: BackendNotAvailable | None = None


@dataclass
class _InUse:
    """A device type that has been loaded, and what became of the packs for it."""

    device: DeviceType
    packs: list[PackState] = field(default_factory=list)


class _SpecPlugin:
    """A plugin made of a spec."""

    def __init__(self, spec: BackendSpec) -> None:
        from .hookspec import hookimpl

        # On the instance, so that making the class needs no pluggy.
        self.corelib_backend = hookimpl(lambda: spec)


class _PackPlugin:
    """A plugin made of a kernel pack."""

    def __init__(self, pack: KernelPack) -> None:
        from .hookspec import hookimpl

        self.corelib_kernels = hookimpl(lambda device: pack)


def _public_names() -> frozenset[str]:
    """Names that ``corelib.<device type>`` would hide."""
    root = sys.modules[__name__.partition(".")[0]]
    return frozenset(getattr(root, "__all__", ())) | {module.name for module in pkgutil.iter_modules(root.__path__)}


class Registry:
    """Device types and their backends.  Thread-safe.  There is one, :data:`registry`; tests make others.

    Attributes:
        on_change: called, without arguments, after any kernel table or the set of usable backends changed.
        cpu_fallback: whether the CPU runs what a device has neither a kernel nor a decomposition for.

    Args:
        public_names: gives the names that a device type may not have; asked when one is loaded.
    """

    def __init__(self, public_names: Callable[[], frozenset[str]] = _public_names) -> None:
        self.on_change: list[Callable[[], None]] = []
        self.cpu_fallback = False
        self._public_names = public_names
        self._lock = threading.RLock()
        self._ready: dict[str, Backend] = {}  # with hardware: what get() answers at once
        self._in_use: dict[str, _InUse] = {}
        self._orphans: list[_InUse] = []  # of the parent process, after a fork
        self._loading: set[str] = set()
        self._failed: dict[str, BackendNotAvailable] = {}
        self._plugins: dict[str, object] = {}  # given by the program
        self._packs: dict[str, dict[str, KernelPack]] = {}  # given by the program: device, owner
        self._unregistered: set[str] = set()
        self._scanned: Installed | None = None

    # -- questions

    def get(self, device_type: str) -> Backend:
        """The backend of a device type, loaded at the first call.

        Raises:
            BackendNotAvailable: a RuntimeError that says why and what to do.  What the plugin raised is its
                cause; it is not tried again before :meth:`rescan`.
        """
        backend = self._ready.get(device_type)
        return backend if backend is not None else self._first_use(device_type)

    def load(self, device_type: str) -> Backend:
        """As :meth:`get`, but also where no hardware is present (``device_count()`` is 0)."""
        return self._load(device_type).device.backend

    def types(self) -> list[str]:
        """Names of the device types that something provides and no list blocks, sorted.  Loads nothing."""
        from .discovery import unblocked

        with self._lock:
            installed = {name for name, candidates in self._installed().backends.items() if unblocked(candidates)}
            return sorted((installed - self._unregistered) | set(self._plugins))

    def is_installed(self, device_type: str) -> bool:
        """Whether something provides the device type, be it broken or without hardware.  Loads nothing."""
        return device_type in self.types()

    def owners(self, device_type: str, primitive: str) -> list[str]:
        """Who has a kernel for a primitive, backend or packs: the one asked first, first."""
        device = self._load(device_type).device
        with self._lock:
            return device.owners(primitive)

    def states(self) -> list[BackendState]:
        """The state of every device type, by name.  Loads all that can be loaded."""
        with self._lock:
            names = {*_SHOWN, *self._installed().backends, *self._plugins, *self._unregistered}
        return list(map(self._state, sorted(names)))

    def packs(self) -> list[PackState]:
        """The state of every kernel pack, by name.  Loads the device types they are for."""
        with self._lock:
            devices = {name.partition(".")[0] for name in self._installed().packs} | set(self._packs)
        return [state for device in sorted(devices) for state in self._pack_states(device)]

    def unreadable(self) -> list[tuple[str, str]]:
        """Packages whose metadata names corelib but cannot be read: name with version, and the cause."""
        with self._lock:
            return list(self._installed().unreadable)

    # -- changes

    def register_backend(self, backend: BackendSpec | object) -> str:
        """Add a device type to this process; returns its name.

        Args:
            backend: a spec, or a plugin (module or object) with the hook ``corelib_backend``.

        Raises:
            ValueError: the device type is in use, or is registered already: unregister it first.
            BackendNotAvailable: the name is taken by something else in corelib.
        """
        if isinstance(backend, BackendSpec):
            name: str = backend.name
            plugin: object = _SpecPlugin(backend)
        else:
            hook = getattr(backend, "corelib_backend", None)
            spec = hook() if callable(hook) else None
            if not isinstance(spec, BackendSpec):
                raise TypeError(f"{backend!r} has no hook 'corelib_backend' that returns a BackendSpec")
            name, plugin = spec.name, backend
        with self._lock:
            if name in self._plugins or name in self._in_use:
                raise ValueError(f"device type '{name}' already has a backend: unregister_backend('{name}') first")
            self._check_name(name, _PROGRAM)
            self._plugins[name] = plugin
            self._unregistered.discard(name)
            self._failed.pop(name, None)
        self._changed()
        return name

    def unregister_backend(self, device_type: str) -> None:
        """Take a device type away: using it raises until it is registered again, or :meth:`rescan`.

        Tensors that live on it keep their memory and can be copied to the host.

        Raises ValueError where there is no such device type.
        """
        with self._lock:
            if device_type not in self.types():
                raise ValueError(f"there is no backend for device type '{device_type}'")
            for table in (self._ready, self._in_use, self._failed, self._plugins):
                table.pop(device_type, None)
            self._unregistered.add(device_type)
        self._changed()

    def register_kernels(self, pack: KernelPack) -> None:
        """Add a kernel pack to this process, before the packs that are there.

        Raises TypeError, ValueError or ContractError where the device type is in use and the pack breaks the
        contract.  Where it is not in use yet, such a pack is skipped with a warning when it is.
        """
        with self._lock:
            given = self._packs.setdefault(pack.device, {})
            if pack.name in given:
                raise ValueError(f"'{pack.device}' already has kernels owned by '{pack.name}'")
            used = self._in_use.get(pack.device)
            if used is not None:
                name = _given_name(pack.device, pack.name)
                primitives = used.device.add_pack(_PackPlugin(pack), name, _PROGRAM, "")
                used.packs.append(PackState(name, "ok", _PROGRAM, tuple(primitives)))
            given[pack.name] = pack
        self._changed()

    def unregister_kernels(self, device_type: str, owner: str) -> None:
        """Take out a pack that :meth:`register_kernels` added; ValueError where there is none."""
        with self._lock:
            if owner not in self._packs.get(device_type, {}):
                raise ValueError(f"no kernel pack '{owner}' was registered for '{device_type}'")
            del self._packs[device_type][owner]
            used = self._in_use.get(device_type)
            if used is not None:
                name = _given_name(device_type, owner)
                if any(state.name == name and state.error is None for state in used.packs):
                    used.device.remove_pack(name)
                used.packs = [state for state in used.packs if state.name != name]
        self._changed()

    def prefer(self, device_type: str, primitive: str, owner: str | None) -> None:
        """Ask ``owner``'s kernel for a primitive first; None restores the order of the plugins.

        Args:
            owner: a pack's name, or the device type for the backend's own.

        Raises ValueError, naming those who have a kernel, where that owner has none.
        """
        device = self._load(device_type).device
        with self._lock:
            device.prefer(primitive, owner)
        self._changed()

    def set_cpu_fallback(self, enabled: bool) -> None:
        """Let the CPU run, on copies, what a device has neither a kernel nor a decomposition for.

        A warning says so once for each primitive of a device type.  Off unless asked for: a program that copies
        in every step is slow in a way that nothing shows.
        """
        self.cpu_fallback = enabled
        self._changed()

    def rescan(self) -> None:
        """Look again at what is installed, and forget failures and what was unregistered.

        For notebooks, after a package was installed.  Backends in use stay as they are.
        """
        importlib.invalidate_caches()
        with self._lock:
            self._scanned = None
            self._failed.clear()
            self._unregistered.clear()

    def after_fork(self) -> None:
        """In a forked child: whatever device the parent used, other than the CPU, raises from now on."""
        self._lock = threading.RLock()  # another thread of the parent may have held it
        self._loading.clear()
        lost = set(self._ready) - {"cpu", "meta"}
        if not lost:
            return
        for device_type in lost:
            del self._ready[device_type]
            if device_type in self._in_use:
                self._orphans.append(self._in_use.pop(device_type))  # kept: nothing of it may be freed here
            reason = "the parent process used it before it forked"
            self._failed[device_type] = ForkedDevice(device_type, "forked", reason, "Use the start method 'spawn'")
        self._changed()

    def _changed(self) -> None:
        """Called without the lock, so that a callback may take its own."""
        for callback in list(self.on_change):
            callback()

    # -- loading

    def _installed(self) -> Installed:
        if self._scanned is None:
            from .discovery import scan

            self._scanned = scan()
        return self._scanned

    def _first_use(self, device_type: str) -> Backend:
        if device_type == "meta":  # part of the frontend, not a plugin
            from .meta import MetaBackend

            return self._ready.setdefault("meta", MetaBackend())
        used = self._load(device_type)
        backend = used.device.backend
        if backend.device_count() == 0:
            reason = f"{used.device.package} is installed and loads, but finds no such device"
            raise BackendNotAvailable(device_type, "no hardware", reason, "corelib devices lists what is there")
        with self._lock:
            if self._in_use.get(device_type) is used:  # not unregistered meanwhile
                self._ready[device_type] = backend
        return backend

    def _load(self, device_type: str) -> _InUse:
        used = self._in_use.get(device_type)
        if used is not None:
            return used
        errors: list[BackendNotAvailable] = []
        with self._lock:
            if device_type not in self._in_use:
                used = self._in_use[device_type] = self._create(device_type)
                errors = [state.error for state in used.packs if state.error is not None]
            used = self._in_use[device_type]
        self._changed()
        for error in errors:  # last: a warning may be turned into an error
            if error.status != "blocked":
                message = f"kernel pack '{error.device}' is skipped: {error.reason}. {error.remedy}"
                warnings.warn(message, RuntimeWarning, stacklevel=4)
        return used

    def _create(self, device_type: str) -> _InUse:
        """Load the plugin of a device type, its packs too.  Raises BackendNotAvailable alone."""
        failed = self._failed.get(device_type)
        if failed is not None:
            raise copy.copy(failed) from failed.__cause__  # a copy, or tracebacks would pile up
        if device_type in self._loading:
            reason = f"its backend used '{device_type}' while it was being created"
            raise BackendNotAvailable(device_type, "broken", reason, "Use the device after create() has returned")
        self._loading.add(device_type)
        try:
            return self._open(device_type)
        except BackendNotAvailable as error:
            if error.status in ("broken", "incompatible"):
                self._failed[device_type] = kept = copy.copy(error)
                kept.__cause__ = error.__cause__
            raise
        finally:
            self._loading.discard(device_type)

    def _open(self, device_type: str) -> _InUse:
        from .discovery import choose

        plugin = self._plugins.get(device_type)
        candidate = None
        if plugin is None:
            if device_type in self._unregistered:
                reason = "its backend was unregistered in this process"
                remedy = "Give it to corelib.backend.register_backend again"
                raise BackendNotAvailable(device_type, "unregistered", reason, remedy)
            if device_type == "meta":
                reason = "'meta' runs no kernels, and so has no backend"
                raise BackendNotAvailable(device_type, "refused", reason, "Tensors on it have shapes and dtypes only")
            candidates = self._installed().backends.get(device_type, [])
            candidate = choose(device_type, candidates)
            self._check_name(device_type, candidate.package)
        package, distribution = (candidate.package, candidate.distribution) if candidate else (_PROGRAM, "")
        try:
            from .device_type import DeviceType

            if candidate is not None:
                plugin = candidate.entry.load()
            device = DeviceType(device_type, plugin, package, distribution)
        except (Exception, SystemExit) as error:  # a plugin may raise anything
            shown = _blame(device_type, package, error, candidate)
            raise shown from shown.__cause__
        return _InUse(device, self._load_packs(device))

    def _check_name(self, device_type: str, package: str) -> None:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", device_type):
            reason = f"{package} calls it '{device_type}', which is no identifier"
        elif device_type == "meta" or device_type in self._public_names() - _DEVICE_MODULES:
            reason = f"{package} calls it '{device_type}', a name that corelib has taken"
        else:
            return
        raise BackendNotAvailable(device_type, "refused", reason, "The package must choose another name")

    # -- kernel packs

    def _load_packs(self, device: DeviceType) -> list[PackState]:
        """Ask installed packs, then the program's: pluggy puts the last one registered first."""
        name = device.name
        installed = [pack for pack in sorted(self._installed().packs) if pack.partition(".")[0] == name]
        states = [self._load_installed(device, pack) for pack in reversed(installed)][::-1]
        for pack in self._packs.get(name, {}).values():
            states.append(_add_pack(device, _given_name(name, pack.name), None, partial(_PackPlugin, pack)))
        return states

    def _load_installed(self, device: DeviceType, name: str) -> PackState:
        from .discovery import choose

        candidates = self._installed().packs[name]
        try:
            candidate = choose(name, candidates)
        except BackendNotAvailable as error:
            return PackState(name, error.status, _packages(candidates), error=error)
        return _add_pack(device, name, candidate, candidate.entry.load)

    # -- states

    def _state(self, device_type: str) -> BackendState:
        with self._lock:
            candidates = self._installed().backends.get(device_type, [])
            package = _PROGRAM if device_type in self._plugins else _packages(candidates)
        try:
            device = self._load(device_type).device
            self.get(device_type)
        except BackendNotAvailable as error:
            if error.status != "no hardware":
                return BackendState(device_type, error.status, package, error=error)
            return BackendState(device_type, error.status, device.package, device.spec, device.backend, error)
        return BackendState(device_type, "ok", device.package, device.spec, device.backend)

    def _pack_states(self, device_type: str) -> list[PackState]:
        try:
            return list(self._load(device_type).packs)
        except BackendNotAvailable:
            with self._lock:
                packs = self._installed().packs
                names = [name for name in sorted(packs) if name.partition(".")[0] == device_type]
                installed = [PackState(name, "not used", _packages(packs[name])) for name in names]
                given = [
                    PackState(_given_name(device_type, owner), "not used", _PROGRAM)
                    for owner in self._packs.get(device_type, {})
                ]
            return installed + given


def _packages(candidates: list[Candidate]) -> str:
    return ", ".join(candidate.package for candidate in candidates)


def _given_name(device_type: str, owner: str) -> str:
    """The name of a program's pack among the plugins; different from an installed one's."""
    return f"{device_type}.{owner} (registered)"


def _add_pack(device: DeviceType, name: str, candidate: Candidate | None, load: Callable[[], object]) -> PackState:
    """A pack that cannot be used is skipped: it must not take the device type with it."""
    package, distribution = (candidate.package, candidate.distribution) if candidate else (_PROGRAM, "")
    try:
        primitives = device.add_pack(load(), name, package, distribution)
    except (Exception, SystemExit) as error:  # a plugin may raise anything
        shown = _blame(name, package, error, candidate)
        return PackState(name, shown.status, package, error=shown)
    return PackState(name, "ok", package, tuple(primitives))


def _blame(name: str, package: str, error: BaseException, candidate: Candidate | None) -> BackendNotAvailable:
    """What the user sees, with what the plugin raised as its cause; the contract's own error stays as it is."""
    if isinstance(error, ContractError) and error.device == name:
        return error
    reason = f"{package} failed to load: {type(error).__name__}: {error}"
    shown = BackendNotAvailable(name, "broken", reason, _remedy(error, candidate))
    shown.__cause__ = error
    return shown


def _remedy(error: BaseException, candidate: Candidate | None) -> str:
    if candidate is None:
        return "Mend what was given to register_backend"
    if isinstance(error, ModuleNotFoundError) and error.name is not None:
        missing = error.name.partition(".")[0]
        if missing == candidate.entry.module.partition(".")[0]:
            return f"Install it again: pip install --force-reinstall --no-deps {candidate.distribution}"
        return (
            f"Install what provides the module '{missing}' (pip install {candidate.distribution} gets what it declares)"
        )
    return f"Mend the cause, or remove the package: pip uninstall {candidate.distribution}"


registry = Registry()
"""The registry of this process."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=registry.after_fork)

register_backend = registry.register_backend
unregister_backend = registry.unregister_backend
register_kernels = registry.register_kernels
unregister_kernels = registry.unregister_kernels
prefer = registry.prefer
set_cpu_fallback = registry.set_cpu_fallback
