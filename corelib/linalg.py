"""``torch.linalg``: linear algebra on batches of matrices [..., m, n]."""

from __future__ import annotations

import sys
from math import prod
from typing import Any

from .core.tensor import Tensor
from .ops import rules
from .ops.decompositions import (
    LinAlgError,
    check_matrix,
    check_square,
    eig_kernel,
    eigh_kernel,
    lu_kernel,
    named,
    permutation,
    qr_kernel,
    solve_triangular_kernel,
    svd_kernel,
)
from .ops.elementwise import conj as _conj
from .ops.face import show
from .ops.indefinite import ldl_factor, ldl_factor_ex, ldl_solve
from .ops.linalg import matmul as matmul
from .ops.matrix import (
    cond,
    householder_product,
    lstsq,
    matrix_exp,
    matrix_norm,
    matrix_rank,
    norm,
    pinv,
    svdvals,
    vector_norm,
)
from .ops.movement import cat as _cat
from .ops.movement import tril as _tril
from .ops.movement import triu as _triu
from .ops.portable import adjoint as _adjoint
from .ops.products import cross as _cross
from .ops.products import matrix_power, multi_dot
from .ops.reduction import cumprod as _cumprod
from .ops.results import accepts_out
from .ops.solvers import (
    cholesky_with_info,
    det,
    inv,
    inv_with_info,
    raise_for,
    slogdet,
    solve,
    solve_with_info,
)

__all__ = [
    "LinAlgError", "cholesky", "cholesky_ex", "cond", "cross", "det", "diagonal", "eig", "eigh", "eigvals", "eigvalsh",
    "householder_product", "inv", "inv_ex", "ldl_factor", "ldl_factor_ex",
    "ldl_solve", "lstsq", "lu", "lu_factor", "lu_factor_ex", "lu_solve", "matmul",
    "matrix_exp", "matrix_norm", "matrix_power", "matrix_rank", "multi_dot", "norm", "pinv", "qr", "slogdet", "solve",
    "solve_ex", "solve_triangular", "svd", "svdvals", "tensorinv", "tensorsolve", "vander", "vecdot", "vector_norm",
]  # fmt: skip

_NOT_POSITIVE = (
    "The factorization could not be completed because the input is not positive-definite (the leading minor of order "
    "{0} is not positive-definite)."
)
_CholeskyEx = named("linalg_cholesky_ex", "L", "info")
_InvEx = named("linalg_inv_ex", "inverse", "info")
_SolveEx = named("linalg_solve_ex", "result", "info")
_Lu = named("linalg_lu", "P", "L", "U")
_LuFactor = named("linalg_lu_factor", "LU", "pivots")
_Qr = named("linalg_qr", "Q", "R")


# -- decompositions


@accepts_out
def cholesky(A: Tensor, *, upper: bool = False) -> Tensor:
    """L of A = L L^H, or U of U^H U; LinAlgError unless A is positive-definite."""
    factor, info = cholesky_with_info(A, upper)
    raise_for(info, "linalg.cholesky", _NOT_POSITIVE)
    return factor


def cholesky_ex(A: Tensor, *, upper: bool = False, check_errors: bool = False) -> Any:
    """(L, info), without an error unless ``check_errors``; info is the order of the first bad minor, or 0."""
    factor, info = cholesky_with_info(A, upper)
    if check_errors:
        raise_for(info, "linalg.cholesky_ex", _NOT_POSITIVE)
    return _CholeskyEx(factor, info)


def qr(A: Tensor, mode: str = "reduced") -> Any:
    """(Q, R); ``mode`` is "reduced", "complete" (Q square) or "r" (Q empty)."""
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or 'complete'"
        )
    q, r = qr_kernel(A, mode == "complete")
    return _Qr(A.new_zeros((0,)) if mode == "r" else q, r)


def _need_pivoting(pivot: bool, name: str) -> None:
    if not pivot:
        raise RuntimeError(f"{name}: LU without pivoting is not implemented on the CPU")


