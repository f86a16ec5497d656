"""Functions of upper layers that lower ones call, pushed down here when the upper layer is imported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["late"]


class _Late:
    # from ops
    cast: Callable[..., Any]
    copy: Callable[..., Any]
    tensor: Callable[..., Any]
    as_strided_grad: Callable[..., Any]
    geometry_of: Callable[..., Any]
    in_geometry: Callable[..., Any]
    # from autograd
    grad: Callable[..., Any]


late = _Late()
