"""Losses over classes: nll_loss and cross entropy."""

from __future__ import annotations

from typing import Any

from ..codegen import scalar
from ..codegen.lowering import Rowwise, Stage, spread
from ..codegen.rowwise import Row
from ..codegen.scalar import Expr, compute, index, select
from ..core.plan import Result
from ..core.tensor import Tensor
from ..dtypes import int64, uint8
from ..layout import Layout
from . import rules, samples
from .activation import log_softmax
from .elementwise import div, eq, exp, mul, neg, sub, where
from .primitive import primitive

_A = samples.array


def _reduce(values: Tensor, reduction: str, total: Any = None) -> Tensor:
    if reduction == "none":
        return values
    if reduction == "sum":
        return values.sum()
    return values.mean() if total is None else div(values.sum(), total)


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
            f"weight tensor should be defined either for all {input.shape[-1]} classes or no classes but got weight "
            f"tensor of shape: {list(weight.shape)}"
        )
    from .indexing import index_select

    return index_select(weight, 0, target.reshape(-1)).reshape(tuple(target.shape))


def _check_classes(input: Tensor, target: Tensor) -> None:
    if target.dtype not in (int64, uint8):
        raise RuntimeError(f"expected target dtype to be Long or Byte, but got {rules.what(target.dtype)}")
    if input.ndim == 1:
        if target.ndim != 0:
            raise RuntimeError(
                "0D or 1D target tensor expected, multi-target not supported (got target of shape "
                f"{list(target.shape)})"
            )
        return
    if input.ndim == 2 and target.ndim == 1 and target.shape[0] != input.shape[0]:
        raise ValueError(
            f"Expected input batch_size ({input.shape[0]}) to match target batch_size ({target.shape[0]})."
        )
    if tuple(target.shape) != (input.shape[0], *input.shape[2:]):
        raise RuntimeError(f"Expected target size {[input.shape[0], *input.shape[2:]]}, got {list(target.shape)}")


def _class_rule(x: Layout, target: Layout, ignore_index: int, reduction: str) -> Result:
    shape = (x.shape[0],) if reduction == "none" else ()
    return Result((x.with_shape(shape), x.dense, x.with_shape(())), (ignore_index, reduction))


def _counted(values: Tensor, ignored: Tensor, reduction: str) -> tuple[Tensor, Tensor]:
    """(reduced losses, number of rows that count)."""
    count = eq(ignored, False).sum().to(values.dtype)
    if reduction == "none":
        return values, count
    return (values.sum() if reduction == "sum" else div(values.sum(), count)), count


def _class_vjp(
    grads: Any, log_probabilities: Tensor, target: Tensor, count: Tensor, ignore_index: int, reduction: str
) -> tuple[Any, ...]:
    result: Any = None
    if grads[0] is not None:
        result = class_cross_entropy_grad(grads[0], log_probabilities, target, count, ignore_index, reduction)
    if grads[1] is not None:  # the loss's gradient keeps the log-probabilities, so that it has a gradient too
        through = sub(grads[1], mul(exp(log_probabilities), grads[1].sum(1, True)))
        result = through if result is None else result + through
    return result, None


def _class_of(row: Row, target: Expr, ignore_index: int) -> tuple[Expr, Expr]:
    """(whether the row counts, whether the element is its target's)."""
    at = scalar.cast(target, int64)
    ignored = scalar.eq(at, ignore_index)
    safe = scalar.checked(select(ignored, 0, at), index("length"), 1)
    return ~ignored, scalar.eq(index("reduced"), safe)


def _class_stages(x: Layout, target: Layout, ignore_index: int, reduction: str) -> Any:
    c = compute(x.dtype)

    def by_row(row: Row, x: Expr, target: Expr) -> Any:
        counts, here = _class_of(row, target, ignore_index)
        away = x - row.amax(x)
        size = scalar.log(row.sum(scalar.exp(away)))
        picked = row.sum(select(here, away, 0.0))
        return [away - size], [select(counts, size - picked, 0.0)]

    def over_rows(row: Row, target: Expr, loss: Any) -> Any:
        ignored = scalar.eq(scalar.cast(target, int64), ignore_index)
        count = row.sum(select(ignored, scalar.const(0, c), 1.0))
        if loss is None:
            return [], [count]
        total = row.sum(loss)
        return [], [count, total / count if reduction == "mean" else total]

    whole = reduction == "none"
    rows = x.with_shape((x.shape[0],))
    one = x.with_shape(())
    given = (0, x.strides), spread(1, target, x.shape, 0)
    losses = None if whole else (~1, (1,))
    return [
        Stage(by_row, x.shape, (1,), given, (x.dense,), (rows if whole else rows.with_dtype(c),)),
        Stage(over_rows, rows.shape, (0,), ((1, target.strides), losses), (), (one,) if whole else (one, one)),
    ], (1, 0, 2) if whole else (3, 0, 2)


