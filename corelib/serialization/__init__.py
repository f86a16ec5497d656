"""save and load: nested state in one safetensors file, and the files that PyTorch wrote."""

from __future__ import annotations

import io
import os
from typing import Any, BinaryIO

from . import safetensors, torch_file
from .files import FileLike, open_for_writing
from .place import MapLocation

__all__ = ["load", "save"]


def save(
    obj: Any,
    f: FileLike,
    pickle_module: Any = None,
    pickle_protocol: int = 2,
    _use_new_zipfile_serialization: bool = True,
    _disable_byteorder_record: bool = False,
) -> None:
    """Save ``obj`` as a safetensors file.

    Args:
        obj: a tensor, None, bool, int, float, complex, str, bytes, dtype, device or Size, or a dict, OrderedDict,
            list or tuple of such, to any depth.  Keys are str, int, float, bool or None.  Tensors may be of any dtype
            and on any device; those that share memory still share it after loading.  A Parameter is loaded as a
            Tensor.
        f: a path, or a binary file that is open for writing.  A path is replaced all at once when everything
            is on disk: whatever happens meanwhile, it holds the old contents or the new.

    The remaining arguments concern PyTorch's own format and are accepted, without effect.

    Raises:
        TypeError: for an object of another type, naming where it is.
    """
    head, blobs = safetensors.encode(obj)
    with open_for_writing(f) as file:
        safetensors.write(file, head, blobs)


def load(
    f: FileLike,
    map_location: MapLocation = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    **pickle_load_args: Any,
) -> Any:
    """Load what :func:`save` saved, or ``torch.save``; any other safetensors file gives a dict of its tensors by name.

    No code of a file is ever run: of PyTorch's files what ``weights_only=True`` allows is read, whatever is asked for
    here.

    Args:
        f: a path, or a binary file that is open for reading.
        map_location: the device to put tensors on; a dict from the device they were saved from to the one to use;
            or a function of a tensor on the CPU and the device's name, which returns the tensor moved, or None.
            By default they go back to where they were saved from.
        pickle_module, weights_only, mmap, pickle_load_args: accepted, without effect.

    Raises:
        ValueError: where it is no safetensors file, is cut short, or has a dtype that does not exist here.
        pickle.UnpicklingError: where a file of PyTorch's has other things than tensors and plain data, or is damaged.
    """
    if isinstance(f, str | os.PathLike):
        with open(f, "rb") as file:
            return _load(file, os.fspath(f), map_location)
    name = str(getattr(f, "name", "the file"))
    seekable = getattr(f, "seekable", None)
    if seekable is None or not seekable():
        return _load(io.BytesIO(f.read()), name, map_location)
    return _load(f, name, map_location)


def _load(file: BinaryIO, name: str, map_location: MapLocation) -> Any:
    start = file.tell()
    first = file.read(16)
    file.seek(start)
    kind = torch_file.kind_of(first)
    if kind == "zip":
        return torch_file.load_zip(file, name, map_location)
    if kind == "pickle":
        return torch_file.load_legacy(file, name, map_location)
    return safetensors.read(file, name, map_location)
