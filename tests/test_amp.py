"""autocast says what it does not do; GradScaler scales, skips and adapts."""

from __future__ import annotations

import warnings

import pytest

import corelib
from corelib import settings


def test_autocast_runs_in_full_precision_and_says_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "_said", set())
    x = corelib.ones(2, 2)
    with pytest.warns(UserWarning, match="full precision"), corelib.autocast("cpu", dtype=corelib.bfloat16):
        assert (x @ x).dtype is corelib.float32
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with corelib.amp.autocast("cpu"):
            pass

        @corelib.autocast("cpu", enabled=False)
        def double(x: corelib.Tensor) -> corelib.Tensor:
            return x * 2

        assert double(x).tolist() == [[2, 2], [2, 2]]
    with pytest.raises(ValueError, match="Expected `device_type` of type `str`"):
        corelib.autocast(3)  # type: ignore[arg-type]


def test_a_scaled_step_is_the_plain_step() -> None:
    weights = []
    for enabled in (False, True):
        w = corelib.tensor([1.0, 2.0], requires_grad=True)
        optimizer = corelib.optim.SGD([w], lr=0.5)
        scaler = corelib.GradScaler(enabled=enabled, growth_interval=1)
        for _ in range(3):
            optimizer.zero_grad()
            scaler.scale((w * w).sum()).backward()
            scaler.step(optimizer)
            scaler.update()
        weights.append(w.tolist())
        assert scaler.get_scale() == (2.0**19 if enabled else 1.0)
    assert weights[0] == weights[1]


def test_an_overflow_skips_the_step_and_halves_the_scale() -> None:
    w = corelib.tensor([1.0], requires_grad=True)
    optimizer = corelib.optim.SGD([w], lr=0.5)
    scaler = corelib.GradScaler(init_scale=4.0)
    scaler.scale(w * float("inf")).backward()
    scaler.step(optimizer)
    scaler.update()
    assert w.tolist() == [1.0]
    assert scaler.get_scale() == 2.0
    other = corelib.GradScaler()
    other.load_state_dict(scaler.state_dict())
    assert other.get_scale() == 2.0
    with pytest.raises(RuntimeError, match="empty"):
        other.load_state_dict({})


def test_unscale_is_once_an_iteration() -> None:
    w = corelib.tensor([1.0], requires_grad=True)
    optimizer = corelib.optim.SGD([w], lr=0.5)
    scaler = corelib.GradScaler(init_scale=4.0)
    scaler.scale(w * 3).backward()
    scaler.unscale_(optimizer)
    assert w.grad is not None
    assert w.grad.tolist() == [3.0]
    with pytest.raises(RuntimeError, match="already been called"):
        scaler.unscale_(optimizer)
