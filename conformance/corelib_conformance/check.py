"""What the suite is made of: a :class:`Check` is one question put to a device, with a name that never changes.

Modules in ``corelib_conformance.suites`` each give theirs by ``checks() -> Iterator[Check]``; :func:`collect`
is all of them.  How they are run, and what follows from it, is in :mod:`.runner` and :mod:`.verdict`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from corelib.device import Device
    from corelib.ops.primitive import Primitive

__all__ = ["PROFILES", "TIERS", "Check", "Measure", "Unsupported", "collect", "flag_of", "show", "tier_of"]

TIERS = ("core", "training", "fused", "linalg", "fft", "complex", "async", "multi-device")
PROFILES = ("quick", "full")
BASE_DTYPES = frozenset({"bool", "uint8", "int32", "int64", "float32"})
"""What every device must hold; any other dtype is a capability flag."""


class Unsupported(Exception):
    """Raised by a check: the device declares that it lacks what is asked.

    Args:
        flag: the capability, such as "float64", "out", "complex" or "mutable".
        reason: where the device says so.
    """

    def __init__(self, flag: str, reason: str = "") -> None:
        super().__init__(flag, reason)
        self.flag = flag
        self.reason = reason


@dataclass(frozen=True)
class Measure:
    """What a check may tell beside that it passed.

    Attributes:
        ulp: largest error seen, in units of the last place of the check's dtype.
        bound: the largest that is allowed, in the same units.
        seconds: of one call, where the check times one.
    """

    ulp: float | None = None
    bound: float | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Check:
    """One question.

    Attributes:
        id: names it, the same in every version: "add/float32[2,3]-offset".
        group: what a worker process gets at a time: a primitive's name, or "aliasing", "random", ...
        tier: one of :data:`TIERS`.
        op: the primitive, if it is about one.
        dtype: the dtype it is about.
        quick: whether it belongs to the quick profile; the full one has all.
        capability: the flag without which a device need not answer.
        run: asks a device.  AssertionError (or any other exception) is a failure; :class:`Unsupported` is not.
        program: the text of a minimal Python program that shows a failure; ``device`` is a name in it that is
            defined before its first line.
    """

    id: str
    group: str
    tier: str
    op: str | None
    dtype: str | None
    quick: bool
    capability: str | None
    run: Callable[[Device], Measure | None]
    program: Callable[[], str] | None = None


def collect(profile: str = "full") -> list[Check]:
    """All checks of a profile, in a fixed order.

    Raises ValueError for an unknown profile, two checks of one id, or a tier that there is not.
    """
    if profile not in PROFILES:
        raise ValueError(f"there is no profile '{profile}', only {', '.join(PROFILES)}")
    from . import suites

    found: dict[str, Check] = {}
    for module in sorted(m.name for m in pkgutil.iter_modules(suites.__path__) if not m.name.startswith("_")):
        loaded = importlib.import_module(f"{suites.__name__}.{module}")
        if not hasattr(loaded, "checks"):
            continue
        for check in loaded.checks():
            if check.id in found:
                raise ValueError(f"two checks are called '{check.id}'")
            if check.tier not in TIERS:
                raise ValueError(f"{check.id}: there is no tier '{check.tier}'")
            found[check.id] = check
    return [check for check in found.values() if profile == "full" or check.quick]


def flag_of(dtype: str) -> str | None:
    """The capability flag of a dtype; None for those that every device holds."""
    if dtype.startswith("complex"):
        return "complex"
    return None if dtype in BASE_DTYPES else dtype


def tier_of(prim: Primitive, dtypes: tuple[str, ...] = ()) -> str:
    """The tier that a primitive's checks on some dtypes belong to, by its definition.

    Linear algebra and Fourier transforms are tiers of their own; of the rest whatever has a complex operand is
    "complex"; what has a decomposition, and so needs no kernel, is "fused".
    """
    for prefix in ("linalg", "fft"):
        if prim.name.startswith(f"{prefix}_"):
            return prefix
    if any(d.startswith("complex") for d in dtypes):
        return "complex"
    if prim.kind in ("view", "host"):
        return "core"
    return "fused" if prim.tier == "optional" else prim.tier


def show(identifier: str, device: str) -> None:
    """Run one check here, without a worker, so that its failure can be looked at in a debugger.

    Raises whatever the check raises; KeyError where there is no such check.
    """
    from .device import resolve

    checks = {check.id: check for check in collect()}
    measured = checks[identifier].run(resolve(device))
    print(f"{identifier}: pass" + (f", {measured}" if measured is not None else ""))
