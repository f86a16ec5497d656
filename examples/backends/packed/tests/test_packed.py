"""The pack where it is installed: its kernel runs, for what it says, and the results are the same."""

from __future__ import annotations

import corelib
import pytest
from corelib.backend import prefer
from corelib.backend.registry import registry


def test_it_is_asked_before_the_backend() -> None:
    assert registry.get("cpu").kernels["matmul"].owner == "packed"


@pytest.mark.parametrize("dtype", [corelib.uint8, corelib.int8, corelib.int16, corelib.int32, corelib.float32])
def test_the_results_are_the_cpus(dtype: corelib.dtype) -> None:
    corelib.manual_seed(0)
    x = corelib.randint(0, 256, (3, 40, 50)).to(dtype)
    y = corelib.randint(0, 256, (3, 50, 30)).to(dtype)
    packed = x @ y
    prefer("cpu", "matmul", "cpu")
    try:
        assert packed.tolist() == (x @ y).tolist()
    finally:
        prefer("cpu", "matmul", "packed")


def test_sums_wrap() -> None:
    x = corelib.full((1, 300), 32767, dtype=corelib.int16)
    total = sum([32767 * 32767] * 300)
    assert (x @ x.mT).item() == (total + 32768) % 65536 - 32768


def test_the_result_of_views_is_dense() -> None:
    x = corelib.arange(24, dtype=corelib.int16).view(3, 2, 2, 2).transpose(0, 1)
    with corelib.debug.checking():
        assert (x @ x).tolist() == (x.int() @ x.int()).tolist()
