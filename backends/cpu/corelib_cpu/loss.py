"""Cross entropy over classes, with its gradient."""

from __future__ import annotations

import numpy as np

from corelib.backend.base import kernel
from corelib.dtypes import float32, float64

from .context import quiet
from .elementwise import Array
from .reduction import sum_last

_rows: dict[int, Array] = {}


def _range(n: int) -> Array:
    """0 ... n-1, kept for the sizes of batches."""
    found = _rows.get(n)
    if found is None:
        if len(_rows) > 64:
            _rows.clear()
        found = _rows[n] = np.arange(n)
    return found


def _check(target: Array, classes: int, ignored: Array) -> None:
    for bad in target[~ignored & ((target < 0) | (target >= classes))].tolist():
        raise IndexError(f"Target {bad} is out of bounds.")


@kernel("class_cross_entropy", dtypes=(float32, float64))
@quiet
def class_cross_entropy(x: Array, target: Array, ignore_index: int, reduction: str) -> tuple[Array, Array, Array]:
    """Of logits x [N, C] and class indices [N]: (loss, log-probabilities, how many rows count)."""
    n, classes = x.shape
    rows, count = _range(n), n
    if x.size:
        largest = x[rows, x.argmax(1)]  # sooner than a maximum along rows
        log_probabilities = np.subtract(x, largest.reshape(n, 1), order="C")
        total = sum_last(np.exp(log_probabilities))
        np.subtract(log_probabilities, np.log(total, total).reshape(n, 1), log_probabilities)
    else:
        log_probabilities = x.copy()
    ignored = None
    unsigned = target.view(np.uint64) if target.itemsize == 8 else target  # the other type is uint8
    if n and (np.maximum.reduce(unsigned) >= classes or 0 <= ignore_index < classes):
        ignored = target == ignore_index
        _check(target, classes, ignored)
        target = np.where(ignored, 0, target)
        count = n - int(np.count_nonzero(ignored))
    losses = log_probabilities[rows, target]
    if ignored is not None:
        losses[ignored] = 0
    if reduction == "none":
        loss = np.subtract(0, losses, losses)
    else:
        total = 0 - sum_last(losses)
        loss = np.array(total / x.dtype.type(count) if reduction == "mean" else total)
    return loss, log_probabilities, np.array(count, x.dtype)


@kernel("class_cross_entropy_grad", dtypes=(float32, float64))
@quiet
def class_cross_entropy_grad(
    grad: Array, log_probabilities: Array, target: Array, count: Array, ignore_index: int, reduction: str
) -> Array:
    """Gradient of the logits, [N, C]."""
    n, classes = log_probabilities.shape
    share = np.divide(grad, count) if reduction == "mean" else grad
    result = np.exp(log_probabilities, order="C")
    ignored = None
    place = (_range(n), target)
    try:  # an index to ignore that is far below 0 is out of bounds, so that nobody needs to look for it
        if -classes <= ignore_index < classes:
            raise IndexError
        own = result[place]
    except IndexError:
        ignored = target == ignore_index
        place = (_range(n), np.where(ignored, 0, target))
        own = result[place]
    result[place] = np.subtract(own, 1, own)
    np.multiply(result, share if reduction != "none" else share.reshape(n, 1), out=result)
    if ignored is not None:
        result[ignored] = 0
    return result
