"""Views in place: the tensor takes another shape over the same memory, with PyTorch's history and errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import corelib

CHANGES: dict[str, Callable[[Any], Any]] = {
    "t_": lambda x: x.t_(),
    "transpose_": lambda x: x.transpose_(0, 1),
    "swapdims_": lambda x: x.swapdims_(1, 0),
    "swapaxes_": lambda x: x.swapaxes_(-1, 0),
    "unsqueeze_": lambda x: x.unsqueeze_(1),
    "squeeze_": lambda x: x.unsqueeze_(0).squeeze_(),
    "squeeze_ dim": lambda x: x.unsqueeze_(0).squeeze_(0),
    "as_strided_": lambda x: x.as_strided_((2, 2), (1, 2)),
    "as_strided_ offset": lambda x: x.as_strided_((2,), (2,), 1),
}


def _plain(t: Any, change: Callable[[Any], Any]) -> Any:
    x = t.arange(6.0).reshape(2, 3).clone()
    seen = x.view(-1)
    same = change(x) is x
    x.mul_(2)
    return same, tuple(x.shape), x.stride(), x.storage_offset(), x.tolist(), seen.tolist(), x._version, x._base is None


def _of_a_view(t: Any, change: Callable[[Any], Any]) -> Any:
    base = t.arange(12.0).reshape(4, 3).clone()
    x = base[1:3]
    change(x)
    x.add_(1)
    return tuple(x.shape), x.stride(), x.storage_offset(), x.tolist(), base.tolist(), x._base is base


def _recorded(t: Any, change: Callable[[Any], Any]) -> Any:
    leaf = t.arange(6.0).reshape(2, 3).requires_grad_()
    x = leaf * 2
    earlier = x.view(-1)
    change(x)
    x[..., 0].mul_(3)
    weights = t.arange(x.numel() * 1.0).reshape(tuple(x.shape))
    ((x * weights).sum() + (earlier * t.arange(6.0)).sum()).backward()
    return x.is_leaf, leaf.grad.tolist()


def _recorded_view(t: Any, change: Callable[[Any], Any]) -> Any:
    leaf = t.arange(12.0).reshape(4, 3).requires_grad_()
    base = leaf * 2
    x = base[1:3]
    change(x)
    first = x.sum()
    x.mul_(3)
    (base * t.arange(12.0).reshape(4, 3)).sum().backward(retain_graph=True)
    (x.sum() + first).backward()
    return leaf.grad.tolist()


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("of", [_plain, _of_a_view, _recorded, _recorded_view])
def test_as_in_torch(torch: Any, of: Callable[[Any, Any], Any], name: str) -> None:
    assert of(corelib, CHANGES[name]) == of(torch, CHANGES[name])


def test_leaves_change_without_recording(torch: Any) -> None:
    for t in (corelib, torch):
        leaf = t.ones(2, 3, requires_grad=True)
        with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used in an in-place"):
            leaf.t_()
        with t.no_grad():
            leaf.t_()
        (leaf * t.arange(6.0).reshape(3, 2)).sum().backward()
        assert leaf.is_leaf and leaf.grad.tolist() == [[0, 1], [2, 3], [4, 5]]


ERRORS: dict[str, Callable[[Any], Any]] = {
    "t_": lambda t: t.ones(2, 2, 2).t_(),
    "transpose_": lambda t: t.ones(2).transpose_(0, 3),
    "unsqueeze_": lambda t: t.ones(2).unsqueeze_(5),
    "as_strided_": lambda t: t.ones(2).as_strided_((5,), (1,)),
    "split": lambda t: (t.ones(2, 3, requires_grad=True) * 1).split(1)[0].squeeze_(0),
    "view of a leaf": lambda t: t.ones(2, 3, requires_grad=True)[0].unsqueeze_(0),
}


@pytest.mark.parametrize("name", ERRORS)
def test_error(torch: Any, name: str) -> None:
    with pytest.raises((RuntimeError, IndexError)) as theirs:
        ERRORS[name](torch)
    with pytest.raises(theirs.type) as ours:
        ERRORS[name](corelib)
    assert str(ours.value) == str(theirs.value)


def test_on_devices_without_strides() -> None:
    x = corelib.arange(6.0, device="strict").reshape(2, 3)
    assert x.t_().tolist() == [[0, 3], [1, 4], [2, 5]]
    assert x.unsqueeze_(0).shape == (1, 3, 2)
