"""Fourier transforms along one dimension, and what is said in them: the n-dimensional ones are in ``corelib.fft``."""

from __future__ import annotations

from math import pi
from typing import Any

from ..core.plan import Result
from ..core.tensor import Tensor
from ..dtypes import default_dtype
from ..layout import Layout
from . import rules, samples
from .bitcast import view_as_complex
from .creation import arange, zeros
from .elementwise import conj, cos, mul, sin
from .linalg import matmul
from .movement import cat, stack
from .primitive import primitive

__all__: list[str] = []


def _check(x: Layout, complex_input: bool) -> None:
    if x.dtype.is_half or x.dtype.is_complex is not complex_input:
        raise RuntimeError(f"Unsupported dtype {rules.what(x.dtype)}")


def _fourier_matrix(rows: int, columns: int, n: int, like: Tensor, inverse: bool) -> Tensor:
    """exp(∓2πi jk/n), with jk taken modulo n in integers, so that no angle is large."""
    product = arange(rows, device=like.device).unsqueeze(1) * arange(columns, device=like.device)
    angle = (product % n).to(like.dtype.to_real()) * (2 * pi / n)
    return view_as_complex(stack([cos(angle), sin(angle) if inverse else -sin(angle)], -1))


def _transform(x: Tensor, matrix: Tensor, dim: int, scale: float) -> Tensor:
    result = matmul(x.movedim(dim, -1), matrix).movedim(-1, dim)
    return result if scale == 1.0 else result * scale


def _c2c_rule(x: Layout, dim: int, inverse: bool, scale: float) -> Result:
    _check(x, True)
    return Result(x.dense, (rules.normalize_dim(dim, len(x.shape)), bool(inverse), float(scale)))


def _c2c_grad(grad: Tensor, dim: int, inverse: bool, scale: float) -> Tensor:
    result: Tensor = fft_c2c(grad, dim, not inverse, scale)
    return result


@primitive(
    rule=_c2c_rule, torch_name="",
    vjp={"input": _c2c_grad},
    samples=samples.calls(
        "[3,4]@complex64 1 False 1.0; [5,2]@complex128 0 True 0.2",
    ),
)  # fmt: skip
def fft_c2c(input: Tensor, dim: int, inverse: bool, scale: float) -> Tensor:
    """scale * sum of input[j] exp(∓2πi jk/n) along ``dim``, complex to complex."""
    n = input.shape[dim]
    return _transform(input, _fourier_matrix(n, n, n, input, inverse), dim, scale)


