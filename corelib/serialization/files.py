"""Writing all or nothing."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

__all__ = ["FileLike", "open_for_writing"]

FileLike = str | os.PathLike[str] | BinaryIO


@contextmanager
def open_for_writing(f: FileLike) -> Iterator[BinaryIO]:
    """The file itself; or, for a path, a new file beside it that takes its place once it is on disk."""
    if not isinstance(f, str | os.PathLike):
        yield f
        return
    path = os.path.realpath(f)  # through a link: the link stays
    unfinished = f"{path}.{secrets.token_hex(4)}.part"
    try:
        with open(unfinished, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if os.path.exists(path):
            shutil.copymode(path, unfinished)
        os.replace(unfinished, path)
    except BaseException:
        if os.path.exists(unfinished):
            os.remove(unfinished)
        raise
    if os.name == "posix":  # the new name is on disk only when its folder is
        folder = os.open(os.path.dirname(path), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
