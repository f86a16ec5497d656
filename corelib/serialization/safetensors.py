"""The safetensors format: nested state in one file.

A file holds tensors and a JSON header, and no code: loading one cannot run anything.  The structure around
the tensors (dicts, lists, tuples, numbers, text) is JSON in the header's metadata, so that a flat state_dict
is a plain safetensors file that any reader of the format understands, and any such file can be loaded.

What a reader that does not know the structure sees: every tensor under the dotted path of its keys; tensors
that share memory once, under the first one's path (or, where none covers the others, the memory itself as
``path#storage``); complex128 as float64 with a last dimension of 2.
"""

from __future__ import annotations

import base64
import json
import math
import os
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

import numpy as np

from .. import dtypes
from ..core.tensor import storage_of
from ..creation import from_numpy
from ..device import Device
from ..dtypes import dtype as DType
from ..layout import Size
from ..tensor import Tensor
from .place import MapLocation, on_device

__all__ = ["encode", "read", "write"]

_METADATA_KEY = "corelib"
_FORMAT_VERSION = 1
_MAX_HEADER = 100_000_000  # bytes; the limit of the format's reference implementation

_CODES = {
    dtypes.bool_: "BOOL",
    dtypes.uint8: "U8",
    dtypes.int8: "I8",
    dtypes.int16: "I16",
    dtypes.int32: "I32",
    dtypes.int64: "I64",
    dtypes.float16: "F16",
    dtypes.bfloat16: "BF16",
    dtypes.float32: "F32",
    dtypes.float64: "F64",
    dtypes.complex64: "C64",
    dtypes.complex128: "F64",  # the format has no code for it
}
_DTYPES = {code: d for d, code in _CODES.items() if d is not dtypes.complex128}


def encode(obj: Any) -> tuple[bytes, list[_Blob]]:
    """The head of the file that holds ``obj``, and the tensors that follow it."""
    encoder = _Encoder()
    root = encoder.encode(obj, "obj", "")
    blobs, records = _plan(encoder.tensors)
    header: dict[str, Any] = {
        "__metadata__": {
            "format": "pt",  # as other writers of state_dicts say
            _METADATA_KEY: json.dumps({"version": _FORMAT_VERSION, "tensors": records, "root": root}),
        }
    }
    position = 0
    for blob in blobs:
        size = math.prod(blob.shape) * blob.dtype.itemsize
        shape = [*blob.shape, 2] if blob.dtype is dtypes.complex128 else list(blob.shape)
        header[blob.name] = {
            "dtype": _CODES[blob.dtype],
            "shape": shape,
            "data_offsets": [position, position + size],
        }
        position += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the data starts aligned
    return len(text).to_bytes(8, "little") + text, blobs


def write(file: BinaryIO, head: bytes, blobs: list[_Blob]) -> None:
    """Write what ``encode`` made."""
    file.write(head)
    for blob in blobs:
        file.write(np.ascontiguousarray(blob.tensor._host()).reshape(-1).view(np.uint8).data)


# -- from objects to JSON and back
#
# None, bool, int, str, finite floats and lists stand for themselves; an object with one key marks the rest:
# {"tensor": i}, {"tuple": [...]}, {"dict": [[key, value], ...]}, {"ordered_dict": ...}, {"float": "nan"},
# {"complex": ["1.0", "nan"]}, {"bytes": base64}, {"dtype": name}, {"device": text}, {"size": [...]}.


_BY_NAME: dict[str, DType] = {d.name: d for d in dtypes.ALL_DTYPES}
_SCALARS: dict[type, tuple[str, Callable[[Any], Any], Callable[[Any], Any]]] = {
    complex: ("complex", lambda z: [str(z.real), str(z.imag)], lambda z: complex(float(z[0]), float(z[1]))),
    bytes: ("bytes", lambda b: base64.b64encode(b).decode(), base64.b64decode),
    DType: ("dtype", lambda d: d.name, lambda name: _BY_NAME[name]),
    Device: ("device", str, Device),
    Size: ("size", list, Size),
}
_FROM_JSON = {kind: from_json for kind, _, from_json in _SCALARS.values()}


