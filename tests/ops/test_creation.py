"""Creation functions: contents, dtypes and errors as PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import corelib

CALLS: dict[str, Callable[[Any], Any]] = {
    "zeros": lambda t: t.zeros(2, 3),
    "zeros tuple": lambda t: t.zeros((2, 0)),
    "zeros scalar": lambda t: t.zeros(()),
    "zeros size": lambda t: t.zeros(t.zeros(2, 3).shape),
    "ones": lambda t: t.ones(3, dtype=t.int32),
    "full": lambda t: t.full((2,), 1.5),
    "full int": lambda t: t.full((2,), 3),
    "full bool": lambda t: t.full((2,), True),
    "full complex": lambda t: t.full((1,), 1j),
    "full truncated": lambda t: t.full((2,), 2.7, dtype=t.int64),
    "full wrapped": lambda t: t.full((1,), -1, dtype=t.uint8),
    "full as bool": lambda t: t.full((1,), 2, dtype=t.bool),
    "full half overflow": lambda t: t.full((1,), 7e4, dtype=t.float16),
    "arange": lambda t: t.arange(5),
    "arange float": lambda t: t.arange(0, 1, 0.1),
    "arange down": lambda t: t.arange(5, 0, -2),
    "arange empty": lambda t: t.arange(0),
    "arange dtype": lambda t: t.arange(0, 5, 2, dtype=t.float64),
    "arange mixed": lambda t: t.arange(1, 2.5, 0.5),
    "arange bool": lambda t: t.arange(True),
    "arange int8": lambda t: t.arange(-3, 4, dtype=t.int8),
    "linspace": lambda t: t.linspace(0, 1, 7),
    "linspace down": lambda t: t.linspace(3, -3, 5),
    "linspace one": lambda t: t.linspace(2, 5, 1),
    "linspace none": lambda t: t.linspace(0, 1, 0),
    "linspace int": lambda t: t.linspace(0, 10, 5, dtype=t.int64),
    "eye": lambda t: t.eye(3),
    "eye wide": lambda t: t.eye(2, 4, dtype=t.int64),
    "eye none": lambda t: t.eye(0),
    "zeros_like": lambda t: t.zeros_like(t.ones(2, 3, dtype=t.int16)),
    "ones_like": lambda t: t.ones_like(t.zeros(2), dtype=t.bool),
    "full_like": lambda t: t.full_like(t.zeros(2), 4),
    "tensor int": lambda t: t.tensor([[1, 2], [3, 4]]),
    "tensor float": lambda t: t.tensor([1, 2.5]),
    "tensor bool": lambda t: t.tensor([True, False]),
    "tensor mixed": lambda t: t.tensor([True, 2]),
    "tensor complex": lambda t: t.tensor([1, 2j]),
    "tensor empty": lambda t: t.tensor([[]]),
    "tensor scalar": lambda t: t.tensor(3),
    "tensor numpy": lambda t: t.tensor(np.arange(3, dtype=np.int16)),
    "tensor numpy scalar": lambda t: t.tensor(np.float32(1.5)),
    "tensor dtype": lambda t: t.tensor([1.7, -1.7], dtype=t.int32),
    "tensor wrapped": lambda t: t.tensor(-1, dtype=t.uint8),
    "tensor of tensors": lambda t: t.tensor([t.tensor(1.0), t.tensor(2.0)]),
    "tensor range": lambda t: t.tensor(range(3)),
    "as_tensor": lambda t: t.as_tensor([1, 2]),
    "new_zeros": lambda t: t.ones(1, dtype=t.float64).new_zeros(2),
    "new_tensor": lambda t: t.ones(1).new_tensor([1, 2]),
    "fill_": lambda t: t.zeros(2, dtype=t.uint8).fill_(2.7),
    "from_numpy": lambda t: t.from_numpy(np.arange(4.0)),
}

ERRORS: dict[str, Callable[[Any], Any]] = {
    "negative": lambda t: t.zeros(-1),
    "negative in a tuple": lambda t: t.ones((2, -3)),
    "float size": lambda t: t.zeros(2.0),
    "step": lambda t: t.arange(0, 5, 0),
    "direction": lambda t: t.arange(5, 0),
    "arange bool": lambda t: t.arange(3, dtype=t.bool),
    "linspace": lambda t: t.linspace(0, 1, -1),
    "eye": lambda t: t.eye(-1),
    "integer gradient": lambda t: t.ones(2, dtype=t.int64, requires_grad=True),
    "from_numpy": lambda t: t.from_numpy([1]),
    "uint8": lambda t: t.full((1,), 300, dtype=t.uint8),
    "infinite integer": lambda t: t.full((1,), float("inf"), dtype=t.int64),
    "float32": lambda t: t.full((1,), 1e300, dtype=t.float32),
    "fill_": lambda t: t.zeros(1, dtype=t.uint8).fill_(300),
    "tensor uint8": lambda t: t.tensor(300, dtype=t.uint8),
    "tensor int8": lambda t: t.tensor([300], dtype=t.int8),
    "nan integer": lambda t: t.tensor(float("nan"), dtype=t.int64),
    "too large": lambda t: t.tensor([1 << 63]),
    "complex": lambda t: t.tensor([1 + 2j], dtype=t.float32),
    "ragged": lambda t: t.tensor([[1, 2], [3]]),
    "not a sequence": lambda t: t.tensor([[1, 2], 3]),
    "string": lambda t: t.tensor("a"),
    "None": lambda t: t.tensor(None),
    "dict": lambda t: t.tensor({}),
    "fill_ vector": lambda t: t.zeros(2).fill_(t.zeros(2)),
}


@pytest.mark.parametrize("name", CALLS)
def test_values(oracle: Any, name: str) -> None:
    oracle.same(CALLS[name](corelib), CALLS[name](oracle.torch))


@pytest.mark.parametrize("name", CALLS)
def test_strict(name: str) -> None:
    expected = CALLS[name](corelib)
    if expected.is_complex() or name == "from_numpy":
        return
    with corelib.device("strict"):
        made = CALLS[name](corelib)
    assert made.device.type == "strict"
    assert made.dtype is expected.dtype
    np.testing.assert_allclose(made.tolist(), expected.tolist(), rtol=1e-6)  # start + i * step may round twice


@pytest.mark.parametrize("name", ERRORS)
def test_errors(oracle: Any, name: str) -> None:
    oracle.same_error(lambda: ERRORS[name](corelib), lambda: ERRORS[name](oracle.torch))


@settings(max_examples=200, deadline=None)
@given(start=st.integers(-20, 20), size=st.integers(0, 30), step=st.integers(1, 5), sign=st.sampled_from([1, -1]))
def test_arange_is_pythons_range(start: int, size: int, step: int, sign: int) -> None:
    end = start + sign * size
    assert corelib.arange(start, end, sign * step).tolist() == list(range(start, end, sign * step))


@settings(max_examples=200, deadline=None)
@given(a=st.lists(st.integers(0, 3), max_size=4), b=st.lists(st.integers(0, 3), max_size=4))
def test_broadcasting_is_numpys(a: list[int], b: list[int]) -> None:
    x, y = np.arange(np.prod(a)).reshape(a).astype(np.float64), np.arange(np.prod(b)).reshape(b).astype(np.float64)
    try:
        expected = x + y
    except ValueError:
        with pytest.raises(RuntimeError, match="must match the size of tensor b"):
            corelib.tensor(x) + corelib.tensor(y)
        return
    got = corelib.tensor(x) + corelib.tensor(y)
    assert tuple(got.shape) == expected.shape
    assert got.tolist() == expected.tolist()


OUT = {
    "zeros": lambda t, out: t.zeros(2, 3, out=out),
    "ones": lambda t, out: t.ones((2, 3), out=out),
    "full": lambda t, out: t.full((2, 3), 7, out=out),
    "arange": lambda t, out: t.arange(6, out=out),
}


@pytest.mark.parametrize("dtype", ["float32", "int64"])
@pytest.mark.parametrize("name", OUT)
def test_out_is_written_and_returned(torch, name, dtype):
    results = []
    for library in (corelib, torch):
        out = library.empty(0, dtype=getattr(library, dtype))
        assert OUT[name](library, out) is out
        results.append((out.tolist(), str(out.dtype), tuple(out.shape)))
    assert results[0] == results[1]


@pytest.mark.parametrize("name", ["rand", "randn"])
def test_random_numbers_are_written_to_out(name):
    out = corelib.empty(4, dtype=corelib.float64)
    corelib.manual_seed(3)
    assert getattr(corelib, name)(4, out=out) is out
    corelib.manual_seed(3)
    assert out.tolist() == getattr(corelib, name)(4, dtype=corelib.float64).tolist()


def test_out_of_another_dtype_is_refused(torch):
    for library in (corelib, torch):
        with pytest.raises(RuntimeError, match=r"dtype Double does not match dtype of out parameter \(Float\)"):
            library.zeros(2, dtype=library.float64, out=library.empty(2))
