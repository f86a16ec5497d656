"""Generators: the counter of a Philox stream, one default per device type; seeding.

The stream is Philox-4x32-10 with the seed as key.  A draw of n words takes the next ceil(n/4) counter
blocks, whatever the layout or device, so that one seed gives the same bits everywhere.  PyTorch's own
stream is not reproduced.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

from ..device import Device
from .late import late

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["Generator", "default_generator"]


class Generator:
    """A random stream: a 64-bit seed and the number of counter blocks drawn."""

    def __init__(self, device: Any = "cpu") -> None:
        self.device = Device(device)
        self._seed = 67280421310721  # PyTorch's default seed
        self._offset = 0
        self._lock = threading.Lock()

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream of this seed."""
        if not isinstance(seed, int):
            raise TypeError(f"manual_seed expected a long, but got {type(seed).__name__}")
        if not -(1 << 63) <= seed < (1 << 64):
            raise RuntimeError("Overflow when unpacking long: seed must be in [-2**63, 2**64)")
        self._seed = seed & ((1 << 64) - 1)
        self._offset = 0
        return self

    def seed(self) -> int:
        """Seed from the operating system, and say with what."""
        value = int.from_bytes(os.urandom(8), "little") >> 1
        self.manual_seed(value)
        return value

    def initial_seed(self) -> int:
        """The seed of the stream."""
        return self._seed

    def _draw(self, words: int) -> tuple[int, int]:
        """(seed, first block) of the next ``words`` random words."""
        with self._lock:  # no two threads may get the same words
            offset = self._offset
            self._offset = offset + (words + 3) // 4
            return self._seed, offset

    def get_state(self) -> Tensor:
        """Seed and offset as a CPU uint8 tensor of 16 bytes."""
        import numpy as np

        raw = self._seed.to_bytes(8, "little") + self._offset.to_bytes(8, "little")
        return late.tensor(np.frombuffer(raw, np.uint8).copy(), device="cpu")

    def set_state(self, new_state: Tensor) -> Generator:
        """Continue from what ``get_state`` gave."""
        raw = bytes(new_state.tolist())
        if len(raw) != 16:
            raise RuntimeError(f"RNG state is wrong size: 16 bytes expected, got {len(raw)}")
        self._seed, self._offset = int.from_bytes(raw[:8], "little"), int.from_bytes(raw[8:], "little")
        return self

    def __repr__(self) -> str:
        return f"<corelib.Generator on {self.device}, seed {self._seed}, block {self._offset}>"


default_generator = Generator()
"""The stream of every draw that is given none.  One for all devices: the same seed, the same numbers."""
