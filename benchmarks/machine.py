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

__all__ = ["description", "import_seconds", "installed_bytes"]


def description(threads: int) -> list[str]:
    """Processor, cores, load and versions, a line each."""
    properties = registry.get("cpu").properties(0)
    return [
        f"{properties.name}, {os.cpu_count()} cores; {threads} threads",
        f"load of other processes before the start: {os.getloadavg()[0]:.1f}",
        f"Python {platform.python_version()}, NumPy {version('numpy')}, PyTorch {version('torch')} (CPU build)",
    ]


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
