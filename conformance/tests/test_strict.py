"""The strict backend: each kernel against NumPy in float64 over awkward views, opacity, and every broken promise."""

from __future__ import annotations

import copy
import gc
import itertools
import math
import operator
import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from corelib_conformance.strict import StrictBackend, StrictViolation, no_host_access, plugin
from corelib_conformance.strict.arithmetic import philox

from corelib.backend.errors import BackendError, DivisionByZero, IndexOutOfBounds, OutOfMemoryError
from corelib.device import Device
from corelib.dtypes import (
    ALL_DTYPES,
    bfloat16,
    bool_,
    complex64,
    dtype,
    float16,
    float32,
    float64,
    from_numpy_dtype,
    int8,
    int16,
    int32,
    int64,
    uint8,
)
from corelib.layout import Layout, contiguous_strides

REAL = [d for d in ALL_DTYPES if not d.is_complex]
FLOATS = [d for d in REAL if d.is_floating_point]
INTEGERS = [d for d in REAL if d.category == 1]
NUMBERS = INTEGERS + FLOATS
STRICT = Device("strict")

# fmt: off
UNARY = [
    "neg", "abs", "floor", "round", "sqrt", "exp", "expm1", "log", "log1p", "sin", "cos", "tanh", "erf", "bitwise_not",
]
BINARY = [
    "add", "sub", "mul", "div", "trunc_divide", "fmod", "pow", "atan2", "maximum", "minimum", "eq", "lt", "le",
    "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift",
]
OTHER = [
    "where", "sum", "prod", "amax", "amin", "argmax", "argmin", "cumsum", "gather", "scatter", "matmul", "sort",
    "random_bits",
]
TRAINING = ["scatter_add", "cumprod", "cummax", "cummin"]
# fmt: on
REQUIRED = {"fill", "copy", "cast", "arange", *UNARY, *BINARY, *OTHER, *TRAINING}


def layout(shape: tuple[int, ...], d: dtype, index: int | None = None) -> Layout:
    return Layout.of(shape, d, STRICT if index is None else Device("strict", index))


class Bench:
    """A backend with short ways to put arrays on it, call its kernels and look at what comes back."""

    def __init__(self) -> None:
        self.backend = StrictBackend()

    def put(self, values: Any, d: dtype | None = None, index: int = 0) -> Any:
        host = np.asarray(values)
        d = d or from_numpy_dtype(host.dtype)
        host = np.array(host.astype(d.numpy), order="C")
        return self.backend.upload(host, layout(host.shape, d, index))

    def view(self, values: Any, d: dtype, kind: str) -> Any:
        """A handle with these values that lies in memory as ``kind`` says."""
        host = np.asarray(values).astype(d.numpy)
        if kind == "dense":
            return self.put(host, d)
        if kind == "transposed":
            memory, strides = host.T, contiguous_strides(host.T.shape)[::-1]
            return self._as_strided(memory, d, host.shape, strides, 0)
        if kind == "offset":
            padded = np.concatenate([np.zeros(3, d.numpy), host.ravel()])
            return self._as_strided(padded, d, host.shape, contiguous_strides(host.shape), 3)
        if kind == "reversed":
            strides = [-s for s in contiguous_strides(host.shape)]
            return self._as_strided(np.flip(host), d, host.shape, strides, max(host.size - 1, 0))
        assert kind == "sparse"
        padded = np.zeros(2 * host.size + 1, d.numpy)
        padded[1::2] = host.ravel()
        return self._as_strided(padded, d, host.shape, [2 * s for s in contiguous_strides(host.shape)], 1)

    def _as_strided(self, memory: Any, d: dtype, shape: tuple[int, ...], strides: Sequence[int], offset: int) -> Any:
        target = Layout.of(shape, d, STRICT, tuple(strides))
        return self.backend.as_strided(self.put(memory.ravel(), d), target, offset)

    def expand(self, values: Any, d: dtype, shape: tuple[int, ...]) -> Any:
        """A handle of ``shape`` with stride 0 where the values' size is 1."""
        host = np.asarray(values).astype(d.numpy)
        strides = [0 if n == 1 else s for n, s in zip(host.shape, contiguous_strides(host.shape), strict=True)]
        return self._as_strided(host, d, shape, strides, 0)

    def get(self, array: Any, shape: tuple[int, ...], d: dtype, index: int = 0) -> np.ndarray[Any, Any]:
        return self.backend.download(array, layout(shape, d, index))

    def call(self, name: str, *operands: Any, **destination: Any) -> Any:
        return self.backend.kernels[name].function(*operands, **destination)


