"""Embedding look-up and its gradient."""

from __future__ import annotations

from math import prod

from ..codegen.lowering import Template
from ..core.plan import Result
from ..core.tensor import Tensor
from ..dtypes import int32, int64
from ..layout import Layout
from . import rules, samples
from .primitive import primitive


def _embedding_rule(weight: Layout, indices: Layout, padding_idx: int) -> Result:
    if len(weight.shape) != 2:
        raise RuntimeError("'weight' must be 2-D")
    if indices.dtype not in (int64, int32):
        raise RuntimeError(
            f"Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got "
            f"torch.{rules.what(indices.dtype)}Tensor instead (while checking arguments for embedding)"
        )
    return Result(weight.with_shape((*indices.shape, weight.shape[1])), (int(padding_idx),), cast=(None, int64))


def _embedding_vjp(grad: Tensor, indices: Tensor, weight_layout: Layout, padding_idx: int) -> Tensor:
    return embedding_grad(grad, indices, weight_layout.shape[0], padding_idx)


@primitive(
    rule=_embedding_rule,
    vjp={"weight": _embedding_vjp},
    samples=samples.calls(
        "[5,3] [2,4]@int64~0..4 -1; [5,3] [3]@int64~0..4 0",
        accepts="f",
        layouts=True,
    ),
    node_name="Embedding",
    torch_name="",
    widen=False,
    lower=Template("if", "embedding"),
)
def embedding(weight: Tensor, indices: Tensor, padding_idx: int = -1) -> Tensor:
    """Rows of ``weight`` [V, D] at ``indices`` [...]: [..., D].  Row ``padding_idx`` gets no gradient."""
    from .indexing import index_select

    return index_select(weight, 0, indices.reshape(-1)).reshape((*indices.shape, weight.shape[1]))


def _grad_rule(grad: Layout, indices: Layout, rows: int, padding_idx: int) -> Result:
    return Result(grad.with_shape((rows, grad.shape[-1])), (rows, padding_idx), cast=(None, int64))


@primitive(
    rule=_grad_rule,
    vjp={"grad_output": lambda grad, indices, padding_idx: _picked(grad, indices, padding_idx)},
    samples=samples.calls(
        "[2,4,3] [2,4]@int64~0..4 5 -1",
        accepts="f", layouts=True,
    ),
    torch_name="",
    lower=Template("if", "embedding_grad"),
)  # fmt: skip
def embedding_grad(grad_output: Tensor, indices: Tensor, rows: int, padding_idx: int) -> Tensor:
    """Gradients [..., D] added into [rows, D] at ``indices``."""
    from .indexing import along_dim, scatter_add

    width = grad_output.shape[-1]
    flat = grad_output.reshape((prod(indices.shape), width))
    zero = grad_output.new_zeros((rows, width))
    result = scatter_add(zero, 0, along_dim(indices.reshape(-1), 0, flat.shape), flat)
    if padding_idx >= 0:
        result[padding_idx].fill_(0)
    return result


def _picked(grad: Tensor, indices: Tensor, padding_idx: int) -> Tensor:
    from .elementwise import eq, where

    rows = embedding(grad, indices, -1)
    return rows if padding_idx < 0 else where(eq(indices, padding_idx).unsqueeze(-1), 0.0, rows)
