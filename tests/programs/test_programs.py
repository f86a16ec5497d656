"""Whole programs, written as people write them, once on PyTorch and once on corelib from the same weights.

Each file beside this one is a program with ``main(torch, start)``: ``torch`` is either library, and ``start`` is
called with every model that was made, before training, to give it the weights that the other run began with.  It
returns the trained model and the losses of its 20 steps.  What is random beside the weights comes from NumPy.
Run as scripts, they train on PyTorch, and with ``python -m corelib.compat.torch FILE`` on corelib.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import corelib

PROGRAMS = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("test_"))
STEPS = 20


def load_program(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"program_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def to_numpy(model: Any) -> dict[str, np.ndarray[Any, Any]]:
    return {name: value.detach().numpy().copy() for name, value in model.state_dict().items()}


def load_numpy(library: Any, model: Any, state: dict[str, np.ndarray[Any, Any]]) -> None:
    """As a program would: tensors made of the arrays, and loaded strictly."""
    model.load_state_dict({name: library.tensor(value) for name, value in state.items()})


@pytest.mark.parametrize("name", PROGRAMS)
def test_same_losses_and_weights(torch: ModuleType, name: str) -> None:
    program = load_program(name)
    weights: list[dict[str, np.ndarray[Any, Any]]] = []
    torch.manual_seed(0)
    theirs, expected = program.main(torch, lambda model: weights.append(to_numpy(model)))
    given = iter(weights)
    ours, losses = program.main(corelib, lambda model: load_numpy(corelib, model, next(given)))
    assert next(given, None) is None, "both runs made as many models"

    assert len(losses) == len(expected) == STEPS
    np.testing.assert_allclose(losses, expected, rtol=1e-4, atol=1e-6)
    assert len(set(expected)) > STEPS // 2, "nothing was learned: the comparison would say little"

    trained, reference = to_numpy(ours), to_numpy(theirs)
    assert list(trained) == list(reference)
    for key, value in reference.items():
        assert trained[key].dtype == value.dtype and trained[key].shape == value.shape, key
        # As a whole: Adam blows rounding up where the true gradient is zero, as it is of the bias of attention's keys.
        assert np.linalg.norm(trained[key] - value) <= 5e-3 * np.linalg.norm(value) + 1e-4, key
    load_numpy(torch, theirs, trained)
    for key, value in to_numpy(theirs).items():
        np.testing.assert_array_equal(trained[key], value, err_msg=key)


@pytest.mark.parametrize("name", ["gpt", "mnist_cnn"])
def test_as_a_script_under_the_alias(name: str) -> None:
    """``import torch`` in the file means corelib; nothing else of it is changed."""
    command = [sys.executable, "-m", "corelib.compat.torch", str(Path(__file__).with_name(f"{name}.py"))]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr
    losses = [float(value) for value in result.stdout.split("losses:")[1].split()]
    assert len(losses) == STEPS and losses[-1] < losses[0]
