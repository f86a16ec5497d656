"""``torch.fft``: discrete Fourier transforms.

``norm`` is "backward" (the default: the inverse is divided by n), "ortho" (both by the root of n) or "forward".
``n`` and ``s`` cut the input or fill it up with zeros before.
"""

from __future__ import annotations

import sys
from typing import Any

from .core.tensor import Tensor
from .dtypes import default_dtype
from .ops import rules
from .ops.creation import arange
from .ops.face import show
from .ops.movement import cat
from .ops.results import accepts_out
from .ops.spectral import (
    as_complex,
    as_floating,
    check_size,
    real_transform,
    shape_and_dims,
    to_real,
    transform,
)

__all__ = [
    "fft", "fft2", "fftfreq", "fftn", "fftshift", "hfft", "hfft2", "hfftn", "ifft", "ifft2", "ifftn", "ifftshift",
    "ihfft", "ihfft2", "ihfftn", "irfft", "irfft2", "irfftn", "rfft", "rfft2", "rfftfreq", "rfftn",
]  # fmt: skip


@accepts_out
def fft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The transform along ``dim``: the sum of input[j] exp(-2πi jk/n)."""
    return transform(input, n, dim, norm, False)


@accepts_out
def ifft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The inverse of :func:`fft`."""
    return transform(input, n, dim, norm, True)


@accepts_out
def rfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The first n//2 + 1 elements of a real tensor's transform."""
    return real_transform(input, n, dim, norm, False, "rfft")


@accepts_out
def irfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The inverse of :func:`rfft`: n real elements, 2 * (size - 1) unless it is given."""
    return to_real(input, n, dim, norm, True)


@accepts_out
def hfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The transform, which is real, of a Hermitian tensor given by its first half."""
    return to_real(input, n, dim, norm, False)


