"""The kernels over an array module move elements bit by bit, and debug mode knows that their views are gathers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import corelib
from corelib.backend import ArrayModuleBackend, BackendSpec, register_backend, unregister_backend

NANS = [0x7FC1, 0xFFA0, 0x7F81, 0x3F80]  # nans with payloads, and 1


@pytest.fixture
def device() -> Iterator[str]:
    dtypes = {corelib.bfloat16: corelib.bfloat16.numpy}
    register_backend(BackendSpec("plain", lambda: ArrayModuleBackend(np, dtypes), description="NumPy as any library"))
    yield "plain"
    unregister_backend("plain")


def bits(x: corelib.Tensor) -> list[int]:
    return [value & 0xFFFF for value in x.view(corelib.int16).tolist()]


@pytest.fixture
def nans(device: str) -> corelib.Tensor:
    return corelib.tensor(np.array(NANS, np.uint16).view(np.int16), device=device).view(corelib.bfloat16)


def test_where_keeps_the_bits_of_nans(nans: corelib.Tensor) -> None:
    condition = corelib.tensor([True, True, True, False], device=nans.device)
    assert bits(corelib.where(condition, nans, corelib.zeros_like(nans))) == [*NANS[:3], 0]
    assert bits(corelib.where(condition, nans, 2.0)) == [*NANS[:3], 0x4000]


def test_scatter_keeps_the_bits_of_nans(nans: corelib.Tensor) -> None:
    index = corelib.tensor([3, 2, 1, 0], device=nans.device)
    assert bits(corelib.zeros_like(nans).scatter(0, index, nans)) == NANS[::-1]
    assert bits(nans.scatter(0, index[:1], 2.0)) == [*NANS[:3], 0x4000]


def test_scatter_add_still_rounds_once(device: str) -> None:
    ones = corelib.ones(300, device=device, dtype=corelib.bfloat16)
    total = corelib.zeros(1, device=device, dtype=corelib.bfloat16)
    assert total.scatter_add(0, corelib.zeros(300, device=device, dtype=corelib.int64), ones).item() == 300


def test_debug_mode_takes_a_gathered_view(device: str) -> None:
    with corelib.debug.checking():
        x = corelib.arange(6.0, device=device).view(2, 3)
        assert (x.mT + 1).tolist() == [[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]
