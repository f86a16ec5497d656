"""Writes and reductions by index, against PyTorch: one table of calls, each run by both modules."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

import corelib
from corelib.dtypes import bool_, float64, int32, int64, uint8
from corelib.ops.samples import ArraySpec, array

A = array
I64 = partial(array, dtype=int64)
V, X, Y, Z = A(4), A(3, 4), A(3, 4, seed=1), A(2, 3, 4, layout="transposed")
MASK = A(3, 4, dtype=bool_, seed=2)
INT = I64(3, 4, low=-9, high=9)
ROWS = I64(2, values=(2, 0))
TWICE = I64(5, values=(0, 2, 0, 2, 2))
INTO = I64(5, 4, low=0, high=2, seed=3)
SRC = A(5, 4, seed=4, unique=True)
SPREAD = I64(30, low=0, high=3)
MANY = A(30, seed=5, unique=True)
HOLES = A(6, values=(0.0, 2.0, 3.0, 0.0, 4.0, 5.0))
BYTES = A(4, dtype=uint8, low=0)

CALLS: dict[str, tuple[Callable[..., Any], tuple[ArraySpec, ...]]] = {}
ERRORS: dict[str, tuple[Callable[..., Any], tuple[ArraySpec, ...]]] = {}


def calls(into: dict[str, Any], **entries: Any) -> None:
    for name, (function, *specs) in entries.items():
        assert name not in into
        into[name] = (function, tuple(specs))


calls(
    CALLS,
    index_copy=(lambda t, x, i, s: t.index_copy(x, 0, i, s), X, ROWS, A(2, 4, seed=1)),
    index_copy_last=(lambda t, x, i, s: x.index_copy(-1, i, s), Z, ROWS, A(2, 3, 2, seed=1)),
    index_copy_scalar=(lambda t, x, i, s: x.index_copy(0, i, s), A(), I64(values=(0,)), A(seed=1)),
    index_copy_in_place=(lambda t, x, i, s: x.clone().index_copy_(0, i, s), X, ROWS, A(2, 4, seed=1)),
    index_fill=(lambda t, x, i: t.index_fill(x, 1, i, 2.5), X, ROWS),
    index_fill_negative=(lambda t, x, i: x.index_fill(1, i, -1), INT, I64(1, values=(-1,))),
    index_fill_tensor=(lambda t, x, i, v: x.index_fill(0, i, v), X, ROWS, A()),
    index_fill_in_place=(lambda t, x, i: x.clone().index_fill_(1, i, 3), X, ROWS),
    index_put=(lambda t, x, i, j, v: t.index_put(x, (i, j), v), X, ROWS, I64(2, values=(1, 3)), A(2)),
    index_put_broadcast=(lambda t, x, i, v: x.index_put((i,), v), X, ROWS, V),
    index_put_mask=(lambda t, x, m, v: x.index_put((m,), v), X, MASK, A()),
    index_put_accumulate=(lambda t, x, i, v: x.index_put((i,), v, True), X, TWICE, SRC),
    index_put_in_place=(lambda t, x, i, v: x.clone().index_put_((i,), v, accumulate=True), X, TWICE, V),
    index_put_function=(lambda t, x, i, v: t.index_put_(x.clone(), [i], v), X, ROWS, A(2, 4, seed=1)),
    take=(lambda t, x, i: t.take(x, i), X, I64(2, 3, low=-12, high=11)),
    take_none=(lambda t, x, i: x.take(i), X, I64(0)),
    put=(lambda t, x, i, s: x.put(i, s), X, ROWS, A(2)),
    put_accumulate=(lambda t, x, i, s: x.put(i, s, accumulate=True), X, TWICE, A(5)),
    put_in_place=(lambda t, x, i, s: x.clone().put_(i, s), X, I64(2, values=(-1, 3)), A(2)),
    masked_scatter=(lambda t, x, m, s: t.masked_scatter(x, m, s), X, MASK, A(12, seed=3)),
    masked_scatter_broadcast=(lambda t, x, m, s: x.masked_scatter(m, s), X, A(4, dtype=bool_), A(3, 4, seed=3)),
    masked_scatter_in_place=(lambda t, x, m, s: x.clone().masked_scatter_(m, s), X, MASK, A(12, seed=3)),
    masked_scatter_none=(lambda t, x, m, s: x.masked_scatter(m, s), X, A(4, dtype=bool_, values=(0, 0, 0, 0)), A(0)),
    argwhere=(lambda t, x: t.argwhere(x), INT),
    unravel_index=(lambda t, i: t.unravel_index(i, (3, 4)), I64(2, 3, low=0, high=11)),
    fill_diagonal=(lambda t, x: x.clone().fill_diagonal_(7), X),
    fill_diagonal_tall=(lambda t, x: x.clone().fill_diagonal_(7), A(7, 3)),
    fill_diagonal_wrap=(lambda t, x: x.clone().fill_diagonal_(7, wrap=True), A(9, 3)),
    fill_diagonal_cube=(lambda t, x: x.clone().fill_diagonal_(1.5), A(3, 3, 3)),
    scatter_reduce_in_place=(lambda t, x, i, s: x.clone().scatter_reduce_(0, i, s, "prod"), X, INTO, SRC),
    scatter_reduce_window=(lambda t, x, i, s: x.scatter_reduce(1, i, s, "sum"), X, I64(2, 5, low=0), A(3, 6)),
    scatter_reduce_ties=(lambda t, x, i, s: t.scatter_reduce(x, 0, i, s, "amax"), A(2, values=(1.0, 0.0)),
                         I64(4, values=(0, 0, 1, 0)), A(4, values=(1.0, 1.0, 5.0, 0.0))),
    scatter_reduce_zeros=(lambda t, x, i, s: t.scatter_reduce(x, 0, i, s, "prod"), A(3, values=(2.0, 0.0, 1.5)),
                          I64(6, values=(0, 0, 0, 1, 2, 2)), HOLES),
    scatter_reduce_scalar=(lambda t, x, i, s: t.scatter_reduce(x, 0, i, s, "mean"), A(), I64(values=(0,)), A(seed=1)),
    scatter_reduce_nan=(lambda t, x, i, s: t.scatter_reduce(x, 0, i, s, "amin"), A(2, values=(1.0, 0.0)),
                        I64(4, values=(0, 0, 1, 0)), A(4, values=(3.0, float("nan"), -5.0, 0.0))),
    scatter_reduce_bool=(lambda t, x, i, s: t.scatter_reduce(x, 0, i, s, "amax"), A(3, dtype=bool_), TWICE,
                         A(5, dtype=bool_)),
)  # fmt: skip
for _reduce in ("sum", "prod", "mean", "amax", "amin"):
    for _own in (True, False):
        _run = partial(
            lambda t, x, i, s, *, reduce, own: t.scatter_reduce(x, 0, i, s, reduce, include_self=own),
            reduce=_reduce,
            own=_own,
        )
        calls(
            CALLS,
            **{
                f"scatter_reduce_{_reduce}_{_own}": (_run, A(3, 4), INTO, SRC),
                f"scatter_reduce_{_reduce}_{_own}_vector": (_run, A(5), SPREAD, MANY),
                f"scatter_reduce_{_reduce}_{_own}_int": (_run, A(4, dtype=int32), SPREAD, A(30, dtype=int32, low=-2)),
                f"scatter_reduce_{_reduce}_{_own}_uint8": (_run, BYTES, SPREAD, A(30, dtype=uint8, low=0)),
                f"scatter_reduce_{_reduce}_{_own}_none": (_run, A(4), I64(0), A(0)),
            },
        )  # fmt: skip
        if _reduce != "sum":
            calls(CALLS, **{f"index_reduce_{_reduce}_{_own}": (
                partial(
                    lambda t, x, i, s, *, reduce, own: t.index_reduce(x, 0, i, s, reduce, include_self=own),
                    reduce=_reduce,
                    own=_own,
                ),
                X, TWICE, SRC,
            )})  # fmt: skip
calls(
    ERRORS,
    index_copy_types=(lambda t, x, i, s: t.index_copy(x, 0, i, s), X, ROWS, I64(2, 4)),
    index_copy_count=(lambda t, x, i, s: t.index_copy(x, 0, i, s), X, ROWS, X),
    index_copy_index=(lambda t, x, i, s: t.index_copy(x, 0, i, s), X, A(2, 2, dtype=int64, low=0, high=1), X),
    index_fill=(lambda t, x, i, v: t.index_fill(x, 0, i, v), X, ROWS, V),
    index_put_types=(lambda t, x, i, v: t.index_put(x, (i,), v), X, ROWS, I64(4)),
    index_put_shape=(lambda t, x, i, v: t.index_put(x, (i,), v), X, ROWS, A(3)),
    index_put_range=(lambda t, x, i, v: t.index_put(x, (i,), v), X, I64(1, values=(3,)), V),
    take=(lambda t, x, i: t.take(x, i), X, I64(1, values=(12,))),
    put_count=(lambda t, x, i, s: x.put(i, s), X, ROWS, A(3)),
    put_types=(lambda t, x, i, s: x.put(i, s), X, ROWS, I64(2)),
    masked_scatter=(lambda t, x, m, s: t.masked_scatter(x, m, s), X, A(4, dtype=bool_, values=(1, 1, 1, 1)), V),
    masked_scatter_mask=(lambda t, x, m, s: t.masked_scatter(x, m, s), X, INT, X),
    masked_scatter_types=(lambda t, x, m, s: t.masked_scatter(x, m, s), X, MASK, INT),
    unravel_index=(lambda t, i: t.unravel_index(i, (3, 4)), X),
    fill_diagonal=(lambda t, x: x.fill_diagonal_(1), V),
    fill_diagonal_cube=(lambda t, x: x.fill_diagonal_(1), Z),
    scatter_reduce=(lambda t, x, i, s: t.scatter_reduce(x, 0, i, s, "median"), X, INTO, SRC),
    scatter_reduce_ranks=(lambda t, x, i, s: t.scatter_reduce(x, 0, i, s, "sum"), X, TWICE, SRC),
    scatter_reduce_types=(lambda t, x, i, s: t.scatter_reduce(x, 0, i, s, "amax"), X, INTO, A(5, 4, dtype=float64)),
)


@pytest.mark.filterwarnings("ignore:index_reduce\\(\\) is in beta")
@pytest.mark.parametrize("device", ["cpu", "strict"])
@pytest.mark.parametrize("name", CALLS)
def test_value(oracle: Any, name: str, device: str) -> None:
    oracle.check_values(*CALLS[name], device)


NO_GRADIENT = ("argwhere", "unravel_index", "scatter_reduce_nan", "scatter_reduce_window")
FIRST_ORDER = ("scatter_reduce_zeros",)


@pytest.mark.filterwarnings("ignore:index_reduce\\(\\) is in beta")
@pytest.mark.parametrize(
    "name",
    [
        n
        for n, (_, specs) in CALLS.items()
        if not n.startswith((*NO_GRADIENT, *FIRST_ORDER)) and any(s.dtype.category >= 2 for s in specs)
    ],
)
def test_gradients(oracle: Any, name: str) -> None:
    oracle.check_gradients(*CALLS[name])


def test_gradient_of_products_with_zeros(oracle: Any) -> None:
    function, (x, index, source) = CALLS["scatter_reduce_zeros"]
    gradients = []
    for module, make in ((corelib, oracle.ours), (oracle.torch, oracle.theirs)):
        inputs = [make(s).requires_grad_() for s in (x, source)]
        out = function(module, inputs[0], make(index), inputs[1])
        gradients.append(module.autograd.grad(out.sum(), inputs))
    oracle.same(*gradients)


@pytest.mark.parametrize("name", ERRORS)
def test_errors(oracle: Any, name: str) -> None:
    oracle.check_error(*ERRORS[name])
