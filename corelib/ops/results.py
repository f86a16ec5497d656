"""Named results of operations that return several tensors, as PyTorch's ``torch.return_types``."""

from __future__ import annotations

from typing import Self

from ..core.tensor import Tensor

__all__ = ["ValuesIndices", "values_indices"]


class ValuesIndices(tuple[Tensor, Tensor]):
    """``(values, indices)``, by position and by name."""

    __slots__ = ()
    operation = ""

    def __new__(cls, values: Tensor, indices: Tensor) -> Self:
        return tuple.__new__(cls, (values, indices))

    @property
    def values(self) -> Tensor:
        return self[0]

    @property
    def indices(self) -> Tensor:
        return self[1]

    def __repr__(self) -> str:
        return f"torch.return_types.{self.operation}(\nvalues={self[0]!r},\nindices={self[1]!r})"


def values_indices(operation: str) -> type[ValuesIndices]:
    """The result type of an operation, which its name shows in."""
    return type(
        operation, (ValuesIndices,), {"__slots__": (), "operation": operation, "__module__": "corelib.return_types"}
    )
