"""Fixtures and rules that all tests share."""

from __future__ import annotations

import os
from types import ModuleType

import pytest

ORACLE_REQUIRED = os.environ.get("CORELIB_ORACLE") == "1"


@pytest.fixture(scope="session")
def torch() -> ModuleType:
    """PyTorch, the oracle.  Without it the test is skipped, or fails where CORELIB_ORACLE=1."""
    if ORACLE_REQUIRED:
        import torch

        return torch
    return pytest.importorskip("torch", reason="PyTorch is not installed: make test-oracle runs this")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "torch" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.oracle)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """With the oracle nothing may be skipped: a skip would hide what the run promises to have compared."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if ORACLE_REQUIRED and reporter is not None and reporter.stats.get("skipped"):
        reporter.write_line("failed: with CORELIB_ORACLE=1 nothing may be skipped", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