def _r2c_rule(x: Layout, dim: int, scale: float) -> Result:
    _check(x, False)
    d = rules.normalize_dim(dim, len(x.shape))
    shape = (*x.shape[:d], x.shape[d] // 2 + 1, *x.shape[d + 1 :])
    return Result(Layout.of(shape, x.dtype.to_complex(), x.device), (d, float(scale)))


def _r2c_grad(grad: Tensor, input_layout: Layout, dim: int, scale: float) -> Tensor:
    return fft_c2c(resized(grad, dim, input_layout.shape[dim]), dim, True, scale).real


@primitive(
    rule=_r2c_rule, torch_name="", vjp={"input": _r2c_grad},
    samples=samples.calls(
        "[3,4] 1 1.0; [5,2]@float64 0 0.2",
    ),
)  # fmt: skip
def fft_r2c(input: Tensor, dim: int, scale: float) -> Tensor:
    """The first n//2 + 1 elements of a real tensor's forward transform; the others are their conjugates."""
    n = input.shape[dim]
    return _transform(input.to(input.dtype.to_complex()), _fourier_matrix(n, n // 2 + 1, n, input, False), dim, scale)


def _c2r_rule(x: Layout, n: int, dim: int, scale: float) -> Result:
    _check(x, True)
    d = rules.normalize_dim(dim, len(x.shape))
    shape = (*x.shape[:d], n, *x.shape[d + 1 :])
    return Result(Layout.of(shape, x.dtype.to_real(), x.device), (int(n), d, float(scale)))


def _twice_between(x: Tensor, n: int, dim: int) -> Tensor:
    """Elements that stand for their conjugates too, doubled: all but 0 and n/2."""
    k = x.shape[dim]
    index = arange(k, device=x.device)
    weight = ((index > 0) & (index * 2 < n)).to(x.dtype.to_real()) + 1.0
    return mul(x, weight.reshape((k, *(1,) * (x.ndim - 1 - dim))))


@primitive(
    rule=_c2r_rule, torch_name="",
    vjp={"input": lambda grad, n, dim, scale: _twice_between(fft_r2c(grad, dim, scale), n, dim)},
    samples=samples.calls(
        "[2,3]@complex64 4 1 1.0; [3,2]@complex128 5 0 0.2",
    ),
)  # fmt: skip
def fft_c2r(input: Tensor, n: int, dim: int, scale: float) -> Tensor:
    """The n elements of the inverse transform that is real, from its first n//2 + 1 coefficients."""
    whole = _twice_between(input, n, dim)
    return _transform(whole, _fourier_matrix(n // 2 + 1, n, n, input, True), dim, scale).real


# -- what all transforms need


def resized(x: Tensor, dim: int, n: int) -> Tensor:
    """Cut, or filled up with zeros, to n elements along ``dim``."""
    have = x.shape[dim]
    if n < have:
        return x.narrow(dim, 0, n)
    if n == have:
        return x
    shape = (*x.shape[:dim], n - have, *x.shape[dim + 1 :])
    return cat([x, zeros(shape, dtype=x.dtype, device=x.device)], dim)


def scale_of(norm: str | None, n: int, inverse: bool) -> float:
    """What a transform over n elements is multiplied by."""
    if norm not in (None, "backward", "forward", "ortho"):
        raise RuntimeError(f'Invalid normalization mode: "{norm}"')
    if norm == "ortho":
        return float(n**-0.5)
    return 1.0 / n if ((norm == "forward") is not inverse) else 1.0


def as_complex(x: Tensor) -> Tensor:
    """A complex tensor of the same precision; integers have the default one."""
    x = as_floating(x)
    return x if x.dtype.is_complex else x.to(x.dtype.to_complex())


def as_floating(x: Tensor) -> Tensor:
    """Integers and bool in the default dtype."""
    if x.dtype.is_half:
        raise RuntimeError(f"Unsupported dtype {rules.what(x.dtype)}")
    return x if x.dtype.category >= 2 else x.to(default_dtype())


def check_size(n: int) -> None:
    """RuntimeError unless there is something to transform."""
    if n < 1:
        raise RuntimeError(f"Invalid number of data points ({n}) specified")


def transform(x: Tensor, n: int | None, dim: int, norm: str | None, inverse: bool) -> Tensor:
    """One-dimensional, complex to complex."""
    x = as_complex(x)
    d = dimension(dim, x.ndim)
    size = x.shape[d] if n is None else n
    scale = scale_of(norm, max(size, 1), inverse)
    check_size(size)
    return fft_c2c(resized(x, d, size), d, inverse, scale)


def dimension(dim: int, ndim: int) -> int:
    """The dimension, of a tensor that has some."""
    if ndim == 0:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    return rules.normalize_dim(dim, ndim)


def real_transform(x: Tensor, n: int | None, dim: int, norm: str | None, inverse: bool, name: str) -> Tensor:
    """The half of a real tensor's transform; ``inverse``, of its inverse transform."""
    if x.dtype.is_complex:
        raise RuntimeError(f"{name} expects a real input tensor, but got {rules.what(x.dtype)}")
    x = as_floating(x)
    d = dimension(dim, x.ndim)
    size = x.shape[d] if n is None else n
    scale = scale_of(norm, max(size, 1), inverse)
    check_size(size)
    result = fft_r2c(resized(x, d, size), d, scale)
    return conj(result) if inverse else result


def to_real(x: Tensor, n: int | None, dim: int, norm: str | None, inverse: bool) -> Tensor:
    """The real transform of half a Hermitian tensor, inverse or (``hfft``) forward."""
    x = as_complex(x)
    d = dimension(dim, x.ndim)
    size = 2 * (x.shape[d] - 1) if n is None else n
    scale = scale_of(norm, max(size, 1), inverse)
    check_size(size)
    half = resized(x, d, size // 2 + 1)
    return fft_c2r(half if inverse else conj(half), size, d, scale)


def shape_and_dims(x: Tensor, s: Any, dim: Any) -> tuple[list[int], list[int]]:
    """Sizes and dimensions of an n-dimensional transform; a size of -1 is that of the tensor."""
    if dim not in (None, ()) and not x.ndim:
        raise IndexError(
            f"Dimension specified as {dim if isinstance(dim, int) else dim[0]} but tensor has no dimensions"
        )
    dims = None if dim is None else [rules.normalize_dim(d, x.ndim) for d in ((dim,) if isinstance(dim, int) else dim)]
    if dims is not None and len(set(dims)) != len(dims):
        raise RuntimeError("FFT dims must be unique")
    sizes = None if s is None else list((s,) if isinstance(s, int) else s)
    if sizes is not None:
        if dims is not None and len(dims) != len(sizes):
            raise RuntimeError("When given, dim and shape arguments must have the same length")
        if len(sizes) > x.ndim:
            raise RuntimeError(f"Got shape with {len(sizes)} values but input tensor only has {x.ndim} dimensions.")
        dims = list(range(x.ndim - len(sizes), x.ndim)) if dims is None else dims
        sizes = [x.shape[d] if n == -1 else n for n, d in zip(sizes, dims, strict=True)]
    elif dims is None:
        dims = list(range(x.ndim))
    sizes = [x.shape[d] for d in dims] if sizes is None else sizes
    for n in sizes:
        check_size(n)
    return sizes, dims
