"""Modules beside PyTorch's: names, shapes, printing, results and gradients with the same state_dict."""

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

# A module of both libraries, and the shapes (or integers below a bound) of its inputs.
CASES: dict[str, tuple[Callable[[Any], Any], tuple[Any, ...]]] = {
    "linear": (lambda nn: nn.Linear(3, 4), ((5, 3),)),
    "linear, no bias, 3-d": (lambda nn: nn.Linear(3, 4, bias=False), ((2, 5, 3),)),
    "linear, 1-d": (lambda nn: nn.Linear(3, 4), ((3,),)),
    "identity": (lambda nn: nn.Identity(1, a=2), ((2, 3),)),
    "flatten": (lambda nn: nn.Flatten(), ((2, 3, 4),)),
    "flatten some": (lambda nn: nn.Flatten(0, 1), ((2, 3, 4),)),
    "conv": (lambda nn: nn.Conv2d(3, 4, 3), ((2, 3, 6, 7),)),
    "conv, unbatched": (lambda nn: nn.Conv2d(3, 4, (3, 2)), ((3, 6, 7),)),
    "conv, padded strided": (lambda nn: nn.Conv2d(2, 4, 3, stride=2, padding=(1, 2)), ((2, 2, 6, 7),)),
    "conv, same": (lambda nn: nn.Conv2d(2, 4, (4, 3), padding="same", dilation=2), ((2, 2, 8, 7),)),
    "conv, valid": (lambda nn: nn.Conv2d(2, 4, 3, padding="valid", bias=False), ((2, 2, 6, 7),)),
    "conv, groups": (lambda nn: nn.Conv2d(4, 6, 3, groups=2, dilation=2), ((2, 4, 7, 6),)),
    "batch norm 1d": (lambda nn: nn.BatchNorm1d(3), ((5, 3),)),
    "batch norm 1d, 3-d": (lambda nn: nn.BatchNorm1d(3, momentum=None), ((5, 3, 2),)),
    "batch norm 2d": (lambda nn: nn.BatchNorm2d(3, eps=1e-3, momentum=0.3), ((2, 3, 4, 5),)),
    "batch norm, plain": (lambda nn: nn.BatchNorm2d(3, affine=False, track_running_stats=False), ((2, 3, 4, 5),)),
    "batch norm, no bias": (lambda nn: nn.BatchNorm2d(3, bias=False), ((2, 3, 4, 5),)),
    "layer norm": (lambda nn: nn.LayerNorm(4), ((2, 3, 4),)),
    "layer norm, 2 dims": (lambda nn: nn.LayerNorm([3, 4], eps=1e-3, bias=False), ((2, 3, 4),)),
    "layer norm, plain": (lambda nn: nn.LayerNorm(4, elementwise_affine=False), ((2, 4),)),
    "max pool": (lambda nn: nn.MaxPool2d(2), ((2, 3, 6, 5),)),
    "max pool, padded": (lambda nn: nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True), ((2, 3, 6, 6),)),
    "max pool, dilated": (lambda nn: nn.MaxPool2d((2, 3), 1, dilation=(2, 1)), ((3, 6, 6),)),
    "average pool": (lambda nn: nn.AvgPool2d(2), ((2, 3, 6, 5),)),
    "average pool, padded": (lambda nn: nn.AvgPool2d(3, 2, 1, count_include_pad=False), ((2, 3, 6, 5),)),
    "average pool, ceil": (lambda nn: nn.AvgPool2d(3, 2, ceil_mode=True, divisor_override=5), ((2, 3, 6, 6),)),
    "adaptive pool": (lambda nn: nn.AdaptiveAvgPool2d((3, 2)), ((2, 3, 6, 6),)),
    "adaptive pool, uneven": (lambda nn: nn.AdaptiveAvgPool2d((3, 5)), ((2, 3, 7, 8),)),
    "adaptive pool, kept": (lambda nn: nn.AdaptiveAvgPool2d((None, 1)), ((3, 7, 8),)),
    "adaptive pool, one": (lambda nn: nn.AdaptiveAvgPool2d(1), ((2, 3, 7, 8),)),
    "adaptive pool, larger": (lambda nn: nn.AdaptiveAvgPool2d((5, 4)), ((1, 2, 3, 2),)),
    "embedding": (lambda nn: nn.Embedding(7, 3), (("int", 7, (2, 4)),)),
    "embedding, padding": (lambda nn: nn.Embedding(7, 3, padding_idx=-1), (("int", 7, (20,)),)),
    "dropout, 0": (lambda nn: nn.Dropout(0.0), ((2, 3),)),
    "dropout, 1": (lambda nn: nn.Dropout(1.0), ((2, 3),)),
    "relu": (lambda nn: nn.ReLU(), ((2, 3),)),
    "gelu": (lambda nn: nn.GELU(), ((2, 3),)),
    "gelu tanh": (lambda nn: nn.GELU(approximate="tanh"), ((2, 3),)),
    "silu": (lambda nn: nn.SiLU(), ((2, 3),)),
    "sigmoid": (lambda nn: nn.Sigmoid(), ((2, 3),)),
    "tanh": (lambda nn: nn.Tanh(), ((2, 3),)),
    "leaky relu": (lambda nn: nn.LeakyReLU(0.2), ((2, 3),)),
    "softmax": (lambda nn: nn.Softmax(dim=1), ((2, 3),)),
    "log softmax": (lambda nn: nn.LogSoftmax(dim=-1), ((2, 3, 4),)),
    "sequential": (
        lambda nn: nn.Sequential(OrderedDict(a=nn.Linear(3, 4), b=nn.Sequential(nn.Tanh(), nn.LayerNorm(4)))),
        ((5, 3),),
    ),
    "cross entropy": (lambda nn: nn.CrossEntropyLoss(), ((4, 5), ("int", 5, (4,)))),
    "cross entropy, smooth": (
        lambda nn: nn.CrossEntropyLoss(ignore_index=2, label_smoothing=0.1),
        ((9, 5), ("int", 5, (9,))),
    ),
    "cross entropy, images": (lambda nn: nn.CrossEntropyLoss(reduction="none"), ((2, 5, 3, 2), ("int", 5, (2, 3, 2)))),
    "cross entropy, sum": (lambda nn: nn.CrossEntropyLoss(reduction="sum"), ((4, 5), ("int", 5, (4,)))),
    "cross entropy, unbatched": (lambda nn: nn.CrossEntropyLoss(), ((5,), ("int", 5, ()))),
    "cross entropy, probabilities": (lambda nn: nn.CrossEntropyLoss(label_smoothing=0.2), ((4, 5), ("unit", (4, 5)))),
    "nll": (lambda nn: nn.NLLLoss(), ((4, 5), ("int", 5, (4,)))),
    "nll, ignore": (lambda nn: nn.NLLLoss(ignore_index=1, reduction="sum"), ((9, 5), ("int", 5, (9,)))),
    "mse": (lambda nn: nn.MSELoss(), ((4, 5), (4, 5))),
    "mse, none": (lambda nn: nn.MSELoss(reduction="none"), ((4, 5), (4, 5))),
    "l1": (lambda nn: nn.L1Loss(reduction="sum"), ((4, 5), (4, 5))),
    "bce": (lambda nn: nn.BCELoss(), (("unit", (4, 5)), ("unit", (4, 5)))),
    "bce with logits": (lambda nn: nn.BCEWithLogitsLoss(), ((4, 5), ("unit", (4, 5)))),
}


