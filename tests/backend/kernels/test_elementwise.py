"""Elementwise kernels against NumPy in float64 and definitions in Python."""

import itertools
import math

import numpy as np
import pytest

from corelib import dtypes as D
from corelib.backend.errors import DivisionByZero

FLOATS = [D.float16, D.bfloat16, D.float32, D.float64]
INTEGERS = [D.uint8, D.int8, D.int16, D.int32, D.int64]
COMPLEX = [D.complex64, D.complex128]
SHAPES = [(), (0,), (1,), (7,), (3, 4), (2, 0, 3), (2, 3, 4)]

UNARY = {
    "neg": (np.negative, -3, 3), "abs": (np.abs, -3, 3), "floor": (np.floor, -3, 3), "round": (np.rint, -3, 3),
    "sqrt": (np.sqrt, 0, 9), "exp": (np.exp, -9, 9), "expm1": (np.expm1, -1, 1), "log": (np.log, 0.01, 9),
    "log1p": (np.log1p, -0.9, 3), "sin": (np.sin, -9, 9), "cos": (np.cos, -9, 9), "tanh": (np.tanh, -3, 3),
    "erf": (np.vectorize(math.erf, otypes=[np.float64]), -4, 4),
}  # fmt: skip
SPECIAL = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 0.5, 1.5, 2.5, -2.5, 1e-30]


@pytest.mark.dtypes(*FLOATS)
@pytest.mark.parametrize("name", UNARY)
def test_unary(run, name, dtype):
    reference, low, high = UNARY[name]
    for shape in SHAPES:
        x = run.numbers(shape, dtype, low=low, high=high)
        run.close(run(name, x), reference(run.wide(x)), dtype)
    x = np.array(SPECIAL).astype(np.float32).astype(dtype.numpy)
    with np.errstate(all="ignore"):
        want = reference(run.wide(x))
    got = run(name, x)
    run.close(got, want, dtype)
    zeros = (want == 0) & (x != 0.5)
    np.testing.assert_array_equal(np.signbit(got[zeros].astype(np.float64)), np.signbit(want[zeros]))


@pytest.mark.dtypes(*COMPLEX)
@pytest.mark.parametrize("name", ["neg", "abs", "sqrt", "exp", "log", "sin", "cos", "tanh"])
def test_unary_complex(run, name, dtype):
    x = run.numbers((3, 4), dtype)
    run.close(run(name, x), UNARY[name][0](run.wide(x)), dtype.to_real() if name == "abs" else dtype, ulp=16)


def test_complex_abs_does_not_overflow(run):
    run.close(
        run("abs", np.array([1e25 + 1e25j, 3 + 4j], np.complex64)), np.array([math.sqrt(2) * 1e25, 5.0]), D.float32
    )


@pytest.mark.dtypes(*INTEGERS)
def test_unary_integers(run, dtype):
    x = run.numbers((3, 4), dtype)
    run.same(run("neg", x), np.negative(x))
    run.same(run("abs", x), np.abs(x))
    run.same(run("bitwise_not", x), np.invert(x))
    lowest = np.array([np.iinfo(x.dtype).min], x.dtype)
    run.same(run("abs", lowest), lowest)
    run.same(run("neg", lowest), lowest)


def test_bitwise_not_is_logical_on_bool(run):
    run.same(run("bitwise_not", np.array([True, False])), np.array([False, True]))


@pytest.mark.dtypes(D.float32, D.float64)
def test_erf_accuracy(run, dtype):
    x = np.concatenate([np.linspace(-6.5, 6.5, 20001), np.geomspace(1e-30, 1.0, 1000)]).astype(dtype.numpy)
    want = np.array([math.erf(value) for value in x])
    ulps = np.abs(run("erf", x) - want) / np.spacing(np.abs(want).astype(dtype.numpy))
    assert ulps.max() <= (2 if dtype is D.float32 else 4)


BINARY = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.true_divide, "fmod": np.fmod,
    "pow": np.power, "atan2": np.arctan2, "maximum": np.maximum, "minimum": np.minimum,
}  # fmt: skip
COMPARISONS = {"eq": np.equal, "lt": np.less, "le": np.less_equal}


@pytest.mark.dtypes(*FLOATS)
@pytest.mark.parametrize("name", BINARY)
def test_binary(run, name, dtype):
    low = 0.1 if name == "pow" else -3.0
    for shape in SHAPES:
        a, b = run.numbers(shape, dtype, 1, low=low), run.numbers(shape, dtype, 2)
        run.close(run(name, a, b), BINARY[name](run.wide(a), run.wide(b)), dtype)
    a, b = run.numbers((4, 1, 3), dtype, 3, low=low), run.numbers((2, 1), dtype, 4)
    run.close(run(name, a, b), BINARY[name](run.wide(a), run.wide(b)), dtype)


