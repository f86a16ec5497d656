"""A backend for a device that has a C-like compiler: give a dialect, memory, ``build`` and ``launch``.

Every kernel comes from the primitives' lowerings (:mod:`corelib.codegen`).  A subclass is::

    class MyBackend(CodegenBackend):
        def dialect(self, index): ...               # corelib.codegen.dialect.Dialect
        def new_memory(self, size, index): ...      # an opaque block of bytes, freed when it is dropped
        def write(self, memory, host, index): ...          # host bytes to its start
        def read(self, memory, offset, size, index): ...   # bytes, as a NumPy array of uint8
        def build(self, source, kernels, index): ...          # one callable or handle a kernel
        def launch(self, built, units, arguments, index): ... # memory blocks and Python numbers, in order

An array is a window (memory, offset, layout), so that views cost nothing.  What a call needs (kernel, sizes, strides)
is worked out once for each combination of layouts, and kept.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from math import prod
from typing import Any, ClassVar

import numpy as np

from ..codegen import elementwise as loops
from ..codegen.dialect import ERROR_CODES, Dialect
from ..codegen.lowering import LOWERINGS
from ..codegen.program import program
from ..codegen.writer import Kernel
from ..dtypes import ALL_DTYPES
from ..layout import Layout
from .base import Backend
from .errors import DivisionByZero, IndexOutOfBounds
from .planning import planner
from .window import Plans, Window

__all__ = ["CodegenBackend", "Window"]


class CodegenBackend(Backend):
    """Kernels for every primitive that has a lowering, rendered when first needed."""

    capabilities: ClassVar[frozenset[str]] = frozenset({"float64"})

    def __init__(self) -> None:
        super().__init__()
        self._built: dict[tuple[Any, ...], Any] = {}
        self.plans = Plans()
        self._errors: dict[int, Any] = {}
        self._pending: dict[int, bool] = {}
        self._lock = threading.RLock()
        for name, lowering in LOWERINGS.items():
            if name not in self.kernels:
                dtypes = [d for d in ALL_DTYPES if "bifc"[d.category] in lowering.accepts]
                function, out = planner(self, name, lowering)
                self.register(name, function, dtypes=dtypes, out=out)

    # -- what a subclass gives ---------------------------------------------------------------------

    def dialect(self, index: int) -> Dialect:
        """The language of device ``index``."""
        raise NotImplementedError

    def new_memory(self, size: int, index: int) -> Any:
        """A block of at least ``size`` bytes, aligned for any element; OutOfMemoryError where there is none."""
        raise NotImplementedError

    def write(self, memory: Any, host: np.ndarray[Any, Any], index: int) -> None:
        """Copy the bytes of a C-contiguous host array to the start of a block."""
        raise NotImplementedError

    def read(self, memory: Any, offset: int, size: int, index: int) -> np.ndarray[Any, Any]:
        """``size`` bytes from byte ``offset`` on, as a fresh array of uint8; waits for the device."""
        raise NotImplementedError

    def build(self, source: str, kernels: Sequence[Kernel], index: int) -> list[Any]:
        """Compile a program; what :meth:`launch` takes for each of its kernels."""
        raise NotImplementedError

    def launch(self, built: Any, units: int, arguments: Sequence[Any], index: int) -> None:
        """Run a kernel over ``units`` units of work (at least one)."""
        raise NotImplementedError

    # -- storage -----------------------------------------------------------------------------------

    def allocate(self, layout: Layout) -> Window:
        size = max(layout.numel, 1) * layout.dtype.itemsize
        return Window(self.new_memory(size, layout.device.index or 0), 0, layout)

    def upload(self, host: np.ndarray[Any, Any], layout: Layout) -> Window:
        array = self.allocate(layout)
        if layout.numel:
            self.write(array.memory, host, layout.device.index or 0)
        return array

    def download(self, array: Window, layout: Layout) -> np.ndarray[Any, Any]:
        found = array.layout
        index, size = found.device.index or 0, found.dtype.itemsize
        if not found.numel:
            return np.empty(found.shape, found.dtype.numpy)
        if not found.contiguous:
            array = self.kernels["copy"].function(_parts(array) if found.dtype.is_complex else array)
            size = array.layout.dtype.itemsize
        data = self.read(array.memory, array.offset * size, found.numel * found.dtype.itemsize, index)
        self.check(index)
        return data.view(found.dtype.numpy).reshape(found.shape)

    def as_strided(self, array: Window, layout: Layout, offset: int) -> Window:
        return Window(array.memory, array.offset + offset, layout)

    def bitcast(self, array: Window, layout: Layout) -> Window:
        return Window(array.memory, array.offset * array.layout.dtype.itemsize // layout.dtype.itemsize, layout)

    def describe(self, array: Any) -> Layout:
        if not isinstance(array, Window):
            raise TypeError(f"not an array of '{self.name}': {type(array).__name__}")
        return array.layout

    def synchronize(self, index: int) -> None:
        self.read(self.error_word(index), 0, 32, index)
        self.check(index)

    # -- kernels -----------------------------------------------------------------------------------

    def built(
        self, key: tuple[Any, ...], index: int, render: Callable[[Dialect], Kernel],
        family: Callable[[], dict[tuple[Any, ...], Callable[[Dialect], Kernel]]] | None = None,
    ) -> tuple[Any, bool]:  # fmt: skip
        """The compiled kernel of a key (made by ``render`` once), and whether it takes the error word.

        ``family`` may give kernels by key, this one among them, to be compiled in one program where that is cheaper.
        """
        found = self._built.get((index, *key))
        if found is None:
            with self._lock:
                found = self._built.get((index, *key))
                if found is None:
                    dialect = self.dialect(index)
                    wanted = family() if family is not None and self.batches(index) else {key: render}
                    kernels = [rendered(dialect) for rendered in wanted.values()]
                    handles = self.build(program(dialect, kernels), kernels, index)
                    made = {k: (h, kernel.raises) for k, h, kernel in zip(wanted, handles, kernels, strict=True)}
                    self._built.update(((index, *k), one) for k, one in made.items())
                    found = made[key]
        return found

    def batches(self, index: int) -> bool:
        """Whether a program of forty kernels, one of which is needed now, compiles in little more than that one."""
        return False

    def run(self, found: tuple[Any, bool], units: int, arguments: list[Any], index: int) -> None:
        """Launch what :meth:`built` gave, with the error word where it takes one."""
        handle, raises = found
        if raises:
            arguments.append(self.error_word(index))
            self._pending[index] = True
            self.launch(handle, units, arguments, index)
            if not self.asynchronous:
                self.check(index)
        else:
            self.launch(handle, units, arguments, index)

    def workers(self, index: int) -> int:
        """How many callers are worth having: what a large reduction is split among."""
        return 1

    def units(self, sizes: tuple[int, ...], index: int) -> tuple[int, int]:
        """Elements of the innermost of these loops in one unit of work, and how many units there are."""
        block = loops.BLOCK if self.dialect(index).schedule == "chunks" else 1
        return block, prod(sizes[:-1]) * -(-sizes[-1] // block)

    def error_word(self, index: int) -> Any:
        """Four 64-bit integers on the device: what went wrong (0 for nothing), the value, the dimension, its size."""
        word = self._errors.get(index)
        if word is None:
            word = self._errors[index] = self.new_memory(32, index)
            self.write(word, np.zeros(4, np.int64), index)
        return word

    def check(self, index: int) -> None:
        """Raise what a kernel reported since the last time."""
        if not self._pending.pop(index, False):
            return
        code, value, dim, size = self.read(self._errors[index], 0, 32, index).view(np.int64).tolist()
        if code:
            self.write(self._errors[index], np.zeros(4, np.int64), index)
            raise DivisionByZero() if code == ERROR_CODES["ERROR_DIVISION"] else IndexOutOfBounds(value, dim, size)


def _parts(array: Window) -> Window:
    """Complex elements as pairs of real ones: what moves memory needs no more."""
    layout = array.layout
    shape, strides = (*layout.shape, 2), (*[2 * s for s in layout.strides], 1)
    return Window(array.memory, 2 * array.offset, Layout.of(shape, layout.dtype.to_real(), layout.device, strides))
