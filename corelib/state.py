"""All per-thread state in one object, and the one global word that the hot path reads.

``local`` holds what differs between threads (grad mode, the stack of modes, default device, ...).
``STATE.intercept`` counts, over all threads, the reasons for which an operation must leave the
straight path: an active mode, an autocast region, a function transform, anomaly detection.  While it
is 0 a primitive runs without looking at any thread-local state other than grad mode, and that only
when an operand has a history.
"""

from __future__ import annotations

import threading
from typing import Any, ClassVar

__all__ = ["STATE", "GlobalState", "ThreadState", "local"]


class GlobalState:
    """Process-wide word read by every operation."""

    __slots__ = ("intercept", "lock")

    def __init__(self) -> None:
        self.intercept = 0
        self.lock = threading.Lock()

    def enter(self) -> None:
        """One more reason, in some thread, to leave the straight path."""
        with self.lock:
            self.intercept += 1

    def leave(self) -> None:
        with self.lock:
            self.intercept -= 1


class ThreadState(threading.local):
    """What differs between threads."""

    everywhere: ClassVar[list[Any]] = []  # modes that threads start with

    def __init__(self) -> None:
        self.grad = True  # torch.is_grad_enabled()
        self.inference = False  # torch.is_inference_mode_enabled()
        self.anomaly = False  # backward tells which forward call led to an error
        self.check_nan = True  # while it does: whether a nan is one
        self.modes: list[Any] = list(self.everywhere)  # innermost last
        self.within: tuple[tuple[Any, Any], ...] = ()  # (function, mode) of see_inner modes that run it right now
        self.devices: list[Any] = []  # stack of `with device(...)`


STATE = GlobalState()
local = ThreadState()
