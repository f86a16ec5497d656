"""Utilities around training: ``corelib.utils.data`` and ``corelib.utils.hooks``."""

from . import data, hooks

__all__ = ["data", "hooks"]
