"""Operator cases on the device's own compiler: one of each kind of kernel; with CORELIB_FULL=1 all of them.

All cases, with every access checked, run under a simulator in an environment of its own (.ci/kernels.py).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator

import pytest
from corelib_conformance.cases import Case, cases, check

FULL = os.environ.get("CORELIB_FULL") == "1"
TAKEN = {
    "add": 4, "cast": 2, "copy": 4, "exp": 4, "where": 1, "arange": 1, "sum": 4, "argmax": 1, "cumsum": 1, "gather": 2,
    "scatter_add": 1, "sort": 1, "matmul": 3, "random_bits": 1, "softmax": 1, "layer_norm": 1, "class_cross_entropy": 1,
    "convolution": 1, "max_pool2d": 1, "embedding": 1,
}  # fmt: skip


def _chosen() -> Iterator[Case]:
    taken: Counter[str] = Counter()
    for case in cases():
        name = case.primitive.name
        if FULL or (case.sample.error is None and taken[name] < TAKEN.get(name, 0)):
            taken[name] += 1
            yield case


@pytest.mark.parametrize("case", list(_chosen()), ids=lambda case: case.id)
def test_case(case: Case, opencl: str) -> None:
    check(case, opencl)
