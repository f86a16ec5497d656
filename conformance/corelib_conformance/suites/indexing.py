"""Indexing and sorting: gather, scatter and scatter_add by NumPy's loops, sort stable whatever its size; and the
frontend's indexing on top of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from corelib.device import Device
from corelib.dtypes import ALL_DTYPES, bool_, dtype, int64
from corelib.ops import PRIMITIVES

from ..check import Check, flag_of, tier_of
from ..oracles import ORACLES
from ._bench import VIEWS, ZERO, Bench, constant, poison, values
from ._compare import same

__all__ = ["checks"]

Array = Any
PLANS: tuple[tuple[tuple[int, ...], tuple[int, ...], int], ...] = (
    ((5,), (5,), 0), ((5,), (9,), 0), ((1,), (3,), 0), ((4, 6), (4, 6), 0), ((4, 6), (4, 6), 1), ((4, 6), (2, 3), 1),
    ((4, 6), (9, 5), 0), ((3, 4, 5), (3, 4, 5), 1), ((3, 4, 5), (2, 7, 4), 1), ((3, 4, 5), (3, 4, 2), 2),
    ((2, 3, 4, 2), (2, 3, 6, 2), 2), ((33, 3), (65, 3), 0), ((3, 33), (3, 65), 1), ((257,), (1025,), 0),
    ((2, 2, 2, 2, 3), (2, 2, 2, 2, 3), 4), ((1, 1), (1, 1), 0), ((7, 1), (7, 4), 1), ((1025,), (2049,), 0),
)  # fmt: skip


def _index(shape: tuple[int, ...], size: int, seed: int, repeated: bool = True) -> Array:
    rng = np.random.default_rng((seed, *shape, size))
    return rng.integers(0, size, shape) if repeated else rng.permutation(size)[: shape[0]].reshape(shape)


def _rows(shape: tuple[int, ...], size: int, dim: int) -> Array:
    """Indices without repetitions along ``dim``, all different rows differently."""
    rng = np.random.default_rng((3, *shape, size))
    moved = [n for d, n in enumerate(shape) if d != dim]
    count = int(np.prod(moved))
    rows = (
        np.stack([rng.permutation(size)[: shape[dim]] for _ in range(count)]) if count else np.zeros((0, 0), np.int64)
    )
    return np.ascontiguousarray(np.moveaxis(rows.reshape(*moved, shape[dim]), -1, dim))


def _bits(shape: tuple[int, ...], d: dtype, seed: int) -> Array:
    """Values with nan bits and negative zeros among them: they are moved, not read."""
    host = np.asarray(values(shape, d, -100, 100, seed))
    flat = host.reshape(-1)
    if d.category == 2 and host.size > 3:
        flat[1], flat[2] = np.nan, -0.0
        flat[3:4].view(f"u{d.itemsize}")[:] = poison((1,), d).view(f"u{d.itemsize}")
    return host


def run_gather(d: dtype, device: Device) -> None:
    """In every dimension and layout, indices smaller than the operand too."""
    bench = Bench(device)
    bench.needs(d)
    for shape, ishape, dim in PLANS:
        x, index = _bits(shape, d, 1), _index(ishape, shape[dim], 2)
        right = ORACLES["gather"](x, index, dim)
        for view in ("contiguous", *VIEWS) if x.size < 200 else ("contiguous", "transposed", "stepped"):
            for tensor, places in (
                (bench.view(x, view), bench.put(index)),
                (bench.view(x, view), bench.view(index, view)),
            ):
                same(
                    bench.run("gather", tensor, places, dim)[0],
                    right,
                    f"{view}, {shape} at {ishape}, dim {dim}",
                    payload=True,
                )
        for zero in ZERO[: 3 if x.size < 200 else 0]:
            flat, even = constant(x, zero), constant(index, zero)
            got = bench.run("gather", bench.view(flat, zero), bench.view(even, zero), dim)[0]
            same(got, ORACLES["gather"](flat, even, dim), f"{zero}, {shape} at {ishape}, dim {dim}", payload=True)
    empties = (((3, 4), (0, 4), 0), ((3, 4), (3, 0), 1), ((0, 4), (0, 4), 0), ((5,), (0,), 0), ((0, 3), (0, 2), 1))
    for shape, ishape, dim in empties:
        got = bench.run("gather", bench.put(np.zeros(shape, d.numpy)), bench.put(np.zeros(ishape, np.int64)), dim)[0]
        same(got, np.zeros(ishape, d.numpy), f"{shape} at {ishape}")
    scalar = _bits((), d, 3)
    got = bench.run("gather", bench.put(scalar), bench.put(np.zeros((), np.int64)), 0)[0]
    same(got, scalar, "0-d", payload=True)
    bench.independent("gather", bench.put(_exact((), d, 3)), bench.put(np.zeros((), np.int64)), 0)
    bench.independent("gather", bench.put(values((4, 5), d)), bench.put(_index((4, 5), 4, 1)), 0)
    _again(bench, "gather", lambda s: (bench.put(values((9, 9), d, seed=s)), bench.put(_index((9, 9), 9, s)), 1))


def _again(bench: Bench, name: str, make: Callable[[int], tuple[Any, ...]]) -> None:
    args = make(1)
    first = bench.run(name, *args)
    for seed in (2, 3):
        bench.run(name, *make(seed))
        for part, wanted in zip(bench.run(name, *args), first, strict=True):
            same(part, wanted, f"{name}: the same call again", payload=True)


def _exact(shape: tuple[int, ...], d: dtype, seed: int) -> Array:
    """Whole numbers, so that sums do not depend on their order."""
    if d is bool_:
        return np.asarray(values(shape, d, seed=seed))
    return np.asarray(np.random.default_rng((seed, *shape)).integers(0, 4, shape)).astype(d.numpy)


def _scattered(name: str, x: Array, index: Array, source: Array, dim: int) -> Array:
    """What the oracle gives, added up in wider numbers and converted once."""
    if name == "scatter":
        return np.asarray(ORACLES[name](x, index, source, dim))
    wide: Any = {"b": np.int64, "i": np.int64, "u": np.int64, "c": np.complex128}.get(x.dtype.kind, np.float64)
    found = np.asarray(ORACLES[name](x.astype(wide), index, source.astype(wide), dim))
    return found != 0 if x.dtype.kind == "b" else found.astype(x.dtype)


def run_scatter(name: str, d: dtype, device: Device) -> None:
    """Into every dimension and layout; sources larger than the index, numbers; repeated indices all count, or one."""
    bench = Bench(device)
    bench.needs(d)
    add = name == "scatter_add"
    for shape, ishape, dim in PLANS:
        if ishape[dim] > shape[dim] and not add:
            continue
        index = _index(ishape, shape[dim], 4) if add else _rows(ishape, shape[dim], dim)
        x = _exact(shape, d, 5) if add else _bits(shape, d, 5)
        source = _exact(tuple(n + 2 for n in ishape), d, 6)
        fitting = np.ascontiguousarray(source[tuple(slice(n) for n in ishape)])
        right = _scattered(name, x, index, fitting, dim)
        message = f"{shape} at {ishape}, dim {dim}"
        args: tuple[Any, ...]
        for view in ("contiguous", *VIEWS) if x.size < 200 else ("contiguous", "transposed", "stepped"):
            args = (bench.view(x, view), bench.view(index, view), bench.view(fitting, view), dim)
            same(bench.run(name, *args)[0], right, f"{view}, {message}", payload=not add)
            args = (bench.put(x), bench.view(index, view), bench.put(fitting), dim)
            same(bench.run(name, *args)[0], right, f"index {view}, {message}", payload=not add)
        args = (bench.put(x), bench.put(index), bench.put(source), dim)
        same(bench.run(name, *args)[0], right, f"a larger source, {message}", payload=not add)
        even = constant(fitting, "all0")
        got = bench.run(name, bench.put(x), bench.put(index), bench.view(even, "all0"), dim)[0]
        same(got, _scattered(name, x, index, even, dim), f"an expanded source, {message}", payload=not add)
        number: Any = {0: True, 1: 3, 2: 1.5, 3: 1.5 + 2j}[d.category]
        full = np.full(ishape, number).astype(d.numpy)
        got = bench.run(name, bench.put(x), bench.put(index), number, dim)[0]
        same(got, _scattered(name, x, index, full, dim), f"a number, {message}", payload=not add)
    for shape, ishape, dim in (((3, 4), (0, 4), 0), ((3, 4), (3, 0), 1), ((5,), (0,), 0)):
        x = _exact(shape, d, 7)
        args = (bench.put(x), bench.put(np.zeros(ishape, np.int64)), bench.put(np.zeros(ishape, d.numpy)), dim)
        same(bench.run(name, *args)[0], x, f"nothing into {shape}")
        bench.independent(name, *args)
    scalar = _exact((), d, 8)
    got = bench.run(name, bench.put(scalar), bench.put(np.zeros((), np.int64)), bench.put(scalar), 0)[0]
    same(got, _scattered(name, scalar, np.zeros((), np.int64), scalar, 0), "0-d")
    for size, target in ((7, 3), (64, 5), (300, 2), (1025, 7), (5000, 3)):  # many repetitions
        index = _index((size,), target, 9)
        x, source = _exact((target,), d, 10), _exact((size,), d, 11)
        if d.is_half:  # so that every partial sum can be told in a half type
            source = (_exact((size,), int64, 11) < (2 if size < 600 else 0)).astype(d.numpy)
            source[::100] = 1
        got = bench.run(name, bench.put(x), bench.put(index), bench.put(source), 0)[0]
        if add:
            same(got, _scattered(name, x, index, source, 0), f"{size} into {target}")
        else:
            for i, value in enumerate(got):
                chosen = source[index == i]
                assert (value in chosen) if chosen.size else value == x[i], (
                    f"{size} into {target}: {value!r} at {i} is none of them"
                )
        if not d.is_half or size <= 64:
            index, ones = np.full((size,), target - 1), np.ones(size, d.numpy)
            got = bench.run(name, bench.put(x), bench.put(index), bench.put(ones), 0)[0]
            same(got, _scattered(name, x, index, ones, 0), f"{size} into one of {target}")
    bench.independent(
        name, bench.put(_exact((4, 5), d, 1)), bench.put(_rows((4, 5), 4, 0)), bench.put(_exact((4, 5), d, 2)), 0
    )
    _again(
        bench,
        name,
        lambda s: (bench.put(_exact((9, 9), d, s)), bench.put(_rows((9, 9), 9, 1)), bench.put(_exact((9, 9), d, s)), 1),
    )
    x = bench.put(host := _exact((6, 5), d, 12))
    index, source = _rows((6, 5), 6, 0), _exact((6, 5), d, 13)
    bench.into(name, x, x, bench.put(index), bench.put(source), 0)
    same(bench.get(x), _scattered(name, host, index, source, 0), "out= is the input")
    x = bench.put(host)
    same(
        bench.run(name, x, bench.put(index), x, 0)[0], _scattered(name, host, index, host, 0), "the source is the input"
    )


def run_half(d: dtype, device: Device) -> None:
    """Half precision adds up in float32 and rounds once: 4,096 ones in one place are 4,096."""
    bench = Bench(device)
    bench.needs(d)
    for count, target in ((300, 1), (4096, 1), (4096, 3)):
        index = np.arange(count) % target
        got = bench.run("scatter_add", bench.put(np.zeros(target, d.numpy)), bench.put(index),
                        bench.put(np.ones(count, d.numpy)), 0)[0]  # fmt: skip
        same(
            got, np.bincount(index, minlength=target).astype(np.float32).astype(d.numpy), f"{count} ones into {target}"
        )
        got = bench.run("scatter_add", bench.put(np.zeros(target, d.numpy)), bench.put(index), 1.0, 0)[0]
        same(
            got, np.bincount(index, minlength=target).astype(np.float32).astype(d.numpy), f"the number 1 {count} times"
        )


def run_bounds(name: str, d: dtype, device: Device) -> None:
    """An index outside raises, at once or at the next synchronization, writes nothing, and work goes on."""
    bench = Bench(device)
    bench.needs(d)
    for shape, ishape, dim in (
        ((5,), (3,), 0),
        ((4, 6), (4, 6), 1),
        ((4, 6), (3, 5), 0),
        ((1025,), (2049,), 0),
        ((3, 33), (3, 70), 1),
    ):
        x = values(shape, d, seed=14)
        for bad in (shape[dim], -1, shape[dim] + 1000, -shape[dim], 2**31, 2**32, 2**62, -(2**62)):
            for place in (0, -1, int(np.prod(ishape)) // 2):
                index = np.zeros(ishape, np.int64)
                index.reshape(-1)[place] = bad
                held = bench.put(x)
                more = () if name == "gather" else (bench.put(values(ishape, d, seed=15)),)
                try:
                    PRIMITIVES[name].function(held, bench.put(index), *more, dim)
                    bench.backend.synchronize(bench.index)
                except IndexError as error:
                    assert str(bad) in str(error) and f"size {shape[dim]}" in str(error), f"unclear: {error}"
                else:
                    raise AssertionError(f"{name}: index {bad} into size {shape[dim]} went unnoticed")
                same(bench.get(held), x, "the operand after the error", payload=True)
        fine = np.zeros(ishape, np.int64)
        more = () if name == "gather" else (bench.put(np.resize(x, ishape)),)
        bench.run(name, bench.put(x), bench.put(fine), *more, dim)


SORT_SIZES = (
    1,
    2,
    3,
    4,
    5,
    7,
    8,
    9,
    15,
    16,
    17,
    31,
    32,
    33,
    63,
    64,
    65,
    127,
    128,
    129,
    255,
    257,
    511,
    513,
    1023,
    1024,
    1025,
)
SORT_LARGE = (2047, 2048, 2049, 3000, 4096, 4097, 8193, 20_001)


def _keys(shape: tuple[int, ...], d: dtype, seed: int) -> Array:
    """Few different keys, so that stability shows; nan and infinities among them."""
    rng = np.random.default_rng((seed, *shape))
    if d is bool_:
        return rng.random(shape) < 0.5
    if d.category == 1:
        limit = np.iinfo(d.numpy)
        return rng.choice(
            np.array(
                [limit.min, limit.max, 0, 1, 2, 3, limit.max // 2, limit.min // 2, limit.max - 1, limit.min + 1],
                d.numpy,
            ),
            shape,
        )
    return rng.choice(np.array([-1, 2, -0.5, 3, np.nan, np.inf, -np.inf, 1e-3, 100]).astype(d.numpy), shape)


def _sorted(bench: Bench, x: Any, host: Array, dim: int, descending: bool, message: str) -> None:
    wide = host.astype(np.float64) if host.dtype.kind not in "biu" else host
    order = _descending(wide, dim) if descending else ORACLES["sort"](wide, dim, False)[1]
    got, places = bench.run("sort", x, dim, descending)
    same(places, order, f"places, {message}, descending={descending}")
    right = np.take_along_axis(host, order, dim) if host.ndim else host
    same(got, right, f"values, {message}, descending={descending}", payload=True)


def _descending(wide: Array, dim: int) -> Array:
    """The stable order from the largest, nan before all."""
    if wide.dtype.kind in "biu":
        return np.asarray(ORACLES["sort"](wide, dim, True)[1])
    order = np.argsort(np.where(np.isnan(wide), -np.inf, -wide), dim, kind="stable")
    number = np.take_along_axis(~np.isnan(wide), order, dim)
    return np.take_along_axis(order, np.argsort(number, dim, kind="stable"), dim)


def run_sort(d: dtype, sizes: tuple[int, ...], device: Device) -> None:
    """Stable both ways, nan the largest, at sizes around tiles, along rows and columns."""
    bench = Bench(device)
    bench.needs(d)
    for size in sizes:
        for shape, dim in (((size,), 0), ((3, size), 1), ((size, 3), 0)):
            host = _keys(shape, d, size)
            for descending in (False, True):
                _sorted(bench, bench.put(host), host, dim, descending, f"shape {shape}, dim {dim}")
        ordered = np.sort(_keys((size,), d, 1))
        for host in (ordered, np.ascontiguousarray(ordered[::-1]), np.ones(size, d.numpy)):
            for descending in (False, True):
                _sorted(bench, bench.put(host), host, 0, descending, f"{size} in order, in reverse or equal")


def run_sort_views(d: dtype, device: Device) -> None:
    """Every layout, every dimension, empty and 0-d; memory of its own; the same each time."""
    bench = Bench(device)
    bench.needs(d)
    for shape in ((4, 6), (3, 5, 4), (2, 3, 2, 3), (1, 5), (5, 1), (2, 33)):
        host = _keys(shape, d, 3)
        for view in ("contiguous", *VIEWS):
            for dim in range(len(shape)):
                for descending in (False, True):
                    _sorted(bench, bench.view(host, view), host, dim, descending, f"{view}, shape {shape}, dim {dim}")
        for zero in ZERO:
            laid = constant(host, zero)
            for dim in range(len(shape)):
                _sorted(bench, bench.view(laid, zero), laid, dim, False, f"{zero}, shape {shape}, dim {dim}")
    for empty, dim in (((0,), 0), ((2, 0), 1), ((0, 3), 0), ((0, 3), 1), ((2, 0, 3), 2)):
        got, places = bench.run("sort", bench.put(np.zeros(empty, d.numpy)), dim, False)
        same(got, np.zeros(empty, d.numpy), "nothing")
        same(places, np.zeros(empty, np.int64), "places of nothing")
    scalar = np.ones((), d.numpy)
    got, places = bench.run("sort", bench.put(scalar), -1, True)
    same(got, scalar, "0-d")
    same(places, np.zeros((), np.int64), "place of 0-d")
    bench.independent("sort", bench.put(_keys((3, 5), d, 4)), 1, False)
    bench.independent("sort", bench.put(np.sort(values((3, 1), d, seed=4), 1)), 1, False)
    _again(bench, "sort", lambda s: (bench.put(_keys((7, 40), d, s)), 1, s % 2 == 0))


def run_frontend(d: dtype, device: Device) -> None:
    """What users write with brackets, against NumPy."""
    bench = Bench(device)
    bench.needs(d)
    host = values((5, 6, 4), d, -50, 50, seed=16)
    x = bench.put(host)
    rng = np.random.default_rng(1)
    rows, columns = rng.integers(-5, 5, 7), rng.integers(-6, 6, 7)
    mask, flat = rng.random((5, 6, 4)) < 0.4, rng.random(5) < 0.5
    put = bench.put
    cases: list[tuple[str, Any, Any]] = [
        ("x[rows]", x[put(rows)], host[rows]),
        ("x[rows, columns]", x[put(rows), put(columns)], host[rows, columns]),
        ("x[:, columns]", x[:, put(columns)], host[:, columns]),
        ("x[rows, :, 1]", x[put(rows), :, 1], host[rows, :, 1]),
        ("x[mask]", x[put(mask)], host[mask]),
        ("x[flat]", x[put(flat)], host[flat]),
        ("x[..., None, 1:3]", x[..., None, 1:3], host[..., None, 1:3]),
        ("x[-1, ::2]", x[-1, ::2], host[-1, ::2]),
        ("x[rows2d]", x[put(rows.reshape(7, 1))], host[rows.reshape(7, 1)]),
        ("x[no rows]", x[put(rows[:0])], host[rows[:0]]),
        ("x[none]", x[put(np.zeros(5, bool))], host[np.zeros(5, bool)]),
        ("x[1:1]", x[1:1], host[1:1]),
    ]
    for name, got, wanted in cases:
        same(bench.get(got), wanted, name)
    distinct = rng.permutation(5)[:3]
    source = values((3, 6, 4), d, -50, 50, seed=17)
    x = put(host)
    x[put(distinct)] = put(source)
    wanted = host.copy()
    wanted[distinct] = source
    same(bench.get(x), wanted, "x[rows] = source")
    x = put(host)
    x[put(mask)] = put(np.ones((), d.numpy))
    wanted = host.copy()
    wanted[mask] = 1
    same(bench.get(x), wanted, "x[mask] = 1")
    x = put(host)
    x[1:4, ::2] = put(source[:, :3])
    wanted = host.copy()
    wanted[1:4, ::2] = source[:, :3]
    same(bench.get(x), wanted, "x[1:4, ::2] = source")
    outside: tuple[Any, ...] = (put(np.array([0, 5])), put(np.array([-6])), 5, (slice(None), 6))
    for bad in outside:
        try:
            x[bad]
            bench.backend.synchronize(bench.index)
        except IndexError:
            continue
        raise AssertionError("an index out of range went unnoticed")


def checks() -> Iterator[Check]:
    """Each aspect in each dtype."""
    aspects: list[tuple[str, str, Callable[..., None]]] = [
        ("gather", "places", run_gather), ("gather", "bounds", partial(run_bounds, "gather")),
        ("scatter", "places", partial(run_scatter, "scatter")), ("scatter", "bounds", partial(run_bounds, "scatter")),
        ("scatter_add", "places", partial(run_scatter, "scatter_add")),
        ("scatter_add", "float32-inside", run_half), ("scatter_add", "bounds", partial(run_bounds, "scatter_add")),
        ("gather", "brackets", run_frontend),
        ("sort", "sizes", lambda d, device: run_sort(d, SORT_SIZES, device)),
        ("sort", "large", lambda d, device: run_sort(d, SORT_LARGE, device)), ("sort", "layouts", run_sort_views),
    ]  # fmt: skip
    for name, aspect, run in aspects:
        for d in ALL_DTYPES:
            if (name == "sort" and d.is_complex) or (aspect == "bounds" and d.itemsize in (1, 2)):
                continue
            if aspect == "float32-inside" and not d.is_half:
                continue
            yield Check(
                id=f"{name}/{d.name}/{aspect}",
                group=name,
                tier=tier_of(PRIMITIVES[name], (d.name,)),
                op=name,
                dtype=d.name,
                quick=aspect != "bounds" or d.name in ("float32", "int64"),
                capability=flag_of(d.name),
                run=partial(run, d),
            )
