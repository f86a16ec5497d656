"""The command line: ``corelib COMMAND`` or ``python -m corelib COMMAND``.

Every module in this package is one command and is found by being here.  It defines
``add_parser(subparsers)``, which adds its parser and calls ``set_defaults(run=function)``; the function
takes the parsed arguments and returns the exit status.  The modules are all imported to print the help,
so what is heavy (the frontend included) is imported inside ``run``.
"""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import sys
from collections.abc import Sequence

from ..version import __version__

__all__ = ["build_parser", "main"]


def build_parser() -> argparse.ArgumentParser:
    """The parser of ``corelib`` with the parsers of all commands."""
    parser = argparse.ArgumentParser(
        prog="corelib", description="A PyTorch-shaped deep-learning framework whose device is a plugin."
    )
    parser.add_argument("--version", action="version", version=f"corelib {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}").add_parser(subparsers)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; ``arguments`` are ``sys.argv[1:]`` unless given."""
    parsed = build_parser().parse_args(arguments)
    try:
        status: int = parsed.run(parsed)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read the output (head, a pager) has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the flush at exit fails again
        return 141
    return status
