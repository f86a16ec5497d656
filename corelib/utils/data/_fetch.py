"""What makes a batch from indices: the same in the calling process and in a worker."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

from .collate import default_collate
from .dataset import tensor_batch

__all__ = ["Fetch", "make_fetch"]

Fetch = Callable[[Any], Any]


def make_fetch(dataset: Any, stream: bool, batches: bool, collate_fn: Callable[[Any], Any], drop_last: bool) -> Fetch:
    """A function from an index, or from a list of them where ``batches``, to what the loader gives.

    Of a ``stream`` the indices only say how many samples are wanted; at its end the function raises StopIteration.
    """
    if stream:
        return _Stream(dataset, batches, collate_fn, drop_last)
    if not batches:
        return lambda index: collate_fn(dataset[index])

    def fetch(indices: list[Any]) -> Any:
        if collate_fn is default_collate:
            batch = tensor_batch(dataset, indices)
            if batch is not None:
                return batch
        whole = getattr(dataset, "__getitems__", None)
        return collate_fn(whole(indices) if whole is not None else [dataset[i] for i in indices])

    return fetch


class _Stream:
    """The next samples of an iterable dataset."""

    def __init__(self, dataset: Any, batches: bool, collate_fn: Callable[[Any], Any], drop_last: bool) -> None:
        self.samples = iter(dataset)
        self.batches, self.collate_fn, self.drop_last = batches, collate_fn, drop_last
        self.ended = False

    def __call__(self, indices: Any) -> Any:
        if self.ended:
            raise StopIteration
        if not self.batches:
            return self.collate_fn(next(self.samples))
        batch = list(islice(self.samples, len(indices)))
        self.ended = len(batch) < len(indices)
        if not batch or (self.ended and self.drop_last):
            raise StopIteration
        return self.collate_fn(batch)
