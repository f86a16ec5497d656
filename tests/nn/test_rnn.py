"""Recurrent networks beside PyTorch's: outputs, states and gradients with the same weights."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import corelib

from .conftest import assert_same
from .test_same_as_torch import load_from_torch

Same = Callable[[Callable[[Any], Any]], Any]

MODULES: dict[str, Callable[[Any], Any]] = {
    "rnn": lambda nn: nn.RNN(3, 4),
    "rnn, relu": lambda nn: nn.RNN(3, 4, 2, "relu"),
    "rnn, batch first": lambda nn: nn.RNN(
        3, 4, num_layers=2, nonlinearity="relu", batch_first=True, bidirectional=True
    ),
    "lstm": lambda nn: nn.LSTM(3, 4),
    "lstm, layers": lambda nn: nn.LSTM(3, 4, 3, batch_first=True),
    "lstm, both ways": lambda nn: nn.LSTM(3, 4, 2, bidirectional=True),
    "lstm, projected": lambda nn: nn.LSTM(3, 4, 2, bidirectional=True, proj_size=2),
    "lstm, no bias": lambda nn: nn.LSTM(3, 4, bias=False, dropout=0.0),
    "gru": lambda nn: nn.GRU(3, 4),
    "gru, both ways": lambda nn: nn.GRU(3, 4, 2, batch_first=True, bidirectional=True),
    "gru, no bias": lambda nn: nn.GRU(3, 4, bias=False),
}
CELLS: dict[str, Callable[[Any], Any]] = {
    "rnn": lambda nn: nn.RNNCell(3, 4),
    "rnn, relu": lambda nn: nn.RNNCell(3, 4, bias=False, nonlinearity="relu"),
    "lstm": lambda nn: nn.LSTMCell(3, 4),
    "gru": lambda nn: nn.GRUCell(3, 4),
}


def pair(torch: ModuleType, build: Callable[[Any], Any]) -> tuple[Any, Any]:
    ours, theirs = build(corelib.nn).double(), build(torch.nn).double()
    load_from_torch(ours, theirs)
    return ours, theirs


def states(library: Any, module: Any, batch: int | None) -> Any:
    """Given first states of the right shapes."""
    rows = module.num_layers * (2 if module.bidirectional else 1)
    widths = [module.proj_size or module.hidden_size, module.hidden_size][: 2 if module.mode == "LSTM" else 1]
    random = np.random.default_rng(3)
    shapes = [(rows, w) if batch is None else (rows, batch, w) for w in widths]
    given = [library.tensor(random.standard_normal(shape)).requires_grad_() for shape in shapes]
    return tuple(given) if len(given) == 2 else given[0]


def flat(value: Any) -> list[Any]:
    if isinstance(value, list | tuple):
        return [item for part in value if part is not None for item in flat(part)]
    return [value]


def results(library: Any, module: Any, output: Any, leaves: list[Any]) -> list[Any]:
    """Outputs, and the gradients of the leaves and the parameters."""
    parts = flat(output)
    total = sum(
        (p * (library.arange(p.numel(), dtype=library.float64).reshape(p.shape) / 7 + 1)).sum()
        for p in parts
        if p.dtype is library.float64
    )
    total.backward()
    return [parts, [leaf.grad for leaf in leaves], [p.grad for p in module.parameters()]]


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("batch", [None, 1, 5])
@pytest.mark.parametrize("name", MODULES)
def test_sequences(torch: ModuleType, name: str, batch: int | None, given: bool) -> None:
    random = np.random.default_rng(0)
    ours, theirs = pair(torch, MODULES[name])
    shape = (6, 3) if batch is None else (batch, 6, 3) if ours.batch_first else (6, batch, 3)
    values = random.standard_normal(shape)
    got = []
    for library, module in ((corelib, ours), (torch, theirs)):
        x = library.tensor(values).requires_grad_()
        hx = states(library, module, batch) if given else None
        got.append(results(library, module, module(x, hx), [x, *([] if hx is None else flat(hx))]))
    assert_same(*got, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("lengths", [[5, 3, 3, 1], [2, 5, 1], [3, 3]])
@pytest.mark.parametrize("name", MODULES)
def test_packed_sequences(torch: ModuleType, name: str, lengths: list[int], given: bool) -> None:
    random = np.random.default_rng(0)
    ours, theirs = pair(torch, MODULES[name])
    values = random.standard_normal((max(lengths), len(lengths), 3))
    got = []
    for library, module in ((corelib, ours), (torch, theirs)):
        x = library.tensor(values).requires_grad_()
        tools = library.nn.utils.rnn
        packed = tools.pack_padded_sequence(x, lengths, enforce_sorted=False)
        hx = states(library, module, len(lengths)) if given else None
        output, last = module(packed, hx)
        padded = tools.pad_packed_sequence(output, batch_first=True, padding_value=2.0, total_length=7)
        got.append(results(library, module, [padded, last], [x, *([] if hx is None else flat(hx))]))
    assert_same(*got, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("batch", [None, 5])
@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("name", CELLS)
def test_cells(torch: ModuleType, name: str, given: bool, batch: int | None) -> None:
    random = np.random.default_rng(0)
    ours, theirs = pair(torch, CELLS[name])
    lead = () if batch is None else (batch,)
    values = [random.standard_normal((*lead, n)) for n in (3, 4, 4)]
    got = []
    for library, module in ((corelib, ours), (torch, theirs)):
        x, h, c = [library.tensor(v).requires_grad_() for v in values]
        hx = ((h, c) if name == "lstm" else h) if given else None
        leaves = [x, *([] if hx is None else flat(hx))]
        got.append(results(library, module, module(x, hx), leaves))
    assert_same(*got, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", [*MODULES, *CELLS])
def test_printing_and_state(same: Same, name: str) -> None:
    build = MODULES.get(name) or CELLS[name]
    same(lambda lib: [repr(build(lib.nn)), {k: tuple(v.shape) for k, v in build(lib.nn).state_dict().items()}])


def test_dropout_is_between_layers() -> None:
    lstm = corelib.nn.LSTM(3, 4, 2, dropout=1.0)
    x = corelib.randn(5, 2, 3)
    silent, _ = lstm(x)
    assert not corelib.allclose(silent, lstm.eval()(x)[0])
    with pytest.warns(UserWarning, match="dropout option adds dropout after all but last"):
        corelib.nn.LSTM(3, 4, dropout=0.5)


ERRORS: list[Callable[[Any], Any]] = [
    lambda lib: lib.nn.LSTM(3, 4)(lib.zeros(2, 2, 5)),
    lambda lib: lib.nn.LSTM(3, 4)(lib.zeros(2)),
    lambda lib: lib.nn.RNN(3, 4)(lib.zeros(2)),
    lambda lib: lib.nn.GRU(3, 4)(lib.zeros(2, 2, 3, 1)),
    lambda lib: lib.nn.GRU(3, 4)(lib.zeros(2, 2, 3), lib.zeros(1, 3, 4)),
    lambda lib: lib.nn.GRU(3, 4)(lib.zeros(2, 2, 3), lib.zeros(3, 4)),
    lambda lib: lib.nn.RNN(3, 4)(lib.zeros(2, 3), lib.zeros(1, 3, 4)),
    lambda lib: lib.nn.LSTM(3, 4)(lib.zeros(2, 2, 3), (lib.zeros(1, 2, 4), lib.zeros(1, 2, 3))),
    lambda lib: lib.nn.LSTM(3, 4)(lib.zeros(2, 3), (lib.zeros(1, 2, 4), lib.zeros(1, 4))),
    lambda lib: lib.nn.LSTM(3, 4)(lib.zeros(2, 2, 3, dtype=lib.float64)),
    lambda lib: lib.nn.LSTM(0, 4),
    lambda lib: lib.nn.LSTM(3, 4, proj_size=4),
    lambda lib: lib.nn.LSTM(3, 4, dropout=2),
    lambda lib: lib.nn.LSTM(3, 4, bias=1),
    lambda lib: lib.nn.LSTM(3.0, 4),
    lambda lib: lib.nn.GRU(3, 4, proj_size=1),
    lambda lib: lib.nn.RNN(3, 4, nonlinearity="gelu"),
    lambda lib: lib.nn.RNNCell(3, 4, nonlinearity="gelu")(lib.zeros(2, 3)),
    lambda lib: lib.nn.LSTMCell(3, 4)(lib.zeros(2, 3, 1)),
    lambda lib: lib.nn.GRUCell(3, 4)(lib.zeros(2, 5)),
    lambda lib: lib.nn.GRUCell(3, 4)(lib.zeros(2, 3), lib.zeros(3, 4)),
    lambda lib: lib.nn.GRUCell(3, 4)(lib.zeros(2, 3), lib.zeros(2, 5)),
    lambda lib: lib.nn.utils.rnn.pack_padded_sequence(lib.zeros(3, 2, 1), [2, 3]),
    lambda lib: lib.nn.utils.rnn.pack_padded_sequence(lib.zeros(3, 2, 1), [2, 0]),
    lambda lib: lib.nn.utils.rnn.pack_padded_sequence(lib.zeros(3, 2, 1), [2]),
    lambda lib: lib.nn.utils.rnn.pad_sequence(3),
]


@pytest.mark.parametrize("number", range(len(ERRORS)))
def test_errors(same: Same, number: int) -> None:
    assert isinstance(same(ERRORS[number]), Exception)


def test_packing(same: Same) -> None:
    def program(lib: Any) -> Any:
        rnn = lib.nn.utils.rnn
        rows = [lib.arange(n * 2, dtype=lib.float32).reshape(n, 2) + n for n in (2, 4, 1)]
        packed = rnn.pack_sequence(rows, enforce_sorted=False)
        padded, lengths = rnn.pad_packed_sequence(packed)
        ordered = rnn.pack_sequence(sorted(rows, key=len, reverse=True))
        return [
            list(packed), packed.double().data, next(iter(packed.long())), padded, lengths,
            rnn.pad_sequence(rows), rnn.pad_sequence(rows, True, -1.0, "left"), rnn.unpack_sequence(packed),
            rnn.unpad_sequence(rnn.pad_sequence(rows, True), lengths, True), list(ordered)[:2],
            ordered.sorted_indices is None, rnn.invert_permutation(lib.tensor([2, 0, 1])), packed.to("cpu") is packed,
            list(rnn.PackedSequence((ordered.data, ordered.batch_sizes)))[:2],
        ]  # fmt: skip

    same(program)


def test_too_long_lengths_are_refused() -> None:
    with pytest.raises(RuntimeError, match="lengths of at most 3"):
        corelib.nn.utils.rnn.pack_padded_sequence(corelib.zeros(3, 2, 1), [4, 1])
