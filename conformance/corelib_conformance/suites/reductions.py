"""Reductions and scans: over every set of dimensions, in every layout, at sizes around tiles, empty, with nan and ties.

Most values are small whole numbers (powers of two, for products), whose sums are exact in whatever order they are
taken: those results have one right answer, bit by bit, from which a dropped or doubled element, a stale one or a
too narrow accumulator differs.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from corelib.core.tensor import Tensor
from corelib.device import Device
from corelib.dtypes import bfloat16, bool_, dtype, float16, float32, float64, int8, int16, int32, int64, uint8
from corelib.ops import PRIMITIVES

from ..check import Check, Measure, flag_of, tier_of
from ..oracles import ORACLES
from ._bench import DTYPES, NEGATIVE, VIEWS, ZERO, Bench, constant, values
from ._compare import limits, same, within

__all__ = ["checks"]

Array = Any
FLOATS = (float32, float64, float16, bfloat16)
INTEGERS = (int64, int32, uint8, int8, int16)
REAL = (*FLOATS, *INTEGERS, bool_)
OVER_DIMS = ("sum", "prod", "mean", "amax", "amin")
ALONG = ("argmax", "argmin", "cumsum", "cumprod", "cummax", "cummin")
SIZES = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257)
LARGE = (511, 512, 513, 1023, 1024, 1025, 2047, 2048, 2049, 4096, 4097, 8193, 65536, 65537, 100_003)


def numbers(shape: tuple[int, ...], d: dtype, name: str, seed: int = 0) -> Array:
    """Values of which sums (products, for ``prod`` and ``cumprod``) are exact, with many ties."""
    rng = np.random.default_rng((seed, 5, *shape, len(name)))
    if d is bool_:
        return rng.random(shape) < (0.9 if name in ("prod", "amin") else 0.2)
    if name in ("prod", "cumprod"):
        signs = rng.choice([1, -1], shape) if d.is_signed else np.ones(shape)
        if d.category == 1:
            return (signs * rng.choice([1, 1, 1, 1, 1, 3, 2, 5], shape)).astype(d.numpy)
        powers = rng.choice([-1, 1], shape) * (rng.random(shape) < min(0.3, 6 / max(signs.size, 1)))
        return (signs * 2.0**powers).astype(d.numpy)
    low = -4 if d.is_signed else 0
    found = rng.integers(low, 5, shape)
    if name in ("amax", "amin", "argmax", "argmin", "cummax", "cummin"):
        found = np.where(found == 0, 1, found)
    return found.astype(d.numpy)


def result_type(name: str, d: dtype, asked: dtype | None) -> dtype:
    """What sums and products of a dtype are in."""
    if asked is not None:
        return asked
    return int64 if d.category < 2 and name in ("sum", "prod", "cumsum", "cumprod") else d


def answer(name: str, x: Array, dim: Any, keepdim: bool = False, d: dtype | None = None) -> tuple[Array, ...]:
    """The suite's own result, in float64 or integers."""
    target = result_type(name, DTYPES[x.dtype.name], d)
    wide = x.astype(np.float64) if x.dtype.kind not in "biu" else x
    if name in ("amax", "amin"):
        function = np.amax if name == "amax" else np.amin
        return (np.asarray(function(wide, axis=dim, keepdims=keepdim)),)
    if name in ("argmax", "argmin"):
        found: Any = ORACLES[name](wide, dim, keepdim)
        return (np.asarray(found),)
    if name in ("cummax", "cummin"):
        values_, indices = ORACLES[name](wide.astype(np.int64) if x.dtype.kind == "b" else wide, dim)
        return (values_, indices)
    if target.category == 1:
        wide = x.astype(target.numpy)  # wraps as the device does
    elif target.category == 2:
        wide = x.astype(target.numpy).astype(np.float64)
    kind = wide.dtype
    with np.errstate(all="ignore"):
        if name in ("cumsum", "cumprod"):
            scan = np.cumsum if name == "cumsum" else np.cumprod
            return (scan(wide, axis=dim, dtype=kind) if x.ndim else wide,)
        if name == "mean":
            return (np.mean(wide, axis=dim, keepdims=keepdim),)
        reduce = np.sum if name == "sum" else np.prod
        return (np.asarray(reduce(wide, axis=dim, keepdims=keepdim, dtype=kind)),)


