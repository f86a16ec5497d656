"""Philox-4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers, as easy as 1, 2, 3; 2011)."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from corelib.backend.base import kernel
from corelib.dtypes import int64

from .context import quiet
from .elementwise import Array

_MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL = 0x9E3779B9, 0xBB67AE85
_TILE = 4096  # blocks computed at once: all temporaries stay in the second-level cache
_LOW, _HIGH = (0, 1) if sys.byteorder == "little" else (1, 0)


def _tile(key: tuple[int, int], first: int, count: int) -> Array:
    """Blocks ``first`` to ``first + count`` of the stream: uint32 of shape [count, 4]."""
    numbers = np.arange(count, dtype=np.uint64) + np.uint64(first & 0xFFFFFFFFFFFFFFFF)
    x0 = numbers & np.uint64(0xFFFFFFFF)
    x1 = numbers >> np.uint64(32)
    x2, x3 = np.zeros(count, np.uint64), np.zeros(count, np.uint64)
    k0, k1 = key
    low, shift = np.uint64(0xFFFFFFFF), np.uint64(32)
    for _ in range(10):
        p0, p1 = x0 * _MULTIPLIERS[0], x2 * _MULTIPLIERS[1]
        x0 = (p1 >> shift) ^ x1 ^ np.uint64(k0)
        x2 = (p0 >> shift) ^ x3 ^ np.uint64(k1)
        x1, x3 = p1 & low, p0 & low
        k0, k1 = (k0 + _WEYL[0]) & 0xFFFFFFFF, (k1 + _WEYL[1]) & 0xFFFFFFFF
    return np.stack((x0, x1, x2, x3), axis=1)


@kernel("random_bits", dtypes=(int64,))
@quiet
def random_bits(seed: int, offset: int, layout: Any) -> Array:
    """Element i is word ``i % 4`` of block ``offset + i // 4``, in [0, 2**32), as int64."""
    key = seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF
    blocks = -(-layout.numel // 4)
    out = np.empty(4 * blocks, np.uint64)
    for first in range(0, blocks, _TILE):
        count = min(_TILE, blocks - first)
        out[4 * first : 4 * (first + count)] = _tile(key, offset + first, count).reshape(-1)
    return out[: layout.numel].view(np.int64).reshape(layout.shape)
