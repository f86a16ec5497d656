"""A few sums by hand.  What the contract asks is the conformance suite's: pytest runs it after these."""

from __future__ import annotations

import corelib
import pytest

DEVICE = "jaxnumpy"


def test_a_sum() -> None:
    x = corelib.tensor([[1.0, 2.0], [3.0, 4.0]], device=DEVICE)
    assert (x + x.mT).tolist() == [[2.0, 5.0], [5.0, 8.0]]


def test_a_gradient() -> None:
    x = corelib.tensor([1.0, 2.0, 3.0], device=DEVICE, requires_grad=True)
    (x * x).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [2.0, 4.0, 6.0]


def test_writing_through_a_view() -> None:
    x = corelib.zeros(2, 2, device=DEVICE)
    x[:, 0] = 1.0
    assert x.tolist() == [[1.0, 0.0], [1.0, 0.0]]


def test_a_step_of_training() -> None:
    corelib.manual_seed(0)
    model = corelib.nn.Linear(3, 1).to(DEVICE)
    optimizer = corelib.optim.SGD(model.parameters(), lr=0.1)
    x, y = corelib.randn(16, 3, device=DEVICE), corelib.ones(16, 1, device=DEVICE)
    losses = []
    for _ in range(5):
        optimizer.zero_grad()
        loss = corelib.nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses == sorted(losses, reverse=True)


def test_64_bits_are_64_bits() -> None:
    x = corelib.tensor([2**53 + 1], device=DEVICE)
    assert x.dtype is corelib.int64 and (x + 1).tolist() == [2**53 + 2]
    assert (corelib.ones(1, dtype=corelib.float64, device=DEVICE) / 3).tolist() == [1 / 3]


def test_what_it_does_not_hold_is_refused() -> None:
    with pytest.raises(TypeError, match="complex64"):
        corelib.zeros(2, dtype=corelib.complex64, device=DEVICE)


def test_a_write_is_seen_through_every_view() -> None:
    x = corelib.zeros(2, 3, device=DEVICE)
    row, transposed = x[1], x.mT
    x[1, 2] = 5.0
    row[0] = 7.0
    assert transposed.tolist() == [[0.0, 7.0], [0.0, 0.0], [0.0, 5.0]]
    assert x.tolist() == [[0.0, 0.0, 0.0], [7.0, 0.0, 5.0]]


def test_division_by_a_number_rounds_once() -> None:
    numerators = [float(n) for n in range(1, 200)]
    x = corelib.tensor(numerators, dtype=corelib.float64, device=DEVICE)
    assert (x / 1.7).tolist() == [n / 1.7 for n in numerators]
