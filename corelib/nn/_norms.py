"""Norms of weights: what weight norm and spectral norm compute, in the older form and as parametrizations."""

from __future__ import annotations

from .. import ops
from ..autograd import no_grad
from ..tensor import Tensor

__all__ = ["matrix_of", "norm_except_dim", "power_iteration", "unit"]


def norm_except_dim(v: Tensor, dim: int) -> Tensor:
    """The norm over all dimensions but ``dim``, which are kept with length 1; over all, 0-d, where it is -1."""
    if dim == -1:
        return ops.norm(v)
    others = tuple(d for d in range(v.dim()) if d != dim % v.dim())
    return ops.norm(v, 2, others, True) if others else ops.abs(v)


def unit(v: Tensor, eps: float) -> Tensor:
    """A vector divided by its norm, or by eps where that is larger."""
    return v / ops.clamp(ops.norm(v), min=eps)


def matrix_of(weight: Tensor, dim: int) -> Tensor:
    """The weight as a matrix with ``dim`` for rows and all others for columns."""
    if dim != 0:
        weight = weight.permute(dim, *(d for d in range(weight.dim()) if d != dim))
    return weight.reshape(weight.shape[0], -1)


def power_iteration(matrix: Tensor, u: Tensor, v: Tensor, count: int, eps: float) -> None:
    """Move u and v, in place, towards the singular vectors of the largest singular value."""
    with no_grad():
        for _ in range(count):
            u.copy_(unit(ops.mv(matrix, v), eps))
            v.copy_(unit(ops.mv(matrix.mH, u), eps))
