"""Symmetric and Hermitian systems that need not be definite: the factorization of Bunch and Kaufman."""

from __future__ import annotations

import math
from typing import Any

from ..core.tensor import Tensor
from ..dtypes import int32
from . import rules
from .creation import tensor
from .decompositions import check_floating, check_square, named
from .elementwise import conj
from .linalg import matmul
from .movement import cat, stack, tril
from .results import accepts_out

__all__ = ["ldl_factor", "ldl_factor_ex", "ldl_solve"]

_Factor = named("linalg_ldl_factor", "LD", "pivots")
_FactorEx = named("linalg_ldl_factor_ex", "LD", "pivots", "info")
_ALPHA = (1 + math.sqrt(17)) / 8


def _turned(x: Tensor, hermitian: bool) -> Tensor:
    return conj(x) if hermitian and x.dtype.is_complex else x


def _order(n: int, i: int, j: int, like: Tensor) -> Tensor:
    order = list(range(n))
    order[i], order[j] = j, i
    return tensor(order, device=like.device)


def _inverse(block: Tensor) -> Tensor:
    """Of a number or of a matrix of two rows."""
    if block.shape[-1] == 1:
        return 1 / block
    (a, b), (c, d) = (row.unbind() for row in block.unbind())
    return stack([stack([d, -b]), stack([-c, a])]) / (a * d - b * c)


def _factored(a: Tensor, hermitian: bool) -> tuple[Tensor, list[int], int]:
    """One matrix [n, n]: LD, LAPACK's pivots, and the first zero of D (0: none), a column or two at a time."""
    n = a.shape[-1]
    low = tril(a, -1)
    diagonal = a.diagonal()
    if hermitian and a.dtype.is_complex:
        diagonal = diagonal.real.to(a.dtype)
    rest = low + _turned(low.mT, hermitian) + diagonal.diag_embed()  # what is still to be factored, in full
    done: list[Tensor] = []  # finished columns
    pivots: list[int] = []
    info = k = 0
    while k < n:
        m = n - k
        known = rest.detach()
        sizes = known.real.abs() + known.imag.abs() if known.dtype.is_complex else known.abs()  # as LAPACK
        column = sizes[:, 0].tolist()
        below = max(range(1, m), key=column.__getitem__) if m > 1 else 0
        largest = column[below] if m > 1 else 0.0
        swap, step = 0, 1
        if max(column[0], largest) == 0 or math.isnan(column[0]):
            info = info or k + 1
        elif column[0] < _ALPHA * largest:
            row = sizes[below].tolist()
            diagonal_size, row[below] = row[below], 0.0
            widest = max(row)
            if column[0] < _ALPHA * largest * (largest / widest):
                swap, step = below, (1 if diagonal_size >= _ALPHA * widest else 2)
        at = step - 1
        if swap != at and (swap or step == 2):
            order = _order(m, at, swap, rest)
            rest = rest.index_select(0, order).index_select(1, order)
        pivots += [k + swap + 1] if step == 1 else [-(k + swap + 1)] * 2
        lead, under, corner = rest[:step, :step], rest[step:, :step], rest[step:, step:]
        none = step == 1 and not (column[0] or swap)  # a column of zeros
        scaled = under if none else matmul(under, _inverse(lead))
        if scaled.shape[0]:
            corner = corner - matmul(matmul(scaled, lead), _turned(scaled, hermitian).mT)
        filler = a.new_zeros((k, step))
        done.append(cat([filler, tril(lead), scaled], 0))
        rest, k = corner, k + step
    return (cat(done, 1) if done else a), pivots, info


