"""The device type ``host`` for the tests of rendered kernels, its programs compiled beforehand."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from corelib_conformance.cases import cases

from corelib.backend import BackendSpec, register_backend
from corelib.backend.registry import registry
from corelib.device import Device


def _loaded(name: str) -> ModuleType:
    """A module of this folder, which is no package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def host_module() -> ModuleType:
    """``host.py``; the tests that need it are skipped where there is no C compiler."""
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler")
    return _loaded("host")


@pytest.fixture(scope="session")
def kernels(host_module: ModuleType) -> Iterator[list]:
    """All kernels that the operator cases need."""
    register_backend(BackendSpec("recorder", host_module.Recorder, description="renders kernels"))
    yield host_module.recorded(cases(), Device("recorder:0"))
    registry.unregister_backend("recorder")


@pytest.fixture(scope="session")
def host(host_module: ModuleType, kernels: list, pytestconfig: pytest.Config) -> Iterator[str]:
    """The device ``host``."""
    folder = pytestconfig.cache.mkdir("codegen")
    register_backend(host_module.HostBackend.spec(folder))
    host_module.HostBackend.libraries.prepare(kernels)
    yield "host"
    registry.unregister_backend("host")
