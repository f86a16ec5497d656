"""Modules from functions: applied with what the module was made with, and of one, two and three dimensions."""

from __future__ import annotations

from inspect import CO_VARARGS
from typing import Any, ClassVar

from ...tensor import Tensor
from .. import functional as F
from .._dimensions import for_dims
from .module import Module

__all__ = ["Applied", "ByDims"]


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


class Applied(Module):
    """``_function`` of the input and of what ``__init__`` takes, which is kept by these names and shown.

    The class that gives ``_function`` has, or inherits, that ``__init__``; those derived from it are free.
    """

    _function: ClassVar[Any]
    _shown: ClassVar[bool] = True
    _arguments: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        code = cls.__init__.__code__
        if "_function" in vars(cls) and "_arguments" not in vars(cls) and not code.co_flags & CO_VARARGS:
            cls._arguments = code.co_varnames[1 : code.co_argcount]

    def __init__(self, *values: Any) -> None:
        super().__init__()
        for name, value in zip(self._arguments, values, strict=True):
            setattr(self, name, value)

    def forward(self, input: Tensor) -> Any:
        return self._function(input, *[getattr(self, name) for name in self._arguments])

    def extra_repr(self) -> str:
        said = [f"{n}={getattr(self, n)!r}" for n in self._arguments if self._shown and n != "inplace"]
        return ", ".join([*said, "inplace=True"] if self._shown and getattr(self, "inplace", False) else said)
