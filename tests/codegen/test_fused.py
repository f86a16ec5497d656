"""Kernels that do what many primitives would: how few they are, and that they say the same as the CPU's."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import corelib
import corelib.nn.functional as F
from corelib import nn, optim
from corelib.backend import BackendSpec, register_backend
from corelib.backend.registry import registry
from corelib.codegen.dialects import C
from corelib.ops.convolution import convolution, convolution_input_grad, convolution_weight_grad

pytestmark = pytest.mark.xdist_group("codegen")


@pytest.fixture
def launches(host: str, host_module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the kernels launched since it was last cleared."""
    names: list[str] = []
    launch = host_module.HostBackend.launch

    def noted(self: Any, built: Any, units: int, arguments: Any, index: int) -> None:
        names.append(re.sub(r"^run_|_[0-9a-f]{8}$", "", built.__name__))
        launch(self, built, units, arguments, index)

    monkeypatch.setattr(host_module.HostBackend, "launch", noted)
    return names


def made(*shape: int, seed: int = 0, dtype: Any = None) -> Any:
    return corelib.randn(*shape, generator=corelib.Generator().manual_seed(seed), dtype=dtype)


def near(got: Any, expected: Any, tolerance: float = 1e-5) -> None:
    a, b = (t.detach().to("cpu").double().numpy() for t in (got, expected))
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


X, CLASSES = made(6, 10), corelib.arange(6)
ROWWISE: dict[str, tuple[Callable[..., Any], int]] = {
    "softmax": (lambda x, t: x.softmax(1), 1),
    "softmax of columns": (lambda x, t: x.softmax(0), 1),
    "log_softmax": (lambda x, t: x.log_softmax(-1), 1),
    "logsumexp": (lambda x, t: x.logsumexp((0, 1)), 1),
    "layer_norm": (lambda x, t: F.layer_norm(x, (10,), x[0], x[1]), 1),
    "batch_norm": (lambda x, t: F.batch_norm(x, None, None, training=True), 1),
    "cross_entropy": (lambda x, t: F.cross_entropy(x, t), 2),
    "cross_entropy of rows": (lambda x, t: F.cross_entropy(x, t, reduction="none", ignore_index=3), 2),
    "gelu": (lambda x, t: F.gelu(x), 1),
    "hypot": (lambda x, t: corelib.hypot(x, x), 1),
    "logaddexp": (lambda x, t: corelib.logaddexp(x, x), 1),
    "erfinv": (lambda x, t: corelib.erfinv(x), 1),
    "embedding": (lambda x, t: F.embedding(t, x), 1),
    "cat": (lambda x, t: corelib.cat([x] * 8, 1), 1),
    "cat of many": (lambda x, t: corelib.cat([x] * 9, 0), 2),
    "max_pool2d": (lambda x, t: F.max_pool2d(x[None], 2), 1),
    "avg_pool2d": (lambda x, t: F.avg_pool2d(x[None], 3, 2, 1), 1),
    "linear": (lambda x, t: F.linear(x, x[:4], x[0, :4]), 3),
    "linear of many": (lambda x, t: F.linear(x.reshape(2, 3, 10), x), 3),
    "conv1d": (lambda x, t: F.conv1d(x[None], x[None], x[0, :1]), 3),
}


@pytest.mark.parametrize("name", ROWWISE)
def test_launches(name: str, host: str, launches: list[str]) -> None:
    function, count = ROWWISE[name]
    x, classes = X.to(host), CLASSES.to(host)
    launches.clear()
    got: Any = function(x, classes)
    assert len(launches) == count, launches
    near(got, function(X, CLASSES))


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "gelu", "relu", "dropout"])
def test_a_gradient_is_a_launch(name: str, host: str, launches: list[str]) -> None:
    grads = []
    for device in ("cpu", host):
        x, g = X.detach().clone().to(device).requires_grad_(), made(6, 10, seed=1).to(device)
        corelib.manual_seed(0)
        y = getattr(F, name)(x, **({"dim": 1} if "softmax" in name else {}))
        launches.clear()
        y.backward(g)
        grads.append(x.grad)
    assert launches == [f"{name}_grad"]
    near(grads[1], grads[0])


@pytest.mark.parametrize("shape", [(3, 5000), (2, 3, 17), (500, 1), (1, 1), (40, 9)])
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_rows_of_every_length(name: str, shape: tuple[int, ...], host: str) -> None:
    x = made(*shape) * 30
    for view, dim in ((x, -1), (x, 0), (x.transpose(0, -1), -1), (x[::2], 0)):
        near(getattr(view.to(host), name)(dim), getattr(view, name)(dim))


def test_rows_of_infinities(host: str) -> None:
    x = corelib.tensor([[-math.inf, 0.0, 1.0], [math.inf, 0.0, 1.0], [-math.inf] * 3, [math.nan, 0.0, 0.0]])
    for name in ("softmax", "log_softmax"):
        near(getattr(x.to(host), name)(1), getattr(x, name)(1))
    near(x.to(host).logsumexp(1), x.logsumexp(1))


