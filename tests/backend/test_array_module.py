"""The required kernels of array-module backends against NumPy in float64 and definitions in Python.

Run on three: ArrayModuleBackend over array-api-strict (so that it is not NumPy's twin), over NumPy with
ml_dtypes' bfloat16, and the CPU backend, whose kernels replace most of it.
"""

import itertools
import math
import warnings

import array_api_strict
import ml_dtypes
import numpy as np
import pytest
from corelib_cpu.backend import CpuBackend

from corelib import dtypes as D
from corelib.backend.array_module import ArrayModuleBackend
from corelib.backend.errors import DivisionByZero, IndexOutOfBounds
from corelib.device import Device
from corelib.layout import Layout

MAKERS = {
    "strict": lambda: ArrayModuleBackend(array_api_strict),
    "numpy": lambda: ArrayModuleBackend(np, {D.bfloat16: np.dtype(ml_dtypes.bfloat16)}),
    "cpu": CpuBackend,
}
FLOATS = [D.float16, D.bfloat16, D.float32, D.float64]
INTEGERS = [D.uint8, D.int8, D.int16, D.int32, D.int64]
COMPLEX = [D.complex64, D.complex128]
SHAPES = [(), (0,), (1,), (7,), (3, 4), (2, 0, 3), (2, 3, 4)]
UNITS = {D.float16: 2.0**-11, D.bfloat16: 2.0**-8, D.float32: 2.0**-24, D.float64: 2.0**-53}


def layout(shape, dtype):
    return Layout.of(tuple(shape), dtype, Device("cpu"))


class Subject:
    """A backend seen from NumPy: host arrays in and out, results checked for shape and dtype."""

    def __init__(self, name):
        self.name, self.backend = name, MAKERS[name]()

    def __repr__(self):
        return self.name

    def put(self, host):
        host = np.ascontiguousarray(host).reshape(np.shape(host))
        return self.backend.upload(host, layout(host.shape, D.from_numpy_dtype(host.dtype)))

    def get(self, array):
        source = next(d for d in D.ALL_DTYPES if self.backend.supports(d) and array.dtype == self.native(d))
        return self.backend.download(array, layout(tuple(array.shape), source))

    def native(self, dtype):
        return (
            dtype.numpy
            if self.name != "strict"
            else getattr(array_api_strict, {"bool": "bool"}.get(dtype.name, dtype.name))
        )

    def __call__(self, kernel, *operands):
        """Run a kernel; NumPy operands are uploaded, everything else is passed as it is."""
        operands = [self.put(x) if isinstance(x, np.ndarray) else x for x in operands]
        function = self.backend.kernels[kernel].function
        with warnings.catch_warnings():
            if self.name != "cpu":  # the CPU backend must not warn by itself
                warnings.simplefilter("ignore", RuntimeWarning)
            result = function(*operands)
        return tuple(map(self.get, result)) if isinstance(result, tuple) else self.get(result)


@pytest.fixture(params=list(MAKERS), scope="module")
def run(request):
    return Subject(request.param)


def supported(run, dtype):
    if not run.backend.supports(dtype):
        pytest.skip(f"{dtype.name} is not in the array API standard")


def numbers(shape, dtype, seed=0, low=-3.0, high=3.0):
    generator = np.random.default_rng([seed, *shape])
    if dtype is D.bool_:
        return generator.integers(0, 2, shape).astype(bool)
    if dtype.category == 1:
        info = np.iinfo(dtype.numpy)
        return generator.integers(max(info.min, -20), 20, shape).astype(dtype.numpy)
    values = np.asarray(generator.uniform(low, high, shape))
    if dtype.is_complex:
        values = np.asarray(values + 1j * generator.uniform(low, high, shape))
    return values.astype(np.float32).astype(dtype.numpy) if dtype.is_half else values.astype(dtype.numpy)


def close(got, want, dtype, ulp=4.0):
    """Within ``ulp`` units in the last place of ``dtype`` (and both nan, both infinite)."""
    assert got.dtype == dtype.numpy
    assert got.shape == np.shape(want)
    unit = UNITS[dtype.to_real()]
    wide = np.complex128 if dtype.is_complex else np.float64
    np.testing.assert_allclose(got.astype(wide), np.asarray(want).astype(wide), rtol=2 * ulp * unit, atol=1e-300)


def same(got, want):
    want = np.asarray(want)
    assert got.dtype == want.dtype
    assert got.shape == want.shape
    if want.dtype.kind == "V":  # NumPy does not see that bfloat16's nan is one
        got, want = got.astype(np.float32), want.astype(np.float32)
    np.testing.assert_array_equal(got, want)


def widened(x):
    return x.astype(np.complex128 if x.dtype.kind == "c" else np.float64)


