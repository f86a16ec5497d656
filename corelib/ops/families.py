"""How operations reach users: each family file lists what it shows, and nothing else has to be touched.

A family is a module of ``corelib.ops`` with

* ``__all__``: the functions that are ``corelib.<name>``;
* ``METHODS``: those that are methods of Tensor too (their first argument is the tensor);
* ``IN_PLACE``: names ``f`` for which ``x.f_(...)`` computes and then writes;
* ``ALIASES``: other names of functions, which they also have as methods and in place.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType
from typing import Any

from .face import strict

__all__ = ["functions", "in_place", "methods", "names"]


def names(family: ModuleType, chosen: Iterable[str]) -> dict[str, str]:
    """Every name that users have for some of a family's functions, and the function's own."""
    known = {name: name for name in chosen}
    aliases: dict[str, str] = getattr(family, "ALIASES", {})
    return known | {alias: name for alias, name in aliases.items() if name in known}


def functions(families: Iterable[ModuleType]) -> dict[str, Any]:
    """The functions that users see, by every name."""
    return {
        alias: strict(getattr(family, name))
        for family in families
        for alias, name in names(family, family.__all__).items()
    }


def methods(families: Iterable[ModuleType]) -> dict[str, Any]:
    """The functions that are methods of Tensor, by every name."""
    return {
        alias: strict(getattr(family, name))
        for family in families
        for alias, name in names(family, getattr(family, "METHODS", ())).items()
    }


def in_place(families: Iterable[ModuleType]) -> dict[str, Any]:
    """The functions with an in-place form, by every name (without the trailing underscore)."""
    return {
        alias: getattr(family, name)
        for family in families
        for alias, name in names(family, getattr(family, "IN_PLACE", ())).items()
    }
