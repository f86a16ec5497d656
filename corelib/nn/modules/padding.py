"""Padding as modules."""

from __future__ import annotations

from ...tensor import Tensor
from .. import functional as F
from ._by_dims import ByDims

__all__ = [
    "CircularPad1d", "CircularPad2d", "CircularPad3d", "ConstantPad1d", "ConstantPad2d", "ConstantPad3d",
    "ReflectionPad1d", "ReflectionPad2d", "ReflectionPad3d", "ReplicationPad1d", "ReplicationPad2d",
    "ReplicationPad3d", "ZeroPad1d", "ZeroPad2d", "ZeroPad3d",
]  # fmt: skip

Padding = int | tuple[int, ...]


class _Pad(ByDims):
    mode = "constant"
    value: float | None = None

    def __init__(self, padding: Padding) -> None:
        super().__init__()
        self.padding = tuple(padding) if isinstance(padding, (tuple, list)) else (padding,) * (2 * self._dims)

    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        return F.pad(input, self.padding, self.mode, self.value)

    def _check_input_dim(self, input: Tensor) -> None:
        """Whether there are as many dimensions as the mode needs (``F.pad`` says so itself, but for "circular")."""

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ConstantPad(_Pad):
    """Padding with ``value`` of ({sizes}), the last dimensions.

    ``padding`` is one count, or those of (left, right, top, bottom, front, back).
    """

    value: float

    def __init__(self, padding: Padding, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class _ZeroPad:
    """Padding with zeros of ({sizes}), the last dimensions."""

    padding: tuple[int, ...]

    def __init__(self, padding: Padding) -> None:
        super().__init__(padding, 0.0)  # type: ignore[call-arg]

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ReflectionPad(_Pad):
    """Padding of ({sizes}), the last dimensions, with what is mirrored at the edge."""

    mode = "reflect"


class _ReplicationPad(_Pad):
    """Padding of ({sizes}), the last dimensions, with the element at the edge."""

    mode = "replicate"


class _CircularPad(_Pad):
    """Padding of ({sizes}), the last dimensions, with the elements at the other end."""

    mode = "circular"

    def _check_input_dim(self, input: Tensor) -> None:
        n = self._dims
        if input.dim() not in (n + 1, n + 2):
            raise ValueError(f"expected {n + 1}D or {n + 2}D input (got {input.dim()}D input)")


class ConstantPad1d(_ConstantPad, dims=1): ...


class ConstantPad2d(_ConstantPad, dims=2): ...


class ConstantPad3d(_ConstantPad, dims=3): ...


class ZeroPad1d(_ZeroPad, ConstantPad1d, dims=1): ...


class ZeroPad2d(_ZeroPad, ConstantPad2d, dims=2): ...


class ZeroPad3d(_ZeroPad, ConstantPad3d, dims=3): ...


class ReflectionPad1d(_ReflectionPad, dims=1): ...


class ReflectionPad2d(_ReflectionPad, dims=2): ...


class ReflectionPad3d(_ReflectionPad, dims=3): ...


class ReplicationPad1d(_ReplicationPad, dims=1): ...


class ReplicationPad2d(_ReplicationPad, dims=2): ...


class ReplicationPad3d(_ReplicationPad, dims=3): ...


class CircularPad1d(_CircularPad, dims=1): ...


class CircularPad2d(_CircularPad, dims=2): ...


class CircularPad3d(_CircularPad, dims=3): ...
