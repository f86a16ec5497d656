"""Reports: what they hold, what verification notices, and what people see of them."""

from __future__ import annotations

import copy
import json
import re
import xml.etree.ElementTree as xml
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from corelib_conformance import __version__, report
from corelib_conformance.badge import badge
from corelib_conformance.check import Check, Measure, collect, show
from corelib_conformance.cli import summary
from corelib_conformance.html import html
from corelib_conformance.manifest import manifest
from corelib_conformance.programs import program
from corelib_conformance.report import Run, build, failures, verify
from corelib_conformance.verdict import Result

FLAGS = {"float64": False, "float32": True}


def check(identifier: str, tier: str = "core", dtype: str = "float32", **more: Any) -> Check:
    op = identifier.partition("/")[0]
    return Check(identifier, op, tier, op, dtype, True, None, lambda device: Measure(1.0), **more)


CHECKS = [
    check("add/a"), check("add/b", dtype="float64"), check("exp/a"), check("exp/b"), check("sum/a", "training"),
    check("relu/a", "fused", program=lambda: "print('<relu>', device)"),
]  # fmt: skip
RESULTS = {
    "add/a": Result("add/a", "pass", ulp=0.5, bound=0.5, seconds=0.1),
    "add/b": Result("add/b", "unsupported-declared", "chip holds no float64", "float64"),
    "exp/a": Result("exp/a", "pass", ulp=1.25, bound=3.0),
    "exp/b": Result("exp/b", "pass", ulp=0.75, bound=3.0),
    "sum/a": Result("sum/a", "pass"),
    "relu/a": Result("relu/a", "fail", "got <1>, expected 2", alone="fail", details="Traceback …"),
}


def made(results: dict[str, Result] = RESULTS, **more: Any) -> dict[str, Any]:
    description = {
        "device": "chip:0", "tiers": ["core", "training"], "flags": FLAGS,
        "hardware": {"name": "A & B", "memory": 5, "driver": {"version": "7"}, "machine": "m", "system": "s"},
        "versions": {"suite": __version__, "contract": "1.0", "backend_package": "chip 1.2"},
    }  # fmt: skip
    run = Run(
        "quick", CHECKS, results, description, {"startup": 1.0, "warm": 2.0, "cold": 3.0, "total": 4.0},
        {"seed": 5, "workers": 2}, {"add": {"call": "float32[2]", "seconds": 2e-6, "cpu_seconds": 1e-6}}, **more,
    )  # fmt: skip
    return build(run)


def test_the_keys_of_schema_1() -> None:
    found = made()
    assert (found["schema"], found["device"], found["profile"]) == (1, "chip:0", "quick")
    verdicts = {tier: entry["verdict"] for tier, entry in found["tiers"].items()}
    assert verdicts == {"core": "pass", "training": "pass", "fused": "fail"}
    assert found["tiers"]["core"]["manifest"] == manifest(CHECKS, "quick").hashes["core"]
    assert [found["tiers"][tier]["declared"] for tier in verdicts] == [True, True, False]
    counted = found["counts"]
    assert (counted["passed"], counted["failed"], counted["skipped"], counted["not_run"]) == (4, 1, 1, 0)
    assert found["ulp"]["exp"] == {"float32": {"ulp": 1.25, "bound": 3.0}}
    assert found["timings"]["add"]["cpu_seconds"] == 1e-6
    assert found["self_reported"] and not found["interrupted"] and found["flags"] == FLAGS
    assert {"suite", "contract"} <= set(found["versions"]) and found["hardware"]["driver"] == {"version": "7"}
    assert json.loads(json.dumps(found)) == found


def test_what_was_not_run_is_in_it() -> None:
    found = made({"add/a": RESULTS["add/a"]}, interrupted=True)
    assert {e["id"]: e["status"] for e in found["ids"]}["exp/a"] == "not-run"
    assert found["tiers"]["core"]["verdict"] == "fail" and found["tiers"]["training"]["verdict"] == "not-run"
    assert found["counts"]["not_run"] == 5 and found["interrupted"]


def test_a_report_is_verified() -> None:
    assert verify(made(), CHECKS) == []
    assert verify(json.loads(json.dumps(made({}))), CHECKS) == []


def _entry(found: dict[str, Any], identifier: str) -> dict[str, Any]:
    return next(e for e in found["ids"] if e["id"] == identifier)


FORGERIES: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "a verdict": (lambda r: r["tiers"]["fused"].update(verdict="pass"), "tier fused: the ids give fail"),
    "a tier left out": (lambda r: r["tiers"].pop("fused"), "tier fused"),
    "a tier invented": (lambda r: r["tiers"].update(fft={"verdict": "pass"}), "no tier fft"),
    "a count": (lambda r: r["counts"].update(failed=0, passed=5), "counts"),
    "a failure left out": (lambda r: r["ids"].remove(_entry(r, "relu/a")), "missing from the report"),
    "an id added": (lambda r: r["ids"].append({**_entry(r, "add/a"), "id": "add/z"}), "not in the manifest"),
    "an id twice": (lambda r: r["ids"].append(_entry(r, "add/a")), "twice"),
    "an id in another tier": (lambda r: _entry(r, "relu/a").update(tier="training"), "tier fused"),
    "a status": (lambda r: _entry(r, "add/a").update(status="crash"), "tier core"),
    "a hash": (lambda r: r["manifest"].update(hash="sha256:0"), "hash"),
    "a tier's hash": (lambda r: r["tiers"]["core"].update(manifest="sha256:0"), "tier core"),
    "a flag": (lambda r: r["flags"].update(float64=True), "tier core"),
    "an excuse": (lambda r: _entry(r, "add/b").update(flag="float32"), "tier core"),
    "another suite": (lambda r: r["versions"].update(suite="9.9"), "suite 9.9"),
    "another schema": (lambda r: r.update(schema=2), "schema 2"),
    "a profile": (lambda r: r.update(profile="small"), "profile"),
    "no report": (lambda r: r.clear(), "no report"),
}  # fmt: skip


