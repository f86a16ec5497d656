"""Operator cases on OpenCL: here a set that compiles in two minutes, with CORELIB_FULL=1 all of them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator

import pytest

from corelib_conformance.cases import Case, cases, check

FULL = os.environ.get("CORELIB_FULL") == "1"
WIDE = {"add", "cast", "copy", "exp", "gather", "matmul", "sort", "sum", "where"}
"""One primitive of each kind of kernel, with more cases than the others."""


def _chosen() -> Iterator[Case]:
    taken: Counter[str] = Counter()
    for case in cases():
        name = case.primitive.name
        if FULL or (case.sample.error is None and taken[name] < (12 if name in WIDE else 1)):
            taken[name] += 1
            yield case


@pytest.mark.parametrize("case", list(_chosen()), ids=lambda case: case.id)
def test_case(case: Case, opencl: str) -> None:
    check(case, opencl)