@pytest.mark.dtypes(*FLOATS)
@pytest.mark.parametrize("name", [*BINARY, *COMPARISONS])
def test_binary_with_a_number(run, name, dtype):
    """A number is used in the compute type: as float32, not rounded to a half type, where that is wider."""
    x = run.numbers((3, 5), dtype, low=0.1)
    compute = np.float64 if dtype is D.float64 else np.float32
    number = float(compute(0.1))
    for given, a, b in [((x, 0.1), run.wide(x), number), ((0.1, x), number, run.wide(x))]:
        if name in COMPARISONS:
            run.same(run(name, *given), COMPARISONS[name](a, b))
        else:
            run.close(run(name, *given), BINARY[name](a, b), dtype)


@pytest.mark.parametrize("exponent", [-1.0, 0.0, 0.5, 1.0, 2.0, 3.0, 2.5])
@pytest.mark.dtypes(*FLOATS)
def test_pow_of_a_number(run, exponent, dtype):
    x = run.numbers((9,), dtype, low=0.1)
    run.close(run("pow", x, exponent), run.wide(x) ** exponent, dtype)
    run.close(run("pow", x[:1].reshape(()), exponent), run.wide(x[0]) ** exponent, dtype)


@pytest.mark.dtypes(*COMPLEX)
@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "pow"])
def test_binary_complex(run, name, dtype):
    a, b = run.numbers((3, 4), dtype, 1), run.numbers((3, 4), dtype, 2)
    run.close(run(name, a, b), BINARY[name](run.wide(a), run.wide(b)), dtype, ulp=32)
    run.close(run(name, a, 0.5 + 1j), BINARY[name](run.wide(a), 0.5 + 1j), dtype, ulp=32)
    run.same(run("eq", a, a), np.ones(a.shape, bool))


@pytest.mark.dtypes(*INTEGERS)
@pytest.mark.parametrize("name", ["add", "sub", "mul", "maximum", "minimum", "eq", "lt", "le"])
def test_binary_integers(run, name, dtype):
    reference = (BINARY | COMPARISONS)[name]
    for shape in SHAPES:
        a, b = run.numbers(shape, dtype, 1), run.numbers(shape, dtype, 2)
        run.same(run(name, a, b), reference(a, b))
        run.same(run(name, a, 3), np.asarray(reference(a, np.asarray(3, a.dtype))))
    top = np.array([np.iinfo(a.dtype).max], a.dtype)
    run.same(run("add", top, top), top + top)  # wraps


def test_binary_bool(run):
    a, b = np.array([False, False, True, True]), np.array([False, True, False, True])
    for name, want in {
        "add": a | b, "mul": a & b, "maximum": a | b, "minimum": a & b, "eq": a == b, "lt": ~a & b, "le": ~a | b,
        "bitwise_and": a & b, "bitwise_or": a | b, "bitwise_xor": a ^ b,
    }.items():  # fmt: skip
        run.same(run(name, a, b), want)
        run.same(run(name, a, np.array(True)), np.asarray(run(name, a, np.ones(4, bool))))
    run.same(run("mul", a, True), a)


@pytest.mark.parametrize("name", ["maximum", "minimum"])
@pytest.mark.dtypes(*FLOATS)
def test_nan_wins_on_either_side(run, name, dtype):
    a = np.array([np.nan, 1.0, np.nan, 2.0], np.float32).astype(dtype.numpy)
    b = np.array([1.0, np.nan, np.nan, 3.0], np.float32).astype(dtype.numpy)
    np.testing.assert_array_equal(np.isnan(run(name, a, b).astype(float)), [True, True, True, False])


def test_comparisons_with_nan(run):
    x = np.array([np.nan, 1.0])
    run.same(run("eq", x, x), np.array([False, True]))
    run.same(run("le", x, np.array([1.0, np.nan])), np.array([False, False]))


