"""Order statistics, runs, sorted sequences and histograms, against PyTorch: one table of calls."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from corelib.dtypes import bool_, float64, int32, int64
from corelib.ops.samples import ArraySpec, array

A = array
I64 = partial(array, dtype=int64)
V, X, Z = A(7, unique=True), A(3, 4, unique=True), A(2, 3, 4, layout="transposed", unique=True)
SCALAR = A()
INT = I64(4, 5, low=-2, high=2)
NAN, INF = float("nan"), float("inf")
HOLES = A(3, 4, values=(1.0, NAN, 3.0, 2.0, 5.0, 4.0, -INF, INF, NAN, NAN, NAN, NAN))
EDGES = A(5, values=(-2.0, -1.0, 0.0, 0.0, 2.5))
BATCH = A(2, 3, values=(-1.0, 0.0, 1.0, -2.0, 0.5, 2.0))
SHARES = A(3, values=(0.0, 0.35, 1.0))
RUNS = I64(9, values=(1, 1, 2, 2, 2, 1, 3, 3, 1))
ROWS = I64(5, 2, values=(1, 2, 1, 2, 3, 4, 1, 2, 1, 2))

CALLS: dict[str, tuple[Callable[..., Any], tuple[ArraySpec, ...]]] = {}
ERRORS: dict[str, tuple[Callable[..., Any], tuple[ArraySpec, ...]]] = {}


def calls(into: dict[str, Any], **entries: Any) -> None:
    for name, (function, *specs) in entries.items():
        assert name not in into
        into[name] = (function, tuple(specs))


calls(
    CALLS,
    kthvalue=(lambda t, x: t.kthvalue(x, 2), X),
    kthvalue_dim=(lambda t, x: x.kthvalue(3, 1, keepdim=True), Z),
    kthvalue_scalar=(lambda t, x: t.kthvalue(x, 1), SCALAR),
    kthvalue_nan=(lambda t, x: t.kthvalue(x, 4)[0], HOLES),
    median=(lambda t, x: t.median(x), X),
    median_dim=(lambda t, x: t.median(x, 1), Z),
    median_keep=(lambda t, x: x.median(dim=-1, keepdim=True), X),
    median_int=(lambda t, x: t.median(x), INT),
    median_nan=(lambda t, x: t.median(x), HOLES),
    median_nan_dim=(lambda t, x: t.median(x, 1), HOLES),
    median_scalar=(lambda t, x: t.median(x, 0), SCALAR),
    median_empty=(lambda t, x: t.median(x), A(0)),
    median_ties=(lambda t, x: t.median(x), A(5, values=(2.0, 1.0, 2.0, 2.0, 5.0))),
    nanmedian=(lambda t, x: t.nanmedian(x), HOLES),
    nanmedian_dim=(lambda t, x: t.nanmedian(x, 1)[0], HOLES),
    nanmedian_indices=(lambda t, x: t.nanmedian(x, 0), X),
    mode=(lambda t, x: t.mode(x), INT),
    mode_dim=(lambda t, x: x.mode(0, True), INT),
    mode_float=(lambda t, x: t.mode(x), A(6, values=(1.0, 3.0, 3.0, 2.0, 1.0, 0.0))),
    mode_scalar=(lambda t, x: t.mode(x), SCALAR),
    msort=(lambda t, x: t.msort(x), X),
    aminmax=(lambda t, x: t.aminmax(x), X),
    aminmax_dim=(lambda t, x: x.aminmax(dim=1, keepdim=True), Z),
    aminmax_int=(lambda t, x: x.aminmax(dim=0), INT),
    quantile=(lambda t, x: t.quantile(x, 0.4), X),
    quantile_dim=(lambda t, x: t.quantile(x, 0.25, 1), Z),
    quantile_keep=(lambda t, x: t.quantile(x, 0.9, dim=1, keepdim=True), Z),
    quantile_vector=(lambda t, x, q: x.quantile(q, dim=0), X, SHARES),
    quantile_vector_keep=(lambda t, x, q: x.quantile(q, dim=1, keepdim=True), X, SHARES),
    quantile_all_keep=(lambda t, x, q: x.quantile(q, keepdim=True), X, SHARES),
    quantile_tensor=(lambda t, x, q: x.quantile(q), X, A(values=(0.6,))),
    quantile_nan=(lambda t, x: t.quantile(x, 0.5, 1), HOLES),
    nanquantile=(lambda t, x: t.nanquantile(x, 0.4), HOLES),
    nanquantile_dim=(lambda t, x: t.nanquantile(x, 0.5, 1, interpolation="lower"), HOLES),
    quantile_double=(lambda t, x: t.quantile(x, 1.0), A(5, dtype=float64)),
    **{
        f"quantile_{how}": (partial(lambda t, x, q, how: t.quantile(x, q, 1, interpolation=how), how=how), X, SHARES)
        for how in ("linear", "lower", "higher", "midpoint", "nearest")
    },
    searchsorted=(lambda t, s, x: t.searchsorted(s, x), EDGES, A(3, 4)),
    searchsorted_right=(lambda t, s, x: t.searchsorted(s, x, right=True), EDGES, A(4, values=(0.0, -2.0, 2.5, NAN))),
    searchsorted_left=(lambda t, s, x: t.searchsorted(s, x, side="left"), EDGES, A(4, values=(0.0, -2.0, 2.5, NAN))),
    searchsorted_batch=(lambda t, s, x: t.searchsorted(s, x, out_int32=True), BATCH, A(2, 5)),
    searchsorted_number=(lambda t, s: t.searchsorted(s, 0.0, side="right"), EDGES),
    searchsorted_sorter=(lambda t, s, x: t.searchsorted(s, x, sorter=t.argsort(s)), V, A(4)),
    searchsorted_int=(lambda t, s, x: t.searchsorted(s, x), I64(4, values=(1, 3, 3, 7)), I64(5, low=0, high=8)),
    searchsorted_types=(lambda t, s, x: t.searchsorted(s, x), EDGES, INT),
    searchsorted_promoted=(lambda t, s: t.searchsorted(s, 1.5), I64(2, values=(1, 2))),
    searchsorted_empty=(lambda t, s, x: t.searchsorted(s, x), A(0), A(3)),
    searchsorted_none=(lambda t, s, x: t.searchsorted(s, x), EDGES, A(0)),
    bucketize=(lambda t, x, s: t.bucketize(x, s), A(3, 4), EDGES),
    bucketize_right=(lambda t, s: t.bucketize(0.0, s, right=True), EDGES),
    isin=(lambda t, x, y: t.isin(x, y), INT, I64(2, values=(0, 2))),
    isin_invert=(lambda t, x, y: t.isin(x, y, invert=True), INT, A(2, dtype=int32, values=(0, -2))),
    isin_number=(lambda t, x: t.isin(x, 1), INT),
    isin_of_number=(lambda t, x: t.isin(1, x), INT),
    isin_many=(lambda t, x, y: t.isin(x, y), I64(5, 6, low=0, high=200), I64(60, low=0, high=200, seed=1)),
    isin_none=(lambda t, x, y: t.isin(x, y), INT, I64(0)),
    unique_consecutive=(lambda t, x: t.unique_consecutive(x), RUNS),
    unique_consecutive_all=(lambda t, x: x.unique_consecutive(True, True), RUNS),
    unique_consecutive_dim=(lambda t, x: t.unique_consecutive(x, True, True, dim=0), ROWS),
    unique_consecutive_matrix=(lambda t, x: t.unique_consecutive(x, return_counts=True), ROWS),
    unique_consecutive_bool=(lambda t, x: t.unique_consecutive(x), A(9, dtype=bool_)),
    unique_consecutive_empty=(lambda t, x: t.unique_consecutive(x, True, True), I64(0)),
    histc=(lambda t, x: t.histc(x, 5), A(50)),
    histc_range=(lambda t, x: x.histc(4, min=-1, max=2), A(50)),
    histc_nan=(lambda t, x: x.histc(4, min=-1, max=3), A(5, values=(NAN, 1.0, 3.0, -1.0, 9.0))),
    histc_same=(lambda t, x: t.histc(x, 4), A(3, values=(2.0, 2.0, 2.0))),
    histogram=(lambda t, x: t.histogram(x, 5), A(50)),
    histogram_range=(lambda t, x: t.histogram(x, 4, range=(-1.0, 2.0)), A(50)),
    histogram_edges=(lambda t, x, e: x.histogram(e), A(50), A(4, values=(-1.0, 0.0, 0.5, 2.0))),
    histogram_weight=(lambda t, x, w: t.histogram(x, 4, weight=w, density=True), A(50), A(50, low=0.0, seed=1)),
)
calls(
    ERRORS,
    kthvalue=(lambda t, x: t.kthvalue(x, 5), X),
    kthvalue_zero=(lambda t, x: t.kthvalue(x, 0), X),
    median=(lambda t, x: t.median(x, 2), X),
    median_empty=(lambda t, x: t.median(x, 1), A(3, 0)),
    mode_empty=(lambda t, x: t.mode(x, 0), A(0)),
    aminmax=(lambda t, x: t.aminmax(x), A(0)),
    quantile_range=(lambda t, x: t.quantile(x, 1.5), X),
    quantile_empty=(lambda t, x: t.quantile(x, 0.5), A(0)),
    quantile_int=(lambda t, x: t.quantile(x, 0.5), INT),
    quantile_type=(lambda t, x, q: t.quantile(x, q), X, A(2, dtype=float64, low=0.0, high=1.0)),
    quantile_matrix=(lambda t, x, q: t.quantile(x, q), X, X),
    quantile_shares=(lambda t, x, q: t.quantile(x, q), X, EDGES),
    quantile_how=(lambda t, x: t.nanquantile(x, 0.5, interpolation="cubic"), X),
    searchsorted_shapes=(lambda t, s, x: t.searchsorted(s, x), BATCH, A(3, 2)),
    searchsorted_side=(lambda t, s: t.searchsorted(s, 1.0, side="middle"), EDGES),
    searchsorted_opposite=(lambda t, s: t.searchsorted(s, 1.0, side="left", right=True), EDGES),
    bucketize=(lambda t, x: t.bucketize(x, x), X),
    histc=(lambda t, x: t.histc(x, 0), X),
    histc_range=(lambda t, x: t.histc(x, 4, 2, 1), X),
)


@pytest.mark.parametrize("device", ["cpu", "strict"])
@pytest.mark.parametrize("name", CALLS)
def test_value(oracle: Any, name: str, device: str) -> None:
    oracle.check_values(*CALLS[name], device)


NO_GRADIENT = ("searchsorted", "bucketize", "isin", "hist", "unique", "nanquantile", "nanmedian", "kthvalue_nan",
               "median_nan", "median_empty", "quantile_nan")  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [n for n, (_, s) in CALLS.items() if not n.startswith(NO_GRADIENT) and any(x.dtype.category >= 2 for x in s)],
)
def test_gradients(oracle: Any, name: str) -> None:
    oracle.check_gradients(*CALLS[name])


@pytest.mark.parametrize("name", ERRORS)
def test_errors(oracle: Any, name: str) -> None:
    oracle.check_error(*ERRORS[name])
