"""histogramdd against PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import corelib

CALLS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "one number": lambda t, x, w: t.histogramdd(x, 4),
    "numbers": lambda t, x, w: t.histogramdd(x, [4, 3, 2]),
    "range": lambda t, x, w: t.histogramdd(x, [4, 3, 2], range=[-1.0, 1.0, 0.0, 0.5, -0.3, 0.3]),
    "weight": lambda t, x, w: t.histogramdd(x, [4, 3, 2], weight=w),
    "density": lambda t, x, w: t.histogramdd(x, [4, 3, 2], weight=w, density=True),
    "edges": lambda t, x, w: t.histogramdd(
        x,
        [t.tensor(e, dtype=t.float64, device=x.device) for e in ([-2.0, 0.0, 0.1, 3.0], [-1.0, 1.0], [0.0, 0.5, 2.0])],
        density=True,
    ),
    "few dimensions": lambda t, x, w: t.histogramdd(x[0, 0], 3),
    "bins of another length": lambda t, x, w: t.histogramdd(x, [3]),
    "no bins": lambda t, x, w: t.histogramdd(x, [3, 2, 0]),
    "range of another length": lambda t, x, w: t.histogramdd(x, 3, range=[0.0, 1.0]),
    "range that falls": lambda t, x, w: t.histogramdd(x, 3, range=[0.0, 1.0, 1.0, 0.0, 0.0, 1.0]),
    "weight of another shape": lambda t, x, w: t.histogramdd(x, 3, weight=w[0]),
    "integers": lambda t, x, w: t.histogramdd(t.ones((2, 2), dtype=t.int64), 2),
}


@pytest.mark.parametrize("device", ["cpu", "strict"])
@pytest.mark.parametrize("name", CALLS)
def test_same_as_torch(torch: Any, name: str, device: str) -> None:
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(4, 25, 3)), rng.uniform(size=(4, 25))
    results: list[Any] = []
    for t, place in ((corelib, device), (torch, "cpu")):
        try:
            found = CALLS[name](t, t.tensor(x, device=place), t.tensor(w, device=place))
        except (RuntimeError, NotImplementedError) as error:
            results.append((type(error), str(error)))
        else:
            results.append([found.hist.cpu().numpy(), *[e.cpu().numpy() for e in found.bin_edges]])
    ours, theirs = results
    if isinstance(theirs, tuple):
        assert ours == theirs
        return
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)
