"""Activation functions."""

from __future__ import annotations

import warnings
from typing import Any

from ... import ops
from ...autograd import Function
from ...dtypes import dtype as DType
from ...dtypes import finfo
from ...ops import nonlinear, rules
from ...ops.nonlinear import (
    celu_,
    elu_,
    hardshrink,
    leaky_relu_,
    prelu,
    relu_,
    rrelu_,
    selu_,
    threshold_,
    written,
)
from ...tensor import Tensor

__all__ = [
    "celu", "celu_", "elu", "elu_", "gelu", "glu", "gumbel_softmax", "hardshrink", "hardsigmoid", "hardswish",
    "hardtanh", "hardtanh_", "leaky_relu", "leaky_relu_", "log_softmax", "logsigmoid", "mish", "prelu", "relu", "relu6",
    "relu_", "rrelu", "rrelu_", "selu", "selu_", "sigmoid", "silu", "softmax", "softmin", "softplus", "softshrink",
    "softsign", "tanh", "tanhshrink", "threshold", "threshold_",
]  # fmt: skip


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(0, x), elementwise; nan stays nan."""
    return input.relu_() if inplace else ops.relu(input)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where x > 0, else ``negative_slope * x``."""
    return leaky_relu_(input, negative_slope) if inplace else nonlinear.leaky_relu(input, negative_slope)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where x > 0, else ``alpha * (exp(x) - 1)``."""
    return elu_(input, alpha) if inplace else nonlinear.elu(input, alpha)


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """x * Phi(x), with Phi the normal distribution function; ``approximate="tanh"`` uses its tanh formula."""
    return ops.gelu(input, approximate=approximate)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x * sigmoid(x)."""
    return written(ops.silu, input) if inplace else ops.silu(input)


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


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """The self-normalizing scaled ``elu``."""
    return selu_(input) if inplace else nonlinear.selu(input)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where positive, else ``alpha * (exp(x / alpha) - 1)``."""
    return celu_(input, alpha) if inplace else nonlinear.celu(input, alpha)


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """The elements above ``threshold``; ``value`` in place of the others."""
    return (threshold_ if inplace else nonlinear.threshold)(input, threshold, value)


def rrelu(
    input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False, inplace: bool = False
) -> Tensor:
    """x where positive, else x times a slope: random in [lower, upper) in training, their mean otherwise."""
    return (rrelu_ if inplace else nonlinear.rrelu)(input, lower, upper, training)


def _hardtanh(input: Tensor, low: Any, high: Any) -> Tensor:
    if input.dtype.category == 0:
        raise RuntimeError("Bool inputs not supported for hardtanh")
    if input.dtype.category == 1:
        low, high = int(low), int(high)
        if not input.dtype.is_signed and (low < 0 or high < 0):
            raise RuntimeError("cannot do hardtanh on an unsigned type with negative limits")
    return ops.where(input <= low, low, ops.where(input >= high, high, input))


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """x limited to [min_val, max_val]; no gradient at the limits. ValueError where the limits are crossed."""
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    return hardtanh_(input, min_val, max_val) if inplace else _hardtanh(input, min_val, max_val)


def hardtanh_(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """In-place ``hardtanh``."""
    return written(_hardtanh, input, min_val, max_val)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """x limited to [0, 6]."""
    return hardtanh(input, 0, 6, inplace)


def _hardsigmoid(input: Tensor) -> Tensor:
    if input.dtype.category != 2:
        raise rules.not_implemented("hardsigmoid_cpu", input.dtype)
    return _hardtanh(input + 3, 0.0, 6.0) / 6


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """relu6(x + 3) / 6."""
    return written(_hardsigmoid, input) if inplace else _hardsigmoid(input)


def _hardswish(input: Tensor) -> Tensor:
    if input.dtype.category != 2:
        raise rules.not_implemented("hardswish_cpu", input.dtype)
    return input * _hardtanh(input + 3, 0.0, 6.0) / 6


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """x * relu6(x + 3) / 6."""
    return written(_hardswish, input) if inplace else _hardswish(input)


def _mish(input: Tensor) -> Tensor:
    if input.dtype.category != 2:
        raise rules.not_implemented("mish_cpu", input.dtype)
    return input * ops.tanh(-logsigmoid(-input))


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """x * tanh(softplus(x))."""
    return written(_mish, input) if inplace else _mish(input)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """The first half of ``dim`` times the sigmoid of the second."""
    if input.dim() == 0:
        raise RuntimeError("glu does not support scalars because halving size must be even")
    place = rules.normalize_dim(dim, input.dim())
    size = input.size(place)
    if size % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {place} is size {size}")
    half = size // 2
    return input.narrow(place, 0, half) * ops.sigmoid(input.narrow(place, half, half))


def softsign(input: Tensor) -> Tensor:
    """x / (1 + |x|)."""
    return input / (ops.abs(input) + 1)


def tanhshrink(input: Tensor) -> Tensor:
    """x - tanh(x)."""
    return input - ops.tanh(input)


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x brought nearer to 0 by ``lambd``, and 0 within ``lambd`` of it; nan stays nan."""
    if input.dtype.category != 2:
        raise rules.not_implemented("softshrink_cpu", input.dtype)
    largest = finfo(input.dtype).max
    if not 0 <= lambd <= largest:
        raise RuntimeError(
            f"lambda must be in range [0, {largest:g}] for input dtype {rules.what(input.dtype)}, but found {lambd:g}"
        )
    away = ops.where(input > lambd, input - lambd, input + lambd)
    return ops.where(ops.abs(input) <= lambd, 0.0, away)


def gumbel_softmax(logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Tensor:
    """A sample of the relaxed categorical distribution of ``logits`` along ``dim``, at temperature ``tau``.

    ``hard``: one-hot in value, with the gradient of the soft sample. ``eps`` has no effect.
    """
    if eps != 1e-10:
        warnings.warn("`eps` parameter is deprecated and has no effect.", stacklevel=2)
    if logits.dtype.category != 2:
        raise RuntimeError(
            "Exponential distribution is a continuous probability distribution. dtype must be a floating point but you "
            f"specified {rules.what(logits.dtype)}"
        )
    drawn = ops.exponential_(ops.empty_like(logits))
    noise = -ops.log(ops.clamp(drawn, min=finfo(logits.dtype).tiny))
    soft = ops.softmax((logits + noise) / tau, dim)
    if not hard:
        return soft
    place = soft.detach().argmax(dim, keepdim=True)
    one_hot = ops.scatter(ops.zeros_like(soft), dim, place, 1.0)
    return one_hot - soft.detach() + soft


def softmin(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: DType | None = None) -> Tensor:
    """exp(-x) / sum(exp(-x)) along ``dim``; with ``dtype``, computed and returned in it."""
    return ops.softmax(-input, _dim_of("softmin", input, dim, _stacklevel), dtype=dtype)


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
