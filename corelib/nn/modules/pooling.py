"""Pooling: maxima, means, power means, to a given size, and maxima put back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...tensor import Tensor
from .. import functional as F
from .._dimensions import Size, as_tuple
from ._by_dims import ByDims

__all__ = [
    "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d", "AvgPool1d", "AvgPool2d", "AvgPool3d", "LPPool1d", "LPPool2d", "LPPool3d", "MaxPool1d",
    "MaxPool2d", "MaxPool3d", "MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d",
]  # fmt: skip

_Sizes = int | Sequence[int | None] | None


class _MaxPoolNd(ByDims):
    """The largest element of each window of {shapes}; with ``return_indices``, where it was too."""

    _name = "max_poolnd"

    def __init__(
        self, kernel_size: Size, stride: Size | None = None, padding: Size = 0, dilation: Size = 1,
        return_indices: bool = False, ceil_mode: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Any:
        return self._function(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPoolNd, dims=1): ...


class MaxPool2d(_MaxPoolNd, dims=2): ...


class MaxPool3d(_MaxPoolNd, dims=3): ...


class _Windows(ByDims):
    kernel_size: Any
    stride: Any
    padding: Any

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _MaxUnpoolNd(_Windows):
    """Maxima put back where ``MaxPool{n}d(return_indices=True)`` found them, among zeros."""

    _name = "max_unpoolnd"

    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> None:
        super().__init__()
        self.kernel_size = as_tuple(kernel_size, self._dims)
        self.stride = self.kernel_size if stride is None else as_tuple(stride, self._dims)
        self.padding = as_tuple(padding, self._dims)

    def forward(self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None) -> Any:
        return self._function(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class MaxUnpool1d(_MaxUnpoolNd, dims=1): ...


class MaxUnpool2d(_MaxUnpoolNd, dims=2): ...


class MaxUnpool3d(_MaxUnpoolNd, dims=3): ...


class AvgPool1d(_Windows, dims=1):
    """The mean of each window of {shapes}."""

    def __init__(
        self, kernel_size: Size, stride: Size | None = None, padding: Size = 0, ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.kernel_size = as_tuple(kernel_size, 1)
        self.stride = self.kernel_size if stride is None else as_tuple(stride, 1)
        self.padding = as_tuple(padding, 1)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool1d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)


class _AvgPoolNd(_Windows):
    """The mean of each window of {shapes}."""

    _name = "avg_poolnd"

    def __init__(
        self, kernel_size: Size, stride: Size | None = None, padding: Size = 0, ceil_mode: bool = False,
        count_include_pad: bool = True, divisor_override: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Any:
        return self._function(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad,
            self.divisor_override,
        )  # fmt: skip


class AvgPool2d(_AvgPoolNd, dims=2): ...


class AvgPool3d(_AvgPoolNd, dims=3): ...


class _LPPoolNd(ByDims):
    """(sum of x**norm_type) ** (1 / norm_type) of each window of {shapes}."""

    _name = "lp_poolnd"

    def __init__(
        self, norm_type: float, kernel_size: Size, stride: Size | None = None, ceil_mode: bool = False
    ) -> None:
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Any:
        return self._function(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)

    def extra_repr(self) -> str:
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class LPPool1d(_LPPoolNd, dims=1): ...


class LPPool2d(_LPPoolNd, dims=2): ...


class LPPool3d(_LPPoolNd, dims=3): ...


class _AdaptiveMaxPoolNd(ByDims):
    """The largest element of each of ``output_size`` nearly equal windows of {shapes}."""

    _name = "adaptive_max_poolnd"

    def __init__(self, output_size: _Sizes, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size = output_size
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Any:
        return self._function(input, self.output_size, self.return_indices)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd, dims=1): ...


class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd, dims=2): ...


class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd, dims=3): ...


class _AdaptiveAvgPoolNd(ByDims):
    """The mean over ``output_size`` nearly equal windows of {shapes}; None keeps a size."""

    _name = "adaptive_avg_poolnd"

    def __init__(self, output_size: _Sizes) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Any:
        return self._function(input, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptiveAvgPoolNd, dims=1): ...


class AdaptiveAvgPool2d(_AdaptiveAvgPoolNd, dims=2): ...


class AdaptiveAvgPool3d(_AdaptiveAvgPoolNd, dims=3): ...
