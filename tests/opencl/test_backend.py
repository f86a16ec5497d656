"""What is the OpenCL backend's own: devices, memory, the cache of programs, errors that come later, threads."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import corelib
import corelib.nn.functional as F
from corelib.backend import BackendSpec, register_backend, unregister_backend
from corelib.backend.registry import registry


def test_a_device_is_listed_with_its_name_and_memory(opencl: str) -> None:
    properties = registry.get(opencl).properties(0)
    assert properties.name
    assert properties.total_memory is not None and properties.total_memory > 2**20


def test_devices_are_chosen_by_name(opencl: str) -> None:
    program = "import corelib, corelib.backend.registry as r; b = r.registry.get('opencl'); print(b.properties(0).name)"
    name = registry.get(opencl).properties(0).name
    chosen = {**os.environ, "CORELIB_OPENCL_DEVICES": name.split("-")[0]}
    done = subprocess.run([sys.executable, "-c", program], env=chosen, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == name
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "CORELIB_OPENCL_DEVICES": "no such"}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0 and "names 'no such', but the devices are" in done.stderr


def test_a_bad_index_is_raised_when_the_result_is_read(opencl: str) -> None:
    x = corelib.arange(4.0, device=opencl)
    wrong = corelib.gather(x, 0, corelib.tensor([1, 9], device=opencl))
    with pytest.raises(IndexError, match="index 9 is out of bounds for dimension 0 with size 4"):
        wrong.tolist()
    assert x.sum().item() == 6  # and work goes on


def test_division_by_zero_is_raised_at_synchronization(opencl: str) -> None:
    x = corelib.tensor([1, 2], device=opencl)
    corelib.div(x, corelib.tensor([1, 0], device=opencl), rounding_mode="trunc")
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        corelib.opencl.synchronize()
    corelib.opencl.synchronize()


def test_out_of_memory_is_an_error_after_which_work_goes_on(opencl: str) -> None:
    with pytest.raises(MemoryError, match="out of memory"):
        corelib.empty(2**50, dtype=corelib.uint8, device=opencl)
    assert (corelib.ones(3, device=opencl) * 2).tolist() == [2, 2, 2]


def test_memory_returns_to_its_level(opencl: str) -> None:
    backend = registry.get(opencl)
    x = corelib.rand(1000, device=opencl)
    (x * 2 + 1).softmax(0)
    corelib.opencl.synchronize()  # the error word is there from now on
    before = backend.memory_allocated(0)
    for _ in range(100):
        y = (x * 2 + 1).softmax(0)
    del y
    corelib.opencl.synchronize()
    assert backend.memory_allocated(0) == before


def test_threads_share_kernels(opencl: str) -> None:
    """A kernel's arguments are its state: two threads that launch the same one must not mix them."""
    wrong: list[int] = []

    def work(value: int) -> None:
        x = corelib.full((257,), float(value), device=opencl)
        for _ in range(200):
            if (x + x).sum().item() != 514 * value:
                wrong.append(value)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_compiled_programs_are_kept_and_damaged_ones_made_anew(opencl: str, tmp_path: Path) -> None:
    program = "import corelib; print((corelib.ones(3, device='opencl') + 41).tolist())"
    environment = {**os.environ, "CORELIB_OPENCL_CACHE": str(tmp_path)}

    def run() -> None:
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == "[42.0, 42.0, 42.0]"

    run()
    kept = {file: file.read_bytes() for file in tmp_path.iterdir()}
    assert kept
    run()
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == kept
    for file in kept:
        file.write_bytes(b"damaged")
    run()
    assert all(file.read_bytes() != b"damaged" for file in kept)


def test_training_follows_the_cpu(opencl: str) -> None:
    """Ten steps with dropout and batch normalization, from the same seed: the same random numbers, nearly the same
    arithmetic."""

    def losses(device: str) -> list[float]:
        corelib.manual_seed(7)
        net = corelib.nn.Sequential(
            corelib.nn.Conv2d(1, 4, 3), corelib.nn.BatchNorm2d(4), corelib.nn.ReLU(), corelib.nn.MaxPool2d(2),
            corelib.nn.Flatten(), corelib.nn.Dropout(0.3), corelib.nn.Linear(36, 10),
        ).to(device)  # fmt: skip
        optimizer = corelib.optim.Adam(net.parameters(), lr=1e-2)
        images, labels = corelib.rand(16, 1, 8, 8), corelib.arange(16) % 10
        corelib.manual_seed(11)
        found = []
        for _ in range(10):
            optimizer.zero_grad()
            loss = F.cross_entropy(net(images.to(device)), labels.to(device))
            loss.backward()
            optimizer.step()
            found.append(loss.item())
        return found

    assert losses(opencl) == pytest.approx(losses("cpu"), rel=1e-4)


def test_a_device_without_float64_refuses_it(opencl: str, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = registry.get(opencl)

    class Device:
        double_fp_config = 0

    monkeypatch.setattr(backend, "_found", [Device()])
    with pytest.raises(TypeError, match="float64"):
        corelib.zeros(2, dtype=corelib.float64, device=opencl)


@pytest.fixture
def grid(opencl: str) -> Iterator[str]:
    """The same device, told that it has many weak cores: what runs there is what runs on a GPU."""
    from corelib_opencl.backend import OpenCLBackend

    class Grid(OpenCLBackend):
        def schedule(self, device: object) -> str:
            return "grid"

    register_backend(BackendSpec("opencl_grid", Grid, testing=True))
    yield "opencl_grid"
    unregister_backend("opencl_grid")


FORMS: dict[str, Callable[[corelib.Tensor], corelib.Tensor]] = {
    "sum": lambda x: x.sum(),
    "sum of rows": lambda x: x.sum(1),
    "sum of columns": lambda x: x.sum(0),
    "argmax": lambda x: x.argmax(1),
    "sort": lambda x: x.sort(1)[0],
    "cumsum": lambda x: x.cumsum(1),
    "softmax": lambda x: x.softmax(1),
    "product": lambda x: x @ x.t(),
    "gather": lambda x: x.gather(1, x.argsort(1)),
}


@pytest.mark.parametrize("name", FORMS)
def test_forms_for_many_weak_cores(name: str, grid: str) -> None:
    x = corelib.rand(3, 300)
    found, expected = FORMS[name](x.to(grid)).cpu(), FORMS[name](x)
    assert corelib.allclose(found, expected, rtol=1e-5)
