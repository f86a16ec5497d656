"""The stack of modes: what a mode sees, in which order, and that it suffices to repeat a training step."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

import corelib
from corelib.core.generator import Generator
from corelib.core.modes import TorchDispatchMode
from corelib.core.tensor import Tensor
from corelib.random import default_generator
from corelib.state import STATE, local

nn = corelib.nn


class Recorder(TorchDispatchMode):
    """Notes every call with its arguments and its result, in order."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, tuple[Any, ...], Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.calls.append((func, args, result))
        return result

    @property
    def names(self) -> list[str]:
        return [func.name for func, _, _ in self.calls]


class Inside(Recorder):
    see_inner = True


# -- repeating a step ----------------------------------------------------------------------------------------


class Replay:
    """Runs recorded calls again on other tensors.

    A tensor is known by its array: what a node saves of a result is another tensor that shows the same memory.
    """

    def __init__(self, copies: list[tuple[Tensor, Tensor]], generator: Generator) -> None:
        self.copies = {id(original._array): copy for original, copy in copies}
        self.originals = [original for original, _ in copies]  # kept, or another array may get its id
        self.generator = generator

    def of(self, x: Any) -> Any:
        if isinstance(x, Tensor):
            return self.copies.get(id(x._array), x)
        if isinstance(x, Generator):
            return self.generator
        return type(x)([self.of(y) for y in x]) if type(x) in (list, tuple) else x

    def run(self, calls: list[tuple[Any, tuple[Any, ...], Any]]) -> None:
        with corelib.no_grad():
            for func, args, result in calls:
                again = func(*[self.of(x) for x in args])
                pairs = zip(result, again, strict=True) if isinstance(result, tuple) else [(result, again)]
                self.copies |= {id(r._array): a for r, a in pairs if isinstance(r, Tensor)}


def bits(x: Tensor) -> bytes:
    return x.detach().cpu().numpy().tobytes()


def network(device: str) -> nn.Module:
    corelib.manual_seed(1)
    layers = [nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.5)]
    return nn.Sequential(*layers, nn.Linear(36, 3)).to(device)


@pytest.mark.parametrize("device", ["cpu", "strict"])
@pytest.mark.parametrize(
    "optimizer",
    [lambda p: corelib.optim.SGD(p, lr=0.1, momentum=0.9), lambda p: corelib.optim.AdamW(p, lr=0.01)],
    ids=["SGD", "AdamW"],
)
def test_a_recorded_training_step_repeats_bit_for_bit(device: str, optimizer: Callable[[Any], Any]) -> None:
    model = network(device)
    update = optimizer(list(model.parameters()))
    x, y = corelib.randn(4, 1, 8, 8, device=device), corelib.tensor([0, 1, 2, 0], device=device)

    def step() -> None:
        update.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        update.step()

    step()  # so that there are gradients and optimizer states to write to
    state = [*model.parameters(), *model.buffers()]
    for p in update.param_groups[0]["params"]:
        state += [v for v in update.state[p].values() if isinstance(v, Tensor)]
    copies = [(t, t.detach().clone().requires_grad_(t.requires_grad)) for t in state]
    generator = Generator()
    generator.set_state(default_generator.get_state())
    before = [bits(t) for t in state]

    with Recorder() as recorder:
        step()
    assert {"set_grad", "dropout", "convolution"} <= set(recorder.names)
    assert all(now != then for now, then in zip([bits(t) for t in model.parameters()], before, strict=False))

    Replay(copies, generator).run(recorder.calls)
    for original, copy in copies:
        assert bits(copy) == bits(original)
        if original.grad is not None:
            assert bits(copy.grad) == bits(original.grad)
    assert bits(generator.get_state()) == bits(default_generator.get_state())


# -- what a mode sees ----------------------------------------------------------------------------------------


def test_a_mode_sees_forward_backward_and_gradients() -> None:
    x = corelib.ones(2, requires_grad=True)
    with Recorder() as recorder:
        (x * 2).exp().sum().backward()
    assert recorder.names[:3] == ["mul", "exp", "sum"]
    assert recorder.names[-1] == "set_grad"
    assert recorder.calls[-1][1][0] is x


