"""Tensor's operators, methods and properties, bound from the definitions in ``corelib.ops``."""

from ..core.tensor import Tensor
from ..ops.numpy_names import NAMED, numpy_names
from . import dlpack, inplace, methods, operators, properties, queries  # noqa: F401  (each binds its part)

__all__ = ["Tensor"]

for _name in NAMED:
    if hasattr(Tensor, _name):
        setattr(Tensor, _name, numpy_names(getattr(Tensor, _name)))