@dataclass
class _Encoder:
    """Turns an object into JSON, and collects the tensors it meets with their dotted paths."""

    tensors: list[tuple[str, Tensor]] = field(default_factory=list)
    seen: dict[int, int] = field(default_factory=dict)  # id of a tensor: its position in tensors
    open: set[int] = field(default_factory=set)  # ids of the containers being encoded

    def encode(self, value: Any, where: str, path: str) -> Any:
        """``where`` is how an error names the value, ``path`` how a file does."""
        if value is None or type(value) in (bool, int, str):
            return value
        if type(value) is float:
            return value if math.isfinite(value) else {"float": str(value)}
        if type(value) in _SCALARS:
            kind, to_json, _ = _SCALARS[type(value)]
            return {kind: to_json(value)}
        if isinstance(value, Tensor):
            if id(value) not in self.seen:
                self.seen[id(value)] = len(self.tensors)
                self.tensors.append((path, value))
            return {"tensor": self.seen[id(value)]}
        if type(value) not in (list, tuple, dict, OrderedDict):
            raise TypeError(
                f"save(): cannot save {where}, of type {type(value).__module__}.{type(value).__qualname__}; "
                "only tensors, dicts, lists, tuples, numbers, text, bytes, dtypes, devices, bool and None can be saved"
            )
        if id(value) in self.open:
            raise TypeError(f"save(): cannot save {where}, which contains itself")
        self.open.add(id(value))
        result = self._container(value, where, path)
        self.open.remove(id(value))
        return result

    def _container(self, value: Any, where: str, path: str) -> Any:
        prefix = f"{path}." if path else ""
        if isinstance(value, list | tuple):
            items = [self.encode(item, f"{where}[{i}]", f"{prefix}{i}") for i, item in enumerate(value)]
            return items if type(value) is list else {"tuple": items}
        pairs = []
        for key, item in value.items():
            if key is not None and type(key) not in (str, int, float, bool):
                raise TypeError(f"save(): cannot save {where}, whose key {key!r} is no str, int, float, bool or None")
            pairs.append([self.encode(key, where, ""), self.encode(item, f"{where}[{key!r}]", f"{prefix}{key}")])
        if type(value) is dict:
            return {"dict": pairs}
        result: dict[str, Any] = {"ordered_dict": pairs}
        if hasattr(value, "_metadata"):  # of a module's state_dict
            result["metadata"] = self.encode(value._metadata, f"{where}._metadata", "")
        return result


def _decode(value: Any, tensors: list[Tensor]) -> Any:
    if isinstance(value, list):
        return [_decode(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    kind = next(iter(value))
    content = value[kind]
    if kind == "tensor":
        return tensors[content]
    if kind == "float":
        return float(content)
    if kind in _FROM_JSON:
        return _FROM_JSON[kind](content)
    if kind == "tuple":
        return tuple(_decode(item, tensors) for item in content)
    pairs = [(_decode(key, tensors), _decode(item, tensors)) for key, item in content]
    if kind == "dict":
        return dict(pairs)
    result: Any = OrderedDict(pairs)
    if "metadata" in value:
        result._metadata = _decode(value["metadata"], tensors)
    return result


# -- which memory is written, and which tensor is what view of it


@dataclass
class _Blob:
    """One tensor of the file."""

    name: str
    tensor: Tensor

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.tensor.shape)

    @property
    def dtype(self) -> DType:
        return self.tensor.dtype


def _plan(tensors: list[tuple[str, Tensor]]) -> tuple[list[_Blob], list[dict[str, Any]]]:
    """What to write, and for every tensor a record of how it is made from that."""
    groups: dict[Any, list[int]] = {}
    for i, (_, tensor) in enumerate(tensors):
        groups.setdefault((id(storage_of(tensor).array), tensor.dtype), []).append(i)
    names = {"__metadata__"}  # reserved by the format
    blobs: list[_Blob] = []
    records: list[dict[str, Any]] = [{} for _ in tensors]
    for members in groups.values():
        blob, start, whole = _region([tensors[i] for i in members])
        blob.name = _unused(blob.name, names)
        blobs.append(blob)
        for i in members:
            tensor = tensors[i][1]
            record = records[i] = {"name": blob.name}
            if tensor.device.type != "cpu":
                record["device"] = str(tensor.device)
            if tensor.requires_grad:
                record["requires_grad"] = True
            if tensor.dtype is dtypes.complex128:
                record["dtype"] = "complex128"
            if not whole:
                view = list(tensor.shape), list(tensor.stride()), tensor.storage_offset() - start
                record["size"], record["stride"], record["offset"] = view
    blobs.sort(key=lambda blob: -blob.dtype.itemsize)  # keeps every tensor of the file aligned
    return blobs, records


def _region(members: list[tuple[str, Tensor]]) -> tuple[_Blob, int, bool]:
    """The memory that tensors of one storage need, where it starts, and whether each of them is all of it."""
    path, first = members[0]
    layouts = {(tuple(t.shape), tuple(t.stride()), t.storage_offset()) for _, t in members}
    if len(layouts) == 1:  # one tensor, or several that are the same view: its elements alone, made dense
        return _Blob(path, first), 0, True
    starts = [t.storage_offset() for _, t in members]
    ends = [t.storage_offset() + _extent(t) for _, t in members]
    start, end = min(starts), max(ends)
    for name, t in members:
        if t.storage_offset() == start and t.numel() == end - start and t.is_contiguous():
            return _Blob(name, t), start, False
    return _Blob(f"{path}#storage", first.detach().as_strided((end - start,), (1,), start)), start, False


def _extent(tensor: Tensor) -> int:
    """Elements of storage from the first to the last element of the tensor, inclusive."""
    if tensor.numel() == 0:
        return 0
    return 1 + sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))


