"""load reads the files that PyTorch writes, and refuses what would run code."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import struct
import zipfile
from collections import Counter, OrderedDict
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import corelib
from corelib.dtypes import ALL_DTYPES
from corelib.serialization import load

FORMATS = [{}, {"_use_new_zipfile_serialization": False}]


def through(torch: ModuleType, value: Any, map_location: Any = None, **options: Any) -> Any:
    file = io.BytesIO()
    torch.save(value, file, **options)
    file.seek(0)
    return load(file, map_location)


def same(ours: Any, theirs: Any) -> bool:
    return (
        str(ours.dtype).split(".")[-1] == str(theirs.dtype).split(".")[-1]
        and tuple(ours.shape) == tuple(theirs.shape)
        and ours.tolist() == theirs.tolist()
        and ours.requires_grad == theirs.requires_grad
    )


@pytest.mark.parametrize("options", FORMATS, ids=["zip", "legacy"])
@pytest.mark.parametrize("dtype", ALL_DTYPES, ids=lambda d: d.name)
def test_every_dtype(torch: ModuleType, dtype: Any, options: Any) -> None:
    name = dtype.name
    for value in (torch.arange(6).reshape(2, 3), torch.zeros(0, 3), torch.tensor(1)):
        theirs = value.to(getattr(torch, name))
        assert same(through(torch, theirs, **options), theirs)


@pytest.mark.parametrize("options", [*FORMATS, {"pickle_protocol": 4}, {"pickle_protocol": 5}], ids=str)
def test_plain_data(torch: ModuleType, options: Any) -> None:
    value = {
        "none": None, "flags": [True, False], "ints": (0, 1, 255, 65536, -7, 2**31, -(2**70)), 3: 1.5, 
        "text": "ä" * 300,
        "bytes": b"\x00\xff", "no bytes": b"", "array": bytearray(b"ab"), "set": {1, 2}, "complex": 1 - 2j,
        "ordered": OrderedDict([("b", 1), ("a", [])]), "counted": Counter("aab"), "empty": ((), {}, []),
        "long list": list(range(3000)),
    }  # fmt: skip
    back = through(torch, value, **options)
    assert back == value
    assert [type(v) for v in back.values()] == [type(v) for v in value.values()]


def test_names_that_stand_for_values(torch: ModuleType) -> None:
    value = [torch.float32, torch.bool, torch.Size([2, 3]), torch.device("cpu"), torch.device("cuda", 1), torch.strided]
    back = through(torch, value)
    assert back[:2] == [corelib.float32, corelib.bool] and back[2] == corelib.Size([2, 3])
    assert back[3:5] == [corelib.device("cpu"), corelib.device("cuda:1")] and back[5] is corelib.strided
    assert through(torch, (torch.float16,)) == (corelib.float16,)


@pytest.mark.parametrize("options", FORMATS, ids=["zip", "legacy"])
def test_memory_is_shared_as_before(torch: ModuleType, options: Any) -> None:
    base = torch.arange(12.0).reshape(3, 4)
    theirs = {"all": base, "row": base[1], "turned": base.T, "step": base[::2, 1:], "wide": torch.ones(1).expand(3)}
    ours = through(torch, theirs, **options)
    assert all(same(ours[key], value) for key, value in theirs.items())
    assert ours["turned"].stride() == (1, 4) and ours["wide"].stride() == (0,)
    ours["row"].zero_()
    assert ours["all"].tolist()[1] == [0, 0, 0, 0] and ours["turned"][:, 1].tolist() == [0, 0, 0, 0]


def test_a_part_alone_before_the_whole(torch: ModuleType) -> None:
    base = torch.arange(6)
    row, whole = through(torch, [base[2:4], base])
    row.zero_()
    assert whole.tolist() == [0, 1, 0, 0, 4, 5]


def test_a_model_and_its_optimizer(torch: ModuleType, tmp_path: Path) -> None:
    model = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.Flatten())
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(2, 1, 5, 5)).sum().backward()
    optimizer.step()
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}, tmp_path / "a.pth")
    state = corelib.load(tmp_path / "a.pth", map_location="cpu", weights_only=True)
    ours = corelib.nn.Sequential(corelib.nn.Conv2d(1, 2, 3), corelib.nn.BatchNorm2d(2), corelib.nn.Flatten())
    ours.load_state_dict(state["model"])
    ours_optimizer = corelib.optim.Adam(ours.parameters())
    ours_optimizer.load_state_dict(state["optimizer"])
    assert state["epoch"] == 3 and state["model"]._metadata == model.state_dict()._metadata
    assert all(same(value, model.state_dict()[key]) for key, value in ours.state_dict().items())
    step = ours_optimizer.state_dict()["state"][0]["exp_avg"]
    assert np.allclose(step.numpy(), optimizer.state_dict()["state"][0]["exp_avg"].numpy())


def test_parameters_and_attributes(torch: ModuleType) -> None:
    parameter = through(torch, torch.nn.Parameter(torch.ones(2)))
    assert type(parameter) is corelib.nn.Parameter and parameter.requires_grad
    assert through(torch, torch.ones(1, requires_grad=True)).requires_grad
    tensor = torch.ones(2)
    tensor.note = "mine"
    assert through(torch, tensor).note == "mine"


def test_map_location(torch: ModuleType) -> None:
    for place in ("meta", corelib.device("meta"), {"cpu": "meta"}, lambda storage, location: storage.to("meta")):
        assert through(torch, torch.ones(2), place).device.type == "meta"
    for place in (None, {"cuda:0": "cpu"}, lambda storage, location: storage, lambda storage, location: None):
        assert through(torch, torch.ones(2), place).device.type == "cpu"


def test_memory_alone_is_refused(torch: ModuleType) -> None:
    for value in (torch.ones(1).untyped_storage(), [(torch.ones(1).untyped_storage(),)]):
        with pytest.raises(pickle.UnpicklingError, match="the memory of a tensor stands where a value should"):
            through(torch, value)


def test_a_device_that_is_not_there_is_told(torch: ModuleType) -> None:
    file, changed = io.BytesIO(), io.BytesIO()
    torch.save(torch.ones(2), file)
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(changed, "w") as target:
        for name in source.namelist():
            old, new = b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00nope:1"
            data = source.read(name)
            target.writestr(name, data.replace(old, new) if name.endswith("data.pkl") else data)
    for place, message in ((None, "^Attempting to deserialize object on a NOPE device but"), ("nope", "nope")):
        changed.seek(0)
        with pytest.raises(RuntimeError, match=message):
            load(changed, place)
    changed.seek(0)
    assert load(changed, "cpu").tolist() == [1, 1]


def test_paths_files_and_streams(torch: ModuleType, tmp_path: Path) -> None:
    for path, options in ((tmp_path / "a.pt", {}), (tmp_path / "b.bin", FORMATS[1])):
        torch.save({"x": torch.ones(2)}, path, **options)
        assert load(path)["x"].tolist() == load(str(path))["x"].tolist() == [1, 1]
        with open(path, "rb") as file:
            assert load(file)["x"].tolist() == [1, 1]
        reader, writer = os.pipe()
        with os.fdopen(reader, "rb") as source, os.fdopen(writer, "wb") as sink:
            sink.write(path.read_bytes())
            sink.close()
            assert load(source)["x"].tolist() == [1, 1]


def test_what_is_written_on_machines_of_other_byte_order(torch: ModuleType) -> None:
    file, changed = io.BytesIO(), io.BytesIO()
    torch.save(torch.tensor([1.0, 2.0], dtype=torch.float64), file)
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(changed, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            data = b"big" if name.endswith("byteorder") else data
            target.writestr(name, struct.pack(">2d", 1, 2) if name.endswith("data/0") else data)
    changed.seek(0)
    assert load(changed).tolist() == [1, 2]


# -- what is refused -----------------------------------------------------------------------------------------


class Call:
    """Pickles as a call."""

    def __init__(self, function: Any, *args: Any, state: Any = None) -> None:
        self.parts = (function, args) if state is None else (function, args, state)

    def __reduce__(self) -> Any:
        return self.parts


def archive(data: bytes) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        zipped.writestr("archive/data.pkl", data)
        zipped.writestr("archive/version", "3\n")
    file.seek(0)
    return file


def legacy(data: bytes) -> io.BytesIO:
    parts = [pickle.dumps(x, 2) for x in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})]
    return io.BytesIO(b"".join([*parts, data, pickle.dumps([], 2)]))


MARKER = "it_ran"
HOSTILE = {
    "os.system": Call(os.system, f"touch {MARKER}"),
    "eval": Call(eval, f"open('{MARKER}', 'w')"),
    "exec": Call(exec, f"open('{MARKER}', 'w')"),
    "open": Call(open, MARKER, "w"),
    "getattr": Call(getattr, "x", "upper"),
    "import": Call(__import__, "os"),
    "nested": {"model": [OrderedDict(a=Call(os.system, f"touch {MARKER}"))]},
    "class": Path("x"),
    "numpy": np.float64(3),
    "corelib": Call(corelib.load, "x"),
}
BY_HAND = {
    "chain": b"\x80\x02cbuiltins\ngetattr\ncos\nsystem\n\x86R.",
    "method of a result": b"\x80\x04\x8c\x08builtins\x8c\x0bset.add\x93.",
    "dotted": b"\x80\x04\x8c\x0bcollections\x8c\x14OrderedDict.__init__\x93.",
    "torch function": b"\x80\x02ctorch.hub\nload\nX\x01\x00\x00\x00a\x85R.",
    "call of a string": b"\x80\x02X\x01\x00\x00\x00a)R.",
    "call of a list": b"\x80\x02])R.",
    "instance": b"\x80\x02(cos\nsystem\nX\x01\x00\x00\x00ao.",
    "inst": b"\x80\x02(X\x01\x00\x00\x00aios\nsystem\n.",
    "newobj": b"\x80\x02ccollections\nOrderedDict\n)\x81.",
    "state of a class": b"\x80\x02ctorch\nTensor\n}X\x01\x00\x00\x00aK\x01sb.",
    "state of a dict": b"\x80\x02ccollections\nOrderedDict\n)R}X\x05\x00\x00\x00itemsK\x01sb.",
    "extension": b"\x80\x02\x82\x01.",
    "persistent": b"\x80\x02X\x01\x00\x00\x00aQ.",
    "memo": b"\x80\x02h\x05.",
    "empty stack": b"\x80\x02.",
    "no mark": b"\x80\x02t.",
    "unhashable": b"\x80\x02}]K\x01s.",
    "cut": b"\x80\x02X\xff\xff\xff\x7fabc",
    "codec": b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x03\x00\x00\x00zip\x86R.",
    "huge": b"\x80\x02c__builtin__\nbytearray\nJ\xff\xff\xff\x7f\x85R.",
    "name in a tuple": b"\x80\x02]ccollections\nOrderedDict\n\x85\x85a.",
    "name alone": b"\x80\x02ccollections\nOrderedDict\n.",
}


@pytest.mark.parametrize("form", [archive, legacy, io.BytesIO])
@pytest.mark.parametrize("case", [*HOSTILE, *BY_HAND])
def test_hostile_files_are_refused_and_nothing_runs(
    case: str, form: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for protocol in (2, 4) if case in HOSTILE else (2,):
        data = pickle.dumps(HOSTILE[case], protocol) if case in HOSTILE else BY_HAND[case]
        with pytest.raises(pickle.UnpicklingError, match=r"^Weights only load failed") as error:
            load(form(data), weights_only=False)
        if case == "os.system" and form is not io.BytesIO:
            assert f"Unsupported global: GLOBAL {os.name}.system was not an allowed global" in str(error.value)
        assert os.listdir() == []


def test_text_pickles_are_no_files_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="is not a safetensors file"):
        load(io.BytesIO(f"cos\nsystem\n(S'touch {MARKER}'\ntR.".encode()))
    assert os.listdir() == []


def test_a_whole_module_is_refused(torch: ModuleType) -> None:
    for options in FORMATS:
        with pytest.raises(pickle.UnpicklingError, match=r"GLOBAL torch\.nn\.modules\.linear\.Linear was not"):
            through(torch, torch.nn.Linear(1, 1), **options)


def test_tensors_outside_their_memory_are_refused(torch: ModuleType) -> None:
    file = io.BytesIO()
    torch.save(torch.arange(4, dtype=torch.uint8), file)
    for old, new in (
        (b"K\x04\x85", b"K\x05\x85"),
        (b"K\x00K\x04\x85", b"K\x01K\x04\x85"),
        (b"K\x01\x85", b"K\x02\x85"),
    ):
        changed = io.BytesIO()
        with zipfile.ZipFile(file) as source, zipfile.ZipFile(changed, "w") as target:
            for name in source.namelist():
                data = source.read(name)
                assert not name.endswith("data.pkl") or old in data
                target.writestr(name, data.replace(old, new) if name.endswith("data.pkl") else data)
        changed.seek(0)
        with pytest.raises(pickle.UnpicklingError, match="larger than its storage"):
            load(changed)


@pytest.mark.parametrize("options", FORMATS, ids=["zip", "legacy"])
def test_damaged_files_are_refused(torch: ModuleType, options: Any) -> None:
    file = io.BytesIO()
    torch.save({"x": torch.arange(100.0), "y": [1, 2]}, file, **options)
    whole = file.getvalue()
    for cut in range(20, len(whole) - 1, 7):
        with pytest.raises(pickle.UnpicklingError):
            load(io.BytesIO(whole[:cut]))
    rng = np.random.default_rng(0)
    for _ in range(300):  # whatever is changed: a value or an error, no crash
        changed = bytearray(whole)
        changed[rng.integers(20, len(changed))] = rng.integers(256)
        with contextlib.suppress(pickle.UnpicklingError, ValueError, RuntimeError):
            load(io.BytesIO(bytes(changed)))


def test_compressed_archives_and_torchscript_are_refused() -> None:
    for name, options, kind in (
        ("a/data.pkl", {"compression": zipfile.ZIP_DEFLATED}, pickle.UnpicklingError),
        ("a/other", {}, pickle.UnpicklingError),
        ("a/constants.pkl", {}, RuntimeError),
    ):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", **options) as zipped:  # type: ignore[arg-type]
            zipped.writestr(name, pickle.dumps(1, 2))
            if name == "a/constants.pkl":
                zipped.writestr("a/data.pkl", pickle.dumps(1, 2))
        file.seek(0)
        with pytest.raises(kind):
            load(file)
