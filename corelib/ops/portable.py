"""Matrix decompositions in matrix products and elementwise operations, for backends without kernels of their own.

All work on batches [..., m, n] and take as many steps, whatever the values are, so that nothing waits for the device.
"""

from __future__ import annotations

from typing import Any

from ..core.tensor import Tensor
from ..dtypes import int32, int64
from .creation import arange, eye, full, zeros
from .elementwise import conj, where
from .linalg import matmul
from .movement import cat, stack, tril, triu

__all__ = ["cholesky", "eigh", "lu", "qr", "solve_triangular", "svd"]

_SWEEPS = 12  # Jacobi converges quadratically: more than enough for float64


def adjoint(x: Tensor) -> Tensor:
    """The conjugate transpose of the last two dimensions."""
    return conj(x.transpose(-1, -2))


def _first_failure(failed: list[Tensor], like: Tensor) -> Tensor:
    """1 + the first step that failed, or 0, for each matrix."""
    info = zeros(tuple(like.shape[:-2]), dtype=int32, device=like.device)
    for i in range(len(failed) - 1, -1, -1):
        info = where(failed[i], i + 1, info).to(int32)
    return info


def cholesky(a: Tensor) -> tuple[Tensor, Tensor]:
    """(L, info), column by column; a matrix that is not positive-definite has nan from there on."""
    n = a.shape[-1]
    if n == 0:
        return a.clone(), _first_failure([], a)
    row = arange(n, device=a.device)
    columns: list[Tensor] = []
    failed: list[Tensor] = []
    for j in range(n):
        column = a[..., j]
        if columns:
            left = stack(columns, -1)
            column = column - matmul(left, conj(left[..., j, :]).unsqueeze(-1)).squeeze(-1)
        pivot = column[..., j].real if a.dtype.is_complex else column[..., j]
        failed.append(pivot.gt(0).logical_not())
        columns.append(where(row.ge(j), column / pivot.sqrt().unsqueeze(-1), 0.0))
    return stack(columns, -1), _first_failure(failed, a)


