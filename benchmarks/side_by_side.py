"""corelib beside PyTorch on the CPU: prints a table, and with --write puts it into docs/benchmarks.md.

Small work takes turns in one process; large work runs in processes of its own, which alternate, since what one
library tells the allocator helps the other too.  Every number is the median over the processes.  A process during
which other programs were busy is run again, up to ten times.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from machine import Others, description, import_seconds, installed_bytes
from timing import THREADS
from work import LARGE, SMALL, Work

DOCUMENT = Path(__file__).parent.parent / "docs" / "benchmarks.md"
BEGIN, END = "<!-- results: benchmarks/side_by_side.py --write -->", "<!-- end of results -->"
QUIET = 0.05  # of the processors, used by others
IMPORT_LIMIT, SIZE_LIMIT = 0.15, 5e6  # seconds beyond NumPy's own; bytes


class Row(NamedTuple):
    """Medians in seconds, and the median of the processes' ratios."""

    name: str
    ours: float
    theirs: float
    ratio: float
    target: float | None


class Children:
    """Runs processes one after the other, again where others disturbed one.

    Attributes:
        disturbed: the largest share of the processors that others had during a process whose result was taken.
    """

    def __init__(self, tries: int) -> None:
        self.tries = tries
        self.disturbed = 0.0

    def run(self, kind: str, row: int, amount: float) -> list[float]:
        """What ``timing.py`` prints."""
        command = [sys.executable, str(Path(__file__).with_name("timing.py")), kind, str(row), str(amount)]
        least, result = 1.0, []
        for _ in range(self.tries):
            others = Others()
            found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
            share = others.share() or 0.0
            if share <= least:
                least, result = share, found
            if least <= QUIET:
                break
        self.disturbed = max(self.disturbed, least)
        return result


def _row(work: Work, pairs: list[tuple[float, float]]) -> Row:
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    return Row(work.name, ours, theirs, statistics.median([a / b for a, b in pairs]), work.target)


def _time(seconds: float) -> str:
    return f"{seconds * 1e6:.2f} µs" if seconds < 1e-4 else f"{seconds * 1e3:.2f} ms"


def _table(rows: list[Row]) -> list[str]:
    lines = ["| work | corelib | PyTorch | corelib / PyTorch | target |", "|---|---:|---:|---:|---:|"]
    for row in rows:
        target = "" if row.target is None else f"≤ {row.target}"
        lines.append(f"| {row.name} | {_time(row.ours)} | {_time(row.theirs)} | {row.ratio:.2f} | {target} |")
    return lines


def _verdict(rows: list[Row]) -> list[str]:
    missed = [
        f"{row.name} ({row.ratio:.2f} instead of {row.target})" for row in rows if row.ratio > (row.target or 1e9)
    ]
    slower = [f"{r.name} ({r.ratio:.1f} x)" for r in rows if r.ratio > 1.05]
    return [
        f"Targets missed: {'; '.join(missed) or 'none'}.",
        "",
        f"Slower than PyTorch: {'; '.join(slower) or 'nothing in this table'}.",
    ]


def report(processes: int, blocks: int, seconds: float, imports: int, tries: int) -> str:
    """Measure everything; the result as Markdown."""
    children = Children(tries)

    def pair(row: int) -> tuple[float, float]:
        return children.run("corelib", row, seconds)[0], children.run("torch", row, seconds)[0]

    small = []
    for row, work in enumerate(SMALL):
        times = [children.run("both", row, blocks) for _ in range(processes)]
        small.append(_row(work, [(a, b) for a, b in times]))
    large = [_row(work, [pair(row) for _ in range(processes)]) for row, work in enumerate(LARGE)]
    ours, theirs = import_seconds("corelib", imports), import_seconds("torch", max(1, imports // 3))
    lines = [f"Medians of {processes} processes a row.", "", *[f"- {line}" for line in description(THREADS)]]
    lines += [
        f"- Other programs used at most {children.disturbed:.0%} of the processors (up to {QUIET:.0%} is quiet).",
        "",
    ]
    lines += ["Small work, interleaved in one process:", "", *_table(small), ""]
    lines += ["Large work, in alternating processes:", "", *_table(large), ""]
    lines += [*_verdict([*small, *large]), ""]
    lines += [
        f"- `import corelib` beyond `import numpy`: {ours:.3f} s (limit {IMPORT_LIMIT} s); "
        f"`import torch`: {theirs:.2f} s.",
        f"- Installed size of frontend and CPU backend without their dependencies, bytecode included: "
        f"{installed_bytes() / 1e6:.2f} MB (limit {SIZE_LIMIT / 1e6:.0f} MB).",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one process, short blocks: a look, no result")
    parser.add_argument("--write", action="store_true", help=f"put the result into docs/{DOCUMENT.name}")
    options = parser.parse_args()
    if options.quick and options.write:
        parser.error("--quick is too rough to be written down")
    text = report(1, 9, 0.2, 3, tries=1) if options.quick else report(5, 21, 0.3, 9, tries=10)
    print(text)
    if options.write:
        document = DOCUMENT.read_text(encoding="utf-8")
        before, rest = document.split(BEGIN)
        after = rest.split(END)[1]
        DOCUMENT.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
