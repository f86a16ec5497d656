"""The null backend: it computes nothing and returns at once, so that what remains is the frontend's own cost.

Every array is the same object, every primitive has a kernel, and a kernel, like ``as_strided``, is a
built-in that ignores its arguments: it adds no Python frame to those being counted.  Only kernels with
several results, which are tuples, are Python functions.  Downloads are zeros.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from pluggy import HookimplMarker

from corelib.backend.base import Backend, BackendSpec, Kernel
from corelib.dtypes import dtype
from corelib.layout import Layout

from . import __version__

__all__ = ["ARRAY", "OUTPUTS", "NullBackend", "plugin"]

ARRAY = "<null array>"
"""The one array."""

OUTPUTS = {
    "batch_norm_grad": 3,
    "batch_norm_train": 4,
    "class_cross_entropy": 3,
    "cummax": 2,
    "cummin": 2,
    "dropout": 2,
    "frexp": 2,
    "layer_norm": 3,
    "layer_norm_grad": 3,
    "linalg_cholesky": 2,
    "linalg_eig": 2,
    "linalg_eigh": 2,
    "linalg_lu_factor": 3,
    "linalg_qr": 2,
    "linalg_slogdet": 2,
    "linalg_solve": 2,
    "linalg_svd": 3,
    "linear_grad": 3,
    "max_pool2d": 2,
    "sort": 2,
}
"""How many arrays the kernels return that do not return one; a backend must not import the definitions."""

# Formatting a string without fields takes any positional and keyword arguments and returns the string.
constant: Callable[..., str] = ARRAY.format


class AnyKernel(dict[str, Kernel]):
    """A kernel table in which every name is found."""

    def __init__(self, make: Callable[[str], Kernel]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, name: str) -> Kernel:
        return self.setdefault(name, self._make(name))

    def __contains__(self, name: object) -> bool:
        return True

    def get(self, name: str, default: Any = None) -> Kernel:
        """The kernel; there always is one."""
        return self[name]


class NullBackend(Backend):
    """The device type ``null``.

    Attributes:
        outputs: how many arrays a primitive's kernel returns, where it is not one.  Set entries before
            the primitive is first looked up.
    """

    broadcasts = True
    capabilities = frozenset({"float64", "complex", "linalg", "fft"})
    name = "null"

    # Built-ins, so they are found on the instance unbound and called without a frame.
    allocate: Any = constant
    as_strided: Any = constant
    bitcast: Any = constant
    transfer: Any = constant
    upload: Any = constant

    def __init__(self) -> None:
        super().__init__()
        self.outputs = dict(OUTPUTS)
        self.kernels = AnyKernel(self.kernel_for)

    def kernel_for(self, name: str) -> Kernel:
        """The kernel of any primitive: every dtype, every layout, ``out=``."""
        count = self.outputs.get(name, 1)
        if count == 1:
            return Kernel(constant, out=True, owner=self.name)
        result = (ARRAY,) * count
        return Kernel(lambda *operands, **destination: result, out=True, owner=self.name)

    def supports(self, d: dtype) -> bool:
        """Every dtype."""
        return True

    def download(self, array: str, layout: Layout) -> np.ndarray[Any, Any]:
        """Zeros."""
        return np.zeros(layout.shape, layout.dtype.numpy)


class NullPlugin:
    """What the entry point ``corelib.backends: null`` names."""

    @HookimplMarker("corelib")
    def corelib_backend(self) -> BackendSpec:
        """The device type ``null``."""
        description = "computes nothing: measures the frontend's own cost"
        return BackendSpec("null", NullBackend, version=__version__, description=description, testing=True)


plugin = NullPlugin()
