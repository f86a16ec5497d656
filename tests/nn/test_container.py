"""Containers behave as lists and dicts of modules, beside PyTorch's and by themselves."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pytest

import corelib
from corelib import nn

Same = Callable[[Callable[[Any], Any]], Any]

PROGRAMS: dict[str, Callable[[Any], Any]] = {
    "sequential add": lambda n: n.Sequential(n.ReLU()) + n.Sequential(n.Tanh(), n.SiLU()),
    "sequential times": lambda n: 2 * n.Sequential(n.ReLU(), n.Tanh()) * 2,
    "sequential slice": lambda n: n.Sequential(n.ReLU(), n.Tanh(), n.SiLU())[1:],
    "sequential append": lambda n: n.Sequential(n.ReLU()).append(n.Tanh()).extend([n.SiLU()]),
    "sequential insert": lambda n: n.Sequential(n.ReLU(), n.SiLU()).insert(1, n.Tanh()).insert(-1, n.GELU()),
    "module list": lambda n: n.ModuleList([n.Linear(1, 1), n.Linear(1, 1), n.Linear(2, 1), n.Linear(1, 1)]),
    "module list add": lambda n: n.ModuleList([n.ReLU()]) + [n.Tanh()],  # noqa: RUF005
    "module list slice": lambda n: n.ModuleList([n.ReLU(), n.Tanh(), n.SiLU()])[::2],
    "module list empty": lambda n: n.ModuleList(),
    "module dict": lambda n: n.ModuleDict({"a": n.ReLU(), "b": n.Linear(1, 2)}),
    "module dict pairs": lambda n: n.ModuleDict([("a", n.ReLU()), ["b", n.Tanh()]]),
    "nested": lambda n: n.Sequential(n.ModuleList([n.Sequential(n.ReLU())] * 2), n.ModuleDict({"x": n.Tanh()})),
}


@pytest.mark.parametrize("case", PROGRAMS)
def test_contents(same: Same, case: str) -> None:
    same(lambda t: repr(PROGRAMS[case](t.nn)))


def test_parameter_list_prints_its_sizes(same: Same) -> None:
    def program(t: Any) -> str:
        values = t.nn.ParameterList([t.ones(2, 3), t.nn.Parameter(t.ones(1)), "text"])
        return repr(values).replace("torch.float32", "float32").replace("corelib.float32", "float32")

    same(program)


def test_sequential_edits_in_place() -> None:
    a, b, c = nn.ReLU(), nn.Tanh(), nn.SiLU()
    net = nn.Sequential(a, b)
    net[-1] = c
    assert list(net) == [a, c] and len(net) == 2 and net[0] is a
    net += nn.Sequential(b)
    assert list(net) == [a, c, b]
    assert net.pop(0) is a and list(net._modules) == ["0", "1"]
    del net[:1]
    assert list(net) == [b] and list(net._modules) == ["0"]
    net *= 3
    assert list(net) == [b, b, b]
    with pytest.raises(ValueError, match="add operator supports only objects of Sequential class"):
        net + [a]  # type: ignore[operator]  # noqa: RUF005
    with pytest.raises(TypeError, match="unsupported operand"):
        net * 1.5  # type: ignore[operator]


def test_sequential_keeps_names_that_are_given() -> None:
    net = nn.Sequential(OrderedDict(first=nn.Linear(1, 1), second=nn.ReLU()))
    assert list(net.state_dict()) == ["first.weight", "first.bias"] and net.second is net[1]
    assert list(net[:1].state_dict()) == ["first.weight", "first.bias"]


def test_an_empty_sequential_is_the_identity() -> None:
    x = corelib.ones(2)
    assert nn.Sequential()(x) is x


def test_module_list_edits_in_place() -> None:
    a, b, c = nn.ReLU(), nn.Tanh(), nn.SiLU()
    items = nn.ModuleList([a, b])
    items.insert(0, c)
    items += [a]
    assert list(items) == [c, a, b, a] and len(items) == 4 and items[-2] is b
    items[1] = b
    del items[0]
    assert list(items) == [b, b, a] and [n for n, _ in items.named_children()] == ["0", "2"]
    assert items.pop(-1) is a
    with pytest.raises(NotImplementedError, match='missing the required "forward" function'):
        items(1)


def test_module_dict_is_a_dict() -> None:
    a, b = nn.ReLU(), nn.Tanh()
    items = nn.ModuleDict({"a": a})
    items["b"] = b
    assert list(items) == ["a", "b"] and "a" in items and len(items) == 2
    assert list(items.items()) == [("a", a), ("b", b)] and list(items.values()) == [a, b]
    assert items.pop("a") is a
    del items["b"]
    assert list(items.keys()) == []
    items.update(nn.ModuleDict({"c": a}))
    assert items["c"] is a
    items.clear()
    assert len(items) == 0


def test_parameter_list_registers_tensors() -> None:
    values = nn.ParameterList([corelib.ones(2)])
    values += [nn.Parameter(corelib.zeros(1)), "text"]
    assert [n for n, _ in values.named_parameters()] == ["0", "1"] and len(values) == 3 and values[-1] == "text"
    values[0] = corelib.zeros(3)
    assert values[0].shape == (3,) and isinstance(values[0], nn.Parameter)
    assert len(values[:2]) == 2 and [v.shape for v in list(values)[:2]] == [(3,), (1,)]
    with pytest.raises(TypeError, match=r"ParameterList.extend should be called with an iterable, but got Tensor"):
        values.extend(corelib.ones(2))
