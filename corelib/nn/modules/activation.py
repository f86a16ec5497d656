"""Activation functions as modules."""

from __future__ import annotations

import warnings
from typing import Any

from ...creation import empty
from ...device import Device
from ...dtypes import dtype as DType
from ...tensor import Tensor
from .. import functional as F
from .. import init as initial
from ..parameter import Parameter
from ._by_dims import Applied
from .module import Module

__all__ = [
    "CELU", "ELU", "GELU", "GLU", "SELU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU",
    "LogSigmoid", "LogSoftmax", "Mish", "PReLU", "RReLU", "ReLU", "ReLU6", "SiLU", "Sigmoid", "Softmax", "Softmax2d",
    "Softmin", "Softplus", "Softshrink", "Softsign", "Tanh", "Tanhshrink", "Threshold",
]  # fmt: skip


class _MaybeInPlace(Applied):
    """An activation whose only option is to write into its input."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(inplace)


class ReLU(_MaybeInPlace):
    """max(0, x), elementwise."""

    _function = staticmethod(F.relu)

    def forward(self, input: Tensor) -> Tensor:
        return F.relu(input, self.inplace)


class LeakyReLU(Applied):
    """x where x > 0, else ``negative_slope * x``."""

    _function = staticmethod(F.leaky_relu)

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__(negative_slope, inplace)


class GELU(Applied):
    """x * Phi(x); ``approximate="tanh"`` uses the tanh formula."""

    _function = staticmethod(F.gelu)

    def __init__(self, approximate: str = "none") -> None:
        super().__init__(approximate)

    def forward(self, input: Tensor) -> Tensor:
        return F.gelu(input, approximate=self.approximate)


class SiLU(_MaybeInPlace):
    """x * sigmoid(x)."""

    _function = staticmethod(F.silu)


class Mish(_MaybeInPlace):
    """x * tanh(softplus(x))."""

    _function = staticmethod(F.mish)


class SELU(_MaybeInPlace):
    """The self-normalizing scaled ELU."""

    _function = staticmethod(F.selu)


class Hardsigmoid(_MaybeInPlace):
    """relu6(x + 3) / 6."""

    _function = staticmethod(F.hardsigmoid)
    _shown = False


class Hardswish(_MaybeInPlace):
    """x * relu6(x + 3) / 6."""

    _function = staticmethod(F.hardswish)
    _shown = False


class Hardtanh(Applied):
    """x limited to [min_val, max_val]."""

    _function = staticmethod(F.hardtanh)
    _arguments = ("min_val", "max_val", "inplace")

    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: float | None = None,
        max_value: float | None = None,
    ) -> None:
        Module.__init__(self)
        for old, new in ((min_value, "min"), (max_value, "max")):
            if old is not None:
                warnings.warn(
                    f"keyword argument `{new}_value` is deprecated and renamed to `{new}_val`",
                    FutureWarning,
                    stacklevel=2,
                )
        self.min_val = min_val if min_value is None else min_value
        self.max_val = max_val if max_value is None else max_value
        self.inplace = inplace
        if self.max_val <= self.min_val:
            raise AssertionError(f"max_val ({self.max_val}) must be greater than min_val ({self.min_val})")


class ReLU6(Hardtanh):
    """x limited to [0, 6]."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0, inplace)

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


class Threshold(Applied):
    """The elements above ``threshold``; ``value`` in place of the others."""

    _function = staticmethod(F.threshold)

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__(threshold, value, inplace)


class RReLU(Applied):
    """x where positive, else x times a slope: random in [lower, upper) in training, their mean otherwise."""

    _function = staticmethod(F.rrelu)

    def __init__(self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False) -> None:
        super().__init__(lower, upper, inplace)

    def forward(self, input: Tensor) -> Any:
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)


class ELU(Applied):
    """x where positive, else ``alpha * (exp(x) - 1)``."""

    _function = staticmethod(F.elu)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(alpha, inplace)


class CELU(Applied):
    """x where positive, else ``alpha * (exp(x / alpha) - 1)``."""

    _function = staticmethod(F.celu)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(alpha, inplace)


class GLU(Applied):
    """The first half of ``dim`` times the sigmoid of the second."""

    _function = staticmethod(F.glu)

    def __init__(self, dim: int = -1) -> None:
        super().__init__(dim)


class _Shrink(Applied):
    """An activation that is 0 within ``lambd`` of 0."""

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__(lambd)

    def extra_repr(self) -> str:
        return str(self.lambd)


class Hardshrink(_Shrink):
    """0 within ``lambd`` of 0, else the element."""

    _function = staticmethod(F.hardshrink)


class Softshrink(_Shrink):
    """x brought nearer to 0 by ``lambd``."""

    _function = staticmethod(F.softshrink)


class LogSigmoid(Applied):
    """log(sigmoid(x))."""

    _function = staticmethod(F.logsigmoid)


class Softplus(Applied):
    """log(1 + exp(beta * x)) / beta; x itself where beta * x > threshold."""

    _function = staticmethod(F.softplus)

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__(beta, threshold)


class PReLU(Module):
    """x where positive, else ``weight * x``; ``weight`` (1, or one a channel) is learned and begins as ``init``."""

    def __init__(
        self,
        num_parameters: int = 1,
        init: float = 0.25,
        device: str | Device | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(empty(num_parameters, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Give the slopes their initial value again."""
        initial.constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class Softsign(Applied):
    """x / (1 + |x|)."""

    _function = staticmethod(F.softsign)


class Tanhshrink(Applied):
    """x - tanh(x)."""

    _function = staticmethod(F.tanhshrink)


class Sigmoid(Applied):
    """1 / (1 + exp(-x))."""

    _function = staticmethod(F.sigmoid)


class Tanh(Applied):
    """The hyperbolic tangent."""

    _function = staticmethod(F.tanh)


class _AlongDim(Applied):
    def __init__(self, dim: int | None = None) -> None:
        super().__init__(dim)

    def forward(self, input: Tensor) -> Any:
        return self._function(input, self.dim, _stacklevel=5)


class Softmax(_AlongDim):
    """exp(x) / sum(exp(x)) along ``dim``."""

    _function = staticmethod(F.softmax)


class LogSoftmax(_AlongDim):
    """log(softmax(x)) along ``dim``."""

    _function = staticmethod(F.log_softmax)


class Softmin(_AlongDim):
    """exp(-x) / sum(exp(-x)) along ``dim``."""

    _function = staticmethod(F.softmin)


class Softmax2d(Module):
    """softmax over the channels of (N, C, H, W) or (C, H, W)."""

    def forward(self, input: Tensor) -> Tensor:
        if input.dim() not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D, got {input.dim()}D instead")
        return F.softmax(input, -3, _stacklevel=5)