KINDS = ("dense", "transposed", "offset", "reversed", "sparse")
SHAPES = [(), (1,), (7,), (3, 4), (2, 3, 5), (0,), (2, 0, 3)]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def sample(d: dtype, shape: tuple[int, ...], seed: int = 0, low: float = -3.0, high: float = 3.0) -> Any:
    generator = np.random.default_rng(seed)
    if d is bool_:
        return generator.integers(0, 2, shape).astype(bool)
    if d.category == 1:
        return generator.integers(0 if d is uint8 else -20, 20, shape).astype(d.numpy)
    return generator.uniform(low, high, shape).astype(d.numpy)


def wide(values: Any, d: dtype) -> Any:
    """Values as the type that oracles compute in."""
    return np.asarray(values).astype(np.float64 if d.is_floating_point else d.numpy)


def check(got: Any, expected: Any, d: dtype, ulps: float = 8.0) -> None:
    """Integers and bools exactly, floats within ``ulps`` units in the last place of ``d``."""
    assert got.dtype == d.numpy
    if not d.is_floating_point:
        np.testing.assert_array_equal(got, np.asarray(expected).astype(d.numpy))
        return
    eps = {"float64": 2.0**-52, "float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}[d.name]
    np.testing.assert_allclose(got.astype(np.float64), expected, rtol=ulps * eps, atol=ulps * eps * 1e-3)


# -- what there is -----------------------------------------------------------------------------------


def test_kernels_are_the_required_ones_and_nothing_else(bench: Bench) -> None:
    assert set(bench.backend.kernels) == REQUIRED
    storage = ("allocate", "upload", "download", "as_strided", "bitcast", "synchronize")
    assert len(REQUIRED) + len(storage) == 59


def test_plugin_describes_a_testing_backend() -> None:
    spec = plugin.corelib_backend()
    assert (spec.name, spec.testing, spec.contract) == ("strict", True, (1, 0))
    assert isinstance(spec.create(), StrictBackend)


def test_entries_name_their_owner_and_state_out(bench: Bench) -> None:
    kernels = bench.backend.kernels
    assert {k.owner for k in kernels.values()} == {"strict"}
    assert {name for name, k in kernels.items() if k.out} == {"fill", "copy", "cast", "where", *UNARY, *BINARY}
    assert not any(complex64 in k.dtypes for k in kernels.values())
    assert not bench.backend.supports(complex64)


# -- handles -----------------------------------------------------------------------------------------


def test_handle_is_opaque(bench: Bench) -> None:
    handle = bench.put([1.0, 2.0])
    for operation in (len, iter, float, int, bool, memoryview, pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            operation(handle)
    for operation in (operator.add, operator.mul, operator.lt, operator.matmul, operator.getitem):
        with pytest.raises(TypeError):
            operation(handle, handle)
    assert np.asarray(handle).dtype == object
    protocols = {"__array__", "__array_interface__", "__dlpack__", "__buffer__", "__index__", "__eq__"}
    assert not protocols & set(vars(type(handle)))
    assert [name for name in dir(handle) if not name.startswith("_")] == []


def test_handle_repr(bench: Bench) -> None:
    assert repr(bench.put(np.zeros((2, 3), np.float32), index=1)) == "<strict handle float32[2, 3] on strict:1>"


# -- storage -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("d", REAL, ids=lambda d: d.name)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_upload_download_round_trip(bench: Bench, d: dtype, shape: tuple[int, ...]) -> None:
    host = sample(d, shape)
    got = bench.get(bench.put(host, d), shape, d)
    np.testing.assert_array_equal(got, host)
    assert got.flags.c_contiguous and not np.shares_memory(got, host)
    assert (bench.backend.uploads, bench.backend.downloads) == (1, 1)


def test_allocations_are_poisoned(bench: Bench) -> None:
    for d in FLOATS:
        got = bench.get(bench.backend.allocate(layout((5,), d)), (5,), d)
        assert np.isnan(got.astype(np.float64)).all()
    assert (bench.get(bench.backend.allocate(layout((5,), uint8)), (5,), uint8) == 0xA5).all()


def test_as_strided_aliases(bench: Bench) -> None:
    base = bench.put(np.zeros(6, np.int64))
    odd = bench.backend.as_strided(base, Layout.of((3,), int64, STRICT, (2,)), 1)
    bench.call("fill", 7, layout((3,), int64), out=odd)
    assert bench.get(base, (6,), int64).tolist() == [0, 7, 0, 7, 0, 7]


@pytest.mark.parametrize(("shape", "strides", "offset"), [((4,), (2,), 0), ((2,), (1,), 5), ((2,), (-1,), 0)])
def test_as_strided_stays_inside_the_memory(bench: Bench, shape: Any, strides: Any, offset: int) -> None:
    base = bench.put(np.zeros(6, np.int64))
    with pytest.raises(StrictViolation, match=r"^as_strided: .* leaves the memory"):
        bench.backend.as_strided(base, Layout.of(shape, int64, STRICT, strides), offset)


def test_views_of_nothing_may_be_anywhere(bench: Bench) -> None:
    view = bench.backend.as_strided(bench.put(np.zeros(0, np.float32)), layout((0, 3), float32), 4)
    assert bench.get(view, (0, 3), float32).shape == (0, 3)


def test_bitcast_aliases(bench: Bench) -> None:
    base = bench.put(np.array([1.0, -2.0], np.float32))
    bits = bench.backend.bitcast(base, layout((2, 1), int32))
    assert bench.get(bits, (2, 1), int32).tolist() == [[0x3F800000], [-0x40000000]]
    bench.call("fill", 0, layout((2, 1), int32), out=bits)
    assert bench.get(base, (2,), float32).tolist() == [0.0, 0.0]
    with pytest.raises(StrictViolation, match=r"^bitcast: .*same number of bytes"):
        bench.backend.bitcast(base, layout((3,), int32))


def test_transfer_between_devices_stays_off_the_host(bench: Bench) -> None:
    there = bench.view([[1, 2, 3], [4, 5, 6]], int32, "transposed")
    with no_host_access():
        moved = bench.backend.transfer(there, layout((2, 3), int32), 1)
    assert bench.get(moved, (2, 3), int32, index=1).tolist() == [[1, 2, 3], [4, 5, 6]]
    assert bench.backend.downloads == 1


def test_no_host_access(bench: Bench) -> None:
    array = bench.put([1.0])
    with no_host_access():
        with no_host_access():
            pass
        with pytest.raises(StrictViolation, match=r"^download: .*no_host_access"):
            bench.get(array, (1,), float64)
    assert bench.get(array, (1,), float64) == [1.0]


def test_second_device_refuses_float64(bench: Bench) -> None:
    assert bench.backend.device_count() == 2
    assert bench.backend.device_supports(float64, 0) and not bench.backend.device_supports(float64, 1)
    with pytest.raises(StrictViolation, match=r"^allocate: there is no device strict:1 that holds float64"):
        bench.backend.allocate(layout((2,), float64, 1))
    with pytest.raises(StrictViolation, match=r"^cast: "):
        bench.call("cast", bench.put([1.0], float32, index=1), float64)
    with pytest.raises(StrictViolation, match=r"^allocate: .*strict:2"):
        bench.backend.allocate(layout((2,), float32, 2))


def test_memory_is_counted_and_limited(bench: Bench) -> None:
    backend = bench.backend
    first = backend.allocate(layout((100,), float32))
    view = backend.as_strided(first, layout((10,), float32), 5)
    assert (backend.memory_allocated(0), backend.memory_allocated(1)) == (400, 0)
    backend.limit = 500
    with pytest.raises(OutOfMemoryError, match="strict:0 out of memory"):
        backend.allocate(layout((26,), float32))
    backend.allocate(layout((26,), float32, 1))
    del first
    gc.collect()
    assert backend.memory_allocated(0) == 400  # the view keeps it
    del view
    gc.collect()
    assert backend.memory_allocated(0) == 0
    assert bench.get(bench.call("fill", 1.0, layout((125,), float32)), (125,), float32).sum() == 125


# -- elementwise -------------------------------------------------------------------------------------

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


# -- creation and conversion -------------------------------------------------------------------------


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


# -- reductions, scans, sort -------------------------------------------------------------------------


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


# -- indexing and products ---------------------------------------------------------------------------


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


# -- random bits -------------------------------------------------------------------------------------

# The known answers published with the algorithm: counter, key, words.
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN)
def test_philox_known_answers(counter: Any, key: Any, words: Any) -> None:
    got = philox(*(np.array([c], np.uint64) for c in counter), *key)
    assert tuple(int(w[0]) for w in got) == words


def test_random_bits_are_philox_blocks(bench: Bench) -> None:
    def bits(seed: int, offset: int, *shape: int) -> list[int]:
        return bench.get(bench.call("random_bits", seed, offset, layout(shape, int64)), shape, int64).ravel().tolist()

    assert bits(0, 0, 4) == list(KNOWN[0][2])
    seed, offset = 0x299F31D0A4093822, 0x85A308D3243F6A88
    zero = np.array([0], np.uint64)
    block = philox(np.array([0x243F6A88], np.uint64), np.array([0x85A308D3], np.uint64), zero, zero, *KNOWN[2][1])
    assert bits(seed, offset, 2, 2) == [int(w[0]) for w in block]
    whole = bits(seed, 5, 3, 7)
    assert whole[8:] == bits(seed, 7, 13) and whole[:3] == bits(seed, 5, 3)  # whatever the launch's size
    assert bits(1, 0, 0) == [] and all(0 <= w < 2**32 for w in whole)
    assert bits(3, 2**32 - 1, 8)[4:] == bits(3, 2**32, 4)  # the carry into the second word


# -- out ---------------------------------------------------------------------------------------------


def test_out_is_a_window_and_is_returned(bench: Bench) -> None:
    buffer = bench.call("fill", -1.0, layout((11,), float32))
    window = bench.backend.as_strided(buffer, Layout.of((2, 3), float32, STRICT, (1, 2)), 3)
    x = bench.put(np.arange(6.0).reshape(2, 3), float32)
    assert bench.call("add", x, x, out=window) is window
    assert bench.get(buffer, (11,), float32).tolist() == [-1, -1, -1, 0, 6, 2, 8, 4, 10, -1, -1]


def test_out_may_be_an_input(bench: Bench) -> None:
    x = bench.put([1.0, 2.0, 3.0])
    again = bench.backend.as_strided(x, layout((3,), float64), 0)
    bench.call("mul", x, again, out=x)
    assert bench.get(again, (3,), float64).tolist() == [1.0, 4.0, 9.0]


def test_out_may_interleave_with_an_input(bench: Bench) -> None:
    base = bench.put(np.arange(6.0))
    even, odd = (bench.backend.as_strided(base, Layout.of((3,), float64, STRICT, (2,)), at) for at in (0, 1))
    bench.call("copy", even, out=odd)
    assert bench.get(base, (6,), float64).tolist() == [0, 0, 2, 2, 4, 4]


# -- broken promises ---------------------------------------------------------------------------------


def violations() -> dict[str, Any]:
    """Calls that no frontend may make: a function of the bench that makes one, by the message it must give."""
    f32, f64 = np.ones(3, np.float32), np.ones(3)
    matrix = np.ones((2, 3))

    def overlapping(b: Bench) -> Any:
        base = b.put(np.arange(4.0))
        low, high = (b.backend.as_strided(base, layout((3,), float64), at) for at in (0, 1))
        return b.call("neg", low, out=high)

    def expanded_out(b: Bench) -> Any:
        return b.call("neg", b.put(f64), out=b.expand([1.0], float64, (3,)))

    def call(name: str, *arrays: Any, then: tuple[Any, ...] = (), **destination: Any) -> Any:
        def make(b: Bench) -> Any:
            given = [b.put(x) if isinstance(x, np.ndarray) else x for x in arrays]
            outs = {key: b.put(x) for key, x in destination.items()}
            return b.call(name, *given, *then, **outs)

        return make

    ints, index = np.arange(3), np.zeros(3, np.int64)
    return {
        "add: operands have one dtype": call("add", f32, f64),
        "add: operands have one dtype and are expanded to one shape": call("add", np.ones((2, 3)), f64),
        "add: at least one operand is an array": call("add", 1.0, 2.0),
        "add: a number for float32 is a float, got 1": call("add", f32, 1),
        "add: a number for float64 is a float, got True": call("add", f64, True),
        "add: a number for int64 is a int, got True": call("add", ints, True),
        "add: a number for bool is a bool, got 1": call("add", f64 > 0, 1),
        "add: 300 is outside the range of uint8": call("add", ints.astype(np.uint8), 300),
        "add: operands live on one device": lambda b: b.call("add", b.put(f32), b.put(f32, index=1)),
        "add: out is as the result": call("add", f64, f64, out=f32),
        "lt: out is as the result": call("lt", f64, f64, out=f64),
        "neg: out is as the result": call("neg", f64, out=np.ones(4)),
        "neg: out does not partly overlap an input": overlapping,
        "neg: out is not an expanded": expanded_out,
        "sum: it does not take out=": call("sum", f64, then=((0,), False, float64), out=np.array(0.0)),
        "sqrt: it is not registered for int64": call("sqrt", ints),
        "argmax: it is not registered for bool": call("argmax", f64 > 0, then=(0, False)),
        "where: condition is bool": call("where", f64, f64, f64),
        "where: condition is bool and expanded": call("where", np.array([True]), f64, f64),
        "where: at least one operand is an array": call("where", f64 > 0, 1.0, 2.0),
        "fill: a number for float32 is a float": lambda b: b.call("fill", 1, layout((2,), float32)),
        "arange: start and step are ints": lambda b: b.call("arange", 0.0, 1, layout((2,), int64)),
        "copy: at least one operand is an array": call("copy", 1.0),
        "matmul: an array operand is a handle": call("matmul", matrix, 1.0),
        "sum: dims is a sorted tuple .* got (1, 0)": call("sum", matrix, then=((1, 0), False, float64)),
        "sum: dims is a sorted tuple .* got (-1,)": call("sum", matrix, then=((-1,), False, float64)),
        "sum: dims is a sorted tuple .* got (0, 0)": call("sum", matrix, then=((0, 0), False, float64)),
        "sum: dims is a sorted tuple .* got [0]": call("sum", matrix, then=([0], False, float64)),
        "sum: dims is a sorted tuple .* got ()": call("sum", matrix, then=((), False, float64)),
        "sum: keepdim is a bool": call("sum", matrix, then=((0,), 0, float64)),
        "amax: no reduced dimension is empty": call("amax", np.ones((2, 0)), then=((1,), False)),
        "argmin: no reduced dimension is empty": call("argmin", np.ones((2, 0)), then=(1, False)),
        "argmax: dim is an int in [0, 2), got -1": call("argmax", matrix, then=(-1, False)),
        "cumsum: dim is an int in [0, 2), got None": call("cumsum", matrix, then=(None, float64)),
        "sort: descending is a bool": call("sort", matrix, then=(0, 1)),
        "gather: index is int64": call("gather", f64, index.astype(np.int32), then=(0,)),
        "gather: index is int64 and": call("gather", matrix, np.zeros((3, 3), np.int64), then=(1,)),
        "gather: operands live on one device": lambda b: b.call("gather", b.put(f32), b.put(index, index=1), 0),
        "scatter: src has the dtype": call("scatter", f64, index, f32, then=(0,)),
        "scatter: src has the dtype .* at least as large": call("scatter", f64, index, f64[:2], then=(0,)),
        "scatter_add: a number for float64": call("scatter_add", f64, index, 1, then=(0,)),
        "matmul: operands are": call("matmul", matrix, matrix),
        "matmul: operands are .*one dtype": call("matmul", matrix, np.ones((3, 2), np.float32)),
        "matmul: operands are [..., m, k]": call("matmul", f64, f64),
        "random_bits: the result is int64": lambda b: b.call("random_bits", 0, 0, layout((2,), int32)),
        "random_bits: seed and block numbers": lambda b: b.call("random_bits", -1, 0, layout((2,), int64)),
        "random_bits: seed and block numbers .* offset": lambda b: b.call("random_bits", 0, 2**64, layout((2,), int64)),
        "upload: the host array is C-contiguous": lambda b: b.backend.upload(matrix.T, layout((3, 2), float64)),
        "upload: the host array is C-contiguous, of": lambda b: b.backend.upload(f32, layout((3,), float64)),
        "download: .* is described by": lambda b: b.get(b.put(f64), (3, 1), float64),
        "as_strided: a view has the dtype": lambda b: b.backend.as_strided(b.put(f64), layout((3,), int64), 0),
        "transfer: an array operand is a handle": lambda b: b.backend.transfer(f64, layout((3,), float64), 1),
    }


@pytest.mark.parametrize("message", list(violations()))
def test_violations_name_the_kernel(bench: Bench, message: str) -> None:
    pattern = "^" + message.replace("(", r"\(").replace(")", r"\)").replace("[", r"\[").replace("]", r"\]")
    with pytest.raises(StrictViolation, match=pattern) as caught:
        violations()[message](bench)
    assert isinstance(caught.value, BackendError) and isinstance(caught.value, AssertionError)


@pytest.mark.parametrize("d", [int16, int32, float16], ids=lambda d: d.name)
def test_second_device_computes(bench: Bench, d: dtype) -> None:
    x = bench.put([1, 2, 3], d, index=1)
    doubled = bench.call("add", x, x)
    assert "strict:1" in repr(doubled)
    assert bench.get(doubled, (3,), d, index=1).tolist() == [2, 4, 6]