def arguments(name: str, x: Tensor, dim: Any, keepdim: bool = False, d: dtype | None = None) -> tuple[Any, ...]:
    """The arguments of the primitive."""
    if name in ("cummax", "cummin"):
        return (x, dim)
    if name in ("cumsum", "cumprod"):
        return (x, dim, d)
    if name in ("sum", "prod", "mean"):
        return (x, dim, keepdim, d)
    return (x, dim, keepdim)


def hold(bench: Bench, name: str, x: Tensor, host: Array, dim: Any, message: str, **how: Any) -> None:
    """Exactly what the suite has, rounded once."""
    got = bench.run(name, *arguments(name, x, dim, **how))
    for part, wanted in zip(got, answer(name, host, dim, **how), strict=True):
        with np.errstate(all="ignore"):
            same(part, wanted.astype(part.dtype), f"{message}, dim {dim}{how or ''}, shape {host.shape}")


def run_dims(name: str, d: dtype, device: Device) -> None:
    """Every dimension and every set of them, with and without keepdim, up to rank 6."""
    bench = Bench(device)
    bench.needs(d)
    for shape in ((5,), (3, 4), (2, 3, 4), (2, 3, 2, 3), (2, 1, 3, 2, 2), (1, 2, 2, 3, 1, 2), (7, 9), (1, 1), (33, 5)):
        host = numbers(shape, d, name)
        x = bench.put(host)
        for dim, keepdim in itertools.product(_dims(name, len(shape)), (False, True)):
            if keepdim and name.startswith("cum"):
                continue
            how = {"keepdim": True} if keepdim else {}
            hold(bench, name, x, host, dim, "contiguous", **how)


def _dims(name: str, rank: int) -> list[Any]:
    if name in ALONG:
        return list(range(rank))
    found: list[Any] = [None]
    for count in range(1, rank + 1):
        found += itertools.combinations(range(rank), count)
    return found if rank < 5 else found[:: 3 if rank == 5 else 7]


def run_views(name: str, d: dtype, views: tuple[str, ...], device: Device) -> None:
    """Every layout of the operand."""
    bench = Bench(device)
    bench.needs(d)
    for shape in ((4, 6), (3, 5, 4), (2, 3, 4, 5), (2, 2, 3, 2, 2), (33, 7), (7, 33), (12,), (2, 64), (65, 2)):
        host = numbers(shape, d, name, seed=1)
        for view in views:
            laid = constant(host, view) if view in ZERO else host
            if name in ("prod", "cumprod") and view in ZERO and d.category == 2:
                laid = np.sign(laid.astype(np.float64)).astype(d.numpy)
            dims = _dims(name, len(shape))
            for dim in dims if len(dims) < 8 else [*dims[:1], *dims[1:5], *dims[5::3]]:
                hold(bench, name, bench.view(laid, view), laid, dim, view)


def run_sizes(name: str, d: dtype, sizes: tuple[int, ...], device: Device) -> None:
    """Sizes around tiles, alone, as rows, as columns and in the middle."""
    bench = Bench(device)
    bench.needs(d)
    for size in sizes:
        shapes: list[tuple[int, ...]] = [(size,)]
        shapes += [(2, size), (size, 3)] if size > 300 else [(3, size), (size, 3), (2, size, 3)]
        if size < 70:
            shapes += [(1, size), (size, 1), (size, size), (33, size), (2, size, 65)]
        for shape in shapes:
            host = numbers(shape, d, name, seed=2)
            if d.is_half and size > 300 and name in ("sum", "mean", "cumsum"):
                host = np.clip(host.astype(np.float32), -1, 1).astype(d.numpy)
            x = bench.put(host)
            for dim in range(len(shape)):
                hold(bench, name, x, host, dim if name in ALONG else (dim,), f"size {size}")
            if len(shape) > 1 and name not in ALONG:
                hold(bench, name, x, host, None, f"size {size}")
                hold(
                    bench,
                    name,
                    x.t() if len(shape) == 2 else x,
                    host.T if len(shape) == 2 else host,
                    (0,),
                    "transposed",
                )


