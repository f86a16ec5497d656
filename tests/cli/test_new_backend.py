"""``corelib new-backend``: what it writes, and what it refuses.

``tests/packaging/test_new_backend.py`` installs what it writes, and asks the conformance suite.
"""

from __future__ import annotations

import ast
import builtins
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from corelib_conformance import scaffold

from corelib.backend import register_backend, unregister_backend
from corelib.cli import main

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples" / "backends"


def new(*arguments: str | Path) -> int:
    return main(["new-backend", *map(str, arguments)])


def written(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("way", scaffold.WAYS)
def test_it_writes_a_package(way: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new" / "package"
    assert new("my_chip", "--way", way, "--out", folder) == 0
    printed = capsys.readouterr().out
    assert str(folder) in printed and "corelib conformance --device my_chip --tier core" in printed
    files = written(folder)
    project = tomllib.loads(files["pyproject.toml"])
    assert project["project"]["entry-points"] == {
        "corelib.backends": {"my_chip": "corelib_my_chip"},
        "corelib.contract": {"my_chip": "v1_0"},
    }
    assert "badge.svg" in files["README.md"] and "<svg" in files["badge.svg"]
    assert "corelib conformance --device my_chip" in files[".github/workflows/test.yml"]
    assert "--corelib-device=my_chip" in files["pyproject.toml"]
    assert "class MyChipBackend" in files["corelib_my_chip/backend.py"]
    assert not any(
        "@" + word + "@" in text for text in files.values() for word in ("name", "NAME", "Class", "way", "about")
    )
    assert not any(name.endswith(".in") or "NAME" in name for name in files)
    for name, text in files.items():
        if name.endswith(".py"):
            assert ast.get_docstring(ast.parse(text))
    assert sorted(p.name for p in folder.parent.iterdir()) == ["package"]


@pytest.mark.parametrize("way", scaffold.WAYS)
def test_what_it_writes_is_formatted_and_has_types(way: str, tmp_path: Path) -> None:
    assert new("mychip", "--way", way, "--out", tmp_path / "package") == 0
    (tmp_path / "ruff.toml").write_text((EXAMPLES / "ruff.toml").read_text().replace("../..", str(ROOT)))
    for command in (
        ["ruff", "check", "--no-cache", "."],
        ["ruff", "format", "--no-cache", "--check", "."],
        ["mypy", "--strict", f"--cache-dir={tmp_path / 'cache'}", "package/corelib_mychip"],
    ):
        pytest.importorskip(command[0])
        done = subprocess.run([sys.executable, "-m", *command], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("way", scaffold.WAYS)
def test_the_device_works(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own tests, without installing it."""
    name = f"chip_{way.replace('-', '_')}"
    assert new(name, "--way", way, "--out", tmp_path / "package") == 0
    monkeypatch.syspath_prepend(str(tmp_path / "package"))
    monkeypatch.setenv(f"CORELIB_{name.upper()}_CACHE", str(tmp_path / "cache"))
    plugin = __import__(f"corelib_{name}")
    register_backend(plugin.corelib_backend())
    try:
        source = (tmp_path / "package" / "tests" / f"test_{name}.py").read_text()
        namespace: dict[str, Any] = {}
        exec(compile(source, "its tests", "exec"), namespace)
        tests = [value for key, value in namespace.items() if key.startswith("test_")]
        assert len(tests) >= 4
        for test in tests:
            test()
    finally:
        unregister_backend(name)
        for module in [m for m in sys.modules if m.partition(".")[0] == f"corelib_{name}"]:
            del sys.modules[module]


def test_by_default_the_folder_is_named_as_the_distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert new("mychip", "--way", "array-module") == 0
    assert os.listdir(tmp_path) == ["corelib-mychip"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("My-Chip", "lower-case letters, digits and single underscores"),
        ("my-chip", "lower-case letters"),
        ("2chip", "a letter first"),
        ("_chip", "a letter first"),
        ("chip_", "single underscores"),
        ("my__chip", "single underscores"),
        ("", "lower-case letters"),
        ("größe", "lower-case letters"),
        ("../chip", "lower-case letters"),
        ("chip\n", "lower-case letters"),
        ("c" * 41, "at most 40"),
        ("lambda", "keyword"),
        ("cpu", "corelib has one"),
        ("cuda", "corelib has one"),
        ("strict", "corelib has one"),
        ("nn", "corelib.nn is something else"),
        ("add", "corelib.add is something else"),
        ("float32", "corelib.float32 is something else"),
    ],
)
def test_a_bad_name_is_refused(name: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert new("--way", "kernels", "--out", tmp_path / "package", "--", name) == 1
    captured = capsys.readouterr()
    assert captured.out == "" and "corelib new-backend: " in captured.err
    assert repr(name)[1:-1] in captured.err.replace("\n'", "\\n'") and reason in captured.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["folder", "empty", "file", "link"])
def test_what_exists_is_left_as_it_is(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "there"
    if kind == "link":
        target.symlink_to(tmp_path / "nowhere")
    elif kind == "file":
        target.write_text("mine")
    else:
        target.mkdir()
        if kind == "folder":
            (target / "README.md").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    assert new("mychip", "--way", "kernels", "--out", target) == 1
    assert "there exists, and is left as it is: name another folder with --out" in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before
    assert kind != "folder" or (target / "README.md").read_text() == "mine"


def test_a_folder_that_cannot_be_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert new("mychip", "--way", "kernels", "--out", tmp_path / "file" / "package") == 1
    assert "cannot be made" in capsys.readouterr().err


def test_a_way_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        new("mychip", "--way", "magic", "--out", tmp_path / "package")
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert all(way in error for way in scaffold.WAYS)
    with pytest.raises(scaffold.ScaffoldError, match="array-module, kernels, codegen"):
        scaffold.files("mychip", "magic")


def test_without_the_templates_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = builtins.__import__

    def absent(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("corelib_conformance"):
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", absent)
    assert new("mychip", "--way", "kernels") == 2
    assert "pip install corelib-conformance" in capsys.readouterr().err