# -- storage ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", D.ALL_DTYPES, ids=lambda d: d.name)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_upload_and_download_copy(run, shape, dtype):
    supported(run, dtype)
    host = numbers(shape, dtype)
    array = run.put(host)
    back = run.get(array)
    same(back, host)
    assert not np.shares_memory(back, host)
    back.fill(0)
    same(run.get(array), host)
    assert tuple(run.backend.allocate(layout(shape, dtype)).shape) == shape


def test_a_missing_dtype_is_refused():
    backend = ArrayModuleBackend(array_api_strict)
    assert not backend.supports(D.bfloat16)
    assert not backend.supports(D.float16)
    assert D.bfloat16 not in backend.kernels["add"].dtypes
    assert not ArrayModuleBackend.strided
    assert not ArrayModuleBackend.mutable


@pytest.mark.parametrize("name", ["strict", "numpy"])
def test_take_and_assign_stand_in_for_views(name):
    run = Subject(name)
    host = np.arange(12, dtype=np.float32)
    array = run.put(host)
    indices = np.array([[11, 0], [3, 3]])
    same(run.get(run.backend.take(array, indices, layout((2, 2), D.float32))), host[indices])
    same(run.get(run.backend.take(array, indices[:0], layout((0, 2), D.float32))), host[indices[:0]])
    value = np.array([[-1.0, -2.0], [-3.0, -4.0]], np.float32)
    indices[1, 1] = 4
    written = run.get(run.backend.assign(array, indices, run.put(value)))
    expected = host.copy()
    expected[indices] = value
    same(written, expected)
    same(run.get(array), host)  # the old array is as it was
    whole = run.backend.assign(run.put(value), None, run.put(2 * value))
    same(run.get(whole), 2 * value)


@pytest.mark.parametrize("source,target", [(D.float32, D.int32), (D.int64, D.float64), (D.float64, D.uint8)])
def test_bitcast(run, source, target):
    host = numbers((2, 4), source)
    want = host.reshape(-1).view(target.numpy)
    same(run.get(run.backend.bitcast(run.put(host), layout(want.shape, target))), want)


# -- creation and casts ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", D.ALL_DTYPES, ids=lambda d: d.name)
def test_fill(run, dtype):
    supported(run, dtype)
    value = [True, 7, 0.1, 0.5 - 2j][dtype.category]
    for shape in SHAPES:
        same(run("fill", value, layout(shape, dtype)), np.full(shape, np.asarray(value).astype(dtype.numpy)))


def test_fill_keeps_negative_zero(run):
    assert np.signbit(run("fill", -0.0, layout((3,), D.float32))).all()


@pytest.mark.parametrize("dtype", INTEGERS + FLOATS, ids=lambda d: d.name)
def test_arange(run, dtype):
    supported(run, dtype)
    start, step = (3, 2) if dtype.category == 1 else (0.1, 0.3)
    want = [start + i * step for i in range(9)]
    got = run("arange", start, step, layout((9,), dtype))
    same(got, np.array(want).astype(np.float32).astype(dtype.numpy) if dtype.is_half else np.array(want, dtype.numpy))
    assert run("arange", start, step, layout((0,), dtype)).shape == (0,)


def test_arange_is_exact_beyond_double_precision(run):
    same(run("arange", 2**53 + 1, 1, layout((3,), D.int64)), 2**53 + 1 + np.arange(3))


@pytest.mark.parametrize("source,target", list(itertools.product(D.ALL_DTYPES, D.ALL_DTYPES)), ids=lambda d: d.name)
def test_cast(run, source, target):
    supported(run, source)
    supported(run, target)
    host = numbers((3, 5), source)
    if source.category >= 2 and target is D.uint8:
        host = np.abs(host).astype(source.numpy)  # a negative float is out of uint8's range: unspecified
    want = host.astype(np.float32) if source.is_half else host
    if want.dtype.kind == "c" and target.category in (1, 2):
        want = want.real
    if target.is_half:
        want = want.astype(np.float32)
    array = run.put(host)
    got = run.backend.kernels["cast"].function(array, target)
    assert got is not array
    same(run.get(got), want.astype(target.numpy))


@pytest.mark.parametrize("target", [D.float16, D.bfloat16], ids=lambda d: d.name)
def test_cast_to_a_half_type_goes_through_float32(run, target):
    supported(run, target)
    value = 1 + 2.0 ** (-11 if target is D.float16 else -8)  # half way between two neighbours
    assert float(run("cast", np.array([value + 2.0**-40]), target)[0]) == 1.0  # float32 loses the last bit


def test_cast_to_bool_is_not_zero(run):
    host = np.array([0.0, -0.0, np.nan, 1e-30, np.inf])
    same(run("cast", host, D.bool_), np.array([False, False, True, True, True]))


