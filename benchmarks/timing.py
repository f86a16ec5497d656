"""Seconds a call takes, side by side in one process or alone in a process of its own.

Run as a script, this is one such process, for one row: ``both ROW BLOCKS`` for small work, ``corelib ROW SECONDS`` or
``torch ROW SECONDS`` for large; it prints its medians, in seconds, as JSON.
"""

from __future__ import annotations

import importlib
import json
import statistics
import sys
from collections.abc import Callable
from time import perf_counter
from typing import Any

from work import LARGE, SMALL, Work

__all__ = ["THREADS", "alone", "interleaved", "library"]

THREADS = 2
Call = Callable[[], Any]


def library(name: str) -> Any:
    """corelib or torch; the latter told to use as many threads as the comparison allows."""
    module = importlib.import_module(name)
    if name == "torch":
        module.set_num_threads(THREADS)
    return module


def _block(call: Call, count: int) -> float:
    """Mean of ``count`` calls."""
    start = perf_counter()
    for _ in range(count):
        call()
    return (perf_counter() - start) / count


def _calls_for(call: Call, seconds: float) -> int:
    """How many calls fill a block of about this length (after a warm-up)."""
    call()
    return max(1, int(seconds / max(_block(call, 3), 1e-9)))


def interleaved(calls: list[Call], blocks: int, seconds: float = 0.01) -> list[float]:
    """Median over ``blocks`` blocks of each call, the calls taking turns."""
    counts = [_calls_for(call, seconds) for call in calls]
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(blocks):
        for call, count, own in zip(calls, counts, times, strict=True):
            own.append(_block(call, count))
    return [statistics.median(own) for own in times]


def alone(call: Call, seconds: float) -> float:
    """Median of single calls, at least five of them, for about so many seconds."""
    call()
    times: list[float] = []
    end = perf_counter() + seconds
    while len(times) < 5 or perf_counter() < end:
        times.append(_block(call, 1))
    return statistics.median(times)


def _both(work: Work, blocks: int) -> list[float]:
    ours, theirs = library("corelib"), library("torch")
    return interleaved([work.build(ours), (work.reference or work.build)(theirs)], blocks)


def _one(work: Work, name: str, seconds: float) -> list[float]:
    build = work.reference or work.build if name == "torch" else work.build
    return [alone(build(library(name)), seconds)]


if __name__ == "__main__":
    kind, row, amount = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    print(json.dumps(_both(SMALL[row], int(amount)) if kind == "both" else _one(LARGE[row], kind, amount)))
