"""Copies of views, against PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import corelib
from corelib.dtypes import complex128
from corelib.ops.samples import ArraySpec, array

A = array
X, Z = A(3, 4), A(2, 3, 4, layout="transposed")

CALLS: dict[str, tuple[Callable[..., Any], tuple[ArraySpec, ...]]] = {
    "alias_copy": (lambda t, x: t.alias_copy(x), (X,)),
    "detach_copy": (lambda t, x: t.detach_copy(x), (X,)),
    "as_strided_copy": (lambda t, x: t.as_strided_copy(x, (2, 2), (4, 1), 1), (X,)),
    "as_strided_scatter": (lambda t, x, y: x.as_strided_scatter(y, (2, 2), (4, 1), 1), (X, A(2, 2))),
    "diagonal_copy": (lambda t, x: t.diagonal_copy(x, 1), (X,)),
    "select_copy": (lambda t, x: t.select_copy(x, 1, -1), (Z,)),
    "slice_copy": (lambda t, x: t.slice_copy(x, 1, 0, 4, 2), (X,)),
    "split_copy": (lambda t, x: t.split_copy(x, 3, 1), (X,)),
    "split_with_sizes_copy": (lambda t, x: t.split_with_sizes_copy(x, [1, 3], 1), (X,)),
    "squeeze_copy": (lambda t, x: t.squeeze_copy(x), (A(1, 3, 1),)),
    "squeeze_copy_dim": (lambda t, x: t.squeeze_copy(x, 0), (A(1, 3, 1),)),
    "unsqueeze_copy": (lambda t, x: t.unsqueeze_copy(x, -1), (X,)),
    "t_copy": (lambda t, x: t.t_copy(x), (X,)),
    "unbind_copy": (lambda t, x: t.unbind_copy(x, 1), (Z,)),
    "unfold_copy": (lambda t, x: t.unfold_copy(x, 1, 2, 1), (X,)),
    "view_as_complex_copy": (lambda t, x: t.view_as_complex_copy(x), (A(3, 2),)),
    "view_as_real_copy": (lambda t, x: t.view_as_real_copy(x), (A(3, dtype=complex128),)),
}


@pytest.mark.parametrize("device", ["cpu", "strict"])
@pytest.mark.parametrize("name", CALLS)
def test_value(oracle: Any, name: str, device: str) -> None:
    if device == "strict" and "complex" in name + str(CALLS[name][1]):
        with pytest.raises(TypeError, match="does not support"):  # it has no complex numbers, and says so
            oracle.check_values(*CALLS[name], device)
        return
    oracle.check_values(*CALLS[name], device)


NO_GRADIENT = ("as_strided_scatter", "detach_copy", "view_as_complex_copy")
"""There is none, or PyTorch gives what was overwritten the gradient of what was kept."""


@pytest.mark.parametrize("name", [n for n in CALLS if n not in NO_GRADIENT])
def test_gradients(oracle: Any, name: str) -> None:
    oracle.check_gradients(*CALLS[name])


def test_they_share_nothing() -> None:
    x = corelib.zeros(2, 3)
    corelib.t_copy(x).fill_(1)
    corelib.unbind_copy(x)[0].fill_(1)
    assert x.sum().item() == 0


def test_as_strided_scatter_passes_the_gradient_of_what_is_kept() -> None:
    x, y = corelib.ones(4, requires_grad=True), corelib.ones(2, requires_grad=True)
    gradients = corelib.autograd.grad(x.as_strided_scatter(y, (2,), (1,), 1).sum(), (x, y))
    assert [g.tolist() for g in gradients] == [[1.0, 0.0, 0.0, 1.0], [1.0, 1.0]]
