"""Fractional pooling, CrossMapLRN2d and linear_cross_entropy against PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import corelib
from corelib import nn
from corelib.nn import functional as F


def _both(torch: Any, shape: tuple[int, ...], seed: int = 0) -> tuple[Any, Any]:
    x = np.random.default_rng(seed).normal(size=shape)
    return corelib.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)


@pytest.mark.parametrize("device", ["cpu", "strict"])
@pytest.mark.parametrize(
    "shape, kernel, how",
    [
        ((2, 3, 9, 8), 2, {"output_size": (5, 4)}),
        ((3, 9, 8), (3, 2), {"output_ratio": (0.6, 0.5)}),
        ((2, 3, 9, 8), 3, {"output_size": 1}),
        ((2, 2, 7, 9, 8), 2, {"output_size": (3, 4, 5)}),
        ((2, 7, 9, 8), (2, 3, 1), {"output_ratio": (0.5, 0.6, 0.7)}),
    ],
)
def test_fractional_pooling(torch: Any, device: str, shape: tuple[int, ...], kernel: Any, how: dict[str, Any]) -> None:
    ours, theirs = _both(torch, shape)
    n = 2 if shape[-2:] == (9, 8) and len(shape) in (3, 4) and shape[-3] == 3 else 3
    samples = np.random.default_rng(1).uniform(size=(shape[0] if len(shape) == n + 2 else 1, shape[-n - 1], n))
    found, places = getattr(F, f"fractional_max_pool{n}d")(
        ours.to(device), kernel, return_indices=True, _random_samples=corelib.tensor(samples, device=device), **how
    )
    expected, exact = getattr(torch.nn.functional, f"fractional_max_pool{n}d")(
        theirs, kernel, return_indices=True, _random_samples=torch.tensor(samples), **how
    )
    np.testing.assert_array_equal(found.detach().cpu().numpy(), expected.detach().numpy())
    np.testing.assert_array_equal(places.cpu().numpy(), exact.numpy())
    (found * found).sum().backward()
    (expected * expected).sum().backward()
    np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy())


def test_fractional_modules(torch: Any) -> None:
    for n in (2, 3):
        kind = getattr(nn, f"FractionalMaxPool{n}d")
        made = kind(2, output_ratio=0.5)
        x = corelib.randn(2, 3, *[8] * n)
        assert made(x).shape == (2, 3, *[4] * n)
        assert repr(made) == repr(getattr(torch.nn, f"FractionalMaxPool{n}d")(2, output_ratio=0.5))
        with pytest.raises(ValueError, match=f"FractionalMaxPool{n}d requires specifying either an output size, or"):
            kind(2)
        with pytest.raises(ValueError, match="only one of output_size and output_ratio may be specified"):
            kind(2, 3, 0.5)
        with pytest.raises(ValueError, match=r"output_ratio must be between 0 and 1 \(got 1.5\)"):
            kind(2, output_ratio=1.5)
        with pytest.raises(ValueError, match="requires specifying either an output_size or an output_ratio"):
            getattr(F, f"fractional_max_pool{n}d")(x, 2)
    with pytest.raises(RuntimeError, match="pool height 3 too large relative to input height 5"):
        F.fractional_max_pool2d(corelib.rand(1, 1, 5, 5), 3, 4)
    with pytest.raises(RuntimeError, match="pool width 3 too large relative to input width 5"):
        F.fractional_max_pool3d(corelib.rand(1, 1, 5, 5, 5), 3, (2, 2, 4))


@pytest.mark.parametrize("arguments", [(3,), (5, 0.5, 0.6, 2.0), (4, 1.0), (1, 2.0)])
def test_cross_map_normalization(torch: Any, arguments: tuple[Any, ...]) -> None:
    ours, theirs = _both(torch, (2, 6, 3, 4))
    module, exact = nn.CrossMapLRN2d(*arguments), torch.nn.CrossMapLRN2d(*arguments)
    assert repr(module) == repr(exact)
    found, expected = module(ours), exact(theirs)
    np.testing.assert_allclose(found.detach().numpy(), expected.detach().numpy(), rtol=1e-12)
    assert corelib.autograd.gradcheck(module, (ours,))  # PyTorch's gradient leaves the first channel out


LINEAR: dict[str, tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "plain": ((6, 4), (5, 4), (6,), {}),
    "one": ((4,), (5, 4), (), {}),
    "more dimensions": ((6, 4), (5, 2, 3, 4), (6, 2, 3), {}),
    "options of the loss": ((6, 4), (5, 4), (6,), {"ignore_index": 2, "label_smoothing": 0.1, "reduction": "sum"}),
    "none": ((6, 4), (5, 4), (6,), {"reduction": "none"}),
}


@pytest.mark.parametrize("name", LINEAR)
def test_linear_cross_entropy(torch: Any, name: str) -> None:
    shape, weight_shape, target_shape, options = LINEAR[name]
    target = np.random.default_rng(3).integers(0, 5, target_shape)
    sides = list(
        zip(_both(torch, shape), _both(torch, weight_shape, 1), _both(torch, weight_shape[:-1], 2), strict=True)
    )
    results = []
    for t, (x, w, b) in zip((corelib, torch), sides, strict=True):
        y = t.tensor(target)
        loss = t.nn.functional.linear_cross_entropy(x, w, y, linear_bias=b, **options)
        results.append([loss.detach().numpy(), *[g.numpy() for g in t.autograd.grad(loss.sum(), (x, w, b))]])
    for a, e in zip(*results, strict=True):
        np.testing.assert_allclose(a, e, rtol=1e-10, atol=1e-14)


def test_linear_cross_entropy_module(torch: Any) -> None:
    ours, theirs = (t.nn.LinearCrossEntropyLoss(4, 5, out_features=(2,), bias=True) for t in (corelib, torch))
    assert repr(ours) == repr(theirs)
    ours.load_state_dict({k: corelib.tensor(v.numpy()) for k, v in theirs.state_dict().items()})
    x, y = np.float32(np.random.default_rng(0).normal(size=(3, 4))), [[0, 1], [2, 3], [4, 0]]
    loss, exact = ours(corelib.tensor(x), corelib.tensor(y)), theirs(torch.tensor(x), torch.tensor(y))
    assert loss.item() == pytest.approx(exact.item(), rel=1e-6)


REFUSED: dict[str, Callable[[Any], Any]] = {
    "input": lambda t: (t.ones(2, 2, 2), t.ones(3, 2), t.zeros(2)),
    "weight": lambda t: (t.ones(2, 2), t.ones(2), t.zeros(2)),
    "features": lambda t: (t.ones(2, 2), t.ones(3, 3), t.zeros(2)),
    "batch": lambda t: (t.ones(2), t.ones(3, 4, 2), t.zeros(2)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(torch: Any, name: str) -> None:
    said = []
    for t in (corelib, torch):
        with pytest.raises(RuntimeError) as error:
            t.nn.functional.linear_cross_entropy(*REFUSED[name](t))
        said.append(str(error.value))
    assert said[0] == said[1]


def test_bilinear_of_the_top_level(torch: Any) -> None:
    x, y, w = (np.random.default_rng(i).normal(size=s) for i, s in enumerate(((5, 2), (5, 3), (4, 2, 3))))
    found, expected = (t.bilinear(*[t.tensor(a) for a in (x, y, w)]).numpy() for t in (corelib, torch))
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert corelib.from_dlpack(corelib.to_dlpack(corelib.ones(2))).tolist() == [1.0, 1.0]
