"""``corelib.linalg`` against ``torch.linalg``: values, gradients, errors; on the portable decompositions too."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

import corelib
from corelib.dtypes import complex64, complex128, float32, float64, int64
from corelib.ops.samples import ArraySpec, Sample, array
from tests.ops.conftest import oracle  # noqa: F401

pytestmark = pytest.mark.filterwarnings("ignore:torch.* is deprecated")
A = array
SQUARE, BATCH, TALL, WIDE = A(3, 3), A(2, 4, 4, seed=1), A(5, 3), A(3, 5)
X, Y, V = A(3, 4), A(3, 2, seed=1), A(3, seed=2)
C, CT, CW = A(3, 3, dtype=complex64), A(4, 3, dtype=complex64), A(3, 4, dtype=complex64)
INF = float("inf")
CALLS: dict[str, tuple[Callable[..., Any], tuple[ArraySpec, ...]]] = {}


def calls(**entries: Any) -> None:
    """Add calls: ``name=(function of the module and tensors, specs...)``."""
    for name, (function, *specs) in entries.items():
        CALLS[name] = (function, tuple(specs))


def positive(t: Any, x: Any) -> Any:
    """A positive-definite matrix."""
    return x @ x.mH + t.eye(x.shape[-1], dtype=x.dtype)


def size(parts: Any) -> Any:
    """What of a decomposition does not depend on signs."""
    return [abs(p) for p in parts]


def projections(q: Any) -> Any:
    """The squares of vectors' components: the same whatever their signs (or phases)."""
    return abs(q) ** 2


def outers(q: Any) -> Any:
    """v v^H for each column v."""
    v = q.mT
    return v.unsqueeze(-1) * v.conj().unsqueeze(-2)


