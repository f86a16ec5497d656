"""DLPack both ways: the same memory, seen by two libraries."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

import corelib
from corelib.dtypes import ALL_DTYPES
from corelib.utils.dlpack import from_dlpack, to_dlpack


@pytest.mark.parametrize("dtype", [d for d in ALL_DTYPES if d.name != "bfloat16"], ids=lambda d: d.name)
def test_every_dtype_both_ways(torch: ModuleType, dtype: Any) -> None:
    for shape in ((), (2, 3), (0, 2)):
        ours = corelib.ones(shape).to(dtype)
        theirs = torch.from_dlpack(ours)
        assert str(theirs.dtype) == f"torch.{dtype.name.removesuffix('_')}" and theirs.tolist() == ours.tolist()
        back = corelib.from_dlpack(theirs)
        assert back.dtype is dtype and back.shape == ours.shape and back.tolist() == ours.tolist()


def test_memory_is_shared(torch: ModuleType) -> None:
    ours = corelib.zeros(2, 3)
    torch.from_dlpack(ours)[0, 1] = 5
    np.from_dlpack(ours)[1, 1] = 6
    assert ours.tolist() == [[0, 5, 0], [0, 6, 0]]
    theirs = torch.arange(12.0).reshape(3, 4)
    for view in (theirs, theirs.T, theirs[::2, 1:], theirs[1], theirs[:, ::3]):
        seen = from_dlpack(view, copy=False)
        assert seen.tolist() == view.tolist() and seen.stride() == view.stride()
        seen.add_(1)
        assert seen.tolist() == view.tolist()
    turned = torch.from_dlpack(ours.T)
    turned[0, 0] = 9
    assert ours[0, 0].item() == 9 and turned.stride() == (1, 3)


def test_copies_where_asked_or_needed() -> None:
    array = np.arange(3.0)
    copied = from_dlpack(array, copy=True)
    copied.zero_()
    assert array.tolist() == [0, 1, 2]
    x = corelib.ones(2)
    from_dlpack(x).zero_()
    assert x.tolist() == [0, 0]
    assert from_dlpack(x, device="meta").device.type == "meta"
    with pytest.raises(BufferError, match="copy=False"):
        from_dlpack(x, device="meta", copy=False)


def test_capsules(torch: ModuleType) -> None:
    x = corelib.ones(2)
    torch.utils.dlpack.from_dlpack(to_dlpack(x))[0] = 4
    assert x.tolist() == [4, 1]
    assert from_dlpack(torch.utils.dlpack.to_dlpack(torch.ones(2))).tolist() == [1, 1]


def test_the_memory_lives_as_long_as_it_is_seen() -> None:
    seen = from_dlpack(corelib.full((1000,), 3.0) + 0)
    assert (seen == 3).all()
    exported = np.from_dlpack(corelib.full((1000,), 3.0) + 0)
    assert (exported == 3).all()


def test_what_cannot_be_exported() -> None:
    assert corelib.ones(1).__dlpack_device__() == (1, 0)
    with pytest.raises(BufferError, match="tensors that require gradient, use"):
        corelib.ones(1, requires_grad=True).__dlpack__()
    with pytest.raises(BufferError):
        corelib.ones(1, device="meta").__dlpack__()
    with pytest.raises(ValueError, match="Unknown device type meta for Dlpack"):
        corelib.ones(1, device="meta").__dlpack_device__()
    with pytest.raises(BufferError):
        corelib.ones(1, dtype=corelib.bfloat16).__dlpack__()
