"""``corelib conformance``: whether a device does what the contract says; the suite is a package of its own."""

from __future__ import annotations

import argparse
import sys
from typing import Any

__all__ = ["add_parser"]


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("conformance", help="run the conformance suite on a device, or verify a report")
    parser.set_defaults(run=run, parser=parser)
    add = parser.add_argument
    add("--device", help="the device to judge, such as opencl:1")
    add("--profile", choices=("quick", "full"), default="full", help="how many checks (full)")
    add("--tier", action="append", metavar="TIER", help="only these tiers (those that the device declares)")
    add("--op", action="append", metavar="OP", help="only these operations")
    add("--dtype", action="append", metavar="DTYPE", help="only these dtypes")
    add("-n", dest="workers", type=_positive(int), metavar="N", help="worker processes (one a core, at most 4)")
    add("--seed", type=int, help="of the order in which groups run (random)")
    add("--timeout", type=_positive(float), default=60.0, metavar="S", help="seconds that a check may take (60)")
    add(
        "--import", action="append", default=[], dest="setup", metavar="MODULE[:FUNCTION[:ARGUMENT]]",
        help="import this in each worker first, and call the function: for a backend that is not installed",
    )  # fmt: skip
    add("--json", metavar="FILE", help="write the report")
    add("--html", metavar="FILE", help="write the report for people")
    add("--badge", metavar="FILE", help="write an SVG badge")
    actions = parser.add_subparsers(title="actions", metavar="verify")
    verify = actions.add_parser("verify", help="derive the verdict of a report again")
    verify.add_argument("file", metavar="FILE")
    verify.set_defaults(run=run)


def _positive(number: type[int] | type[float]) -> Any:
    def parse(text: str) -> int | float:
        value = number(text)
        if not value > 0:
            raise ValueError
        return value

    parse.__name__ = f"positive {number.__name__}"  # argparse shows it
    return parse


def run(arguments: argparse.Namespace) -> int:
    """Run the suite or verify a report: 0 for a pass, 1 for a fail, 2 where neither can be said."""
    try:
        from corelib_conformance import cli
    except ModuleNotFoundError as error:
        if error.name != "corelib_conformance":
            raise
        print("corelib conformance: the suite is not installed: pip install corelib-conformance", file=sys.stderr)
        return 2
    if hasattr(arguments, "file"):
        return int(cli.verify_file(arguments.file))
    if arguments.device is None:
        arguments.parser.error("--device is required")
    return int(cli.run(arguments))
