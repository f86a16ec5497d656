"""The Tensor of slots, its storage cell, and views.

A fresh result of a kernel is an array and a layout; a :class:`Storage` is made only when somebody
asks for it (a view, an in-place write), since most results are never aliased.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from ..backend.base import Backend
from ..backend.registry import registry
from ..layout import Layout
from ..state import local

if TYPE_CHECKING:
    from ._methods import TensorMethods
else:
    TensorMethods = object

__all__ = ["NUMBERS", "TENSORS", "Storage", "Tensor", "View", "backend_of", "fresh", "storage_of", "write_array"]


class Storage:
    """A cell holding the backend's dense array and a version that counts in-place writes.

    ``peers`` is kept only for backends whose arrays are immutable: every tensor that shows this memory,
    so that a write can rebind them all.  Tensors made by ``.data`` share memory and peers, not versions:
    their cell names the one whose memory it shows in ``origin``.
    """

    __slots__ = ("__weakref__", "array", "backend", "layout", "origin", "peers", "version")

    def __init__(self, array: Any, layout: Layout) -> None:
        self.array = array
        self.backend = registry.get(layout.device.type)
        self.layout = layout  # dense
        self.version = 0
        self.peers: weakref.WeakValueDictionary[int, Tensor] | None = None
        self.origin: Storage | None = None

    def shares(self, other: Storage | None) -> bool:
        """Whether both show one memory."""
        return other is not None and (other.origin or other) is (self.origin or self)


class InferenceStorage(Storage):
    """The storage of tensors made in inference mode: writes are not counted, so backward may not rely on them."""

    __slots__ = ()

    @property
    def version(self) -> int:
        raise RuntimeError(
            "Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode in "
            "computation tracked by autograd. To work around this, you can make a clone to get a normal tensor and "
            "use it in autograd, or use `torch.no_grad()` instead of `torch.inference_mode()`."
        )

    @version.setter
    def version(self, value: int) -> None:
        pass


class View:
    """What makes a tensor a view: its offset, and for gradients its base.

    Attributes:
        base: the root tensor, or None for a view without history of its own (``detach()``, ``.data``).
        offset: in elements, from the start of the storage.
        version: of the storage when the tensor's node was made; another version means it is stale.
        creation: None, or why it must not be written while gradients are recorded: "no_grad", "inference",
            "custom" (made by a user's Function), which output of a function with several it is ("Output 1 of
            Split"), "multi_output" (a view of such a one).
    """

    __slots__ = ("base", "creation", "offset", "version")

    def __init__(self, base: Tensor | None, offset: int, version: int, creation: str | None) -> None:
        self.base = base
        self.offset = offset
        self.version = version
        self.creation = creation


class Tensor(TensorMethods):
    """A multi-dimensional array on a device, with an optional history for gradients.

    Operators and methods are bound from the definitions in ``corelib.ops`` by ``corelib.tensor``; type
    checkers see them in ``_methods.pyi``, which is generated from this class.
    """

    # _array: the realized view; _node: the tape node that made it (or its accumulator, for a leaf that
    # requires grad), None when it has no history; _extra: inference flag, retain_grad, hooks of a leaf.
    __slots__ = ("__dict__", "__weakref__", "_array", "_extra", "_grad", "_layout", "_node", "_storage", "_view")

    _array: Any
    _layout: Layout
    _node: Any
    _storage: Storage | None
    _view: View | None
    _grad: Tensor | None
    _extra: dict[str, Any] | None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        TENSORS.add(cls)


TENSORS: set[type[Tensor]] = {Tensor}
NUMBERS: frozenset[type] = frozenset({bool, int, float, complex})
_new: Any = object.__new__
_ready = registry._ready  # what ``get`` answers at once


def fresh(array: Any, layout: Layout) -> Tensor:
    """A tensor without history around a kernel's result."""
    result: Tensor = _new(Tensor)
    result._array = array
    result._layout = layout
    result._node = result._storage = result._view = result._grad = result._extra = None
    if local.inference:
        result._extra = {"inference": True}
        storage_of(result)
    return result


def backend_of(layout: Layout) -> Backend:
    """The loaded backend of a layout's device."""
    return registry.get(layout.device.type)


def storage_of(tensor: Tensor) -> Storage:
    """The tensor's storage cell, made now if it has none yet."""
    storage = tensor._storage
    if storage is None:
        layout, extra = tensor._layout, tensor._extra
        storage = _new(Storage if extra is None or "inference" not in extra else InferenceStorage)
        storage.array = tensor._array
        storage.layout = layout._dense or layout.dense
        kind = layout.device.type
        storage.backend = backend = _ready.get(kind) or registry.get(kind)
        storage.version = 0
        storage.peers = None if backend.mutable else weakref.WeakValueDictionary({id(tensor): tensor})
        storage.origin = None
        tensor._storage = storage
    return storage


def strided_indices(layout: Layout, offset: int) -> Any:
    """Flat storage indices (int64, host) of a view's elements, for backends without strided views."""
    import numpy as np

    indices = np.full((1,) * len(layout.shape), offset, np.int64)
    for d, (size, stride) in enumerate(zip(layout.shape, layout.strides, strict=True)):
        shape = [1] * len(layout.shape)
        shape[d] = size
        indices = indices + (np.arange(size, dtype=np.int64) * stride).reshape(shape)
    return indices.reshape(layout.shape)


def realize(storage: Storage, layout: Layout, offset: int) -> Any:
    """The backend's array for a view of a storage."""
    backend = storage.backend
    array = storage.array
    if layout.dtype is not storage.layout.dtype:
        size = storage.layout.numel * storage.layout.dtype.itemsize // layout.dtype.itemsize
        array = backend.bitcast(array, Layout.of((size,), layout.dtype, layout.device))
    if backend.strided:
        return backend.as_strided(array, layout, offset)
    return backend.take(array, strided_indices(layout, offset), layout.dense)


def alias(tensor: Tensor, layout: Layout, offset: int, base: Tensor | None, creation: str | None = None) -> Tensor:
    """A tensor of the same storage with another layout and offset; its node is the caller's business."""
    storage = tensor._storage or storage_of(tensor)
    result: Tensor = _new(Tensor)
    if storage.layout.dtype is layout.dtype and storage.backend.strided:
        result._array = storage.backend.as_strided(storage.array, layout, offset)
    else:
        result._array = realize(storage, layout, offset)
    result._layout = layout
    result._storage = storage
    inference = tensor._extra is not None and "inference" in tensor._extra
    result._view = View(base, offset, 0 if inference else storage.version, creation)
    result._node = result._grad = None
    result._extra = {"inference": True} if inference else None
    if storage.peers is not None:
        storage.peers[id(result)] = result
    return result


def detached(tensor: Tensor) -> Tensor:
    """The same memory and version without history (what ``detach`` returns, and saved outputs are)."""
    storage = tensor._storage or storage_of(tensor)
    result: Tensor = _new(Tensor)
    result._array = tensor._array
    result._layout = tensor._layout
    result._storage = storage
    view = tensor._view
    inference = tensor._extra is not None and "inference" in tensor._extra
    result._view = None if view is None else View(None, view.offset, 0 if inference else storage.version, None)
    result._node = result._grad = None
    result._extra = {"inference": True} if inference else None
    if storage.peers is not None:
        storage.peers[id(result)] = result
    return result


def write_array(dest: Tensor, array: Any) -> None:
    """Write a dense array of the same shape and dtype into a tensor's elements (no version, no history)."""
    backend = backend_of(dest._layout)
    if backend.mutable:
        entry = backend.kernels["copy"]
        entry.function(array, out=dest._array)
        return
    storage = storage_of(dest)
    offset = 0 if dest._view is None else dest._view.offset
    whole = dest._layout.contiguous and offset == 0 and dest._layout.numel == storage.layout.numel
    rebind(storage, backend.assign(storage.array, None if whole else strided_indices(dest._layout, offset), array))


def rebind(storage: Storage, array: Any) -> None:
    """Replace the memory of an immutable backend's storage, and the realized views of all who show it."""
    assert storage.peers is not None
    for peer in list(storage.peers.values()):
        assert peer._storage is not None
        peer._storage.array = array
        peer._array = realize(peer._storage, peer._layout, 0 if peer._view is None else peer._view.offset)
