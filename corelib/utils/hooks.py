"""RemovableHandle: what every ``register_*_hook`` returns."""

from __future__ import annotations

import itertools
import weakref
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

__all__ = ["RemovableHandle"]

_ids = itertools.count()


class RemovableHandle:
    """Removes one hook from the registry it was put in; also a context manager that does so on exit.

    Args:
        hooks_dict: registry of hooks by id; held weakly, so that a handle keeps no module alive.
        extra_dict: further registries with flags of the hook under the same id.

    The caller stores the hook itself: ``registry[handle.id] = hook``.
    """

    def __init__(self, hooks_dict: OrderedDict[int, Any], *, extra_dict: Iterable[OrderedDict[int, Any]] = ()) -> None:
        self.id = next(_ids)
        self._registries = list(map(weakref.ref, (hooks_dict, *extra_dict)))

    def remove(self) -> None:
        """Forget the hook.  Removing it twice does nothing."""
        for reference in self._registries:
            registry = reference()
            if registry is not None:
                registry.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def add_hook(
    registry: OrderedDict[int, Any], hook: Any, prepend: bool = False, flags: Iterable[OrderedDict[int, Any]] = ()
) -> RemovableHandle:
    """Put ``hook`` last (or first) in ``registry`` and set it in each of ``flags``."""
    flags = list(flags)
    handle = RemovableHandle(registry, extra_dict=flags)
    registry[handle.id] = hook
    for flag in flags:
        flag[handle.id] = True
    if prepend:
        registry.move_to_end(handle.id, last=False)
    return handle
