"""Data movement: copies, casts, fills, ranges, joins and the storage methods, all bit by bit."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from operator import itemgetter
from typing import Any

import numpy as np

from corelib.device import Device
from corelib.dtypes import ALL_DTYPES, bfloat16, bool_, dtype, float16, float32, float64, int32, int64
from corelib.layout import Layout
from corelib.ops import PRIMITIVES

from ..check import Check, flag_of, tier_of
from ._bench import NEGATIVE, VIEWS, ZERO, Bench, constant, poison, values
from ._compare import limits, same
from .accuracy import special

__all__ = ["checks", "converted", "numbers_of"]

Array = Any


def numbers_of(d: dtype) -> Array:
    """Numbers of a dtype that its conversions could go wrong at."""
    if d is bool_:
        return np.array([True, False, True])
    if d.category == 1:
        limit = np.iinfo(d.numpy)
        rng = np.random.default_rng(5)
        near = [
            0, 1, 2, 3, 5, 7, 100, 127, 128, 129, 200, 255, 256, 257, 2047, 2048, 2049, 2051, 4097, 32767, 32768, 65504,
            65519, 65520, 65535, 65536, 2**24 - 1, 2**24, 2**24 + 1, 2**24 + 3, 2**31 - 1, 2**31, 2**32 + 1, 2**53,
            2**53 + 1, 2**53 + 3, 2**62 + 1, limit.max, limit.max - 1, limit.max // 2, limit.max // 3,
        ]  # fmt: skip
        near += rng.integers(limit.min, limit.max, 200).tolist()
        return np.array(sorted({m for n in near for m in (n, -n, -n - 1) if limit.min <= m <= limit.max}), d.numpy)
    if d.is_complex:
        parts = np.array([0.0, -0.0, 1.5, -2.25, 0.1, 1e-3, 100.0, np.inf, np.nan])
        whole = np.empty((9, 9), np.complex128)
        whole.real, whole.imag = parts[:, None], parts[None, :]
        return whole.reshape(-1).astype(d.numpy)
    rng = np.random.default_rng(6)
    with np.errstate(all="ignore"):
        ties = np.array([
            1 + 2.0**-8, 1 + 3 * 2.0**-8, 1 + 2.0**-9, 1 + 2.0**-11, 1 + 3 * 2.0**-11, 1 + 2.0**-24, 65519.9, 65520,
            65504, 2.0**-24, 2.0**-25, 1.5 * 2.0**-25, 2.0**-14 - 2.0**-25, 6e-8, 3.38953139e38, 3.4e38, 1e39,
            2.0**-149, 2.0**-150, 1.1 * 2.0**-150, 2.0**-133, 2.0**-134, 5.9e-8, 0.99999999, 127.5, 126.99, 254.9,
            255.5, 3.99, 0.7,
        ])  # fmt: skip
        many = np.exp2(rng.uniform(-26, 17, 400))
        found = np.concatenate([special(d).astype(np.float64), ties, -ties, many, -many])
        return found.astype(d.numpy)


def _half_up(x: Array, target: dtype) -> Array:
    """To a half type by way of float32, nearest with ties to even, done on the bits."""
    with np.errstate(all="ignore"):
        narrow = np.asarray(x).astype(np.float32)
    if target is float16:
        with np.errstate(all="ignore"):
            return narrow.astype(np.float16)
    word = np.atleast_1d(narrow).view(np.uint32).astype(np.uint64)
    rounded = (word + 0x7FFF + ((word >> 16) & 1)) >> 16
    rounded = np.where(np.isnan(np.atleast_1d(narrow)), 0x7FC0, rounded).astype(np.uint16)
    return rounded.reshape(narrow.shape).view(target.numpy)


def converted(x: Array, source: dtype, target: dtype) -> Array:
    """A cast by the suite: towards zero to integers, modulo 2^n between them, != 0 to bool."""
    with np.errstate(all="ignore"):
        if source.is_half:
            x = x.astype(np.float32)
        if target is bool_:
            return np.asarray(x != 0)
        if source.is_complex and not target.is_complex:
            x = x.real
        if target.is_half:
            return _half_up(x, target)
        if target.category == 1 and x.dtype.kind == "f":
            return np.trunc(x.astype(np.float64)).astype(np.int64).astype(target.numpy)
        return np.asarray(x).astype(target.numpy)


def _castable(x: Array, source: dtype, target: dtype) -> Array:
    """Without what a cast may make anything of: floats outside an integer dtype's range."""
    if target.category != 1 or source.category < 2:
        return x
    with np.errstate(all="ignore"):
        real = (x.real if source.is_complex else x).astype(np.float64)
        limit = np.iinfo(target.numpy)
        inside = (np.trunc(real) >= limit.min) & (np.trunc(real) < float(limit.max) + (0 if target is int64 else 1))
    return x[inside]


