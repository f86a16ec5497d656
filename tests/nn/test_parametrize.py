"""Parametrizations, weight and spectral norm, fused layers and functional_call beside PyTorch's."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import corelib

Same = Callable[[Callable[[Any], Any]], Any]


def filled(lib: Any, module: Any) -> Any:
    """The module in float64 with the same irregular values in both libraries."""
    random = np.random.default_rng(2)
    module = module.double()
    with lib.no_grad():
        for tensor in module.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(lib.tensor(random.uniform(0.5, 1.5, tuple(tensor.shape)) * random.choice([-1, 1])))
    return module


def symmetric(lib: Any, inverse: bool = True) -> Any:
    class Symmetric(lib.nn.Module):  # type: ignore[misc]
        def forward(self, x: Any) -> Any:
            return x.triu() + x.triu(1).transpose(-1, -2)

        if inverse:

            def right_inverse(self, a: Any) -> Any:
                return a.triu()

    return Symmetric()


def trained(lib: Any, module: Any, shape: Any) -> list[Any]:
    x = lib.tensor(np.random.default_rng(7).standard_normal(shape))
    out = module(x)
    (out * out).sum().backward()
    return [
        out,
        {k: p.grad for k, p in module.named_parameters()},
        {k: v.clone() for k, v in module.state_dict().items()},
    ]


def test_one_parametrization(same: Same) -> None:
    def program(lib: Any) -> Any:
        P = lib.nn.utils.parametrize
        module = filled(lib, lib.nn.Linear(3, 3))
        P.register_parametrization(module, "weight", symmetric(lib))
        found = [repr(module), type(module).__name__, P.is_parametrized(module), P.is_parametrized(module, "bias")]
        found += trained(lib, module, (2, 3))
        module.weight = lib.eye(3, dtype=lib.float64) * 2
        found += [module.weight, P.type_before_parametrizations(module).__name__]
        with P.cached():
            found.append(module.weight is module.weight)
        found.append(module.weight is module.weight)
        again = copy.deepcopy(module)
        P.remove_parametrizations(again, "weight", leave_parametrized=False)
        P.remove_parametrizations(module, "weight")
        return [*found, repr(module), list(module.state_dict()), module.weight, again.weight, list(again.state_dict())]

    same(program)


def test_several_parametrizations(same: Same) -> None:
    def program(lib: Any) -> Any:
        P = lib.nn.utils.parametrize

        class Double(lib.nn.Module):  # type: ignore[misc]
            def forward(self, x: Any) -> Any:
                return x * 2

            def right_inverse(self, x: Any) -> Any:
                return x / 2

        module = filled(lib, lib.nn.Linear(3, 3))
        P.register_parametrization(module, "weight", symmetric(lib))
        P.register_parametrization(module, "weight", Double())
        P.register_parametrization(module, "bias", Double())
        found = [repr(module), *trained(lib, module, (2, 3))]
        other = filled(lib, lib.nn.Linear(3, 3))
        P.transfer_parametrizations_and_params(module, other, "bias")
        found += [list(other.state_dict()), other.bias]
        P.remove_parametrizations(module, "weight")
        return [*found, list(module.state_dict())]

    same(program)


def test_originals_of_several_tensors(same: Same) -> None:
    def program(lib: Any) -> Any:
        P = lib.nn.utils.parametrize

        class LowRank(lib.nn.Module):  # type: ignore[misc]
            def forward(self, a: Any, b: Any) -> Any:
                return a @ b

            def right_inverse(self, w: Any) -> Any:
                return w[:, :1], w[:1]

        module = filled(lib, lib.nn.Linear(3, 4))
        P.register_parametrization(module, "weight", LowRank())
        found = trained(lib, module, (2, 3))
        P.remove_parametrizations(module, "weight")
        return [*found, list(module.state_dict()), module.weight]

    same(program)


def shaped(lib: Any, result: Callable[[Any], Any]) -> Any:
    class Shaped(lib.nn.Module):  # type: ignore[misc]
        def forward(self, x: Any) -> Any:
            return result(x)

    return Shaped()


ERRORS: list[Callable[[Any], Any]] = [
    lambda lib: lib.nn.utils.parametrize.register_parametrization(lib.nn.Linear(2, 2), "other", lib.nn.Identity()),
    lambda lib: lib.nn.utils.parametrize.register_parametrization(
        lib.nn.Linear(2, 2), "weight", shaped(lib, lambda x: x[0])
    ),
    lambda lib: lib.nn.utils.parametrize.register_parametrization(
        lib.nn.Linear(2, 2), "weight", shaped(lib, lambda x: x.double())
    ),
    lambda lib: lib.nn.utils.parametrize.register_parametrization(
        lib.nn.Linear(2, 2), "weight", shaped(lib, lambda x: 3)
    ),
    lambda lib: lib.nn.utils.parametrize.remove_parametrizations(lib.nn.Linear(2, 2), "weight"),
    lambda lib: pickle.dumps(
        lib.nn.utils.parametrize.register_parametrization(lib.nn.Linear(2, 2), "weight", lib.nn.Identity())
    ),
    lambda lib: lib.nn.utils.remove_weight_norm(lib.nn.Linear(2, 2)),
    lambda lib: lib.nn.utils.remove_spectral_norm(lib.nn.Linear(2, 2)),
    lambda lib: lib.nn.utils.spectral_norm(lib.nn.Linear(2, 2), n_power_iterations=0),
    lambda lib: lib.nn.utils.parametrizations.spectral_norm(lib.nn.Linear(2, 2), dim=3),
    lambda lib: lib.nn.utils.parametrizations.orthogonal(lib.nn.Linear(2, 2), "bias"),
    lambda lib: lib.nn.utils.parametrizations.orthogonal(lib.nn.Linear(2, 2), orthogonal_map="other"),
    lambda lib: lib.nn.utils.fuse_conv_bn_eval(lib.nn.Conv2d(1, 1, 1), lib.nn.BatchNorm2d(1)),
    lambda lib: lib.nn.utils.skip_init(lib.nn.Sequential),
]


@pytest.mark.parametrize("number", range(len(ERRORS)))
def test_errors(same: Same, number: int) -> None:
    assert isinstance(same(ERRORS[number]), Exception)


@pytest.mark.parametrize("dim", [0, 1, None, -1])
def test_weight_norm(same: Same, dim: int | None) -> None:
    def program(lib: Any) -> Any:
        module = filled(lib, lib.nn.Conv2d(2, 3, 2))
        lib.nn.utils.parametrizations.weight_norm(module, dim=dim)
        found = trained(lib, module, (2, 2, 3, 3))
        module.weight = module.weight.detach() * 2
        state = module.state_dict()
        older = {"weight_g": state["parametrizations.weight.original0"] * 3, "bias": state["bias"]}
        module.load_state_dict({**older, "weight_v": state["parametrizations.weight.original1"]})
        return [*found, module.weight]

    same(program)


@pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm` is deprecated")
@pytest.mark.parametrize("dim", [0, 1, None])
def test_older_weight_norm(same: Same, dim: int | None) -> None:
    def program(lib: Any) -> Any:
        module = filled(lib, lib.nn.Linear(3, 4))
        lib.nn.utils.weight_norm(module, "weight", dim)
        found = trained(lib, module, (2, 3))
        lib.nn.utils.remove_weight_norm(module)
        return [*found, list(module.state_dict()), module.weight]

    same(program)


def test_older_weight_norm_is_deprecated(same: Same) -> None:
    assert isinstance(same(lambda lib: lib.nn.utils.weight_norm(lib.nn.Linear(2, 2))), FutureWarning)


@pytest.mark.parametrize("older", [False, True])
def test_spectral_norm(same: Same, older: bool) -> None:
    def program(lib: Any) -> Any:
        U = lib.nn.utils
        module = filled(lib, lib.nn.Conv2d(2, 3, 2))
        (U.spectral_norm if older else U.parametrizations.spectral_norm)(module, n_power_iterations=2)
        filled(lib, module)
        shapes = {k: tuple(v.shape) for k, v in module.state_dict().items()}
        found = trained(lib, module, (2, 2, 3, 3))
        module.eval()
        found.append(module(lib.ones(1, 2, 3, 3, dtype=lib.float64)))
        if older:
            U.remove_spectral_norm(module)
        else:
            U.parametrize.remove_parametrizations(module, "weight")
        return [shapes, found, list(module.state_dict()), module.weight]

    same(program)


def test_spectral_norm_starts_near_the_singular_value() -> None:
    module = corelib.nn.utils.parametrizations.spectral_norm(corelib.nn.Linear(5, 4).double())
    value = np.linalg.svd(module.weight.detach().numpy())[1][0]
    assert value == pytest.approx(1.0, rel=0.05)
    assert corelib.nn.utils.parametrizations.spectral_norm(
        corelib.nn.Linear(2, 2), "bias"
    ).bias.norm().item() == pytest.approx(1)


@pytest.mark.parametrize("map", ["matrix_exp", "cayley", "householder"])
@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (3, 5)])
def test_orthogonal(shape: tuple[int, int], map: str) -> None:
    module = corelib.nn.utils.parametrizations.orthogonal(corelib.nn.Linear(*shape).double(), orthogonal_map=map)
    optimizer = corelib.optim.SGD(module.parameters(), lr=0.01)
    for _ in range(2):
        w = module.weight.detach().numpy()
        small = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
        np.testing.assert_allclose(small, np.eye(len(small)), atol=1e-12)
        optimizer.zero_grad()
        (module(corelib.randn(3, shape[0], dtype=corelib.float64)) ** 2).sum().backward()
        optimizer.step()
    assert not np.allclose(module.weight.detach().numpy(), w)
    module.weight = corelib.tensor(w)
    np.testing.assert_allclose(module.weight.detach().numpy(), w, atol=1e-12)


@pytest.mark.parametrize("map", ["matrix_exp", "cayley", "householder"])
def test_orthogonal_gradient(same: Same, map: str) -> None:
    def program(lib: Any) -> Any:
        module = filled(lib, lib.nn.Linear(4, 4, bias=False))
        with lib.no_grad():
            module.weight += lib.eye(4, dtype=lib.float64)
        lib.nn.utils.parametrizations.orthogonal(module, orthogonal_map=map)
        return trained(lib, module, (2, 4))

    same(program)


def test_fused_batch_norm(torch: ModuleType) -> None:
    nn, U = corelib.nn, corelib.nn.utils
    pairs: list[tuple[Any, Any, Any, Any]] = [
        (nn.Conv2d(2, 3, 2), nn.BatchNorm2d(3), U.fuse_conv_bn_eval, (2, 2, 4, 4)),
        (nn.Conv2d(2, 3, 2, bias=False), nn.BatchNorm2d(3, affine=False), U.fuse_conv_bn_eval, (2, 2, 4, 4)),
        (nn.Linear(4, 3), nn.BatchNorm1d(3), U.fuse_linear_bn_eval, (5, 4)),
    ]
    for layer, norm, fuse, shape in pairs:
        layer, norm = filled(corelib, layer).eval(), filled(corelib, norm).eval()
        norm.running_var.abs_()
        x = corelib.randn(*shape, dtype=corelib.float64)
        np.testing.assert_allclose(fuse(layer, norm)(x).detach().numpy(), norm(layer(x)).detach().numpy())


def test_functional_call(same: Same) -> None:
    def program(lib: Any) -> Any:
        call = lib.func.functional_call if lib is not corelib else lib.nn.utils.stateless.functional_call
        module = filled(lib, lib.nn.Sequential(lib.nn.Linear(3, 3), lib.nn.Tanh()))
        weight = lib.ones(3, 3, dtype=lib.float64, requires_grad=True)
        x = lib.ones(2, 3, dtype=lib.float64)
        out = call(module, {"0.weight": weight}, x)
        out.sum().backward()
        found = [out, weight.grad, module[0].weight.grad is None, module(x)]
        found.append(call(module, [{"0.weight": weight * 2}, {"0.bias": weight[0]}], (x,), strict=True))
        module[0].more = lib.nn.Linear(3, 3)
        module[0].more.weight = module[0].weight
        found.append(call(module, {"0.more.weight": weight}, x))
        for bad in ({"0.weight": weight, "1.x": weight}, {}):
            try:
                call(module, bad, x, strict=True)
            except RuntimeError as error:
                found.append(str(error).split("\n")[0])
        return found

    same(program)


def test_skip_init() -> None:
    module = corelib.nn.utils.skip_init(corelib.nn.Linear, 3, 2, bias=False)
    assert module.weight.shape == (2, 3)
    assert module.weight.device.type == "cpu"


def test_clip_grad_aliases(same: Same) -> None:
    def program(lib: Any) -> Any:
        p = lib.nn.Parameter(lib.ones(4))
        (p * p).sum().backward()
        lib.nn.utils.clip_grads_with_norm_([p], 1.0, lib.tensor(8.0))
        return p.grad

    same(program)
    assert isinstance(same(lambda lib: lib.nn.utils.clip_grad_norm(lib.nn.Parameter(lib.ones(4)), 1.0)), FutureWarning)
