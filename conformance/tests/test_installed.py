"""The suite from its wheel, without pytest or rich, against a backend that somebody else has written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.packaging, pytest.mark.xdist_group("conformance-packaging")]

PROJECT = """
[build-system]
requires = ["hatchling>=1.24"]
build-backend = "hatchling.build"

[project]
name = "stranger"
version = "3.2"
dependencies = ["corelib", "numpy>=2.0"]

[project.entry-points."corelib.backends"]
stranger = "stranger"

[tool.hatch.build.targets.wheel]
packages = ["stranger"]
"""
BACKEND = """
import numpy as np
from corelib.backend import ArrayModuleBackend, BackendSpec, hookimpl, kernel


class Stranger(ArrayModuleBackend):
    def __init__(self):
        super().__init__(np)

    @kernel("bitwise_and")
    def bitwise_and(self, x, y):
        return np.asarray(np.bitwise_or(x, y))


@hookimpl
def corelib_backend():
    return BackendSpec("stranger", Stranger, version="3.2")
"""


def run(*command: str | Path, cwd: Path, status: int = 0) -> str:
    variables = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    parts = [str(part) for part in command]
    done = subprocess.run(parts, capture_output=True, text=True, cwd=cwd, env=variables, timeout=600)
    assert done.returncode == status, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with the suite's wheel, what it asks for, and the stranger's."""
    folder = tmp_path_factory.mktemp("stranger")
    (folder / "project" / "stranger").mkdir(parents=True)
    (folder / "project" / "pyproject.toml").write_text(PROJECT)
    (folder / "project" / "stranger" / "__init__.py").write_text(BACKEND)
    build: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--wheel-dir",
        folder / "wheels",
    ]
    run(*build, ".", "./backends/cpu", "./conformance", folder / "project", cwd=ROOT)
    run(sys.executable, "-m", "venv", "env", cwd=folder)
    python = folder / "env" / "bin" / "python"
    get: list[str | Path] = [python, "-m", "pip", "install", "--quiet", "--find-links", folder / "wheels"]
    run(*get, "corelib-conformance", "stranger", cwd=folder)
    return python


def test_the_command_judges_it(python: Path, tmp_path: Path) -> None:
    command: list[str | Path] = [
        python.parent / "corelib",
        "conformance",
        "--device",
        "stranger",
        "--profile",
        "quick",
        "-n",
        "2",
    ]
    passed = run(*command, "--op", "bitwise_or", cwd=tmp_path)
    assert "0 failed" in passed
    text = run(*command, "--op", "bitwise_and", "--json", "r.json", cwd=tmp_path, status=1)
    assert 'device = "stranger:0"' in text
    report = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert report["versions"]["backend_package"] == "stranger 3.2" and report["tiers"]["core"]["verdict"] == "fail"
    failed = {e["op"] for e in report["ids"] if e["status"] == "fail"}
    assert failed == {"bitwise_and"}
    assert "verified" in run(python.parent / "corelib", "conformance", "verify", "r.json", cwd=tmp_path)


def test_pytest_judges_it(python: Path, tmp_path: Path) -> None:
    run(python, "-m", "pip", "install", "--quiet", "pytest", cwd=tmp_path)
    command: list[str | Path] = [
        python,
        "-m",
        "pytest",
        "--pyargs",
        "corelib_conformance",
        "--corelib-device",
        "stranger",
    ]
    command += ["--corelib-profile", "quick"]
    assert " passed" in run(*command, "--corelib-op", "bitwise_or", cwd=tmp_path)
    assert " failed" in run(*command, "--corelib-op", "bitwise_and", cwd=tmp_path, status=1)
