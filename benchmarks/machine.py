"""What a result depends on besides the code: the machine and versions; and what only a fresh process shows."""

from __future__ import annotations

import os
import platform
import py_compile
import statistics
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import corelib_cpu

import corelib
from corelib.backend.registry import registry

__all__ = ["Others", "description", "import_seconds", "installed_bytes"]


def description(threads: int) -> list[str]:
    """Processor, cores and versions, a line each."""
    properties = registry.get("cpu").properties(0)
    return [
        f"{properties.name}, {os.cpu_count()} cores; {threads} threads",
        f"Python {platform.python_version()}, NumPy {version('numpy')}, PyTorch {version('torch')} (CPU build)",
    ]


class Others:
    """How much of the processors programs other than this one and its children have used since it was made."""

    def __init__(self) -> None:
        self._before = self._used()

    @staticmethod
    def _used() -> tuple[float, float] | None:
        """Seconds that others used, and that all processors had, since the start; None where it is not known."""
        try:
            with open("/proc/stat", encoding="utf-8") as lines:
                ticks = [int(n) for n in lines.readline().split()[1:9]]
        except OSError:  # not Linux
            return None
        per_second = os.sysconf("SC_CLK_TCK")
        idle = ticks[3] + ticks[4]
        return (sum(ticks) - idle) / per_second - sum(os.times()[:4]), sum(ticks) / per_second

    def share(self) -> float | None:
        """Between 0 and 1; None where it is not known."""
        now = self._used()
        if now is None or self._before is None:
            return None
        return max(0.0, (now[0] - self._before[0]) / max(now[1] - self._before[1], 1e-9))


def import_seconds(module: str, processes: int) -> float:
    """Median time of ``import module`` in a fresh process that has imported NumPy; the bytecode is there already."""
    code = f"import numpy, time; start = time.perf_counter(); import {module}; print(time.perf_counter() - start)"
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": cache, "PYTHONDONTWRITEBYTECODE": ""}

        def once() -> float:
            command = [sys.executable, "-c", code]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
            return float(done.stdout)

        once()  # compiles
        return statistics.median([once() for _ in range(processes)])


def installed_bytes() -> int:
    """Files of the frontend and the CPU backend as pip installs them, bytecode included."""
    total = 0
    with tempfile.TemporaryDirectory() as folder:
        compiled = Path(folder, "module.pyc")
        for package in (corelib, corelib_cpu):
            for file in Path(package.__path__[0]).rglob("*"):
                if file.is_dir() or "__pycache__" in file.parts:
                    continue
                total += file.stat().st_size
                if file.suffix == ".py":
                    py_compile.compile(str(file), str(compiled), doraise=True)
                    total += compiled.stat().st_size
    return total
