"""Matrix products."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from corelib.backend.array_module import NUMERIC
from corelib.backend.base import kernel

from .context import local, quiet
from .elementwise import Array, is_half, store, wide
from .reduction import sum_rows


@kernel("matmul", dtypes=NUMERIC, out=True)
def matmul(a: Array, b: Array, out: Any = ...) -> Array:
    """``a @ b`` with equal batch dimensions; the half types multiply and add in float32."""
    if a.itemsize == 2 and is_half(a.dtype):
        return _half_matmul(a, b, out)
    if out is ... and a.ndim == 2:  # as matmul, and sooner in BLAS
        return local.run(a.dot, b)
    return local.run(np.matmul, a, b, out=out, order="C")


@quiet
def _half_matmul(a: Array, b: Array, out: Any) -> Array:
    return store(np.matmul(a.astype(np.float32), b.astype(np.float32)), a.dtype, out)


def _rows(x: Array) -> Array:
    """All but the last dimension as one."""
    return x if x.ndim == 2 else x.reshape(prod(x.shape[:-1]), x.shape[-1])


@kernel("linear", dtypes=NUMERIC)
def linear(x: Array, weight: Array, bias: Array | None) -> Array:
    """x [..., k] with weight [o, k] and bias [o] -> [..., o], as one product over all leading dimensions."""
    if x.itemsize == 2 and is_half(x.dtype):
        return _half_linear(x, weight, bias)
    rows = x if x.ndim == 2 else _rows(x)
    outputs = weight.shape[0]
    turned = weight.T
    if outputs >= 32 and weight.size <= 8192 and rows.shape[0] >= 16:
        turned = turned.copy()  # BLAS takes longer over a small transposed matrix than over a copy, with the copying
    run = local.run
    result: Array = run(rows.dot, turned)
    if bias is not None:
        run(np.add, result, bias, result)
    return result if x.ndim == 2 else result.reshape(*x.shape[:-1], outputs)


@quiet
def _half_linear(x: Array, weight: Array, bias: Array | None) -> Array:
    result = linear(wide(x), wide(weight), None if bias is None else wide(bias))
    return result.astype(x.dtype)


@kernel("linear_grad", dtypes=NUMERIC)
def linear_grad(
    grad: Array, x: Array, weight: Array, of_input: bool, of_weight: bool, of_bias: bool
) -> tuple[Array | None, Array | None, Array | None]:
    """The gradients of x, weight and bias of :func:`linear`, as far as they are wanted."""
    if x.itemsize == 2 and is_half(x.dtype):
        return _half_linear_grad(grad, x, weight, of_input, of_weight, of_bias)
    if x.dtype.kind == "c":
        x, weight = x.conj(), weight.conj()
    rows = grad if grad.ndim == 2 else _rows(grad)
    grad_x = grad_weight = grad_bias = None
    run = local.run
    if of_input:
        grad_x = run(rows.dot, weight)
        if x.ndim != 2:
            grad_x = grad_x.reshape(x.shape)
    if of_weight:
        grad_weight = run(rows.T.dot, x if x.ndim == 2 else _rows(x))
    if of_bias:
        grad_bias = sum_rows(rows)
    return grad_x, grad_weight, grad_bias


@quiet
def _half_linear_grad(
    grad: Array, x: Array, weight: Array, of_input: bool, of_weight: bool, of_bias: bool
) -> tuple[Array | None, Array | None, Array | None]:
    wanted = linear_grad(wide(grad), wide(x), wide(weight), of_input, of_weight, of_bias)
    grad_x, grad_weight, grad_bias = (None if g is None else g.astype(x.dtype, copy=False) for g in wanted)
    return grad_x, grad_weight, grad_bias
