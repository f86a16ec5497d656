"""Worker processes: started, spoken to, and replaced."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["Unavailable", "Worker"]


class Unavailable(Exception):
    """The device cannot be used at all: there is nothing to judge."""


class Worker:
    """One process.  What it says arrives in ``events`` as (worker, message); None says that it has ended.

    Attributes:
        current: what it is at, None between two.
        since: when it began that, or was made.
        finished: the id whose result came last.
        ready: whether it has the device.
        expired: whether it was ended for taking too long.
    """

    def __init__(
        self,
        events: queue.SimpleQueue[tuple[Worker, Any]],
        device: str,
        profile: str,
        setup: Sequence[str] = (),
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.current: str | None = None
        self.since = time.monotonic()
        self.finished: str | None = None
        self.ready = False
        self.expired = False
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        command = [sys.executable, "-P", "-m", "corelib_conformance.worker", device, profile, *setup]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True, encoding="utf-8",
            env={**(variables or {}), **os.environ, "PYTHONPATH": _path()}, start_new_session=os.name == "posix",
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, args=(events,), daemon=True)
        self._reader.start()

    def send(self, command: dict[str, Any]) -> None:
        """Give it something to do; a process that has ended says so by its None."""
        self.since = time.monotonic()
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()

    def stop(self) -> str:
        """End it now, if it has not, and wait; how it ended."""
        if self._process.poll() is None:
            self._process.kill()
        code = self._process.wait()
        if threading.current_thread() is not self._reader:
            self._reader.join(timeout=5)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        if code < 0:
            with contextlib.suppress(ValueError):
                return f"the process was ended by {signal.Signals(-code).name}"
        return f"the process ended with status {code}"

    def last_words(self, characters: int = 3000) -> str:
        """The end of what it wrote to standard error."""
        try:
            size = self._log.seek(0, os.SEEK_END)
            self._log.seek(max(size - characters, 0))
            return self._log.read().decode("utf-8", "replace").strip()
        except ValueError:  # closed
            return ""

    def close(self) -> None:
        """End it and free its log."""
        self.stop()
        self._log.close()

    def _read(self, events: queue.SimpleQueue[tuple[Worker, Any]]) -> None:
        assert self._process.stdout is not None
        with contextlib.suppress(ValueError, OSError):
            for line in self._process.stdout:
                with contextlib.suppress(json.JSONDecodeError):  # cut off in the middle
                    events.put((self, json.loads(line)))
        events.put((self, None))


def _path() -> str:
    """This process's import path, so that a worker finds what its parent does."""
    return os.pathsep.join(dict.fromkeys(os.path.abspath(p) for p in sys.path if p))
