"""NumPy's names of arguments, ``axis`` and ``keepdims``, which PyTorch takes for ``dim`` and ``keepdim``.

Generated functions with an optional ``dim`` take them at no cost, and so do those that ``accepts_out`` wraps; the rest
of those that programs call so are wrapped where users see them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

NAMED = (
    "argmax", "argmin", "count_nonzero", "cumprod", "cumsum", "cummax", "cummin", "logsumexp", "select", "softmax",
    "log_softmax", "std", "std_mean", "unbind", "unsqueeze", "var", "var_mean",
)  # fmt: skip
"""The functions (and methods, where there is one) that must be wrapped to take them; others take them themselves."""

_OTHER = {"axis": "dim", "keepdims": "keepdim"}


def numpy_names(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, taking ``axis`` for ``dim`` and ``keepdims`` for ``keepdim`` by keyword."""

    @functools.wraps(function)
    def renamed(*args: Any, **kwargs: Any) -> Any:
        if "axis" in kwargs or "keepdims" in kwargs:
            for other, name in _OTHER.items():
                if other in kwargs:
                    if name in kwargs:
                        raise TypeError(f"{function.__name__}() got multiple values for argument '{name}'")
                    kwargs[name] = kwargs.pop(other)
        return function(*args, **kwargs)

    return renamed
