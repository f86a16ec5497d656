"""Matrix decompositions and the solvers on them: primitives with gradients as PyTorch's.

Each has a body of matrix products for backends without a kernel (:mod:`.portable`); only :func:`eig` has none.
They compute in float32, float64 and their complex kin, on batches [..., m, n].
"""

from __future__ import annotations

from collections import namedtuple
from typing import Any

from ..core.plan import Result
from ..core.tensor import Tensor
from ..dtypes import int32, int64
from ..layout import Layout
from . import portable, rules, samples
from .elementwise import conj, where
from .linalg import matmul
from .movement import cat, tril, triu
from .portable import adjoint
from .primitive import primitive

_A = samples.array


class LinAlgError(RuntimeError):
    """A matrix is singular, or not positive-definite."""

    __module__ = "corelib.linalg"


def named(operation: str, *fields: str) -> Any:
    """The result type of an operation with several results, which its name and theirs show in."""

    def show(self: Any) -> str:
        parts = ",\n".join(f"{f}={x!r}" for f, x in zip(fields, self, strict=True))
        return f"torch.return_types.{operation}(\n{parts})"

    base = namedtuple(operation, fields)  # type: ignore[misc]
    return type(operation, (base,), {"__slots__": (), "__repr__": show, "__module__": "corelib.return_types"})


# -- rules


def check_floating(x: Any, name: str) -> None:
    """RuntimeError unless the dtype is float32, float64 or complex."""
    d = x.dtype
    if d.category < 2:
        raise RuntimeError(f"{name}: Expected a floating point or complex tensor as input. Got {rules.what(d)}")
    if d.is_half:
        raise RuntimeError(f"{name}: Low precision dtypes not supported. Got {rules.what(d)}")


def check_matrix(x: Any, name: str, letter: str = "A") -> None:
    """RuntimeError unless there are two dimensions at least."""
    if len(x.shape) < 2:
        raise RuntimeError(f"{name}: The input tensor {letter} must have at least 2 dimensions.")


def check_square(x: Any, name: str, letter: str = "A") -> None:
    """RuntimeError unless the matrices are square."""
    check_matrix(x, name, letter)
    if x.shape[-1] != x.shape[-2]:
        raise RuntimeError(
            f"{name}: {letter} must be batches of square matrices, but they are {x.shape[-2]} by {x.shape[-1]} matrices"
        )


def _square(x: Layout, name: str) -> None:
    check_square(x, name)
    check_floating(x, name)


def _any(x: Layout, name: str) -> None:
    check_matrix(x, name)
    check_floating(x, name)


_GENERAL = (_A(3, 3), _A(2, 4, 4, seed=1))
_BAD = (
    samples.Sample((_A(3),), error=RuntimeError),
    samples.Sample((_A(2, 3),), error=RuntimeError),
    samples.Sample((_A(2, 2, dtype=int64),), error=RuntimeError),
)


def _half_diagonal(x: Tensor) -> Tensor:
    """The lower triangle with its diagonal halved."""
    return tril(x) - diagonal_matrix(x.diagonal(0, -2, -1)) * 0.5


def diagonal_matrix(values: Tensor) -> Tensor:
    """[..., n] -> [..., n, n] with the values on the diagonal."""
    from .creation import eye

    return values.unsqueeze(-1) * eye(values.shape[-1], dtype=values.dtype, device=values.device)


def real(x: Tensor) -> Tensor:
    """The real part; of a real tensor, itself."""
    return x.real if x.dtype.is_complex else x


def _like(x: Tensor, input: Tensor) -> Tensor:
    """``x`` in the dtype of ``input`` where that is complex and x real."""
    return x.to(input.dtype) if x.dtype is not input.dtype else x


# -- cholesky


def _cholesky_rule(a: Layout) -> Result:
    _square(a, "linalg.cholesky")
    return Result((a.dense, Layout.of(a.shape[:-2], int32, a.device)), ())


def _cholesky_grad(grads: Any, L: Tensor) -> Tensor | None:
    g = grads[0]
    if g is None:
        return None
    phi = _half_diagonal(matmul(adjoint(L), g))
    inner = solve_triangular_kernel(adjoint(L), phi, True, False)
    whole = adjoint(solve_triangular_kernel(adjoint(L), adjoint(inner), True, False))
    return (whole + adjoint(whole)) * 0.5


