"""corelib beside PyTorch on the CPU: prints a table, and with --write puts it into docs/benchmarks.md.

Small work takes turns in one process; large work runs in processes of its own, which alternate, since what one
library tells the allocator helps the other too.  Every number is the median over the processes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from machine import Others, description, import_seconds, installed_bytes
from timing import THREADS
from work import LARGE, SMALL

DOCUMENT = Path(__file__).parent.parent / "docs" / "benchmarks.md"
BEGIN, END = "<!-- results: benchmarks/side_by_side.py --write -->", "<!-- end of results -->"
IMPORT_LIMIT, SIZE_LIMIT = 0.15, 5e6  # seconds beyond NumPy's own; bytes


class Row(NamedTuple):
    """Medians in seconds, and the median of the processes' ratios."""

    name: str
    ours: float
    theirs: float
    ratio: float
    target: float | None


def _child(kind: str, amount: float) -> Any:
    command = [sys.executable, str(Path(__file__).with_name("timing.py")), kind, str(amount)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def _rows(works: list[Any], processes: list[list[tuple[float, float]]]) -> list[Row]:
    rows = []
    for work, pairs in zip(works, zip(*processes, strict=True), strict=True):
        ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
        rows.append(Row(work.name, ours, theirs, statistics.median([a / b for a, b in pairs]), work.target))
    return rows


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


def report(processes: int, blocks: int, seconds: float, imports: int) -> str:
    """Measure everything; the result as Markdown."""
    others = Others()
    small = [_child("small", blocks) for _ in range(processes)]
    large = [list(zip(_child("corelib", seconds), _child("torch", seconds), strict=True)) for _ in range(processes)]
    tables = [_rows(SMALL, small), _rows(LARGE, large)]
    ours, theirs = import_seconds("corelib", imports), import_seconds("torch", max(1, imports // 3))
    share = others.share()
    lines = [f"Medians of {processes} processes.", "", *[f"- {line}" for line in description(THREADS)]]
    if share is not None:
        lines.append(f"- other programs used {share:.0%} of the processors meanwhile (beyond 5% the numbers are rough)")
    lines.append("")
    lines += ["Small work, interleaved in one process:", "", *_table(tables[0]), ""]
    lines += ["Large work, in alternating processes:", "", *_table(tables[1]), ""]
    lines += [*_verdict([*tables[0], *tables[1]]), ""]
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
    text = report(1, 9, 0.2, 3) if options.quick else report(5, 21, 0.5, 9)
    print(text)
    if options.write:
        document = DOCUMENT.read_text(encoding="utf-8")
        before, rest = document.split(BEGIN)
        after = rest.split(END)[1]
        DOCUMENT.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
