"""Matrix products."""

from __future__ import annotations

from typing import Any

import numpy as np

from corelib.backend.array_module import NUMERIC
from corelib.backend.base import kernel

from .context import local
from .elementwise import Array, is_half, store


@kernel("matmul", dtypes=NUMERIC, out=True)
def matmul(a: Array, b: Array, out: Any = ...) -> Array:
    """``a @ b`` with equal batch dimensions; the half types multiply and add in float32."""
    if a.itemsize == 2 and is_half(a.dtype):
        product = local.run(np.matmul, a.astype(np.float32), b.astype(np.float32))
        return local.run(store, product, a.dtype, out)
    return local.run(np.matmul, a, b, out=out, order="C")
