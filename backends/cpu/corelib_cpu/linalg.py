"""Matrix decompositions by LAPACK, as NumPy has it; LU and triangular systems, which it lacks, in matrix products."""

from __future__ import annotations

from typing import Any

import numpy as np

from corelib.backend.base import kernel
from corelib.dtypes import complex64, complex128, float32, float64

from .context import quiet
from .elementwise import Array

_DTYPES = frozenset({float32, float64, complex64, complex128})


def _dense(x: Any, dtype: Any) -> Array:
    """An array that is its own and row-major, in a dtype."""
    return np.ascontiguousarray(x, dtype).reshape(np.shape(x))


@kernel("linalg_cholesky", dtypes=_DTYPES)
@quiet
def cholesky(a: Array) -> tuple[Array, Array]:
    """(L, info); NumPy refuses a whole batch for one matrix, which is then looked for."""
    info = np.zeros(a.shape[:-2], np.int32)
    try:
        return _dense(np.linalg.cholesky(a), a.dtype), info
    except np.linalg.LinAlgError:
        pass
    result = np.zeros(a.shape, a.dtype)
    for at in np.ndindex(a.shape[:-2]):
        try:
            result[at] = np.linalg.cholesky(a[at])
        except np.linalg.LinAlgError:
            info[at] = size = _first_bad_minor(a[at])
            result[at] = np.tril(a[at])
            if size > 1:
                result[at][: size - 1, : size - 1] = np.linalg.cholesky(a[at][: size - 1, : size - 1])
    return result, info


def _first_bad_minor(a: Array) -> int:
    """Size of the smallest leading minor that is not positive-definite, by bisection."""
    good, bad = 0, int(a.shape[-1])
    while bad - good > 1:
        middle = (good + bad) // 2
        try:
            np.linalg.cholesky(a[:middle, :middle])
            good = middle
        except np.linalg.LinAlgError:
            bad = middle
    return bad


@kernel("linalg_lu_factor", dtypes=_DTYPES)
@quiet
def lu_factor(a: Array) -> tuple[Array, Array, Array]:
    """(LU, pivots, info), column by column (Crout), all matrices of a batch at once."""
    batch, (m, n) = a.shape[:-2], a.shape[-2:]
    k = min(m, n)
    lu = np.array(a.reshape(-1, m, n) if a.size else a.reshape(int(np.prod(batch)), m, n), order="C")
    count = lu.shape[0]
    each = np.arange(count)
    pivots, info = np.zeros((count, k), np.int32), np.zeros(count, np.int32)
    for j in range(k):
        if j:
            lu[:, j:, j] -= np.matmul(lu[:, j:, :j], lu[:, :j, j : j + 1])[..., 0]
        at = j + np.abs(lu[:, j:, j]).argmax(-1)
        pivots[:, j] = at + 1
        if (at != j).any():
            moved = lu[each, at]
            lu[each, at] = lu[:, j]
            lu[:, j] = moved
        if j and j + 1 < n:
            lu[:, j, j + 1 :] -= np.matmul(lu[:, j : j + 1, :j], lu[:, :j, j + 1 :])[:, 0]
        pivot = lu[:, j, j]
        zero = pivot == 0
        info[zero & (info == 0)] = j + 1
        lu[:, j + 1 :, j] /= np.where(zero, 1, pivot)[:, None]
    return lu.reshape(a.shape), pivots.reshape(*batch, k), info.reshape(batch)


@kernel("linalg_qr", dtypes=_DTYPES)
@quiet
def qr(a: Array, complete: bool) -> tuple[Array, Array]:
    q, r = np.linalg.qr(a, mode="complete" if complete else "reduced")
    return _dense(q, a.dtype), _dense(r, a.dtype)


@kernel("linalg_eigh", dtypes=_DTYPES)
@quiet
def eigh(a: Array) -> tuple[Array, Array]:
    values, vectors = np.linalg.eigh(a)
    return _dense(values, values.dtype), _dense(vectors, a.dtype)


@kernel("linalg_eig", dtypes=_DTYPES)
@quiet
def eig(a: Array) -> tuple[Array, Array]:
    values, vectors = np.linalg.eig(a)
    target = np.result_type(a.dtype, np.complex64)
    return _dense(values, target), _dense(vectors, target)


@kernel("linalg_svd", dtypes=_DTYPES)
@quiet
def svd(a: Array, full_matrices: bool) -> tuple[Array, Array, Array]:
    u, s, vh = np.linalg.svd(a, full_matrices=full_matrices)
    return _dense(u, a.dtype), _dense(s, s.dtype), _dense(vh, a.dtype)


_BLOCK = 64


@kernel("linalg_solve_triangular", dtypes=_DTYPES)
@quiet
def solve_triangular(a: Array, b: Array, upper: bool, unit: bool) -> Array:
    """X of A X = B, a block of rows at a time: substitution in the block, a product for the rest."""
    x = np.array(b, order="C")
    n = a.shape[-1]
    starts = range(0, n, _BLOCK)
    for start in reversed(starts) if upper else starts:
        stop = min(start + _BLOCK, n)
        rest = slice(stop, n) if upper else slice(0, start)
        if rest.stop > rest.start:
            x[..., start:stop, :] -= np.matmul(a[..., start:stop, rest], x[..., rest, :])
        for i in range(stop - 1, start - 1, -1) if upper else range(start, stop):
            near = slice(i + 1, stop) if upper else slice(start, i)
            if near.stop > near.start:
                x[..., i, :] -= np.matmul(a[..., i : i + 1, near], x[..., near, :])[..., 0, :]
            if not unit:
                x[..., i, :] /= a[..., i, i, None]
    return x


@kernel("linalg_solve", dtypes=_DTYPES)
@quiet
def solve(a: Array, b: Array) -> tuple[Array, Array]:
    """(X, info); NumPy refuses a whole batch for one matrix, which LU then finds."""
    try:
        return _dense(np.linalg.solve(a, b), b.dtype), np.zeros(a.shape[:-2], np.int32)
    except np.linalg.LinAlgError:
        info = lu_factor(a)[2]
    x = np.array(b)
    for at in np.ndindex(a.shape[:-2]):
        if not info[at]:
            try:
                x[at] = np.linalg.solve(a[at], b[at])
            except np.linalg.LinAlgError:  # rounding: LAPACK meets a zero where LU did not
                info[at] = a.shape[-1]
    return x, info


@kernel("linalg_det", dtypes=_DTYPES)
@quiet
def det(a: Array) -> Array:
    return _dense(np.linalg.det(a), a.dtype)


@kernel("linalg_slogdet", dtypes=_DTYPES)
@quiet
def slogdet(a: Array) -> tuple[Array, Array]:
    sign, size = np.linalg.slogdet(a)
    return _dense(sign, a.dtype), _dense(size, a.real.dtype)
