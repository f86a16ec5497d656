"""What the dispatcher does for a kernel that takes dense operands only, and which dtypes it asks kernels about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from corelib_cpu.backend import CpuBackend

import corelib
from corelib.backend import BackendSpec, register_backend, unregister_backend


class Probe(CpuBackend):
    """Its ``add`` takes dense operands, its ``where`` only float32 values."""

    broadcasts = False

    def __init__(self) -> None:
        super().__init__()
        self.register("add", self.add_dense, layout="contiguous")
        self.register("where", self.kernels["where"].function, dtypes=[corelib.float32])

    def add_dense(self, a: Any, b: Any) -> Any:
        arrays = [x for x in (a, b) if isinstance(x, np.ndarray)]
        assert all(x.flags.c_contiguous and x.shape == arrays[0].shape for x in arrays)
        return np.asarray(np.add(a, b))


@pytest.fixture
def device() -> Iterator[str]:
    register_backend(BackendSpec("probe", Probe))
    yield "probe"
    unregister_backend("probe")


def test_contiguous_kernels_get_dense_operands_of_the_results_shape(device: str) -> None:
    x = corelib.arange(6.0, device=device).reshape(2, 3)
    row, column = corelib.arange(3, device=device), corelib.ones(2, 1, device=device)
    expected = [[0, 2, 4], [3, 5, 7]]
    assert (x + row.float()).tolist() == expected
    assert (x + row).tolist() == expected, "cast, expanded and copied"
    assert (x.t() + column.t()).tolist() == [[1, 4], [2, 5], [3, 6]]
    assert (x.t() + 1).tolist() == [[1, 4], [2, 5], [3, 6]]
    assert (column + row).tolist() == [[1, 2, 3]] * 2


def test_where_is_chosen_by_the_dtype_of_its_values(device: str) -> None:
    condition = corelib.tensor([True, False], device=device)
    x = corelib.ones(2, device=device)
    assert corelib.where(condition, x, 0.0).tolist() == [1.0, 0.0]
    assert corelib.where(condition, 2.0, x).tolist() == [2.0, 1.0]
    with pytest.raises(NotImplementedError, match=r"'where' with dtype torch\.int64"):
        corelib.where(condition, x.long(), 0)
