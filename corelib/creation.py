"""Tensors from nothing or from data (defined beside the other operations, in ``corelib.ops``)."""

from .ops import creation as _creation
from .ops.creation import *  # noqa: F403
from .ops.random import rand, rand_like, randint, randn, randn_like, randperm

__all__ = [*_creation.__all__, "rand", "rand_like", "randint", "randn", "randn_like", "randperm"]
