"""``torch.layout`` and ``torch.memory_format``: the objects that say how a tensor lies in memory."""

from __future__ import annotations

__all__ = [
    "channels_last", "channels_last_3d", "contiguous_format", "layout", "memory_format", "preserve_format", "strided",
]  # fmt: skip


class _Constant:
    """A named constant: one object a name, which prints as PyTorch prints it and survives copying and pickling."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name


class layout(_Constant):
    """How elements are stored; there is only ``strided``."""

    __slots__ = ()


class memory_format(_Constant):
    """The order of dimensions in memory that is asked for; results are row-major whatever it says."""

    __slots__ = ()


strided = layout("strided")
contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last")
channels_last_3d = memory_format("channels_last_3d")
