"""``corelib.<function>`` for every operation, by each of its names (type checkers read the generated stub)."""

from __future__ import annotations

from .ops import FAMILIES
from .ops.families import functions

FUNCTIONS = functions(FAMILIES)
globals().update(FUNCTIONS)
__all__ = sorted(FUNCTIONS)
