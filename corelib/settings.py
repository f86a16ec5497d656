"""Process-wide switches that PyTorch programs set: compilation, precision, determinism, threads.

What a switch asks for and no backend does yet is accepted, and said once; nothing here changes a result.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from typing import Any, TypeVar, overload

from .autograd import set_detect_anomaly
from .state import local

__all__ = [
    "are_deterministic_algorithms_enabled", "compile", "get_deterministic_debug_mode", "get_float32_matmul_precision",
    "get_num_interop_threads", "get_num_threads", "is_anomaly_enabled", "is_autocast_enabled",
    "is_deterministic_algorithms_warn_only_enabled", "is_warn_always_enabled", "set_anomaly_enabled",
    "set_deterministic_debug_mode", "set_float32_matmul_precision", "set_flush_denormal", "set_num_interop_threads",
    "set_num_threads", "set_warn_always", "use_deterministic_algorithms",
]  # fmt: skip

F = TypeVar("F", bound=Callable[..., Any])
_said: set[str] = set()
_values: dict[str, Any] = {
    "precision": "highest", "deterministic": False, "warn_only": False, "warn_always": False,
    "threads": os.cpu_count() or 1, "interop": 1,
}  # fmt: skip


def say_once(message: str) -> None:
    """A warning, the first time in the process."""
    if message not in _said:
        _said.add(message)
        warnings.warn(message, stacklevel=3)


@overload
def compile(
    model: F,
    *,
    fullgraph: bool = ...,
    dynamic: bool | None = ...,
    backend: Any = ...,
    mode: str | None = ...,
    options: dict[str, Any] | None = ...,
    disable: bool = ...,
) -> F: ...
@overload
def compile(
    model: None = None,
    *,
    fullgraph: bool = ...,
    dynamic: bool | None = ...,
    backend: Any = ...,
    mode: str | None = ...,
    options: dict[str, Any] | None = ...,
    disable: bool = ...,
) -> Callable[[F], F]: ...
def compile(
    model: Any = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: Any = "inductor",
    mode: str | None = None,
    options: dict[str, Any] | None = None,
    disable: bool = False,
) -> Any:
    """The function or module as it is, run eagerly; says so once.  Usable as a decorator, with or without arguments."""
    if model is None:
        return lambda function: compile(function, disable=disable)
    if not callable(model):
        raise TypeError(f"compile(): argument 'model' must be callable, not {type(model).__name__}")
    if not disable:
        say_once("corelib.compile runs the function eagerly: capturing and fusing are not built yet")
    return model


def set_float32_matmul_precision(precision: str) -> None:
    """How exact products of float32 matrices must be: "highest", "high" or "medium" (a backend may use less)."""
    if precision not in ("highest", "high", "medium"):
        raise RuntimeError(f"Invalid float32 matmul precision '{precision}': use one of highest, high, medium")
    _values["precision"] = precision


def get_float32_matmul_precision() -> str:
    """What :func:`set_float32_matmul_precision` was given; "highest" at first."""
    return str(_values["precision"])


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Ask for results that repeat bit for bit, which those of the CPU backend do anyway."""
    _values["deterministic"], _values["warn_only"] = bool(mode), bool(warn_only)


def are_deterministic_algorithms_enabled() -> bool:
    """Whether :func:`use_deterministic_algorithms` is on."""
    return bool(_values["deterministic"])


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Whether only a warning was asked for where an operation is not deterministic."""
    return bool(_values["warn_only"])


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """``use_deterministic_algorithms`` by level: 0 "default", 1 "warn", 2 "error"."""
    levels = {"default": 0, "warn": 1, "error": 2}
    level = levels.get(debug_mode, -1) if isinstance(debug_mode, str) else debug_mode
    if level not in (0, 1, 2):
        raise RuntimeError(
            f"invalid value of debug_mode: {debug_mode!r}, expected one of default (0), warn (1), error (2)"
        )
    use_deterministic_algorithms(level > 0, warn_only=level == 1)


def get_deterministic_debug_mode() -> int:
    """The level that :func:`set_deterministic_debug_mode` sets."""
    return 0 if not _values["deterministic"] else 1 if _values["warn_only"] else 2


def _count(value: Any, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} expects an int, but got {type(value).__name__}")
    if value <= 0:
        raise RuntimeError(f"{name} expects a positive integer")
    return value


def set_num_threads(num: int) -> None:
    """Note how many threads are wanted; NumPy's own libraries go by their environment variables."""
    _values["threads"] = _count(num, "set_num_threads")


def get_num_threads() -> int:
    """The number last set; the machine's processors at first."""
    return int(_values["threads"])


def set_num_interop_threads(num: int) -> None:
    """Note how many threads between operations are wanted; there is always one."""
    _values["interop"] = _count(num, "set_num_interop_threads")


def get_num_interop_threads() -> int:
    """The number last set; 1 at first."""
    return int(_values["interop"])


def set_flush_denormal(mode: bool) -> bool:
    """False: no backend flushes denormal numbers to zero."""
    return False


def set_warn_always(b: bool, /) -> None:
    """Note whether warnings should repeat; Python's own filters decide."""
    _values["warn_always"] = bool(b)


def is_warn_always_enabled() -> bool:
    """What :func:`set_warn_always` was given."""
    return bool(_values["warn_always"])


def is_anomaly_enabled() -> bool:
    """Whether anomaly detection is on."""
    return local.anomaly


def set_anomaly_enabled(mode: bool, check_nan: bool = True) -> None:
    """Turn anomaly detection on or off."""
    set_detect_anomaly(mode, check_nan)


def is_autocast_enabled(device_type: str | None = None) -> bool:
    """False: operations run in the precision of their operands."""
    return False
