"""The arrays of backends whose memory is blocks of bytes."""

from __future__ import annotations

from typing import Any

from ..layout import Layout

__all__ = ["Window"]


class Window:
    """An array: a block of memory, the offset of the first element in elements, and a layout."""

    __slots__ = ("layout", "memory", "offset")

    def __init__(self, memory: Any, offset: int, layout: Layout) -> None:
        self.memory = memory
        self.offset = offset
        self.layout = layout
