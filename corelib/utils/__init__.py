"""Utilities around training: data, hooks, checkpointing of activations (TensorBoard and others by import)."""

from . import checkpoint, data, dlpack, hooks

__all__ = ["checkpoint", "data", "dlpack", "hooks"]
