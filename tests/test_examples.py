"""The examples of backends: how small they are, and that two are what ``corelib new-backend`` writes."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest
from corelib_conformance import scaffold

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples" / "backends"
LIMITS = {"threads": 300, "rawmem": 500, "jaxnumpy": 100, "packed": 60}
GENERATED = {"threads": "codegen", "rawmem": "kernels"}
FOR_THE_AUTHOR = (
    ".github/workflows/test.yml",
    ".gitignore",
    "README.md",
    "badge.svg",
)  # an example has no CI of its own


def code(path: Path) -> int:
    """Lines of a file that are neither blank nor a comment nor of a docstring."""
    text = path.read_text(encoding="utf-8")
    lines = {n for n, line in enumerate(text.splitlines(), 1) if line.strip() and not line.strip().startswith("#")}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            first = node.body[0]
            lines -= set(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    return len(lines)


@pytest.mark.parametrize("name", LIMITS)
def test_a_backend_is_small(name: str) -> None:
    files = list((EXAMPLES / name / f"corelib_{name}").glob("*.py"))
    nonblank = sum(
        bool(line.strip()) and not line.strip().startswith("#") for f in files for line in f.read_text().splitlines()
    )
    assert files and sum(map(code, files)) <= nonblank <= LIMITS[name]


@pytest.mark.parametrize("name", GENERATED)
def test_an_example_is_what_the_generator_writes(name: str) -> None:
    written = scaffold.files(name, GENERATED[name])
    for path in FOR_THE_AUTHOR:
        del written[path]
    found = {path: (EXAMPLES / name / path).read_text(encoding="utf-8") for path in written}
    assert found == written


@pytest.mark.parametrize("name", LIMITS)
def test_an_example_is_a_package_of_its_own(name: str) -> None:
    folder = EXAMPLES / name
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == f"corelib-{name}" and f"corelib_{name}" in str(project["entry-points"])
    assert list((folder / "tests").glob("test_*.py"))
    assert f"# corelib-{name}" in (folder / "README.md").read_text(encoding="utf-8")
    own = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert name not in str(own["project"]) and own["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == [
        "corelib"
    ]


def test_the_list_is_complete() -> None:
    assert {p.name for p in EXAMPLES.iterdir() if (p / "pyproject.toml").exists()} == set(LIMITS)