calls(  # decompositions
    cholesky=(lambda t, x: t.linalg.cholesky(positive(t, x)), SQUARE),
    cholesky_batch=(lambda t, x: t.linalg.cholesky(positive(t, x)), BATCH),
    cholesky_upper=(lambda t, x: t.linalg.cholesky(positive(t, x), upper=True), BATCH),
    cholesky_complex=(lambda t, x: t.linalg.cholesky(positive(t, x)), C),
    cholesky_ex=(lambda t, x: t.linalg.cholesky_ex(positive(t, x)), SQUARE),
    cholesky_solve=(lambda t, x, b: t.cholesky_solve(b, t.linalg.cholesky(positive(t, x))), SQUARE, Y),
    cholesky_solve_upper=(lambda t, x, b: b.cholesky_solve(t.linalg.cholesky(positive(t, x)).mH, True), SQUARE, Y),
    cholesky_inverse=(lambda t, x: t.cholesky_inverse(t.linalg.cholesky(positive(t, x))), SQUARE),
    qr=(lambda t, x: t.linalg.qr(x), SQUARE),
    qr_batch=(lambda t, x: t.linalg.qr(x), BATCH),
    qr_tall=(lambda t, x: t.linalg.qr(x), TALL),
    qr_wide=(lambda t, x: t.linalg.qr(x), WIDE),
    qr_r=(lambda t, x: t.linalg.qr(x, mode="r")[1], A(3, 3, dtype=float64)),
    qr_complex=(lambda t, x: t.linalg.qr(x), CT),
    qr_complex_wide=(lambda t, x: t.linalg.qr(x), CW),
    qr_some=(lambda t, x: x.qr(), TALL),
    lu=(lambda t, x: t.linalg.lu(x)[1:], SQUARE),
    lu_p=(lambda t, x: t.linalg.lu(x)[0] * x.sum(), BATCH),
    lu_tall=(lambda t, x: t.linalg.lu(x)[1:], TALL),
    lu_wide=(lambda t, x: t.linalg.lu(x)[1:], WIDE),
    lu_factor=(lambda t, x: t.linalg.lu_factor(x), BATCH),
    lu_complex=(lambda t, x: t.linalg.lu(x)[1:], CT),
    lu_solve=(lambda t, x, b: t.linalg.lu_solve(*t.linalg.lu_factor(x), b), SQUARE, Y),
    lu_solve_adjoint=(lambda t, x, b: t.linalg.lu_solve(*t.linalg.lu_factor(x), b, adjoint=True), SQUARE, Y),
    lu_solve_right=(lambda t, x, b: t.linalg.lu_solve(*t.linalg.lu_factor(x), b, left=False), SQUARE, A(2, 3)),
    lu_solve_top=(lambda t, x, b: t.lu_solve(b, *t.linalg.lu_factor(x)), BATCH, A(4, 2)),
    eigvalsh=(lambda t, x: t.linalg.eigvalsh(x + x.mH), SQUARE),
    eigvalsh_upper=(lambda t, x: t.linalg.eigvalsh(x, UPLO="U"), BATCH),
    eigvalsh_complex=(lambda t, x: t.linalg.eigvalsh(x + x.mH), C),
    eigh=(lambda t, x: projections(t.linalg.eigh(x + x.mH)[1]), BATCH),
    eigh_outer=(lambda t, x: outers(t.linalg.eigh(x + x.mH).eigenvectors), SQUARE),
    eigh_complex=(lambda t, x: outers(t.linalg.eigh(x + x.mH)[1]), C),
    eigvals=(lambda t, x: t.linalg.eigvals(t.triu(x)), SQUARE),
    eig=(lambda t, x: projections(t.linalg.eig(positive(t, x) + t.triu(x) * 0.1)[1]), SQUARE),
    svdvals=(lambda t, x: t.linalg.svdvals(x), BATCH),
    svdvals_wide=(lambda t, x: t.linalg.svdvals(x), WIDE),
    svd_left=(lambda t, x: outers(t.linalg.svd(x, full_matrices=False).U), TALL),
    svd_right=(lambda t, x: outers(t.linalg.svd(x, full_matrices=False).Vh.mT), WIDE),
    svd_both=(lambda t, x: outers(t.linalg.svd(x)[0]) + outers(t.linalg.svd(x)[2].mT), SQUARE),
    svd_product=(lambda t, x: t.linalg.svd(x, False)[0] @ t.linalg.svd(x, False)[2], TALL),
    svd_product_wide=(lambda t, x: t.linalg.svd(x, False)[0] @ t.linalg.svd(x, False)[2], WIDE),
    svd_complex=(lambda t, x: (lambda u, s, vh: (u @ vh, s))(*t.linalg.svd(x, False)), C),
    svd_complex_tall=(lambda t, x: (lambda u, s, vh: (u @ vh, s))(*t.linalg.svd(x, False)), CT),
    svd_top=(lambda t, x: (lambda u, s, v: (u * s) @ v.mH)(*t.svd(x)), TALL),
    svd_shapes=(lambda t, x: size(t.linalg.svd(x, full_matrices=True)[1:2]), TALL),
)
calls(  # systems
    solve=(lambda t, x, b: t.linalg.solve(x, b), SQUARE, Y),
    solve_vector=(lambda t, x, b: t.linalg.solve(x, b), SQUARE, V),
    solve_batch=(lambda t, x, b: t.linalg.solve(x, b), BATCH, A(4, 2)),
    solve_batch_vectors=(lambda t, x, b: t.linalg.solve(x, b), BATCH, A(2, 4)),
    solve_right=(lambda t, x, b: t.linalg.solve(x, b, left=False), SQUARE, A(2, 3)),
    solve_complex=(lambda t, x, b: t.linalg.solve(x, b), C, A(3, 2, dtype=complex64)),
    solve_ex=(lambda t, x, b: t.linalg.solve_ex(x, b), SQUARE, Y),
    solve_empty=(lambda t, x, b: t.linalg.solve(x, b), A(0, 0), A(0, 2)),
    solve_triangular=(lambda t, x, b: t.linalg.solve_triangular(x, b, upper=True), SQUARE, Y),
    solve_triangular_lower=(lambda t, x, b: t.linalg.solve_triangular(x, b, upper=False), BATCH, A(4, 2)),
    solve_triangular_right=(
        lambda t, x, b: t.linalg.solve_triangular(x, b, upper=True, left=False, unitriangular=True),
        SQUARE,
        A(2, 3),
    ),
    triangular_solve=(lambda t, x, b: t.triangular_solve(b, x, transpose=True), SQUARE, Y),
    inv=(lambda t, x: t.linalg.inv(x), BATCH),
    inverse=(lambda t, x: x.inverse(), SQUARE),
    inv_complex=(lambda t, x: t.linalg.inv(x), C),
    inv_ex=(lambda t, x: t.linalg.inv_ex(x), SQUARE),
    det=(lambda t, x: t.det(x), SQUARE),
    det_batch=(lambda t, x: t.linalg.det(x), BATCH),
    det_complex=(lambda t, x: t.linalg.det(x), C),
    slogdet=(lambda t, x: t.linalg.slogdet(x), BATCH),
    slogdet_complex=(lambda t, x: x.slogdet(), C),
    logdet=(lambda t, x: t.logdet(positive(t, x)), BATCH),
    pinv=(lambda t, x: t.linalg.pinv(x), TALL),
    pinv_wide=(lambda t, x: t.linalg.pinv(x), WIDE),
    pinv_hermitian=(lambda t, x: t.linalg.pinv(positive(t, x), hermitian=True), SQUARE),
    pinv_complex=(lambda t, x: t.linalg.pinv(x), CT),
    pinverse=(lambda t, x: t.pinverse(x), TALL),
    lstsq=(lambda t, x, b: t.linalg.lstsq(x, b).solution, TALL, A(5, 2)),
    lstsq_wide=(lambda t, x, b: t.linalg.lstsq(x, b)[0], WIDE, Y),
    lstsq_all=(lambda t, x, b: t.linalg.lstsq(x.detach(), b.detach(), driver="gelsd"), TALL, A(5, 2)),
    matrix_power_negative=(lambda t, x: t.linalg.matrix_power(x, -2), SQUARE),
    tensorinv=(lambda t, x: t.linalg.tensorinv(x, ind=1), A(6, 2, 3)),
    tensorsolve=(lambda t, x, b: t.linalg.tensorsolve(x, b), A(2, 3, 6), A(2, 3)),
    tensorsolve_dims=(lambda t, x, b: t.linalg.tensorsolve(x, b, dims=(0,)), A(6, 2, 3), A(2, 3)),
)
calls(  # functions
    matrix_exp=(lambda t, x: t.linalg.matrix_exp(x), SQUARE),
    matrix_exp_batch=(lambda t, x: t.matrix_exp(x * 0.3), BATCH),
    matrix_exp_complex=(lambda t, x: x.matrix_exp(), C),
    matrix_rank=(lambda t, x: t.linalg.matrix_rank(x[..., :2] @ x[..., :2].mT), BATCH),
    matrix_rank_tol=(lambda t, x: t.linalg.matrix_rank(x, atol=1.0, rtol=0.1), BATCH),
    matrix_rank_hermitian=(lambda t, x: t.linalg.matrix_rank(positive(t, x), hermitian=True), SQUARE),
    **{f"cond_{p}": (lambda t, x, p=p: t.linalg.cond(x, p), BATCH) for p in (None, 2, -2, 1, -1, INF, "fro", "nuc")},
    **{
        f"vector_norm_{p}": (lambda t, x, p=p: t.linalg.vector_norm(x, p, dim=-1), X)
        for p in (0, 1, 2, 3, 0.5, -1, INF, -INF)
    },
    vector_norm_all=(lambda t, x: t.linalg.vector_norm(x), BATCH),
    vector_norm_dims=(lambda t, x: t.linalg.vector_norm(x, 3, (0, 2), True), BATCH),
    vector_norm_dtype=(lambda t, x: t.linalg.vector_norm(x, dtype=t.float64), X),
    vector_norm_complex=(lambda t, x: t.linalg.vector_norm(x, 3), C),
    vector_norm_zero=(lambda t, x: t.linalg.vector_norm(x * 0), X),
    vector_norm_scalar=(lambda t, x: t.linalg.vector_norm(x, 3), A()),
    vector_norm_empty=(lambda t, x: t.linalg.vector_norm(x), A(0)),
    **{
        f"matrix_norm_{p}": (lambda t, x, p=p: t.linalg.matrix_norm(x, p), BATCH)
        for p in ("fro", "nuc", 1, -1, 2, -2, INF, -INF)
    },
    matrix_norm_dims=(lambda t, x: t.linalg.matrix_norm(x, 1, (0, 2), True), BATCH),
    matrix_norm_nuc_keep=(lambda t, x: t.linalg.matrix_norm(x, "nuc", (2, 0), True), BATCH),
    norm=(lambda t, x: t.linalg.norm(x), BATCH),
    norm_vector=(lambda t, x: t.linalg.norm(x, 1), V),
    norm_matrix=(lambda t, x: t.linalg.norm(x, 1), X),
    norm_dim=(lambda t, x: t.linalg.norm(x, dim=1), X),
    norm_dims=(lambda t, x: t.linalg.norm(x, INF, dim=(0, 1)), X),
    norm_fro=(lambda t, x: t.linalg.norm(x, "fro"), X),
    cross=(lambda t, a, b: t.linalg.cross(a, b), A(4, 3), A(4, 3, seed=1)),
    vecdot=(lambda t, a, b: t.linalg.vecdot(a, b, dim=0), X, A(3, 4, seed=1)),
    vecdot_complex=(lambda t, a, b: t.linalg.vecdot(a, b), C, A(3, 3, dtype=complex64, seed=1)),
    diagonal=(lambda t, x: t.linalg.diagonal(x, offset=1), BATCH),
    vander=(lambda t, x: t.linalg.vander(x), V),
    vander_n=(lambda t, x: t.linalg.vander(x, N=5), A(2, 3)),
    vander_int=(lambda t, x: t.linalg.vander(x), A(3, dtype=int64)),
    matmul=(lambda t, a, b: t.linalg.matmul(a, b), SQUARE, Y),
    householder=(lambda t, a, b: t.linalg.householder_product(a, b), TALL, A(3, low=0.1, high=0.9)),
    orgqr=(lambda t, a, b: t.orgqr(a, b), TALL, A(2, low=0.1, high=0.9)),
)


