"""Regroupings of channels and pixels; classes as rows of zeros and a one."""

from __future__ import annotations

from ... import ops
from ...dtypes import int64
from ...ops.nonlinear import channel_shuffle, native_channel_shuffle, pixel_shuffle, pixel_unshuffle
from ...tensor import Tensor

__all__ = ["channel_shuffle", "native_channel_shuffle", "one_hot", "pixel_shuffle", "pixel_unshuffle"]


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Of int64 classes (...) to int64 (..., C): 1 at each class, else 0; C is the largest class + 1 where not given."""
    if tensor.dtype is not int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    if tensor.numel() == 0:
        if num_classes <= 0:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        return ops.zeros((*tensor.shape, num_classes), dtype=int64, device=tensor.device)
    if int(tensor.min().item()) < 0:
        raise RuntimeError("Class values must be non-negative.")
    largest = int(tensor.max().item())
    if num_classes == -1:
        num_classes = largest + 1
    elif largest >= num_classes:
        raise RuntimeError("Class values must be smaller than num_classes.")
    return ops.eq(tensor.unsqueeze(-1), ops.arange(num_classes, device=tensor.device)).to(int64)
