"""Functions of upper layers that lower ones call, pushed down here when the upper layer is imported."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..ops.primitive import Operation
    from .tensor import Tensor

__all__ = ["late"]


class _Late:
    # from ops
    cast: Callable[..., Tensor]
    copy: Operation[[Tensor], Tensor]
    tensor: Callable[..., Tensor]
    as_strided_grad: Callable[..., Tensor]
    geometry_of: Callable[..., Tensor]
    in_geometry: Callable[..., Tensor]
    # from dispatch
    call: Callable[..., Any]
    # from autograd
    grad: Callable[..., Any]
    function: Any  # the class Function


late = _Late()
