"""``same(program)``: ``program(library, attempt)`` gives the same on corelib and on PyTorch."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import corelib


def attempt(action: Callable[[], Any]) -> Any:
    """What an action returns, or the type and first line of its error."""
    try:
        return action()
    except Exception as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0]}"


def plain(x: Any) -> Any:
    """Results without the library: tensors as what is seen of them."""
    if isinstance(x, (list, tuple)):
        return [plain(y) for y in x]
    if isinstance(x, dict):
        return {k: plain(v) for k, v in x.items()}
    if hasattr(x, "requires_grad"):
        return ["tensor", str(x.dtype), tuple(x.shape), x.requires_grad, x.is_leaf, x.detach().tolist()]
    return x


def assert_equal(got: Any, want: Any) -> None:
    """Equal, numbers within rounding."""
    if isinstance(want, (list, dict)):
        assert type(got) is type(want)
        assert len(got) == len(want), (got, want)
        keys = range(len(want)) if isinstance(want, list) else want
        for k in keys:
            assert_equal(got[k], want[k])
    elif isinstance(want, float) and not isinstance(got, str):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
    else:
        assert got == want


@pytest.fixture
def same(torch: Any) -> Callable[[Callable[..., Any]], None]:
    """Run a program on both libraries; what it returns (or its error) must agree."""

    def check(program: Callable[..., Any]) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            got, want = (plain(attempt(lambda lib=lib: program(lib, attempt))) for lib in (corelib, torch))
        assert_equal(got, want)

    return check
