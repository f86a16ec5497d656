"""From statuses to a verdict."""

from __future__ import annotations

import pytest
from corelib_conformance.check import TIERS, Check, collect, flag_of, tier_of
from corelib_conformance.manifest import manifest, of_ids
from corelib_conformance.verdict import BROKEN, OPTIONAL, STATUSES, Result, counts, excused, judge

from corelib.ops import PRIMITIVES

FLAGS = {"float64": False, "float16": True}
IDS = {"core": ["a", "b"], "training": ["c"]}


def verdicts(results: dict[str, Result], flags: dict[str, bool] = FLAGS) -> dict[str, str]:
    return {tier: v.verdict for tier, v in judge(of_ids(IDS, "full"), results, flags).items()}


def answers(**statuses: str) -> dict[str, Result]:
    return {name: Result(name, status) for name, status in statuses.items()}


def test_all_pass() -> None:
    assert verdicts(answers(a="pass", b="pass", c="pass")) == {"core": "pass", "training": "pass"}


@pytest.mark.parametrize("status", [*sorted(BROKEN), "not-run", "unsupported-declared", "nonsense"])
def test_one_that_does_not_pass_fails_its_tier_alone(status: str) -> None:
    assert verdicts(answers(a="pass", b=status, c="pass")) == {"core": "fail", "training": "pass"}


def test_a_missing_id_fails_its_tier() -> None:
    found = judge(of_ids(IDS, "full"), answers(a="pass", c="pass"), FLAGS)["core"]
    assert found.verdict == "fail" and found.counts == {"pass": 1, "not-run": 1} and found.reasons == ["b: not-run"]


def test_a_tier_of_which_nothing_was_run() -> None:
    assert verdicts(answers(a="pass", b="pass", c="not-run")) == {"core": "pass", "training": "not-run"}
    assert verdicts({}) == {"core": "not-run", "training": "not-run"}


def test_unsupported_counts_where_flag_and_device_agree() -> None:
    def core(flag: str, **flags: bool) -> str:
        results = answers(a="pass", c="pass") | {"b": Result("b", "unsupported-declared", flag=flag)}
        return verdicts(results, FLAGS | flags)["core"]

    assert core("float64") == "pass"
    assert core("float16") == "fail", "the device declares it"
    assert core("float32") == "fail", "no device may lack it"
    assert core("of my own") == "fail"
    assert core("complex") == "pass"


def test_a_tier_that_is_all_excuses_does_not_pass() -> None:
    results = {name: Result(name, "unsupported-declared", flag="float64") for name in "abc"}
    assert verdicts(results) == {"core": "fail", "training": "fail"}


def test_no_tier_excuses_what_it_is_about() -> None:
    for tier in ("linalg", "fft", "complex", "async", "multi-device"):
        assert not excused(tier, tier, {})
        assert excused("core", tier, {})
    assert set(OPTIONAL) == set(TIERS)


def test_counts() -> None:
    results = answers(a="pass", b="fail", c="crash", d="timeout", e="host-fallback", f="not-run")
    results["g"] = Result("g", "unsupported-declared", flag="float64")
    found = counts(results)
    assert (found["total"], found["passed"], found["failed"], found["skipped"], found["not_run"]) == (7, 1, 4, 1, 1)
    assert all(found[status] == 1 for status in STATUSES)


def test_the_hash_is_of_ids_profile_version_and_tier() -> None:
    def made(ids: dict[str, list[str]], profile: str = "full", version: str = "1") -> str:
        return of_ids(ids, profile, version).hash

    first = made(IDS)
    assert first == made({"training": ["c"], "core": ["b", "a"]})
    others = [made(IDS, "quick"), made(IDS, version="2"), made({"core": ["a", "b", "c"]}), made({"core": ["a", "b"]})]
    assert len({first, *others}) == 5


def test_the_checks_are_well_formed() -> None:
    checks = collect("full")
    quick = collect("quick")
    assert len({c.id for c in checks}) == len(checks) > len(quick) > 1000
    assert {c.id for c in quick} < {c.id for c in checks}
    assert all(c.op is None or c.op in PRIMITIVES for c in checks)
    assert set(manifest(checks, "full").tiers) == {c.tier for c in checks} <= set(TIERS)
    with pytest.raises(ValueError, match="profile"):
        collect("slow")


def test_every_primitive_is_checked_in_both_profiles() -> None:
    for profile in ("quick", "full"):
        assert {c.op for c in collect(profile)} >= set(PRIMITIVES), profile


def test_two_checks_of_one_id_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from corelib_conformance.suites import operators

    check = Check("a", "a", "core", None, None, True, None, lambda device: None)
    monkeypatch.setattr(operators, "checks", lambda: iter([check, check]))
    with pytest.raises(ValueError, match="two checks"):
        collect()


def test_tiers_and_flags_follow_the_definitions() -> None:
    assert tier_of(PRIMITIVES["add"]) == tier_of(PRIMITIVES["permute"]) == tier_of(PRIMITIVES["transfer"]) == "core"
    assert tier_of(PRIMITIVES["cumprod"]) == "training"
    assert tier_of(PRIMITIVES["softmax"]) == "fused"
    assert tier_of(PRIMITIVES["linalg_eig"]) == tier_of(PRIMITIVES["linalg_qr"], ("complex64",)) == "linalg"
    assert tier_of(PRIMITIVES["fft_r2c"]) == "fft"
    assert tier_of(PRIMITIVES["add"], ("complex64",)) == "complex"
    assert [flag_of(d) for d in ("float32", "int64", "float16", "complex64")] == [None, None, "float16", "complex"]
