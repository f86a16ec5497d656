"""What no single call shows: aliasing, promotion, errors, caches, memory, threads, versions, transfers' end, and
results that do not depend on who is watching."""

from __future__ import annotations

import gc
import itertools
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

import corelib
from corelib.backend.errors import OutOfMemoryError
from corelib.device import Device
from corelib.dtypes import ALL_DTYPES, float32, int64
from corelib.layout import Layout
from corelib.ops import PRIMITIVES

from ..check import Check, Unsupported
from ._bench import VIEWS, Bench, poison, values
from ._compare import same

__all__ = ["checks"]

Array = Any


def run_in_place(device: Device) -> None:
    """In-place operations through views write those elements of the base and no others."""
    bench = Bench(device)
    host = values((6, 8), float32, 1, 4, seed=1)
    windows: list[tuple[str, Callable[[Any], Any]]] = [
        ("a row", lambda x: x[2]), ("a column", lambda x: x[:, 3]), ("every other", lambda x: x[::2, 1::3]),
        ("the transpose", lambda x: x.T), ("a corner", lambda x: x[4:, 5:]), ("one element", lambda x: x[5, 7]),
        ("all", lambda x: x[...]),
    ]  # fmt: skip
    deeds: list[tuple[str, Callable[[Any], Any], Callable[[Array], Array]]] = [
        ("add_", lambda v: v.add_(1.5), lambda v: v + np.float32(1.5)),
        ("mul_", lambda v: v.mul_(v), lambda v: v * v),
        ("sub_", lambda v: v.sub_(2), lambda v: v - 2),
        ("neg_", lambda v: v.neg_(), lambda v: -v),
        ("zero_", lambda v: v.zero_(), lambda v: v * 0),
        ("fill_", lambda v: v.fill_(7), lambda v: v * 0 + 7),
        ("clamp_", lambda v: v.clamp_(2, 3), lambda v: np.clip(v, 2, 3)),
        ("div_", lambda v: v.div_(2), lambda v: v / 2),
        ("copy_", lambda v: v.copy_(v * 2), lambda v: v * 2),
        ("cumsum", lambda v: corelib.add(v, 1, out=v), lambda v: v + 1),
    ]
    for (place, window), (deed, act, right) in itertools.product(windows, deeds):
        x = bench.put(host)
        wanted = host.copy()
        target = window(wanted)
        new = np.asarray(right(np.array(target)), np.float32)
        if place == "one element":
            wanted[5, 7] = new
        else:
            target[...] = new
        act(window(x))
        same(bench.get(x), wanted, f"{deed} of {place}")
    x = bench.put(host)
    x[1:].add_(x[0].clone())
    wanted = host.copy()
    wanted[1:] += host[0]
    same(bench.get(x), wanted, "rows by the first row")
    x = bench.put(host)
    y = x.view(48)
    y[10] = 99.0
    assert bench.get(x)[1, 2] == 99, "a view does not share memory"
    z = x.clone()
    z.zero_()
    assert bench.get(x)[1, 2] == 99, "a clone shares memory"
    try:
        x[0].expand(3, 8).add_(1)
    except RuntimeError:
        pass
    else:
        raise AssertionError("an expanded tensor was written to")


def run_promotion(device: Device) -> None:
    """Dtypes of results, of every two dtypes, of tensors with numbers and 0-d tensors."""
    bench = Bench(device)
    held = [d for d in ALL_DTYPES if bench.holds(d)]
    for a, b in itertools.product(held, held):
        one, two = bench.put(np.ones((2,), a.numpy)), bench.put(np.ones((2,), b.numpy))
        rank = [d.category for d in (a, b)]
        got = one + two
        assert got.dtype is corelib.promote_types(a, b), f"{a} + {b} is {got.dtype}"
        assert got.dtype.category == max(rank), f"{a} + {b} is {got.dtype}"
        zero = bench.put(np.ones((), b.numpy))
        mixed = one * zero
        right = a if rank[1] <= rank[0] else None
        assert right is None or mixed.dtype is right, f"{a} * 0-d {b} is {mixed.dtype}"
        assert (bench.get(got) == (1 if got.dtype.category == 0 else 2)).all(), f"{a} + {b}"
    for d in held:
        x = bench.put(np.ones(3, d.numpy))
        found = [(x + 1).dtype, (x + 1.5).dtype, (x == 1).dtype, (x * True).dtype]
        whole = d if d.category >= 1 else int64
        assert found == [whole, d if d.category >= 2 else float32, corelib.bool, d], f"{d} with numbers: {found}"


