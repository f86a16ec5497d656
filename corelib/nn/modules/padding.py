"""Padding as modules."""

from __future__ import annotations

from ...tensor import Tensor
from .. import functional as F
from .module import Module

__all__ = [
    "CircularPad1d", "CircularPad2d", "CircularPad3d", "ConstantPad1d", "ConstantPad2d", "ConstantPad3d",
    "ReflectionPad1d", "ReflectionPad2d", "ReflectionPad3d", "ReplicationPad1d", "ReplicationPad2d",
    "ReplicationPad3d", "ZeroPad1d", "ZeroPad2d", "ZeroPad3d",
]  # fmt: skip

Padding = int | tuple[int, ...]


def _counts(padding: Padding, dims: int) -> tuple[int, ...]:
    """One count for all sides, or those of each: twice the number of dimensions."""
    return tuple(padding) if isinstance(padding, (tuple, list)) else (padding,) * (2 * dims)


class _Pad(Module):
    """Padding of the last ``dims`` dimensions: ``padding`` is one count, or (left, right, top, bottom, front, back)."""

    dims = 1
    mode = "constant"
    value: float | None = None

    def __init__(self, padding: Padding) -> None:
        super().__init__()
        self.padding = _counts(padding, self.dims)

    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        return F.pad(input, self.padding, self.mode, self.value)

    def _check_input_dim(self, input: Tensor) -> None:
        """Whether there are as many dimensions as the mode needs (``F.pad`` says so itself, but for "circular")."""

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ConstantPad(_Pad):
    """Padding with ``value``."""

    value: float

    def __init__(self, padding: Padding, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class _CircularPad(_Pad):
    mode = "circular"

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() not in (self.dims + 1, self.dims + 2):
            raise ValueError(f"expected {self.dims + 1}D or {self.dims + 2}D input (got {input.dim()}D input)")


class ConstantPad1d(_ConstantPad):
    """Padding of the last dimension with ``value``."""

    dims = 1


class ConstantPad2d(_ConstantPad):
    """Padding of the last 2 dimensions with ``value``."""

    dims = 2


class ConstantPad3d(_ConstantPad):
    """Padding of the last 3 dimensions with ``value``."""

    dims = 3


class ZeroPad1d(ConstantPad1d):
    """Padding of the last dimension with zeros."""

    def __init__(self, padding: Padding) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad2d(ConstantPad2d):
    """Padding of the last 2 dimensions with zeros."""

    def __init__(self, padding: Padding) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad3d(ConstantPad3d):
    """Padding of the last 3 dimensions with zeros."""

    def __init__(self, padding: Padding) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ReflectionPad1d(_Pad):
    """Padding of the last dimension with what is mirrored at the edge."""

    dims = 1
    mode = "reflect"


class ReflectionPad2d(_Pad):
    """Padding of the last 2 dimensions with what is mirrored at the edge."""

    dims = 2
    mode = "reflect"


class ReflectionPad3d(_Pad):
    """Padding of the last 3 dimensions with what is mirrored at the edge."""

    dims = 3
    mode = "reflect"


class ReplicationPad1d(_Pad):
    """Padding of the last dimension with the element at the edge."""

    dims = 1
    mode = "replicate"


class ReplicationPad2d(_Pad):
    """Padding of the last 2 dimensions with the element at the edge."""

    dims = 2
    mode = "replicate"


class ReplicationPad3d(_Pad):
    """Padding of the last 3 dimensions with the element at the edge."""

    dims = 3
    mode = "replicate"


class CircularPad1d(_CircularPad):
    """Padding of the last dimension with the elements at the other end."""

    dims = 1


class CircularPad2d(_CircularPad):
    """Padding of the last 2 dimensions with the elements at the other end."""

    dims = 2


class CircularPad3d(_CircularPad):
    """Padding of the last 3 dimensions with the elements at the other end."""

    dims = 3
