"""Functions of neural networks: PyTorch's ``torch.nn.functional`` signatures over ``corelib.ops``."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from .. import ops
from ..autograd import Function
from ..dtypes import dtype as DType
from ..tensor import Tensor

__all__ = [
    "adaptive_avg_pool2d", "avg_pool2d", "batch_norm", "binary_cross_entropy", "binary_cross_entropy_with_logits",
    "conv1d", "conv2d", "cross_entropy", "dropout", "elu", "embedding", "gelu", "l1_loss", "layer_norm",
    "leaky_relu", "linear", "log_softmax", "logsigmoid", "max_pool2d", "mse_loss", "nll_loss", "relu",
    "scaled_dot_product_attention", "sigmoid", "silu", "softmax", "softplus", "tanh",
]  # fmt: skip

_Pair = int | Sequence[int]

linear = ops.linear
conv1d = ops.conv1d
conv2d = ops.conv2d
scaled_dot_product_attention = ops.scaled_dot_product_attention

# -- activations -------------------------------------------------------------------------------------


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


# -- normalization, dropout, embedding -----------------------------------------------------------------


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero each element with probability ``p`` and scale the others by 1/(1-p); the identity unless training."""
    if p < 0.0 or p > 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    result = ops.dropout(input, p, training)
    return input.copy_(result) if inplace else result


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize (N, C, ...) per channel: by the batch's statistics in training, else by the running ones.

    In training the running mean and (unbiased) variance, where given, move to the batch's by ``momentum``.
    """
    if training:
        size = input.size()
        per_channel = size[0]
        for length in size[2:]:
            per_channel *= length
        if per_channel == 1:
            raise ValueError(f"Expected more than 1 value per channel when training, got input size {size}")
    return ops.batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps)


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize over the last ``len(normalized_shape)`` dimensions, then scale and shift."""
    return ops.layer_norm(input, normalized_shape, weight, bias, eps)


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

    The row ``padding_idx`` gets no gradient.
    """
    if max_norm is not None or scale_grad_by_freq or sparse:
        raise NotImplementedError("embedding(): max_norm, scale_grad_by_freq and sparse are not supported")
    if padding_idx is not None:
        rows = weight.size(0)
        if padding_idx >= rows or padding_idx < -rows:
            raise AssertionError("Padding_idx must be within num_embeddings")
        padding_idx %= rows
    return ops.embedding(weight, input, -1 if padding_idx is None else padding_idx)


# -- pooling -----------------------------------------------------------------------------------------


def max_pool2d(
    input: Tensor,
    kernel_size: _Pair,
    stride: _Pair | None = None,
    padding: _Pair = 0,
    dilation: _Pair = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """The largest element of each window of (N, C, H, W) or (C, H, W); the stride is the kernel size by default."""
    if return_indices:
        return ops.max_pool2d_with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)
    return ops.max_pool2d(input, kernel_size, stride, padding, dilation, ceil_mode)


def avg_pool2d(
    input: Tensor,
    kernel_size: _Pair,
    stride: _Pair | None = None,
    padding: _Pair = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window of (N, C, H, W) or (C, H, W)."""
    return ops.avg_pool2d(input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def adaptive_avg_pool2d(input: Tensor, output_size: int | Sequence[int | None] | None) -> Tensor:
    """The mean over (H_out, W_out) nearly equal windows of (N, C, H, W) or (C, H, W); None keeps a size."""
    if input.dim() not in (3, 4):
        raise RuntimeError(f"adaptive_avg_pool2d(): Expected 3D or 4D tensor, but got {list(input.size())}")
    wanted = (output_size, output_size) if output_size is None or isinstance(output_size, int) else tuple(output_size)
    sizes = [input.size(dim) if size is None else size for dim, size in zip((-2, -1), wanted, strict=True)]
    if 0 not in sizes and input.size(-2) % sizes[0] == 0 and input.size(-1) % sizes[1] == 0:
        return ops.avg_pool2d(input, (input.size(-2) // sizes[0], input.size(-1) // sizes[1]))
    for dim, size in zip((-2, -1), sizes, strict=True):
        length = input.size(dim)
        bounds = [(i * length // size, -(-(i + 1) * length // size)) for i in range(size)]
        windows = [input.narrow(dim, start, end - start).mean(dim) for start, end in bounds]
        input = ops.stack(windows, dim)
    return input


# -- losses ------------------------------------------------------------------------------------------


def reduction_of(reduction: str, size_average: bool | None, reduce: bool | None) -> str:
    """The reduction asked for, by name or through the two deprecated flags."""
    if size_average is not None or reduce is not None:
        average = size_average is None or size_average
        reduction = "none" if reduce is False else "mean" if average else "sum"
        warnings.warn(
            f"size_average and reduce args will be deprecated, please use reduction='{reduction}' instead.",
            stacklevel=4,
        )
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return reduction


def _reduce(loss: Tensor, reduction: str) -> Tensor:
    return loss if reduction == "none" else loss.mean() if reduction == "mean" else loss.sum()


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Cross entropy between logits (N, C, ...) or (C) and class indices (N, ...), or probabilities (N, C, ...)."""
    reduction = reduction_of(reduction, size_average, reduce)
    return ops.cross_entropy(input, target, weight, ignore_index, reduction, label_smoothing)


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Negative log-likelihood: minus the log-probability in ``input`` (N, C, ...) of class ``target`` (N, ...)."""
    reduction = reduction_of(reduction, size_average, reduce)
    return ops.nll_loss(input, target, weight, ignore_index, reduction)


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """(x - y) squared, reduced; ``weight``, of the input's shape, weighs the elements."""
    reduction = reduction_of(reduction, size_average, reduce)
    _warn_broadcast(input, target)
    difference = input - target
    return _weighted(difference * difference, weight, reduction)


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """|x - y|, reduced; ``weight``, of the input's shape, weighs the elements."""
    reduction = reduction_of(reduction, size_average, reduce)
    _warn_broadcast(input, target)
    return _weighted(ops.abs(input - target), weight, reduction)


def _warn_broadcast(input: Tensor, target: Tensor) -> None:
    if target.size() != input.size():
        warnings.warn(
            f"Using a target size ({target.size()}) that is different to the input size ({input.size()}). "
            "This will likely lead to incorrect results due to broadcasting. "
            "Please ensure they have the same size.",
            stacklevel=3,
        )


def _weighted(loss: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    if weight is None:
        return _reduce(loss, reduction)
    if weight.size() != loss.size():
        raise ValueError("Weights and input must have the same size.")
    loss = loss * weight
    return loss.sum() / weight.sum() if reduction == "mean" else _reduce(loss, reduction)


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-(y log p + (1 - y) log(1 - p)) for probabilities ``input``; logarithms are clamped at -100."""
    reduction = reduction_of(reduction, size_average, reduce)
    if target.size() != input.size():
        raise ValueError(
            f"Using a target size ({target.size()}) that is different to the input size ({input.size()}) is "
            "deprecated. Please ensure they have the same size."
        )
    loss = _BinaryCrossEntropy.apply(input, target)
    return _reduce(loss if weight is None else loss * weight, reduction)


class _BinaryCrossEntropy(Function):
    """Elementwise binary cross entropy, with PyTorch's gradient: finite also at p = 0 and p = 1."""

    @staticmethod
    def forward(ctx: Any, input: Tensor, target: Tensor) -> Tensor:
        ctx.save_for_backward(input, target)
        log_p = ops.clamp(ops.log(input), min=-100)
        log_q = ops.clamp(ops.log1p(-input), min=-100)
        return -(target * log_p + (1 - target) * log_q)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor | None]:
        input, target = ctx.saved_tensors
        grad_input = grad * (input - target) / ops.clamp((1 - input) * input, min=1e-12)
        grad_target = grad * (ops.log1p(-input) - ops.log(input)) if ctx.needs_input_grad[1] else None
        return grad_input, grad_target


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """Binary cross entropy of sigmoid(input), without the loss of precision; ``pos_weight`` weighs y = 1."""
    reduction = reduction_of(reduction, size_average, reduce)
    if target.size() != input.size():
        raise ValueError(f"Target size ({target.size()}) must be the same as input size ({input.size()})")
    log_p = logsigmoid(input)
    if pos_weight is None:
        loss = (1 - target) * input - log_p
    else:
        loss = (1 - target) * input - (1 + (pos_weight - 1) * target) * log_p
    return _reduce(loss if weight is None else loss * weight, reduction)