@primitive(
    name="linalg_cholesky", rule=_cholesky_rule, vjp={"input": _cholesky_grad}, outputs=("L", "info"),
    nondifferentiable=(1,), result_type=named("linalg_cholesky_ex", "L", "info"), torch_name="linalg.cholesky_ex",
    samples=samples.calls(
        "[3,3]=4.0,1.0,0.5,1.0,3.0,0.2,0.5,0.2,2.0; [2,2,2]=4.0,1.0,1.0,3.0,2.0,-0.5,-0.5,1.0; [0,0]; [0,2,2]",
        *_BAD,
    ),
    node_name="LinalgCholeskyEx",
)  # fmt: skip
def cholesky_kernel(input: Tensor) -> Any:
    """(L, info) with L @ L^H = input, of which the lower triangle is read; info: the first minor not positive, or 0."""
    return portable.cholesky(input)


# -- lu


def _lu_rule(a: Layout) -> Result:
    if len(a.shape) < 2:
        raise RuntimeError(
            f"torch.lu_factor: Expected tensor with 2 or more dimensions. Got size: {list(a.shape)} instead"
        )
    if a.dtype.category < 2 or a.dtype.is_half:
        raise rules.not_implemented("lu_cpu", a.dtype)
    k = min(a.shape[-1], a.shape[-2])
    batch = a.shape[:-2]
    return Result((a.dense, Layout.of((*batch, k), int32, a.device), Layout.of(batch, int32, a.device)), ())


def _eye_like(x: Tensor, n: int) -> Tensor:
    from .creation import eye

    return eye(n, dtype=x.dtype, device=x.device)


def permutation(pivots: Tensor, n: int) -> Tensor:
    """The order of rows that the pivots' swaps give, as indices [..., n]."""
    from .creation import arange

    row = arange(n, device=pivots.device)
    order = row.expand((*pivots.shape[:-1], n))
    for j in range(pivots.shape[-1]):
        at = (pivots[..., j] - 1).to(order.dtype).unsqueeze(-1)
        swapped = where(row.eq(j), at, where(row.eq(at), j, row))
        order = order.gather(-1, swapped)
    return order


def _lu_grad(grads: Any, LU: Tensor, pivots: Tensor) -> Tensor | None:
    g = grads[0]
    if g is None:
        return None
    m, n = LU.shape[-2], LU.shape[-1]
    k = min(m, n)
    lower, upper = tril(LU[..., :k], -1), triu(LU[..., :k, :])
    g_lower, g_upper = tril(g[..., :k], -1), triu(g[..., :k, :])
    one = _eye_like(LU, k)
    l1, u1 = lower[..., :k, :] + one, upper[..., :k]
    inner = tril(matmul(adjoint(l1), g_lower[..., :k, :]), -1)
    outer = triu(matmul(g_upper[..., :k], adjoint(u1)))
    if n > k:
        inner = inner - tril(matmul(g_upper[..., k:], adjoint(upper[..., k:])), -1)
    if m > k:
        outer = outer - triu(matmul(adjoint(lower[..., k:, :]), g_lower[..., k:, :]))
    middle = _right_solve(inner + outer, adjoint(u1), False, False)
    result = solve_triangular_kernel(adjoint(l1), middle, True, True)
    if n > k:
        result = cat([result, solve_triangular_kernel(adjoint(l1), g_upper[..., k:], True, True)], -1)
    if m > k:
        result = cat([result, _right_solve(g_lower[..., k:, :], adjoint(u1), False, False)], -2)
    inverse = permutation(pivots, m).argsort(-1)
    return result.gather(-2, inverse.unsqueeze(-1).expand(tuple(result.shape)))


def _right_solve(b: Tensor, a: Tensor, upper: bool, unit: bool) -> Tensor:
    """X of X A = B for a triangular A."""
    return adjoint(solve_triangular_kernel(adjoint(a), adjoint(b), not upper, unit))