def run_cast(source: dtype, target: dtype, device: Device) -> None:
    """Bit by bit, a copy even to the same dtype, in every layout and size, and into a window."""
    bench = Bench(device)
    bench.needs(source, target)
    host = _castable(numbers_of(source), source, target)
    right = converted(host, source, target)
    payload = source is target
    same(bench.run("cast", bench.put(host), target)[0], right, "contiguous", payload)
    for size in (0, 1, 2, 3, 7, 31, 33, 65, 257, 1025, 4099):
        part = np.resize(host, size)
        same(bench.run("cast", bench.put(part), target)[0], np.resize(right, size), f"{size} elements", payload)
    for shape in ((), (4, 6), (3, 5, 4), (2, 3, 2, 2)):
        part, wanted = np.resize(host, shape), np.resize(right, shape)
        views = (*VIEWS, *ZERO) if source.is_complex or target.is_complex else (*VIEWS, *ZERO, *NEGATIVE)
        for view in views if shape else ("offset3",):
            laid = constant(part, view) if view in ZERO else part
            if view in NEGATIVE and not bench.backend.strided:
                continue
            answer = converted(laid, source, target) if view in ZERO else wanted
            same(bench.run("cast", bench.view(laid, view), target)[0], answer, f"{view}, shape {shape}", payload)
    memory = poison((3 * 35 + 4,), target)
    buffer = bench.put(memory)
    window = buffer.as_strided((5, 7), (21, 3), 1)
    bench.into("cast", window, bench.put(np.resize(host, (5, 7))), target)
    wanted = memory.copy()
    wanted[1 : 1 + 105 : 3] = np.resize(right, 35)
    same(bench.get(buffer), wanted, "into a window", payload=True)
    bench.independent("cast", bench.put(np.resize(host, (3, 4))), target)
    bench.independent("cast", bench.put(np.resize(host, (1,))), target)
    bench.independent("cast", bench.put(np.resize(host, ())), target)
    x = bench.put(np.resize(host, 300))
    first = bench.run("cast", x, target)[0]
    bench.run("cast", bench.put(np.resize(host[::-1], 300)), target)
    same(bench.run("cast", x, target)[0], first, "again")


def run_patterns(source: dtype, target: dtype, device: Device) -> None:
    """All 65,536 numbers of a half type; and to one, the middles between its numbers and their neighbours."""
    bench = Bench(device)
    bench.needs(source, target)
    every = np.arange(65536, dtype=np.uint16)
    if source.is_half:
        host = _castable(every.view(source.numpy), source, target)
    else:
        with np.errstate(all="ignore"):
            near = every.view(target.numpy).astype(np.float64)
            middle = (near[:-1] + near[1:]) / 2
            around = np.concatenate([near, middle, np.nextafter(middle.astype(np.float32), np.float32(np.inf)),
                                     np.nextafter(middle.astype(np.float32), np.float32(-np.inf))])  # fmt: skip
            host = around[~np.isnan(around)].astype(source.numpy)
    same(bench.run("cast", bench.put(host), target)[0], converted(host, source, target), "every number")


