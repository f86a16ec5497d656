"""Device modules, device contexts, moving and mixing devices, and the meta device."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from corelib_cpu.backend import CpuBackend

import corelib
from corelib.backend import BackendNotAvailable, BackendSpec, register_backend, unregister_backend
from corelib.backend.registry import registry

BUILT_IN = ("cpu", "cuda", "opencl", "mps", "xpu")
ABSENT = ("cuda", "mps", "xpu")  # no backend of these is installed where the tests run


class Tablet(CpuBackend):
    """A third party's device type, with two devices."""

    def device_count(self) -> int:
        return 2

    def memory_allocated(self, index: int) -> int:
        return 1000 + index


@pytest.fixture(autouse=True)
def only_the_cpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Other accelerators that are installed where the tests run are hidden."""
    monkeypatch.setenv("CORELIB_BACKENDS_BLOCK", "opencl,cuda")
    registry.rescan()
    if "opencl" in registry.types():
        pytest.fail("a blocked backend is still listed")
    yield
    monkeypatch.undo()
    registry.rescan()


@pytest.fixture
def tablet() -> Iterator[None]:
    register_backend(BackendSpec("tablet", Tablet))
    yield
    unregister_backend("tablet")


# -- modules -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BUILT_IN)
def test_modules_of_known_types_are_always_there(name: str) -> None:
    module = getattr(corelib, name)
    assert module is getattr(corelib, name)
    assert repr(module) == f"<device module '{name}'>"
    assert isinstance(module.is_available(), bool)


def test_the_cpu_is_available() -> None:
    assert (corelib.cpu.is_available(), corelib.cpu.device_count(), corelib.cpu.current_device()) == (True, 1, 0)
    assert corelib.cpu.get_device_name()
    assert corelib.cpu.get_device_properties().total_memory > 2**20
    corelib.cpu.synchronize()


@pytest.mark.parametrize("name", ABSENT)
def test_where_nothing_is_installed_queries_say_so(name: str) -> None:
    module = getattr(corelib, name)
    assert (module.is_available(), module.device_count()) == (False, 0)
    for use in (module.get_device_name, module.synchronize, lambda: corelib.ones(2, device=name)):
        with pytest.raises(BackendNotAvailable, match=f"device type '{name}' is not available: no installed package"):
            use()


@pytest.mark.usefixtures("tablet")
def test_a_third_partys_type_appears() -> None:
    module: Any = corelib.tablet
    assert (module.is_available(), module.device_count()) == (True, 2)
    assert module.memory_allocated() == 1000
    assert module.memory_allocated("tablet:1") == module.memory_allocated(1) == 1001
    x = corelib.ones(2, device="tablet:1")
    assert (x + 1).device == corelib.device("tablet:1")
    module.manual_seed(3)
    assert corelib.initial_seed() == 3


def test_an_unknown_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="module 'corelib' has no attribute 'gadget'"):
        _ = corelib.gadget


@pytest.mark.parametrize("name", ["nn", "float", "tensor", "debug", "meta", "add"])
def test_a_type_whose_name_is_taken_is_refused(name: str) -> None:
    with pytest.raises(BackendNotAvailable, match=f"'{name}', a name that corelib has taken"):
        register_backend(BackendSpec(name, Tablet))


def test_a_type_must_be_an_identifier() -> None:
    with pytest.raises(BackendNotAvailable, match="'my chip', which is no identifier"):
        register_backend(BackendSpec("my chip", Tablet))


@pytest.mark.parametrize("use", ["get_device_name", "get_device_properties", "synchronize", "memory_allocated"])
def test_queries_check_their_device(use: str) -> None:
    query = getattr(corelib.strict, use)
    query(1)
    for outside in (2, -1, "strict:2"):
        with pytest.raises(RuntimeError, match="invalid device ordinal"):
            query(outside)
    with pytest.raises(ValueError, match="Expected a strict device, but got: cpu"):
        query("cpu")


def test_the_current_device_is_that_of_the_context() -> None:
    assert corelib.strict.current_device() == 0
    with corelib.device("strict:1"), corelib.device("cpu"):
        assert corelib.strict.current_device() == 1
    assert corelib.strict.current_device() == 0


# -- accelerator ---------------------------------------------------------------------------------------------


def test_testing_devices_are_no_accelerators() -> None:
    """``strict`` and ``null`` are installed here."""
    accelerator = corelib.accelerator
    assert accelerator.current_accelerator() is None
    assert (accelerator.is_available(), accelerator.device_count()) == (False, 0)
    assert accelerator.current_device_index() == 0
    accelerator.synchronize()


@pytest.mark.usefixtures("tablet")
def test_another_device_is_the_accelerator() -> None:
    accelerator = corelib.accelerator
    assert accelerator.current_accelerator() == corelib.device("tablet")
    assert (accelerator.is_available(), accelerator.device_count()) == (True, 2)
    with corelib.device("tablet:1"):
        assert accelerator.current_device_index() == 1
    accelerator.synchronize()


def test_a_type_without_hardware_is_no_available_accelerator() -> None:
    class Unplugged(CpuBackend):
        def device_count(self) -> int:
            return 0

    register_backend(BackendSpec("unplugged", Unplugged))
    try:
        assert corelib.accelerator.current_accelerator() == corelib.device("unplugged")
        assert corelib.accelerator.current_accelerator(check_available=True) is None
        assert not corelib.accelerator.is_available()
        assert (corelib.unplugged.is_available(), corelib.unplugged.device_count()) == (False, 0)
        with pytest.raises(BackendNotAvailable, match="finds no such device"):
            corelib.ones(2, device="unplugged")
    finally:
        unregister_backend("unplugged")


# -- where tensors are made ----------------------------------------------------------------------------------

FACTORIES = {
    "tensor": lambda **k: corelib.tensor([1.0], **k),
    "ones": lambda **k: corelib.ones(2, **k),
    "zeros": lambda **k: corelib.zeros(2, **k),
    "empty": lambda **k: corelib.empty(2, **k),
    "full": lambda **k: corelib.full((2,), 3, **k),
    "arange": lambda **k: corelib.arange(3, **k),
    "linspace": lambda **k: corelib.linspace(0, 1, 3, **k),
    "eye": lambda **k: corelib.eye(2, **k),
    "rand": lambda **k: corelib.rand(2, **k),
    "randn": lambda **k: corelib.randn(2, **k),
    "randint": lambda **k: corelib.randint(0, 5, (2,), **k),
    "randperm": lambda **k: corelib.randperm(3, **k),
    "Linear": lambda **k: corelib.nn.Linear(2, 2, **k).weight,
}


@pytest.mark.parametrize("name", FACTORIES)
def test_factories_follow_argument_context_and_default(name: str) -> None:
    make = FACTORIES[name]
    first, second = corelib.device("strict:0"), corelib.device("strict:1")
    assert make().device == corelib.device("cpu")
    assert make(device="strict").device == first
    with second:
        assert make().device == second
        assert make(device="strict:0").device == first
        with corelib.device("cpu"):
            assert make().device == corelib.device("cpu")
        assert make().device == second
    corelib.set_default_device("strict:1")
    try:
        assert make().device == second
        with first:
            assert make().device == first
    finally:
        corelib.set_default_device(None)
    assert make().device == corelib.device("cpu")


def test_like_factories_stay_where_the_other_is() -> None:
    x = corelib.ones(2, device="strict:1")
    with corelib.device("cpu"):
        for like in (
            corelib.ones_like,
            corelib.zeros_like,
            corelib.empty_like,
            corelib.rand_like,
            x.new_zeros(3).clone,
        ):
            assert (like(x) if like.__name__ != "clone" else like()).device == x.device


def test_from_numpy_is_on_the_cpu_whatever_the_context() -> None:
    with corelib.device("strict:1"):
        assert corelib.from_numpy(np.ones(2)).device == corelib.device("cpu")


def test_from_numpy_shares_memory_where_it_may_be_written() -> None:
    host = np.zeros((2, 3))
    x = corelib.from_numpy(host)
    x[0].add_(1)
    host[1, 2] = 7
    assert x.tolist() == host.tolist() == [[1, 1, 1], [0, 0, 7]]
    assert x.numpy() is host
    host.flags.writeable = False
    corelib.from_numpy(host).zero_()
    assert host[1, 2] == 7


def test_default_device_is_readable() -> None:
    assert corelib.get_default_device() == corelib.device("cpu")
    with corelib.device("strict"):
        assert corelib.get_default_device() == corelib.device("strict")


def test_an_index_out_of_range_is_refused() -> None:
    assert corelib.device("strict:7").index == 7, "a device object promises nothing"
    for make in (lambda: corelib.ones(2, device="strict:7"), lambda: corelib.ones(2).to("strict:7")):
        with pytest.raises(RuntimeError, match="invalid device ordinal: device strict:7 asked for, but there are 2"):
            make()


def test_a_dtype_that_the_device_lacks_is_refused() -> None:
    """The second strict device has no float64."""
    wide = corelib.ones(2, dtype=corelib.float64)
    attempts = [
        lambda: corelib.ones(2, dtype=corelib.float64, device="strict:1"),
        lambda: corelib.tensor([1.0], dtype=corelib.float64, device="strict:1"),
        lambda: corelib.empty(2, dtype=corelib.float64, device="strict:1"),
        lambda: wide.to("strict:1"),
        lambda: corelib.ones(2, dtype=corelib.float64, device="strict:0").to("strict:1"),
        lambda: corelib.ones(2, device="strict:1").double(),
        lambda: corelib.ones(2, device="strict:1").sum(dtype=corelib.float64),
    ]
    for attempt in attempts:
        with pytest.raises(TypeError, match=r"device strict:1 does not support torch\.float64"):
            attempt()
    assert wide.to("strict:0").dtype is corelib.float64
    assert wide.to("strict:1", corelib.float32).dtype is corelib.float32


# -- moving --------------------------------------------------------------------------------------------------


def test_to_moves_values_and_keeps_what_is_there() -> None:
    x = corelib.arange(6.0).reshape(2, 3)
    assert x.to("cpu") is x and x.cpu() is x
    there = x.t().to("strict:1")
    assert (there.device, there.tolist()) == (corelib.device("strict:1"), x.t().tolist())
    assert there.to("strict:1") is there
    assert there.to("strict").device == corelib.device("strict:0")
    assert there.to("strict").tolist() == there.cpu().tolist() == x.t().tolist()
    assert x.to(there).device == there.device
    assert x.to("strict", corelib.float64).dtype is corelib.float64


def test_gradients_cross_devices() -> None:
    x = corelib.ones(2, device="strict", requires_grad=True)
    (x.cpu() * 3).to("strict:1").sum().backward()
    assert (x.grad.device, x.grad.tolist()) == (x.device, [3.0, 3.0])


def test_modules_move() -> None:
    model = corelib.nn.Sequential(corelib.nn.Linear(3, 2), corelib.nn.BatchNorm1d(2)).to("strict:1")
    assert {p.device for p in model.parameters()} | {b.device for b in model.buffers()} == {corelib.device("strict:1")}
    assert model(corelib.ones(4, 3, device="strict:1")).device == corelib.device("strict:1")


# -- mixing --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["add", "where", "matmul", "cat", "gather", "linear", "maximum", "add_"])
def test_mixing_devices_raises_what_pytorch_raises(operation: str) -> None:
    a, b = corelib.ones(2, 2, device="strict"), corelib.ones(2, 2)
    attempt = {
        "add": lambda: a + b,
        "where": lambda: corelib.where(a > 0, a, b),
        "matmul": lambda: a @ b,
        "cat": lambda: corelib.cat([a, b]),
        "gather": lambda: corelib.gather(a, 0, b.long()),
        "linear": lambda: corelib.nn.functional.linear(a, b),
        "maximum": lambda: corelib.maximum(b, a),
        "add_": lambda: a.add_(b),
    }[operation]
    devices = "(strict:0 and cpu|cpu and strict:0)"
    message = f"Expected all tensors to be on the same device, but found at least two devices, {devices}!"
    with pytest.raises(RuntimeError, match=message):
        attempt()


def test_two_devices_of_a_type_do_not_mix() -> None:
    with pytest.raises(RuntimeError, match="at least two devices, strict:0 and strict:1!"):
        corelib.ones(2, device="strict:0") + corelib.ones(2, device="strict:1")


@pytest.mark.parametrize("scalar", [corelib.tensor(2.5), corelib.tensor(2), corelib.tensor(True)])
def test_a_0_d_cpu_tensor_goes_with_any_device(scalar: Any) -> None:
    x = corelib.ones(2, device="strict", dtype=corelib.float16)
    for got in (
        x * scalar,
        scalar * x,
        corelib.where(x > 0, x, scalar) if scalar.dtype.is_floating_point else x * scalar,
    ):
        assert (got.device, got.dtype) == (x.device, x.dtype)
    assert (x * scalar).tolist() == [float(scalar)] * 2
    assert (x.long() * corelib.tensor(3)).tolist() == [3, 3]


def test_a_0_d_tensor_of_another_device_does_not_go_with_the_cpu_or_others() -> None:
    scalar = corelib.tensor(2.0, device="strict")
    with pytest.raises(RuntimeError, match="at least two devices"):
        corelib.ones(2) + scalar
    with pytest.raises(RuntimeError, match="at least two devices"):
        corelib.ones(2, device="strict:1") + scalar


# -- meta ----------------------------------------------------------------------------------------------------


def test_meta_runs_the_rules_alone() -> None:
    x = corelib.empty(2, 3, device="meta")
    assert (x.device, x.is_meta, corelib.ones(1).is_meta) == (corelib.device("meta"), True, False)
    y = corelib.softmax(x @ corelib.ones(3, 4, device="meta"), 1).sum(0, dtype=corelib.float64)
    assert (tuple(y.shape), y.dtype, y.device) == ((4,), corelib.float64, x.device)
    assert corelib.sort(x)[1].dtype is corelib.int64
    assert x.t()[1:].stride() == (1, 3)
    assert corelib.rand(2, 2, device="meta").shape == (2, 2)
    x.add_(1).t().mul_(2)
    with pytest.raises(RuntimeError, match=r"mat1 and mat2 shapes cannot be multiplied \(2x3 and 2x4\)"):
        x @ corelib.ones(2, 4, device="meta")
    with pytest.raises(RuntimeError, match=r"The size of tensor a \(3\) must match the size of tensor b \(4\)"):
        x + corelib.ones(4, device="meta")


def test_a_whole_model_runs_on_meta() -> None:
    nn = corelib.nn
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 10)
    )
    model.to("meta")
    logits = model(corelib.empty(2, 1, 8, 8, device="meta"))
    loss = nn.functional.cross_entropy(logits, corelib.zeros(2, dtype=corelib.int64, device="meta"))
    loss.backward()
    assert tuple(logits.shape) == (2, 10)
    assert all(p.grad.is_meta and p.grad.shape == p.shape for p in model.parameters())


def test_meta_has_no_elements_to_give() -> None:
    x = corelib.ones(1, device="meta")
    readers = [x.item, x.tolist, x.cpu, lambda: bool(x), lambda: float(x), lambda: x.to("strict")]
    for read in readers:
        with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor; no data!"):
            read()
    assert repr(x) == "tensor(..., device='meta', size=(1,))"


def test_meta_takes_from_anywhere() -> None:
    assert corelib.ones(2, device="strict").to("meta").is_meta
    assert corelib.nn.Linear(2, 3, device="meta").weight.is_meta


def test_meta_does_not_mix() -> None:
    with pytest.raises(RuntimeError, match="at least two devices, meta and cpu!"):
        corelib.ones(2, device="meta") + corelib.ones(2)


def test_saving_meta_says_why_not() -> None:
    with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor; no data!"):
        corelib.save({"x": corelib.ones(2, device="meta")}, io.BytesIO())
