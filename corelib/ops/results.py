"""Named results of operations that return several tensors, as PyTorch's ``torch.return_types``."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, Protocol, Self, TypeVar, overload

from ..core.inplace import check_writable, write_result
from ..core.node import has_history
from ..core.tensor import TENSORS, Tensor
from ..state import local

__all__ = ["ValuesIndices", "accepts_out", "values_indices"]

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)


class WithOut(Protocol[P, R_co]):
    """A function that takes ``out=`` besides its own arguments."""

    __name__: str

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...
    @overload
    def __call__(self, *args: Any, out: Any, **kwargs: Any) -> R_co: ...


def accepts_out(function: Callable[P, R_co]) -> WithOut[P, R_co]:
    """Give an operation said in others the argument ``out``: what was computed is written into it.

    ``out`` is a tensor, or a tuple of as many as there are results.  As in PyTorch no gradient passes: RuntimeError
    where one of the arguments wants one.
    """
    name = function.__name__
    signature = inspect.signature(function)

    @wraps(function)
    def with_out(*args: Any, out: Any = None, **kwargs: Any) -> Any:
        if out is None:
            return function(*args, **kwargs)
        given = [x for x in (*args, *kwargs.values()) if x.__class__ in TENSORS]
        outs = out if isinstance(out, tuple) else (out,)
        _without_history(name, outs)
        for x in outs:
            if x.__class__ in TENSORS:
                check_writable(x, *given)
        result: Any = function(*args, **kwargs)
        _without_history(name, result if isinstance(result, tuple) else (result,))
        if not isinstance(result, tuple):
            return write_result(out, result, name)
        if len(outs) != len(result):
            raise TypeError(f"{name}(): argument 'out' must be tuple of {len(result)} Tensors, not {len(outs)}")
        written = [write_result(o, r, name) for o, r in zip(outs, result, strict=True)]
        return tuple(written) if type(result) is tuple else type(result)(*written)

    parameters = list(signature.parameters.values())
    place = next((i for i, p in enumerate(parameters) if p.kind is p.VAR_KEYWORD), len(parameters))
    parameters.insert(place, inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY, default=None, annotation="Any"))
    with_out.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return with_out


def _without_history(name: str, tensors: tuple[Any, ...]) -> None:
    if local.grad and any([has_history(x) for x in tensors if x.__class__ in TENSORS]):
        raise RuntimeError(
            f"{name}(): functions with out=... arguments don't support automatic differentiation, "
            "but one of the arguments requires grad."
        )


class ValuesIndices(tuple[Tensor, Tensor]):
    """``(values, indices)``, by position and by name."""

    __slots__ = ()
    operation = ""

    def __new__(cls, values: Tensor, indices: Tensor) -> Self:
        return tuple.__new__(cls, (values, indices))

    @property
    def values(self) -> Tensor:
        return self[0]

    @property
    def indices(self) -> Tensor:
        return self[1]

    def __repr__(self) -> str:
        return f"torch.return_types.{self.operation}(\nvalues={self[0]!r},\nindices={self[1]!r})"


def values_indices(operation: str) -> type[ValuesIndices]:
    """The result type of an operation, which its name shows in."""
    return type(
        operation, (ValuesIndices,), {"__slots__": (), "operation": operation, "__module__": "corelib.return_types"}
    )
