"""Optimizers and schedules beside PyTorch's: values over many steps, state dicts, printing, mistakes."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import corelib

Build = Callable[[Any, Any], Any]

OPTIMIZERS: dict[str, Build] = {
    "sgd": lambda optim, p: optim.SGD(p, lr=0.1),
    "sgd momentum": lambda optim, p: optim.SGD(p, lr=0.05, momentum=0.9),
    "sgd dampening decay": lambda optim, p: optim.SGD(p, lr=0.05, momentum=0.8, dampening=0.3, weight_decay=0.1),
    "sgd nesterov": lambda optim, p: optim.SGD(p, lr=0.02, momentum=0.9, nesterov=True, weight_decay=0.01),
    "sgd maximize": lambda optim, p: optim.SGD(p, lr=0.001, momentum=0.5, maximize=True, weight_decay=0.1),
    "adam": lambda optim, p: optim.Adam(p, lr=0.05),
    "adam options": lambda optim, p: optim.Adam(p, lr=0.02, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1),
    "adam amsgrad": lambda optim, p: optim.Adam(p, lr=0.05, amsgrad=True, weight_decay=0.01),
    "adam maximize": lambda optim, p: optim.Adam(p, lr=0.001, maximize=True, weight_decay=0.1),
    "adamw": lambda optim, p: optim.AdamW(p, lr=0.05),
    "adamw amsgrad": lambda optim, p: optim.AdamW(p, lr=0.05, weight_decay=0.2, amsgrad=True, maximize=False),
    "adadelta": lambda optim, p: optim.Adadelta(p),
    "adadelta options": lambda optim, p: optim.Adadelta(p, lr=0.5, rho=0.8, eps=1e-4, weight_decay=0.1),
    "adadelta maximize": lambda optim, p: optim.Adadelta(p, lr=0.1, maximize=True, foreach=False),
    "adafactor": lambda optim, p: optim.Adafactor(p),
    "adafactor options": lambda optim, p: optim.Adafactor(
        p, lr=0.1, beta2_decay=-0.6, eps=(1e-6, 1e-2), d=2.0, weight_decay=0.1
    ),
    "adafactor maximize": lambda optim, p: optim.Adafactor(p, lr=0.001, maximize=True, foreach=False),
    "adagrad": lambda optim, p: optim.Adagrad(p),
    "adagrad options": lambda optim, p: optim.Adagrad(
        p, lr=0.1, lr_decay=0.01, weight_decay=0.1, initial_accumulator_value=0.5, eps=1e-3
    ),
    "adagrad maximize": lambda optim, p: optim.Adagrad(p, lr=0.001, maximize=True),
    "adamax": lambda optim, p: optim.Adamax(p),
    "adamax options": lambda optim, p: optim.Adamax(p, lr=0.05, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1),
    "adamax maximize": lambda optim, p: optim.Adamax(p, lr=0.001, maximize=True),
    "asgd": lambda optim, p: optim.ASGD(p),
    "asgd options": lambda optim, p: optim.ASGD(p, lr=0.05, lambd=0.01, alpha=0.5, t0=10, weight_decay=0.1),
    "asgd maximize": lambda optim, p: optim.ASGD(p, lr=0.001, t0=0, maximize=True),
    "nadam": lambda optim, p: optim.NAdam(p),
    "nadam options": lambda optim, p: optim.NAdam(
        p, lr=0.05, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1, momentum_decay=0.01
    ),
    "nadam decoupled": lambda optim, p: optim.NAdam(p, lr=0.05, weight_decay=0.1, decoupled_weight_decay=True),
    "nadam maximize": lambda optim, p: optim.NAdam(p, lr=0.001, maximize=True),
    "radam": lambda optim, p: optim.RAdam(p),
    "radam options": lambda optim, p: optim.RAdam(p, lr=0.05, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1),
    "radam decoupled": lambda optim, p: optim.RAdam(p, lr=0.05, weight_decay=0.1, decoupled_weight_decay=True),
    "radam maximize": lambda optim, p: optim.RAdam(p, lr=0.001, maximize=True),
    "rmsprop": lambda optim, p: optim.RMSprop(p),
    "rmsprop momentum": lambda optim, p: optim.RMSprop(p, lr=0.005, alpha=0.9, eps=1e-3, momentum=0.8),
    "rmsprop centered": lambda optim, p: optim.RMSprop(p, centered=True, momentum=0.5, eps=1e-2, weight_decay=0.1),
    "rmsprop maximize": lambda optim, p: optim.RMSprop(p, lr=0.001, maximize=True),
    "rprop": lambda optim, p: optim.Rprop(p),
    "rprop options": lambda optim, p: optim.Rprop(p, lr=0.1, etas=(0.6, 1.1), step_sizes=(1e-3, 0.3)),
    "rprop maximize": lambda optim, p: optim.Rprop(p, lr=0.001, step_sizes=(1e-6, 0.01), maximize=True),
}
STATE = {
    "sgd momentum",
    "sgd nesterov",
    "adam",
    "adam amsgrad",
    "adamw",
    "adadelta",
    "adafactor",
    "adagrad",
    "adamax",
    "asgd",
    "nadam",
    "radam",
    "rmsprop",
    "rmsprop centered",
    "rprop",
}


class Problem:
    """A small non-convex function of three parameters; the second's gradient comes only every third step."""

    def __init__(self, library: Any, build: Build) -> None:
        random = np.random.default_rng(0)
        self.library = library
        self.params = [
            library.nn.Parameter(library.tensor(random.standard_normal(shape))) for shape in ((4, 3), (3,), ())
        ]
        groups = [{"params": self.params[:1]}, {"params": self.params[1:], "lr": 0.01}]
        self.optimizer = build(library.optim, groups)
        self.steps = 0

    def loss(self) -> Any:
        a, b, c = self.params
        loss = ((a.sin() * c) ** 2).sum() + (a * a).mean()
        if self.steps % 3 == 2:
            loss = loss + ((b - 1) ** 2).sum() * (c * c + 1)
        return loss

    def run(self, steps: int) -> list[np.ndarray[Any, Any]]:
        for _ in range(steps):
            self.optimizer.zero_grad()
            self.loss().backward()
            self.optimizer.step()
            self.steps += 1
        return [p.detach().numpy().copy() for p in self.params]


