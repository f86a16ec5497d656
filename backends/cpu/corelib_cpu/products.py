"""Matrix products."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from corelib.backend.array_module import NUMERIC
from corelib.backend.base import kernel

from .context import local, quiet
from .elementwise import Array, is_half, store, wide


@kernel("matmul", dtypes=NUMERIC, out=True)
def matmul(a: Array, b: Array, out: Any = ...) -> Array:
    """``a @ b`` with equal batch dimensions; the half types multiply and add in float32."""
    if a.itemsize == 2 and is_half(a.dtype):
        product = local.run(np.matmul, a.astype(np.float32), b.astype(np.float32))
        return local.run(store, product, a.dtype, out)
    return local.run(np.matmul, a, b, out=out, order="C")


def _worth_copying(transposed: Array) -> bool:
    """Whether BLAS takes longer over this transposed matrix than over a copy, the copying included."""
    return transposed.size <= 4096 and min(transposed.shape) >= 32


@kernel("linear", dtypes=NUMERIC)
@quiet
def linear(x: Array, weight: Array, bias: Array | None) -> Array:
    """x [..., k] with weight [o, k] and bias [o] -> [..., o], as one product over all leading dimensions."""
    rows = wide(x) if x.ndim == 2 else wide(x).reshape(prod(x.shape[:-1]), x.shape[-1])
    matrix = wide(weight).T
    if _worth_copying(matrix) and rows.shape[0] >= 16:
        matrix = np.ascontiguousarray(matrix)
    result: Array = np.matmul(rows, matrix, order="C")
    if bias is not None:
        np.add(result, wide(bias), out=result)
    if x.ndim != 2:
        result = result.reshape(*x.shape[:-1], weight.shape[0])
    return result if result.dtype == x.dtype else result.astype(x.dtype)
