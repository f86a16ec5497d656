"""Scales and shifts, as normalizations have them."""

from __future__ import annotations

from typing import Any

from ...creation import empty
from .. import init
from ..parameter import Parameter
from .module import Module

__all__ = ["Affine"]


class Affine(Module):
    """A module with ``weight`` and ``bias``, of one shape, or None."""

    weight: Parameter | None
    bias: Parameter | None

    def _make(self, shape: Any, weight: bool, bias: bool, device: Any, dtype: Any) -> None:
        for name, there in (("weight", weight), ("bias", weight and bias)):
            self.register_parameter(name, Parameter(empty(shape, device=device, dtype=dtype)) if there else None)

    def reset_parameters(self) -> None:
        """Weight 1, bias 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)
