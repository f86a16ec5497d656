"""Pruning beside PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import corelib
from corelib.nn.utils import prune

from .test_parametrize import filled

Same = Callable[[Callable[[Any], Any]], Any]


def tools(lib: Any) -> Any:
    import importlib

    return importlib.import_module(f"{lib.__name__}.nn.utils.prune")


STEPS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "l1": lambda p, m, lib: p.l1_unstructured(m, "weight", 0.3),
    "l1, count": lambda p, m, lib: p.l1_unstructured(m, "weight", 5),
    "l1, scores": lambda p, m, lib: p.l1_unstructured(m, "weight", 3, lib.arange(12, dtype=lib.float64).reshape(3, 4)),
    "twice": lambda p, m, lib: p.ln_structured(p.l1_unstructured(m, "weight", 0.3), "weight", 1, n=2, dim=0),
    "three times": lambda p, m, lib: p.l1_unstructured(
        p.ln_structured(p.l1_unstructured(m, "weight", 0.3), "weight", 1, n=1, dim=-1), "weight", 2
    ),
    "identity": lambda p, m, lib: p.identity(m, "bias"),
    "none": lambda p, m, lib: p.ln_structured(m, "weight", 0, n=2, dim=0),
    "mask": lambda p, m, lib: p.custom_from_mask(m, "bias", lib.tensor([1, 0, 1])),
    "global": lambda p, m, lib: p.global_unstructured([(m, "weight"), (m, "bias")], p.L1Unstructured, amount=0.4),
}


@pytest.mark.parametrize("name", STEPS)
def test_masks_and_gradients(same: Same, name: str) -> None:
    def program(lib: Any) -> Any:
        p, module = tools(lib), filled(lib, lib.nn.Linear(4, 3))
        STEPS[name](p, module, lib)
        out = module(lib.ones(2, 4, dtype=lib.float64))
        (out * out).sum().backward()
        found = [out, {k: v.clone() for k, v in module.state_dict().items()}, p.is_pruned(module)]
        found.append([g.grad for g in module.parameters()])
        for tensor in ("weight", "bias"):
            if hasattr(module, tensor + "_orig"):
                p.remove(module, tensor)
        return [*found, p.is_pruned(module), sorted(module.state_dict()), module.weight, module.bias]

    same(program)


def test_random_masks() -> None:
    module = prune.random_unstructured(corelib.nn.Linear(10, 10), "weight", 0.25)
    assert (module.weight_mask == 0).sum().item() == 25
    module = prune.random_structured(corelib.nn.Linear(10, 6), "weight", 2, dim=0)
    assert ((module.weight_mask == 0).sum(1) == 10).sum().item() == 2


ERRORS: list[Callable[[Any, Any], Any]] = [
    lambda p, m: p.remove(m, "weight"),
    lambda p, m: p.l1_unstructured(m, "weight", 1.5),
    lambda p, m: p.l1_unstructured(m, "weight", 99),
    lambda p, m: p.l1_unstructured(m, "weight", "a"),
    lambda p, m: p.ln_structured(m, "bias", 1, n=2, dim=0),
    lambda p, m: p.ln_structured(m, "weight", 1, n=2, dim=2),
    lambda p, m: p.global_unstructured([(m, "weight")], p.LnStructured, amount=1, n=2),
]


@pytest.mark.parametrize("number", range(len(ERRORS)))
def test_errors(same: Same, number: int) -> None:
    def program(lib: Any) -> Any:
        try:
            return ERRORS[number](tools(lib), lib.nn.Linear(4, 3))
        except Exception as error:
            raise type(error)(str(error).replace(lib.__name__ + ".nn", "torch.nn")) from None

    assert isinstance(same(program), Exception)
