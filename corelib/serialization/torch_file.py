"""The files that PyTorch's ``torch.save`` writes: zip archives, and what it wrote before version 1.6.

Only what ``weights_only=True`` allows is read, by a reader of pickles that runs no code (see ``unpickler``).
"""

from __future__ import annotations

import io
import math
import struct
import sys
import zipfile
import zlib
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np

from .. import dtypes
from ..creation import empty, from_numpy
from ..device import Device
from ..dtypes import dtype as DType
from ..formats import strided
from ..layout import Size
from ..tensor import Tensor
from .place import MapLocation, on_device
from .unpickler import Name, Opaque, Unpickler, refusal

__all__ = ["kind_of", "load_legacy", "load_zip"]

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_DAMAGE = (zipfile.BadZipFile, RuntimeError, EOFError, OSError, OverflowError, ValueError, struct.error, zlib.error)
_TYPES = {
    "Bool": dtypes.bool_, "Byte": dtypes.uint8, "Char": dtypes.int8, "Short": dtypes.int16, "Int": dtypes.int32,
    "Long": dtypes.int64, "Half": dtypes.float16, "BFloat16": dtypes.bfloat16, "Float": dtypes.float32,
    "Double": dtypes.float64, "ComplexFloat": dtypes.complex64, "ComplexDouble": dtypes.complex128,
}  # fmt: skip
_DTYPE_NAMES = {d.name: d for d in dtypes.ALL_DTYPES} | {
    "half": dtypes.float16, "float": dtypes.float32, "double": dtypes.float64, "long": dtypes.int64,
    "int": dtypes.int32, "short": dtypes.int16,
}  # fmt: skip


def kind_of(first: bytes) -> str | None:
    """What kind of file of PyTorch's begins with these 16 bytes, if any."""
    if first[:4] == b"PK\x03\x04":
        return "zip"
    if len(first) >= 2 and first[0] == 0x80 and 2 <= first[1] <= 5 and first[8:9] != b"{":  # {: safetensors
        return "pickle"
    return None


def load_zip(file: BinaryIO, name: str, map_location: MapLocation) -> Any:
    """Read a zip archive of ``torch.save``."""
    try:
        archive = zipfile.ZipFile(file)
    except _DAMAGE as error:
        raise refusal(f"{name} is a damaged archive: {error}") from None
    with archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        roots = [path[: -len("data.pkl")] for path in entries if path.endswith("/data.pkl") and path.count("/") == 1]
        if len(roots) != 1:
            raise refusal(f"{name} is a zip archive, but not one of torch.save: it has no data.pkl")
        root = roots[0]
        if f"{root}constants.pkl" in entries:
            raise RuntimeError("Cannot use ``weights_only=True`` with TorchScript archives passed to ``torch.load``.")

        def record(key: str) -> bytes:
            entry = entries.get(root + key)
            if entry is None:
                raise refusal(f"{name} has no record {key}")
            if entry.compress_type != zipfile.ZIP_STORED:
                raise refusal(f"{name} has a compressed record {key}, which torch.save does not write")
            try:
                return archive.read(entry)
            except _DAMAGE as error:
                raise refusal(f"{name} is a damaged archive: {error}") from None

        order = record("byteorder").decode("latin1") if f"{root}byteorder" in entries else "little"
        storages = _Storages(map_location)

        def persistent(saved: Any) -> _Storage:
            dtype, key, location, count = _storage_id(saved, 5)
            known = storages.found.get(key)
            if known is None:
                data = np.frombuffer(record(f"data/{key}"), np.uint8)
                known = storages.add(key, dtype, location, _native(data.copy(), dtype, order))
            return known.checked(dtype, count)

        return _unpickler(io.BytesIO(record("data.pkl")), persistent, storages).load()