def run_storage(d: dtype, device: Device) -> None:
    """Up, down, views, bit by bit, whatever the bits are."""
    bench = Bench(device)
    bench.needs(d)
    rng = np.random.default_rng(8)
    for size in (0, 1, 2, 3, 5, 16, 17, 255, 1025, 70_001):
        raw = rng.integers(0, 2 if d is bool_ else 256, size * d.itemsize).astype(np.uint8)
        host = raw.view(d.numpy)
        kept = host.copy()
        x = bench.put(host)
        if size:
            host[:] = host[::-1].copy()
        same(bench.get(x), kept, f"{size} elements, the host's array changed since", payload=True)
        down = bench.get(x)
        if size:
            down[:] = kept[::-1]
        same(bench.get(x), kept, "a download is a copy", payload=True)
    host = rng.integers(0, 2 if d is bool_ else 256, 2 * 3 * 4 * 5 * d.itemsize).astype(np.uint8).view(d.numpy)
    host = host.reshape(2, 3, 4, 5)
    for view in (*VIEWS, *NEGATIVE):
        x = bench.view(host, view)
        same(bench.get(x), host, view, payload=True)
        for out in (None, "window"):
            if out is None:
                same(bench.run("copy", x)[0], host, f"copy of {view}", payload=True)
                continue
            memory = poison((7 + 2 * host.size,), d)
            buffer = bench.put(memory)
            window = buffer.as_strided(host.shape, (1, 2, 6, 24), 5)
            bench.into("copy", window, x)
            wanted = memory.copy()
            wanted[5 : 5 + host.size] = host.transpose(3, 2, 1, 0).ravel()
            same(bench.get(buffer), wanted, f"copy of {view} into a window", payload=True)
    x = bench.put(host)
    for index in np.ndindex(2, 3):
        same(bench.get(x[index]), host[index], f"x{list(index)}", payload=True)
        same(bench.run("copy", x[index][1:, 2:])[0], host[index][1:, 2:], "a window of it", payload=True)
    same(bench.get(x.permute(3, 1, 0, 2)), host.transpose(3, 1, 0, 2), "permuted", payload=True)
    same(bench.get(x[..., 1::2]), host[..., 1::2], "every other", payload=True)
    same(bench.get(x[1][2][3][4]), host[1, 2, 3, 4], "one element", payload=True)
    bench.independent("copy", bench.put(host))


def run_bitcast(d: dtype, device: Device) -> None:
    """The same bytes in dtypes of the same size, smaller and larger; aliasing where memory is mutable."""
    bench = Bench(device)
    bench.needs(d)
    if d is bool_:
        return
    host = np.random.default_rng(9).integers(0, 256, 64 * d.itemsize).astype(np.uint8).view(d.numpy)
    for other in ALL_DTYPES:
        if other is bool_ or not bench.holds(other) or d.is_complex != other.is_complex:
            continue
        x = bench.put(host)
        seen = x.view(other)
        same(bench.get(seen), host.view(other.numpy), f"as {other.name}", payload=True)
        same(bench.get(seen.view(d)), host, "and back", payload=True)
        if bench.backend.mutable:
            seen.copy_(bench.put(host[::-1].copy().view(other.numpy)))
            same(bench.get(x), host[::-1].copy(), f"written as {other.name}", payload=True)


def run_fill(d: dtype, device: Device) -> None:
    """Every element the number, rounded once, negative zero too; into windows and views."""
    bench = Bench(device)
    bench.needs(d)
    numbers: tuple[Any, ...] = (True, False) if d is bool_ else (0, 1, 7, 100)
    if d.category == 1:
        limit = np.iinfo(d.numpy)
        numbers = (*numbers, int(limit.max), int(limit.min), int(limit.max) - 1)
    if d.category == 2:
        numbers = (
            0.0,
            -0.0,
            1.0,
            0.1,
            -1 / 3,
            1e-7,
            6e-8,
            65504.0,
            float("inf"),
            float("nan"),
            1 + 2.0**-12,
            1 + 2.0**-8,
        )
    if d.is_complex:
        numbers = (0j, complex(-0.0, -0.0), 1.5 - 0.1j, complex(float("nan"), 1))
    for number in numbers:
        want: Any = _half_up(np.float32(number), d) if d.is_half else np.array(number).astype(d.numpy)
        for shape in ((), (0,), (1,), (3,), (33,), (5, 7), (2, 3, 4), (1025,)):
            layout = Layout.of(shape, d, bench.device)
            got = bench.run("fill", number, layout)[0]
            same(got, np.full(shape, want), f"{number!r}, shape {shape}")
        memory = np.zeros(60, d.numpy)
        buffer = bench.put(memory)
        buffer.as_strided((3, 4), (12, 2), 5).fill_(number)
        right = memory.copy()
        np.lib.stride_tricks.as_strided(right[5:], (3, 4), (12 * d.itemsize, 2 * d.itemsize))[...] = want
        same(bench.get(buffer), right, f"{number!r} into a window")


