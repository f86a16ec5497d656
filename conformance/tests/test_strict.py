"""The strict backend: handles, storage, random bits, destinations and broken promises."""

from __future__ import annotations

import copy
import gc
import operator
import pickle
from typing import Any

import numpy as np
import pytest
from corelib_conformance.strict import StrictBackend, StrictViolation, no_host_access, plugin
from corelib_conformance.strict.arithmetic import philox

from corelib.backend.errors import BackendError, OutOfMemoryError
from corelib.dtypes import (
    complex64,
    dtype,
    float16,
    float32,
    float64,
    int16,
    int32,
    int64,
    uint8,
)
from corelib.layout import Layout

from .strict_bench import BINARY, FLOATS, REAL, REQUIRED, SHAPES, STRICT, UNARY, Bench, layout, sample

# -- what there is


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


# -- handles


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


# -- storage


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


# -- random bits

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


# -- out


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


# -- broken promises


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
