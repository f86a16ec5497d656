"""A live line while a run goes on: drawn by rich on a terminal where it is installed, else plain."""

from __future__ import annotations

import sys
import time
from collections import Counter
from types import TracebackType
from typing import Any, Self, TextIO

from .verdict import BROKEN, Result

__all__ = ["Progress"]

_EVERY = 10.0  # seconds between the lines of a log


class Progress:
    """A context manager; :meth:`update` with each result.

    Args:
        total: how many results will come.
        stream: standard error by default; nothing is drawn on one that is no terminal, but a line now and then.
    """

    def __init__(self, total: int, stream: TextIO | None = None) -> None:
        self.total = total
        self.found: Counter[str] = Counter()
        self._stream = stream if stream is not None else sys.stderr
        self._live = self._stream.isatty()
        self._shown = time.monotonic()
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Self:
        if self._live:
            try:
                from rich.console import Console
                from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
                from rich.progress import Progress as Bar
            except ImportError:
                return self
            columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
            self._bar = Bar(*columns, console=Console(file=self._stream), transient=True)
            self._task = self._bar.add_task("", total=self.total)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        elif self._live:
            self._stream.write("\r\033[K")
            self._stream.flush()

    def update(self, result: Result) -> None:
        """One more."""
        self.found[result.status] += 1
        if self._bar is not None:
            self._bar.update(self._task, advance=1, description=f"{self._counts()} {result.id}")
        elif self._live:
            if time.monotonic() - self._shown > 0.1:
                self._stream.write(f"\r\033[K{self._line()} {result.id[:50]}")
                self._flushed()
        elif time.monotonic() - self._shown > _EVERY:
            self._stream.write(self._line() + "\n")
            self._flushed()

    def _flushed(self) -> None:
        self._stream.flush()
        self._shown = time.monotonic()

    def _counts(self) -> str:
        failed = sum(self.found[status] for status in BROKEN)
        return f"{failed} failed, {self.found['unsupported-declared']} skipped"

    def _line(self) -> str:
        return f"{self.found.total()}/{self.total}: {self._counts()}"
