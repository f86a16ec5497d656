"""Recurrent networks, attention and parametrizations on a device whose arrays are not NumPy's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from corelib_conformance import strict

import corelib
from corelib import nn
from corelib.backend.registry import registry


@pytest.fixture
def device() -> Iterator[str]:
    if registry.is_installed("strict"):
        yield "strict:1"
        return
    registry.register_backend(strict.plugin)
    yield "strict:1"
    registry.unregister_backend("strict")


def packed(module: Any, x: Any) -> Any:
    sequences = nn.utils.rnn.pack_padded_sequence(x, [3, 5, 1], enforce_sorted=False)
    return nn.utils.rnn.pad_packed_sequence(module(sequences)[0])[0]


def bags(module: Any, x: Any) -> Any:
    index = corelib.tensor([1, 4, 4, 0, 1, 1, 5], device=x.device)
    return module(index, corelib.tensor([0, 3, 3, 4], device=x.device)) * x.sum()


CASES: dict[str, tuple[Callable[[], Any], Callable[[Any, Any], Any]]] = {
    "lstm": (lambda: nn.LSTM(4, 3, 2, bidirectional=True, proj_size=2), lambda m, x: m(x)[0]),
    "gru, packed": (lambda: nn.GRU(4, 3, bidirectional=True), packed),
    "cell": (lambda: nn.LSTMCell(4, 3), lambda m, x: m(x[0])[1]),
    "attention": (
        lambda: nn.MultiheadAttention(4, 2, add_bias_kv=True),
        lambda m, x: m(x, x, x, attn_mask=nn.Transformer.generate_square_subsequent_mask(5, device=x.device))[0],
    ),
    "encoder": (lambda: nn.TransformerEncoderLayer(4, 2, 5, 0.0, norm_first=True), lambda m, x: m(x)),
    "decoder": (lambda: nn.TransformerDecoderLayer(4, 2, 5, 0.0), lambda m, x: m(x, x)),
    "bag, sum": (lambda: nn.EmbeddingBag(6, 4, mode="sum", max_norm=1.0), bags),
    "bag, max": (lambda: nn.EmbeddingBag(6, 4, mode="max", padding_idx=1), bags),
    "bilinear": (lambda: nn.Bilinear(4, 4, 3), lambda m, x: m(x, x)),
    "weight norm": (lambda: nn.utils.parametrizations.weight_norm(nn.Linear(4, 4)), lambda m, x: m(x)),
    "spectral norm": (lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(4, 4)), lambda m, x: m(x)),
}


@pytest.mark.parametrize("case", CASES)
def test_same_results_and_gradients(device: str, case: str) -> None:
    build, call = CASES[case]
    corelib.manual_seed(0)
    module, x = build(), corelib.randn(5, 3, 4)
    results = []
    state = {k: v.clone() for k, v in module.state_dict().items()}
    for where in ("cpu", device):
        module.load_state_dict(state)
        module.to(where)
        module.zero_grad()
        leaf = x.detach().to(where).requires_grad_()
        out = call(module, leaf)
        assert out.device == corelib.device(where)
        (out * out).sum().backward()
        grads = [p.grad for p in module.parameters() if p.grad is not None]
        results.append([t.detach().cpu().numpy() for t in (out, leaf.grad, *grads)])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_initial_values(device: str) -> None:
    values = nn.init.trunc_normal_(corelib.empty(50, device=device), 0.0, 1.0, -1.0, 1.0)
    assert values.abs().max().item() <= 1.0
    assert (nn.init.sparse_(corelib.empty(10, 4, device=device), 0.3) == 0).sum().item() == 12