def lu(A: Tensor, *, pivot: bool = True) -> Any:
    """(P, L, U) with A = P L U."""
    if A.ndim < 2:
        raise RuntimeError(f"linalg.lu: Expected tensor with 2 or more dimensions. Got size: {list(A.shape)} instead")
    _need_pivoting(pivot, "linalg.lu_factor")
    factors, pivots, _ = lu_kernel(A)
    m, n = A.shape[-2:]
    k = min(m, n)
    one = _eye(A, m)
    order = permutation(pivots, m)
    p = one[order].transpose(-1, -2).clone()
    return _Lu(p, _tril(factors[..., :k], -1) + one[:, :k], _triu(factors[..., :k, :]))


def _eye(like: Tensor, n: int) -> Tensor:
    from .ops.creation import eye

    return eye(n, dtype=like.dtype, device=like.device)


def lu_factor(A: Tensor, *, pivot: bool = True) -> Any:
    """(LU, pivots) for :func:`lu_solve`; LinAlgError where U has a zero on its diagonal."""
    _need_pivoting(pivot, "linalg.lu_factor")
    factors, pivots, info = lu_kernel(A)
    raise_for(
        info,
        "torch.linalg.lu_factor",
        "U[{0},{0}] is zero and using it on lu_solve would result in a division by zero. If you still want to perform "
        "the factorization, consider calling linalg.lu(A, pivot) or linalg.lu_factor_ex(A, pivot)",
    )
    return _LuFactor(factors, pivots)


def lu_factor_ex(A: Tensor, *, pivot: bool = True, check_errors: bool = False) -> Any:
    """(LU, pivots, info); info is the position of the first zero on U's diagonal, from 1, or 0."""
    if check_errors:
        lu_factor(A, pivot=pivot)
    _need_pivoting(pivot, "linalg.lu_factor")
    return lu_kernel(A)


@accepts_out
def lu_solve(LU: Tensor, pivots: Tensor, B: Tensor, *, left: bool = True, adjoint: bool = False) -> Tensor:
    """X of A X = B (X A = B where not ``left``; A^H for A where ``adjoint``), from A's :func:`lu_factor`."""
    if not left:
        return _adjoint(lu_solve(LU, pivots, _adjoint(B), adjoint=not adjoint))
    if LU.shape[-1] != B.shape[-2]:
        raise RuntimeError(
            f"linalg.lu_solve: Incompatible shapes of A and B for the equation AX = B ({LU.shape[-2]}x{LU.shape[-1]} "
            f"and {B.shape[-2]}x{B.shape[-1]})"
        )
    batch = rules.broadcast_shapes(LU.shape[:-2], B.shape[:-2])
    factors, b = LU.expand((*batch, *LU.shape[-2:])), B.expand((*batch, *B.shape[-2:]))
    order = permutation(pivots.expand((*batch, pivots.shape[-1])), LU.shape[-1])
    if not adjoint:
        b = b.gather(-2, order.unsqueeze(-1).expand(tuple(b.shape)))
        return solve_triangular_kernel(factors, solve_triangular_kernel(factors, b, False, True), True, False)
    turned = _adjoint(factors)
    b = solve_triangular_kernel(turned, solve_triangular_kernel(turned, b, False, False), True, True)
    return b.gather(-2, order.argsort(-1).unsqueeze(-1).expand(tuple(b.shape)))


def eigh(A: Tensor, UPLO: str = "L") -> Any:
    """(eigenvalues ascending, eigenvectors) of a Hermitian matrix, of which the triangle ``UPLO`` is read."""
    if UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    check_square(A, "linalg.eigh")
    return eigh_kernel(_adjoint(A) if UPLO.upper() == "U" else A)


def eigvalsh(A: Tensor, UPLO: str = "L") -> Tensor:
    """The eigenvalues of :func:`eigh`."""
    values: Tensor = eigh(A, UPLO)[0]
    return values


def eig(A: Tensor) -> Any:
    """(eigenvalues, eigenvectors) of a square matrix, complex."""
    return eig_kernel(A)


def eigvals(A: Tensor) -> Tensor:
    """The eigenvalues of :func:`eig`."""
    check_square(A, "linalg.eigvals")
    values: Tensor = eig_kernel(A)[0]
    return values


def svd(A: Tensor, full_matrices: bool = True, *, driver: str | None = None) -> Any:
    """(U, S descending, Vh) with (U * S) @ Vh = A; U and Vh are square where ``full_matrices``."""
    return svd_kernel(A, full_matrices)


