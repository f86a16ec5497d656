"""Statistics, differences and integrals, against PyTorch: one table of calls, each run by both modules."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from corelib.dtypes import bool_, complex128, float16, int64
from corelib.ops.samples import ArraySpec, array

A = array
I64 = partial(array, dtype=int64)
V, X, Y, Z = A(7), A(3, 4), A(3, 4, seed=1), A(2, 3, 4, layout="transposed")
INT = I64(4, 5, low=-4, high=4)
NAN, INF = float("nan"), float("inf")
HOLES = A(3, 4, values=(1.0, NAN, 3.0, 2.0, 5.0, 4.0, -1.0, 2.0, NAN, NAN, NAN, NAN))
POINTS = A(4, values=(0.0, 0.5, 2.0, 2.25))
WEIGHTS, COUNTS = A(4, low=0.1, high=2.0), I64(4, low=1, high=3)

CALLS: dict[str, tuple[Callable[..., Any], tuple[ArraySpec, ...]]] = {}
ERRORS: dict[str, tuple[Callable[..., Any], tuple[ArraySpec, ...]]] = {}


def calls(into: dict[str, Any], **entries: Any) -> None:
    for name, (function, *specs) in entries.items():
        assert name not in into
        into[name] = (function, tuple(specs))


calls(
    CALLS,
    std_mean=(lambda t, x: t.std_mean(x), X),
    std_mean_dim=(lambda t, x: t.std_mean(x, 1, keepdim=True), Z),
    std_mean_correction=(lambda t, x: t.std_mean(x, dim=(0, 1), correction=0), Z),
    nansum=(lambda t, x: t.nansum(x), HOLES),
    nansum_dim=(lambda t, x: x.nansum(1, keepdim=True), HOLES),
    nansum_int=(lambda t, x: t.nansum(x, 0), INT),
    nansum_half=(lambda t, x: t.nansum(x, dtype=t.float32), A(3, 4, dtype=float16)),
    nanmean=(lambda t, x: t.nanmean(x), HOLES),
    nanmean_dim=(lambda t, x: x.nanmean(1), HOLES),
    logcumsumexp=(lambda t, x: t.logcumsumexp(x, 1), X),
    logcumsumexp_first=(lambda t, x: x.logcumsumexp(0), V),
    logcumsumexp_wide=(lambda t, x: t.logcumsumexp(x * 1000, -1), Z),
    logcumsumexp_scalar=(lambda t, x: t.logcumsumexp(x, 0), A()),
    logcumsumexp_empty=(lambda t, x: t.logcumsumexp(x, 0), A(0)),
    diff=(lambda t, x: t.diff(x), X),
    diff_dim=(lambda t, x: t.diff(x, dim=0), Z),
    diff_twice=(lambda t, x: x.diff(2, 1), X),
    diff_zero=(lambda t, x: t.diff(x, 0), X),
    diff_many=(lambda t, x: t.diff(x, 9), X),
    diff_around=(lambda t, x, y: t.diff(x, prepend=y, append=y), X, A(3, 2)),
    diff_bool=(lambda t, x: t.diff(x), A(6, dtype=bool_)),
    diff_int=(lambda t, x: t.diff(x), INT),
    gradient=(lambda t, x: t.gradient(x), X),
    gradient_dim=(lambda t, x: t.gradient(x, dim=1), Z),
    gradient_spacing=(lambda t, x: t.gradient(x, spacing=0.5, edge_order=2), X),
    gradient_list=(lambda t, x: t.gradient(x, spacing=[2.0, 0.5], dim=(0, 2)), A(3, 2, 4)),
    gradient_points=(lambda t, x, p: t.gradient(x, spacing=(p,), dim=1), X, POINTS),
    gradient_points_second=(lambda t, x, p: t.gradient(x, spacing=(p,), dim=1, edge_order=2), X, POINTS),
    gradient_int=(lambda t, x: t.gradient(x), INT),
    trapezoid=(lambda t, y: t.trapezoid(y), X),
    trapezoid_dx=(lambda t, y: t.trapezoid(y, dx=0.5, dim=0), X),
    trapezoid_x=(lambda t, y, x: t.trapezoid(y, x), X, POINTS),
    trapezoid_x_dim=(lambda t, y, x: t.trapezoid(y, x, dim=1), A(2, 4, 3), POINTS),
    trapezoid_xs=(lambda t, y, x: t.trapz(y, x), X, Y),
    trapezoid_int=(lambda t, y: t.trapezoid(y), INT),
    trapezoid_empty=(lambda t, y: t.trapezoid(y), A(3, 0)),
    cumulative_trapezoid=(lambda t, y: t.cumulative_trapezoid(y), X),
    cumulative_trapezoid_x=(lambda t, y, x: t.cumulative_trapezoid(y, x), X, POINTS),
    cumulative_trapezoid_dx=(lambda t, y: t.cumulative_trapezoid(y, dx=2, dim=0), X),
    cov=(lambda t, x: t.cov(x), X),
    cov_biased=(lambda t, x: x.cov(correction=0), X),
    cov_vector=(lambda t, x: t.cov(x), V),
    cov_counts=(lambda t, x, n: t.cov(x, fweights=n), X, COUNTS),
    cov_weights=(lambda t, x, n, w: t.cov(x, fweights=n, aweights=w), X, COUNTS, WEIGHTS),
    cov_complex=(lambda t, x: t.cov(x), A(3, 4, dtype=complex128)),
    corrcoef=(lambda t, x: t.corrcoef(x), X),
    corrcoef_vector=(lambda t, x: x.corrcoef(), V),
    dist=(lambda t, x, y: t.dist(x, y), X, Y),
    dist_1=(lambda t, x, y: x.dist(y, 1), X, Y),
    dist_3=(lambda t, x, y: t.dist(x, y, 3), X, Y),
    dist_inf=(lambda t, x, y: t.dist(x, y, INF), X, A(4)),
    dist_0=(lambda t, x, y: t.dist(x, y, 0), X, Y),
    dist_zero=(lambda t, x: t.dist(x, x), X),
    renorm=(lambda t, x: t.renorm(x, 2, 0, 3.0), X),
    renorm_1=(lambda t, x: x.renorm(1, 1, 2.0), Z),
    renorm_in_place=(lambda t, x: x.clone().renorm_(2, 0, 3.0), X),
)
calls(
    ERRORS,
    nanmean=(lambda t, x: t.nanmean(x), INT),
    diff=(lambda t, x: t.diff(x), A()),
    diff_order=(lambda t, x: t.diff(x, -1), X),
    gradient=(lambda t, x: t.gradient(x, edge_order=3), X),
    gradient_small=(lambda t, x: t.gradient(x, edge_order=2), A(2)),
    trapezoid=(lambda t, y, x: t.trapezoid(y, x), X, V),
    cov=(lambda t, x: t.cov(x), Z),
    cov_counts=(lambda t, x, w: t.cov(x, fweights=w), X, WEIGHTS),
    cov_weights=(lambda t, x, w: t.cov(x, aweights=w), X, A(3)),
    corrcoef=(lambda t, x: t.corrcoef(x), Z),
    renorm=(lambda t, x: t.renorm(x, -1, 0, 1.0), X),
    renorm_vector=(lambda t, x: t.renorm(x, 2, 0, 1.0), V),
)


@pytest.mark.parametrize("device", ["cpu", "strict"])
@pytest.mark.parametrize("name", CALLS)
def test_value(oracle: Any, name: str, device: str) -> None:
    if device == "strict" and name == "cov_complex":
        with pytest.raises(TypeError, match="does not support"):  # it has no complex numbers, and says so
            oracle.check_values(*CALLS[name], device)
        return
    oracle.check_values(*CALLS[name], device)


NO_GRADIENT = ("dist_0", "dist_zero", "logcumsumexp_wide", "nanmean")


@pytest.mark.parametrize(
    "name",
    [n for n, (_, s) in CALLS.items() if not n.startswith(NO_GRADIENT) and any(x.dtype.category >= 2 for x in s)],
)
def test_gradients(oracle: Any, name: str) -> None:
    oracle.check_gradients(*CALLS[name])


@pytest.mark.parametrize("name", ERRORS)
def test_errors(oracle: Any, name: str) -> None:
    oracle.check_error(*ERRORS[name])
