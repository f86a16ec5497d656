"""The coverage page and the API reference say what the packages are."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
GOALS = {
    "torch": 85, "torch.Tensor": 85, "torch.nn": 90, "torch.nn.functional": 90, "torch.nn.init": 90, "torch.optim": 90,
    "torch.optim.lr_scheduler": 90, "torch.utils.data": 90, "torch.autograd": 90,
}  # fmt: skip


def _check(script: str) -> None:
    command = [sys.executable, str(ROOT / ".ci" / script), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_coverage_page_is_what_the_packages_say() -> None:
    pytest.importorskip("torch")
    _check("coverage.py")


def test_the_reference_is_what_the_package_says() -> None:
    _check("reference.py")


@pytest.mark.parametrize("namespace", GOALS)
def test_the_share_of_names_is_at_least_the_goal(namespace: str) -> None:
    page = (ROOT / "docs" / "coverage.md").read_text()
    row = re.search(rf"^\| `{re.escape(namespace)}` \|.*\| (\d+) % \|$", page, re.MULTILINE)
    assert row is not None
    assert int(row[1]) >= GOALS[namespace]
