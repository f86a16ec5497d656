"""``corelib doctor``: why a plugin did not load, and how to mend it."""

from __future__ import annotations

import argparse
import traceback
import warnings
from typing import TYPE_CHECKING, Any

from .devices import table

if TYPE_CHECKING:
    from ..backend.errors import BackendNotAvailable
    from ..backend.registry import BackendState, PackState

__all__ = ["add_parser"]

_HEALTHY = ("ok", "not installed", "no hardware", "not used", "blocked")


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("doctor", help="why a backend or kernel pack does not load, and the mend")
    parser.add_argument("--traceback", action="store_true", help="show where the plugins failed")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print what was found; 1 where a plugin is broken, or no device can be used."""
    import platform

    import numpy

    from ..backend.base import CONTRACT
    from ..backend.registry import registry
    from ..version import __version__

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # kernel packs that are skipped: shown below
        states = registry.states()
        plugins: list[BackendState | PackState] = [*states, *registry.packs()]
    contract = ".".join(map(str, CONTRACT))
    print(f"corelib {__version__}, contract {contract}, Python {platform.python_version()}, NumPy {numpy.__version__}")
    print()
    print(table(("plugin", "package", "state"), [(plugin.name, plugin.package, plugin.status) for plugin in plugins]))
    for plugin in plugins:
        if plugin.error is not None:
            _explain(plugin.name, plugin.error, arguments.traceback)
    for package, cause in registry.unreadable():
        print(f"\n{package}\n  why:  {cause}\n  mend: install the package again, or remove it")
    usable = any(state.status == "ok" for state in states)
    if not usable:
        print("\nNo device can be used.")
    healthy = all(plugin.status in _HEALTHY for plugin in plugins) and not registry.unreadable()
    return 0 if usable and healthy else 1


def _explain(name: str, error: BackendNotAvailable, with_traceback: bool) -> None:
    print(f"\n{name}: {error.status}\n  why:  {error.reason}\n  mend: {error.remedy}")
    if with_traceback and error.__cause__ is not None:
        lines = "".join(traceback.format_exception(error.__cause__))
        print("\n".join(f"  | {line}" for line in lines.splitlines()))
