"""What every factory takes besides: ``layout``, ``pin_memory``, ``memory_format``, and ``requires_grad``."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ..core.node import accumulator
from ..core.tensor import TENSORS
from ..formats import channels_last, channels_last_3d, layout, memory_format, preserve_format

__all__ = ["FACTORIES", "checked", "made"]

_NAMES = """arange bartlett_window blackman_window empty empty_like empty_permuted empty_strided eye full full_like
hamming_window hann_window kaiser_window linspace logspace normal ones ones_like rand rand_like randint randint_like
randn randn_like randperm range scalar_tensor tril_indices triu_indices zeros zeros_like"""
FACTORIES = frozenset(_NAMES.split())


def checked(name: str, kwargs: dict[str, Any], ndim: int = -1) -> dict[str, Any]:
    """The keyword arguments without those that change nothing here; PyTorch's errors for what they must not be.

    TypeError for a wrong kind; RuntimeError for pinned memory, which no backend has, and for a channels-last format of
    a tensor (of ``ndim`` dimensions) that has no channels.
    """
    rest = dict(kwargs)
    kinds: dict[str, type] = {"layout": layout}
    if name == "empty" or name.endswith("_like"):
        kinds["memory_format"] = memory_format
    for key, kind in kinds.items():
        value = rest.pop(key, None)
        if value is not None and not isinstance(value, kind):
            raise TypeError(f"{name}(): argument '{key}' must be torch.{key}, not {type(value).__name__}")
        if value is preserve_format and name == "empty":
            raise RuntimeError("unsupported memory format Preserve")
        for rank, last in ((4, channels_last), (5, channels_last_3d)):
            if value is last and ndim not in (-1, rank):
                raise RuntimeError(f"required rank {rank} tensor to use {str(last).removeprefix('torch.')} format")
    if rest.pop("pin_memory", None):
        raise RuntimeError(
            "pin_memory=True requires a CUDA or other accelerator backend; no pinned memory allocator is available on "
            "this system."
        )
    return rest


def made(function: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What a factory makes, which requires grad where that is asked for."""
    first = args[0] if args else None
    sizes = first if isinstance(first, (tuple, list)) else args
    kwargs = checked(name, kwargs, first.ndim if first.__class__ in TENSORS else len(sizes) if name == "empty" else -1)
    wanted = "requires_grad" not in inspect.signature(function).parameters and kwargs.pop("requires_grad", False)
    result = function(*args, **kwargs)
    if wanted:
        if result.dtype.category < 2:
            raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
        result._node = accumulator(result)
    return result
