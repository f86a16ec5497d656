"""What type checkers see of Tensor is what Tensor has: the generated stub is up to date, and is read."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import corelib

ROOT = Path(__file__).resolve().parent.parent
STUB = ROOT / "corelib" / "core" / "_methods.pyi"


def test_the_stub_is_what_the_generator_writes() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / ".ci" / "stubs.py"), "--check"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_stale_stub_is_noticed(tmp_path: Path) -> None:
    copy = tmp_path / ".ci" / "stubs.py"
    copy.parent.mkdir()
    copy.write_text((ROOT / ".ci" / "stubs.py").read_text())
    stale = tmp_path / "corelib" / "core" / STUB.name
    stale.parent.mkdir(parents=True)
    stale.write_text(STUB.read_text().replace("def view(", "def viewed("))
    done = subprocess.run([sys.executable, str(copy), "--check"], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "run python .ci/stubs.py" in done.stdout


def test_every_public_member_is_in_the_stub() -> None:
    (methods,) = [node for node in ast.parse(STUB.read_text()).body if isinstance(node, ast.ClassDef)]
    known = {node.name for node in methods.body if isinstance(node, ast.FunctionDef)}
    assigned = [name for node in methods.body if isinstance(node, ast.Assign) for name in node.targets]
    known |= {name.id for name in assigned if isinstance(name, ast.Name)}
    public = {name for name in vars(corelib.Tensor) if not name.startswith("_")}
    assert public <= known
    assert all(
        isinstance(node.value, ast.Name) and node.value.id in known
        for node in methods.body
        if isinstance(node, ast.Assign)
    )
    assert {"__add__", "__radd__", "__iadd__", "__getitem__", "__len__"} <= known


def test_public_names_are_listed() -> None:
    program = (
        "import types, corelib\n"
        "helpers = {'annotations', 'builtins', 'importlib', 'os', 'TYPE_CHECKING', 'Any', 'TypeGuard'}\n"
        "modules = {n for n, v in vars(corelib).items() if isinstance(v, types.ModuleType)}\n"
        "public = {n for n in vars(corelib) if not n.startswith('_')} - helpers - modules\n"
        "print(*(public - set(corelib.__all__)))\n"
        "from corelib import *\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stdout + done.stderr
