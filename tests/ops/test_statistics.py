"""Statistics against PyTorch: one table of calls, each run by both modules."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from corelib.dtypes import bool_, int64
from corelib.ops.samples import array

A = array
I64 = partial(array, dtype=int64, low=0, high=9)
X, Z = A(3, 4), A(2, 3, 4, layout="transposed")
NAN = A(6, values=(1.0, float("nan"), -2.0, 4.0, float("nan"), 0.5))
INF = A(6, values=(-float("inf"), -float("inf"), -2.0, 1e4, 1.0, 0.5))

CALLS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "std_mean": (lambda t, x: t.std_mean(x), (X,)),
    "std_mean_dim": (lambda t, x: t.std_mean(x, 1, keepdim=True), (Z,)),
    "std_mean_biased": (lambda t, x: t.std_mean(x, (0, 2), correction=0), (Z,)),
    "nansum": (lambda t, x: t.nansum(x), (NAN,)),
    "nansum_dim": (lambda t, x: x.nansum(0, keepdim=True), (NAN,)),
    "nansum_int": (lambda t, x: t.nansum(x, 1), (I64(3, 4),)),
    "nanmean": (lambda t, x: t.nanmean(x), (NAN,)),
    "nanmean_dim": (lambda t, x: x.nanmean(1), (X,)),
    "nanmean_none": (lambda t, x: t.nanmean(x * float("nan")), (X,)),
    "logcumsumexp": (lambda t, x: t.logcumsumexp(x, 0), (X,)),
    "logcumsumexp_last": (lambda t, x: x.logcumsumexp(-1), (Z,)),
    "logcumsumexp_inf": (lambda t, x: t.logcumsumexp(x, 0), (INF,)),
    "logcumsumexp_0d": (lambda t, x: t.logcumsumexp(x, 0), (A(),)),
    "logcumsumexp_empty": (lambda t, x: t.logcumsumexp(x, 0), (A(0, 2),)),
    "diff": (lambda t, x: t.diff(x), (X,)),
    "diff_twice": (lambda t, x: x.diff(2, 0), (X,)),
    "diff_ends": (lambda t, x, a, b: t.diff(x, prepend=a, append=b), (X, A(3, 1, seed=1), A(3, 2, seed=2))),
    "diff_bool": (lambda t, x: t.diff(x), (A(3, 4, dtype=bool_),)),
    "diff_none": (lambda t, x: t.diff(x, 0), (X,)),
    "diff_many": (lambda t, x: t.diff(x, 9), (X,)),
    "gradient": (lambda t, x: t.gradient(x), (X,)),
    "gradient_spacing": (lambda t, x: t.gradient(x, spacing=0.5, dim=1), (X,)),
    "gradient_spacings": (lambda t, x: t.gradient(x, spacing=[0.5, 2.0]), (X,)),
    "gradient_second": (lambda t, x: t.gradient(x, edge_order=2), (X,)),
    "gradient_at": (lambda t, x, c: t.gradient(x, spacing=(c.cumsum(0),), dim=1), (X, A(4, low=0.5, high=2.0))),
    "gradient_at_second": (
        lambda t, x, c: t.gradient(x, spacing=(c.cumsum(0),), dim=1, edge_order=2), (X, A(4, low=0.5, high=2.0))
    ),
    "trapezoid": (lambda t, x: t.trapezoid(x), (X,)),
    "trapezoid_dx": (lambda t, x: t.trapz(x, dx=0.25, dim=0), (X,)),
    "trapezoid_at": (lambda t, x, c: t.trapezoid(x, c), (X, A(4, seed=1))),
    "trapezoid_at_rows": (lambda t, x, c: t.trapezoid(x, c), (X, A(3, 4, seed=1))),
    "trapezoid_at_dim": (lambda t, x, c: t.trapezoid(x, c, dim=0), (X, A(3, seed=1))),
    "cumulative_trapezoid": (lambda t, x, c: t.cumulative_trapezoid(x, c, dim=0), (X, A(3, seed=1))),
    "cov": (lambda t, x: t.cov(x), (X,)),
    "cov_1d": (lambda t, x: x.cov(correction=0), (A(5),)),
    "cov_counts": (lambda t, x, w: t.cov(x, fweights=w), (X, I64(4, low=1))),
    "cov_weights": (lambda t, x, w: t.cov(x, aweights=w), (X, A(4, low=0.1, high=2.0))),
    "cov_both": (
        lambda t, x, w, v: t.cov(x, fweights=w, aweights=v, correction=1), (X, I64(4, low=1), A(4, low=0.1, high=2.0))
    ),
    "corrcoef": (lambda t, x: t.corrcoef(x), (X,)),
    "corrcoef_1d": (lambda t, x: x.corrcoef(), (A(5),)),
    "dist": (lambda t, a, b: t.dist(a, b), (X, A(3, 4, seed=1))),
    "dist_1": (lambda t, a, b: a.dist(b, 1), (X, A(3, 4, seed=1))),
    "renorm": (lambda t, x: t.renorm(x, 2, 0, 1.5), (X,)),
    "renorm_1": (lambda t, x: x.renorm(1, 1, 5.0), (Z,)),
}  # fmt: skip
VALUES_ONLY = {"nanmean_none", "logcumsumexp_inf", "corrcoef_1d", "nansum", "nansum_dim", "nanmean"}

ERRORS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "diff_0d": (lambda t, x: t.diff(x), (A(),)),
    "diff_negative": (lambda t, x: t.diff(x, -1), (X,)),
    "cov_3d": (lambda t, x: t.cov(x), (Z,)),
    "cov_bool": (lambda t, x: t.cov(x), (A(3, dtype=bool_),)),
    "cov_count": (lambda t, x, w: t.cov(x, fweights=w), (X, I64(3))),
    "gradient_short": (lambda t, x: t.gradient(x), (A(1, 4),)),
    "gradient_order": (lambda t, x: t.gradient(x, edge_order=3), (X,)),
    "renorm_1d": (lambda t, x: t.renorm(x, 2, 0, 1.0), (A(3),)),
    "renorm_p": (lambda t, x: t.renorm(x, 0, 0, 1.0), (X,)),
}


@pytest.mark.parametrize("device", ["cpu", "strict"])
@pytest.mark.parametrize("name", CALLS)
def test_value(oracle: Any, name: str, device: str) -> None:
    function, specs = CALLS[name]
    oracle.check_values(function, specs, device)


@pytest.mark.parametrize("name", [n for n in CALLS if n not in VALUES_ONLY])
def test_gradients(oracle: Any, name: str) -> None:
    function, specs = CALLS[name]
    if any(s.dtype.is_floating_point for s in specs):
        oracle.check_gradients(function, specs)


@pytest.mark.parametrize("name", ERRORS)
def test_errors(oracle: Any, name: str) -> None:
    function, specs = ERRORS[name]
    oracle.check_error(function, specs)