def run_errors(device: Device) -> None:
    """Errors are Python's and PyTorch's kinds, name what is wrong, and leave everything as it was."""
    bench = Bench(device)
    x, y = bench.put(np.ones((2, 3), np.float32)), bench.put(np.ones(4, np.float32))
    whole = bench.put(np.array([1, 2, 3]))
    text: Any = "1"
    wrong: list[tuple[str, Callable[[], Any], Any, str]] = [
        ("shapes", lambda: x + y, RuntimeError, "size"), ("matmul", lambda: x @ x, RuntimeError, "shape"),
        ("dimension", lambda: x.sum(2), IndexError, "range"), ("index", lambda: x[2], IndexError, "2"),
        ("division", lambda: corelib.div(whole, 0, rounding_mode="trunc"), ZeroDivisionError, ""),
        ("bits of floats", lambda: x & x, (RuntimeError, TypeError), ""),
        ("view", lambda: x.view(7), RuntimeError, "7"),
        ("gather", lambda: x.gather(1, bench.put(np.array([[3], [0]]))), IndexError, "3"),
        ("cat", lambda: corelib.cat([x, y]), RuntimeError, ""), ("expand", lambda: x.expand(3, 3), RuntimeError, ""),
        ("amax of nothing", lambda: x[:0].amax(0), (IndexError, RuntimeError), ""),
        ("argmax of nothing", lambda: x[:0].argmax(0), (IndexError, RuntimeError), ""),
        ("out's dtype", lambda: corelib.add(x, 1.0, out=bench.put(np.ones((2, 3), np.int64))), RuntimeError, ""),
        ("a string", lambda: x + text, TypeError, ""),
        ("two devices", lambda: _elsewhere(bench, x), RuntimeError, "device"),
    ]  # fmt: skip
    for name, act, kind, word in wrong:
        try:
            act()
            bench.backend.synchronize(bench.index)
        except kind as error:
            assert word in str(error), f"{name}: {error}"
        else:
            raise AssertionError(f"{name}: nothing was raised")
        same(bench.get(x), np.ones((2, 3), np.float32), f"{name}: the operand afterwards")
        same(bench.get(x + 1), np.full((2, 3), 2, np.float32), f"{name}: work afterwards")


def _elsewhere(bench: Bench, x: Any) -> Any:
    if bench.device.type == "cpu":
        raise RuntimeError("there is one device only")
    return x + corelib.ones(2, 3)


