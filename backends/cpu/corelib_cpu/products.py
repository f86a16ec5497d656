"""Matrix products."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from corelib.backend.array_module import NUMERIC
from corelib.backend.base import kernel

from .context import local, quiet
from .elementwise import Array, is_half, store, wide
from .reduction import sum_floats


@kernel("matmul", dtypes=NUMERIC, out=True)
def matmul(a: Array, b: Array, out: Any = ...) -> Array:
    """``a @ b`` with equal batch dimensions; the half types multiply and add in float32."""
    if a.itemsize == 2 and is_half(a.dtype):
        return _half_matmul(a, b, out)
    if out is ... and a.ndim == 2:  # as matmul, and sooner in BLAS
        return local.run(np.dot, a, b)
    return local.run(np.matmul, a, b, out=out, order="C")


@quiet
def _half_matmul(a: Array, b: Array, out: Any) -> Array:
    return store(np.matmul(a.astype(np.float32), b.astype(np.float32)), a.dtype, out)


@kernel("linear", dtypes=NUMERIC)
@quiet
def linear(x: Array, weight: Array, bias: Array | None) -> Array:
    """x [..., k] with weight [o, k] and bias [o] -> [..., o], as one product over all leading dimensions."""
    if x.itemsize == 2:
        source, weight, bias = wide(x), wide(weight), None if bias is None else wide(bias)
    else:
        source = x
    rows = source if x.ndim == 2 else source.reshape(prod(x.shape[:-1]), x.shape[-1])
    outputs = weight.shape[0]
    # BLAS takes longer over a small transposed matrix than over a copy, the copying included.
    if weight.size <= 4096 and outputs >= 32 and rows.shape[0] >= 16:
        result: Array = np.dot(rows, np.ascontiguousarray(weight.T))
    else:
        result = np.dot(rows, weight.T)
    if bias is not None:
        np.add(result, bias, out=result)
    if x.ndim != 2:
        result = result.reshape(*x.shape[:-1], outputs)
    return result if x.itemsize != 2 else result.astype(x.dtype, copy=False)


@kernel("linear_grad", dtypes=NUMERIC)
@quiet
def linear_grad(
    grad: Array, x: Array, weight: Array, of_input: bool, of_weight: bool, of_bias: bool
) -> tuple[Array | None, Array | None, Array | None]:
    """The gradients of x, weight and bias of :func:`linear`, as far as they are wanted."""
    outer, source, matrix = wide(grad), wide(x), wide(weight)
    rows = outer if grad.ndim == 2 else outer.reshape(prod(grad.shape[:-1]), grad.shape[-1])
    grad_x = grad_weight = grad_bias = None
    if of_input:
        grad_x = np.dot(rows, matrix.conj() if matrix.dtype.kind == "c" else matrix).reshape(x.shape)
    if of_weight:
        columns = source if x.ndim == 2 else source.reshape(prod(x.shape[:-1]), x.shape[-1])
        # BLAS takes longer over a small transposed matrix than over a copy, the copying included.
        turned = np.ascontiguousarray(rows.T) if rows.size <= 4096 else rows.T
        grad_weight = np.dot(turned, columns.conj() if columns.dtype.kind == "c" else columns)
    if of_bias:
        grad_bias = sum_floats(rows, (0,), False, rows.dtype) if rows.dtype.kind == "f" else np.add.reduce(rows, 0)
    if x.itemsize != 2:
        return grad_x, grad_weight, grad_bias
    half = (None if g is None else g.astype(x.dtype, copy=False) for g in (grad_x, grad_weight, grad_bias))
    grad_x, grad_weight, grad_bias = half
    return grad_x, grad_weight, grad_bias
