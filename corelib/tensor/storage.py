"""Storage objects: a tensor's memory as bytes or elements, to look at; it cannot be resized or replaced."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

import numpy as np

from ..core.tensor import Storage, Tensor, backend_of, storage_of
from ..device import Device
from ..dtypes import dtype as dtype_class
from ..dtypes import uint8
from .binding import method

__all__ = ["TypedStorage", "UntypedStorage", "is_storage"]


class UntypedStorage:
    """The bytes of the memory that a tensor and its views share.  Equal where the memory is the same."""

    dtype: dtype_class = uint8

    def __init__(self, cell: Storage) -> None:
        self._cell = cell.origin or cell

    @property
    def device(self) -> Device:
        """Where it is."""
        return self._cell.layout.device

    @property
    def is_cuda(self) -> bool:
        return self.device.type == "cuda"

    def nbytes(self) -> int:
        """Bytes of all elements, in view or not."""
        return self._cell.layout.numel * self._cell.layout.dtype.itemsize

    def element_size(self) -> int:
        """Bytes per element."""
        return self.dtype.itemsize

    def size(self) -> int:
        """Number of elements: of bytes, in an untyped one."""
        return self.nbytes() // self.element_size()

    __len__ = size

    def data_ptr(self) -> int:
        """An address, the same for all that shows this memory."""
        return _address(self._cell.array)

    def is_shared(self) -> bool:
        """False: memory is not shared between processes."""
        return False

    def is_pinned(self, device: Any = None) -> bool:
        """False: no backend pins host memory."""
        return False

    def resizable(self) -> bool:
        """False: the backend made it as large as it is."""
        return False

    def resize_(self, size: int) -> NoReturn:
        """RuntimeError: tensors are resized (``Tensor.resize_``), storages are not."""
        raise RuntimeError("Trying to resize storage that is not resizable: use Tensor.resize_, which takes new memory")

    def tolist(self) -> list[Any]:
        """The elements as Python numbers."""
        layout = self._cell.layout
        host = backend_of(layout).download(self._cell.array, layout).reshape(-1)
        host = host.view(np.uint8) if self.dtype is uint8 else host
        return host.astype(np.float32).tolist() if self.dtype.name == "bfloat16" else host.tolist()

    def __getitem__(self, index: int | slice) -> Any:
        return self.tolist()[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.tolist())

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._cell is self._cell

    def __hash__(self) -> int:
        return hash((type(self), id(self._cell)))

    def __repr__(self) -> str:
        values = "".join(f" {x}\n" for x in self.tolist())
        return f"{values}[torch.storage.{type(self).__name__}(device={self.device}) of size {self.size()}]"


class TypedStorage(UntypedStorage):
    """The same memory as elements of the dtype that it was made with."""

    def __init__(self, cell: Storage) -> None:
        super().__init__(cell)
        self.dtype = self._cell.layout.dtype

    def untyped(self) -> UntypedStorage:
        """As bytes."""
        return UntypedStorage(self._cell)


def _address(array: Any) -> int:
    return array.__array_interface__["data"][0] if isinstance(array, np.ndarray) else id(array)


def is_storage(obj: Any) -> bool:
    """Whether it is a storage object."""
    return isinstance(obj, UntypedStorage)


@method
def untyped_storage(self: Tensor) -> UntypedStorage:
    """The bytes of the memory that this tensor shows."""
    return UntypedStorage(storage_of(self))


@method
def storage(self: Tensor) -> TypedStorage:
    """The elements of the memory that this tensor shows."""
    return TypedStorage(storage_of(self))


@method
def share_memory_(self: Tensor) -> NoReturn:
    """NotImplementedError: a tensor's memory belongs to its backend, and other processes get copies of it."""
    raise NotImplementedError(
        "share_memory_(): the memory of a tensor is not shared between processes; send tensors, which are copied, or "
        "share a NumPy array over multiprocessing.shared_memory and take it with from_numpy"
    )