def run_caches(device: Device) -> None:
    """One operation on one shape in ever other strides, ranks, offsets, dtypes and numbers, to and fro."""
    bench = Bench(device)
    host = values((4, 6), float32, 1, 3, seed=2)
    other = values((4, 6), float32, 1, 3, seed=3)
    layouts = ("contiguous", *VIEWS)
    for turn in range(2):
        for first, second in itertools.product(layouts, layouts):
            got = bench.get(bench.view(host, first) * bench.view(other, second))
            same(got, host * other, f"{first} by {second}, turn {turn}")
    shapes: tuple[tuple[int, ...], ...] = (
        (24,), (4, 6), (6, 4), (2, 3, 4), (4, 3, 2), (1, 24), (24, 1), (2, 2, 2, 3), (3, 2, 2, 2), (2, 12), (24,),
    )  # fmt: skip
    for shape in shapes:
        x = host.reshape(shape)
        same(bench.get(bench.put(x) + 1), x + 1, f"shape {shape}")
        for dim in range(len(shape)):
            same(bench.get(bench.put(x).amax(dim)), x.max(dim), f"amax of {shape} over {dim}")
    x = bench.put(host)
    for number in (1.0, 2.0, 0.5, -1.0, 3.25, 1.0, 7.0):
        same(bench.get(x * number), host * np.float32(number), f"times {number}")
        full = corelib.full((3,), number, device=bench.device)
        same(bench.get(full), np.full(3, number, np.float32), f"full of {number}")
    whole = bench.put(np.arange(12))
    for number in (1, 2, 3, 5, -7, 100, 1):
        same(bench.get(whole + number), np.arange(12) + number, f"plus {number}")
    for d in ("float32", "int64", "int32", "uint8", "float32", "bool", "int64"):
        plain = (np.arange(12) % 3).astype(d)
        same(bench.get(bench.put(plain) == 1), plain == 1, f"eq of {d}")
        turned = bench.get(bench.put(plain).view(3, 4).t().contiguous())
        same(turned, np.ascontiguousarray(plain.reshape(3, 4).T), f"copy of {d}")
    base = bench.put(np.arange(100, dtype=np.float32))
    for offset, size, stride in itertools.product((0, 1, 2, 3, 5, 7), (1, 3, 4, 8, 9), (1, 2, 3)):
        view = base.as_strided((size,), (stride,), offset)
        wanted = np.arange(100, dtype=np.float32)[offset : offset + size * stride : stride][:size]
        same(bench.get(view + 0.5), wanted + np.float32(0.5), f"{size} from {offset} by {stride}")
        same(bench.get(view.sum()), np.float32(wanted.sum()), f"sum of {size} from {offset} by {stride}")
    dims: tuple[Any, ...] = (0, 1, (0, 1))
    for dim, keepdim in itertools.product(dims, (False, True)):
        got = bench.get(x.amax(dim, keepdim))
        same(got, np.max(host, dim, keepdims=keepdim), f"amax over {dim}, keepdim={keepdim}")
    for descending in (False, True, False):
        right = np.sort(host, 1)
        same(bench.get(x.sort(1, descending)[0]), right[:, ::-1].copy() if descending else right, f"sort, {descending}")