def test_a_mode_sees_writes_views_draws_and_out() -> None:
    x, out = corelib.zeros(2, 3), corelib.zeros(3)
    with Recorder() as recorder:
        x[0].add_(1)
        x.zero_()
        corelib.add(x[0], 1, out=out)
        corelib.rand(2)
    assert recorder.names[:2] == ["select", "add_"]
    assert "random_bits" in recorder.names
    assert "copy_into" in recorder.names
    assert isinstance(next(args for func, args, _ in recorder.calls if func.name == "random_bits")[0], Generator)


def test_results_have_the_history_they_would_have() -> None:
    x = corelib.ones(3, requires_grad=True)
    with Recorder():
        values, indices = corelib.sort(x * 2)
    assert (values.grad_fn.name(), indices.requires_grad) == ("SortBackward0", False)
    values.sum().backward()
    assert x.grad.tolist() == [2.0] * 3


def test_the_innermost_mode_comes_first_and_is_off_while_it_decides() -> None:
    class Doubling(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            assert self not in local.modes
            return func(*args) * 2

    x = corelib.ones(2)
    with Recorder() as outer, Doubling():
        y = x + 1
    assert y.tolist() == [4.0, 4.0]
    assert outer.names == ["add", "mul"]


def test_a_mode_may_answer_without_running_anything() -> None:
    class Sevens(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            return corelib.full((2,), 7.0)

    with Sevens():
        assert (corelib.ones(2) + 1).tolist() == [7.0, 7.0]


def test_a_composite_is_one_call_and_its_parts_are_for_modes_that_ask() -> None:
    x = corelib.ones(2, 3, device="strict")
    with Recorder() as recorder, Inside() as inside:
        corelib.softmax(x, 1)
    assert recorder.names == ["softmax"]
    assert inside.names == ["amax", "sub", "exp", "sum", "div", "softmax"], "noted when they have run"


def test_modes_that_look_inside_nest_in_their_order() -> None:
    order: list[str] = []

    class Named(TorchDispatchMode):
        see_inner = True

        def __init__(self, name: str) -> None:
            self.name = name

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            order.append(f"{self.name} {func.name}")
            return func(*args)

    x = corelib.ones(2, device="strict")
    with Named("outer"), Named("inner"):
        corelib.rsqrt(x)
    assert order == [f"{who} {what}" for what in ("rsqrt", "sqrt", "div") for who in ("inner", "outer")]


def test_a_mode_does_not_see_its_own_work() -> None:
    class Working(Inside):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            corelib.softmax(corelib.ones(2, device="strict"), 0)
            return super().__torch_dispatch__(func, types, args, kwargs)

    x = corelib.ones(2, device="strict")
    with Working() as working:
        corelib.rsqrt(x)
    assert working.names == ["sqrt", "div", "rsqrt"]


def test_an_optimizer_step_is_one_effect() -> None:
    p = nn.Parameter(corelib.ones(2, device="strict"))
    update = corelib.optim.SGD([p], lr=0.5)
    p.grad = corelib.ones(2, device="strict")
    with Recorder() as recorder, Inside() as inside:
        update.step()
    assert recorder.names == ["sgd_step_"]
    assert inside.names == ["mul", "sub_", "sgd_step_"]
    assert p.tolist() == [0.5, 0.5]


# -- the stack -----------------------------------------------------------------------------------------------


def test_an_empty_stack_leaves_no_trace() -> None:
    before = STATE.intercept
    with Recorder() as recorder:
        assert STATE.intercept == before + 1
    assert (STATE.intercept, local.modes, local.within) == (before, [], ())
    corelib.ones(2) + 1
    assert recorder.names == []


def test_an_error_restores_the_stack() -> None:
    x = corelib.ones(2, 3, device="strict")
    with Inside() as inside:
        with pytest.raises(RuntimeError, match="must match"):
            x + corelib.ones(4, device="strict")
        with pytest.raises(IndexError):
            corelib.nn.functional.embedding(corelib.tensor([5], device="strict"), x)
        assert (local.modes, local.within) == ([inside], ())
        assert corelib.is_grad_enabled()
    assert local.modes == []


def test_a_mode_is_of_its_thread() -> None:
    x = corelib.ones(2)
    seen = []

    def work() -> None:
        with Recorder() as recorder:
            x.exp()
        seen.append(recorder.names)

    with Recorder() as mine:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        x + 1
    assert (mine.names, seen) == (["add"], [["exp"]])
