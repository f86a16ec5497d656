"""The Optimizer class by itself: groups, closures, hooks, subclasses, state."""

from __future__ import annotations

import copy
from typing import Any

import pytest

import corelib
from corelib import nn, optim
from corelib.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, OneCycleLR, StepLR


def parameter(*values: float) -> nn.Parameter:
    p = nn.Parameter(corelib.tensor(list(values)))
    p.grad = corelib.ones(len(values))
    return p


def test_only_what_has_a_gradient_moves() -> None:
    moving, still = parameter(1.0), parameter(2.0)
    still.grad = None
    optimizer = optim.Adam([moving, still], lr=0.5)
    assert optimizer.step() is None
    assert moving.item() == pytest.approx(0.5) and still.item() == 2
    assert list(optimizer.state) == [moving]
    assert moving.grad_fn is None and moving.requires_grad


def test_the_parameter_keeps_its_memory() -> None:
    p = parameter(1.0, 2.0)
    view = p.detach()
    optim.SGD([p], lr=1.0).step()
    assert view.tolist() == [0, 1]


def test_options_may_change_at_any_time() -> None:
    p = parameter(1.0)
    optimizer = optim.SGD([p], lr=1.0)
    optimizer.param_groups[0]["lr"] = 0.25
    optimizer.step()
    assert p.item() == 0.75


def test_groups_have_their_own_options() -> None:
    a, b, c = parameter(1.0), parameter(1.0), parameter(1.0)
    optimizer = optim.SGD([{"params": a}, {"params": [b], "lr": 0.5}], lr=0.25)
    optimizer.add_param_group({"params": iter([c]), "momentum": 0.9})
    optimizer.step()
    assert [a.item(), b.item(), c.item()] == [0.75, 0.5, 0.75]
    assert [len(g["params"]) for g in optimizer.param_groups] == [1, 1, 1]
    assert list(optimizer.state) == [c]


def test_named_parameters_are_taken() -> None:
    net = nn.Linear(2, 1)
    optimizer = optim.SGD(net.named_parameters(), lr=0.1)
    assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]
    assert optimizer.param_groups[0]["params"] == [net.weight, net.bias]
    assert optimizer.state_dict()["param_groups"][0]["param_names"] == ["weight", "bias"]


def test_the_closure_is_called_with_gradients_on() -> None:
    p = nn.Parameter(corelib.tensor([3.0]))
    optimizer = optim.SGD([p], lr=0.5)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with corelib.no_grad():
        assert optimizer.step(closure).item() == 9
    assert p.item() == 0


def test_zero_grad() -> None:
    p, q = parameter(1.0), nn.Parameter(corelib.ones(1))
    optimizer = optim.SGD([p, q])
    optimizer.zero_grad(set_to_none=False)
    assert p.grad.tolist() == [0] and q.grad is None
    optimizer.zero_grad()
    assert p.grad is None


def test_duplicates_in_a_group_are_warned_of() -> None:
    p = parameter(1.0)
    with pytest.warns(UserWarning, match="duplicate parameters"):
        optim.SGD([p, p], lr=0.1)


def test_step_hooks() -> None:
    p, log = parameter(1.0), []
    optimizer = optim.SGD([p], lr=1.0)
    first = optimizer.register_step_pre_hook(lambda o, args, kwargs: log.append(("before", p.item())))  # type: ignore[func-returns-value]
    optimizer.register_step_post_hook(lambda o, args, kwargs: log.append(("after", p.item())))  # type: ignore[func-returns-value]
    optimizer.step()
    first.remove()
    optimizer.step()
    assert log == [("before", 1.0), ("after", 0.0), ("after", -1.0)]


def test_a_pre_hook_may_change_the_arguments() -> None:
    optimizer = optim.SGD([parameter(1.0)])
    optimizer.register_step_pre_hook(lambda o, args, kwargs: ((o, lambda: 5), {}))
    assert optimizer.step() == 5
    optimizer.register_step_pre_hook(lambda o, args, kwargs: 3)
    with pytest.raises(RuntimeError, match="must return None or a tuple"):
        optimizer.step()


