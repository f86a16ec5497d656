"""The OpenCL backend beside its ceilings: prints a table, and with --write puts it into docs/benchmarks-opencl.md.

    python benchmarks/opencl.py [--write]

* Elementwise work and reductions on ten million floats beside ``clEnqueueCopyBuffer`` of the same size: bandwidth is
  bytes read plus written.
* Matrix products beside NumPy's.
* What a small operation costs beyond an empty kernel's launch.
* Training the demo's model beside the CPU backend.

Sides take turns; every number is the median of the rounds.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from operator import matmul
from pathlib import Path
from typing import Any

import numpy as np
import pyopencl as cl
from machine import Others

import corelib
import corelib.nn.functional as F
from corelib.backend.registry import registry

DOCUMENT = Path(__file__).parent.parent / "docs" / "benchmarks-opencl.md"
SIZE = 10_000_000
ROUNDS = 11
Row = tuple[str, str, str, float, str]


def _medians(
    calls: list[Callable[[], Any]], wait: Callable[[], None], rounds: int = ROUNDS, inner: int = 1
) -> list[float]:
    """Median seconds of each call, the calls taking turns."""
    found: list[list[float]] = [[] for _ in calls]
    for turn in range(rounds + 1):
        for i, call in enumerate(calls):
            wait()
            start = time.perf_counter()
            for _ in range(inner):
                call()
            wait()
            if turn:  # the first compiles
                found[i].append((time.perf_counter() - start) / inner)
    return [statistics.median(times) for times in found]


def bandwidth(backend: Any, wait: Callable[[], None]) -> list[Row]:
    """Share of the copy's bandwidth."""
    x, y = (corelib.rand(SIZE, device="opencl") for _ in range(2))
    square = x.view(10_000, 1_000)
    queue = backend._open(0).queue
    source, target = (backend.new_memory(4 * SIZE, 0) for _ in range(2))
    works: list[tuple[str, Callable[[], Any], int, str]] = [
        ("`x + y`", lambda: x + y, 12, "≥ 0.6"), ("`x * 2`", lambda: x * 2, 8, "≥ 0.6"),
        ("`relu(x)`", lambda: x.relu(), 8, "≥ 0.6"), ("`exp(x)`", lambda: x.exp(), 8, ""),
        ("`tanh(x)`", lambda: x.tanh(), 8, ""), ("`x.sum()`", lambda: x.sum(), 4, "≥ 0.6"),
        ("`x.amax()`", lambda: x.amax(), 4, "≥ 0.6"),
        ("sum over rows of 10,000 by 1,000", lambda: square.sum(1), 4, "≥ 0.6"),
        ("sum over columns of it", lambda: square.sum(0), 4, "≥ 0.6"),
        ("its transpose, copied", lambda: square.t().clone(), 8, ""),
        ("softmax of its rows", lambda: square.softmax(1), 8, ""), ("`x.argmax()`", lambda: x.argmax(), 4, ""),
    ]  # fmt: skip
    rows = []
    for name, call, bytes_each, target_text in works:
        ours, copy = _medians([call, lambda: cl.enqueue_copy(queue, target, source)], wait)
        rate, ceiling = bytes_each * SIZE / ours / 1e9, 8 * SIZE / copy / 1e9
        rows.append((name, f"{rate:.1f} GB/s", f"{ceiling:.1f} GB/s", rate / ceiling, target_text))
    return rows


def products(wait: Callable[[], None]) -> list[Row]:
    """Share of NumPy's rate."""
    rows = []
    for n in (256, 512, 1024):
        a = corelib.rand(n, n, device="opencl")
        host = a.cpu().numpy()
        ours, theirs = _medians([partial(matmul, a, a), partial(matmul, host, host)], wait)
        rates = [2 * n**3 / t / 1e9 for t in (ours, theirs)]
        goal = "≥ 0.25" if n == 1024 else ""
        rows.append(
            (f"product, {n}³ float32", f"{rates[0]:.0f} GFLOP/s", f"{rates[1]:.0f} GFLOP/s", rates[0] / rates[1], goal)
        )
    return rows


def dispatch(backend: Any, wait: Callable[[], None]) -> list[str]:
    """Microseconds of small operations beyond an empty kernel."""
    opened = backend._open(0)
    empty = cl.Kernel(cl.Program(opened.context, "__kernel void empty(const long n) {}").build(), "empty")
    empty.set_scalar_arg_dtypes([np.int64])
    a, b = (corelib.rand(10, device="opencl") for _ in range(2))
    calls = [
        lambda: empty(opened.queue, (1,), (1,), 1), lambda: a + b, lambda: a.exp(), lambda: a.sum(), lambda: a.add_(b),
    ]  # fmt: skip
    base, *times = [t * 1e6 for t in _medians(calls, wait, inner=500)]
    names = ["`a + b`", "`exp(a)`", "`a.sum()`", "`a.add_(b)`"]
    return [
        f"| {n} | {t:.1f} µs | {base:.1f} µs | {t - base:.1f} µs | ≤ 25 µs |" for n, t in zip(names, times, strict=True)
    ]


def training(wait: Callable[[], None]) -> Row:
    """A step of the demo's model, batch 64, beside the CPU backend's."""
    from corelib.cli.demo.model import DigitsNet

    def step(device: str) -> Callable[[], None]:
        corelib.manual_seed(0)
        net = DigitsNet().to(device)
        optimizer = corelib.optim.Adam(net.parameters(), lr=1e-3)
        images, labels = corelib.rand(64, 1, 8, 8).to(device), (corelib.arange(64) % 10).to(device)

        def run() -> None:
            optimizer.zero_grad()
            F.cross_entropy(net(images), labels).backward()
            optimizer.step()

        return run

    ours, theirs = _medians([step("opencl"), step("cpu")], wait, inner=20)
    return (
        "a step of the demo's model, batch 64",
        f"{ours * 1e3:.2f} ms",
        f"{theirs * 1e3:.2f} ms",
        ours / theirs,
        "≤ 4",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"into {DOCUMENT.name}")
    arguments = parser.parse_args()
    backend: Any = registry.get("opencl")
    properties = backend.properties(0)
    others = Others()

    def wait() -> None:
        backend._open(0).queue.finish()

    def table(head: str, rows: list[Row]) -> list[str]:
        lines = [f"| {head} | ratio | target |", "|---|---:|---:|---:|---:|"]
        return lines + [f"| {a} | {b} | {c} | {r:.2f} | {t} |" for a, b, c, r, t in rows]

    lines = [f"- {properties.name}, {properties.extra['platform']}, {properties.extra['units']} units", ""]
    lines += [*table("10M floats | corelib | copy of a buffer", bandwidth(backend, wait)), ""]
    lines += [*table("work | corelib | NumPy", products(wait)), ""]
    lines += [
        "| ten floats | corelib | empty kernel | beyond it | target |",
        "|---|---:|---:|---:|---:|",
        *dispatch(backend, wait),
        "",
    ]
    lines += [*table("training | `opencl` | `cpu`", [training(wait)]), ""]
    share = others.share()
    if share is not None and share > 0.05:
        lines += [f"Other programs used {share:.0%} of the processors meanwhile.", ""]
    text = "\n".join(lines)
    print(text)
    if arguments.write:
        head = DOCUMENT.read_text(encoding="utf-8").split("<!-- results -->")[0]
        DOCUMENT.write_text(f"{head}<!-- results -->\n\n{text}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
