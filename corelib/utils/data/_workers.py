"""The iterator of a DataLoader with worker processes: hands out indices, gives batches back in order."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import sys
import time
import warnings
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from . import _worker
from ._worker import END, RESUME, Failure, Job

__all__ = ["WorkersIterator", "default_context"]

_GRACE_SECONDS = 5.0  # what a worker has to end by itself


def default_context() -> Any:
    """fork on Linux; elsewhere what Python takes by default."""
    return multiprocessing.get_context("fork" if sys.platform == "linux" else None)


@dataclass(eq=False)
class _Worker:
    process: Any
    tasks: Connection
    results: Connection
    active: bool = True  # its stream goes on


class WorkersIterator:
    """One pass, or with persistent workers one after the other, over the batches of a loader.

    Batch i is made by worker i modulo their number, as long as none has ended; at most ``prefetch_factor`` batches
    per worker are under way.
    """

    def __init__(self, loader: Any, job: Job, indices: Any) -> None:
        if loader.prefetch_factor <= 0:
            raise AssertionError("prefetch_factor must be greater than 0 for MultiProcessingDataLoaderIter")
        self._timeout = loader.timeout
        self._persistent = loader.persistent_workers
        self._in_order = loader.in_order
        self._ahead = loader.prefetch_factor * loader.num_workers
        self._source = indices
        self._workers: list[_Worker] = []
        self._finalizer = weakref.finalize(self, _shutdown, self._workers, os.getpid())
        context = loader.multiprocessing_context or default_context()
        try:
            for i in range(loader.num_workers):
                self._workers.append(_start(context, job, i, self._workers))
        except BaseException:
            self._finalizer()
            raise
        self._begin()

    def _begin(self) -> None:
        self._indices: Iterator[Any] = iter(self._source)
        self._sent = self._next = self._turn = 0
        self._owner: dict[int, _Worker] = {}  # position of a batch under way: who makes it
        self._ready: dict[int, Any] = {}
        for worker in self._workers:
            worker.active = True
        for _ in range(self._ahead):
            self._hand_out(None)

    def reset(self) -> None:
        """Start another pass: what is still under way is thrown away."""
        try:
            for worker in self._workers:
                try:
                    worker.tasks.send((RESUME, None))
                except OSError:
                    raise _lost([worker]) from None
            waiting = list(self._workers)
            while waiting:
                for worker, position, _ in self._receive(waiting):
                    if position == RESUME:
                        waiting.remove(worker)
            self._begin()
        except BaseException:
            self._abandon()
            raise

    def _abandon(self) -> None:
        """End the workers at once: one is lost or late, or it was Ctrl-C."""
        for worker in self._workers:
            worker.process.terminate()
        self._finalizer()

    def __iter__(self) -> WorkersIterator:
        return self

    def __len__(self) -> int:
        return len(self._source)

    def __next__(self) -> Any:
        if not self._workers:
            raise StopIteration
        try:
            answer = self._take()
        except BaseException:
            self._abandon()
            raise
        if answer is None:
            if not self._persistent:
                self._finalizer()
            raise StopIteration
        if isinstance(answer, Failure):
            answer.reraise()
        return answer[0]

    def _take(self) -> Any:
        """The next answer that is a batch or a failure; None at the end."""
        while self._owner:
            if not self._in_order:
                position = next(iter(self._ready), -1)
            else:
                while self._next not in self._owner:
                    self._next += 1
                position = self._next if self._next in self._ready else -1
            if position < 0:
                for _, got, answer in self._receive(self._workers):
                    self._ready[got] = answer
                continue
            answer = self._ready.pop(position)
            worker = self._owner.pop(position)
            if answer == END:
                worker.active = False
            self._hand_out(None if self._in_order else worker)
            if answer != END:
                return answer
        return None

    def _hand_out(self, preferred: _Worker | None) -> None:
        """Send the next indices to the next worker in turn, or to the preferred one."""
        worker = preferred if preferred is not None and preferred.active else self._in_turn()
        if worker is None:
            return
        try:
            indices = next(self._indices)
        except StopIteration:
            return
        try:
            worker.tasks.send((self._sent, indices))
        except OSError:
            raise _lost([worker]) from None
        self._owner[self._sent] = worker
        self._sent += 1

    def _in_turn(self) -> _Worker | None:
        for _ in self._workers:
            worker = self._workers[self._turn]
            self._turn = (self._turn + 1) % len(self._workers)
            if worker.active:
                return worker
        return None

    @property
    def alive(self) -> bool:
        """Whether there are workers for another pass."""
        return bool(self._workers)

    def _receive(self, workers: list[_Worker]) -> list[tuple[_Worker, Any, Any]]:
        """Wait until at least one of them has said something, and say what."""
        by_connection = {worker.results: worker for worker in workers}
        by_sentinel = {worker.process.sentinel: worker for worker in workers}
        signalled = wait([*by_connection, *by_sentinel], self._timeout or None)
        if not signalled:
            raise RuntimeError(f"DataLoader timed out after {self._timeout} seconds")
        got = []
        for connection in [c for c in by_connection if c in signalled]:
            worker = by_connection[connection]
            try:
                data = connection.recv_bytes()
            except (EOFError, OSError):
                raise _lost([worker]) from None
            got.append((worker, *pickle.loads(data)))
        if not got:  # a process has ended, and left nothing to read
            raise _lost([by_sentinel[s] for s in by_sentinel if s in signalled])
        return got


def _lost(workers: list[_Worker]) -> RuntimeError:
    pids = ", ".join(str(worker.process.pid) for worker in workers)
    return RuntimeError(f"DataLoader worker (pid(s) {pids}) exited unexpectedly")


def _start(context: Any, job: Job, worker_id: int, others: list[_Worker]) -> _Worker:
    theirs, tasks = context.Pipe(duplex=False)
    results, back = context.Pipe(duplex=False)
    forked = context.get_start_method() == "fork"
    inherited = [c for other in others for c in (other.tasks, other.results)] + [tasks, results] if forked else []
    process = context.Process(target=_worker.run, args=(job, worker_id, theirs, back, inherited), daemon=True)
    try:
        with warnings.catch_warnings():  # threads of numerical libraries are known to be safe
            warnings.filterwarnings("ignore", ".*fork.*deadlocks", DeprecationWarning)
            process.start()
    finally:
        theirs.close()  # so that the end of a process is the end of its pipes
        back.close()
    return _Worker(process, tasks, results)


def _shutdown(workers: list[_Worker], owner: int) -> None:
    """End all workers: ask, then terminate, then kill.  Nothing in a process that only inherited them."""
    if os.getpid() != owner:
        return
    for worker in workers:
        with contextlib.suppress(OSError, ValueError):
            worker.tasks.send(None)
    deadline = time.monotonic() + _GRACE_SECONDS
    for worker in workers:
        worker.process.join(max(0.0, deadline - time.monotonic()))
    for stop in ("terminate", "kill"):
        late = [worker for worker in workers if worker.process.is_alive()]
        for worker in late:
            getattr(worker.process, stop)()
        for worker in late:
            worker.process.join(1)
    for worker in workers:
        worker.tasks.close()
        worker.results.close()
    workers.clear()
