"""Attention and the Transformer beside PyTorch's: outputs, weights and gradients with the same parameters."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import corelib

from .conftest import assert_same
from .test_same_as_torch import load_from_torch

Same = Callable[[Callable[[Any], Any]], Any]


def made(library: Any, values: np.ndarray[Any, Any]) -> Any:
    tensor = library.tensor(values)
    return tensor.requires_grad_() if values.dtype == np.float64 else tensor


def compare(torch: ModuleType, build: Callable[[Any], Any], inputs: list[Any], call: Callable[..., Any]) -> None:
    """Outputs of ``call(library, module, *tensors)``, and the gradients of inputs and parameters."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of nested tensors, which PyTorch looks at
        ours, theirs = build(corelib.nn).double(), build(torch.nn).double()
    load_from_torch(ours, theirs)
    got = []
    for library, module in ((corelib, ours), (torch, theirs)):
        tensors = [made(library, x) for x in inputs]
        result = call(library, module, *tensors)
        parts = [p for p in (result if isinstance(result, tuple) else (result,)) if p is not None]
        sum(
            (p * (library.arange(p.numel(), dtype=library.float64).reshape(p.shape) / 7 + 1)).sum() for p in parts
        ).backward()
        got.append([parts, [t.grad for t in tensors], [p.grad for p in module.parameters()]])
    assert_same(*got, rtol=1e-6, atol=1e-9)


MODULES: dict[str, dict[str, Any]] = {
    "plain": {},
    "no bias": {"bias": False},
    "bias_kv": {"add_bias_kv": True},
    "zero attention": {"add_zero_attn": True},
    "both": {"add_zero_attn": True, "add_bias_kv": True, "batch_first": True},
    "other widths": {"kdim": 5, "vdim": 3},
    "other widths, batch first": {"kdim": 5, "vdim": 3, "batch_first": True, "add_bias_kv": True},
}
CALLS: dict[str, Callable[..., dict[str, Any]]] = {
    "plain": lambda lib, n, heads: {},
    "no weights": lambda lib, n, heads: {"need_weights": False},
    "each head": lambda lib, n, heads: {"average_attn_weights": False},
    "bool mask": lambda lib, n, heads: {"attn_mask": lib.tensor(np.arange(20).reshape(4, 5) % 3 == 1)},
    "bool mask, no weights": lambda lib, n, heads: {
        "attn_mask": lib.tensor(np.arange(20).reshape(4, 5) % 3 == 1),
        "need_weights": False,
    },
    "mask of heads": lambda lib, n, heads: {
        "attn_mask": lib.tensor(np.random.default_rng(5).standard_normal((n * heads, 4, 5))),
        "need_weights": False,
    },
    "padding": lambda lib, n, heads: {"key_padding_mask": lib.tensor(padding(n))},
    "padding and mask": lambda lib, n, heads: {
        "key_padding_mask": lib.tensor(padding(n)),
        "attn_mask": lib.tensor(np.arange(20).reshape(4, 5) % 3 == 1),
        "need_weights": False,
    },
}


def padding(n: int) -> Any:
    mask = np.zeros((n, 5), dtype=bool)
    mask[:, 4:] = True
    return mask


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", MODULES)
def test_attention(torch: ModuleType, name: str, call: str) -> None:
    options = MODULES[name]
    random = np.random.default_rng(0)
    shapes = [(4, 3, 6), (5, 3, options.get("kdim", 6)), (5, 3, options.get("vdim", 6))]
    if options.get("batch_first"):
        shapes = [(s[1], s[0], s[2]) for s in shapes]
    compare(
        torch,
        lambda nn: nn.MultiheadAttention(6, 2, **options),
        [random.standard_normal(shape) for shape in shapes],
        lambda lib, module, q, k, v: module(q, k, v, **CALLS[call](lib, 3, 2)),
    )


@pytest.mark.parametrize("batched", [False, True])
@pytest.mark.parametrize("need_weights", [False, True])
def test_self_attention_is_causal(torch: ModuleType, batched: bool, need_weights: bool) -> None:
    x = np.random.default_rng(0).standard_normal((4, 3, 6) if batched else (4, 6))

    def call(lib: Any, module: Any, x: Any) -> Any:
        mask = lib.nn.Transformer.generate_square_subsequent_mask(4, dtype=lib.float64)
        return module(x, x, x, attn_mask=mask, is_causal=True, need_weights=need_weights)

    compare(torch, lambda nn: nn.MultiheadAttention(6, 3), [x], call)


def test_unbatched_with_padding(torch: ModuleType) -> None:
    random = np.random.default_rng(0)
    inputs = [random.standard_normal(shape) for shape in [(4, 6), (5, 6)]]

    def call(lib: Any, module: Any, q: Any, k: Any) -> Any:
        return module(q, k, k, key_padding_mask=lib.tensor([False, True, False, False, True]))

    compare(torch, lambda nn: nn.MultiheadAttention(6, 2), inputs, call)


LAYER: list[dict[str, Any]] = [
    {},
    {"activation": "gelu", "batch_first": True},
    {"norm_first": True, "layer_norm_eps": 1e-3},
    {"norm_first": True, "bias": False, "batch_first": True},
]


