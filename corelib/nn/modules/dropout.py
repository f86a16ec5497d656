"""Dropout."""

from __future__ import annotations

from typing import Any

from ...tensor import Tensor
from .. import functional as F
from ._by_dims import ByDims

__all__ = ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout"]


class _DropoutNd(ByDims):
    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if p < 0 or p > 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_DropoutNd):
    """In training, zeroes each element with probability ``p`` and scales the others by 1/(1-p)."""

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout(input, self.p, self.training, self.inplace)


class _ChannelDropout(_DropoutNd):
    """Dropout of whole channels of {shapes}."""

    _name = "dropoutnd"

    def forward(self, input: Tensor) -> Any:
        return self._function(input, self.p, self.training, self.inplace)


class Dropout1d(_ChannelDropout, dims=1): ...


class Dropout2d(_ChannelDropout, dims=2): ...


class Dropout3d(_ChannelDropout, dims=3): ...


class AlphaDropout(_DropoutNd):
    """Dropout to selu's negative limit, which keeps the mean and variance of standard normal input."""

    def forward(self, input: Tensor) -> Tensor:
        return F.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(_DropoutNd):
    """``AlphaDropout`` of whole channels of (N, C, ...)."""

    def forward(self, input: Tensor) -> Tensor:
        return F.feature_alpha_dropout(input, self.p, self.training)
