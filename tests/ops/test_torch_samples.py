"""Calls that PyTorch's own sample inputs make and that once differed: arguments' forms, 0-d tensors, dtypes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

import corelib
from corelib.dtypes import bool_, float32, int64
from corelib.ops.samples import ArraySpec, array

A = array
I64 = partial(array, dtype=int64)
TRUE = A(2, 3, dtype=bool_)

CALLS: dict[str, tuple[Callable[..., Any], tuple[ArraySpec, ...]]] = {}


def calls(**entries: Any) -> None:
    """Add calls: ``name=(function of the module and tensors, specs...)``."""
    for name, (function, *specs) in entries.items():
        CALLS[name] = (function, tuple(specs))


calls(
    to_flags=(lambda t, x: x.to(t.float16, False, True), A(2, 3)),
    to_format=(lambda t, x: x.to(t.float16, memory_format=t.preserve_format), A(2, 3)),
    half_format=(lambda t, x: x.half(memory_format=t.preserve_format), A(2, 3)),
    square_bool=(lambda t, x: t.square(x), TRUE),
    conj_physical_real=(lambda t, x: t.conj_physical(x), A(2, 3)),
    bincount_int_weights=(lambda t, x, w: t.bincount(x, w), I64(5, low=0, high=3), I64(5)),
    bincount_float_weights=(lambda t, x, w: t.bincount(x, w), I64(5, low=0, high=3), A(5, dtype=float32)),
    cov_row=(lambda t, x: t.cov(x), A(1, 4)),
    gradient_no_spacing=(lambda t, x: t.gradient(x, spacing=None, dim=None), A(5)),
    scalar_tensor=(lambda t: t.scalar_tensor(3, requires_grad=True),),
    scatter_reduce_add=(
        lambda t, x, i, y: t.scatter(x, 1, i, t.scatter(y, 1, i, 2.0), reduce="add"),
        A(2, 3), I64(2, 2, low=0, high=2), A(2, 3, seed=1),
    ),
    scatter_reduce_multiply=(lambda t, x, i: t.scatter(x, 0, i, 2.0, reduce="multiply"), A(4), I64(6, low=0, high=3)),
    scatter_in_place=(
        lambda t, x, i, y: x.clone().scatter_(0, i, y, reduce="multiply"), A(4), I64(4, low=0, high=3), A(4, seed=1),
    ),
    index_add_0d=(lambda t, x, i, y: t.index_add(x, 0, i, y, alpha=2), A(), I64(1, low=0, high=0), A(seed=1)),
    take_along_dim_negative=(lambda t, x: t.take_along_dim(x, t.tensor([[-1, 0]]), 1), A(2, 3)),
    norm_nuclear=(lambda t, x: t.norm(x, "nuc"), A(4, 3)),
    norm_nuclear_dim=(lambda t, x: t.norm(x, "nuc", (0, 2)), A(4, 2, 3)),
    vander_0d=(lambda t, x: t.linalg.vander(x, N=3), A()),
    addmv_int=(lambda t, x, m, v: t.addmv(x, m, v, beta=1.6, alpha=2.9), I64(2), I64(2, 3), I64(3)),
    addr_bool=(
        lambda t, x, y: t.addr(x, y[:, 0], x[0], beta=3, alpha=2), TRUE, A(2, 3, dtype=bool_, seed=1),
    ),
    baddbmm_int=(lambda t, x, a: t.baddbmm(x, a, a, beta=1.2, alpha=0.6), I64(2, 3, 3), I64(2, 3, 3, seed=1)),
)  # fmt: skip


@pytest.mark.filterwarnings("ignore:The reduce argument of torch.scatter")
@pytest.mark.parametrize("name", CALLS)
def test_value(oracle: Any, name: str) -> None:
    function, specs = CALLS[name]
    theirs = function(oracle.torch, *[oracle.theirs(s) for s in specs])
    oracle.same(function(corelib, *[oracle.ours(s) for s in specs]), theirs, loose=4)


def test_histogram_of_one_number() -> None:
    edges = corelib.histogram(corelib.tensor(2.0), 1)[1]
    assert edges.tolist() == [1.5, 2.5]
    assert corelib.histc(corelib.tensor(2.0), 4).tolist() == [0, 0, 1, 0]
