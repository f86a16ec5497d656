"""Linear systems, inverses and determinants."""

from __future__ import annotations

from typing import Any

from ..core.plan import Result
from ..core.tensor import Tensor
from ..dtypes import int32
from ..layout import Layout
from . import rules, samples
from .decompositions import (
    LinAlgError,
    check_floating,
    check_square,
    cholesky_kernel,
    lu_kernel,
    named,
    permutation,
    qr_kernel,
    solve_triangular_kernel,
    svd_kernel,
)
from .decompositions import _square as square_floating
from .elementwise import conj, div, log, where
from .linalg import matmul
from .movement import tril, triu
from .portable import adjoint
from .primitive import primitive
from .results import accepts_out

__all__ = [
    "cholesky", "cholesky_inverse", "cholesky_solve", "det", "inverse", "logdet", "lu_solve", "qr", "slogdet", "svd",
    "triangular_solve",
]  # fmt: skip
METHODS = [
    "cholesky", "cholesky_inverse", "cholesky_solve", "det", "inverse", "logdet", "lu_solve", "qr", "slogdet", "svd",
    "triangular_solve",
]  # fmt: skip


def raise_for(info: Tensor, name: str, reason: str) -> None:
    """LinAlgError for the first matrix of a batch whose info is not 0; ``reason`` may name it as ``{0}``."""
    if info.device.type == "meta" or info.numel() == 0 or not bool(info.ne(0).any()):
        return
    flat = list(map(int, info.reshape(-1).tolist()))
    at = next(i for i, x in enumerate(flat) if x)
    where_ = f"(Batch element {at}): " if info.ndim else ""
    raise LinAlgError(f"{name}: {where_}{reason.format(flat[at])}")


_SINGULAR_SOLVE = "The solver failed because the input matrix is singular."
_SINGULAR = (
    "The diagonal element {0} is zero, the inversion could not be completed because the input matrix is singular."
)
_NOT_POSITIVE = (
    "The factorization could not be completed because the input is not positive-definite (the leading minor of order "
    "{0} is not positive-definite)."
)


# -- primitives


def _solve_rule(a: Layout, b: Layout) -> Result:
    square_floating(a, "linalg.solve")
    if a.shape[:-2] != b.shape[:-2] or a.shape[-1] != b.shape[-2]:
        raise RuntimeError(
            f"linalg.solve: Incompatible shapes of A and B for the equation AX = B ({a.shape[-2]}x{a.shape[-1]} and "
            f"{b.shape[-2]}x{b.shape[-1]})"
        )
    if a.dtype is not b.dtype:
        raise RuntimeError(
            f"linalg.solve: Expected A and B to have the same dtype, but found A of type {rules.what(a.dtype)} and B "
            f"of type {rules.what(b.dtype)} instead"
        )
    return Result((b.dense, Layout.of(a.shape[:-2], int32, a.device)), ())


def _solve_grad(grads: Any, input: Tensor, X: Tensor, needs: Any) -> tuple[Any, ...]:
    g = grads[0]
    if g is None:
        return None, None
    other = solve_kernel(adjoint(input), g)[0]
    return (-matmul(other, adjoint(X)) if needs[0] else None), other


@primitive(
    name="linalg_solve", rule=_solve_rule, vjp=_solve_grad, outputs=("X", "info"), nondifferentiable=(1,),
    torch_name="linalg.solve_ex", node_name="LinalgSolveEx",
    samples=samples.calls(
        "[3,3] [3,2]; [2,4,4] [2,4,1]; [0,0] [0,2]",
    ),
)  # fmt: skip
def solve_kernel(input: Tensor, other: Tensor) -> Any:
    """(X, info) with input @ X = other; info: the position of a zero pivot from 1, or 0."""
    factors, pivots, info = lu_kernel(input)
    return _from_lu(factors, pivots, other), info


def _from_lu(factors: Tensor, pivots: Tensor, b: Tensor) -> Tensor:
    order = permutation(pivots, b.shape[-2])
    moved = b.gather(-2, order.unsqueeze(-1).expand(tuple(b.shape)))
    return solve_triangular_kernel(factors, solve_triangular_kernel(factors, moved, False, True), True, False)


