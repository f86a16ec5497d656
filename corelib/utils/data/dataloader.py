"""DataLoader: batches of a dataset, loaded in the calling process or by worker processes."""

from __future__ import annotations

import multiprocessing
import warnings
from collections.abc import Callable, Iterable, Iterator, Sized
from multiprocessing.context import BaseContext
from typing import Any, Generic, TypeVar, cast

from ...random import Generator
from ._fetch import make_fetch
from ._worker import Job
from ._workers import WorkersIterator
from .collate import default_collate, default_convert
from .dataset import Dataset, IterableDataset
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler, draw_seed

__all__ = ["DataLoader"]

T_co = TypeVar("T_co", covariant=True)


_FIXED = ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")


class DataLoader(Generic[T_co]):
    """Iterates over a dataset in batches; every iteration is a new pass.

    Args:
        dataset: has ``__getitem__`` and ``__len__`` (or ``__getitems__`` for whole batches), or is an IterableDataset.
        batch_size: samples a batch; None gives the samples themselves.
        shuffle: visit the samples in an order drawn anew for every pass.
        sampler: yields the indices instead; ``batch_sampler`` yields lists of them.
        num_workers: processes that make the batches; 0 makes them in the calling process.
        collate_fn: makes a batch of a list of samples; ``default_collate`` by default, and without batches
            ``default_convert``.
        pin_memory, pin_memory_device: accepted, without effect.
        drop_last: leave a last incomplete batch out.
        timeout: seconds to wait for workers before a RuntimeError; 0 waits for ever.
        worker_init_fn: called in each worker with its id, after seeding.
        multiprocessing_context: a context of ``multiprocessing`` or a start method: "fork" (the default on Linux),
            "spawn", "forkserver".  A dataset for the last two must be picklable.
        generator: where the order and the workers' seeds are drawn from; the default generator by default.
        prefetch_factor: batches that each worker makes ahead, 2 by default.
        persistent_workers: keep the processes from pass to pass.
        in_order: give batches in the order of their indices; otherwise as they come.

    The indices are drawn in the calling process: one seed gives the same batches with any number of workers, as
    long as the dataset itself draws nothing.  In worker i the streams of corelib, ``random`` and NumPy are seeded
    with a base seed plus i, as in PyTorch.  An exception of a worker is raised in the calling process, with the
    same type and the worker's traceback as its text.
    """

    _ready = False

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
        stream = isinstance(dataset, IterableDataset)
        if stream:
            _check_stream(shuffle, sampler, batch_sampler)
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
            if stream:
                sampler = cast(Any, _Endless())
            else:
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
        self.multiprocessing_context = _context(multiprocessing_context)
        self.prefetch_factor = 2 if prefetch_factor is None and num_workers > 0 else prefetch_factor
        self.persistent_workers = persistent_workers
        self.in_order = in_order
        self.collate_fn = collate_fn or (default_collate if batch_sampler is not None else default_convert)
        self._stream = stream
        self._iterator: WorkersIterator | None = None
        self._length_told: int | None = None
        self._ready = True

    def __setattr__(self, name: str, value: Any) -> None:
        if self._ready and name in _FIXED:
            raise ValueError(f"{name} attribute should not be set after {type(self).__name__} is initialized")
        super().__setattr__(name, value)

    @property
    def _index_source(self) -> Any:
        return self.sampler if self.batch_sampler is None else self.batch_sampler

    def __iter__(self) -> Iterator[Any]:
        base_seed = draw_seed(self.generator)  # without workers too: what is drawn later is the same
        passes = self._in_workers(base_seed) if self.num_workers > 0 else _InProcess(self)
        return _Counted(self, passes) if self._stream else passes

    def _in_workers(self, base_seed: int) -> WorkersIterator:
        if self._iterator is not None and self._iterator.alive:
            self._iterator.reset()
            return self._iterator
        job = Job(
            self.dataset, self._stream, self.batch_sampler is not None, self.collate_fn, self.drop_last, base_seed,
            self.worker_init_fn, self.num_workers,
        )  # fmt: skip
        iterator = WorkersIterator(self, job, self._index_source)
        if self.persistent_workers:
            self._iterator = iterator
        return iterator

    def __len__(self) -> int:
        if not self._stream:
            return len(self._index_source)
        length = self._length_told = len(cast(Sized, self.dataset))
        if self.batch_size is None:
            return length
        return length // self.batch_size if self.drop_last else -(-length // self.batch_size)


