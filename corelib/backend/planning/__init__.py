"""How rendered kernels are called: sizes, strides and units of work from layouts, kept for the next time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from ...codegen.lowering import (
    Elementwise,
    Gather,
    Indexed,
    Lowering,
    Reduction,
    Rowwise,
    Scan,
    Scatter,
    Template,
    Update,
)
from .convolution import CONVOLUTIONS
from .elementwise import ElementwiseCall, indexed
from .lines import gather, scan, scatter
from .pooling import POOLS
from .reduction import reduction
from .rowwise import RowwiseCall
from .tables import TABLES
from .templates import TEMPLATES
from .update import update

if TYPE_CHECKING:
    from ..codegen_backend import CodegenBackend

__all__ = ["planner"]


def planner(backend: CodegenBackend, name: str, lowering: Lowering) -> tuple[Callable[..., Any], bool]:
    """The kernel function of a primitive for a :class:`CodegenBackend`, and whether it takes ``out=``."""
    if isinstance(lowering, Elementwise):
        return ElementwiseCall(backend, name, lowering), True
    if isinstance(lowering, Indexed):
        return partial(indexed, backend, name, lowering), False
    if isinstance(lowering, Reduction):
        return partial(reduction, backend, name, lowering), False
    if isinstance(lowering, Scan):
        return partial(scan, backend, name, lowering), False
    if isinstance(lowering, Gather):
        return partial(gather, backend), False
    if isinstance(lowering, Scatter):
        return partial(scatter, backend, name, lowering), False
    if isinstance(lowering, Rowwise):
        return RowwiseCall(backend, name, lowering), False
    if isinstance(lowering, Update):
        return partial(update, backend, name, lowering), False
    assert isinstance(lowering, Template)
    return partial(_WRITTEN[lowering.name], backend), False


_WRITTEN = {**TEMPLATES, **CONVOLUTIONS, **POOLS, **TABLES}
