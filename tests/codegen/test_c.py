"""The C dialect through the system's compiler: every operator case, on rendered kernels."""

from __future__ import annotations

import pytest
from corelib_conformance.cases import Case, cases, check

pytestmark = pytest.mark.xdist_group("codegen")  # one process compiles what all of these need

CASES: dict[str, list[Case]] = {}
for case in cases():
    CASES.setdefault(case.primitive.name, []).append(case)


@pytest.mark.parametrize("primitive", CASES)
def test_operator_cases(primitive: str, host: str) -> None:
    for case in CASES[primitive]:
        try:
            check(case, host)
        except Exception as error:
            error.add_note(case.id)
            raise
