"""Convolution and linear maps."""

from __future__ import annotations

from ... import ops

__all__ = ["conv1d", "conv2d", "linear"]

linear = ops.linear
conv1d = ops.conv1d
conv2d = ops.conv2d
