"""Connectionist temporal classification."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ... import ops
from ...autograd import Function
from ...autograd.function import once_differentiable
from ...dtypes import bool_, int64
from ...ops.derived import clamp
from ...ops.features import constant_pad_nd
from ...tensor import Tensor
from .loss import reduction_of

__all__ = ["ctc_loss"]

_NEVER = float("-inf")


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor | Sequence[int],
    target_lengths: Tensor | Sequence[int],
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Minus the logarithm of the probability of all alignments of the targets with the frames.

    Args:
        log_probs: (T, N, C) or (T, C), log-probabilities: the gradient is that of what they are the log-softmax of.
        targets: integers (N, S), (S), or those of all samples one after the other, (sum of target_lengths).
        input_lengths: frames of each sample, at most T.
        target_lengths: classes of each target.
        blank: the class between repetitions.
        reduction: "mean" divides each loss by its target's length and averages them.
        zero_infinity: losses of targets that do not fit the frames are 0, as are their gradients.
    """
    reduction = reduction_of(reduction, None, None)
    batched = log_probs.dim() == 3
    if log_probs.dim() not in (2, 3):
        raise RuntimeError(f"log_probs must be 2 or 3 dimensional, but got {log_probs.dim()} dimensions")
    if not log_probs.dtype.is_floating_point:
        raise NotImplementedError(f"ctc_loss of log_probs of dtype {log_probs.dtype}")
    if targets.dtype.category != 1:
        targets = targets.to(int64)
    frames = log_probs if batched else log_probs.unsqueeze(1)
    time, count, classes = frames.shape
    inputs, lengths = _lengths(input_lengths), _lengths(target_lengths)
    if not 0 <= blank < classes:
        raise RuntimeError("blank must be in label range")
    for name, given in (("input_lengths", inputs), ("target_lengths", lengths)):
        if len(given) != count:
            raise RuntimeError(f"{name} must be of size batch_size")
    for n in inputs:
        if n < 0 or n > time:
            raise RuntimeError(
                f"Expected input_lengths to have value at most {time}, but got value {n} "
                "(while checking arguments for ctc_loss_allocate_outputs)"
            )
    if min(lengths, default=0) < 0:
        raise RuntimeError("Expected target_lengths to have values that are not negative")
    if not batched and targets.dim() == 1:
        targets = targets.unsqueeze(0)
    loss: Tensor = CtcLoss.apply(frames, _padded(targets, lengths, blank), inputs, lengths, blank, zero_infinity)
    if zero_infinity:
        loss = ops.where(ops.eq(loss, float("inf")), 0.0, loss)
    if reduction == "mean":
        sizes = ops.tensor([float(max(n, 1)) for n in lengths], dtype=loss.dtype, device=loss.device)
        return (loss / sizes).mean()
    if reduction == "sum":
        return loss.sum()
    return loss if batched else loss.squeeze(0)


def _lengths(given: Tensor | Sequence[int]) -> list[int]:
    if not isinstance(given, Tensor):
        return list(map(int, given))
    if given.dtype.category != 1:
        raise RuntimeError("input_lengths and target_lengths must be integral")
    values: list[int] = given.reshape(-1).tolist()
    return values


def _padded(targets: Tensor, lengths: list[int], blank: int) -> Tensor:
    """Targets (N, S), with blanks beyond their lengths."""
    longest = max(lengths, default=0)
    where_ = "(while checking arguments for ctc_loss_allocate_outputs)"
    if targets.dim() == 1:
        if targets.numel() != sum(lengths):
            raise RuntimeError(
                f"Expected tensor to have size {sum(lengths)} at dimension 0, but got size {targets.numel()} for "
                f"argument #2 'targets' {where_}"
            )
        starts = [sum(lengths[:n]) for n in range(len(lengths))]
    else:
        if targets.size(0) != len(lengths):
            raise RuntimeError(
                f"Expected tensor to have size {len(lengths)} at dimension 0, but got size {targets.size(0)} for "
                f"argument #2 'targets' {where_}"
            )
        if targets.size(1) < longest:
            raise RuntimeError(
                f"Expected tensor to have size at least {longest} at dimension 1, but got size {targets.size(1)} for "
                f"argument #2 'targets' {where_}"
            )
        starts = [n * targets.size(1) for n in range(len(lengths))]
    if not longest:
        return targets.new_full((len(lengths), 0), blank).long()
    places = [
        [start + s if s < length else 0 for s in range(longest)] for start, length in zip(starts, lengths, strict=True)
    ]
    index = ops.tensor(places, device=targets.device)
    positions = ops.arange(longest, device=targets.device)
    beyond = ops.le(ops.tensor(lengths, device=targets.device).unsqueeze(1), positions)
    found = ops.index_select(targets.reshape(-1), 0, index.reshape(-1)).reshape(tuple(index.shape))
    return ops.where(beyond, blank, found.long())


def _log_sum(terms: list[Tensor]) -> Tensor:
    """log(sum of exp), of logarithms some or all of which may be minus infinity."""
    top = terms[0]
    for x in terms[1:]:
        top = ops.maximum(top, x)
    none = ops.eq(top, _NEVER)
    base = ops.where(none, 0.0, top)
    total = ops.exp(terms[0] - base)
    for x in terms[1:]:
        total = total + ops.exp(x - base)
    return ops.where(none, _NEVER, base + ops.log(ops.where(none, 1.0, total)))


