"""Modules of one, two and three dimensions from one class."""

from __future__ import annotations

from typing import Any, ClassVar

from .. import functional as F
from .._dimensions import for_dims
from .module import Module

__all__ = ["ByDims"]


class ByDims(Module):
    """What such classes share: a subclass names its ``dims``, and has the documentation of its base, filled in.

    ``_function`` is the function of ``nn.functional`` for as many dimensions, where its name (with "nd") is given.
    """

    _dims: ClassVar[int]
    _function: ClassVar[Any]
    _name: ClassVar[str] = ""

    def __init_subclass__(cls, dims: int = 0, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if dims:
            cls._dims = dims
            base = next(c for c in cls.__mro__ if c.__doc__)
            cls.__doc__ = for_dims(base.__doc__, dims)
            if cls._name:
                cls._function = staticmethod(getattr(F, cls._name.replace("nd", f"{dims}d")))
