"""Einstein sums and other products against PyTorch: one table of calls, each run by both modules."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

import corelib
from corelib.dtypes import bool_, complex128, float64, int64
from corelib.ops.samples import ArraySpec, Sample, array

A = array
X, Y, V, W = A(3, 4), A(4, 5, seed=1), A(4, seed=2), A(3, seed=3)
B1, B2 = A(2, 3, 4), A(2, 4, 5, seed=1)
SQUARE = A(3, 3)
CALLS: dict[str, tuple[Callable[..., Any], tuple[ArraySpec, ...]]] = {}


def calls(**entries: Any) -> None:
    """Add calls: ``name=(function of the module and tensors, specs...)``."""
    for name, (function, *specs) in entries.items():
        CALLS[name] = (function, tuple(specs))


def equations(*rows: tuple[Any, ...]) -> None:
    """Add einsums: (equation, specs...)."""
    for equation, *specs in rows:
        CALLS[f"einsum_{equation}"] = (lambda t, *x, e=equation: t.einsum(e, *x), tuple(specs))


equations(
    ("ij,jk->ik", X, Y), ("ij,jk", X, Y), ("ij,jk->", X, Y), ("ij,jk->ki", X, Y), ("ij->ji", X), ("ij", X),
    ("ba", X), ("ij->", X), ("ij->i", X), ("ii->i", SQUARE), ("ii", SQUARE), ("ii->", SQUARE), ("iji->j", A(2, 3, 2)),
    ("iij->ij", A(2, 2, 3)), ("i,i->", V, A(4)), ("i,j->ij", W, V), ("i,j", W, V), ("bij,bjk->bik", B1, B2),
    ("bij,bjk->ik", B1, B2), ("bij,bjk", B1, B2), ("b i j , b j k -> b i k", B1, B2), ("...ij,...jk->...ik", B1, B2),
    ("...ij,jk->...ik", A(2, 2, 3, 4), Y), ("...,...->...", X, A(3, 4, seed=1)), ("...ij->...ji", B1),
    ("...ii->...i", A(2, 3, 3)), ("i...->...", X), ("i...->i", B1), ("ij...,jk...->ik...", B1, A(3, 5, 4)),
    ("...a,...a", B1, A(3, 4)), ("ij,ij->ij", X, A(3, 4, seed=1)), ("ij,i->j", X, W), ("ij,j->ij", X, V),
    ("ij,jk,kl->il", X, Y, A(5, 2)), ("ij,kj,lj->ikl", X, A(2, 4), A(5, 4)), ("i,j,k->ijk", W, V, A(2)),
    ("bqhd,bkhd->bhqk", A(2, 3, 2, 4), A(2, 5, 2, 4)), ("bhqk,bkhd->bqhd", A(2, 2, 3, 5), A(2, 5, 2, 4)),
    ("ij,jk->ik", A(3, 1), Y), ("bij,bjk->bik", A(1, 3, 4), B2), ("ij,jk->ik", A(0, 4), Y), 
    ("ij,jk->ik", A(3, 0), A(0, 2)),
    (",ij->ij", A(), X), ("ij,ij->", X, X), ("bn,anm,bm->ba", A(2, 5), A(3, 5, 4), A(2, 4)), ("->", A()),
    ("aA,Ab", X, Y), ("ijk,ljm->", A(2, 3, 4), A(5, 3, 2)), ("ii,ij->j", SQUARE, X),
)  # fmt: skip
calls(
    einsum_list=(lambda t, a, b: t.einsum("ij,jk->ik", [a, b]), X, Y),
    einsum_sublist=(lambda t, a, b: t.einsum(a, [0, 1], b, [1, 2], [0, 2]), X, Y),
    einsum_sublist_implicit=(lambda t, a, b: t.einsum(a, [0, 1], b, [1, 2]), X, Y),
    einsum_sublist_ellipsis=(lambda t, a, b: t.einsum(a, [..., 0, 1], b, [..., 1, 2], [..., 0, 2]), B1, B2),
    einsum_complex=(lambda t, a, b: t.einsum("ij,jk->ik", a, b), A(2, 3, dtype=complex128), A(3, 2, dtype=complex128)),
    einsum_int=(lambda t, a, b: t.einsum("ij,jk->ik", a, b), A(2, 3, dtype=int64), A(3, 2, dtype=int64)),
    einsum_bool=(lambda t, a, b: t.einsum("i,j->ij", a, b), A(3, dtype=bool_), A(2, dtype=bool_)),
    tensordot=(lambda t, a, b: t.tensordot(a, b, 1), X, Y),
    tensordot_two=(lambda t, a, b: t.tensordot(a, b), A(2, 3, 4), A(3, 4, 5)),
    tensordot_none=(lambda t, a, b: t.tensordot(a, b, 0), W, V),
    tensordot_lists=(lambda t, a, b: t.tensordot(a, b, dims=([1, 0], [0, 2])), A(2, 3, 4), A(3, 5, 2)),
    tensordot_one=(lambda t, a, b: t.tensordot(a, b, dims=([-1], [0])), A(2, 1), A(3, 2)),
    inner=(lambda t, a, b: t.inner(a, b), X, A(2, 4)),
    inner_vectors=(lambda t, a, b: a.inner(b), V, A(4)),
    inner_scalar=(lambda t, a, b: t.inner(a, b), X, A()),
    kron=(lambda t, a, b: t.kron(a, b), A(2, 3), A(3, 2, seed=1)),
    kron_ranks=(lambda t, a, b: a.kron(b), A(2), A(3, 2, 2, seed=1)),
    kron_mixed=(lambda t, a, b: t.kron(a, b), A(2, 2), A(2, dtype=int64)),
    cross=(lambda t, a, b: t.cross(a, b, dim=1), A(4, 3), A(4, 3, seed=1)),
    cross_method=(lambda t, a, b: a.cross(b, dim=-1), A(4, 3), A(1, 3, seed=1)),
    vdot=(lambda t, a, b: t.vdot(a, b), V, A(4)),
    vdot_complex=(lambda t, a, b: t.vdot(a, b), A(4, dtype=complex128), A(4, seed=1, dtype=complex128)),
    ger=(lambda t, a, b: t.ger(a, b), W, V),
    addmv=(lambda t, a, m, v: t.addmv(a, m, v, beta=0.5, alpha=2), W, X, V),
    addmv_method=(lambda t, a, m, v: a.addmv(m, v), W, X, V),
    addr=(lambda t, a, u, v: t.addr(a, u, v, beta=0.5, alpha=2), X, W, V),
    addr_zero=(lambda t, a, u, v: t.addr(a, u, v, beta=0), X, W, V),
    addbmm=(lambda t, a, b, c: t.addbmm(a, b, c, beta=2, alpha=0.5), A(3, 5), B1, B2),
    multi_dot=(lambda t, *x: t.linalg.multi_dot(x), X, Y, A(5, 2), A(2, 6)),
    multi_dot_vectors=(lambda t, *x: t.linalg.multi_dot(x), W, X, Y, A(5)),
    multi_dot_head=(lambda t, *x: t.linalg.multi_dot(x), W, X, Y),
    multi_dot_two=(lambda t, *x: t.linalg.multi_dot(x), X, V),
    matrix_power=(lambda t, x: t.matrix_power(x, 5), SQUARE),
    matrix_power_0=(lambda t, x: x.matrix_power(0), A(2, 3, 3)),
    matrix_power_1=(lambda t, x: x.matrix_power(1), SQUARE),
    matrix_power_4=(lambda t, x: x.matrix_power(4), A(2, 3, 3)),
    trace=(lambda t, x: t.trace(x), X),
    trace_method=(lambda t, x: x.trace(), A(3, 2)),
    trace_int=(lambda t, x: x.trace(), A(3, 2, dtype=int64)),
    cdist=(lambda t, a, b: t.cdist(a, b), X, A(5, 4)),
    cdist_batch=(lambda t, a, b: t.cdist(a, b), A(2, 3, 4), A(5, 4)),
    cdist_1=(lambda t, a, b: t.cdist(a, b, 1), X, A(5, 4)),
    cdist_inf=(lambda t, a, b: t.cdist(a, b, float("inf")), X, A(5, 4)),
    cdist_0=(lambda t, a, b: t.cdist(a, b, 0), A(2, 3, values=(1, 2, 3, 4, 5, 6)), A(1, 3, values=(1, 0, 3))),
    cdist_empty=(lambda t, a, b: t.cdist(a, b), A(0, 4), A(5, 4)),
    cdist_3=(lambda t, a, b: t.cdist(a, b, 3), X, A(5, 4)),
    pdist=(lambda t, a: t.pdist(a), X),
    pdist_3=(lambda t, a: t.pdist(a, 3), X),
)


@pytest.mark.parametrize("device", ["cpu", "strict"])
@pytest.mark.parametrize("name", CALLS)
def test_value(oracle: Any, name: str, device: str) -> None:
    function, specs = CALLS[name]
    if device == "strict" and any(s.dtype.is_complex for s in specs):
        return
    with corelib.device(device):
        ours = function(corelib, *[oracle.ours(s, device) for s in specs])
    oracle.same(ours, function(oracle.torch, *[oracle.theirs(s) for s in specs]), loose=4)


ACTIVE = (float64, complex128)
# PyTorch's cdist and pdist have no second derivative
FIRST_ONLY = ("cdist", "pdist")


@pytest.mark.parametrize(
    "name", [n for n, c in CALLS.items() if n != "cdist_0" and any(s.dtype.category >= 2 for s in c[1])]
)
def test_gradients(oracle: Any, name: str) -> None:
    function, specs = CALLS[name]
    wide = Sample(specs).widened().args
    active = [s for s in wide if s.dtype in ACTIVE]

    def run(module: Any, passive: Callable[[Any], Any], *tensors: Any) -> Any:
        given = iter(tensors)
        return function(module, *[next(given) if s.dtype in ACTIVE else passive(s) for s in wide])

    ours, theirs = partial(run, corelib, oracle.ours), partial(run, oracle.torch, oracle.theirs)
    if not name.startswith(FIRST_ONLY):
        oracle.same_gradients(ours, theirs, active)
        return
    a = [oracle.ours(s).requires_grad_() for s in active]
    b = [oracle.theirs(s).requires_grad_() for s in active]
    oracle.same(corelib.autograd.grad(ours(*a).sum(), a), oracle.torch.autograd.grad(theirs(*b).sum(), b))


ERRORS: dict[str, tuple[Callable[..., Any], tuple[ArraySpec, ...]]] = {
    "none": (lambda t: t.einsum("ij"), ()),
    "more": (lambda t, a, b: t.einsum("ij", a, b), (X, Y)),
    "fewer": (lambda t, a: t.einsum("ij,jk", a), (X,)),
    "letters": (lambda t, a: t.einsum("i1", a), (X,)),
    "dimensions": (lambda t, a: t.einsum("ijk", a), (X,)),
    "ellipsis": (lambda t, a: t.einsum("ijk...", a), (X,)),
    "dots": (lambda t, a: t.einsum("i..", a), (X,)),
    "two_ellipses": (lambda t, a: t.einsum("......", a), (X,)),
    "sizes": (lambda t, a, b: t.einsum("ij,kj->ik", a, b), (X, Y)),
    "diagonal": (lambda t, a: t.einsum("ii", a), (X,)),
    "output": (lambda t, a: t.einsum("ij->ik", a), (X,)),
    "output_twice": (lambda t, a: t.einsum("ij->ii", a), (X,)),
    "sublist": (lambda t, a: t.einsum(a, [0, 60]), (X,)),
    "number": (lambda t: t.einsum("ij->ji", 3), ()),
    "dtypes": (lambda t, a, b: t.einsum("ij,kj->ik", a, b), (X, A(2, 4, dtype=float64))),
    "tensordot": (lambda t, a, b: t.tensordot(a, b, ([0], [0])), (X, Y)),
    "tensordot_lists": (lambda t, a, b: t.tensordot(a, b, ([0, 1], [0])), (X, Y)),
    "inner": (lambda t, a, b: t.inner(a, b), (X, Y)),
    "cross": (lambda t, a, b: t.cross(a, b, dim=0), (Y, Y)),
    "cross_ranks": (lambda t, a, b: t.cross(a, b, dim=0), (W, X)),
    "addr": (lambda t, a, b: t.addr(a, b, b), (X, X)),
    "trace": (lambda t, a: t.trace(a), (V,)),
    "matrix_power": (lambda t, a: t.matrix_power(a, 2), (X,)),
    "matrix_power_vector": (lambda t, a: t.matrix_power(a, 2), (V,)),
    "multi_dot": (lambda t, a: t.linalg.multi_dot([a]), (X,)),
    "multi_dot_sizes": (lambda t, a, b: t.linalg.multi_dot([a, b]), (X, X)),
    "multi_dot_ranks": (lambda t, a, b: t.linalg.multi_dot([a, b, a]), (X, V)),
    "cdist": (lambda t, a, b: t.cdist(a, b), (X, Y)),
    "cdist_vector": (lambda t, a, b: t.cdist(a, b), (V, Y)),
    "cdist_int": (lambda t, a, b: t.cdist(a, b), (A(2, 5, dtype=int64), Y)),
    "cdist_negative": (lambda t, a, b: t.cdist(a, b, -1), (X, X)),
    "pdist": (lambda t, a: t.pdist(a), (V,)),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(oracle: Any, name: str) -> None:
    function, specs = ERRORS[name]
    ours, theirs = [oracle.ours(s) for s in specs], [oracle.theirs(s) for s in specs]
    oracle.same_error(lambda: function(corelib, *ours), lambda: function(oracle.torch, *theirs))


def test_out_and_in_place() -> None:
    matrix, vector = corelib.tensor([[1.0, 2.0], [3.0, 4.0]]), corelib.tensor([1.0, 1.0])
    out = corelib.empty(2)
    assert corelib.addmv(vector, matrix, vector, out=out) is out
    assert out.tolist() == [4.0, 8.0]
    assert vector.addmv_(matrix, vector.clone()) is vector
    assert vector.tolist() == [4.0, 8.0]


def test_distance_of_equal_rows_has_gradient_zero() -> None:
    rows = corelib.tensor([[1.0, 2.0], [1.0, 2.0]], requires_grad=True)
    for p in (1.5, 2.0):
        (gradient,) = corelib.autograd.grad(corelib.cdist(rows, rows, p).sum(), rows)
        assert gradient.tolist() == [[0.0, 0.0], [0.0, 0.0]]
