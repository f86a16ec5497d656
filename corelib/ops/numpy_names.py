"""NumPy's names of arguments, ``axis`` and ``keepdims``, which PyTorch takes for ``dim`` and ``keepdim``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

NAMED = (
    "all", "amax", "amin", "any", "argmax", "argmin", "argsort", "cat", "concat", "concatenate", "count_nonzero",
    "cumprod", "cumsum", "cummax", "cummin", "diff", "logsumexp", "max", "mean", "median", "min", "nanmean",
    "nansum", "norm", "prod", "quantile", "select", "softmax", "log_softmax", "sort", "squeeze", "stack", "std",
    "std_mean", "sum", "topk", "unbind", "unsqueeze", "var", "var_mean",
)  # fmt: skip
"""The functions (and methods, where there is one) that users see taking them."""

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
