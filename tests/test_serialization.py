"""save and load: what comes back, what other readers see, and what a failure leaves behind."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections import OrderedDict, defaultdict
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

import corelib
from corelib import nn, optim
from corelib.dtypes import ALL_DTYPES
from corelib.serialization import load, save


def round_trip(value: Any) -> Any:
    file = io.BytesIO()
    save(value, file)
    file.seek(0)
    return load(file)


@pytest.mark.parametrize("dtype", ALL_DTYPES, ids=lambda d: d.name)
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3)], ids=str)
def test_every_dtype(dtype: Any, shape: tuple[int, ...]) -> None:
    values = np.arange(int(np.prod(shape))).reshape(shape) - 2.5
    tensor = corelib.tensor(values + 1j * values if dtype.is_complex else abs(values)).to(dtype)
    back = round_trip({"x": tensor})["x"]
    assert back.dtype is dtype and back.shape == shape and back.is_contiguous()
    assert corelib.equal(back, tensor)


def test_bits_are_kept() -> None:
    bits = np.array([0x7FC00001, 0x80000000, 0x7F800000, 1], np.uint32)
    back = round_trip(corelib.from_numpy(bits.view(np.float32)))
    assert back.numpy().view(np.uint32).tolist() == bits.tolist()


def test_nested_structure() -> None:
    value: dict[Any, Any] = {
        "text": "ä\n\"'\\",
        1: [None, True, False, -(10**30), 1.5, -0.0, 1e300],
        None: ((), [], {}, (1, (2, [3, {"deep": corelib.tensor([4])}]))),
        2.5: OrderedDict(b=1, a=2),
        False: {"1": "text key", 1: "int key"},
    }
    back = round_trip(value)
    assert list(back) == list(value)
    assert [type(key) for key in back] == [type(key) for key in value]
    tensor = back[None][3][1][1][1].pop("deep")
    assert tensor.tolist() == [4]
    value[None][3][1][1][1].pop("deep")
    assert back == value and type(back[2.5]) is OrderedDict and str(back[1][5]) == "-0.0"


def test_other_plain_values() -> None:
    value = [
        1 + 2j, complex("nan"), b"\x00\xff", b"", corelib.bfloat16, corelib.device("cpu"), corelib.Size([2, 3]),
        (corelib.Size([]),),
    ]  # fmt: skip
    back = round_trip(value)
    assert repr(back) == repr(value) and [type(v) for v in back] == [type(v) for v in value]


def test_floats_that_json_lacks() -> None:
    inf, minus, nan = round_trip([float("inf"), float("-inf"), float("nan")])
    assert inf == float("inf") and minus == float("-inf") and nan != nan


@pytest.mark.parametrize("value", [None, 3, "text", [], {}, (), {"a": {}}])
def test_what_has_no_tensor(value: Any) -> None:
    assert round_trip(value) == value


def test_one_tensor_alone() -> None:
    assert round_trip(corelib.ones(2)).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"a": [1, {"b": object()}]}, r"obj\['a'\]\[1\]\['b'\], of type builtins.object"),
        ([np.float64(1)], r"obj\[0\], of type numpy.float64"),
        ({"a": defaultdict(int)}, r"obj\['a'\], of type collections.defaultdict"),
        ((print,), r"obj\[0\], of type builtins.builtin_function_or_method"),
        ({(1, 2): 3}, r"obj, whose key \(1, 2\) is no str, int, float, bool or None"),
    ],
)
def test_what_cannot_be_saved_is_named(value: Any, where: str, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=where):
        save(value, tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_a_value_that_contains_itself_is_refused() -> None:
    value: list[Any] = [1]
    value.append({"again": value})
    with pytest.raises(TypeError, match=r"obj\[1\]\['again'\], which contains itself"):
        round_trip(value)
    shared = [1]
    assert round_trip([shared, shared]) == [[1], [1]]


# -- sharing ---------------------------------------------------------------------------------------------


def test_the_same_tensor_comes_back_as_the_same() -> None:
    x = corelib.ones(2)
    a, b, c = round_trip([x, x, corelib.ones(2)])
    assert a is b and a is not c


def test_views_of_one_memory_still_share_it() -> None:
    base = corelib.arange(12).reshape(3, 4)
    back = round_trip({"row": base[1], "base": base, "columns": base[:, 1:3], "turned": base.t(), "every": base[::2]})
    assert back["turned"].tolist() == base.t().tolist() and back["turned"].stride() == (1, 4)
    back["base"].fill_(7)
    assert back["row"].tolist() == [7, 7, 7, 7] and back["columns"].tolist() == [[7, 7]] * 3
    assert back["every"].tolist() == [[7, 7, 7, 7]] * 2 and back["turned"][0, 0].item() == 7


def test_overlapping_views_without_a_base_share_what_they_need() -> None:
    base = corelib.arange(1000)
    file = io.BytesIO()
    save([base[10:14], base[12:16]], file)
    assert len(file.getvalue()) < 1000
    file.seek(0)
    left, right = load(file)
    assert left.tolist() == [10, 11, 12, 13] and right.tolist() == [12, 13, 14, 15]
    right[0] = 0
    assert left.tolist() == [10, 11, 0, 13]


def test_a_view_alone_is_saved_without_its_base() -> None:
    for view in (corelib.zeros(100_000)[3:5], corelib.zeros(1).expand(7), corelib.zeros(3, 2).t()):
        file = io.BytesIO()
        save(view, file)
        assert len(file.getvalue()) < 500
        file.seek(0)
        back = load(file)
        assert back.shape == view.shape and back.is_contiguous()


def test_tied_parameters_stay_tied_in_memory() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[1].weight = net[0].weight  # type: ignore[union-attr]
    back = round_trip(net.state_dict())
    back["0.weight"].fill_(3)
    assert back["1.weight"].tolist() == [[3, 3], [3, 3]]
    assert back["1.weight"] is not back["0.weight"]


def test_requires_grad_is_kept_but_no_history() -> None:
    x = corelib.ones(2, requires_grad=True)
    leaf, result, plain, parameter = round_trip([x, x * 2, corelib.ones(1), nn.Parameter(corelib.ones(1))])
    assert leaf.requires_grad and result.requires_grad and parameter.requires_grad and not plain.requires_grad
    assert result.is_leaf and result.tolist() == [2, 2] and type(parameter) is corelib.Tensor


# -- models and optimizers -------------------------------------------------------------------------------


def test_a_training_state_goes_on_exactly(tmp_path: Path) -> None:
    def build() -> tuple[nn.Module, optim.Optimizer]:
        net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
        return net, optim.Adam(net.parameters(), lr=0.1)

    def step(net: nn.Module, optimizer: optim.Optimizer) -> None:
        optimizer.zero_grad()
        (net(corelib.arange(12.0).reshape(4, 3).sin()) ** 2).sum().backward()
        optimizer.step()

    net, optimizer = build()
    step(net, optimizer)
    save({"net": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 1}, tmp_path / "state")
    other, other_optimizer = build()
    state = load(tmp_path / "state")
    other.load_state_dict(state["net"])
    other_optimizer.load_state_dict(state["optimizer"])
    for pair in ((net, optimizer), (other, other_optimizer)):
        step(*pair)
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), other.state_dict()[name].numpy())


def test_a_state_dict_keeps_its_versions() -> None:
    state = nn.BatchNorm1d(2).state_dict()
    back = round_trip(state)
    assert type(back) is OrderedDict and back._metadata == state._metadata  # type: ignore[attr-defined]


# -- the format ------------------------------------------------------------------------------------------


def test_a_flat_state_dict_is_a_plain_file(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    save(net.state_dict(), tmp_path / "net.safetensors")
    arrays = safetensors.numpy.load_file(tmp_path / "net.safetensors")
    assert set(arrays) == set(net.state_dict())
    for name, value in net.state_dict().items():
        assert arrays[name].dtype == value.numpy().dtype
        np.testing.assert_array_equal(arrays[name], value.numpy())


def test_nested_tensors_are_named_by_their_path() -> None:
    file = io.BytesIO()
    save({"a": {"b": corelib.ones(1)}, "a.b": corelib.zeros(2), "l": [corelib.ones(3)]}, file)
    arrays = safetensors.numpy.load(file.getvalue())
    assert {name: array.shape for name, array in arrays.items()} == {"a.b": (1,), "a.b#2": (2,), "l.0": (3,)}


def test_a_reserved_name_is_avoided() -> None:
    file = io.BytesIO()
    save({"__metadata__": corelib.ones(1)}, file)
    assert list(safetensors.numpy.load(file.getvalue())) == ["__metadata__#2"]
    file.seek(0)
    assert load(file)["__metadata__"].tolist() == [1]


def test_every_tensor_of_a_file_is_aligned() -> None:
    file = io.BytesIO()
    tensors = {f"{d.name}{n}": corelib.ones(n).to(d) for d in ALL_DTYPES for n in (1, 3)}
    save(tensors, file)
    raw = file.getvalue()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    for name, d in ((f"{d.name}{n}", d) for d in ALL_DTYPES for n in (1, 3)):
        assert (8 + length + header[name]["data_offsets"][0]) % min(d.itemsize, 8) == 0


def test_files_of_others_are_read(tmp_path: Path, torch: ModuleType) -> None:
    import safetensors.torch

    tensors = {"w": torch.arange(6.0).reshape(2, 3), "b": torch.tensor([1.5, 2.5], dtype=torch.bfloat16)}
    safetensors.torch.save_file(tensors, tmp_path / "file", {"format": "pt"})
    back = load(tmp_path / "file")
    assert back["w"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert back["b"].dtype is corelib.bfloat16 and back["b"].tolist() == [1.5, 2.5]
    save(back, tmp_path / "file")
    again = safetensors.torch.load_file(tmp_path / "file")
    assert all(torch.equal(again[name], tensors[name]) for name in tensors)


def file_of(header: Any, data: bytes = b"") -> io.BytesIO:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return io.BytesIO(len(text).to_bytes(8, "little") + text + data)


F32 = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (io.BytesIO(), "not a safetensors file: its header would have 0 bytes"),
        (io.BytesIO(b"\xff" * 50), "not a safetensors file: its header would have"),
        (io.BytesIO((99).to_bytes(8, "little") + b"{}"), "is cut short: 99 bytes were expected and 2 are there"),
        (file_of(b"{"), "its header cannot be understood"),
        (file_of(b"\xff\xff"), "its header cannot be understood"),
        (file_of([1]), "its header cannot be understood"),
        (file_of({"a": 1}), "its header cannot be understood"),
        (file_of({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}), "its header cannot be understood"),
        (file_of({"a": F32}), "is cut short: 4 bytes were expected and 0 are there"),
        (file_of({"a": {**F32, "dtype": "F8_E5M2"}}, b"1234"), "tensor 'a' has dtype F8_E5M2, which is not supported"),
        (file_of({"a": {**F32, "shape": [2]}}, b"1234"), "tensor 'a' does not have the size of its shape"),
        (file_of({"a": {**F32, "data_offsets": [4, 8]}}, b"12345678"), "tensor 'a' is not where it should be"),
        (file_of({"a": F32, "b": F32}, b"12345678"), "tensor 'b' is not where it should be"),
    ],
)
def test_a_damaged_file_is_told(file: io.BytesIO, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load(file)


def test_a_newer_format_is_told() -> None:
    metadata = {"corelib": json.dumps({"version": 99})}
    with pytest.raises(ValueError, match="saved by a newer version of corelib"):
        load(file_of({"__metadata__": metadata}))


# -- paths, files, devices -------------------------------------------------------------------------------


def test_paths_and_open_files(tmp_path: Path) -> None:
    save({"x": corelib.ones(1)}, str(tmp_path / "a"))
    with open(tmp_path / "b", "wb") as file:
        save({"x": corelib.ones(1)}, file)
        file.write(b"more")
    assert (tmp_path / "b").read_bytes() == (tmp_path / "a").read_bytes() + b"more"
    with open(tmp_path / "b", "rb") as file:
        assert load(file)["x"].tolist() == [1] and file.read() == b"more"
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none")
    with pytest.raises(FileNotFoundError):
        save(1, tmp_path / "no" / "folder")


def test_map_location() -> None:
    file = io.BytesIO()
    save({"x": corelib.ones(1)}, file)
    for location in ("cpu", corelib.device("cpu"), {"cuda:0": "cpu"}, {"cpu": "cpu"}):
        file.seek(0)
        assert load(file, map_location=location)["x"].device.type == "cpu"


@pytest.mark.skipif(os.name != "posix", reason="permissions and links are POSIX's")
def test_permissions_and_links_stay(tmp_path: Path) -> None:
    target = tmp_path / "target"
    save(1, target)
    umask = os.umask(0)
    os.umask(umask)
    assert target.stat().st_mode & 0o777 == 0o666 & ~umask
    target.chmod(0o640)
    (tmp_path / "link").symlink_to(target)
    save(2, tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and load(target) == 2
    assert target.stat().st_mode & 0o777 == 0o640
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link", "target"]


def test_a_save_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    save({"x": corelib.ones(1)}, path)
    before = path.read_bytes()

    def fail(descriptor: int) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="disk full"):
            save({"x": corelib.zeros(1)}, path)
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["file"]


KILLED = """
import sys, corelib
from corelib.serialization import save
x = {"x": corelib.ones(2_000_000)}
print("ready", flush=True)
for i in range(10_000):
    x["x"].fill_(i)
    save(x, sys.argv[1])
"""


@pytest.mark.skipif(os.name != "posix", reason="kills the writer with SIGKILL")
def test_a_writer_that_is_killed_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    save({"x": corelib.full((2_000_000,), -1.0)}, path)
    for delay in (0.01, 0.05, 0.09):
        writer = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        time.sleep(delay)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        x = load(path)["x"]
        assert x.shape == (2_000_000,) and (x == x[0]).all().item()