def make(random: np.random.Generator, kind: Any) -> np.ndarray[Any, Any]:
    if kind[0] == "int":
        return random.integers(0, kind[1], kind[2])
    if kind[0] == "unit":
        return random.uniform(0, 1, kind[1])
    return random.standard_normal(kind)


def run(library: Any, module: Any, inputs: list[np.ndarray[Any, Any]]) -> list[Any]:
    """The result, then the gradients of all inputs and parameters, then the buffers."""
    tensors = [library.tensor(x) for x in inputs]
    if tensors[0].dtype is library.float64:
        tensors[0].requires_grad_()
    result = module(*tensors)
    weights = library.arange(result.numel(), dtype=library.float64).reshape(result.shape) / 7 + 1
    if result.requires_grad:
        (result * weights).sum().backward()
    return [result, tensors[0].grad, [p.grad for p in module.parameters()], list(module.buffers())]


@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize("case", CASES)
def test_results_and_gradients(torch: ModuleType, case: str, mode: str) -> None:
    build, kinds = CASES[case]
    random = np.random.default_rng(0)
    inputs = [make(random, kind) for kind in kinds]
    ours, theirs = build(corelib.nn).double(), build(torch.nn).double()
    load_from_torch(ours, theirs)
    for _ in range(2):  # the second time with running statistics that have moved
        getattr(ours, mode)()
        getattr(theirs, mode)()
        ours.zero_grad()
        theirs.zero_grad()
        assert_same(run(corelib, ours, inputs), run(torch, theirs, inputs), rtol=1e-7, atol=1e-9)
        ours.train()
        theirs.train()
        run(corelib, ours, inputs)
        run(torch, theirs, inputs)


