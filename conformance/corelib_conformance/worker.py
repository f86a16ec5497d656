"""A worker process: ``python -m corelib_conformance.worker DEVICE PROFILE [SETUP...]``.

It reads commands from its standard input, one JSON object a line, and answers on what was its standard
output; whatever a backend prints goes to standard error.  ``{"run": [id, ...]}`` answers ``{"start": id}``
before each check and its result after it; ``{"time": [op, ...]}`` answers a line for each operation.
It ends with its input, and with its parent.
"""

from __future__ import annotations

import faulthandler
import json
import os
import queue
import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any

from .check import Check, Unsupported, collect
from .device import describe, flags, load, resolve

if TYPE_CHECKING:
    from corelib.device import Device

    from .trap import Trap

_LONGEST = 4000  # characters of a message


def main(arguments: list[str]) -> None:
    """Announce the device, or why there is none; then serve."""
    started = time.perf_counter()
    name, profile, *setups = arguments
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    faulthandler.enable()
    _die_with_parent()
    commands = _commands()
    sys.path.append(os.getcwd())

    def reply(message: dict[str, Any]) -> None:
        replies.write(json.dumps(message) + "\n")

    try:
        for setup in setups:
            load(setup)
        device = resolve(name)
        description = describe(device)
        session = Session(device, collect(profile))
    except BaseException as error:
        why = f"{type(error).__name__}: {error}"
        reply({"unavailable": why, "traceback": traceback.format_exc()})
        return
    reply({"ready": description, "seconds": time.perf_counter() - started})
    while True:
        command = commands.get()
        for identifier in command.get("run", ()):
            reply({"start": identifier})
            reply(session.run(identifier))
        for op in command.get("time", ()):
            from .timing import measure

            reply({"start": f"time {op}"})
            reply({"timed": op, "result": measure(op, device)})
        reply({"done": True})


def _commands() -> queue.SimpleQueue[dict[str, Any]]:
    """Commands as they come; the end of the input ends the process, whatever it is doing."""
    arrived: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    source = os.fdopen(os.dup(0), encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)

    def read() -> None:
        for line in source:
            arrived.put(json.loads(line))
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    return arrived


def _die_with_parent() -> None:
    """A kernel that holds the interpreter's lock for ever must not outlive a runner that was killed."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL


class Session:
    """The checks, and the device that they are put to."""

    def __init__(self, device: Device, checks: list[Check]) -> None:
        from corelib.backend.registry import registry

        self.device = device
        self.checks = {check.id: check for check in checks}
        self.backend = registry.get(device.type)
        self.flags = flags(self.backend, device.index or 0)
        self.trap: Trap | None = None

    def run(self, identifier: str) -> dict[str, Any]:
        """Put one check to the device; its status, and what there is to say."""
        result: dict[str, Any] = {"id": identifier}
        check = self.checks.get(identifier)
        if check is None:
            return {**result, "status": "not-run", "message": "the worker knows no such check"}
        if check.capability is not None and not self.flags.get(check.capability, False):
            reason = f"{self.device.type} declares no {check.capability}"
            return {**result, "status": "unsupported-declared", "flag": check.capability, "message": reason}
        if self.trap is None:
            from .trap import Trap

            self.trap = Trap(self.backend)
        self.trap.reset()
        self._forbid_fallback()
        started = time.perf_counter()
        try:
            measured = check.run(self.device)
            self.backend.synchronize(self.device.index or 0)
        except Unsupported as lacking:
            result |= self._unsupported(lacking)
        except BaseException as error:
            result |= _failure(error)
        else:
            result["status"] = "pass"
            if measured is not None:
                result |= {k: v for k in ("ulp", "bound") if (v := getattr(measured, k)) is not None}
        result["seconds"] = time.perf_counter() - started
        if result["status"] == "pass" and self.trap.seen:
            result |= {"status": "host-fallback", "message": "; ".join(dict.fromkeys(self.trap.seen))[:_LONGEST]}
        return result

    def _forbid_fallback(self) -> None:
        """The CPU does not stand in, though a backend may have asked for it: what has no kernel fails."""
        from corelib.backend.registry import registry

        if registry.cpu_fallback:
            registry.set_cpu_fallback(False)

    def _unsupported(self, lacking: Unsupported) -> dict[str, Any]:
        """A device cannot excuse itself by a flag that it declares."""
        if self.flags.get(lacking.flag, False):
            message = f"refused for want of {lacking.flag}, which the device declares: {lacking.reason}"
            return {"status": "fail", "message": message}
        return {"status": "unsupported-declared", "flag": lacking.flag, "message": lacking.reason}


def _failure(error: BaseException) -> dict[str, Any]:
    text = str(error)
    if isinstance(error, AssertionError) and text.startswith("host-fallback"):
        return {"status": "host-fallback", "message": text[:_LONGEST]}
    message = text if isinstance(error, AssertionError) and text else f"{type(error).__name__}: {text}"
    frames = traceback.format_exception(error)
    return {"status": "fail", "message": message[:_LONGEST], "traceback": "".join(frames)[-_LONGEST:]}


if __name__ == "__main__":
    main(sys.argv[1:])