@pytest.mark.parametrize("dtype", D.ALL_DTYPES, ids=lambda d: d.name)
def test_copy(run, dtype):
    supported(run, dtype)
    host = numbers((2, 3), dtype)
    array = run.put(host)
    got = run.backend.kernels["copy"].function(array)
    assert got is not array
    same(run.get(got), host)


# -- elementwise -----------------------------------------------------------------------------------------

UNARY = {
    "neg": (np.negative, -3, 3), "abs": (np.abs, -3, 3), "floor": (np.floor, -3, 3), "round": (np.rint, -3, 3),
    "sqrt": (np.sqrt, 0, 9), "exp": (np.exp, -9, 9), "expm1": (np.expm1, -1, 1), "log": (np.log, 0.01, 9),
    "log1p": (np.log1p, -0.9, 3), "sin": (np.sin, -9, 9), "cos": (np.cos, -9, 9), "tanh": (np.tanh, -3, 3),
    "erf": (np.vectorize(math.erf, otypes=[np.float64]), -4, 4),
}  # fmt: skip
SPECIAL = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 0.5, 1.5, 2.5, -2.5, 1e-30]


@pytest.mark.parametrize("dtype", FLOATS, ids=lambda d: d.name)
@pytest.mark.parametrize("name", UNARY)
def test_unary(run, name, dtype):
    supported(run, dtype)
    reference, low, high = UNARY[name]
    for shape in SHAPES:
        x = numbers(shape, dtype, low=low, high=high)
        close(run(name, x), reference(widened(x)), dtype)
    x = np.array(SPECIAL).astype(np.float32).astype(dtype.numpy)
    with np.errstate(all="ignore"):
        want = reference(widened(x))
    got = run(name, x)
    close(got, want, dtype)
    zeros = (want == 0) & (x != 0.5)
    np.testing.assert_array_equal(np.signbit(got[zeros].astype(np.float64)), np.signbit(want[zeros]))


@pytest.mark.parametrize("dtype", COMPLEX, ids=lambda d: d.name)
@pytest.mark.parametrize("name", ["neg", "abs", "sqrt", "exp", "log", "sin", "cos", "tanh"])
def test_unary_complex(run, name, dtype):
    x = numbers((3, 4), dtype)
    close(run(name, x), UNARY[name][0](widened(x)), dtype.to_real() if name == "abs" else dtype, ulp=16)


def test_complex_abs_does_not_overflow(run):
    close(run("abs", np.array([1e25 + 1e25j, 3 + 4j], np.complex64)), np.array([math.sqrt(2) * 1e25, 5.0]), D.float32)


@pytest.mark.parametrize("dtype", INTEGERS, ids=lambda d: d.name)
def test_unary_integers(run, dtype):
    x = numbers((3, 4), dtype)
    same(run("neg", x), np.negative(x))
    same(run("abs", x), np.abs(x))
    same(run("bitwise_not", x), np.invert(x))
    lowest = np.array([np.iinfo(x.dtype).min], x.dtype)
    same(run("abs", lowest), lowest)
    same(run("neg", lowest), lowest)


def test_bitwise_not_is_logical_on_bool(run):
    same(run("bitwise_not", np.array([True, False])), np.array([False, True]))


@pytest.mark.parametrize("dtype,bound", [(D.float32, 4.0), (D.float64, 4.0)], ids=["float32", "float64"])
def test_erf_accuracy(run, dtype, bound):
    x = np.concatenate([np.linspace(-6.5, 6.5, 20001), np.geomspace(1e-30, 1.0, 1000)]).astype(dtype.numpy)
    want = np.array([math.erf(value) for value in x])
    ulps = np.abs(run("erf", x) - want) / np.spacing(np.abs(want).astype(dtype.numpy))
    assert ulps.max() <= bound


BINARY = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.true_divide, "fmod": np.fmod,
    "pow": np.power, "atan2": np.arctan2, "maximum": np.maximum, "minimum": np.minimum,
}  # fmt: skip
COMPARISONS = {"eq": np.equal, "lt": np.less, "le": np.less_equal}


@pytest.mark.parametrize("dtype", FLOATS, ids=lambda d: d.name)
@pytest.mark.parametrize("name", BINARY)
def test_binary(run, name, dtype):
    supported(run, dtype)
    low = 0.1 if name == "pow" else -3.0
    for shape in SHAPES:
        a, b = numbers(shape, dtype, 1, low=low), numbers(shape, dtype, 2)
        close(run(name, a, b), BINARY[name](widened(a), widened(b)), dtype)
    a, b = numbers((4, 1, 3), dtype, 3, low=low), numbers((2, 1), dtype, 4)
    close(run(name, a, b), BINARY[name](widened(a), widened(b)), dtype)


