"""The alias in processes that ``multiprocessing`` starts afresh: they import the program before anything else."""

from __future__ import annotations

import multiprocessing.spawn
from typing import Any

__all__ = ["follow", "leave"]

_prepared = multiprocessing.spawn.get_preparation_data


class _Alias:
    """Installs the alias where it is unpickled, which is the first that a new process does with what it is told."""

    def __reduce__(self) -> tuple[Any, ...]:
        from .torch import install

        return install, ()


def _with_alias(name: str) -> dict[str, Any]:
    return {"corelib_alias": _Alias(), **_prepared(name)}


def follow() -> None:
    """From now on new processes have the alias too."""
    multiprocessing.spawn.get_preparation_data = _with_alias


def leave() -> None:
    """Undo :func:`follow`."""
    multiprocessing.spawn.get_preparation_data = _prepared