@accepts_out
def ihfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The inverse of :func:`hfft`: the first half of a Hermitian tensor."""
    return real_transform(input, n, dim, norm, True, "ihfft")


def _many(x: Tensor, sizes: list[int], dims: list[int], norm: str | None, inverse: bool) -> Tensor:
    x = as_complex(x)
    for n, d in zip(sizes, dims, strict=True):
        x = transform(x, n, d, norm, inverse)
    return x


@accepts_out
def fftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None) -> Tensor:
    """The transform over several dimensions (all of them)."""
    return _many(input, *shape_and_dims(input, s, dim), norm, False)


@accepts_out
def ifftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None) -> Tensor:
    """The inverse of :func:`fftn`."""
    return _many(input, *shape_and_dims(input, s, dim), norm, True)


@accepts_out
def rfftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None) -> Tensor:
    """The transform of a real tensor over several dimensions, of the last of which the first half is kept."""
    if input.dtype.is_complex:
        raise RuntimeError(f"rfftn expects a real-valued input tensor, but got {rules.what(input.dtype)}")
    sizes, dims = shape_and_dims(input, s, dim)
    if not dims:
        raise RuntimeError("rfftn must transform at least one axis")
    half = real_transform(as_floating(input), sizes[-1], dims[-1], norm, False, "rfftn")
    return _many(half, sizes[:-1], dims[:-1], norm, False)


def _last_size(input: Tensor, s: Any, dims: list[int], name: str) -> int:
    """Of the real dimension that comes out."""
    if not dims:
        raise RuntimeError(f"{name} must transform at least one axis")
    given = None if s is None else (s if isinstance(s, int) else tuple(s)[-1])
    size = 2 * (input.shape[dims[-1]] - 1) if given is None or given == -1 else given
    check_size(size)
    return int(size)


@accepts_out
def irfftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None) -> Tensor:
    """The inverse of :func:`rfftn`."""
    sizes, dims = shape_and_dims(input, s, dim)
    n = _last_size(input, s, dims, "irfftn")
    return to_real(_many(input, sizes[:-1], dims[:-1], norm, True), n, dims[-1], norm, True)


@accepts_out
def hfftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None) -> Tensor:
    """The real transform over several dimensions of a tensor that is Hermitian in the last of them."""
    sizes, dims = shape_and_dims(input, s, dim)
    n = _last_size(input, s, dims, "hfftn")
    return to_real(_many(input, sizes[:-1], dims[:-1], norm, False), n, dims[-1], norm, False)


@accepts_out
def ihfftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None) -> Tensor:
    """The inverse of :func:`hfftn`."""
    if input.dtype.is_complex:
        raise RuntimeError(f"Only supports floating-point dtypes, but found: {rules.what(input.dtype)}")
    sizes, dims = shape_and_dims(input, s, dim)
    if not dims:
        raise RuntimeError("ihfftn must transform at least one axis")
    half = real_transform(as_floating(input), sizes[-1], dims[-1], norm, True, "ihfftn")
    return _many(half, sizes[:-1], dims[:-1], norm, True)


@accepts_out
def fft2(input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Tensor:
    """:func:`fftn` over the last two dimensions."""
    return fftn(input, s, dim, norm)


@accepts_out
def ifft2(input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Tensor:
    """:func:`ifftn` over the last two dimensions."""
    return ifftn(input, s, dim, norm)


@accepts_out
def rfft2(input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Tensor:
    """:func:`rfftn` over the last two dimensions."""
    return rfftn(input, s, dim, norm)


@accepts_out
def irfft2(input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Tensor:
    """:func:`irfftn` over the last two dimensions."""
    return irfftn(input, s, dim, norm)


@accepts_out
def hfft2(input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Tensor:
    """:func:`hfftn` over the last two dimensions."""
    return hfftn(input, s, dim, norm)


@accepts_out
def ihfft2(input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Tensor:
    """:func:`ihfftn` over the last two dimensions."""
    return ihfftn(input, s, dim, norm)


def _frequency_dtype(dtype: Any, name: str) -> Any:
    dtype = default_dtype() if dtype is None else dtype
    if dtype.category < 2:
        raise RuntimeError(f"{name} requires a floating point or complex dtype")
    return dtype


def fftfreq(
    n: int, d: float = 1.0, *, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """The frequencies of :func:`fft`'s elements, for samples that are ``d`` apart: 0, 1, ..., -2, -1 over n d."""
    dtype = _frequency_dtype(dtype, "fftfreq")
    positive = (n + 1) // 2
    index = cat([arange(positive, device=device), arange(-(n // 2), 0, device=device)], 0)
    return (index.to(dtype) * (1.0 / (n * d) if n else 1.0)).requires_grad_(requires_grad)


def rfftfreq(
    n: int, d: float = 1.0, *, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """The frequencies of :func:`rfft`'s elements."""
    dtype = _frequency_dtype(dtype, "rfftfreq")
    return (arange(n // 2 + 1, device=device).to(dtype) * (1.0 / (n * d))).requires_grad_(requires_grad)


def _shifted(input: Tensor, dim: Any, up: bool) -> Tensor:
    dims = range(input.ndim) if dim is None else (dim,) if isinstance(dim, int) else dim
    for d in dims:
        n = input.shape[rules.normalize_dim(d, input.ndim)] if input.ndim else 1
        first = (n + 1) // 2 if up else n // 2
        if input.ndim and 0 < first < n:
            input = cat([input.narrow(d, first, n - first), input.narrow(d, 0, first)], d)
    return input.clone()


def fftshift(input: Tensor, dim: Any = None) -> Tensor:
    """With the frequency 0 in the middle of ``dim`` (all dimensions)."""
    return _shifted(input, dim, True)


def ifftshift(input: Tensor, dim: Any = None) -> Tensor:
    """The inverse of :func:`fftshift`."""
    return _shifted(input, dim, False)


show(sys.modules[__name__], __all__, "fft_")
