"""Activation functions and modules beside PyTorch's: values, gradients of both orders, in-place forms, errors."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import corelib
from corelib.nn import functional as F

from .conftest import outcome
from .oracle import Same, same_calls, same_modules

INF, NAN = float("inf"), float("nan")
EDGES = [0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 3.0, -3.0, 6.0, 3.5, -3.5, 7.0, 25.0, -25.0, -1000.0, 1000.0]

POINTWISE: dict[str, Callable[[Any, Any], Any]] = {
    "celu": lambda F, x: F.celu(x),
    "celu, alpha": lambda F, x: F.celu(x, 0.7),
    "elu, alpha": lambda F, x: F.elu(x, 1.3),
    "glu": lambda F, x: F.glu(x),
    "hardshrink": lambda F, x: F.hardshrink(x),
    "hardshrink, lambd": lambda F, x: F.hardshrink(x, 1.0),
    "hardsigmoid": lambda F, x: F.hardsigmoid(x),
    "hardswish": lambda F, x: F.hardswish(x),
    "hardtanh": lambda F, x: F.hardtanh(x),
    "hardtanh, limits": lambda F, x: F.hardtanh(x, -0.5, 3.0),
    "leaky_relu": lambda F, x: F.leaky_relu(x, 0.2),
    "mish": lambda F, x: F.mish(x),
    "relu6": lambda F, x: F.relu6(x),
    "rrelu, evaluating": lambda F, x: F.rrelu(x),
    "selu": lambda F, x: F.selu(x),
    "softmin": lambda F, x: F.softmin(x, -1),
    "softshrink": lambda F, x: F.softshrink(x),
    "softshrink, lambd": lambda F, x: F.softshrink(x, 1.0),
    "softsign": lambda F, x: F.softsign(x),
    "tanhshrink": lambda F, x: F.tanhshrink(x),
    "threshold": lambda F, x: F.threshold(x, 0.5, -7.0),
}


@pytest.mark.parametrize("name", POINTWISE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_pointwise(torch: ModuleType, name: str, dtype: str) -> None:
    def call(t: Any, x: Any) -> Any:
        return POINTWISE[name](t.nn.functional, x)

    x = np.random.default_rng(0).uniform(-8, 8, (8, 4)).astype(dtype)
    same_calls(torch, call, [x], orders=1 if name == "hardsigmoid" else 2)  # PyTorch has not its second
    same_calls(torch, call, [x[:0]], orders=1)
    same_calls(torch, call, [np.array(EDGES, dtype=dtype).reshape(4, 4)], orders=1)


@pytest.mark.parametrize("name", [n for n in POINTWISE if n not in ("glu", "softmin", "softsign", "hardswish")])
def test_infinities_and_nan(torch: ModuleType, name: str) -> None:
    x = np.array([INF, -INF, NAN, 1.0])
    ours, theirs = (POINTWISE[name](t.nn.functional, t.tensor(x)).numpy() for t in (corelib, torch))
    np.testing.assert_allclose(ours, theirs, equal_nan=True)


@pytest.mark.parametrize("name", ["hardtanh", "relu6", "threshold"])
def test_integers(torch: ModuleType, name: str) -> None:
    x = np.arange(-4, 9)
    ours, theirs = (POINTWISE[name](t.nn.functional, t.tensor(x)) for t in (corelib, torch))
    assert ours.dtype is corelib.int64
    np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


@pytest.mark.parametrize("shapes", [((5,), (1,)), ((2, 3), (3,)), ((2, 3, 4), (3,)), ((2, 3), ()), ((), (1,))])
def test_prelu(torch: ModuleType, shapes: Any) -> None:
    rng = np.random.default_rng(1)
    same_calls(torch, lambda t, x, w: t.prelu(x, w), [rng.uniform(-2, 2, s) for s in shapes])


def test_glu_of_another_dimension(torch: ModuleType) -> None:
    x = np.random.default_rng(2).standard_normal((2, 4, 3))
    same_calls(torch, lambda t, x: t.nn.functional.glu(x, 1), [x])


IN_PLACE: dict[str, Callable[[Any, Any], Any]] = {
    "relu_": lambda t, x: t.relu_(x),
    "selu_": lambda t, x: t.selu_(x),
    "celu_": lambda t, x: t.celu_(x, 0.8),
    "threshold_": lambda t, x: t.threshold_(x, 0.1, 2.0),
    "rrelu_": lambda t, x: t.rrelu_(x),
    "F.elu_": lambda t, x: t.nn.functional.elu_(x, 0.5),
    "F.leaky_relu_": lambda t, x: t.nn.functional.leaky_relu_(x, 0.3),
    "F.hardtanh_": lambda t, x: t.nn.functional.hardtanh_(x),
    **{
        f"F.{name}, inplace": lambda t, x, name=name: getattr(t.nn.functional, name)(x, inplace=True)
        for name in (
            "celu", "elu", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "mish", "relu", "relu6", "rrelu",
            "selu", "silu",
        )
    },
    "F.threshold, inplace": lambda t, x: t.nn.functional.threshold(x, 0.2, 1.0, True),
}  # fmt: skip


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place(torch: ModuleType, name: str) -> None:
    x = np.random.default_rng(3).uniform(-2, 2, (3, 4))

    def run(t: Any, x: Any) -> Any:
        y = x * 1.5
        result = IN_PLACE[name](t, y)
        assert result is y
        return y

    same_calls(torch, run, [x], orders=1)
    leaf = corelib.tensor(x, requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        IN_PLACE[name](corelib, leaf)


def test_rrelu_draws_slopes_in_its_range() -> None:
    corelib.manual_seed(0)
    x = -corelib.ones(1000, requires_grad=True)
    y = F.rrelu(x, 0.1, 0.4, training=True)
    slopes = -y.detach().numpy()
    assert slopes.min() >= 0.1
    assert slopes.max() < 0.4
    assert slopes.mean() == pytest.approx(0.25, abs=0.01)
    (grad,) = corelib.autograd.grad(y.sum(), x)
    np.testing.assert_allclose(grad.numpy(), slopes, rtol=1e-6)


def test_gumbel_softmax() -> None:
    corelib.manual_seed(0)
    logits = corelib.tensor([0.0, 1.0, 2.0]).expand(4000, 3).clone().requires_grad_()
    soft = F.gumbel_softmax(logits, tau=0.5)
    np.testing.assert_allclose(soft.detach().sum(-1).numpy(), 1, rtol=1e-5)
    hard = F.gumbel_softmax(logits, hard=True)
    assert set(np.round(np.unique(hard.detach().numpy()), 5)) == {0.0, 1.0}
    shares = hard.detach().numpy().mean(0)
    np.testing.assert_allclose(shares, np.exp([0, 1, 2]) / np.exp([0, 1, 2]).sum(), atol=0.03)
    (hard * corelib.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert bool(corelib.isfinite(logits.grad).all())
    assert float(logits.grad.abs().sum()) > 0
    with pytest.warns(UserWarning, match="`eps` parameter is deprecated"):
        F.gumbel_softmax(logits, eps=1e-5)


ERRORS: dict[str, Callable[[Any], Any]] = {
    "celu of 0": lambda t: t.celu(t.ones(2), 0.0),
    "hardtanh crossed": lambda t: t.nn.functional.hardtanh(t.ones(2), 1.0, -1.0),
    "hardtanh unsigned": lambda t: t.nn.functional.hardtanh(t.ones(2, dtype=t.uint8)),
    "glu scalar": lambda t: t.nn.functional.glu(t.tensor(1.0)),
    "glu odd": lambda t: t.nn.functional.glu(t.ones(2, 3)),
    "glu dim": lambda t: t.nn.functional.glu(t.ones(2, 3), 4),
    "softshrink": lambda t: t.nn.functional.softshrink(t.ones(2), -1.0),
    "prelu sizes": lambda t: t.prelu(t.ones(2, 3), t.ones(2)),
    "prelu dims": lambda t: t.prelu(t.ones(2, 3), t.ones(3, 1)),
    "hardshrink int": lambda t: t.hardshrink(t.ones(2, dtype=t.int64)),
    "selu int": lambda t: t.selu(t.ones(2, dtype=t.int64)),
    "mish int": lambda t: t.nn.functional.mish(t.ones(2, dtype=t.int64)),
    "hardtanh bool": lambda t: t.nn.functional.hardtanh(t.tensor([True])),
    "elu int": lambda t: t.nn.functional.elu(t.ones(2, dtype=t.int64)),
    "leaky_relu int": lambda t: t.nn.functional.leaky_relu(t.ones(2, dtype=t.int64)),
    "gumbel_softmax int": lambda t: t.nn.functional.gumbel_softmax(t.ones(2, dtype=t.int64)),
    "prelu dtypes": lambda t: t.prelu(t.ones(2), t.ones(2, dtype=t.float64)),
    "softmax2d": lambda t: t.nn.Softmax2d()(t.ones(2, 3)),
    "hardtanh module": lambda t: t.nn.Hardtanh(1.0, 1.0),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(torch: ModuleType, name: str) -> None:
    ours, theirs = outcome(ERRORS[name], corelib), outcome(ERRORS[name], torch)
    assert isinstance(theirs, Exception)
    assert isinstance(ours, type(theirs)), ours
    assert str(ours).splitlines()[0] == str(theirs).splitlines()[0]


def test_deprecated_names_of_hardtanh() -> None:
    with pytest.warns(FutureWarning, match="`min_value` is deprecated"):
        assert corelib.nn.Hardtanh(min_value=-2.0).min_val == -2.0


MODULES: dict[str, Callable[[Any], Any]] = {
    "CELU": lambda nn: nn.CELU(0.5, inplace=True),
    "ELU": lambda nn: nn.ELU(0.5),
    "ELU, inplace": lambda nn: nn.ELU(inplace=True),
    "GLU": lambda nn: nn.GLU(1),
    "Hardshrink": lambda nn: nn.Hardshrink(0.3),
    "Hardsigmoid": lambda nn: nn.Hardsigmoid(),
    "Hardswish": lambda nn: nn.Hardswish(),
    "Hardtanh": lambda nn: nn.Hardtanh(-0.5, 0.7, inplace=True),
    "LogSigmoid": lambda nn: nn.LogSigmoid(),
    "Mish": lambda nn: nn.Mish(inplace=True),
    "PReLU": lambda nn: nn.PReLU(),
    "PReLU, channels": lambda nn: nn.PReLU(4, init=0.1),
    "ReLU6": lambda nn: nn.ReLU6(),
    "RReLU": lambda nn: nn.RReLU(0.1, 0.2).eval(),
    "SELU": lambda nn: nn.SELU(),
    "Softmax2d": lambda nn: nn.Softmax2d(),
    "Softmin": lambda nn: nn.Softmin(dim=1),
    "Softplus": lambda nn: nn.Softplus(2.0, 10),
    "Softshrink": lambda nn: nn.Softshrink(),
    "Softsign": lambda nn: nn.Softsign(),
    "Tanhshrink": lambda nn: nn.Tanhshrink(),
    "Threshold": lambda nn: nn.Threshold(0.1, 20.0),
}


@pytest.mark.parametrize("name", MODULES)
def test_modules(torch: ModuleType, name: str) -> None:
    x = np.random.default_rng(4).uniform(-2, 2, (2, 4, 3, 2))
    same_modules(torch, MODULES[name], lambda m, x: m(x * 1), [x])


@pytest.mark.parametrize("name", POINTWISE)
def test_on_the_strict_device(name: str) -> None:
    x = corelib.tensor(np.random.default_rng(5).uniform(-4, 4, (3, 4)).astype(np.float32))
    call = partial(POINTWISE[name], F)
    np.testing.assert_allclose(call(x.to("strict")).cpu().numpy(), call(x).numpy(), rtol=1e-6, atol=1e-7)


def test_runs_same(same: Same) -> None:
    same(lambda t: t.nn.functional.softmin(t.tensor([[1.0, 2.0]]), 1, dtype=t.float64))
