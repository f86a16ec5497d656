"""Views, uploads and casts of the CPU backend's arrays, and the quiet context."""

import os
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest
from corelib_cpu import plugin
from corelib_cpu.backend import CpuBackend
from corelib_cpu.context import local, quiet

from corelib import dtypes as D
from corelib.backend.errors import OutOfMemoryError
from corelib.device import Device
from corelib.layout import Layout

BACKEND = CpuBackend()
KERNELS = {name: entry.function for name, entry in BACKEND.kernels.items()}


def layout(shape, dtype=D.float32, strides=None):
    return Layout.of(tuple(shape), dtype, Device("cpu"), strides)


def test_the_plugin_describes_the_backend():
    spec = plugin.corelib_backend()
    assert (spec.name, spec.testing) == ("cpu", False)
    backend = spec.create()
    assert isinstance(backend, CpuBackend)
    assert all(backend.supports(d) for d in D.ALL_DTYPES)
    assert backend.properties(0).total_memory > 2**20


VIEWS = [
    ((3, 4), (1, 3), 2), ((2, 2), (5, 0), 7), ((), (), 23), ((0, 3), (3, 1), 24),
    ((4,), (6,), 1), ((2, 3), (-3, -1), 20),
]  # fmt: skip


@pytest.mark.parametrize("dtype", D.ALL_DTYPES, ids=lambda d: d.name)
@pytest.mark.parametrize("shape,strides,offset", VIEWS, ids=str)
def test_as_strided_aliases(dtype, shape, strides, offset):
    base = BACKEND.upload(np.arange(24).astype(dtype.numpy), layout((24,), dtype))
    view = BACKEND.as_strided(base, layout(shape, dtype, strides), offset)
    positions = np.array(
        [offset + sum(i * s for i, s in zip(index, strides, strict=True)) for index in np.ndindex(shape)], np.int64
    ).reshape(shape)
    assert view.dtype == base.dtype
    np.testing.assert_array_equal(view.astype(np.complex64), base[positions].astype(np.complex64))
    KERNELS["copy"](np.ones(shape, base.dtype), out=view)
    assert (base.astype(np.complex64)[positions] == 1).all()


@pytest.mark.parametrize("dtype", [D.float32, D.bfloat16], ids=lambda d: d.name)
def test_as_strided_of_a_view_counts_from_its_first_element(dtype):
    base = BACKEND.upload(np.arange(24).astype(dtype.numpy), layout((24,), dtype))
    columns = BACKEND.as_strided(base, layout((3, 2), dtype, (8, 2)), 3)
    expanded = BACKEND.as_strided(columns, layout((4, 3, 2), dtype, (0, 8, 2)), 0)
    np.testing.assert_array_equal(expanded.astype(np.float32), np.broadcast_to([[3, 5], [11, 13], [19, 21]], (4, 3, 2)))
    row = BACKEND.as_strided(columns, layout((2,), dtype, (2,)), 8)
    np.testing.assert_array_equal(row.astype(np.float32), [11, 13])


def test_a_view_keeps_its_base_alive():
    view = BACKEND.as_strided(BACKEND.upload(np.arange(6.0), layout((6,), D.float64)), layout((2,), D.float64, (3,)), 1)
    np.testing.assert_array_equal(view, [1, 4])


def test_bitcast_aliases():
    base = BACKEND.upload(np.zeros(4, np.float32), layout((4,)))
    BACKEND.bitcast(base, layout((2, 2), D.int32)).fill(0x3F800000)
    np.testing.assert_array_equal(base, np.ones(4, np.float32))
    assert BACKEND.bitcast(base[:1].reshape(()), layout((4,), D.uint8)).shape == (4,)


def test_out_of_memory_is_reported_and_survived():
    with pytest.raises(OutOfMemoryError):
        BACKEND.allocate(layout((2**45, 2**10), D.uint8))
    assert BACKEND.allocate(layout((3,))).shape == (3,)


def test_no_warning_shows_or_raises_in_any_thread():
    zero, one, failures = np.zeros(3, np.float32), np.ones(3, np.float32), []

    def work():
        try:
            with warnings.catch_warnings(), np.errstate(all="raise"):
                warnings.simplefilter("error")
                assert np.isinf(KERNELS["div"](one, zero)).all()
                assert np.isnan(KERNELS["div"](zero, 0.0)).all()
                assert np.isinf(KERNELS["exp"](one * 1000)).all()
                assert np.isinf(KERNELS["cast"](np.array([1e30]), D.float16)).all()
                assert np.isinf(KERNELS["mul"](one, 1e300)).all()
                assert np.isnan(KERNELS["log"](-one)).all()
                assert KERNELS["cast"](np.array([np.nan]), D.int32).dtype == np.int32
                assert np.isnan(KERNELS["matmul"](np.full((2, 2), np.inf), np.zeros((2, 2)))).all()
                assert KERNELS["trunc_divide"](np.array([-(2**63)]), -1)[0] == -(2**63)
                assert np.isnan(KERNELS["sum"](np.array([np.inf, -np.inf]), (0,), False, D.float64))
                endless, nothing = np.full((2, 2), np.inf), np.zeros((2, 2))
                assert np.isnan(KERNELS["linear"](endless, nothing, np.zeros(2))).all()
                mixed = np.array([[np.inf, 1], [-np.inf, 1]])
                assert all(np.isnan(g).any() for g in KERNELS["linear_grad"](mixed, nothing, nothing, True, True, True))
                assert KERNELS["relu_grad"](one, np.array([0, 1, np.nan], np.float32)).tolist() == [0, 1, 1]
        except BaseException as error:  # whatever it is, it must reach the main thread
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    work()
    assert failures == []


def test_the_users_error_state_stays():
    with np.errstate(divide="raise"):
        KERNELS["div"](np.ones(2), np.zeros(2))
        assert np.geterr()["divide"] == "raise"
        with pytest.raises(FloatingPointError):
            np.ones(2) / np.zeros(2)


def test_quiet_functions_keep_name_and_errors():
    @quiet
    def fails():
        raise KeyError("x")

    assert fails.__name__ == "fails"
    for _ in range(2):  # and the context was left
        with pytest.raises(KeyError):
            fails()


def test_kernels_work_inside_of_a_kernel():
    """A signal handler or a debugger may run anything while a kernel is at work."""

    @quiet
    def interrupted():
        return KERNELS["div"](np.ones(2), np.zeros(2)), KERNELS["sum"](np.ones(2), (0,), False, D.float64)

    quotient, total = interrupted()
    assert np.isinf(quotient).all()
    assert total == 2
    assert local.run(np.geterr)["over"] == "ignore"


@pytest.mark.parametrize("setting,expected", [("0", "False"), ("1", str(sys.platform == "linux"))])
def test_the_allocator_setting_can_be_declined(setting, expected):
    code = "from corelib_cpu.malloc import keep_big_blocks; print(keep_big_blocks())"
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "CORELIB_CPU_MALLOC": setting, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == expected
