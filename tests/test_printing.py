"""repr(tensor): PyTorch's text."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import corelib
from corelib import dtypes
from corelib.device import Device
from corelib.dtypes import bfloat16, from_numpy_dtype, set_default_dtype
from corelib.printing import get_printoptions, printoptions, set_printoptions, tensor_repr


@dataclass
class Tensor:
    """What printing asks of a tensor; here so that any device and history can be printed."""

    array: np.ndarray
    device: Device = Device("cpu")  # noqa: RUF009 (immutable)
    requires_grad: bool = False
    history: str | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    @property
    def dtype(self) -> dtypes.dtype:
        return from_numpy_dtype(self.array.dtype)

    @property
    def grad_fn(self) -> Any:
        return None if self.history is None else SimpleNamespace(name=lambda: self.history)

    def _host(self) -> np.ndarray:
        assert self.device.type != "meta"
        return self.array


class Parameter(Tensor):
    pass


class Masked(Tensor):
    pass


def show(values: Any, dtype: str = "float32", **properties: Any) -> str:
    return tensor_repr(Tensor(np.asarray(values, dtype), **properties))


# -- known texts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "dtype", "text"),
    [
        (7.0, "float32", "tensor(7.)"),
        (-0.0, "float32", "tensor(-0.)"),
        (0.1, "float32", "tensor(0.1000)"),
        (1e-5, "float32", "tensor(1.0000e-05)"),
        (math.nan, "float32", "tensor(nan)"),
        (3, "int64", "tensor(3)"),
        (True, "bool", "tensor(True)"),
        (1 - 2j, "complex64", "tensor(1.-2.j)"),
        ([1, 20], "uint8", "tensor([ 1, 20], dtype=torch.uint8)"),
        ([True, False], "bool", "tensor([ True, False])"),
        ([1.0, 2.0, math.inf], "float32", "tensor([1., 2., inf])"),
        ([1.5, -math.inf, math.nan], "float32", "tensor([1.5000,   -inf,    nan])"),
        ([1.0, 1001.0], "float32", "tensor([1.0000e+00, 1.0010e+03])"),
        ([1.0, 1e9], "float64", "tensor([1.0000e+00, 1.0000e+09], dtype=torch.float64)"),
        ([[1.0, 2.0], [3.0, 4.5]], "float32", "tensor([[1.0000, 2.0000],\n        [3.0000, 4.5000]])"),
        ([0.5 + 1j, -2 - 0.25j], "complex128", "tensor([ 0.5000+1.0000j, -2.0000-0.2500j], dtype=torch.complex128)"),
        ([], "float32", "tensor([])"),
        ([], "int64", "tensor([], dtype=torch.int64)"),
        (np.zeros((0, 3)), "float32", "tensor([], size=(0, 3))"),
        (np.arange(1001.0), "float32", "tensor([   0.,    1.,    2.,  ...,  998.,  999., 1000.])"),
        (np.arange(1, 2002.0), "float32", "tensor([1.0000e+00, 2.0000e+00, 3.0000e+00,  ..., 1.9990e+03, 2.0000e+03,\n"
         "        2.0010e+03])"),
        (np.zeros((40, 1, 40)), "float16", "tensor([[[0., 0., 0.,  ..., 0., 0., 0.]],\n\n"
         "        [[0., 0., 0.,  ..., 0., 0., 0.]],\n\n        [[0., 0., 0.,  ..., 0., 0., 0.]],\n\n        ...,\n\n"
         "        [[0., 0., 0.,  ..., 0., 0., 0.]],\n\n        [[0., 0., 0.,  ..., 0., 0., 0.]],\n\n"
         "        [[0., 0., 0.,  ..., 0., 0., 0.]]], dtype=torch.float16)"),
    ],
)  # fmt: skip
def test_texts(values, dtype, text):
    assert show(values, dtype) == text


def test_only_the_edges_choose_the_notation_of_a_shortened_tensor():
    values = np.ones(2000)
    values[1000] = 1e9
    assert show(values) == "tensor([1., 1., 1.,  ..., 1., 1., 1.])"


def test_properties_follow_the_elements():
    assert show([1.0], device=Device("cuda:0")) == "tensor([1.], device='cuda:0')"
    assert show([1.0], requires_grad=True) == "tensor([1.], requires_grad=True)"
    assert show([1.0], requires_grad=True, history="AddBackward0") == "tensor([1.], grad_fn=<AddBackward0>)"
    everything = show([1.0], "float64", device=Device("cuda:0"), history="A")
    assert everything == "tensor([1.], device='cuda:0', dtype=torch.float64, grad_fn=<A>)"


def test_a_property_that_does_not_fit_goes_to_a_line_of_its_own():
    text = show(np.linspace(0.5, 1, 8), requires_grad=True)
    assert text == (
        "tensor([0.5000, 0.5714, 0.6429, 0.7143, 0.7857, 0.8571, 0.9286, 1.0000],\n       requires_grad=True)"
    )


def test_meta_tensors_print_without_elements():
    meta = Device("meta")
    assert show(np.ones((2, 3)), device=meta) == "tensor(..., device='meta', size=(2, 3))"
    assert show(1, "int64", device=meta) == "tensor(..., device='meta', size=(), dtype=torch.int64)"


def test_class_names():
    array = np.ones(2, np.float32)
    assert tensor_repr(Parameter(array, requires_grad=True)) == "tensor([1., 1.], requires_grad=True)"
    assert tensor_repr(Masked(np.ones((2, 2), np.float32))) == "Masked([[1., 1.],\n        [1., 1.]])"


def test_the_default_dtype_is_not_named():
    set_default_dtype(dtypes.float64)
    try:
        assert show([1.0], "float64") == "tensor([1.])"
        assert show([1.0], "complex128") == "tensor([1.+0.j])"
        assert show([1.0]) == "tensor([1.], dtype=torch.float32)"
    finally:
        set_default_dtype(dtypes.float32)


# -- real tensors -----------------------------------------------------------------------------------


def test_tensors():
    assert repr(corelib.tensor(7.0)) == str(corelib.tensor(7.0)) == "tensor(7.)"
    x = corelib.tensor([[1, 2], [3, 4]])
    assert repr(x.t()) == "tensor([[1, 3],\n        [2, 4]])"
    assert repr(x[1]) == "tensor([3, 4])"
    assert repr(x[:, 1].to(corelib.bfloat16)) == "tensor([2., 4.], dtype=torch.bfloat16)"
    assert repr(corelib.tensor(2.0).expand(2)) == "tensor([2., 2.])"
    assert repr(corelib.empty(2, 3, device="meta")) == "tensor(..., device='meta', size=(2, 3))"


def test_tensors_with_a_history():
    x = corelib.tensor([1.0, 2.0], requires_grad=True)
    assert repr(x) == "tensor([1., 2.], requires_grad=True)"
    assert repr(x + 1) == "tensor([2., 3.], grad_fn=<AddBackward0>)"
    assert repr(x.detach()) == "tensor([1., 2.])"


def test_printing_is_not_recorded():
    x = corelib.tensor([1.0, 2.0], requires_grad=True)
    y = x * x
    node = y.grad_fn
    repr(y)
    assert y.grad_fn is node and y._version == 0


def test_formatting():
    assert f"{corelib.tensor(1.23456):.2f}" == "1.23"
    assert f"{corelib.tensor([1.0, 2.0])}" == "tensor([1., 2.])"


def test_parameters():
    parameter = corelib.nn.Parameter(corelib.tensor([1.0]))
    assert repr(parameter) == "Parameter containing:\ntensor([1.], requires_grad=True)"
    assert repr(corelib.nn.Buffer(corelib.tensor([1.0]))) == "tensor([1.])"


# -- options ----------------------------------------------------------------------------------------


def test_printoptions_hold_for_a_block():
    before = get_printoptions()
    with printoptions(precision=2, sci_mode=True):
        assert show([0.5]) == "tensor([5.00e-01])"
        with pytest.raises(ZeroDivisionError), printoptions(precision=1):
            raise ZeroDivisionError
        assert get_printoptions()["precision"] == 2
    assert get_printoptions() == before


def test_profiles():
    with printoptions():
        set_printoptions(profile="short", linewidth=30)
        assert get_printoptions() == {
            "precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 30, "sci_mode": None,
        }  # fmt: skip
        set_printoptions(profile="FULL")
        assert show(np.zeros(1500)).count("0.") == 1500
        set_printoptions(profile="default")
        assert get_printoptions()["precision"] == 4


def test_unknown_profile():
    with pytest.raises(ValueError, match="profile must be one of default, short, full, not 'wide'"):
        set_printoptions(profile="wide")


def test_sci_mode_goes_back_to_automatic():
    with printoptions(sci_mode=True):
        set_printoptions(precision=3)
        assert get_printoptions()["sci_mode"] is None


# -- against PyTorch --------------------------------------------------------------------------------

SPECIAL = [0.0, -0.0, 1.0, -1.0, 2.5, 1e-5, 9e-5, 1e-4, 1e8, 1.1e8, 1e9, math.nan, math.inf, -math.inf,
           123456.0, 3.14159, 1000.0, 1001.0, 1e300, 1e-300, 5e-324, 99999.99, 65504.0]  # fmt: skip
SIZES = st.sampled_from([0, 1, 2, 3, 5, 7, 8, 13])
SHAPES = st.one_of(st.lists(SIZES, max_size=4), st.sampled_from([[1200], [30, 40], [1, 1001], [1001, 1], [9, 2, 70]]))
OPTIONS = st.one_of(
    st.just({}),
    st.fixed_dictionaries(
        {
            "precision": st.sampled_from([0, 2, 4, 7]),
            "threshold": st.sampled_from([0, 10, 1000]),
            "edgeitems": st.sampled_from([0, 1, 2, 3]),
            "linewidth": st.sampled_from([5, 40, 80, 120]),
            "sci_mode": st.sampled_from([None, True, False]),
        }
    ),
)


@st.composite
def arrays(draw) -> np.ndarray:
    """Arrays of every dtype; few distinct values, so that every notation is met."""
    d = draw(st.sampled_from(dtypes.ALL_DTYPES))
    shape = draw(SHAPES)
    numbers = st.one_of(st.sampled_from(SPECIAL), st.floats(width=16), st.floats(), st.integers(-300, 300))
    if not d.is_floating_point and not d.is_complex:
        low, high = (0, 1) if d.category == 0 else (dtypes.iinfo(d).min, dtypes.iinfo(d).max)
        numbers = st.one_of(st.integers(max(low, -20), min(high, 120)), st.integers(low, high))
    pool = np.array(draw(st.lists(numbers, min_size=1, max_size=4)))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    with np.errstate(over="ignore"):
        values = rng.choice(pool, shape).astype(d.to_real().numpy)
        if d.is_complex:
            values = values.astype(d.numpy)
            values.imag = rng.choice(pool, shape).astype(d.to_real().numpy)
        return np.ascontiguousarray(values).reshape(shape)


def as_torch(torch, array: np.ndarray):
    if array.dtype == ml_dtypes.bfloat16:
        return torch.from_numpy(array.astype(np.float32)).bfloat16()
    return torch.from_numpy(array)


@pytest.mark.oracle
@given(array=arrays(), options=OPTIONS, requires_grad=st.booleans())
def test_same_as_pytorch(torch, array, options, requires_grad):
    requires_grad = requires_grad and from_numpy_dtype(array.dtype).category >= 2
    expected = as_torch(torch, array).requires_grad_(requires_grad)
    with printoptions(**options), torch._tensor_str.printoptions(**options):
        assert tensor_repr(Tensor(array, requires_grad=requires_grad)) == repr(expected)


@pytest.mark.oracle
@pytest.mark.parametrize("profile", ["default", "short", "full"])
def test_profiles_same_as_pytorch(torch, profile):
    array = np.linspace(-1, 1, 2000, dtype=np.float32).reshape(20, 100)
    with printoptions(profile=profile), torch._tensor_str.printoptions(profile=profile):
        assert tensor_repr(Tensor(array)) == repr(torch.from_numpy(array))


@pytest.mark.oracle
@pytest.mark.parametrize("d", dtypes.ALL_DTYPES, ids=lambda d: d.name)
@pytest.mark.parametrize("shape", [(), (0,), (2, 3)])
def test_meta_same_as_pytorch(torch, d, shape):
    ours = Tensor(np.zeros(shape, d.numpy), Device("meta"))
    assert tensor_repr(ours) == repr(torch.zeros(shape, dtype=getattr(torch, d.name), device="meta"))


@pytest.mark.oracle
@given(array=arrays(), requires_grad=st.booleans(), computed=st.booleans())
def test_tensors_same_as_pytorch(torch, array, requires_grad, computed):
    requires_grad = requires_grad and from_numpy_dtype(array.dtype).category >= 2
    ours, theirs = (
        corelib.tensor(array, requires_grad=requires_grad),
        as_torch(torch, array).requires_grad_(requires_grad),
    )
    if computed and requires_grad:
        ours, theirs = ours + 0, theirs + 0
    assert repr(ours) == repr(theirs)
    if array.ndim >= 2:
        assert repr(ours.transpose(0, 1)) == repr(theirs.transpose(0, 1))


@pytest.mark.oracle
def test_bfloat16_is_written_from_its_exact_value(torch):
    array = np.array([0.1, 3.14159, 200.5], bfloat16.numpy)
    assert tensor_repr(Tensor(array)) == repr(as_torch(torch, array))
