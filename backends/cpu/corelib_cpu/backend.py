"""The CPU backend: storage, and the table of kernels that the other modules hold."""

from __future__ import annotations

import dataclasses
import os
import platform

import numpy as np

from corelib.backend.array_module import ArrayModuleBackend
from corelib.backend.base import DeviceProperties
from corelib.backend.errors import OutOfMemoryError
from corelib.dtypes import bfloat16
from corelib.layout import Layout

from . import (
    activation,
    convolution,
    elementwise,
    fft,
    indexing,
    linalg,
    loss,
    normalization,
    optimizers,
    pooling,
    products,
    random,
    reduction,
)
from .context import quiet
from .elementwise import Array
from .malloc import keep_big_blocks

__all__ = ["CpuBackend"]

_ndarray = np.ndarray

_KERNEL_MODULES = (
    elementwise, activation, reduction, indexing, products, random, convolution, pooling, normalization, loss,
    optimizers, linalg, fft,
)  # fmt: skip


class CpuBackend(ArrayModuleBackend):
    """NumPy arrays in host memory, with true strided views.

    Most kernels of the base class are replaced by ones that use NumPy better; the others run quietly.
    """

    name = "cpu"
    mutable = True
    strided = True

    def __init__(self) -> None:
        super().__init__(np, {bfloat16: bfloat16.numpy})
        for name, entry in self.kernels.items():
            self.kernels[name] = dataclasses.replace(entry, function=quiet(entry.function))
        for module in _KERNEL_MODULES:
            for function in vars(module).values():
                for name, dtypes, layout, predicate, out in getattr(function, "corelib_kernels", ()):
                    self.register(name, function, dtypes=dtypes, layout=layout, predicate=predicate, out=out)
        keep_big_blocks()

    def properties(self, index: int) -> DeviceProperties:
        """The processor's name and the machine's memory."""
        memory = None
        if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
            memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return DeviceProperties(_processor(), memory, {"cores": os.cpu_count()})

    def allocate(self, layout: Layout) -> Array:
        try:
            return np.empty(layout.shape, layout.dtype.numpy)
        except MemoryError as error:
            raise OutOfMemoryError(f"cpu: {error}") from error

    def allocate_together(self, layouts: list[Layout]) -> list[Array]:
        """Small ones in one piece of memory."""
        return optimizers.joined([(layout.shape, layout.dtype.numpy) for layout in layouts])

    def upload(self, host: Array, layout: Layout) -> Array:
        return np.array(host, dtype=layout.dtype.numpy, order="C")

    def adopt(self, host: Array, layout: Layout) -> Array:
        """The host array itself: a tensor that shares its memory."""
        return host

    def download(self, array: Array, layout: Layout) -> Array:
        return np.array(array, order="C")

    def as_strided(self, array: Array, layout: Layout, offset: int) -> Array:
        if array.flags.c_contiguous:
            try:
                return _ndarray(layout.shape, array.dtype, array, offset * array.itemsize, layout.byte_strides)
            except (TypeError, ValueError):  # no buffer of this dtype (bfloat16), or negative strides
                pass
        words = array.view(np.uint16) if array.dtype.kind == "V" else array
        if words.flags.c_contiguous and words is not array and min(layout.strides, default=0) >= 0:
            view = np.ndarray(layout.shape, words.dtype, words, offset * 2, layout.byte_strides)
        else:
            start = words if offset == 0 else _shifted(words, offset)
            view = np.lib.stride_tricks.as_strided(start, layout.shape, layout.byte_strides)
        return view.view(array.dtype)

    def describe(self, array: Array) -> Layout:
        """With strides; a NumPy scalar, which several ufuncs make of 0-d arrays, is no array."""
        if not isinstance(array, np.ndarray):
            raise TypeError(f"not a NumPy array: {type(array).__name__}")
        dense = super().describe(array)
        strides = tuple([step // array.itemsize for step in array.strides])
        return Layout.of(dense.shape, dense.dtype, dense.device, strides)

    def bitcast(self, array: Array, layout: Layout) -> Array:
        return array.reshape(-1).view(layout.dtype.numpy).reshape(layout.shape)


def _shifted(array: Array, offset: int) -> Array:
    """A one-element view ``offset`` elements (of memory) after the first element of ``array``."""
    return np.lib.stride_tricks.as_strided(array, (offset + 1,), (array.itemsize,))[offset:]


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:  # not Linux
        pass
    return platform.processor() or platform.machine()
