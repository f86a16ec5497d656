"""Densities, moments, entropies and divergences as PyTorch's; samples have the moments they should."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import corelib

A, B = [0.5, 1.5, 2.0], [1.0, 0.25, 3.0]
P = [0.2, 0.5, 0.9]
ROWS = [[0.2, 0.3, 0.5], [0.7, 0.2, 0.1]]
REAL = [-0.5, 0.25, 4.0]
POSITIVE = [0.5, 0.25, 4.0]
MADE: dict[str, tuple[tuple[Any, ...], dict[str, Any], Any]] = {
    "Normal": ((A, B), {}, REAL),
    "LogNormal": ((A, B), {}, POSITIVE),
    "HalfNormal": ((B,), {}, POSITIVE),
    "Laplace": ((A, B), {}, REAL),
    "Gumbel": ((A, B), {}, REAL),
    "Cauchy": ((A, B), {}, REAL),
    "Exponential": ((B,), {}, POSITIVE),
    "Uniform": (([-1.0, 0.0, 1.0], [1.0, 2.0, 5.0]), {}, [0.5, 0.25, 4.0]),
    "Bernoulli": ((P,), {}, [1.0, 0.0, 1.0]),
    "Geometric": ((P,), {}, [1.0, 0.0, 3.0]),
    "Categorical": ((ROWS,), {}, [2, 0]),
    "OneHotCategorical": ((ROWS,), {}, [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]),
}


def _both(name: str) -> list[tuple[Any, Any]]:
    torch = pytest.importorskip("torch")
    args, kwargs, _ = MADE[name]
    pairs = []
    for t in (torch, corelib):
        made = getattr(t.distributions, name)(*[t.tensor(a, requires_grad=True) for a in args], **kwargs)
        pairs.append((t, made))
    return pairs


def _same(ours: Any, theirs: Any) -> None:
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("name", MADE)
def test_densities_moments_and_entropy(name: str) -> None:
    (torch, theirs), (_, ours) = _both(name)
    value = MADE[name][2]
    _same(ours.log_prob(corelib.tensor(value)), theirs.log_prob(torch.tensor(value)))
    _same(ours.entropy(), theirs.entropy())
    for quantity in ("mean", "variance", "stddev"):
        _same(getattr(ours, quantity), getattr(theirs, quantity))
    assert (tuple(ours.batch_shape), tuple(ours.event_shape)) == (tuple(theirs.batch_shape), tuple(theirs.event_shape))
    assert ours.has_rsample == theirs.has_rsample


@pytest.mark.parametrize(
    "name", ["Normal", "LogNormal", "HalfNormal", "Laplace", "Gumbel", "Cauchy", "Exponential", "Uniform"]
)
def test_distribution_function(name: str) -> None:
    (torch, theirs), (_, ours) = _both(name)
    value = [0.5, 0.75, 2.5] if name == "Gumbel" else POSITIVE  # PyTorch rejects where its exp(-z) underflows
    _same(ours.cdf(corelib.tensor(value)), theirs.cdf(torch.tensor(value)))


@pytest.mark.parametrize("name", sorted(set(MADE) - {"Cauchy"}))
def test_samples_have_the_moments(name: str) -> None:
    args, kwargs, _ = MADE[name]
    made = getattr(corelib.distributions, name)(*[corelib.tensor(a) for a in args], **kwargs)
    corelib.manual_seed(0)
    drawn = made.sample((20000,))
    assert tuple(drawn.shape) == (20000, *made.batch_shape, *made.event_shape)
    if name == "Categorical":
        counts = [(drawn == k).to(corelib.float32).mean(0).tolist() for k in range(3)]
        np.testing.assert_allclose(np.array(counts).T, ROWS, atol=0.02)
        return
    error = (made.variance / 20000).sqrt() * 6
    assert bool(((drawn.mean(0) - made.mean).abs() <= error + 1e-6).all())


@pytest.mark.parametrize(
    "name", ["Normal", "Bernoulli", "Categorical", "OneHotCategorical", "Exponential", "Laplace", "Uniform"]
)
def test_divergence(name: str) -> None:
    torch = pytest.importorskip("torch")
    others: dict[str, tuple[Any, ...]] = {"Categorical": ([[0.1, 0.4, 0.5], [0.3, 0.3, 0.4]],)}
    others["OneHotCategorical"] = others["Categorical"]
    others["Uniform"] = ([-2.0, 0.5, 1.0], [2.0, 2.0, 5.0])
    others["Bernoulli"] = ([0.3, 0.5, 0.1],)
    got = []
    for t in (torch, corelib):
        kind = getattr(t.distributions, name)
        p = kind(*[t.tensor(a) for a in MADE[name][0]])
        q = kind(*[t.tensor(a) for a in others.get(name, [[1.0, 2.0, 0.5]] * len(MADE[name][0]))])
        got.append(t.distributions.kl_divergence(p, q))
    _same(got[1], got[0])


def test_reparametrized_gradients_and_independent() -> None:
    loc = corelib.zeros(4, 3, requires_grad=True)
    made = corelib.distributions.Independent(corelib.distributions.Normal(loc, 2.0), 1)
    assert (tuple(made.batch_shape), tuple(made.event_shape)) == ((4,), (3,))
    x = made.rsample((2,))
    x.sum().backward()
    assert loc.grad is not None
    assert loc.grad.tolist() == [[2.0] * 3] * 4
    assert tuple(made.log_prob(x).shape) == (2, 4)
    assert not made.sample().requires_grad
    zero = corelib.distributions.kl_divergence(made, made)
    assert zero.tolist() == [0.0] * 4
    with pytest.raises(NotImplementedError, match="No KL"):
        corelib.distributions.kl_divergence(made, corelib.distributions.Bernoulli(0.5))


def test_what_is_refused() -> None:
    d = corelib.distributions
    with pytest.raises(ValueError, match="to satisfy the constraint GreaterThan"):
        d.Normal(0.0, -1.0)
    with pytest.raises(ValueError, match="within the support"):
        d.Bernoulli(0.5).log_prob(corelib.tensor(2.0))
    with pytest.raises(ValueError, match="Either `probs` or `logits`"):
        d.Bernoulli()
    with pytest.raises(ValueError, match="at least one-dimensional"):
        d.Categorical(corelib.tensor(1.0))
    assert d.Normal(0.0, -1.0, validate_args=False).scale.item() == -1.0
    assert repr(d.Normal(0.0, 1.0)) == "Normal(loc: 0.0, scale: 1.0)"
