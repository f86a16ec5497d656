"""Module by itself: registration, look-up, state, hooks, conversion, printing."""

from __future__ import annotations

import copy
from collections import OrderedDict
from typing import Any

import pytest

import corelib
from corelib import nn


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.scale = nn.Parameter(corelib.ones(4))
        self.register_buffer("offset", corelib.zeros(4))
        self.register_buffer("scratch", corelib.zeros(1), persistent=False)
        self.second = nn.Sequential(nn.ReLU(), nn.Linear(4, 2, bias=False))

    def forward(self, x: Any) -> Any:
        return self.second(self.first(x) * self.scale + self.offset)


def test_members_are_named_in_the_order_of_registration() -> None:
    net = Net()
    assert [n for n, _ in net.named_parameters()] == ["scale", "first.weight", "first.bias", "second.1.weight"]
    assert [n for n, _ in net.named_parameters(recurse=False)] == ["scale"]
    assert next(n for n, _ in net.named_parameters(prefix="net")) == "net.scale"
    assert [n for n, _ in net.named_buffers()] == ["offset", "scratch"]
    assert [n for n, _ in net.named_children()] == ["first", "second"]
    assert [n for n, _ in net.named_modules()] == ["", "first", "second", "second.0", "second.1"]
    assert len(list(net.parameters())) == 4
    assert len(list(net.buffers())) == 2
    assert next(iter(net.modules())) is net
    assert list(net.children()) == [net.first, net.second]


def test_shared_members_appear_once_unless_asked() -> None:
    net = Net()
    net.tied = net.first
    assert sum(p is net.first.weight for p in net.parameters()) == 1
    names = [n for n, _ in net.named_parameters(remove_duplicate=False)]
    assert "tied.weight" in names and "first.weight" in names
    assert [n for n, _ in net.named_modules(remove_duplicate=False)].count("tied") == 1
    assert list(net.state_dict()).count("tied.weight") == 1


def test_an_attribute_is_one_thing_at_a_time() -> None:
    net = nn.Module()
    net.x = 1
    net.x = nn.Parameter(corelib.ones(2))
    assert "x" not in vars(net) and list(dict(net.named_parameters())) == ["x"]
    net.x = None
    assert net.x is None and list(net.parameters()) == []
    net.x = nn.Linear(1, 1)
    assert [n for n, _ in net.named_children()] == ["x"] and "x" not in net._parameters
    del net.x
    assert not hasattr(net, "x")
    with pytest.raises(AttributeError, match="'Module' object has no attribute 'x'"):
        _ = net.x


def test_a_buffer_class_registers_itself() -> None:
    net = nn.Module()
    net.kept = nn.Buffer(corelib.ones(2))
    net.dropped = nn.Buffer(corelib.ones(2), persistent=False)
    assert list(dict(net.named_buffers())) == ["kept", "dropped"]
    assert list(net.state_dict()) == ["kept"]
    net.kept = corelib.zeros(3)
    assert dict(net.named_buffers())["kept"].shape == (3,)


def test_parameter_is_a_leaf_that_shares_its_data() -> None:
    data = corelib.zeros(3)
    parameter = nn.Parameter(data)
    assert parameter.requires_grad and parameter.is_leaf and isinstance(parameter, corelib.Tensor)
    with corelib.no_grad():
        parameter.add_(1)
        assert nn.Parameter(corelib.ones(1)).requires_grad
    assert data.tolist() == [1, 1, 1]
    assert not nn.Parameter(data, requires_grad=False).requires_grad
    assert not isinstance(parameter + 1, nn.Parameter)
    assert nn.Parameter().shape == (0,)
    assert repr(nn.Parameter(corelib.ones(1))) == "Parameter containing:\ntensor([1.], requires_grad=True)"


def test_deepcopy_is_independent_and_keeps_sharing() -> None:
    net = Net()
    net.tied = net.first
    other = copy.deepcopy(net)
    assert other.tied is other.first and other.first is not net.first
    assert isinstance(other.scale, nn.Parameter)
    with corelib.no_grad():
        other.scale.fill_(7)
    assert net.scale.tolist() == [1, 1, 1, 1]


def test_a_parameter_is_copied_once() -> None:
    parameter = nn.Parameter(corelib.ones(2))
    first, second = copy.deepcopy([parameter, parameter])
    assert first is second and first is not parameter


@pytest.mark.parametrize("strict", [True, False])
def test_state_dict_round_trip(strict: bool) -> None:
    source, target = Net(), Net()
    result = target.load_state_dict(source.state_dict(), strict=strict)
    assert repr(result) == "<All keys matched successfully>"
    assert result.missing_keys == [] and result.unexpected_keys == []
    for (name, ours), theirs in zip(target.named_parameters(), source.parameters(), strict=True):
        assert corelib.equal(ours, theirs), name
        assert ours is not theirs and ours.requires_grad


