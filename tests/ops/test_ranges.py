"""Ranges, windows and buffers against PyTorch; the random fills by their moments."""

from __future__ import annotations

import array as host_array
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import corelib

MADE: dict[str, Callable[[Any], Any]] = {
    "logspace": lambda t: t.logspace(-2, 2, 5),
    "logspace_base": lambda t: t.logspace(0, 3, 4, base=2, dtype=t.int64),
    "logspace_one": lambda t: t.logspace(1, 3, 1),
    "hann": lambda t: t.hann_window(7),
    "hann_symmetric": lambda t: t.hann_window(7, periodic=False, dtype=t.float64),
    "hann_short": lambda t: t.hann_window(1),
    "hann_none": lambda t: t.hann_window(0),
    "hamming": lambda t: t.hamming_window(8, True, alpha=0.5, beta=0.5),
    "blackman": lambda t: t.blackman_window(6, False),
    "bartlett": lambda t: t.bartlett_window(6),
    "kaiser": lambda t: t.kaiser_window(6, True, beta=5.0),
    "kaiser_symmetric": lambda t: t.kaiser_window(7, False),
    "frombuffer": lambda t: t.frombuffer(bytearray(range(16)), dtype=t.int32, offset=4, count=2),
    "frombuffer_array": lambda t: t.frombuffer(host_array.array("d", [1.0, 2.0]), dtype=t.float64),
    "asarray": lambda t: t.asarray([1, 2, 3]),
    "asarray_dtype": lambda t: t.asarray(np.arange(3), dtype=t.float32, copy=True),
    "empty_permuted": lambda t: t.empty_permuted((2, 3, 4), (1, 2, 0)).fill_(1),
    "new_empty_strided": lambda t: t.ones(1).new_empty_strided((2, 2), (1, 2)).fill_(3),
}


@pytest.mark.parametrize("name", MADE)
def test_values(oracle: Any, name: str) -> None:
    ours, theirs = MADE[name](corelib), MADE[name](oracle.torch)
    oracle.same(ours, theirs, loose=8)
    assert tuple(ours.stride()) == tuple(theirs.stride())


@pytest.mark.filterwarnings("ignore:torch.range is deprecated")
def test_range_includes_its_end(oracle: Any) -> None:
    for t_range in ((1, 4), (1, 2, 0.25), (3, 1, -1)):
        oracle.same(corelib.range(*t_range), oracle.torch.range(*t_range))


@pytest.mark.parametrize("make", [
    lambda t: t.frombuffer(b"", dtype=t.int32),
    lambda t: t.frombuffer(bytearray(5), dtype=t.int32),
    lambda t: t.frombuffer(bytearray(8), dtype=t.int32, offset=8),
    lambda t: t.frombuffer(bytearray(8), dtype=t.int32, count=3),
    lambda t: t.logspace(0, 1, -1),
    lambda t: t.ones(2).log_normal_(0, -1),
    lambda t: t.ones(2).geometric_(1.5),
])  # fmt: skip
def test_errors(oracle: Any, make: Callable[[Any], Any]) -> None:
    oracle.same_error(lambda: make(corelib), lambda: make(oracle.torch))


def test_a_buffer_is_shared() -> None:
    memory = bytearray(8)
    x = corelib.frombuffer(memory, dtype=corelib.int32)
    x.fill_(1)
    assert memory == b"\1\0\0\0\1\0\0\0"
    host = np.zeros(3, np.float32)
    corelib.asarray(host).fill_(2)
    assert host.tolist() == [2, 2, 2]
    corelib.asarray(host, copy=True).fill_(3)
    assert host.tolist() == [2, 2, 2]
    with pytest.raises(ValueError, match="can't alias"):
        corelib.asarray([1, 2], copy=False)


def test_random_fills() -> None:
    corelib.manual_seed(0)
    x = corelib.empty(40000)
    assert abs(float(x.geometric_(0.25).mean()) - 4) < 0.15
    assert float(x.min()) == 1
    assert abs(float(x.log_normal_(0.5, 0.25).log().mean()) - 0.5) < 0.01
    assert abs(float(x.cauchy_(2, 0.5).sort()[0][20000]) - 2) < 0.02
    y = corelib.randint_like(corelib.empty(1000), 3, 5)
    assert (y.dtype, float(y.min()), float(y.max())) == (corelib.float32, 3, 4)
