"""Opaque arrays.  A handle has no public attribute, no protocol and no arithmetic: it can only be handed back.

The underscored attributes are for this package; a frontend that reads them breaks the contract.
"""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from corelib.dtypes import dtype

Values = np.ndarray[Any, Any]


class Memory:
    """One allocation on one fake device: its poisoned bytes, entered in the device's account while it lives."""

    __slots__ = ("account", "bytes", "index")

    def __init__(self, nbytes: int, index: int, account: dict[int, int], poison: int) -> None:
        self.account = account  # first, since what follows may fail
        self.bytes = np.full(nbytes, poison, np.uint8)
        self.index = index
        account[id(self)] = nbytes

    def __del__(self) -> None:
        self.account.pop(id(self), None)


class Handle:
    """A realized view: ``_shape`` elements of ``_dtype`` in ``_memory``, the first at byte ``_offset``.

    ``_strides`` are in elements; they may be 0 or negative.
    """

    __slots__ = ("_dtype", "_memory", "_offset", "_shape", "_strides")

    def __init__(self, memory: Memory, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], d: dtype) -> None:
        self._memory = memory
        self._offset = offset
        self._shape = tuple(shape)
        self._strides = strides
        self._dtype = d

    def __repr__(self) -> str:
        return f"<strict handle {self._dtype.name}{list(self._shape)} on strict:{self._memory.index}>"

    def __bool__(self) -> NoReturn:
        raise TypeError("a strict handle is opaque: it has no truth value")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a strict handle is opaque: it cannot be copied or pickled")


def elements(handle: Handle) -> Values:
    """The handle's elements as a NumPy view that aliases its memory."""
    if 0 in handle._shape:
        return np.empty(handle._shape, handle._dtype.numpy)
    strides = [stride * handle._dtype.itemsize for stride in handle._strides]
    return np.ndarray(handle._shape, handle._dtype.numpy, handle._memory.bytes, handle._offset, strides)
