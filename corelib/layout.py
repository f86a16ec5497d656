"""Layout: shape, strides, dtype and device of a tensor, interned.

Layouts are what rules and the plan cache work on.  They are immutable and (up to a bounded cache)
unique, so that ``a._layout is b._layout`` answers "same shape, strides, dtype and device" at once.
The storage offset is *not* part of a layout: it would make every row of a matrix a different one.
"""

from __future__ import annotations

from math import prod
from typing import Any, ClassVar, SupportsIndex, overload

from .device import Device
from .dtypes import dtype as DType

__all__ = ["Layout", "Size", "contiguous_strides"]

_LIMIT = 1 << 16  # interned layouts kept; then the cache is emptied (identity is only an optimization)


class Size(tuple[int, ...]):
    """A shape; prints as PyTorch's ``torch.Size``."""

    __slots__ = ()

    def numel(self) -> int:
        """Number of elements of a tensor of this shape."""
        return prod(self)

    def __repr__(self) -> str:
        return f"torch.Size([{', '.join(map(str, self))}])"

    @overload
    def __getitem__(self, item: SupportsIndex) -> int: ...
    @overload
    def __getitem__(self, item: slice) -> Size: ...
    def __getitem__(self, item: Any) -> Any:
        got = tuple.__getitem__(self, item)
        return Size(got) if isinstance(item, slice) else got

    def __add__(self, other: Any) -> Size:
        return Size(tuple.__add__(self, tuple(other)))


def contiguous_strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Strides, in elements, of a dense row-major tensor; as in PyTorch a size 0 counts as 1."""
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= size if size > 1 else 1
    return tuple(reversed(strides))


class Layout:
    """Shape, strides (in elements), dtype and device.

    Attributes:
        shape: sizes, a :class:`Size`.
        strides: in elements, one per dimension; 0 where the dimension is broadcast.
        dtype, device: as of the tensor; ``device.index`` may be None (meaning 0).
        numel: number of elements.
        contiguous: whether it is dense and row-major (sizes 0 and 1 put no constraint on strides).
        dense: the contiguous layout of the same shape, dtype and device (itself, where contiguous).
        byte_strides: strides in bytes.
    """

    __slots__ = ("_dense", "byte_strides", "contiguous", "device", "dtype", "numel", "shape", "strides")
    _interned: ClassVar[dict[Any, Layout]] = {}

    shape: Size
    strides: tuple[int, ...]
    dtype: DType
    device: Device
    numel: int
    contiguous: bool
    byte_strides: tuple[int, ...]
    _dense: Layout | None

    @classmethod
    def of(cls, shape: tuple[int, ...], dtype: DType, device: Device, strides: tuple[int, ...] | None = None) -> Layout:
        """The layout with these properties; contiguous where no strides are given."""
        key = (shape, dtype, device, strides)
        found = cls._interned.get(key)
        if found is not None:
            return found
        dense = contiguous_strides(shape)
        if strides is None:
            return cls._intern(key, shape, dtype, device, dense, True)
        contiguous = (
            strides == dense
            or 0 in shape
            or all(s == d for s, d, size in zip(strides, dense, shape, strict=True) if size != 1)
        )
        if strides == dense:  # one object for both ways of asking
            found = cls.of(shape, dtype, device)
            cls._interned[key] = found
            return found
        return cls._intern(key, shape, dtype, device, strides, contiguous)

    @classmethod
    def _intern(
        cls, key: Any, shape: tuple[int, ...], dtype: DType, device: Device, strides: tuple[int, ...], contiguous: bool
    ) -> Layout:
        self = object.__new__(cls)
        # An equal key may be spelled True or np.int64(1), and what is stored here serves all who ask later.
        self.shape = Size(map(int, shape))
        self.strides = tuple(map(int, strides))
        self.dtype = dtype
        self.device = device
        self.numel = prod(self.shape)
        self.contiguous = contiguous
        self.byte_strides = tuple([s * dtype.itemsize for s in self.strides])
        self._dense = None
        if len(cls._interned) >= _LIMIT:
            cls._interned.clear()
        return cls._interned.setdefault(key, self)

    @property
    def dense(self) -> Layout:
        """The layout of a fresh result of the same shape, dtype and device."""
        if self._dense is None:
            self._dense = Layout.of(self.shape, self.dtype, self.device)
        return self._dense

    def with_dtype(self, dtype: DType) -> Layout:
        """A fresh result of the same shape and device and another dtype."""
        return Layout.of(self.shape, dtype, self.device)

    def with_shape(self, shape: tuple[int, ...]) -> Layout:
        """A fresh result of the same dtype and device and another shape."""
        return Layout.of(shape, self.dtype, self.device)

    @property
    def extent(self) -> int:
        """Elements of storage between the first and the last element, inclusive; 0 for an empty tensor."""
        if self.numel == 0:
            return 0
        return 1 + sum((size - 1) * stride for size, stride in zip(self.shape, self.strides, strict=True))

    def __repr__(self) -> str:
        return f"Layout({list(self.shape)}, strides={list(self.strides)}, {self.dtype.name}, {self.device})"
