"""The plan cache forgets when what its plans rest on changes, and stays bounded."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

import corelib
from corelib import ops


@pytest.fixture
def default_dtype():
    before = corelib.get_default_dtype()
    yield
    corelib.set_default_dtype(before)


def test_a_new_default_dtype_reaches_cached_signatures(default_dtype):
    x = corelib.tensor([1, 2])
    assert (x / 2).dtype is corelib.float32
    assert x.sqrt().dtype is corelib.float32
    corelib.set_default_dtype(corelib.float64)
    assert (x / 2).dtype is corelib.float64
    assert x.sqrt().dtype is corelib.float64
    assert (x * 1.5).dtype is corelib.float64


def test_many_shapes_do_not_fill_memory():
    plans = ops.PRIMITIVES["neg"].plans
    for n in range(5000):
        -corelib.empty(n, device="meta")
    assert len(plans) <= 4096


def test_an_error_is_not_cached_and_says_the_same_again():
    a, b = corelib.ones(2), corelib.ones(3)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="must match the size of tensor b"):
            a + b


def test_a_float_is_no_dimension_though_it_equals_one():
    x = corelib.ones(2, 3)
    calls = {
        "sum": lambda d: x.sum(d), "mean": lambda d: corelib.mean(x, dim=d), "amax": lambda d: x.amax(d),
        "softmax": lambda d: x.softmax(d), "cumsum": lambda d: x.cumsum(d), "transpose": lambda d: x.transpose(0, d),
        "select": lambda d: x.select(0, d), "squeeze": lambda d: x.squeeze(d), "argmax": lambda d: corelib.argmax(x, d),
    }  # fmt: skip
    for name, call in calls.items():
        call(1)  # a plan is kept
        for mode in (nullcontext(), corelib.inference_mode()):
            with mode, pytest.raises(TypeError, match="must be int, not float"):
                call(1.0)
        assert name