def test_state_dict_holds_detached_references() -> None:
    net = Net()
    state = net.state_dict()
    assert list(state) == ["scale", "offset", "first.weight", "first.bias", "second.1.weight"]
    assert not state["scale"].requires_grad
    state["scale"].fill_(3)
    assert net.scale.tolist() == [3, 3, 3, 3]
    assert net.state_dict(keep_vars=True)["scale"] is net.scale
    assert next(iter(net.state_dict(prefix="p."))) == "p.scale"


def test_everything_that_does_not_match_is_told_at_once() -> None:
    net = Net()
    state = net.state_dict()
    del state["offset"]
    state["extra"] = corelib.ones(1)
    state["first.bias"] = corelib.ones(5)
    with pytest.raises(RuntimeError) as caught:
        net.load_state_dict(state)
    assert str(caught.value) == (
        "Error(s) in loading state_dict for Net:\n"
        '\tMissing key(s) in state_dict: "offset". \n'
        '\tUnexpected key(s) in state_dict: "extra". \n'
        "\tsize mismatch for first.bias: copying a param with shape torch.Size([5]) from checkpoint, "
        "the shape in current model is torch.Size([4])."
    )


def test_loading_less_strictly_says_what_was_left() -> None:
    net = Net()
    state = net.state_dict()
    del state["offset"]
    state["extra"] = corelib.ones(1)
    result = net.load_state_dict(state, strict=False)
    assert repr(result) == "_IncompatibleKeys(missing_keys=['offset'], unexpected_keys=['extra'])"


def test_assign_takes_the_given_tensors() -> None:
    net = nn.Linear(2, 2)
    net.bias.requires_grad_(False)
    state = {"weight": corelib.zeros(2, 2, dtype=corelib.float64), "bias": nn.Parameter(corelib.zeros(2))}
    net.load_state_dict(state, assign=True)
    assert net.weight.dtype is corelib.float64 and net.weight.requires_grad
    assert net.bias is state["bias"] and not net.bias.requires_grad


def test_loading_copies_into_the_present_dtype() -> None:
    net = nn.Linear(2, 2)
    weight = net.weight
    net.load_state_dict({"weight": corelib.ones(2, 2, dtype=corelib.float64), "bias": corelib.ones(2)})
    assert net.weight is weight and weight.dtype is corelib.float32 and weight.tolist() == [[1, 1], [1, 1]]


def test_what_is_no_state_is_refused() -> None:
    with pytest.raises(TypeError, match="Expected state_dict to be dict-like, got <class 'list'>"):
        nn.Linear(1, 1).load_state_dict([])  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match=r"expected torch.Tensor or Tensor-like object from checkpoint but received"):
        nn.Linear(1, 1, bias=False).load_state_dict({"weight": 3})


def test_extra_state() -> None:
    class Counter(nn.Module):
        count = 0

        def get_extra_state(self) -> int:
            return self.count

        def set_extra_state(self, state: int) -> None:
            self.count = state

    source, target = nn.Sequential(Counter()), nn.Sequential(Counter())
    source[0].count = 5  # type: ignore[assignment]
    state = source.state_dict()
    assert dict(state) == {"0._extra_state": 5}
    target.load_state_dict(state)
    assert target[0].count == 5
    assert nn.Sequential(nn.ReLU()).load_state_dict(state, strict=False).unexpected_keys == ["0._extra_state"]


def test_state_dict_hooks() -> None:
    net, log = nn.Linear(1, 1), []
    handles = [
        net.register_state_dict_pre_hook(lambda m, prefix, keep: log.append("before")),
        net.register_state_dict_post_hook(lambda m, state, prefix, meta: state.update(added=1)),
        net.register_load_state_dict_pre_hook(lambda m, state, *rest: state.pop("added")),
        net.register_load_state_dict_post_hook(lambda m, keys: log.append(keys.missing_keys)),
    ]
    state = net.state_dict()
    assert state["added"] == 1  # type: ignore[comparison-overlap]
    net.load_state_dict(state)
    assert log == ["before", []]
    for handle in handles:
        handle.remove()
    assert list(net.state_dict()) == ["weight", "bias"] and log == ["before", []]


