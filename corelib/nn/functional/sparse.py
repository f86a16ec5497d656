"""Embeddings: rows of a table by index, alone or gathered in bags."""

from __future__ import annotations

import math
from typing import Any

from ... import ops
from ...autograd import Function, no_grad
from ...dtypes import int64
from ...tensor import Tensor

__all__ = ["embedding", "embedding_bag"]


class _ScaledGradient(Function):
    """The identity, whose gradient is multiplied by a factor."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: Tensor) -> Tensor:
        ctx.save_for_backward(factor)
        return x

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return grads[0] * ctx.saved_tensors[0], None


def _limit_norms(weight: Tensor, indices: Tensor, max_norm: float, norm_type: float) -> None:
    """Scale, in place, the rows that are looked up and whose norm exceeds ``max_norm``."""
    with no_grad():
        used = ops.reshape(indices, (-1,)).to(int64)
        rows = ops.index_select(weight.detach(), 0, used)
        norms = ops.norm(rows, norm_type, 1, True)
        weight[used] = rows * ops.where(norms > max_norm, max_norm / (norms + 1e-7), 1.0)


def _by_frequency(rows: Tensor, indices: Tensor, count: int) -> Tensor:
    """Rows whose gradients are divided by how often each index occurs."""
    flat = ops.reshape(indices, (-1,)).to(int64)
    times = ops.index_select(ops.bincount(flat, minlength=count), 0, flat)
    factor = ops.reciprocal(times.to(rows.dtype)).reshape((*indices.shape, 1))
    result: Tensor = _ScaledGradient.apply(rows, factor)
    return result


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Rows of ``weight`` (V, D) at integer ``input`` (...): result (..., D).

    Args:
        padding_idx: the row that gets no gradient.
        max_norm: rows that are looked up and have a larger norm are scaled down, in place.
        scale_grad_by_freq: whether a row's gradient is divided by how often it is looked up.

    Raises:
        NotImplementedError: for ``sparse``: gradients are dense.
    """
    if sparse:
        raise NotImplementedError("embedding(): sparse gradients are not supported")
    if padding_idx is not None:
        rows = weight.size(0)
        if padding_idx >= rows or padding_idx < -rows:
            raise AssertionError("Padding_idx must be within num_embeddings")
        padding_idx %= rows
    if max_norm is not None:
        _limit_norms(weight, input, max_norm, norm_type)
    result: Tensor = ops.embedding(weight, input, -1 if padding_idx is None else padding_idx)
    return _by_frequency(result, input, weight.size(0)) if scale_grad_by_freq else result


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """The sum, mean or maximum of rows of ``weight`` (V, D) in each bag of indices: (B, D).

    Args:
        input: (B, L), a bag a row, or (N) with the first position of each bag in ``offsets``.
        per_sample_weights: factors of the rows, in the shape of ``input``; for ``mode="sum"``.
        include_last_offset: whether ``offsets`` has N at its end.
        padding_idx: the row that is left out, also of the mean's count.

    Raises:
        ValueError: for shapes and modes that do not fit.
        NotImplementedError: for ``sparse``, and for ``per_sample_weights`` with another mode.
    """
    if sparse:
        raise NotImplementedError("embedding_bag(): sparse gradients are not supported")
    if per_sample_weights is not None and input.size() != per_sample_weights.size():
        raise ValueError(
            f"embedding_bag: If per_sample_weights ({per_sample_weights.shape}) is not None, "
            f"then it must have the same shape as the input ({input.shape})"
        )
    if weight.dim() != 2:
        raise ValueError(f"weight has to be a 2D Tensor, but got Tensor of dimension {weight.dim()}")
    if input.dim() == 2:
        if offsets is not None:
            raise ValueError(
                "if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed length "
                f"sequences. However, found offsets of type {type(offsets)}"
            )
    elif input.dim() != 1:
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.dim()}")
    elif offsets is None:
        raise ValueError("offsets has to be a 1D Tensor but got None")
    elif offsets.dim() != 1:
        raise ValueError("offsets has to be a 1D Tensor")
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum, mean or max")
    if mode == "max" and scale_grad_by_freq:
        raise ValueError("max mode does not support scaling the gradient by the frequency")
    if max_norm is not None:
        _limit_norms(weight, input, max_norm, norm_type)
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError(
            "embedding_bag: per_sample_weights was not None. "
            "per_sample_weights is only supported for mode='sum' "
            f"(got mode='{mode}'). Please open a feature request on GitHub."
        )
    everywhere = ops.ones(tuple(input.shape), dtype=weight.dtype, device=input.device)
    rows = ops.embedding(weight, input, -1)
    if scale_grad_by_freq:
        rows = _by_frequency(rows, input, weight.size(0))
    if per_sample_weights is not None:
        rows = rows * per_sample_weights.unsqueeze(-1)
    valid = everywhere > 0 if padding_idx is None else input != padding_idx % weight.size(0)
    if offsets is not None:
        places, inside = _places(offsets, input.shape[0], include_last_offset)
        if places.shape[1] == 0:
            return ops.zeros((places.shape[0], weight.shape[1]), dtype=weight.dtype, device=weight.device)
        flat = places.reshape(-1)
        rows = ops.index_select(rows, 0, flat).reshape((*places.shape, weight.shape[1]))
        valid = ops.index_select(valid, 0, flat).reshape(tuple(places.shape)) & inside
    return _reduced(rows, valid, mode)


def _places(offsets: Tensor, total: int, include_last: bool) -> tuple[Tensor, Tensor]:
    """The positions of each bag as rows (B, longest), and which of them are the bag's."""
    starts = list(map(int, offsets.tolist()))
    if starts and starts[0] != 0:
        raise RuntimeError(
            "offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position 0. "
            f"However, got {starts[0]}"
        )
    if starts and starts[-1] > total:
        raise RuntimeError(f"offsets[-1] can not be greater than input's length({total}), but got {starts[-1]}")
    ends = starts[1:] if include_last else [*starts[1:], total]
    longest = max((end - start for start, end in zip(starts, ends, strict=False)), default=0)
    first = offsets[: len(ends)].to(int64).unsqueeze(1)
    last = ops.tensor(ends, dtype=int64, device=offsets.device).unsqueeze(1)
    places = first + ops.arange(max(longest, 0), device=offsets.device)
    return ops.clamp(places, max=max(total - 1, 0)), places < last


def _reduced(rows: Tensor, valid: Tensor, mode: str) -> Tensor:
    """(B, L, D) to (B, D), over what is valid; empty bags give zeros."""
    mask = valid.unsqueeze(-1)
    if mode == "max":
        top: Tensor = ops.max(ops.where(mask, rows, -math.inf), 1).values
        return ops.where(valid.any(1).unsqueeze(-1), top, 0.0)
    total = ops.where(mask, rows, 0.0).sum(1)
    if mode == "sum":
        return total
    count = ops.clamp(valid.to(rows.dtype).sum(1), min=1)
    return total / count.unsqueeze(-1)