@pytest.mark.parametrize("dtype", FLOATS, ids=lambda d: d.name)
@pytest.mark.parametrize("name", [*BINARY, *COMPARISONS])
def test_binary_with_a_number(run, name, dtype):
    """A number is used in the compute type: as float32, not rounded to a half type, where that is wider."""
    supported(run, dtype)
    x = numbers((3, 5), dtype, low=0.1)
    compute = np.float64 if dtype is D.float64 else np.float32
    number = float(compute(0.1))
    for given, a, b in [((x, 0.1), widened(x), number), ((0.1, x), number, widened(x))]:
        if name in COMPARISONS:
            same(run(name, *given), COMPARISONS[name](a, b))
        else:
            close(run(name, *given), BINARY[name](a, b), dtype)


@pytest.mark.parametrize("exponent", [-1.0, 0.0, 0.5, 1.0, 2.0, 3.0, 2.5])
@pytest.mark.parametrize("dtype", FLOATS, ids=lambda d: d.name)
def test_pow_of_a_number(run, exponent, dtype):
    supported(run, dtype)
    x = numbers((9,), dtype, low=0.1)
    close(run("pow", x, exponent), widened(x) ** exponent, dtype)
    close(run("pow", x[:1].reshape(()), exponent), widened(x[0]) ** exponent, dtype)


@pytest.mark.parametrize("dtype", COMPLEX, ids=lambda d: d.name)
@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "pow"])
def test_binary_complex(run, name, dtype):
    a, b = numbers((3, 4), dtype, 1), numbers((3, 4), dtype, 2)
    close(run(name, a, b), BINARY[name](widened(a), widened(b)), dtype, ulp=32)
    close(run(name, a, 0.5 + 1j), BINARY[name](widened(a), 0.5 + 1j), dtype, ulp=32)
    same(run("eq", a, a), np.ones(a.shape, bool))


@pytest.mark.parametrize("dtype", INTEGERS, ids=lambda d: d.name)
@pytest.mark.parametrize("name", ["add", "sub", "mul", "maximum", "minimum", "eq", "lt", "le"])
def test_binary_integers(run, name, dtype):
    reference = (BINARY | COMPARISONS)[name]
    for shape in SHAPES:
        a, b = numbers(shape, dtype, 1), numbers(shape, dtype, 2)
        same(run(name, a, b), reference(a, b))
        same(run(name, a, 3), np.asarray(reference(a, np.asarray(3, a.dtype))))
    top = np.array([np.iinfo(a.dtype).max], a.dtype)
    same(run("add", top, top), top + top)  # wraps


def test_binary_bool(run):
    a, b = np.array([False, False, True, True]), np.array([False, True, False, True])
    for name, want in {
        "add": a | b, "mul": a & b, "maximum": a | b, "minimum": a & b, "eq": a == b, "lt": ~a & b, "le": ~a | b,
        "bitwise_and": a & b, "bitwise_or": a | b, "bitwise_xor": a ^ b,
    }.items():  # fmt: skip
        same(run(name, a, b), want)
        same(run(name, a, np.array(True)), np.asarray(run(name, a, np.ones(4, bool))))
    same(run("mul", a, True), a)


@pytest.mark.parametrize("name", ["maximum", "minimum"])
@pytest.mark.parametrize("dtype", FLOATS, ids=lambda d: d.name)
def test_nan_wins_on_either_side(run, name, dtype):
    supported(run, dtype)
    a = np.array([np.nan, 1.0, np.nan, 2.0], np.float32).astype(dtype.numpy)
    b = np.array([1.0, np.nan, np.nan, 3.0], np.float32).astype(dtype.numpy)
    np.testing.assert_array_equal(np.isnan(run(name, a, b).astype(float)), [True, True, True, False])


def test_comparisons_with_nan(run):
    x = np.array([np.nan, 1.0])
    same(run("eq", x, x), np.array([False, True]))
    same(run("le", x, np.array([1.0, np.nan])), np.array([False, False]))


