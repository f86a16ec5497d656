"""What a kernel may rely on: each function checks one promise that the frontend makes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from corelib.backend.errors import BackendError
from corelib.dtypes import dtype, iinfo, int64
from corelib.layout import Layout

from .handle import Handle, elements


class StrictViolation(BackendError, AssertionError):
    """The frontend broke a promise of the backend contract.  The message begins with the kernel's name."""


def require(kept: bool, promise: str) -> None:
    """Raise :class:`StrictViolation` unless the promise was kept."""
    if not kept:
        raise StrictViolation(promise)


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Put the name of a kernel or storage method before the promise that was broken in it."""
    try:
        yield
    except StrictViolation as broken:
        raise StrictViolation(f"{name}: {broken}") from None


def call(dtypes: Collection[dtype], operands: Sequence[Any]) -> int:
    """The first array has a dtype that the kernel is registered for, and all are on one device, which is returned."""
    handles = [x for x in operands if isinstance(x, Handle)]
    for x in handles[:1]:
        require(x._dtype in dtypes, f"it is not registered for {x._dtype.name}")
    indices = {x._memory.index for x in handles}
    indices |= {x.device.index or 0 for x in operands if isinstance(x, Layout)}
    require(len(indices) > 0, f"at least one operand is an array, got {list(operands)}")
    require(len(indices) < 2, f"operands live on one device, got {list(operands)}")
    return indices.pop()


def arrays(*operands: Any) -> None:
    """Where a kernel takes only arrays it gets only handles."""
    for x in operands:
        require(isinstance(x, Handle), f"an array operand is a handle of this backend, got {type(x).__name__}")


def number(value: Any, dtype: dtype) -> None:
    """A Python number comes in the class of the compute type: bool, int in the dtype's range, or float."""
    expected = (bool, int, float)[dtype.category]
    require(type(value) is expected, f"a number for {dtype.name} is a {expected.__name__}, got {value!r}")
    if expected is int:
        limits = iinfo(dtype)
        require(limits.min <= value <= limits.max, f"{value} is outside the range of {dtype.name}")


def elementwise(operands: Sequence[Any]) -> Handle:
    """Operands are arrays of one dtype, expanded to one shape, or numbers; the first array is returned."""
    handles = [x for x in operands if isinstance(x, Handle)]
    require(bool(handles), "at least one operand is an array")
    first = handles[0]
    for x in operands:
        if isinstance(x, Handle):
            same = x._dtype is first._dtype and x._shape == first._shape
            require(same, f"operands have one dtype and are expanded to one shape, got {first!r} and {x!r}")
        else:
            number(x, first._dtype)
    return first


def dim(value: Any, x: Handle) -> None:
    """A dimension is a non-negative int below the rank; for a 0-d array it is 0."""
    arrays(x)
    rank = max(len(x._shape), 1)
    require(type(value) is int and 0 <= value < rank, f"dim is an int in [0, {rank}), got {value!r}")


def reduction(x: Handle, dims: Any, keepdim: Any) -> None:
    """``dims`` is a sorted tuple of distinct ints in [0, rank), empty only for a 0-d array; ``keepdim`` is a bool."""
    arrays(x)
    rank = len(x._shape)
    good = isinstance(dims, tuple) and all(type(d) is int and 0 <= d < rank for d in dims)
    good = good and list(dims) == sorted(set(dims)) and (len(dims) > 0 or rank == 0)
    require(good, f"dims is a sorted tuple of dimensions of {x!r} (all, not none), got {dims!r}")
    require(type(keepdim) is bool, f"keepdim is a bool, got {keepdim!r}")


def index(index: Any, x: Handle, along: int) -> None:
    """An index array is int64, has x's rank, and is no larger than x in every dimension but ``along``."""
    arrays(index)
    good = index._dtype is int64 and len(index._shape) == len(x._shape)
    good = good and all(n <= m for d, (n, m) in enumerate(zip(index._shape, x._shape, strict=True)) if d != along)
    require(good, f"index is int64 and, outside dimension {along}, within {x!r}; got {index!r}")


def destination(out: Any, shape: tuple[int, ...], dtype: dtype, device: int, inputs: Sequence[Any]) -> None:
    """``out`` has the result's shape, dtype and device, and is disjoint from each input or the very same view."""
    arrays(out)
    same = out._shape == shape and out._dtype is dtype and out._memory.index == device
    require(same, f"out is as the result, {dtype.name}{list(shape)} on strict:{device}; got {out!r}")
    expanded = any(size > 1 and stride == 0 for size, stride in zip(shape, out._strides, strict=True))
    require(not expanded, "out is not an expanded (stride 0) view")
    target = elements(out).squeeze()  # strides of dimensions of size 1 mean nothing
    for view in (elements(x).squeeze() for x in inputs if isinstance(x, Handle)):
        same = view.__array_interface__ == target.__array_interface__  # address, shape, strides and dtype
        require(same or not np.shares_memory(view, target), "out does not partly overlap an input")
