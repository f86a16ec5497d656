"""Every CPU kernel gives, for any view, what it gives for a dense copy: bitwise, dense, as an array.

And with ``out=`` a strided window, it writes there and nowhere else.
"""

import numpy as np
import pytest
from corelib_cpu.backend import CpuBackend

import corelib
from corelib import dtypes as D
from corelib.device import Device
from corelib.layout import Layout

KERNELS = CpuBackend().kernels


def each(names, out=False):
    """Parametrize over the dtypes that each kernel declares."""
    pairs = [(n, d) for n in names for d in DTYPES if d in KERNELS[n].dtypes and (KERNELS[n].out or not out)]
    return pytest.mark.parametrize("name,dtype", pairs, ids=[f"{n}-{d.name}" for n, d in pairs])


def views(x):
    """Views of one 3-d array: transposed, offset, stepped, reversed, broadcast, 0-d, empty."""
    yield "dense", x
    yield "transposed", x.transpose(2, 0, 1)
    yield "reversed axes", x.T
    yield "offset", x[1:, 1:, 1:]
    yield "stepped", x[::2, :, ::2]
    yield "negative", x[::-1, :, ::-1]
    yield "broadcast", np.broadcast_to(x[:, :1, :], x.shape)
    yield "all broadcast", np.broadcast_to(x[0, 0, :1].reshape(()), (3, 2, 4))
    yield "0-d", x[1:2, 1, 1].reshape(())
    yield "empty", x[:, :0]


def values(dtype, seed):
    generator = np.random.default_rng(seed)
    if dtype.category == 1:
        return generator.integers(1, 9, (3, 4, 6)).astype(dtype.numpy)
    if dtype.category == 0:
        return generator.integers(0, 2, (3, 4, 6)).astype(bool)
    x = generator.uniform(0.1, 0.9, (3, 4, 6))
    if dtype.is_complex:
        x = x + 1j * generator.uniform(0.1, 0.9, x.shape)
    return x.astype(dtype.numpy)


def check(got, want, what):
    assert type(got) is np.ndarray, what
    assert got.flags.c_contiguous, what
    assert got.dtype == want.dtype, what
    assert got.shape == want.shape, what
    assert got.tobytes() == np.ascontiguousarray(want).tobytes(), what


UNARY = "neg abs floor round sqrt exp expm1 log log1p sin cos tanh erf bitwise_not copy".split()  # noqa: SIM905
BINARY = (  # noqa: SIM905
    "add sub mul div trunc_divide fmod pow atan2 maximum minimum eq lt le "
    "bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift"
).split()
ALONG = "sum prod amax amin argmax argmin cumsum cumprod cummax cummin sort".split()  # noqa: SIM905
LIKE = {"prod": "sum", "amin": "amax", "argmin": "argmax", "cumprod": "cumsum", "cummin": "cummax"}
DTYPES = [D.float32, D.float64, D.float16, D.bfloat16, D.int32, D.bool_, D.complex64]


@each(UNARY)
def test_unary(name, dtype):
    entry = KERNELS[name]
    for what, x in views(values(dtype, 0)):
        want = entry.function(x.copy())
        check(entry.function(x), want, what)
        check_out(entry, (x,), want, what)


@each(BINARY)
def test_binary(name, dtype):
    entry = KERNELS[name]
    number = [True, 2, 0.3, 0.3 + 1j][dtype.category]
    for (what, a), (_, b) in zip(views(values(dtype, 1)), views(values(dtype, 2)), strict=True):
        for operands in ((a, b), (a, b.copy()), (a.copy(), b), (a, number), (number, b)):
            dense = tuple(x.copy() if isinstance(x, np.ndarray) else x for x in operands)
            want = entry.function(*dense)
            check(entry.function(*operands), want, what)
            check_out(entry, operands, want, what)


def check_out(entry, operands, want, what):
    """``out=`` a window into a poisoned buffer: written, returned, and its surroundings left alone."""
    if not entry.out:
        return
    poison = np.full([2 * size + 3 for size in want.shape] or [3], 77).astype(want.dtype)
    window = poison[tuple(slice(1, 1 + 2 * size, 2) for size in want.shape)] if want.ndim else poison[1:2].reshape(())
    assert entry.function(*operands, out=window) is window, what
    if want.dtype.kind == "c":  # NumPy may contract a complex product of single elements in another order
        np.testing.assert_allclose(window, want, rtol=1e-6)
    else:
        assert window.tobytes() == want.tobytes(), what
    window[...] = 77
    assert (poison == np.asarray(77).astype(want.dtype)).all(), what