@pytest.mark.dtypes(*INTEGERS)
def test_integer_division_truncates(run, dtype):
    info = np.iinfo(dtype.numpy)
    values = [v for v in [info.min, info.min + 1, -7, -2, -1, 0, 1, 2, 7, info.max] if v >= info.min]
    pairs = [(a, b) for a in values for b in values if b != 0]
    a, b = (np.array(side, dtype.numpy) for side in zip(*pairs, strict=True))

    def wrapped(value):
        return (value - info.min) % (info.max - info.min + 1) + info.min

    quotients = [int(math.copysign(1, p) * math.copysign(1, q)) * (abs(p) // abs(q)) for p, q in pairs]
    run.same(run("trunc_divide", a, b), np.array([wrapped(q) for q in quotients], dtype.numpy))
    remainders = [p - q * d for (p, d), q in zip(pairs, quotients, strict=True)]
    run.same(run("fmod", a, b), np.array(remainders, dtype.numpy))
    run.same(
        run("trunc_divide", a, 2),
        np.array([wrapped(int(math.copysign(1, p)) * (abs(p) // 2)) for p in a.tolist()], a.dtype),
    )
    for name in ("trunc_divide", "fmod"):
        for divisor in (0, np.array(0, dtype.numpy), np.where(b == 1, 0, b).astype(dtype.numpy)):
            with pytest.raises(DivisionByZero, match="ZeroDivisionError"):
                run(name, a, divisor)
        assert run(name, a[:0], b[:0]).shape == (0,)


@pytest.mark.dtypes(D.float32, D.float64)
def test_fmod_is_exact(run, dtype):
    a = np.array([5.5, -5.5, 1e30, -0.0, 3.0, np.inf, 1.0, np.nan, -7.0], dtype.numpy)
    b = np.array([2.0, 2.0, 0.1, 1.0, np.inf, 2.0, 0.0, 1.0, -2.5], dtype.numpy)
    got = run("fmod", a, b)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(got, np.fmod(a, b))
    assert np.signbit(got[3])


@pytest.mark.dtypes(*INTEGERS)
def test_integer_pow(run, dtype):
    bases = [b for b in [0, 1, 2, 3, -1, -2] if b >= np.iinfo(dtype.numpy).min]
    exponents = [e for e in [0, 1, 2, 3, 5, 9, -1, -2, -3] if e >= np.iinfo(dtype.numpy).min]
    a, b = (np.array(side).astype(dtype.numpy) for side in zip(*itertools.product(bases, exponents), strict=True))
    bits = 8 * dtype.itemsize

    def expected(base, exponent):
        if exponent < 0:
            return {1: 1, -1: -1 if exponent % 2 else 1}.get(base, 0)
        return base**exponent % 2**bits

    want = np.array([expected(*p) % 2**bits for p in zip(a.tolist(), b.tolist(), strict=True)], np.uint64).astype(
        a.dtype
    )
    run.same(run("pow", a, b), want)
    for exponent in (0, 2, 3, 5):
        run.same(
            run("pow", a, exponent), np.array([p**exponent % 2**bits for p in a.tolist()], np.uint64).astype(a.dtype)
        )
    run.same(run("pow", 3, np.array([0, 2, 4], dtype.numpy)), np.array([1, 9, 81], dtype.numpy))


@pytest.mark.dtypes(*INTEGERS)
def test_shifts(run, dtype):
    bits = 8 * dtype.itemsize
    a = run.numbers((8,), dtype, low=-9)
    for amount in (0, 1, bits - 1, bits, 100):
        left = [(int(v) << amount) % 2**bits if amount < bits else 0 for v in a]
        right = [int(v) >> amount for v in a]  # Python's shift of a negative number ends at -1
        b = np.full(a.shape, amount, dtype.numpy)
        run.same(run("bitwise_left_shift", a, b), np.array(left, np.uint64).astype(a.dtype))
        run.same(run("bitwise_right_shift", a, b), np.array(right, np.int64).astype(a.dtype))
        run.same(run("bitwise_right_shift", a, amount), np.array(right, np.int64).astype(a.dtype))


@pytest.mark.parametrize(
    "name,reference", [("bitwise_and", np.bitwise_and), ("bitwise_or", np.bitwise_or), ("bitwise_xor", np.bitwise_xor)]
)
@pytest.mark.dtypes(*INTEGERS)
def test_bitwise(run, name, reference, dtype):
    a, b = run.numbers((3, 4), dtype, 1), run.numbers((3, 4), dtype, 2)
    run.same(run(name, a, b), reference(a, b))
    run.same(run(name, a, 5), reference(a, np.asarray(5, a.dtype)))


@pytest.mark.dtypes(*D.ALL_DTYPES)
def test_where(run, dtype):
    for shape in SHAPES:
        condition, a, b = run.numbers(shape, D.bool_), run.numbers(shape, dtype, 1), run.numbers(shape, dtype, 2)
        run.same(run("where", condition, a, b), np.where(condition, a, b))
    number = [True, 7, 0.1, 0.1j][dtype.category]
    rounded = np.asarray(np.float32(0.1) if dtype.is_half else number).astype(dtype.numpy)
    run.same(run("where", condition, a, number), np.where(condition, a, rounded))
    run.same(run("where", condition, number, b), np.where(condition, rounded, b))
    run.same(run("where", condition[0], a, b), np.where(condition[0], a, b))
