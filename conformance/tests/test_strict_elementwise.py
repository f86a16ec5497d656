"""The strict backend's elementwise kernels, creation and conversion, against NumPy."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from corelib.backend.errors import DivisionByZero
from corelib.dtypes import (
    bfloat16,
    bool_,
    dtype,
    float16,
    float32,
    float64,
    int8,
    int32,
    int64,
    uint8,
)

from .strict_bench import FLOATS, INTEGERS, KINDS, NUMBERS, REAL, SHAPES, UNARY, Bench, check, layout, sample, wide

# -- elementwise

erf = np.vectorize(math.erf, otypes=[np.float64])
UNARY_CASES: dict[str, tuple[Any, list[dtype], float, float]] = {
    "neg": (np.negative, NUMBERS, -3, 3),
    "abs": (np.abs, NUMBERS, -3, 3),
    "floor": (np.floor, FLOATS, -3, 3),
    "round": (np.rint, FLOATS, -3, 3),
    "sqrt": (np.sqrt, FLOATS, 0, 9),
    "exp": (np.exp, FLOATS, -3, 3),
    "expm1": (np.expm1, FLOATS, -3, 3),
    "log": (np.log, FLOATS, 0.01, 9),
    "log1p": (np.log1p, FLOATS, -0.9, 9),
    "sin": (np.sin, FLOATS, -3, 3),
    "cos": (np.cos, FLOATS, -3, 3),
    "tanh": (np.tanh, FLOATS, -3, 3),
    "erf": (erf, FLOATS, -3, 3),
    "bitwise_not": (np.invert, [bool_, *INTEGERS], -3, 3),
}


@pytest.mark.parametrize(("name", "d"), [(n, d) for n in UNARY for d in UNARY_CASES[n][1]], ids=str)
def test_unary(bench: Bench, name: str, d: dtype) -> None:
    oracle, _, low, high = UNARY_CASES[name]
    for shape, kind in itertools.product(SHAPES, KINDS):
        x = sample(d, shape, low=low, high=high)
        got = bench.get(bench.call(name, bench.view(x, d, kind)), shape, d)
        check(got, oracle(wide(x, d)), d)


def c_divide(a: Any, b: Any) -> Any:
    return np.vectorize(lambda p, q: int(math.copysign(abs(p) // abs(q), p * q)), otypes=[np.int64])(a, b)


def int_pow(a: Any, b: Any) -> Any:
    return np.vectorize(lambda p, q: int(p) ** int(q), otypes=[object])(a, b)


BINARY_CASES: dict[str, tuple[Any, list[dtype]]] = {
    "add": (np.add, REAL),
    "sub": (np.subtract, NUMBERS),
    "mul": (np.multiply, REAL),
    "div": (np.divide, FLOATS),
    "fmod": (np.fmod, NUMBERS),
    "atan2": (np.arctan2, FLOATS),
    "maximum": (np.maximum, REAL),
    "minimum": (np.minimum, REAL),
    "eq": (np.equal, REAL),
    "lt": (np.less, REAL),
    "le": (np.less_equal, REAL),
    "bitwise_and": (np.bitwise_and, [bool_, *INTEGERS]),
    "bitwise_or": (np.bitwise_or, [bool_, *INTEGERS]),
    "bitwise_xor": (np.bitwise_xor, [bool_, *INTEGERS]),
    "trunc_divide": (c_divide, INTEGERS),
}


@pytest.mark.parametrize(("name", "d"), [(n, d) for n in BINARY_CASES for d in BINARY_CASES[n][1]], ids=str)
def test_binary(bench: Bench, name: str, d: dtype) -> None:
    oracle, result = BINARY_CASES[name][0], bool_ if name in ("eq", "lt", "le") else d
    for shape, kind in itertools.product(SHAPES, KINDS):
        a, b = sample(d, shape, 1), sample(d, shape, 2)
        if name in ("fmod", "trunc_divide") and d.category == 1:
            b[b == 0] = 3
        got = bench.get(bench.call(name, bench.view(a, d, kind), bench.view(b, d, "dense")), shape, result)
        check(got, oracle(wide(a, d), wide(b, d)), result)


@pytest.mark.parametrize("d", FLOATS, ids=lambda d: d.name)
def test_pow_of_floats_is_c_pow(bench: Bench, d: dtype) -> None:
    a = np.array([2.0, -2.0, -2.0, 0.0, 0.0, -0.0, np.nan, 1.0, np.inf, 1.5], np.float64)
    b = np.array([0.5, 3.0, 0.5, -1.0, 0.0, -3.0, 0.0, np.nan, -1.0, 7.0], np.float64)
    got = bench.get(bench.call("pow", bench.put(a, d), bench.put(b, d)), a.shape, d)
    expected = [math.sqrt(2), -8.0, math.nan, math.inf, 1.0, -math.inf, 1.0, 1.0, 0.0, 1.5**7]
    check(got, np.array(expected), d)


@pytest.mark.parametrize("d", INTEGERS, ids=lambda d: d.name)
def test_pow_of_integers_wraps(bench: Bench, d: dtype) -> None:
    a, b = (np.array(v, d.numpy) for v in zip(*itertools.product([0, 1, 2, 3, 10], [0, 1, 2, 7, 63]), strict=True))
    got = bench.get(bench.call("pow", bench.put(a, d), bench.put(b, d)), a.shape, d)
    wrapped = [int(v) % 2 ** (8 * d.itemsize) for v in int_pow(a, b)]
    assert got.tolist() == np.array(wrapped, np.uint64).astype(d.numpy).tolist()


@pytest.mark.parametrize("d", [d for d in INTEGERS if d.numpy.kind == "i"], ids=lambda d: d.name)
def test_pow_with_negative_exponents(bench: Bench, d: dtype) -> None:
    a, b = np.array([1, -1, -1, 2, 0, -3]), np.array([-3, -3, -2, -1, -1, -2])
    got = bench.get(bench.call("pow", bench.put(a, d), bench.put(b, d)), (6,), d)
    assert got.tolist() == [1, -1, 1, 0, 0, 0]


@pytest.mark.parametrize("d", INTEGERS, ids=lambda d: d.name)
def test_shifts(bench: Bench, d: dtype) -> None:
    width, signed = 8 * d.itemsize, d.numpy.kind == "i"
    a = np.array([1, 5, 100, -1 if signed else 255, -100 if signed else 200, 3, 3], d.numpy)
    b = np.array([0, 2, width, width + 3, width, width - 1, 1], d.numpy)
    left = [(int(p) << int(q)) % 2**width if q < width else 0 for p, q in zip(a, b, strict=True)]
    right = [int(p) >> int(q) for p, q in zip(a, b, strict=True)]
    got = bench.get(bench.call("bitwise_left_shift", bench.put(a, d), bench.put(b, d)), a.shape, d)
    assert got.tolist() == np.array(left, np.uint64).astype(d.numpy).tolist()
    got = bench.get(bench.call("bitwise_right_shift", bench.put(a, d), bench.put(b, d)), a.shape, d)
    assert got.tolist() == right
    got = bench.get(bench.call("bitwise_right_shift", bench.put(a, d), width), a.shape, d)
    assert got.tolist() == [-1 if p < 0 else 0 for p in a.tolist()]


@pytest.mark.parametrize("d", INTEGERS, ids=lambda d: d.name)
def test_integer_arithmetic_wraps(bench: Bench, d: dtype) -> None:
    limits = np.iinfo(d.numpy)
    x = bench.put([limits.max, limits.min], d)
    assert bench.get(bench.call("add", x, 1), (2,), d).tolist() == [limits.min, limits.min + 1]
    assert bench.get(bench.call("mul", x, 2), (2,), d).tolist() == [-2 if limits.min else limits.max - 1, 0]
    if limits.min:
        assert bench.get(bench.call("trunc_divide", x, -1), (2,), d).tolist() == [-limits.max, limits.min]
        assert bench.get(bench.call("fmod", x, -1), (2,), d).tolist() == [0, 0]
        assert bench.get(bench.call("neg", x), (2,), d).tolist() == [-limits.max, limits.min]


@pytest.mark.parametrize("name", ["trunc_divide", "fmod"])
@pytest.mark.parametrize("d", INTEGERS, ids=lambda d: d.name)
def test_integer_division_by_zero(bench: Bench, name: str, d: dtype) -> None:
    with pytest.raises(DivisionByZero, match=r"^ZeroDivisionError$"):
        bench.call(name, bench.put([1, 2], d), bench.put([1, 0], d))
    empty = bench.call(name, bench.put(np.zeros(0), d), 0)
    assert bench.get(empty, (0,), d).size == 0


def test_integer_division_beyond_float64(bench: Bench) -> None:
    x = bench.put([2**53 + 1, -(2**53) - 1], int64)
    assert bench.get(bench.call("trunc_divide", x, 1), (2,), int64).tolist() == [2**53 + 1, -(2**53) - 1]


@pytest.mark.parametrize("d", FLOATS, ids=lambda d: d.name)
def test_corners_neither_warn_nor_raise(bench: Bench, d: dtype) -> None:
    x = bench.put([1.0, 0.0, -1.0, np.nan, np.inf], d)

    def run(name: str, *operands: Any) -> list[float]:
        return bench.get(bench.call(name, *operands), (5,), d).astype(np.float64).tolist()

    assert run("div", x, 0.0)[:3:2] == [math.inf, -math.inf]
    assert math.isnan(run("div", x, 0.0)[1]) and math.isnan(run("fmod", x, 0.0)[0])
    assert run("log", x)[:2] == [0.0, -math.inf] and math.isnan(run("sqrt", x)[2])
    assert run("exp", bench.put([1e4] * 5, d)) == [math.inf] * 5
    assert math.copysign(1, run("neg", x)[1]) == -1
    for name in ("maximum", "minimum"):
        assert math.isnan(run(name, x, 1.0)[3]) and math.isnan(run(name, 1.0, x)[3])
    assert bench.get(bench.call("eq", x, x), (5,), bool_).tolist() == [True, True, True, False, True]
    assert bench.get(bench.call("cast", x, int8), (5,), int8)[:3].tolist() == [1, 0, -1]


@pytest.mark.parametrize("d", FLOATS, ids=lambda d: d.name)
def test_round_is_half_to_even(bench: Bench, d: dtype) -> None:
    got = bench.get(bench.call("round", bench.put([0.5, 1.5, 2.5, -0.5, -1.5], d)), (5,), d)
    assert got.astype(np.float64).tolist() == [0.0, 2.0, 2.0, 0.0, -2.0]


@pytest.mark.parametrize("d", [float16, bfloat16], ids=lambda d: d.name)
def test_half_types_use_numbers_as_float32_and_round_once(bench: Bench, d: dtype) -> None:
    x = sample(d, (1000,))
    got = bench.get(bench.call("mul", bench.put(x, d), 0.1), (1000,), d)
    np.testing.assert_array_equal(got, (x.astype(np.float32) * np.float32(0.1)).astype(d.numpy))


def test_numbers_either_side_and_expanded_operands(bench: Bench) -> None:
    column, row = np.arange(3.0).reshape(3, 1), np.arange(4.0).reshape(1, 4)
    a, b = bench.expand(column, float64, (3, 4)), bench.expand(row, float64, (3, 4))
    np.testing.assert_array_equal(bench.get(bench.call("sub", a, b), (3, 4), float64), column - row)
    np.testing.assert_array_equal(bench.get(bench.call("sub", 1.0, a), (3, 4), float64), (1 - column) + 0 * row)
    scalar = bench.call("sub", bench.put(2.0), 0.5)
    assert bench.get(scalar, (), float64) == 1.5


@pytest.mark.parametrize("d", REAL, ids=lambda d: d.name)
def test_where(bench: Bench, d: dtype) -> None:
    number = {0: True, 1: 5, 2: 0.5}[d.category]
    for shape, kind in itertools.product(SHAPES, KINDS):
        condition, a, b = sample(bool_, shape, 3), sample(d, shape, 1), sample(d, shape, 2)
        mask, x, y = bench.view(condition, bool_, kind), bench.view(a, d, kind), bench.view(b, d, "dense")
        check(bench.get(bench.call("where", mask, x, y), shape, d), np.where(condition, wide(a, d), wide(b, d)), d)
        got = bench.get(bench.call("where", mask, number, y), shape, d)
        check(got, np.where(condition, np.asarray(number, wide(b, d).dtype), wide(b, d)), d)


# -- creation and conversion


@pytest.mark.parametrize("d", REAL, ids=lambda d: d.name)
def test_fill_and_copy(bench: Bench, d: dtype) -> None:
    number = {0: True, 1: 7, 2: 0.1}[d.category]
    for shape, kind in itertools.product(SHAPES, KINDS):
        assert (bench.get(bench.call("fill", number, layout(shape, d)), shape, d) == d.numpy.type(number)).all()
        x = sample(d, shape)
        source = bench.view(x, d, kind)
        copied = bench.call("copy", source)
        bench.call("fill", number, layout(shape, d), out=source)
        np.testing.assert_array_equal(bench.get(copied, shape, d), x)


@pytest.mark.parametrize("target", REAL, ids=lambda d: d.name)
@pytest.mark.parametrize("source", REAL, ids=lambda d: d.name)
def test_cast(bench: Bench, source: dtype, target: dtype) -> None:
    x = np.abs(sample(source, (4, 5)).astype(np.float64)).astype(source.numpy)
    for kind in KINDS:
        got = bench.get(bench.call("cast", bench.view(x, source, kind), target), (4, 5), target)
        exact = x.astype(np.float64)
        check(got, exact != 0 if target is bool_ else np.trunc(exact) if target.category == 1 else exact, target, 1)


def test_cast_corners(bench: Bench) -> None:
    def cast(values: Any, source: dtype, target: dtype) -> list[Any]:
        got = bench.get(bench.call("cast", bench.put(values, source), target), (len(values),), target)
        return got.tolist()

    assert cast([-1.9, 1.9, -0.5], float32, int32) == [-1, 1, 0]
    assert cast([0.25, np.nan, -0.0], float32, bool_) == [True, True, False]
    assert cast([300, -1], int64, uint8) == [44, 255]
    assert cast([2**53 + 1], int64, int64) == [2**53 + 1]
    # nearest, ties to even: 1 + 2^-8 is half way between two neighbours in bfloat16
    assert cast([1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-8 + 2**-20], float32, bfloat16) == [1.0, 1.015625, 1.0078125]


@pytest.mark.parametrize("d", NUMBERS, ids=lambda d: d.name)
def test_arange(bench: Bench, d: dtype) -> None:
    start, step = (3, 2) if d.category == 1 else (0.5, 0.25)
    for shape in [(), (0,), (10,), (3, 4)]:
        got = bench.get(bench.call("arange", start, step, layout(shape, d)), shape, d)
        check(got, start + step * np.arange(math.prod(shape)).reshape(shape), d)


def test_arange_of_large_integers_is_exact(bench: Bench) -> None:
    got = bench.get(bench.call("arange", 2**62 + 1, -3, layout((3,), int64)), (3,), int64)
    assert got.tolist() == [2**62 + 1, 2**62 - 2, 2**62 - 5]