@pytest.mark.parametrize("forgery", FORGERIES)
def test_verification_notices(forgery: str) -> None:
    change, said = FORGERIES[forgery]
    found = made()
    change(found)
    wrong = verify(found, CHECKS)
    assert wrong and any(said in line for line in wrong), wrong


@pytest.mark.parametrize("nothing", [None, [], 3, "x", {"schema": 1}, {"schema": 1, "profile": []}])
def test_what_is_no_report_is_refused(nothing: Any) -> None:
    assert verify(nothing, CHECKS)


def test_failures_come_by_operation_the_worst_first() -> None:
    results = dict(RESULTS)
    results["exp/b"] = Result("exp/b", "fail", "wrong")
    results["sum/a"] = Result("sum/a", "crash", "SIGSEGV")
    found = failures(made(results))
    assert list(found) == ["sum", "exp", "relu"] and [e["id"] for e in found["exp"]] == ["exp/b"]


def test_the_summary_shows_a_program_and_every_skip() -> None:
    text = "\n".join(summary(made()))
    assert "relu/a: fail (alone: fail)" in text and "print('<relu>', device)" in text and 'device = "chip:0"' in text
    assert "1 skipped (float64 1)" in text and "4 passed, 1 failed" in text
    assert "core          pass     3 pass, 1 unsupported-declared" in text


class _Page(HTMLParser):
    """Sees that elements are closed in order, and collects the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.references: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.references += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_page_is_well_formed_and_needs_nothing_else() -> None:
    page = _Page(html(made()))
    text = "".join(page.text)
    assert page.references == [] and "url(" not in text
    for shown in ("core: pass", "fused: fail", "got <1>, expected 2", "print('<relu>', device)", "A & B", "float64"):
        assert shown in text, shown
    assert text.index("Failures") < text.index("Operations and dtypes") < text.index("Largest errors")


def test_the_matrix_has_a_cell_for_each_operation_and_dtype() -> None:
    text = html(made())
    assert '<span class="cell c-fail" title="1 fail">✗ 1</span>' in text
    assert '<span class="cell c-unsupported-declared"' in text
    assert '<span class="cell c-pass" title="2 pass">✓ 2</span>' in text


def test_the_badge_says_what_it_must() -> None:
    found = made()
    image = badge(found)
    xml.fromstring(image)
    for said in ("core, training pass", "fused fail", __version__, "chip:0", found["date"][:10], "self-reported"):
        assert said in image, said
    passing = badge(made({**RESULTS, "relu/a": Result("relu/a", "pass")}))
    assert "fail" not in passing and "#2e7d32" in passing
    assert "no tier passes" in badge(made({}))


def test_the_mutant_score_counts_for_its_version_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("importlib.resources.files", lambda package: tmp_path)
    assert report.mutant_score() is None
    file = tmp_path / "mutant_score.json"
    file.write_text(json.dumps({"suite": __version__, "killed": 61, "total": 62}))
    assert made()["mutants"] == {"suite": __version__, "killed": 61, "total": 62}
    assert "61 of 62" in "".join(summary(made())) and "61 of 62" in html(made())
    file.write_text(json.dumps({"suite": "0.0.1", "killed": 1, "total": 1}))
    assert made()["mutants"] is None


def test_programs_run(capsys: pytest.CaptureFixture[str]) -> None:
    checks = {c.id: c for c in collect("quick")}
    chosen = [i for i in checks if re.match("(add|sum|cat|scatter)/[0-9]", i)]  # samples of the definitions
    assert len(chosen) > 20
    for identifier in chosen:
        text = program(checks[identifier], "cpu")
        try:
            exec(text, {})
        except Exception as error:
            assert any(f"must raise {kind.__name__}" in text for kind in type(error).__mro__), text
    assert "tensor(" in capsys.readouterr().out


def test_the_program_of_a_view_has_its_operands_layout() -> None:
    [transposed] = [c for c in collect("quick") if c.id.startswith("neg/") and "[3,4]-transposed" in c.id]
    text = program(transposed, "chip")
    assert text.startswith('device = "chip"\nimport corelib\n') and ".permute((1, 0))" in text
    assert 'print(PRIMITIVES["neg"].function(x0))' in text


def test_a_check_can_be_shown_in_the_open(capsys: pytest.CaptureFixture[str]) -> None:
    identifier = next(c.id for c in collect("quick") if c.op == "neg")
    show(identifier, "cpu")
    assert capsys.readouterr().out.startswith(f"{identifier}: pass")
    with pytest.raises(KeyError):
        show("no such check", "cpu")


def test_reports_do_not_share_state() -> None:
    first = made()
    kept = copy.deepcopy(first)
    made({})
    assert first == kept
