"""What ``corelib new-backend`` writes: an installable package with a device in it, one of three ways.

The files in ``common`` and in the folder of a way are copied; ``@name@`` in them is the device type, ``@Class@`` the
stem of its classes, and a file's ``.in`` is dropped, which keeps tools that look for Python away from templates.
"""

from __future__ import annotations

import keyword
import os
import re
import shutil
import tempfile
from pathlib import Path

__all__ = ["WAYS", "ScaffoldError", "create", "files"]

WAYS = {
    "array-module": "over a library that speaks NumPy",
    "kernels": "kernels on memory of its own",
    "codegen": "kernels rendered for a C-like compiler",
}

_TEMPLATES = Path(__file__).parent
_STANDARD = ("cpu", "cuda", "opencl", "mps", "xpu", "meta")  # device types that packages of corelib's have, or will


class ScaffoldError(Exception):
    """Nothing was written; the message says why, and what would do."""


def create(name: str, way: str, folder: Path | None = None) -> Path:
    """Write the package of device type ``name`` into ``folder`` (``./corelib-NAME`` by default), whole or not at all.

    Returns the folder.  Raises :class:`ScaffoldError` for a name or a way that cannot be, and where the folder exists.
    """
    check_name(name)
    target = Path(f"corelib-{name}") if folder is None else folder
    if os.path.lexists(target):
        raise ScaffoldError(f"{target} exists, and is left as it is: name another folder with --out")
    content = files(name, way)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise ScaffoldError(f"{target} cannot be made: {error.strerror}") from error
    try:
        for path, text in content.items():
            file = scratch / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        scratch.chmod(0o777 & ~_umask())
        target.mkdir()  # fails where somebody was faster; renaming onto an empty folder replaces it
        scratch.rename(target)
    except OSError as error:
        raise ScaffoldError(f"{target} cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return target


def files(name: str, way: str) -> dict[str, str]:
    """The package's files: relative path, text."""
    if way not in WAYS:
        raise ScaffoldError(f"there is no way '{way}': choose one of {', '.join(WAYS)}")
    class_name = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    words = {"name": name, "NAME": name.upper(), "Class": class_name, "way": way, "about": WAYS[way]}
    made: dict[str, str] = {}
    for root in (_TEMPLATES / "common", _TEMPLATES / way):
        for path in sorted(root.rglob("*.in")):
            relative = path.relative_to(root).as_posix().removesuffix(".in").replace("NAME", name)
            text = re.sub(r"@(name|NAME|Class|way|about)@", lambda m: words[m[1]], path.read_text(encoding="utf-8"))
            made[relative] = text
    return made


def check_name(name: str) -> None:
    """Raise :class:`ScaffoldError` unless a device type and a distribution can have this name."""
    import corelib

    rule = "a name is lower-case letters, digits and single underscores, a letter first, at most 40 of them"
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or len(name) > 40:
        raise ScaffoldError(f"'{name}' cannot be a device type: {rule}")
    if keyword.iskeyword(name):
        raise ScaffoldError(f"'{name}' cannot be a device type: Python has it as a keyword")
    if name in _STANDARD or name in ("strict", "null"):
        raise ScaffoldError(f"'{name}' cannot be the name of a new device type: corelib has one")
    if name in dir(corelib) or hasattr(corelib, name):
        raise ScaffoldError(f"'{name}' cannot be a device type: corelib.{name} is something else")


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
