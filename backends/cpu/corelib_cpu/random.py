"""Philox-4x32-10 in tiles, so that its temporaries stay in cache; and dropout, which uses the words tile by tile."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from corelib.backend.array_module import FLOATS
from corelib.backend.base import kernel
from corelib.dtypes import int64
from corelib.layout import Layout

from .context import quiet
from .elementwise import Array, wide

_TILE = 16384  # blocks of four words
_MULTIPLIERS = np.array([[0xD2511F53], [0xCD9E8D57]], np.uint64)
_WEYL = 0x9E3779B9, 0xBB67AE85
_WORD = 0xFFFFFFFF


def _keys(seed: int) -> list[Array]:
    """What is mixed in, a pair for each of the ten rounds."""
    low, high = seed & _WORD, (seed >> 32) & _WORD
    return [np.array([[(low + i * _WEYL[0]) & _WORD], [(high + i * _WEYL[1]) & _WORD]], np.uint64) for i in range(10)]


def _words(seed: int, first: int, blocks: int) -> Iterator[tuple[slice, Array]]:
    """Blocks ``first`` to ``first + blocks`` of the stream: slices of the blocks, with their words [count, 4].

    The same array comes again and again with other words.  Words 0 and 2 of a block are the two rows of
    ``even``, which are multiplied, words 1 and 3 those of ``odd``.
    """
    keys = _keys(seed)
    size = min(_TILE, blocks)
    even, odd, products = (np.empty((2, size), np.uint64) for _ in range(3))
    words = np.empty((size, 4), np.uint64)
    word, half = np.uint64(_WORD), np.uint64(32)
    for start in range(0, blocks, _TILE):
        count = min(_TILE, blocks - start)
        if count < size:
            even, odd, products, words = even[:, :count], odd[:, :count], products[:, :count], words[:count]
        number = np.arange(count, dtype=np.uint64)
        np.add(number, np.uint64((first + start) & 0xFFFFFFFFFFFFFFFF), out=number)
        np.bitwise_and(number, word, out=even[0])
        np.right_shift(number, half, out=odd[0])
        even[1], odd[1] = 0, 0
        for key in keys:
            np.multiply(even, _MULTIPLIERS, out=products)
            crossed = products[::-1]
            np.right_shift(crossed, half, out=even)
            np.bitwise_xor(even, odd, out=even)
            np.bitwise_xor(even, key, out=even)
            np.bitwise_and(crossed, word, out=odd)
        words[:, 0::2], words[:, 1::2] = even.T, odd.T
        yield slice(start, start + count), words


@kernel("random_bits", dtypes=(int64,))
@quiet
def random_bits(seed: int, offset: int, layout: Layout) -> Array:
    """Element i is word ``i % 4`` of block ``offset + i // 4``, in [0, 2**32), as int64."""
    blocks = -(-layout.numel // 4)
    result = np.empty((blocks, 4), np.uint64)
    for part, words in _words(seed, offset, blocks):
        result[part] = words
    return result.reshape(-1)[: layout.numel].view(np.int64).reshape(layout.shape)


@kernel("dropout", dtypes=FLOATS)
@quiet
def dropout(seed: int, offset: int, x: Array, p: float) -> tuple[Array, Array]:
    """x with elements zeroed with probability p, the others divided by 1 - p; and which were kept.

    An element is kept where its uniform, the 24 high bits of its word, is less than the float32 nearest to 1 - p.
    """
    limit = np.uint64(math.ceil(float(np.float32(1.0 - p)) * (1 << 24)) << 8)
    source = wide(np.ascontiguousarray(x)).reshape(-1)
    scale = source.dtype.type(1.0 / (1.0 - p) if p < 1 else 0.0)
    mask, result = np.empty(source.size, np.bool_), np.empty_like(source)
    for part, words in _words(seed, offset, -(-source.size // 4)):
        here = slice(4 * part.start, min(4 * part.stop, source.size))
        kept, out = mask[here], result[here]
        np.less(words.reshape(-1)[: kept.size], limit, out=kept)
        np.multiply(kept, scale, out=out)
        np.multiply(out, source[here], out=out)
    return result.reshape(x.shape).astype(x.dtype, copy=False), mask.reshape(x.shape)
