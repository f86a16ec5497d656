"""LBFGS beside PyTorch's, with a fixed step and with the line search; Muon, which takes matrices only."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import corelib

CASES: dict[str, dict[str, Any]] = {
    "fixed": {"lr": 0.1, "max_iter": 5},
    "fixed, short history": {"lr": 0.2, "max_iter": 8, "history_size": 2},
    "fixed, few evaluations": {"lr": 0.1, "max_iter": 10, "max_eval": 3},
    "line search": {"line_search_fn": "strong_wolfe", "max_iter": 3},
    "line search, long": {"lr": 3.0, "line_search_fn": "strong_wolfe", "max_iter": 4, "history_size": 3},
    "line search, short": {"lr": 0.01, "line_search_fn": "strong_wolfe", "max_iter": 4, "history_size": 10},
    "line search, one evaluation": {"line_search_fn": "strong_wolfe", "max_iter": 4, "max_eval": 2},
    "tolerant": {"lr": 0.5, "tolerance_grad": 0.5, "max_iter": 30},
    "tolerant of changes": {"lr": 0.05, "tolerance_change": 1e-2, "max_iter": 30},
}


class Rosenbrock:
    """Rosenbrock's function of two parameters, the first of them two-dimensional, and one that takes no part."""

    def __init__(self, library: Any, options: dict[str, Any]) -> None:
        random = np.random.default_rng(1)
        self.library = library
        self.a, self.b, self.c = (
            library.nn.Parameter(library.tensor(random.standard_normal(shape))) for shape in ((2, 3), (6,), (2,))
        )
        self.params = [self.a, self.b, self.c]
        self.optimizer = library.optim.LBFGS(self.params, **options)
        self.calls = 0

    def closure(self) -> Any:
        self.calls += 1
        self.optimizer.zero_grad()
        a = self.a.reshape(-1)
        loss = ((1 - a) ** 2).sum() + 5 * ((self.b - a * a) ** 2).sum() + 0.1 * self.b.cos().sum()
        loss.backward()
        return loss

    def run(self, steps: int) -> list[Any]:
        losses = [self.optimizer.step(self.closure).item() for _ in range(steps)]
        return [losses, *[p.detach().numpy().copy() for p in self.params], self.calls]


def assert_close(ours: list[Any], theirs: list[Any]) -> None:
    for our, their in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(our, their, rtol=1e-7, atol=1e-9)


def convert(state: Any, library: Any) -> Any:
    if isinstance(state, dict):
        return {key: convert(value, library) for key, value in state.items()}
    if isinstance(state, list):
        return [convert(value, library) for value in state]
    return library.tensor(state.detach().numpy()) if hasattr(state, "detach") else state


@pytest.mark.parametrize("case", CASES)
def test_as_torch(torch: ModuleType, case: str) -> None:
    ours, theirs = Rosenbrock(corelib, CASES[case]), Rosenbrock(torch, CASES[case])
    assert_close(ours.run(6), theirs.run(6))
    counts = [
        {k: v for k, v in problem.optimizer.state_dict()["state"][0].items() if k in ("func_evals", "n_iter")}
        for problem in (ours, theirs)
    ]
    assert counts[0] == counts[1]


@pytest.mark.parametrize("case", ["fixed", "line search"])
@pytest.mark.parametrize("ours_first", [True, False])
def test_a_state_dict_goes_both_ways(torch: ModuleType, case: str, ours_first: bool) -> None:
    libraries = (corelib, torch) if ours_first else (torch, corelib)
    first, second = (Rosenbrock(library, CASES[case]) for library in libraries)
    first.run(2)
    for p, q in zip(second.params, first.params, strict=True):
        p.data = second.library.tensor(q.detach().numpy().copy())
    state = first.optimizer.state_dict()
    second.optimizer.load_state_dict(convert(state, second.library))
    assert list(second.optimizer.state_dict()["state"][0]) == list(state["state"][0])
    second.calls = first.calls
    assert_close(second.run(3), first.run(3))


