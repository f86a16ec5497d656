"""Write docs/coverage.md: which of PyTorch's public names corelib has, from both packages as they are.

``python .ci/coverage.py`` needs the pinned PyTorch beside corelib.  What cannot be read from the packages (why a
name is never to come, which is planned later) stands in ``.ci/coverage.toml``.  ``--check`` writes nothing and has exit
status 1 where the page is not what the packages say, or a name is in no list.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import re
import tomllib
import typing
import warnings
from collections import Counter
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "coverage.md"
ABSENT = ROOT / "corelib" / "compat" / "coverage.json"
NAMESPACES = (
    "torch", "torch.Tensor", "torch.nn", "torch.nn.functional", "torch.nn.init", "torch.nn.utils", "torch.optim",
    "torch.optim.lr_scheduler", "torch.autograd", "torch.utils.data", "torch.linalg", "torch.fft", "torch.special",
    "torch.testing", "torch.distributions",
)  # fmt: skip
IMPORTED = ("abc", "collections", "functools", "typing", "typing_extensions")
STATES = ("done", "differs", "later", "never")


class Entry(NamedTuple):
    """One name of PyTorch's: its state, and what there is to say of it."""

    name: str
    state: str
    note: str


def _resolve(path: str, package: str) -> Any:
    """The object that ``torch.x.y`` is in a package, or None."""
    found: Any = importlib.import_module(package)
    for part in path.split(".")[1:]:
        if not hasattr(found, part):
            try:
                importlib.import_module(f"{found.__name__}.{part}")
            except (ImportError, AttributeError):
                return None
        found = getattr(found, part)
    return found


def public_names(namespace: Any) -> list[str]:
    """The names that belong to a namespace of PyTorch's: not what it merely imports."""
    listed = getattr(namespace, "__all__", None)
    if listed is not None and namespace.__name__ not in ("torch", "torch.autograd"):
        names = {n for n in listed if not n.startswith("_")}
        return sorted(n for n in names if not isinstance(getattr(namespace, n, None), ModuleType))
    names = []
    for name in dir(namespace):
        value = inspect.getattr_static(namespace, name) if isinstance(namespace, type) else getattr(namespace, name)
        home = getattr(value, "__module__", None) or ""
        imported = isinstance(namespace, ModuleType) and (home.split(".")[0] in IMPORTED or hasattr(typing, name))
        if name.startswith("_") or isinstance(value, ModuleType) or imported:
            continue
        names.append(name)
    return names


@cache
def _described() -> dict[Any, Any]:
    """PyTorch's own description of the signatures that its compiled functions have."""
    from torch.overrides import get_testing_overrides

    return get_testing_overrides()


