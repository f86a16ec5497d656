"""Gamma, Poisson and binomial variates: their distributions, gradients and edges, on two devices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import corelib

stats = pytest.importorskip("scipy.stats")
special = pytest.importorskip("scipy.special")
COUNT = 20000


def _fits(drawn: np.ndarray[Any, Any], exact: Any) -> float:
    """The p-value of a chi-squared test of counts in about twelve cells."""
    edges = np.unique(np.linspace(*exact.ppf([0.01, 0.99]), 12).round())
    expected = np.diff(np.r_[0, exact.cdf(edges), 1])
    observed = np.histogram(drawn, np.r_[-1, edges + 0.5, 1e9])[0]
    kept = expected > 1e-4
    expected = expected[kept] / expected[kept].sum() * observed[kept].sum()
    return float(stats.chisquare(observed[kept], expected).pvalue)


def _draws(device: str) -> list[np.ndarray[Any, Any]]:
    corelib.manual_seed(5)
    drawn = []
    for shape in (0.01, 0.3, 1.0, 2.5, 40.0, 1e5):
        x = corelib._standard_gamma(corelib.full((COUNT,), shape, dtype=corelib.float64, device=device)).cpu().numpy()
        assert stats.kstest(x, stats.gamma(shape).cdf).pvalue > 1e-3
        drawn.append(x)
    for rate in (0.1, 3.0, 9.9, 10.1, 25.0, 1e4):
        x = corelib.poisson(corelib.full((COUNT,), rate, device=device)).cpu().numpy()
        assert _fits(x, stats.poisson(rate)) > 1e-3
        drawn.append(x)
    for n, p in ((5.0, 0.3), (20.0, 0.45), (20.0, 0.9), (50.0, 0.3), (1000.0, 0.7), (1e5, 0.001)):
        counts, probability = corelib.full((COUNT,), n, device=device), corelib.full((), p, device=device)
        x = corelib.binomial(counts, probability).cpu().numpy()
        assert _fits(x, stats.binom(n, p)) > 1e-3
        drawn.append(x)
    return drawn


def test_distributions_and_the_same_numbers_on_both_devices() -> None:
    for a, b in zip(_draws("cpu"), _draws("strict"), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_gradient_of_gamma_variates(torch: Any) -> None:
    shapes = np.repeat([0.05, 0.5, 1.0, 3.0, 20.0, 500.0], 50)
    a = corelib.tensor(shapes, requires_grad=True)
    corelib.manual_seed(1)
    drawn = corelib._standard_gamma(a)
    drawn.sum().backward()
    assert a.grad is not None
    x = drawn.detach().numpy()
    found = a.grad.numpy()
    theirs = torch._standard_gamma_grad(torch.tensor(shapes), torch.tensor(x)).numpy()
    np.testing.assert_allclose(found, theirs, rtol=2e-3, atol=1e-30)  # theirs is good to some 1e-4
    below, step = special.gammainc(shapes, x), shapes * 1e-6
    moved = (special.gammaincinv(shapes + step, below) - special.gammaincinv(shapes - step, below)) / (2 * step)
    kept = (below > 1e-3) & (below < 0.999) & (x > 1e-200)
    np.testing.assert_allclose(found[kept], moved[kept], rtol=2e-6)


def test_edges() -> None:
    inf, nan = math.inf, math.nan
    gamma = corelib._standard_gamma(corelib.tensor([0.0, -1.0, nan, inf]))
    np.testing.assert_equal(gamma.numpy(), np.float32([np.finfo(np.float32).tiny, nan, nan, inf]))
    counts = corelib.binomial(corelib.tensor([nan, -1.0, 3.0, 3.0, 4.0]), corelib.tensor([0.5, 0.5, 1.5, 0.0, nan]))
    np.testing.assert_equal(counts.numpy(), np.float32([nan, 0.0, 3.0, 0.0, nan]))
    assert corelib.poisson(corelib.tensor([0.0, inf])).tolist() == [0.0, inf]
    assert corelib.poisson(corelib.empty(0, 3)).shape == (0, 3)
    assert corelib.binomial(corelib.full((2, 1), 4.0), corelib.full((3,), 0.5)).shape == (2, 3)
    rate = corelib.ones(3, requires_grad=True)
    corelib.poisson(rate).sum().backward()
    assert rate.grad is not None
    assert rate.grad.tolist() == [0.0] * 3


def test_generator() -> None:
    x = [corelib.poisson(corelib.full((5,), 50.0), generator=corelib.Generator().manual_seed(3)) for _ in range(2)]
    assert x[0].tolist() == x[1].tolist()


def test_refused() -> None:
    for rate in (-1.0, math.nan):
        with pytest.raises(RuntimeError, match="invalid Poisson rate, expected rate to be non-negative"):
            corelib.poisson(corelib.tensor([rate]))
    with pytest.raises(NotImplementedError, match="\"poisson_cpu\" not implemented for 'Long'"):
        corelib.poisson(corelib.tensor([1]))
    with pytest.raises(ValueError, match="binomial only supports floating-point dtypes for count, got: Long"):
        corelib.binomial(corelib.tensor([1]), corelib.tensor([0.5]))
