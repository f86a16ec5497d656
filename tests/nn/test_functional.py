"""Functions that no module test reaches, and mistakes in calling them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import corelib
from corelib.nn import functional as F

Same = Callable[[Callable[[Any], Any]], Any]

EXTREMES = [-1000.0, -100.0, -20.5, -1e-8, 0.0, 1e-8, 0.5, 20.5, 100.0, 1000.0]


@pytest.mark.parametrize("name", ["logsigmoid", "softplus", "relu", "silu", "gelu", "sigmoid", "tanh"])
def test_tails(same: Same, name: str) -> None:
    def program(t: Any) -> Any:
        x = t.tensor(EXTREMES, dtype=t.float64, requires_grad=True)
        y = getattr(t.nn.functional, name)(x)
        y.sum().backward()
        return [y, x.grad]

    same(program)


def test_softmax_computes_in_the_given_dtype(same: Same) -> None:
    x = np.random.default_rng(0).standard_normal((2, 5)).astype(np.float32)
    for name in ("softmax", "log_softmax"):
        same(lambda t, name=name: getattr(t.nn.functional, name)(t.tensor(x), dim=1, dtype=t.float64))


def test_deprecated_flags_still_choose_the_reduction() -> None:
    x, y = corelib.ones(2), corelib.zeros(2)
    with pytest.warns(UserWarning, match="please use reduction='sum' instead"):
        assert F.mse_loss(x, y, size_average=False).item() == 2
    with pytest.warns(UserWarning, match="please use reduction='none' instead"):
        assert F.mse_loss(x, y, reduce=False).shape == (2,)


def test_broadcasting_a_target_warns() -> None:
    with pytest.warns(UserWarning, match="Using a target size"):
        F.mse_loss(corelib.ones(2, 1), corelib.ones(2))


def test_dropout_scales_what_it_keeps() -> None:
    corelib.manual_seed(0)
    x = corelib.ones(100, 100, requires_grad=True)
    y = F.dropout(x, 0.25)
    y.sum().backward()
    kept = y.detach().numpy() != 0
    assert kept.mean() == pytest.approx(0.75, abs=0.02)
    np.testing.assert_allclose(y.detach().numpy()[kept], 1 / 0.75, rtol=1e-6)
    np.testing.assert_array_equal(x.grad.numpy(), y.detach().numpy())
    assert corelib.equal(F.dropout(x, 0.25, training=False), x)


def test_batch_norm_moves_the_running_statistics_only_in_training() -> None:
    x, mean, var = corelib.randn(8, 3), corelib.zeros(3), corelib.ones(3)
    F.batch_norm(x, mean, var)
    assert mean.tolist() == [0, 0, 0]
    F.batch_norm(x, mean, var, training=True, momentum=1.0)
    np.testing.assert_allclose(mean.numpy(), x.numpy().mean(0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(var.numpy(), x.numpy().var(0, ddof=1), rtol=1e-5)


def test_what_embedding_does_not_do_is_said() -> None:
    with pytest.raises(NotImplementedError, match="sparse"):
        F.embedding(corelib.tensor([0]), corelib.ones(2, 2), sparse=True)
    with pytest.raises(NotImplementedError, match="sparse"):
        corelib.nn.Embedding(2, 2, sparse=True)


def test_other_padding_modes_are_refused() -> None:
    with pytest.raises(ValueError, match="padding_mode must be one of"):
        corelib.nn.Conv2d(1, 1, 1, padding_mode="other")
