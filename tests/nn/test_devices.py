"""A model, its optimizer and its saved state on a second device: nothing may depend on the CPU's arrays."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from corelib_conformance import strict

import corelib
from corelib import nn, optim
from corelib.backend.registry import registry
from corelib.nn import functional as F
from corelib.serialization import load, save


@pytest.fixture
def device() -> Iterator[str]:
    """The strict backend's second device, which has no float64."""
    if registry.is_installed("strict"):
        yield "strict:1"
        return
    registry.register_backend(strict.plugin)
    yield "strict:1"
    registry.unregister_backend("strict")


def build() -> nn.Sequential:
    corelib.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.GELU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 4, 3, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d((2, 1)),
        nn.Flatten(),
        nn.LayerNorm(8),
        nn.Linear(8, 3),
    )


OPTIMIZERS: dict[str, Any] = {
    "sgd": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "adam": lambda p: optim.Adam(p, lr=0.01, eps=1e-3, amsgrad=True),
    "adamw": lambda p: optim.AdamW(p, lr=0.01, eps=1e-3),
}


def train(net: nn.Module, optimizer: optim.Optimizer, where: str, steps: int) -> None:
    generator = corelib.Generator().manual_seed(1)
    x = corelib.randn(6, 1, 8, 8, generator=generator).to(where)
    y = corelib.randint(0, 3, (6,), generator=generator).to(where)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(net(x), y, label_smoothing=0.1).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()


@pytest.mark.parametrize("case", OPTIMIZERS)
def test_training_is_the_cpus(device: str, case: str) -> None:
    results = []
    for where in ("cpu", device):
        net = build().to(where)
        train(net, OPTIMIZERS[case](net.parameters()), where, 3)
        assert {str(t.device) for t in net.state_dict().values()} == {where}
        results.append({name: value.cpu().numpy() for name, value in net.state_dict().items()})
    for name, expected in results[0].items():
        np.testing.assert_allclose(results[1][name], expected, rtol=1e-4, atol=1e-5, err_msg=name)


def test_moving_a_model_keeps_its_parameters(device: str) -> None:
    net = build()
    before = list(net.parameters())
    assert all(a is b for a, b in zip(net.to(device).parameters(), before, strict=True))
    assert str(before[0].device) == device and before[0].is_leaf and before[0].requires_grad
    assert net.to_empty(device="cpu")[0].weight.shape == before[0].shape


def test_a_saved_state_goes_back_where_it_was_or_where_asked(device: str) -> None:
    net = build().to(device)
    optimizer = optim.Adam(net.parameters())
    train(net, optimizer, device, 1)
    file = io.BytesIO()
    save({"net": net.state_dict(), "optimizer": optimizer.state_dict()}, file)
    for location, expected in ((None, device), ("cpu", "cpu"), ({device: "cpu"}, "cpu"), ({"cpu": device}, device)):
        file.seek(0)
        state = load(file, map_location=location)
        assert {str(t.device) for t in state["net"].values()} == {expected}
        other = build().to(device)
        other_optimizer = optim.Adam(other.parameters())
        other.load_state_dict(state["net"])
        other_optimizer.load_state_dict(state["optimizer"])
        assert str(other_optimizer.state[other[0].weight]["exp_avg"].device) == device
        assert str(other_optimizer.state[other[0].weight]["step"].device) == "cpu"
        for name, value in net.state_dict().items():
            np.testing.assert_array_equal(other.state_dict()[name].cpu().numpy(), value.cpu().numpy(), err_msg=name)
