"""What a worker process of a DataLoader runs, and how it tells the parent what went wrong."""

from __future__ import annotations

import os
import pickle
import queue
import random
import signal
import threading
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from ...random import manual_seed
from ._fetch import Fetch, make_fetch

__all__ = ["CHECK_SECONDS", "END", "RESUME", "Failure", "Job", "WorkerInfo", "get_worker_info", "numpy_seed", "run"]

CHECK_SECONDS = 2.0  # how often a worker looks whether its parent is still there
RESUME = "resume"  # to a worker: start another pass; from it: done
END = "end"  # from a worker: its stream has ended


@dataclass
class WorkerInfo:
    """What ``get_worker_info()`` tells in a worker: who it is, and its copy of the dataset."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


@dataclass
class Job:
    """All that a worker needs to know to begin."""

    dataset: Any
    stream: bool
    batches: bool
    collate_fn: Any
    drop_last: bool
    base_seed: int
    init_fn: Any
    num_workers: int

    def fetch(self) -> Fetch:
        """The function that makes batches, for one pass."""
        return make_fetch(self.dataset, self.stream, self.batches, self.collate_fn, self.drop_last)


_info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """In a worker process of a DataLoader: its id, num_workers, seed and dataset; elsewhere None."""
    return _info


class _KeyErrorText(str):
    """A message that KeyError shows as it is, line breaks and all."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class Failure:
    """An exception of a worker, on its way to the parent."""

    def __init__(self, error: BaseException, where: str) -> None:
        self.type: type[BaseException] | None = type(error)
        self.name = type(error).__name__
        self.text = "".join(traceback.format_exception(error))
        self.where = where
        try:
            pickle.dumps(self.type)
        except Exception:  # a class inside a function
            self.type = None

    def reraise(self) -> None:
        """Raise the same type with the worker's traceback as message; RuntimeError where it cannot be made so."""
        message = f"Caught {self.name} {self.where}.\nOriginal {self.text}"
        if self.type is None:
            raise RuntimeError(message)
        if self.type is KeyError:
            raise KeyError(_KeyErrorText(message))
        try:
            error = self.type(message)
        except Exception:
            raise RuntimeError(message) from None
        raise error


def numpy_seed(base_seed: int, worker_id: int) -> list[int]:
    """The seed of NumPy's legacy stream: PyTorch's, which is NumPy's own mixing of both numbers."""
    entropy = [worker_id, base_seed & 0xFFFFFFFF, base_seed >> 32, 0]
    return list(map(int, np.random.SeedSequence(entropy).generate_state(4)))


def run(job: Job, worker_id: int, tasks: Connection, results: Connection, others: list[Connection]) -> None:
    """Make batches until the parent says that it is enough, or is gone.

    Two threads keep the pipes moving, so that neither side waits for the other to read: one receives tasks and
    watches the parent, one sends results.
    """
    global _info
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends its workers
    for connection in others:  # the parent's ends, inherited by fork
        connection.close()
    seed = job.base_seed + worker_id
    random.seed(seed)
    manual_seed(seed)
    np.random.seed(numpy_seed(job.base_seed, worker_id))
    _info = WorkerInfo(worker_id, job.num_workers, seed, job.dataset)
    todo: queue.SimpleQueue[Any] = queue.SimpleQueue()
    done: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(tasks, todo, os.getppid()), daemon=True).start()
    sender = threading.Thread(target=_send, args=(results, done), daemon=True)
    sender.start()
    where = f"in DataLoader worker process {worker_id}"
    fetch, failure = None, None
    try:
        if job.init_fn is not None:
            job.init_fn(worker_id)
        fetch = job.fetch()
    except Exception as error:
        failure = Failure(error, where)
    ended = False
    while (task := todo.get()) is not None:
        position, indices = task
        answer: Any = failure
        if position == RESUME:
            ended = False
            try:
                fetch, failure = job.fetch(), None
            except Exception as error:
                failure = Failure(error, where)
        elif fetch is not None:
            try:
                answer = END if ended else (fetch(indices),)
            except Exception as error:
                ended = isinstance(error, StopIteration) and job.stream
                answer = END if ended else Failure(error, where)
        done.put(_pickled(position, answer, where))


def _pickled(position: Any, answer: Any, where: str) -> bytes:
    try:
        return pickle.dumps((position, answer), pickle.HIGHEST_PROTOCOL)
    except Exception as error:  # what the dataset gave cannot travel
        return pickle.dumps((position, Failure(error, where)), pickle.HIGHEST_PROTOCOL)


def _receive(tasks: Connection, todo: queue.SimpleQueue[Any], parent: int) -> None:
    """Put what the parent sends into ``todo``; end the process when it is gone."""
    try:
        while True:
            while not tasks.poll(CHECK_SECONDS):
                if os.getppid() != parent:
                    os._exit(1)
            task = tasks.recv()
            todo.put(task)
            if task is None:
                return
    except (EOFError, OSError):
        os._exit(1)


def _send(results: Connection, done: queue.SimpleQueue[bytes | None]) -> None:
    try:
        while (message := done.get()) is not None:
            results.send_bytes(message)
    except OSError:  # nobody listens any more
        os._exit(1)
