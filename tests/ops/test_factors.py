"""Packed factors, low ranks and the older norms against PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import corelib
from corelib.dtypes import complex64, float64
from corelib.ops.samples import ArraySpec, Sample, array

pytestmark = pytest.mark.filterwarnings("ignore:.* is deprecated")
A = array
SQUARE, TALL, WIDE, BATCH = A(3, 3), A(5, 3), A(3, 5), A(2, 4, 4, seed=1)
CALLS: dict[str, tuple[Callable[..., Any], tuple[ArraySpec, ...]]] = {
    "lu": (lambda t, x: t.lu(x), (BATCH,)),
    "lu_infos": (lambda t, x: x.lu(get_infos=True), (SQUARE,)),
    "lu_unpack": (lambda t, x: t.lu_unpack(*t.linalg.lu_factor(x)), (BATCH,)),
    "lu_unpack_tall": (lambda t, x: t.lu_unpack(*t.linalg.lu_factor(x)), (TALL,)),
    "lu_unpack_pivots": (lambda t, x: t.lu_unpack(*t.linalg.lu_factor(x), unpack_data=False)[0], (WIDE,)),
    "geqrf": (lambda t, x: t.geqrf(x), (SQUARE,)),
    "geqrf_tall": (lambda t, x: t.geqrf(x), (TALL,)),
    "geqrf_wide": (lambda t, x: t.geqrf(x), (WIDE,)),
    "geqrf_batch": (lambda t, x: x.geqrf(), (BATCH,)),
    "geqrf_complex": (lambda t, x: t.geqrf(x), (A(4, 3, dtype=complex64),)),
    "ormqr": (lambda t, x, y: t.ormqr(*t.geqrf(x.detach()), y), (TALL, A(5, 2))),
    "ormqr_right": (lambda t, x, y: t.ormqr(*t.geqrf(x.detach()), y, left=False), (TALL, A(2, 5))),
    "ormqr_transposed": (lambda t, x, y: t.ormqr(*t.geqrf(x.detach()), y, transpose=True), (SQUARE, A(3, 2))),
    "frobenius_norm": (lambda t, x: t.frobenius_norm(x, (0, 1)), (TALL,)),
    "nuclear_norm": (lambda t, x: t.nuclear_norm(x), (TALL,)),
    "nuclear_norm_dim": (lambda t, x: t.nuclear_norm(x, (0, 1), True), (BATCH,)),
}


@pytest.mark.parametrize("name", CALLS)
def test_value(oracle: Any, name: str) -> None:
    function, specs = CALLS[name]
    ours = function(corelib, *[oracle.ours(s) for s in specs])
    oracle.same(ours, function(oracle.torch, *[oracle.theirs(s) for s in specs]), loose=20)


@pytest.mark.parametrize("name", ["lu_unpack", "lu_unpack_tall", "frobenius_norm", "nuclear_norm", "nuclear_norm_dim"])
def test_gradients(oracle: Any, name: str) -> None:
    function, specs = CALLS[name]
    oracle.same_gradients(
        lambda *x: function(corelib, *x), lambda *x: function(oracle.torch, *x), Sample(specs).widened().args
    )


@pytest.mark.parametrize("shape", [(12, 5), (5, 12)])
def test_low_rank(shape: tuple[int, int]) -> None:
    corelib.manual_seed(0)
    x = corelib.randn(shape[0], 3, dtype=float64) @ corelib.randn(3, shape[1], dtype=float64)
    u, s, v = corelib.svd_lowrank(x, q=4)
    assert corelib.allclose((u * s) @ v.mT, x, rtol=1e-9, atol=1e-9)
    u, s, v = corelib.pca_lowrank(x, q=4)
    assert corelib.allclose((u * s) @ v.mT, x - x.mean(0), rtol=1e-9, atol=1e-9)


def test_matmul_writes_into_out() -> None:
    a, b, out = corelib.ones(2, 3, 4), corelib.ones(2, 4, 5), corelib.zeros(2, 3, 5)
    assert corelib.matmul(a, b, out=out) is out
    assert out.sum().item() == 120.0
