"""A checkpointed function gives the same values and gradients, and keeps less."""

from __future__ import annotations

from typing import Any

import pytest

import corelib
from corelib import nn
from corelib.utils.checkpoint import checkpoint, checkpoint_sequential


def _net() -> nn.Sequential:
    corelib.manual_seed(3)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3), nn.Tanh())


@pytest.mark.parametrize("wants", [False, True])
@pytest.mark.parametrize("reentrant", [False, None])
def test_values_and_gradients(wants: bool, reentrant: bool | None) -> None:
    def step(run: Any) -> tuple[Any, ...]:
        net = _net()
        x = corelib.arange(8.0).reshape(2, 4).requires_grad_(wants)
        out = run(net, x)
        out.sum().backward()
        return out.tolist(), [p.grad.tolist() for p in net.parameters()], x.grad.tolist() if wants else None

    plain = step(lambda net, x: net(x))
    assert step(lambda net, x: checkpoint(net, x, use_reentrant=reentrant)) == plain
    assert step(lambda net, x: checkpoint_sequential(net, 2, x, use_reentrant=reentrant)) == plain


def test_the_function_runs_again_in_backward() -> None:
    runs = []

    def function(x: corelib.Tensor, scale: float, *, shift: corelib.Tensor) -> Any:
        runs.append(corelib.is_grad_enabled())
        return x.exp() * scale + shift, x * 2

    x = corelib.ones(3, requires_grad=True)
    a, b = checkpoint(function, x, 2.0, shift=corelib.ones(3), use_reentrant=False)
    assert runs == [False]
    (a + b).sum().backward()
    assert runs == [False, True]
    assert x.grad is not None
    corelib.testing.assert_close(x.grad, 2 * corelib.ones(3).exp() + 2)
