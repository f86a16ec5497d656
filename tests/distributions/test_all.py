"""Every distribution against PyTorch's in float64: values, gradients, shapes, what is shown and refused; samples."""

from __future__ import annotations

import math
import operator
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import corelib

stats = pytest.importorskip("scipy.stats")

A, B, C = [0.5, 1.5, 2.0], [1.0, 0.25, 3.0], [0.3, 4.0, 11.0]
P = [0.2, 0.5, 0.9]
LOGITS = [-1.0, 0.3, 2.0]
ROWS = [[0.2, 0.3, 0.5], [0.7, 0.2, 0.1]]
SIMPLEX = [[0.25, 0.35, 0.4], [0.5, 0.1, 0.4]]
REAL, POSITIVE, UNIT = [-0.5, 0.25, 4.0], [0.5, 0.25, 4.0], [0.2, 0.5, 0.75]
COV = [[2.0, 0.5, 0.1], [0.5, 1.0, -0.2], [0.1, -0.2, 0.7]]
TRIL = [[1.2, 0.0, 0.0], [0.5, 0.8, 0.0], [-0.3, 0.2, 0.6]]
CORR = [[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [0.0, 0.6, 0.8]]
COUNTS = [0.0, 3.0, 2.0]

Make = Callable[[Any, Callable[..., Any]], Any]
# name: (how it is made of a library's distributions and a function that makes parameters, a value)
MADE: dict[str, tuple[Make, Any]] = {
    "Bernoulli": (lambda d, t: d.Bernoulli(t(P)), [1.0, 0.0, 1.0]),
    "Bernoulli logits": (lambda d, t: d.Bernoulli(logits=t(LOGITS)), [1.0, 0.0, 1.0]),
    "Beta": (lambda d, t: d.Beta(t(A), t(C)), UNIT),
    "Binomial": (lambda d, t: d.Binomial(7, t(P)), COUNTS),
    "Binomial logits": (lambda d, t: d.Binomial(7, logits=t(LOGITS)), COUNTS),
    "Categorical": (lambda d, t: d.Categorical(t(ROWS)), [2, 0]),
    "Categorical logits": (lambda d, t: d.Categorical(logits=t(ROWS)), [2, 0]),
    "Cauchy": (lambda d, t: d.Cauchy(t(A), t(B)), REAL),
    "Chi2": (lambda d, t: d.Chi2(t(A)), POSITIVE),
    "ContinuousBernoulli": (lambda d, t: d.ContinuousBernoulli(t(P)), UNIT),
    "ContinuousBernoulli logits": (lambda d, t: d.ContinuousBernoulli(logits=t(LOGITS)), UNIT),
    "Dirichlet": (lambda d, t: d.Dirichlet(t([A, C])), SIMPLEX),
    "Exponential": (lambda d, t: d.Exponential(t(B)), POSITIVE),
    "FisherSnedecor": (lambda d, t: d.FisherSnedecor(t([3.0, 5.0, 1.0]), t([9.0, 5.0, 3.0])), POSITIVE),
    "Gamma": (lambda d, t: d.Gamma(t(A), t(B)), POSITIVE),
    "GeneralizedPareto": (lambda d, t: d.GeneralizedPareto(t([0.0, 0.1, 0.2]), t(B), t([0.3, -0.1, 0.0])), UNIT),
    "Geometric": (lambda d, t: d.Geometric(t(P)), COUNTS),
    "Geometric logits": (lambda d, t: d.Geometric(logits=t(LOGITS)), COUNTS),
    "Gumbel": (lambda d, t: d.Gumbel(t(A), t(B)), [0.5, 0.75, 2.5]),
    "HalfCauchy": (lambda d, t: d.HalfCauchy(t(B)), POSITIVE),
    "HalfNormal": (lambda d, t: d.HalfNormal(t(B)), POSITIVE),
    "Independent": (lambda d, t: d.Independent(d.Normal(t([A, A]), t([B, B])), 1), [REAL, POSITIVE]),
    "InverseGamma": (lambda d, t: d.InverseGamma(t([0.5, 1.5, 4.0]), t(B)), POSITIVE),
    "Kumaraswamy": (lambda d, t: d.Kumaraswamy(t(A), t([2.0, 3.0, 0.5])), UNIT),
    "LKJCholesky": (lambda d, t: d.LKJCholesky(3, t([0.5, 2.0])), [CORR, CORR]),
    "Laplace": (lambda d, t: d.Laplace(t(A), t(B)), REAL),
    "LogNormal": (lambda d, t: d.LogNormal(t(A), t(B)), POSITIVE),
    "LogisticNormal": (lambda d, t: d.LogisticNormal(t([A[:2], B[:2]]), t([B[:2], A[:2]])), SIMPLEX),
    "LowRankMultivariateNormal": (
        lambda d, t: d.LowRankMultivariateNormal(t([A, C]), t([[0.5, 0.1], [0.2, 0.3], [1.0, -0.4]]), t(B)),
        [REAL, POSITIVE],
    ),
    "MixtureSameFamily": (
        lambda d, t: d.MixtureSameFamily(d.Categorical(t(ROWS)), d.Normal(t([A, C]), t([B, A]))), [0.5, 1.0]
    ),
    "MixtureSameFamily vectors": (
        lambda d, t: d.MixtureSameFamily(
            d.Categorical(t(P)), d.Independent(d.Normal(t([A[:2], B[:2], C[:2]]), t([1.0, 2.0])), 1)
        ),
        [0.5, 1.0],
    ),
    "Multinomial": (lambda d, t: d.Multinomial(5, t(ROWS)), [[1.0, 3.0, 1.0], [5.0, 0.0, 0.0]]),
    "Multinomial logits": (lambda d, t: d.Multinomial(5, logits=t(ROWS)), [[1.0, 3.0, 1.0], [5.0, 0.0, 0.0]]),
    "MultivariateNormal": (lambda d, t: d.MultivariateNormal(t([A, C]), t(COV)), [REAL, POSITIVE]),
    "MultivariateNormal precision": (lambda d, t: d.MultivariateNormal(t(A), precision_matrix=t(COV)), REAL),
    "MultivariateNormal tril": (lambda d, t: d.MultivariateNormal(t(A), scale_tril=t([TRIL, TRIL])), [REAL, REAL]),
    "NegativeBinomial": (lambda d, t: d.NegativeBinomial(t([1.0, 2.5, 4.0]), t(P)), COUNTS),
    "NegativeBinomial logits": (lambda d, t: d.NegativeBinomial(3, logits=t(LOGITS)), COUNTS),
    "Normal": (lambda d, t: d.Normal(t(A), t(B)), REAL),
    "OneHotCategorical": (lambda d, t: d.OneHotCategorical(t(ROWS)), [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]),
    "OneHotCategoricalStraightThrough": (
        lambda d, t: d.OneHotCategoricalStraightThrough(t(ROWS)), [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    ),
    "Pareto": (lambda d, t: d.Pareto(t([0.2, 0.1, 3.0]), t([3.0, 1.5, 0.5])), POSITIVE),
    "Poisson": (lambda d, t: d.Poisson(t([0.5, 3.0, 40.0])), COUNTS),
    "RelaxedBernoulli": (lambda d, t: d.RelaxedBernoulli(t([0.7]), t(P)), UNIT),
    "RelaxedOneHotCategorical": (lambda d, t: d.RelaxedOneHotCategorical(t([0.7]), t(ROWS)), SIMPLEX),
    "StudentT": (lambda d, t: d.StudentT(t([0.5, 1.5, 5.0]), t(A), t(B)), REAL),
    "TransformedDistribution": (
        lambda d, t: d.TransformedDistribution(
            d.Uniform(t([0.0, 0.1, 0.2]), t([1.0, 0.9, 1.0])),
            [d.SigmoidTransform().inv, d.AffineTransform(t(A), t(B))],
        ),
        [0.5, 1.4, 2.5],
    ),
    "Uniform": (lambda d, t: d.Uniform(t([-1.0, 0.0, 1.0]), t([1.0, 2.0, 5.0])), [0.5, 0.25, 4.0]),
    "VonMises": (lambda d, t: d.VonMises(t(A), t([0.01, 1.0, 30.0])), REAL),
    "Weibull": (lambda d, t: d.Weibull(t(A), t([1.5, 0.8, 3.0])), POSITIVE),
    "Wishart": (lambda d, t: d.Wishart(t([4.0, 7.5]), t(COV)), [COV, [[1.0, 0.2, 0], [0.2, 1.0, 0.1], [0, 0.1, 2.0]]]),
}  # fmt: skip


class Side:
    """A distribution made by one of the two libraries, with its parameters."""

    def __init__(self, library: Any, name: str, device: str = "cpu") -> None:
        self.library, self.parameters, self.device = library, list[Any](), device
        self.made = MADE[name][0](library.distributions, self._parameter)

    def _parameter(self, values: Any) -> Any:
        t = self.library.tensor(values, dtype=self.library.float64, device=self.device)
        self.parameters.append(t.requires_grad_())
        return t

    def constant(self, values: Any) -> Any:
        dtype = self.library.int64 if isinstance(np.asarray(values).ravel()[0].item(), int) else self.library.float64
        return self.library.tensor(values, dtype=dtype, device=self.device)

    def of(self, quantity: Callable[[Any], Any]) -> Any:
        """The quantity and the gradients of its sum; the error's kind where there is none."""
        try:
            result = quantity(self.made)
        except (NotImplementedError, AttributeError):
            return NotImplementedError, []
        grads = []
        if result.requires_grad:
            wanted = [p for p in self.parameters if p.requires_grad]
            try:
                got = self.library.autograd.grad(result.sum(), wanted, allow_unused=True, retain_graph=True)
            except NotImplementedError:  # PyTorch's igamma has no gradient in its first argument
                return result.detach().cpu().numpy(), []
            grads = [np.zeros(p.shape) if g is None else g.cpu().numpy() for g, p in zip(got, wanted, strict=True)]
        return result.detach().cpu().numpy(), grads


def _same(ours: Any, theirs: Any, rtol: float = 1e-9, gradients: bool = True) -> None:
    if theirs[0] is NotImplementedError:
        return
    assert ours[0] is not NotImplementedError
    assert ours[0].shape == theirs[0].shape
    assert ours[0].dtype == theirs[0].dtype
    np.testing.assert_allclose(ours[0], theirs[0], rtol=rtol, atol=1e-12)
    if gradients:
        for a, b in zip(ours[1], theirs[1], strict=bool(theirs[1])):
            np.testing.assert_allclose(a, b, rtol=rtol * 10, atol=1e-10)


@pytest.mark.parametrize("name", sorted(set(MADE) - {"GeneralizedPareto"}))
def test_quantities(torch: Any, name: str) -> None:
    ours, theirs = Side(corelib, name), Side(torch, name)
    value = MADE[name][1]
    loose = 1e-5 if name == "VonMises" else 1e-9  # PyTorch's Bessel functions have single precision there
    entropy = 1e-7 if name.startswith("Multinomial") else 1e-9  # PyTorch's count is one of float32
    _same(
        ours.of(lambda d: d.log_prob(ours.constant(value))),
        theirs.of(lambda d: d.log_prob(theirs.constant(value))),
        loose,
    )
    for quantity in ("mean", "mode", "variance", "stddev"):
        # where a moment does not exist the two cut gradients off differently
        _same(*[side.of(operator.attrgetter(quantity)) for side in (ours, theirs)], loose, False)
    _same(ours.of(lambda d: d.entropy()), theirs.of(lambda d: d.entropy()), entropy)
    _same(ours.of(lambda d: d.cdf(ours.constant(value))), theirs.of(lambda d: d.cdf(theirs.constant(value))))
    shape = (*ours.made.batch_shape, *ours.made.event_shape)
    chances = np.linspace(0.1, 0.8, int(np.prod(shape))).reshape(shape).tolist()
    _same(ours.of(lambda d: d.icdf(ours.constant(chances))), theirs.of(lambda d: d.icdf(theirs.constant(chances))))
    for expand in (True, False):
        _same(*[side.of(operator.methodcaller("enumerate_support", expand)) for side in (ours, theirs)])


@pytest.mark.parametrize("name", MADE)
def test_shapes_and_names(torch: Any, name: str) -> None:
    ours, theirs = Side(corelib, name).made, Side(torch, name).made
    expanded = [d.expand((4, *d.batch_shape)) for d in (ours, theirs)]
    for a, b in ((ours, theirs), tuple(expanded)):
        assert (tuple(a.batch_shape), tuple(a.event_shape)) == (tuple(b.batch_shape), tuple(b.event_shape))
        assert (a.has_rsample, a.has_enumerate_support) == (b.has_rsample, b.has_enumerate_support)
        assert (a.support.event_dim, a.support.is_discrete) == (b.support.event_dim, b.support.is_discrete)
        assert {k: repr(v) for k, v in a.arg_constraints.items()} == {k: repr(v) for k, v in b.arg_constraints.items()}
        assert set(type(b).__mro__[0].__dict__) - set(dir(type(a))) <= ALLOWED_ABSENT
    if name != "Beta":  # PyTorch's shows nothing there
        assert repr(ours).replace("torch.", "") == repr(theirs).replace("torch.", "")
    again = expanded[0].log_prob(corelib.tensor(MADE[name][1], dtype=corelib.float64 if "Cat" not in name else None))
    assert tuple(again.shape) == (4, *ours.batch_shape)


ALLOWED_ABSENT = {
    "__orig_bases__", "__parameters__", "_bartlett_sampling", "_concentration", "_cont_bern_log_norm", "_cut_probs",
    "_gamma", "_loc", "_log_normalizer", "_mean_carrier_measure", "_moments", "_monotonize_cdf", "_natural_params",
    "_new", "_outside_unstable_region", "_pad", "_pad_mixture_dimensions", "_proposal_r", "_validate_sample", "_z",
    "concentration0", "concentration1",
}  # fmt: skip


@pytest.mark.parametrize("device", ["cpu", "strict"])
@pytest.mark.parametrize("name", MADE)
def test_samples(name: str, device: str) -> None:
    side = Side(corelib, name, device)
    d = side.made
    count = 20000 if device == "cpu" else 200
    corelib.manual_seed(3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # singular draws of a Wishart distribution
        drawn = d.sample((count,))
        assert not drawn.requires_grad
        assert tuple(drawn.shape) == (count, *d.batch_shape, *d.event_shape)
        assert bool(d.support.check(drawn).all()) or name == "LKJCholesky"
        assert bool(corelib.isfinite(d.log_prob(drawn)).all())
        if d.has_rsample:
            x = d.rsample((2,))
            assert x.requires_grad
            got = corelib.autograd.grad(x.sum(), side.parameters, allow_unused=True)
            assert all(bool(corelib.isfinite(g).all()) for g in got if g is not None)
    if device == "strict":
        corelib.manual_seed(3)
        same = Side(corelib, name).made.sample((count,))
        np.testing.assert_allclose(drawn.cpu().numpy(), same.numpy(), rtol=1e-9, atol=1e-12)
        return
    if name in ("VonMises", "Categorical", "Categorical logits"):
        return
    try:
        mean, variance = d.mean.detach().numpy(), d.variance.detach().numpy()
    except NotImplementedError:
        return
    off = np.abs(drawn.numpy().mean(0) - mean)
    kept = np.isfinite(variance) & np.isfinite(mean)
    assert (off <= 6 * np.sqrt(variance / count) + 1e-9)[kept].all()


CONTINUOUS = [
    "Beta", "Cauchy", "Chi2", "ContinuousBernoulli", "Exponential", "FisherSnedecor", "Gamma", "GeneralizedPareto",
    "Gumbel", "HalfCauchy", "HalfNormal", "InverseGamma", "Kumaraswamy", "Laplace", "LogNormal", "Normal", "Pareto",
    "StudentT", "TransformedDistribution", "Uniform", "VonMises", "Weibull", "RelaxedBernoulli",
]  # fmt: skip


@pytest.mark.parametrize("name", CONTINUOUS)
def test_samples_follow_the_density(name: str) -> None:
    """The density's integral between quantiles of the samples is what lies between them."""
    d = Side(corelib, name).made
    corelib.manual_seed(8)
    drawn = np.sort(d.sample((20000,)).numpy(), 0)
    edges = drawn[np.linspace(2000, 18000, 9).astype(int)]  # [9, 3]
    steps = np.linspace(0, 1, 201)[:, None, None]
    x = edges[:-1] + (edges[1:] - edges[:-1]) * steps
    density = np.exp(d.log_prob(corelib.tensor(x)).detach().numpy())
    inside = ((density[1:] + density[:-1]) / 2).mean(0) * (edges[1:] - edges[:-1])
    np.testing.assert_allclose(inside, 0.1, atol=0.012)


PAIRS = {
    "Bernoulli": lambda d, t: d.Bernoulli(t([0.3, 0.5, 0.1])),
    "Beta": lambda d, t: d.Beta(t(B), t(A)),
    "Binomial": lambda d, t: d.Binomial(7, t([0.3, 0.5, 0.1])),
    "Categorical": lambda d, t: d.Categorical(t([[0.1, 0.4, 0.5], [0.3, 0.3, 0.4]])),
    "Cauchy": lambda d, t: d.Cauchy(t(B), t(A)),
    "ContinuousBernoulli": lambda d, t: d.ContinuousBernoulli(t([0.3, 0.7, 0.1])),
    "Dirichlet": lambda d, t: d.Dirichlet(t([C, B])),
    "Exponential": lambda d, t: d.Exponential(t(A)),
    "Gamma": lambda d, t: d.Gamma(t(B), t(C)),
    "Geometric": lambda d, t: d.Geometric(t([0.3, 0.4, 0.1])),
    "Gumbel": lambda d, t: d.Gumbel(t(B), t(A)),
    "HalfNormal": lambda d, t: d.HalfNormal(t(A)),
    "Independent": lambda d, t: d.Independent(d.Normal(t([B, C]), t([A, A])), 1),
    "Laplace": lambda d, t: d.Laplace(t(B), t(A)),
    "LogNormal": lambda d, t: d.LogNormal(t(B), t(A)),
    "LowRankMultivariateNormal": lambda d, t: d.LowRankMultivariateNormal(t(B), t([[0.5], [0.2], [1.0]]), t(A)),
    "MultivariateNormal": lambda d, t: d.MultivariateNormal(t([B, A]), scale_tril=t(TRIL)),
    "Normal": lambda d, t: d.Normal(t(B), t(A)),
    "OneHotCategorical": lambda d, t: d.OneHotCategorical(t([[0.1, 0.4, 0.5], [0.3, 0.3, 0.4]])),
    "Pareto": lambda d, t: d.Pareto(t([0.1, 0.1, 4.0]), t([1.0, 2.5, 0.7])),
    "Poisson": lambda d, t: d.Poisson(t([0.4, 2.0, 50.0])),
    "Uniform": lambda d, t: d.Uniform(t([-2.0, 0.5, 1.0]), t([2.0, 2.0, 5.0])),
    "Uniform in": lambda d, t: d.Uniform(t([0.1, 0.2, 0.3]), t([0.6, 0.9, 0.95])),
    "Wide": lambda d, t: d.Uniform(t([-0.5, -1.0, 0.0]), t([1.5, 2.0, 5.0])),
}  # fmt: skip


@pytest.mark.parametrize("first", PAIRS)
def test_divergences(torch: Any, first: str) -> None:
    done = 0
    p = [PAIRS[first] if first not in MADE else MADE[first][0]] * 2
    for second, q in PAIRS.items():
        if {first, second} & {"Uniform", "Uniform in", "Wide"} and "ContinuousBernoulli" in (first, second):
            continue  # PyTorch's is infinite where one lies within the other: compared below by its definition
        found = []
        for library, make in zip((corelib, torch), p, strict=True):
            side = Side.__new__(Side)
            side.library, side.parameters, side.device = library, [], "cpu"
            made = (make(library.distributions, side._parameter), q(library.distributions, side._parameter))
            side.made = made
            found.append(side.of(lambda pair: library.distributions.kl_divergence(*pair)))  # noqa: B023
        assert (found[0][0] is NotImplementedError) == (found[1][0] is NotImplementedError), (first, second)
        if found[1][0] is not NotImplementedError:
            finite = np.isfinite(found[1][0]).all()
            _same(*found, rtol=1e-8, gradients=bool(finite))
            done += 1
    assert done


@pytest.mark.parametrize("first, second", [("ContinuousBernoulli", "Wide"), ("Uniform in", "ContinuousBernoulli")])
def test_divergence_by_its_definition(first: str, second: str) -> None:
    d = corelib.distributions
    p, q = (PAIRS[name](d, lambda v: corelib.tensor(v, dtype=corelib.float64)) for name in (first, second))
    corelib.manual_seed(0)
    x = p.sample((200000,))
    q._validate_args = False
    terms = (p.log_prob(x) - q.log_prob(x)).numpy()
    error = 5 * terms.std(0) / math.sqrt(len(terms)) + 1e-9
    assert (np.abs(terms.mean(0) - d.kl_divergence(p, q).numpy()) <= error).all()


def test_generalized_pareto() -> None:
    """Against SciPy: PyTorch's does not take float64."""
    d, (loc, scale, shape) = Side(corelib, "GeneralizedPareto").made, ([0.0, 0.1, 0.2], B, [0.3, -0.1, 0.0])
    exact, x = stats.genpareto(shape, loc, scale), np.array(UNIT)
    value = corelib.tensor(x)
    for found, expected in (
        (d.log_prob(value), exact.logpdf(x)), (d.cdf(value), exact.cdf(x)), (d.icdf(value), exact.ppf(x)),
        (d.mean, exact.mean()), (d.variance, exact.var()), (d.entropy(), [exact.entropy()[i] for i in range(3)]),
        (d.log_survival_function(value), exact.logsf(x)),
    ):  # fmt: skip
        np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-9)


SMOOTH: dict[str, Make] = {
    "Beta": lambda d, t: d.Beta(t(A), t(C)),
    "Chi2": lambda d, t: d.Chi2(t(A)),
    "ContinuousBernoulli": lambda d, t: d.ContinuousBernoulli(t([0.2, 0.4, 0.9])),
    "Dirichlet": lambda d, t: d.Dirichlet(t([A, C])),
    "FisherSnedecor": lambda d, t: d.FisherSnedecor(t(C), t([9.0, 12.0, 20.0])),
    "Gamma": lambda d, t: d.Gamma(t(A), t(B)),
    "Gumbel": lambda d, t: d.Gumbel(t(A), t(B)),
    "InverseGamma": lambda d, t: d.InverseGamma(t([5.0, 6.0, 9.0]), t(B)),
    "Kumaraswamy": lambda d, t: d.Kumaraswamy(t([1.0, 2.0, 3.0]), t([2.0, 3.0, 1.5])),
    "LogNormal": lambda d, t: d.LogNormal(t(A), t([0.3, 0.5, 0.4])),
    "LowRankMultivariateNormal": lambda d, t: d.LowRankMultivariateNormal(t(A), t([[0.5], [0.2], [1.0]]), t(B)),
    "MultivariateNormal": lambda d, t: d.MultivariateNormal(t(A), scale_tril=t(TRIL)),
    "StudentT": lambda d, t: d.StudentT(t([5.0, 7.0, 9.0]), t(A), t(B)),
    "Weibull": lambda d, t: d.Weibull(t(A), t([1.5, 2.5, 3.0])),
    "Wishart": lambda d, t: d.Wishart(t([4.0, 7.5]), scale_tril=t(TRIL)),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_mean_of_the_samples_gradients_is_the_gradient_of_the_mean(name: str) -> None:
    parameters: list[Any] = []

    def make(values: Any) -> Any:
        parameters.append(corelib.tensor(values, dtype=corelib.float64).requires_grad_())
        return parameters[-1]

    d = SMOOTH[name](corelib.distributions, make)
    corelib.manual_seed(4)
    weights = corelib.arange(1.0, 1.0 + d.mean.numel(), dtype=corelib.float64).reshape(d.mean.shape)
    exact = corelib.autograd.grad((d.mean * weights).sum(), parameters, allow_unused=True, retain_graph=True)
    found = []
    for _ in range(30):
        sample = (d.rsample((1000,)).mean(0) * weights).sum()
        found.append(corelib.autograd.grad(sample, parameters, allow_unused=True, retain_graph=True))
    for i, expected in enumerate(exact):
        draws = np.stack([g[i].numpy() for g in found])
        error = 5.5 * draws.std(0) / math.sqrt(len(draws)) + 1e-9
        assert (np.abs(draws.mean(0) - (0.0 if expected is None else expected.numpy())) <= error).all()


def test_squashed_normal_policy(torch: Any) -> None:
    """What actor-critic programs do: a cached tanh of a normal sample, its density and gradient."""
    results = []
    for t in (corelib, torch):
        loc = t.tensor([0.3, -2.0], dtype=t.float64, requires_grad=True)
        base = t.distributions.Normal(loc, t.tensor([0.5, 3.0], dtype=t.float64))
        policy = t.distributions.TransformedDistribution(base, [t.distributions.TanhTransform(cache_size=1)])
        policy = t.distributions.Independent(policy, 1)
        x = loc + t.tensor([0.1, -40.0], dtype=t.float64)
        action = policy.base_dist.transforms[0](x)
        level = policy.log_prob(action)
        results.append((level.item(), t.autograd.grad(level, loc)[0].tolist()))
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-10)
    np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-10)