def load_from_torch(ours: Any, theirs: Any) -> None:
    """Give ours the values of theirs, made irregular: ones and zeros would hide a mix-up."""
    random = np.random.default_rng(1)
    for tensor in theirs.state_dict().values():
        if tensor.is_floating_point() and tensor.numel() > 1:
            noise = random.uniform(0.5, 1.5, tuple(tensor.shape))
            tensor.add_(tensor.new_tensor(noise))
    state = {name: corelib.tensor(value.numpy()) for name, value in theirs.state_dict().items()}
    assert repr(ours.load_state_dict(state)) == "<All keys matched successfully>"


@pytest.mark.parametrize("case", CASES)
def test_printing_and_state(same: Same, case: str) -> None:
    build, _ = CASES[case]
    same(lambda library: repr(build(library.nn)))
    same(lambda library: {name: tuple(v.shape) for name, v in build(library.nn).state_dict().items()})
    same(lambda library: dict(build(library.nn).state_dict()._metadata))


def test_a_state_dict_goes_both_ways(torch: ModuleType) -> None:
    def build(nn: Any) -> Any:
        return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 3))

    ours, theirs = build(corelib.nn), build(torch.nn)
    theirs.load_state_dict({name: torch.tensor(value.numpy()) for name, value in ours.state_dict().items()})
    assert_same(ours.state_dict(), theirs.state_dict(), rtol=0, atol=0)
    load_from_torch(ours, theirs)
    assert_same(ours.state_dict(), theirs.state_dict(), rtol=0, atol=0)


