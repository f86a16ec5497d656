"""Averaged models, their schedule, and batch statistics computed anew, beside PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import corelib

AVERAGES: dict[str, Callable[[Any], dict[str, Any]]] = {
    "mean": lambda s: {},
    "mean fn": lambda s: {"avg_fn": s.get_swa_avg_fn()},
    "mean multi": lambda s: {"multi_avg_fn": s.get_swa_multi_avg_fn()},
    "exponential": lambda s: {"avg_fn": s.get_ema_avg_fn(0.9)},
    "exponential multi": lambda s: {"multi_avg_fn": s.get_ema_multi_avg_fn(0.9)},
    "buffers": lambda s: {"avg_fn": s.get_ema_avg_fn(0.9), "use_buffers": True},
    "buffers multi": lambda s: {"multi_avg_fn": s.get_ema_multi_avg_fn(0.9), "use_buffers": True},
    "buffers mean": lambda s: {"use_buffers": True},
    "own": lambda s: {"avg_fn": lambda averaged, new, count: (averaged + new * count) / (count + 1)},
}


def make_model(library: Any) -> Any:
    random = np.random.default_rng(0)
    model = library.nn.Sequential(library.nn.Linear(3, 4), library.nn.BatchNorm1d(4), library.nn.Linear(4, 2)).double()
    with library.no_grad():
        for p in model.parameters():
            p.copy_(library.tensor(random.standard_normal(tuple(p.shape))))
    return model


def batches(library: Any, count: int) -> list[Any]:
    random = np.random.default_rng(1)
    return [library.tensor(random.standard_normal((5, 3)) + i) for i in range(count)]


def state_of(model: Any) -> dict[str, Any]:
    return {key: value.numpy().tolist() for key, value in model.state_dict().items()}


def assert_same(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    assert list(ours) == list(theirs)
    for key, value in theirs.items():
        # PyTorch computes the weight of the newest value in float32 in one of the cases.
        np.testing.assert_allclose(ours[key], value, rtol=1e-7, atol=1e-12, err_msg=key)


@pytest.mark.parametrize("case", AVERAGES)
def test_averages(torch: ModuleType, case: str) -> None:
    def run(library: Any) -> dict[str, Any]:
        model = make_model(library)
        averaged = library.optim.swa_utils.AveragedModel(model, **AVERAGES[case](library.optim.swa_utils))
        optimizer = library.optim.SGD(model.parameters(), lr=0.1)
        for x in batches(library, 5):
            optimizer.zero_grad()
            (model(x) ** 2).mean().backward()
            optimizer.step()
            averaged.update_parameters(model)
        averaged.eval()
        output = averaged(batches(library, 1)[0]).detach().numpy().tolist()
        return {**state_of(averaged), "output": output}

    assert_same(run(corelib), run(torch))


def test_update_bn(torch: ModuleType) -> None:
    def run(library: Any) -> dict[str, Any]:
        model = make_model(library).eval()
        data = batches(library, 4)
        library.optim.swa_utils.update_bn([data[0], (data[1], 0), [data[2]], data[3]], model, device="cpu")
        assert model[1].momentum == 0.1 and not model.training
        return state_of(model)

    assert_same(run(corelib), run(torch))
    linear = corelib.nn.Linear(2, 2)
    corelib.optim.swa_utils.update_bn([None], linear)  # nothing to do: not called


@pytest.mark.parametrize("strategy", ["cos", "linear"])
@pytest.mark.parametrize("epochs", [0, 1, 5])
def test_schedule(torch: ModuleType, strategy: str, epochs: int) -> None:
    def run(library: Any) -> list[float]:
        params = [library.nn.Parameter(library.ones(2)) for _ in range(2)]
        optimizer = library.optim.SGD([{"params": params[:1]}, {"params": params[1:], "lr": 0.5}], lr=0.1)
        scheduler = library.optim.swa_utils.SWALR(optimizer, [0.05, 0.2], epochs, strategy)
        seen = []
        for i in range(8):
            if i == 4:
                other = library.optim.swa_utils.SWALR(optimizer, [0.05, 0.2])
                other.load_state_dict(scheduler.state_dict())
                scheduler = other
            optimizer.step()
            scheduler.step()
            seen += scheduler.get_last_lr()
        return [*seen, sorted(scheduler.state_dict())]  # type: ignore[list-item]

    ours, theirs = run(corelib), run(torch)
    assert ours.pop() == theirs.pop()
    assert ours == pytest.approx(theirs, rel=1e-12)


MISTAKES: dict[str, Callable[[Any], Any]] = {
    "decay": lambda t: t.optim.swa_utils.get_ema_avg_fn(1.5),
    "multi decay": lambda t: t.optim.swa_utils.get_ema_multi_avg_fn(-0.5),
    "two functions": lambda t: t.optim.swa_utils.AveragedModel(t.nn.Linear(1, 1), avg_fn=abs, multi_avg_fn=abs),
    "strategy": lambda t: t.optim.swa_utils.SWALR(t.optim.SGD([t.ones(1)]), 0.1, anneal_strategy="other"),
    "epochs": lambda t: t.optim.swa_utils.SWALR(t.optim.SGD([t.ones(1)]), 0.1, anneal_epochs=-1),
    "rates": lambda t: t.optim.swa_utils.SWALR(t.optim.SGD([t.ones(1)]), [0.1, 0.2]),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes(torch: ModuleType, case: str) -> None:
    messages = []
    for library in (corelib, torch):
        with pytest.raises((ValueError, AssertionError)) as caught:
            MISTAKES[case](library)
        messages.append((caught.type, str(caught.value)))
    assert messages[0] == messages[1]