def is_complex(name: str) -> bool:
    return any(s.dtype.is_complex for s in CALLS[name][1])


@pytest.mark.parametrize("name", CALLS)
def test_value(oracle: Any, name: str) -> None:  # noqa: F811
    function, specs = CALLS[name]
    ours = function(corelib, *[oracle.ours(s) for s in specs])
    oracle.same(ours, function(oracle.torch, *[oracle.theirs(s) for s in specs]), loose=20)


# its eigenvalues are complex, as no number of that device is
NO_PORTABLE = ("eig", "eigvals")


@pytest.mark.parametrize("name", [n for n in CALLS if not is_complex(n) and n not in NO_PORTABLE])
def test_portable_value(oracle: Any, name: str) -> None:  # noqa: F811
    function, specs = CALLS[name]
    wide = Sample(specs).widened().args
    with corelib.device("strict"):
        ours = function(corelib, *[oracle.ours(s, "strict") for s in wide])
    oracle.same(ours, function(oracle.torch, *[oracle.theirs(s) for s in wide]), loose=20)


ACTIVE = (float64, complex128)
NO_GRADIENT = {"matrix_rank", "matrix_rank_tol", "matrix_rank_hermitian", "vander_int", "lstsq_all"}
NO_GRADIENT |= {"qr_r", "cond_1", "cond_-1", "cond_inf", "cond_fro"}  # where PyTorch itself refuses
# PyTorch's derivative of the derivative is not defined there, or not there at all
FIRST_ONLY = ("vector_norm_zero", "householder", "orgqr", "eig", "eigvals")


