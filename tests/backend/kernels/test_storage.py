"""Storage, creation and casts of array-module backends."""

import array_api_strict
import numpy as np
import pytest

from corelib import dtypes as D
from corelib.backend.array_module import ArrayModuleBackend

FLOATS = [D.float16, D.bfloat16, D.float32, D.float64]
INTEGERS = [D.uint8, D.int8, D.int16, D.int32, D.int64]
COMPLEX = [D.complex64, D.complex128]
SHAPES = [(), (0,), (1,), (7,), (3, 4), (2, 0, 3), (2, 3, 4)]


@pytest.mark.dtypes(*D.ALL_DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_upload_and_download_copy(run, shape, dtype):
    host = run.numbers(shape, dtype)
    array = run.put(host)
    back = run.get(array)
    run.same(back, host)
    assert not np.shares_memory(back, host)
    back.fill(0)
    run.same(run.get(array), host)
    assert tuple(run.backend.allocate(run.layout(shape, dtype)).shape) == shape


def test_a_missing_dtype_is_refused():
    backend = ArrayModuleBackend(array_api_strict)
    assert not backend.supports(D.bfloat16)
    assert not backend.supports(D.float16)
    assert D.bfloat16 not in backend.kernels["add"].dtypes
    assert not ArrayModuleBackend.strided
    assert not ArrayModuleBackend.mutable


def test_take_and_assign_stand_in_for_views(run):
    host = np.arange(12, dtype=np.float32)
    array = run.put(host)
    indices = np.array([[11, 0], [3, 3]])
    run.same(run.get(run.backend.take(array, indices, run.layout((2, 2), D.float32))), host[indices])
    run.same(run.get(run.backend.take(array, indices[:0], run.layout((0, 2), D.float32))), host[indices[:0]])
    value = np.array([[-1.0, -2.0], [-3.0, -4.0]], np.float32)
    indices[1, 1] = 4
    written = run.get(run.backend.assign(array, indices, run.put(value)))
    expected = host.copy()
    expected[indices] = value
    run.same(written, expected)
    run.same(run.get(array), host)  # the old array is as it was
    whole = run.backend.assign(run.put(value), None, run.put(2 * value))
    run.same(run.get(whole), 2 * value)


@pytest.mark.parametrize("source,target", [(D.float32, D.int32), (D.int64, D.float64), (D.float64, D.uint8)])
def test_bitcast(run, source, target):
    host = run.numbers((2, 4), source)
    want = host.reshape(-1).view(target.numpy)
    run.same(run.get(run.backend.bitcast(run.put(host), run.layout(want.shape, target))), want)


@pytest.mark.dtypes(*D.ALL_DTYPES)
def test_fill(run, dtype):
    value = [True, 7, 0.1, 0.5 - 2j][dtype.category]
    for shape in SHAPES:
        run.same(run("fill", value, run.layout(shape, dtype)), np.full(shape, np.asarray(value).astype(dtype.numpy)))


def test_fill_keeps_negative_zero(run):
    assert np.signbit(run("fill", -0.0, run.layout((3,), D.float32))).all()


@pytest.mark.dtypes(*INTEGERS, *FLOATS)
def test_arange(run, dtype):
    start, step = (3, 2) if dtype.category == 1 else (0.1, 0.3)
    want = [start + i * step for i in range(9)]
    got = run("arange", start, step, run.layout((9,), dtype))
    run.same(
        got, np.array(want).astype(np.float32).astype(dtype.numpy) if dtype.is_half else np.array(want, dtype.numpy)
    )
    assert run("arange", start, step, run.layout((0,), dtype)).shape == (0,)


def test_arange_is_exact_beyond_double_precision(run):
    run.same(run("arange", 2**53 + 1, 1, run.layout((3,), D.int64)), 2**53 + 1 + np.arange(3))


@pytest.mark.dtypes(*D.ALL_DTYPES)
@pytest.mark.parametrize("source", D.ALL_DTYPES, ids=lambda d: d.name)
def test_cast(run, source, dtype):
    target = dtype
    if not run.backend.supports(source):
        assert source.name not in dir(array_api_strict)
        return
    host = run.numbers((3, 5), source)
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
    run.same(run.get(got), want.astype(target.numpy))


@pytest.mark.dtypes(D.float16, D.bfloat16)
def test_cast_to_a_half_type_goes_through_float32(run, dtype):
    value = 1 + 2.0 ** (-11 if dtype is D.float16 else -8)  # half way between two neighbours
    assert float(run("cast", np.array([value + 2.0**-40]), dtype)[0]) == 1.0  # float32 loses the last bit


def test_cast_to_bool_is_not_zero(run):
    host = np.array([0.0, -0.0, np.nan, 1e-30, np.inf])
    run.same(run("cast", host, D.bool_), np.array([False, False, True, True, True]))


@pytest.mark.dtypes(*D.ALL_DTYPES)
def test_copy(run, dtype):
    host = run.numbers((2, 3), dtype)
    array = run.put(host)
    got = run.backend.kernels["copy"].function(array)
    assert got is not array
    run.same(run.get(got), host)
