"""What is kept of calls on memory blocks."""

from __future__ import annotations

from corelib.backend.window import Plans


def test_plans_of_shapes_that_never_return_do_not_pile_up() -> None:
    plans = Plans()
    for i in range(3 * Plans.LIMIT):
        plans[i] = i
        assert plans[i] == i
    assert len(plans) <= Plans.LIMIT