@pytest.mark.parametrize("name", [n for n in CALLS if n not in NO_GRADIENT])
def test_gradients(oracle: Any, name: str) -> None:  # noqa: F811
    function, specs = CALLS[name]
    wide = Sample(specs).widened().args
    ours, theirs = partial(function, corelib), partial(function, oracle.torch)
    if name not in FIRST_ONLY:
        oracle.same_gradients(ours, theirs, wide)
        return
    a, b = [oracle.ours(s).requires_grad_() for s in wide], [oracle.theirs(s).requires_grad_() for s in wide]
    first, second = ours(*a), theirs(*b)
    if first.requires_grad:
        oracle.same(
            list(corelib.autograd.grad(abs(first).sum(), a)), list(oracle.torch.autograd.grad(abs(second).sum(), b))
        )


ERRORS: dict[str, tuple[Callable[..., Any], tuple[ArraySpec, ...]]] = {}
for _name in ("cholesky", "qr", "eigh", "eig", "svd", "inv", "det", "slogdet", "lu", "lu_factor", "matrix_exp", "pinv",
              "matrix_rank", "cond", "svdvals", "eigvals", "matrix_norm"):  # fmt: skip
    ERRORS[f"{_name}_vector"] = (lambda t, x, n=_name: getattr(t.linalg, n)(x), (V,))
    ERRORS[f"{_name}_int"] = (lambda t, x, n=_name: getattr(t.linalg, n)(x), (A(2, 2, dtype=int64),))
    if _name not in ("qr", "svd", "lu", "lu_factor", "pinv", "matrix_rank", "cond", "svdvals", "matrix_norm"):
        ERRORS[f"{_name}_not_square"] = (lambda t, x, n=_name: getattr(t.linalg, n)(x), (X,))
