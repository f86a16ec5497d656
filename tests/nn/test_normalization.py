"""Normalizations beside PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import corelib

from .oracle import Same, near, same_calls, same_modules

Function = Callable[..., Any]
_X, _C = (3, 4, 5, 6), (4,)

CALLS: dict[str, tuple[Function, tuple[tuple[int, ...], ...]]] = {
    "group": (lambda t, x, w, b: t.group_norm(x, 2, w, b, 1e-3), (_X, _C, _C)),
    "group, one": (lambda t, x, w, b: t.nn.functional.group_norm(x, 1, w, b), ((2, 4), _C, _C)),
    "instance": (lambda t, x, w, b: t.nn.functional.instance_norm(x, None, None, w, b), (_X, _C, _C)),
    "instance, top": (lambda t, x, w: t.instance_norm(x, w, None, None, None, True, 0.1, 1e-5, True), (_X, _C)),
    "rms": (lambda t, x, w: t.rms_norm(x, (5, 6), w, 1e-4), (_X, (5, 6))),
    "rms, default": (lambda t, x: t.nn.functional.rms_norm(x, (6,)), (_X,)),
    "layer, top": (lambda t, x, w, b: t.layer_norm(x, [6], w, b), (_X, (6,), (6,))),
    "local response": (lambda t, x: t.nn.functional.local_response_norm(x, 3, 0.1, 0.5, 2.0), (_X,)),
    "local response, even": (lambda t, x: t.nn.functional.local_response_norm(x, 2), ((2, 5, 3),)),
    "local response, deep": (lambda t, x: t.nn.functional.local_response_norm(x, 5, 1.0), ((1, 4, 2, 3, 2),)),
}


def _arrays(shapes: tuple[tuple[int, ...], ...]) -> list[Any]:
    return [np.random.default_rng(i).standard_normal(shape) for i, shape in enumerate(shapes)]


@pytest.mark.parametrize("name", CALLS)
def test_values_and_gradients(torch: ModuleType, name: str) -> None:
    function, shapes = CALLS[name]
    same_calls(torch, function, _arrays(shapes))


@pytest.mark.parametrize("name", CALLS)
def test_on_another_backend(name: str) -> None:
    function, shapes = CALLS[name]
    arrays = _arrays(shapes)
    here = function(corelib, *[corelib.tensor(a) for a in arrays])
    there = function(corelib, *[corelib.tensor(a, device="strict") for a in arrays])
    np.testing.assert_allclose(there.cpu().numpy(), here.numpy(), rtol=1e-9, atol=1e-12)


MODULES: dict[str, tuple[Function, tuple[int, ...]]] = {
    "batch 3d": (lambda nn: nn.BatchNorm3d(4), (2, 4, 3, 2, 3)),
    "group": (lambda nn: nn.GroupNorm(2, 4), _X),
    "group, plain": (lambda nn: nn.GroupNorm(4, 4, eps=1e-3, affine=False), _X),
    "group, no bias": (lambda nn: nn.GroupNorm(1, 4, bias=False), (2, 4)),
    "instance 1d": (lambda nn: nn.InstanceNorm1d(4), (2, 4, 5)),
    "instance 1d, unbatched": (lambda nn: nn.InstanceNorm1d(4, affine=True), (4, 5)),
    "instance 2d": (lambda nn: nn.InstanceNorm2d(4, affine=True, track_running_stats=True), _X),
    "instance 3d": (lambda nn: nn.InstanceNorm3d(2, track_running_stats=True, momentum=0.5), (2, 2, 3, 2, 3)),
    "rms": (lambda nn: nn.RMSNorm(6), _X),
    "rms, plain": (lambda nn: nn.RMSNorm([5, 6], eps=1e-3, elementwise_affine=False), _X),
    "local response": (lambda nn: nn.LocalResponseNorm(3), _X),
}


@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize("name", MODULES)
def test_modules(torch: ModuleType, name: str, mode: str) -> None:
    make, shape = MODULES[name]

    def run(module: Any, x: Any) -> Any:
        module.train()(x.detach() * 2 + 1)  # running statistics move
        return (getattr(module, mode)()(x), *[b.to(x.dtype) for b in module.buffers()])

    same_modules(torch, make, run, _arrays((shape,)))


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("name", ["group_norm", "rms_norm", "instance_norm"])
def test_narrow_dtypes(torch: ModuleType, name: str, dtype: str) -> None:
    x = np.random.default_rng(0).standard_normal((2, 4, 6)) * 3
    more = {"group_norm": (2,), "rms_norm": ((6,),), "instance_norm": ()}[name]
    results = []
    for t in (corelib, torch):
        y = getattr(t.nn.functional, name)(t.tensor(x).to(getattr(t, dtype)), *more)
        assert y.dtype == getattr(t, dtype)
        results.append(y.to(t.float64).numpy())
    tolerance = {"float32": 1e-5, "float16": 4e-3, "bfloat16": 3e-2}[dtype]
    np.testing.assert_allclose(*results, rtol=tolerance, atol=tolerance)


def test_running_statistics_of_instances(torch: ModuleType) -> None:
    results = []
    for t in (corelib, torch):
        x = t.tensor(np.random.default_rng(0).standard_normal((3, 2, 4)))
        mean, var = t.zeros(2, dtype=t.float64), t.ones(2, dtype=t.float64)
        y = t.nn.functional.instance_norm(x, mean, var, momentum=0.3)
        results.append((y, mean, var, t.nn.functional.instance_norm(x, mean, var, use_input_stats=False)))
    near(*results)


ERRORS: dict[str, Function] = {
    "channels": lambda t: t.nn.GroupNorm(3, 4),
    "groups": lambda t: t.nn.functional.group_norm(t.zeros(2, 4, 3), 3),
    "rank": lambda t: t.nn.functional.group_norm(t.zeros(4), 2),
    "instance": lambda t: t.nn.functional.instance_norm(t.zeros(2, 3, 1)),
    "instance rank": lambda t: t.nn.InstanceNorm2d(3)(t.zeros(2, 3)),
    "instance size": lambda t: t.nn.InstanceNorm1d(3, affine=True)(t.zeros(2, 4, 5)),
    "batch rank": lambda t: t.nn.BatchNorm3d(3)(t.zeros(2, 3)),
    "rms": lambda t: t.nn.functional.rms_norm(t.zeros(2, 3), (4,)),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(same: Same, name: str) -> None:
    same(ERRORS[name])


def test_another_number_of_channels_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="does not match num_features"):
        corelib.nn.InstanceNorm1d(3)(corelib.zeros(2, 4, 5))


def test_an_old_state_with_statistics_is_refused(same: Same) -> None:
    def load(t: Any) -> Any:
        state = {"running_mean": t.zeros(3), "running_var": t.ones(3)}
        return t.nn.InstanceNorm1d(3).load_state_dict(state)

    same(load)


def test_neighbours_need_channels_and_places() -> None:
    with pytest.raises(ValueError, match="Expected 3D or higher"):
        corelib.nn.functional.local_response_norm(corelib.zeros(2, 3), 2)


def test_batch_norms_are_converted(same: Same) -> None:
    def program(t: Any) -> Any:
        model = t.nn.Sequential(t.nn.BatchNorm1d(3, affine=False), t.nn.Sequential(t.nn.BatchNorm2d(4)), t.nn.ReLU())
        model[1].eval()
        weight = model[1][0].weight
        made = t.nn.SyncBatchNorm.convert_sync_batchnorm(model)
        return [repr(made), list(made.state_dict()), made[1][0].weight is weight, made[1][0].training]

    same(program)
    x = corelib.randn(4, 3, 2)
    assert corelib.equal(corelib.nn.SyncBatchNorm(3)(x), corelib.nn.BatchNorm1d(3)(x))