def test_state_names(torch: ModuleType) -> None:
    problems = [Rosenbrock(library, CASES["fixed"]) for library in (corelib, torch)]
    for problem in problems:
        problem.run(2)
    ours, theirs = (set(problem.optimizer.state_dict()["state"][0]) for problem in problems)
    assert ours == theirs


def test_it_finds_the_minimum() -> None:
    p = corelib.nn.Parameter(corelib.tensor([-1.2, 1.0], dtype=corelib.float64))
    optimizer = corelib.optim.LBFGS([p], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Any:
        optimizer.zero_grad()
        loss = (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2
        loss.backward()
        return loss

    with corelib.no_grad():  # the closure runs with gradients on
        optimizer.step(closure)
    np.testing.assert_allclose(p.detach().numpy(), [1, 1], rtol=1e-4)


@pytest.mark.parametrize("case", ["fixed", "line search"])
def test_complex_parameters(torch: ModuleType, case: str) -> None:
    def run(library: Any) -> Any:
        random = np.random.default_rng(0)
        z = library.nn.Parameter(library.tensor(random.standard_normal((3, 2)) + 1j * random.standard_normal((3, 2))))
        optimizer = library.optim.LBFGS([z], **CASES[case])

        def closure() -> Any:
            optimizer.zero_grad()
            loss = (((z * z.conj()).real - 1) ** 2).sum()
            loss.backward()
            return loss

        for _ in range(4):
            optimizer.step(closure)
        return z.detach().numpy()

    np.testing.assert_allclose(run(corelib), run(torch), rtol=1e-7, atol=1e-9)


MISTAKES: dict[str, Callable[[Any], Any]] = {
    "lr": lambda t: t.optim.LBFGS([t.ones(1)], lr=-1),
    "lr tensor": lambda t: t.optim.LBFGS([t.ones(1)], lr=t.ones(2)),
    "groups": lambda t: t.optim.LBFGS([{"params": [t.ones(1)]}, {"params": [t.ones(1)]}]),
    "line search": lambda t: Rosenbrock(t, {"line_search_fn": "other"}).run(1),
    "no closure": lambda t: t.optim.LBFGS([t.ones(1)]).step(),
    "muon lr": lambda t: t.optim.Muon([t.ones(1, 1)], lr=-1),
    "muon momentum": lambda t: t.optim.Muon([t.ones(1, 1)], momentum=-1),
    "muon decay": lambda t: t.optim.Muon([t.ones(1, 1)], weight_decay=-1),
    "muon lr fn": lambda t: t.optim.Muon([t.ones(1, 1)], adjust_lr_fn="other"),
    "muon vector": lambda t: t.optim.Muon([t.ones(1)]),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes(torch: ModuleType, case: str) -> None:
    messages = []
    for library in (corelib, torch):
        with pytest.raises((TypeError, ValueError, RuntimeError)) as caught:
            MISTAKES[case](library)
        messages.append((caught.type, str(caught.value).replace("torch.", "").replace("corelib.", "")))
    assert messages[0] == messages[1]


@pytest.mark.parametrize(
    "options",
    [{}, {"nesterov": False, "weight_decay": 0}, {"adjust_lr_fn": "match_rms_adamw"}, {"ns_steps": 3, "momentum": 0.5}],
    ids=str,
)
def test_muon(torch: ModuleType, options: dict[str, Any]) -> None:
    def run(library: Any) -> list[Any]:
        random = np.random.default_rng(0)
        params = [library.nn.Parameter(library.tensor(random.standard_normal(s))) for s in ((4, 3), (2, 5))]
        optimizer = library.optim.Muon(params, lr=0.02, **options)
        for _ in range(10):
            optimizer.zero_grad()
            (params[0] @ params[0].T).sin().sum().backward()
            (params[1] ** 3).sum().backward()
            optimizer.step()
        assert list(optimizer.state_dict()["state"][0]) == ["momentum_buffer"]
        return [p.detach().numpy() for p in params]

    for our, their in zip(run(corelib), run(torch), strict=True):
        np.testing.assert_allclose(our, their, atol=5e-3)  # the directions are rounded to bfloat16
