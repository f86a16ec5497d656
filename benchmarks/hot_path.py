"""Where the time of small work goes: ``a + b`` piece by piece, and the phases of a training step with their counts.

A row of the first two tables contains the rows above it: their differences are what each layer costs.  Counts of Python
frames hold on any machine, times only beside each other.
"""

from __future__ import annotations

import statistics
import sys
from collections import Counter
from collections.abc import Callable
from time import perf_counter
from timeit import repeat
from types import FrameType
from typing import Any

import corelib_cpu
import numpy as np
from corelib_cpu.context import local

import corelib
from corelib.backend.registry import registry

Call = Callable[[], Any]


def _microseconds(call: Call, number: int = 20_000) -> float:
    return statistics.median(repeat(call, number=number, repeat=9)) / number * 1e6


def addition() -> dict[str, float]:
    """µs of ``a + b`` on ten floats, from NumPy's function outwards."""
    x, y = np.ones(10, np.float32), np.ones(10, np.float32)
    add, run, kernel = np.add, local.run, registry.get("cpu").kernels["add"].function
    a, b = corelib.ones(10), corelib.ones(10)
    c, d = corelib.ones(10, requires_grad=True), corelib.ones(10, requires_grad=True)
    return {
        "np.add(x, y)": _microseconds(lambda: add(x, y)),
        "... with out and order given": _microseconds(lambda: add(x, y, out=..., order="C")),
        "... in a context that ignores floating-point events": _microseconds(
            lambda: run(add, x, y, out=..., order="C")
        ),
        "the CPU's kernel": _microseconds(lambda: kernel(x, y)),
        "a + b": _microseconds(lambda: a + b),
        "a + b, gradient recorded": _microseconds(lambda: c + d),
    }


def linear_relu_sum() -> dict[str, float]:
    """µs of linear-relu-sum, 32x64 by 64x64, forward and backward: NumPy's calls alone, the CPU's kernels, corelib."""
    functional, backend = corelib.nn.functional, registry.get("cpu")
    kernels = {name: entry.function for name, entry in backend.kernels.items()}
    x, w, b = corelib.rand(32, 64), corelib.rand(64, 64).requires_grad_(), corelib.rand(64).requires_grad_()
    xs, ws, bs = (t.detach().numpy() for t in (x, w, b))
    zero, ones, many = np.zeros((), np.float32), np.ones(32, np.float32), np.ones(2048, np.float32)
    scalar = corelib.ones(())._layout
    expanded = corelib.ones(()).expand(32, 64)._layout

    def numpy_alone() -> Any:
        h = xs.dot(ws.T.copy())
        np.add(h, bs, h)
        r = np.maximum(h, zero)
        r.reshape(-1).dot(many)
        one = np.ones((), np.float32)
        g = np.ndarray((32, 64), np.float32, one, 0, (0, 0))
        mask = np.not_equal(r, zero).astype(np.int32)
        g = np.multiply(mask, g.view(np.int32), mask).view(np.float32)
        return g.T.dot(xs), ones.dot(g)

    def kernels_alone() -> Any:
        r = kernels["relu"](kernels["linear"](xs, ws, bs))
        kernels["sum"](r, (0, 1), False, corelib.float32)
        g = backend.as_strided(kernels["fill"](1.0, scalar), expanded, 0)
        return kernels["linear_grad"](kernels["relu_grad"](g, r), xs, ws, False, True, True)

    def whole() -> None:
        w.grad = b.grad = None
        functional.relu(functional.linear(x, w, b)).sum().backward()

    calls = {"NumPy's calls": numpy_alone, "the CPU's kernels": kernels_alone, "linear-relu-sum": whole}
    return {name: _microseconds(call, 1000) for name, call in calls.items()}


def training_step() -> dict[str, Call]:
    """The phases of an Adam step of an MLP 64-64-10 on 32 rows, to be called in this order."""
    nn = corelib.nn
    net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = corelib.optim.Adam(net.parameters())
    x, target = corelib.rand(32, 64), corelib.randint(0, 10, (32,))
    made: dict[str, Any] = {}

    def forward() -> None:
        made["logits"] = net(x)

    def loss() -> None:
        made["loss"] = nn.functional.cross_entropy(made["logits"], target)

    return {
        "zero_grad": optimizer.zero_grad,
        "forward": forward,
        "loss": loss,
        "backward": lambda: made["loss"].backward(),
        "step": optimizer.step,
    }


def phase_times(phases: dict[str, Call], rounds: int = 500) -> dict[str, float]:
    """Median µs of each phase."""
    times: dict[str, list[float]] = {name: [] for name in phases}
    for _ in range(rounds):
        for name, phase in phases.items():
            start = perf_counter()
            phase()
            times[name].append(perf_counter() - start)
    return {name: statistics.median(own) * 1e6 for name, own in times.items()}


def frames(call: Call) -> Counter[str]:
    """How many Python frames of the frontend and of the backend a call enters, and how many kernels it calls."""
    frontend, backend = (package.__path__[0] for package in (corelib, corelib_cpu))
    counts: Counter[str] = Counter()

    def owner(frame: FrameType | None) -> str:
        name = "" if frame is None else frame.f_code.co_filename
        if name.startswith(backend):
            return "backend"
        return "frontend" if name.startswith(frontend) or name == "<corelib primitive>" else ""

    def enter(frame: FrameType, event: str, argument: Any) -> None:
        if event != "call":
            return
        whose = owner(frame)
        counts[whose] += 1
        counts["kernels"] += whose == "backend" and owner(frame.f_back) == "frontend"

    sys.setprofile(enter)
    try:
        call()
    finally:
        sys.setprofile(None)
    return counts


def main() -> None:
    for title, rows in {
        "a + b on ten floats": addition(),
        "\nlinear-relu-sum, 32x64 by 64x64": linear_relu_sum(),
    }.items():
        before = 0.0
        print(f"{title:54}    µs   more")
        for name, time in rows.items():
            print(f"{name:54} {time:5.2f}  {time - before:5.2f}")
            before = time
    phases = training_step()
    times = phase_times(phases)
    columns = f"{'frontend frames':>16} {'kernel calls':>13} {'backend frames':>15}"
    print(f"\n{'MLP 64-64-10, batch 32, Adam':30} {'µs':>8} {columns}")
    total: Counter[str] = Counter()
    for name, phase in phases.items():
        counts = frames(phase)
        total += counts
        print(f"{name:30} {times[name]:8.1f} {counts['frontend']:16} {counts['kernels']:13} {counts['backend']:15}")
    print(
        f"{'together':30} {sum(times.values()):8.1f} {total['frontend']:16} {total['kernels']:13} {total['backend']:15}"
    )


if __name__ == "__main__":
    main()
