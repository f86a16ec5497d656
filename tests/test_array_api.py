"""Code against the array API standard gives with tensors what it gives with NumPy's arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import corelib

X = np.arange(24.0).reshape(2, 3, 4)[:, ::-1].copy() % 7
CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "max": lambda xp, x: xp.max(x, axis=(0, 2), keepdims=True),
    "min": lambda xp, x: xp.min(x),
    "sum": lambda xp, x: xp.sum(x, axis=1, keepdims=True),
    "mean": lambda xp, x: xp.mean(x, axis=(0, 1)),
    "var": lambda xp, x: xp.var(x, axis=1, correction=1),
    "std": lambda xp, x: xp.std(x, axis=2),
    "argmax": lambda xp, x: xp.argmax(x, axis=1),
    "sort": lambda xp, x: xp.sort(x, axis=0),
    "take": lambda xp, x: xp.take(x, xp.asarray([2, 0]), axis=1),
    "nonzero": lambda xp, x: xp.nonzero(x)[1],
    "permute_dims": lambda xp, x: xp.permute_dims(x, (2, 0, 1)),
    "matrix_transpose": lambda xp, x: xp.matrix_transpose(x),
    "expand_dims": lambda xp, x: xp.expand_dims(x, axis=1),
    "squeeze": lambda xp, x: xp.squeeze(xp.expand_dims(x, axis=1), axis=1),
    "flip": lambda xp, x: xp.flip(x),
    "flip_axis": lambda xp, x: xp.flip(x, axis=1),
    "roll": lambda xp, x: xp.roll(x, 2, axis=2),
    "concat": lambda xp, x: xp.concat([x, x], axis=1),
    "stack": lambda xp, x: xp.stack([x, x], axis=-1),
    "unstack": lambda xp, x: xp.unstack(x, axis=1)[2],
    "cumulative_sum": lambda xp, x: xp.cumulative_sum(x, axis=1),
    "unique_values": lambda xp, x: xp.unique_values(x),
    "bitwise_invert": lambda xp, x: xp.bitwise_invert(xp.astype(x, xp.int32)),
    "acos": lambda xp, x: xp.acos(x / 10),
    "pow": lambda xp, x: xp.pow(x, 2),
    "where": lambda xp, x: xp.where(x > 2, x, -x),
    "tensordot": lambda xp, x: xp.matmul(x, xp.matrix_transpose(x)),
    "broadcast": lambda xp, x: xp.broadcast_arrays(x, x[0, 0])[1],
    "isdtype": lambda xp, x: xp.asarray([xp.isdtype(x.dtype, k) for k in ("real floating", "integral", ("bool",))]),
}


@pytest.mark.parametrize("name", CALLS)
def test_same_as_numpy(name: str) -> None:
    function = CALLS[name]
    x = corelib.from_numpy(X.copy())
    got = function(x.__array_namespace__(), x)
    if name == "unstack" and not hasattr(np, "unstack"):
        expected: Any = X[:, 2]
    elif name == "cumulative_sum" and not hasattr(np, "cumulative_sum"):
        expected = np.cumsum(X, 1)
    else:
        expected = function(np, X)
    np.testing.assert_allclose(got.numpy(), np.asarray(expected), rtol=1e-12)


def test_versions_and_errors() -> None:
    x = corelib.ones(2, 3)
    xp = x.__array_namespace__(api_version="2022.12")
    assert xp.__array_api_version__ == "2023.12"
    with pytest.raises(ValueError, match="not offered"):
        x.__array_namespace__(api_version="2999.12")
    with pytest.raises(ValueError, match="size 1"):
        xp.squeeze(x, axis=0)
    with pytest.raises(ValueError, match="unknown kind"):
        xp.isdtype(x.dtype, "real")