def _det_rule(a: Layout) -> Result:
    square_floating(a, "linalg.det")
    return Result(Layout.of(a.shape[:-2], a.dtype, a.device), ())


def _adjugate(a: Tensor) -> Tensor:
    """The transposed matrix of cofactors, by the singular values: it exists where the inverse does not."""
    from .creation import eye
    from .reduction import prod

    u, s, vh = svd_kernel(a, False)
    n = a.shape[-1]
    if n == 0:
        return a
    others = where(eye(n, dtype=s.dtype, device=s.device).ne(0), 1.0, s.unsqueeze(-2))
    products = prod(others, -1)
    phase = det_kernel(u) * det_kernel(vh)
    middle = products.to(a.dtype).unsqueeze(-1) * adjoint(u)
    return matmul(adjoint(vh), middle) * phase.unsqueeze(-1).unsqueeze(-1)


def _det_grad(grad: Tensor, input: Tensor, out: Tensor) -> Tensor:
    if bool(out.eq(0).any()):
        return adjoint(_adjugate(input)) * grad.unsqueeze(-1).unsqueeze(-1)
    scale = (grad * conj(out)).unsqueeze(-1).unsqueeze(-1)
    from .creation import eye

    one = eye(input.shape[-1], dtype=input.dtype, device=input.device).expand(tuple(input.shape))
    result: Tensor = solve_kernel(adjoint(input), one * scale)[0]
    return result


def _parity(pivots: Tensor) -> Tensor:
    """-1 to the number of swaps."""
    from .creation import arange
    from .reduction import prod

    k = pivots.shape[-1]
    swapped = pivots.ne(arange(1, k + 1, device=pivots.device).to(int32))
    return prod(where(swapped, -1.0, 1.0), -1)


@primitive(
    name="linalg_det", rule=_det_rule, vjp={"input": _det_grad}, torch_name="linalg.det", node_name="LinalgDet",
    samples=samples.calls(
        "[3,3]; [2,4,4]; [0,0]; [1,1]",
    ),
)  # fmt: skip
def det_kernel(input: Tensor) -> Tensor:
    """The determinant of each matrix."""
    from .reduction import prod

    factors, pivots, _ = lu_kernel(input)
    return prod(factors.diagonal(0, -2, -1), -1) * _parity(pivots).to(input.dtype)


def _slogdet_rule(a: Layout) -> Result:
    square_floating(a, "linalg.slogdet")
    batch = a.shape[:-2]
    return Result((Layout.of(batch, a.dtype, a.device), Layout.of(batch, a.dtype.to_real(), a.device)), ())


def _slogdet_grad(grads: Any, input: Tensor, sign: Tensor) -> Tensor | None:
    g_sign, g_log = grads
    scale: Any = None if g_log is None else g_log.to(input.dtype)
    if input.dtype.is_complex and g_sign is not None:
        turned = g_sign * conj(sign)
        turned = (turned - conj(turned)) * 0.5
        scale = turned if scale is None else scale + turned
    if scale is None:
        return None
    from .creation import eye

    one = eye(input.shape[-1], dtype=input.dtype, device=input.device).expand(tuple(input.shape))
    result: Tensor = solve_kernel(adjoint(input), one * scale.unsqueeze(-1).unsqueeze(-1))[0]
    return result


@primitive(
    name="linalg_slogdet", rule=_slogdet_rule, vjp={"input": _slogdet_grad}, outputs=("sign", "logabsdet"),
    result_type=named("linalg_slogdet", "sign", "logabsdet"), torch_name="linalg.slogdet", node_name="LinalgSlogdet",
    samples=samples.calls(
        "[3,3]; [2,4,4]; [0,0]; [1,1]",
    ),
)  # fmt: skip
def slogdet_kernel(input: Tensor) -> Any:
    """(sign or phase, logarithm of the magnitude) of each determinant."""
    from .reduction import prod

    factors, pivots, _ = lu_kernel(input)
    diagonal = factors.diagonal(0, -2, -1)
    size = diagonal.abs()
    zero = size.eq(0)
    phases = where(zero, 0.0, div(diagonal, where(zero, 1.0, size)))
    return prod(phases, -1) * _parity(pivots).to(input.dtype), log(size).sum(-1)


