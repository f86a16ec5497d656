"""Matrix products: exactly where numbers are whole, as data movement with unit matrices, within a bound elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from corelib.device import Device
from corelib.dtypes import (
    ALL_DTYPES,
    bfloat16,
    bool_,
    dtype,
    float16,
    float32,
    float64,
    int32,
    int64,
)
from corelib.ops import PRIMITIVES

from ..check import Check, Measure, flag_of, tier_of
from ._bench import VIEWS, Bench, poison, values
from ._compare import limits, same, within

__all__ = ["checks"]

Array = Any
SHAPES = (
    (1, 1, 1), (2, 3, 4), (3, 1, 5), (1, 7, 1), (5, 4, 1), (1, 4, 5), (7, 7, 7), (8, 8, 8), (9, 9, 9), (16, 16, 16),
    (15, 17, 16), (31, 33, 32), (33, 31, 33), (32, 32, 32), (64, 64, 64), (65, 63, 64), (64, 65, 66), (3, 100, 2),
    (127, 5, 129), (5, 129, 127), (130, 17, 3), (2, 257, 3), (1, 300, 40), (40, 300, 1), (128, 128, 128),
)  # fmt: skip
BIG = ((257, 65, 255), (129, 513, 130), (2, 4099, 3), (300, 200, 100))


def whole(shape: tuple[int, ...], d: dtype, seed: int) -> Array:
    """Small whole numbers, whose products add up exactly."""
    rng = np.random.default_rng((seed, *shape))
    found = rng.integers(-3 if d.is_signed else 0, 4, shape)
    if d.is_complex:
        return (found + 1j * rng.integers(-3, 4, shape)).astype(d.numpy)
    return found.astype(d.numpy)


def product(a: Array, b: Array) -> Array:
    """The product in wider numbers (integers in their own, which wrap)."""
    if a.dtype.kind in "iu":
        return np.einsum("...mk,...kn->...mn", a, b, dtype=a.dtype, casting="unsafe")
    wide = np.complex128 if a.dtype.kind == "c" else np.float64
    return np.asarray(np.matmul(a.astype(wide), b.astype(wide)))


def hold(bench: Bench, a: Array, b: Array, x: Any, y: Any, message: str) -> None:
    """Exactly the product, rounded once."""
    got = bench.run("matmul", x, y)[0]
    with np.errstate(all="ignore"):
        same(got + got.dtype.type(0), product(a, b).astype(got.dtype) + got.dtype.type(0), message)


def run_exact(d: dtype, shapes: tuple[tuple[int, int, int], ...], device: Device) -> None:
    """Sizes around tiles, on operands as they are and transposed."""
    bench = Bench(device)
    bench.needs(d)
    for m, k, n in shapes:
        a, b = whole((m, k), d, 1), whole((k, n), d, 2)
        for first in ("contiguous", "transposed"):
            for second in ("contiguous", "transposed"):
                message = f"[{m}, {k}] by [{k}, {n}], {first} by {second}"
                hold(bench, a, b, bench.view(a, first), bench.view(b, second), message)


def run_views(d: dtype, device: Device) -> None:
    """Every layout of either operand, with batches too; and batches with stride 0."""
    bench = Bench(device)
    bench.needs(d)
    for shape, other in (((5, 7), (7, 6)), ((3, 4, 5), (3, 5, 2)), ((2, 3, 4, 5), (2, 3, 5, 3)), ((33, 17), (17, 35))):
        a, b = whole(shape, d, 3), whole(other, d, 4)
        for view in (*VIEWS, "reversed", "flipped", "upside"):
            hold(bench, a, b, bench.view(a, view), bench.put(b), f"{view} by contiguous, {shape}")
            hold(bench, a, b, bench.put(a), bench.view(b, view), f"contiguous by {view}, {other}")
            hold(bench, a, b, bench.view(a, view), bench.view(b, view), f"{view} by {view}, {shape}")
    for zero in ("outer0", "inner0", "middle0", "all0"):
        from ._bench import constant

        a, b = constant(whole((3, 4, 5), d, 5), zero), constant(whole((3, 5, 2), d, 6), zero)
        free_a, free_b = whole((3, 4, 5), d, 5), whole((3, 5, 2), d, 6)
        hold(bench, a, free_b, bench.view(a, zero), bench.put(free_b), f"{zero} first")
        hold(bench, free_a, b, bench.put(free_a), bench.view(b, zero), f"{zero} second")
        hold(bench, a, b, bench.view(a, zero), bench.view(b, zero), f"{zero} both")
    for shape, other in (
        ((5, 2, 3), (1, 3, 4)),
        ((1, 2, 3), (5, 3, 4)),
        ((2, 1, 3, 4), (1, 5, 4, 2)),
        ((33, 1, 2), (33, 2, 1)),
    ):
        a, b = whole(shape, d, 7), whole(other, d, 8)
        batch = np.broadcast_shapes(shape[:-2], other[:-2])
        x = bench.put(a).expand((*batch, *shape[-2:]))
        y = bench.put(b).expand((*batch, *other[-2:]))
        full = np.broadcast_to(a, (*batch, *shape[-2:])), np.broadcast_to(b, (*batch, *other[-2:]))
        hold(bench, *full, x, y, f"batches {shape[:-2]} by {other[:-2]}, expanded")
    square = whole((9, 9), d, 9)
    x = bench.put(square)
    hold(bench, square, square, x, x, "a matrix by itself")
    hold(bench, square, square.T, x, x.t(), "a matrix by its transpose")
    hold(bench, square[1:, :5], square[2:7], x[1:, :5], x[2:7], "two windows of one matrix")


def run_empty(d: dtype, device: Device) -> None:
    """Zeros where k is 0, whatever the memory held; nothing where m, n or the batch is 0."""
    bench = Bench(device)
    bench.needs(d)
    for a, b in (
        ((3, 0), (0, 4)),
        ((0, 3), (3, 4)),
        ((3, 4), (4, 0)),
        ((2, 3, 0), (2, 0, 5)),
        ((0, 2, 3), (0, 3, 2)),
        ((1, 0), (0, 1)),
    ):
        for _ in range(3):
            bench.dirty(((3, 4), d), ((2, 3, 5), d), ((1, 1), d))
            first, second = np.zeros(a, d.numpy), np.zeros(b, d.numpy)
            hold(bench, first, second, bench.put(first), bench.put(second), f"{a} by {b}")


def run_unit(d: dtype, device: Device) -> None:
    """With a unit matrix, or one that only permutes, every number comes through with all its bits."""
    bench = Bench(device)
    bench.needs(d)
    for size in (1, 2, 5, 16, 31, 32, 33, 64, 65, 100, 129):
        b = values((size, 7), d, -100, 100, seed=9)
        order = np.random.default_rng(size).permutation(size)
        unit = np.eye(size, dtype=d.numpy)[order]
        same(bench.run("matmul", bench.put(unit), bench.put(b))[0], b[order], f"rows of [{size}, 7] permuted")
        a = values((7, size), d, -100, 100, seed=10)
        columns = np.eye(size, dtype=d.numpy)[:, order]
        same(bench.run("matmul", bench.put(a), bench.put(columns))[0], a[:, order], f"columns of [7, {size}] permuted")
    if d.category >= 2 and not d.is_half:  # each term alone, so that none may be left out or rounded
        k = 129
        a, b = values((1, k), d, 0.5, 1, seed=11), values((k, 1), d, 0.5, 1, seed=12)
        rows = np.diag(a[0])
        got = bench.run("matmul", bench.put(rows), bench.put(b))[0]
        with np.errstate(all="ignore"):
            if not d.is_complex:
                same(got, a.T * b, "one term at a time")


def run_special(d: dtype, device: Device) -> None:
    """nan and infinities reach the rows and columns that they are in, and no other; a nan in padding reaches none."""
    bench = Bench(device)
    bench.needs(d)
    for size in (3, 17, 33, 65):
        a, b = whole((size, size), d, 13), whole((size, size), d, 14)
        for place in ((0, 0), (size - 1, size - 1), (size // 2, 1)):
            spoiled = a.copy()
            spoiled[place] = np.nan
            got = bench.run("matmul", bench.view(spoiled, "pitched"), bench.view(b, "pitched"))[0]
            wanted = product(a, b)
            wanted[place[0]] = np.nan
            within(got, wanted, 0.0, f"nan at {place} of {size}")
            right = b.copy()
            right[place] = np.nan
            got = bench.run("matmul", bench.view(a, "pitched"), bench.view(right, "pitched"))[0]
            wanted = product(a, b)
            wanted[:, place[1]] = np.nan
            within(got, wanted, 0.0, f"nan at {place} of the second, {size}")


def run_bound(d: dtype, device: Device) -> Measure:
    """Each element within c·γₖ·Σ|aᵢₖ·bₖⱼ| of the exact one."""
    bench = Bench(device)
    bench.needs(d)
    unit = limits(np.float32 if d.is_half else d.numpy).unit / 2
    last = limits(d.numpy).unit / 2
    worst = 0.0
    for m, k, n in ((33, 65, 31), (4, 1000, 5), (64, 64, 64), (1, 3000, 1), (130, 9, 70)):
        for low, high in ((-1, 1), (0.5, 1.5)):
            a, b = values((m, k), d, low, high, seed=15), values((k, n), d, low, high, seed=16)
            got = bench.run("matmul", bench.put(a), bench.put(b))[0]
            exact, size = product(a, b), product(np.abs(a), np.abs(b)).real
            bound = (2 + 2 * d.is_complex) * k * unit / (1 - k * unit) * size + 1.01 * last * np.abs(exact)
            within(got, exact, bound, f"[{m}, {k}] by [{k}, {n}], numbers in [{low}, {high}]")
            # what rounding alone does is far smaller: √k·ε, where a narrower multiplication leaves 2⁻¹¹
            rough = np.abs(got.astype(exact.dtype) - exact) / size
            typical = float(np.sqrt(np.mean(rough**2)))
            assert typical <= (4 * np.sqrt(k) * unit + last), (
                f"operands rounded to fewer bits: typical error {typical:.3g}"
            )
            worst = max(worst, float(rough.max() / (2 * last)))
    return Measure(ulp=worst)


def run_out(d: dtype, device: Device) -> None:
    """Into windows, among them one that is an operand; the same bits each time; memory of its own."""
    bench = Bench(device)
    bench.needs(d)
    a, b = whole((5, 7), d, 17), whole((7, 6), d, 18)
    right = product(a, b).astype(d.numpy)
    for strides, offset in (((6, 1), 1), ((1, 5), 3), ((16, 2), 5), ((9, 1), 2)):
        memory = poison((120,), d)
        buffer = bench.put(memory)
        bench.into("matmul", buffer.as_strided((5, 6), strides, offset), bench.put(a), bench.put(b))
        wanted = memory.copy()
        view = np.lib.stride_tricks.as_strided(wanted[offset:], (5, 6), [s * d.itemsize for s in strides])
        view[...] = right + d.numpy.type(0)
        same(bench.get(buffer) + d.numpy.type(0), wanted + d.numpy.type(0), f"out= of strides {strides}")
    for size in (3, 8, 33, 65):
        square, other = whole((size, size), d, 19), whole((size, size), d, 20)
        for position in (0, 1):
            x, y = bench.put(square), bench.put(other)
            bench.into("matmul", (x, y)[position], x, y)
            got = bench.get((x, y)[position])
            same(
                got + d.numpy.type(0),
                product(square, other).astype(d.numpy) + d.numpy.type(0),
                f"out= is operand {position}",
            )
    bench.independent("matmul", bench.put(whole((4, 1), d, 21)), bench.put(whole((1, 4), d, 22)))
    bench.independent("matmul", bench.put(whole((4, 4), d, 21)), bench.put(np.eye(4, dtype=d.numpy)))
    if d.category >= 2:
        x, y = bench.put(values((33, 65), d, seed=23)), bench.put(values((65, 31), d, seed=24))
        first = bench.run("matmul", x, y)[0]
        for _ in range(3):
            bench.run("matmul", bench.put(values((33, 65), d, seed=25)), y)
            same(bench.run("matmul", x, y)[0], first, "the same call again")


def checks() -> Iterator[Check]:
    """Each aspect in each dtype."""
    order = (float32, float64, float16, bfloat16, int64, int32, *ALL_DTYPES)
    dtypes = [d for d in dict.fromkeys(order) if d is not bool_]
    aspects: list[tuple[str, Callable[..., Measure | None]]] = [
        ("exact", lambda d, device: run_exact(d, SHAPES, device)), ("big", lambda d, device: run_exact(d, BIG, device)),
        ("layouts", run_views), ("empty", run_empty), ("unit", run_unit), ("special", run_special),
        ("bound", run_bound), ("out", run_out),
    ]  # fmt: skip
    for d in dtypes:
        for aspect, run in aspects:
            if (aspect in ("special", "bound") and d.category < 2) or (aspect == "special" and d.is_complex):
                continue
            yield Check(
                id=f"matmul/{d.name}/{aspect}",
                group="matmul",
                tier=tier_of(PRIMITIVES["matmul"], (d.name,)),
                op="matmul",
                dtype=d.name,
                quick=aspect != "big" or d in (float32, float64),
                capability=flag_of(d.name),
                run=partial(run, d),
            )
