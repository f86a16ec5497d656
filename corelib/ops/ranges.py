"""Tensors made from little: ranges, windows, buffers, and random fills of other shapes."""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from ..core.generator import Generator
from ..core.inplace import write_result
from ..core.tensor import Tensor
from ..dtypes import default_dtype, dtype, float32, float64
from .creation import arange, empty, empty_strided, linspace, tensor
from .elementwise import abs, cos, div, exp, log, sqrt, where
from .elementwise import pow as pow_
from .random import rand, randint, randn
from .special_functions import i0
from .transcendental import tan

__all__ = [
    "asarray", "bartlett_window", "blackman_window", "empty_permuted", "frombuffer", "hamming_window", "hann_window",
    "kaiser_window", "logspace", "randint_like", "range",
]  # fmt: skip
METHODS = ["cauchy_", "geometric_", "log_normal_", "new_empty_strided"]


def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    out: Tensor | None = None,
    dtype: dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """``steps`` values from base**start to base**end, evenly spaced in the exponent."""
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    wanted = dtype or default_dtype()
    exponents = linspace(start, end, steps, dtype=float64 if wanted.category != 2 else wanted, device=device)
    result = pow_(base, exponents).to(wanted)
    if out is not None:
        return write_result(out, result, "logspace")
    return result.requires_grad_(requires_grad)