@pytest.mark.parametrize("loss", ["CrossEntropyLoss", "NLLLoss"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_class_weights(same: Same, loss: str, reduction: str) -> None:
    random = np.random.default_rng(2)
    logits, weight, target = random.standard_normal((6, 4)), random.uniform(0.5, 2, 4), random.integers(0, 4, 6)

    def program(t: Any) -> Any:
        module = getattr(t.nn, loss)(weight=t.tensor(weight), ignore_index=1, reduction=reduction)
        return [module(t.tensor(logits), t.tensor(target)), list(module.state_dict())]

    same(program)


def test_weighted_binary_losses(same: Same) -> None:
    random = np.random.default_rng(3)
    x, y, w = random.standard_normal((6, 4)) * 20, random.uniform(0, 1, (6, 4)), random.uniform(0.5, 2, 4)

    def program(t: Any) -> Any:
        logits, target, weight = t.tensor(x), t.tensor(y), t.tensor(w)
        with_logits = t.nn.BCEWithLogitsLoss(weight=weight, pos_weight=weight * 2, reduction="none")
        return [
            with_logits(logits, target),
            t.nn.BCELoss(weight=weight)(t.sigmoid(logits), target),
            t.nn.functional.mse_loss(logits, target, weight=t.tensor(y)),
            t.nn.functional.l1_loss(logits, target, reduction="sum", weight=t.tensor(y)),
        ]

    same(program)


def test_binary_cross_entropy_at_the_ends(same: Same) -> None:
    def program(t: Any) -> Any:
        p = t.tensor([0.0, 0.0, 1.0, 1.0, 0.5], requires_grad=True)
        y = t.tensor([0.0, 1.0, 0.0, 1.0, 0.25])
        loss = t.nn.functional.binary_cross_entropy(p, y, reduction="none")
        loss.sum().backward()
        return [loss, p.grad]

    same(program)


def test_in_place_activations(same: Same) -> None:
    def program(t: Any) -> Any:
        results = []
        for module in (t.nn.ReLU(inplace=True), t.nn.SiLU(inplace=True), t.nn.LeakyReLU(0.1, inplace=True)):
            x = t.tensor([-1.0, 0.5, 2.0], requires_grad=True)
            y = x * 2
            assert module(y) is y
            y.sum().backward()
            results.append([y, x.grad, repr(module)])
        return results

    same(program)


def test_max_pool_says_where(same: Same) -> None:
    x = np.random.default_rng(4).standard_normal((2, 3, 6, 6))
    same(lambda t: t.nn.MaxPool2d(2, return_indices=True)(t.tensor(x)))


def test_softmax_of_an_implicit_dimension(same: Same) -> None:
    def program(t: Any) -> Any:
        with pytest.warns(UserWarning, match="Implicit dimension choice for softmax has been deprecated"):
            return t.nn.Softmax()(t.tensor([[1.0, 2.0], [3.0, 4.0]]))

    same(program)


def test_embedding_from_pretrained(same: Same) -> None:
    def program(t: Any) -> Any:
        table = t.tensor([[1.0, 2.0], [3.0, 4.0]])
        module = t.nn.Embedding.from_pretrained(table)
        table[0, 0] = 9.0
        return [module(t.tensor([0, 1])), module.weight.requires_grad]

    same(program)


# What goes wrong, goes wrong in the same words.
MISTAKES: dict[str, Callable[[Any], Any]] = {
    "conv groups": lambda t: t.nn.Conv2d(3, 4, 3, groups=2),
    "conv groups out": lambda t: t.nn.Conv2d(4, 3, 3, groups=2),
    "conv groups 0": lambda t: t.nn.Conv2d(4, 3, 3, groups=0),
    "conv same strided": lambda t: t.nn.Conv2d(1, 1, 3, stride=2, padding="same"),
    "dropout p": lambda t: t.nn.Dropout(1.5),
    "dropout function p": lambda t: t.nn.functional.dropout(t.ones(1), -0.5),
    "batch norm 1 value": lambda t: t.nn.BatchNorm1d(2)(t.ones(1, 2)),
    "batch norm 2d of 3d": lambda t: t.nn.BatchNorm2d(2)(t.ones(1, 2, 3)),
    "batch norm 1d of 4d": lambda t: t.nn.BatchNorm1d(2)(t.ones(1, 2, 3, 3)),
    "embedding padding": lambda t: t.nn.Embedding(3, 2, padding_idx=3),
    "embedding weight": lambda t: t.nn.Embedding(3, 2, _weight=t.ones(2, 2)),
    "reduction": lambda t: t.nn.functional.mse_loss(t.ones(1), t.ones(1), reduction="some"),
    "bce sizes": lambda t: t.nn.functional.binary_cross_entropy_with_logits(t.ones(1), t.ones(2)),
    "parameter name": lambda t: t.nn.Module().register_parameter("a.b", None),
    "parameter empty name": lambda t: t.nn.Module().register_parameter("", None),
    "parameter taken": lambda t: t.nn.Module().register_parameter("forward", None),
    "parameter kind": lambda t: t.nn.Module().register_parameter("a", 3),
    "parameter name kind": lambda t: t.nn.Module().register_parameter(3, None),
    "buffer name": lambda t: t.nn.Module().register_buffer("a.b", None),
    "buffer kind": lambda t: t.nn.Module().register_buffer("a", 3),
    "buffer taken": lambda t: t.nn.Module().register_buffer("training", None),
    "module name": lambda t: t.nn.Module().add_module("a.b", None),
    "module empty name": lambda t: t.nn.Module().add_module("", None),
    "module kind": lambda t: t.nn.Module().add_module("a", 3),
    "parameter assigned": lambda t: setattr(t.nn.Linear(1, 1), "weight", 3),
    "module assigned": lambda t: setattr(t.nn.Sequential(t.nn.ReLU()), "0", 3),
    "buffer assigned": lambda t: setattr(t.nn.BatchNorm1d(1), "running_mean", 3),
    "no attribute": lambda t: t.nn.Linear(1, 1).other,
    "sequential index": lambda t: t.nn.Sequential(t.nn.ReLU())[1],
    "sequential insert": lambda t: t.nn.Sequential().insert(1, t.nn.ReLU()),
    "sequential times 0": lambda t: t.nn.Sequential() * 0,
    "module list index": lambda t: t.nn.ModuleList()[0],
    "module list extend": lambda t: t.nn.ModuleList().extend(3),
    "module dict update": lambda t: t.nn.ModuleDict().update(3),
    "module dict pairs": lambda t: t.nn.ModuleDict([(1, 2, 3)]),
    "module dict key": lambda t: t.nn.ModuleDict()["a"],
    "parameter list index": lambda t: t.nn.ParameterList()[0],
    "parameter list called": lambda t: t.nn.ParameterList()(),
    "gain": lambda t: t.nn.init.calculate_gain("other"),
    "gain slope": lambda t: t.nn.init.calculate_gain("leaky_relu", True),
    "fan of 1-d": lambda t: t.nn.init.xavier_uniform_(t.ones(3)),
    "fan mode": lambda t: t.nn.init.kaiming_normal_(t.ones(3, 3), mode="fan"),
    "eye of 1-d": lambda t: t.nn.init.eye_(t.ones(3)),
    "dirac of 2-d": lambda t: t.nn.init.dirac_(t.ones(3, 3)),
    "dirac groups": lambda t: t.nn.init.dirac_(t.ones(3, 3, 3), groups=2),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes(same: Same, case: str) -> None:
    assert isinstance(same(MISTAKES[case]), Exception)
