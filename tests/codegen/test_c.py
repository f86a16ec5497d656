"""Every operator case on rendered kernels, in C through the system's compiler."""

from __future__ import annotations

import pytest
from corelib_conformance.cases import Case, cases, check

pytestmark = pytest.mark.xdist_group("codegen")  # one process compiles what all of these need

CASES: dict[str, list[Case]] = {}
for case in cases():
    CASES.setdefault(case.primitive.name, []).append(case)


@pytest.mark.parametrize("primitive", CASES)
def test_chunks(primitive: str, host: str) -> None:
    _check(primitive, host)


@pytest.mark.parametrize("primitive", CASES)
def test_grid(primitive: str, grid: str) -> None:
    _check(primitive, grid)


def _check(primitive: str, device: str) -> None:
    for case in CASES[primitive]:
        try:
            check(case, device)
        except Exception as error:
            error.add_note(case.id)
            raise