def range(
    start: Any,
    end: Any = None,
    step: Any = 1,
    *,
    dtype: dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Values from start to end, *both* included; deprecated by PyTorch for ``arange``."""
    import warnings

    warnings.warn(
        "torch.range is deprecated and will be removed in a future release because its behavior is inconsistent with "
        "Python's range builtin. Instead, use torch.arange, which produces values in [start, end).",
        stacklevel=2,
    )
    if end is None:
        start, end = 0, start
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    count = math.floor((end - start) / step) + 1
    steps = arange(count, dtype=float64 if dtype is float64 else None, device=device)
    values: Tensor = (steps * step + start).to(dtype or default_dtype())
    return values.requires_grad_(requires_grad)


def asarray(
    obj: Any,
    *,
    dtype: dtype | None = None,
    device: Any = None,
    copy: bool | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of ``obj``: the same memory for tensors and NumPy arrays where possible, unless ``copy``.

    With ``copy=False``, ValueError where a copy is needed.
    """
    from .creation import as_tensor

    shares = isinstance(obj, (Tensor, np.ndarray))
    result = as_tensor(obj, dtype=dtype, device=device)
    same = shares and (dtype is None or _dtype_of(obj) is dtype) and (result is obj or not isinstance(obj, Tensor))
    if copy is False and not same:
        raise ValueError("can't alias arbitrary sequence: give a tensor or array of the wanted dtype, or copy=True")
    if copy and same:
        result = result.detach().clone()
    return result.requires_grad_() if requires_grad else result.detach() if result.requires_grad and copy else result


def _dtype_of(obj: Any) -> Any:
    from ..dtypes import from_numpy_dtype

    return obj.dtype if isinstance(obj, Tensor) else from_numpy_dtype(obj.dtype)


def frombuffer(buffer: Any, *, dtype: dtype, count: int = -1, offset: int = 0, requires_grad: bool = False) -> Tensor:
    """A 1-d tensor of an object with the buffer protocol, sharing its memory.

    Args:
        count: how many elements to take; -1 for all of them.
        offset: how many bytes to skip.
    """
    view = memoryview(buffer)
    size = view.nbytes
    if not size or not count:
        raise ValueError(f"both buffer length ({size}) and count ({count}) must not be 0")
    if not 0 <= offset < size:
        raise ValueError(
            f"offset ({offset} bytes) must be non-negative and no greater than buffer length ({size} bytes) minus 1"
        )
    if count < 0 and (size - offset) % dtype.itemsize:
        raise ValueError(
            f"buffer length ({size - offset} bytes) after offset ({offset} bytes) must be a multiple of element size "
            f"({dtype.itemsize})"
        )
    if count > 0 and offset + count * dtype.itemsize > size:
        raise ValueError(
            f"requested buffer length ({count} * {dtype.itemsize} bytes) after offset ({offset} bytes) must not be "
            f"greater than actual buffer length ({size} bytes)"
        )
    host = np.frombuffer(view, dtype=dtype.numpy, count=count, offset=offset)
    from .creation import from_numpy

    if view.readonly:
        host = host.copy()  # a tensor can be written to
    return from_numpy(host).requires_grad_(requires_grad)


def randint_like(
    input: Tensor,
    low: int,
    high: int | None = None,
    *,
    dtype: dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Integers in [low, high) (or [0, low)) in the other tensor's shape, dtype and device."""
    if high is None:
        low, high = 0, low
    return randint(
        low, high, tuple(input.shape), dtype=dtype or input.dtype, device=device or input.device,
        requires_grad=requires_grad,
    )  # fmt: skip


def empty_permuted(
    size: Any, physical_layout: Any, *, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Uninitialized, dense, with the dimensions in memory in the order ``physical_layout``."""
    if sorted(physical_layout) != list(builtins.range(len(size))):
        raise RuntimeError(f"Duplicate dim not allowed, or not a permutation: {list(physical_layout)}")
    strides, step = [0] * len(size), 1
    for d in reversed(physical_layout):
        strides[d], step = step, step * max(size[d], 1)
    return empty_strided(tuple(size), tuple(strides), dtype=dtype, device=device, requires_grad=requires_grad)


# -- windows


def _window(length: int, periodic: bool, shape: Any, d: dtype | None, device: Any, requires_grad: bool) -> Tensor:
    """A window function of the position 0 ... 1 (periodic windows leave the last point out)."""
    wanted = d or default_dtype()
    if wanted.category < 2:
        raise RuntimeError(f"window functions need a floating dtype, but got {wanted}")
    if length < 0:
        raise RuntimeError("requires non-negative window_length")
    if length <= 1:
        return empty(length, dtype=wanted, device=device).fill_(1).requires_grad_(requires_grad)
    wide = float64 if wanted is float64 else float32
    at = arange(length, dtype=wide, device=device) / (length if periodic else length - 1)
    values: Tensor = shape(at).to(wanted)
    return values.requires_grad_(requires_grad)


def _cosines(*weights: float) -> Any:
    """x -> w0 - w1 cos(2 pi x) + w2 cos(4 pi x)."""

    def shape(at: Tensor) -> Tensor:
        total: Any = weights[0]
        for k, w in enumerate(weights[1:], 1):
            total = total + (w if k % 2 == 0 else -w) * cos(at * (2 * math.pi * k))
        return total  # type: ignore[no-any-return]

    return shape


def hann_window(
    window_length: int, periodic: bool = True, *, dtype: dtype | None = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """(1 - cos(2 pi n / N)) / 2."""
    return _window(window_length, periodic, _cosines(0.5, 0.5), dtype, device, requires_grad)


def hamming_window(
    window_length: int, periodic: bool = True, alpha: float = 0.54, beta: float = 0.46, *, dtype: dtype | None = None,
    device: Any = None, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """alpha - beta cos(2 pi n / N)."""
    return _window(window_length, periodic, _cosines(alpha, beta), dtype, device, requires_grad)


def blackman_window(
    window_length: int, periodic: bool = True, *, dtype: dtype | None = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """0.42 - 0.5 cos(2 pi n / N) + 0.08 cos(4 pi n / N)."""
    return _window(window_length, periodic, _cosines(0.42, 0.5, 0.08), dtype, device, requires_grad)


def bartlett_window(
    window_length: int, periodic: bool = True, *, dtype: dtype | None = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """1 - |2 n / N - 1|: a triangle."""
    return _window(window_length, periodic, lambda at: 1 - abs(2 * at - 1), dtype, device, requires_grad)


def kaiser_window(
    window_length: int, periodic: bool = True, beta: float = 12.0, *, dtype: dtype | None = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """I0(beta sqrt(1 - (2 n / N - 1)**2)) / I0(beta)."""

    def shape(at: Tensor) -> Tensor:
        x = 2 * at - 1
        top: Tensor = i0(beta * sqrt(where(abs(x) >= 1, 0.0, 1 - x * x)))
        return div(top, i0(tensor(beta, dtype=at.dtype, device=at.device)))

    return _window(window_length, periodic, shape, dtype, device, requires_grad)


# -- methods


def _draw(input: Tensor, kind: Any, generator: Generator | None) -> Tensor:
    """Random numbers in the tensor's shape, computed in float32 at least."""
    wide = float64 if input.dtype is float64 else float32
    result: Tensor = kind(*input.shape, generator=generator, dtype=wide, device=input.device)
    return result


def cauchy_(input: Tensor, median: float = 0, sigma: float = 1, *, generator: Generator | None = None) -> Tensor:
    """Fill with numbers of the Cauchy distribution."""
    return input.copy_(tan((_draw(input, rand, generator) - 0.5) * math.pi) * sigma + median)


def log_normal_(input: Tensor, mean: float = 1, std: float = 2, *, generator: Generator | None = None) -> Tensor:
    """Fill with exp of normal numbers of this mean and standard deviation."""
    if std <= 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std}")
    return input.copy_(exp(_draw(input, randn, generator) * std + mean))


def geometric_(input: Tensor, p: float, *, generator: Generator | None = None) -> Tensor:
    """Fill with the number of trials up to the first success, of probability ``p``."""
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p}")
    u = 1 - _draw(input, rand, generator)
    return input.copy_((log(u) / math.log1p(-p)).ceil().clamp(min=1))


def new_empty_strided(
    input: Tensor, size: Any, stride: Any, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """``empty_strided`` with this tensor's dtype and device."""
    return empty_strided(
        tuple(size), tuple(stride), dtype=dtype or input.dtype, device=device or input.device,
        requires_grad=requires_grad,
    )  # fmt: skip
