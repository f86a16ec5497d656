"""Tensor's operators, methods and properties, bound from the definitions in ``corelib.ops``."""

from ..core.tensor import Tensor
from . import dlpack, inplace, methods, operators, properties, queries, storage  # noqa: F401  (each binds its part)

__all__ = ["Tensor"]
