"""Decompositions in the forms that older programs ask for: packed LU and QR factors, low ranks, two norms."""

from __future__ import annotations

from typing import Any

from ..core.tensor import Tensor
from .creation import arange, eye, zeros
from .decompositions import (
    LinAlgError,
    check_floating,
    check_matrix,
    lu_kernel,
    named,
    permutation,
    qr_kernel,
    svd_kernel,
)
from .elementwise import conj, where
from .linalg import matmul
from .matrix import householder_product, matrix_norm, vector_norm
from .movement import cat, stack, tril, triu
from .portable import adjoint

__all__ = [
    "frobenius_norm", "geqrf", "lu", "lu_unpack", "nuclear_norm", "ormqr", "pca_lowrank", "svd_lowrank",
]  # fmt: skip
METHODS = ["geqrf", "lu", "ormqr"]


# -- lu


def lu(A: Tensor, pivot: bool = True, get_infos: bool = False) -> Any:
    """(LU, pivots), and where ``get_infos`` the positions of zero pivots, for ``lu_solve`` and :func:`lu_unpack`."""
    if not pivot:
        raise RuntimeError("linalg.lu_factor: LU without pivoting is not implemented on the CPU")
    factors, pivots, info = lu_kernel(A)
    if get_infos:
        return factors, pivots, info
    if bool(info.ne(0).any()):
        first = next(int(x) for x in info.reshape(-1).tolist() if x)
        raise LinAlgError(f"torch.lu: U[{first},{first}] is zero and using it on lu_solve would divide by zero")
    return factors, pivots


_Unpacked = named("lu_unpack", "P", "L", "U")


def lu_unpack(LU_data: Tensor, LU_pivots: Tensor, unpack_data: bool = True, unpack_pivots: bool = True) -> Any:
    """(P, L, U) of a packed LU decomposition; what is not wanted is empty."""
    m, n = LU_data.shape[-2:]
    k = min(m, n)
    none = LU_data.new_zeros((0,))
    p = lower = upper = none
    one = eye(m, dtype=LU_data.dtype, device=LU_data.device)
    if unpack_pivots:
        p = one[permutation(LU_pivots, m)].transpose(-1, -2).clone()
    if unpack_data:
        lower, upper = tril(LU_data[..., :k], -1) + one[:, :k], triu(LU_data[..., :k, :])
    return _Unpacked(p, lower, upper)


# -- reflections

_Geqrf = named("geqrf", "a", "tau")


def geqrf(input: Tensor) -> Any:
    """(a, tau): R on and above a's diagonal, and the reflections 1 - tau v v^H below it, v[0] = 1 not stored."""
    check_matrix(input, "torch.geqrf", "input")
    check_floating(input, "torch.geqrf")
    m, n = input.shape[-2:]
    a = input
    row, column = arange(m, device=a.device), arange(n, device=a.device)
    taus: list[Tensor] = []
    for j in range(min(m, n)):
        x = where(row.ge(j), a[..., j], 0.0)
        alpha = x[..., j]
        rest = where(row.gt(j), x, 0.0)
        below = (rest * conj(rest)).sum(-1)
        below = below.real if a.dtype.is_complex else below
        head = alpha.real if a.dtype.is_complex else alpha
        length = (below + (alpha * conj(alpha)).real if a.dtype.is_complex else below + alpha * alpha).sqrt()
        imaginary = alpha.imag.eq(0) if a.dtype.is_complex else below.eq(below)
        none = below.eq(0) & imaginary
        beta = where(none, head, where(head.ge(0), -length, length))
        safe = where(none, 1.0, beta)
        tau = where(none, 0.0, (beta - alpha) / safe)
        divisor = where(none, 1.0, alpha - beta)
        v = rest / divisor.unsqueeze(-1) + row.eq(j).to(a.dtype)
        later = a - conj(tau)[..., None, None] * v.unsqueeze(-1) * matmul(conj(v).unsqueeze(-2), a)
        changed = where(column.gt(j), later, a)
        own = where(row.eq(j), beta.to(a.dtype).unsqueeze(-1), where(row.gt(j), v, a[..., j]))
        a = where(column.eq(j), own.unsqueeze(-1), changed)
        taus.append(tau)
    tau = stack(taus, -1) if taus else zeros((*input.shape[:-2], 0), dtype=a.dtype, device=a.device)
    return _Geqrf(a.clone(), tau)


def ormqr(input: Tensor, tau: Tensor, other: Tensor, left: bool = True, transpose: bool = False) -> Tensor:
    """Q @ other (other @ Q unless ``left``; Q^H for Q where ``transpose``), of the Q that geqrf's result stands for."""
    m, k = input.shape[-2], tau.shape[-1]
    square = cat([input[..., :k], input.new_zeros((*input.shape[:-2], m, m - k))], -1)
    q = householder_product(square, tau)
    q = adjoint(q) if transpose else q
    return matmul(q, other) if left else matmul(other, q)


# -- low ranks


def svd_lowrank(A: Tensor, q: int | None = 6, niter: int | None = 2, M: Tensor | None = None) -> Any:
    """(U, S, V) of about the q largest singular values of A - M, from a random subspace and ``niter`` iterations."""
    from .random import randn

    a = A if M is None else A - M
    rank = min(6 if q is None else q, *a.shape[-2:])
    wide = a.shape[-2] < a.shape[-1]
    if wide:
        a = adjoint(a)
    start = randn(a.shape[-1], rank, dtype=a.dtype.to_real(), device=a.device).to(a.dtype)
    basis = qr_kernel(matmul(a, start), False)[0]
    for _ in range(2 if niter is None else niter):
        basis = qr_kernel(matmul(adjoint(a), basis), False)[0]
        basis = qr_kernel(matmul(a, basis), False)[0]
    u, s, vh = svd_kernel(matmul(adjoint(basis), a), False)
    u, v = matmul(basis, u), adjoint(vh)
    return (v, s, u) if wide else (u, s, v)


def pca_lowrank(A: Tensor, q: int | None = None, center: bool = True, niter: int = 2) -> Any:
    """(U, S, V): the first principal components of A's rows are V's columns."""
    m, n = A.shape[-2:]
    if q is None:
        q = min(6, m, n)
    elif not 0 <= q <= min(m, n):
        raise ValueError(f"q(={q}) must be non-negative integer and not greater than min(m, n)={min(m, n)}")
    if niter < 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    return svd_lowrank(A - A.mean(-2, True) if center else A, q, niter)


# -- norms


def frobenius_norm(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Root of the sum of squares over ``dim`` (all)."""
    return vector_norm(input, 2, dim if dim else None, keepdim)


def nuclear_norm(input: Tensor, dim: Any = (-2, -1), keepdim: bool = False) -> Tensor:
    """Sum of the singular values of the matrices in two dimensions."""
    return matrix_norm(input, "nuc", tuple(dim), keepdim)
