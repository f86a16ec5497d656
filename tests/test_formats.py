"""Layouts and memory formats are objects of their own types, as PyTorch's are; tensors answer about themselves."""

from __future__ import annotations

import copy
import pickle

import pytest

import corelib


def test_constants() -> None:
    x = corelib.ones(2)
    assert x.layout is corelib.strided
    assert isinstance(corelib.strided, corelib.layout)
    assert isinstance(corelib.channels_last, corelib.memory_format)
    assert repr(corelib.strided) == "torch.strided"
    assert repr(corelib.preserve_format) == "torch.preserve_format"
    assert pickle.loads(pickle.dumps(corelib.strided)) is corelib.strided
    assert copy.deepcopy(corelib.channels_last) is corelib.channels_last


def test_answers() -> None:
    x = corelib.ones(2)
    assert not any([x.is_conj(), x.is_neg(), x.is_distributed(), x.is_shared(), x.is_pinned(), x.is_xpu, x.is_mps])
    assert x.resolve_conj() is x
    assert corelib.is_signed(x)
    assert not corelib.is_signed(x.to(corelib.uint8))
    assert corelib.get_device(x) == -1
    assert corelib.get_device_module("cpu") is corelib.cpu
    assert corelib.broadcast_shapes((2, 1), 3) == (2, 3)
    assert corelib.fill(x, 3).tolist() == [3, 3]


def test_resize_keeps_elements_in_their_order() -> None:
    x = corelib.arange(6.0)
    assert x.resize_(2, 2) is x
    assert x.tolist() == [[0, 1], [2, 3]]
    x.resize_((3, 3))
    assert x.view(-1)[:4].tolist() == [0, 1, 2, 3]
    assert tuple(x.resize_as_(corelib.ones(2)).shape) == (2,)
    with pytest.raises(RuntimeError, match="require grad"):
        corelib.ones(2, requires_grad=True).resize_(3)
    with pytest.raises(RuntimeError, match="non-negative"):
        x.resize_(-1)


def test_sum_to_size() -> None:
    x = corelib.arange(6.0).reshape(2, 3)
    assert x.sum_to_size(1, 3).tolist() == [[3, 5, 7]]
    assert x.sum_to_size(3).tolist() == [3, 5, 7]
    with pytest.raises(RuntimeError, match="not expandable"):
        x.sum_to_size(2)
