"""Runs checks in worker processes, so that a segfault or a hang is a status of one id and the run goes on."""

from __future__ import annotations

import os
import queue
import random
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Self

from .check import Check
from .pool import Unavailable, Worker
from .verdict import BROKEN, Result

__all__ = ["Runner", "Unavailable", "select"]

START_LIMIT = 180.0  # seconds that a device may take to start
PORTION = 60  # ids of a group that go to one worker at a time, so that a long group does not hold up the end
STRIKES = 3  # crashes and timeouts, after which the rest of a group is given up
RERUNS = 20  # failures that are run again alone, in one run
RERUNS_OF_GROUP = 2


@dataclass
class _Task:
    """Ids of one group (or operations to time) that go to one worker in one go."""

    group: str
    items: list[str]
    alone: bool = False  # to be run again in a fresh worker
    timing: bool = False
    left: deque[str] = field(default_factory=deque)  # not finished yet


class Runner:
    """A pool of workers for one device.

    Args:
        device: its name.
        profile: whose checks the workers know.
        workers: how many processes, by default as many as there are cores, at most 4.
        seed: of the order of the groups.
        limit: seconds that a check may take.
        setup: what each worker loads first (:func:`.device.load`), for a backend that is not installed.

    Attributes:
        description: what the device says of itself, once a worker is ready.
        startup: seconds until the first worker was ready.
    """

    def __init__(
        self,
        device: str,
        profile: str = "full",
        *,
        workers: int | None = None,
        seed: int = 0,
        limit: float = 60.0,
        setup: Sequence[str] = (),
    ) -> None:
        cores = os.cpu_count() or 1
        self.device, self.profile, self.seed, self.limit = device, profile, seed, limit
        self.count = max(1, workers if workers is not None else min(cores, 4))
        self.setup = tuple(setup)
        self.description: dict[str, Any] = {}
        self.startup = 0.0
        self._variables = dict.fromkeys(
            ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(max(1, cores // self.count))
        )
        self._events: queue.SimpleQueue[tuple[Worker, Any]] = queue.SimpleQueue()
        self._workers: dict[Worker, _Task | None] = {}
        self._first: dict[Worker, _Task] = {}  # what a fresh worker was made for
        self._pending: deque[_Task] = deque()
        self._strikes: Counter[str] = Counter()
        self._reruns: Counter[str] = Counter()
        self._held: dict[str, Result] = {}  # failures that are being run again
        self._ready: deque[Result] = deque()
        self._timed: dict[str, Any] = {}
        self._false_starts = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all processes."""
        while self._workers:
            worker, _ = self._workers.popitem()
            worker.close()

    def start(self) -> dict[str, Any]:
        """Wait for a worker that has the device, and give what it says; :class:`Unavailable` where there is none."""
        began = time.monotonic()
        if not self._workers:
            self._spawn()
        while not self.description:
            self._step()
        self.startup = self.startup or time.monotonic() - began
        return self.description

    def run(self, checks: Iterable[Check]) -> Iterator[Result]:
        """Run checks; their results as they come, each once.

        Groups are taken in a random order (from the seed).  What fails is run again alone in a fresh process
        before its result is given, for the first few failures of a group and of a run.
        """
        self.start()
        groups: dict[str, list[str]] = {}
        for check in checks:
            groups.setdefault(check.group, []).append(check.id)
        names = list(groups)
        random.Random(self.seed).shuffle(names)
        for name in names:
            ids = groups[name]
            self._pending.extend(_task(name, ids[i : i + PORTION]) for i in range(0, len(ids), PORTION))
        yield from self._work()

    def time(self, ops: Sequence[str]) -> dict[str, Any]:
        """Seconds of one call of operations, here and on the CPU."""
        self.start()
        size = max(1, -(-len(ops) // (4 * self.count)))
        chunks = [list(ops[i : i + size]) for i in range(0, len(ops), size)]
        self._pending.extend(replace(_task("", chunk), timing=True) for chunk in chunks)
        for _ in self._work():
            pass
        return {op: self._timed[op] for op in ops if self._timed.get(op)}

    # -- the loop --------------------------------------------------------------------------------------

    def _work(self) -> Iterator[Result]:
        while self._pending or self._first or self._held or any(self._workers.values()):
            self._hand_out()
            self._step()
            while self._ready:
                yield self._ready.popleft()
        while self._ready:
            yield self._ready.popleft()

    def _hand_out(self) -> None:
        for worker in [w for w, task in self._workers.items() if task is None and w.ready]:
            task = self._first.pop(worker, None) or (self._pending.popleft() if self._pending else None)
            if task is None:
                continue
            self._workers[worker] = task
            task.left = deque(task.items)
            worker.send({"time" if task.timing else "run": task.items})
        while self._pending and len(self._workers) < self.count:
            self._spawn()

    def _step(self) -> None:
        """Handle one event, and end the workers that have taken too long."""
        now = time.monotonic()
        ends = [self._end(worker) for worker in self._workers if self._due(worker)]
        try:
            worker, message = self._events.get(timeout=max(0.01, min(ends, default=now + 1) - now))
        except queue.Empty:
            pass
        else:
            if worker in self._workers:
                self._handle(worker, message)
        for worker in self._workers:
            if self._due(worker) and not worker.expired and time.monotonic() >= self._end(worker):
                worker.expired = True
                worker.stop()

    def _due(self, worker: Worker) -> bool:
        """Whether it has something to finish."""
        return not worker.ready or self._workers[worker] is not None

    def _end(self, worker: Worker) -> float:
        return worker.since + (self.limit if worker.ready else START_LIMIT)

    def _handle(self, worker: Worker, message: Any) -> None:
        if message is None:
            self._ended(worker)
        elif "unavailable" in message:
            self._retire(worker)
            if not self.description:
                raise Unavailable(message["unavailable"])
            self._false_start(message["unavailable"])
        elif "ready" in message:
            worker.ready, self._false_starts = True, 0
            self.description = self.description or message["ready"]
        elif "start" in message:
            worker.current, worker.since = message["start"], time.monotonic()
        elif "done" in message:
            self._workers[worker] = None
        elif "timed" in message:
            worker.current = None
            self._advance(worker, message["timed"])
            self._timed[message["timed"]] = message["result"]
        else:
            worker.current, worker.finished = None, message["id"]
            self._result(worker, Result(**_translated(message)))

    def _result(self, worker: Worker, result: Result) -> None:
        task = self._advance(worker, result.id)
        if task is not None and task.alone:
            self._again(result)
        elif result.status in BROKEN and task is not None and self._may_rerun(task.group):
            self._retire(worker)
            self._put_back(task)
            self._rerun(task.group, result)
        else:
            self._ready.append(result)

    def _ended(self, worker: Worker) -> None:
        """A process ended by itself, or was ended for taking too long."""
        task = self._workers[worker]
        how, words = worker.stop(), worker.last_words()
        self._retire(worker)
        if not worker.ready:
            why = "it took too long to start" if worker.expired else f"{how} while it started"
            if not self.description:
                raise Unavailable(f"{why}\n{words}".strip())
            self._false_start(why)
            return
        if task is None:
            if worker.finished is not None:
                self._ready.append(Result(worker.finished, "crash", f"{how} after it had answered", details=words))
            return
        if task.timing:
            if task.left:
                self._timed[task.left.popleft()] = None
            self._put_back(task)
            return
        # What was freed or launched by a check may take the process down after it: the last one is to blame.
        culprit = worker.current or (task.left[0] if worker.finished is None else worker.finished)
        if culprit in task.left:
            task.left.remove(culprit)
        why = f"it took longer than {self.limit:g} s" if worker.expired else how
        status = "timeout" if worker.expired else "crash"
        result = Result(culprit, status, why, seconds=time.monotonic() - worker.since, details=words)
        if task.alone:
            self._again(result)
            return
        self._strikes[task.group] += 1
        if self._strikes[task.group] >= STRIKES:
            self._give_up(task)
        self._put_back(task)
        if self._may_rerun(task.group):
            self._rerun(task.group, result)
        else:
            self._ready.append(result)

    # -- parts of it -----------------------------------------------------------------------------------

    def _spawn(self) -> Worker:
        worker = Worker(self._events, self.device, self.profile, self.setup, self._variables)
        self._workers[worker] = None
        return worker

    def _retire(self, worker: Worker) -> None:
        """Its later events are those of a worker that is not known."""
        del self._workers[worker]
        alone = self._first.pop(worker, None)
        if alone is not None:  # it did not even start
            self._pending.appendleft(alone)
        worker.close()

    def _advance(self, worker: Worker, item: str) -> _Task | None:
        task = self._workers[worker]
        if task is not None and item in task.left:
            task.left.remove(item)
        return task

    def _give_up(self, task: _Task) -> None:
        """Nothing more of this group is run."""
        why = f"given up: {STRIKES} crashes or timeouts in group {task.group}"
        others = [t for t in self._pending if t.group == task.group and not t.timing and not t.alone]
        self._pending = deque(t for t in self._pending if t not in others)
        for identifier in [*task.left, *(item for t in others for item in t.items)]:
            self._ready.append(Result(identifier, "not-run", why))
        task.left.clear()

    def _put_back(self, task: _Task) -> None:
        if task.left:
            self._pending.appendleft(replace(task, items=list(task.left)))

    def _may_rerun(self, group: str) -> bool:
        return self._reruns[group] < RERUNS_OF_GROUP and self._reruns.total() < RERUNS

    def _rerun(self, group: str, result: Result) -> None:
        self._reruns[group] += 1
        self._held[result.id] = result
        self._first[self._spawn()] = replace(_task(group, [result.id]), alone=True)

    def _again(self, second: Result) -> None:
        first = self._held.pop(second.id)
        note = "" if second.status in BROKEN else f"\nalone in a fresh process: {second.status}"
        self._ready.append(replace(first, alone=second.status, message=first.message + note))

    def _false_start(self, why: str) -> None:
        self._false_starts += 1
        if self._false_starts >= STRIKES:
            raise Unavailable(f"the device cannot be started any more: {why}")


def _task(group: str, items: list[str]) -> _Task:
    return _Task(group, list(items))


def _translated(message: dict[str, Any]) -> dict[str, Any]:
    """A worker's answer as the fields of a Result."""
    details = message.pop("traceback", "")
    return {**message, "details": details}


def select(
    checks: Iterable[Check],
    *,
    tiers: Sequence[str] = (),
    ops: Sequence[str] = (),
    dtypes: Sequence[str] = (),
) -> list[Check]:
    """The checks of the named tiers, operations (or groups) and dtypes; of all where none is named."""
    return [
        check
        for check in checks
        if (not tiers or check.tier in tiers)
        and (not ops or check.op in ops or check.group in ops)
        and (not dtypes or check.dtype in dtypes)
    ]
