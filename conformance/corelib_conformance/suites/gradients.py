"""Gradients against central differences, and gradients of gradients, along random directions; and training runs.

Differences are taken in float64 where the device holds it.  Where it does not, float32 and a wider step find
what is wrong, not what is inexact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

import corelib
from corelib.core.tensor import Tensor
from corelib.device import Device
from corelib.dtypes import bfloat16, float16, float32, float64
from corelib.nn import functional as F
from corelib.ops import PRIMITIVES
from corelib.ops.primitive import Primitive
from corelib.ops.samples import ArraySpec, LayoutSpec, Sample, Seed, make, specs

from ..check import Check
from ._bench import Bench, values
from ._compare import same

__all__ = ["checks"]

Array = Any
PER_PRIMITIVE = 4
SYMMETRIC = ("linalg_cholesky", "linalg_eigh")
"""Those that read one triangle, and whose gradient is that of a symmetric matrix."""
LEFT_OUT = {
    "relu_grad": "steps where its second operand is 0",
    "cast": "steps, or is narrower than the differences",
    "linalg_eig": "has complex results, up to their phases",
}


def _plain(sample: Sample, wide: bool) -> Sample:
    return sample.widened() if wide else sample


def chosen(prim: Primitive) -> list[Sample]:
    """A few samples of different shapes that have a gradient."""
    found: dict[Any, Sample] = {}
    for sample in prim.samples() if prim.samples is not None else ():
        kinds = [s.dtype for s in specs(sample.args)]
        if sample.error is not None or not sample.gradient or any(d.is_complex for d in kinds):
            continue
        if any(isinstance(s, LayoutSpec) for s in specs(sample.args)) or not any(d.category == 2 for d in kinds):
            continue
        if any(d in (float16, bfloat16) for d in kinds) or any(0 in s.shape for s in specs(sample.args)):
            continue
        found.setdefault(tuple(s.shape for s in specs(sample.args)), sample)
    return list(found.values())[:PER_PRIMITIVE]


def _hosts(args: Any) -> list[Array]:
    return [make(s) for s in specs(args) if isinstance(s, ArraySpec)]


def _call(prim: Primitive, args: Any, tensors: list[Tensor]) -> list[Tensor]:
    """The floating results with these tensors in the places of what the sample describes."""
    left = iter(tensors)

    def placed(a: Any) -> Any:
        if isinstance(a, ArraySpec):
            x = next(left)
            return (x + x.mT) * 0.5 if prim.name in SYMMETRIC else x
        if isinstance(a, Seed):
            return corelib.Generator().manual_seed(a.value)
        return [placed(x) for x in a] if isinstance(a, list) else a

    result = prim.function(*[placed(a) for a in args])
    results = result if isinstance(result, tuple) else (result,)
    if prim.name == "linalg_eigh":  # the vectors have any sign
        results = results[:1]
    steady = [r for i, r in enumerate(results) if i not in prim.nondifferentiable]
    return [r for r in steady if r is not None and r.dtype.category == 2]


def run_gradient(prim: Primitive, sample: Sample, device: Device) -> None:
    """First and second order, along two directions each."""
    bench = Bench(device)
    wide = bench.holds(float64)
    d: Any = np.float64 if wide else np.float32
    sample = _plain(sample, wide)
    bench.needs(*[s.dtype for s in specs(sample.args)])
    hosts = _hosts(sample.args)
    moving = [i for i, h in enumerate(hosts) if h.dtype.kind == "f"]
    step, loose = (1e-6, 2e-6) if wide else (5e-3, 3e-2)
    rng = np.random.default_rng(len(prim.name))

    def leaves(shift: float, along: list[Array]) -> list[Tensor]:
        made = [h + shift * along[moving.index(i)] if i in moving else h for i, h in enumerate(hosts)]
        return [bench.put(np.asarray(m).astype(h.dtype)) for m, h in zip(made, hosts, strict=True)]

    weights: list[Array] = []

    def loss(tensors: list[Tensor]) -> Any:
        total: Any = None
        for i, out in enumerate(_call(prim, sample.args, tensors)):
            if len(weights) <= i:
                weights.append(rng.uniform(0.5, 1.5, tuple(out.shape)).astype(d))
            part = (out * bench.put(weights[i].astype(out.dtype.numpy))).sum()
            total = part if total is None else total + part
        return total

    def slope(tensors: list[Tensor], along: list[Array], graph: bool) -> Any:
        for i in moving:
            tensors[i].requires_grad_()
        inputs = [tensors[i] for i in moving]
        found = corelib.autograd.grad(loss(tensors), inputs, create_graph=graph, allow_unused=True)
        total: Any = bench.put(np.zeros((), d))
        for g, a in zip(found, along, strict=True):
            if g is not None:
                total = total + (g * bench.put(a.astype(g.dtype.numpy))).sum()
        return total

    zero = [np.zeros(hosts[i].shape) for i in moving]
    for _ in range(2):
        along = [rng.uniform(-1, 1, hosts[i].shape) for i in moving]
        up, down = (float(bench.get(loss(leaves(s, along))).astype(np.float64)) for s in (step, -step))
        numeric = (up - down) / (2 * step)
        analytic = float(bench.get(slope(leaves(0.0, zero), along, False)))
        size = max(abs(numeric), abs(analytic), 1.0, abs(up) * (1e-3 if wide else 1.0))
        assert abs(numeric - analytic) <= loose * size, f"differences give {numeric}, the gradient {analytic}"
        if not wide:
            continue
        other = [rng.uniform(-1, 1, hosts[i].shape) for i in moving]
        try:
            tensors = leaves(0.0, zero)
            first = slope(tensors, along, True)
            if not first.requires_grad:
                continue
            second = corelib.autograd.grad(first, [tensors[i] for i in moving], allow_unused=True)
        except (NotImplementedError, RuntimeError) as error:
            if any(words in str(error) for words in ("not implemented", "does not require grad", "differentiable")):
                continue
            raise
        analytic = sum(float((bench.get(g) * o).sum()) for g, o in zip(second, other, strict=True) if g is not None)
        up, down = (float(bench.get(slope(leaves(s, other), along, False))) for s in (step, -step))
        numeric = (up - down) / (2 * step)
        size = max(abs(numeric), abs(analytic), 1.0, abs(up) * 1e-3)
        assert abs(numeric - analytic) <= 2e-5 * size, (
            f"{prim.name}, second order: {numeric} by differences, {analytic}"
        )


# -- training runs -----------------------------------------------------------------------------------------------


def _classified(model: Any, x: Any, y: Any) -> Any:
    return F.cross_entropy(model(x), y)


def _mlp() -> tuple[Any, Callable[[Any, Any, Any], Any], Array, Array]:
    model = corelib.nn.Sequential(corelib.nn.Linear(6, 16), corelib.nn.Tanh(), corelib.nn.Linear(16, 3))
    return model, _classified, values((32, 6), float32, -1, 1, seed=1), _labels(32, 3)


def _cnn() -> tuple[Any, Callable[[Any, Any, Any], Any], Array, Array]:
    nn = corelib.nn
    model = nn.Sequential(
        nn.Conv2d(2, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 8, 3, stride=2),
        nn.ReLU(), nn.Flatten(), nn.Dropout(0.25), nn.Linear(8, 4),
    )  # fmt: skip
    return model, _classified, values((16, 2, 8, 8), float32, -1, 1, seed=2), _labels(16, 4)


class _Recurrent(corelib.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cells = corelib.nn.LSTM(5, 8, batch_first=True)
        self.head = corelib.nn.Linear(8, 3)

    def forward(self, x: Any) -> Any:
        return self.head(self.cells(x)[0][:, -1])


def _lstm() -> tuple[Any, Callable[[Any, Any, Any], Any], Array, Array]:
    return _Recurrent(), _classified, values((12, 6, 5), float32, -1, 1, seed=3), _labels(12, 3)


class _Attentive(corelib.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        nn = corelib.nn
        self.table = nn.Embedding(11, 8)
        self.norm, self.last = nn.LayerNorm(8), nn.LayerNorm(8)
        self.into, self.out = nn.Linear(8, 24), nn.Linear(8, 8)
        self.up, self.down = nn.Linear(8, 16), nn.Linear(16, 8)
        self.head = nn.Linear(8, 11)

    def forward(self, tokens: Any) -> Any:
        x = self.table(tokens)
        n, t, _ = x.shape
        q, k, v = (p.reshape(n, t, 2, 4).transpose(1, 2) for p in self.into(self.norm(x)).split(8, -1))
        heads = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(heads.transpose(1, 2).reshape(n, t, 8))
        x = x + self.down(F.gelu(self.up(self.last(x))))
        return self.head(x)


def _transformer() -> tuple[Any, Callable[[Any, Any, Any], Any], Array, Array]:
    tokens = np.random.default_rng(4).integers(0, 11, (4, 9))

    def loss(m: Any, x: Any, y: Any) -> Any:
        return F.cross_entropy(m(x).reshape(-1, 11), y.reshape(-1))

    return _Attentive(), loss, tokens[:, :-1].copy(), tokens[:, 1:].copy()


def _labels(count: int, classes: int) -> Array:
    return np.arange(count) * 7 % classes


MODELS: dict[str, Callable[[], tuple[Any, Callable[[Any, Any, Any], Any], Array, Array]]] = {
    "mlp": _mlp, "cnn": _cnn, "lstm": _lstm, "transformer": _transformer,
}  # fmt: skip
OPTIMIZERS = {"mlp": "SGD", "cnn": "SGD", "lstm": "Adam", "transformer": "AdamW"}


def _losses(name: str, device: Any, steps: int) -> list[float]:
    corelib.manual_seed(7)
    model, loss, x, y = MODELS[name]()
    model = model.to(device)
    rate = {"SGD": {"lr": 0.1, "momentum": 0.9}, "Adam": {"lr": 0.01}, "AdamW": {"lr": 0.01}}[OPTIMIZERS[name]]
    optimizer = getattr(corelib.optim, OPTIMIZERS[name])(model.parameters(), **rate)
    inputs, targets = corelib.tensor(x, device=device), corelib.tensor(y, device=device)
    found = []
    corelib.manual_seed(8)
    for _ in range(steps):
        optimizer.zero_grad()
        value = loss(model, inputs, targets)
        value.backward()
        optimizer.step()
        found.append(float(value.item()))
    return found


def run_training(name: str, device: Device) -> None:
    """Twenty steps: the losses fall, are the same again, and follow the CPU's."""
    found = _losses(name, device, 20)
    assert all(np.isfinite(found)), f"losses {found}"
    assert found[-1] < 0.9 * found[0], f"the loss does not fall: {found[0]} to {found[-1]}"
    again = _losses(name, device, 5)
    assert np.allclose(again, found[:5], rtol=1e-5), f"another run: {again}, {found[:5]}"
    right = _losses(name, "cpu", 20)
    off = [abs(a - b) / abs(b) for a, b in zip(found, right, strict=True)]
    assert max(off[:10]) < 1e-3, f"off the CPU's losses by {max(off[:10]):.2g} in ten steps"
    assert max(off) < 2e-2, f"off the CPU's losses by {max(off):.2g} in twenty steps"


