"""The backend: JAX's NumPy, whose arrays cannot be written: a write makes a new array, and a view is a gather.

That is all in ArrayModuleBackend, over the array API alone; here is what JAX wants otherwise.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from corelib.backend import ArrayModuleBackend, DeviceProperties, OutOfMemoryError, kernel
from corelib.dtypes import bfloat16, float16, float32, float64
from corelib.layout import Layout


class JaxnumpyBackend(ArrayModuleBackend):
    """Arrays are JAX's, on its first device.  Complex numbers are refused."""

    capabilities = frozenset({"float64"})

    def __init__(self) -> None:
        jax.config.update("jax_enable_x64", True)  # or JAX narrows 64-bit numbers, silently
        super().__init__(jnp)

    def properties(self, index: int) -> DeviceProperties:
        """What ``corelib devices`` shows."""
        return DeviceProperties(f"JAX {jax.__version__}, {jax.devices()[0].device_kind}")

    def allocate(self, layout: Layout) -> Any:
        """A dense array; where there is no memory, the error says so, and the device goes on."""
        try:
            return super().allocate(layout)
        except (MemoryError, jax.errors.JaxRuntimeError) as error:
            raise OutOfMemoryError(f"{layout.device} is out of memory: {error}") from error

    def download(self, array: Any, layout: Layout) -> np.ndarray[Any, Any]:
        """Not by DLPack, which has no bool and no bfloat16 for NumPy."""
        return np.array(array, order="C")

    @kernel("div", dtypes=[float16, bfloat16, float32, float64])
    def div(self, a: Any, b: Any) -> Any:
        """Of two whole arrays: XLA divides by a broadcast number by multiplying with 1/b, which rounds twice."""
        a, b, native = self._pair(a, b)
        shape = jnp.broadcast_shapes(a.shape, b.shape)
        return self._as(jnp.divide(jnp.broadcast_to(a, shape), jnp.broadcast_to(b, shape)), native)

    def synchronize(self, index: int) -> None:
        """JAX's kernels return before they have finished; whoever reads a result waits for it."""
        jax.effects_barrier()
