"""Layout and Size."""

from __future__ import annotations

import pickle
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corelib.device import Device
from corelib.dtypes import float32, float64, int8
from corelib.layout import Layout, Size, contiguous_strides

CPU = Device("cpu")
SHAPES = st.lists(st.integers(0, 4), max_size=5).map(tuple)


@st.composite
def strided(draw) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """A shape and strides: free, or a permutation or an expansion of dense ones."""
    shape = draw(SHAPES)
    dense = contiguous_strides(shape)
    kind = draw(st.sampled_from(["free", "permuted", "expanded"]))
    if kind == "free":
        return shape, tuple(draw(st.integers(0, 12)) for _ in shape)
    if kind == "permuted":
        order = draw(st.permutations(range(len(shape))))
        return tuple(shape[i] for i in order), tuple(dense[i] for i in order)
    return shape, tuple(draw(st.sampled_from([0, s])) for s in dense)


# -- Size -------------------------------------------------------------------------------------------


def test_size():
    size = Size([2, 3, 4])
    assert size == (2, 3, 4)
    assert repr(size) == "torch.Size([2, 3, 4])"
    assert (size.numel(), Size().numel(), size[-1]) == (24, 1, 4)
    assert repr(size[1:]) == "torch.Size([3, 4])"
    assert repr(size + Size([5])) == "torch.Size([2, 3, 4, 5])"
    assert type(pickle.loads(pickle.dumps(size))) is Size


@pytest.mark.oracle
@given(shape=SHAPES, start=st.integers(-6, 6), stop=st.integers(-6, 6))
def test_size_same_as_pytorch(torch, shape, start, stop):
    ours, theirs = Size(shape), torch.Size(shape)
    assert (repr(ours), hash(ours), ours.numel()) == (repr(theirs), hash(theirs), theirs.numel())
    assert repr(ours[start:stop]) == repr(theirs[start:stop])
    assert repr(ours + tuple(shape)) == repr(theirs + tuple(shape))


# -- Layout -----------------------------------------------------------------------------------------


def test_attributes():
    made = Layout.of((2, 3), float64, CPU, (1, 2))
    assert (made.shape, made.strides, made.byte_strides) == ((2, 3), (1, 2), (8, 16))
    assert (made.dtype, made.device, made.numel, made.contiguous) == (float64, CPU, 6, False)
    assert made.dense.strides == (3, 1)
    assert repr(made) == "Layout([2, 3], strides=[1, 2], float64, cpu)"


def test_equal_layouts_are_one_object():
    made = Layout.of((2, 3), float32, CPU)
    assert made is Layout.of(Size((2, 3)), float32, CPU) is Layout.of((2, 3), float32, CPU, (3, 1)) is made.dense
    view = Layout.of((2, 3), float32, CPU, (1, 2))
    assert view is Layout.of((2, 3), float32, CPU, (1, 2)) is not made
    assert view.dense is made


def test_what_differs_is_another_object():
    made = Layout.of((2,), float32, CPU)
    others = [Layout.of((3,), float32, CPU), Layout.of((2,), int8, CPU), Layout.of((2,), float32, Device("cpu:0"))]
    assert len({made, *others}) == 4
    assert made.with_dtype(int8) is others[1]
    assert made.with_shape((3,)) is others[0]


@pytest.mark.parametrize("shape", [(np.int64(7), 91), (True, 93)])
def test_sizes_become_python_integers(shape):
    # Equal keys are one entry: whoever asks first must not decide what class the sizes have.
    made = Layout.of(shape, float32, CPU)
    assert made is Layout.of((int(shape[0]), shape[1]), float32, CPU)
    assert {type(n) for n in (*made.shape, *made.strides, *made.byte_strides, made.numel)} == {int}


def test_the_cache_is_bounded(monkeypatch):
    monkeypatch.setattr(sys.modules["corelib.layout"], "_LIMIT", 8)
    monkeypatch.setattr(Layout, "_interned", {})
    made = [Layout.of((n, 2), float32, CPU) for n in range(30)]
    assert len(Layout._interned) <= 8
    assert [m.shape[0] for m in made] == list(range(30))
    assert made[0].dense.shape == (0, 2)


@given(case=strided())
def test_extent_is_what_the_elements_span(case):
    shape, strides = case
    offsets = sum((i * s for i, s in zip(np.indices(shape), strides, strict=True)), np.zeros(shape))
    expected = int(offsets.max()) + 1 if offsets.size else 0
    assert Layout.of(shape, float32, CPU, strides).extent == expected


@given(case=strided())
def test_contiguous_means_elements_follow_each_other(case):
    shape, strides = case
    made = Layout.of(shape, float32, CPU, strides)
    memory = np.arange(max(made.extent, 1))
    view = np.lib.stride_tricks.as_strided(memory, shape, [s * memory.itemsize for s in strides])
    assert made.contiguous == (view.ravel().tolist() == list(range(made.numel)))


@pytest.mark.oracle
@given(shape=SHAPES)
def test_dense_strides_same_as_pytorch(torch, shape):
    assert contiguous_strides(shape) == torch.empty(shape).stride()
    assert Layout.of(shape, float32, CPU).strides == torch.empty(shape).stride()


@pytest.mark.oracle
@given(case=strided())
def test_contiguity_same_as_pytorch(torch, case):
    shape, strides = case
    theirs = torch.empty_strided(shape, strides)
    assert Layout.of(shape, float32, CPU, strides).contiguous == theirs.is_contiguous()
