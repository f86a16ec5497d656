"""Losses beside PyTorch's: values and gradients of both orders under every reduction, modules, errors."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import corelib
from corelib.nn import functional as F

from .conftest import outcome
from .oracle import Same, same_calls, same_modules

RNG = np.random.default_rng(0)
X, Y, Z = (RNG.uniform(-2, 2, (4, 5)) for _ in range(3))
P = RNG.uniform(0.1, 1, (4, 5))
SIGNS = RNG.choice([-1.0, 1.0], (4, 5))
BITS = RNG.choice([0.0, 1.0], (4, 5))
COUNTS = RNG.integers(0, 6, (4, 5)).astype(float)
CLASSES = np.array([0, 4, 2, 2])
LABELS = np.array([[3, 0, -1, 1, 2], [-1, 0, 0, 0, 0], [4, 4, 1, -1, 0], [0, 1, 2, 3, 4]])
WEIGHT = RNG.uniform(0.5, 2, 5)

CALLS: dict[str, tuple[Callable[..., Any], list[Any]]] = {
    "smooth_l1": (lambda F, x, y, **k: F.smooth_l1_loss(x, y, **k), [X, Y]),
    "smooth_l1, beta": (lambda F, x, y, **k: F.smooth_l1_loss(x, y, beta=0.3, **k), [X, Y]),
    "smooth_l1, beta 0": (lambda F, x, y, **k: F.smooth_l1_loss(x, y, beta=0.0, **k), [X, Y]),
    "huber": (lambda F, x, y, **k: F.huber_loss(x, y, **k), [X, Y]),
    "huber, delta": (lambda F, x, y, **k: F.huber_loss(x, y, delta=0.4, **k), [X, Y]),
    "huber, weight": (lambda F, x, y, w, **k: F.huber_loss(x, y, weight=w, **k), [X, Y, P]),
    "kl_div": (lambda F, x, y, **k: F.kl_div(x, y, **k), [X, P]),
    "kl_div, logarithms": (lambda F, x, y, **k: F.kl_div(x, y, log_target=True, **k), [X, Y]),
    "poisson": (lambda F, x, y, **k: F.poisson_nll_loss(x, y, **k), [X, COUNTS]),
    "poisson, mean": (lambda F, x, y, **k: F.poisson_nll_loss(x, y, log_input=False, **k), [P, COUNTS]),
    "gaussian": (lambda F, x, y, v, **k: F.gaussian_nll_loss(x, y, v, **k), [X, Y, P]),
    "gaussian, full": (lambda F, x, y, v, **k: F.gaussian_nll_loss(x, y, v, full=True, **k), [X, Y, P]),
    "gaussian, limit": (lambda F, x, y, v, **k: F.gaussian_nll_loss(x, y, v, eps=0.5, **k), [X, Y, P]),
    "gaussian, rows": (lambda F, x, y, v, **k: F.gaussian_nll_loss(x, y, v, **k), [X, Y, P[:, 0]]),
    "gaussian, column": (lambda F, x, y, v, **k: F.gaussian_nll_loss(x, y, v, **k), [X, Y, P[:, :1]]),
    "gaussian, number": (lambda F, x, y, **k: F.gaussian_nll_loss(x, y, 0.5, **k), [X, Y]),
    "hinge": (lambda F, x, y, **k: F.hinge_embedding_loss(x, y, **k), [X, SIGNS]),
    "ranking": (lambda F, x, y, s, **k: F.margin_ranking_loss(x, y, s, margin=0.5, **k), [X, Y, SIGNS]),
    "cosine": (lambda F, x, y, s, **k: F.cosine_embedding_loss(x, y, s, 0.1, **k), [X, Y, np.array([1, -1, 1, -1])]),
    "cosine, one": (lambda F, x, y, s, **k: F.cosine_embedding_loss(x, y, s, **k), [X[0], Y[0], np.array(-1)]),
    "triplet": (lambda F, x, y, z, **k: F.triplet_margin_loss(x, y, z, **k), [X, Y, Z]),
    "triplet, swap": (lambda F, x, y, z, **k: F.triplet_margin_loss(x, y, z, 2.0, 3, swap=True, **k), [X, Y, Z]),
    "triplet, distance": (
        lambda F, x, y, z, **k: F.triplet_margin_with_distance_loss(
            x, y, z, distance_function=lambda a, b: (a - b).abs().sum(-1), margin=3.0, swap=True, **k
        ),
        [X, Y, Z],
    ),
    "triplet, no distance": (lambda F, x, y, z, **k: F.triplet_margin_with_distance_loss(x, y, z, **k), [X, Y, Z]),
    "soft margin": (lambda F, x, y, **k: F.soft_margin_loss(x, y.detach(), **k), [X, SIGNS]),
    "multilabel": (lambda F, x, y, **k: F.multilabel_margin_loss(x, y, **k), [X, LABELS]),
    "multilabel, one": (lambda F, x, y, **k: F.multilabel_margin_loss(x, y, **k), [X[0], LABELS[0]]),
    "multilabel soft": (lambda F, x, y, **k: F.multilabel_soft_margin_loss(x, y, **k), [X, BITS]),
    "multilabel soft, weight": (lambda F, x, y, w, **k: F.multilabel_soft_margin_loss(x, y, w, **k), [X, BITS, WEIGHT]),
    "multi": (lambda F, x, y, **k: F.multi_margin_loss(x, y, **k), [X, CLASSES]),
    "multi, squared": (lambda F, x, y, **k: F.multi_margin_loss(x, y, p=2, margin=0.7, **k), [X, CLASSES]),
    "multi, one": (lambda F, x, y, **k: F.multi_margin_loss(x, y, **k), [X[0], CLASSES[0]]),
}


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", CALLS)
def test_losses(torch: ModuleType, name: str, reduction: str) -> None:
    function, arrays = CALLS[name]
    orders = 1 if name.startswith("multi") and "soft" not in name else 2
    same_calls(torch, lambda t, *x: function(t.nn.functional, *x, reduction=reduction), arrays, orders)


@pytest.mark.parametrize("name", ["smooth_l1", "huber", "soft margin", "multi", "triplet", "hinge"])
def test_float32(torch: ModuleType, name: str) -> None:
    function, arrays = CALLS[name]
    small = [a.astype("float32") if a.dtype.kind == "f" else a for a in arrays]
    same_calls(torch, lambda t, *x: function(t.nn.functional, *x), small, 1)


def test_weighted_multi_margin(torch: ModuleType) -> None:
    def call(t: Any, x: Any, y: Any) -> Any:
        return t.nn.functional.multi_margin_loss(x, y, weight=t.tensor(WEIGHT))

    same_calls(torch, call, [X, CLASSES], 1)


def test_full_poisson(torch: ModuleType) -> None:
    def call(t: Any, x: Any) -> Any:
        return t.nn.functional.poisson_nll_loss(x, t.tensor(COUNTS), full=True, reduction="none")

    same_calls(torch, call, [X])


def test_kl_div_by_batch_and_of_zeros(torch: ModuleType) -> None:
    def call(t: Any, x: Any) -> Any:
        return t.nn.functional.kl_div(x, t.tensor(BITS), reduction="batchmean")

    same_calls(torch, call, [X])
    with pytest.warns(UserWarning, match="'batchmean' divides only by the batch size"):
        F.kl_div(corelib.tensor(X), corelib.tensor(P))


@pytest.mark.parametrize("name", ["smooth_l1", "kl_div", "hinge", "ranking", "triplet", "multi", "soft margin"])
@pytest.mark.parametrize("flags", [{"size_average": False}, {"reduce": False}, {"size_average": True, "reduce": True}])
def test_deprecated_flags(torch: ModuleType, name: str, flags: dict[str, bool]) -> None:
    function, arrays = CALLS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        same_calls(torch, lambda t, *x: function(t.nn.functional, *x, **flags), arrays, 1)
    with pytest.warns(UserWarning, match="size_average and reduce args will be deprecated"):
        function(F, *[corelib.tensor(a) for a in arrays], **flags)


def test_soft_margin_does_not_overflow() -> None:
    x = corelib.tensor([-1e4, 1e4], requires_grad=True)
    loss = F.soft_margin_loss(x, corelib.ones(2), reduction="sum")
    loss.backward()
    assert loss.item() == 1e4
    np.testing.assert_array_equal(x.grad.numpy(), [-1, 0])


def test_ties_of_smooth_l1(torch: ModuleType) -> None:
    for name in ("smooth_l1_loss", "huber_loss"):
        same_calls(
            torch,
            lambda t, x, name=name: getattr(t.nn.functional, name)(x, t.zeros_like(x), reduction="none"),
            [np.array([0.0, 1.0, -1.0, 0.5, 3.0])],
            1,
        )


def test_empty(torch: ModuleType) -> None:
    empty = np.zeros((0, 3))
    for name in ("smooth_l1_loss", "huber_loss", "soft_margin_loss", "hinge_embedding_loss"):
        same_calls(
            torch, lambda t, x, name=name: getattr(t.nn.functional, name)(x, x.detach(), reduction="sum"), [empty], 1
        )


# -- connectionist temporal classification -----------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("joined", [False, True])
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_ctc(torch: ModuleType, seed: int, joined: bool, reduction: str) -> None:
    rng = np.random.default_rng(seed)
    time, count, classes, size = rng.integers(1, 9), rng.integers(1, 4), rng.integers(2, 6), rng.integers(1, 5)
    frames = rng.standard_normal((time, count, classes))
    inputs, lengths = rng.integers(1, time + 1, count), rng.integers(0, size + 1, count)
    blank = int(rng.integers(0, classes))
    targets = rng.integers(0, classes, (count, size))
    targets = np.where(targets == blank, (targets + 1) % classes, targets)
    if joined:
        targets = np.concatenate([targets[n, : lengths[n]] for n in range(count)])

    def call(zero: bool) -> Callable[..., Any]:
        def program(t: Any, x: Any) -> Any:
            sizes = [tuple(int(n) for n in a) if joined else t.tensor(a) for a in (inputs, lengths)]
            logs = t.nn.functional.log_softmax(x, -1)
            return t.nn.functional.ctc_loss(logs, t.tensor(targets), *sizes, blank, reduction, zero)

        return program

    for zero in (False, True):
        same_calls(torch, call(zero), [frames], 1)


def test_ctc_of_one_sample(torch: ModuleType) -> None:
    frames = np.random.default_rng(1).standard_normal((6, 4))

    def program(t: Any, x: Any) -> Any:
        logs = t.nn.functional.log_softmax(x, -1)
        return t.nn.functional.ctc_loss(logs, t.tensor([1, 1, 3]), t.tensor(6), t.tensor(3), reduction="none")

    same_calls(torch, program, [frames], 1)


@pytest.mark.parametrize("dtype", ["int32", "float32", "bool"])
def test_ctc_targets_of_any_dtype(torch: ModuleType, dtype: str) -> None:
    logs, targets = np.log(np.full((6, 2, 4), 0.25)), [[1, 2], [3, 1]]
    losses = [
        t.nn.functional.ctc_loss(t.tensor(logs), t.tensor(targets).to(getattr(t, dtype)), [6, 6], [2, 2]).item()
        for t in (corelib, torch)
    ]
    assert losses[0] == pytest.approx(losses[1])


def test_ctc_gradient_through_the_softmax() -> None:
    """Against differences, from logits: the formula holds for what a log-softmax made."""
    x = corelib.tensor(np.random.default_rng(2).standard_normal((5, 2, 3)), requires_grad=True)
    targets = corelib.tensor([[1, 1], [2, 1]])

    def loss(x: Any) -> Any:
        return F.ctc_loss(F.log_softmax(x, -1), targets, (5, 4), (2, 2), reduction="sum")

    assert corelib.autograd.gradcheck(loss, (x,))


CTC = (np.zeros((4, 2, 3)), np.ones((2, 2), dtype=np.int64))
ERRORS: dict[str, Callable[[Any], Any]] = {
    "smooth_l1 beta": lambda t: t.nn.functional.smooth_l1_loss(t.ones(2), t.ones(2), beta=-1),
    "huber delta": lambda t: t.nn.functional.huber_loss(t.ones(2), t.ones(2), delta=0.0),
    "reduction": lambda t: t.nn.functional.smooth_l1_loss(t.ones(2), t.ones(2), reduction="average"),
    "gaussian var": lambda t: t.nn.functional.gaussian_nll_loss(t.ones(2), t.ones(2), -t.ones(2)),
    "gaussian number": lambda t: t.nn.functional.gaussian_nll_loss(t.ones(2), t.ones(2), -1.0),
    "gaussian size": lambda t: t.nn.functional.gaussian_nll_loss(t.ones(4, 3), t.ones(4, 3), t.ones(2)),
    "gaussian reduction": lambda t: t.nn.functional.gaussian_nll_loss(t.ones(2), t.ones(2), t.ones(2), reduction="x"),
    "triplet margin": lambda t: t.nn.functional.triplet_margin_loss(*[t.ones(2, 2)] * 3, margin=0),
    "triplet dims": lambda t: t.nn.functional.triplet_margin_with_distance_loss(t.ones(2), t.ones(2), t.ones(2, 2)),
    "multi p": lambda t: t.nn.functional.multi_margin_loss(t.ones(2, 2), t.zeros(2, dtype=t.int64), p=3),
    "multi weight": lambda t: t.nn.functional.multi_margin_loss(
        t.ones(2, 2), t.zeros(2, dtype=t.int64), weight=t.ones(2, 2)
    ),
    "cosine dims": lambda t: t.nn.functional.cosine_embedding_loss(t.ones(2, 2), t.ones(2, 2), t.ones(2, 2)),
    "multi sizes": lambda t: t.nn.functional.multi_margin_loss(t.ones(2, 3), t.tensor([0])),
    "smooth_l1 int": lambda t: t.nn.functional.smooth_l1_loss(t.tensor([1]), t.tensor([1])),
    "kl_div int": lambda t: t.kl_div(t.ones(2), t.tensor([1, 0]), 2),
    "ctc blank": lambda t: t.nn.functional.ctc_loss(*map(t.tensor, CTC), (4, 4), (2, 2), blank=3),
    "ctc inputs": lambda t: t.nn.functional.ctc_loss(*map(t.tensor, CTC), (4,), (2, 2)),
    "ctc lengths": lambda t: t.nn.functional.ctc_loss(*map(t.tensor, CTC), (4, 4), (2,)),
    "ctc too long": lambda t: t.nn.functional.ctc_loss(*map(t.tensor, CTC), (4, 5), (2, 2)),
    "ctc targets": lambda t: t.nn.functional.ctc_loss(*map(t.tensor, CTC), (4, 4), (2, 3)),
    "HuberLoss": lambda t: t.nn.HuberLoss(delta="1"),
    "TripletMarginLoss": lambda t: t.nn.TripletMarginLoss(-1.0),
    "TripletMarginWithDistanceLoss": lambda t: t.nn.TripletMarginWithDistanceLoss(margin=0.0),
    "MultiMarginLoss": lambda t: t.nn.MultiMarginLoss(p=3),
    "MultiMarginLoss weight": lambda t: t.nn.MultiMarginLoss(weight=t.ones(2, 2)),
    "adaptive": lambda t: t.nn.AdaptiveLogSoftmaxWithLoss(8, 10, [5, 3]),
    "adaptive, none": lambda t: t.nn.AdaptiveLogSoftmaxWithLoss(8, 10, []),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(torch: ModuleType, name: str) -> None:
    ours, theirs = outcome(ERRORS[name], corelib), outcome(ERRORS[name], torch)
    assert isinstance(theirs, Exception)
    assert isinstance(ours, type(theirs)), ours
    assert str(ours).splitlines()[0] == str(theirs).splitlines()[0]


MODULES: dict[str, tuple[Callable[[Any], Any], list[Any]]] = {
    "SmoothL1Loss": (lambda nn: nn.SmoothL1Loss(beta=0.5), [X, Y]),
    "HuberLoss": (lambda nn: nn.HuberLoss("sum", 0.7), [X, Y]),
    "KLDivLoss": (lambda nn: nn.KLDivLoss(reduction="batchmean"), [X, P]),
    "PoissonNLLLoss": (lambda nn: nn.PoissonNLLLoss(True, False), [X, COUNTS]),
    "GaussianNLLLoss": (lambda nn: nn.GaussianNLLLoss(full=True), [X, Y, P]),
    "HingeEmbeddingLoss": (lambda nn: nn.HingeEmbeddingLoss(0.5), [X, SIGNS]),
    "MarginRankingLoss": (lambda nn: nn.MarginRankingLoss(0.5), [X, Y, SIGNS]),
    "CosineEmbeddingLoss": (lambda nn: nn.CosineEmbeddingLoss(0.5), [X, Y, np.array([1, -1, -1, 1])]),
    "TripletMarginLoss": (lambda nn: nn.TripletMarginLoss(swap=True), [X, Y, Z]),
    "TripletMarginWithDistanceLoss": (lambda nn: nn.TripletMarginWithDistanceLoss(margin=2.0), [X, Y, Z]),
    "SoftMarginLoss": (lambda nn: nn.SoftMarginLoss(reduction="none"), [X, SIGNS]),
    "MultiLabelMarginLoss": (lambda nn: nn.MultiLabelMarginLoss(), [X, LABELS]),
    "MultiLabelSoftMarginLoss": (lambda nn: nn.MultiLabelSoftMarginLoss(), [X, BITS]),
    "MultiMarginLoss": (lambda nn: nn.MultiMarginLoss(2), [X, CLASSES]),
    "NLLLoss2d": (lambda nn: nn.NLLLoss2d(), [RNG.uniform(-2, 0, (2, 3, 2, 2)), np.ones((2, 2, 2), dtype=np.int64)]),
    "AdaptiveLogSoftmaxWithLoss": (lambda nn: nn.AdaptiveLogSoftmaxWithLoss(16, 12, [4, 8], 2.0), []),
}


@pytest.mark.filterwarnings("ignore:`NLLLoss2d` has been deprecated")
@pytest.mark.parametrize("name", [n for n, (_, arrays) in MODULES.items() if arrays])
def test_modules(torch: ModuleType, name: str) -> None:
    make, arrays = MODULES[name]
    same_modules(torch, make, lambda m, x, *y: m(x, *[z.detach() for z in y]), arrays)


def test_weights_are_buffers() -> None:
    module = corelib.nn.MultiLabelSoftMarginLoss(corelib.ones(3))
    assert list(module.state_dict()) == ["weight"]
    assert corelib.nn.MultiMarginLoss(weight=corelib.ones(3)).double().weight.dtype is corelib.float64


def test_ctc_module(torch: ModuleType) -> None:
    frames = np.random.default_rng(3).standard_normal((6, 2, 4))
    targets = np.array([[1, 2, 3], [1, 1, 2]])

    def call(module: Any, x: Any) -> Any:
        t = corelib if isinstance(x, corelib.Tensor) else torch
        return module(t.nn.functional.log_softmax(x, 2), t.tensor(targets), (6, 5), (3, 2))

    same_modules(torch, lambda nn: nn.CTCLoss(blank=0, zero_infinity=True), call, [frames])


@pytest.mark.parametrize("bias", [False, True])
def test_adaptive_softmax(torch: ModuleType, bias: bool) -> None:
    x = np.random.default_rng(4).standard_normal((7, 16))
    targets = np.array([0, 3, 4, 7, 8, 11, 4])

    def make(nn: Any) -> Any:
        return nn.AdaptiveLogSoftmaxWithLoss(16, 12, [4, 8], 2.0, head_bias=bias)

    def call(module: Any, x: Any) -> Any:
        t = corelib if isinstance(x, corelib.Tensor) else torch
        output, loss = module(x, t.tensor(targets))
        one = module(x[0], t.tensor(targets[0]))
        return [output, loss, one.output, one.loss, module.log_prob(x), module.predict(x)]

    same_modules(torch, make, call, [x])
    with pytest.raises(RuntimeError, match=r"Target values should be in \[0, 11\]"):
        make(corelib.nn)(corelib.zeros(1, 16), corelib.tensor([12]))


def test_on_the_strict_device() -> None:
    frames, targets = corelib.tensor(X[:, None, :].astype("float32")).log_softmax(-1), corelib.tensor([[1, 2]])
    here = F.ctc_loss(frames, targets, (4,), (2,))
    there = F.ctc_loss(frames.to("strict"), targets.to("strict"), (4,), (2,))
    np.testing.assert_allclose(there.cpu().numpy(), here.numpy(), rtol=1e-6)


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")
@pytest.mark.parametrize("name", CALLS)
def test_every_loss_on_the_strict_device(name: str) -> None:
    function, arrays = CALLS[name]
    tensors = [corelib.tensor(a.astype("float32") if a.dtype.kind == "f" else a) for a in arrays]
    ours = function(F, *[x.to("strict") for x in tensors])
    np.testing.assert_allclose(ours.cpu().numpy(), function(F, *tensors).numpy(), rtol=1e-5)


def test_runs_same(same: Same) -> None:
    same(lambda t: t.nn.functional.huber_loss(t.tensor(X), t.tensor(Y)))


TOP_LEVEL: dict[str, tuple[Callable[..., Any], list[Any]]] = {
    "bce": (lambda t, x, y, **k: t.binary_cross_entropy_with_logits(x, y.detach(), **k), [X, BITS]),
    "cosine": (
        lambda t, x, y, **k: t.cosine_embedding_loss(x, y, t.tensor([1, -1, -1, 1]), 0.1, **k),
        [X, Y],
    ),
    "hinge": (lambda t, x, y, **k: t.hinge_embedding_loss(x, y.detach(), **k), [X, SIGNS]),
    "kl_div": (lambda t, x, y, **k: t.kl_div(x, y.detach(), **k), [X, P]),
    "ranking": (lambda t, x, y, s, **k: t.margin_ranking_loss(x, y, s.detach(), 0.2, **k), [X, Y, SIGNS]),
    "poisson": (lambda t, x, y, **k: t.poisson_nll_loss(x, y.detach(), True, False, 1e-8, **k), [X, COUNTS]),
    "triplet": (lambda t, x, y, z, **k: t.triplet_margin_loss(x, y, z, swap=True, **k), [X, Y, Z]),
}


@pytest.mark.parametrize("reduction", [0, 1, 2])
@pytest.mark.parametrize("name", TOP_LEVEL)
def test_top_level(torch: ModuleType, name: str, reduction: int) -> None:
    function, arrays = TOP_LEVEL[name]
    same_calls(torch, lambda t, *x: function(t, *x, reduction=reduction), arrays, 1)


def test_top_level_ctc(torch: ModuleType) -> None:
    for reduction in (0, 1, 2):
        same_calls(
            torch,
            lambda t, x, r=reduction: t.ctc_loss(x.log_softmax(-1), t.tensor([[1, 2]]), (4,), (2,), 0, r),
            [X[:, None, :]],
            1,
        )
    with pytest.raises(ValueError, match="3 is not a valid value for reduction"):
        corelib.kl_div(corelib.tensor(X), corelib.tensor(P), 3)
