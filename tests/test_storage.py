"""Storage objects: what can be asked of a tensor's memory, and that it is not to be resized."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

import corelib


def _answers(t: Any) -> Any:
    x = t.arange(6.0).reshape(2, 3)
    bytes_, row = x.untyped_storage(), x[1].untyped_storage()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        typed = x[1].storage()
        shown = (typed.size(), len(typed), typed.nbytes(), typed.tolist(), typed[4], str(typed.dtype))
        same = typed.data_ptr() == x.data_ptr() == typed.untyped().data_ptr()
    return (
        (bytes_.nbytes(), bytes_.size(), len(bytes_), bytes_.element_size(), bytes_.tolist(), str(bytes_.device)),
        (bytes_.data_ptr() == x.data_ptr() == row.data_ptr(), bytes_.is_shared(), bytes_.is_pinned(), bytes_.is_cuda),
        (shown, same, t.is_storage(bytes_), t.is_storage(typed), t.is_storage(x), repr(bytes_)),
    )


def test_as_in_torch(torch: Any) -> None:
    assert _answers(corelib) == _answers(torch)


def test_tied_weights_are_found() -> None:
    x, y = corelib.ones(3), corelib.ones(3)
    assert x.untyped_storage() == x[1:].untyped_storage() == x.data.untyped_storage()
    assert x.untyped_storage() != y.untyped_storage() and x.untyped_storage() != x.storage()
    assert len({x.untyped_storage(), x.view(1, 3).untyped_storage(), y.untyped_storage()}) == 2


def test_on_other_devices() -> None:
    x = corelib.arange(4, device="strict")[1:]
    assert x.untyped_storage().nbytes() == 32 and x.storage().tolist() == [0, 1, 2, 3]
    assert x.untyped_storage().data_ptr() == x.view(3, 1).untyped_storage().data_ptr()
    assert list(corelib.ones(2, dtype=corelib.bfloat16).storage()) == [1.0, 1.0]


def test_refusals() -> None:
    x = corelib.ones(3)
    assert not x.untyped_storage().resizable() and not x.is_shared()
    with pytest.raises(RuntimeError, match="Trying to resize storage that is not resizable: use Tensor"):
        x.untyped_storage().resize_(0)
    with pytest.raises(NotImplementedError, match="not shared between processes"):
        x.share_memory_()
