"""What the wheels hold, and that they install and run away from the clone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {"corelib": ROOT, "corelib_cpu": ROOT / "backends" / "cpu", "corelib_conformance": ROOT / "conformance"}
MEGABYTE = 1_000_000

pytestmark = [
    pytest.mark.packaging,
    # One worker builds the wheels once for all of these.
    pytest.mark.xdist_group("packaging"),
]


def execute(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command without the clone on its path."""
    variables = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    parts = [str(part) for part in command]
    return subprocess.run(parts, capture_output=True, text=True, cwd=cwd, env=variables, timeout=600)


def run(*command: str | Path, cwd: Path) -> str:
    """The output of a command that must succeed."""
    done = execute(*command, cwd=cwd)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def environment(folder: Path, wheels: Path, *distributions: str) -> Path:
    """The interpreter of a fresh virtual environment in ``folder`` that holds the distributions."""
    run(sys.executable, "-m", "venv", "env", cwd=folder)
    python = folder / "env" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "--find-links", wheels, *distributions, cwd=folder)
    return python


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    run(
        sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder,
        ".", "./backends/cpu", "./conformance", cwd=ROOT,
    )  # fmt: skip
    return folder


@pytest.fixture(scope="session")
def installed(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a fresh environment outside the clone, with frontend and CPU backend."""
    folder = tmp_path_factory.mktemp("elsewhere")
    return environment(folder, wheels, "corelib", "corelib-cpu")


@pytest.mark.parametrize("package", PACKAGES)
def test_a_wheel_holds_what_git_holds(package: str, wheels: Path) -> None:
    base = PACKAGES[package]
    tracked = run("git", "ls-files", package, cwd=base).splitlines()
    assert f"{package}/py.typed" in tracked
    [wheel] = wheels.glob(f"{package}-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name: archive.read(name) for name in archive.namelist() if ".dist-info/" not in name}
    assert sorted(packed) == sorted(tracked)
    assert all(packed[name] == (base / name).read_bytes() for name in tracked)


def test_building_leaves_nothing_in_the_tree(tmp_path: Path) -> None:
    copy = tmp_path / "clone"
    tracked = run("git", "ls-files", cwd=ROOT).splitlines()
    for name in tracked:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy / name)
    before = sorted(copy.rglob("*"))
    run(
        sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path / "wheels",
        ".", "./backends/cpu", "./conformance", cwd=copy,
    )  # fmt: skip
    assert sorted(copy.rglob("*")) == before


PROGRAM = """
import corelib as torch
assert "site-packages" in torch.__file__, torch.__file__
x = torch.tensor(2.0, requires_grad=True)
y = x**2 + 3*x + 1
z = y.sum()
z.backward()
print(x.grad)
"""


def test_installed_elsewhere_it_runs(installed: Path) -> None:
    assert run(installed, "-W", "error", "-c", PROGRAM, cwd=installed.parent) == "tensor(7.)\n"
    assert "cpu" in run(installed.parent / "corelib", "devices", cwd=installed.parent)


def test_installed_without_extras_the_demo_names_them(installed: Path) -> None:
    done = execute(installed, "-m", "corelib", "demo", cwd=installed.parent)
    assert done.returncode == 1
    assert done.stderr == 'corelib demo needs matplotlib, rich, sklearn, threadpoolctl: pip install "corelib[demo]"\n'


def test_without_a_backend_the_first_tensor_names_the_command(wheels: Path, tmp_path: Path) -> None:
    python = environment(tmp_path, wheels, "corelib")
    done = execute(python, "-c", "import corelib; corelib.ones(2)", cwd=tmp_path)
    assert done.returncode == 1
    assert "pip install" in done.stderr.splitlines()[-1]
    assert "corelib-cpu" in done.stderr.splitlines()[-1]


@pytest.mark.xfail(reason="over the limit since the breadth: see docs/roadmap.md")
def test_installed_size(installed: Path) -> None:
    """Frontend and CPU backend without their dependencies, byte code included: at most 5 MB."""
    where = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    site = Path(run(installed, "-c", where, cwd=installed.parent).strip())
    folders = [folder for folder in site.iterdir() if folder.name.startswith("corelib")]
    assert {"corelib", "corelib_cpu"} <= {folder.name for folder in folders}
    size = sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file())
    assert size <= 5 * MEGABYTE
