"""``corelib.<function>`` for every operation, by each of its names (type checkers read the generated stub)."""

from __future__ import annotations

from .ops import FAMILIES
from .ops.families import functions

_FUNCTIONS = functions(FAMILIES)
globals().update(_FUNCTIONS)
__all__ = sorted(_FUNCTIONS)
