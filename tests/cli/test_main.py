"""The command line's frame, through real processes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from corelib.version import __version__


def corelib(*arguments: str, cwd: Path, through: str = "module") -> subprocess.CompletedProcess[str]:
    script = shutil.which("corelib", path=str(Path(sys.executable).parent))
    if through == "script" and script is None:
        pytest.fail("the script corelib is not installed beside this interpreter")
    program = [str(script)] if through == "script" else [sys.executable, "-m", "corelib"]
    return subprocess.run([*program, *arguments], capture_output=True, text=True, cwd=cwd, timeout=60)


@pytest.mark.parametrize("through", ["module", "script"])
def test_version(through: str, tmp_path: Path) -> None:
    done = corelib("--version", cwd=tmp_path, through=through)
    assert (done.returncode, done.stdout) == (0, f"corelib {__version__}\n")


def test_help_names_the_commands(tmp_path: Path) -> None:
    done = corelib("--help", cwd=tmp_path)
    assert done.returncode == 0
    listed = {line.split()[0] for line in done.stdout.splitlines() if line.startswith("    ") and line.strip()}
    assert {"demo", "devices", "doctor", "ops"} <= listed


def test_no_command_is_an_error_that_shows_the_usage(tmp_path: Path) -> None:
    done = corelib(cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: corelib")


def test_help_loads_nothing_heavy(tmp_path: Path) -> None:
    program = (
        "import sys; from corelib.cli import build_parser; build_parser();"
        "print(sorted({'matplotlib', 'rich', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert done.stdout == "[]\n", done.stderr


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    program = [sys.executable, "-m", "corelib", "ops"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()  # as head does
        errors = process.stderr.read()
        assert process.wait(timeout=60) == 141
    assert errors == ""
