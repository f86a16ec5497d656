"""What an operation costs the frontend, in Python frames on a backend that adds none: counts hold on any machine."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

import corelib
from corelib.debug import printing


def frames(call: Callable[[], Any]) -> int:
    """Python frames that a call enters beyond its own, when its plan is cached."""
    call()
    call()
    count = -1

    def tally(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(tally)
    try:
        call()
    finally:
        sys.setprofile(before)
    return count


OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda x, y: x + y,
    "+ number": lambda x, y: x + 2.0,
    "number *": lambda x, y: 2.0 * x,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
    "relu": lambda x, y: x.relu(),
    "sum": lambda x, y: x.sum(),
    "view": lambda x, y: x.view(4),
    "matmul": lambda x, y: x @ y,
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_two_frames_at_most(name: str) -> None:
    x, y = corelib.ones(2, 2, device="null"), corelib.ones(2, 2, device="null")
    assert frames(lambda: OPERATIONS[name](x, y)) <= 2 + 1  # the lambda of the table


@pytest.mark.parametrize("name", OPERATIONS)
def test_four_frames_at_most_where_a_gradient_is_recorded(name: str) -> None:
    x, y = corelib.ones(2, 2, device="null", requires_grad=True), corelib.ones(2, 2, device="null")
    assert frames(lambda: OPERATIONS[name](x, y)) <= 4 + 1
    assert OPERATIONS[name](x, y).requires_grad


def test_two_frames_at_most_in_place() -> None:
    x, y = corelib.ones(2, 2, device="null"), corelib.ones(2, 2, device="null")
    assert frames(lambda: x.add_(y)) <= 2


def test_four_frames_at_most_in_place_where_a_gradient_is_recorded() -> None:
    x = corelib.ones(2, 2, device="null", requires_grad=True) * 1
    y = corelib.ones(2, 2, device="null", requires_grad=True)
    assert frames(lambda: x.add_(y)) <= 4
    assert x.grad_fn.next_functions[1][0].variable is y


def test_two_frames_at_most_where_a_parameter_is_updated() -> None:
    x, y = corelib.ones(2, 2, device="null", requires_grad=True), corelib.ones(2, 2, device="null")
    with corelib.no_grad():
        assert frames(lambda: x.add_(y)) <= 2


def test_an_operation_between_the_same_shapes_is_one_frame() -> None:
    x = corelib.ones(2, 2, device="null")
    assert frames(lambda: x + x) == 1


def test_the_counter_counts() -> None:
    x = corelib.ones(2, 2, device="null")
    with printing(io.StringIO()):
        assert frames(lambda: x + x) > 10, "with a mode nothing is straight"