def load_legacy(file: BinaryIO, name: str, map_location: MapLocation) -> Any:
    """Read a file of ``torch.save`` that is no archive: pickles, one after the other, and then the memory."""

    def part() -> Any:
        return _unpickler(file, _nothing, _Storages(None)).load()

    if part() != _MAGIC:
        raise refusal(f"{name} is no file of torch.save: Invalid magic number; corrupt file?")
    if part() != _PROTOCOL:
        raise refusal(f"{name}: Invalid protocol version")
    system = part()
    if not isinstance(system, dict):
        raise refusal(f"{name} does not say how it was written")
    order = "little" if system.get("little_endian", True) else "big"
    begin = file.tell()
    available = file.seek(0, io.SEEK_END) - begin
    file.seek(begin)
    # The memory comes after the structure: read that once to find it, and again when the memory is there.
    sizes: dict[str, tuple[DType, str, int]] = {}
    probes = _Storages("cpu")

    def probe(saved: Any) -> _Storage:
        dtype, key, location, count = _storage_id(saved, 6)
        if count * dtype.itemsize > available:
            raise refusal(f"{name} is cut short: storage {key} is larger than the file")
        sizes[key] = dtype, location, count
        known = probes.found.get(key)
        return known or probes.add(key, dtype, location, np.zeros(count * dtype.itemsize, np.uint8))

    _unpickler(file, probe, probes).load()
    keys = part()
    storages = _Storages(map_location)
    if not isinstance(keys, list) or set(keys) != set(sizes):
        raise refusal(f"{name}: storages are missing")
    for key in keys:
        dtype, location, count = sizes[key]
        said = int.from_bytes(file.read(8), "big" if order == "big" else "little", signed=True)
        data = file.read(count * dtype.itemsize)
        if said != count or len(data) != count * dtype.itemsize:
            raise refusal(f"{name} is cut short: storage {key} is incomplete")
        storages.add(key, dtype, location, _native(np.frombuffer(data, np.uint8).copy(), dtype, order))

    def persistent(saved: Any) -> _Storage:
        dtype, key, _, count = _storage_id(saved, 6)
        return storages.found[key].checked(dtype, count)

    file.seek(begin)
    return _unpickler(file, persistent, storages).load()


# -- memory, and the tensors in it


@dataclass
class _Storage(Opaque):
    """Memory of the file, and a tensor over it for each dtype that it is seen as."""

    data: Any  # a NumPy array of uint8
    location: str
    dtype: DType
    map_location: MapLocation
    bases: dict[DType, Tensor] = field(default_factory=dict)

    def checked(self, dtype: DType, count: int) -> _Storage:
        """Itself seen as ``dtype``; an error where it does not have that many elements."""
        if count * dtype.itemsize != self.data.size:
            raise refusal("a storage does not have the size that is said")
        return self if dtype is self.dtype else _Storage(self.data, self.location, dtype, self.map_location)

    def tensor(self, offset: Any, size: Any, stride: Any, dtype: DType) -> Tensor:
        """The view of these sizes and strides."""
        numbers = (offset, *size, *stride)
        if not all(type(n) is int and n >= 0 for n in numbers) or len(size) != len(stride):
            raise refusal("a tensor has impossible sizes")
        last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        if math.prod(size) and last >= self.data.size // dtype.itemsize:
            raise refusal("a tensor is larger than its storage")
        base = self.bases.get(dtype)
        if base is None:
            usable = self.data.size // dtype.itemsize * dtype.itemsize
            array = self.data[:usable].view(dtype.numpy)
            if offset == 0 and math.prod(size) == array.size and tuple(stride) == _dense(size):
                array = array.reshape(size)
            base = self.bases[dtype] = on_device(from_numpy(array), self.location, self.map_location)
        if offset == 0 and tuple(base.shape) == tuple(size) and tuple(base.stride()) == tuple(stride):
            return base.detach()
        return base.as_strided(tuple(size), tuple(stride), offset)


class _Storages:
    """Those of a file, by key."""

    def __init__(self, map_location: MapLocation) -> None:
        self.map_location = map_location
        self.found: dict[str, _Storage] = {}

    def add(self, key: str, dtype: DType, location: str, data: Any) -> _Storage:
        """A storage read from the file."""
        self.found[key] = _Storage(data, location, dtype, self.map_location)
        return self.found[key]


def _dense(size: Any) -> tuple[int, ...]:
    strides, step = [], 1
    for n in reversed(size):
        strides.append(step)
        step *= max(n, 1)
    return tuple(reversed(strides))


def _native(data: Any, dtype: DType, order: str) -> Any:
    """``data`` in this machine's byte order."""
    width = dtype.itemsize // 2 if dtype.is_complex else dtype.itemsize
    if order == sys.byteorder or width == 1:
        return data
    return data.reshape(-1, width)[:, ::-1].reshape(-1).copy()


def _storage_id(saved: Any, length: int) -> tuple[DType, str, str, int]:
    """dtype, key, device and number of elements that a persistent id tells."""
    if type(saved) is not tuple or len(saved) != length or saved[0] != "storage":
        raise refusal("unsupported persistent id encountered")
    _, kind, key, location, count = saved[:5]
    if length == 6 and saved[5] is not None:
        raise refusal("views of storages as files had them before PyTorch 0.4 are not supported")
    if type(key) is not str or type(location) is not str or type(count) is not int or count < 0:
        raise refusal("unsupported persistent id encountered")
    if type(kind) is not Name or not kind.path.endswith("Storage"):
        raise refusal(f"{kind} is no type of storage")
    short = kind.path.rsplit(".", 1)[1].removesuffix("Storage")
    return _TYPES.get(short, dtypes.uint8), key, location, count


