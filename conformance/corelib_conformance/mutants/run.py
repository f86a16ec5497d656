"""Puts mutants to the suite: the backends without a fault must pass, a canary must die, and then every mutant."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from multiprocessing import get_context
from typing import Any

from .. import __version__
from ..check import Check, Unsupported, collect
from .planting import MUTANTS, Mutant, planted, unplanted

__all__ = ["CANARIES", "Outcome", "baseline", "examine", "load", "run", "subset"]


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant (or of a backend without a fault).

    Attributes:
        number, name, base, groups: of the mutant.
        killed: the id of the check that failed first, or None.
        quick: whether that check belongs to the quick profile.
        message: how it failed.
        checks: how many checks were run.
        seconds: how long they took.
    """

    number: int
    name: str
    base: str
    groups: tuple[str, ...]
    killed: str | None
    quick: bool
    message: str
    checks: int
    seconds: float


@cache
def load() -> tuple[Mutant, ...]:
    """All mutants, in order."""
    from . import listed, kernels, layers, movement, extent  # noqa: F401, I001

    return tuple(MUTANTS)


@cache
def _by_group() -> dict[str, list[Check]]:
    found: dict[str, list[Check]] = {}
    for check in sorted(collect("full"), key=lambda c: not c.quick):
        found.setdefault(check.group, []).append(check)
    return found


def _put(one: Mutant, device_type: str, quick: bool = False) -> Outcome:
    from ..device import flags, resolve

    device = resolve(device_type)
    from corelib.backend.registry import registry

    held = flags(registry.get(device.type))
    checks = [c for g in one.groups for c in _by_group()[g] if c.quick or not quick]
    checks.sort(key=lambda c: not c.quick)
    started, count = time.perf_counter(), 0
    for check in checks:
        if check.capability is not None and not held.get(check.capability, True):
            continue
        count += 1
        try:
            check.run(device)
        except Unsupported:
            continue
        except Exception as error:
            message = f"{type(error).__name__}: {error}".splitlines()[0][:200]
            took = time.perf_counter() - started
            return Outcome(one.number, one.name, one.base, one.groups, check.id, check.quick, message, count, took)
    return Outcome(one.number, one.name, one.base, one.groups, None, False, "", count, time.perf_counter() - started)


def examine(number: int, quick: bool = False) -> Outcome:
    """Put one mutant to its groups, quick checks first (and alone, if asked), until one fails.

    Numbers below 0 are the canaries.
    """
    one = load()[number - 1] if number > 0 else CANARIES[-number - 1]
    with planted(one) as device:
        return _put(one, device, quick)


def baseline(name: str, group: str, quick: bool = False) -> Outcome:
    """Put a backend without a fault to a group: nothing may fail."""
    with unplanted(name) as device:
        return _put(Mutant(0, f"{name} without a fault", (group,), name, lambda backend: None), device, quick)


def _subtracting(backend: Any) -> None:
    backend.kernels["add"] = replace(backend.kernels["add"], function=backend.kernels["sub"].function)


CANARIES = tuple(Mutant(0, f"the canary: add is sub ({b})", ("add",), b, _subtracting) for b in ("cpu", "strict"))


def subset(name: str) -> list[int]:
    """The numbers of a named subset: "all", "listed" (the thirty-two), or "ci" (every fifth, in quick checks)."""
    count = len(load())
    if name == "ci":
        return list(range(1, count + 1, 5))
    if name == "listed":
        return list(range(1, 33))
    if name != "all":
        raise ValueError(f"there is no subset '{name}', only all, listed and ci")
    return list(range(1, count + 1))


def run(
    numbers: Sequence[int], workers: int = 2, quick: bool = False, progress: Callable[[str], None] | None = None
) -> dict[str, Any]:
    """Examine mutants; what became of them.

    Raises RuntimeError where a backend without a fault fails, or a canary lives: then nothing is known.
    """
    chosen = [m for m in load() if m.number in set(numbers)]
    tasks = sorted({(m.base, g) for m in (*chosen, *CANARIES) for g in m.groups})
    say = progress or (lambda text: None)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for canary in pool.map(partial(examine, quick=quick), [-1 - i for i in range(len(CANARIES))]):
            if canary.killed is None:
                raise RuntimeError(f"void: {canary.name} lives")
            say(f"    {canary.name}: {canary.killed}")
        plain = pool.map(partial(baseline, quick=quick), *zip(*tasks, strict=True))
        found = []
        for outcome in pool.map(partial(examine, quick=quick), [m.number for m in chosen]):
            found.append(outcome)
            say(f"{outcome.number:3} {outcome.name}: {outcome.killed or 'SURVIVES'} ({outcome.seconds:.1f} s)")
        for outcome in plain:
            if outcome.killed is not None:
                raise RuntimeError(f"void: {outcome.name} fails {outcome.killed}: {outcome.message}")
    killed = [o for o in found if o.killed is not None]
    return {
        "suite": __version__,
        "total": len(found),
        "killed": len(killed),
        "quick": sum(o.quick for o in killed),
        "survivors": [o.number for o in found if o.killed is None],
        "mutants": [asdict(o) for o in found],
    }
