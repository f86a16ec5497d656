"""A strict backend to try kernels on, and what the tests of its families share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from corelib_conformance.strict import StrictBackend

from corelib.device import Device
from corelib.dtypes import (
    ALL_DTYPES,
    bool_,
    dtype,
    from_numpy_dtype,
    uint8,
)
from corelib.layout import Layout, contiguous_strides

REAL = [d for d in ALL_DTYPES if not d.is_complex]
FLOATS = [d for d in REAL if d.is_floating_point]
INTEGERS = [d for d in REAL if d.category == 1]
NUMBERS = INTEGERS + FLOATS
STRICT = Device("strict")

# fmt: off
UNARY = [
    "neg", "abs", "floor", "round", "sqrt", "exp", "expm1", "log", "log1p", "sin", "cos", "tanh", "erf", "bitwise_not",
]
BINARY = [
    "add", "sub", "mul", "div", "trunc_divide", "fmod", "pow", "atan2", "maximum", "minimum", "eq", "lt", "le",
    "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift",
]
OTHER = [
    "where", "sum", "prod", "amax", "amin", "argmax", "argmin", "cumsum", "gather", "scatter", "matmul", "sort",
    "random_bits",
]
TRAINING = ["scatter_add", "cumprod", "cummax", "cummin"]
# fmt: on
REQUIRED = {"fill", "copy", "cast", "arange", *UNARY, *BINARY, *OTHER, *TRAINING}


def layout(shape: tuple[int, ...], d: dtype, index: int | None = None) -> Layout:
    return Layout.of(shape, d, STRICT if index is None else Device("strict", index))


class Bench:
    """A backend with short ways to put arrays on it, call its kernels and look at what comes back."""

    def __init__(self) -> None:
        self.backend = StrictBackend()

    def put(self, values: Any, d: dtype | None = None, index: int = 0) -> Any:
        host = np.asarray(values)
        d = d or from_numpy_dtype(host.dtype)
        host = np.array(host.astype(d.numpy), order="C")
        return self.backend.upload(host, layout(host.shape, d, index))

    def view(self, values: Any, d: dtype, kind: str) -> Any:
        """A handle with these values that lies in memory as ``kind`` says."""
        host = np.asarray(values).astype(d.numpy)
        if kind == "dense":
            return self.put(host, d)
        if kind == "transposed":
            memory, strides = host.T, contiguous_strides(host.T.shape)[::-1]
            return self._as_strided(memory, d, host.shape, strides, 0)
        if kind == "offset":
            padded = np.concatenate([np.zeros(3, d.numpy), host.ravel()])
            return self._as_strided(padded, d, host.shape, contiguous_strides(host.shape), 3)
        if kind == "reversed":
            strides = [-s for s in contiguous_strides(host.shape)]
            return self._as_strided(np.flip(host), d, host.shape, strides, max(host.size - 1, 0))
        assert kind == "sparse"
        padded = np.zeros(2 * host.size + 1, d.numpy)
        padded[1::2] = host.ravel()
        return self._as_strided(padded, d, host.shape, [2 * s for s in contiguous_strides(host.shape)], 1)

    def _as_strided(self, memory: Any, d: dtype, shape: tuple[int, ...], strides: Sequence[int], offset: int) -> Any:
        target = Layout.of(shape, d, STRICT, tuple(strides))
        return self.backend.as_strided(self.put(memory.ravel(), d), target, offset)

    def expand(self, values: Any, d: dtype, shape: tuple[int, ...]) -> Any:
        """A handle of ``shape`` with stride 0 where the values' size is 1."""
        host = np.asarray(values).astype(d.numpy)
        strides = [0 if n == 1 else s for n, s in zip(host.shape, contiguous_strides(host.shape), strict=True)]
        return self._as_strided(host, d, shape, strides, 0)

    def get(self, array: Any, shape: tuple[int, ...], d: dtype, index: int = 0) -> np.ndarray[Any, Any]:
        return self.backend.download(array, layout(shape, d, index))

    def call(self, name: str, *operands: Any, **destination: Any) -> Any:
        return self.backend.kernels[name].function(*operands, **destination)


KINDS = ("dense", "transposed", "offset", "reversed", "sparse")
SHAPES = [(), (1,), (7,), (3, 4), (2, 3, 5), (0,), (2, 0, 3)]


def sample(d: dtype, shape: tuple[int, ...], seed: int = 0, low: float = -3.0, high: float = 3.0) -> Any:
    generator = np.random.default_rng(seed)
    if d is bool_:
        return generator.integers(0, 2, shape).astype(bool)
    if d.category == 1:
        return generator.integers(0 if d is uint8 else -20, 20, shape).astype(d.numpy)
    return generator.uniform(low, high, shape).astype(d.numpy)


def wide(values: Any, d: dtype) -> Any:
    """Values as the type that oracles compute in."""
    return np.asarray(values).astype(np.float64 if d.is_floating_point else d.numpy)


def check(got: Any, expected: Any, d: dtype, ulps: float = 8.0) -> None:
    """Integers and bools exactly, floats within ``ulps`` units in the last place of ``d``."""
    assert got.dtype == d.numpy
    if not d.is_floating_point:
        np.testing.assert_array_equal(got, np.asarray(expected).astype(d.numpy))
        return
    eps = {"float64": 2.0**-52, "float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}[d.name]
    np.testing.assert_allclose(got.astype(np.float64), expected, rtol=ulps * eps, atol=ulps * eps * 1e-3)
