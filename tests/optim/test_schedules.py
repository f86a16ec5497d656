"""Every schedule beside PyTorch's: rates and momenta over many epochs, state dicts, mistakes, warnings."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

import corelib


class Wave:
    """A callable object with state, for the schedules that take a function."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def __call__(self, x: float) -> float:
        return 1 / (1 + self.factor * x)


def metric(epoch: int) -> float:
    """A loss that falls, stays, and rises again."""
    return max(1.0 - 0.2 * epoch, 0.1) + 0.03 * (epoch % 3) + (0.02 * epoch if epoch > 14 else 0)


# A schedule of both libraries, and how many epochs it is watched.
SCHEDULES: dict[str, tuple[Callable[[Any, Any], Any], int]] = {
    "step": (lambda s, o: s.StepLR(o, 3, gamma=0.5), 10),
    "multi step": (lambda s, o: s.MultiStepLR(o, [2, 5, 5, 7], gamma=0.5), 10),
    "constant": (lambda s, o: s.ConstantLR(o), 8),
    "constant options": (lambda s, o: s.ConstantLR(o, factor=0.25, total_iters=3), 8),
    "linear": (lambda s, o: s.LinearLR(o), 8),
    "linear options": (lambda s, o: s.LinearLR(o, start_factor=0.9, end_factor=0.1, total_iters=4), 8),
    "exponential": (lambda s, o: s.ExponentialLR(o, 0.8), 8),
    "polynomial": (lambda s, o: s.PolynomialLR(o), 8),
    "polynomial options": (lambda s, o: s.PolynomialLR(o, total_iters=7, power=2.5), 10),
    "cosine": (lambda s, o: s.CosineAnnealingLR(o, 8, eta_min=0.01), 30),
    "cosine short": (lambda s, o: s.CosineAnnealingLR(o, 1), 5),
    "restarts": (lambda s, o: s.CosineAnnealingWarmRestarts(o, 4), 13),
    "restarts options": (lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, T_mult=2, eta_min=0.01), 25),
    "lambda": (lambda s, o: s.LambdaLR(o, lambda epoch: 0.9**epoch), 6),
    "lambda each": (lambda s, o: s.LambdaLR(o, [lambda epoch: 1 / (epoch + 1), lambda epoch: epoch + 1]), 6),
    "lambda object": (lambda s, o: s.LambdaLR(o, [Wave(0.1), lambda epoch: epoch + 1]), 6),
    "multiplicative": (lambda s, o: s.MultiplicativeLR(o, lambda epoch: 0.95), 6),
    "multiplicative each": (lambda s, o: s.MultiplicativeLR(o, [Wave(0.1), lambda epoch: 1 + 1 / epoch]), 6),
    "cyclic": (lambda s, o: s.CyclicLR(o, 0.01, 0.1, step_size_up=4), 20),
    "cyclic halved": (
        lambda s, o: s.CyclicLR(
            o, [0.01, 0.02], [0.1, 0.3], 3, 5, mode="triangular2", base_momentum=0.7, max_momentum=[0.9, 0.8]
        ),
        30,
    ),
    "cyclic exponential": (
        lambda s, o: s.CyclicLR(o, 0.01, 0.1, 3, mode="exp_range", gamma=0.95, cycle_momentum=False),
        20,
    ),
    "cyclic function": (lambda s, o: s.CyclicLR(o, 0.01, 0.1, 3, scale_fn=lambda x: 1 / (5 ** (x * 0.001))), 20),
    "cyclic object": (lambda s, o: s.CyclicLR(o, 0.01, 0.1, 3, scale_fn=Wave(0.3), scale_mode="iterations"), 20),
    "one cycle": (lambda s, o: s.OneCycleLR(o, 0.5, total_steps=20), 20),
    "one cycle each": (
        lambda s, o: s.OneCycleLR(
            o, [0.5, 1.0], epochs=4, steps_per_epoch=5, anneal_strategy="linear", max_momentum=[0.9, 0.8]
        ),
        20,
    ),
    "one cycle, three phases": (
        lambda s, o: s.OneCycleLR(o, 0.5, 20, three_phase=True, cycle_momentum=False, final_div_factor=10),
        20,
    ),
    "plateau": (lambda s, o: s.ReduceLROnPlateau(o, patience=1), 25),
    "plateau max": (lambda s, o: s.ReduceLROnPlateau(o, "max", 0.5, 2, 0.1, "abs", cooldown=2, min_lr=1e-3), 25),
    "plateau each": (lambda s, o: s.ReduceLROnPlateau(o, "max", 0.5, 0, cooldown=1, min_lr=[0.05, 0.001]), 25),
    "plateau abs": (lambda s, o: s.ReduceLROnPlateau(o, threshold=0.1, threshold_mode="abs", patience=3, eps=0.2), 25),
    "sequence": (
        lambda s, o: s.SequentialLR(o, [s.ConstantLR(o, 0.1, total_iters=3), s.ExponentialLR(o, 0.9)], [3]),
        9,
    ),
    "warmup and cosine": (
        lambda s, o: s.SequentialLR(
            o, [s.LinearLR(o, 0.01, total_iters=4), s.CosineAnnealingLR(o, 6), s.StepLR(o, 2)], milestones=[4, 10]
        ),
        18,
    ),
    "chain": (lambda s, o: s.ChainedScheduler([s.ConstantLR(o, 0.5, 3), s.ExponentialLR(o, 0.9)], optimizer=o), 8),
    "chain of a sequence": (
        lambda s, o: s.ChainedScheduler([s.SequentialLR(o, [s.ConstantLR(o, 0.5, 3), s.StepLR(o, 2)], [4])]),
        9,
    ),
}


