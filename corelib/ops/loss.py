"""Losses over classes: nll_loss and cross entropy."""

from __future__ import annotations

from typing import Any

from ..core.dispatch import Result
from ..core.tensor import Tensor
from ..dtypes import int64
from ..layout import Layout
from . import samples
from .activation import log_softmax
from .elementwise import div, eq, mul, neg, where
from .primitive import primitive

_A = samples.array


def _reduce(values: Tensor, reduction: str, total: Any = None) -> Tensor:
    if reduction == "none":
        return values
    if reduction == "sum":
        return values.sum()
    return values.mean() if total is None else div(values.sum(), total)  # type: ignore[no-any-return]


def nll_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """Minus the entry of class ``target`` in log-probabilities [N, C, ...] or [C]; weighted mean by default."""
    _check_classes(input, target)
    dim = 0 if input.ndim == 1 else 1
    ignored = eq(target, ignore_index)
    safe = where(ignored, 0, target)
    picked = neg(input.gather(dim, safe.unsqueeze(dim))).squeeze(dim)
    weights = where(ignored, 0.0, _class_weights(input, safe, weight))
    values = mul(picked, weights)
    return _reduce(values, reduction, weights.sum())


def _class_weights(input: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
    if weight is None:
        return input.new_ones(tuple(target.shape))
    if weight.numel() != input.shape[0 if input.ndim == 1 else 1]:
        raise RuntimeError(
            f"weight tensor should be defined either for all {input.shape[-1]} classes or no classes but got weight tensor of shape: {list(weight.shape)}"
        )
    from .indexing import index_select

    return index_select(weight, 0, target.reshape(-1)).reshape(tuple(target.shape))


def _check_classes(input: Tensor, target: Tensor) -> None:
    if target.dtype is not int64:
        raise RuntimeError(f"expected scalar type Long but found {target.dtype.name.title()}")
    if input.ndim == 1:
        if target.ndim != 0:
            raise RuntimeError(
                f"0D or 1D target tensor expected, multi-target not supported (got target of shape {list(target.shape)})"
            )
        return
    if input.ndim == 2 and target.ndim == 1 and target.shape[0] != input.shape[0]:
        raise ValueError(
            f"Expected input batch_size ({input.shape[0]}) to match target batch_size ({target.shape[0]})."
        )
    if tuple(target.shape) != (input.shape[0], *input.shape[2:]):
        raise RuntimeError(f"Expected target size {[input.shape[0], *input.shape[2:]]}, got {list(target.shape)}")


def _rows_rule(x: Layout, target: Layout, ignore_index: int) -> Result:
    vector = x.with_shape((x.shape[0],))
    return Result((vector, x.dense), (ignore_index,))


def _rows_vjp(grads: Any, log_probabilities: Tensor, target: Tensor, ignore_index: int) -> tuple[Any, ...]:
    """Of the losses: probabilities less the one-hot target.  Of the log-probabilities: log_softmax's."""
    from .elementwise import exp, sub
    from .indexing import scatter_add
    from .reduction import sum as total

    result: Any = None
    if grads[0] is not None:
        ignored = eq(target, ignore_index)
        g = where(ignored, 0.0, grads[0]).unsqueeze(1)
        safe = where(ignored, 0, target).unsqueeze(1)
        result = scatter_add(mul(exp(log_probabilities), g), 1, safe, neg(g))
    if grads[1] is not None:
        other = sub(grads[1], mul(exp(log_probabilities), total(grads[1], 1, True)))
        result = other if result is None else result + other
    return result, None


@primitive(
    rule=_rows_rule, vjp=_rows_vjp, outputs=("losses", "log_probabilities"), torch_name="", node_name="NllLoss",
    samples=samples.calls((_A(4, 5), _A(4, dtype=int64, low=0, high=4), -100), (_A(3, 2), _A(3, dtype=int64, values=(0, -100, 1)), -100)),
)  # fmt: skip
def cross_entropy_rows(input: Tensor, target: Tensor, ignore_index: int) -> tuple[Tensor, Tensor]:
    """(loss of each row of logits [N, C] at class indices [N], the log-probabilities)."""
    log_probabilities = log_softmax(input, 1)
    ignored = eq(target, ignore_index)
    picked = log_probabilities.gather(1, where(ignored, 0, target).unsqueeze(1)).squeeze(1)
    return where(ignored, 0.0, neg(picked)), log_probabilities


def cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:  # fmt: skip
    """Of logits [N, C, ...] or [C] with class indices, or with probabilities of the logits' shape."""
    dim = 0 if input.ndim == 1 else 1
    classes = input.shape[dim] if input.ndim else 0
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    if tuple(target.shape) == tuple(input.shape) and target.dtype.category >= 2:
        if label_smoothing:
            target = target * (1 - label_smoothing) + label_smoothing / classes
        away = neg(mul(log_softmax(input, dim), target))
        if weight is not None:
            away = mul(away, weight.reshape((-1,) + (1,) * (input.ndim - 1 - dim)))
        values = away.sum(dim)
        return _reduce(values, reduction, float(max(values.numel(), 1)))
    _check_classes(input, target)
    if input.ndim == 2 and weight is None and not label_smoothing:
        losses = cross_entropy_rows(input, target, ignore_index)[0]
        if reduction != "mean":
            return _reduce(losses, reduction)
        # the mean counts rows that are not ignored; whether any is, is for the device to know
        count = (target != ignore_index).sum().to(losses.dtype)
        return div(losses.sum(), count)  # type: ignore[no-any-return]
    log_probabilities = log_softmax(input, dim)
    loss = nll_loss(log_probabilities, target, weight, ignore_index, reduction)
    if not label_smoothing:
        return loss
    ignored = eq(target, ignore_index)
    smooth = neg(
        log_probabilities
        if weight is None
        else mul(log_probabilities, weight.reshape((-1,) + (1,) * (input.ndim - 1 - dim)))
    ).sum(dim)
    smooth = where(ignored, 0.0, smooth)
    weights = where(ignored, 0.0, _class_weights(input, where(ignored, 0, target), weight))
    spread = _reduce(smooth, reduction, weights.sum())
    return loss * (1 - label_smoothing) + spread * (label_smoothing / classes)  # type: ignore[no-any-return]
