"""``corelib demo``: watch a small convolutional network learn handwritten digits.

It leaves in its folder ``weights.safetensors``, ``metrics.json`` and ``result.png``.  Interrupted, it
leaves ``checkpoint.safetensors`` and says how to go on; a resumed run ends with the weights, bit for bit,
of one that was never interrupted.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path
from typing import Any

__all__ = ["add_parser", "run"]

EPOCHS = 20
NEEDED = ("matplotlib", "rich", "sklearn", "threadpoolctl")


def add_parser(subparsers: Any) -> None:
    """Add ``demo`` to the commands."""
    parser = subparsers.add_parser(
        "demo", help="train a small network on handwritten digits", description=__doc__, formatter_class=_Formatter
    )
    parser.add_argument("--device", help="where to train, such as cpu or cuda:0 (default: the default device)")
    parser.add_argument("--epochs", type=_positive, metavar="N", help=f"passes over the data (default: {EPOCHS})")
    parser.add_argument("--seed", type=int, metavar="N", help="seed of everything that is random (default: 0)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the results (default: runs/digits-seed<N>)")
    parser.add_argument("--resume", type=Path, metavar="DIR", help="go on with the run that was interrupted in DIR")
    parser.set_defaults(run=run)


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the description's own lines, without reStructuredText's quotes."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return super()._fill_text(text.replace("``", ""), width, indent)


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


def run(arguments: argparse.Namespace) -> int:
    """Train, or go on training; the status is 0 when it finished and 130 when it was interrupted."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        print(f'corelib demo needs {", ".join(missing)}: pip install "corelib[demo]"', file=sys.stderr)
        return 1
    from .session import run_session

    return run_session(arguments)
