"""Three backends seen from NumPy: what the tests of the required kernels run on.

``run`` is ArrayModuleBackend over array-api-strict (so that it is not NumPy's twin), then over NumPy with
ml_dtypes' bfloat16, then the CPU backend, whose kernels replace most of it.  ``@pytest.mark.dtypes(...)``
gives a test the argument ``dtype``, each that the backend supports.
"""

from __future__ import annotations

import warnings
from typing import Any

import array_api_strict
import ml_dtypes
import numpy as np
import pytest
from corelib_cpu.backend import CpuBackend

from corelib import dtypes as D
from corelib.backend.array_module import ArrayModuleBackend
from corelib.device import Device
from corelib.layout import Layout

MAKERS = {
    "strict": lambda: ArrayModuleBackend(array_api_strict),
    "numpy": lambda: ArrayModuleBackend(np, {D.bfloat16: np.dtype(ml_dtypes.bfloat16)}),
    "cpu": CpuBackend,
}
UNITS = {D.float16: 2.0**-11, D.bfloat16: 2.0**-8, D.float32: 2.0**-24, D.float64: 2.0**-53}
SUBJECTS: dict[str, Subject] = {}


class Subject:
    """A backend: host arrays in and out, results checked for shape and dtype."""

    def __init__(self, name: str) -> None:
        self.name, self.backend = name, MAKERS[name]()

    def layout(self, shape: Any, dtype: D.dtype) -> Layout:
        return Layout.of(tuple(shape), dtype, Device("cpu"))

    def put(self, host: Any) -> Any:
        host = np.array(host, order="C")
        return self.backend.upload(host, self.layout(host.shape, D.from_numpy_dtype(host.dtype)))

    def get(self, array: Any) -> Any:
        supported = [d for d in D.ALL_DTYPES if self.backend.supports(d)]
        source = next(d for d in supported if array.dtype == self.native(d))
        return self.backend.download(array, self.layout(array.shape, source))

    def native(self, dtype: D.dtype) -> Any:
        return getattr(array_api_strict, dtype.name) if self.name == "strict" else dtype.numpy

    def __call__(self, kernel: str, *operands: Any) -> Any:
        """Run a kernel; NumPy operands are uploaded, everything else is passed as it is."""
        operands = tuple(self.put(x) if isinstance(x, np.ndarray) else x for x in operands)
        function = self.backend.kernels[kernel].function
        with warnings.catch_warnings():
            if self.name != "cpu":  # the CPU backend must not warn by itself
                warnings.simplefilter("ignore", RuntimeWarning)
            result = function(*operands)
        return tuple(map(self.get, result)) if isinstance(result, tuple) else self.get(result)

    @staticmethod
    def numbers(shape: Any, dtype: D.dtype, seed: int = 0, low: float = -3.0, high: float = 3.0) -> Any:
        """Random host array."""
        generator = np.random.default_rng([seed, *shape])
        if dtype is D.bool_:
            return np.asarray(generator.integers(0, 2, shape)).astype(bool)
        if dtype.category == 1:
            lowest = max(np.iinfo(dtype.numpy).min, -20)
            return np.asarray(generator.integers(lowest, 20, shape)).astype(dtype.numpy)
        values = np.asarray(generator.uniform(low, high, shape))
        if dtype.is_complex:
            values = np.asarray(values + 1j * generator.uniform(low, high, shape))
        return values.astype(np.float32).astype(dtype.numpy) if dtype.is_half else values.astype(dtype.numpy)

    @staticmethod
    def wide(x: Any) -> Any:
        return x.astype(np.complex128 if x.dtype.kind == "c" else np.float64)

    @staticmethod
    def unit(dtype: D.dtype) -> float:
        """Half of the distance between 1 and the next number."""
        return UNITS[dtype.to_real()]

    @staticmethod
    def close(got: Any, want: Any, dtype: D.dtype, ulp: float = 4.0) -> None:
        """Within ``ulp`` units in the last place of ``dtype`` (and both nan, both infinite)."""
        assert got.dtype == dtype.numpy
        assert got.shape == np.shape(want)
        wide = np.complex128 if dtype.is_complex else np.float64
        tolerance = 2 * ulp * UNITS[dtype.to_real()]
        np.testing.assert_allclose(got.astype(wide), np.asarray(want).astype(wide), rtol=tolerance, atol=1e-300)

    @staticmethod
    def same(got: Any, want: Any) -> None:
        want = np.asarray(want)
        assert got.dtype == want.dtype
        assert got.shape == want.shape
        if want.dtype.kind == "V":  # NumPy does not see that bfloat16's nan is one
            got, want = got.astype(np.float32), want.astype(np.float32)
        np.testing.assert_array_equal(got, want)


def subject(name: str) -> Subject:
    if name not in SUBJECTS:
        SUBJECTS[name] = Subject(name)
    return SUBJECTS[name]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "dtypes(*dtypes): run for each of these that the backend supports")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "run" not in metafunc.fixturenames:
        return
    if "dtype" not in metafunc.fixturenames:
        metafunc.parametrize("run", [subject(name) for name in MAKERS], ids=list(MAKERS))
        return
    (dtypes,) = (marker.args for marker in metafunc.definition.iter_markers("dtypes"))
    pairs = [(subject(name), d) for name in MAKERS for d in dtypes if subject(name).backend.supports(d)]
    metafunc.parametrize("run,dtype", pairs, ids=[f"{run.name}-{d.name}" for run, d in pairs])
