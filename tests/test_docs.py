"""Every Python block of the documents runs, and prints what the document says it prints.

The blocks of one file run in order in one namespace, in an interpreter of their own.  A ``text`` block
right after a Python block is that block's output, to the letter.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```$(?:\s*^```text\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)

RUNNER = """
import contextlib, io, json, sys
namespace = {"__name__": "__main__"}
outputs = []
for number, source in enumerate(json.load(sys.stdin), 1):
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(source, f"block {number}", "exec"), namespace)
    outputs.append(printed.getvalue())
json.dump(outputs, sys.stdout)
"""


def python_blocks(path: Path) -> list[tuple[str, str | None]]:
    """Pairs of a Python block and the output that the document claims, None where it claims none."""
    return [(block[1], block[2]) for block in BLOCK.finditer(path.read_text(encoding="utf-8"))]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if python_blocks(path)], ids=name)
def test_blocks_run_and_print_what_the_document_says(path: Path, tmp_path: Path) -> None:
    blocks = python_blocks(path)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", RUNNER],
        input=json.dumps([source for source, _ in blocks]),
        capture_output=True, text=True, cwd=tmp_path, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for (source, claimed), printed in zip(blocks, json.loads(done.stdout), strict=True):
        if claimed is not None:
            assert printed == claimed, source


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\((?!\w+:|#)([^)#]+)", path.read_text(encoding="utf-8"))
    broken = [link for link in links if not (path.parent / link).exists()]
    assert not broken
