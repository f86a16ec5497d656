"""OpenCL on whatever device is there; the extra ``pocl`` of corelib-opencl brings one that runs on any processor."""

from __future__ import annotations

import pytest

from corelib.backend.errors import BackendNotAvailable
from corelib.backend.registry import registry


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "opencl" in item.path.parts:
            item.add_marker(pytest.mark.xdist_group("opencl"))  # one process compiles, the others need not


@pytest.fixture(scope="session")
def opencl() -> str:
    """The device type, where it can be used."""
    try:
        registry.get("opencl")
    except BackendNotAvailable as error:
        pytest.skip(str(error))
    return "opencl"
