"""The kernels of a family (operands, dtype, form) are compiled at once where a backend asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import corelib
from corelib.backend import register_backend
from corelib.backend.registry import registry

pytestmark = pytest.mark.xdist_group("codegen")


@pytest.fixture
def programs(host_module: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[list[str]]]:
    """Names of the kernels of each program that the device ``batched`` builds."""
    programs: list[list[str]] = []

    class Batched(host_module.HostBackend):  # type: ignore[name-defined, misc]
        def batches(self, index: int) -> bool:
            return True

        def build(self, source: str, kernels: Any, index: int) -> list[Any]:
            programs.append([k.name.removeprefix("run_").rsplit("_", 1)[0] for k in kernels])
            return super().build(source, kernels, index)

    register_backend(Batched.spec("batched", tmp_path_factory.mktemp("batched")))
    yield programs
    registry.unregister_backend("batched")


def test_the_first_of_a_family_builds_all(programs: list[list[str]]) -> None:
    host = np.linspace(0.1, 3, 50, dtype=np.float32)
    x = corelib.tensor(host, device="batched")
    programs.clear()
    np.testing.assert_allclose(x.exp().cpu().numpy(), np.exp(host), rtol=1e-6)
    [names] = programs
    assert {"exp", "log", "neg", "relu", "sqrt"} <= set(names)
    assert not {"add", "where", "cast"} & set(names)
    np.testing.assert_allclose(x.log().cpu().numpy(), np.log(host), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal((-x).cpu().numpy(), -host)
    assert len(programs) == 1


def test_other_forms_and_dtypes_are_families_of_their_own(programs: list[list[str]]) -> None:
    x = corelib.arange(6.0, device="batched").reshape(2, 3)
    x.exp()
    programs.clear()
    x.t().exp()
    x.double().exp()
    assert [len(names) > 10 for names in programs if "exp" in names] == [True, True]


def test_kernels_that_raise_are_known_among_them(programs: list[list[str]]) -> None:
    x, y = (corelib.tensor([6, 7], dtype=corelib.int32, device="batched") for _ in range(2))
    assert (x * y).tolist() == [36, 49]
    programs.clear()
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        corelib.fmod(x, y - y).cpu()
    assert corelib.fmod(x, y).tolist() == [0, 0]
    assert not [names for names in programs if "fmod" in names]
