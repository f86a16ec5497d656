"""Device: construction, interning, contexts."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from corelib.device import Device, current_device, get_default_device, set_default_device


@pytest.fixture
def restore_default():
    yield
    set_default_device(None)


@pytest.mark.parametrize(
    ("arguments", "type_", "index"),
    [
        (("cpu",), "cpu", None),
        (("cuda:1",), "cuda", 1),
        (("cuda", 1), "cuda", 1),
        (("cuda", None), "cuda", None),
        (("my_device2:10",), "my_device2", 10),
        ((Device("cuda", 3),), "cuda", 3),
    ],
)
def test_construction(arguments, type_, index):
    device = Device(*arguments)
    assert (device.type, device.index) == (type_, index)


def test_keywords():
    assert Device(type="cuda", index=1) is Device("cuda:1")


def test_texts():
    assert [repr(Device("cuda")), repr(Device("cuda:1"))] == ["device(type='cuda')", "device(type='cuda', index=1)"]
    assert [str(Device("cuda")), str(Device("cuda:1"))] == ["cuda", "cuda:1"]


def test_equal_devices_are_one_object():
    device = Device("cuda:1")
    assert device is Device("cuda", 1) is copy.deepcopy(device) is copy.copy(device)
    assert device is pickle.loads(pickle.dumps(device))
    assert Device("cuda") != Device("cuda:0")
    assert device != "cuda:1"


def test_devices_made_in_many_threads_at_once_are_one_object():
    start = Barrier(8)

    def make(_):
        start.wait()
        return [Device(f"threaded:{i}") for i in range(200)]

    with ThreadPoolExecutor(8) as pool:
        first, *others = pool.map(make, range(8))
    assert all(a is b for other in others for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("name", ["type", "index", "color"])
def test_immutable(name):
    device = Device("cuda:1")
    with pytest.raises(AttributeError, match=f"attribute '{name}' of 'torch.device' objects is not writable"):
        setattr(device, name, "cpu")
    with pytest.raises(AttributeError, match=f"attribute '{name}' of 'torch.device' objects is not writable"):
        delattr(device, name)
    assert (device.type, device.index) == ("cuda", 1)


BAD_STRINGS = ["", ":0", "cuda:", "cuda:a", "cuda:-1", "cuda:01", "cuda 0", "cuda:0:1", "cpu\n", "1cpu", "cpu:３"]  # noqa: RUF001
BAD_ARGUMENTS = [
    (RuntimeError, ("cuda:0", 0)),
    (RuntimeError, ("cuda", -1)),
    (TypeError, ()),
    (TypeError, (None,)),
    (TypeError, (1.5,)),
    (TypeError, (True,)),
    (TypeError, ("cuda", "1")),
    (TypeError, ("cuda", 1.0)),
    (TypeError, ("cuda", True)),
    (TypeError, ("cuda", 1, 2)),
]


@pytest.mark.parametrize("text", BAD_STRINGS)
def test_strings_that_name_no_device(text):
    with pytest.raises(RuntimeError, match=r"^Invalid device string: '"):
        Device(text)


@pytest.mark.parametrize(("error", "arguments"), BAD_ARGUMENTS)
def test_bad_arguments(error, arguments):
    with pytest.raises(error):
        Device(*arguments)


def test_a_device_takes_no_second_index():
    with pytest.raises(TypeError, match=r"must be str, not torch\.device"):
        Device(Device("cuda"), 1)


@pytest.mark.oracle
@pytest.mark.parametrize("text", BAD_STRINGS)
def test_pytorch_refuses_the_same_strings(torch, text):
    with pytest.raises(RuntimeError):
        torch.device(text)


@pytest.mark.oracle
@pytest.mark.parametrize(("error", "arguments"), BAD_ARGUMENTS)
def test_pytorch_refuses_the_same_arguments(torch, error, arguments):
    with pytest.raises(error):
        torch.device(*arguments)


@pytest.mark.oracle
@pytest.mark.parametrize("arguments", [("cpu",), ("cpu:0",), ("cuda", 1), ("cuda:12",), ("meta",), ("cuda", None)])
def test_same_as_pytorch(torch, arguments):
    ours, theirs = Device(*arguments), torch.device(*arguments)
    assert (ours.type, ours.index, repr(ours), str(ours)) == (theirs.type, theirs.index, repr(theirs), str(theirs))


# -- default device ---------------------------------------------------------------------------------


def test_default_device(restore_default):
    assert get_default_device() is Device("cpu")
    set_default_device("cuda:1")
    assert get_default_device() is current_device(None) is Device("cuda:1")
    assert current_device("meta") is Device("meta")
    set_default_device(None)
    assert get_default_device() is Device("cpu")


def test_contexts_nest_and_end_with_an_exception():
    with Device("meta") as entered:
        assert entered is get_default_device() is Device("meta")
        with pytest.raises(ZeroDivisionError), Device("cuda:1"):
            assert get_default_device() is Device("cuda:1")
            raise ZeroDivisionError
        assert get_default_device() is Device("meta")
    assert get_default_device() is Device("cpu")


def test_a_context_goes_before_the_default(restore_default):
    with Device("cuda"):
        set_default_device("meta")
        assert get_default_device() is Device("cuda")
    assert get_default_device() is Device("meta")


def test_a_context_belongs_to_its_thread():
    inside, leave = Barrier(2), Barrier(2)

    def hold():
        with Device("meta"):
            inside.wait()
            leave.wait()
            return get_default_device()

    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(hold)
        inside.wait()
        seen = get_default_device()
        leave.wait()
        assert held.result() is Device("meta")
    assert seen is Device("cpu")