def test_hooks_run_once_for_a_subclass_with_its_own_step() -> None:
    class Half(optim.SGD):
        def step(self, closure: Any = None) -> Any:
            for group in self.param_groups:
                group["lr"] /= 2
            return super().step(closure)

    p, log = parameter(1.0), []
    optimizer = Half([p], lr=1.0)
    optimizer.register_step_post_hook(lambda o, args, kwargs: log.append(p.item()))  # type: ignore[func-returns-value]
    optimizer.step()
    assert log == [0.5]


def test_a_new_optimizer_says_only_how_a_group_is_updated() -> None:
    class Sign(optim.Optimizer):
        def update_group(self, group: dict[str, Any]) -> None:
            for p in group["params"]:
                p.sub_(group["lr"] * p.grad.sign())

    p = parameter(1.0)
    Sign([p], {"lr": 0.25}).step()
    assert p.item() == 0.75
    with pytest.raises(NotImplementedError, match='missing the required "update_group" function'):
        optim.Optimizer([p], {}).step()


def test_state_dict_hooks() -> None:
    optimizer = optim.SGD([parameter(1.0)], lr=0.5)
    log: list[str] = []
    optimizer.register_state_dict_pre_hook(lambda o: log.append("before"))  # type: ignore[func-returns-value]
    optimizer.register_state_dict_post_hook(lambda o, state: {**state, "added": 1})
    optimizer.register_load_state_dict_pre_hook(lambda o, state: {k: v for k, v in state.items() if k != "added"})
    optimizer.register_load_state_dict_post_hook(lambda o: log.append("loaded"))  # type: ignore[func-returns-value]
    state = optimizer.state_dict()
    assert state["added"] == 1
    optimizer.load_state_dict(state)
    assert log == ["before", "loaded"] and "added" in state


def test_loading_checks_the_groups_and_copies() -> None:
    source, target = optim.Adam([parameter(1.0)]), optim.Adam([parameter(1.0)])
    source.step()
    state = source.state_dict()
    target.load_state_dict(state)
    [own] = target.state.values()
    assert own["step"].item() == 1
    target.step()
    assert state["state"][0]["step"].item() == 1 and own["step"].item() == 2
    with pytest.raises(ValueError, match="different number of parameter groups"):
        target.load_state_dict({"state": {}, "param_groups": []})
    with pytest.raises(ValueError, match="doesn't match the size of optimizer's group"):
        optim.Adam([parameter(1.0), parameter(1.0)]).load_state_dict(state)


def test_loading_converts_to_the_parameters_dtype_but_not_the_step() -> None:
    source = optim.Adam([parameter(1.0)])
    source.step()
    p = nn.Parameter(corelib.ones(1, dtype=corelib.float64))
    target = optim.Adam([p])
    target.load_state_dict(source.state_dict())
    assert target.state[p]["exp_avg"].dtype is corelib.float64
    assert target.state[p]["step"].dtype is corelib.float32


def test_a_copied_optimizer_goes_on_by_itself() -> None:
    p = parameter(1.0)
    optimizer = optim.SGD([p], lr=0.5, momentum=0.5)
    optimizer.step()
    other = copy.deepcopy(optimizer)
    [q] = other.param_groups[0]["params"]
    q.grad = corelib.ones(1)
    other.step()
    assert p.item() == 0.5 and q.item() == -0.25


def test_momentum_that_starts_later_starts_afresh() -> None:
    early, late = parameter(0.0), parameter(0.0)
    late.grad = None
    optimizer = optim.SGD([early, late], lr=1.0, momentum=0.5)
    optimizer.step()
    late.grad = corelib.ones(1)
    optimizer.step()
    assert early.item() == -2.5 and late.item() == -1


def test_differentiable_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="differentiable=True"):
        optim.SGD([parameter(1.0)], differentiable=True)


def test_a_schedule_warns_of_the_wrong_order() -> None:
    optimizer = optim.SGD([parameter(1.0)], lr=0.1)
    scheduler = StepLR(optimizer, 1)
    with pytest.warns(UserWarning, match=r"Detected call of `lr_scheduler.step\(\)` before `optimizer.step\(\)`"):
        scheduler.step()


def test_a_schedule_warns_when_the_step_was_replaced() -> None:
    optimizer = optim.SGD([parameter(1.0)], lr=0.1)
    scheduler = StepLR(optimizer, 1)
    del optimizer.step
    optimizer.step()
    with pytest.warns(UserWarning, match=r"`optimizer.step\(\)` has been overridden"):
        scheduler.step()


