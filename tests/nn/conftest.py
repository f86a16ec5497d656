"""What the comparisons with PyTorch share: one program, run on both libraries."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import corelib


@pytest.fixture
def same(torch: ModuleType) -> Callable[[Callable[[Any], Any]], Any]:
    """Run a program, a function of the library, on corelib and on PyTorch: results and errors are the same.

    Returns corelib's outcome: what the program returned, or the exception it raised.
    """

    def run(program: Callable[[Any], Any]) -> Any:
        ours, theirs = outcome(program, corelib), outcome(program, torch)
        assert_same(ours, theirs)
        return ours

    return run


def outcome(program: Callable[[Any], Any], library: Any) -> Any:
    try:
        return program(library)
    except Exception as error:
        return error


def assert_same(ours: Any, theirs: Any, rtol: float = 1e-5, atol: float = 1e-6) -> None:
    """Equal in value; tensors closely, exceptions in type and message."""
    if isinstance(ours, Exception) or isinstance(theirs, Exception):
        assert type(ours) is type(theirs) or isinstance(ours, type(theirs)), (ours, theirs)
        assert str(ours).replace("corelib", "torch") == str(theirs)
    elif hasattr(theirs, "detach"):
        assert tuple(ours.shape) == tuple(theirs.shape)
        assert str(ours.dtype).split(".")[-1] == str(theirs.dtype).split(".")[-1]
        np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=rtol, atol=atol)
    elif isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        for key in theirs:
            assert_same(ours[key], theirs[key], rtol, atol)
    elif isinstance(theirs, list | tuple):
        assert len(ours) == len(theirs)
        for our, their in zip(ours, theirs, strict=True):
            assert_same(our, their, rtol, atol)
    elif isinstance(theirs, float):
        assert ours == pytest.approx(theirs, rel=rtol, abs=atol)
    else:
        assert ours == theirs