@pytest.mark.parametrize("columns", [3, 70, 600])
def test_neighbouring_rows(columns: int, host: str) -> None:
    x = made(300, columns)
    near(x.to(host).softmax(0), x.softmax(0))
    near(F.batch_norm(x.to(host), None, None, training=True), F.batch_norm(x, None, None, training=True))


@pytest.mark.parametrize("shape", [(6, 5), (4, 3, 7), (2, 5, 6, 5), (1, 3)])
def test_normalizations_and_their_gradients(shape: tuple[int, ...], host: str) -> None:
    def gradients(device: str) -> list[Any]:
        leaves = [made(*shape), made(shape[1], seed=1), made(shape[1], seed=2), made(shape[-1], seed=3)]
        x, w, b, v = (t.to(device).requires_grad_() for t in leaves)
        made_grad = made(*shape, seed=4).to(device)
        outs = [F.layer_norm(x, (shape[-1],), v, v)]
        if shape[0] > 1:
            outs.append(F.batch_norm(x, None, None, w, b, training=True))
        for out in outs:
            out.backward(made_grad)
        return [*outs, x.grad, v.grad, *([w.grad, b.grad] if shape[0] > 1 else [])]

    for got, expected in zip(gradients(host), gradients("cpu"), strict=True):
        near(got, expected, 1e-4)


def test_a_convolution_is_packed_and_multiplied(host: str, launches: list[str]) -> None:
    x, w, b, g = (t.to(host) for t in (made(2, 4, 7, 8), made(6, 4, 3, 3), made(6), made(2, 6, 7, 8)))
    arguments = (1, 1), (1, 1), (1, 1), 1
    calls: list[tuple[Any, tuple[Any, ...]]] = [
        (convolution, (x, w, b)), (convolution_input_grad, (g, w, x.shape)), (convolution_weight_grad, (g, x, w.shape))
    ]  # fmt: skip
    for function, operands in calls:
        launches.clear()
        function(*operands, *arguments)
        assert launches == ["pack_lines", "pack_columns", "matmul"]