ERRORS |= {
    "cholesky_negative": (lambda t, x: t.linalg.cholesky(-positive(t, x)), (SQUARE,)),
    "cholesky_batch": (lambda t, x: t.linalg.cholesky(positive(t, x) - 3.0), (BATCH,)),
    "cholesky_top": (lambda t, x: t.linalg.cholesky(t.zeros_like(x)), (SQUARE,)),
    "inv_singular": (lambda t, x: t.linalg.inv(t.ones_like(x)), (SQUARE,)),
    "inv_singular_batch": (lambda t, x: t.linalg.inv(t.ones_like(x)), (BATCH,)),
    "inverse_singular": (lambda t, x: t.inverse(t.zeros_like(x)), (SQUARE,)),
    "solve_singular": (lambda t, x, b: t.linalg.solve(t.ones_like(x), b), (SQUARE, Y)),
    "solve_singular_batch": (lambda t, x, b: t.linalg.solve(t.ones_like(x), b), (BATCH, A(4, 2))),
    "solve_shapes": (lambda t, x, b: t.linalg.solve(x, b), (SQUARE, A(4, 2))),
    "solve_vector": (lambda t, x, b: t.linalg.solve(x, b), (SQUARE, A(4))),
    "solve_dtypes": (lambda t, x, b: t.linalg.solve(x, b), (SQUARE, A(3, 2, dtype=float64))),
    "solve_left": (lambda t, x, b: t.linalg.solve(x, b, left=False), (SQUARE, V)),
    "solve_triangular": (lambda t, x, b: t.linalg.solve_triangular(x, b, upper=True), (SQUARE, A(4, 2))),
    "solve_triangular_vector": (lambda t, x, b: t.linalg.solve_triangular(x, b, upper=True), (SQUARE, V)),
    "lu_factor_singular": (lambda t, x: t.linalg.lu_factor(t.ones_like(x)), (SQUARE,)),
    "lu_no_pivot": (lambda t, x: t.linalg.lu(x, pivot=False), (SQUARE,)),
    "lu_solve": (lambda t, x, b: t.linalg.lu_solve(*t.linalg.lu_factor(x), b), (SQUARE, A(4, 2))),
    "logdet": (lambda t, x: t.logdet(x), (X,)),
    "qr_mode": (lambda t, x: t.linalg.qr(x, "full"), (X,)),
    "eigh_uplo": (lambda t, x: t.linalg.eigh(x, "x"), (SQUARE,)),
    "vector_norm": (lambda t, x: t.linalg.vector_norm(x), (A(3, dtype=int64),)),
    "vector_norm_empty": (lambda t, x: t.linalg.vector_norm(x, INF), (A(0),)),
    "matrix_norm_order": (lambda t, x: t.linalg.matrix_norm(x, 3), (X,)),
    "matrix_norm_name": (lambda t, x: t.linalg.matrix_norm(x, "x"), (X,)),
    "matrix_norm_dims": (lambda t, x: t.linalg.matrix_norm(x, dim=(0, 0)), (X,)),
    "norm_rank": (lambda t, x: t.linalg.norm(x, 2), (BATCH,)),
    "norm_dims": (lambda t, x: t.linalg.norm(x, 2, dim=(0, 1, 2)), (BATCH,)),
    "norm_fro_vector": (lambda t, x: t.linalg.norm(x, "fro"), (V,)),
    "cond_order": (lambda t, x: t.linalg.cond(x, "x"), (SQUARE,)),
    "cond_square": (lambda t, x: t.linalg.cond(x, 1), (X,)),
    "lstsq_rows": (lambda t, x, b: t.linalg.lstsq(x, b), (SQUARE, A(4, 2))),
    "lstsq_driver": (lambda t, x, b: t.linalg.lstsq(x, b, driver="x"), (SQUARE, Y)),
    "vander": (lambda t, x: t.linalg.vander(x, N=1), (V,)),
    "vecdot": (lambda t, x, b: t.linalg.vecdot(x, b), (V, A(4))),
    "tensorinv": (lambda t, x: t.linalg.tensorinv(x), (X,)),
    "tensorinv_ind": (lambda t, x: t.linalg.tensorinv(x, 0), (X,)),
    "tensorsolve": (lambda t, x, b: t.linalg.tensorsolve(x, b), (X, V)),
    "cross": (lambda t, x, b: t.linalg.cross(x, b), (A(2), A(2))),
    "cholesky_solve": (lambda t, x, b: t.cholesky_solve(b, x), (SQUARE, A(4, 2))),
    "householder": (lambda t, x, b: t.linalg.householder_product(x, b), (WIDE, V)),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(oracle: Any, name: str) -> None:  # noqa: F811
    function, specs = ERRORS[name]
    ours, theirs = [oracle.ours(s) for s in specs], [oracle.theirs(s) for s in specs]
    with pytest.raises(Exception) as expected:
        function(oracle.torch, *theirs)
    if not issubclass(expected.type, oracle.torch.linalg.LinAlgError):
        oracle.same_error(lambda: function(corelib, *ours), lambda: function(oracle.torch, *theirs))
        return
    with pytest.raises(corelib.linalg.LinAlgError) as found:
        function(corelib, *ours)
    assert str(found.value).splitlines()[0] == str(expected.value).splitlines()[0]


# -- without PyTorch ---------------------------------------------------------------------------------------------


def test_errors_are_linalg_errors() -> None:
    assert issubclass(corelib.linalg.LinAlgError, RuntimeError)
    with pytest.raises(corelib.linalg.LinAlgError, match="singular"):
        corelib.linalg.inv(corelib.zeros(2, 2))
    result = corelib.linalg.inv_ex(corelib.tensor([[1.0, 0.0], [0.0, 0.0]]))
    assert result.info.item() == 2


def test_results_have_names() -> None:
    x = corelib.tensor([[2.0, 0.0], [0.0, 1.0]])
    assert corelib.linalg.qr(x)._fields == ("Q", "R")
    assert corelib.linalg.svd(x).S.tolist() == [2.0, 1.0]
    assert corelib.linalg.eigh(x).eigenvalues.tolist() == [1.0, 2.0]
    assert corelib.linalg.slogdet(x).sign.item() == 1.0
    assert "logabsdet=" in repr(corelib.linalg.slogdet(x))


def test_determinant_of_a_singular_matrix_has_a_gradient() -> None:
    x = corelib.tensor([[1.0, 2.0], [2.0, 4.0]], dtype=float64, requires_grad=True)
    (gradient,) = corelib.autograd.grad(corelib.det(x), x)
    assert corelib.allclose(gradient, corelib.tensor([[4.0, -2.0], [-2.0, 1.0]], dtype=float64))


@pytest.mark.parametrize("device", ["cpu", "strict"])
@pytest.mark.parametrize("shape", [(7, 4), (4, 7), (2, 6, 6)])
def test_factors_multiply_to_the_matrix(device: str, shape: tuple[int, ...]) -> None:
    corelib.manual_seed(0)
    x = corelib.randn(*shape, dtype=float64).to(device)
    near = dict(rtol=1e-10, atol=1e-10)
    for complete in (False, True):
        u, s, vh = corelib.linalg.svd(x, full_matrices=complete)
        k = s.shape[-1]
        assert corelib.allclose((u[..., :k] * s.unsqueeze(-2)) @ vh[..., :k, :], x, **near)
        q, r = corelib.linalg.qr(x, "complete" if complete else "reduced")
        assert corelib.allclose(q @ r, x, **near)
        for orthogonal in (u, q, vh.mT):
            one = corelib.eye(orthogonal.shape[-1], dtype=float64, device=device)
            assert corelib.allclose(
                orthogonal.mT @ orthogonal, one.expand((*orthogonal.mT.shape[:-1], one.shape[0])), **near
            )
    p, lower, upper = corelib.linalg.lu(x)
    assert corelib.allclose(p @ lower @ upper, x, **near)


def test_eig_says_which_kernel_a_device_lacks() -> None:
    with pytest.raises((TypeError, RuntimeError), match=r"complex64|linalg_eig"):
        corelib.linalg.eig(corelib.ones(2, 2, device="strict"))


def test_out() -> None:
    out = corelib.empty(2, 2)
    x = corelib.tensor([[2.0, 0.0], [0.0, 4.0]])
    assert corelib.linalg.inv(x, out=out) is out
    assert out.tolist() == [[0.5, 0.0], [0.0, 0.25]]


def test_float32_is_the_default_everywhere() -> None:
    assert corelib.linalg.svdvals(corelib.ones(2, 2)).dtype is float32


def test_meta_tensors_have_shapes() -> None:
    x = corelib.empty(2, 3, 3, device="meta")
    assert corelib.linalg.inv(x).shape == (2, 3, 3)
    assert corelib.linalg.svd(x).S.shape == (2, 3)
    assert corelib.linalg.cholesky(x).device.type == "meta"