@primitive(
    name="linalg_lu_factor", rule=_lu_rule, vjp={"input": _lu_grad}, outputs=("LU", "pivots", "info"),
    nondifferentiable=(1, 2), result_type=named("linalg_lu_factor_ex", "LU", "pivots", "info"),
    torch_name="linalg.lu_factor_ex", node_name="LinalgLuFactorEx",
    samples=samples.calls(
        *[(x,) for x in _GENERAL],
        "[3,5]; [5,3]; [3,3]@float64; [3,3]@complex128; [0,0]; [0,3,3]",
    ),
)  # fmt: skip
def lu_kernel(input: Tensor) -> Any:
    """(LU, pivots, info): L below and U on and above the diagonal; rows i and pivots[i] - 1 are swapped in turn."""
    return portable.lu(input)


# -- qr


def _qr_rule(a: Layout, complete: bool) -> Result:
    _any(a, "linalg.qr")
    m, n = a.shape[-2:]
    k = m if complete else min(m, n)
    return Result((a.with_shape((*a.shape[:-2], m, k)), a.with_shape((*a.shape[:-2], k, n))), (bool(complete),))


def _qr_grad(grads: Any, Q: Tensor, R: Tensor) -> Tensor:
    g_q, g_r = grads
    m, n, k = Q.shape[-2], R.shape[-1], Q.shape[-1]
    if k > n:
        raise RuntimeError("The QR decomposition is not differentiable when mode='complete' and nrows > ncols")
    wide: Tensor | None = None
    if n > m:  # the columns beyond the square are Q^H A
        r_wide = R[..., m:]
        R = R[..., :m]
        if g_r is not None:
            g_wide = g_r[..., m:]
            wide = matmul(Q, g_wide)
            more = matmul(matmul(Q, r_wide), adjoint(g_wide))
            g_q = more if g_q is None else g_q + more
            g_r = g_r[..., :m]
        else:
            wide = matmul(Q, r_wide) * 0
    middle: Any = 0
    if g_r is not None:
        middle = matmul(triu(g_r), adjoint(R))
    if g_q is not None:
        middle = middle - matmul(adjoint(Q), g_q)
    upper = triu(middle)
    sides = upper + adjoint(upper) - diagonal_matrix(_like(real(upper.diagonal(0, -2, -1)), upper))
    whole = matmul(Q, sides)
    result = _right_solve(whole if g_q is None else whole + g_q, adjoint(R), False, False)
    return result if wide is None else cat([result, wide], -1)


@primitive(
    name="linalg_qr", rule=_qr_rule, vjp={"input": _qr_grad}, outputs=("Q", "R"),
    result_type=named("linalg_qr", "Q", "R"), torch_name="linalg.qr",
    samples=samples.calls(
        *[(x, False) for x in _GENERAL],
        "[5,3] False; [3,5] False; [3,3]@float64 False; [3,3]@complex128 False; [0,3] False; [5,3] True !-",
    ),
)  # fmt: skip
def qr_kernel(input: Tensor, complete: bool) -> Any:
    """(Q, R): orthonormal columns and an upper triangle, with Q @ R = input; Q square where ``complete``."""
    return portable.qr(input, complete)


# -- eigh


def _eigh_rule(a: Layout) -> Result:
    check_square(a, "linalg.eigh")
    if a.dtype.category < 2 or a.dtype.is_half:
        raise rules.not_implemented("linalg_eigh_cpu", a.dtype)
    return Result((Layout.of(a.shape[:-1], a.dtype.to_real(), a.device), a.dense), ())


def _gaps(values: Tensor) -> Tensor:
    """values[j] - values[i] at [i, j], and 1 on the diagonal."""
    differences = values.unsqueeze(-2) - values.unsqueeze(-1)
    return differences + _eye_like(differences, values.shape[-1])


def _eigh_grad(grads: Any, eigenvalues: Tensor, eigenvectors: Tensor) -> Tensor | None:
    g_values, g_vectors = grads
    v = eigenvectors
    if g_vectors is None:
        return None if g_values is None else matmul(v * g_values.unsqueeze(-2), adjoint(v))
    inner = matmul(adjoint(v), g_vectors) / _gaps(eigenvalues)
    n = inner.shape[-1]
    inner = where(_eye_like(inner, n).ne(0), 0.0, inner)
    if g_values is not None:
        inner = inner + diagonal_matrix(_like(g_values, inner))
    whole = matmul(v, matmul(inner, adjoint(v)))
    return (whole + adjoint(whole)) * 0.5


