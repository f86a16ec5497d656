"""The report: what was asked, what was answered, what follows, as one JSON object; and its verification."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from typing import Any

from . import __version__
from .check import PROFILES, TIERS, Check
from .manifest import DATA_SEED, Manifest, manifest, of_ids
from .programs import program
from .verdict import OPTIONAL, Result, counts, judge

__all__ = ["SCHEMA", "Run", "build", "failures", "mutant_score", "verify"]

SCHEMA = 1


@dataclass
class Run:
    """What a run of the suite leaves.

    Attributes:
        profile: "quick" or "full".
        checks: all checks of the profile, whether they were run or not.
        results: of those that were run, by id.
        description: what the device says of itself (:func:`.device.describe`).
        seconds: "startup" until the device was ready, "checks" from then on, "total" with the rest.
        options: how it was run: seed of the order, number of workers, limit, selection.
        timings: seconds of one call of each operation, here and on the CPU.
        interrupted: whether it was broken off.
    """

    profile: str
    checks: Sequence[Check]
    results: dict[str, Result]
    description: Mapping[str, Any]
    seconds: Mapping[str, float]
    options: Mapping[str, Any]
    timings: Mapping[str, Any]
    interrupted: bool = False


def build(run: Run) -> dict[str, Any]:
    """The report of a run, schema 1; made of what JSON has."""
    listed = manifest(run.checks, run.profile)
    results = {c.id: run.results.get(c.id, Result(c.id, "not-run", "not asked for")) for c in run.checks}
    flags = dict(run.description["flags"])
    return {
        "schema": SCHEMA,
        "device": run.description["device"],
        "profile": run.profile,
        "tiers": _tiers(listed, results, flags, run.description["tiers"]),
        "counts": counts(results),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "self_reported": True,
        "interrupted": run.interrupted,
        "manifest": {"hash": listed.hash, "ids": len(results), "seed": DATA_SEED},
        "versions": dict(run.description["versions"]),
        "hardware": dict(run.description["hardware"]),
        "flags": flags,
        "seconds": {name: round(value, 3) for name, value in run.seconds.items()},
        "options": dict(run.options),
        "mutants": mutant_score(),
        "ulp": _ulp(run.checks, results),
        "timings": dict(run.timings),
        "ids": [_entry(check, results[check.id], run.description["device"]) for check in run.checks],
    }


def _tiers(
    listed: Manifest, results: Mapping[str, Result], flags: Mapping[str, bool], declared: Sequence[str]
) -> dict[str, Any]:
    return {
        tier: {
            "verdict": verdict.verdict,
            "declared": tier in declared,
            "manifest": listed.hashes[tier],
            "ids": len(listed.tiers[tier]),
            "counts": verdict.counts,
            "optional": sorted(OPTIONAL[tier]),
            "reasons": verdict.reasons,
        }
        for tier, verdict in judge(listed, results, flags).items()
    }


def _entry(check: Check, result: Result, device: str) -> dict[str, Any]:
    """One id; the fields that say nothing are left out, and those that only a failure needs."""
    entry = {"id": check.id, "tier": check.tier, "op": check.op, "dtype": check.dtype, "group": check.group}
    given = asdict(result)
    del given["id"]
    given["seconds"] = round(result.seconds, 6)
    entry |= {name: value for name, value in given.items() if value not in ("", None)}
    if result.status not in ("pass", "unsupported-declared", "not-run"):
        entry["program"] = program(check, device)
    return entry


def _ulp(checks: Sequence[Check], results: Mapping[str, Result]) -> dict[str, dict[str, Any]]:
    """The largest error of each operation and dtype, and the bound that held for it."""
    found: dict[str, dict[str, Any]] = {}
    for check in checks:
        result = results[check.id]
        if result.ulp is None or check.op is None or check.dtype is None:
            continue
        best = found.setdefault(check.op, {}).setdefault(check.dtype, {"ulp": -1.0, "bound": None})
        if result.ulp > best["ulp"]:
            best.update(ulp=round(result.ulp, 4), bound=result.bound)
    return found


def mutant_score() -> dict[str, Any] | None:
    """How many mutants this version of the suite kills, of how many; None where it was not measured for it."""
    file = resources.files(__package__) / "mutant_score.json"
    if not file.is_file():
        return None
    score: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return score if score.get("suite") == __version__ else None


def failures(report: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The entries of ids that failed in any way, by operation or group.

    Crashes come first, then tiers in their order; in an operation what has a short program that needs no suite,
    and what was run again alone.
    """
    severity = {"crash": 0, "timeout": 1, "fail": 2, "host-fallback": 3}

    def order(entry: Mapping[str, Any]) -> tuple[int, int, bool, bool, str]:
        long = "corelib_conformance" in entry["program"] or len(entry["program"]) > 900
        return severity[entry["status"]], TIERS.index(entry["tier"]), long, "alone" not in entry, entry["id"]

    found: dict[str, list[dict[str, Any]]] = {}
    for entry in sorted((e for e in report["ids"] if e["status"] in severity), key=order):
        found.setdefault(entry["op"] or entry["group"], []).append(entry)
    return found


