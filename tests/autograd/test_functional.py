"""autograd.functional against PyTorch's: values, graphs, and what strict refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import corelib
from corelib.autograd import functional as F

X, Y = [[0.3, -1.2], [2.0, 0.4]], [0.7, -0.5]


def _one(x: Any) -> Any:
    return (x * x * x).sum()


def _two(x: Any, y: Any) -> Any:
    return ((x @ y).exp() * y).sum()


def _vector(x: Any) -> Any:
    return (x * x.sum()).exp()


def _many(x: Any, y: Any) -> Any:
    return x @ y, (x * x).sum(), y * 3


def _flat(value: Any) -> list[Any]:
    return [x for part in value for x in _flat(part)] if isinstance(value, tuple) else [value]


CALLS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "vjp": lambda f, x, y: f.vjp(_vector, x, x),
    "vjp scalar": lambda f, x, y: f.vjp(_two, (x, y)),
    "vjp many": lambda f, x, y: f.vjp(_many, (x, y), (y, x.sum(), y), create_graph=True),
    "jvp": lambda f, x, y: f.jvp(_vector, x, x * 2),
    "jvp many": lambda f, x, y: f.jvp(_many, (x, y), (x, y)),
    "jvp graph": lambda f, x, y: f.jvp(_two, (x, y), (x, y), create_graph=True),
    "vhp": lambda f, x, y: f.vhp(_one, x, x),
    "vhp two": lambda f, x, y: f.vhp(_two, (x, y), (x, y), create_graph=True),
    "hvp": lambda f, x, y: f.hvp(_one, x, x),
    "hvp two": lambda f, x, y: f.hvp(_two, (x, y), (x, y), create_graph=True),
    "jacobian": lambda f, x, y: f.jacobian(_vector, x),
    "jacobian many": lambda f, x, y: f.jacobian(_many, (x, y)),
    "jacobian graph": lambda f, x, y: f.jacobian(_two, (x, y), create_graph=True),
    "jacobian vectorized": lambda f, x, y: f.jacobian(_vector, x, vectorize=True),
    "hessian": lambda f, x, y: f.hessian(_one, x),
    "hessian two": lambda f, x, y: f.hessian(_two, (x, y), create_graph=True),
    "unused": lambda f, x, y: f.jacobian(lambda a, b: a * 2, (x, y)),
    "strict vjp": lambda f, x, y: f.vjp(lambda a, b: a.sum(), (x, y), strict=True),
    "strict constant": lambda f, x, y: f.vjp(lambda a: y.detach().sum(), x, strict=True),
    "strict jvp": lambda f, x, y: f.jvp(lambda a: a.sum() * 2, x, x, strict=True, create_graph=True),
    "strict jacobian": lambda f, x, y: f.jacobian(lambda a, b: a.sum(), (x, y), strict=True),
    "strict jacobian graph": lambda f, x, y: f.jacobian(lambda a: a * 2, x, strict=True, create_graph=True),
    "strict hessian": lambda f, x, y: f.hessian(lambda a: a.sum(), x, strict=True),
    "strict vhp": lambda f, x, y: f.vhp(lambda a: a.sum(), x, x, strict=True),
    "strict hvp": lambda f, x, y: f.hvp(lambda a: a.sum(), x, x, strict=True),
    "v needed": lambda f, x, y: f.vjp(_vector, x),
    "v needed for hvp": lambda f, x, y: f.hvp(_one, x),
    "v of another size": lambda f, x, y: f.jvp(_vector, x, y),
    "v of another length": lambda f, x, y: f.jvp(_two, (x, y), (x,)),
    "one v": lambda f, x, y: f.jvp(_vector, x, (x, y)),
    "no scalar": lambda f, x, y: f.hessian(_vector, x),
    "two outputs": lambda f, x, y: f.vhp(_many, (x, y), (x, y)),
    "strategy": lambda f, x, y: f.jacobian(_vector, x, strategy="sideways"),
}


@pytest.mark.parametrize("name", CALLS)
def test_same_as_torch(torch: Any, name: str) -> None:
    results: list[Any] = []
    for library, functional in ((corelib, F), (torch, torch.autograd.functional)):
        x = library.tensor(X, dtype=library.float64, requires_grad=True)
        y = library.tensor(Y, dtype=library.float64, requires_grad=True)
        try:
            found = CALLS[name](functional, x, y)
        except (RuntimeError, AssertionError) as error:
            results.append((type(error), str(error)))
            continue
        flat = _flat(found)
        graph = [t.requires_grad for t in flat]
        slopes = []
        if any(graph):
            total = sum((t * t).sum() for t in flat if t.requires_grad)
            slopes = [g.numpy() for g in library.autograd.grad(total, (x, y), allow_unused=True) if g is not None]
        results.append(([t.detach().numpy() for t in flat], graph, slopes, repr(type(found))))
    ours, theirs = results
    if isinstance(theirs[0], type):
        assert ours[0] is theirs[0]
        assert ours[1].replace("torch.", "") == theirs[1].replace("torch.", "")
        return
    assert ours[1] == theirs[1]
    for a, b in zip(ours[0] + ours[2], theirs[0] + theirs[2], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10)
        assert a.shape == b.shape


def test_what_is_no_tensor() -> None:
    with pytest.raises(TypeError, match="The inputs given to vjp must be either a Tensor or a tuple of Tensors"):
        F.vjp(_one, 1.0)
    with pytest.raises(TypeError, match="The outputs of the user-provided function given to jacobian must be"):
        F.jacobian(lambda x: 1.0, corelib.ones(2))
    with pytest.raises(TypeError, match="the value at index 1 has type"):
        F.jvp(_two, (corelib.ones(2), 1))
