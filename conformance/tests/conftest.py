"""What the tests of the strict backend share."""

from __future__ import annotations

import pytest

from .strict_bench import Bench


@pytest.fixture
def bench() -> Bench:
    return Bench()
