"""Activation functions."""

from __future__ import annotations

import warnings
from typing import Any

from ... import ops
from ...autograd import Function
from ...dtypes import dtype as DType
from ...tensor import Tensor

__all__ = [
    "elu", "gelu", "leaky_relu", "log_softmax", "logsigmoid", "relu", "sigmoid", "silu", "softmax", "softplus", "tanh",
]  # fmt: skip


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(0, x), elementwise; nan stays nan."""
    return input.relu_() if inplace else ops.relu(input)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where x > 0, else ``negative_slope * x``."""
    if inplace:  # of a copy: what is saved for the gradient must outlive the write
        return input.copy_(ops.leaky_relu(input.clone(), negative_slope))
    return ops.leaky_relu(input, negative_slope)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where x > 0, else ``alpha * (exp(x) - 1)``."""
    if inplace:  # of a copy: what is saved for the gradient must outlive the write
        return input.copy_(ops.elu(input.clone(), alpha))
    return ops.elu(input, alpha)


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """x * Phi(x), with Phi the normal distribution function; ``approximate="tanh"`` uses its tanh formula."""
    return ops.gelu(input, approximate=approximate)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x * sigmoid(x)."""
    if inplace:  # of a copy: what is saved for the gradient must outlive the write
        return input.copy_(ops.silu(input.clone()))
    return ops.silu(input)


def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + exp(-x))."""
    return ops.sigmoid(input)


def tanh(input: Tensor) -> Tensor:
    """The hyperbolic tangent."""
    return ops.tanh(input)


class _LogSigmoid(Function):
    """log(sigmoid(x)): neither the tails of its value nor the gradient at 0 survive differentiating a formula."""

    @staticmethod
    def forward(ctx: Any, input: Tensor) -> Tensor:
        ctx.save_for_backward(input)
        return ops.clamp(input, max=0) - ops.log1p(ops.exp(-ops.abs(input)))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (input,) = ctx.saved_tensors
        return grad * ops.sigmoid(-input)


def logsigmoid(input: Tensor) -> Tensor:
    """log(sigmoid(x)), exact in both tails."""
    result: Tensor = _LogSigmoid.apply(input)
    return result


def softplus(input: Tensor, beta: float = 1, threshold: float = 20) -> Tensor:
    """log(1 + exp(beta * x)) / beta; x itself where beta * x > threshold."""
    scaled = input * beta
    return ops.where(scaled > threshold, input, -logsigmoid(-scaled) / beta)


def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: DType | None = None) -> Tensor:
    """exp(x) / sum(exp(x)) along ``dim``; with ``dtype``, computed and returned in it."""
    return ops.softmax(input, _dim_of("softmax", input, dim, _stacklevel), dtype=dtype)


def log_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: DType | None = None) -> Tensor:
    """log(softmax(x)) along ``dim``, without the loss of precision."""
    return ops.log_softmax(input, _dim_of("log_softmax", input, dim, _stacklevel), dtype=dtype)


def _dim_of(name: str, input: Tensor, dim: int | None, stacklevel: int) -> int:
    if dim is not None:
        return dim
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an argument.",
        stacklevel=stacklevel,
    )
    return 0 if input.dim() in (0, 1, 3) else 1