def _parameters(function: Any) -> list[str] | None:
    """Names of a callable's parameters in order (without self), or None where that cannot be read."""
    if type(function).__hash__ is None:  # an instance that is not a function
        return None
    target = function.__init__ if inspect.isclass(function) else _described().get(function, function)
    try:
        parameters = list(inspect.signature(target).parameters.values())
    except (TypeError, ValueError):
        return None
    if hasattr(function, "prim"):  # takes out= besides
        parameters.append(inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY))
    names = [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if len(names) != len(parameters):  # takes anything: nothing to compare
        return None
    return names[1:] if names[:1] in (["self"], ["cls"], ["input"], ["tensor"]) else names


def difference(theirs: Any, ours: Any, ignored: set[str]) -> str:
    """What a PyTorch signature has that ours has not, said shortly; "" where all of it is accepted in its order."""
    wanted, given = _parameters(theirs), _parameters(ours)
    if wanted is None or given is None:
        return ""
    missing = [n for n in wanted if n not in given and n not in ignored and not n.startswith("_")]
    if missing:
        return "without " + ", ".join(f"`{n}`" for n in missing)
    common = [n for n in given if n in wanted]
    return "" if common == [n for n in wanted if n in given] else "parameters in another order"


def entries(path: str, rules: dict[str, Any]) -> list[Entry]:
    """The state of every name in a namespace."""
    theirs, ours = _resolve(path, "torch"), _resolve(path, "corelib")
    notes: dict[str, str] = rules["differs"].get(path, {})
    found = []
    for name in public_names(theirs):
        if hasattr(ours, name) and not isinstance(getattr(ours, name), ModuleType):
            ignored = {"out", "input"} if path == "torch.Tensor" else set()  # what only the function takes
            if name in rules["described"]["otherwise"]:
                ignored |= {p for p in _parameters(getattr(theirs, name)) or ()}
            note = notes.get(name) or difference(getattr(theirs, name), getattr(ours, name), ignored)
            found.append(Entry(name, "differs" if note else "done", note))
            continue
        state, why = "", ""
        for kind in ("never", "later"):
            for reason, patterns in rules[kind].items():
                if not state and any(re.fullmatch(p, name) or re.fullmatch(p, f"{path}.{name}") for p in patterns):
                    state, why = kind, reason
        found.append(Entry(name, state or "unlisted", why))
    return found


def page(table: dict[str, list[Entry]], version: str) -> str:
    """The text of docs/coverage.md."""
    lines = [
        "# Coverage of PyTorch's names", "",
        f"Read from PyTorch {version} and corelib by `.ci/coverage.py`; a test fails where this page is not what the "
        "two packages say. *done*: there, and every parameter of PyTorch's signature is accepted in its order (where a "
        "signature can be read); *differs*: there, with the difference named; *later*: planned; *never*: with the "
        "reason. The share counts done and differing names among those that are not *never*.",
        "", "| namespace | done | differs | later | never | share |", "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for path, found in table.items():
        count = Counter(e.state for e in found)
        there, wanted = count["done"] + count["differs"], len(found) - count["never"]
        cells = " | ".join(str(count[s]) for s in STATES)
        lines.append(f"| `{path}` | {cells} | {100 * there / max(wanted, 1):.0f} % |")
    for path, found in table.items():
        lines += ["", f"## `{path}`"]
        done = [f"`{e.name}`" for e in found if e.state == "done"]
        if done:
            lines += ["", f"**Done**: {', '.join(done)}"]
        differing = [f"- `{e.name}`: {e.note}" for e in found if e.state == "differs"]
        if differing:
            lines += ["", "**Done with a difference**:", "", *differing]
        for state in ("later", "never"):
            for why in dict.fromkeys(e.note for e in found if e.state == state):
                names = [f"`{e.name}`" for e in found if e.state == state and e.note == why]
                lines += ["", f"**{state.title()}** ({why}): {', '.join(names)}"]
    return "\n".join(lines) + "\n"


def absent(table: dict[str, list[Entry]], never: dict[str, list[str]]) -> str:
    """What the alias of ``torch`` answers for names that are not there: patterns for never, names for later."""
    later: dict[str, list[str]] = {}
    for path, found in table.items():
        for e in found:
            if e.state == "later":
                later.setdefault(f"{path} {e.note}", []).append(e.name)
    said = {"never": {why: "|".join(patterns) for why, patterns in never.items()}}
    said["later"] = {key: " ".join(names) for key, names in later.items()}
    return json.dumps(said, indent=0, separators=(",", ":")) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether the page is up to date")
    checking = parser.parse_args().check
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated names warn when they are looked at
        import torch

        rules = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())
        table = {path: entries(path, rules) for path in NAMESPACES}
    unlisted = [f"{path}.{e.name}" for path, found in table.items() for e in found if e.state == "unlisted"]
    if unlisted:
        print("in no list of .ci/coverage.toml, and not there:", *unlisted, sep="\n  ")
    texts = {PAGE: page(table, torch.__version__.split("+")[0]), ABSENT: absent(table, rules["never"])}
    stale = [file for file, text in texts.items() if not file.exists() or file.read_text() != text]
    for file in stale:
        if checking:
            print(f"{file.name} is not what the packages say: run python .ci/coverage.py")
        else:
            file.write_text(texts[file])
    return int(bool(unlisted) or (checking and bool(stale)))


if __name__ == "__main__":
    raise SystemExit(main())
