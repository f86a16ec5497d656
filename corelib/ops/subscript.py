"""Python's indexing: basic (views), advanced (gathers), and assignment."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from ..core.tensor import TENSORS, Tensor
from ..dtypes import bool_, int64, uint8
from ..layout import contiguous_strides
from . import rules
from .indexing import along_dim, copy_, fill, gather_kernel, nonzero, scatter_kernel
from .view import alias_of, expand, permute, select, slice_, unsqueeze

__all__ = ["assign", "getitem", "setitem"]


def _consumed(key: tuple[Any, ...]) -> int:
    """How many dimensions a key addresses."""
    addressing = [k for k in key if k is not None and k is not Ellipsis and not isinstance(k, bool)]
    return sum(k.ndim if isinstance(k, Tensor) and k.dtype in (bool_, uint8) else 1 for k in addressing)


def _basic(x: Tensor, key: tuple[Any, ...]) -> tuple[Tensor, list[Any]]:
    """Apply ints, slices, None and ...; what remains for advanced indexing is returned per dimension."""
    if _consumed(key) > x.ndim:
        if x.ndim == 0:
            raise IndexError(
                "invalid index of a 0-dim tensor. Use `tensor.item()` to convert a 0-dim tensor to a number"
            )
        raise IndexError(f"too many indices for tensor of dimension {x.ndim}")
    advanced: list[Any] = []
    d = 0
    for i, k in enumerate(key):
        if k is Ellipsis:
            skipped = x.ndim - d - _consumed(key[i + 1 :])
            advanced += [None] * skipped
            d += skipped
        elif k is None:
            x = unsqueeze(x, d)
            advanced.append(None)
            d += 1
        elif isinstance(k, bool):
            x = unsqueeze(x, d)
            advanced.append(_mask_of(k, x))
            d += 1
        elif isinstance(k, int):
            n = x.shape[d]
            if not -n <= k < n:
                raise IndexError(f"index {k} is out of bounds for dimension {d} with size {n}")
            x = select(x, d, k)
        elif isinstance(k, slice):
            if k.step is not None and _int(k.step) <= 0:
                raise ValueError("step must be greater than zero")
            if k.start not in (None, 0) or k.stop not in (None, x.shape[d]) or k.step not in (None, 1):
                x = slice_(x, d, _int(k.start), _int(k.stop), 1 if k.step is None else _int(k.step))
            advanced.append(None)
            d += 1
        else:
            advanced.append(k)
            d += k.ndim if k.dtype in (bool_, uint8) else 1
    return x, advanced


def _int(value: Any) -> Any:
    return None if value is None else value.__index__()


def _mask_of(value: bool, x: Tensor) -> Tensor:
    from .creation import tensor

    return tensor([value], device=x.device)


def _normalize(key: Any, x: Tensor) -> tuple[Any, ...]:
    """A key as a tuple of int, slice, None, Ellipsis, bool and tensors."""
    from .creation import tensor

    if isinstance(key, tuple) or (
        isinstance(key, list) and any(isinstance(k, (slice, Tensor, type(None))) or k is Ellipsis for k in key)
    ):
        parts = list(key)
    else:
        parts = [key]
    result: list[Any] = []
    for k in parts:
        if k is None or k is Ellipsis or isinstance(k, (bool, slice, int)):
            result.append(k)
        elif isinstance(k, Tensor):
            if k.dtype.category >= 2:
                raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
            if k.ndim == 0:
                result.append(bool(k) if k.dtype is bool_ else int(k))
            else:
                result.append(k)
        elif isinstance(k, (list, range, np.ndarray)):
            made = tensor(list(k) if isinstance(k, range) else k, device=x.device)
            result.append(made if made.numel() or made.dtype.category < 2 else made.to(int64))
        elif hasattr(k, "__index__"):
            result.append(k.__index__())
        elif isinstance(k, str):
            raise TypeError("new(): invalid data type 'str'")
        else:
            raise IndexError(
                "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices "
                f"(got {type(k).__name__})"
            )
    if len([k for k in result if k is Ellipsis]) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    return tuple(result)


def _expand_masks(x: Tensor, advanced: list[Any]) -> list[Any]:
    """Bool masks as index tensors; one entry a dimension of ``x``."""
    result: list[Any] = []
    for k in advanced:
        if k is None:
            result.append(None)
        elif k.dtype in (bool_, uint8):
            d = len(result)
            for i, n in enumerate(k.shape):
                if x.shape[d + i] != n:
                    raise IndexError(
                        f"The shape of the mask {list(k.shape)} at index {i} does not match the shape of the indexed "
                        f"tensor {list(x.shape)} at index {d + i}"
                    )
            result += list(nonzero(k.to(x.device), as_tuple=True)) if k.ndim else []
        else:
            index = k.to(x.device)
            result.append(index if index.dtype is int64 else index.to(int64))
    return result + [None] * (x.ndim - len(result))


def _addressed(x: Tensor, advanced: list[Any]) -> tuple[tuple[int, ...], list[Tensor], list[int], list[int]]:
    """For advanced indexing: (the common shape of the indices, they in it and from 0, their dimensions, the others)."""
    from .elementwise import add, lt, where

    dims = [d for d, k in enumerate(advanced) if k is not None]
    shapes = [tuple(advanced[d].shape) for d in dims]
    try:
        shape = rules.broadcast_shapes(*shapes)
    except RuntimeError:
        raise IndexError(
            "shape mismatch: indexing tensors could not be broadcast together with shapes "
            + ", ".join(str(list(s)) for s in shapes)
        ) from None
    indices = []
    for d in dims:
        k, n = advanced[d], x.shape[d]
        if k.numel():
            low, high = int(k.min()), int(k.max())
            if low < -n or high >= n:
                bad = low if low < -n else high
                raise IndexError(f"index {bad} is out of bounds for dimension {d} with size {n}")
            if low < 0:
                k = where(lt(k, 0), add(k, n), k)
        indices.append(expand(k, shape))
    return shape, indices, dims, [d for d in range(x.ndim) if d not in dims]


def _flat(indices: list[Tensor], steps: Sequence[int]) -> Tensor:
    """One position for each place of the indices: their sum, by the steps of their dimensions; a vector."""
    position: Any = 0
    for k, step in zip(indices, steps, strict=True):
        position = k * step + position
    return position.reshape(-1)  # type: ignore[no-any-return]


def getitem(x: Tensor, key: Any) -> Tensor:
    """``x[key]``: a view for ints, slices, None and ...; a copy for tensors, lists and masks."""
    if key.__class__ is int and x._layout.shape:
        n = x._layout.shape[0]
        if not -n <= key < n:
            raise IndexError(f"index {key} is out of bounds for dimension 0 with size {n}")
        return select(x, 0, key)
    viewed, advanced = _basic(x, _normalize(key, x))
    if all(k is None for k in advanced):
        return alias_of(viewed) if viewed is x else viewed
    advanced = _expand_masks(viewed, advanced)
    if all(k is None for k in advanced):  # only a 0-d mask
        return viewed
    shape, indices, dims, rest = _addressed(viewed, advanced)
    order = (*dims, *rest)
    moved = permute(viewed, order) if order != tuple(range(viewed.ndim)) else viewed
    sizes, rest_shape = [viewed.shape[d] for d in dims], tuple(viewed.shape[d] for d in rest)
    source = moved.reshape((prod(sizes), *rest_shape))
    rows = _flat(indices, contiguous_strides(tuple(sizes)))
    picked = gather_kernel(source, along_dim(rows, 0, source.shape), 0)
    result = picked.reshape((*shape, *rest_shape))
    # indices that stand together keep their place; otherwise their dimensions come first
    together = dims == list(range(dims[0], dims[0] + len(dims)))
    before = dims[0] if together else 0
    if before:
        n = len(shape)
        total = n + len(rest)
        result = permute(result, (*range(n, n + before), *range(n), *range(n + before, total)))
    return result


def setitem(x: Tensor, key: Any, value: Any) -> None:
    """``x[key] = value``: writes through the view, or scatters."""
    from .creation import arange, tensor

    if value.__class__ not in TENSORS and not isinstance(value, (bool, int, float, complex)):
        if not isinstance(value, (list, tuple, np.ndarray, np.generic)):
            raise TypeError(f"can't assign a {type(value).__name__} to a torch.{rules.what(x.dtype)}Tensor")
        value = tensor(value, dtype=x.dtype, device=x.device)
    viewed, advanced = _basic(x, _normalize(key, x))
    if all(k is None for k in advanced):
        assign(viewed, value)
        return
    advanced = _expand_masks(viewed, advanced)
    if all(k is None for k in advanced):
        assign(viewed, value)
        return
    shape, indices, dims, rest = _addressed(viewed, advanced)
    rest_shape = tuple(viewed.shape[d] for d in rest)
    together = dims == list(range(dims[0], dims[0] + len(dims)))
    before = dims[0] if together else 0
    target = (*rest_shape[:before], *shape, *rest_shape[before:])
    if not isinstance(value, Tensor):
        value = tensor(value, dtype=x.dtype, device=x.device)
    value = value.to(x.device).to(x.dtype)
    while value.ndim > len(target) and value.shape[0] == 1:
        value = value.squeeze(0)
    if rules.broadcast_shapes(target, value.shape) != target:
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(value.shape)} cannot be broadcast to indexing result of "
            f"shape {list(target)}"
        )
    spread = expand(value, target)
    if before:
        n = len(shape)
        spread = permute(spread, (*range(before, before + n), *range(before), *range(before + n, len(target))))
    # a flat scatter over the memory order of ``viewed``, then one write through the view
    count = prod(shape)
    steps = contiguous_strides(viewed.shape)
    index = _flat(indices, [steps[d] for d in dims]).reshape((count, *(1,) * len(rest)))
    for i, d in enumerate(rest):
        along = arange(viewed.shape[d], device=x.device) * steps[d]
        index = index + along.reshape((-1,) + (1,) * (len(rest) - 1 - i))
    written = scatter_kernel(viewed.reshape(-1), index.reshape(-1), spread.reshape((count, *rest_shape)).reshape(-1), 0)
    viewed.copy_(written.reshape(viewed.shape))


def assign(dest: Tensor, value: Any) -> Tensor:
    """``dest.copy_(value)`` for a tensor or number, with leading size-1 dimensions dropped as PyTorch does."""
    if value.__class__ in TENSORS:
        if tuple(value.shape) != tuple(dest.shape):
            while value.ndim and value.shape[0] == 1:
                value = value.squeeze(0)
            value = expand(value, tuple(dest.shape))
        return copy_(dest, value)
    return fill(dest, value)
