"""The incomplete gamma functions against SciPy, PyTorch and finite differences."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import corelib

special = pytest.importorskip("scipy.special")


def _arguments() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    rng = np.random.default_rng(1)
    a = 10 ** rng.uniform(-3, 3, 4000)
    near = a + rng.normal(size=4000) * np.sqrt(a) * 3
    return a, np.abs(np.where(rng.random(4000) < 0.5, near, 10 ** rng.uniform(-4, 3, 4000))) + 1e-9


@pytest.mark.parametrize("device", ["cpu", "strict"])
def test_values(device: str) -> None:
    a, x = _arguments()
    for ours, theirs in ((corelib.igamma, special.gammainc), (corelib.igammac, special.gammaincc)):
        found, expected = ours(corelib.tensor(a, device=device), corelib.tensor(x, device=device)), theirs(a, x)
        np.testing.assert_allclose(found.cpu().numpy(), expected, rtol=5e-12, atol=1e-290)
        single, b, y = np.float32(expected), np.float32(a), np.float32(x)
        single = theirs(b.astype(float), y.astype(float))
        found = ours(corelib.tensor(b, device=device), corelib.tensor(y, device=device))
        np.testing.assert_allclose(found.cpu().numpy(), single, rtol=2e-7, atol=1e-37)


def test_edges_are_those_of_torch(torch: Any) -> None:
    inf = math.inf
    a = [0.0, 0.0, 1.0, 2.0, inf, inf, -1.0, 1.0, math.nan]
    x = [1.0, 0.0, 0.0, inf, 1.0, inf, 1.0, -1.0, 1.0]
    for name in ("igamma", "igammac"):
        found = getattr(corelib, name)(corelib.tensor(a), corelib.tensor(x)).numpy()
        np.testing.assert_equal(found, getattr(torch, name)(torch.tensor(a), torch.tensor(x)).numpy())
        with pytest.raises(NotImplementedError, match=f"\"{name}_cpu\" not implemented for 'Long'"):
            getattr(corelib, name)(corelib.tensor([1]), corelib.tensor([1]))
    assert corelib.special.gammainc(corelib.ones(2), corelib.ones(2)).shape == (2,)
    y = corelib.tensor([2.0])
    assert y.igammac_(corelib.tensor([1.0])) is y


def test_gradients(torch: Any) -> None:
    a, x = np.array([0.1, 0.7, 2.0, 5.0, 40.0]), np.array([0.3, 2.0, 1.0, 8.0, 41.0])
    for name, sign in (("igamma", 1), ("igammac", -1)):
        b, y = corelib.tensor(a, requires_grad=True), corelib.tensor(x, requires_grad=True)
        getattr(corelib, name)(b, y).sum().backward()
        theirs = torch.tensor(x, requires_grad=True)
        getattr(torch, name)(torch.tensor(a), theirs).sum().backward()
        assert y.grad is not None
        assert b.grad is not None
        np.testing.assert_allclose(y.grad.numpy(), theirs.grad.numpy(), rtol=1e-12)
        step = 1e-5 * a
        slope = (special.gammainc(a + step, x) - special.gammainc(a - step, x)) / (2 * step)
        np.testing.assert_allclose(b.grad.numpy(), slope * sign, rtol=1e-8)
