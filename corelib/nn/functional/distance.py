"""Distances and norms of vectors."""

from __future__ import annotations

from ...core.inplace import write_result
from ...ops import rules
from ...ops.derived import clamp
from ...ops.features import cosine_similarity, pairwise_distance, vector_norm
from ...ops.products import pdist
from ...tensor import Tensor

__all__ = ["cosine_similarity", "normalize", "pairwise_distance", "pdist"]


def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out: Tensor | None = None) -> Tensor:
    """x / max(its p-norm along ``dim``, ``eps``)."""
    if input.dtype.category < 2:
        raise RuntimeError(
            f"linalg.vector_norm: Expected a floating point or complex tensor as input. Got {rules.what(input.dtype)}"
        )
    result = input / clamp(vector_norm(input, p, dim, True), min=eps)
    return result if out is None else write_result(out, result, "normalize")