class _InProcess:
    """A pass over the batches, made in the calling process."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        batches = loader.batch_sampler is not None
        self._source = loader._index_source
        self._indices = iter(self._source)
        self._fetch = make_fetch(loader.dataset, loader._stream, batches, loader.collate_fn, loader.drop_last)

    def __iter__(self) -> _InProcess:
        return self

    def __len__(self) -> int:
        return len(self._source)

    def __next__(self) -> Any:
        return self._fetch(next(self._indices))


class _Counted:
    """A pass over a stream, which warns when it gives more than ``len(loader)`` said."""

    def __init__(self, loader: DataLoader[Any], batches: Iterator[Any]) -> None:
        self._loader, self._batches, self._count = loader, batches, 0

    def __iter__(self) -> _Counted:
        return self

    def __len__(self) -> int:
        return len(self._loader)

    def __next__(self) -> Any:
        batch = next(self._batches)
        self._count += 1
        told = self._loader._length_told
        size = self._loader.batch_size
        if told is not None and self._count > (told if size is None else -(-told // size)):
            self._loader._length_told = None  # once
            text = (
                f"Length of IterableDataset {self._loader.dataset} was reported to be {told}"
                f"(when accessing len(dataloader)), but {self._count} samples have been fetched. "
            )
            if self._loader.num_workers > 0:
                text += (
                    "For multiprocessing data-loading, this could be caused by not properly configuring the "
                    "IterableDataset replica at each worker: get_worker_info() says which part is whose."
                )
            warnings.warn(text, stacklevel=2)
        return batch


class _Endless(Sampler[None]):
    """Stands for the indices of a stream, which has none."""

    def __iter__(self) -> Iterator[None]:
        while True:
            yield None


def _check_stream(shuffle: bool | None, sampler: Any, batch_sampler: Any) -> None:
    """A stream decides its order itself."""
    for name, given in (("sampler", sampler), ("batch_sampler", batch_sampler)):
        if given is not None:
            raise ValueError(
                f"DataLoader with IterableDataset: expected unspecified {name} option, but got {name}={given}"
            )
    if shuffle not in (None, False):
        raise ValueError(
            f"DataLoader with IterableDataset: expected unspecified shuffle option, but got shuffle={shuffle}"
        )


def _context(given: Any) -> Any:
    if given is None or isinstance(given, BaseContext):
        return given
    if not isinstance(given, str):
        raise TypeError(
            "multiprocessing_context option should be a valid context object or a string specifying the start "
            f"method, but got multiprocessing_context={given}"
        )
    methods = multiprocessing.get_all_start_methods()
    if given not in methods:
        raise ValueError(
            f"multiprocessing_context option should specify a valid start method in {methods!r}, but got "
            f"multiprocessing_context={given!r}"
        )
    return multiprocessing.get_context(given)


def _check_workers(
    num_workers: int, timeout: float, context: Any, prefetch_factor: int | None, persistent_workers: bool
) -> None:
    if num_workers < 0:
        raise ValueError("num_workers option should be non-negative; use num_workers=0 to disable multiprocessing.")
    if timeout < 0:
        raise ValueError("timeout option should be non-negative")
    if num_workers > 0:
        if prefetch_factor is not None and prefetch_factor < 0:
            raise ValueError("prefetch_factor option should be non-negative")
        return
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
