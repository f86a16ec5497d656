"""``corelib new-backend``: an installable package with a device in it; the templates are corelib-conformance's."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

__all__ = ["add_parser"]


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("new-backend", help="write a package that brings a device")
    parser.set_defaults(run=run)
    parser.add_argument("name", help="the device type, such as mychip")
    parser.add_argument(
        "--way", required=True, choices=("array-module", "kernels", "codegen"),
        help="over a library that speaks NumPy, by kernels of your own, or through a C-like compiler",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="DIR", help="a folder that is not there yet (corelib-NAME)")


def run(arguments: argparse.Namespace) -> int:
    """Write the package: 0 where it was written, 1 for a name or a folder that cannot be, 2 without the templates."""
    try:
        from corelib_conformance import scaffold
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "corelib_conformance":
            raise
        print("corelib new-backend: its templates are in a package: pip install corelib-conformance", file=sys.stderr)
        return 2
    try:
        folder = scaffold.create(arguments.name, arguments.way, arguments.out)
    except scaffold.ScaffoldError as error:
        print(f"corelib new-backend: {error}", file=sys.stderr)
        return 1
    device = arguments.name
    print(f"{folder} brings the device type '{device}'. Next:")
    print(f"  pip install -e '{folder}[test]'")
    print("  corelib devices")
    print(f"  corelib conformance --device {device} --tier core --profile quick")
    return 0
