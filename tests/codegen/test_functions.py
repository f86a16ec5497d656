"""Functions of the C family where integers and halves have corners, computed by C and compared with NumPy."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from types import ModuleType
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from corelib import dtypes as D
from corelib.codegen import scalar
from corelib.codegen.dialects import C
from corelib.codegen.elementwise import elementwise
from corelib.codegen.scalar import Expr, load

pytestmark = pytest.mark.xdist_group("codegen")
Compute = Callable[..., Any]
INTEGERS = [D.int8, D.int16, D.int32, D.int64, D.uint8]


@pytest.fixture(scope="session")
def compute(host_module: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Compute:
    """``compute(function, out dtype, *arrays)``: the function of expressions, over one-dimensional arrays."""
    libraries = host_module.Libraries(tmp_path_factory.mktemp("functions"), host_module.FLAGS)

    def compute(function: Callable[..., Expr], out: D.dtype, *arrays: Any, raises: list[int] | None = None) -> Any:
        dtypes = [D.from_numpy_dtype(x.dtype) for x in arrays]
        expression = function(*[load(i, d) for i, d in enumerate(dtypes)])
        kernel = elementwise(C, "f", [(expression, out)], dtypes, [], 1, "1" * (len(arrays) + 1))
        result = np.empty(len(arrays[0]), out.numpy)
        word = np.zeros(4, np.int64)
        arguments = [v for x in [*arrays, result] for v in (x.ctypes.data, 0)] + [len(result), 1 << 14]
        if kernel.raises:
            arguments.append(word.ctypes.data)
        libraries.function(kernel)(*arguments, 0, ctypes.c_int64(-(-len(result) // (1 << 14))))
        if raises is not None:
            raises[:] = word.tolist()
        return result

    return compute


def _corners(d: D.dtype) -> Any:
    info = np.iinfo(d.numpy)
    return np.array([info.min, info.min + 1, 0, 1, 2, 3, 7, info.max - 1, info.max, (info.max // 2) + 1], d.numpy)


def _pairs(values: Any) -> tuple[Any, Any]:
    a, b = np.meshgrid(values, values)
    return a.ravel().copy(), b.ravel().copy()


def _wrapped(values: list[int], d: D.dtype) -> Any:
    bits = 8 * d.itemsize
    offset = 2 ** (bits - 1) if d.is_signed else 0
    return np.array([(v + offset) % 2**bits - offset for v in values], d.numpy)


def _truncated(a: int, b: int) -> int:
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


@pytest.mark.parametrize("d", INTEGERS, ids=str)
@pytest.mark.parametrize("op", ["add", "sub", "mul"])
def test_integer_arithmetic_wraps(compute: Compute, d: D.dtype, op: str) -> None:
    a, b = _pairs(_corners(d))
    exact = {"add": lambda x, y: x + y, "sub": lambda x, y: x - y, "mul": lambda x, y: x * y}[op]
    expected = _wrapped([exact(x, y) for x, y in zip(a.tolist(), b.tolist(), strict=True)], d)
    np.testing.assert_array_equal(compute(lambda x, y: scalar.apply(op, x, y), d, a, b), expected)


@pytest.mark.parametrize("d", INTEGERS, ids=str)
def test_neg_and_abs_of_the_least_wrap(compute: Compute, d: D.dtype) -> None:
    a = _corners(d)
    np.testing.assert_array_equal(compute(lambda x: -x, d, a), _wrapped([-x for x in a.tolist()], d))
    absolute = compute(lambda x: scalar.apply("abs", x), d, a)
    np.testing.assert_array_equal(absolute, _wrapped([abs(x) for x in a.tolist()], d))


@pytest.mark.parametrize("d", INTEGERS, ids=str)
def test_division_of_integers(compute: Compute, d: D.dtype) -> None:
    """The least by -1 wraps; the remainder has the dividend's sign."""
    a, b = _pairs(_corners(d))
    a, b = a[b != 0], b[b != 0]
    pairs = list(zip(a.tolist(), b.tolist(), strict=True))
    quotient = compute(lambda x, y: scalar.apply("trunc_divide", x, y), d, a, b)
    np.testing.assert_array_equal(quotient, _wrapped([_truncated(x, y) for x, y in pairs], d))
    rest = compute(lambda x, y: scalar.apply("fmod", x, y), d, a, b)
    np.testing.assert_array_equal(rest, _wrapped([x - _truncated(x, y) * y for x, y in pairs], d))


@pytest.mark.parametrize("op", ["trunc_divide", "fmod"])
def test_division_by_zero_is_reported(compute: Compute, op: str) -> None:
    word: list[int] = []
    a = np.array([1, 2, 3], np.int32)
    compute(lambda x, y: scalar.apply(op, x, y), D.int32, a, np.array([1, 0, 1], np.int32), raises=word)
    assert word[0] == 1
    compute(lambda x, y: scalar.apply(op, x, y), D.int32, a, a, raises=word)
    assert word[0] == 0


