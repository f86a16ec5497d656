"""A device whose conversion wants dense operands gets them, where another kernel's operand is converted too."""

from __future__ import annotations

import numpy as np
import pytest

import corelib
from corelib.backend import ArrayModuleBackend, BackendSpec, register_backend, unregister_backend
from corelib.dtypes import dtype


class Dense(ArrayModuleBackend):
    """NumPy, with views; its conversion, as it says, takes dense arrays."""

    mutable = strided = True

    def __init__(self) -> None:
        super().__init__(np)
        self.register("cast", self.cast, layout="contiguous")
        self.register("copy", self.copied, out=True)

    def cast(self, x: np.ndarray, target: dtype) -> np.ndarray:
        assert x.flags.c_contiguous
        return super().cast(x, target)

    def copied(self, x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        if out is None:
            return np.array(x, order="C")
        out[...] = x
        return out

    def as_strided(self, array: np.ndarray, layout: corelib.layout.Layout, offset: int) -> np.ndarray:
        strides = layout.byte_strides
        return np.ndarray(layout.shape, array.dtype, array, offset * array.itemsize, strides)


@pytest.fixture
def x():
    register_backend(BackendSpec("densechip", Dense, description="dense conversions"))
    yield corelib.arange(6, device="densechip").view(2, 3).mT
    unregister_backend("densechip")


def test_a_view_is_made_dense_before_it_is_converted(x: corelib.Tensor) -> None:
    expected = [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]
    assert x.float().tolist() == expected
    assert (x + 0.0).tolist() == expected
    assert corelib.sqrt(x).tolist() == corelib.sqrt(corelib.tensor(expected)).tolist()
    assert (x + corelib.zeros(3, 1, device=x.device)).tolist() == expected
    assert corelib.where(x > 2, x, 0.5).tolist() == [[0.5, 3.0], [0.5, 4.0], [0.5, 5.0]]
