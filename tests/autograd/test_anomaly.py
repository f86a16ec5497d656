"""Anomaly detection names the line of the forward pass."""

from __future__ import annotations

import threading

import pytest

import corelib
from corelib.autograd import detect_anomaly, set_detect_anomaly
from corelib.state import STATE


def test_the_forward_line_is_named_for_a_nan() -> None:
    x = corelib.tensor([0.0, 1.0], requires_grad=True)
    with detect_anomaly():
        y = (x * 0) / x  # this is the line
        with (
            pytest.warns(
                UserWarning, match=r"(?s)Error detected in DivBackward0\. .*y = \(x \* 0\) / x  # this is the line"
            ),
            pytest.raises(RuntimeError, match="Function 'DivBackward0' returned nan values in its 1th output"),
        ):
            y.sum().backward()


def test_the_forward_line_is_named_for_an_error() -> None:
    x = corelib.ones(3, requires_grad=True)
    with set_detect_anomaly(True, check_nan=False):
        y = x.exp()  # the line of exp
        y.add_(1)
        with (
            pytest.warns(
                UserWarning, match=r"(?s)Error detected in ExpBackward0\. .*y = x\.exp\(\)  # the line of exp"
            ),
            pytest.raises(RuntimeError, match="Good luck"),
        ):
            y.sum().backward()


def test_the_line_of_a_users_function_is_named() -> None:
    class Fails(corelib.autograd.Function):
        @staticmethod
        def forward(ctx, x):  # type: ignore[no-untyped-def]
            return x * 2

        @staticmethod
        def backward(ctx, grad):  # type: ignore[no-untyped-def]
            raise ValueError("mine")

    with detect_anomaly():
        y = Fails.apply(corelib.ones(3, requires_grad=True))  # applied here
        with (
            pytest.warns(UserWarning, match="(?s)FailsBackward.*# applied here"),
            pytest.raises(ValueError, match="mine"),
        ):
            y.sum().backward()


def test_without_anomaly_detection_in_the_forward_pass_it_says_so() -> None:
    x = corelib.tensor([0.0], requires_grad=True)
    y = (x * 0) / x
    with (
        detect_anomaly(),
        pytest.warns(UserWarning, match="No forward pass information available"),
        pytest.raises(RuntimeError, match="nan"),
    ):
        y.sum().backward()


def test_it_ends_with_the_block_and_is_the_threads_own() -> None:
    before = STATE.intercept
    x = corelib.tensor([0.0], requires_grad=True)
    with detect_anomaly():
        thread = threading.Thread(target=lambda: ((x * 0) / x).sum().backward())
        thread.start()
        thread.join()
    assert STATE.intercept == before
    ((x * 0) / x).sum().backward()
    assert x.grad.isnan().all()