def _class_grad_stages(
    grad: Layout, log_probabilities: Layout, target: Layout, count: Layout, ignore_index: int, reduction: str
) -> Any:
    def function(row: Row, grad: Expr, logs: Expr, target: Expr, count: Expr) -> Any:
        counts, here = _class_of(row, target, ignore_index)
        share = select(counts, grad / count if reduction == "mean" else grad, 0.0)
        return [scalar.exp(logs) * share - select(here, share, 0.0)], []

    shape = log_probabilities.shape
    inputs = (spread(0, grad, shape, 0), (1, log_probabilities.strides), spread(2, target, shape, 0))
    return [Stage(function, shape, (1,), (*inputs, spread(3, count, shape)), (log_probabilities.dense,))], (0,)


_ROWS = (_A(4, 5), _A(4, dtype=int64, low=0, high=4))
_SOME_IGNORED = (_A(3, 2), _A(3, dtype=int64, values=(0, -100, 1)))


@primitive(
    rule=_class_rule, vjp=_class_vjp, outputs=("loss", "log_probabilities", "count"), nondifferentiable=(2,),
    node_name="NllLoss", torch_name="",
    samples=samples.calls(
        (*_ROWS, -100, "mean"),
        (*_SOME_IGNORED, -100, "mean"),
        (*_ROWS, 1, "none"),
        (*_ROWS, -100, "sum"),
        "[4,5]t [4]s@int64~0..4 2 'mean'",
        accepts="f",
    ),
    lower=Rowwise("f", _class_stages),
)  # fmt: skip
def class_cross_entropy(
    input: Tensor, target: Tensor, ignore_index: int, reduction: str
) -> tuple[Tensor, Tensor, Tensor]:
    """(loss of logits [N, C] at class indices [N], the log-probabilities, how many rows count)."""
    log_probabilities = log_softmax(input, 1)
    ignored = eq(target, ignore_index)
    picked = log_probabilities.gather(1, where(ignored, 0, target).unsqueeze(1)).squeeze(1)
    loss, count = _counted(where(ignored, 0.0, neg(picked)), ignored, reduction)
    return loss, log_probabilities, count


def _class_grad_rule(
    grad: Layout, log_probabilities: Layout, target: Layout, count: Layout, ignore_index: int, reduction: str
) -> Result:
    return Result(log_probabilities.dense, (ignore_index, reduction))


def _class_grad_vjp(
    grad: Tensor,
    grad_output: Tensor,
    log_probabilities: Tensor,
    target: Tensor,
    count: Tensor,
    ignore_index: int,
    reduction: str,
    needs: Any,
) -> tuple[Any, ...]:
    """It is linear in the loss's gradient; of the log-probabilities p - onehot has the slope p."""
    share = _row_share(grad_output, target, count, ignore_index, reduction)
    p = exp(log_probabilities)
    along = (grad * p).sum(1) - grad.gather(1, where(eq(target, ignore_index), 0, target).unsqueeze(1)).squeeze(1)
    along = where(eq(target, ignore_index), 0.0, along)
    of_loss = along if reduction == "none" else along.sum() if reduction == "sum" else div(along.sum(), count)
    return of_loss if needs[0] else None, grad * p * share if needs[1] else None, None, None


def _row_share(grad: Tensor, target: Tensor, count: Tensor, ignore_index: int, reduction: str) -> Tensor:
    """What each row's loss counts for, [N, 1]."""
    share = div(grad, count) if reduction == "mean" else grad
    return where(eq(target, ignore_index), 0.0, share).unsqueeze(1)


_LOGS = (_A(4, 5, low=-3, high=-0.1), _A(4, dtype=int64, low=0, high=4))


@primitive(
    rule=_class_grad_rule, vjp=_class_grad_vjp, torch_name="", node_name="NllLossBackward",
    samples=samples.calls(  # the count is no variable: PyTorch's gradients of it say nothing
        samples.Sample((_A(), *_LOGS, _A(values=(4.0,)), -100, "mean"), gradient=False),
        samples.Sample((_A(4), *_LOGS, _A(values=(4.0,)), 2, "none"), gradient=False),
        samples.Sample((_A(), *_LOGS, _A(values=(4.0,)), -100, "sum"), gradient=False), accepts="f",
    ),
    lower=Rowwise("f", _class_grad_stages),
)  # fmt: skip
def class_cross_entropy_grad(
    grad_output: Tensor, log_probabilities: Tensor, target: Tensor, count: Tensor, ignore_index: int, reduction: str
) -> Tensor:
    """Of the logits: probabilities less the one-hot target, by row as much as the row's loss counts for."""
    from .indexing import scatter_add

    share = _row_share(grad_output, target, count, ignore_index, reduction)
    safe = where(eq(target, ignore_index), 0, target).unsqueeze(1)
    return scatter_add(mul(exp(log_probabilities), share), 1, safe, neg(share))


def cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:  # fmt: skip
    """Of logits [N, C, ...] or [C] with class indices, or with probabilities of the logits' shape."""
    shape, own = input._layout.shape, target._layout
    if len(shape) == 2 and own.shape == (*shape,)[:1] and own.dtype is int64 and weight is None and not label_smoothing:
        return class_cross_entropy(input, target, ignore_index, reduction)[0]  # at once: what most programs ask for
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
        return class_cross_entropy(input, target, ignore_index, reduction)[0]
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
    return loss * (1 - label_smoothing) + spread * (label_smoothing / classes)
