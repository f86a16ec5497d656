"""The strict backend's reductions, scans and sorts, against NumPy."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from corelib.dtypes import (
    bfloat16,
    bool_,
    dtype,
    float16,
    float32,
    int8,
    int32,
    int64,
)

from .strict_bench import FLOATS, KINDS, NUMBERS, REAL, SHAPES, Bench, check, sample, wide

# -- reductions, scans, sort


def all_dims(rank: int) -> list[tuple[int, ...]]:
    return [dims for n in range(1, rank + 1) for dims in itertools.combinations(range(rank), n)] or [()]


@pytest.mark.parametrize("d", REAL, ids=lambda d: d.name)
@pytest.mark.parametrize("name", ["sum", "prod"])
def test_folds(bench: Bench, name: str, d: dtype) -> None:
    target = d if d.is_floating_point else int64
    oracle = {"sum": np.sum, "prod": np.prod}[name]
    for shape, kind, keepdim in itertools.product(SHAPES, KINDS, [False, True]):
        x = sample(d, shape, low=0.5, high=2)
        for dims in all_dims(len(shape)):
            expected = oracle(wide(x, d), axis=dims, keepdims=keepdim, dtype=wide(x, target).dtype)
            got = bench.get(bench.call(name, bench.view(x, d, kind), dims, keepdim, target), expected.shape, target)
            check(got, expected, target, ulps=64)


def test_folds_accumulate_in_dtype(bench: Bench) -> None:
    def total(x: Any, d: dtype, target: dtype) -> float:
        return float(bench.get(bench.call("sum", bench.put(x, d), (0,), False, target), (), target))

    assert total(np.ones(4096), float16, float16) == 4096
    assert total(np.ones(4096), bfloat16, bfloat16) == 4096
    assert total(np.full(3, 100), int8, int8) == 300 - 256
    assert total(np.full(3, 100), int8, int64) == 300
    assert total(np.ones(300), bool_, int64) == 300
    assert total(np.ones(2), bool_, bool_) == 1
    assert total([0.5, 0.5], float32, int32) == 0  # converted first, as PyTorch does
    assert abs(total(np.full(10**6, 0.1), float32, float32) - 1e5) < 0.1


@pytest.mark.parametrize("d", REAL, ids=lambda d: d.name)
@pytest.mark.parametrize("name", ["amax", "amin"])
def test_extremes(bench: Bench, name: str, d: dtype) -> None:
    oracle = {"amax": np.max, "amin": np.min}[name]
    for shape, kind, keepdim in itertools.product([s for s in SHAPES if 0 not in s], KINDS, [False, True]):
        x = sample(d, shape)
        for dims in all_dims(len(shape)):
            expected = oracle(wide(x, d), axis=dims, keepdims=keepdim)
            got = bench.get(bench.call(name, bench.view(x, d, kind), dims, keepdim), expected.shape, d)
            check(got, expected, d)
    none_left = bench.call(name, bench.put(np.zeros((0, 3)), d), (1,), False)
    assert bench.get(none_left, (0,), d).size == 0


@pytest.mark.parametrize("d", NUMBERS, ids=lambda d: d.name)
@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_positions(bench: Bench, name: str, d: dtype) -> None:
    oracle = {"argmax": np.argmax, "argmin": np.argmin}[name]
    for shape, kind, keepdim in itertools.product([s for s in SHAPES if 0 not in s], KINDS, [False, True]):
        x = sample(d, shape)
        for dim in range(len(shape)):
            expected = oracle(wide(x, d), axis=dim, keepdims=keepdim)
            got = bench.get(bench.call(name, bench.view(x, d, kind), dim, keepdim), np.shape(expected), int64)
            check(got, expected, int64)
    assert bench.get(bench.call(name, bench.put(5, d), 0, True), (), int64) == 0


@pytest.mark.parametrize("d", FLOATS, ids=lambda d: d.name)
def test_nan_wins_and_ties_are_stated(bench: Bench, d: dtype) -> None:
    x = bench.put([1.0, 3.0, np.nan, 0.0, np.nan, 3.0], d)
    ties = bench.put([1.0, 3.0, 0.0, 3.0, 0.0], d)
    for name in ("amax", "amin"):
        assert math.isnan(bench.get(bench.call(name, x, (0,), False), (), d))
    for name in ("argmax", "argmin"):
        assert bench.get(bench.call(name, x, 0, False), (), int64) == 2
    assert bench.get(bench.call("argmax", ties, 0, False), (), int64) == 1
    assert bench.get(bench.call("argmin", ties, 0, False), (), int64) == 2
    for name, places in (("cummax", [0, 1, 2, 2, 4, 4]), ("cummin", [0, 0, 2, 2, 4, 4])):
        values, indices = bench.call(name, x, 0)
        assert np.isnan(bench.get(values, (6,), d).astype(np.float64)).tolist() == [False] * 2 + [True] * 4
        assert bench.get(indices, (6,), int64).tolist() == places
    assert bench.get(bench.call("cummax", ties, 0)[1], (5,), int64).tolist() == [0, 1, 1, 3, 3]
    assert bench.get(bench.call("cummin", ties, 0)[1], (5,), int64).tolist() == [0, 0, 2, 2, 4]


@pytest.mark.parametrize("d", REAL, ids=lambda d: d.name)
@pytest.mark.parametrize("name", ["cumsum", "cumprod", "cummax", "cummin"])
def test_scans(bench: Bench, name: str, d: dtype) -> None:
    sums = name in ("cumsum", "cumprod")
    target = int64 if sums and not d.is_floating_point else d
    oracle = {"cumsum": np.add, "cumprod": np.multiply, "cummax": np.maximum, "cummin": np.minimum}[name].accumulate
    for shape, kind in itertools.product(SHAPES, KINDS):
        x = sample(d, shape, low=0.5, high=2)
        for dim in range(max(len(shape), 1)):
            expected = oracle(np.atleast_1d(wide(x, target)), axis=dim).reshape(shape)
            view = bench.view(x, d, kind)
            if sums:
                check(bench.get(bench.call(name, view, dim, target), shape, target), expected, target, ulps=64)
                continue
            values, indices = bench.call(name, view, dim)
            check(bench.get(values, shape, d), expected, d)
            places = np.atleast_1d(bench.get(indices, shape, int64))
            picked = np.take_along_axis(np.atleast_1d(x), places, dim).reshape(shape)
            check(picked, expected, d)
            assert (places <= np.indices(places.shape)[dim]).all()


def test_scan_of_half_carries_in_float32(bench: Bench) -> None:
    got = bench.get(bench.call("cumsum", bench.put(np.ones(4096), float16), 0, float16), (4096,), float16)
    assert got[-1] == 4096


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("d", REAL, ids=lambda d: d.name)
def test_sort_is_stable(bench: Bench, d: dtype, descending: bool) -> None:
    for shape, kind in itertools.product(SHAPES, KINDS):
        x = sample(d, shape)
        if d.category == 2:
            x = np.round(x.astype(np.float64)).astype(d.numpy)  # many ties
        for dim in range(max(len(shape), 1)):
            values, indices = bench.call("sort", bench.view(x, d, kind), dim, descending)
            keys = np.atleast_1d(wide(x, d)).astype(np.float64)
            expected = np.argsort(-keys if descending else keys, axis=dim, kind="stable")
            check(np.atleast_1d(bench.get(indices, shape, int64)), expected, int64)
            check(bench.get(values, shape, d), np.take_along_axis(keys, expected, dim).reshape(shape), d)


@pytest.mark.parametrize("d", FLOATS, ids=lambda d: d.name)
def test_nan_sorts_as_the_largest(bench: Bench, d: dtype) -> None:
    x = bench.put([np.nan, 1.0, np.inf, np.nan, -1.0], d)
    assert bench.get(bench.call("sort", x, 0, False)[1], (5,), int64).tolist() == [4, 1, 2, 0, 3]
    assert bench.get(bench.call("sort", x, 0, True)[1], (5,), int64).tolist() == [0, 3, 2, 1, 4]