@each([n for n in BINARY if n not in ("eq", "lt", "le")], out=True)
def test_in_place(name, dtype):
    entry = KERNELS[name]
    a, b = values(dtype, 1).transpose(1, 2, 0), values(dtype, 2).transpose(1, 2, 0)
    want = entry.function(a, b)
    for target in (0, 1):
        operands = [a.copy(), b.copy()]
        entry.function(*operands, out=operands[target])
        assert operands[target].tobytes() == want.tobytes()


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.name)
def test_where_and_cast(dtype):
    condition = values(D.bool_, 3)
    for (what, a), (_, b), (_, c) in zip(
        views(values(dtype, 1)), views(values(dtype, 2)), views(condition), strict=True
    ):
        want = KERNELS["where"].function(c.copy(), a.copy(), b.copy())
        check(KERNELS["where"].function(c, a, b), want, what)
        check_out(KERNELS["where"], (c, a, b), want, what)
        for target in DTYPES:
            want = KERNELS["cast"].function(a.copy(), target)
            check(KERNELS["cast"].function(a, target), want, what)
            check_out(KERNELS["cast"], (a, target), want, what)


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.name)
@pytest.mark.parametrize(
    "name", ["sum", "prod", "amax", "amin", "argmax", "argmin", "cumsum", "cumprod", "cummax", "cummin", "sort"]
)
def test_along_dimensions(name, dtype):
    entry = KERNELS[name]
    for what, x in views(values(dtype, 4)):
        if x.size == 0 and name in ("amax", "amin", "argmax", "argmin", "cummax", "cummin"):
            continue
        for dim in range(max(x.ndim, 1)):
            for parameters in {
                "sum": [((dim,) if x.ndim else (), keepdim, dtype) for keepdim in (False, True)],
                "amax": [((dim,) if x.ndim else (), keepdim) for keepdim in (False, True)],
                "argmax": [(dim, keepdim) for keepdim in (False, True)],
                "cumsum": [(dim, dtype)],
                "cummax": [(dim,)],
                "sort": [(dim, False), (dim, True)],
            }[LIKE.get(name, name)]:
                got, want = entry.function(x, *parameters), entry.function(x.copy(), *parameters)
                if isinstance(got, tuple):
                    for g, w in zip(got, want, strict=True):
                        check(g, w, what)
                elif name in ("sum", "prod") and dtype.category >= 2:  # the order of additions may differ
                    assert (got.dtype, got.shape) == (want.dtype, want.shape)
                    near = {"rtol": 1e-2 if dtype.itemsize == 2 else 1e-5}
                    np.testing.assert_allclose(got.astype(np.complex128), want.astype(np.complex128), **near)
                    assert got.flags.c_contiguous
                else:
                    check(got, want, what)


@pytest.mark.parametrize("d", [corelib.int8, corelib.uint8, corelib.int32])
def test_sum_in_a_narrow_integer_dtype_stays_in_it(d):
    total = corelib.sum(corelib.tensor([[100, 100, 100]], dtype=d), 1, dtype=d)
    assert total.numpy().dtype == d.numpy
    assert total.tolist() == [np.array(300).astype(d.numpy)]


def test_what_is_gathered_of_a_single_number_can_be_written_to():
    x = corelib.gather(corelib.tensor(3.0), 0, corelib.tensor(0))
    assert x.add_(1).item() == 4.0


def test_sum_over_an_outer_dimension_does_not_drift():
    x = np.full((2_000_001, 2), 0.1, np.float32)
    got = KERNELS["sum"].function(x, (0,), False, D.float32)
    np.testing.assert_allclose(got, [200_000.1, 200_000.1], rtol=1e-6)
    kept = KERNELS["sum"].function(x[:5000], (0,), True, D.float32)
    assert kept.shape == (1, 2)
    np.testing.assert_allclose(kept, 500.0, rtol=1e-6)


@pytest.mark.parametrize("dim", [0, 1, 2])
def test_gather_scatter_matmul_on_views(dim):
    for what, x in views(values(D.float32, 5)):
        if x.ndim == 0 or x.size == 0:
            continue
        index = np.random.default_rng(0).integers(0, x.shape[dim], x.shape[::-1]).T
        vector = np.broadcast_to(
            np.arange(x.shape[dim]).reshape([-1 if d == dim else 1 for d in range(3)]), x.shape
        )  # an index_select
        for i in (index, vector):
            check(KERNELS["gather"].function(x, i, dim), KERNELS["gather"].function(x.copy(), i.copy(), dim), what)
        for name in ("scatter", "scatter_add"):
            f = KERNELS[name].function
            check(f(x, index, x, dim), f(x.copy(), index.copy(), x.copy(), dim), what)
        y = x.swapaxes(1, 2)
        product = KERNELS["matmul"].function(x, y)
        assert product.flags.c_contiguous
        np.testing.assert_allclose(product, np.matmul(x.astype(np.float64), y.astype(np.float64)), rtol=1e-5)


def test_fill_writes_into_out():
    poison = np.zeros((4, 6), np.float32)
    layout = Layout.of((2, 3), D.float32, Device("cpu"))
    KERNELS["fill"].function(2.5, layout, out=poison[1:3, ::2])
    assert poison.sum() == 15
    assert (poison[1:3, ::2] == 2.5).all()
