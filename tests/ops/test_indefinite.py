"""ldl_factor and ldl_solve against PyTorch's (LAPACK's)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import corelib


def _matrices(kind: str) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(8, 6, 6))
    if kind != "real":
        x = x + 1j * rng.normal(size=x.shape)
    x[::2] *= 1 - np.eye(6)  # zeros on the diagonal: blocks of two
    return x + (x.conj() if kind == "hermitian" else x).swapaxes(-1, -2)


@pytest.mark.parametrize(
    ("kind", "device"), [("real", "cpu"), ("real", "strict"), ("complex", "cpu"), ("hermitian", "cpu")]
)
def test_factors_and_solutions(torch: Any, kind: str, device: str) -> None:
    a, hermitian = _matrices(kind), kind == "hermitian"
    ours = corelib.linalg.ldl_factor_ex(corelib.tensor(a, device=device), hermitian=hermitian)
    theirs = torch.linalg.ldl_factor_ex(torch.tensor(a), hermitian=hermitian)
    np.testing.assert_array_equal(ours.pivots.cpu().numpy(), theirs.pivots.numpy())
    assert (theirs.pivots < 0).any()
    np.testing.assert_array_equal(ours.info.cpu().numpy(), theirs.info.numpy())
    np.testing.assert_allclose(ours.LD.cpu().numpy(), theirs.LD.numpy(), rtol=1e-9, atol=1e-11)
    b = np.random.default_rng(3).normal(size=(6, 2)).astype(a.dtype)
    factors = corelib.linalg.ldl_factor(corelib.tensor(a, device=device), hermitian=hermitian)
    x = corelib.linalg.ldl_solve(*factors, corelib.tensor(b, device=device), hermitian=hermitian)
    np.testing.assert_allclose(a @ x.cpu().numpy(), np.broadcast_to(b, (8, 6, 2)), rtol=1e-9, atol=1e-10)


def test_shapes_and_what_is_refused(torch: Any) -> None:
    for shape in ((0, 3, 3), (2, 0, 0), (1, 1), (2, 2, 1, 1)):
        ours, theirs = (t.linalg.ldl_factor_ex(t.ones(shape)) for t in (corelib, torch))
        for a, b in zip(ours, theirs, strict=True):
            assert tuple(a.shape) == tuple(b.shape)
            assert str(a.dtype).split(".")[-1] == str(b.dtype).split(".")[-1]
    singular = corelib.linalg.ldl_factor_ex(corelib.zeros(2, 2))
    assert (singular.info.item(), singular.pivots.tolist()) == (1, [1, 2])
    with pytest.raises(RuntimeError, match="diagonal element 1 of D is zero"):
        corelib.linalg.ldl_factor(corelib.zeros(2, 2))
    with pytest.raises(RuntimeError, match="A must be batches of square matrices, but they are 2 by 3 matrices"):
        corelib.linalg.ldl_factor_ex(corelib.zeros(2, 3))
    factors = corelib.linalg.ldl_factor(corelib.eye(3))
    with pytest.raises(RuntimeError, match="Incompatible shapes of A and B for the equation AX = B"):
        corelib.linalg.ldl_solve(*factors, corelib.ones(2, 2))


def test_gradients_through_factors_and_solutions() -> None:
    """PyTorch has none; the inverse of a symmetric matrix has those of its lower triangle."""
    a = corelib.tensor(_matrices("real")[:2, :4, :4], requires_grad=True)
    b = corelib.tensor(np.random.default_rng(3).normal(size=(2, 4, 1)), requires_grad=True)

    def solution(a: Any, b: Any) -> Any:
        return corelib.linalg.ldl_solve(*corelib.linalg.ldl_factor(a), b)

    assert corelib.autograd.gradcheck(solution, (a, b))
