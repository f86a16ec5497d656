"""The pytest plugin, in pytest processes of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

BROKEN = Path(__file__).parent / "broken"


def run(*arguments: str, cwd: Path, suite: bool = True) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    command += ["--pyargs", "corelib_conformance"] if suite else []
    variables = {**os.environ, "PYTHONPATH": str(BROKEN), "OPENBLAS_NUM_THREADS": "1", "PYTEST_ADDOPTS": ""}
    return subprocess.run(
        [*command, *arguments], capture_output=True, text=True, cwd=cwd, env=variables, timeout=240
    )  # fmt: skip


def on(device: str, *more: str, op: str = "neg") -> list[str]:
    return ["--corelib-device", device, "--corelib-profile", "quick", "--corelib-op", op, *more]


def broken(fault: str, *more: str) -> list[str]:
    load = ["--corelib-import", f"broken_devices:register:{fault}", "--corelib-workers", "1"]
    return on("broken", *load, *more)


def report(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def statuses(path: Path) -> dict[str, str]:
    return {e["id"]: e["status"] for e in report(path)["ids"]}


def test_it_is_an_entry_point() -> None:
    [found] = entry_points(group="pytest11", name="corelib_conformance")
    assert found.value == "corelib_conformance.plugin"


def test_it_imports_nothing_until_asked(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import sys\n\n\ndef test_it(pytestconfig):\n"
        "    assert 'corelib_conformance.plugin' in sys.modules\n"
        "    assert not {'corelib', 'numpy', 'corelib_cpu'} & set(sys.modules)\n"
    )
    done = run("-q", "-p", "no:randomly", cwd=tmp_path, suite=False)
    assert done.returncode == 0, done.stdout


def test_without_a_device_nothing_is_collected(tmp_path: Path) -> None:
    done = run("-q", cwd=tmp_path)
    assert done.returncode == pytest.ExitCode.NO_TESTS_COLLECTED


def test_it_gives_the_verdict_of_the_command(tmp_path: Path) -> None:
    done = run(*on("strict", "--corelib-json", "a.json", op="cumprod"), cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "conformance of strict:0" in done.stdout and "0 failed" in done.stdout
    command = [sys.executable, "-m", "corelib", "conformance", "--device", "strict", "--profile", "quick"]
    command += ["--op", "cumprod", "--json", "b.json"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=240).returncode == 0
    assert statuses(tmp_path / "a.json") == statuses(tmp_path / "b.json")
    first, second = report(tmp_path / "a.json"), report(tmp_path / "b.json")
    assert (first["tiers"], first["counts"], first["manifest"]) == (
        second["tiers"],
        second["counts"],
        second["manifest"],
    )


def test_failures_show_status_and_program(tmp_path: Path) -> None:
    done = run(*broken("segfault", "--corelib-dtype", "int64", "--corelib-json", "r.json"), cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "crash, alone in a fresh process: crash" in done.stdout and "SIGSEGV" in done.stdout
    assert 'device = "broken:0"' in done.stdout and "a program that shows it" in done.stdout
    assert set(statuses(tmp_path / "r.json").values()) == {"crash", "not-run"}


def test_what_a_device_declares_to_lack_is_a_skip_where_it_may(tmp_path: Path) -> None:
    done = run(*broken("narrow", "-rs"), cwd=tmp_path)
    assert "unsupported, as declared: float16" in done.stdout
    assert done.returncode == 1 and "unsupported-declared (float32)" in done.stdout


def test_deselected_checks_are_not_run(tmp_path: Path) -> None:
    done = run(*on("strict", "-k", "int64 and not large", "--corelib-json", "r.json"), cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    found = statuses(tmp_path / "r.json")
    ran = {name for name, status in found.items() if status == "pass"}
    assert ran and all("int64" in name for name in ran)
    assert report(tmp_path / "r.json")["tiers"]["core"]["verdict"] == "fail"


def test_with_xdist_the_verdict_is_the_same(tmp_path: Path) -> None:
    pytest.importorskip("xdist")
    done = run(*on("strict", "-n", "2", "--corelib-dtype", "int64", "--corelib-json", "r.json"), cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    found = report(tmp_path / "r.json")
    assert found["counts"]["passed"] > 1 and found["counts"]["failed"] == 0


@pytest.mark.parametrize(
    ("arguments", "said"), [(on("nowhere"), "nowhere"), (on("cpu", op="ad"), "op 'ad'")], ids=["device", "op"]
)
def test_what_cannot_be_asked_is_a_usage_error(arguments: list[str], said: str, tmp_path: Path) -> None:
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR and said in done.stdout + done.stderr