def assert_close(ours: list[Any], theirs: list[Any], rtol: float = 1e-9) -> None:
    for our, their in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(our, their, rtol=rtol, atol=1e-10)


def convert(state: Any, library: Any) -> Any:
    """A state dict of one library as the other's."""
    if isinstance(state, dict):
        return {key: convert(value, library) for key, value in state.items()}
    if isinstance(state, list):
        return [convert(value, library) for value in state]
    return library.tensor(state.detach().numpy()) if hasattr(state, "detach") else state


@pytest.mark.parametrize("case", OPTIMIZERS)
def test_fifty_steps(torch: ModuleType, case: str) -> None:
    ours, theirs = Problem(corelib, OPTIMIZERS[case]), Problem(torch, OPTIMIZERS[case])
    start = [p.detach().numpy().copy() for p in ours.params]
    assert_close(ours.run(50), theirs.run(50))
    assert all((before != after.detach().numpy()).any() for before, after in zip(start, ours.params, strict=True))


@pytest.mark.parametrize("case", OPTIMIZERS)
def test_float32_stays_float32_and_close(torch: ModuleType, case: str) -> None:
    def run(library: Any) -> np.ndarray[Any, Any]:
        p = library.nn.Parameter(library.tensor(np.linspace(-1, 2, 12, dtype=np.float32)))
        optimizer = OPTIMIZERS[case](library.optim, [p])
        for _ in range(20):
            optimizer.zero_grad()
            ((p * p).sum() + p.cos().sum()).backward()
            optimizer.step()
        assert p.dtype is library.float32
        return p.detach().numpy()

    np.testing.assert_allclose(run(corelib), run(torch), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", sorted(OPTIMIZERS))
@pytest.mark.parametrize("ours_first", [True, False])
def test_a_state_dict_goes_both_ways(torch: ModuleType, case: str, ours_first: bool) -> None:
    libraries = (corelib, torch) if ours_first else (torch, corelib)
    first, second = (Problem(library, OPTIMIZERS[case]) for library in libraries)
    values = first.run(5)
    for p, value in zip(second.params, values, strict=True):
        p.data = second.library.tensor(value)
    second.optimizer.load_state_dict(convert(first.optimizer.state_dict(), second.library))
    second.steps = first.steps
    assert_close(second.run(5), first.run(5))


@pytest.mark.parametrize("case", sorted(STATE))
def test_state_dicts_look_alike(torch: ModuleType, case: str) -> None:
    def shape_of(state: Any) -> Any:
        if isinstance(state, dict):
            return {key: shape_of(value) for key, value in state.items()}
        if hasattr(state, "detach"):
            return (tuple(state.shape), str(state.dtype).split(".")[-1], str(state.device))
        return state

    def run(library: Any) -> Any:
        problem = Problem(library, OPTIMIZERS[case])
        problem.run(4)
        return shape_of(problem.optimizer.state_dict())

    assert run(corelib) == run(torch)


@pytest.mark.parametrize("case", OPTIMIZERS)
def test_printing(torch: ModuleType, case: str) -> None:
    ours, theirs = Problem(corelib, OPTIMIZERS[case]), Problem(torch, OPTIMIZERS[case])
    assert repr(ours.optimizer) == repr(theirs.optimizer)
    assert list(ours.optimizer.defaults) == list(theirs.optimizer.defaults)


@pytest.mark.parametrize(
    "name", ["SGD", "Adam", "AdamW", "Adadelta", "Adafactor", "Adagrad", "Adamax", "ASGD", "NAdam", "RAdam", "RMSprop"]
)
def test_a_learning_rate_that_is_a_tensor(torch: ModuleType, name: str) -> None:
    def build(library: Any) -> Build:
        def make(optim: Any, groups: Any) -> Any:
            del groups[1]["lr"]
            options = {"momentum": 0.9} if name == "SGD" else {}
            return getattr(optim, name)(groups, lr=library.tensor(0.02), **options)

        return make

    ours, theirs = Problem(corelib, build(corelib)), Problem(torch, build(torch))
    ours.run(5), theirs.run(5)
    for problem in (ours, theirs):
        problem.optimizer.param_groups[0]["lr"].fill_(0.5)
    assert_close(ours.run(5), theirs.run(5), rtol=1e-5)


@pytest.mark.parametrize("name", ["Adadelta", "Adagrad", "Adamax", "ASGD", "NAdam", "RAdam", "RMSprop", "Rprop"])
def test_options_that_choose_an_implementation_change_nothing(name: str) -> None:
    def run(**options: Any) -> list[Any]:
        return Problem(corelib, lambda optim, groups: getattr(optim, name)(groups, **options)).run(5)

    expected = run()
    assert_close(run(foreach=True), expected)
    assert_close(run(foreach=False), expected)
    assert_close(run(fused=True) if name == "Adagrad" else run(capturable=True), expected)
    with pytest.raises(NotImplementedError, match="differentiable=True"):
        run(differentiable=True)


@pytest.mark.parametrize("name", ["Adadelta", "Adagrad", "Adamax", "ASGD", "NAdam", "RAdam", "RMSprop", "Rprop"])
def test_state_of_old_versions_is_read(name: str) -> None:
    """State dicts once had numbers where now there are 0-d tensors, and fewer options."""
    problem = Problem(corelib, lambda optim, groups: getattr(optim, name)(groups))
    problem.run(3)
    state = problem.optimizer.state_dict()
    for own in state["state"].values():
        for key in {"step", "eta", "mu", "mu_product"} & set(own):
            own[key] = own[key].item()
    for group in state["param_groups"]:
        del group["maximize"], group["foreach"]
    copy = Problem(corelib, lambda optim, groups: getattr(optim, name)(groups))
    copy.optimizer.load_state_dict(state)
    for own in copy.optimizer.state.values():
        assert own["step"].dtype is corelib.float32 and own["step"].item() > 0
    assert copy.optimizer.param_groups[0]["maximize"] is False
    copy.optimizer.step()


@pytest.mark.parametrize(
    "case", [case for case in OPTIMIZERS if not case.startswith("adafactor") and "maximize" not in case]
)
def test_complex_parameters(torch: ModuleType, case: str) -> None:
    def run(library: Any) -> Any:
        random = np.random.default_rng(0)
        z = library.nn.Parameter(library.tensor(random.standard_normal((3, 2)) + 1j * random.standard_normal((3, 2))))
        optimizer = OPTIMIZERS[case](library.optim, [z])
        for _ in range(10):
            optimizer.zero_grad()
            square = z * z.conj()
            ((square.real - 1) ** 2).sum().backward()
            optimizer.step()
        return z.detach().numpy()

    np.testing.assert_allclose(run(corelib), run(torch), rtol=1e-9, atol=1e-10)


def test_names(torch: ModuleType) -> None:
    missing = set(torch.optim.__all__) - set(corelib.optim.__all__)
    assert missing == {"SparseAdam", "swap_in_optimizer_params_and_state"}


MISTAKES: dict[str, Callable[[Any], Any]] = {
    "a tensor": lambda t: t.optim.SGD(t.ones(1), lr=0.1),
    "nothing": lambda t: t.optim.SGD([], lr=0.1),
    "a number": lambda t: t.optim.SGD([3], lr=0.1),
    "a set": lambda t: t.optim.SGD([{"params": {t.nn.Parameter(t.ones(1))}}], lr=0.1),
    "no leaf": lambda t: t.optim.SGD([t.ones(1, requires_grad=True) * 2], lr=0.1),
    "no dict": lambda t: t.optim.SGD([t.nn.Parameter(t.ones(1))]).add_param_group([1]),
    "some names": lambda t: t.optim.SGD([("a", t.ones(1)), t.ones(1)]),
    "names in one group": lambda t: t.optim.SGD([("a", t.ones(1))]).add_param_group({"params": [t.ones(1)]}),
    "two groups": lambda t: (lambda p: t.optim.SGD([{"params": [p]}, {"params": [p]}], lr=0.1))(t.ones(1)),
    "sgd lr": lambda t: t.optim.SGD([t.ones(1)], lr=-0.1),
    "sgd momentum": lambda t: t.optim.SGD([t.ones(1)], lr=0.1, momentum=-1),
    "sgd decay": lambda t: t.optim.SGD([t.ones(1)], lr=0.1, weight_decay=-1),
    "sgd nesterov": lambda t: t.optim.SGD([t.ones(1)], lr=0.1, nesterov=True),
    "sgd lr tensor": lambda t: t.optim.SGD([t.ones(1)], lr=t.ones(2)),
    "sgd fused foreach": lambda t: t.optim.SGD([t.ones(1)], fused=True, foreach=True),
    "adam lr": lambda t: t.optim.Adam([t.ones(1)], lr=-0.1),
    "adam eps": lambda t: t.optim.Adam([t.ones(1)], eps=-0.1),
    "adam beta 0": lambda t: t.optim.Adam([t.ones(1)], betas=(1.0, 0.9)),
    "adam beta 1": lambda t: t.optim.Adam([t.ones(1)], betas=(0.9, -0.1)),
    "adam decay": lambda t: t.optim.AdamW([t.ones(1)], weight_decay=-0.1),
    "adam fused differentiable": lambda t: t.optim.Adam([t.ones(1)], fused=True, differentiable=True),
    "adam foreach tensor": lambda t: t.optim.Adam([t.ones(1)], lr=t.tensor(0.1), foreach=True),
    "adadelta lr": lambda t: t.optim.Adadelta([t.ones(1)], lr=-1.0),
    "adadelta lr tensor": lambda t: t.optim.Adadelta([t.ones(1)], lr=t.ones(2)),
    "adadelta rho": lambda t: t.optim.Adadelta([t.ones(1)], rho=1.5),
    "adadelta eps": lambda t: t.optim.Adadelta([t.ones(1)], eps=-1.0),
    "adadelta decay": lambda t: t.optim.Adadelta([t.ones(1)], weight_decay=-1.0),
    "adafactor lr": lambda t: t.optim.Adafactor([t.ones(1)], lr=-1.0),
    "adafactor beta2": lambda t: t.optim.Adafactor([t.ones(1)], beta2_decay=1.0),
    "adafactor eps1": lambda t: t.optim.Adafactor([t.ones(1)], eps=(-1.0, 1.0)),
    "adafactor eps2": lambda t: t.optim.Adafactor([t.ones(1)], eps=(None, -1.0)),
    "adafactor d": lambda t: t.optim.Adafactor([t.ones(1)], d=0.5),
    "adafactor decay": lambda t: t.optim.Adafactor([t.ones(1)], weight_decay=-1.0),
    "adagrad lr": lambda t: t.optim.Adagrad([t.ones(1)], lr=-1.0),
    "adagrad lr decay": lambda t: t.optim.Adagrad([t.ones(1)], lr_decay=-1.0),
    "adagrad decay": lambda t: t.optim.Adagrad([t.ones(1)], weight_decay=-1.0),
    "adagrad initial": lambda t: t.optim.Adagrad([t.ones(1)], initial_accumulator_value=-1.0),
    "adagrad eps": lambda t: t.optim.Adagrad([t.ones(1)], eps=-1.0),
    "adagrad fused foreach": lambda t: t.optim.Adagrad([t.ones(1)], fused=True, foreach=True),
    "adamax lr": lambda t: t.optim.Adamax([t.ones(1)], lr=-1.0),
    "adamax eps": lambda t: t.optim.Adamax([t.ones(1)], eps=-1.0),
    "adamax beta": lambda t: t.optim.Adamax([t.ones(1)], betas=(0.5, 1.0)),
    "adamax decay": lambda t: t.optim.Adamax([t.ones(1)], weight_decay=-1.0),
    "asgd lr": lambda t: t.optim.ASGD([t.ones(1)], lr=-1.0),
    "asgd decay": lambda t: t.optim.ASGD([t.ones(1)], weight_decay=-1.0),
    "nadam lr": lambda t: t.optim.NAdam([t.ones(1)], lr=-1.0),
    "nadam eps": lambda t: t.optim.NAdam([t.ones(1)], eps=-1.0),
    "nadam beta": lambda t: t.optim.NAdam([t.ones(1)], betas=(1.0, 0.0)),
    "nadam decay": lambda t: t.optim.NAdam([t.ones(1)], weight_decay=-1.0),
    "nadam momentum decay": lambda t: t.optim.NAdam([t.ones(1)], momentum_decay=-1.0),
    "radam lr": lambda t: t.optim.RAdam([t.ones(1)], lr=-1.0),
    "radam eps": lambda t: t.optim.RAdam([t.ones(1)], eps=-1.0),
    "radam beta": lambda t: t.optim.RAdam([t.ones(1)], betas=(-1.0, 0.0)),
    "radam decay": lambda t: t.optim.RAdam([t.ones(1)], weight_decay=-1.0),
    "rmsprop lr": lambda t: t.optim.RMSprop([t.ones(1)], lr=-1.0),
    "rmsprop eps": lambda t: t.optim.RMSprop([t.ones(1)], eps=-1.0),
    "rmsprop momentum": lambda t: t.optim.RMSprop([t.ones(1)], momentum=-1.0),
    "rmsprop decay": lambda t: t.optim.RMSprop([t.ones(1)], weight_decay=-1.0),
    "rmsprop alpha": lambda t: t.optim.RMSprop([t.ones(1)], alpha=-1.0),
    "rprop lr": lambda t: t.optim.Rprop([t.ones(1)], lr=-1.0),
    "rprop etas": lambda t: t.optim.Rprop([t.ones(1)], etas=(1.5, 1.2)),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes(torch: ModuleType, case: str) -> None:
    messages = []
    for library in (corelib, torch):
        with pytest.raises((TypeError, ValueError, RuntimeError, KeyError)) as caught:
            MISTAKES[case](library)
        text = str(caught.value).replace("torch.FloatTensor", "Tensor").replace("torch.", "").replace("corelib.", "")
        messages.append((caught.type, text))
    assert messages[0] == messages[1]
