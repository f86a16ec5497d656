"""Sizes at which a group of callers works together: several groups, several blocks, ends that are not full."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import corelib
from corelib.core.tensor import Tensor

pytestmark = pytest.mark.xdist_group("codegen")


@pytest.fixture
def put(grid_device: str) -> Any:
    return lambda host: corelib.tensor(host, device=grid_device)


def _random(*shape: int) -> Any:
    return np.random.default_rng(7).standard_normal(shape).astype(np.float32)


def _near(got: Tensor, expected: Any, tolerance: float = 1e-5) -> None:
    np.testing.assert_allclose(got.cpu().numpy(), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("shape", "dim"), [
    ((100_003,), 0), ((5, 3001), 1), ((3001, 5), 0), ((40, 7, 50), 1), ((3, 700, 5), 1), ((70_001, 3), 0),
    ((2, 255), 1),
])  # fmt: skip
def test_reductions(put: Any, shape: tuple[int, ...], dim: int) -> None:
    host = _random(*shape)
    x = put(host)
    _near(x.sum(dim), host.astype(np.float64).sum(dim), 1e-4)
    _near(x.amax(dim), host.max(dim))
    host[..., -1] = np.nan
    np.testing.assert_array_equal(put(host).argmax(dim).cpu().numpy(), host.argmax(dim))


def test_all_dimensions(put: Any) -> None:
    host = _random(300, 400)
    _near(put(host).sum(), host.astype(np.float64).sum(), 1e-4)
    _near(put(host).t().amin(), host.min())


@pytest.mark.parametrize(("m", "n", "k"), [(1, 1, 1), (130, 70, 33), (64, 64, 16), (65, 1, 100), (3, 200, 17)])
def test_products(put: Any, m: int, n: int, k: int) -> None:
    a, b = _random(m, k), _random(k, n)
    _near(put(a) @ put(b), a @ b, 1e-4)
    _near(put(a.T.copy()).t() @ put(b.T.copy()).t(), a @ b, 1e-4)


def test_products_of_batches_and_integers(put: Any) -> None:
    a, b = _random(5, 20, 30), _random(5, 30, 10)
    _near(put(a) @ put(b), a @ b, 1e-4)
    _near(put(a) @ put(b)[0], a @ b[0], 1e-4)
    i = np.arange(70 * 70, dtype=np.int64).reshape(70, 70) - 1000
    np.testing.assert_array_equal((put(i) @ put(i)).cpu().numpy(), i @ i)


@pytest.mark.parametrize(("shape", "dim"), [((1000,), 0), ((3, 257), 1), ((300, 4), 0), ((256,), 0), ((2, 65, 3), 1)])
def test_scans(put: Any, shape: tuple[int, ...], dim: int) -> None:
    host = _random(*shape)
    x = put(host)
    _near(x.cumsum(dim), host.astype(np.float64).cumsum(dim), 1e-4)
    values, places = x.cummax(dim)
    np.testing.assert_array_equal(values.cpu().numpy(), np.maximum.accumulate(host, dim))
    np.testing.assert_array_equal(np.take_along_axis(host, places.cpu().numpy(), dim), values.cpu().numpy())


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize(("shape", "dim"), [((1000,), 0), ((3, 257), 1), ((100, 4), 0), ((65,), 0), ((2, 64), 1)])
def test_sorts_are_stable(put: Any, shape: tuple[int, ...], dim: int, descending: bool) -> None:
    host = np.random.default_rng(3).integers(0, 20, shape).astype(np.float32)
    host.reshape(-1)[::17] = np.nan
    values, places = corelib.sort(put(host), dim=dim, descending=descending, stable=True)
    key = np.where(np.isnan(host), 100, host)
    expected = np.argsort(-key if descending else key, axis=dim, kind="stable")
    np.testing.assert_array_equal(places.cpu().numpy(), expected)
    np.testing.assert_array_equal(values.cpu().numpy(), np.take_along_axis(host, expected, dim))


@pytest.mark.parametrize("dim", [0, 1, 2])
def test_gathers(put: Any, dim: int) -> None:
    host = _random(20, 30, 40)
    index = np.random.default_rng(1).integers(0, host.shape[dim], (11, 13, 17))
    at = put(index)
    part = tuple(slice(None) if d == dim else slice(0, n) for d, n in enumerate(index.shape))
    expected = np.take_along_axis(host[part], index, dim)
    np.testing.assert_array_equal(put(host).gather(dim, at).cpu().numpy(), expected)
    with pytest.raises(IndexError):
        put(host).gather(dim, at + 40).cpu()


@pytest.mark.parametrize(("shape", "dim"), [((3, 1000), 1), ((1000, 3), 0), ((2, 63, 5), 1), ((4, 70, 6), 1)])
def test_rows(put: Any, shape: tuple[int, ...], dim: int) -> None:
    host = _random(*shape)
    x, y = put(host), corelib.tensor(host)
    F = corelib.nn.functional
    _near(x.softmax(dim), y.softmax(dim).numpy())
    _near(x.log_softmax(dim), y.log_softmax(dim).numpy())
    _near(x.logsumexp(dim), y.logsumexp(dim).numpy())
    _near(F.layer_norm(x, shape[1:]), F.layer_norm(y, shape[1:]).numpy(), 1e-4)


def test_batch_norm(put: Any) -> None:
    host = _random(9, 5, 11, 7)
    F = corelib.nn.functional
    results = []
    for x in (put(host), corelib.tensor(host)):
        x.requires_grad_()
        y = F.batch_norm(x, None, None, training=True)
        (y * y * x).sum().backward()
        results.append((y.detach(), x.grad))
    for got, expected in zip(*results, strict=True):
        _near(got, expected.numpy(), 1e-4)