def lu(a: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(LU, pivots from 1, info), with partial pivoting."""
    m, n = a.shape[-2], a.shape[-1]
    batch = tuple(a.shape[:-2])
    steps = min(m, n)
    row, column = arange(m, device=a.device), arange(n, device=a.device)
    pivots: list[Tensor] = []
    failed: list[Tensor] = []
    for j in range(steps):
        size = where(row.ge(j), a[..., j].abs(), -1.0)
        at = size.argmax(-1)
        pivots.append((at + 1).to(int32))
        swapped = where(row.eq(j), at.unsqueeze(-1), where(row.eq(at.unsqueeze(-1)), j, row)).to(int64)
        a = a.gather(-2, swapped.unsqueeze(-1).expand((*batch, m, n)))
        pivot = a[..., j, j]
        failed.append(pivot.eq(0))
        scale = where(pivot.eq(0), 1.0, pivot).unsqueeze(-1)
        factor = where(row.gt(j), a[..., j] / scale, 0.0)
        rest = where(column.gt(j), a[..., j, :], 0.0)
        a = a - factor.unsqueeze(-1) * rest.unsqueeze(-2)
        a = where((row.gt(j)).unsqueeze(-1) & column.eq(j), factor.unsqueeze(-1), a)
    where_pivots = stack(pivots, -1) if pivots else zeros((*batch, 0), dtype=int32, device=a.device)
    return a.clone(), where_pivots, _first_failure(failed, a)


def qr(a: Tensor, complete: bool) -> tuple[Tensor, Tensor]:
    """(Q, R) by Householder reflections, with the signs that LAPACK gives."""
    m, n = a.shape[-2], a.shape[-1]
    k = min(m, n)
    batch = tuple(a.shape[:-2])
    row = arange(m, device=a.device)
    q = eye(m, dtype=a.dtype, device=a.device).expand((*batch, m, m))
    for j in range(k if m > 1 else 0):
        x = where(row.ge(j), a[..., j], 0.0)
        head = x[..., j]
        size = (x * conj(x)).sum(-1)
        length = (size.real if a.dtype.is_complex else size).sqrt()
        done = where(row.gt(j), x, 0.0).ne(0).any(-1).logical_not()  # nothing to reflect: LAPACK leaves it
        magnitude = head.abs()
        phase = where(magnitude.eq(0), 1.0, head / where(magnitude.eq(0), 1.0, magnitude))
        v = x + where(row.eq(j), (phase * length).unsqueeze(-1), 0.0)
        norm = (v * conj(v)).sum(-1)
        empty = norm.eq(0) | done
        scale = where(empty, 0.0, 2.0 / where(empty, 1.0, norm)).unsqueeze(-1).unsqueeze(-1)
        column, line = v.unsqueeze(-1), conj(v).unsqueeze(-2)
        a = a - scale * column * matmul(line, a)
        q = q - scale * matmul(q, column) * line
    r = triu(a)
    if a.dtype.is_complex:  # a real diagonal
        diagonal = r.diagonal(0, -2, -1)
        phase = where(diagonal.eq(0), 1.0, diagonal / where(diagonal.eq(0), 1.0, diagonal.abs()))
        q = cat([q[..., :k] * phase.unsqueeze(-2), q[..., k:]], -1)
        r = cat([r[..., :k, :] * conj(phase).unsqueeze(-1), r[..., k:, :]], -2)
    return (q.clone(), r) if complete else (q[..., :k].clone(), r[..., :k, :].clone())


def solve_triangular(a: Tensor, b: Tensor, upper: bool, unit: bool) -> Tensor:
    """X of A X = B by substitution, row by row."""
    n = a.shape[-1]
    done: list[Tensor] = []  # rows of X in the order they were found
    for step in range(n):
        i = n - 1 - step if upper else step
        row = b[..., i : i + 1, :]
        if done:
            known = cat(done[::-1] if upper else done, -2)
            factors = a[..., i : i + 1, i + 1 :] if upper else a[..., i : i + 1, :i]
            row = row - matmul(factors, known)
        done.append(row if unit else row / a[..., i, i].unsqueeze(-1).unsqueeze(-1))
    return cat(done[::-1] if upper else done, -2) if done else b.clone()


def _real_only(a: Tensor, name: str) -> None:
    if a.dtype.is_complex:
        raise NotImplementedError(f"{name}: the portable decomposition has no complex form; the device needs a kernel")


def _rotation(n: int, p: int, q: int, c: Tensor, s: Tensor) -> Tensor:
    """The rotation [[c, s], [-s, c]] of dimensions p and q, as a matrix."""
    index = arange(n, device=c.device)
    is_p, is_q = index.eq(p), index.eq(q)
    c, s = c.unsqueeze(-1).unsqueeze(-1), s.unsqueeze(-1).unsqueeze(-1)
    on = is_p | is_q
    one = eye(n, dtype=c.dtype, device=c.device)
    both = index.unsqueeze(-1).eq(index) & on
    turned = where(both, c, one)
    turned = where(is_p.unsqueeze(-1) & is_q, s, turned)
    return where(is_q.unsqueeze(-1) & is_p, -s, turned)


def _angle(a: Tensor, b: Tensor, off: Tensor) -> tuple[Tensor, Tensor]:
    """Cosine and sine of the rotation that makes [[a, off], [off, b]] diagonal."""
    none = off.eq(0)
    theta = (b - a) / (2.0 * where(none, 1.0, off))
    sign = where(theta.lt(0), -1.0, 1.0)
    t = where(none, 0.0, sign / (theta.abs() + (theta * theta + 1.0).sqrt()))
    c = 1.0 / (t * t + 1.0).sqrt()
    return c, t * c


def eigh(a: Tensor) -> tuple[Tensor, Tensor]:
    """(eigenvalues ascending, eigenvectors) of the lower triangle, by Jacobi rotations."""
    _real_only(a, "eigh")
    n = a.shape[-1]
    a = tril(a) + tril(a, -1).transpose(-1, -2)
    v = eye(n, dtype=a.dtype, device=a.device).expand(tuple(a.shape))
    for _ in range(_SWEEPS if n > 1 else 0):
        for p in range(n - 1):
            for q in range(p + 1, n):
                j = _rotation(n, p, q, *_angle(a[..., p, p], a[..., q, q], a[..., p, q]))
                a = matmul(j.transpose(-1, -2), matmul(a, j))
                v = matmul(v, j)
    values, order = a.diagonal(0, -2, -1).sort(-1)
    return values, v.gather(-1, order.unsqueeze(-2).expand(tuple(v.shape))).clone()


def svd(a: Tensor, full_matrices: bool) -> tuple[Tensor, Tensor, Tensor]:
    """(U, S descending, Vh) by one-sided Jacobi rotations of the columns, then a QR decomposition."""
    _real_only(a, "svd")
    m, n = a.shape[-2], a.shape[-1]
    if m < n:
        u, s, vh = svd(a.transpose(-1, -2), full_matrices)
        return vh.transpose(-1, -2).clone(), s, u.transpose(-1, -2).clone()
    v: Any = eye(n, dtype=a.dtype, device=a.device).expand((*a.shape[:-2], n, n))
    for _ in range(_SWEEPS if n > 1 else 0):
        for p in range(n - 1):
            for q in range(p + 1, n):
                x, y = a[..., p], a[..., q]
                j = _rotation(n, p, q, *_angle((x * x).sum(-1), (y * y).sum(-1), (x * y).sum(-1)))
                a, v = matmul(a, j), matmul(v, j)
    s, order = (a * a).sum(-2).sqrt().sort(-1, True)
    a = a.gather(-1, order.unsqueeze(-2).expand(tuple(a.shape)))
    v = v.gather(-1, order.unsqueeze(-2).expand(tuple(v.shape)))
    u, r = qr(a, full_matrices)  # the columns are orthogonal, so R is diagonal
    sign = where(r.diagonal(0, -2, -1).lt(0), -1.0, 1.0).to(a.dtype)
    if m > n and full_matrices:
        sign = cat([sign, full((*a.shape[:-2], m - n), 1.0, dtype=a.dtype, device=a.device)], -1)
    return u * sign.unsqueeze(-2), s, v.transpose(-1, -2).clone()
