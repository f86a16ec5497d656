"""DataLoader: batches of a dataset, loaded in the calling process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

from ...random import Generator
from .collate import default_collate
from .dataset import Dataset, tensor_batch
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler

__all__ = ["DataLoader"]

T_co = TypeVar("T_co", covariant=True)


class DataLoader(Generic[T_co]):
    """Iterates over a dataset in batches; every iteration is a new pass.

    Args:
        dataset: has ``__getitem__`` and ``__len__`` (or ``__getitems__`` for whole batches).
        batch_size: samples a batch; None gives the samples themselves.
        shuffle: visit the samples in an order drawn anew for every pass.
        sampler: yields the indices instead; ``batch_sampler`` yields lists of them.
        collate_fn: makes a batch of a list of samples; ``default_collate`` by default.
        drop_last: leave a last incomplete batch out.
        generator: where the order is drawn from; the default generator by default.
        num_workers: only 0 is there yet.

    The remaining arguments concern workers and pinned memory and are accepted at their defaults, as in PyTorch.
    """

    def __init__(
        self,
        dataset: Dataset[T_co],
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Sampler[Any] | Iterable[Any] | None = None,
        batch_sampler: Sampler[list[Any]] | Iterable[list[Any]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        _check_workers(num_workers, timeout, multiprocessing_context, prefetch_factor, persistent_workers)
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError(
                    "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last"
                )
            batch_size, drop_last = None, False
        elif batch_size is None and drop_last:
            raise ValueError("batch_size=None option disables auto-batching and is mutually exclusive with drop_last")
        if sampler is None:
            source: Any = dataset
            sampler = RandomSampler(source, generator=generator) if shuffle else SequentialSampler(source)
        if batch_size is not None and batch_sampler is None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.dataset = dataset
        self.batch_size = batch_size
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.num_workers = num_workers
        self.drop_last = drop_last
        self.generator = generator
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.prefetch_factor = prefetch_factor
        self.persistent_workers = persistent_workers
        self.in_order = in_order
        self.collate_fn = collate_fn or (default_collate if batch_sampler is not None else _as_is)

    def __iter__(self) -> Iterator[Any]:
        if self.batch_sampler is None:
            for index in self.sampler:
                yield self.collate_fn(self.dataset[index])  # type: ignore[arg-type]
        else:
            for indices in self.batch_sampler:
                yield self._batch(indices)

    def _batch(self, indices: list[Any]) -> Any:
        if self.collate_fn is default_collate:
            batch = tensor_batch(self.dataset, indices)
            if batch is not None:
                return batch
        whole = getattr(self.dataset, "__getitems__", None)
        samples = whole(indices) if whole is not None else [self.dataset[i] for i in indices]
        return self.collate_fn(samples)

    def __len__(self) -> int:
        source: Any = self.sampler if self.batch_sampler is None else self.batch_sampler
        return len(source)


def _as_is(sample: Any) -> Any:
    return sample


def _check_workers(
    num_workers: int, timeout: float, context: Any, prefetch_factor: int | None, persistent_workers: bool
) -> None:
    """Only loading in the calling process is there yet; the options are checked as PyTorch checks them."""
    if num_workers < 0:
        raise ValueError("num_workers option should be non-negative; use num_workers=0 to disable multiprocessing.")
    if timeout < 0:
        raise ValueError("timeout option should be non-negative")
    if num_workers > 0:
        raise NotImplementedError(
            f"DataLoader: num_workers={num_workers} is not supported yet; use num_workers=0, "
            "which loads in the calling process"
        )
    if prefetch_factor is not None:
        raise ValueError(
            "prefetch_factor option could only be specified in multiprocessing."
            "let num_workers > 0 to enable multiprocessing, otherwise set prefetch_factor to None."
        )
    if persistent_workers:
        raise ValueError("persistent_workers option needs num_workers > 0")
    if context is not None:
        raise ValueError(
            "multiprocessing_context can only be used with multi-process loading (num_workers > 0), "
            "but got num_workers=0"
        )
