"""What users meet: functions that also take NumPy's names, and refuse arguments of the wrong kind in PyTorch's words.

A generated function does both itself; any other is shown through a wrapper, which looks at its arguments only after it
has raised.  Calls within the library go to the functions themselves where they were imported before.
"""

from __future__ import annotations

import copy
import inspect
import sys
from collections.abc import Callable, Iterable
from functools import cache, update_wrapper
from types import FunctionType
from typing import Any

from ..core import dispatch
from ..core.tensor import NUMBERS, TENSORS
from . import rules
from .generate import NUMPY_NAMES, _generate
from .kernel_names import KERNELS
from .placement import FACTORIES, made
from .results import accepts_out

__all__ = ["refuse", "show", "shown", "strict"]

OPERANDS = {"x": "input", "a": "input", "x1": "input", "x2": "other"}  # as in the array API standard
_OUT = """argmax argmin bernoulli conj_physical eye fft_fftfreq fft_rfftfreq geqrf linalg_cholesky_ex linalg_cond
linalg_det linalg_eig linalg_eigh linalg_eigvals linalg_eigvalsh linalg_householder_product linalg_inv_ex
linalg_lu linalg_lu_factor linalg_lu_factor_ex linalg_matrix_norm linalg_matrix_rank linalg_norm
linalg_pinv linalg_qr linalg_slogdet linalg_solve_ex linalg_svd linalg_svdvals linalg_tensorinv
linalg_tensorsolve linalg_vector_norm linspace lu_unpack narrow_copy normal ormqr qr randperm range std
std_mean svd triangular_solve var var_mean where"""
OUT = frozenset(_OUT.split())
"""Functions that take ``out`` here and not in their own definition."""
SPECIAL = frozenset({*NUMPY_NAMES, *OPERANDS, "layout", "memory_format", "out", "pin_memory", "requires_grad"})

STRICT = {
    **dict.fromkeys(("eq", "ne", "lt", "le", "gt", "ge", "fmod", "max", "min", "rsub"), 1),
    **dict.fromkeys(("atan2", "maximum", "minimum", "ldexp"), 2),
}
"""Primitives of two numbers or tensors that take tensors only from users, so many of the operands from the first."""


def _refusal(annotation: str, value: Any) -> str:
    """What PyTorch wants in the place of a value, or "" where the value will do."""
    tensor = value.__class__ in TENSORS
    if annotation == "Tensor" or (annotation == "Tensor | None" and value is not None):
        return "" if tensor else "Tensor"
    if annotation in ("Sequence[Tensor]", "Tensors"):
        return "" if isinstance(value, (list, tuple)) else "tuple of Tensors"
    if annotation == "Tensor | Number":
        return "" if tensor or value.__class__ in NUMBERS else "Tensor"
    return "" if annotation != "int" or tensor or hasattr(value, "__index__") else "int"


def refuse(function: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any], first: int) -> None:
    """TypeError, as PyTorch says it, where an argument is of a kind that the annotations exclude."""
    signature = inspect.signature(function)
    try:
        given = signature.bind(*args, **kwargs).arguments
    except TypeError:
        return
    for i, (key, parameter) in enumerate(signature.parameters.items(), 1 - first):
        if parameter.kind is parameter.VAR_POSITIONAL and parameter.annotation == "Tensor":
            for n, x in enumerate(given.get(key, ())):
                if x.__class__ not in TENSORS:
                    raise TypeError(f"expected Tensor as element {n} in argument 0, but got {type(x).__name__}")
            continue
        wanted = key in given and _refusal(str(parameter.annotation), given[key])
        if wanted:
            place = "" if parameter.kind is parameter.KEYWORD_ONLY else f" (position {i})"
            raise TypeError(f"{name}(): argument '{key}'{place} must be {wanted}, not {type(given[key]).__name__}")


def shown(function: Callable[..., Any], prefix: str = "", first: int = 0) -> Callable[..., Any]:
    """The function as users see it; ``first`` is 1 for a method, whose own tensor PyTorch does not count."""
    prim = getattr(function, "prim", None)
    if prim is not None and not any(p in prim.parameters and p in _required(prim) for p in NUMPY_NAMES.values()):
        return function
    name = prefix + function.__name__
    accepted, kernel = KERNELS.get(name, (None, ""))
    tensors = STRICT.get(name, 0) if prim is None else 0

    def call(*args: Any, **kwargs: Any) -> Any:
        if kwargs and not kwargs.keys().isdisjoint(SPECIAL):
            kwargs = _renamed(function, kwargs)
            if "out" in kwargs and name in OUT:
                return accepts_out(function)(*args, **kwargs)
            if name in FACTORIES:
                return made(function, name, args, kwargs)
        for i, x in enumerate(args[:tensors]):
            if x.__class__ not in TENSORS:
                raise TypeError(f"{name}(): argument {i + 1 - first} must be Tensor, not {type(x).__name__}")
        if accepted is not None:
            input = args[0] if args else kwargs.get("input")
            if input.__class__ in TENSORS and input._layout.dtype.category not in accepted:
                raise rules.not_implemented(kernel, input._layout.dtype)
        try:
            return function(*args, **kwargs)
        except Exception as error:
            refuse(function, name, args, kwargs, first)
            if isinstance(error, (AttributeError, KeyError)):  # of an argument that says nothing of its kind
                kinds = [type(x).__name__ for x in args] + [f"{k}={type(x).__name__}" for k, x in kwargs.items()]
                got = f"{name}() received an invalid combination of arguments - got ({', '.join(kinds)})"
                raise TypeError(got) from error
            raise

    update_wrapper(call, function)
    call.shown = function  # type: ignore[attr-defined]
    return call


def _required(prim: Any) -> set[str]:
    return {name for name, p in prim.signature.parameters.items() if p.default is p.empty}


def _renamed(function: Callable[..., Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    for names in (NUMPY_NAMES, OPERANDS):
        for other, name in names.items():
            if other in kwargs:
                known = inspect.signature(function).parameters
                if other not in known and name in known:
                    if name in kwargs:
                        raise TypeError(f"{function.__name__}() got multiple values for argument '{name}'")
                    kwargs[name] = kwargs.pop(other)
    return kwargs


def show(module: Any, names: Iterable[str], prefix: str = "") -> None:
    """Put functions as users see them into the place of a module's own, where pickle looks for them too."""
    for name in names:
        function = getattr(module, name)
        if isinstance(function, FunctionType) and not hasattr(function, "shown"):
            made = shown(function, prefix)
            for place in (module, sys.modules[function.__module__]):
                if getattr(place, name, None) is function:
                    setattr(place, name, made)


@cache
def strict(function: Any) -> Any:
    """The function, or for a primitive in ``STRICT`` one that refuses numbers where PyTorch does."""
    prim: Any = getattr(function, "prim", None)
    count = STRICT.get(getattr(prim, "name", ""), 0)
    if not count:
        return function
    like = copy.copy(prim)
    like.kinds = ("tensor",) * count + prim.kinds[count:]

    def call(given: Any, operands: tuple[Any, ...], *rest: Any) -> Any:
        like.check_operands(operands)
        return dispatch.call(prim, operands, *rest)

    made = _generate(like, prim.name)
    made.__globals__.update(PRIM=prim, CALL=call)
    for name in ("__doc__", "__signature__", "__wrapped_primitive__", "prim", "name"):
        setattr(made, name, getattr(function, name))
    made.__module__ = "corelib._functions"  # where pickle finds it
    return made