@pytest.mark.parametrize("options", LAYER)
def test_encoder(torch: ModuleType, options: dict[str, Any]) -> None:
    x = np.random.default_rng(0).standard_normal((3, 3, 4))

    def build(nn: Any) -> Any:
        layer = nn.TransformerEncoderLayer(4, 2, 7, 0.0, **options)
        return nn.TransformerEncoder(layer, 2, nn.LayerNorm(4))

    def call(lib: Any, module: Any, x: Any) -> Any:
        causal = lib.nn.Transformer.generate_square_subsequent_mask(3, dtype=lib.float64)
        holes = lib.tensor([[False, False, True], [False, False, False], [False, True, False]])
        bools = causal < 0
        return module(x), module(x, causal, is_causal=True), module(x, bools, holes)

    compare(torch, build, [x], call)


@pytest.mark.parametrize("options", LAYER)
def test_transformer(torch: ModuleType, options: dict[str, Any]) -> None:
    random = np.random.default_rng(0)
    inputs = [
        random.standard_normal(shape)
        for shape in ([(3, 5, 4), (3, 4, 4)] if options.get("batch_first") else [(5, 3, 4), (4, 3, 4)])
    ]

    def call(lib: Any, module: Any, src: Any, tgt: Any) -> Any:
        causal = module.generate_square_subsequent_mask(4, dtype=lib.float64)
        holes = lib.tensor([[False] * 4 + [True]] * 3)
        return (
            module(src, tgt),
            module(src, tgt, tgt_mask=causal, tgt_is_causal=True),
            module(src, tgt, tgt_mask=causal < 0, src_key_padding_mask=holes, memory_key_padding_mask=holes),
        )

    compare(torch, lambda nn: nn.Transformer(4, 2, 1, 2, 7, 0.0, **options), inputs, call)


def test_dropout_of_attention() -> None:
    attention = corelib.nn.MultiheadAttention(4, 2, dropout=1.0)
    x = corelib.randn(3, 2, 4)
    assert (attention(x, x, x)[1] == 0).all()
    assert not (attention.eval()(x, x, x)[1] == 0).any()


def test_printing_and_state(same: Same) -> None:
    def program(lib: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            modules = [
                lib.nn.MultiheadAttention(6, 2, kdim=3, add_bias_kv=True),
                lib.nn.Transformer(4, 2, 2, 1, 7, activation="gelu"),
                lib.nn.TransformerDecoderLayer(4, 2),
                lib.nn.TransformerEncoderLayer(4, 2, activation=lib.nn.ReLU(), bias=False),
            ]
        return [(repr(m), {k: tuple(v.shape) for k, v in m.state_dict().items()}) for m in modules]

    same(program)


ERRORS: list[Callable[[Any], Any]] = [
    lambda lib: lib.nn.MultiheadAttention(5, 2),
    lambda lib: lib.nn.MultiheadAttention(0, 2),
    lambda lib: lib.nn.MultiheadAttention(4, 2)(lib.zeros(2), lib.zeros(2), lib.zeros(2)),
    lambda lib: lib.nn.MultiheadAttention(4, 2)(lib.zeros(2, 1, 4), lib.zeros(2, 4), lib.zeros(2, 1, 4)),
    lambda lib: lib.nn.MultiheadAttention(4, 2)(*[lib.zeros(2, 1, 4)] * 3, is_causal=True),
    lambda lib: lib.nn.MultiheadAttention(4, 2)(*[lib.zeros(2, 1, 4)] * 3, attn_mask=lib.zeros(3, 3)),
    lambda lib: lib.nn.MultiheadAttention(4, 2)(*[lib.zeros(2, 1, 4)] * 3, attn_mask=lib.zeros(3)),
    lambda lib: lib.nn.MultiheadAttention(4, 2)(*[lib.zeros(2, 1, 4)] * 3, attn_mask=lib.zeros(2, 2, dtype=lib.int64)),
    lambda lib: lib.nn.MultiheadAttention(4, 2)(*[lib.zeros(2, 1, 4)] * 3, key_padding_mask=lib.zeros(2)),
    lambda lib: lib.nn.MultiheadAttention(4, 2)(*[lib.zeros(2, 1, 3)] * 3),
    lambda lib: lib.nn.TransformerEncoderLayer(4, 2, activation="tanh"),
    lambda lib: lib.nn.Transformer(4, 2, 1, 1, 7, batch_first=True)(lib.zeros(2, 3, 4), lib.zeros(1, 3, 4)),
    lambda lib: lib.nn.Transformer(4, 2, 1, 1, 7, batch_first=True)(lib.zeros(2, 3, 4), lib.zeros(2, 3, 5)),
]


@pytest.mark.parametrize("number", range(len(ERRORS)))
def test_errors(same: Same, number: int) -> None:
    assert isinstance(same(ERRORS[number]), Exception)


def test_queries_that_see_no_key(torch: ModuleType) -> None:
    random = np.random.default_rng(0)
    arrays = [random.standard_normal((2, 3, 4)) for _ in range(3)]
    got = []
    for lib in (corelib, torch):
        q, k, v = [lib.tensor(a).requires_grad_() for a in arrays]
        mask = lib.tensor([[True, False, True], [False, False, False], [True, True, True]])
        out = lib.nn.functional.scaled_dot_product_attention(q, k, v, mask)
        out.sum().backward()
        got.append([out, q.grad, k.grad, v.grad])
    assert_same(*got, rtol=1e-9, atol=1e-12)
