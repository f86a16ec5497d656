"""Attention."""

from __future__ import annotations

from ... import ops

__all__ = ["scaled_dot_product_attention"]

scaled_dot_product_attention = ops.scaled_dot_product_attention
