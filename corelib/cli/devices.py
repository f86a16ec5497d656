"""``corelib devices``: a table of device types and devices."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..backend.registry import BackendState

__all__ = ["add_parser", "table"]

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("devices", help="devices, who brings them, and their state")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the table; 0 where at least one device can be used."""
    from ..backend.registry import registry

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # kernel packs: `corelib doctor` shows them
        states = registry.states()
    rows = [row for state in states for row in _rows(state)]
    print(table(("device", "name", "backend", "memory", "state"), rows))
    return 0 if any(state.status == "ok" for state in states) else 1


def _rows(state: BackendState) -> Iterator[tuple[str, ...]]:
    """One row for each device of a type, one for a type without."""
    if state.error is not None or state.backend is None:
        hint = "" if state.status in ("not installed", "no hardware") else " (corelib doctor says why)"
        yield state.name, "", state.package, "", f"{state.status}{hint}"
        return
    status = "ok, for testing" if state.spec is not None and state.spec.testing else "ok"
    for index in range(state.backend.device_count()):
        try:
            properties = state.backend.properties(index)
            memory = _memory(state.backend.memory_allocated(index), properties.total_memory)
        except Exception as error:  # a driver may raise anything; the other devices are shown all the same
            yield f"{state.name}:{index}", "", state.package, "", f"{type(error).__name__}: {error}"
            continue
        yield f"{state.name}:{index}", properties.name, state.package, memory, status


def _memory(used: int | None, total: int | None) -> str:
    parts = [f"{_size(used)} used" if used else "", f"{_size(total)}" if total else ""]
    return " of ".join(part for part in parts if part)


def _size(count: int) -> str:
    """Bytes, in the largest unit that leaves a number of at least one."""
    power = min((count.bit_length() - 1) // 10, len(_UNITS) - 1)
    return f"{count} B" if power == 0 else f"{count / 1024**power:.1f} {_UNITS[power]}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lines of left-aligned columns, two spaces between, a rule under the header.  Cells are single lines."""
    cells = [list(header), *([" ".join(cell.split()) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    cells.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    )
