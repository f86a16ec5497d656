"""The null backend answers everything, and adds no Python frame."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import numpy as np
import pytest
from corelib_conformance.null import ARRAY, OUTPUTS, NullBackend, plugin

import corelib
from corelib.device import Device
from corelib.dtypes import ALL_DTYPES, bfloat16, float32
from corelib.layout import Layout
from corelib.ops.primitive import PRIMITIVES

NULL = Device("null")


@pytest.fixture
def backend() -> NullBackend:
    return NullBackend()


def frames(call: Any) -> int:
    """How many Python frames the call enters beyond its own."""
    entered = []

    def watch(frame: FrameType, event: str, arg: Any) -> None:
        if event == "call":
            entered.append(frame.f_code)

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        call()
    finally:
        sys.setprofile(before)
    return len(entered) - 1


def test_plugin_describes_a_testing_backend() -> None:
    spec = plugin.corelib_backend()
    assert (spec.name, spec.testing, spec.contract) == ("null", True, (1, 0))
    assert isinstance(spec.create(), NullBackend)


@pytest.mark.parametrize("name", ["add", "matmul", "softmax", "a_primitive_of_tomorrow"])
def test_every_primitive_has_a_kernel(backend: NullBackend, name: str) -> None:
    assert name in backend.kernels
    entry = backend.kernels.get(name)
    assert entry is backend.kernels[name]
    assert entry.out and entry.dtypes == frozenset(ALL_DTYPES) and entry.owner == "null"
    assert entry.function(1, 2.0, "three", out=object()) == ARRAY
    assert entry.function() == ARRAY


def test_pairs_and_triples(backend: NullBackend) -> None:
    for name, count in OUTPUTS.items():
        assert backend.kernels[name].function(1, dim=0) == (ARRAY,) * count
    backend.outputs["mine"] = 4
    assert backend.kernels["mine"].function() == (ARRAY,) * 4


def test_kernels_and_storage_add_no_python_frame(backend: NullBackend) -> None:
    layout = Layout.of((2, 3), float32, NULL)
    kernel = backend.kernels["add"].function
    assert frames(lambda: kernel(ARRAY, 1.0, out=ARRAY)) == 0
    assert frames(lambda: backend.as_strided(ARRAY, layout, 0)) == 0
    assert frames(lambda: backend.allocate(layout)) == 0
    assert frames(lambda: backend.download(ARRAY, layout)) > 0  # the counter counts


def test_storage_is_constant_and_downloads_are_zeros(backend: NullBackend) -> None:
    layout = Layout.of((2, 3), bfloat16, NULL)
    assert backend.upload(np.ones((2, 3)), layout) == backend.allocate(layout) == ARRAY
    assert backend.as_strided(ARRAY, layout, 5) == backend.bitcast(ARRAY, layout) == ARRAY
    got = backend.download(ARRAY, layout)
    assert got.shape == (2, 3) and got.dtype == bfloat16.numpy and not got.any()


def test_every_dtype_is_supported(backend: NullBackend) -> None:
    assert all(backend.supports(d) and backend.device_supports(d, 0) for d in ALL_DTYPES)


def test_outputs_are_those_of_the_definitions() -> None:
    several = {name: len(prim.outputs) for name, prim in PRIMITIVES.items() if len(prim.outputs) > 1}
    assert several == OUTPUTS


def test_a_model_trains_on_null() -> None:
    nn = corelib.nn
    images = [nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    model = nn.Sequential(*images, nn.Linear(36, 8), nn.LayerNorm(8), nn.Dropout(0.1)).to("null")
    x, y = corelib.ones(2, 1, 8, 8, device="null"), corelib.zeros(2, dtype=corelib.int64, device="null")
    nn.functional.cross_entropy(model(x), y).backward()
    corelib.optim.SGD(model.parameters(), lr=0.1).step()
    assert all(p.grad is not None and p.grad.shape == p.shape for p in model.parameters())