def run_by_hand(device: Device) -> None:
    """An MLP trained with its gradient written out in NumPy and float64: the device's losses follow."""
    x, y = values((32, 6), float32, -1, 1, seed=1), _labels(32, 3)
    first, second = values((6, 16), float32, -0.5, 0.5, seed=5), values((16, 3), float32, -0.5, 0.5, seed=6)
    bench = Bench(device)
    w, v = bench.put(first).requires_grad_(), bench.put(second).requires_grad_()
    inputs, targets = bench.put(x), bench.put(y)
    a, b, wide, hot = first.astype(float), second.astype(float), x.astype(float), np.eye(3)[y]
    for step in range(15):
        hidden = np.tanh(wide @ a)
        logits = hidden @ b
        p = np.exp(logits - logits.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        right = -np.log(p[np.arange(32), y]).mean()
        loss = F.cross_entropy(corelib.tanh(inputs @ w) @ v, targets)
        found = float(loss.item())
        assert abs(found - right) < 2e-4 * right, f"step {step}: loss {found}, by hand {right}"
        loss.backward()
        slope = (p - hot) / 32
        of_b, of_a = hidden.T @ slope, wide.T @ (slope @ b.T * (1 - hidden**2))
        for parameter, gradient in ((w, of_a), (v, of_b)):
            got: Any = parameter.grad
            assert np.abs(bench.get(got) - gradient).max() < 1e-4, f"step {step}: a gradient is off"
        with corelib.no_grad():
            for parameter in (w, v):
                change: Any = parameter.grad
                parameter.sub_(change * 0.5)
                parameter.grad = None
        a, b = a - 0.5 * of_a, b - 0.5 * of_b


def run_accumulation(device: Device) -> None:
    """Gradients of shared tensors, views and broadcast operands add up; hooks and detaching do what they say."""
    bench = Bench(device)
    host = values((4, 5), float32, -2, 2, seed=7)
    whole = np.round(host * 2)
    x = bench.put(whole).requires_grad_()
    row = bench.put(whole[0]).requires_grad_()
    (x * row + x[1] * 2 + x.t().sum() + x[:, ::2].sum() * 3).sum().backward()
    gradient: Any = x.grad
    right = np.broadcast_to(whole[0], (4, 5)).copy() + 20
    right[1] += 4 * 2
    right[:, ::2] += 3 * 20
    same(bench.get(gradient), right.astype(np.float32), "of a tensor used four times")
    of_row: Any = row.grad
    same(bench.get(of_row), whole.sum(0).astype(np.float32), "of a broadcast row")
    x.grad = None
    for _ in range(3):
        (x * 2).sum().backward()
    added: Any = x.grad
    same(bench.get(added), np.full((4, 5), 6, np.float32), "three times backward")
    assert not x.detach().requires_grad, "detached"
    index = bench.put(np.array([0, 0, 3, 0]))
    x.grad = None
    x[index].sum().backward()
    rows: Any = x.grad
    wanted = np.zeros((4, 5), np.float32)
    wanted[0], wanted[3] = 3, 1
    same(bench.get(rows), wanted, "of rows taken repeatedly")


def checks() -> Iterator[Check]:
    """Every differentiable primitive; then training runs."""
    for name, prim in PRIMITIVES.items():
        if not prim.differentiable or prim.kind == "host" or name in LEFT_OUT:
            continue
        tier = "linalg" if name.startswith("linalg_") else "fft" if name.startswith("fft_") else "training"
        flag = tier if tier != "training" else None
        if name in ("fft_r2c", "view_as_complex"):
            continue  # they have complex results only
        for number, sample in enumerate(chosen(prim)):
            yield Check(
                f"gradient/{name}/{number}", "gradients", tier, name, "float64", number < 2, flag,
                partial(run_gradient, prim, sample),
            )  # fmt: skip
    for name in MODELS:
        yield Check(
            f"training/{name}", "training", "training", None, "float32", True, None, partial(run_training, name)
        )
    yield Check("training/by-hand", "training", "training", None, "float32", True, None, run_by_hand)
    yield Check("gradient/accumulation", "gradients", "training", None, "float32", True, None, run_accumulation)
