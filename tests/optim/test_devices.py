"""Optimizers are made of operations: they run on a device that is not NumPy's, with the same result."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import corelib

OPTIMIZERS: dict[str, dict[str, Any]] = {
    "ASGD": {"t0": 2, "weight_decay": 0.1},
    "Adadelta": {},
    "Adafactor": {},
    "Adagrad": {},
    "Adam": {"amsgrad": True},
    "AdamW": {"capturable": True},
    "Adamax": {"capturable": True},
    "LBFGS": {"line_search_fn": "strong_wolfe", "max_iter": 2},
    "Muon": {},
    "NAdam": {"decoupled_weight_decay": True, "weight_decay": 0.1},
    "RAdam": {"capturable": True},
    "RMSprop": {"centered": True, "momentum": 0.5},
    "Rprop": {},
    "SGD": {"momentum": 0.9, "nesterov": True},
}


def run(name: str, device: str) -> list[np.ndarray[Any, Any]]:
    shapes = [(4, 3), (3, 3)] if name == "Muon" else [(4, 3), (3,), ()]
    random = np.random.default_rng(0)
    params = [
        corelib.nn.Parameter(corelib.tensor(np.asarray(random.standard_normal(shape), dtype=np.float32)).to(device))
        for shape in shapes
    ]
    optimizer = getattr(corelib.optim, name)(params, **OPTIMIZERS[name])

    def closure() -> Any:
        optimizer.zero_grad()
        loss = sum(((p * p).mean() + p.sin().sum() for p in params), start=corelib.zeros((), device=device))
        loss.backward()
        return loss

    for _ in range(7):
        optimizer.step(closure)
    optimizer.load_state_dict(optimizer.state_dict())
    optimizer.step(closure)
    assert all(p.device.type == device for p in params)
    return [p.detach().cpu().numpy() for p in params]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_strict_as_cpu(name: str) -> None:
    assert set(OPTIMIZERS) | {"Optimizer", "lr_scheduler", "swa_utils"} == set(corelib.optim.__all__)
    tolerance = 1e-2 if name == "Muon" else 1e-4  # it computes in bfloat16
    for ours, expected in zip(run(name, "strict"), run(name, "cpu"), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=tolerance, atol=tolerance)
