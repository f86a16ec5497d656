"""Recurrent layers over whole sequences: one product for the inputs of all steps, then one small step each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ... import ops
from ...autograd import Function
from ...tensor import Tensor
from ..functional.dropout import dropout

__all__ = ["STEPS", "Layer", "State", "recur"]

State = tuple[Tensor, ...]
"""What is carried from step to step: the hidden state, and LSTM's cell."""

Layer = tuple[Tensor, Tensor, Tensor | None, Tensor | None, Tensor | None]
"""weight_ih, weight_hh, bias_ih, bias_hh, weight_hr of one layer and direction."""

Step = Callable[[Tensor, State, Layer], State]


class _Parts(Function):
    """Consecutive parts along a dimension; their gradients are joined once, not each put into zeros and added."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, sizes: list[int], dim: int) -> Any:
        ctx.dim = dim
        return tuple(ops.split(x, sizes, dim))

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return ops.cat(list(grads), ctx.dim), None, None


class _Steps(Function):
    """The entries of the first dimension; their gradients are stacked."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Any:
        return tuple(x.unbind(0))

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return ops.stack(list(grads))


def _parts(x: Tensor, sizes: list[int], dim: int) -> tuple[Tensor, ...]:
    return _Parts.apply(x, sizes, dim)  # type: ignore[no-any-return]


def _gates(x: Tensor, count: int) -> tuple[Tensor, ...]:
    return _parts(x, [x.shape[1] // count] * count, 1)


def rnn_tanh(gates: Tensor, state: State, layer: Layer) -> State:
    """tanh(gates + h W'): ``gates`` are the input's part, (B, H)."""
    return (ops.tanh(gates + ops.linear(state[0], layer[1], layer[3])),)


def rnn_relu(gates: Tensor, state: State, layer: Layer) -> State:
    """relu(gates + h W')."""
    return (ops.relu(gates + ops.linear(state[0], layer[1], layer[3])),)


def lstm(gates: Tensor, state: State, layer: Layer) -> State:
    """Gates (B, 4H) in the order input, forget, cell, output; weight_hr projects the new hidden state."""
    i, f, g, o = _gates(gates + ops.linear(state[0], layer[1], layer[3]), 4)
    cell = ops.sigmoid(f) * state[1] + ops.sigmoid(i) * ops.tanh(g)
    hidden = ops.sigmoid(o) * ops.tanh(cell)
    return (hidden if layer[4] is None else ops.linear(hidden, layer[4])), cell


def gru(gates: Tensor, state: State, layer: Layer) -> State:
    """Gates (B, 3H) in the order reset, update, new."""
    xr, xz, xn = _gates(gates, 3)
    hr, hz, hn = _gates(ops.linear(state[0], layer[1], layer[3]), 3)
    new = ops.tanh(xn + ops.sigmoid(xr + hr) * hn)
    return (new + ops.sigmoid(xz + hz) * (state[0] - new),)


STEPS: dict[str, Step] = {"RNN_TANH": rnn_tanh, "RNN_RELU": rnn_relu, "LSTM": lstm, "GRU": gru}


def recur(
    mode: str,
    input: Tensor,
    batch_sizes: list[int] | None,
    state: State,
    layers: list[Layer],
    directions: int,
    dropout_p: float,
    training: bool,
) -> tuple[Tensor, State]:
    """All layers and directions over (T, B, I), or over packed (N, I) with the batch size of each step.

    Args:
        state: hidden (and cell) states, each (layers * directions, B, H).
        layers: the weights, the two directions of a layer side by side.
        dropout_p: between layers, while ``training``.

    Returns:
        The outputs in the shape of the input, and the states after the last step of each sequence.
    """
    first = [part.unbind(0) for part in state]
    last: list[State] = []
    for start in range(0, len(layers), directions):
        outputs = []
        for direction in range(directions):
            place = start + direction
            begin = tuple([part[place] for part in first])
            run = _equal if batch_sizes is None else _packed
            out, end = run(STEPS[mode], input, batch_sizes or [], begin, layers[place], direction == 1)
            outputs.append(out)
            last.append(end)
        input = outputs[0] if directions == 1 else ops.cat(outputs, -1)
        if dropout_p and training and start + directions < len(layers):
            input = dropout(input, dropout_p, training)
    return input, tuple([ops.stack([end[k] for end in last]) for k in range(len(state))])


def _equal(
    step: Step, input: Tensor, batch_sizes: list[int], state: State, layer: Layer, reverse: bool
) -> tuple[Tensor, State]:
    del batch_sizes  # all sequences have all steps
    gates: tuple[Tensor, ...] = _Steps.apply(ops.linear(input, layer[0], layer[2]))
    outputs = []
    for now in reversed(gates) if reverse else gates:
        state = step(now, state, layer)
        outputs.append(state[0])
    if reverse:
        outputs.reverse()
    return ops.stack(outputs), state


def _packed(
    step: Step, input: Tensor, batch_sizes: list[int], begin: State, layer: Layer, reverse: bool
) -> tuple[Tensor, State]:
    gates = _parts(ops.linear(input, layer[0], layer[2]), batch_sizes, 0)
    outputs = []
    if reverse:  # sequences join as the step before the last of each is reached
        state = tuple([part[: batch_sizes[-1]] for part in begin])
        for now, size in zip(reversed(gates), reversed(batch_sizes), strict=True):
            have = state[0].shape[0]
            if size > have:
                state = tuple([ops.cat([part, new[have:size]]) for part, new in zip(state, begin, strict=True)])
            state = step(now, state, layer)
            outputs.append(state[0])
        outputs.reverse()
        return ops.cat(outputs), state
    state, ended = begin, []
    for now, size in zip(gates, batch_sizes, strict=True):
        if size < state[0].shape[0]:  # the shortest sequences are over
            ended.append(tuple([part[size:] for part in state]))
            state = tuple([part[:size] for part in state])
        state = step(now, state, layer)
        outputs.append(state[0])
    ended.append(state)
    ended.reverse()
    if len(ended) > 1:
        state = tuple([ops.cat([end[k] for end in ended]) for k in range(len(begin))])
    return ops.cat(outputs), state