# -- verification ------------------------------------------------------------------------------------------


def verify(report: Any, checks: Sequence[Check] | None = None) -> list[str]:
    """Derive the verdict again from a report's ids; what does not match it, nothing where all does.

    Args:
        report: the parsed JSON.
        checks: of the report's profile, by the suite that is installed; by default they are collected.
    """
    try:
        return _verified(report, checks)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        return [f"this is no report of schema {SCHEMA}: {type(error).__name__}: {error}"]


def _verified(report: Any, checks: Sequence[Check] | None) -> list[str]:
    if report["schema"] != SCHEMA:
        return [f"schema {report['schema']} is not {SCHEMA}"]
    profile, version = report["profile"], report["versions"]["suite"]
    if profile not in PROFILES:
        return [f"there is no profile '{profile}'"]
    if version != __version__:
        return [
            f"it was made by suite {version}, and this is {__version__}: pip install corelib-conformance=={version}"
        ]
    if checks is None:
        from .check import collect

        checks = collect(profile)
    listed = manifest(checks, profile)
    wrong = []
    by_tier: dict[str, list[str]] = {}
    for entry in report["ids"]:
        by_tier.setdefault(entry["tier"], []).append(entry["id"])
    stated = of_ids(by_tier, profile)
    if sum(map(len, by_tier.values())) != len({e["id"] for e in report["ids"]}):
        wrong.append("an id is listed twice")
    if stated != listed:
        wrong += _difference(stated, listed)
    if report["manifest"]["hash"] != listed.hash:
        wrong.append(f"the manifest's hash is {listed.hash}, the report says {report['manifest']['hash']}")
    results = {e["id"]: Result(e["id"], e["status"], flag=e.get("flag", "")) for e in report["ids"]}
    judged = judge(listed, results, report["flags"])
    for tier in sorted(set(report["tiers"]) - set(judged)):
        wrong.append(f"there is no tier {tier} in the manifest")
    for tier, verdict in judged.items():
        said = report["tiers"].get(tier, {})
        if said.get("verdict") != verdict.verdict:
            why = f" ({verdict.reasons[0]})" if verdict.reasons else ""
            wrong.append(f"tier {tier}: the ids give {verdict.verdict}{why}, the report says {said.get('verdict')}")
        if said.get("manifest") != listed.hashes[tier]:
            wrong.append(f"tier {tier}: the manifest's hash is another one")
        if said.get("counts") != verdict.counts:
            wrong.append(f"tier {tier}: the ids give the counts {verdict.counts}, the report says {said.get('counts')}")
    found = counts(results)
    if report["counts"] != found:
        wrong.append(f"the ids give the counts {found}, the report says {report['counts']}")
    return wrong


def _difference(stated: Manifest, listed: Manifest) -> list[str]:
    wrong = []
    for tier in listed.tiers.keys() | stated.tiers.keys():
        theirs, ours = set(stated.tiers.get(tier, ())), set(listed.tiers.get(tier, ()))
        for what, ids in (("missing from the report", ours - theirs), ("not in the manifest", theirs - ours)):
            if ids:
                wrong.append(f"tier {tier}: {len(ids)} ids are {what}, such as {min(ids)}")
    return sorted(wrong)