def run_probes(name: str, d: dtype, device: Device) -> None:
    """One element that differs, at every place in turn: it must count once, where it is."""
    bench = Bench(device)
    bench.needs(d)
    odd = {
        "prod": 3,
        "cumprod": 3,
        "amin": -7 if d.is_signed else 0,
        "argmin": -7 if d.is_signed else 0,
        "cummin": 0,
    }.get(name, 7)
    rest = 0 if name in ("sum", "mean", "cumsum") else 1
    if d is bool_:
        odd, rest = (1, 0) if name in ("sum", "amax", "cumsum", "cummax") else (0, 1)
    for size in (1, 2, 3, 5, 8, 13, 31, 33, 64, 65, 100, 129, 257):
        host = np.full((size, size), rest).astype(d.numpy)
        np.fill_diagonal(host, odd)
        for view in ("contiguous", "pitched", "stepped"):
            x = bench.view(host, view)
            for dim in (0, 1):
                hold(bench, name, x, host, dim if name in ALONG else (dim,), f"one odd element, {view}")
    for size in (1025, 2049, 5000):
        for place in (0, 1, size // 2, size - 2, size - 1, 1023, 1024):
            line = np.full(size, rest).astype(d.numpy)
            line[place] = odd
            hold(bench, name, bench.put(line), line, 0 if name in ALONG else None, f"an odd element at {place}")


def run_empty(name: str, d: dtype, device: Device) -> None:
    """Of nothing: 0 or 1; empty results; and what has no answer raises."""
    bench = Bench(device)
    bench.needs(d)
    for shape, dim in (
        ((0,), 0),
        ((2, 0, 3), 1),
        ((0, 3), 0),
        ((0, 3), 1),
        ((3, 0), 0),
        ((2, 0, 3), 0),
        ((2, 0, 3), 2),
    ):
        host = np.zeros(shape, d.numpy)
        x = bench.put(host)
        for _ in range(3):
            bench.dirty(((3,), d), ((2, 3), d), ((1,), result_type(name, d, None)), ((6,), result_type(name, d, None)))
            if name in ("amax", "amin", "argmax", "argmin") and shape[dim] == 0:
                try:
                    PRIMITIVES[name].function(*arguments(name, x, dim))
                except (IndexError, RuntimeError):
                    continue
                raise AssertionError(f"{name} of nothing must raise, shape {shape}, dim {dim}")
            if name == "mean" and shape[dim] == 0:
                assert np.isnan(bench.run(name, *arguments(name, x, (dim,)))[0]).all(), "the mean of nothing is nan"
                continue
            hold(bench, name, x, host, dim if name in ALONG else (dim,), "empty")
    if name in ("sum", "prod"):
        for shape in ((0,), (2, 0), (0, 0, 3)):
            host = np.zeros(shape, d.numpy)
            for keepdim in (False, True):
                hold(bench, name, bench.put(host), host, tuple(range(len(shape))), "empty", keepdim=keepdim)
    scalar = numbers((), d, name)
    chosen: tuple[int | None, ...] = (0, -1) if name in ALONG else (None, 0, -1)
    for one in chosen:
        got = bench.run(name, *arguments(name, bench.view(scalar, "offset1"), one))
        wanted = (np.zeros((), np.int64),) if name.startswith("arg") else (scalar, np.zeros((), np.int64))[: len(got)]
        for part, right in zip(got, wanted, strict=True):
            same(part, right.astype(part.dtype), f"0-d, dim {one}")


def run_special(name: str, d: dtype, device: Device) -> None:
    """nan and infinities at every place, rows of nothing else, and ties."""
    bench = Bench(device)
    bench.needs(d)
    inf, nan = np.inf, np.nan
    rows = [
        [1, 2, nan, 3, nan], [nan, 1, 2, 3, 4], [1, 2, 3, 4, nan], [nan] * 5, [-inf] * 5, [inf] * 5,
        [inf, -inf, 1, 2, 3], [-inf, nan, inf, 1, 2], [1, inf, 2, inf, 3], [-inf, -1, -inf, -2, -3], [5, 5, 5, 5, 5],
        [-1, -1, -2, -2, -1], [2, 1, 2, 1, 2], [-3, -2, -1, -2, -3], [inf, nan, -inf, nan, inf],
        [-2.5, -inf, -1, -3, -4], [0.5, 4, 8, 2, 8],
    ]  # fmt: skip
    if name in ("prod", "cumprod"):
        rows += [[0, inf, 1, 1, 1], [0, 5, 3, 2, 1], [2, 0, 3, 0, 4], [-1, 0, 2, nan, 0], [4, 2, 0, 1, 1], [0] * 5]
    host = np.array(rows).astype(d.numpy)
    if name in ("prod", "cumprod"):  # whole powers of two, and few of them
        powers = np.sign(host.astype(np.float64)) * np.where(np.abs(host.astype(np.float64)) > 2, 1, 2)
        host = np.where(np.isfinite(host) & (host != 0), powers, host.astype(np.float64)).astype(d.numpy)
        host[: host.shape[0] // 2] = np.where(np.abs(host) == 2, np.sign(host), host)[: host.shape[0] // 2]
    for view in ("contiguous", "transposed", "stepped"):
        for wide in (1, 7):  # alone and in longer rows
            tiled = np.tile(host, (1, wide))
            hold(bench, name, bench.view(tiled, view), tiled, 1 if name in ALONG else (1,), f"special, {view}")
            turned = np.ascontiguousarray(tiled.T)
            hold(
                bench, name, bench.view(turned, view), turned, 0 if name in ALONG else (0,), f"special columns, {view}"
            )
    for size in (40, 300, 1025, 2500):
        for place in (0, 1, size // 2, size - 1):
            row = np.linspace(1, 2, size).astype(d.numpy)
            row[place] = nan
            if name not in ("sum", "prod", "cumsum", "cumprod"):
                hold(bench, name, bench.put(row), row, 0 if name in ALONG else None, f"nan at {place} of {size}")
            low = np.full(size, -inf).astype(d.numpy)
            if name in ("amax", "argmax", "cummax"):
                hold(bench, name, bench.put(low), low, 0 if name in ALONG else None, "nothing but -inf")
                low[place] = -5
                hold(bench, name, bench.put(low), low, 0 if name in ALONG else None, f"-5 at {place} among -inf")
            if name in ("amin", "argmin", "cummin"):
                high = -low
                hold(bench, name, bench.put(high), high, 0 if name in ALONG else None, "nothing but inf")
                high[place] = 5
                hold(bench, name, bench.put(high), high, 0 if name in ALONG else None, f"5 at {place} among inf")


def run_limits(name: str, d: dtype, device: Device) -> None:
    """The dtype's own limits: extremes at every place, sums that wrap, and those that do not since they are wider."""
    bench = Bench(device)
    bench.needs(d)
    limit = np.iinfo(d.numpy)
    rng = np.random.default_rng(3)
    host = rng.choice(np.array([limit.min, limit.max, limit.min + 1, limit.max - 1, 0, 1], d.numpy), (9, 70))
    for dim in (0, 1):
        hold(bench, name, bench.put(host), host, dim if name in ALONG else (dim,), "limits")
        hold(bench, name, bench.view(host, "transposed"), host, dim if name in ALONG else (dim,), "limits, transposed")
    if name in ("sum", "prod", "cumsum", "cumprod"):
        for asked in (*INTEGERS, float32):
            if not bench.holds(asked) or (asked is float32 and d.itemsize > 1):
                continue
            small = host if asked is not float32 else (host[:, :3] // 16).astype(d.numpy)
            hold(bench, name, bench.put(small), small, 1 if name in ALONG else (1,), f"dtype={asked.name}", d=asked)


def run_dtype(name: str, d: dtype, device: Device) -> None:
    """A result dtype: operands are converted to it first."""
    bench = Bench(device)
    bench.needs(d)
    host = (values((6, 40), d, -9, 9) if d is not bool_ else values((6, 40), d)).astype(d.numpy)
    if name in ("prod", "cumprod"):
        host = numbers((6, 40), d, name)
        host = np.where(np.abs(host) > 2, 1, host).astype(d.numpy) if d.category == 1 else host
    for asked in REAL[:-1]:
        if not bench.holds(asked):
            continue
        if asked.category == 2 and d.category == 2 and name not in ("prod", "cumprod"):
            whole = np.round(host.astype(np.float64)).astype(d.numpy)
        elif asked is uint8 and d.category == 2:
            whole = np.abs(host.astype(np.float64)).astype(d.numpy)
        elif asked is uint8 and d.is_signed:
            whole = np.abs(host)
        else:
            whole = host
        for view in ("contiguous", "transposed"):
            hold(
                bench,
                name,
                bench.view(whole, view),
                whole,
                1 if name in ALONG else (1,),
                f"{view}, dtype={asked.name}",
                d=asked,
            )


def run_accuracy(name: str, d: dtype, device: Device) -> Measure:
    """Each element within c·γₙ·Σ|aᵢ| of the exact sum; products within n·ε of theirs."""
    bench = Bench(device)
    bench.needs(d)
    unit = limits(d.numpy if not d.is_half else np.float32).unit / 2
    last = limits(d.numpy).unit / 2
    worst = 0.0
    for shape, dim in (
        ((64, 33), 1),
        ((33, 64), 0),
        ((4, 1025), 1),
        ((1025, 4), 0),
        ((3, 20000), 1),
        ((2, 3, 500), (1, 2)),
        ((7,), 0),
    ):
        for low, high in ((-1, 1), (0.5, 1.5)):
            host = values(shape, d, low, high, seed=4)
            if name in ("prod", "cumprod"):
                host = (1 + (host.astype(np.float64) - host.astype(np.float64).mean()) / 500).astype(d.numpy)
            wide = host.astype(np.float64)
            along: Any = dim if isinstance(dim, tuple) else (dim,)
            if name in ALONG:
                if isinstance(dim, tuple):
                    continue
                along = dim
            exact = answer(name, host, along)[0]
            terms = int(np.prod([shape[a] for a in np.atleast_1d(along)]))
            got = bench.run(name, *arguments(name, bench.put(host), along))[0]
            if name in ("prod", "cumprod"):
                size: Any = np.abs(exact)
            elif name == "cumsum":
                size = np.cumsum(np.abs(wide), axis=along)
            else:
                size = np.sum(np.abs(wide), axis=along) / (terms if name == "mean" else 1)
            least = 2.0**-14 * last if d.is_half else 0.0
            bound = 2 * terms * unit / (1 - terms * unit) * size + 1.01 * last * np.abs(exact) + least
            within(got, exact, bound, f"shape {shape}, dim {dim}, values in [{low}, {high}]")
            off = np.abs(got.astype(np.float64) - exact) / (np.maximum(size, 1e-30) * 2 * last)
            worst = max(worst, float(np.max(off)))
    return Measure(ulp=worst)


def run_half(name: str, d: dtype, device: Device) -> None:
    """Half precision accumulates in float32: 4,096 ones are 4,096."""
    bench = Bench(device)
    bench.needs(d)
    for count in (300, 4096, 5000):
        host = np.ones((2, count), d.numpy)
        for view, turned in (("contiguous", host), ("transposed", host), ("stepped", host), ("contiguous", host.T)):
            axis = 1 if turned.shape[0] == 2 else 0
            hold(
                bench,
                name,
                bench.view(turned, view),
                turned,
                axis if name in ALONG else (axis,),
                f"{count} ones, {view}",
            )
    if name in ("prod", "cumprod"):
        return
    tenth = np.full((3, 1000), 0.1).astype(d.numpy)
    got = bench.run(name, *arguments(name, bench.put(tenth), 1 if name in ALONG else (1,)))[0]
    within(got, (exact := answer(name, tenth, 1)[0]), np.abs(exact) * limits(d.numpy).unit * 0.51, "1,000 tenths")


def run_out(name: str, d: dtype, device: Device) -> None:
    """Into a window of a poisoned buffer, whose margins stay."""
    bench = Bench(device)
    bench.needs(d)
    if name in ("cummax", "cummin"):
        return
    from ._bench import poison

    for shape, dim in (((5, 33), 1), ((33, 5), 0), ((4, 3, 8), 1), ((65,), 0)):
        host = numbers(shape, d, name, seed=5)
        along: Any = dim if name in ALONG else (dim,)
        right = bench.run(name, *arguments(name, bench.put(host), along))[0]
        for stretch in (1, 2):
            count = max(right.size, 1) * stretch
            memory = poison((count + 8,), DTYPES[right.dtype.name])
            buffer = bench.put(memory)
            strides = (
                tuple(s // right.itemsize * stretch for s in np.ascontiguousarray(right).strides) if right.ndim else ()
            )
            window = buffer.as_strided(right.shape, strides, 3)
            bench.into(name, window, *arguments(name, bench.put(host), along))
            wanted = memory.copy()
            wanted[3 : 3 + count : stretch][: right.size] = right.ravel()
            same(bench.get(buffer), wanted, f"out= at offset 3, every {stretch}, shape {shape}", payload=True)
    if name in ("cumsum", "cumprod") and result_type(name, d, None) is d:
        for shape, dim in (((7, 33), 1), ((33, 7), 0), ((1030,), 0)):
            host = numbers(shape, d, name, seed=6)
            for view in ("contiguous", "transposed", "offset1"):
                x = bench.view(host, view)
                bench.into(name, x, *arguments(name, x, dim))
                same(bench.get(x), answer(name, host, dim)[0].astype(d.numpy), f"out= is the input, {view}")
    host = numbers((6, 7), d, name)
    bench.independent(name, *arguments(name, bench.put(host), 1 if name in ALONG else (1,)))
    one = numbers((6, 1), d, name)
    bench.independent(name, *arguments(name, bench.put(one), 1 if name in ALONG else (1,)))
    bench.independent(name, *arguments(name, bench.put(one.reshape(6)[:1].reshape(())), 0))


def run_again(name: str, d: dtype, device: Device) -> None:
    """The same bits each time, after other shapes, layouts and values of the same shape."""
    bench = Bench(device)
    bench.needs(d)
    along: Any = 1 if name in ALONG else (1,)
    host = values((9, 130), d, 0.5, 1.5, seed=6) if d.category == 2 else numbers((9, 130), d, name)
    x = bench.put(host)
    right = bench.run(name, *arguments(name, x, along))
    wide = bench.put(np.tile(host, (1, 2)))
    for turn in range(3):
        rolled = np.roll(host, turn + 1, 0)
        for part, wanted in zip(bench.run(name, *arguments(name, bench.put(rolled), along)), right, strict=True):
            same(part, np.roll(wanted, turn + 1, 0), "rows in another order")
        bench.run(name, *arguments(name, wide[:, ::2], along))
        bench.run(name, *arguments(name, bench.view(host, "transposed"), along))
        for part, wanted in zip(bench.run(name, *arguments(name, x, along)), right, strict=True):
            same(part, wanted, "the same call again")


def _aspects(name: str, d: dtype) -> Iterator[tuple[str, Callable[[Device], Measure | None]]]:
    def bound(run: Callable[..., Measure | None], *more: Any) -> Callable[[Device], Measure | None]:
        return partial(run, name, d, *more)

    yield "dims", bound(run_dims)
    yield "layouts", bound(run_views, VIEWS)
    yield "stride-0", bound(run_views, ZERO)
    yield "negative-steps", bound(run_views, NEGATIVE)
    yield "sizes", bound(run_sizes, SIZES)
    yield "large", bound(run_sizes, LARGE)
    yield "probes", bound(run_probes)
    yield "empty", bound(run_empty)
    yield "out", bound(run_out)
    yield "repeated", bound(run_again)
    if d.category == 2:
        if name != "mean":
            yield "special", bound(run_special)
        if name in ("sum", "prod", "mean", "cumsum", "cumprod"):
            yield "accuracy", bound(run_accuracy)
    if d.is_half and name in ("sum", "mean", "cumsum", "prod", "cumprod"):
        yield "float32-inside", bound(run_half)
    if d.category == 1:
        yield "limits", bound(run_limits)
    if name in ("sum", "prod", "cumsum", "cumprod"):
        yield "dtype", bound(run_dtype)


def checks() -> Iterator[Check]:
    """Each aspect of each reduction in each dtype; quick has each pair of them."""
    for position, name in enumerate((*OVER_DIMS, *ALONG)):
        if name not in PRIMITIVES:
            continue
        dtypes = FLOATS if name == "mean" else REAL[:-1] if name.startswith("arg") else REAL
        for which, d in enumerate(dtypes):
            for number, (aspect, run) in enumerate(_aspects(name, d)):
                yield Check(
                    id=f"{name}/{d.name}/{aspect}",
                    group=name,
                    tier=tier_of(PRIMITIVES[name], (d.name,)),
                    op=name,
                    dtype=d.name,
                    quick=which == 0
                    or (position + which + number) % 4 == 0
                    or aspect in ("special", "limits", "float32-inside"),
                    capability=flag_of(d.name),
                    run=run,
                )