def run_arange(d: dtype, device: Device) -> None:
    """start + i·step: integers exactly, floats rounded once (one unit where the device lacks float64)."""
    bench = Bench(device)
    bench.needs(d)
    pairs: list[tuple[Any, Any]] = [(0, 1), (5, -1), (3, 7), (-100, 13)]
    if d.category == 1 and not d.is_signed:
        pairs = [(0, 1), (200, -1), (3, 7)]
    if d is int64:
        pairs += [(2**40 + 1, 2**33 + 1), (-(2**62), 2**50 + 3), (2**53 + 1, 1)]
    if d is int32:
        pairs += [(2**30 + 1, -(2**20) - 1), (2**24 + 1, 1)]
    if d.category == 2:
        pairs = [(0.0, 1.0), (0.0, 0.1), (-3.5, 0.25), (1.0, -1 / 3), (1e4, 0.5)]
    for start, step in pairs:
        for count in (0, 1, 2, 3, 5, 31, 33, 100, *((257, 1025, 5000) if d.itemsize > 2 else ())):
            if d.category == 1 and not -(2 ** (8 * d.itemsize - 1)) <= start + count * step < 2 ** (
                8 * d.itemsize - d.is_signed
            ):
                continue
            got = bench.run("arange", start, step, Layout.of((count,), d, bench.device))[0]
            if d.category == 1:
                same(got, np.array([start + i * step for i in range(count)], dtype=d.numpy), f"{start}, {step}")
                continue
            exact = start + np.arange(count) * step
            # a start and step of float32 are rounded too, so that the error is of the size of what is added
            size = np.maximum(np.abs(exact), max(abs(start), abs(step) * count))
            units = np.abs(got.astype(np.float64) - exact) / np.maximum(size * limits(d.numpy).unit, 1e-300)
            assert got.shape == exact.shape, f"{count} elements"
            assert (units <= 2).all(), f"start {start}, step {step}: off by {units.max()} units"


def run_cat(d: dtype, device: Device) -> None:
    """Joins along every dimension, of any layouts, with empty ones among them, nan bits kept."""
    bench = Bench(device)
    bench.needs(d)
    for shape, dim in (
        ((2, 3), 0),
        ((2, 3), 1),
        ((3, 2, 4), 1),
        ((5,), 0),
        ((2, 1, 3, 2), 2),
        ((33, 3), 1),
        ((257,), 0),
    ):
        parts = []
        for i in range(4):
            sizes = list(shape)
            sizes[dim] = (shape[dim], 1, 0, shape[dim] + 2)[i]
            part = values(sizes, d, seed=i)
            if d.category == 2 and part.size > 2:
                part.reshape(-1)[1] = np.nan
            parts.append(part)
        for views in (("contiguous",) * 4, ("transposed", "offset1", "contiguous", "stepped"), ("pitched",) * 4):
            tensors = [bench.view(p, v) for p, v in zip(parts, views, strict=True)]
            got = bench.run("cat", tensors, dim)[0]
            same(got, np.concatenate(parts, dim), f"{views}, shape {shape}, dim {dim}", payload=True)
        many = [np.roll(parts[1], i) for i in range(70)]
        got = bench.run("cat", [bench.put(p) for p in many], dim)[0]
        same(got, np.concatenate(many, dim), "70 tensors", payload=True)
        one = bench.put(parts[0])
        got = bench.run("cat", [one, one, one], dim)[0]
        same(got, np.concatenate([parts[0]] * 3, dim), "one tensor three times", payload=True)
    bench.independent("cat", [bench.put(values((2, 3), d))], 0)


def _over(bench: Bench, host: Array, to: Callable[[Any], Any], source: Callable[[Any], Any], message: str) -> None:
    """A write of one part of a tensor to another: refused as PyTorch does, or what is read is what stood there."""
    x = bench.put(host)
    wanted = host.copy()
    to(wanted)[...] = source(host)
    try:
        to(x).copy_(source(x))
    except RuntimeError as error:
        assert "single memory location" in str(error), f"{message}: {error}"
        wanted = host
    same(bench.get(x), wanted, message, payload=True)


