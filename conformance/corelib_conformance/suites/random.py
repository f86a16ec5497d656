"""Random numbers: the published vectors, a stream that depends on nothing but seed and offset, ranges and moments."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

import corelib
from corelib.device import Device
from corelib.dtypes import bfloat16, dtype, float16, float32, float64, int64
from corelib.layout import Layout

from ..check import Check, flag_of
from ._bench import Bench
from ._compare import same

__all__ = ["checks", "words"]

Array = Any
_MASK = 0xFFFFFFFF
KNOWN = (
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((_MASK,) * 4, (_MASK,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    ((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0),
     (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)),
)  # fmt: skip
"""Counter, key and words of Philox-4x32-10, as its authors publish them."""


def _block(counter: tuple[int, ...], key: tuple[int, int]) -> tuple[int, ...]:
    """One block by Python's integers, as the algorithm is written."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        p0, p1 = c0 * 0xD2511F53, c2 * 0xCD9E8D57
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & _MASK, (p0 >> 32) ^ c3 ^ k1, p0 & _MASK
        k0, k1 = (k0 + 0x9E3779B9) & _MASK, (k1 + 0xBB67AE85) & _MASK
    return c0, c1, c2, c3


def words(seed: int, offset: int, count: int) -> Array:
    """The first words of the stream from a block on."""
    found: list[int] = []
    for block in range(offset, offset + -(-count // 4)):
        found += _block((block & _MASK, block >> 32, 0, 0), (seed & _MASK, seed >> 32))
    return np.array(found[:count], np.int64)


def _draw(bench: Bench, seed: int, offset: int, shape: tuple[int, ...]) -> Array:
    """The kernel's own words, at any seed and block."""
    layout = Layout.of(shape, int64, bench.device)
    bench.dirty((shape, int64))
    with bench.closed():
        array = bench.backend.kernels["random_bits"].function(seed, offset, layout)
    found = bench.backend.describe(array)
    assert found is None or (found.dtype is int64 and tuple(found.shape) == shape), f"the kernel gave {found}"
    return bench.backend.download(array, layout)


def run_known(device: Device) -> None:
    """The suite's Philox gives the published words, and the device the suite's: seeds and blocks of all sizes."""
    bench = Bench(device)
    for counter, key, right in KNOWN:
        assert _block(counter, key) == right, "the suite's own Philox is wrong"
    same(_draw(bench, 0, 0, (4,)), np.array(KNOWN[0][2], np.int64), "the published block of zeros")
    seeds = (0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**32 + 1, 2**53 + 1, 2**63, 2**64 - 1, 0x299F31D0A4093822)
    offsets = (0, 1, 3, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1, 2**32, 2**33 + 5, 2**40, 2**53 + 1, 2**62, 2**63 - 9)
    for seed in seeds:
        for offset in offsets if seed in (0, 1, 2**64 - 1, 0x299F31D0A4093822) else offsets[:6]:
            same(_draw(bench, seed, offset, (22,)), words(seed, offset, 22), f"seed {seed}, block {offset}")


def run_shapes(device: Device) -> None:
    """Element i is the same word in any launch: sizes around tiles, shapes, parts of a longer draw."""
    bench = Bench(device)
    long = words(77, 5, 9000)
    sizes = (
        0, 1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 63, 64, 65, 127, 129, 255, 256, 257, 1023, 1024, 1025, 2048, 2049, 4095,
        4097, 8193, 8999,
    )  # fmt: skip
    for size in sizes:
        same(_draw(bench, 77, 5, (size,)), long[:size], f"{size} words")
    for shape in ((), (1, 1), (3, 5), (2, 3, 4), (33, 31), (1, 1025), (1025, 1), (2, 0, 3), (7, 11, 13)):
        same(_draw(bench, 77, 5, shape), long[: int(np.prod(shape))].reshape(shape), f"shape {shape}")
    for block in (1, 2, 3, 16, 255, 256, 1000):
        same(_draw(bench, 77, 5 + block, (1001,)), long[4 * block : 4 * block + 1001], f"from block {block} on")
    for offset in (2**32 - 3, 2**33 - 2):
        same(_draw(bench, 3, offset, (1030,)), words(3, offset, 1030), f"over the carry at {offset}")
    big = _draw(bench, 9, 1, (300_001,))
    for start in (0, 65_536 * 4, 262_144, 299_996):
        same(
            big[start : start + 4], words(9, 1 + start // 4, 4)[: len(big[start : start + 4])], f"word {start} of many"
        )
    assert (big >= 0).all() and (big < 2**32).all(), "a word is not in [0, 2^32)"
    first = _draw(bench, 4, 4, (100,))
    _draw(bench, 5, 4, (100,))
    same(_draw(bench, 4, 4, (100,)), first, "the same draw again")


def run_generator(device: Device) -> None:
    """A generator's draws follow each other by whole blocks, and begin again with its seed or state."""
    bench = Bench(device)
    generator = corelib.Generator().manual_seed(123)
    found = [
        bench.run("random_bits", generator, Layout.of((n,), int64, bench.device))[0] for n in (1, 4, 5, 3, 1000, 2)
    ]
    offset = 0
    for part in found:
        same(part, words(123, offset, len(part)), f"a draw of {len(part)} at block {offset}")
        offset += -(-len(part) // 4)
    generator.manual_seed(123)
    same(bench.run("random_bits", generator, Layout.of((1,), int64, bench.device))[0], found[0], "the seed again")
    for make in (corelib.rand, corelib.randn):
        a, b = (make(33, device=bench.device, generator=generator.manual_seed(9)) for _ in range(2))
        same(bench.get(a), bench.get(b), "the same seed")


def run_uniform(d: dtype, device: Device) -> None:
    """In [0, 1), never 1, by the formula: the device's numbers are the words', bit by bit; and look uniform."""
    bench = Bench(device)
    bench.needs(d)
    for shape in ((1,), (7,), (33, 3), (1025,), (0,)):
        count = int(np.prod(shape))
        got = bench.get(
            corelib.rand(shape, dtype=d, device=bench.device, generator=corelib.Generator().manual_seed(11))
        )
        if d is float64:
            pairs = words(11, 0, 2 * count).reshape(count, 2)
            right = ((pairs[:, 0] >> 5) * 2.0**26 + (pairs[:, 1] >> 6)) * 2.0**-53
        else:
            bits = {"float32": 24, "float16": 11, "bfloat16": 8}[d.name]
            right = (words(11, 0, count) >> (32 - bits)) * 2.0**-bits
        same(got, right.astype(d.numpy).reshape(shape), f"shape {shape}")
    many = bench.get(corelib.rand(200_000, dtype=d, device=bench.device, generator=corelib.Generator().manual_seed(12)))
    wide = many.astype(np.float64)
    assert wide.min() >= 0 and wide.max() < 1, f"in [{wide.min()}, {wide.max()}]"
    lost = 2.0**-9 if d is bfloat16 else 2.0**-12 if d is float16 else 0.0  # half a step
    assert abs(wide.mean() + lost - 0.5) < 0.004, f"mean {wide.mean()}"
    assert abs(wide.var() - 1 / 12) < 0.002, f"variance {wide.var()}"
    counts = np.histogram(wide, 16, (0, 1))[0]
    assert (abs(counts - len(wide) / 16) < 700).all(), f"bins {counts}"
    assert abs(np.corrcoef(wide[:-1], wide[1:])[0, 1]) < 0.02, "neighbours depend on each other"


def run_normal(d: dtype, device: Device) -> None:
    """Normal numbers: moments, tails, and the same in any shape."""
    bench = Bench(device)
    bench.needs(d)

    def draw(*shape: int) -> Array:
        made = corelib.randn(*shape, dtype=d, device=bench.device, generator=corelib.Generator().manual_seed(21))
        return bench.get(made).astype(np.float64)

    many = draw(200_000)
    assert np.isfinite(many).all(), "an infinite or nan draw"
    assert abs(many.mean()) < 0.01, f"mean {many.mean()}"
    assert abs(many.var() - 1) < 0.02, f"variance {many.var()}"
    assert abs((many**3).mean()) < 0.05 and abs((many**4).mean() - 3) < 0.15, "third or fourth moment"
    assert 3.5 < np.abs(many).max() < 7, f"largest {np.abs(many).max()}"
    same(draw(10, 20), draw(200).reshape(10, 20), "another shape")
    same(draw(100), draw(200)[:100], "a shorter draw")
    pairs = words(21, 0, 800).reshape(200, 2, 2) if d is float64 else words(21, 0, 400).reshape(200, 2)
    if d is float64:
        u = ((pairs[..., 0] >> 5) * 2.0**26 + (pairs[..., 1] >> 6)) * 2.0**-53
    else:
        u = (pairs >> 8) * 2.0**-24
    right = np.sqrt(-2 * np.log(1 - u[:, 0])) * np.cos(2 * np.pi * u[:, 1])
    off = {"float64": 1e-13, "float32": 1e-5, "float16": 2e-3, "bfloat16": 2e-2}[d.name]
    assert (np.abs(draw(200) - right) <= off * np.maximum(np.abs(right), 1)).all(), (
        "not Box and Muller's of these words"
    )


def run_integers(device: Device) -> None:
    """randint in its range, every value of it; randperm a permutation; bernoulli and dropout at their rate."""
    bench = Bench(device)
    generator = corelib.Generator().manual_seed(31)
    for low, high in ((0, 2), (-5, 7), (0, 256), (3, 4), (-(2**40), 2**40)):
        got = bench.get(corelib.randint(low, high, (20_000,), device=bench.device, generator=generator))
        assert got.min() >= low and got.max() < high, f"[{low}, {high}): in [{got.min()}, {got.max()}]"
        if high - low < 300:
            counts = np.bincount(got - low, minlength=high - low)
            assert (counts > 20_000 / (high - low) * 0.4).all(), f"[{low}, {high}): counts {counts}"
    for size in (0, 1, 2, 10, 1000, 2049):
        got = bench.get(corelib.randperm(size, device=bench.device, generator=generator))
        same(np.sort(got), np.arange(size), f"a permutation of {size}")
    for p in (0.0, 0.1, 0.5, 0.9, 1.0):
        chance = corelib.full((50_000,), p, device=bench.device)
        rate = bench.get(corelib.bernoulli(chance, generator=generator)).mean()
        assert abs(rate - p) < 0.012, f"bernoulli({p}): {rate}"
        x = corelib.ones(50_000, device=bench.device)
        corelib.manual_seed(5)
        got = bench.get(corelib.nn.functional.dropout(x, p, training=True))
        kept = got != 0
        assert abs(kept.mean() - (1 - p)) < 0.012, f"dropout({p}) keeps {kept.mean()}"
        if p < 1:
            assert np.allclose(got[kept], np.float32(1 / (1 - p)), rtol=1e-6), f"dropout({p}) scales by {got[kept][:1]}"
        corelib.manual_seed(5)
        same(bench.get(corelib.nn.functional.dropout(x, p, training=True)), got, "the same seed")


def checks() -> Iterator[Check]:
    """Words, then numbers in each floating dtype."""
    plain: tuple[tuple[str, Callable[[Device], None]], ...] = (
        ("known", run_known), ("shapes", run_shapes), ("generator", run_generator), ("integers", run_integers),
    )  # fmt: skip
    for name, run in plain:
        yield Check(f"random/{name}", "random_bits", "core", "random_bits", "int64", True, None, run)
    for name, numbers in (("uniform", run_uniform), ("normal", run_normal)):
        for d in (float32, float64, float16, bfloat16):
            flag = flag_of(d.name)
            run_one = partial(numbers, d)
            yield Check(f"random/{name}/{d.name}", "random_bits", "core", "random_bits", d.name, True, flag, run_one)
