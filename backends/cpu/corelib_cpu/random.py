"""Philox-4x32-10 in tiles, so that its twenty temporaries a round stay in cache."""

from __future__ import annotations

import numpy as np

from corelib.backend.array_functions import philox
from corelib.backend.base import kernel
from corelib.dtypes import int64
from corelib.layout import Layout

from .context import quiet
from .elementwise import Array

_TILE = 4096  # blocks


@kernel("random_bits", dtypes=(int64,))
@quiet
def random_bits(seed: int, offset: int, layout: Layout) -> Array:
    """Element i is word ``i % 4`` of block ``offset + i // 4``, in [0, 2**32), as int64."""
    blocks = -(-layout.numel // 4)
    words = np.empty((blocks, 4), np.uint64)
    for first in range(0, blocks, _TILE):
        count = min(_TILE, blocks - first)
        words[first : first + count] = philox(np, seed, offset + first, count)
    return words.reshape(-1)[: layout.numel].view(np.int64).reshape(layout.shape)