def run_overlap(d: dtype, device: Device) -> None:
    """A copy between windows of one tensor never reads what it has just written."""
    bench = Bench(device)
    bench.needs(d)
    for size in (2, 3, 5, 17, 64, 100, 1025, 5000):
        host = values((size,), d, seed=3) if d is bool_ else np.arange(size).astype(d.numpy)
        for shift in (1, 2, size // 2):
            if 0 < shift < size:
                late, early = slice(shift, None), slice(None, -shift)
                _over(bench, host, itemgetter(late), itemgetter(early), f"{size} elements by {shift}")
                _over(bench, host, itemgetter(early), itemgetter(late), f"{size} elements by -{shift}")
        half = size // 2
        if half:
            _over(bench, host, itemgetter(slice(half)), itemgetter(slice(half, 2 * half)), "two halves")
            even, odd = slice(0, 2 * half, 2), slice(1, 2 * half, 2)
            _over(bench, host, itemgetter(even), itemgetter(odd), "odd to even")
    square = np.arange(49).reshape(7, 7) % 2 == 0 if d is bool_ else np.arange(49).reshape(7, 7).astype(d.numpy)
    _over(bench, square, lambda x: x, lambda x: x.T, "a square from its transpose")
    _over(bench, square, lambda x: x[1:, 1:], lambda x: x[:-1, :-1], "a square down its diagonal")
    _over(bench, square, lambda x: x[0], lambda x: x[:, 0], "a row from a column that it crosses")
    _over(bench, square, lambda x: x[2:4], lambda x: x[5:7], "rows from other rows")
    _over(bench, square, lambda x: x[:, :3], lambda x: x[:, 4:], "columns from other columns")


def run_transfer(d: dtype, device: Device) -> None:
    """To every present device and back, of any layout, without a bit changed."""
    bench = Bench(device)
    bench.needs(d)
    host = np.random.default_rng(1).integers(0, 2 if d is bool_ else 256, 120 * d.itemsize).astype(np.uint8)
    host = host.view(d.numpy).reshape(4, 6, 5)
    places = [Device("cpu")] + [Device(bench.device.type, i) for i in range(bench.backend.device_count())]
    for first, second in itertools.product(places, places):
        if not all(Bench(p).holds(d) for p in (first, second)):
            continue
        for view in ("contiguous", "transposed", "offset3", "stepped", "pitched"):
            x = Bench(first).view(host, view)
            y = x.to(second)
            assert y.device == second or y.device.type == second.type, f"on {y.device}, asked for {second}"
            same(Bench(second).get(y), host, f"{view} from {first} to {second}", payload=True)
            same(Bench(first).get(x), host, "the source", payload=True)
        for shape in ((), (0,), (1,), (0, 3)):
            part = np.resize(host, shape)
            same(Bench(second).get(Bench(first).put(part).to(second)), part, f"shape {shape}", payload=True)
        if (first.type, first.index or 0) != (second.type, second.index or 0) and d.category == 2:
            x = Bench(first).put(host)
            y = x.to(second)
            x.fill_(1.0)
            same(Bench(second).get(y), host, "the source was written to afterwards", payload=True)


def checks() -> Iterator[Check]:
    """Casts between all pairs; the rest in every dtype."""
    for source, target in itertools.product(ALL_DTYPES, ALL_DTYPES):
        flags = [f for f in (flag_of(source.name), flag_of(target.name)) if f]
        yield Check(
            id=f"cast/{source.name}-to-{target.name}",
            group="cast",
            tier=tier_of(PRIMITIVES["cast"], (source.name, target.name)),
            op="cast",
            dtype=source.name,
            quick=True,
            capability="complex" if "complex" in flags else flags[0] if flags else None,
            run=partial(run_cast, source, target),
        )
    patterns = [(h, t) for h in (float16, bfloat16) for t in (float32, float64, float16, bfloat16, int32, int64, bool_)]
    patterns += [(s, h) for h in (float16, bfloat16) for s in (float32, float64)]
    for source, target in patterns:
        yield Check(
            id=f"cast/{source.name}-to-{target.name}/exhaustive",
            group="cast",
            tier="core",
            op="cast",
            dtype=source.name,
            quick=True,
            capability=flag_of(source.name) or flag_of(target.name),
            run=partial(run_patterns, source, target),
        )
    singles: tuple[tuple[str, Callable[..., None], str | None], ...] = (
        ("storage", run_storage, None), ("bitcast", run_bitcast, None), ("fill", run_fill, "fill"),
        ("arange", run_arange, "arange"), ("cat", run_cat, "cat"), ("overlap", run_overlap, "copy"),
        ("transfer", run_transfer, "transfer"),
    )  # fmt: skip
    for name, run, op in singles:
        for d in ALL_DTYPES:
            if name == "arange" and d.category in (0, 3):
                continue
            yield Check(
                id=f"{name}/{d.name}",
                group=op or name,
                tier="complex" if d.is_complex else "core",
                op=op,
                dtype=d.name,
                quick=True,
                capability=flag_of(d.name),
                run=partial(run, d),
            )