@primitive(
    name="linalg_eigh", rule=_eigh_rule, vjp={"input": _eigh_grad}, outputs=("eigenvalues", "eigenvectors"),
    result_type=named("linalg_eigh", "eigenvalues", "eigenvectors"), torch_name="linalg.eigh",
    samples=samples.calls(
        "[3,3]=4.0,1.0,0.5,1.0,3.0,0.2,0.5,0.2,2.0; [2,2,2]=4.0,1.0,1.0,3.0,2.0,-0.5,-0.5,1.0; [0,0]; [1,1]",
        *_BAD,
    ), node_name="LinalgEigh",
)  # fmt: skip
def eigh_kernel(input: Tensor) -> Any:
    """(eigenvalues ascending, eigenvectors as columns) of a Hermitian matrix, of which the lower triangle is read."""
    return portable.eigh(input)


# -- svd


def _svd_rule(a: Layout, full_matrices: bool) -> Result:
    _any(a, "linalg.svd")
    m, n = a.shape[-2:]
    k = min(m, n)
    batch = a.shape[:-2]
    left, right = (m, m) if full_matrices else (m, k), (n, n) if full_matrices else (k, n)
    values = Layout.of((*batch, k), a.dtype.to_real(), a.device)
    return Result((a.with_shape((*batch, *left)), values, a.with_shape((*batch, *right))), (bool(full_matrices),))


def _svd_grad(grads: Any, U: Tensor, S: Tensor, Vh: Tensor) -> Tensor | None:
    g_u, g_s, g_vh = grads
    m, n, k = U.shape[-2], Vh.shape[-1], S.shape[-1]
    U, Vh = U[..., :k], Vh[..., :k, :]
    if g_u is None and g_vh is None:
        return None if g_s is None else matmul(U * _like(g_s, U).unsqueeze(-2), Vh)
    g_u = None if g_u is None else g_u[..., :k]
    g_vh = None if g_vh is None else g_vh[..., :k, :]
    square = S * S
    gaps = _gaps(square)
    wide, tall = _like(S, U).unsqueeze(-2), _like(S, U).unsqueeze(-1)
    inner: Any = 0
    if g_u is not None:
        turned = matmul(adjoint(U), g_u)
        inner = ((turned - adjoint(turned)) / gaps) * wide
    if g_vh is not None:
        v_turned = matmul(Vh, adjoint(g_vh))
        inner = inner + tall * ((v_turned - adjoint(v_turned)) / gaps)
    inner = where(_eye_like(U, k).ne(0), 0.0, inner)
    if g_s is not None:
        inner = inner + diagonal_matrix(_like(g_s, U))
    if U.dtype.is_complex and g_u is not None:
        phase = turned.diagonal(0, -2, -1)
        inner = inner + diagonal_matrix((phase - conj(phase)) * 0.5 / _like(S, U))
    result = matmul(U, matmul(inner, Vh))
    if m > k and g_u is not None:
        over = g_u / wide
        result = result + matmul(over - matmul(U, matmul(adjoint(U), over)), Vh)
    if n > k and g_vh is not None:
        over = g_vh / tall
        result = result + matmul(U, over - matmul(matmul(over, adjoint(Vh)), Vh))
    return result


@primitive(
    name="linalg_svd", rule=_svd_rule, vjp={"input": _svd_grad}, outputs=("U", "S", "Vh"),
    result_type=named("linalg_svd", "U", "S", "Vh"), torch_name="linalg.svd", node_name="LinalgSvd",
    samples=samples.calls(
        *[(x, False) for x in _GENERAL],
        "[5,3] False; [3,5] False; [3,3]@float64 False; [5,3] True !-; [0,3] False",
    ),
)  # fmt: skip
def svd_kernel(input: Tensor, full_matrices: bool) -> Any:
    """(U, S descending, Vh) with (U * S) @ Vh = input."""
    return portable.svd(input, full_matrices)


# -- triangular systems


