"""Medians, quantiles, searches and histograms against PyTorch: one table of calls, each run by both modules."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from corelib.dtypes import bool_, int64
from corelib.ops.samples import array

A = partial(array, unique=True)
I64 = partial(array, dtype=int64, low=0, high=4)
X, Z = A(3, 5), A(2, 3, 4, layout="transposed")
NAN = array(2, 4, values=(1.0, float("nan"), -2.0, 4.0, float("nan"), float("nan"), 0.5, 0.25))
ALL_NAN = array(3, values=(float("nan"),) * 3)
EDGES = array(4, values=(-1.0, 0.0, 0.0, 2.0))
VALUES = array(2, 3, values=(-2.0, -1.0, 0.0, 1.0, 2.0, 3.0))

CALLS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "aminmax": (lambda t, x: tuple(t.aminmax(x)), (X,)),
    "aminmax_dim": (lambda t, x: tuple(x.aminmax(dim=1, keepdim=True)), (Z,)),
    "aminmax_names": (lambda t, x: (t.aminmax(x).max, t.aminmax(x).min), (I64(4),)),
    "msort": (lambda t, x: t.msort(x), (X,)),
    "kthvalue": (lambda t, x: tuple(t.kthvalue(x, 2)), (X,)),
    "kthvalue_dim": (lambda t, x: tuple(x.kthvalue(1, 0, keepdim=True)), (Z,)),
    "kthvalue_0d": (lambda t, x: tuple(t.kthvalue(x, 1)), (A(),)),
    "median": (lambda t, x: t.median(x), (X,)),
    "median_dim": (lambda t, x: tuple(t.median(x, 1)), (X,)),
    "median_even": (lambda t, x: tuple(x.median(2, True)), (Z,)),
    "median_nan": (lambda t, x: t.median(x, 1)[0], (NAN,)),
    "median_nan_all": (lambda t, x: t.median(x), (NAN,)),
    "median_int": (lambda t, x: t.median(x), (I64(5),)),
    "median_empty": (lambda t, x: t.median(x), (array(0),)),
    "median_0d": (lambda t, x: tuple(t.median(x, 0)), (A(),)),
    "nanmedian": (lambda t, x: t.nanmedian(x), (NAN,)),
    "nanmedian_dim": (lambda t, x: tuple(t.nanmedian(x, 1)), (NAN,)),
    "nanmedian_none": (lambda t, x: t.nanmedian(x), (ALL_NAN,)),
    "mode": (lambda t, x: t.mode(x)[0], (I64(3, 7),)),
    "mode_dim": (lambda t, x: x.mode(0, True)[0], (I64(7, 3, seed=5),)),
    "mode_index": (lambda t, x: t.gather(x, 1, t.mode(x, 1, True)[1]), (I64(3, 9),)),
    "quantile": (lambda t, x: t.quantile(x, 0.3), (X,)),
    "quantile_dim": (lambda t, x: t.quantile(x, 0.75, 1), (X,)),
    "quantile_keep": (lambda t, x: x.quantile(0.1, 0, keepdim=True), (Z,)),
    "quantile_many": (lambda t, x: t.quantile(x, t.tensor([0.0, 0.2, 0.6, 1.0]), 1), (X,)),
    "quantile_many_keep": (lambda t, x: t.quantile(x, t.tensor([0.2, 0.6]), keepdim=True), (X,)),
    "quantile_nan": (lambda t, x: t.quantile(x, 0.5, 1), (NAN,)),
    "nanquantile": (lambda t, x: t.nanquantile(x, 0.5, 1), (NAN,)),
    "nanquantile_none": (lambda t, x: t.nanquantile(x, 0.5), (ALL_NAN,)),
    **{
        f"quantile_{kind}": (
            lambda t, x, kind=kind: t.quantile(x, t.tensor([0.0, 0.3, 0.5, 0.9]), 1, interpolation=kind),
            (X,),
        )
        for kind in ("lower", "higher", "midpoint", "nearest", "linear")
    },
    "searchsorted": (lambda t, e, v: t.searchsorted(e, v), (EDGES, VALUES)),
    "searchsorted_right": (lambda t, e, v: t.searchsorted(e, v, right=True), (EDGES, VALUES)),
    "searchsorted_side": (lambda t, e, v: t.searchsorted(e, v, side="right", out_int32=True), (EDGES, VALUES)),
    "searchsorted_rows": (lambda t, e, v: t.searchsorted(e.sort(1)[0], v), (X, array(3, 2))),
    "searchsorted_sorter": (lambda t, e, v: t.searchsorted(e, v, sorter=e.argsort()), (A(6), array(4))),
    "searchsorted_number": (lambda t, e: t.searchsorted(e, 0.0), (EDGES,)),
    "searchsorted_empty": (lambda t, e, v: t.searchsorted(e, v), (array(0), VALUES)),
    "searchsorted_nan": (lambda t, e, v: t.searchsorted(e, v), (EDGES, ALL_NAN)),
    "bucketize": (lambda t, v, e: t.bucketize(v, e), (VALUES, EDGES)),
    "bucketize_right": (lambda t, v, e: t.bucketize(v, e, right=True), (VALUES, EDGES)),
    "unique_consecutive": (lambda t, x: t.unique_consecutive(x, True, True), (I64(12, high=1),)),
    "unique_consecutive_2d": (lambda t, x: x.unique_consecutive(return_inverse=True), (I64(3, 4, high=1),)),
    "unique_consecutive_dim": (lambda t, x: t.unique_consecutive(x, True, True, dim=0), (I64(12, 1, high=1),)),
    "unique_consecutive_empty": (lambda t, x: t.unique_consecutive(x), (I64(0),)),
    "histc": (lambda t, x: t.histc(x, 4), (X,)),
    "histc_range": (lambda t, x: x.histc(5, -1, 2), (X,)),
    "histc_same": (lambda t, x: t.histc(x * 0, 3), (X,)),
    "histogram": (lambda t, x: tuple(t.histogram(x, 4)), (X,)),
    "histogram_range": (lambda t, x: tuple(t.histogram(x, 5, range=(-1.0, 2.0), density=True)), (X,)),
    "histogram_edges": (
        lambda t, x, w: t.histogram(x, t.tensor([-3.0, 0.0, 1.0]), weight=w).hist,
        (X, A(3, 5, seed=2)),
    ),
}
NO_GRADIENT = (
    "quantile_",
    "searchsorted",
    "bucketize",
    "unique",
    "hist",
    "median_nan",
    "nanquantile_none",
    "nanmedian_none",
)

ERRORS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "kthvalue": (lambda t, x: t.kthvalue(x, 6), (X,)),
    "median": (lambda t, x: t.median(x, 1), (array(3, 0),)),
    "quantile_type": (lambda t, x: t.quantile(x, 0.5), (I64(3),)),
    "quantile_range": (lambda t, x: t.quantile(x, 1.5), (X,)),
    "quantile_empty": (lambda t, x: t.quantile(x, 0.5), (array(0),)),
    "searchsorted_shape": (lambda t, x, v: t.searchsorted(x, v), (X, array(2, 2))),
    "searchsorted_side": (lambda t, x, v: t.searchsorted(x, v, side="middle"), (EDGES, VALUES)),
    "bucketize": (lambda t, x, v: t.bucketize(v, x), (X, VALUES)),
    "histc": (lambda t, x: t.histc(x, 0), (X,)),
    "histc_range": (lambda t, x: t.histc(x, 2, 3, 1), (X,)),
    "mode_bool": (lambda t, x: t.mode(x, 4), (array(3, 2, dtype=bool_),)),
}


@pytest.mark.parametrize("device", ["cpu", "strict"])
@pytest.mark.parametrize("name", CALLS)
def test_value(oracle: Any, name: str, device: str) -> None:
    function, specs = CALLS[name]
    oracle.check_values(function, specs, device)


@pytest.mark.parametrize("name", [n for n in CALLS if not n.startswith(NO_GRADIENT)])
def test_gradients(oracle: Any, name: str) -> None:
    function, specs = CALLS[name]
    if (
        any(s.dtype.is_floating_point and s.shape != (0,) for s in specs)
        and "many" not in name
        and "quantile_" not in name
    ):
        oracle.check_gradients(function, specs)


@pytest.mark.parametrize("name", ERRORS)
def test_errors(oracle: Any, name: str) -> None:
    function, specs = ERRORS[name]
    oracle.check_error(function, specs)
