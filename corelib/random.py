"""The default random stream: seeding it, and saving and restoring its state."""

from __future__ import annotations

from .core.generator import Generator, default_generator
from .core.tensor import Tensor

__all__ = ["Generator", "default_generator", "get_rng_state", "initial_seed", "manual_seed", "seed", "set_rng_state"]


def manual_seed(seed: int) -> Generator:
    """Seed the default stream."""
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Seed the default stream from the operating system."""
    return default_generator.seed()


def initial_seed() -> int:
    """The default stream's seed."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """The default stream's state."""
    return default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Continue the default stream from a state."""
    default_generator.set_state(new_state)
