"""What distributions need of tensors, under the names that ``torch.distributions.utils`` has."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from .. import _functions as ops
from ..autograd import enable_grad
from ..dtypes import default_dtype, finfo
from ..ops import rules
from ..tensor import Tensor

__all__ = [
    "broadcast_all", "clamp_probs", "lazy_property", "logits_to_probs", "probs_to_logits", "tril_matrix_to_vec",
    "vec_to_tril_matrix",
]  # fmt: skip


def broadcast_all(*values: Any) -> tuple[Tensor, ...]:
    """Tensors of one shape from tensors and numbers; numbers take the tensors' dtype and device, or the default's."""
    given = [v for v in values if isinstance(v, Tensor)]
    if not all(isinstance(v, (Tensor, int, float)) for v in values):
        raise ValueError(
            "Input arguments must all be instances of Number, torch.Tensor or objects implementing __torch_function__."
        )
    dtype = given[0].dtype if given else default_dtype()
    device = given[0].device if given else None
    tensors = [v if isinstance(v, Tensor) else ops.tensor(v, dtype=dtype, device=device) for v in values]
    shape = rules.broadcast_shapes(*[t.shape for t in tensors])
    return tuple(t if t.shape == shape else t.expand(shape) for t in tensors)


def sum_rightmost(value: Tensor, dims: int) -> Tensor:
    """The sum over the last ``dims`` dimensions."""
    return value.flatten(value.ndim - dims).sum(-1) if dims else value


def open_uniform(shape: Sequence[int], like: Tensor) -> Tensor:
    """Uniform numbers in (0, 1) with the dtype and device of a tensor."""
    eps = finfo(like.dtype).eps
    return ops.rand(*shape, dtype=like.dtype, device=like.device) * (1 - eps) + finfo(like.dtype).tiny


def clamp_probs(probs: Tensor) -> Tensor:
    """Probabilities that are neither 0 nor 1."""
    eps = finfo(probs.dtype).eps
    return ops.clamp(probs, eps, 1 - eps)


class lazy_property(cached_property[Any]):
    """A property computed when first asked for, with history; from then on the instance's own."""

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        with enable_grad():
            return super().__get__(instance, owner)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """Log-odds where binary, else logarithms, of probabilities that are neither 0 nor 1."""
    p = clamp_probs(probs)
    return p.log() - (-p).log1p() if is_binary else p.log()


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """The inverse of :func:`probs_to_logits`."""
    return logits.sigmoid() if is_binary else logits.softmax(-1)


def vec_to_tril_matrix(vec: Tensor, diag: int = 0) -> Tensor:
    """Square matrices with the last dimension's elements, row by row, on and below a diagonal and 0 elsewhere."""
    count = vec.shape[-1]
    size = round((math.sqrt(1 + 8 * count) - 1) / 2) - diag
    rows, columns = ops.tril_indices(size, size, diag, device=vec.device)
    flat = vec.new_zeros((*vec.shape[:-1], size * size))
    index = (rows * size + columns).expand(vec.shape)
    return ops.scatter(flat, -1, index, vec).reshape((*vec.shape[:-1], size, size))


def tril_matrix_to_vec(mat: Tensor, diag: int = 0) -> Tensor:
    """The elements on and below a diagonal, row by row."""
    size = mat.shape[-1]
    rows, columns = ops.tril_indices(size, size, diag, device=mat.device)
    return mat.flatten(-2).index_select(-1, rows * size + columns)