def _nothing(saved: Any) -> Any:
    raise refusal("a persistent id is not expected here")


# -- what a file may name


def _tensor_v2(
    storage: Any,
    offset: Any,
    size: Any,
    stride: Any,
    requires_grad: Any = False,
    hooks: Any = None,
    metadata: Any = None,
) -> Tensor:
    return _tensor_v3(storage, offset, size, stride, requires_grad, hooks, getattr(storage, "dtype", None))


def _tensor_v3(
    storage: Any, offset: Any, size: Any, stride: Any, requires_grad: Any, hooks: Any, dtype: Any, metadata: Any = None
) -> Tensor:
    if type(storage) is not _Storage or type(dtype) is not DType:
        raise refusal("a tensor is made of something that is no storage")
    tensor = storage.tensor(offset, size, stride, dtype)
    return tensor.requires_grad_() if requires_grad is True else tensor


def _parameter(data: Any, requires_grad: Any, hooks: Any = None, state: Any = None) -> Tensor:
    from ..nn import Parameter

    if not isinstance(data, Tensor):
        raise refusal("a Parameter is made of a tensor")
    return Parameter(data, requires_grad is True)


def _typed(function: Any, kind: Any, args: Any, state: Any = None) -> Any:
    """A subclass, or a tensor with attributes: the tensor itself, and what attributes are plain data."""
    if type(function) is not Name or function.path not in _REBUILD or type(args) is not tuple:
        raise refusal(f"Trying to call reduce for unrecognized function {function}")
    result = _REBUILD[function.path](*args)
    _set_state(result, state)
    return result


def _set_state(target: Any, state: Any) -> None:
    if not isinstance(target, Tensor):
        raise refusal(f"Can only build Tensor, Parameter or OrderedDict objects, but got {type(target).__name__}")
    if state is None:
        return
    if type(state) is not dict or any(type(key) is not str or hasattr(type(target), key) for key in state):
        raise refusal("Can only set attributes of a tensor that are its own")
    target.__dict__.update(state)


def _device(kind: Any, index: Any = None) -> Device:
    if type(kind) is not str or not (index is None or type(index) is int):
        raise refusal("a device is a name and a number")
    return Device(kind if index is None else f"{kind}:{index}")


def _size(sizes: Any = ()) -> Size:
    return Size(sizes)


def _layout(name: Any) -> Any:
    if name not in ("strided", "torch.strided"):
        raise refusal(f"layout {name!r} is not supported")
    return strided


def _moved(tensor: Any, dtype: Any, device: Any, requires_grad: Any) -> Tensor:
    """A tensor of a device that keeps its memory elsewhere: it goes back, where that is known here."""
    if not isinstance(tensor, Tensor) or type(dtype) is not DType:
        raise refusal("a tensor is made of something that is none")
    moved = tensor.to(Device(str(device)), dtype)
    return moved.requires_grad_() if requires_grad is True else moved


def _meta(dtype: Any, size: Any, stride: Any, requires_grad: Any) -> Tensor:
    tensor = empty(tuple(size), dtype=dtype, device="meta")
    return tensor.requires_grad_() if requires_grad is True else tensor


_REBUILD: dict[str, Any] = {
    "torch._utils._rebuild_tensor": _tensor_v2,
    "torch._utils._rebuild_tensor_v2": _tensor_v2,
    "torch._utils._rebuild_tensor_v3": _tensor_v3,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
    "torch._utils._rebuild_device_tensor_from_cpu_tensor": _moved,
    "torch._utils._rebuild_meta_tensor_no_storage": _meta,
}
_NAMES: dict[str, Name] = {path: Name(path, function) for path, function in _REBUILD.items()}
_OTHERS: dict[str, Any] = {
    "torch._tensor._rebuild_from_type_v2": _typed, "torch.Size": _size, "torch.device": _device,
    "torch.serialization._get_layout": _layout,
}  # fmt: skip
_NAMES |= {path: Name(path, function) for path, function in _OTHERS.items()}
for _name, _dtype in _DTYPE_NAMES.items():
    _NAMES[f"torch.{_name}"] = Name(f"torch.{_name}", None, _dtype)
for _path in (
    *(f"torch.{kind}Storage" for kind in _TYPES), "torch.storage.UntypedStorage", "torch.UntypedStorage",
    "torch.Tensor", "torch._tensor.Tensor", "torch.nn.parameter.Parameter",
):  # fmt: skip
    _NAMES[_path] = Name(_path)


def _unpickler(file: BinaryIO, persistent: Any, storages: _Storages) -> Unpickler:
    return Unpickler(file, _NAMES, persistent, _set_state)
