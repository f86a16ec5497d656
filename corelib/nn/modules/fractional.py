"""Maxima of windows at random places, normalization across maps, and cross entropy of a linear layer."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from ... import ops
from ...device import Device
from ...dtypes import dtype as DType
from ...ops.features import constant_pad_nd
from ...tensor import Tensor
from .. import functional as F
from .linear import Linear
from .loss import WeightedLoss
from .module import Module

__all__ = ["CrossMapLRN2d", "FractionalMaxPool2d", "FractionalMaxPool3d", "LinearCrossEntropyLoss"]


class FractionalMaxPool2d(Module):
    """The largest elements of windows at random steps, so many as ``output_size`` (or ``output_ratio``) says."""

    _dims: ClassVar[int] = 2
    _function: ClassVar[Any] = staticmethod(F.fractional_max_pool2d)

    def __init__(
        self, kernel_size: Any, output_size: Any = None, output_ratio: Any = None, return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        n, name = self._dims, type(self).__name__

        def each(value: Any) -> Any:
            return (value,) * n if isinstance(value, (int, float)) else value

        self.kernel_size, self.return_indices = each(kernel_size), return_indices
        self.register_buffer("_random_samples", _random_samples)
        self.output_size, self.output_ratio = each(output_size), each(output_ratio)
        if output_size is None and output_ratio is None:
            raise ValueError(f"{name} requires specifying either an output size, or a pooling ratio")
        if output_size is not None and output_ratio is not None:
            raise ValueError("only one of output_size and output_ratio may be specified")
        if output_ratio is not None and not all(0 < ratio < 1 for ratio in self.output_ratio):
            raise ValueError(f"output_ratio must be between 0 and 1 (got {output_ratio})")

    def forward(self, input: Tensor) -> Any:
        return self._function(
            input, self.kernel_size, self.output_size, self.output_ratio, self.return_indices,
            _random_samples=self._random_samples,
        )  # fmt: skip


class FractionalMaxPool3d(FractionalMaxPool2d):
    """``FractionalMaxPool2d`` for volumes."""

    _dims = 3
    _function = staticmethod(F.fractional_max_pool3d)


class CrossMapLRN2d(Module):
    """(N, C, H, W) over (k + alpha / size * sum of the squares of the channels near) ** beta.

    Near are the channels up to ``(size - 1) // 2`` away and, as in PyTorch, the first one for all that are further.
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, input: Tensor) -> Tensor:
        if input.dim() != 4:
            raise ValueError(f"CrossMapLRN2d: Expected input to be 4D, got {input.dim()}D instead.")
        reach, channels = (self.size - 1) // 2, input.shape[1]
        squares = constant_pad_nd(input * input, (0, 0, 0, 0, reach, reach))
        total: Any = 0
        for i in range(2 * reach + 1):
            total = total + squares.narrow(1, i, channels)
        if channels > reach + 1:
            first = squares.narrow(1, reach, 1)
            beyond = ops.arange(channels, device=input.device).view(1, -1, 1, 1) > reach
            total = total + ops.where(beyond, first, 0.0)
        return input * ops.pow(total * (self.alpha / self.size) + self.k, -self.beta)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


class LinearCrossEntropyLoss(WeightedLoss):
    """Cross entropy of what the layer ``linear`` makes of the input, for ``num_classes`` (times ``out_features``)."""

    def __init__(
        self, in_features: int, num_classes: int, *, out_features: tuple[int, ...] = (), bias: bool = False,
        device: str | Device | None = None, dtype: DType | None = None, reduction: str = "mean",
        weight: Tensor | None = None, ignore_index: int | None = None, label_smoothing: float = 0.0,
        options: None = None,
    ) -> None:  # fmt: skip
        if weight is not None and tuple(weight.shape) != (num_classes,):
            raise RuntimeError(f"expected weight shape to be {(num_classes,)}, got {tuple(weight.shape)}")
        if not 0 <= label_smoothing <= 1:
            raise RuntimeError(f"expected label_smoothing to be in range [0, 1], got {label_smoothing}")
        super().__init__(weight, None, None, reduction)
        self.num_classes, self.out_features, self.ignore_index = num_classes, out_features, ignore_index
        self.label_smoothing, self.options = label_smoothing, options
        self.linear = Linear(
            in_features, math.prod(out_features, start=num_classes), bias=bias, device=device, dtype=dtype
        )

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        shape = (self.num_classes, *self.out_features)
        bias: Any = self.linear.bias
        return F.linear_cross_entropy(
            input, self.linear.weight.reshape((*shape, self.linear.in_features)), target,
            linear_bias=None if bias is None else bias.reshape(shape), weight=self.weight, reduction=self.reduction,
            ignore_index=self.ignore_index, label_smoothing=self.label_smoothing, options=self.options,
        )  # fmt: skip

    def extra_repr(self) -> str:
        return (
            f"in_features={self.linear.in_features}, num_classes={self.num_classes}, out_features={self.out_features}, "
            f"bias={self.linear.bias is not None}, reduction={self.reduction}, ignore_index={self.ignore_index}, "
            f"label_smoothing={self.label_smoothing}, options={self.options}"
        )
