"""Transforms, constraints and their registries against PyTorch's."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import corelib

VECTOR = [[0.3, -1.2, 0.7], [2.0, 0.1, -0.4]]
SQUARE = [[0.3, -1.2, 0.7], [2.0, 0.1, -0.4], [0.2, 0.5, -0.1]]
POSITIVE = [[0.3, 1.2, 0.7], [2.0, 0.1, 0.4]]

Make = Callable[[Any, Callable[..., Any]], Any]
TRANSFORMS: dict[str, tuple[Make, Any]] = {
    "Abs": (lambda d, t: d.AbsTransform(), VECTOR),
    "Affine": (lambda d, t: d.AffineTransform(t([0.5, 1.0, 2.0]), t([2.0, -1.0, 0.5])), VECTOR),
    "Affine numbers": (lambda d, t: d.AffineTransform(0.5, -2.0, event_dim=1), VECTOR),
    "Cat": (lambda d, t: d.CatTransform([d.ExpTransform(), d.identity_transform], -1, [2, 1]), VECTOR),
    "Cat vectors": (
        lambda d, t: d.CatTransform([d.SoftmaxTransform(), d.IndependentTransform(d.ExpTransform(), 1)], 0), VECTOR
    ),
    "Compose": (lambda d, t: d.ComposeTransform([d.AffineTransform(0.5, -2.0), d.SigmoidTransform()]), VECTOR),
    "Compose vectors": (
        lambda d, t: d.ComposeTransform([d.ExpTransform(), d.AffineTransform(0.0, -1.0), d.StickBreakingTransform()]),
        VECTOR,
    ),
    "CorrCholesky": (lambda d, t: d.CorrCholeskyTransform(), VECTOR),
    "CumulativeDistribution": (
        lambda d, t: d.CumulativeDistributionTransform(d.Normal(t([0.0, 1.0, 2.0]), 1.0)), VECTOR
    ),
    "Exp": (lambda d, t: d.ExpTransform(), VECTOR),
    "Independent": (lambda d, t: d.IndependentTransform(d.TanhTransform(), 1), VECTOR),
    "Inverse": (lambda d, t: d.ExpTransform().inv, POSITIVE),
    "LowerCholesky": (lambda d, t: d.LowerCholeskyTransform(), SQUARE),
    "PositiveDefinite": (lambda d, t: d.PositiveDefiniteTransform(), SQUARE),
    "Power": (lambda d, t: d.PowerTransform(t(1.5)), POSITIVE),
    "Reshape": (lambda d, t: d.ReshapeTransform((2, 3), (3, 2)), VECTOR),
    "Sigmoid": (lambda d, t: d.SigmoidTransform(), VECTOR),
    "Softmax": (lambda d, t: d.SoftmaxTransform(), VECTOR),
    "Softplus": (lambda d, t: d.SoftplusTransform(), VECTOR),
    "Stack": (
        lambda d, t: d.StackTransform([d.ExpTransform(), d.identity_transform, d.TanhTransform()], -1), VECTOR
    ),
    "StickBreaking": (lambda d, t: d.StickBreakingTransform(), VECTOR),
    "Tanh": (lambda d, t: d.TanhTransform(), VECTOR),
}  # fmt: skip


def _parts(library: Any, name: str) -> tuple[Any, Any]:
    make, value = TRANSFORMS[name]

    def tensor(values: Any) -> Any:
        return library.tensor(values, dtype=library.float64)

    return make(library.distributions, tensor), tensor(value).requires_grad_()


def _same(ours: Any, theirs: Any) -> None:
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_values_jacobians_and_shapes(torch: Any, name: str) -> None:
    sides = [(t, *_parts(t, name)) for t in (corelib, torch)]
    results = []
    for library, transform, x in sides:
        y = transform(x)
        back = transform.inv(y.detach())
        row: list[Any] = [y, back, library.autograd.grad((y * y).sum(), x)[0]]
        try:
            level = transform.log_abs_det_jacobian(x, y)
            row += [level, -transform.inv.log_abs_det_jacobian(y, x)]
        except NotImplementedError:
            row.append(None)
        results.append(row)
    assert len(results[0]) == len(results[1])
    for a, b in zip(*results, strict=True):
        if b is not None:
            _same(a, b)
    (_, ours, x), (_, theirs, _) = sides
    assert repr(ours) == repr(theirs)
    assert ours.bijective == theirs.bijective
    assert tuple(ours.forward_shape(tuple(x.shape))) == tuple(theirs.forward_shape(torch.Size(x.shape)))
    y = ours(x)
    assert tuple(ours.inverse_shape(tuple(y.shape))) == tuple(theirs.inverse_shape(torch.Size(y.shape)))
    for region in ("domain", "codomain"):
        a, b = getattr(ours, region), getattr(theirs, region)
        assert (a.event_dim, a.is_discrete) == (b.event_dim, b.is_discrete)
        assert repr(a).replace("_", "") == repr(b).replace("_", "")
    assert bool(ours.codomain.check(y).all()) or name == "Softmax"
    assert (ours == _parts(corelib, name)[0]) == (theirs == _parts(torch, name)[0])
    try:
        sign = theirs.sign
    except NotImplementedError:
        with pytest.raises(NotImplementedError):
            ours.sign  # noqa: B018
    else:
        np.testing.assert_equal(np.asarray(ours.sign), np.asarray(sign))


def test_cache_and_inverse() -> None:
    d = corelib.distributions
    t = d.ExpTransform(cache_size=1)
    x = corelib.tensor([1000.0])
    y = t(x)
    assert t.inv(y) is x
    assert t(x) is y
    assert t.with_cache(0).inv(y).item() == float("inf")
    assert t.inv.inv is t
    with pytest.raises(ValueError, match="cache_size must be 0 or 1"):
        d.ExpTransform(cache_size=2)
    chain = d.ComposeTransform([d.ExpTransform(), d.TanhTransform()])
    assert chain.inv.inv is chain
    assert isinstance(pickle.loads(pickle.dumps(chain)), d.ComposeTransform)


CONSTRAINTS: dict[str, tuple[Any, Any]] = {
    "boolean": (lambda c, t: c.boolean, [0.0, 1.0, 0.5]),
    "cat": (lambda c, t: c.cat([c.real, c.positive], 0, [1, 2]), [-1.0, -1.0, 1.0]),
    "corr_cholesky": (lambda c, t: c.corr_cholesky, [[1.0, 0.0], [0.6, 0.8]]),
    "greater_than": (lambda c, t: c.greater_than(t([0.0, 1.0, 2.0])), [1.0, 1.0, 1.0]),
    "greater_than_eq": (lambda c, t: c.greater_than_eq(1), [1.0, 0.0, 2.0]),
    "half_open_interval": (lambda c, t: c.half_open_interval(0.0, 1.0), [0.0, 1.0, 0.5]),
    "independent": (lambda c, t: c.independent(c.positive, 1), [[1.0, 2.0], [1.0, -2.0]]),
    "integer_interval": (lambda c, t: c.integer_interval(0, 2), [0.0, 1.5, 3.0]),
    "interval": (lambda c, t: c.interval(-1.0, 1.0), [-1.0, 1.0, 1.5]),
    "less_than": (lambda c, t: c.less_than(upper_bound=1), [1.0, 0.0, 2.0]),
    "lower_cholesky": (lambda c, t: c.lower_cholesky, [[[1.0, 0.0], [5.0, 2.0]], [[1.0, 1.0], [5.0, 2.0]]]),
    "lower_triangular": (lambda c, t: c.lower_triangular, [[[1.0, 0.0], [5.0, -2.0]], [[1.0, 1.0], [5.0, 2.0]]]),
    "multinomial": (lambda c, t: c.multinomial(3), [[1.0, 2.0], [2.0, 2.0]]),
    "nonnegative": (lambda c, t: c.nonnegative, [0.0, 1.0, -1.0]),
    "nonnegative_integer": (lambda c, t: c.nonnegative_integer, [0.0, 1.5, -1.0]),
    "one_hot": (lambda c, t: c.one_hot, [[1.0, 0.0], [1.0, 1.0]]),
    "positive": (lambda c, t: c.positive, [0.0, 1.0, -1.0]),
    "positive_definite": (lambda c, t: c.positive_definite, [[[1.0, 0.5], [0.5, 2.0]], [[1.0, 3.0], [3.0, 2.0]]]),
    "positive_integer": (lambda c, t: c.positive_integer, [0.0, 1.0, 1.5]),
    "positive_semidefinite": (
        lambda c, t: c.positive_semidefinite, [[[1.0, 0.0], [0.0, 0.0]], [[1.0, 3.0], [3.0, 2.0]]]
    ),
    "real": (lambda c, t: c.real, [float("nan"), 1.0, float("inf")]),
    "real_vector": (lambda c, t: c.real_vector, [[float("nan"), 1.0], [1.0, 2.0]]),
    "simplex": (lambda c, t: c.simplex, [[0.5, 0.5], [0.5, 0.6]]),
    "square": (lambda c, t: c.square, [[1.0, 2.0], [0.5, 0.6]]),
    "stack": (lambda c, t: c.stack([c.real, c.positive, c.boolean], 0), [-1.0, -1.0, 1.0]),
    "symmetric": (lambda c, t: c.symmetric, [[[1.0, 0.5], [0.5, 2.0]], [[1.0, 3.0], [2.0, 2.0]]]),
    "unit_interval": (lambda c, t: c.unit_interval, [0.0, 1.0, 1.5]),
}  # fmt: skip


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_constraints_and_what_leads_to_them(torch: Any, name: str) -> None:
    make, value = CONSTRAINTS[name]
    made = []
    for t in (corelib, torch):
        c = make(t.distributions.constraints, t.tensor)
        made.append((t, c, c.check(t.tensor(value))))
    (_, ours, got), (_, theirs, expected) = made
    assert got.tolist() == expected.tolist()
    assert repr(ours).replace(" device='cpu'", "") == repr(theirs)
    assert (ours.event_dim, ours.is_discrete) == (theirs.event_dim, theirs.is_discrete)
    for registry in ("biject_to", "transform_to"):
        try:
            exact = getattr(torch.distributions, registry)(theirs)
        except NotImplementedError as error:
            with pytest.raises(NotImplementedError, match=str(error)):
                getattr(corelib.distributions, registry)(ours)
            continue
        transform = getattr(corelib.distributions, registry)(ours)
        assert repr(transform) == repr(exact)
        x = VECTOR[0] if name not in ("lower_cholesky", "positive_definite", "positive_semidefinite") else SQUARE
        _same(transform(corelib.tensor(x, dtype=corelib.float64)), exact(torch.tensor(x, dtype=torch.float64)))


def test_dependent_constraints_and_own_distributions() -> None:
    d = corelib.distributions
    c = d.constraints
    assert c.is_dependent(d.Binomial.support)
    assert (d.Binomial.support.is_discrete, d.Binomial.support.event_dim) == (True, 0)
    with pytest.raises(ValueError, match="Cannot determine validity of dependent constraint"):
        c.dependent.check(corelib.ones(2))
    with pytest.raises(NotImplementedError, match="event_dim cannot be determined statically"):
        c.dependent.event_dim  # noqa: B018
    assert c.dependent(event_dim=2).event_dim == 2

    class Mine(d.Distribution):  # type: ignore[name-defined, misc]
        arg_constraints = {"rate": c.positive}  # noqa: RUF012
        support = c.real

        def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
            self.rate = rate
            super().__init__(rate.shape, validate_args=validate_args)

        def log_prob(self, value: Any) -> Any:
            if self._validate_args:
                self._validate_sample(value)
            return value * self.rate

    made = Mine(corelib.ones(3))
    assert repr(made) == "Mine(rate: torch.Size([3]))" or repr(made).startswith("Mine(rate: ")
    assert made.expand((2, 3)).rate.shape == (2, 3)
    with pytest.raises(ValueError, match=r"Expected parameter rate .* to satisfy the constraint GreaterThan"):
        Mine(-corelib.ones(3))
    with pytest.raises(ValueError, match="Value is not broadcastable with batch_shape"):
        made.log_prob(corelib.ones(2))
    with pytest.raises(ValueError, match="The value argument to log_prob must be a Tensor"):
        made.log_prob(1.0)
    with pytest.raises(ValueError, match="The right-most size of value must match event_shape"):
        d.Dirichlet(corelib.ones(3)).log_prob(corelib.ones(2) / 2)


def test_exponential_family_of_ones_own(torch: Any) -> None:
    def make(t: Any) -> Any:
        class Mine(t.distributions.ExponentialFamily):  # type: ignore[misc]
            arg_constraints: Any = {}  # noqa: RUF012
            _mean_carrier_measure = 0

            def __init__(self, rate: Any) -> None:
                self.rate = rate
                super().__init__(rate.shape)

            @property
            def _natural_params(self) -> Any:
                return (-self.rate,)

            def _log_normalizer(self, x: Any) -> Any:
                return -t.log(-x)

        p, q = Mine(t.tensor([0.5, 2.0])), Mine(t.tensor([1.0, 3.0]))
        return [p.entropy(), t.distributions.kl_divergence(p, q)]

    for a, b in zip(make(corelib), make(torch), strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-6)