def make_optimizer(library: Any, kind: str) -> Any:
    options = {"momentum": 0.9} if kind == "SGD" else {}
    params = [library.nn.Parameter(library.ones(2)) for _ in range(2)]
    groups = [{"params": params[:1]}, {"params": params[1:], "lr": 0.01}]
    return getattr(library.optim, kind)(groups, lr=0.1, **options)


def advance(optimizer: Any, scheduler: Any, first: int, last: int) -> list[Any]:
    """What is seen from epoch ``first`` up to ``last``."""
    seen = []
    for epoch in range(first, last):
        optimizer.step()
        for group in optimizer.param_groups:
            seen += [group["lr"], group["momentum"] if "momentum" in group else group["betas"][0]]
        seen += scheduler.get_last_lr()
        step_one(scheduler, epoch)
    return seen


def step_one(scheduler: Any, epoch: int) -> None:
    if "Plateau" in type(scheduler).__name__:
        scheduler.step(metric(epoch))
    else:
        scheduler.step()


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize("case", SCHEDULES)
def test_as_torch(torch: ModuleType, case: str, kind: str) -> None:
    build, epochs = SCHEDULES[case]

    def run(library: Any) -> list[float]:
        optimizer = make_optimizer(library, kind)
        return advance(optimizer, build(library.optim.lr_scheduler, optimizer), 0, epochs)

    assert run(corelib) == pytest.approx(run(torch), rel=1e-12)


@pytest.mark.parametrize("ours_first", [True, False])
@pytest.mark.parametrize("case", SCHEDULES)
def test_resumed_from_the_other_library(torch: ModuleType, case: str, ours_first: bool) -> None:
    build, epochs = SCHEDULES[case]
    half = epochs // 2
    libraries = (corelib, torch) if ours_first else (torch, corelib)
    (first, saver), (second, loader) = (
        (optimizer, build(library.optim.lr_scheduler, optimizer))
        for library, optimizer in ((library, make_optimizer(library, "SGD")) for library in libraries)
    )
    advance(first, saver, 0, half)
    state = saver.state_dict()
    assert set(state) == set(loader.state_dict())
    before = {**state}
    second.load_state_dict({"state": {}, "param_groups": first.state_dict()["param_groups"]})
    loader.load_state_dict(state)
    assert ours_first or state == before  # PyTorch drops the functions of the dict that it is given
    assert loader.get_last_lr() == saver.get_last_lr()
    assert advance(second, loader, half, epochs) == pytest.approx(advance(first, saver, half, epochs), rel=1e-12)
    ours, theirs = saver.state_dict(), loader.state_dict()
    assert {k: v for k, v in ours.items() if not _has_floats(v)} == {
        k: v for k, v in theirs.items() if not _has_floats(v)
    }


