"""Initial values that follow from others: orthogonal, truncated, sparse; the older names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import corelib
from corelib.nn import init

Same = Callable[[Callable[[Any], Any]], Any]


@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (5, 3), (4, 2, 3), (2, 3, 3)])
def test_orthogonal(shape: tuple[int, ...]) -> None:
    tensor = corelib.nn.Parameter(corelib.empty(shape, dtype=corelib.float64))
    assert init.orthogonal_(tensor, gain=2) is tensor
    flat = tensor.detach().numpy().reshape(shape[0], -1) / 2
    product = flat @ flat.T if flat.shape[0] <= flat.shape[1] else flat.T @ flat
    np.testing.assert_allclose(product, np.eye(len(product)), atol=1e-12)


@pytest.mark.parametrize(("mean", "std", "a", "b"), [(0, 1, -2, 2), (1, 2, 0, 3), (0, 1, 1.5, 2), (0.5, 0.1, -1, 1)])
def test_truncated_normal(mean: float, std: float, a: float, b: float) -> None:
    stats = pytest.importorskip("scipy.stats")
    corelib.manual_seed(0)
    values = init.trunc_normal_(corelib.empty(20000, dtype=corelib.float64), mean, std, a, b).numpy()
    assert a <= values.min() <= values.max() <= b
    expected = stats.truncnorm((a - mean) / std, (b - mean) / std, mean, std)
    assert stats.kstest(values, expected.cdf).pvalue > 1e-3


def test_truncated_normal_far_away() -> None:
    with pytest.warns(UserWarning, match="mean is more than 2 std"):
        init.trunc_normal_(corelib.empty(3), mean=10)


def test_sparse() -> None:
    tensor = init.sparse_(corelib.empty(10, 6), 0.25, std=2.0)
    assert ((tensor == 0).sum(0) == 3).all()


ERRORS: list[Callable[[Any], Any]] = [
    lambda lib: lib.nn.init.orthogonal_(lib.empty(3)),
    lambda lib: lib.nn.init.sparse_(lib.empty(3), 0.1),
    lambda lib: lib.nn.init.constant(lib.empty(3), 1.0),
    lambda lib: lib.nn.init.xavier_uniform(lib.empty(3, 3)),
]


@pytest.mark.parametrize("number", range(len(ERRORS)))
def test_errors_and_warnings(same: Same, number: int) -> None:
    assert isinstance(same(ERRORS[number]), Exception)


@pytest.mark.filterwarnings("ignore:`nn.init")
def test_older_names() -> None:
    assert (init.constant(corelib.empty(3), 2.0) == 2).all()
    assert init.constant.__name__ == "constant"
    assert corelib.equal(init.eye(corelib.empty(3, 3)), corelib.eye(3))
    for name in ("uniform", "normal", "xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal"):
        assert getattr(init, name)(corelib.empty(3, 3)).shape == (3, 3)
    assert init.sparse(corelib.empty(4, 4), 0.5).shape == (4, 4)
    assert init.orthogonal(corelib.empty(4, 4)).shape == (4, 4)
    assert init.dirac(corelib.empty(2, 2, 3)).sum() == 2
