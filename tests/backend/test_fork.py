"""After fork: the CPU works, a device that the parent used says why it does not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from corelib_conformance import strict

import corelib
from corelib.backend.registry import registry
from corelib.utils.data import DataLoader

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
MESSAGE = "Cannot re-initialize STRICT in forked subprocess. To use STRICT with multiprocessing"


@pytest.fixture
def device() -> Iterator[str]:
    if registry.is_installed("strict"):
        yield "strict"
        return
    registry.register_backend(strict.plugin)
    yield "strict"
    registry.unregister_backend("strict")


class OnDevice:
    def __init__(self, source: Any, device: str) -> None:
        self.source, self.device = source, device

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Any:
        return corelib.as_tensor(self.source).to(self.device) + 1


def test_a_device_that_the_parent_used_raises_in_the_child(device: str) -> None:
    on_device = corelib.ones(2, device=device)
    for source, target in ((on_device, "cpu"), ([1, 1], device)):
        with pytest.raises(RuntimeError, match=MESSAGE):
            list(DataLoader(OnDevice(source, target), None, num_workers=1))
    assert [x.tolist() for x in DataLoader(OnDevice([1, 1], "cpu"), None, num_workers=1)] == [[2, 2]]
    assert (on_device + 1).tolist() == [2, 2]
