"""Calls of kernels that change lists of arrays in place: as many arrays a launch as a kernel takes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ...codegen import update as loops
from ...codegen.lowering import Update
from ..window import Window

if TYPE_CHECKING:
    from ..codegen_backend import CodegenBackend

__all__ = ["update"]


def update(backend: CodegenBackend, name: str, lowering: Update, *given: Any) -> None:
    """What the primitive's ``groups`` make of the call, a group after the other."""
    for group in lowering.groups(*given):
        lists, numbers = group.lists, list(group.numbers)
        alike: dict[Any, list[int]] = {}
        for t, first in enumerate(lists[0]):
            if first.layout.numel:
                key = tuple([None if x is None else (x[t].layout.dtype, x[t].layout.numel == 1) for x in lists])
                alike.setdefault((key, first.layout.numel == 1), []).append(t)
        for (key, small), places in alike.items():
            dtypes = [None if k is None else k[0] for k in key]
            single = [k is not None and k[1] and not small for k in key]
            index = lists[0][places[0]].layout.device.index or 0
            render = partial(
                loops.update, name=name, function=group.function, flags=group.flags, dtypes=dtypes, single=single,
                numbers=len(numbers),
            )  # fmt: skip
            built = backend.built((name, group.function, group.flags, *dtypes, *single), index, render)
            for start in range(0, len(places), loops.COUNT):
                chosen = places[start : start + loops.COUNT]
                arguments: list[Any] = []
                units = block = 0
                for j in range(loops.COUNT):
                    t = chosen[j] if j < len(chosen) else chosen[0]
                    for x in lists:
                        if x is not None:
                            array: Window = x[t]
                            arguments += (array.memory, array.offset)
                    size = lists[0][t].layout.numel if j < len(chosen) else 0
                    arguments.append(size)
                    if size:
                        block, count = backend.units((size,), index)
                        units += count
                backend.run(built, units, [*arguments, *numbers, block], index)
