"""The arrays of backends whose memory is blocks of bytes, and what is kept of calls on them."""

from __future__ import annotations

from typing import Any

from ..layout import Layout

__all__ = ["Plans", "Window"]


class Window:
    """An array: a block of memory, the offset of the first element in elements, and a layout."""

    __slots__ = ("layout", "memory", "offset")

    def __init__(self, memory: Any, offset: int, layout: Layout) -> None:
        self.memory = memory
        self.offset = offset
        self.layout = layout


class Plans(dict[Any, Any]):
    """What calls need, by layouts and parameters; emptied when full, so that shapes that never return cost little."""

    LIMIT = 4096

    def __setitem__(self, key: Any, plan: Any) -> None:
        if len(self) >= self.LIMIT:
            self.clear()
        super().__setitem__(key, plan)
