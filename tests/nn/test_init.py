"""Initial values: their distributions, and the fans and gains they depend on."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

import corelib
from corelib import nn

Same = Callable[[Callable[[Any], Any]], Any]
SHAPE = (64, 16, 3, 5)  # fan_in 240, fan_out 960


def uniform(std: float) -> float:
    """The bound of a uniform distribution with this standard deviation."""
    return math.sqrt(3) * std


# Per initializer: how the tensor is filled, its standard deviation, and the bound where there is one.
DISTRIBUTIONS: dict[str, tuple[Callable[[Any], Any], float, float | None]] = {
    "uniform": (lambda t: nn.init.uniform_(t, -2, 2), 4 / math.sqrt(12), 2),
    "normal": (lambda t: nn.init.normal_(t, 0, 3), 3, None),
    "xavier uniform": (lambda t: nn.init.xavier_uniform_(t, gain=2), 2 * math.sqrt(2 / 1200), None),
    "xavier normal": (lambda t: nn.init.xavier_normal_(t), math.sqrt(2 / 1200), None),
    "kaiming uniform": (lambda t: nn.init.kaiming_uniform_(t, a=1), math.sqrt(1 / 240), uniform(math.sqrt(1 / 240))),
    "kaiming normal": (
        lambda t: nn.init.kaiming_normal_(t, mode="fan_out", nonlinearity="relu"),
        math.sqrt(2 / 960),
        None,
    ),
}


@pytest.mark.parametrize("case", DISTRIBUTIONS)
def test_distributions(case: str) -> None:
    fill, std, bound = DISTRIBUTIONS[case]
    corelib.manual_seed(0)
    tensor = corelib.zeros(SHAPE, requires_grad=True)
    assert fill(tensor) is tensor and tensor.grad_fn is None and tensor.requires_grad
    values = tensor.detach().numpy()
    assert values.std() == pytest.approx(std, rel=0.02)
    assert abs(values.mean()) < 0.02 * std
    if bound is not None:
        assert 0.99 * bound < abs(values).max() <= bound


@pytest.mark.parametrize(
    ("module", "weight_bound", "bias_bound"),
    [
        (nn.Linear(400, 300), 0.05, 0.05),
        (nn.Conv2d(16, 300, 5), 0.05, 0.05),
        (nn.Conv2d(32, 300, 5, groups=2), 0.05, 0.05),
    ],
    ids=["linear", "conv", "conv groups"],
)
def test_layers_start_within_pytorchs_bounds(module: Any, weight_bound: float, bias_bound: float) -> None:
    for parameter, bound in ((module.weight, weight_bound), (module.bias, bias_bound)):
        values = abs(parameter.detach().numpy())
        assert 0.9 * bound < values.max() <= bound * 1.000001
        assert values.mean() == pytest.approx(bound / 2, rel=0.15)


def test_embedding_starts_normal() -> None:
    corelib.manual_seed(1)
    module = nn.Embedding(500, 20, padding_idx=3)
    values = module.weight.detach().numpy()
    assert values.std() == pytest.approx(1, rel=0.05)
    assert module.weight[3].abs().sum().item() == 0


def test_the_same_seed_gives_the_same_layer() -> None:
    def draw() -> Any:
        corelib.manual_seed(7)
        return nn.Linear(3, 4).weight

    assert corelib.equal(draw(), draw())


def test_a_generator_is_used() -> None:
    def draw(seed: int) -> Any:
        return nn.init.normal_(corelib.empty(5), generator=corelib.Generator().manual_seed(seed))

    assert corelib.equal(draw(1), draw(1)) and not corelib.equal(draw(1), draw(2))


def test_constants() -> None:
    assert nn.init.constant_(corelib.zeros(2), 3).tolist() == [3, 3]
    assert nn.init.ones_(corelib.zeros(2)).tolist() == [1, 1]
    assert nn.init.zeros_(corelib.ones(2)).tolist() == [0, 0]


def test_nothing_to_fill() -> None:
    with pytest.warns(UserWarning, match="Initializing zero-element tensors is a no-op"):
        nn.init.kaiming_uniform_(corelib.empty(0, 3))


def test_structured_values(same: Same) -> None:
    same(lambda t: t.nn.init.eye_(t.zeros(3, 4)))
    same(lambda t: t.nn.init.dirac_(t.ones(4, 2, 3), groups=2))
    same(lambda t: t.nn.init.dirac_(t.ones(3, 4, 3, 2)))
    same(lambda t: t.nn.init.dirac_(t.ones(2, 2, 2, 3, 3)))


def test_gains(same: Same) -> None:
    names = ["linear", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"]
    same(lambda t: [float(t.nn.init.calculate_gain(name)) for name in names])
    same(lambda t: float(t.nn.init.calculate_gain("leaky_relu", 0.5)))