def _has_floats(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(_has_floats(v) for v in value)
    return isinstance(value, float | dict)


@pytest.mark.parametrize(
    "case", ["step", "multi step", "constant", "linear", "exponential", "polynomial", "cosine", "restarts options"]
)
def test_given_an_epoch(torch: ModuleType, case: str) -> None:
    build, _ = SCHEDULES[case]

    def run(library: Any) -> list[float]:
        optimizer = make_optimizer(library, "SGD")
        scheduler = build(library.optim.lr_scheduler, optimizer)
        optimizer.step()
        seen = []
        for epoch in (3, 7, 0, 12):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                scheduler.step(epoch)
            seen += [*scheduler.get_last_lr(), scheduler.last_epoch]
        return seen

    assert run(corelib) == pytest.approx(run(torch), rel=1e-12)


def test_restarts_within_epochs(torch: ModuleType) -> None:
    def run(library: Any) -> list[float]:
        optimizer = make_optimizer(library, "SGD")
        scheduler = library.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 2, T_mult=2)
        seen = []
        for i in range(40):
            optimizer.step()
            scheduler.step(i / 4)
            seen += scheduler.get_last_lr()
        return seen

    assert run(corelib) == pytest.approx(run(torch), rel=1e-12)


@pytest.mark.parametrize("case", ["step", "linear", "cosine", "cyclic", "plateau", "warmup and cosine", "chain"])
def test_a_rate_that_is_a_tensor(torch: ModuleType, case: str) -> None:
    build, epochs = SCHEDULES[case]

    def run(library: Any) -> list[float]:
        rate = library.tensor(0.1)
        optimizer = library.optim.SGD([library.nn.Parameter(library.ones(1))], lr=rate, momentum=0.9)
        scheduler = build(library.optim.lr_scheduler, optimizer)
        seen = []
        for epoch in range(epochs):
            optimizer.step()
            seen += [float(rate), float(scheduler.get_last_lr()[0])]
            step_one(scheduler, epoch)
        assert optimizer.param_groups[0]["lr"] is rate
        return seen

    assert run(corelib) == pytest.approx(run(torch), rel=1e-5)


def test_plateau_forgets_and_follows_new_groups(torch: ModuleType) -> None:
    def run(library: Any) -> list[Any]:
        optimizer = make_optimizer(library, "SGD")
        scheduler = library.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0)
        optimizer.add_param_group({"params": [library.nn.Parameter(library.ones(1))], "lr": 0.5})
        for value in (1.0, 1.0, library.tensor(2.0)):
            scheduler.step(value)
        scheduler._reset()
        return [*scheduler.get_last_lr(), scheduler.min_lrs, scheduler.best, scheduler.in_cooldown]

    assert run(corelib) == run(torch)


