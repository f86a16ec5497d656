"""The device type ``host`` for the tests of rendered kernels, its programs compiled beforehand."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from corelib.backend import register_backend
from corelib.backend.registry import registry
from corelib.codegen.dialects import C
from corelib.codegen.writer import Kernel


def _loaded(name: str) -> ModuleType:
    """A module of this folder, which is no package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def nvrtc_module() -> ModuleType:
    """``nvrtc.py``."""
    return _loaded("nvrtc")


@pytest.fixture(scope="session")
def host_module() -> ModuleType:
    """``host.py``; the tests that need it are skipped where there is no C compiler."""
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler")
    return _loaded("host")


@pytest.fixture(scope="session")
def grid_module(host_module: ModuleType) -> ModuleType:
    """``grid.py``."""
    return _loaded("grid")


@pytest.fixture(scope="session")
def host(host_module: ModuleType, pytestconfig: pytest.Config) -> Iterator[str]:
    """The device type ``host``: kernels as a processor of few strong cores runs them."""
    yield from _registered("host", host_module.HostBackend, host_module.recorded(C), pytestconfig)


@pytest.fixture(scope="session")
def grid(host_module: ModuleType, grid_module: ModuleType, pytestconfig: pytest.Config) -> Iterator[str]:
    """The device type ``grid``: kernels as a processor of many weak cores runs them."""
    yield from _registered("grid", grid_module.GridBackend, host_module.recorded(grid_module.GRID), pytestconfig)


@pytest.fixture(scope="session")
def grid_device(host_module: ModuleType, grid_module: ModuleType, pytestconfig: pytest.Config) -> Iterator[str]:
    """The same, whose kernels compile one by one."""
    yield from _registered("grid_device", grid_module.SmallGridBackend, [], pytestconfig)


def _registered(name: str, backend: Any, kernels: list[Kernel], config: pytest.Config) -> Iterator[str]:
    register_backend(backend.spec(name, config.cache.mkdir(f"codegen-{name}")))
    backend.libraries.prepare(kernels)
    yield name
    registry.unregister_backend(name)
