"""Anomaly detection: backward stops at the first nan and shows the forward call that led to it."""

from __future__ import annotations

from ..state import STATE, local

__all__ = ["detect_anomaly", "set_detect_anomaly"]


class set_detect_anomaly:
    """Switch anomaly detection for this thread; as a context manager it switches back.

    Without ``check_nan`` only errors in backward name the forward call, and a nan is none.
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._previous = (local.anomaly, local.check_nan)
        self._set(mode, check_nan)

    def _set(self, mode: bool, check_nan: bool) -> None:
        if mode and not local.anomaly:
            STATE.enter()  # nodes must note where they were made, which the straight path does not do
        elif not mode and local.anomaly:
            STATE.leave()
        local.anomaly, local.check_nan = mode, check_nan

    def __enter__(self) -> None:
        return None

    def __exit__(self, *exc: object) -> None:
        self._set(*self._previous)


class detect_anomaly(set_detect_anomaly):
    """``with detect_anomaly():`` a nan in backward raises, naming the forward call."""

    def __init__(self, check_nan: bool = True) -> None:
        super().__init__(True, check_nan)
