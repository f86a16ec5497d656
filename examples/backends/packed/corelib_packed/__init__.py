"""A kernel pack: one kernel for ``cpu``, a device type that another package brings.

NumPy multiplies matrices of integers by plain loops, and matrices of doubles by BLAS.  As long as every sum of products
is below 2^53 both give the same integers, so that the detour is exact.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from corelib.backend import Kernel, KernelPack, hookimpl
from corelib.dtypes import int8, int16, uint8
from corelib.layout import Layout

_LONGEST = 1 << 22  # products of 16-bit numbers are at most 2^30, and 2^22 of them 2^52


def matmul(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """[..., m, k] by [..., k, n]; sums wrap."""
    product = np.matmul(a.astype(np.float64), b.astype(np.float64))
    return product.astype(np.int64).astype(a.dtype, order="C")  # NumPy keeps the order of permuted batches


def exact(a: Layout, b: Layout) -> bool:
    """Asked once for each combination of layouts: whether this kernel is for them."""
    return a.shape[-1] <= _LONGEST


@hookimpl
def corelib_kernels(device: str) -> KernelPack | None:
    """For other dtypes, and where ``exact`` says no, the next kernel in line is called: the CPU's own."""
    if device != "cpu":
        return None
    dtypes = frozenset({uint8, int8, int16})
    return KernelPack(device, "packed", {"matmul": Kernel(matmul, dtypes, predicate=exact)})
