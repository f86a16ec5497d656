"""default_collate: a list of samples into one batch; default_convert: arrays of one sample into tensors."""

from __future__ import annotations

import copy
from collections.abc import Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from ...creation import as_tensor, tensor
from ...dtypes import float64
from ...ops import stack
from ...tensor import Tensor

__all__ = ["default_collate", "default_convert"]

_ERROR = "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {}"


def default_collate(batch: Sequence[Any]) -> Any:
    """Join samples along a new first dimension.

    Tensors and NumPy arrays are stacked; numbers become one tensor (floats a float64 one); strings stay a list;
    mappings, tuples and lists of these are joined item by item.

    Raises:
        TypeError: for any other kind of sample.
        RuntimeError: for sequences of unequal length.
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return stack(list(batch), 0)
    if isinstance(first, np.ndarray):
        if first.dtype.kind in "SUO":
            raise TypeError(_ERROR.format(first.dtype))
        return stack(list(map(as_tensor, batch)), 0)
    if isinstance(first, np.bool_ | np.number):
        return as_tensor(np.array(batch))
    if isinstance(first, float):
        return tensor(batch, dtype=float64)
    if isinstance(first, int):
        return tensor(batch)
    if isinstance(first, str | bytes):
        return batch
    if isinstance(first, Mapping):
        return _collate_mapping(first, batch)
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*map(default_collate, zip(*batch, strict=True)))
    if isinstance(first, Sequence):
        return _collate_sequence(first, batch)
    raise TypeError(_ERROR.format(type(first)))


def _collate_mapping(first: Mapping[Any, Any], batch: Sequence[Any]) -> Any:
    joined = {key: default_collate([sample[key] for sample in batch]) for key in first}
    try:
        if isinstance(first, MutableMapping):
            result = copy.copy(first)  # keeps whatever else the class holds
            result.update(joined)
            return result
        return type(first)(joined)  # type: ignore[call-arg]
    except TypeError:  # a class that cannot be copied or made this way
        return joined


def _collate_sequence(first: Sequence[Any], batch: Sequence[Any]) -> Any:
    if any(len(sample) != len(first) for sample in batch):
        raise RuntimeError("each element in list of batch should be of equal size")
    joined = list(map(default_collate, zip(*batch, strict=True)))
    if isinstance(first, tuple):
        return joined
    try:
        if isinstance(first, MutableSequence):
            result = copy.copy(first)  # keeps whatever else the class holds
            for i, item in enumerate(joined):
                result[i] = item
            return result
        return type(first)(joined)  # type: ignore[call-arg]
    except TypeError:  # a class that cannot be copied or made this way (range)
        return joined


def default_convert(data: Any) -> Any:
    """``data`` with every NumPy array and scalar in it, to any depth, as a tensor; everything else is left as it is.

    What a DataLoader that makes no batches does with its samples.
    """
    if isinstance(data, np.ndarray | np.bool_ | np.number):
        if isinstance(data, np.ndarray) and data.dtype.kind in "SUO":
            return data
        return as_tensor(data)
    if isinstance(data, Tensor | str | bytes):
        return data
    if isinstance(data, Mapping):
        return _converted(data, {key: default_convert(item) for key, item in data.items()})
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*map(default_convert, data))
    if isinstance(data, tuple):
        return list(map(default_convert, data))
    if isinstance(data, Sequence):
        return _converted(data, list(map(default_convert, data)))
    return data


def _converted(data: Any, items: Any) -> Any:
    """``items`` in an object like ``data``, or as they are where there can be none."""
    try:
        if isinstance(data, MutableMapping):
            result: Any = copy.copy(data)
            result.update(items)
            return result
        if isinstance(data, MutableSequence):
            result = copy.copy(data)
            for i, item in enumerate(items):
                result[i] = item
            return result
        return type(data)(items)
    except TypeError:
        return items
