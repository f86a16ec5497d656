"""What ``corelib new-backend`` writes, and the guide for authors, in environments that know nothing of the clone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "backend-authors.md"
EXAMPLES = ROOT / "examples" / "backends"
WAYS = ("array-module", "kernels", "codegen")
SLOW = 3000  # seconds: a device that compiles its kernels does so for each of them, once

pytestmark = [pytest.mark.packaging, pytest.mark.xdist_group("new-backend")]


def variables(wheels: Path, cache: Path, **more: str) -> dict[str, str]:
    """The environment, without the clone, and with the wheels where pip looks first."""
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV", "CORELIB_DEBUG")}
    return kept | {"PIP_FIND_LINKS": str(wheels), "XDG_CACHE_HOME": str(cache), "PYTHONWARNINGS": "error"} | more


def run(*command: str | Path, cwd: Path, env: dict[str, str]) -> str:
    """What a command that must succeed prints."""
    parts = [str(part) for part in command]
    done = subprocess.run(parts, capture_output=True, text=True, cwd=cwd, env=env, timeout=SLOW, check=False)
    assert done.returncode == 0, f"{done.stdout[-8000:]}\n{done.stderr[-8000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    run(
        sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder,
        ".", "./backends/cpu", "./conformance", cwd=ROOT, env=dict(os.environ),
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def fresh(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A folder with an environment ``env`` that has frontend, CPU and suite, and the variables to use it."""
    folder = tmp_path_factory.mktemp("author")
    env = variables(wheels, folder / "cache")
    plain = env | {"PYTHONWARNINGS": ""}  # pip's own are not ours
    run(sys.executable, "-m", "venv", "env", cwd=folder, env=plain)
    env["PATH"] = f"{folder / 'env' / 'bin'}{os.pathsep}{env['PATH']}"
    names = ("corelib", "corelib-cpu", "corelib-conformance", "pytest", "hatchling")
    run("pip", "install", "--quiet", *names, cwd=folder, env=env | {"PYTHONWARNINGS": ""})
    return folder, env


def install(package: Path, folder: Path, env: dict[str, str]) -> None:
    run("pip", "install", "--quiet", "--no-build-isolation", package, cwd=folder, env=env | {"PYTHONWARNINGS": ""})


@pytest.mark.parametrize("way", WAYS)
def test_each_way_passes_core_at_once(way: str, fresh: tuple[Path, dict[str, str]]) -> None:
    folder, env = fresh
    name = f"chip_{way.replace('-', '_')}"
    printed = run("corelib", "new-backend", name, "--way", way, cwd=folder, env=env)
    assert f"corelib conformance --device {name} --tier core --profile quick" in printed
    install(folder / f"corelib-{name}", folder, env)
    lines = run("corelib", "devices", cwd=folder, env=env).splitlines()
    assert any(line.startswith(f"{name}:0 ") and line.endswith(" ok") for line in lines), lines
    options = ("--device", name, "--tier", "core", "--profile", "quick", "-n", "2")
    verdict = run("corelib", "conformance", *options, cwd=folder, env=env)
    assert re.search(r"^core +pass ", verdict, re.MULTILINE), verdict
    assert " 0 failed" in verdict


@pytest.mark.parametrize("way", WAYS)
def test_pytest_runs_its_tests_and_then_the_suite(way: str, fresh: tuple[Path, dict[str, str]]) -> None:
    folder, env = fresh
    name = f"tested_{way.replace('-', '_')}"
    run("corelib", "new-backend", name, "--way", way, cwd=folder, env=env)
    package = folder / f"corelib-{name}"
    install(package, folder, env)
    printed = run("pytest", "-v", "-k", f"test_{name} or floor", cwd=package, env=env)
    assert f"tests/test_{name}.py::test_a_gradient PASSED" in printed
    assert re.search(r"::floor/float32/\S+ PASSED", printed) and f"conformance of {name}:0" in printed


def test_an_installed_pack_replaces_a_kernel(fresh: tuple[Path, dict[str, str]]) -> None:
    folder, env = fresh
    install(EXAMPLES / "packed", folder, env)
    try:
        assert "8 passed in" in run("pytest", "-q", EXAMPLES / "packed" / "tests", cwd=folder, env=env)
        assert "packed" in run("corelib", "doctor", cwd=folder, env=env)
        options = ("--device", "cpu", "--op", "matmul", "--profile", "quick", "-n", "2")
        assert " 0 failed" in run("corelib", "conformance", *options, cwd=folder, env=env)
    finally:
        run("pip", "uninstall", "--yes", "--quiet", "corelib-packed", cwd=folder, env=env | {"PYTHONWARNINGS": ""})


@pytest.mark.parametrize("name", ["threads", "rawmem"])
def test_an_example_passes_training(name: str, fresh: tuple[Path, dict[str, str]]) -> None:
    folder, env = fresh
    install(EXAMPLES / name, folder, env)
    options = ("--device", name, "--tier", "core,training", "--profile", "quick", "-n", "2")
    verdict = run("corelib", "conformance", *options, cwd=folder, env=env)
    assert re.search(r"^core +pass ", verdict, re.MULTILINE), verdict
    assert re.search(r"^training +pass ", verdict, re.MULTILINE), verdict


def test_the_example_over_jax(fresh: tuple[Path, dict[str, str]]) -> None:
    """Its own tests, and every operator case of the reductions, scans, views and writes: JAX compiles each shape."""
    folder, env = fresh
    run("pip", "install", "--quiet", "jax", cwd=folder, env=env | {"PYTHONWARNINGS": ""})
    install(EXAMPLES / "jaxnumpy", folder, env)
    env = env | {"PYTHONWARNINGS": "", "JAX_PLATFORMS": "cpu"}
    tests = EXAMPLES / "jaxnumpy" / "tests"
    assert "8 passed in" in run("pytest", "-q", "-p", "no:cacheprovider", tests, cwd=folder, env=env)
    program = """
from corelib_conformance.cases import cases, check
names = {"sum", "cumsum", "where", "gather", "scatter", "scatter_add", "cast", "copy", "matmul", "sort"}
chosen = [case for case in cases() if case.primitive.name in names]
for case in chosen:
    check(case, "jaxnumpy")
print(len(chosen) > 100)
"""
    assert run("python", "-c", program, cwd=folder, env=env) == "True\n"


def steps() -> str:
    """The guide's shell blocks, in order, as one script."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 6
    return "set -euxo pipefail\n" + "\n".join(f"(\n{b}\n)" if b.startswith("cd ") else b for b in blocks)


def test_the_guide_leads_to_a_green_training_tier(wheels: Path, tmp_path: Path) -> None:
    env = variables(wheels, tmp_path / "cache", PYTHONWARNINGS="")
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    printed = run("bash", "-c", steps(), cwd=tmp_path, env=env)
    assert re.search(r"^mychip:0 ", printed, re.MULTILINE)
    assert re.search(r"^core +pass ", printed, re.MULTILINE) and re.search(r"^training +pass ", printed, re.MULTILINE)
    assert "verified" in printed
    assert "training" in (tmp_path / "corelib-mychip" / "badge.svg").read_text(encoding="utf-8")