def run_lifetimes(device: Device) -> None:
    """Temporaries freed while later work is queued, and memory used again at once, disturb no result."""
    bench = Bench(device)
    for size in (1, 7, 64, 1000, 4096, 100_000):
        host = values((size,), float32, 0, 1, seed=4)
        wanted = host.copy()
        x = bench.put(host)
        for step in range(12):
            x = (x * 2 + step) * 0.5
            wanted = (wanted * np.float32(2) + np.float32(step)) * np.float32(0.5)
            filler = bench.put(np.full(size, np.nan, np.float32))
            del filler
        same(bench.get(x), wanted, f"a chain over {size}")
        kept = [bench.put(host) + i for i in range(8)]
        junk = [bench.put(poison((size,), float32)) for _ in range(8)]
        del junk
        gc.collect()
        for i, y in enumerate(kept):
            same(bench.get(y), host + np.float32(i), f"result {i} of eight over {size}")
        base = bench.put(host)
        view = base[size // 2 :]
        del base
        bench.dirty(((size,), float32))
        same(bench.get(view + 1), host[size // 2 :] + np.float32(1), f"a view whose base is gone, {size}")
        total = bench.put(host)
        later = total + 1
        total.zero_()
        same(bench.get(later), host + np.float32(1), f"an operand written to after it was read, {size}")
        source = bench.put(host)
        copies = [source.clone() for _ in range(4)]
        source.fill_(5.0)
        for copy in copies:
            same(bench.get(copy), host, f"clones of {size}")


def run_memory(device: Device) -> None:
    """After 1,000 iterations as much memory is held as before; what fails to be allocated breaks nothing."""
    bench = Bench(device)
    if bench.backend.memory_allocated(bench.index) is None:
        raise Unsupported("memory", f"{device.type} does not count its bytes")
    w = bench.put(values((8, 8), float32, seed=5)).requires_grad_()
    x = bench.put(values((4, 8), float32, seed=6))

    def step() -> None:
        y = corelib.softmax(x @ w, 1)
        (y * y).sum().backward()
        gradient: Any = w.grad
        with corelib.no_grad():
            w.sub_(gradient * 0.01)
        w.grad = None
        x[1:3].t().contiguous()
        corelib.cat([x, x])
        corelib.sort(x, 1)

    for _ in range(50):
        step()
    gc.collect()
    bench.backend.synchronize(bench.index)
    before = bench.backend.memory_allocated(bench.index) or 0
    for _ in range(1000):
        step()
    gc.collect()
    bench.backend.synchronize(bench.index)
    after = bench.backend.memory_allocated(bench.index) or 0
    assert after <= before + 4096, f"{after - before} bytes more are held after 1,000 iterations"


def run_too_much(device: Device) -> None:
    """An allocation that cannot be is OutOfMemoryError, and work goes on."""
    bench = Bench(device)
    for shape in ((2**42,), (2**31, 2**12)):
        try:
            bench.backend.allocate(Layout.of(shape, float32, bench.device))
        except OutOfMemoryError:
            pass
        except MemoryError as error:
            raise AssertionError(f"a bare MemoryError: {error}") from error
        else:
            return  # 16 TiB were given: then there is nothing to see
        same(bench.get(bench.put(np.arange(5)) + 1), np.arange(5) + 1, "afterwards")


def run_threads(device: Device) -> None:
    """Eight threads at once, each with its own operands and its own results."""
    bench = Bench(device)
    host = values((33, 65), float32, 1, 2, seed=7)
    other = values((65, 17), float32, 1, 2, seed=8)
    x, w = bench.put(host), bench.put(other)

    def deeds() -> list[Any]:
        return [x + 1, x @ w, x.sum(1), x.t().contiguous(), corelib.sort(x, 1)[0], corelib.exp(x[:, ::3])]

    alone = [bench.get(t) for t in deeds()]
    failures: list[BaseException] = []
    start = threading.Barrier(8)

    def work(number: int) -> None:
        try:
            mine = bench.put(np.full((33, 65), number, np.float32))
            start.wait()
            for _ in range(20):
                for a, b in zip(deeds(), alone, strict=True):
                    same(bench.get(a), b, f"thread {number}")
                same(bench.get(mine * 2 + 1), np.full((33, 65), 2 * number + 1, np.float32), f"thread {number}'s own")
                y = bench.put(host).requires_grad_()
                (y * number).sum().backward()
                gradient: Any = y.grad
                same(bench.get(gradient), np.full((33, 65), number, np.float32), f"thread {number}'s gradient")
        except BaseException as error:  # it must reach the thread that asks
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if failures:
        raise failures[0]


def run_versions(device: Device) -> None:
    """A tensor saved for the gradient and then written to is noticed; one that is not needed may be written."""
    bench = Bench(device)
    host = values((3, 4), float32, 0.5, 2, seed=9)
    saving: list[tuple[str, Callable[[Any], Any], bool]] = [
        ("exp's result", lambda x: _spoil(x.exp()), True),
        ("a factor", lambda x: _spoil_operand(x, lambda y: y * y), True),
        ("log's operand", lambda x: _spoil_operand(x, corelib.log), True),
        ("matmul's operand", lambda x: _spoil_operand(x, lambda y: y @ y.t()), True),
        ("softmax's result", lambda x: _spoil(corelib.softmax(x, 1)), True),
        ("a view of the operand", lambda x: _spoil_view(x), True),
        ("add's result", lambda x: _spoil(x + 1), False),
        ("a sum's operand", lambda x: _spoil_operand(x, lambda y: y + 1), False),
    ]  # fmt: skip
    for name, act, noticed in saving:
        x = bench.put(host).requires_grad_()
        try:
            act(x).sum().backward()
        except RuntimeError as error:
            assert noticed and "modified by an inplace operation" in str(error), f"{name}: {error}"
        else:
            assert not noticed, f"{name} was written to unnoticed"


def _spoil(y: Any) -> Any:
    y.add_(1)
    return y


def _spoil_operand(x: Any, function: Callable[[Any], Any]) -> Any:
    y = x * 1
    z = function(y)
    y.add_(1)
    return z


def _spoil_view(x: Any) -> Any:
    y = x * 1
    z = y * y
    y[1].zero_()
    return z


def run_watched(device: Device) -> None:
    """The same results with no test runner among the modules and none in the environment; in any order of calls."""
    bench = Bench(device)

    def results() -> list[Array]:
        x = values((7, 9), float32, 0.5, 2, seed=10)
        w = values((9, 5), float32, 0.5, 2, seed=11)
        found = []
        for name in ("neg", "exp", "sqrt", "log", "tanh", "floor"):
            found += bench.run(name, bench.put(x))
        for name in ("add", "sub", "mul", "div", "maximum", "lt", "pow"):
            found += bench.run(name, bench.put(x), bench.view(x[::-1].copy(), "transposed"))
        found += bench.run("sum", bench.put(x), (1,), False, None) + bench.run("amax", bench.put(x), (0,), False)
        found += bench.run("argmax", bench.put(x), 1, False) + bench.run("cumsum", bench.put(x), 1, None)
        found += bench.run("matmul", bench.put(x), bench.put(w)) + bench.run("sort", bench.put(x), 1, False)
        found += bench.run("gather", bench.put(x), bench.put(np.arange(63).reshape(7, 9) % 7), 0)
        found += bench.run("cast", bench.put(x), int64) + bench.run("copy", bench.view(x, "transposed"))
        return found

    seen = results()
    with _unwatched():
        unseen = results()
    for i, (a, b) in enumerate(zip(seen, unseen, strict=True)):
        same(b, a, f"result {i} without a test runner")
    x = values((7, 9), float32, 0.5, 2, seed=10)
    for part, right in ((0, -x), (2, np.sqrt(x))):
        same(unseen[part], right, "without a test runner")


@contextmanager
def _unwatched() -> Iterator[None]:
    runners = ("pytest", "_pytest", "pluggy._hooks", "xdist", "unittest", "corelib_conformance.runner",
               "corelib_conformance.worker", "corelib_conformance.plugin")  # fmt: skip
    packages = ("pytest", "_pytest", "xdist")
    hidden = {n: m for n, m in sys.modules.items() if n in runners or n.partition(".")[0] in packages}
    variables = {k: v for k, v in os.environ.items() if "PYTEST" in k or k == "CI"}
    arguments = sys.argv
    for name in hidden:
        del sys.modules[name]
    for name in variables:
        del os.environ[name]
    sys.argv = ["program.py"]
    try:
        yield
    finally:
        sys.modules.update(hidden)
        os.environ.update(variables)
        sys.argv = arguments


def run_owners(device: Device) -> None:
    """Every required primitive runs by a kernel of the device's own, and in debug mode each result is as ruled."""
    bench = Bench(device)
    for name, prim in PRIMITIVES.items():
        if prim.required:
            kernel = bench.backend.kernels.get(name)
            assert kernel is not None, f"there is no kernel for the required primitive {name}"
            assert kernel.owner != "cpu" or device.type == "cpu", f"{name} is the CPU's"
    x = values((4, 5), float32, seed=12)
    with corelib.debug.checking():
        for view in ("contiguous", "transposed", "stepped"):
            t = bench.view(x, view)
            _ = (-t, t + t, t.sum(0), t.amax(1), t.cumsum(0), t @ t.t(), corelib.where(t > 0, t, 0.0), t.clone())
            _ = (t.sort(0), t.argmax(1), t.gather(0, (t * 0).long()), t.prod(1), t == t, t.to(int64))


def checks() -> Iterator[Check]:
    """One check each."""
    found: tuple[tuple[str, str, Callable[[Device], None], str | None], ...] = (
        ("aliasing/in-place", "core", run_in_place, None), ("promotion/pairs", "core", run_promotion, None),
        ("errors/kinds", "core", run_errors, None), ("caches/strides-and-ranks", "core", run_caches, None),
        ("lifetimes/reuse", "core", run_lifetimes, None), ("memory/level", "training", run_memory, "memory"),
        ("memory/too-much", "core", run_too_much, None), ("threads/eight", "training", run_threads, None),
        ("versions/saved", "training", run_versions, None), ("watched/plain-process", "core", run_watched, None),
        ("kernels/owners", "core", run_owners, None),
    )  # fmt: skip
    for name, tier, run, flag in found:
        yield Check(name, name.partition("/")[0], tier, None, None, True, flag, run)
