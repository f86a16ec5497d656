"""``corelib ops``, and the counts and tables that follow from the definitions."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from corelib_conformance.strict.kernels import KERNELS

from corelib.backend import (
    Backend,
    BackendSpec,
    Kernel,
    KernelPack,
    register_backend,
    register_kernels,
    unregister_backend,
    unregister_kernels,
)
from corelib.backend.array_module import ArrayModuleBackend
from corelib.cli import main
from corelib.cli.ops import LIMIT, NOTES, STORAGE, markdown, required, tier
from corelib.ops.primitive import PRIMITIVES

CONTRACT = Path(__file__).resolve().parents[2] / "docs" / "backend-contract.md"


def rows(output: str) -> dict[str, list[str]]:
    """Cells of the table's lines by primitive; columns are two or more spaces apart."""
    lines = output.split("\n* or a Python number")[0].splitlines()[2:]
    return {line.split()[0]: re.split(r"\s{2,}", line) for line in lines}


def run(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    assert main(["ops", *arguments]) == status
    return capsys.readouterr().out


# -- what the definitions say --------------------------------------------------------------------------------


def test_at_most_sixty_kernels_are_required() -> None:
    needed = required()
    assert len(needed) + len(STORAGE) <= LIMIT == 60
    assert all(callable(getattr(Backend, name)) for name in STORAGE)
    assert sum(prim.tier == "core" for prim in needed) + len(STORAGE) <= 55
    assert [prim.name for prim in needed if prim.tier == "training"] == ["cumprod", "cummax", "cummin", "scatter_add"]


def test_strict_has_the_required_kernels_and_no_other() -> None:
    assert set(KERNELS) == {prim.name for prim in required()}


WITHOUT = {"linalg_eig"}  # of tier "linalg": a device without a kernel says that it has none


def test_what_is_not_required_has_a_decomposition_or_is_a_view() -> None:
    for prim in PRIMITIVES.values():
        if prim.name in WITHOUT:
            assert not prim.required and prim.decomposition is None, prim
            continue
        assert prim.required + (prim.decomposition is not None) + (prim.kind == "view") == 1, prim


def test_every_required_kernel_has_a_note() -> None:
    assert set(NOTES) == {prim.name for prim in required()}


CATEGORIES = "bifc"


def categories(dtypes: Any) -> str:
    return "".join(c for i, c in enumerate(CATEGORIES) if any(d.category == i for d in dtypes))


@pytest.mark.parametrize("name", sorted(set(NOTES) - {"random_bits"}))
def test_notes_name_the_dtypes_that_strict_and_the_array_module_compute_in(name: str) -> None:
    documented = NOTES[name].dtypes
    assert categories(KERNELS[name][1]) == documented.replace("c", ""), "strict has no complex"
    assert set(documented) <= set(categories(ArrayModuleBackend(np).kernels[name].dtypes))


# -- the command ---------------------------------------------------------------------------------------------


def test_the_table_lists_every_primitive(capsys: pytest.CaptureFixture[str]) -> None:
    output = run(capsys)
    listed = rows(output)
    assert list(listed) == list(PRIMITIVES)
    assert output.splitlines()[0].split() == ["primitive", "tier", "kernel", "on", "cpu", "operands", "parameters"]
    assert listed["add"] == ["add", "core", "cpu", "input*, other*"]
    assert listed["sum"] == ["sum", "core", "cpu", "input", "dim, keepdim, dtype"]
    assert listed["select"] == ["select", "view", "input", "dim, index"]
    assert listed["layer_norm"][3] == "input, weight?, bias?"
    assert listed["cat"][3] == "tensors[]"


def test_the_summary_counts(capsys: pytest.CaptureFixture[str]) -> None:
    needed, optional = len(required()), sum(tier(prim) == "optional" for prim in PRIMITIVES.values())
    lines = run(capsys, "--backend", "strict").splitlines()[-2:]
    assert lines[0] == (
        f"required: {needed} kernels ({needed - 4} core, 4 training) and 6 storage methods, {needed + 6} of at most "
        f"60; optional: {optional}"
    )
    assert lines[1] == f"strict: {needed} of {needed} required, 0 of {optional} optional"


def test_missing_shows_what_has_no_kernel(capsys: pytest.CaptureFixture[str]) -> None:
    listed = rows(run(capsys, "--backend", "strict", "--missing"))
    assert set(listed) == {prim.name for prim in PRIMITIVES.values() if tier(prim) == "optional"} | WITHOUT
    assert {cells[2] for name, cells in listed.items() if name not in WITHOUT} == {"decomposition"}
    assert not set(rows(run(capsys, "--missing"))) & {"softmax", "convolution", "add"}


def test_tier_selects(capsys: pytest.CaptureFixture[str]) -> None:
    assert set(rows(run(capsys, "--tier", "training"))) == {"cumprod", "cummax", "cummin", "scatter_add"}
    assert set(rows(run(capsys, "--tier", "view"))) == {p.name for p in PRIMITIVES.values() if p.kind == "view"}


def test_a_pack_comes_before_the_backend(capsys: pytest.CaptureFixture[str]) -> None:
    register_kernels(KernelPack("cpu", "quick", {"exp": Kernel(np.exp), "gelu": Kernel(np.tanh)}))
    try:
        listed = rows(run(capsys))
    finally:
        unregister_kernels("cpu", "quick")
    assert listed["exp"][2] == "quick (cpu)"
    assert listed["gelu"][2] == "quick"


def test_a_required_kernel_that_is_missing_fails_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    class Half(Backend):
        def __init__(self) -> None:
            super().__init__()
            self.register("add", lambda a, b: a)
            self.register("ad", lambda a, b: a)

    register_backend(BackendSpec("unready", Half))
    try:
        output = run(capsys, "--backend", "unready", "--missing", status=1)
    finally:
        unregister_backend("unready")
    listed = rows(output)
    assert listed["mul"][2] == "missing"
    assert "add" not in listed
    assert output.splitlines()[-1] == "kernels beside the primitives: ad"


def test_a_backend_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ops", "--backend", "nowhere"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("device type 'nowhere' is not available: ")


def test_through_a_process(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "corelib", "ops", "--backend", "strict", "--tier", "training"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert set(rows(done.stdout)) == {"cumprod", "cummax", "cummin", "scatter_add"}


# -- the document --------------------------------------------------------------------------------------------


def test_the_contract_holds_the_generated_tables() -> None:
    """Where this fails: put the output of ``corelib ops --markdown`` between the two comments."""
    text = CONTRACT.read_text(encoding="utf-8")
    found = re.search(r"<!-- corelib ops --markdown -->\n(.*)\n<!-- end -->", text, re.DOTALL)
    assert found is not None
    assert found[1] == markdown()


def test_markdown_has_a_row_for_each_required_kernel(capsys: pytest.CaptureFixture[str]) -> None:
    output = run(capsys, "--markdown")
    assert re.findall(r"^\| `(\w+)\(", output, re.MULTILINE) == [*STORAGE, *[prim.name for prim in required()]]
    assert "| `sum(input, dims: tuple[int, ...], keepdim: bool, dtype: dtype)` | core | b i f c |" in output
    assert "| `random_bits(seed: int, offset: int, layout: Layout)` | core |" in output
    assert "| `sort(input, dim: int, descending: bool) → (values, indices)` | core | b i f | =, int64 |" in output
