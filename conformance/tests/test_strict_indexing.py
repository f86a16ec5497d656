"""The strict backend's indexing and products, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from corelib.backend.errors import IndexOutOfBounds
from corelib.dtypes import (
    dtype,
    float16,
    float64,
    int8,
    int64,
)

from .strict_bench import KINDS, NUMBERS, REAL, Bench, check, sample, wide

# -- indexing and products


def index_for(shape: tuple[int, ...], dim: int) -> Any:
    """An index array one smaller than ``shape`` in other dimensions where it can be, and longer along ``dim``."""
    own = tuple(n + 1 if d == dim else max(n - 1, 0) for d, n in enumerate(shape))
    return np.random.default_rng(5).integers(0, shape[dim], own)


INDEXED = [(s, dim) for s in [(7,), (3, 4), (2, 3, 5), (3, 0)] for dim in range(len(s)) if s[dim]]


@pytest.mark.parametrize("d", REAL, ids=lambda d: d.name)
@pytest.mark.parametrize(("shape", "dim"), INDEXED, ids=str)
def test_gather_and_scatter(bench: Bench, d: dtype, shape: tuple[int, ...], dim: int) -> None:
    index = index_for(shape, dim)
    for kind in KINDS:
        x = sample(d, shape, 1)
        array, places = bench.view(x, d, kind), bench.view(index, int64, kind)
        expected = np.empty(index.shape, d.numpy)
        added, written = wide(x, d).copy(), [set() for _ in range(x.size)]
        flat = np.arange(x.size).reshape(shape)
        src = sample(d, tuple(n + 1 for n in index.shape), 2)
        for at in np.ndindex(index.shape):
            there = (*at[:dim], int(index[at]), *at[dim + 1 :])
            expected[at] = x[there]
            added[there] += wide(src, d)[at]
            written[flat[there]].add(src[at].item())
        source = bench.view(src, d, kind)
        np.testing.assert_array_equal(bench.get(bench.call("gather", array, places, dim), index.shape, d), expected)
        check(bench.get(bench.call("scatter_add", array, places, source, dim), shape, d), added, d)
        got = bench.get(bench.call("scatter", array, places, source, dim), shape, d)
        for value, old, choices in zip(got.ravel(), x.ravel(), written, strict=True):
            assert value.item() in (choices or {old.item()})
        np.testing.assert_array_equal(bench.get(array, shape, d), x)


def test_indexing_zero_dimensional_and_numbers(bench: Bench) -> None:
    zero = bench.put(np.int64(0))
    assert bench.get(bench.call("gather", bench.put(2.5), zero, 0), (), float64) == 2.5
    assert bench.get(bench.call("scatter_add", bench.put(2.5), zero, 1.0, 0), (), float64) == 3.5
    index = bench.put([1, 1])
    assert bench.get(bench.call("scatter", bench.put([1, 2, 3], int8), index, 9, 0), (3,), int8).tolist() == [1, 9, 3]
    got = bench.get(bench.call("scatter_add", bench.put([1, 2, 3], int8), index, 9, 0), (3,), int8)
    assert got.tolist() == [1, 20, 3]


def test_scatter_add_of_half_rounds_once(bench: Bench) -> None:
    x, index = bench.put(np.zeros(1), float16), bench.put(np.zeros(4096, np.int64))
    assert bench.get(bench.call("scatter_add", x, index, 1.0, 0), (1,), float16) == [4096]


@pytest.mark.parametrize("name", ["gather", "scatter", "scatter_add"])
@pytest.mark.parametrize("bad", [3, -1])
def test_bad_index(bench: Bench, name: str, bad: int) -> None:
    source = [] if name == "gather" else [1.0]
    with pytest.raises(IndexOutOfBounds, match=f"^index {bad} is out of bounds for dimension 0 with size 3$"):
        bench.call(name, bench.put(np.zeros(3)), bench.put([0, bad]), *source, 0)


@pytest.mark.parametrize("d", NUMBERS, ids=lambda d: d.name)
@pytest.mark.parametrize(
    ("left", "right"),
    [((2, 3), (3, 4)), ((1, 1), (1, 1)), ((2, 0), (0, 3)), ((0, 3), (3, 2)), ((5, 2, 3), (5, 3, 4))],
    ids=str,
)
def test_matmul(bench: Bench, d: dtype, left: tuple[int, ...], right: tuple[int, ...]) -> None:
    a, b = sample(d, left, 1, 0, 2), sample(d, right, 2, 0, 2)
    expected = wide(a, d) @ wide(b, d)
    for kind in KINDS:
        got = bench.get(bench.call("matmul", bench.view(a, d, kind), bench.view(b, d, "dense")), expected.shape, d)
        check(got, expected, d)


def test_matmul_with_expanded_batch(bench: Bench) -> None:
    a, b = np.arange(12.0).reshape(2, 2, 3), np.arange(6.0).reshape(1, 3, 2)
    got = bench.call("matmul", bench.put(a), bench.expand(b, float64, (2, 3, 2)))
    np.testing.assert_array_equal(bench.get(got, (2, 2, 2), float64), a @ b)
