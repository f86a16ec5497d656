"""gather, scatter, products, sorting and random bits."""

import math

import numpy as np
import pytest

from corelib import dtypes as D
from corelib.backend.errors import IndexOutOfBounds

FLOATS = [D.float16, D.bfloat16, D.float32, D.float64]
INTEGERS = [D.uint8, D.int8, D.int16, D.int32, D.int64]
COMPLEX = [D.complex64, D.complex128]
SHAPES = [(), (0,), (1,), (7,), (3, 4), (2, 0, 3), (2, 3, 4)]


@pytest.mark.dtypes(*FLOATS, D.int8, D.bool_, D.complex64)
@pytest.mark.parametrize("dim", [0, 1, 2])
def test_gather(run, dtype, dim):
    x = run.numbers((3, 4, 5), dtype)
    for shape in ((3, 4, 5), (2, 3, 4), (3, 0, 5)):
        shape = tuple(9 if d == dim else size for d, size in enumerate(shape))
        index = np.random.default_rng(0).integers(0, x.shape[dim], shape)
        window = x[tuple(slice(None) if d == dim else slice(0, s) for d, s in enumerate(shape))]
        run.same(run("gather", x, index, dim), np.take_along_axis(window, index, dim))


def test_gather_of_zero_dimensions(run):
    scalar = np.array(5.0)
    run.same(run("gather", scalar, np.array(0), 0), scalar)
    run.same(run("gather", np.array([1.0, 2.0]), np.array(1), 0), np.array(2.0))


@pytest.mark.parametrize("name", ["gather", "scatter", "scatter_add"])
@pytest.mark.parametrize("bad", [4, -1])
def test_bad_index(run, name, bad):
    x, index = np.zeros((3, 4)), np.array([[0, bad]])
    with pytest.raises(IndexOutOfBounds, match=f"index {bad} is out of bounds for dimension 1 with size 4"):
        run(name, x, index, *(() if name == "gather" else (np.zeros((1, 2)),)), 1)


@pytest.mark.dtypes(*FLOATS, D.int8, D.complex64)
@pytest.mark.parametrize("dim", [0, 1, 2])
@pytest.mark.parametrize("kind", ["array", "number"])
def test_scatter(run, dtype, dim, kind):
    x, src = run.numbers((3, 4, 5), dtype, 1), run.numbers((4, 6, 7), dtype, 2)
    shape = tuple(4 if d == dim else 3 for d in range(3))
    index = np.random.default_rng(0).integers(0, x.shape[dim], shape)
    number = [True, 3, 0.1, 0.1j][dtype.category]
    written, added = x.copy(), run.wide(x)
    for position in np.ndindex(shape):
        target = (*position[:dim], int(index[position]), *position[dim + 1 :])
        written[target] = src[position] if kind == "array" else np.float32(0.1) if dtype.is_half else number
        added[target] += run.wide(src)[position] if kind == "array" else number
    given = src if kind == "array" else number
    run.same(run("scatter", x, index, given, dim), written)
    got = run("scatter_add", x, index, given, dim)
    if dtype.category == 1:
        run.same(got, added.astype(dtype.numpy))
    else:
        assert got.dtype == dtype.numpy
        np.testing.assert_allclose(run.wide(got), added, atol=32 * run.unit(dtype), rtol=2 * run.unit(dtype))
    run.same(run("scatter", x, index[:0], given, dim), x)
    run.same(run("scatter_add", x, index[:0], given, dim), x)


def test_scatter_of_zero_dimensions(run):
    run.same(run("scatter", np.array(1.0), np.array(0), np.array(5.0), 0), np.array(5.0))
    run.same(run("scatter_add", np.array(1.0), np.array(0), 2.0, 0), np.array(3.0))


@pytest.mark.dtypes(D.float16, D.bfloat16)
def test_half_scatter_add_accumulates_in_float32(run, dtype):
    got = run("scatter_add", np.zeros(1, dtype.numpy), np.zeros(4096, np.int64), np.ones(4096, dtype.numpy), 0)
    assert float(got[0]) == 4096


@pytest.mark.dtypes(*FLOATS, *INTEGERS, *COMPLEX)
def test_matmul(run, dtype):
    for shape_a, shape_b in [
        ((3, 4), (4, 5)),
        ((2, 3, 4), (2, 4, 1)),
        ((1, 0), (0, 2)),
        ((0, 3), (3, 2)),
        ((2, 2, 3, 4), (2, 2, 4, 3)),
        ((0, 2, 3), (0, 3, 2)),
    ]:
        a, b = run.numbers(shape_a, dtype, 1), run.numbers(shape_b, dtype, 2)
        got = run("matmul", a, b)
        if dtype.category == 1:
            run.same(got, a @ b)
        else:
            want = run.wide(a) @ run.wide(b)
            assert got.dtype == dtype.numpy
            assert got.shape == want.shape
            bound = 16 * run.unit(dtype) * (np.abs(run.wide(a)) @ np.abs(run.wide(b)))
            assert (np.abs(got - want) <= bound).all()


@pytest.mark.dtypes(D.float16, D.bfloat16)
def test_half_products_accumulate_in_float32(run, dtype):
    got = run("matmul", np.ones((1, 4096), dtype.numpy), np.ones((4096, 1), dtype.numpy))
    assert float(got[0, 0]) == 4096


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.dtypes(*FLOATS, *INTEGERS, D.bool_)
def test_sort(run, dtype, descending):
    x = run.numbers((5, 40), dtype)
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
        run.same(got_indices, indices)
        run.same(got_values, np.take_along_axis(x, indices, dim))
    assert run("sort", x[:, :0], 1, descending)[0].shape == (5, 0)
    values, indices = run("sort", x[0, :1].reshape(()), 0, descending)
    assert (values.shape, indices.shape) == ((), ())


def test_sort_is_stable_on_many_keys(run):
    x = np.random.default_rng(0).integers(0, 3, 5000).astype(np.float32)
    for descending, keys in ((False, x), (True, -x)):
        run.same(run("sort", x, 0, descending)[1], np.argsort(keys, kind="stable"))


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
    run.same(run("random_bits", seed, offset, run.layout(shape, D.int64)), np.array(words[:21]).reshape(shape))


def test_random_bits_do_not_depend_on_the_length_of_the_draw(run):
    long = run("random_bits", 5, 0, run.layout((40_000,), D.int64))
    run.same(run("random_bits", 5, 6000, run.layout((10,), D.int64)), long[24_000:24_010])
    assert run("random_bits", 5, 0, run.layout((0,), D.int64)).shape == (0,)
    assert run("random_bits", 5, 0, run.layout((), D.int64)).shape == ()
