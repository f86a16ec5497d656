"""Runs every operator case on kernels under AddressSanitizer and UBSan: ``python sanitized.py FOLDER [FAULT]``.

A FAULT, "bounds" or "overflow", is committed instead of the cases: it must not go unnoticed.

A process of its own, as the sanitizer must be loaded before everything else (LD_PRELOAD).  Blocks have the exact size,
and a fault ends the process.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

from corelib_conformance.cases import cases, check
from host import SANITIZED, HostBackend, Memory, recorded

from corelib.backend import register_backend
from corelib.codegen.dialects import C
from corelib.codegen.writer import Array, Writer
from corelib.dtypes import int32

FAULTS = {
    "bounds": "y[y_offset + unit + 1] = 1;",
    "overflow": "i32 n = 2147483647; n += (i32)unit + 1; y[y_offset] = n;",
}


def fault(name: str) -> None:
    """Launch a kernel that is wrong."""
    w = Writer(C)
    w.array(Array("y", int32, True))
    with w.units():
        w.line(FAULTS[name])
    HostBackend().launch(HostBackend.libraries.function(w.kernel(name)), 1, [Memory(4), 0], 0)


def main() -> None:
    register_backend(HostBackend.spec("host", Path(sys.argv[1]), SANITIZED))
    if len(sys.argv) > 2:
        fault(sys.argv[2])
        return
    kernels = recorded(C)
    HostBackend.libraries.prepare(kernels)
    for case in cases():
        with suppress(AssertionError):  # values are not what this is about: without optimization some differ
            check(case, "host")
    print(f"{len(kernels)} kernels")


main()
