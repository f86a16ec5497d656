"""``corelib conformance`` through real processes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from corelib.cli import build_parser

BROKEN = Path(__file__).parent / "broken"
COMMAND = [sys.executable, "-m", "corelib", "conformance"]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(BROKEN), "OPENBLAS_NUM_THREADS": "1", **more}


def conformance(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, cwd=cwd, timeout=240, env=environment()
    )


def broken(fault: str, *more: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return conformance(
        "--device", "broken", "--import", f"broken_devices:register:{fault}", "--profile", "quick", "--op", "neg",
        "-n", "1", *more, cwd=cwd,
    )  # fmt: skip


def test_a_device_that_passes_what_was_asked(tmp_path: Path) -> None:
    done = conformance(
        "--device", "cpu", "--op", "neg,permute", "--op", "sum", "--dtype", "float32", "-n", "1", "--profile", "quick",
        "--seed", "7", "--json", "r.json", "--html", "r.html", "--badge", "b.svg", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "seed 7" in done.stdout and "0 failed" in done.stdout
    report = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    asked = {(e["op"], e["dtype"]) for e in report["ids"] if e["status"] != "not-run"}
    assert asked == {("neg", "float32"), ("permute", "float32"), ("sum", "float32")}
    assert report["tiers"]["core"]["verdict"] == "fail", "what was not asked stands against the tier"
    assert report["options"]["seed"] == 7 and set(report["timings"]) == {"neg", "permute", "sum"}
    assert report["ulp"] and report["seconds"]["cold"] > report["seconds"]["warm"] > 0
    assert (tmp_path / "r.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert (tmp_path / "b.svg").read_text(encoding="utf-8").startswith("<svg")

    verified = conformance("verify", "r.json", cwd=tmp_path)
    assert verified.returncode == 0 and "core: fail" in verified.stdout and "verified" in verified.stdout
    report["tiers"]["core"]["verdict"] = "pass"
    (tmp_path / "r.json").write_text(json.dumps(report), encoding="utf-8")
    verified = conformance("verify", "r.json", cwd=tmp_path)
    assert verified.returncode == 1 and "the ids give fail" in verified.stdout


def test_a_tier_that_passes(tmp_path: Path) -> None:
    done = conformance("--device", "cpu", "--tier", "fft", "--profile", "quick", "--json", "r.json", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^fft +pass ", done.stdout, re.MULTILINE)
    tiers = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["tiers"]
    assert tiers["fft"]["verdict"] == "pass" and tiers["core"]["verdict"] == "not-run"
    assert conformance("verify", "r.json", cwd=tmp_path).returncode == 0


def test_a_failure_is_shown_with_a_program(tmp_path: Path) -> None:
    done = broken("wrong", "--dtype", "float32", "--json", "r.json", cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"^neg/\S+: fail \(alone: fail\)$", done.stdout, re.MULTILINE)
    assert 'device = "broken:0"' in done.stdout
    assert re.search(r"^core +fail ", done.stdout, re.MULTILINE)
    assert conformance("verify", "r.json", cwd=tmp_path).returncode == 0


def test_a_crash_is_a_failure_and_the_rest_runs(tmp_path: Path) -> None:
    done = broken("segfault", "--dtype", "int64", "--json", "r.json", cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    counts = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["counts"]
    assert counts["crash"] >= 1 and counts["crash"] == counts["failed"] and counts["passed"] == 0
    assert "SIGSEGV" in done.stdout


def test_host_work_is_no_pass(tmp_path: Path) -> None:
    done = broken("host", "--dtype", "int64", "--json", "r.json", cwd=tmp_path)
    assert done.returncode == 1 and "host-fallback" in done.stdout
    counts = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["counts"]
    assert counts["host-fallback"] == counts["failed"] > 0


USAGE: dict[str, tuple[tuple[str, ...], str]] = {
    "no device": ((), "--device is required"),
    "unknown device": (("--device", "nowhere"), "nowhere"),
    "unknown tier": (("--device", "cpu", "--tier", "corr"), "tier 'corr'"),
    "unknown op": (("--device", "cpu", "--op", "ad"), "op 'ad'"),
    "unknown dtype": (("--device", "cpu", "--dtype", "float31"), "dtype 'float31'"),
    "nothing chosen": (("--device", "cpu", "--op", "bitwise_not", "--tier", "fft"), "no check"),
    "unknown profile": (("--device", "cpu", "--profile", "slow"), "invalid choice"),
    "no workers": (("--device", "cpu", "-n", "0"), "invalid positive int"),
    "no folder": (("--device", "cpu", "--json", "none/r.json"), "no such folder"),
    "no file": (("verify", "none.json"), "none.json"),
    "no argument": (("verify",), "FILE"),
}


@pytest.mark.parametrize("what", USAGE)
def test_what_cannot_be_asked_is_status_2(what: str, tmp_path: Path) -> None:
    arguments, said = USAGE[what]
    done = conformance(*arguments, cwd=tmp_path)
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_report(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text("{}", encoding="utf-8")
    done = conformance("verify", "r.json", cwd=tmp_path)
    assert done.returncode == 1 and "no report" in done.stdout


def children(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout
    return [int(line) for line in found.split()]


def running(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    return bool(state) and not state.startswith("Z")


def started(tmp_path: Path) -> tuple[subprocess.Popen[str], list[int]]:
    """A run that hangs in a kernel that lets nobody else run, and its workers."""
    process = subprocess.Popen(
        [
            *COMMAND, "--device", "broken", "--import", "broken_devices:register:hold", "--profile", "quick",
            "--op", "neg,floor", "-n", "2", "--seed", "1", "--json", "r.json",
        ],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=environment(),
    )  # fmt: skip
    assert process.stdout is not None
    assert "2 workers" in process.stdout.readline()
    time.sleep(2.0)
    workers = children(process.pid)
    assert workers
    return process, workers


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM], ids=lambda sent: sent.name)
def test_an_interruption_leaves_no_process_and_writes_what_is_known(sent: signal.Signals, tmp_path: Path) -> None:
    process, workers = started(tmp_path)
    process.send_signal(sent)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "interrupted" in out and "Traceback" not in err, err
    assert not any(map(running, workers))
    report: dict[str, Any] = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert report["interrupted"] and report["tiers"]["core"]["verdict"] in ("fail", "not-run")
    interrupted = [e for e in report["ids"] if e["status"] == "not-run" and e.get("message") == "interrupted"]
    assert {e["op"] for e in interrupted} >= {"neg"}
    assert report["counts"]["passed"] + report["counts"]["not_run"] == report["counts"]["total"]
    assert conformance("verify", "r.json", cwd=tmp_path).returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's own signal")
def test_a_runner_that_is_killed_leaves_no_process(tmp_path: Path) -> None:
    process, workers = started(tmp_path)
    process.kill()
    process.communicate(timeout=60)
    end = time.monotonic() + 20
    while any(map(running, workers)) and time.monotonic() < end:
        time.sleep(0.1)
    assert not any(map(running, workers))


def test_without_the_suite_the_command_says_how_to_get_it(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['corelib_conformance'] = None\n"
        "from corelib.cli import main; raise SystemExit(main(['conformance', '--device', 'cpu']))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert done.returncode == 2 and "pip install corelib-conformance" in done.stderr


def test_help_needs_no_suite(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args(["conformance", "--help"])
    text = capsys.readouterr().out
    assert ended.value.code == 0
    for option in ("--device", "--tier", "--op", "--dtype", "-n", "--profile", "--json", "--html", "--badge", "verify"):
        assert option in text


def test_the_live_line_on_a_terminal() -> None:
    import io

    from corelib_conformance.progress import Progress
    from corelib_conformance.verdict import Result

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    with Progress(2, stream) as progress:
        progress.update(Result("neg/a", "pass"))
        progress.update(Result("neg/b", "crash"))
    assert progress.found == {"pass": 1, "crash": 1}
    assert stream.getvalue(), "nothing was drawn"
    quiet = io.StringIO()
    with Progress(1, quiet) as progress:
        progress.update(Result("neg/a", "pass"))
    assert quiet.getvalue() == ""
