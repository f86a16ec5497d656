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
FOOTPRINT = "<!-- footprint: benchmarks/side_by_side.py --footprint --write -->", "<!-- end of footprint -->"
QUIET = 0.05  # of the processors, used by others
IMPORT_LIMIT, SIZE_LIMIT = 0.15, 5e6  # seconds beyond NumPy's own; bytes


class Row(NamedTuple):
    """Medians in seconds, the medians of the processes' ratios and of the others' shares of the processors."""

    name: str
    ours: float
    theirs: float
    ratio: float
    target: float | None
    disturbed: float


def _child(kind: str, row: int, amount: float, tries: int) -> tuple[list[float], float]:
    """What ``timing.py`` prints, and the others' share of the processors meanwhile; of several tries the quietest."""
    command = [sys.executable, str(Path(__file__).with_name("timing.py")), kind, str(row), str(amount)]
    least, result = 2.0, []
    for _ in range(tries):
        others = Others()
        found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
        share = others.share() or 0.0
        if share < least:
            least, result = share, found
        if least <= QUIET:
            break
    return result, least


def _row(work: Work, pairs: list[tuple[float, ...]], disturbed: float = 0.0) -> Row:
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    return Row(work.name, ours, theirs, statistics.median([a / b for a, b in pairs]), work.target, disturbed)


def _time(seconds: float) -> str:
    return f"{seconds * 1e6:.2f} µs" if seconds < 1e-4 else f"{seconds * 1e3:.2f} ms"


def _table(rows: list[Row]) -> list[str]:
    lines = ["| work | corelib | PyTorch | corelib / PyTorch | target |", "|---|---:|---:|---:|---:|"]
    for row in rows:
        target = "" if row.target is None else f"≤ {row.target}"
        mark = "?" if row.disturbed > QUIET else ""
        lines.append(f"| {row.name} | {_time(row.ours)} | {_time(row.theirs)} | {row.ratio:.2f}{mark} | {target} |")
    return lines


def _verdict(rows: list[Row]) -> list[str]:
    """What is slow, and what misses its target; a row that others disturbed has neither met nor missed it."""
    sure = [row for row in rows if row.disturbed <= QUIET]
    missed = [f"{r.name} ({r.ratio:.2f} instead of {r.target})" for r in sure if r.target and r.ratio > r.target]
    slower = [f"{r.name} ({r.ratio:.1f} x)" for r in sure if r.ratio > 1.05]
    unsure = [r.name for r in rows if r.disturbed > QUIET]
    lines = [f"Targets missed: {'; '.join(missed) or 'none'}.", ""]
    lines += [f"Slower than PyTorch: {'; '.join(slower) or 'nothing in this table'}."]
    if unsure:
        lines += [
            "",
            f"Not known, for other programs used more than {QUIET:.0%} of the processors: {'; '.join(unsure)}.",
        ]
    return lines


def report(processes: int, blocks: int, seconds: float, tries: int) -> str:
    """Measure everything; the result as Markdown."""

    def measure(row: int, work: Work, kinds: list[str], amount: float) -> Row:
        runs = [[_child(kind, row, amount, tries) for kind in kinds] for _ in range(processes)]
        pairs = [tuple(time for times, _ in run for time in times) for run in runs]
        return _row(work, pairs, statistics.median([max(share for _, share in run) for run in runs]))

    small = [measure(row, work, ["both"], blocks) for row, work in enumerate(SMALL)]
    large = [measure(row, work, ["corelib", "torch"], seconds) for row, work in enumerate(LARGE)]
    lines = [f"Medians of {processes} processes a row.", "", *[f"- {line}" for line in description(THREADS)], ""]
    lines += ["Small work, interleaved in one process:", "", *_table(small), ""]
    lines += ["Large work, in alternating processes:", "", *_table(large), ""]
    lines += _verdict([*small, *large])
    return "\n".join(lines)


def footprint(imports: int) -> str:
    """Import time and installed size, as Markdown."""
    ours, theirs = import_seconds("corelib", imports), import_seconds("torch", max(1, imports // 3))
    return (
        f"- `import corelib` beyond `import numpy`: {ours:.3f} s (limit {IMPORT_LIMIT} s); "
        f"`import torch`: {theirs:.2f} s.\n"
        f"- Installed size of frontend and CPU backend without their dependencies, bytecode included: "
        f"{installed_bytes() / 1e6:.2f} MB (limit {SIZE_LIMIT / 1e6:.0f} MB)."
    )


def _write(text: str, begin: str, end: str) -> None:
    """Put a result between its two comments."""
    before, rest = DOCUMENT.read_text(encoding="utf-8").split(begin)
    after = rest.split(end)[1]
    DOCUMENT.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one process, short blocks: a look, no result")
    parser.add_argument("--write", action="store_true", help=f"put the result into docs/{DOCUMENT.name}")
    parser.add_argument("--footprint", action="store_true", help="only the time to import and the installed size")
    options = parser.parse_args()
    if options.quick and options.write:
        parser.error("--quick is too rough to be written down")
    results = []
    if not options.footprint:
        table = report(1, 9, 0.2, tries=1) if options.quick else report(5, 21, 0.3, tries=10)
        results.append((table, BEGIN, END))
    results.append((footprint(3 if options.quick else 9), *FOOTPRINT))
    for text, begin, end in results:
        print(text)
        if options.write:
            _write(text, begin, end)


if __name__ == "__main__":
    main()
