"""dtypes of results, through real operations, in every pair; and numbers that leave their range."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

import corelib

DTYPES = (
    "bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64",
    "complex64", "complex128",
)  # fmt: skip
NUMBERS = (True, 2, 2.5, 1 + 2j)
OPERATIONS: dict[str, Callable[..., Any]] = {
    "add": lambda t, a, b: a + b,
    "mul": lambda t, a, b: a * b,
    "div": lambda t, a, b: a / b,
    "eq": lambda t, a, b: a == b,
    "where": lambda t, a, b: t.where(t.tensor([True, False]), a, b),
}


def outcome(function: Callable[[], Any]) -> Any:
    """dtype and values, or the type of the error."""
    try:
        result = function()
    except Exception as error:
        return type(error).__name__
    dtype = str(result.dtype).replace("complex32", "complex64")  # corelib has no complex32
    return dtype, [f"{value:.3g}" for value in np.ravel(result.tolist())]


def same_outcome(ours: Callable[[], Any], theirs: Callable[[], Any]) -> None:
    expected = outcome(theirs)
    if expected != "NotImplementedError":  # PyTorch's complex32 has few kernels
        assert outcome(ours) == expected


@pytest.mark.filterwarnings("ignore:ComplexHalf")
@pytest.mark.parametrize(("a", "b"), list(itertools.product(DTYPES, DTYPES)))
def test_tensors(torch: Any, a: str, b: str) -> None:
    """Of one or more dimensions, or of none, on either side."""
    for operation, (x, y) in itertools.product(
        OPERATIONS.values(), (([1, 2], [1, 4]), ([1, 2], 1), (1, [1, 4]), (1, 1))
    ):

        def run(t: Any, operation: Any = operation, x: Any = x, y: Any = y) -> Any:
            return operation(t, t.tensor(x, dtype=getattr(t, a)), t.tensor(y, dtype=getattr(t, b)))

        same_outcome(partial(run, corelib), partial(run, torch))


@pytest.mark.filterwarnings("ignore:ComplexHalf")
@pytest.mark.parametrize(("a", "number"), list(itertools.product(DTYPES, NUMBERS)))
def test_numbers(torch: Any, a: str, number: Any) -> None:
    for operation, x in itertools.product(OPERATIONS.values(), ([1, 2], 1)):
        for turned in (False, True):

            def run(t: Any, operation: Any = operation, x: Any = x, turned: bool = turned) -> Any:
                tensor = t.tensor(x, dtype=getattr(t, a))
                return operation(t, number, tensor) if turned else operation(t, tensor, number)

            same_outcome(partial(run, corelib), partial(run, torch))


def test_number_of_a_tensors_own_precision() -> None:
    """A number beside a float64 tensor is not rounded to float32 on the way."""
    assert (corelib.zeros(1, dtype=corelib.float64) + 0.1).item() == 0.1
    assert (corelib.zeros(1, dtype=corelib.int64) + ((1 << 53) + 1)).item() == (1 << 53) + 1


@pytest.fixture
def unforgiving() -> Iterator[None]:
    """A user who wants NumPy to raise and warnings to be errors."""
    with np.errstate(all="raise"), warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


QUIET: dict[str, tuple[Callable[[Any], Any], str]] = {
    "1/0": (lambda t: t.tensor([1.0, -1.0, 0.0]) / 0, "[inf, -inf, nan]"),
    "integers 1/0": (lambda t: t.tensor([1, 0]) / 0, "[inf, nan]"),
    "overflow": (lambda t: t.tensor([3e38]) * 10, "[inf]"),
    "half overflow": (lambda t: t.tensor([60000.0], dtype=t.float16) * 2, "[inf]"),
    "bfloat16 overflow": (lambda t: t.tensor([3e38], dtype=t.bfloat16) * 10, "[inf]"),
    "underflow": (lambda t: t.tensor([1e-45]) * 0.1, "[0.0]"),
    "integers wrap": (lambda t: t.tensor([127], dtype=t.int8) + 1, "[-128]"),
    "int64 wraps": (lambda t: t.tensor([(1 << 63) - 1]) + 1, "[-9223372036854775808]"),
    "least negated": (lambda t: -t.tensor([-128], dtype=t.int8), "[-128]"),
    "least divided": (lambda t: t.div(t.tensor([-128], dtype=t.int8), -1, rounding_mode="trunc"), "[-128]"),
    "uint8 wraps": (lambda t: t.tensor([0], dtype=t.uint8) - 1, "[255]"),
    "log": (lambda t: t.log(t.tensor([0.0, -1.0])), "[-inf, nan]"),
    "sqrt": (lambda t: t.sqrt(t.tensor([-1.0])), "[nan]"),
    "exp": (lambda t: t.exp(t.tensor([1000.0, -1000.0])), "[inf, 0.0]"),
    "inf - inf": (lambda t: t.tensor([float("inf")]) - float("inf"), "[nan]"),
    "power": (lambda t: t.tensor([0.0, 1e30]) ** -2, "[inf, 0.0]"),
    "sum": (lambda t: t.tensor([3e38, 3e38]).sum(), "inf"),
    "product": (lambda t: t.tensor([3e38, 3e38]).prod(), "inf"),
    "mean of nothing": (lambda t: t.zeros(0).mean(), "nan"),
    "variance of one": (lambda t: t.zeros(1).var(), "nan"),
    "matmul": (lambda t: t.tensor([[3e38, 3e38]]) @ t.ones(2, 1), "[[inf]]"),
    "softmax": (lambda t: t.softmax(t.tensor([float("inf"), 0.0]), 0), "[nan, nan]"),
    "cast": (lambda t: t.tensor([1e300, -1e-300], dtype=t.float64).float(), "[inf, -0.0]"),
    "cast to half": (lambda t: t.tensor([1e30]).half(), "[inf]"),
    "remainder": (lambda t: t.remainder(t.tensor([1.0]), 0.0), "[nan]"),
    "floor_divide": (lambda t: t.tensor([1.0, 0.0]) // 0.0, "[inf, nan]"),
    "sigmoid": (lambda t: t.sigmoid(t.tensor([-1000.0, 1000.0])), "[0.0, 1.0]"),
    "comparison": (lambda t: t.tensor([float("nan")]) < 1, "[False]"),
}


@pytest.mark.parametrize("device", ["cpu", "strict"])
@pytest.mark.parametrize("name", QUIET)
def test_leaving_the_range_neither_warns_nor_raises(unforgiving: None, name: str, device: str) -> None:
    function, expected = QUIET[name]
    with corelib.device(device):
        assert str(function(corelib).tolist()) == expected


@pytest.mark.filterwarnings("ignore:var")
@pytest.mark.parametrize("name", QUIET)
def test_pytorch_says_the_same(torch: Any, name: str) -> None:
    function, expected = QUIET[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert str(function(torch).tolist()) == expected