@accepts_out
def ldl_factor_ex(A: Tensor, *, hermitian: bool = False, check_errors: bool = False) -> Any:
    """``(LD, pivots, info)`` of symmetric (``hermitian``: Hermitian) matrices; ``info`` says where D is singular.

    L (with a unit diagonal, left out) and D in one lower triangle; pivots are numbered from 1, and negative in pairs
    where D has a block of two.  Only the lower triangle of ``A`` is read.
    """
    check_square(A, "torch.linalg.ldl_factor_ex", "A")
    check_floating(A, "torch.linalg.ldl_factor_ex")
    n, batch = A.shape[-1], tuple(A.shape[:-2])
    made = [_factored(a, hermitian) for a in A.reshape((-1, n, n)).unbind()] if A.numel() else []
    factors = stack([m[0] for m in made], 0).reshape(tuple(A.shape)) if made else A.clone()
    pivots = tensor([m[1] for m in made], dtype=int32, device=A.device).reshape((*batch, n))
    info = tensor([m[2] for m in made] if made else [0] * math.prod(batch), dtype=int32, device=A.device)
    if check_errors and bool((info != 0).any()):
        raise RuntimeError(f"torch.linalg.ldl_factor_ex: the diagonal element {int(info.max().item())} of D is zero")
    return _FactorEx(factors, pivots, info.reshape(batch))


@accepts_out
def ldl_factor(A: Tensor, *, hermitian: bool = False) -> Any:
    """``(LD, pivots)``: see ``ldl_factor_ex``; RuntimeError where D is singular."""
    found = ldl_factor_ex(A, hermitian=hermitian, check_errors=True)
    return _Factor(found[0], found[1])


def _solved(factor: Tensor, pivots: list[int], x: Tensor, hermitian: bool) -> Tensor:
    """One system [n, n] with right sides [n, k]."""
    n, steps, k = factor.shape[-1], list[tuple[int, int, Tensor]](), 0
    while k < n:
        step = 1 if pivots[k] > 0 else 2
        steps.append((k, k + step, _order(n, k + step - 1, abs(pivots[k]) - 1, x)))
        k += step
    for k, end, order in steps:
        x = x.index_select(0, order)
        x = cat([x[:end], x[end:] - matmul(factor[end:, k:end], x[k:end])], 0) if end < n else x
    parts = []
    for k, end, _ in steps:
        block = factor[k:end, k:end]
        low = tril(block, -1)
        block = low + _turned(low.mT, hermitian) + block.diagonal().diag_embed()
        parts.append(matmul(_inverse(block), x[k:end]))
    x = cat(parts, 0)
    for k, end, order in reversed(steps):
        if end < n:
            middle = x[k:end] - matmul(_turned(factor[end:, k:end], hermitian).mT, x[end:])
            x = cat([x[:k], middle, x[end:]], 0) if k else cat([middle, x[end:]], 0)
        x = x.index_select(0, order)
    return x


@accepts_out
def ldl_solve(LD: Tensor, pivots: Tensor, B: Tensor, *, hermitian: bool = False) -> Tensor:
    """The solution of A @ X = B by ``ldl_factor(A)``; batch dimensions broadcast."""
    check_square(LD, "torch.linalg.ldl_solve", "LD")
    if B.ndim < 2:
        raise RuntimeError(
            f"torch.linalg.ldl_solve: Expected B to have at least 2 dimensions, but it has {B.ndim} dimensions instead"
        )
    n = LD.shape[-1]
    if B.shape[-2] != n:
        raise RuntimeError(
            f"linalg.ldl_solve: Incompatible shapes of A and B for the equation AX = B ({n}x{n} and "
            f"{B.shape[-2]}x{B.shape[-1]})"
        )
    batch = rules.broadcast_shapes(LD.shape[:-2], B.shape[:-2])
    right = B.expand(*batch, *B.shape[-2:])
    if not right.numel():
        return right.clone()
    factors = LD.expand(*batch, n, n).reshape((-1, n, n)).unbind()
    orders = pivots.expand(*batch, n).reshape((-1, n)).tolist()
    systems = zip(factors, orders, right.reshape((-1, *B.shape[-2:])).unbind(), strict=True)
    return stack([_solved(f, o, b, hermitian) for f, o, b in systems], 0).reshape(tuple(right.shape))
