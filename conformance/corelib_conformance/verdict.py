"""From the statuses of ids to the verdict of a tier: plain data in, plain data out, so that anybody can repeat it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from .manifest import Manifest

__all__ = ["BROKEN", "OPTIONAL", "STATUSES", "Result", "TierVerdict", "counts", "excused", "judge"]

STATUSES = ("pass", "fail", "crash", "timeout", "unsupported-declared", "host-fallback", "not-run")
BROKEN = frozenset({"fail", "crash", "timeout", "host-fallback"})

_DTYPES = frozenset({"float64", "float16", "bfloat16", "int8", "int16"})
_ELSEWHERE = frozenset({"complex", "linalg", "fft", "async", "multi-device"})  # flags that have a tier of their own
_COMMON = _DTYPES | {"out", "mutable", "strided", "memory", "compile"}
OPTIONAL: dict[str, frozenset[str]] = {
    "core": _COMMON | _ELSEWHERE,
    "training": _COMMON | _ELSEWHERE,
    "fused": _COMMON | _ELSEWHERE,
    "linalg": _COMMON | (_ELSEWHERE - {"linalg"}),
    "fft": _COMMON | (_ELSEWHERE - {"fft", "complex"}),
    "complex": _COMMON | (_ELSEWHERE - {"complex"}),
    "async": _COMMON | (_ELSEWHERE - {"async"}),
    "multi-device": _COMMON | (_ELSEWHERE - {"multi-device"}),
}
"""The capability flags that a device may lack in each tier.  What is on no list excuses nothing."""


@dataclass(frozen=True)
class Result:
    """What became of one check.

    Attributes:
        id, status: its name, and one of :data:`STATUSES`.
        message: why.
        flag: of "unsupported-declared": what the device says it lacks.
        seconds: that it took.
        ulp, bound: the largest error seen and allowed, in units of the last place.
        alone: the status when it was run again, alone in a fresh process; "" where it was not.
        details: a traceback, or the last that the process wrote.
    """

    id: str
    status: str
    message: str = ""
    flag: str = ""
    seconds: float = 0.0
    ulp: float | None = None
    bound: float | None = None
    alone: str = ""
    details: str = ""


@dataclass(frozen=True)
class TierVerdict:
    """Of one tier: "pass", "fail" or "not-run", and how many ids have which status.

    Attributes:
        reasons: the first few ids that stand against it, each with why.
    """

    verdict: str
    counts: dict[str, int]
    reasons: list[str] = field(default_factory=list)


def excused(tier: str, flag: str, flags: Mapping[str, bool]) -> bool:
    """Whether a tier lets a device lack a flag, and the device says that it does."""
    return flag in OPTIONAL[tier] and not flags.get(flag, False)


def judge(manifest: Manifest, results: Mapping[str, Result], flags: Mapping[str, bool]) -> dict[str, TierVerdict]:
    """The verdict of each tier of a manifest.

    A tier passes if every id is "pass", or "unsupported-declared" under a flag that is optional in it, and at
    least one is "pass".  It is "not-run" if no id was run, and else "fail": an id that is missing counts as not
    run, and an id that was not run fails the tier as much as one that failed.
    """
    verdicts = {}
    for tier, ids in manifest.tiers.items():
        found: Counter[str] = Counter()
        against = []
        for identifier in ids:
            result = results.get(identifier, Result(identifier, "not-run", "there is no result"))
            status = result.status if result.status in STATUSES else "not-run"
            found[status] += 1
            good = status == "pass" or (status == "unsupported-declared" and excused(tier, result.flag, flags))
            if not good:
                against.append(f"{identifier}: {status}" + (f" ({result.flag})" if result.flag else ""))
        answered = "pass" if not against and found["pass"] else "fail"
        verdict = "not-run" if found["not-run"] == len(ids) else answered
        listed = {status: found[status] for status in STATUSES if found[status]}
        verdicts[tier] = TierVerdict(verdict, listed, against[:10])
    return verdicts


def counts(results: Mapping[str, Result]) -> dict[str, int]:
    """How many passed, failed, were skipped (unsupported, as declared) and not run; and each status by its name."""
    found = Counter(result.status for result in results.values())
    return {
        "total": len(results),
        "passed": found["pass"],
        "failed": sum(found[status] for status in BROKEN),
        "skipped": found["unsupported-declared"],
        "not_run": found["not-run"],
        **{status: found[status] for status in STATUSES},
    }