# -- systems


def inv_ex(A: Tensor, *, check_errors: bool = False) -> Any:
    """(inverse, info), without an error unless ``check_errors``."""
    if check_errors:
        inv(A)
    return _InvEx(*inv_with_info(A))


def solve_ex(A: Tensor, B: Tensor, *, left: bool = True, check_errors: bool = False) -> Any:
    """(result, info), without an error unless ``check_errors``."""
    if check_errors:
        solve(A, B, left=left)
    return _SolveEx(*solve_with_info(A, B, left))


@accepts_out
def solve_triangular(A: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Tensor:
    """X of A X = B (X A = B where not ``left``), for a triangular A; its other triangle is not read."""
    name = "linalg.solve_triangular"
    check_square(A, name)
    check_matrix(B, name, "B")
    if A.shape[-1] != B.shape[-2 if left else -1]:
        raise RuntimeError(
            f"{name}: Incompatible shapes of A and B for the equation {'AX = B' if left else 'XA = B'} "
            f"({A.shape[-2]}x{A.shape[-1]} and {B.shape[-2]}x{B.shape[-1]})"
        )
    batch = rules.broadcast_shapes(A.shape[:-2], B.shape[:-2])
    a, b = A.expand((*batch, *A.shape[-2:])), B.expand((*batch, *B.shape[-2:]))
    if left:
        return solve_triangular_kernel(a, b, upper, unitriangular)
    turned = solve_triangular_kernel(a.transpose(-1, -2), b.transpose(-1, -2), not upper, unitriangular)
    return turned.transpose(-1, -2)


def tensorinv(A: Tensor, ind: int = 2) -> Tensor:
    """The inverse of A for ``tensordot``, between its first ``ind`` dimensions and the others."""
    if ind <= 0:
        raise RuntimeError(f"Expected a strictly positive integer for 'ind', but got {ind}")
    first, rest = tuple(A.shape[:ind]), tuple(A.shape[ind:])
    if prod(first) != prod(rest):
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), but got "
            f"{prod(rest)} != {prod(first)}"
        )
    return inv(A.reshape((prod(first), prod(rest)))).reshape((*rest, *first))


def tensorsolve(A: Tensor, B: Tensor, dims: Any = None) -> Tensor:
    """X with ``tensordot(A, X, X.ndim) = B``; ``dims`` of A are moved to its end before."""
    if dims is not None:
        A = A.movedim(tuple(dims), tuple(range(A.ndim - len(dims), A.ndim)))
    shape = tuple(A.shape[B.ndim :])
    if prod(shape) != prod(A.shape[: B.ndim]):
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == prod(self.shape[:other.ndim]), "
            f"but got {prod(shape)} != {prod(A.shape[: B.ndim])}"
        )
    return solve(A.reshape((prod(shape), prod(shape))), B.reshape((-1,))).reshape(shape)


# -- products and views


@accepts_out
def cross(input: Tensor, other: Tensor, *, dim: int = -1) -> Tensor:
    """Cross product of 3-vectors along ``dim``."""
    return _cross(input, other, dim)


@accepts_out
def vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    """Sum over ``dim`` of conj(x) * y."""
    if x.ndim == 1 and y.ndim == 1 and x.shape != y.shape:
        raise RuntimeError(
            f"inconsistent tensor size, expected tensor [{x.shape[0]}] and src [{y.shape[0]}] to have the same number "
            f"of elements, but got {x.shape[0]} and {y.shape[0]} elements respectively"
        )
    return (_conj(x) * y).sum(dim)


def diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """The diagonals of the matrices, as a view."""
    return A.diagonal(offset, dim1, dim2)


def vander(x: Tensor, N: int | None = None) -> Tensor:
    """[1, x, x**2, ...] in the last dimension, of N powers (as many as x has elements)."""
    x = x if x.ndim else x.reshape(1)
    count = x.shape[-1] if N is None else N
    if count <= 1:
        raise RuntimeError("N must be greater than 1.")
    powers = _cumprod(x.unsqueeze(-1).expand((*x.shape, count - 1)), -1)
    return _cat([powers.new_ones((*x.shape, 1)), powers], -1)


show(sys.modules[__name__], __all__, "linalg_")
