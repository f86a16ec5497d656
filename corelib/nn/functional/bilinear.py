"""The bilinear form of two inputs."""

from __future__ import annotations

from ... import ops
from ...tensor import Tensor

__all__ = ["bilinear"]


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``input1' W_k input2 + b_k`` for each k: (..., N), (..., M) and weight (K, N, M) to (..., K).

    Raises:
        RuntimeError: where shapes do not fit.
    """
    if input1.dim() != input2.dim():
        raise RuntimeError(f"bilinear(): input dimensions do not match: got {input1.dim()} and {input2.dim()}")
    for dim in range(input1.dim() - 1):
        if input1.size(dim) != input2.size(dim):
            raise RuntimeError(
                f"bilinear(): input batch dimensions do not match at dim {dim}: "
                f"got {input1.size(dim)} and {input2.size(dim)}"
            )
    for number, given in ((1, input1), (2, input2)):
        if given.size(-1) != weight.size(number):
            raise RuntimeError(
                f"bilinear(): input{number} size does not match weight size: "
                f"got {given.size(-1)} but expected {weight.size(number)}"
            )
    outputs, n, m = weight.shape
    lead = tuple(input1.shape[:-1])
    left = ops.matmul(input1.reshape(-1, n), weight.permute(1, 0, 2).reshape(n, outputs * m))
    result = ops.matmul(left.reshape(-1, outputs, m), input2.reshape(-1, m, 1)).reshape((*lead, outputs))
    return result if bias is None else result + bias
