"""Modules that learn their sizes from the first input, beside PyTorch's."""

from __future__ import annotations

import copy
from typing import Any

import pytest

import corelib

from .oracle import Same

KINDS: dict[str, tuple[tuple[Any, ...], tuple[int, ...]]] = {
    "LazyLinear": ((4,), (2, 3)),
    "LazyConv1d": ((4, 2), (2, 3, 5)),
    "LazyConv2d": ((4, 2), (3, 5, 5)),
    "LazyConv3d": ((4, 2), (1, 3, 4, 4, 4)),
    "LazyConvTranspose1d": ((4, 2), (2, 3, 5)),
    "LazyConvTranspose2d": ((4, 2), (2, 3, 5, 5)),
    "LazyConvTranspose3d": ((4, 2), (1, 3, 4, 4, 4)),
    "LazyBatchNorm1d": ((), (2, 3, 5)),
    "LazyBatchNorm2d": ((), (2, 3, 5, 5)),
    "LazyBatchNorm3d": ((), (2, 3, 2, 2, 2)),
    "LazyInstanceNorm1d": ((), (2, 3, 5)),
    "LazyInstanceNorm2d": ((), (2, 3, 5, 5)),
    "LazyInstanceNorm3d": ((), (2, 3, 2, 2, 2)),
}


def _about(module: Any) -> list[Any]:
    members = [*module.named_parameters(), *module.named_buffers()]
    return [repr(module), [(name, type(x).__name__) for name, x in members], list(module.state_dict())]


@pytest.mark.parametrize("kind", KINDS)
def test_becoming(same: Same, kind: str) -> None:
    args, shape = KINDS[kind]

    def program(t: Any) -> Any:
        module = getattr(t.nn, kind)(*args)
        seen = [_about(module), module.has_uninitialized_params()]
        y = module(t.ones(shape))
        y.sum().backward()
        return [*seen, tuple(y.shape), _about(module), type(module).__name__]

    same(program)


@pytest.mark.parametrize("kind", KINDS)
def test_options(same: Same, kind: str) -> None:
    args, shape = KINDS[kind]

    def program(t: Any) -> Any:
        module = getattr(t.nn, kind)(*args, bias=False, dtype=t.float64)
        module.float().double()
        module(t.ones(shape, dtype=t.float64))
        return [_about(module), [(p.dtype == t.float64, p.requires_grad) for p in module.parameters()]]

    same(program)


def test_states_go_between_known_and_unknown(same: Same) -> None:
    def program(t: Any) -> Any:
        def build() -> Any:
            return t.nn.Sequential(t.nn.LazyConv2d(2, 3), t.nn.LazyBatchNorm2d(), t.nn.Flatten(), t.nn.LazyLinear(3))

        x = t.ones(2, 1, 4, 4)
        unknown, known, other = build(), build(), build()
        seen = [repr(other.load_state_dict(unknown.state_dict())), repr(unknown.state_dict()["0.weight"])]
        known(x)
        seen.append(repr(other.load_state_dict(known.state_dict())))
        known.eval()
        other.eval()
        seen.append(bool((known(x) == other(x)).all()))
        seen.append(repr(other))
        known.load_state_dict(unknown.state_dict())  # refused
        return seen

    same(program)


def test_shapes_are_refused(same: Same) -> None:
    same(lambda t: t.nn.LazyLinear(3).weight.shape)
    same(lambda t: t.nn.LazyConv1d(3, 2)(t.ones(4)))
    same(lambda t: t.nn.LazyConv1d(3, 2, groups=3)(t.ones(4, 5)))
    same(lambda t: t.nn.UninitializedParameter().share_memory_())
    same(lambda t: repr(t.nn.UninitializedBuffer()))


def test_copies_are_independent() -> None:
    module = corelib.nn.Sequential(corelib.nn.LazyLinear(2), corelib.nn.LazyBatchNorm1d())
    other = copy.deepcopy(module)
    module(corelib.ones(2, 3))
    assert other[0].has_uninitialized_params()
    other(corelib.ones(2, 5))
    assert tuple(module[0].weight.shape) == (2, 3)
    assert tuple(other[0].weight.shape) == (2, 5)


def test_a_module_that_leaves_something_unknown() -> None:
    class Careless(corelib.nn.modules.lazy.LazyModuleMixin):
        def __init__(self) -> None:
            super().__init__()
            self.weight = corelib.nn.UninitializedParameter()

        def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
            pass

    with pytest.raises(RuntimeError, match="has not been fully initialized"):
        Careless()(1)


def test_materialize() -> None:
    x = corelib.nn.UninitializedParameter(requires_grad=False, dtype=corelib.float64)
    x.materialize((2, 3))
    assert type(x) is corelib.nn.Parameter
    assert (tuple(x.shape), x.dtype, x.requires_grad) == ((2, 3), corelib.float64, False)
    buffer = corelib.nn.UninitializedBuffer()
    buffer.materialize((4,), dtype=corelib.int64)
    assert (type(buffer), buffer.dtype) == (corelib.Tensor, corelib.int64)
