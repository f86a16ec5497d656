"""Optimizer steps over lists of arrays, in place: PyTorch's single-tensor formulas.

A small tensor costs a few ufunc calls and no temporaries but one; a large one is walked in tiles, so that
its state passes through the cache once and not a dozen times.  Numbers are given to the ufuncs as 0-d
arrays, which they take faster than Python's.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterable, Sequence
from functools import lru_cache
from operator import is_
from typing import Any

import numpy as np

from corelib.backend.base import kernel
from corelib.dtypes import float32, float64

from .context import quiet
from .elementwise import Array

Arrays = Sequence[Array]
_referent = weakref.ref.__call__
_TILE = 1 << 15  # elements


def _tiles(arrays: list[Array]) -> Iterable[list[Array]]:
    """The same parts of all arrays; the arrays themselves where they are small or not dense."""
    if arrays[0].size <= _TILE or not all([array.flags.c_contiguous for array in arrays]):
        return (arrays,)
    flat = [array.reshape(-1) for array in arrays]
    starts = range(0, arrays[0].size, _TILE)
    return ([array[start : start + _TILE] for array in flat] for start in starts)


class _Joined(np.ndarray[Any, Any]):
    """Memory of several small arrays, which a step may take as one.

    Of each, ``places`` has its place in the list that was allocated, and ``parts`` a weak reference.
    """

    __slots__ = ("parts", "places")
    places: tuple[int, ...]
    parts: list[weakref.ref[Array]]


def joined(wanted: Sequence[tuple[tuple[int, ...], np.dtype[Any]]]) -> list[Array]:
    """Uninitialized arrays of these shapes and dtypes; small ones that follow each other side by side."""
    result = [np.empty(shape, dtype) for shape, dtype in wanted]
    runs: list[list[int]] = []
    free = 0
    for i, array in enumerate(result):
        if not 0 < array.size <= _TILE // 2:
            continue
        if array.size > free or array.dtype != result[runs[-1][0]].dtype:
            runs.append([])
            free = _TILE
        runs[-1].append(i)
        free -= array.size
    for run in runs:
        memory = _Joined((sum([result[i].size for i in run]),), result[run[0]].dtype)
        start = 0
        for i in run:
            size = result[i].nbytes
            result[i] = np.ndarray(result[i].shape, memory.dtype, memory, start)
            start += size
        memory.places, memory.parts = tuple(run), [weakref.ref(result[i]) for i in run]
    return result


def _runs(states: Sequence[Arrays], grads: Arrays, steps: Sequence[int]) -> list[tuple[tuple[int, ...], list[Array]]]:
    """Where states lie side by side, and are at one step: their places, and each kind of state as one array."""
    runs = []
    for first, array in enumerate(states[0]):
        memory = array.base
        if memory.__class__ is not _Joined or memory.places[0] != first:
            continue
        places = memory.places
        if places[-1] >= len(steps):
            continue
        whole = []
        for arrays in states:
            memory = arrays[first].base
            if memory.__class__ is not _Joined or memory.places != places:
                break
            if not all(map(is_, map(_referent, memory.parts), map(arrays.__getitem__, places))):
                break
            whole.append(memory.view(np.ndarray))
        else:
            if all([steps[i] == steps[first] and grads[i].dtype is memory.dtype for i in places]):
                runs.append((places, whole))
    return runs


@lru_cache(64)
def _numbers(dtype: np.dtype[Any], *values: float) -> list[Array]:
    """Numbers as 0-d arrays."""
    return [np.array(value, dtype) for value in values]


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
    numbers = (-lr if maximize and not weight_decay and not momentum else lr, momentum, 1 - dampening, weight_decay)
    for index, param in enumerate(params):
        rate, mu, share, decay = _numbers(param.dtype, *numbers)
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


@lru_cache(16)
def _adam_numbers(
    dtype: np.dtype[Any], step: int, lr: float, beta1: float, beta2: float, eps: float
) -> tuple[Array, ...]:
    # lr / (1 - beta1**t) * m / (sqrt(v) / c + eps) with c = sqrt(1 - beta2**t), multiplied out by c
    correction = math.sqrt(1 - beta2**step)
    changing = eps * correction, lr * correction / (1 - beta1**step)
    return (*_numbers(dtype, 1 - beta1, beta2, 1 - beta2), *[np.array(x, dtype) for x in changing])


def _direction(g: Array, t: Array, numbers: tuple[Array, ...], m: Array, v: Array, largest: Any = None) -> Array:
    """What a step subtracts, in ``t``, after updating the state."""
    share1, keep2, share2, floor, rate = numbers
    multiply, add = np.multiply, np.add
    np.subtract(g, m, t)
    multiply(t, share1, t)
    add(m, t, m)
    multiply(v, keep2, v)
    multiply(g, g, t)
    multiply(t, share2, t)
    add(v, t, v)
    if largest is not None:
        v = np.maximum(largest, v, out=largest)
    np.sqrt(v, t)
    add(t, floor, t)
    np.divide(m, t, t)
    return multiply(t, rate, t)


def _count(step: Any) -> int:
    if step.__class__ is int:
        return step
    count = int(step) + 1
    step.fill(count)
    return count


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
    ``max_exp_avg_sqs`` is empty without ``amsgrad``.  Small states that lie side by side are updated as one.
    """
    counts = [_count(step) for step in steps]
    states = [exp_avgs, exp_avg_sqs, max_exp_avg_sqs] if amsgrad else [exp_avgs, exp_avg_sqs]
    subtract, multiply = np.subtract, np.multiply
    directions: dict[int, Array] = {}
    for places, whole in _runs(states, grads, counts):
        g = np.concatenate([grads[i].ravel() for i in places])
        if maximize:
            np.negative(g, g)
        if weight_decay and not decoupled:
            (decay,) = _numbers(g.dtype, weight_decay)
            np.add(g, multiply(np.concatenate([params[i].ravel() for i in places]), decay), g)
        t = np.empty(g.shape, g.dtype)
        _direction(g, t, _adam_numbers(g.dtype, counts[places[0]], lr, beta1, beta2, eps), *whole)
        start = 0
        for i in places:
            param = params[i]
            directions[i] = t[start : start + param.size].reshape(param.shape)
            start += param.size
    for index, param in enumerate(params):
        if weight_decay and decoupled:
            (shrink,) = _numbers(param.dtype, 1 - lr * weight_decay)
        if index in directions:
            if weight_decay and decoupled:
                multiply(param, shrink, param)
            subtract(param, directions[index], param)
            continue
        numbers = _adam_numbers(param.dtype, counts[index], lr, beta1, beta2, eps)
        for p, g, *state in _tiles([param, grads[index], *[arrays[index] for arrays in states]]):
            t = np.empty(p.shape, p.dtype)
            if maximize:
                g = np.negative(g)
            if weight_decay and decoupled:
                multiply(p, shrink, p)
            elif weight_decay:
                (decay,) = _numbers(p.dtype, weight_decay)
                g = np.add(g, multiply(p, decay, t))
            subtract(p, _direction(g, t, numbers, *state), p)