MISTAKES: dict[str, Callable[[Any, Any], Any]] = {
    "no optimizer": lambda s, o: s.StepLR(3, 1),
    "resumed": lambda s, o: s.StepLR(o, 1, last_epoch=3),
    "lambdas": lambda s, o: s.LambdaLR(o, [abs, abs, abs]),
    "multiplicative": lambda s, o: s.MultiplicativeLR(o, [abs, abs, abs]),
    "multiplicative function": lambda s, o: s.MultiplicativeLR(o, 3),
    "constant": lambda s, o: s.ConstantLR(o, 2.0),
    "linear start": lambda s, o: s.LinearLR(o, 0.0),
    "linear end": lambda s, o: s.LinearLR(o, end_factor=2.0),
    "plateau factor": lambda s, o: s.ReduceLROnPlateau(o, factor=1.0),
    "plateau optimizer": lambda s, o: s.ReduceLROnPlateau(3),
    "plateau mode": lambda s, o: s.ReduceLROnPlateau(o, "mean"),
    "plateau threshold": lambda s, o: s.ReduceLROnPlateau(o, threshold_mode="mean"),
    "plateau rates": lambda s, o: s.ReduceLROnPlateau(o, min_lr=[0.1]),
    "restarts T_0": lambda s, o: s.CosineAnnealingWarmRestarts(o, 0),
    "restarts T_mult": lambda s, o: s.CosineAnnealingWarmRestarts(o, 1, T_mult=0),
    "restarts eta": lambda s, o: s.CosineAnnealingWarmRestarts(o, 1, eta_min="1"),
    "restarts epoch": lambda s, o: s.CosineAnnealingWarmRestarts(o, 1).step(-2),
    "cyclic mode": lambda s, o: s.CyclicLR(o, 0.1, 0.2, mode="other"),
    "cyclic rates": lambda s, o: s.CyclicLR(o, [0.1], 0.2),
    "cyclic optimizer": lambda s, o: s.CyclicLR(3, 0.1, 0.2),
    "one cycle optimizer": lambda s, o: s.OneCycleLR(3, 0.1, 3),
    "one cycle steps": lambda s, o: s.OneCycleLR(o, 1.0),
    "one cycle negative": lambda s, o: s.OneCycleLR(o, 1.0, -1),
    "one cycle epochs": lambda s, o: s.OneCycleLR(o, 1.0, epochs=0, steps_per_epoch=1),
    "one cycle pct": lambda s, o: s.OneCycleLR(o, 1.0, 5, pct_start=2),
    "one cycle anneal": lambda s, o: s.OneCycleLR(o, 1.0, 5, anneal_strategy="other"),
    "one cycle rates": lambda s, o: s.OneCycleLR(o, [1.0, 2.0, 3.0], 5),
    "sequence of nothing": lambda s, o: s.SequentialLR(o, [], []),
    "sequence of numbers": lambda s, o: s.SequentialLR(o, [3], []),
    "sequence of plateau": lambda s, o: s.SequentialLR(o, [s.ReduceLROnPlateau(o)], []),
    "sequence milestones": lambda s, o: s.SequentialLR(o, [s.StepLR(o, 1)], [1]),
    "chain of nothing": lambda s, o: s.ChainedScheduler([]),
    "chain of plateau": lambda s, o: s.ChainedScheduler([s.StepLR(o, 1), s.ReduceLROnPlateau(o)]),
    "chain of others": lambda s, o: s.ChainedScheduler([s.StepLR(o, 1)], type(o)([o.param_groups[0]["params"][0]])),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes(torch: ModuleType, case: str) -> None:
    messages = []
    for library in (corelib, torch):
        with pytest.raises((TypeError, ValueError, RuntimeError, KeyError)) as caught:
            MISTAKES[case](library.optim.lr_scheduler, make_optimizer(library, "SGD"))
        messages.append((caught.type, str(caught.value)))
    assert messages[0] == messages[1]


@pytest.mark.parametrize("name", ["CyclicLR", "OneCycleLR"])
def test_momentum_is_needed(torch: ModuleType, name: str) -> None:
    for library in (corelib, torch):
        optimizer = library.optim.Adagrad([library.ones(1)])
        arguments = (0.1, 0.2) if name == "CyclicLR" else (0.1, 5)
        with pytest.raises(ValueError, match="optimizer must support momentum or beta1"):
            getattr(library.optim.lr_scheduler, name)(optimizer, *arguments)


def test_resuming_with_last_epoch(torch: ModuleType) -> None:
    def run(library: Any) -> list[float]:
        schedulers = library.optim.lr_scheduler
        seen = []
        for build in (
            lambda o: schedulers.StepLR(o, 3, 0.5, last_epoch=4),
            lambda o: schedulers.CosineAnnealingLR(o, 10, last_epoch=4),
            lambda o: schedulers.LinearLR(o, last_epoch=2),
            lambda o: schedulers.CyclicLR(o, 0.1, 0.3, 4, last_epoch=2),
        ):
            optimizer = make_optimizer(library, "SGD")
            for group in optimizer.param_groups:
                group["initial_lr"] = group["lr"]
            scheduler = build(optimizer)
            for _ in range(6):
                seen += scheduler.get_last_lr()
                optimizer.step()
                scheduler.step()
        return seen

    assert run(corelib) == pytest.approx(run(torch), rel=1e-12)


def test_names(torch: ModuleType) -> None:
    assert set(torch.optim.lr_scheduler.__all__) == set(corelib.optim.lr_scheduler.__all__)
    assert issubclass(corelib.optim.lr_scheduler._LRScheduler, corelib.optim.lr_scheduler.LRScheduler)