def _triangular_rule(a: Layout, b: Layout, upper: bool, unitriangular: bool) -> Result:
    _square(a, "linalg.solve_triangular")
    check_floating(b, "linalg.solve_triangular")
    if a.shape[-1] != b.shape[-2] or a.shape[:-2] != b.shape[:-2] or a.dtype is not b.dtype:
        raise RuntimeError(
            f"linalg.solve_triangular: Incompatible shapes of A and B for the equation AX = B ({a.shape[-2]}x"
            f"{a.shape[-1]} and {b.shape[-2]}x{b.shape[-1]})"
        )
    return Result(b.dense, (bool(upper), bool(unitriangular)))


def _triangular_grad_b(grad: Tensor, input: Tensor, upper: bool, unitriangular: bool) -> Tensor:
    return solve_triangular_kernel(adjoint(input), grad, not upper, unitriangular)


def _triangular_grad_a(grad: Tensor, input: Tensor, out: Tensor, upper: bool, unitriangular: bool) -> Tensor:
    whole = -matmul(solve_triangular_kernel(adjoint(input), grad, not upper, unitriangular), adjoint(out))
    return triu(whole, int(unitriangular)) if upper else tril(whole, -int(unitriangular))


@primitive(
    name="linalg_solve_triangular", rule=_triangular_rule,
    vjp={"input": _triangular_grad_a, "other": _triangular_grad_b}, torch_name="", node_name="LinalgSolveTriangular",
    samples=samples.calls(
        "[3,3]=4.0,1.0,0.5,1.0,3.0,0.2,0.5,0.2,2.0 [3,2] True False; "
        "[3,3]=4.0,1.0,0.5,1.0,3.0,0.2,0.5,0.2,2.0 [3,2] False False; [2,4,4] [2,4,3] False True; "
        "[0,0] [0,2] True False",
    ),
)  # fmt: skip
def solve_triangular_kernel(input: Tensor, other: Tensor, upper: bool, unitriangular: bool) -> Tensor:
    """X of input @ X = other, of whose input one triangle is read (with a diagonal of ones where unitriangular)."""
    return portable.solve_triangular(input, other, upper, unitriangular)


# -- eig


def _eig_rule(a: Layout) -> Result:
    check_square(a, "linalg.eig")
    if a.dtype.category < 2:
        raise RuntimeError(f"Unknown Complex ScalarType for {rules.what(a.dtype)}")
    check_floating(a, "linalg.eig")
    d = a.dtype.to_complex()
    return Result((Layout.of(a.shape[:-1], d, a.device), a.with_dtype(d)), ())


def _eig_grad(grads: Any, eigenvalues: Tensor, eigenvectors: Tensor, input_layout: Layout) -> Tensor | None:
    g_values, g_vectors = grads
    v = eigenvectors
    if g_values is None and g_vectors is None:
        return None
    inner: Any = None
    if g_vectors is not None:
        turned = matmul(adjoint(v), g_vectors)
        scale = _like(real(turned.diagonal(0, -2, -1)), turned).unsqueeze(-2)
        inner = (turned - matmul(adjoint(v), v) * scale) / conj(_gaps(eigenvalues))
        inner = where(_eye_like(inner, v.shape[-1]).ne(0), 0.0, inner)
    if g_values is not None:
        values = diagonal_matrix(g_values)
        inner = values if inner is None else inner + values
    from .solvers import solve

    result = solve(adjoint(v), matmul(inner, adjoint(v)))
    return result if input_layout.dtype.is_complex else result.real


@primitive(
    name="linalg_eig", rule=_eig_rule, vjp={"input": _eig_grad}, outputs=("eigenvalues", "eigenvectors"),
    result_type=named("linalg_eig", "eigenvalues", "eigenvectors"), torch_name="linalg.eig", tier="linalg",
    samples=samples.calls(
        "[3,3]=4.0,1.0,0.5,1.0,3.0,0.2,0.5,0.2,2.0",
        *_BAD,
    ), node_name="LinalgEig",
)  # fmt: skip
def eig_kernel(input: Tensor) -> Any:
    """(eigenvalues, eigenvectors as columns of length 1) of a square matrix, complex."""