@pytest.mark.parametrize("d", INTEGERS, ids=str)
def test_shifts_beyond_the_width(compute: Compute, d: D.dtype) -> None:
    bits = 8 * d.itemsize
    places = [s for s in (0, 1, bits - 1, bits, bits + 1, 127, -1, -128) if d.is_signed or s >= 0]
    a, b = (x.ravel().astype(d.numpy) for x in np.meshgrid(_corners(d), np.array(places)))
    pairs = list(zip(a.tolist(), b.tolist(), strict=True))
    left = compute(lambda x, y: scalar.apply("bitwise_left_shift", x, y), d, a, b)
    np.testing.assert_array_equal(left, _wrapped([x << s if 0 <= s < bits else 0 for x, s in pairs], d))
    right = compute(lambda x, y: scalar.apply("bitwise_right_shift", x, y), d, a, b)
    np.testing.assert_array_equal(right, _wrapped([x >> (s if 0 <= s < bits else bits) for x, s in pairs], d))


@pytest.mark.parametrize("d", INTEGERS, ids=str)
def test_powers_of_integers(compute: Compute, d: D.dtype) -> None:
    exponents = np.array([0, 1, 2, 3, 7, 63, 100] + ([-1, -2, -3] if d.is_signed else []), d.numpy)
    a, b = (x.ravel() for x in np.meshgrid(_corners(d), exponents))
    exact = [
        x**y if y >= 0 else {1: 1, -1: -1 if y % 2 else 1}.get(x, 0)
        for x, y in zip(a.tolist(), b.tolist(), strict=True)
    ]
    power = compute(lambda x, y: scalar.apply("pow", x, y), d, a.copy(), b.copy())
    np.testing.assert_array_equal(power, _wrapped(exact, d))


@pytest.mark.parametrize("d", INTEGERS, ids=str)
@pytest.mark.parametrize("source", [D.float32, D.float64], ids=str)
def test_floats_to_integers_out_of_range_give_the_least(compute: Compute, source: D.dtype, d: D.dtype) -> None:
    info = np.iinfo(d.numpy)
    values = [0.0, 0.5, -0.5, 1.9, -0.9, float(info.min), float(info.max) * 2 + 2, -1e30, 1e30, np.inf, -np.inf, np.nan]
    x = np.array(values, source.numpy)
    least = info.min if d.is_signed else 0
    expected = [int(v) if np.isfinite(v) and info.min <= int(v) <= info.max else least for v in x.tolist()]
    np.testing.assert_array_equal(compute(lambda e: scalar.cast(e, d), d, x), np.array(expected, d.numpy))


# -- halves --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("d", "host"), [(D.float16, np.float16), (D.bfloat16, ml_dtypes.bfloat16)], ids=["f16", "bf16"]
)
class TestHalves:
    def test_every_pattern_is_widened(self, compute: Compute, d: D.dtype, host: Any) -> None:
        x = np.arange(1 << 16, dtype=np.uint16).view(host)
        wide = compute(lambda e: scalar.cast(e, D.float32), D.float32, x.astype(host))
        expected = x.astype(np.float32)
        finite = ~np.isnan(expected)
        np.testing.assert_array_equal(wide[finite].view(np.uint32), expected[finite].view(np.uint32))
        assert np.isnan(wide[~finite]).all()

    def test_every_pattern_survives(self, compute: Compute, d: D.dtype, host: Any) -> None:
        x = np.arange(1 << 16, dtype=np.uint16).view(host)
        again = compute(lambda e: scalar.cast(e, d), d, x)
        kept = ~np.isnan(x.astype(np.float32))
        np.testing.assert_array_equal(again.view(np.uint16)[kept], x.view(np.uint16)[kept])
        assert np.isnan(again[~kept].astype(np.float32)).all()

    def test_rounding_is_to_nearest_even(self, compute: Compute, d: D.dtype, host: Any) -> None:
        """At, just below and just above the middle of every pair of neighbours."""
        x = np.arange(0, 0x7C00 if host is np.float16 else 0x7F80, dtype=np.uint16).view(host).astype(np.float64)
        middle = ((x[:-1] + x[1:]) / 2).astype(np.float32)
        near = np.concatenate([middle, np.nextafter(middle, np.float32(0)), np.nextafter(middle, np.float32(np.inf))])
        near = np.concatenate([near, -near, np.array([65504, 65519.996, 65520, 3.4e38, np.inf], np.float32)])
        with np.errstate(over="ignore"):
            expected = near.astype(host)
        got = compute(lambda e: scalar.cast(e, d), d, near)
        np.testing.assert_array_equal(got.view(np.uint16), expected.view(np.uint16))

    def test_a_double_is_rounded_once(self, compute: Compute, d: D.dtype, host: Any) -> None:
        """Just beside the middle of two halves, where float32 would first round to the middle."""
        x = np.arange(0, 0x7C00 if host is np.float16 else 0x7F80, dtype=np.uint16).view(host).astype(np.float64)
        middle = (x[:-1] + x[1:]) / 2
        above, below = middle * (1 + 2.0**-40), middle * (1 - 2.0**-40)
        store = lambda values: compute(lambda e: e * 1, d, values).astype(np.float64)  # noqa: E731
        np.testing.assert_array_equal(store(above), x[1:])
        np.testing.assert_array_equal(store(below), x[:-1])
        np.testing.assert_array_equal(store(-above), -x[1:])


# -- extremes and positions ----------------------------------------------------------------------------


def test_nan_wins_in_either_place(compute: Compute) -> None:
    a, b = np.array([np.nan, 1, np.nan, 2], np.float32), np.array([1, np.nan, np.nan, 3], np.float32)
    for op, last in (("maximum", 3), ("minimum", 2)):
        got = compute(lambda x, y, op=op: scalar.apply(op, x, y), D.float32, a, b)
        assert np.isnan(got[:3]).all() and got[3] == last
