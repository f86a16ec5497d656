"""Parametrizations that are often used: weight norm, spectral norm, orthogonal matrices."""

from __future__ import annotations

from typing import Any

from ... import ops
from ...autograd import no_grad
from ...linalg import householder_product, matrix_exp, qr, solve
from ...tensor import Tensor
from .._norms import matrix_of, norm_except_dim, power_iteration, unit
from ..modules.module import Module
from . import parametrize

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]


class _WeightNorm(Module):
    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return weight_v * (weight_g / norm_except_dim(weight_v, self.dim))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return norm_except_dim(weight, self.dim), weight


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Weight = g * v / |v|, with a norm for each index of ``dim`` (None: one for all).

    g and v are ``parametrizations.<name>.original0`` and ``original1``; a state_dict of the older form, with
    ``<name>_g`` and ``<name>_v``, is understood.
    """
    parametrize.register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def from_older(state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        keys = [f"{prefix}{name}_{part}" for part in "gv"]
        if all(key in state_dict for key in keys):
            for i, key in enumerate(keys):
                state_dict[f"{prefix}parametrizations.{name}.original{i}"] = state_dict.pop(key)

    module._register_load_state_dict_pre_hook(from_older)
    return module


class _SpectralNorm(Module):
    _u: Tensor
    _v: Tensor

    def __init__(self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        ndim = weight.dim()
        if dim >= ndim or dim < -ndim:
            raise IndexError(f"Dimension out of range (expected to be in range of [-{ndim}, {ndim - 1}] but got {dim})")
        if n_power_iterations <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
            )
        self.dim = dim % ndim
        self.eps = eps
        if ndim > 1:
            self.n_power_iterations = n_power_iterations
            matrix = matrix_of(weight.detach(), self.dim)
            for buffer, size in (("_u", matrix.shape[0]), ("_v", matrix.shape[1])):
                self.register_buffer(buffer, unit(matrix.new_empty((size,)).normal_(0, 1), eps))
            power_iteration(matrix, self._u, self._v, 15, eps)

    def forward(self, weight: Tensor) -> Tensor:
        if weight.dim() == 1:
            return unit(weight, self.eps)
        matrix = matrix_of(weight, self.dim)
        if self.training:
            power_iteration(matrix, self._u, self._v, self.n_power_iterations, self.eps)
        u, v = self._u.clone(), self._v.clone()
        return weight / ops.dot(u, ops.mv(matrix, v))

    def right_inverse(self, value: Tensor) -> Tensor:
        return value


def spectral_norm(
    module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Module:
    """Weight = original / its largest singular value, which power iterations follow during training.

    ``dim`` is the output dimension: 0, but 1 for transposed convolutions.
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if dim is None:
        dim = 1 if type(module).__name__.startswith("ConvTranspose") else 0
    parametrize.register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, dim, eps))
    return module


def _made_orthogonal(a: Tensor) -> Tensor:
    """The orthogonal factor of a's QR decomposition whose triangular factor has a positive diagonal."""
    q, r = qr(a)
    return q * ops.sgn(r.diagonal(0, -2, -1)).unsqueeze(-2)  # type: ignore[no-any-return]


def _is_orthogonal(q: Tensor) -> bool:
    from ...dtypes import finfo

    eps = 10.0 * q.shape[-2] * finfo(q.dtype).eps
    difference = ops.matmul(q.mH, q) - ops.eye(q.shape[-1], dtype=q.dtype, device=q.device)
    return bool((ops.abs(difference) <= eps).all().item())


class _Orthogonal(Module):
    base: Tensor | None

    def __init__(self, weight: Tensor, orthogonal_map: str) -> None:
        super().__init__()
        if weight.is_complex() and orthogonal_map == "householder":
            raise ValueError("The householder parametrization does not support complex tensors.")
        self.shape = weight.shape
        self.orthogonal_map = orthogonal_map
        self.register_buffer("base", None)

    def forward(self, x: Tensor) -> Tensor:
        turned = x.shape[-2] < x.shape[-1]
        if turned:
            x = x.mT
        n, k = x.shape[-2], x.shape[-1]
        if self.orthogonal_map == "householder":
            a = ops.tril(x, -1)
            tau = 2.0 / (1.0 + (a * a).sum(-2))
            q = householder_product(a, tau) * x.diagonal(0, -2, -1).detach().sign().unsqueeze(-2)
        else:
            x = ops.tril(x)
            if n != k:
                x = ops.cat([x, x.new_zeros((*x.shape[:-2], n, n - k))], -1)
            a = x - x.mH
            if self.orthogonal_map == "matrix_exp":
                q = matrix_exp(a)
            else:
                identity = ops.eye(n, dtype=a.dtype, device=a.device)
                q = solve(identity - 0.5 * a, identity + 0.5 * a)
            if n != k:
                q = q[..., :k]
        if self.base is not None:
            q = ops.matmul(self.base, q)
        return q.mT if turned else q

    @no_grad()
    def right_inverse(self, q: Tensor) -> Tensor:
        if q.shape != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of shape {q.shape}."
            )
        given = q
        if q.shape[-2] < q.shape[-1]:
            q = q.mT
        n, k = q.shape[-2], q.shape[-1]
        if n == k:
            q = q.clone() if _is_orthogonal(q) else _made_orthogonal(q)
        else:
            rest = ops.randn((*q.shape[:-2], n, n - k), dtype=q.dtype, device=q.device)
            q = _made_orthogonal(ops.cat([q, rest], -1))
        self.base = q.detach()
        result = ops.zeros_like(given.detach())
        result.diagonal(0, -2, -1).fill_(-1.0)
        return result


def orthogonal(
    module: Module, name: str = "weight", orthogonal_map: str | None = None, *, use_trivialization: bool = True
) -> Module:
    """Make a matrix (or batch) orthogonal, or its columns or rows orthonormal where it is not square.

    ``orthogonal_map`` is "matrix_exp", "cayley" or "householder"; the first by default for square matrices, the last
    for others.  The tensor starts as the nearest by a QR decomposition, and can be assigned.

    Raises:
        NotImplementedError: for ``use_trivialization=False``, which is not there.
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if weight.dim() < 2:
        raise ValueError(f"Expected a matrix or batch of matrices. Got a tensor of {weight.dim()} dimensions.")
    if orthogonal_map is None:
        square = weight.size(-2) == weight.size(-1)
        orthogonal_map = "matrix_exp" if square or weight.is_complex() else "householder"
    if orthogonal_map not in ("matrix_exp", "cayley", "householder"):
        raise ValueError(
            f'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". Got: {orthogonal_map}'
        )
    if not use_trivialization:
        raise NotImplementedError("orthogonal(): use_trivialization=False is not supported")
    return parametrize.register_parametrization(module, name, _Orthogonal(weight, orthogonal_map), unsafe=True)
