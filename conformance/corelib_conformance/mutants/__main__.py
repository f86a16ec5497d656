"""``python -m corelib_conformance.mutants [--only N ...] [--subset ci] [-n 2] [--write] [--table FILE]``."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from .run import load, run, subset
from .table import table

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """0 where every mutant dies, 1 where one survives, 2 where the run is void."""
    parser = argparse.ArgumentParser(prog="python -m corelib_conformance.mutants", description=__doc__)
    parser.add_argument("--only", type=int, nargs="+", default=[], metavar="N", help="these mutants only")
    parser.add_argument("--subset", choices=("all", "listed", "ci"), default="all")
    parser.add_argument("-n", "--workers", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="put them to the checks of the quick profile only")
    parser.add_argument("--write", action="store_true", help="keep the score for reports, beside the suite")
    parser.add_argument("--table", type=Path, metavar="FILE", help="write what became of each, as Markdown")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that is known")
    asked = parser.parse_args(arguments)
    if (asked.write or asked.table) and (asked.only or asked.subset != "all" or asked.quick):
        parser.error("the score and the table are of all mutants and all checks")
    started = time.perf_counter()
    try:
        result = run(asked.only or subset(asked.subset), asked.workers, asked.quick or asked.subset == "ci", say)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 2
    named = {m.number: m.name for m in load()}
    for number in result["survivors"]:
        print(f"survivor {number}: {named[number]}")
    took = time.perf_counter() - started
    print(f"{result['killed']} of {result['total']} killed ({result['quick']} in the quick profile), {took:.0f} s")
    if asked.write:
        keep(result)
    if asked.table:
        asked.table.write_text(table(result), encoding="utf-8")
    if asked.json:
        asked.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 1 if result["survivors"] else 0


def say(text: str) -> None:
    """A line at once."""
    print(text, flush=True)


def keep(result: dict[str, Any]) -> None:
    """The score where reports look for it."""
    score = {key: result[key] for key in ("suite", "total", "killed", "quick", "survivors")}
    file = Path(__file__).parent.parent / "mutant_score.json"
    file.write_text(json.dumps(score, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