@pytest.mark.parametrize("dtype", INTEGERS, ids=lambda d: d.name)
def test_integer_division_truncates(run, dtype):
    info = np.iinfo(dtype.numpy)
    values = [v for v in [info.min, info.min + 1, -7, -2, -1, 0, 1, 2, 7, info.max] if v >= info.min]
    pairs = [(a, b) for a in values for b in values if b != 0]
    a, b = (np.array(side, dtype.numpy) for side in zip(*pairs, strict=True))

    def wrapped(value):
        return (value - info.min) % (info.max - info.min + 1) + info.min

    quotients = [int(math.copysign(1, p) * math.copysign(1, q)) * (abs(p) // abs(q)) for p, q in pairs]
    same(run("trunc_divide", a, b), np.array([wrapped(q) for q in quotients], dtype.numpy))
    remainders = [p - q * d for (p, d), q in zip(pairs, quotients, strict=True)]
    same(run("fmod", a, b), np.array(remainders, dtype.numpy))
    same(
        run("trunc_divide", a, 2),
        np.array([wrapped(int(math.copysign(1, p)) * (abs(p) // 2)) for p in a.tolist()], a.dtype),
    )
    for name in ("trunc_divide", "fmod"):
        for divisor in (0, np.array(0, dtype.numpy), np.where(b == 1, 0, b).astype(dtype.numpy)):
            with pytest.raises(DivisionByZero, match="ZeroDivisionError"):
                run(name, a, divisor)
        assert run(name, a[:0], b[:0]).shape == (0,)


@pytest.mark.parametrize("dtype", [D.float32, D.float64], ids=lambda d: d.name)
def test_fmod_is_exact(run, dtype):
    a = np.array([5.5, -5.5, 1e30, -0.0, 3.0, np.inf, 1.0, np.nan, -7.0], dtype.numpy)
    b = np.array([2.0, 2.0, 0.1, 1.0, np.inf, 2.0, 0.0, 1.0, -2.5], dtype.numpy)
    got = run("fmod", a, b)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(got, np.fmod(a, b))
    assert np.signbit(got[3])


@pytest.mark.parametrize("dtype", INTEGERS, ids=lambda d: d.name)
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
    same(run("pow", a, b), want)
    for exponent in (0, 2, 3, 5):
        same(run("pow", a, exponent), np.array([p**exponent % 2**bits for p in a.tolist()], np.uint64).astype(a.dtype))
    same(run("pow", 3, np.array([0, 2, 4], dtype.numpy)), np.array([1, 9, 81], dtype.numpy))


@pytest.mark.parametrize("dtype", INTEGERS, ids=lambda d: d.name)
def test_shifts(run, dtype):
    bits = 8 * dtype.itemsize
    a = numbers((8,), dtype, low=-9)
    for amount in (0, 1, bits - 1, bits, 100):
        left = [(int(v) << amount) % 2**bits if amount < bits else 0 for v in a]
        right = [int(v) >> amount for v in a]  # Python's shift of a negative number ends at -1
        b = np.full(a.shape, amount, dtype.numpy)
        same(run("bitwise_left_shift", a, b), np.array(left, np.uint64).astype(a.dtype))
        same(run("bitwise_right_shift", a, b), np.array(right, np.int64).astype(a.dtype))
        same(run("bitwise_right_shift", a, amount), np.array(right, np.int64).astype(a.dtype))


@pytest.mark.parametrize(
    "name,reference", [("bitwise_and", np.bitwise_and), ("bitwise_or", np.bitwise_or), ("bitwise_xor", np.bitwise_xor)]
)
@pytest.mark.parametrize("dtype", INTEGERS, ids=lambda d: d.name)
def test_bitwise(run, name, reference, dtype):
    a, b = numbers((3, 4), dtype, 1), numbers((3, 4), dtype, 2)
    same(run(name, a, b), reference(a, b))
    same(run(name, a, 5), reference(a, np.asarray(5, a.dtype)))


@pytest.mark.parametrize("dtype", D.ALL_DTYPES, ids=lambda d: d.name)
def test_where(run, dtype):
    supported(run, dtype)
    for shape in SHAPES:
        condition, a, b = numbers(shape, D.bool_), numbers(shape, dtype, 1), numbers(shape, dtype, 2)
        same(run("where", condition, a, b), np.where(condition, a, b))
    number = [True, 7, 0.1, 0.1j][dtype.category]
    rounded = np.asarray(np.float32(0.1) if dtype.is_half else number).astype(dtype.numpy)
    same(run("where", condition, a, number), np.where(condition, a, rounded))
    same(run("where", condition, number, b), np.where(condition, rounded, b))
    same(run("where", condition[0], a, b), np.where(condition[0], a, b))


# -- reductions and scans --------------------------------------------------------------------------------

DIMS = [
    ((), ()),
    ((7,), (0,)),
    ((3, 4), (0,)),
    ((3, 4), (1,)),
    ((2, 3, 4), (0, 2)),
    ((2, 3, 4), (0, 1, 2)),
    ((5, 0), (1,)),
]


@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("shape,dims", DIMS, ids=str)
@pytest.mark.parametrize("dtype", [*FLOATS, D.complex64, D.int32, D.bool_], ids=lambda d: d.name)
def test_sum_and_prod(run, dtype, shape, dims, keepdim):
    supported(run, dtype)
    x = numbers(shape, dtype)
    target = dtype if dtype.category >= 2 else D.int64
    for name, reference in (("sum", np.sum), ("prod", np.prod)):
        got = run(name, x, dims, keepdim, target)
        if target is D.int64:
            same(got, np.asarray(reference(x, axis=dims, dtype=np.int64, keepdims=keepdim)))
        else:
            want = np.asarray(reference(widened(x), axis=dims, keepdims=keepdim))
            assert got.dtype == target.numpy
            assert got.shape == want.shape
            scale = np.sum(np.abs(widened(x)), axis=dims, keepdims=keepdim) if name == "sum" else np.abs(want)
            assert (np.abs(got - want) <= 64 * UNITS[target.to_real()] * scale).all()


@pytest.mark.parametrize("dtype", [D.float16, D.bfloat16], ids=lambda d: d.name)
def test_half_sums_accumulate_in_float32(run, dtype):
    supported(run, dtype)
    ones = np.ones((4096, 2), dtype.numpy)
    np.testing.assert_array_equal(run("sum", ones, (0,), False, dtype).astype(np.float32), [4096, 4096])
    np.testing.assert_array_equal(run("cumsum", ones, 0, dtype)[-1].astype(np.float32), [4096, 4096])
    assert float(run("sum", ones, (0, 1), False, D.float32)) == 8192


@pytest.mark.parametrize("name,reference", [("amax", np.max), ("amin", np.min)])
@pytest.mark.parametrize("shape,dims", DIMS[:-1], ids=str)
@pytest.mark.parametrize("dtype", [*FLOATS, *INTEGERS, D.bool_], ids=lambda d: d.name)
def test_extrema(run, name, reference, dtype, shape, dims):
    supported(run, dtype)
    x = numbers(shape, dtype)
    for keepdim in (False, True):
        want = np.asarray(reference(x if dtype.category < 2 else widened(x), axis=dims, keepdims=keepdim))
        same(run(name, x, dims, keepdim), want.astype(dtype.numpy))


@pytest.mark.parametrize("dtype", FLOATS, ids=lambda d: d.name)
def test_extrema_with_nan(run, dtype):
    supported(run, dtype)
    x = np.array([[1, np.nan, 3, np.nan], [3, 1, 3, 1]], np.float32).astype(dtype.numpy)
    for name, second in (("amax", 3.0), ("amin", 1.0)):
        got = run(name, x, (1,), False).astype(float)
        assert np.isnan(got[0])
        assert got[1] == second
    same(run("argmax", x, 1, False), np.array([1, 0]))
    same(run("argmin", x, 1, True), np.array([[1], [1]]))


@pytest.mark.parametrize("dtype", [*FLOATS, *INTEGERS], ids=lambda d: d.name)
def test_positions(run, dtype):
    supported(run, dtype)
    x = numbers((3, 4, 5), dtype)
    keys = x.astype(np.float64)
    for dim in range(3):
        same(run("argmax", x, dim, False), np.argmax(keys, dim))
        same(run("argmin", x, dim, True), np.argmin(keys, dim, keepdims=True))
    same(run("argmax", x[0, 0, :1].reshape(()), 0, False), np.array(0))


@pytest.mark.parametrize("dtype", [*FLOATS, D.int32, D.complex64], ids=lambda d: d.name)
def test_running_sum_and_product(run, dtype):
    supported(run, dtype)
    x = numbers((3, 4, 5), dtype)
    for dim in range(3):
        for name, reference in (("cumsum", np.cumsum), ("cumprod", np.cumprod)):
            want = reference(x if dtype.category < 2 else widened(x), dim)
            if dtype.category < 2:
                same(run(name, x, dim, dtype), want.astype(dtype.numpy))
            else:
                got = run(name, x, dim, dtype)
                assert got.dtype == dtype.numpy
                scale = np.abs(want) + (np.cumsum(np.abs(widened(x)), dim) if name == "cumsum" else 0)
                assert (np.abs(got - want) <= 64 * UNITS[dtype.to_real()] * scale).all()
    assert run("cumsum", x[:0], 0, dtype).shape == (0, 4, 5)
    same(run("cumsum", x[0, 0, :1].reshape(()), 0, dtype), x[0, 0, 0].reshape(()))


def test_running_sum_does_not_drift(run):
    got = run("cumsum", np.full(1_000_000, 0.1, np.float32), 0, D.float32)
    assert abs(float(got[-1]) - 100_000.0015) < 0.01


def running_by_definition(x, better):
    values, indices, best = [], [], 0
    for i, value in enumerate(x):
        if math.isnan(value) or (not math.isnan(x[best]) and better(value, x[best])):
            best = i
        values.append(x[best])
        indices.append(best)
    return values, indices


@pytest.mark.parametrize("name,better", [("cummax", lambda a, b: a >= b), ("cummin", lambda a, b: a <= b)])
@pytest.mark.parametrize("dtype", [*FLOATS, D.int16, D.bool_], ids=lambda d: d.name)
def test_running_extrema(run, name, better, dtype):
    supported(run, dtype)
    x = numbers((11, 3), dtype)
    x[4] = x[2]  # ties: the last wins
    if dtype.category == 2:
        x[6, 0] = x[8, 0] = np.nan
    for dim, rows in ((0, x.T), (1, x)):
        want = [running_by_definition(row.astype(float).tolist(), better) for row in rows]
        values, indices = run(name, x, dim)
        expected = np.array([w[1] for w in want])
        same(indices, expected.T if dim == 0 else expected)
        same(values, np.take_along_axis(x, indices, dim))
    values, indices = run(name, x[0, :1].reshape(()), 0)
    assert (values.shape, int(indices)) == ((), 0)


# -- indexing --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [*FLOATS, D.int8, D.bool_, D.complex64], ids=lambda d: d.name)
@pytest.mark.parametrize("dim", [0, 1, 2])
def test_gather(run, dtype, dim):
    supported(run, dtype)
    x = numbers((3, 4, 5), dtype)
    for shape in ((3, 4, 5), (2, 3, 4), (3, 0, 5)):
        shape = tuple(9 if d == dim else size for d, size in enumerate(shape))
        index = np.random.default_rng(0).integers(0, x.shape[dim], shape)
        window = x[tuple(slice(None) if d == dim else slice(0, s) for d, s in enumerate(shape))]
        same(run("gather", x, index, dim), np.take_along_axis(window, index, dim))


def test_gather_of_zero_dimensions(run):
    scalar = np.array(5.0)
    same(run("gather", scalar, np.array(0), 0), scalar)
    same(run("gather", np.array([1.0, 2.0]), np.array(1), 0), np.array(2.0))


@pytest.mark.parametrize("name", ["gather", "scatter", "scatter_add"])
@pytest.mark.parametrize("bad", [4, -1])
def test_bad_index(run, name, bad):
    x, index = np.zeros((3, 4)), np.array([[0, bad]])
    with pytest.raises(IndexOutOfBounds, match=f"index {bad} is out of bounds for dimension 1 with size 4"):
        run(name, x, index, *(() if name == "gather" else (np.zeros((1, 2)),)), 1)


@pytest.mark.parametrize("dtype", [*FLOATS, D.int8, D.complex64], ids=lambda d: d.name)
@pytest.mark.parametrize("dim", [0, 1, 2])
@pytest.mark.parametrize("kind", ["array", "number"])
def test_scatter(run, dtype, dim, kind):
    supported(run, dtype)
    x, src = numbers((3, 4, 5), dtype, 1), numbers((4, 6, 7), dtype, 2)
    shape = tuple(4 if d == dim else 3 for d in range(3))
    index = np.random.default_rng(0).integers(0, x.shape[dim], shape)
    number = [True, 3, 0.1, 0.1j][dtype.category]
    written, added = x.copy(), widened(x)
    for position in np.ndindex(shape):
        target = (*position[:dim], int(index[position]), *position[dim + 1 :])
        written[target] = src[position] if kind == "array" else np.float32(0.1) if dtype.is_half else number
        added[target] += widened(src)[position] if kind == "array" else number
    given = src if kind == "array" else number
    same(run("scatter", x, index, given, dim), written)
    got = run("scatter_add", x, index, given, dim)
    if dtype.category == 1:
        same(got, added.astype(dtype.numpy))
    else:
        assert got.dtype == dtype.numpy
        np.testing.assert_allclose(
            widened(got), added, atol=32 * UNITS[dtype.to_real()], rtol=2 * UNITS[dtype.to_real()]
        )
    same(run("scatter", x, index[:0], given, dim), x)
    same(run("scatter_add", x, index[:0], given, dim), x)


def test_scatter_of_zero_dimensions(run):
    same(run("scatter", np.array(1.0), np.array(0), np.array(5.0), 0), np.array(5.0))
    same(run("scatter_add", np.array(1.0), np.array(0), 2.0, 0), np.array(3.0))


@pytest.mark.parametrize("dtype", [D.float16, D.bfloat16], ids=lambda d: d.name)
def test_half_scatter_add_accumulates_in_float32(run, dtype):
    supported(run, dtype)
    got = run("scatter_add", np.zeros(1, dtype.numpy), np.zeros(4096, np.int64), np.ones(4096, dtype.numpy), 0)
    assert float(got[0]) == 4096


# -- products, sorting, random numbers -------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [*FLOATS, *INTEGERS, *COMPLEX], ids=lambda d: d.name)
def test_matmul(run, dtype):
    supported(run, dtype)
    for shape_a, shape_b in [
        ((3, 4), (4, 5)),
        ((2, 3, 4), (2, 4, 1)),
        ((1, 0), (0, 2)),
        ((0, 3), (3, 2)),
        ((2, 2, 3, 4), (2, 2, 4, 3)),
        ((0, 2, 3), (0, 3, 2)),
    ]:
        a, b = numbers(shape_a, dtype, 1), numbers(shape_b, dtype, 2)
        got = run("matmul", a, b)
        if dtype.category == 1:
            same(got, a @ b)
        else:
            want = widened(a) @ widened(b)
            assert got.dtype == dtype.numpy
            assert got.shape == want.shape
            bound = 16 * UNITS[dtype.to_real()] * (np.abs(widened(a)) @ np.abs(widened(b)))
            assert (np.abs(got - want) <= bound).all()


@pytest.mark.parametrize("dtype", [D.float16, D.bfloat16], ids=lambda d: d.name)
def test_half_products_accumulate_in_float32(run, dtype):
    supported(run, dtype)
    got = run("matmul", np.ones((1, 4096), dtype.numpy), np.ones((4096, 1), dtype.numpy))
    assert float(got[0, 0]) == 4096


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("dtype", [*FLOATS, *INTEGERS, D.bool_], ids=lambda d: d.name)
def test_sort(run, dtype, descending):
    supported(run, dtype)
    x = numbers((5, 40), dtype)
    if dtype.category == 2:
        x[:, 3], x[:, 7], x[:, 9] = np.nan, np.inf, -np.inf
        x[:, 20] = np.nan
    sign = -1 if descending else 1
    for dim, rows in ((0, x.T), (1, x)):
        want = []
        for row in rows.astype(np.float64):
            keys = [(sign * math.isnan(v), 0.0 if math.isnan(v) else sign * v) for v in row]
            want.append(sorted(range(len(keys)), key=keys.__getitem__))
        indices = np.array(want).T if dim == 0 else np.array(want)
        got_values, got_indices = run("sort", x, dim, descending)
        same(got_indices, indices)
        same(got_values, np.take_along_axis(x, indices, dim))
    assert run("sort", x[:, :0], 1, descending)[0].shape == (5, 0)
    values, indices = run("sort", x[0, :1].reshape(()), 0, descending)
    assert (values.shape, indices.shape) == ((), ())


def test_sort_is_stable_on_many_keys(run):
    x = np.random.default_rng(0).integers(0, 3, 5000).astype(np.float32)
    for descending, keys in ((False, x), (True, -x)):
        same(run("sort", x, 0, descending)[1], np.argsort(keys, kind="stable"))


def philox_by_definition(counter, key):
    """One block in Python integers, from the paper."""
    words = list(counter)
    k0, k1 = key & 0xFFFFFFFF, key >> 32
    for _ in range(10):
        p0, p1 = 0xD2511F53 * words[0], 0xCD9E8D57 * words[2]
        words = [(p1 >> 32) ^ words[1] ^ k0, p1 & 0xFFFFFFFF, (p0 >> 32) ^ words[3] ^ k1, p0 & 0xFFFFFFFF]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return words


def test_the_definition_gives_the_published_answers():
    every = 0xFFFFFFFF
    assert philox_by_definition([0, 0, 0, 0], 0) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    assert philox_by_definition([every] * 4, 0xFFFFFFFFFFFFFFFF) == [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]
    pi = [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344]
    assert philox_by_definition(pi, 0x299F31D0A4093822) == [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]


@pytest.mark.parametrize("seed", [0, 1, 0x299F31D0A4093822, 2**64 - 1])
@pytest.mark.parametrize("offset", [0, 3, 2**32 - 1, 2**40])
def test_random_bits(run, seed, offset):
    shape = (3, 7)  # 21 words: the last block is used in part
    words = [
        w
        for block in range(6)
        for w in philox_by_definition([(offset + block) & 0xFFFFFFFF, (offset + block) >> 32, 0, 0], seed)
    ]
    same(run("random_bits", seed, offset, layout(shape, D.int64)), np.array(words[:21]).reshape(shape))


def test_random_bits_do_not_depend_on_the_length_of_the_draw(run):
    long = run("random_bits", 5, 0, layout((40_000,), D.int64))
    same(run("random_bits", 5, 6000, layout((10,), D.int64)), long[24_000:24_010])
    assert run("random_bits", 5, 0, layout((0,), D.int64)).shape == (0,)
    assert run("random_bits", 5, 0, layout((), D.int64)).shape == ()