def test_schedules_may_be_stacked_and_asked() -> None:
    optimizer = optim.SGD([parameter(1.0)], lr=1.0)
    halve, cosine = StepLR(optimizer, 1, gamma=0.5), CosineAnnealingLR(optimizer, 10)
    optimizer.step()
    halve.step()
    cosine.step()
    assert halve.get_last_lr() == [0.5] and optimizer.param_groups[0]["lr"] < 0.5
    with pytest.warns(UserWarning, match="please use `get_last_lr"):
        halve.get_lr()


def test_a_schedule_given_an_epoch_uses_the_closed_form() -> None:
    optimizer = optim.SGD([parameter(1.0)], lr=1.0)
    scheduler = StepLR(optimizer, 2, gamma=0.5)
    optimizer.step()
    with pytest.warns(UserWarning, match="epoch parameter"):
        scheduler.step(5)
    assert optimizer.param_groups[0]["lr"] == 0.25


def test_a_learning_rate_tensor_is_written_in_place() -> None:
    rate = corelib.tensor(1.0)
    optimizer = optim.SGD([parameter(1.0)], lr=rate)
    scheduler = StepLR(optimizer, 1, gamma=0.5)
    optimizer.step()
    scheduler.step()
    assert rate.item() == 0.5 and scheduler.base_lrs[0].item() == 1


def test_callable_objects_keep_their_state() -> None:
    class Decay:
        def __init__(self, rate: float) -> None:
            self.rate = rate

        def __call__(self, epoch: int) -> float:
            return self.rate**epoch

    first = LambdaLR(optim.SGD([parameter(1.0)], lr=1.0), Decay(0.5))
    second = LambdaLR(optim.SGD([parameter(1.0)], lr=1.0), Decay(0.1))
    second.load_state_dict(first.state_dict())
    second.optimizer.step()
    second.step()
    assert second.get_last_lr() == [0.5]


def test_one_cycle_ends_with_its_steps() -> None:
    optimizer = optim.SGD([parameter(1.0)], lr=0.1, momentum=0.9)
    scheduler = OneCycleLR(optimizer, 1.0, total_steps=2)
    for _ in range(2):
        optimizer.step()
        scheduler.step()
    with pytest.raises(ValueError, match=r"Tried to step 3 times. The specified number of total steps is 2"):
        scheduler.step()


def test_hooks_of_every_optimizer() -> None:
    from corelib.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

    log: list[str] = []
    first, second = optim.SGD([parameter(1.0)]), optim.Adagrad([parameter(1.0)])
    first.register_step_pre_hook(lambda o, args, kwargs: log.append("own before"))  # type: ignore[func-returns-value]
    first.register_step_post_hook(lambda o, args, kwargs: log.append("own after"))  # type: ignore[func-returns-value]
    with (
        register_optimizer_step_pre_hook(lambda o, args, kwargs: log.append(f"before {type(o).__name__}")),  # type: ignore[func-returns-value]
        register_optimizer_step_post_hook(lambda o, args, kwargs: log.append("after")),  # type: ignore[func-returns-value]
    ):
        first.step()
        second.step()
    second.step()
    assert log == ["before SGD", "own before", "own after", "after", "before Adagrad", "after"]


def test_the_state_of_each_parameter_is_its_own() -> None:
    params = [parameter(1.0, 2.0), parameter(3.0)]
    optimizer = optim.Adam(params)
    optimizer.step()
    first, second = (optimizer.state[p]["exp_avg"] for p in params)
    kept = second.tolist()
    first.fill_(7)
    first.resize_(4)
    assert second.tolist() == kept and first.storage_offset() == second.storage_offset() == 0
    again = optim.Adam(params)
    again.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    second.fill_(7)
    assert again.state[params[1]]["exp_avg"].tolist() == kept


def test_state_starts_with_the_first_gradient() -> None:
    early, late = parameter(1.0), parameter(1.0)
    late.grad = None
    optimizer = optim.Adam([early, late], lr=0.1)
    optimizer.step()
    late.grad = corelib.ones(1)
    optimizer.step()
    assert [optimizer.state[p]["step"].item() for p in (early, late)] == [2, 1]
    assert early.item() == pytest.approx(0.8) and late.item() == pytest.approx(0.9)
