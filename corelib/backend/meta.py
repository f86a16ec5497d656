"""The ``meta`` device: shapes and dtypes without data.  Rules run, kernels do not."""

from __future__ import annotations

from typing import Any

from ..layout import Layout
from .base import Array, Backend, Kernel

__all__ = ["MetaBackend"]


def _nothing(*args: Any, **kwargs: Any) -> None:
    return None


class _Anything(dict[str, Kernel]):
    """A kernel table in which every primitive is found and does nothing."""

    def __missing__(self, name: str) -> Kernel:
        return self.setdefault(name, Kernel(_nothing, out=True, owner="meta"))

    def get(self, name: str, default: Any = None) -> Kernel:
        return self[name]


class MetaBackend(Backend):
    """Arrays are None; whoever wants their elements is refused by the frontend."""

    name = "meta"
    broadcasts = True
    capabilities = frozenset({"float64", "complex"})

    def __init__(self) -> None:
        self.kernels = _Anything()

    def allocate(self, layout: Layout) -> Array:
        return None

    def upload(self, host: Any, layout: Layout) -> Array:
        return None

    def as_strided(self, array: Array, layout: Layout, offset: int) -> Array:
        return None

    def bitcast(self, array: Array, layout: Layout) -> Array:
        return None

    def synchronize(self, index: int) -> None:
        return None