# -- systems


def is_vector(a: Tensor, b: Tensor) -> bool:
    """Whether the right-hand side is a (batch of) vector(s), as PyTorch decides it."""
    return b.ndim == 1 or (a.ndim - 1 == b.ndim and tuple(b.shape) == tuple(a.shape[:-1]))


def _batched(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Both with the same batch dimensions."""
    batch = rules.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return a.expand((*batch, *a.shape[-2:])), b.expand((*batch, *b.shape[-2:]))


def check_system(a: Tensor, b: Tensor, left: bool, name: str) -> None:
    """RuntimeError where shapes or dtypes of A X = B (or X A = B) do not fit."""
    check_square(a, name)
    check_floating(a, name)
    if a.dtype is not b.dtype:
        raise RuntimeError(
            f"{name}: Expected A and B to have the same dtype, but found A of type {rules.what(a.dtype)} and B of type "
            f"{rules.what(b.dtype)} instead"
        )
    if b.ndim < 2:
        raise RuntimeError(f"{name}: The input tensor B must have at least 2 dimensions.")
    if b.shape[-2 if left else -1] != a.shape[-1]:
        raise RuntimeError(
            f"{name}: Incompatible shapes of A and B for the equation {'AX = B' if left else 'XA = B'} "
            f"({a.shape[-2]}x{a.shape[-1]} and {b.shape[-2]}x{b.shape[-1]})"
        )


def solve_with_info(a: Tensor, b: Tensor, left: bool = True) -> tuple[Tensor, Tensor]:
    """(X, info) of A X = B (of X A = B where not ``left``), for vectors and batches too."""
    check_square(a, "linalg.solve")
    vector = is_vector(a, b)
    if vector:
        b = b.unsqueeze(-1)
    check_system(a, b, left, "linalg.solve")
    if vector and not left:
        raise RuntimeError(
            "linalg.solve: Vector broadcasting of the left hand side is not supported for left=False. In this case "
            "linalg.solve is equivalent to B / A.squeeze(-1)"
        )
    a, b = _batched(a, b)
    if left:
        x, info = solve_kernel(a, b)
    else:
        x, info = solve_kernel(a.transpose(-1, -2), b.transpose(-1, -2))
        x = x.transpose(-1, -2)
    return (x.squeeze(-1) if vector else x), info


@accepts_out
def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    """X of A X = B, of X A = B where not ``left``; B is a matrix, a vector or a batch of either.

    Raises:
        LinAlgError: where A is singular.
    """
    x, info = solve_with_info(A, B, left)
    raise_for(info, "torch.linalg.solve", _SINGULAR_SOLVE)
    return x


def inv_with_info(a: Tensor) -> tuple[Tensor, Tensor]:
    """(inverse, info)."""
    check_square(a, "linalg.inv")
    check_floating(a, "linalg.inv")
    from .creation import eye

    one = eye(a.shape[-1], dtype=a.dtype, device=a.device).expand(tuple(a.shape))
    x, info = solve_kernel(a, one)
    return x, info


@accepts_out
def inv(A: Tensor) -> Tensor:
    """The inverse of each matrix; LinAlgError where one is singular."""
    x, info = inv_with_info(A)
    raise_for(info, "linalg.inv", _SINGULAR)
    return x


@accepts_out
def inverse(input: Tensor) -> Tensor:
    """The inverse of each matrix (``linalg.inv``)."""
    return inv(input)


def det(input: Tensor) -> Tensor:
    """The determinant of each matrix."""
    return det_kernel(input)


def slogdet(input: Tensor) -> Any:
    """(sign, logarithm of the magnitude) of each determinant."""
    return slogdet_kernel(input)


def logdet(input: Tensor) -> Tensor:
    """Logarithm of each determinant; nan where that is negative."""
    check_square(input, "logdet")
    sign, size = slogdet_kernel(input)
    if input.dtype.is_complex:
        logarithm: Tensor = size + log(sign)
        return logarithm
    return where(sign.eq(-1), float("nan"), size)


# -- cholesky


def cholesky_with_info(a: Tensor, upper: bool = False) -> tuple[Tensor, Tensor]:
    """(L or U, info)."""
    factor, info = cholesky_kernel(adjoint(a) if upper else a)
    return (adjoint(factor) if upper else factor), info


@accepts_out
def cholesky(input: Tensor, upper: bool = False) -> Tensor:
    """L of input = L L^H, or U of U^H U; LinAlgError unless positive-definite."""
    factor, info = cholesky_with_info(input, upper)
    raise_for(info, "cholesky", _NOT_POSITIVE)
    return factor


@accepts_out
def cholesky_solve(input: Tensor, L: Tensor, upper: bool = False) -> Tensor:
    """X of A X = input, where L is A's Cholesky factor."""
    for name, x in (("b", input), ("u", L)):
        if x.ndim < 2:
            raise RuntimeError(f"{name} should have at least 2 dimensions, but has {x.ndim} dimensions instead")
    check_square(L, "cholesky_solve")
    if L.shape[-1] != input.shape[-2]:
        raise RuntimeError(
            f"Incompatible matrix sizes for cholesky_solve: each A matrix is {L.shape[-1]} by {L.shape[-1]} but each b "
            f"matrix is {input.shape[-2]} by {input.shape[-1]}"
        )
    factor, b = _batched(L, input)
    if upper:
        factor = adjoint(factor)
    return solve_triangular_kernel(adjoint(factor), solve_triangular_kernel(factor, b, False, False), True, False)


@accepts_out
def cholesky_inverse(L: Tensor, upper: bool = False) -> Tensor:
    """Inverse of the matrix whose Cholesky factor is L."""
    check_square(L, "cholesky_inverse")
    check_floating(L, "cholesky_inverse")
    from .creation import eye

    one = eye(L.shape[-1], dtype=L.dtype, device=L.device).expand(tuple(L.shape))
    return cholesky_solve(one, triu(L) if upper else tril(L), upper)


# -- the rest


@accepts_out
def lu_solve(b: Tensor, LU_data: Tensor, LU_pivots: Tensor) -> Tensor:
    """X of A X = b, from A's ``lu_factor``."""
    batch = rules.broadcast_shapes(b.shape[:-2], LU_data.shape[:-2])
    pivots = LU_pivots.expand((*batch, LU_pivots.shape[-1]))
    factors, right = _batched(LU_data, b)
    return _from_lu(factors, pivots, right)


_Triangular = named("triangular_solve", "solution", "cloned_coefficient")


def triangular_solve(
    b: Tensor, A: Tensor, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> Any:
    """(X of A X = b, a copy of A), for a triangular A."""
    factors, right = _batched(A, b)
    if transpose:
        factors, upper = factors.transpose(-1, -2), not upper
    return _Triangular(solve_triangular_kernel(factors, right, upper, unitriangular), A.clone())


_Qr, _Svd = named("qr", "Q", "R"), named("svd", "U", "S", "V")


def qr(input: Tensor, some: bool = True) -> Any:
    """(Q, R); Q is square unless ``some``."""
    return _Qr(*qr_kernel(input, not some))


def svd(input: Tensor, some: bool = True, compute_uv: bool = True) -> Any:
    """(U, S, V) with U diag(S) V^H = input; U and V are square unless ``some``, zeros unless ``compute_uv``."""
    u, s, vh = svd_kernel(input, not some if compute_uv else False)
    if not compute_uv:
        m, n = input.shape[-2:]
        batch = tuple(input.shape[:-2])
        return _Svd(input.new_zeros((*batch, m, m)), s, input.new_zeros((*batch, n, n)))
    return _Svd(u, s, adjoint(vh))
