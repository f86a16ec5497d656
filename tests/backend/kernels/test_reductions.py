"""Reductions and scans against NumPy in float64 and definitions in Python."""

import math

import numpy as np
import pytest

from corelib import dtypes as D

FLOATS = [D.float16, D.bfloat16, D.float32, D.float64]
INTEGERS = [D.uint8, D.int8, D.int16, D.int32, D.int64]
COMPLEX = [D.complex64, D.complex128]
SHAPES = [(), (0,), (1,), (7,), (3, 4), (2, 0, 3), (2, 3, 4)]

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
@pytest.mark.dtypes(*FLOATS, D.complex64, D.int32, D.bool_)
def test_sum_and_prod(run, dtype, shape, dims, keepdim):
    x = run.numbers(shape, dtype)
    target = dtype if dtype.category >= 2 else D.int64
    for name, reference in (("sum", np.sum), ("prod", np.prod)):
        got = run(name, x, dims, keepdim, target)
        if target is D.int64:
            run.same(got, np.asarray(reference(x, axis=dims, dtype=np.int64, keepdims=keepdim)))
        else:
            want = np.asarray(reference(run.wide(x), axis=dims, keepdims=keepdim))
            assert got.dtype == target.numpy
            assert got.shape == want.shape
            scale = np.sum(np.abs(run.wide(x)), axis=dims, keepdims=keepdim) if name == "sum" else np.abs(want)
            assert (np.abs(got - want) <= 64 * run.unit(target) * scale).all()


@pytest.mark.dtypes(D.float16, D.bfloat16)
def test_half_sums_accumulate_in_float32(run, dtype):
    ones = np.ones((4096, 2), dtype.numpy)
    np.testing.assert_array_equal(run("sum", ones, (0,), False, dtype).astype(np.float32), [4096, 4096])
    np.testing.assert_array_equal(run("cumsum", ones, 0, dtype)[-1].astype(np.float32), [4096, 4096])
    assert float(run("sum", ones, (0, 1), False, D.float32)) == 8192


@pytest.mark.parametrize("name,reference", [("amax", np.max), ("amin", np.min)])
@pytest.mark.parametrize("shape,dims", DIMS[:-1], ids=str)
@pytest.mark.dtypes(*FLOATS, *INTEGERS, D.bool_)
def test_extrema(run, name, reference, dtype, shape, dims):
    x = run.numbers(shape, dtype)
    for keepdim in (False, True):
        want = np.asarray(reference(x if dtype.category < 2 else run.wide(x), axis=dims, keepdims=keepdim))
        run.same(run(name, x, dims, keepdim), want.astype(dtype.numpy))


@pytest.mark.dtypes(*FLOATS)
def test_extrema_with_nan(run, dtype):
    x = np.array([[1, np.nan, 3, np.nan], [3, 1, 3, 1]], np.float32).astype(dtype.numpy)
    for name, second in (("amax", 3.0), ("amin", 1.0)):
        got = run(name, x, (1,), False).astype(float)
        assert np.isnan(got[0])
        assert got[1] == second
    run.same(run("argmax", x, 1, False), np.array([1, 0]))
    run.same(run("argmin", x, 1, True), np.array([[1], [1]]))


@pytest.mark.dtypes(*FLOATS, *INTEGERS)
def test_positions(run, dtype):
    x = run.numbers((3, 4, 5), dtype)
    keys = x.astype(np.float64)
    for dim in range(3):
        run.same(run("argmax", x, dim, False), np.argmax(keys, dim))
        run.same(run("argmin", x, dim, True), np.argmin(keys, dim, keepdims=True))
    run.same(run("argmax", x[0, 0, :1].reshape(()), 0, False), np.array(0))


@pytest.mark.dtypes(*FLOATS, D.int32, D.complex64)
def test_running_sum_and_product(run, dtype):
    x = run.numbers((3, 4, 5), dtype)
    for dim in range(3):
        for name, reference in (("cumsum", np.cumsum), ("cumprod", np.cumprod)):
            want = reference(x if dtype.category < 2 else run.wide(x), dim)
            if dtype.category < 2:
                run.same(run(name, x, dim, dtype), want.astype(dtype.numpy))
            else:
                got = run(name, x, dim, dtype)
                assert got.dtype == dtype.numpy
                scale = np.abs(want) + (np.cumsum(np.abs(run.wide(x)), dim) if name == "cumsum" else 0)
                assert (np.abs(got - want) <= 64 * run.unit(dtype) * scale).all()
    assert run("cumsum", x[:0], 0, dtype).shape == (0, 4, 5)
    run.same(run("cumsum", x[0, 0, :1].reshape(()), 0, dtype), x[0, 0, 0].reshape(()))


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
@pytest.mark.dtypes(*FLOATS, D.int16, D.bool_)
def test_running_extrema(run, name, better, dtype):
    x = run.numbers((11, 3), dtype)
    x[4] = x[2]  # ties: the last wins
    if dtype.category == 2:
        x[6, 0] = x[8, 0] = np.nan
    for dim, rows in ((0, x.T), (1, x)):
        want = [running_by_definition(row.astype(float).tolist(), better) for row in rows]
        values, indices = run(name, x, dim)
        expected = np.array([w[1] for w in want])
        run.same(indices, expected.T if dim == 0 else expected)
        run.same(values, np.take_along_axis(x, indices, dim))
    values, indices = run(name, x[0, :1].reshape(()), 0)
    assert (values.shape, int(indices)) == ((), 0)
