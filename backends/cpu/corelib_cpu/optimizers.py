"""Optimizer steps over lists of arrays, in place: PyTorch's single-tensor formulas.

A small tensor costs a few ufunc calls and no temporaries but one; a large one is walked in tiles, so that
its state passes through the cache once and not a dozen times.  Numbers are given to the ufuncs as 0-d
arrays, which they take faster than Python's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from corelib.backend.base import kernel
from corelib.dtypes import float32, float64

from .context import quiet
from .elementwise import Array

Arrays = Sequence[Array]
_TILE = 1 << 15  # elements


def _tiles(arrays: list[Array]) -> Iterable[list[Array]]:
    """The same parts of all arrays; the arrays themselves where they are small or not dense."""
    if arrays[0].size <= _TILE or not all([array.flags.c_contiguous for array in arrays]):
        return (arrays,)
    flat = [array.reshape(-1) for array in arrays]
    starts = range(0, arrays[0].size, _TILE)
    return ([array[start : start + _TILE] for array in flat] for start in starts)


class _Numbers:
    """Numbers as 0-d arrays of the dtype at hand."""

    def __init__(self, *values: float) -> None:
        self.values = values
        self.known: dict[Any, list[Array]] = {}

    def of(self, dtype: np.dtype[Any]) -> list[Array]:
        found = self.known.get(dtype)
        if found is None:
            found = self.known[dtype] = [np.array(value, dtype) for value in self.values]
        return found


# -- SGD


@kernel("sgd_step", dtypes=(float32, float64))
@quiet
def sgd_step(
    params: Arrays,
    grads: Arrays,
    momentum_buffers: Arrays | None,
    lr: float,
    momentum: float,
    dampening: float,
    weight_decay: float,
    nesterov: bool,
    maximize: bool,
    first: bool,
) -> None:
    """One step of SGD; ``first`` says that the momentum buffers hold nothing yet."""
    numbers = _Numbers(
        -lr if maximize and not weight_decay and not momentum else lr, momentum, 1 - dampening, weight_decay
    )
    for index, param in enumerate(params):
        rate, mu, share, decay = numbers.of(param.dtype)
        state = [param, grads[index]]
        if momentum and momentum_buffers is not None:
            state.append(momentum_buffers[index])
        for p, g, *rest in _tiles(state):
            scratch = np.empty(p.shape, p.dtype)
            if weight_decay:
                np.multiply(p, decay, out=scratch)
                g = np.subtract(scratch, g, out=scratch) if maximize else np.add(scratch, g, out=scratch)
            elif maximize and momentum:
                g = np.negative(g, out=scratch)
            if rest:
                g = _with_momentum(g, rest[0], scratch, mu, share, dampening == 0, nesterov, first)
            np.multiply(g, rate, out=scratch)
            np.subtract(p, scratch, out=p)


def _with_momentum(
    g: Array, buffer: Array, scratch: Array, mu: Array, share: Array, whole: bool, nesterov: bool, first: bool
) -> Array:
    """Update the buffer and return what to step along; may use the scratch array, which may be ``g``."""
    if first:
        np.copyto(buffer, g)
    else:
        np.multiply(buffer, mu, out=buffer)
        np.add(buffer, g if whole else np.multiply(g, share), out=buffer)
    if not nesterov:
        return buffer
    return np.add(g, np.multiply(buffer, mu), out=scratch)


# -- Adam


@kernel("adam_step", dtypes=(float32, float64))
@quiet
def adam_step(
    params: Arrays,
    grads: Arrays,
    exp_avgs: Arrays,
    exp_avg_sqs: Arrays,
    max_exp_avg_sqs: Arrays,
    steps: Sequence[Any],
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    amsgrad: bool,
    maximize: bool,
    decoupled: bool,
) -> None:
    """One step of Adam, or of AdamW where the weight decay is ``decoupled``.

    ``steps`` are 0-d arrays, which are counted here, or numbers of the step that were counted already;
    ``max_exp_avg_sqs`` is empty without ``amsgrad``.
    """
    numbers_of_step: dict[int, _Numbers] = {}
    multiply, add, subtract, divide, sqrt = np.multiply, np.add, np.subtract, np.divide, np.sqrt
    for index, param in enumerate(params):
        step = steps[index]
        if step.__class__ is not int:
            add(step, 1, step)
            step = int(step)
        numbers = numbers_of_step.get(step)
        if numbers is None:
            # lr / (1 - beta1**t) * m / (sqrt(v) / c + eps) with c = sqrt(1 - beta2**t), multiplied out by c
            correction = math.sqrt(1 - beta2**step)
            step_size = lr * correction / (1 - beta1**step)
            numbers = numbers_of_step[step] = _Numbers(
                1 - beta1, beta2, 1 - beta2, eps * correction, step_size, 1 - lr * weight_decay, weight_decay
            )
        share1, keep2, share2, floor, rate, shrink, decay = numbers.of(param.dtype)
        state = [param, grads[index], exp_avgs[index], exp_avg_sqs[index]]
        if amsgrad:
            state.append(max_exp_avg_sqs[index])
        for p, g, m, v, *largest in _tiles(state):
            t = np.empty(p.shape, p.dtype)
            if maximize:
                g = np.negative(g)
            if weight_decay and decoupled:
                multiply(p, shrink, p)
            elif weight_decay:
                g = add(g, multiply(p, decay, t))
            subtract(g, m, t)
            multiply(t, share1, t)
            add(m, t, m)
            multiply(v, keep2, v)
            multiply(g, g, t)
            multiply(t, share2, t)
            add(v, t, v)
            if largest:
                v = np.maximum(largest[0], v, out=largest[0])
            sqrt(v, t)
            add(t, floor, t)
            divide(m, t, t)
            multiply(t, rate, t)
            subtract(p, t, p)