def test_convolutions_of_every_kind(host: str) -> None:
    choose = random.Random(3)
    for turn in range(24):
        rank, groups = choose.choice((1, 2, 2, 3)), choose.choice((1, 1, 2, 3))
        n, c, o = choose.choice((1, 3)), groups * choose.choice((1, 5)), groups * choose.choice((1, 7, 20))
        window, sizes = ([choose.choice(v) for _ in range(rank)] for v in ((1, 2, 3), (5, 6, 9)))
        stride, padding, dilation = (
            tuple(choose.choice(v) for _ in range(rank)) for v in ((1, 1, 2, 3), (0, 1, 2), (1, 1, 2))
        )
        x, w = made(n, c, *sizes), made(o, c // groups, *window, seed=1)
        b = made(o, seed=2) if turn % 2 else None
        if turn % 3 == 0:
            x = x.transpose(0, 1).contiguous().transpose(0, 1)
        arguments = stride, padding, dilation, groups
        y = convolution(x, w, b, *arguments)
        g = made(*y.shape, seed=3)
        on: list[Any] = [None if t is None else t.to(host) for t in (x, w, b, g)]
        near(convolution(on[0], on[1], on[2], *arguments), y, 1e-4)
        near(convolution_input_grad(on[3], on[1], x.shape, *arguments),
             convolution_input_grad(g, w, x.shape, *arguments), 1e-4)  # fmt: skip
        near(convolution_weight_grad(on[3], on[0], w.shape, *arguments),
             convolution_weight_grad(g, x, w.shape, *arguments), 1e-4)  # fmt: skip


def test_images_are_multiplied_some_at_a_time(host: str, launches: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corelib.backend.planning.convolution._COLUMNS", 2000)
    for groups in (1, 2):
        x, w = made(5, 4, 7, 7), made(6, 4 // groups, 3, 3)
        launches.clear()
        got = convolution(x.to(host), w.to(host), None, (1, 1), (1, 1), (1, 1), groups)
        assert launches.count("matmul") > 1
        near(got, convolution(x, w, None, (1, 1), (1, 1), (1, 1), groups), 1e-4)


def test_pools_of_every_kind(host: str) -> None:
    choose = random.Random(4)
    for turn in range(24):
        x = made(choose.choice((1, 3)), choose.choice((1, 4)), choose.choice((5, 9)), choose.choice((5, 20)))
        if turn % 4 == 0:
            x[0, 0, 2, 2], x[0, 0, 1, 1] = math.nan, -math.inf
        x = x.transpose(2, 3) if turn % 3 == 0 else x
        window, stride = ((choose.choice((1, 2, 3)), choose.choice((1, 2, 3))) for _ in "ab")
        padding, ceil = tuple(choose.choice((0, k // 2)) for k in window), choose.random() < 0.5
        arguments = window, stride, padding, choose.choice((1, 2)), ceil
        for got, expected in zip(F.max_pool2d(x.to(host), *arguments, return_indices=True),
                                 F.max_pool2d(x, *arguments, return_indices=True), strict=True):  # fmt: skip
            np.testing.assert_array_equal(got.to("cpu").numpy(), expected.numpy())
        for pads, divisor in ((True, None), (False, None), (True, 3)):
            rest: Any = window, stride, padding, ceil, pads, divisor
            near(F.avg_pool2d(x.to(host), *rest), F.avg_pool2d(x, *rest))


def test_gradients_of_tables(host: str) -> None:
    places = (corelib.arange(300) * 7) % 50
    grads = []
    for device in ("cpu", host):
        t = made(50, 7).to(device).requires_grad_()
        (F.embedding(places.to(device), t, padding_idx=3) ** 2).sum().backward()
        grads.append(t.grad)
    near(grads[1], grads[0])


@pytest.mark.parametrize("bad", [-1, 6])
def test_a_place_outside_is_refused(bad: int, host: str) -> None:
    x, places = X.to(host), corelib.tensor([0, bad]).to(host)
    with pytest.raises(IndexError, match=f"index {bad} is out of bounds"):
        F.embedding(places, x)
    with pytest.raises(IndexError):
        F.cross_entropy(x[:2, :6], places)
    assert float(F.cross_entropy(x[:2, :6], places, ignore_index=bad)) > 0  # not a place at all


def test_a_device_without_float64_is_asked_for_none(host_module: ModuleType) -> None:
    class Single(host_module.Recorder):  # type: ignore[name-defined, misc]
        def device_supports(self, d: Any, index: int) -> bool:
            return d is not corelib.float64

    recorder = Single(replace(C, double=False))
    register_backend(BackendSpec("single", lambda: recorder, description="has no float64", testing=True))
    try:
        corelib.erfinv(corelib.empty(3, device="single"))
        text = "".join(kernel.source for kernel in recorder.rendered.values())
        assert "exp" in text and "f64" not in text
    finally:
        registry.unregister_backend("single")


def test_dropout_draws_the_same_everywhere(host: str, launches: list[str]) -> None:
    kept = []
    for device in ("cpu", host):
        corelib.manual_seed(5)
        launches.clear()
        kept += [[F.dropout(corelib.ones(n, device=device), 0.3).to("cpu").numpy() for n in (1001, 5, 70000)]]
    assert launches.count("dropout") == 3
    for a, b in zip(*kept, strict=True):
        np.testing.assert_array_equal(a, b)


OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "sgd": lambda p: optim.SGD(p, lr=0.1),
    "nesterov": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=True),
    "damped": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.5, maximize=True),
    "adam": lambda p: optim.Adam(p, lr=0.01, weight_decay=0.1),
    "adamw": lambda p: optim.AdamW(p, lr=0.01, weight_decay=0.1, amsgrad=True),
    "counted": lambda p: optim.Adam(p, lr=0.01, capturable=True),
}


@pytest.mark.parametrize("dtype", [corelib.float32, corelib.float64])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_step_is_a_launch_for_eight_parameters(name: str, dtype: Any, host: str, launches: list[str]) -> None:
    results: list[Any] = []
    for device in ("cpu", host):
        params = [made(*s, dtype=dtype).to(device).requires_grad_() for s in [(3, 4), (5,), (20000,), *[(7,)] * 10]]
        optimizer = OPTIMIZERS[name](params)
        for step in range(3):
            for p in params:
                p.grad = p.detach() * 0.3 + 0.1 * (step + 1)
            launches.clear()
            optimizer.step()
        results.append(params)
    assert len(launches) == (4 if name == "counted" else 2), launches
    for got, expected in zip(results[1], results[0], strict=True):
        near(got, expected)


def test_a_step_of_halves_rounds_once(host: str) -> None:
    results = []
    for device, dtype in (("cpu", corelib.float32), (host, corelib.float16)):
        p = made(1000, dtype=corelib.float16).to(dtype).to(device).requires_grad_()
        optimizer = optim.Adam([p], lr=0.01)  # its squares and its eps are nothing in float16
        p.grad = p.detach() * 0.5
        optimizer.step()
        results.append(p)
    np.testing.assert_array_equal(results[1].detach().to("cpu").numpy(), results[0].detach().half().numpy())


def _network() -> nn.Module:
    corelib.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 8, 3, padding=1),
        nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.2), nn.Linear(72, 16), nn.ReLU(),
        nn.Linear(16, 10),
    )  # fmt: skip


def test_a_training_step_is_few_launches(host: str, launches: list[str]) -> None:
    losses: list[list[float]] = []
    for device in ("cpu", host):
        network = _network().to(device)
        optimizer = optim.Adam(network.parameters(), lr=1e-2)
        x, classes = made(20, 1, 12, 12).to(device), (corelib.arange(20) % 10).to(device)
        losses.append([])
        for _ in range(5):
            launches.clear()
            optimizer.zero_grad()
            loss = F.cross_entropy(network(x), classes)
            loss.backward()
            optimizer.step()
            losses[-1].append(float(loss))
    assert len(launches) <= 75, launches  # made of other primitives it is more than four hundred
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)