def _unused(name: str, taken: set[str]) -> str:
    """``name``, numbered where it is taken: {"a.b": x, "a": {"b": y}} gives one path twice."""
    result, count = name, 1
    while result in taken:
        count += 1
        result = f"{name}#{count}"
    taken.add(result)
    return result


# -- reading


def read(file: BinaryIO, name: str, map_location: MapLocation) -> Any:
    """What a file holds; ``name`` is how errors name it."""
    header = _read_header(file, name)
    metadata = header.pop("__metadata__", None) or {}
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    position = 0
    for key, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        if entry["data_offsets"][0] != position:
            raise ValueError(f"{name} is not a valid safetensors file: tensor '{key}' is not where it should be")
        arrays[key] = _read_array(file, name, key, entry)
        position = entry["data_offsets"][1]
    if _METADATA_KEY not in metadata:
        return {key: on_device(from_numpy(arrays[key]), "cpu", map_location) for key in header}
    structure = json.loads(metadata[_METADATA_KEY])
    if structure["version"] != _FORMAT_VERSION:
        raise ValueError(f"{name} was saved by a newer version of corelib (format {structure['version']})")
    bases: dict[str, Tensor] = {}
    tensors = [_make_tensor(record, arrays, bases, map_location) for record in structure["tensors"]]
    return _decode(structure["root"], tensors)


def _read_header(file: BinaryIO, name: str) -> dict[str, Any]:
    length = int.from_bytes(file.read(8), "little")
    if not 0 < length <= _MAX_HEADER:
        raise ValueError(f"{name} is not a safetensors file: its header would have {length} bytes")
    try:
        header = json.loads(_read(file, length, name))
        if not all(_valid(entry) for key, entry in header.items() if key != "__metadata__"):
            raise TypeError
    except (UnicodeDecodeError, json.JSONDecodeError, TypeError, AttributeError):
        raise ValueError(f"{name} is not a safetensors file: its header cannot be understood") from None
    return cast(dict[str, Any], header)


def _valid(entry: Any) -> bool:
    """Whether this is how a header describes a tensor."""
    shape, offsets = entry.get("shape"), entry.get("data_offsets")
    lists = isinstance(shape, list) and isinstance(offsets, list) and len(offsets) == 2
    return lists and all(type(n) is int and n >= 0 for n in (*shape, *offsets)) and isinstance(entry.get("dtype"), str)


def _read_array(file: BinaryIO, name: str, key: str, entry: dict[str, Any]) -> np.ndarray[Any, Any]:
    dtype = _DTYPES.get(entry["dtype"])
    if dtype is None:
        raise ValueError(f"{name}: tensor '{key}' has dtype {entry['dtype']}, which is not supported")
    start, end = entry["data_offsets"]
    if end - start != math.prod(entry["shape"]) * dtype.itemsize:
        raise ValueError(f"{name} is not a valid safetensors file: tensor '{key}' does not have the size of its shape")
    return _read_memory(file, end - start, name).view(dtype.numpy).reshape(entry["shape"])


def _read_memory(file: BinaryIO, count: int, name: str) -> np.ndarray[Any, Any]:
    """``count`` bytes straight into memory that can be written to."""
    readinto = getattr(file, "readinto", None)
    if readinto is None or count < 1 << 16:  # small: a damaged header may promise more than there is
        return np.frombuffer(bytearray(_read(file, count, name)), np.uint8)
    start = file.tell() if file.seekable() else None
    if start is not None:
        left = file.seek(0, os.SEEK_END) - start
        file.seek(start)
        if left < count:
            raise _cut_short(name, count, left)
    memory = np.empty(count, np.uint8)
    done = 0
    while done < count:
        got = readinto(memory[done:].data)
        if not got:
            raise _cut_short(name, count, done)
        done += got
    return memory


def _cut_short(name: str, wanted: int, there: int) -> ValueError:
    return ValueError(f"{name} is cut short: {wanted} bytes were expected and {there} are there")


def _read(file: BinaryIO, count: int, name: str) -> bytes:
    data = file.read(count)
    if len(data) != count:
        raise _cut_short(name, count, len(data))
    return data


def _make_tensor(
    record: dict[str, Any], arrays: dict[str, Any], bases: dict[str, Tensor], map_location: MapLocation
) -> Tensor:
    """The tensor that a record describes; ``bases`` holds the memory that others share with it."""
    name = record["name"]
    if name not in bases:
        array = arrays[name]
        if record.get("dtype") == "complex128":
            array = array.view(np.complex128).reshape(array.shape[:-1])
        bases[name] = on_device(from_numpy(array), record.get("device", "cpu"), map_location)
    base = bases[name]
    tensor = base.detach()  # an object of its own, in the same memory
    if "size" in record:
        tensor = base.as_strided(record["size"], record["stride"], record["offset"])
    return tensor.requires_grad_() if record.get("requires_grad") else tensor
