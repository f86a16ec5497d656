"""The DataLoader with worker processes: the same batches, errors that arrive, and nothing left behind."""

from __future__ import annotations

import gc
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import corelib
from corelib.utils import data
from corelib.utils.data import DataLoader
from corelib.utils.data._worker import numpy_seed

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are looked at under /proc")


class Rows(data.Dataset[Any]):
    def __len__(self) -> int:
        return 30

    def __getitem__(self, index: int) -> Any:
        return {"x": corelib.full((3,), float(index)), "y": index, "name": f"row {index}"}


class Numbers(data.IterableDataset[int]):
    """0, 1, ... in the calling process; every worker has a part of its own."""

    def __iter__(self) -> Iterator[int]:
        info = data.get_worker_info()
        return iter(range(10) if info is None else range(100 * info.id, 100 * info.id + 5 + 2 * info.id))


class Asked(data.Dataset[Any]):
    """Calls a function for each sample."""

    def __init__(self, function: Any, length: int = 4) -> None:
        self.function, self.length = function, length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Any:
        return self.function(index)


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def gone(pids: list[int], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while any(running(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(running(pid) for pid in pids)


# -- the same batches -----------------------------------------------------------------------------------


def two_passes(workers: int, **options: Any) -> Any:
    corelib.manual_seed(3)
    loader = DataLoader(Rows(), 4, shuffle=True, num_workers=workers, **options)
    return [[(b["x"].tolist(), b["y"].tolist(), b["name"]) for b in loader] for _ in range(2)], corelib.rand(1).item()


@pytest.mark.parametrize(
    "options",
    [{}, {"persistent_workers": True}, {"multiprocessing_context": "spawn"}, {"prefetch_factor": 5}],
    ids=str,
)
def test_a_seed_gives_the_same_batches_with_workers(options: Any) -> None:
    assert two_passes(0) == two_passes(3, **options)


def test_batches_may_come_as_they_are_ready() -> None:
    batches = [b.tolist() for b in DataLoader(list(range(20)), 3, num_workers=2, in_order=False)]
    assert sorted(i for batch in batches for i in batch) == list(range(20))


def test_streams_and_the_parts_of_workers(torch: ModuleType) -> None:
    class Theirs(torch.utils.data.IterableDataset):  # type: ignore[misc, name-defined]
        def __iter__(self) -> Any:
            info = torch.utils.data.get_worker_info()
            return iter(range(10) if info is None else range(100 * info.id, 100 * info.id + 5 + 2 * info.id))

    for options in ({}, {"drop_last": True}, {"num_workers": 2}, {"num_workers": 2, "drop_last": True}):
        ours = [b.tolist() for b in DataLoader(Numbers(), 3, **options)]
        theirs = [b.tolist() for b in torch.utils.data.DataLoader(Theirs(), 3, **options)]
        assert ours == theirs, options
    assert list(DataLoader(Numbers(), None, num_workers=1)) == list(range(5))


def test_a_stream_with_persistent_workers_begins_again() -> None:
    loader = DataLoader(Numbers(), 4, num_workers=2, persistent_workers=True)
    first = [b.tolist() for b in loader]
    assert first == [b.tolist() for b in loader] and sorted(i for batch in first for i in batch)[:5] == [0, 1, 2, 3, 4]


def test_a_pass_that_is_left_does_not_disturb_the_next() -> None:
    loader = DataLoader(Rows(), 4, num_workers=2, persistent_workers=True)
    assert next(iter(loader))["y"].tolist() == [0, 1, 2, 3]
    assert next(b["y"].tolist() for b in loader) == [0, 1, 2, 3]


# -- seeds and who is who --------------------------------------------------------------------------------


def test_every_worker_has_streams_of_its_own() -> None:
    def draw(index: int) -> Any:
        info = data.get_worker_info()
        assert info is not None and info.num_workers == 2
        return [info.id, info.seed, random.random(), np.random.rand(), corelib.rand(1).item()]

    def passes() -> Any:
        generator = corelib.Generator().manual_seed(1)
        return [s for s in DataLoader(Asked(draw, 2), None, num_workers=2, generator=generator)]

    (zero, one) = passes()
    assert zero[0] == 0 and one[0] == 1 and one[1] == zero[1] + 1
    assert all(a != b for a, b in zip(zero, one, strict=True)) and passes() == [zero, one]
    assert data.get_worker_info() is None


def test_numpy_is_seeded_as_pytorch_does(torch: ModuleType) -> None:
    from torch.utils.data._utils.worker import _generate_state

    assert numpy_seed(1234567890123456789, 3) == _generate_state(1234567890123456789, 3)


def test_worker_init_fn_runs_first() -> None:
    def name(worker: int) -> None:
        os.environ["ROLE"] = f"worker {worker}"

    loader = DataLoader(Asked(lambda i: os.environ["ROLE"]), None, num_workers=2, worker_init_fn=name)
    assert list(loader) == ["worker 0", "worker 1", "worker 0", "worker 1"]


def test_large_batches_and_large_lists_of_indices_pass() -> None:
    samples = [np.full((500, 500), i, np.float32) for i in range(8)]
    assert [b[0, 0, 0].item() for b in DataLoader(samples, 1, num_workers=2)] == list(range(8))
    batches = [list(range(200_000))] * 6
    loader = DataLoader(Asked(lambda i: i), batch_sampler=batches, num_workers=1, collate_fn=len)
    assert list(loader) == [200_000] * 6


# -- what goes wrong -------------------------------------------------------------------------------------


def fail(index: int) -> int:
    if index == 1:
        raise ValueError("no such row")
    return index


def test_an_exception_arrives_with_its_traceback_and_the_rest_goes_on() -> None:
    batches = iter(DataLoader(Asked(fail), None, num_workers=2))
    assert next(batches) == 0
    with pytest.raises(
        ValueError, match=r"^Caught ValueError in DataLoader worker process 1\.\nOriginal Traceback"
    ) as e:
        next(batches)
    assert "in fail" in str(e.value) and "ValueError: no such row" in str(e.value)
    assert list(batches) == [2, 3]


def test_exceptions_that_cannot_be_made_again() -> None:
    class Local(Exception):
        pass

    def local(index: int) -> None:
        raise Local("x")

    def missing(index: int) -> Any:
        return {}["nothing"]

    def unicode(index: int) -> Any:
        return b"\xff".decode()

    for function, kind, text in ((local, RuntimeError, "Local"), (missing, KeyError, "KeyError"),
                                 (unicode, RuntimeError, "UnicodeDecodeError")):  # fmt: skip
        with pytest.raises(kind, match=f"^Caught {text} in DataLoader worker process 0"):
            list(DataLoader(Asked(function), None, num_workers=1))


def test_a_failing_init_and_a_sample_that_cannot_travel() -> None:
    def bad_init(worker: int) -> None:
        raise OSError("no disk")

    with pytest.raises(OSError, match="no disk"):
        list(DataLoader(Rows(), num_workers=1, worker_init_fn=bad_init))
    with pytest.raises(Exception, match="in DataLoader worker process 0"):
        list(DataLoader(Asked(lambda i: lambda: i), None, num_workers=1))


def test_a_killed_worker_is_noticed() -> None:
    def die(index: int) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)

    loader = DataLoader(Asked(die), None, num_workers=2)
    with pytest.raises(RuntimeError, match=r"DataLoader worker \(pid\(s\) \d+\) exited unexpectedly"):
        list(loader)


def test_a_worker_that_dies_between_passes_is_noticed() -> None:
    loader = DataLoader(Rows(), 10, num_workers=1, persistent_workers=True)
    assert len(list(loader)) == 3
    pid = loader._iterator._workers[0].process.pid  # type: ignore[union-attr]
    os.kill(pid, signal.SIGKILL)
    assert gone([pid])
    with pytest.raises(RuntimeError, match=rf"DataLoader worker \(pid\(s\) {pid}\) exited unexpectedly"):
        list(loader)
    assert len(list(loader)) == 3


def test_a_timeout_raises_and_ends_the_workers() -> None:
    batches = iter(DataLoader(Asked(lambda i: time.sleep(60)), None, num_workers=1, timeout=0.3))
    pids = [w.process.pid for w in batches._workers]  # type: ignore[attr-defined]
    with pytest.raises(RuntimeError, match=r"DataLoader timed out after 0\.3 seconds"):
        next(batches)
    assert gone(pids)


def test_options_are_checked(torch: ModuleType) -> None:
    stream = {corelib: Numbers(), torch: type("S", (torch.utils.data.IterableDataset,), {"__iter__": None})()}
    for options in (
        {"num_workers": 1, "prefetch_factor": -1},
        {"num_workers": 1, "multiprocessing_context": "thread"},
        {"num_workers": 1, "multiprocessing_context": 3},
        {"stream": True, "shuffle": 1},
    ):
        errors = []
        for library in (corelib, torch):
            rest = dict(options)
            dataset = stream[library] if rest.pop("stream", False) else [1]
            with pytest.raises((ValueError, TypeError)) as error:
                library.utils.data.DataLoader(dataset, **rest)
            errors.append((error.type, str(error.value)))
        assert errors[0] == errors[1]
    loader = DataLoader([1])
    with pytest.raises(ValueError, match="batch_size attribute should not be set after DataLoader is initialized"):
        loader.batch_size = 3
    with pytest.warns(UserWarning, match="was reported to be 2"):
        counted = DataLoader(Short())
        assert len(counted) == 2 and len(list(counted)) == 3


class Short(data.IterableDataset[int]):
    def __iter__(self) -> Iterator[int]:
        return iter(range(3))

    def __len__(self) -> int:
        return 2


# -- nothing is left ---------------------------------------------------------------------------------------


def test_workers_end_with_the_iterator() -> None:
    batches = iter(DataLoader(Rows(), num_workers=2))
    pids = [w.process.pid for w in batches._workers]  # type: ignore[attr-defined]
    next(batches)
    assert all(map(running, pids))
    del batches
    gc.collect()
    assert gone(pids)
    ended = iter(DataLoader(Rows(), num_workers=2))
    pids = [w.process.pid for w in ended._workers]  # type: ignore[attr-defined]
    assert len(list(ended)) == 30 and gone(pids)


PROGRAM = """
import os, sys, time
from corelib.utils.data import DataLoader
class Slow:
    def __len__(self): return 1000
    def __getitem__(self, i):
        if i > 3: time.sleep(float(sys.argv[1]))
        return os.getpid()
loader = DataLoader(Slow(), None, num_workers=2, persistent_workers=True)
for i, pid in enumerate(loader):
    if i < 2: print(pid, flush=True)
    if i == 3:
        print("go", flush=True)
        if sys.argv[2] == "return": break
"""


@pytest.mark.parametrize(("how", "slow"), [("return", 0.1), ("interrupt", 30), ("kill", 30)])
def test_nothing_is_left_running(how: str, slow: float) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(slow), how], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    assert program.stdout is not None
    pids = [int(program.stdout.readline()) for _ in range(2)]
    assert program.stdout.readline() == "go\n"
    if how == "interrupt":
        time.sleep(0.3)
        os.killpg(program.pid, signal.SIGINT)  # as the terminal does
    elif how == "kill":
        program.kill()
    _, errors = program.communicate(timeout=30)
    assert gone(pids)
    if how == "interrupt":
        assert errors.count("Traceback") == 1 and "KeyboardInterrupt" in errors
    elif how == "return":
        assert program.returncode == 0 and not errors
