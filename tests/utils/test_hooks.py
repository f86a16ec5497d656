"""RemovableHandle: removes its hook, keeps nothing alive."""

from __future__ import annotations

import gc
import weakref
from collections import OrderedDict

from corelib.utils.hooks import RemovableHandle, add_hook


def test_a_handle_removes_its_hook_and_flags() -> None:
    registry: OrderedDict[int, object] = OrderedDict()
    flags: OrderedDict[int, bool] = OrderedDict()
    first = add_hook(registry, "first", flags=[flags])
    second = add_hook(registry, "second", prepend=True)
    assert list(registry.values()) == ["second", "first"] and list(flags) == [first.id]
    first.remove()
    first.remove()
    assert list(registry.values()) == ["second"] and not flags
    with second:
        assert len(registry) == 1
    assert not registry


def test_handles_have_ids_of_their_own() -> None:
    registry: OrderedDict[int, object] = OrderedDict()
    assert RemovableHandle(registry).id != RemovableHandle(registry).id


def test_a_handle_keeps_no_registry_alive() -> None:
    registry: OrderedDict[int, object] = OrderedDict()
    handle, gone = add_hook(registry, "hook"), weakref.ref(registry)
    del registry
    gc.collect()
    assert gone() is None
    handle.remove()
