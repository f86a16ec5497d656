"""What shows only with much of it: more rows than a launch has blocks, more shapes than a cache has places, more
calls than a counter counts; and silence about overflow, whoever asks for noise."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import corelib
from corelib.device import Device
from corelib.dtypes import float32

from ..check import Check
from ._bench import Bench, values
from ._compare import close, same

__all__ = ["checks"]

Array = Any
ROWS = 70_001  # more than 65,535


def run_rows(device: Device) -> None:
    """70,001 rows (and columns, and batches) of a few elements each."""
    bench = Bench(device)
    for shape in ((ROWS, 3), (3, ROWS), (2, ROWS, 2), (ROWS, 1), (ROWS, 2, 2)):
        host = (np.arange(np.prod(shape)) % 253 - 100).reshape(shape).astype(np.float32)
        x = bench.put(host)
        same(bench.run("add", x, 1.0)[0], host + np.float32(1), f"add, {shape}")
        same(bench.run("mul", x, bench.view(host, "transposed"))[0], host * host, f"mul, {shape}")
        same(bench.run("copy", x.transpose(0, -1))[0], np.ascontiguousarray(np.swapaxes(host, 0, -1)), f"copy, {shape}")
        for dim in range(len(shape)):
            exact = host.astype(np.float64).sum(dim).astype(np.float32)
            same(bench.run("sum", x, (dim,), False, None)[0], exact, f"sum, {shape} over {dim}")
            same(bench.run("amax", x, (dim,), False)[0], host.max(dim), f"amax, {shape} over {dim}")
            same(bench.run("argmin", x, dim, False)[0], host.argmin(dim), f"argmin, {shape} over {dim}")
        whole = host.astype(np.float64).cumsum(-1)
        same(bench.run("cumsum", x, len(shape) - 1, None)[0], whole.astype(np.float32), f"cumsum, {shape}")
        ordered = np.argsort(host, -1, kind="stable")
        got, places = bench.run("sort", x, len(shape) - 1, False)
        same(places, ordered, f"sort, {shape}")
        same(got, np.take_along_axis(host, ordered, -1), f"sort, {shape}")
        index = np.zeros(shape, np.int64) + (shape[0] - 1)
        same(bench.run("gather", x, bench.put(index), 0)[0], np.take_along_axis(host, index, 0), f"gather, {shape}")
    left, right = host.reshape(ROWS, 2, 2), np.array([[1, 2], [3, -1]], np.float32)
    batch = bench.put(right).expand(ROWS, 2, 2)
    same(bench.run("matmul", bench.put(left), batch)[0], left @ right, "70,001 products")
    tall = (np.arange(ROWS * 2) % 7).reshape(ROWS, 2).astype(np.float32)
    same(bench.run("matmul", bench.put(tall), bench.put(right))[0], tall @ right, "a product with 70,001 rows")
    exact = (tall.T.astype(np.float64) @ tall.astype(np.float64)).astype(np.float32)
    long = bench.put(np.ascontiguousarray(tall.T))
    same(bench.run("matmul", long, bench.put(tall))[0], exact, "a product of length 70,001")
    smooth = np.exp(tall.astype(np.float64)) / np.exp(tall.astype(np.float64)).sum(1, keepdims=True)
    close(bench.get(corelib.softmax(bench.put(tall), 1)), smooth, 8, "70,001 rows of softmax")


def run_large(device: Device) -> None:
    """Five million elements, every one of them looked at."""
    bench = Bench(device)
    size = 5_000_011
    host = (np.arange(size) % 1021).astype(np.float32)
    x = bench.put(host)
    same(bench.get(x + x), host * 2, "add")
    same(bench.get(x[1:] - x[:-1]), host[1:] - host[:-1], "neighbours")
    same(bench.get(x.view(-1)[::3].contiguous()), host[::3].copy(), "every third")
    marked = np.zeros(size, np.uint8)
    marked[::65_537] = 1
    marked[-1] = 1
    assert int(bench.put(marked).sum().item()) == int(marked.sum()), "sum of uint8"
    assert int(bench.put(host).argmax().item()) == 1020, "argmax"
    count = bench.get(bench.put(marked).cumsum(0))
    same(count, marked.astype(np.int64).cumsum(), "cumsum of uint8")


def run_shapes(device: Device) -> None:
    """1,500 shapes and ever other numbers, then the first of them again."""
    bench = Bench(device)
    host = values((4000,), float32, 1, 2, seed=1)
    x = bench.put(host)
    for turn in range(2):
        for size in range(1, 1501, 1 if turn == 0 else 37):
            number = size * 0.25
            part = x[size : 2 * size] if size % 2 else x[:size].view(1, size)
            right = host[size : 2 * size] if size % 2 else host[:size].reshape(1, size)
            same(bench.get(part * number), right * np.float32(number), f"{size} elements, turn {turn}")
    for rows in range(1, 60):
        for columns in (1, 3, 8, 17):
            block = host[: rows * columns].reshape(rows, columns)
            same(bench.get(bench.put(block).amax(0)), block.max(0), f"amax of {(rows, columns)}")
            same(bench.get(bench.put(block).t() + 1), block.T + np.float32(1), f"{(rows, columns)} transposed")


def run_calls(device: Device) -> None:
    """Five thousand calls of one operation: the last is as the first."""
    bench = Bench(device)
    x, one = bench.put(np.zeros(5, np.float32)), bench.put(np.ones(5, np.float32))
    for _ in range(5000):
        x = x + one
    same(bench.get(x), np.full(5, 5000, np.float32), "5,000 additions")
    for _ in range(2000):
        x.sub_(1)
    same(bench.get(x), np.full(5, 3000, np.float32), "2,000 subtractions in place")


def run_silent(device: Device) -> None:
    """Overflow, 1/0 and 0/0 raise and warn of nothing, in any thread, whatever NumPy is told."""
    bench = Bench(device)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            with warnings.catch_warnings(), np.errstate(all="raise"):
                warnings.simplefilter("error")
                zero, one = bench.put(np.zeros(3, np.float32)), bench.put(np.ones(3, np.float32))
                huge = bench.put(np.full(3, 3e38, np.float32))
                nan = bench.put(np.array([np.nan, np.inf, -np.inf], np.float32))
                results = [
                    one / zero, zero / zero, huge * huge, huge + huge, corelib.exp(huge), corelib.log(-one),
                    corelib.sqrt(-one), corelib.pow(huge, 3.0), nan - nan, corelib.sin(nan), nan @ huge, nan.sum(),
                    nan.cumsum(0), huge.prod(), corelib.maximum(nan, one), nan == nan, nan < one,
                    corelib.fmod(one, zero),
                    corelib.softmax(nan, 0), nan.sort()[0], corelib.where(nan > 0, nan, one), huge.to(corelib.bool),
                    bench.put(np.array([2**62, 2])) * 4, bench.put(np.array([127], np.int8)) + 1, huge * 1e30,
                ]  # fmt: skip
                for result in results:
                    bench.get(result)
        except BaseException as error:  # it must reach the thread that asks
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    work()
    if failures:
        raise AssertionError(f"not silent: {failures[0]!r}") from failures[0]


# -- optimizers ----------------------------------------------------------------------------------------------------


def _sgd(p: Array, g: Array, state: dict[str, Any], o: dict[str, Any]) -> Array:
    g = -g if o.get("maximize") else g
    g = g + o.get("weight_decay", 0) * p
    if o.get("momentum"):
        held = state.get("m")
        state["m"] = g if held is None else o["momentum"] * held + (1 - o.get("dampening", 0)) * g
        g = g + o["momentum"] * state["m"] if o.get("nesterov") else state["m"]
    return p - o["lr"] * g


def _adam(p: Array, g: Array, state: dict[str, Any], o: dict[str, Any], decoupled: bool = False) -> Array:
    first, second = o.get("betas", (0.9, 0.999))
    g = -g if o.get("maximize") else g
    decay = o.get("weight_decay", 0.01 if decoupled else 0)
    p = p * (1 - o["lr"] * decay) if decoupled else p
    g = g if decoupled else g + decay * p
    state["t"] = state.get("t", 0) + 1
    state["m"] = first * state.get("m", 0) + (1 - first) * g
    state["v"] = second * state.get("v", 0) + (1 - second) * g * g
    v = state["v"]
    if o.get("amsgrad"):
        v = state["top"] = np.maximum(state.get("top", 0), v)
    root = np.sqrt(v) / np.sqrt(1 - second ** state["t"]) + o.get("eps", 1e-8)
    return p - o["lr"] / (1 - first ** state["t"]) * state["m"] / root


def _adamw(p: Array, g: Array, state: dict[str, Any], o: dict[str, Any]) -> Array:
    return _adam(p, g, state, o, True)


OPTIMIZERS: tuple[tuple[str, Callable[..., Array], dict[str, Any]], ...] = (
    ("SGD", _sgd, {"lr": 0.1}), ("SGD", _sgd, {"lr": 0.1, "momentum": 0.9}),
    ("SGD", _sgd, {"lr": 0.05, "momentum": 0.8, "nesterov": True, "weight_decay": 0.1}),
    ("SGD", _sgd, {"lr": 0.05, "momentum": 0.8, "dampening": 0.3, "maximize": True}),
    ("Adam", _adam, {"lr": 0.1}), ("Adam", _adam, {"lr": 0.02, "betas": (0.7, 0.9), "eps": 1e-4, "weight_decay": 0.2}),
    ("Adam", _adam, {"lr": 0.05, "amsgrad": True}), ("Adam", _adam, {"lr": 0.05, "maximize": True}),
    ("AdamW", _adamw, {"lr": 0.1}), ("AdamW", _adamw, {"lr": 0.03, "weight_decay": 0.3, "amsgrad": True}),
)  # fmt: skip


def run_optimizers(device: Device) -> None:
    """Ten steps of each optimizer, on parameters of several shapes, against its formula in float64."""
    bench = Bench(device)
    shapes: tuple[tuple[int, ...], ...] = ((3, 4), (1,), (33,), (2, 3, 5), (1025,), ())
    for name, formula, options in OPTIMIZERS:
        hosts = [np.asarray(values(s, float32, 0.5, 1.5, seed=i)) for i, s in enumerate(shapes)]
        parameters = [bench.put(h).requires_grad_() for h in hosts]
        optimizer = getattr(corelib.optim, name)(parameters, **options)
        wide, states = [h.astype(np.float64) for h in hosts], [dict[str, Any]() for _ in shapes]
        for step in range(10):
            for i, p in enumerate(parameters):
                gradient = np.asarray(values(shapes[i], float32, -1, 1, seed=100 * step + i))
                p.grad = bench.put(gradient)
                wide[i] = formula(wide[i], gradient.astype(np.float64), states[i], options)
            optimizer.step()
            for p, right in zip(parameters, wide, strict=True):
                off = np.max(np.abs(bench.get(p.detach()) - right), initial=0.0)
                assert off < 2e-5 * (step + 1), f"{name} {options}: off by {off:.3g} after step {step + 1}"


def checks() -> Iterator[Check]:
    """One check each."""
    found: tuple[tuple[str, str, Callable[[Device], None], bool], ...] = (
        ("extent/rows", "core", run_rows, True), ("extent/large", "core", run_large, False),
        ("extent/shapes", "core", run_shapes, True), ("extent/calls", "core", run_calls, True),
        ("errors/silent", "core", run_silent, True), ("optimizers/formulas", "training", run_optimizers, True),
    )  # fmt: skip
    for name, tier, run, quick in found:
        yield Check(name, name.partition("/")[0], tier, None, "float32", quick, None, run)
