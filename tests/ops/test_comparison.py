"""Equality and closeness, against PyTorch: one table of calls, each run by both modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from corelib.dtypes import bool_, complex128, float64, int64
from corelib.ops.samples import ArraySpec, array

A = array
NAN, INF = float("nan"), float("inf")
X = A(5, values=(1.0, NAN, INF, -INF, 0.0))
Y = A(5, values=(1.0 + 1e-6, NAN, INF, INF, 1e-7))
INT, NEAR = A(3, dtype=int64, values=(100, 5, -7)), A(3, dtype=int64, values=(101, 5, 7))
BITS = A(4, dtype=bool_)

CALLS: dict[str, tuple[Callable[..., Any], tuple[ArraySpec, ...]]] = {
    "isclose": (lambda t, x, y: t.isclose(x, y), (X, Y)),
    "isclose_nan": (lambda t, x, y: x.isclose(y, equal_nan=True), (X, Y)),
    "isclose_exact": (lambda t, x, y: t.isclose(x, y, 0, 0), (X, Y)),
    "isclose_loose": (lambda t, x, y: t.isclose(x, y, rtol=0.0, atol=1e-3), (X, Y)),
    "isclose_int": (lambda t, x, y: t.isclose(x, y, rtol=0.02), (INT, NEAR)),
    "isclose_bool": (lambda t, x: t.isclose(x, ~x), (BITS,)),
    "isclose_complex": (lambda t, x: t.isclose(x, x + 1e-9), (A(3, dtype=complex128),)),
    "isclose_broadcast": (lambda t, x, y: t.isclose(x, y), (A(3, 4), A(4))),
    "allclose": (lambda t, x, y: t.allclose(x, y), (X, Y)),
    "allclose_same": (lambda t, x: x.allclose(x), (A(3, 4),)),
    "allclose_empty": (lambda t, x: t.allclose(x, x), (A(0),)),
    "equal": (lambda t, x: t.equal(x, x), (A(3, 4),)),
    "equal_nan": (lambda t, x: x.equal(x.clone()), (X,)),
    "equal_shapes": (lambda t, x, y: t.equal(x, y), (A(4), A(1, 4))),
    "is_nonzero": (lambda t, x: [t.is_nonzero(x), (x * 0).is_nonzero()], (A(1, values=(2.0,)),)),
}
ERRORS: dict[str, tuple[Callable[..., Any], tuple[ArraySpec, ...]]] = {
    "isclose_types": (lambda t, x, y: t.isclose(x, y), (A(3), A(3, dtype=float64))),
    "isclose_rtol": (lambda t, x: t.isclose(x, x, rtol=-1), (X,)),
    "isclose_atol": (lambda t, x: t.isclose(x, x, atol=-1), (X,)),
    "is_nonzero": (lambda t, x: t.is_nonzero(x), (X,)),
    "is_nonzero_empty": (lambda t, x: t.is_nonzero(x), (A(0),)),
}


@pytest.mark.parametrize("device", ["cpu", "strict"])
@pytest.mark.parametrize("name", CALLS)
def test_value(oracle: Any, name: str, device: str) -> None:
    if device == "strict" and name == "isclose_complex":
        with pytest.raises(TypeError, match="does not support"):  # it has no complex numbers, and says so
            oracle.check_values(*CALLS[name], device)
        return
    oracle.check_values(*CALLS[name], device)


@pytest.mark.parametrize("name", ERRORS)
def test_errors(oracle: Any, name: str) -> None:
    oracle.check_error(*ERRORS[name])
