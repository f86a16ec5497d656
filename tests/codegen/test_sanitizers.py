"""The C kernels of every operator case neither leave their arrays nor do what C leaves undefined."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("sanitized.py")
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(pytestconfig: pytest.Config) -> Run:
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler")
    found = subprocess.run(["cc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
    library = found.stdout.strip()
    if not os.path.isabs(library):
        pytest.skip("the C compiler has no AddressSanitizer")
    folder = pytestconfig.cache.mkdir("codegen-sanitized")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "LD_PRELOAD": library, "ASAN_OPTIONS": "detect_leaks=0", "OPENBLAS_NUM_THREADS": "1"}
        command = [sys.executable, "-W", "ignore", str(SCRIPT), str(folder), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=env, timeout=600)

    return run


def test_all_cases_are_clean(run: Run) -> None:
    done = run()
    assert done.returncode == 0, done.stderr[-4000:]
    assert int(done.stdout.split()[0]) > 1000


@pytest.mark.parametrize(
    ("fault", "words"), [("bounds", "heap-buffer-overflow"), ("overflow", "signed integer overflow")]
)
def test_a_fault_is_seen(run: Run, fault: str, words: str) -> None:
    done = run(fault)
    assert done.returncode != 0
    assert words in done.stderr
