"""The array API standard's namespace: corelib's functions, and the standard's own names where they differ.

``x.__array_namespace__()`` gives this module, so that code written against the standard runs on tensors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import corelib

from .dtypes import dtype
from .tensor import Tensor

__array_api_version__ = "2023.12"

Axis = int | Sequence[int] | None


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(corelib, name)


def astype(x: Tensor, dtype: dtype, /, *, copy: bool = True, device: Any = None) -> Tensor:
    """``x`` in another dtype."""
    return x.to(device or x.device, dtype, copy=copy)


def isdtype(dtype: dtype, kind: Any) -> bool:
    """Whether a dtype is one, of a named kind ("bool", "integral", "real floating", ...), or any of a tuple."""
    if isinstance(kind, tuple):
        return any(isdtype(dtype, k) for k in kind)
    if not isinstance(kind, str):
        return dtype is kind
    kinds = {
        "bool": dtype.category == 0,
        "signed integer": dtype.category == 1 and dtype.is_signed,
        "unsigned integer": dtype.category == 1 and not dtype.is_signed,
        "integral": dtype.category == 1,
        "real floating": dtype.category == 2,
        "complex floating": dtype.category == 3,
        "numeric": dtype.category > 0,
    }
    if kind not in kinds:
        raise ValueError(f"unknown kind of dtype: {kind!r}; use one of {', '.join(kinds)}")
    return kinds[kind]


def permute_dims(x: Tensor, /, axes: Sequence[int]) -> Tensor:
    """Dimensions in another order."""
    return x.permute(*axes)


def matrix_transpose(x: Tensor, /) -> Tensor:
    """The last two dimensions exchanged."""
    return x.mT


def expand_dims(x: Tensor, /, *, axis: int = 0) -> Tensor:
    """A dimension of size 1 at ``axis``."""
    return x.unsqueeze(axis)


def squeeze(x: Tensor, /, axis: Axis) -> Tensor:
    """Without dimensions of size 1; ValueError where one is larger."""
    axes = (axis,) if isinstance(axis, int) else tuple(axis or ())
    if any(x.shape[a] != 1 for a in axes):
        raise ValueError(f"squeeze: axes {axes} of shape {tuple(x.shape)} are not all of size 1")
    return x.squeeze(axes)


def flip(x: Tensor, /, *, axis: Axis = None) -> Tensor:
    """Elements in reverse along the axes (all of them)."""
    axes = tuple(range(x.ndim)) if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
    return corelib.flip(x, axes)


def roll(x: Tensor, /, shift: Any, *, axis: Axis = None) -> Tensor:
    """Elements moved on, around the ends."""
    result: Tensor = corelib.roll(x, shift, axis)
    return result


def max(x: Tensor, /, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The largest element."""
    return corelib.amax(x, axis if axis is None or isinstance(axis, int) else tuple(axis), keepdims)


def min(x: Tensor, /, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The smallest element."""
    return corelib.amin(x, axis if axis is None or isinstance(axis, int) else tuple(axis), keepdims)


def var(x: Tensor, /, *, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Tensor:
    """The variance, biased unless corrected."""
    result: Tensor = corelib.var(x, axis, correction=int(correction), keepdim=keepdims)
    return result


def std(x: Tensor, /, *, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Tensor:
    """The standard deviation, biased unless corrected."""
    return corelib.sqrt(var(x, axis=axis, correction=correction, keepdims=keepdims))


def sort(x: Tensor, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """The elements in order."""
    return corelib.sort(x, axis, descending)[0]


def argsort(x: Tensor, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """The indices that sort."""
    return corelib.sort(x, axis, descending)[1]


def take(x: Tensor, indices: Tensor, /, *, axis: int | None = None) -> Tensor:
    """Elements by index along an axis."""
    return corelib.index_select(x, 0 if axis is None else axis, indices)


def nonzero(x: Tensor, /) -> tuple[Tensor, ...]:
    """The indices of the elements that are not zero, an array a dimension."""
    return corelib.where(x)


def cumulative_sum(x: Tensor, /, *, axis: int | None = None, dtype: dtype | None = None) -> Tensor:
    """The running sum."""
    return corelib.cumsum(x, 0 if axis is None else axis, dtype)


def unstack(x: Tensor, /, *, axis: int = 0) -> tuple[Tensor, ...]:
    """The slices along an axis."""
    return tuple(corelib.unbind(x, axis))


def bitwise_invert(x: Tensor, /) -> Tensor:
    """Each bit inverted."""
    return corelib.bitwise_not(x)


def unique_values(x: Tensor, /) -> Tensor:
    """The distinct elements."""
    result: Tensor = corelib.unique(x)
    return result


def broadcast_arrays(*arrays: Tensor) -> list[Tensor]:
    """The arrays in their common shape."""
    return list(corelib.broadcast_tensors(*arrays))
