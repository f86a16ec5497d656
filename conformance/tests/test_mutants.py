"""The mutants that test the suite: what they are, and that a subset of them dies in every run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import corelib_conformance
import pytest
from corelib_conformance.check import collect
from corelib_conformance.mutants.__main__ import keep
from corelib_conformance.mutants.planting import DEVICE, Mutant, planted, unplanted
from corelib_conformance.mutants.run import baseline, examine, load, subset
from corelib_conformance.mutants.table import table

from corelib.backend.registry import registry

SCORE = Path(corelib_conformance.__file__).parent / "mutant_score.json"
PAGE = Path(__file__).parents[2] / "docs" / "mutants.md"


def test_there_are_enough_each_of_its_own_name_and_with_groups_that_exist() -> None:
    mutants = load()
    assert len(mutants) >= 64
    assert [m.number for m in mutants] == list(range(1, len(mutants) + 1))
    assert len({(m.name, m.base) for m in mutants}) == len(mutants)
    groups = {c.group for c in collect("full")}
    assert all(set(m.groups) <= groups and m.groups for m in mutants)


def test_a_plant_is_gone_after_its_block() -> None:
    with planted(load()[0]) as device:
        assert registry.get(device).name == DEVICE
    assert DEVICE not in registry.types()
    with unplanted("strict") as device:
        assert registry.get(device).kernels


def test_canaries_die() -> None:
    assert examine(-1, quick=True).killed is not None
    assert examine(-2, quick=True).killed is not None


def test_a_backend_without_a_fault_passes() -> None:
    assert baseline("cpu", "neg", quick=True).killed is None


def test_a_harmless_change_survives() -> None:
    from corelib_conformance.mutants import run

    one = Mutant(0, "no fault at all", ("neg",), "cpu", lambda backend: None)
    with planted(one) as device:
        assert run._put(one, device, quick=True).killed is None


def test_the_subset_for_continuous_integration_dies() -> None:
    """In processes of its own, without pytest; in the time that continuous integration has."""
    command = [sys.executable, "-m", "corelib_conformance.mutants", "--subset", "ci", "-n", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SURVIVES" not in done.stdout


def test_the_score_that_reports_show_is_of_these_mutants() -> None:
    score = json.loads(SCORE.read_text(encoding="utf-8"))
    assert score["suite"] == corelib_conformance.__version__
    assert score["total"] == len(load()) == score["killed"]
    assert score["survivors"] == []


def test_the_page_names_every_mutant() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for m in load():
        assert f"| {m.number} | {m.name}" in page


def test_a_survivor_is_shown_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = {"number": 1, "name": "a|b", "base": "strict", "groups": ["add"], "killed": None, "quick": False}
    result = {"suite": "1", "total": 1, "killed": 0, "quick": 0, "survivors": [1], "mutants": [entry]}
    assert "| 1 | a\\|b (strict) | `add` | **survives** |" in table(result)
    folder = tmp_path / "mutants"
    folder.mkdir()
    monkeypatch.setattr("corelib_conformance.mutants.__main__.__file__", str(folder / "__main__.py"))
    keep(result)
    assert json.loads((tmp_path / "mutant_score.json").read_text(encoding="utf-8"))["survivors"] == [1]


def test_subsets() -> None:
    assert subset("listed") == list(range(1, 33))
    assert len(subset("all")) == len(load())
    assert set(subset("ci")) < set(subset("all"))
    with pytest.raises(ValueError, match="there is no subset"):
        subset("some")
