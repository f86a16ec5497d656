"""Write docs/reference/: one page a namespace, every public name with its signature and docstring.

``python .ci/reference.py`` writes the pages from the package as it is; ``--check`` only says whether that would change
one (exit status 1).
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import corelib

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
NAMESPACES = (
    "corelib", "corelib.Tensor", "corelib.nn", "corelib.nn.functional", "corelib.nn.init", "corelib.nn.utils",
    "corelib.nn.utils.rnn", "corelib.nn.utils.parametrize", "corelib.nn.utils.parametrizations", "corelib.optim",
    "corelib.optim.lr_scheduler", "corelib.optim.swa_utils", "corelib.autograd", "corelib.autograd.functional",
    "corelib.utils.data", "corelib.utils.checkpoint", "corelib.linalg", "corelib.fft", "corelib.special",
    "corelib.distributions", "corelib.amp", "corelib.testing", "corelib.accelerator", "corelib.backend",
)  # fmt: skip


def _resolve(path: str) -> Any:
    """The module or class of a dotted name, or None where there is none."""
    found: Any = corelib
    for i, part in enumerate(path.split(".")[1:], 2):
        if not hasattr(found, part):
            try:
                importlib.import_module(".".join(path.split(".")[:i]))
            except ModuleNotFoundError:
                return None
        found = getattr(found, part)
    return found


def _names(namespace: Any) -> list[str]:
    listed = getattr(namespace, "__all__", None) or dir(namespace)
    return sorted({n for n in listed if not n.startswith("_")})


def _signature(value: Any, method: bool) -> str:
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return ""
    parameters = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
    parameters = parameters[1:] if method else parameters
    unordered = [isinstance(p.default, (set, frozenset)) for p in parameters]  # shown in another order every time
    parameters = [p.replace(default=...) if u else p for p, u in zip(parameters, unordered, strict=True)]
    text = str(signature.replace(parameters=parameters, return_annotation=inspect.Signature.empty))
    text = text.replace("=Ellipsis", "=...")
    return re.sub(r"<(?:class|function) '?([\w.]+)[^>]*>| at 0x[0-9a-f]+", r"\1", text)


def _document(value: Any) -> str:
    """The docstring, shielded from Markdown."""
    text = inspect.getdoc(value) or ""
    if isinstance(value, type) and "__doc__" not in vars(value):
        text = ""
    text = re.sub(r"(?m)^        +(?=\S)", "  ", text)  # the rest of an argument's description
    text = re.sub(r"(?m)^Args:\n", "Arguments:\n\n", text)
    text = re.sub(r"(?m)^    (\w[\w, *]*): ", r"- `\1`: ", text)
    return text.replace("``", "`").strip()


def _entries(path: str, namespace: Any) -> Iterator[str]:
    """The lines of a page's body."""
    for name in _names(namespace):
        value = getattr(namespace, name)
        if isinstance(value, ModuleType):
            continue
        member = inspect.getattr_static(namespace, name) if isinstance(namespace, type) else value
        if isinstance(member, property):
            yield f"### `{name}`\n\n{_document(member)}\n"
        elif callable(value):
            kind = "class " if inspect.isclass(value) else ""
            method = isinstance(namespace, type) and not isinstance(member, (classmethod, staticmethod))
            yield f"### `{kind}{name}{_signature(value, method)}`\n\n{_document(value)}\n"


def pages() -> dict[Path, str]:
    """Each page's file and text."""
    made = {}
    for path in NAMESPACES:
        namespace = _resolve(path)
        if namespace is None:
            continue
        head = f"# `{path}`\n\nGenerated from the docstrings by `.ci/reference.py`.\n"
        made[FOLDER / f"{path}.md"] = "\n".join([head, *_entries(path, namespace)])
    index = "".join(f"- [`{file.stem}`]({file.name})\n" for file in made)
    made[FOLDER / "index.md"] = f"# API reference\n\nGenerated from the docstrings by `.ci/reference.py`.\n\n{index}"
    return made


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether the pages are up to date")
    checking = parser.parse_args().check
    texts = pages()
    stale = [f for f, t in texts.items() if not f.exists() or f.read_text() != t]
    stale += [f for f in FOLDER.glob("*.md") if f not in texts]
    if checking:
        for file in stale:
            print(f"docs/reference/{file.name} is not what the package is now: run python .ci/reference.py")
        return int(bool(stale))
    FOLDER.mkdir(parents=True, exist_ok=True)
    for file in stale:
        file.write_text(texts[file]) if file in texts else file.unlink()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