def _later(x: Tensor, steps: int) -> Tensor:
    """Moved to later places (N, L) by ``steps`` (negative: to earlier ones)."""
    if steps < 0:
        return constant_pad_nd(x, (0, -steps), _NEVER)[:, -steps:]
    return constant_pad_nd(x, (steps, 0), _NEVER)[:, : x.size(1)]


class CtcLoss(Function):
    """The loss of each sample, with the gradient of PyTorch: through the softmax that made the log-probabilities."""

    @staticmethod
    def forward(
        ctx: Any, frames: Tensor, targets: Tensor, inputs: list[int], lengths: list[int], blank: int, quiet: bool
    ) -> Tensor:
        time, count, _ = frames.shape
        device = frames.device
        labels = _with_blanks(targets, blank)
        skips = _may_skip(labels, blank)
        emitted = frames.gather(2, labels.unsqueeze(0).expand((time, *labels.shape)))  # (T, N, L)
        places = ops.arange(labels.size(1), device=device)
        ends = ops.tensor([2 * n for n in lengths], dtype=int64, device=device).unsqueeze(1)
        last = ops.eq(places, ends) | ops.eq(places, ends - 1)
        alphas: list[Tensor] = []
        for t in range(time):
            x = emitted[t]
            if t == 0:
                alphas.append(ops.where(ops.lt(places, 2), x, _NEVER))
            else:
                before = alphas[-1]
                alphas.append(x + _log_sum([before, _later(before, 1), ops.where(skips, _later(before, 2), _NEVER)]))
        paths = ops.stack(alphas) if alphas else frames.new_zeros((0, *labels.shape))
        steps = ops.tensor(inputs, dtype=int64, device=device).unsqueeze(1)
        if time:
            place = clamp(steps - 1, min=0).unsqueeze(0).expand((1, *labels.shape))
            loss = -ops.logsumexp(ops.where(last, paths.gather(0, place).squeeze(0), _NEVER), 1)
        else:
            loss = frames.new_zeros((count,))
        without = ops.where(ops.eq(ends.squeeze(1), 0), 0.0, float("inf")).to(frames.dtype)
        loss = ops.where(ops.eq(steps.squeeze(1), 0), without, loss)
        ctx.save_for_backward(frames, labels, skips, emitted, loss, last, paths)
        ctx.inputs, ctx.quiet = inputs, quiet
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        frames, labels, skips, emitted, loss, last, paths = ctx.saved_tensors
        time = frames.size(0)
        lengths = ops.tensor(ctx.inputs, dtype=int64, device=frames.device).unsqueeze(1)
        # whether the label at a place may be skipped over from two places before
        skipped = ops.cat([skips[:, 2:], ops.zeros((skips.size(0), 2), dtype=bool_, device=frames.device)], 1)
        skipped = skipped[:, : skips.size(1)]
        beta: Tensor | None = None
        shares: list[Tensor] = []
        for t in reversed(range(time)):
            x = emitted[t]
            ending = ops.where(last, x, _NEVER)
            if beta is None:
                beta = ops.where(ops.eq(lengths, t + 1), ending, _NEVER)
            else:
                over = ops.where(skipped, _later(beta, -2), _NEVER)
                onward = x + _log_sum([beta, _later(beta, -1), over])
                beta = ops.where(ops.eq(lengths, t + 1), ending, onward)
            both = paths[t] + beta
            none = ops.eq(both, _NEVER)
            log_share = ops.where(none, 0.0, both) - ops.where(none, 0.0, x) + loss.unsqueeze(1)
            shares.append(ops.where(none, 0.0, ops.exp(log_share)))
        shares.reverse()
        index = labels.unsqueeze(0).expand((time, *labels.shape))
        occupied = ops.zeros_like(frames)
        if shares:
            occupied = ops.scatter_add(occupied, 2, index, ops.stack(shares))
        result = (ops.exp(frames) - occupied) * grad.reshape(1, -1, 1)
        result = ops.where(ops.eq(loss, float("inf")).unsqueeze(1), 0.0 if ctx.quiet else float("nan"), result)
        steps = ops.arange(time, device=frames.device).reshape(-1, 1, 1)
        result = ops.where(ops.lt(steps, lengths), result, 0.0)
        return result, None, None, None, None, None


def _with_blanks(targets: Tensor, blank: int) -> Tensor:
    """(N, 2 S + 1): a blank before each class and at the end."""
    count, size = targets.shape
    edge = targets.new_full((count, 1), blank)
    if not size:
        return edge
    pairs = ops.stack([ops.full_like(targets, blank), targets], -1).reshape(count, 2 * size)
    return ops.cat([pairs, edge], 1)


def _may_skip(labels: Tensor, blank: int) -> Tensor:
    """Where an alignment may come from two places before: at a class that is another than the one before it."""
    count, size = labels.shape
    none = ops.zeros((count, min(size, 2)), dtype=bool_, device=labels.device)
    if size <= 2:
        return none
    return ops.cat([none, ops.ne(labels[:, 2:], blank) & ops.ne(labels[:, 2:], labels[:, :-2])], 1)
