"""A nested state (dicts, lists, tuples, numbers, text, tensors) as one safetensors file.

The tensors are the file's tensors; the rest is JSON in its header.  No pickle: reading a checkpoint
cannot run code.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

import corelib
from corelib import Tensor

__all__ = ["read", "write", "write_tensors"]


def write(state: Any, path: Path) -> None:
    """Save ``state`` at ``path``; an interrupted write leaves the file that was there before."""
    tensors: dict[str, Tensor] = {}
    structure = json.dumps(_encode(state, tensors))
    write_tensors(tensors, path, {"state": structure})


def read(path: Path) -> Any:
    """What :func:`write` saved, its tensors on the CPU."""
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        tensors = {name: corelib.from_numpy(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118 (no dict)
        structure = json.loads(file.metadata()["state"])
    return _decode(structure, tensors)


def write_tensors(tensors: dict[str, Tensor], path: Path, metadata: dict[str, str] | None = None) -> None:
    """Save named tensors as a safetensors file, all or nothing."""
    from safetensors.numpy import save

    arrays = {name: np.ascontiguousarray(tensor.detach().cpu().numpy()) for name, tensor in tensors.items()}
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_bytes(save(arrays, metadata))
    os.replace(unfinished, path)


def _encode(value: Any, tensors: dict[str, Tensor]) -> Any:
    # Objects mark what JSON does not have: tensors, tuples, and dicts whose keys are not text.
    if isinstance(value, Tensor):
        name = str(len(tensors))
        tensors[name] = value
        return {"tensor": name}
    if isinstance(value, dict):
        return {"items": [[key, _encode(item, tensors)] for key, item in value.items()]}
    if isinstance(value, tuple):
        return {"tuple": [_encode(item, tensors) for item in value]}
    if isinstance(value, list):
        return [_encode(item, tensors) for item in value]
    return value


def _decode(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_decode(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    [(kind, content)] = value.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "tuple":
        return tuple(_decode(item, tensors) for item in content)
    return {key: _decode(item, tensors) for key, item in content}
