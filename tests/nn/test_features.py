"""Padding, distances, dropout by channels, shuffles and one_hot beside PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import corelib
from corelib.nn import functional as F

from .conftest import outcome
from .oracle import same_calls, same_modules


def _normal(*shape: int) -> Any:
    return np.random.default_rng(len(shape)).standard_normal(shape)


# -- padding -----------------------------------------------------------------------------------------------------

PADS: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
    ((2, 3, 5), (1, 2)),
    ((3, 5), (0, 4)),
    ((2, 3, 5), (-1, 2)),
    ((2, 3, 5), (3, -2)),
    ((2, 3, 5), (0, 0)),
    ((2, 3, 5), (-1, -2)),
    ((2, 3, 4, 5), (1, 2, 3, 0)),
    ((3, 4, 5), (1, 2, 0, 3)),
    ((2, 3, 4, 5), (-1, 2, 0, -2)),
    ((2, 2, 3, 4, 5), (1, 2, 0, 1, 2, 1)),
    ((2, 3, 4, 5), (2, 1, 1, 1, 2, 2)),
]


@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
@pytest.mark.parametrize(("shape", "counts"), PADS)
def test_pad(torch: ModuleType, mode: str, shape: tuple[int, ...], counts: tuple[int, ...]) -> None:
    same_calls(torch, lambda t, x: t.nn.functional.pad(x, counts, mode), [_normal(*shape)])


def test_pad_with_a_value_and_other_dtypes(torch: ModuleType) -> None:
    for x in (_normal(3, 2), np.arange(6).reshape(3, 2), np.ones((2, 2), dtype=bool), np.zeros((0, 2))):
        same_calls(torch, lambda t, x: t.nn.functional.pad(x, (1, 0, 2, 1), value=1), [x])
    same_calls(torch, lambda t, x: t.constant_pad_nd(x, (0, 2), 3.5), [_normal(3)])


def test_padding_is_a_copy() -> None:
    x = corelib.zeros(3)
    y = F.pad(x, (0, 0))
    F.pad(x, (-1, 0)).fill_(1)
    y.fill_(1)
    assert float(x.sum()) == 0


PAD_ERRORS: dict[str, Callable[[Any], Any]] = {
    "odd": lambda t: t.nn.functional.pad(t.ones(2), (1,)),
    "too many": lambda t: t.nn.functional.pad(t.ones(2), (1, 1, 1, 1)),
    "dims": lambda t: t.nn.functional.pad(t.ones(2), (1, 1), "reflect"),
    "mode": lambda t: t.nn.functional.pad(t.ones(1, 2), (1, 1), "mirror"),
    "value": lambda t: t.nn.functional.pad(t.ones(1, 2), (1, 1), "reflect", 1.0),
    "reflect": lambda t: t.nn.functional.pad(t.ones(1, 2, 3), (3, 0), "reflect"),
    "circular": lambda t: t.nn.functional.pad(t.ones(1, 2, 3), (4, 0), "circular"),
}


@pytest.mark.parametrize("name", PAD_ERRORS)
def test_pad_errors(torch: ModuleType, name: str) -> None:
    _same_error(torch, PAD_ERRORS[name])


def _same_error(torch: ModuleType, program: Callable[[Any], Any]) -> None:
    ours, theirs = outcome(program, corelib), outcome(program, torch)
    assert isinstance(theirs, Exception)
    assert isinstance(ours, type(theirs)), ours
    assert str(ours).splitlines()[0] == str(theirs).splitlines()[0]


# -- distances ---------------------------------------------------------------------------------------------------

DISTANCES: dict[str, tuple[Callable[..., Any], list[Any]]] = {
    "cosine": (lambda t, x, y: t.cosine_similarity(x, y), [_normal(3, 4), _normal(3, 4)[::-1].copy()]),
    "cosine, dim": (lambda t, x, y: t.cosine_similarity(x, y, dim=0), [_normal(3, 4), _normal(3, 1)]),
    "cosine of 0": (lambda t, x, y: t.cosine_similarity(x, y), [np.zeros((2, 4)), _normal(2, 4)]),
    "pairwise": (lambda t, x, y: t.pairwise_distance(x, y), [_normal(3, 4), _normal(3, 4)[::-1].copy()]),
    "pairwise, 1": (lambda t, x, y: t.pairwise_distance(x, y, 1), [_normal(3, 4), _normal(4)]),
    "pairwise, 3": (lambda t, x, y: t.pairwise_distance(x, y, 3.0, keepdim=True), [_normal(3, 4), _normal(1, 4)]),
    "pairwise, inf": (lambda t, x, y: t.pairwise_distance(x, y, float("inf")), [_normal(3, 4), _normal(1, 4)]),
    "normalize": (lambda t, x: t.nn.functional.normalize(x), [_normal(3, 4)]),
    "normalize, dim": (lambda t, x: t.nn.functional.normalize(x, p=1, dim=-1), [_normal(2, 3, 4)]),
    "normalize, 3": (lambda t, x: t.nn.functional.normalize(x, 3.0, 0), [_normal(3, 4)]),
    "normalize of 0": (lambda t, x: t.nn.functional.normalize(x, eps=0.5), [np.array([[0.1, 0.2], [3.0, 4.0]])]),
    "pdist": (lambda t, x: t.nn.functional.pdist(x), [_normal(4, 3)]),
}


@pytest.mark.parametrize("name", DISTANCES)
def test_distances(torch: ModuleType, name: str) -> None:
    function, arrays = DISTANCES[name]
    same_calls(torch, function, arrays, 1 if name in ("pdist", "cosine of 0") else 2)


def test_normalize_into_a_tensor() -> None:
    x, out = corelib.tensor([[3.0, 4.0]]), corelib.zeros(1, 2)
    assert F.normalize(x, out=out) is out
    np.testing.assert_allclose(out.numpy(), [[0.6, 0.8]], rtol=1e-6)


# -- shuffles and one_hot ----------------------------------------------------------------------------------------

SHUFFLES: dict[str, tuple[Callable[..., Any], tuple[int, ...]]] = {
    "pixel_shuffle": (lambda t, x: t.pixel_shuffle(x, 2), (2, 8, 3, 2)),
    "pixel_shuffle, unbatched": (lambda t, x: t.nn.functional.pixel_shuffle(x, 3), (9, 2, 1)),
    "pixel_shuffle, batches": (lambda t, x: t.pixel_shuffle(x, 2), (2, 3, 4, 1, 2)),
    "pixel_unshuffle": (lambda t, x: t.pixel_unshuffle(x, 2), (2, 3, 4, 6)),
    "channel_shuffle": (lambda t, x: t.channel_shuffle(x, 3), (2, 6, 4, 2)),
    "native_channel_shuffle": (lambda t, x: t.native_channel_shuffle(x, 2), (2, 6, 4)),
}


@pytest.mark.parametrize("name", SHUFFLES)
def test_shuffles(torch: ModuleType, name: str) -> None:
    function, shape = SHUFFLES[name]
    same_calls(torch, function, [_normal(*shape)], 0 if name.startswith("native") else 2)


def test_one_hot(torch: ModuleType) -> None:
    for x in (np.array([0, 2, 1]), np.array([[3, 0], [1, 1]]), np.array(2)):
        same_calls(torch, lambda t, x: t.nn.functional.one_hot(x), [x])
        same_calls(torch, lambda t, x: t.nn.functional.one_hot(x, 5), [x])
    same_calls(torch, lambda t, x: t.nn.functional.one_hot(x, num_classes=2), [np.zeros((0, 3), dtype=np.int64)])


ERRORS: dict[str, Callable[[Any], Any]] = {
    "one_hot of floats": lambda t: t.nn.functional.one_hot(t.ones(2)),
    "one_hot negative": lambda t: t.nn.functional.one_hot(t.tensor([-1])),
    "one_hot too large": lambda t: t.nn.functional.one_hot(t.tensor([3]), 3),
    "one_hot empty": lambda t: t.nn.functional.one_hot(t.zeros(0, dtype=t.int64)),
    "pixel_shuffle dims": lambda t: t.pixel_shuffle(t.ones(2, 2), 2),
    "pixel_shuffle channels": lambda t: t.pixel_shuffle(t.ones(3, 2, 2), 2),
    "pixel_unshuffle height": lambda t: t.pixel_unshuffle(t.ones(3, 3, 2), 2),
    "pixel_unshuffle width": lambda t: t.pixel_unshuffle(t.ones(3, 2, 3), 2),
    "channel_shuffle": lambda t: t.channel_shuffle(t.ones(2, 3, 2), 2),
    "cosine of integers": lambda t: t.cosine_similarity(t.ones(2, 2, dtype=t.int64), t.ones(2, 2, dtype=t.int64)),
    "normalize int": lambda t: t.nn.functional.normalize(t.tensor([[1, 2]])),
    "dropout1d": lambda t: t.nn.functional.dropout1d(t.ones(2)),
    "dropout p": lambda t: t.nn.functional.dropout3d(t.ones(2, 2, 2, 2), 1.5),
    "alpha_dropout p": lambda t: t.alpha_dropout(t.ones(2), -1, True),
    "feature_dropout": lambda t: t.feature_dropout(t.ones(2), 0.5, True),
    "unflatten": lambda t: t.nn.Unflatten(0, 3),
    "unflatten element": lambda t: t.nn.Unflatten(0, (3, 1.5)),
    "circular dims": lambda t: t.nn.CircularPad2d(1)(t.ones(2, 2)),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(torch: ModuleType, name: str) -> None:
    _same_error(torch, ERRORS[name])


# -- dropout -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "shape"),
    [("dropout1d", (40, 50, 3)), ("dropout2d", (40, 50, 3, 2)), ("dropout3d", (40, 50, 2, 2, 2))],
)
@pytest.mark.parametrize("inplace", [False, True])
def test_channels_are_dropped_whole(name: str, shape: tuple[int, ...], inplace: bool) -> None:
    corelib.manual_seed(0)
    ones = corelib.ones(shape)
    y = getattr(F, name)(ones, 0.4, inplace=inplace)
    assert (y is ones) == inplace
    channels = y.reshape(*shape[:2], -1).numpy()
    assert (channels == channels[..., :1]).all()
    np.testing.assert_allclose(np.unique(channels), [0, 1 / 0.6], rtol=1e-6)
    assert (channels[..., 0] == 0).mean() == pytest.approx(0.4, abs=0.05)
    assert getattr(F, name)(ones, 0.4, training=False) is ones


def test_unbatched_channels() -> None:
    corelib.manual_seed(0)
    for name, shape in (("dropout1d", (50, 3)), ("dropout3d", (50, 3, 2, 2))):
        for inplace in (False, True):
            x = corelib.ones(shape)
            y = getattr(F, name)(x, 0.5, inplace=inplace)
            assert tuple(y.shape) == shape
            assert (y is x) == inplace
            channels = y.reshape(50, -1).numpy()
            assert (channels == channels[:, :1]).all()
            assert 5 < (channels[:, 0] == 0).sum() < 45
    with pytest.warns(UserWarning, match="Received a 3D input to dropout2d"):
        F.dropout2d(corelib.ones(2, 3, 4))
    with pytest.warns(UserWarning, match="Received a 2-D input to dropout3d"):
        F.dropout3d(corelib.ones(2, 3))


@pytest.mark.parametrize("feature", [False, True])
def test_alpha_dropout_keeps_mean_and_variance(feature: bool) -> None:
    corelib.manual_seed(0)
    x = corelib.randn(200, 200, 4, dtype=corelib.float64, requires_grad=True)
    function = F.feature_alpha_dropout if feature else F.alpha_dropout
    y = function(x, 0.3, training=True)
    values = y.detach().numpy()
    assert values.mean() == pytest.approx(0, abs=0.03)
    assert values.std() == pytest.approx(1, abs=0.03)
    (grad,) = corelib.autograd.grad(y.sum(), x)
    slopes = grad.numpy()
    assert (slopes == 0).mean() == pytest.approx(0.3, abs=0.02)
    dropped = values[slopes == 0]
    np.testing.assert_allclose(dropped, dropped.flat[0])
    assert ((slopes == slopes[..., :1]).all()) == feature
    assert function(x, 0.3) is x


def test_everything_or_nothing_dropped(torch: ModuleType) -> None:
    x = _normal(2, 3, 4)
    for p in (0.0, 1.0):
        for name in ("alpha_dropout", "feature_alpha_dropout", "feature_dropout"):
            same_calls(torch, lambda t, x, name=name, p=p: getattr(t, name)(x, p, True), [x], 1)
            same_calls(torch, lambda t, x, name=name, p=p: getattr(t, name + "_")(x * 1, p, True), [x], 1)
        same_calls(torch, lambda t, x, p=p: t.dropout_(x * 1, p, True), [x], 1)


# -- modules -----------------------------------------------------------------------------------------------------

PAD_MODULES: dict[str, tuple[Callable[[Any], Any], tuple[int, ...]]] = {
    f"{kind}Pad{dims}d, {padding}": (
        lambda nn, kind=kind, dims=dims, padding=padding: getattr(nn, f"{kind}Pad{dims}d")(
            padding, *((0.5,) if kind == "Constant" else ())
        ),
        (2, 3, 4, 5, 6)[: dims + 2],
    )
    for kind in ("Constant", "Zero", "Reflection", "Replication", "Circular")
    for dims in (1, 2, 3)
    for padding in (2, (1, 2, 0, 1, 2, 1)[: 2 * dims])
}
MODULES: dict[str, tuple[Callable[[Any], Any], tuple[tuple[int, ...], ...]]] = {
    "CosineSimilarity": (lambda nn: nn.CosineSimilarity(dim=0), ((3, 4), (3, 4))),
    "PairwiseDistance": (lambda nn: nn.PairwiseDistance(3.0, keepdim=True), ((3, 4), (1, 4))),
    "PixelShuffle": (lambda nn: nn.PixelShuffle(2), ((1, 4, 2, 2),)),
    "PixelUnshuffle": (lambda nn: nn.PixelUnshuffle(2), ((1, 4, 2, 2),)),
    "ChannelShuffle": (lambda nn: nn.ChannelShuffle(2), ((1, 4, 2, 2),)),
    "Unflatten": (lambda nn: nn.Unflatten(1, (2, -1)), ((3, 4, 2),)),
    "Unflatten, last": (lambda nn: nn.Unflatten(-1, [2, 1]), ((3, 4, 2),)),
    "Dropout1d": (lambda nn: nn.Dropout1d(0.0), ((3, 4, 2),)),
    "Dropout2d": (lambda nn: nn.Dropout2d(0.2).eval(), ((3, 4, 2, 2),)),
    "Dropout3d": (lambda nn: nn.Dropout3d(1.0), ((3, 4, 2, 2, 2),)),
    "AlphaDropout": (lambda nn: nn.AlphaDropout(0.2, inplace=True).eval(), ((3, 4),)),
    "FeatureAlphaDropout": (lambda nn: nn.FeatureAlphaDropout(0.2).eval(), ((3, 4),)),
}


@pytest.mark.parametrize("name", [*PAD_MODULES, *MODULES])
def test_modules(torch: ModuleType, name: str) -> None:
    if name in PAD_MODULES:
        make, shape = PAD_MODULES[name]
        same_modules(torch, make, lambda m, x: m(x), [_normal(*shape)])
    else:
        make, shapes = MODULES[name]
        same_modules(torch, make, lambda m, *x: m(*x), [_normal(*s) + i for i, s in enumerate(shapes)])


def test_on_the_strict_device() -> None:
    x = corelib.tensor(_normal(2, 3, 4).astype("float32"))
    programs: list[Callable[[Any], Any]] = [
        lambda x: F.pad(x, (1, 2), "reflect"),
        lambda x: F.pad(x, (1, -1), "circular"),
        lambda x: F.pad(x, (1, 2, 0, 1)),
        lambda x: F.normalize(x),
        lambda x: corelib.channel_shuffle(x, 3),
        lambda x: F.one_hot((x > 0).long()),
    ]
    for program in programs:
        np.testing.assert_allclose(program(x.to("strict")).cpu().numpy(), program(x).numpy(), rtol=1e-6)
