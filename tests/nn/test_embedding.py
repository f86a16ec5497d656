"""Embeddings, bags of them, Bilinear and ParameterDict beside PyTorch's."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import corelib

from .conftest import assert_same

Same = Callable[[Callable[[Any], Any]], Any]


def table(lib: Any, rows: int = 6, columns: int = 3) -> Any:
    values = np.random.default_rng(1).standard_normal((rows, columns))
    return lib.tensor(values).requires_grad_()


def weighted(lib: Any, result: Any, *leaves: Any) -> list[Any]:
    (result * (lib.arange(result.numel(), dtype=lib.float64).reshape(result.shape) / 7 + 1)).sum().backward()
    return [result, *[leaf.grad for leaf in leaves]]


EMBEDDINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "padding": {"padding_idx": -2},
    "frequency": {"scale_grad_by_freq": True},
    "frequency and padding": {"scale_grad_by_freq": True, "padding_idx": 1},
}


@pytest.mark.parametrize("name", EMBEDDINGS)
def test_embedding(same: Same, name: str) -> None:
    def program(lib: Any) -> Any:
        weight = table(lib)
        index = lib.tensor([[1, 4, 4], [0, 1, 1]])
        return weighted(lib, lib.nn.functional.embedding(index, weight, **EMBEDDINGS[name]), weight)

    same(program)


@pytest.mark.parametrize("norm_type", [1.0, 2.0, 3.0])
def test_maximal_norm(same: Same, norm_type: float) -> None:
    def program(lib: Any) -> Any:
        module = lib.nn.Embedding.from_pretrained(table(lib).detach(), max_norm=0.9, norm_type=norm_type)
        out = module(lib.tensor([[1, 4, 4], [0, 1, 1]]))
        return [out, module.weight, repr(module)]

    same(program)


BAGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "padding": {"padding_idx": 1},
    "maximal norm": {"max_norm": 0.9},
}


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("name", BAGS)
def test_embedding_bag(same: Same, name: str, mode: str) -> None:
    options = BAGS[name]

    def program(lib: Any) -> Any:
        found = []
        for index, offsets, last in (
            ([[1, 4, 4], [0, 1, 1]], None, False),
            ([1, 4, 4, 0, 1, 1, 5], [0, 3, 3, 4], False),
            ([1, 4, 4, 0, 1, 1, 5], [0, 3, 7], True),
            ([1, 1, 2], [0, 2, 3], False),
        ):
            weight = table(lib)
            leaf = weight.detach() if "max_norm" in options else weight
            out = lib.nn.functional.embedding_bag(
                lib.tensor(index),
                leaf,
                None if offsets is None else lib.tensor(offsets),
                mode=mode,
                include_last_offset=last,
                **options,
            )
            found.append([out, leaf] if leaf is not weight else weighted(lib, out, weight))
        return found

    same(program)


def test_frequency_in_bags() -> None:
    """Here PyTorch divides by the count of another index on the CPU; we do what its documentation says."""
    weight = table(corelib)
    index = corelib.tensor([[1, 4, 4], [0, 1, 1]])
    corelib.nn.functional.embedding_bag(index, weight, mode="sum", scale_grad_by_freq=True).sum().backward()
    assert corelib.equal(weight.grad.sum(1) / 3, corelib.tensor([1.0, 1, 0, 0, 1, 0], dtype=corelib.float64))


def test_bags_start_at_zero() -> None:
    with pytest.raises(RuntimeError, match=r"offsets\[0\] has to be 0"):
        corelib.nn.EmbeddingBag(3, 4)(corelib.tensor([1]), corelib.tensor([1]))


def test_embedding_bag_with_weights(same: Same) -> None:
    def program(lib: Any) -> Any:
        weight = table(lib)
        factors = lib.tensor([[0.5, 2.0, 1.0], [3.0, -1.0, 0.0]], dtype=lib.float64, requires_grad=True)
        index = lib.tensor([[1, 4, 4], [0, 1, 1]])
        bag = lib.nn.functional.embedding_bag
        out = bag(index, weight, per_sample_weights=factors, mode="sum")
        found = weighted(lib, out, weight, factors)
        return [
            *found,
            bag(index.reshape(-1), weight, lib.tensor([0, 4]), per_sample_weights=factors.reshape(-1), mode="sum"),
        ]

    same(program)


MODULES: dict[str, Callable[[Any], Any]] = {
    "embedding": lambda nn: nn.Embedding(5, 3, padding_idx=1, max_norm=2.0, norm_type=1.0, scale_grad_by_freq=True),
    "bag": lambda nn: nn.EmbeddingBag(5, 3),
    "bag, all": lambda nn: nn.EmbeddingBag(5, 3, 1.0, 3.0, True, "sum", padding_idx=2, include_last_offset=True),
    "bilinear": lambda nn: nn.Bilinear(3, 4, 5),
    "bilinear, no bias": lambda nn: nn.Bilinear(3, 4, 5, bias=False),
}


@pytest.mark.parametrize("name", MODULES)
def test_printing_and_state(same: Same, name: str) -> None:
    build = MODULES[name]
    same(lambda lib: [repr(build(lib.nn)), {k: tuple(v.shape) for k, v in build(lib.nn).state_dict().items()}])


def test_padding_starts_as_zeros() -> None:
    for cls in (corelib.nn.Embedding, corelib.nn.EmbeddingBag):
        module: Any = cls(5, 3, padding_idx=-1)
        assert (module.weight[4] == 0).all()
        assert not (module.weight[:4] == 0).any()


def test_pretrained_bag(same: Same) -> None:
    def program(lib: Any) -> Any:
        module = lib.nn.EmbeddingBag.from_pretrained(table(lib).detach(), mode="sum")
        return [module(lib.tensor([[1, 2]])), module.weight.requires_grad]

    same(program)


@pytest.mark.parametrize("shape", [(), (4,), (2, 3)])
def test_bilinear(torch: ModuleType, shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    arrays = [random.standard_normal(s) for s in ((*shape, 3), (*shape, 4), (5, 3, 4), (5,))]
    got = []
    for lib in (corelib, torch):
        tensors = [lib.tensor(a).requires_grad_() for a in arrays]
        got.append(weighted(lib, lib.nn.functional.bilinear(*tensors), *tensors))
    assert_same(*got, rtol=1e-9, atol=1e-12)


ERRORS: list[Callable[[Any], Any]] = [
    lambda lib: lib.nn.functional.bilinear(lib.ones(2, 3), lib.ones(3, 4), lib.ones(5, 3, 4)),
    lambda lib: lib.nn.functional.bilinear(lib.ones(2, 2), lib.ones(2, 4), lib.ones(5, 3, 4)),
    lambda lib: lib.nn.functional.bilinear(lib.ones(2, 3), lib.ones(2, 3), lib.ones(5, 3, 4)),
    lambda lib: lib.nn.functional.bilinear(lib.ones(3), lib.ones(2, 3), lib.ones(5, 3, 4)),
    lambda lib: lib.nn.Bilinear(0, 3, 4),
    lambda lib: lib.nn.EmbeddingBag(3, 4, padding_idx=3),
    lambda lib: lib.nn.EmbeddingBag.from_pretrained(lib.ones(3)),
    lambda lib: lib.nn.EmbeddingBag(3, 4)(lib.tensor([1])),
    lambda lib: lib.nn.EmbeddingBag(3, 4)(lib.tensor([1]), lib.tensor([[1]])),
    lambda lib: lib.nn.EmbeddingBag(3, 4)(lib.tensor([[1]]), lib.tensor([0])),
    lambda lib: lib.nn.EmbeddingBag(3, 4)(lib.tensor([[[1]]])),
    lambda lib: lib.nn.EmbeddingBag(3, 4, mode="min")(lib.tensor([[1]])),
    lambda lib: lib.nn.EmbeddingBag(3, 4, mode="max", scale_grad_by_freq=True)(lib.tensor([[1]])),
    lambda lib: lib.nn.EmbeddingBag(3, 4)(lib.tensor([[1]]), None, lib.ones(1, 1)),
    lambda lib: lib.nn.EmbeddingBag(3, 4)(lib.tensor([[1]]), None, lib.ones(1, 2)),
    lambda lib: lib.nn.ParameterDict(3),
    lambda lib: lib.nn.ParameterDict([3]),
    lambda lib: lib.nn.ParameterDict([(1, 2, 3)]),
    lambda lib: lib.nn.ParameterDict()[3],
    lambda lib: lib.nn.ParameterDict()(3),
]


@pytest.mark.parametrize("number", range(len(ERRORS)))
def test_errors(same: Same, number: int) -> None:
    def first_line(lib: Any) -> Any:
        try:
            return ERRORS[number](lib)
        except Exception as error:
            raise type(error)(str(error).replace("corelib.core.tensor.Tensor", "torch.Tensor")) from None

    assert isinstance(same(first_line), Exception)


def test_parameter_dict(same: Same) -> None:
    def program(lib: Any) -> Any:
        d = lib.nn.ParameterDict({"b": lib.ones(2), "a": lib.zeros(1, 3)})
        found: list[Any] = [list(d), len(d), "a" in d, isinstance(d["b"], lib.nn.Parameter), list(d.state_dict())]
        d["c"] = "text"
        found += [d.get("x", 1), d.setdefault("c"), d.setdefault("e", 3), list(reversed(d)), d.pop("e")]
        other = d | lib.nn.ParameterDict(OrderedDict(z=lib.ones(1)))
        found += [list(other), list((d | {"q": 1}).keys()), other.popitem()[0], list(d.fromkeys(["k"], 1).items())]
        del d["b"]
        d |= {"n": 5}
        found += [list(d.keys()), len(list(d.values())), [n for n, _ in d.named_parameters()]]
        d.clear()
        return [*found, len(d)]

    same(program)
    text = repr(corelib.nn.ParameterDict({"a": corelib.ones(2, 3), "b": 1}))
    assert text == (
        "ParameterDict(\n    (a): Parameter containing: [torch.float32 of size 2x3]\n    (b): Object of type: int\n)"
    )
