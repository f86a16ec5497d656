"""Clipping gradients, and parameters as a vector."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

import corelib
from corelib import nn

Same = Callable[[Callable[[Any], Any]], Any]


def with_gradients(t: Any) -> list[Any]:
    parameters = [t.nn.Parameter(t.zeros(2, 2)), t.nn.Parameter(t.zeros(3)), t.nn.Parameter(t.zeros(1))]
    parameters[0].grad = t.tensor([[1.0, -2.0], [3.0, 0.0]])
    parameters[1].grad = t.tensor([4.0, 5.0, -6.0])
    return parameters


@pytest.mark.parametrize("norm_type", [2.0, 1, 3.0, 0.5, 0.0, math.inf, -math.inf])
@pytest.mark.parametrize("max_norm", [1.0, 100.0])
def test_clip_grad_norm(same: Same, norm_type: float, max_norm: float) -> None:
    def program(t: Any) -> Any:
        parameters = with_gradients(t)
        norm = t.nn.utils.clip_grad_norm_(parameters, max_norm, norm_type)
        return [norm, [p.grad for p in parameters[:2]], parameters[2].grad]

    same(program)


def test_clip_grad_norm_of_one_and_of_none(same: Same) -> None:
    same(lambda t: t.nn.utils.clip_grad_norm_(with_gradients(t)[1], 1.0))
    same(lambda t: t.nn.utils.clip_grad_norm_([], 1.0))
    same(lambda t: t.nn.utils.get_total_norm([t.tensor([3.0]), t.tensor([4.0])]))


def test_a_norm_that_is_not_finite(same: Same) -> None:
    def program(t: Any) -> Any:
        parameters = with_gradients(t)
        parameters[0].grad[0, 0] = math.nan
        return t.nn.utils.clip_grad_norm_(parameters, 1.0, error_if_nonfinite=True)

    assert isinstance(same(program), RuntimeError)


def test_clip_grad_value(same: Same) -> None:
    def program(t: Any) -> Any:
        parameters = with_gradients(t)
        assert t.nn.utils.clip_grad_value_(parameters, 2.5) is None
        return [p.grad for p in parameters[:2]]

    same(program)


def test_parameters_to_vector_and_back() -> None:
    net = nn.Linear(2, 2)
    vector = nn.utils.parameters_to_vector(net.parameters())
    assert vector.shape == (6,) and vector.requires_grad
    weight = net.weight
    nn.utils.vector_to_parameters(corelib.arange(6.0), net.parameters())
    assert net.weight is weight and net.weight.tolist() == [[0, 1], [2, 3]] and net.bias.tolist() == [4, 5]
    with pytest.raises(TypeError, match=r"expected torch.Tensor, but got: list"):
        nn.utils.vector_to_parameters([1.0], net.parameters())  # type: ignore[arg-type]