def test_forward_hooks_run_in_order_and_may_replace() -> None:
    net, log = nn.Identity(), []

    def before(module: nn.Module, args: tuple[Any, ...]) -> Any:
        log.append("before")
        return args[0] + 1

    def after(module: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        log.append("after")
        return output * 10

    first = net.register_forward_pre_hook(before)
    second = net.register_forward_hook(after)
    net.register_forward_hook(lambda m, a, o: log.append("first"), prepend=True)  # type: ignore[func-returns-value]
    assert net(corelib.tensor(1.0)).item() == 20
    assert log == ["before", "first", "after"]
    first.remove()
    second.remove()
    second.remove()
    assert net(corelib.tensor(1.0)).item() == 1
    with net.register_forward_hook(after):
        assert net(corelib.tensor(1.0)).item() == 10
    assert net(corelib.tensor(1.0)).item() == 1


def test_hooks_with_keyword_arguments() -> None:
    class Scale(nn.Module):
        def forward(self, x: float, by: float = 1) -> float:
            return x * by

    net = Scale()
    net.register_forward_pre_hook(lambda m, args, kwargs: (args, {"by": kwargs["by"] + 1}), with_kwargs=True)
    net.register_forward_hook(lambda m, args, kwargs, out: out + kwargs["by"], with_kwargs=True)
    assert net(2, by=2) == 9


def test_hooks_that_always_run_do_so_when_forward_raises() -> None:
    class Broken(nn.Module):
        def forward(self) -> None:
            raise ValueError("broken")

    net, log = Broken(), []
    net.register_forward_hook(lambda m, a, o: log.append(("usual", o)))  # type: ignore[func-returns-value]
    net.register_forward_hook(lambda m, a, o: log.append(("always", o)), always_call=True)  # type: ignore[func-returns-value]
    with pytest.raises(ValueError, match="broken"):
        net()
    assert log == [("always", None)]


def test_conversion_keeps_the_parameters_and_leaves_integers() -> None:
    net = nn.BatchNorm2d(2)
    weight = net.weight
    net(corelib.randn(2, 2, 3, 3)).sum().backward()
    assert net.double() is net
    assert net.weight is weight and weight.dtype is corelib.float64 and weight.grad.dtype is corelib.float64
    assert net.running_mean.dtype is corelib.float64 and net.num_batches_tracked.dtype is corelib.int64
    assert net.to(corelib.float16).weight.dtype is corelib.float16
    assert net.to(corelib.ones(1)).weight.dtype is corelib.float32
    assert net.to("cpu", corelib.float64).weight.dtype is corelib.float64
    assert net.float().cpu().half().running_var.dtype is corelib.float16
    with pytest.raises(TypeError, match="only accepts floating point or complex dtypes"):
        net.to(corelib.int64)


def test_modes_and_gradients() -> None:
    net = Net()
    assert net.training and not net.eval().second[0].training and net.train().second.training
    with pytest.raises(ValueError, match="training mode is expected to be boolean"):
        net.train(1)  # type: ignore[arg-type]
    net(corelib.ones(1, 3)).sum().backward()
    net.zero_grad(set_to_none=False)
    assert net.scale.grad.tolist() == [0, 0, 0, 0]
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())
    assert not any(p.requires_grad for p in net.requires_grad_(False).parameters())


def test_apply_goes_from_the_leaves_up() -> None:
    seen: list[str] = []
    nn.Sequential(nn.ReLU(), nn.Tanh()).apply(lambda m: seen.append(type(m).__name__))
    assert seen == ["ReLU", "Tanh", "Sequential"]


def test_looking_up_by_path() -> None:
    net = Net()
    assert net.get_submodule("second.1") is net.second[1] and net.get_submodule("") is net
    assert net.get_parameter("first.weight") is net.first.weight
    assert net.get_buffer("offset") is net.offset
    with pytest.raises(AttributeError, match="Net has no attribute `third`"):
        net.get_submodule("third")
    with pytest.raises(AttributeError, match=r"`scale` is not an nn.Module"):
        net.get_submodule("scale")
    with pytest.raises(AttributeError, match=r"`offset` is not an nn.Parameter"):
        net.get_parameter("offset")
    with pytest.raises(AttributeError, match="`scale` is not a buffer"):
        net.get_buffer("scale")
    assert {"first", "scale", "offset", "forward"} <= set(dir(net))


def test_a_module_without_forward_says_so() -> None:
    with pytest.raises(NotImplementedError, match='Module \\[Module\\] is missing the required "forward" function'):
        nn.Module()(1)


def test_a_call_without_hooks_is_one_frame_above_forward() -> None:
    import sys

    class Depth(nn.Module):
        def forward(self) -> int:
            depth, frame = 0, sys._getframe()
            while frame.f_back is not None:
                depth, frame = depth + 1, frame.f_back
            return depth

    net = Depth()
    assert net() - net.forward() == 1


def test_state_dict_remembers_versions() -> None:
    net = nn.Sequential(OrderedDict(norm=nn.BatchNorm2d(1)))
    assert net.state_dict()._metadata == {"": {"version": 1}, "norm": {"version": 2}}  # type: ignore[attr-defined]


def test_batch_norm_saved_before_the_count_was_kept_still_loads() -> None:
    net = nn.BatchNorm1d(2)
    net(corelib.randn(4, 2))
    state = {k: v for k, v in net.state_dict().items() if k != "num_batches_tracked"}
    net.load_state_dict(state)
    assert net.num_batches_tracked.item() == 1
