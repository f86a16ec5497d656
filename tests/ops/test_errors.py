"""What is refused: the exception's type and first line are PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

import corelib
from corelib.dtypes import bool_, complex64, float64, int32, int64
from corelib.ops.samples import ArraySpec, array

A = array
I64 = partial(array, dtype=int64)
MASK = A(3, 4, dtype=bool_)
X, Z = A(3, 4), A(2, 3, 4, layout="transposed")
INT = I64(3, 4, low=-9, high=9)
IMAGE = A(2, 3, 7, 6)
KERNEL = A(4, 3, 3, 2, seed=1)

ERRORS: dict[str, tuple[Callable[..., Any], tuple[ArraySpec, ...]]] = {
    name: (function, tuple(specs))
    for name, (function, *specs) in {
        "clamp": (lambda t, x: t.clamp(x), X),
        "clamp complex": (lambda t, x: t.clamp(x, min=1), A(2, dtype=complex64)),
        "integer division by zero": (lambda t, x: x // 0, INT),
        "remainder by zero": (lambda t, x: x % 0, INT),
        "rounding mode": (lambda t, x: t.div(x, 2, rounding_mode="up"), X),
        "sign complex": (lambda t, x: t.sign(x), A(2, dtype=complex64)),
        "floor bool": (lambda t, x: t.floor(x), MASK),
        "remainder bool": (lambda t, x: t.remainder(x, True), MASK),
        "negative integer power": (lambda t, x: x**-1, INT),
        "broadcast": (lambda t, x, y: x + y, A(2, 3), A(2)),
        "any dim": (lambda t, x: t.any(x, 2), X),
        "max dim": (lambda t, x: t.max(x, 2), X),
        "max empty": (lambda t, x: t.max(x), A(0)),
        "max empty dim": (lambda t, x: t.max(x, 0), A(0, 3)),
        "argmax empty": (lambda t, x: t.argmax(x), A(0)),
        "var int": (lambda t, x: t.var(x), INT),
        "mean int": (lambda t, x: t.mean(x), INT),
        "norm int": (lambda t, x: t.norm(x), INT),
        "topk": (lambda t, x: t.topk(x, 5), X),
        "topk dim": (lambda t, x: t.topk(x, 1, 2), X),
        "bincount": (lambda t, x: t.bincount(x), X),
        "cat none": (lambda t: t.cat([]),),
        "cat sizes": (lambda t, x, y: t.cat([x, y]), X, A(3, 3)),
        "cat scalars": (lambda t, x: t.cat([x, x]), A()),
        "stack": (lambda t, x, y: t.stack([x, y]), X, A(3, 3)),
        "stack none": (lambda t: t.stack([]),),
        "split sizes": (lambda t, x: x.split([1, 1]), X),
        "split negative": (lambda t, x: x.split(-1), X),
        "chunk": (lambda t, x: t.chunk(x, 0), X),
        "split scalar": (lambda t, x: x.split(1), A()),
        "repeat": (lambda t, x: x.repeat(2), X),
        "flip": (lambda t, x: t.flip(x, (0, 0)), X),
        "flip dim": (lambda t, x: t.flip(x, (2,)), X),
        "tril": (lambda t, x: t.tril(x), A(3)),
        "index_select matrix": (lambda t, x, i: t.index_select(x, 0, i), X, I64(2, 2, low=0, high=1)),
        "index_select float": (lambda t, x, i: t.index_select(x, 0, i), X, A(2)),
        "masked_fill": (lambda t, x, m: t.masked_fill(x, m, 1), X, INT),
        "masked_select": (lambda t, x, m: t.masked_select(x, m), X, INT),
        "view": (lambda t, x: x.T.view(-1), X),
        "reshape": (lambda t, x: x.reshape(5, -1), X),
        "reshape two": (lambda t, x: x.reshape(-1, -1), X),
        "flatten": (lambda t, x: t.flatten(x, 1, 0), X),
        "expand": (lambda t, x: x.expand(4, 4), X),
        "expand fewer": (lambda t, x: x.expand(4), X),
        "permute": (lambda t, x: x.permute(0, 0), X),
        "permute length": (lambda t, x: x.permute(0), X),
        "unsqueeze": (lambda t, x: x.unsqueeze(4), X),
        "transpose": (lambda t, x: x.transpose(0, 2), X),
        "narrow": (lambda t, x: x.narrow(0, 2, 2), X),
        "t": (lambda t, x: x.t(), Z),
        "movedim": (lambda t, x: t.movedim(x, (0, 0), (1, 2)), Z),
        "item": (lambda t, x: x.item(), X),
        "bool": (lambda t, x: bool(x), X),
        "bool empty": (lambda t, x: bool(x), A(0)),
        "len": (lambda t, x: len(x), A()),
        "iterate": (lambda t, x: list(x), A()),
        "matmul scalar": (lambda t, x, y: t.matmul(x, y), A(), A(3)),
        "matmul vectors": (lambda t, x, y: t.matmul(x, y), A(2), A(3)),
        "matmul": (lambda t, x, y: x @ y, A(2, 3), A(2, 3)),
        "matmul batch": (lambda t, x, y: x @ y, A(2, 3, 3), A(4, 3, 3)),
        "matmul batched": (lambda t, x, y: x @ y, A(2, 3, 3), A(2, 4, 3)),
        "matmul vector": (lambda t, x, y: x @ y, A(2, 3), A(2)),
        "matmul dtype": (lambda t, x, y: x @ y, A(2, 2), A(2, 2, dtype=float64)),
        "mm": (lambda t, x, y: t.mm(x, y), A(2), A(2, 2)),
        "bmm": (lambda t, x, y: t.bmm(x, y), A(2, 2, 2), A(3, 2, 2)),
        "bmm rank": (lambda t, x, y: t.bmm(x, y), A(2, 2), A(3, 2, 2)),
        "mv": (lambda t, x, y: t.mv(x, y), A(2, 2), A(2, 2)),
        "dot": (lambda t, x, y: t.dot(x, y), A(2), A(3)),
        "outer": (lambda t, x, y: t.outer(x, y), X, A(3)),
        "conv2d channels": (lambda t, x, w: t.nn.functional.conv2d(x, w), IMAGE, A(4, 2, 3, 3)),
        "conv2d size": (lambda t, x, w: t.nn.functional.conv2d(x, w), A(1, 3, 2, 2), A(4, 3, 3, 3)),
        "conv2d rank": (lambda t, x, w: t.nn.functional.conv2d(x, w), A(3, 3), KERNEL),
        "conv2d bias": (lambda t, x, w, b: t.nn.functional.conv2d(x, w, b), IMAGE, KERNEL, A(3)),
        "conv2d dtype": (lambda t, x, w: t.nn.functional.conv2d(x, w), IMAGE, A(4, 3, 3, 2, dtype=float64)),
        "conv2d groups": (lambda t, x, w: t.nn.functional.conv2d(x, w, groups=2), A(1, 6, 5, 5), A(3, 3, 3, 3)),
        "conv2d same": (lambda t, x, w: t.nn.functional.conv2d(x, w, padding="same", stride=2), IMAGE, KERNEL),
        "conv2d stride": (lambda t, x, w: t.nn.functional.conv2d(x, w, stride=0), IMAGE, KERNEL),
        "conv2d padding": (lambda t, x, w: t.nn.functional.conv2d(x, w, padding=-1), IMAGE, KERNEL),
        "max_pool2d": (lambda t, x: t.nn.functional.max_pool2d(x, 9), IMAGE),
        "max_pool2d padding": (lambda t, x: t.nn.functional.max_pool2d(x, 2, padding=2), IMAGE),
        "avg_pool2d divisor": (lambda t, x: t.nn.functional.avg_pool2d(x, 2, divisor_override=0), IMAGE),
        "layer_norm": (lambda t, x: t.nn.functional.layer_norm(x, (3,)), X),
        "cross_entropy batch": (lambda t, x, y: t.nn.functional.cross_entropy(x, y), A(4, 3), I64(5, low=0, high=2)),
        "cross_entropy target": (
            lambda t, x, y: t.nn.functional.cross_entropy(x, y),
            A(4, 3),
            I64(4, values=(0, 1, 2, 3)),
        ),
        "cross_entropy dtype": (
            lambda t, x, y: t.nn.functional.cross_entropy(x, y),
            A(4, 3),
            A(4, dtype=int32, low=0, high=2),
        ),
        "nll_loss shape": (lambda t, x, y: t.nn.functional.nll_loss(x, y), A(2, 3, 4), I64(2, 3, low=0, high=2)),
        "embedding dtype": (lambda t, i, w: t.nn.functional.embedding(i, w), A(2), A(5, 3)),
        "softmax int": (lambda t, x: t.softmax(x, 0), INT),
        "gelu int": (lambda t, x: t.nn.functional.gelu(x), INT),
        "add string": (lambda t, x: x + "a", X),
        "sum string": (lambda t, x: t.sum("a"), X),
        "where float": (lambda t, x: t.where(x, 1, 2), X),
        "bitwise float": (lambda t, x: x & 1, X),
        "invert float": (lambda t, x: t.bitwise_not(x), X),
        "minus bool": (lambda t, x: x - x, MASK),
        "neg bool": (lambda t, x: -x, MASK),
    }.items()
}


@pytest.mark.parametrize("name", ERRORS)
def test_error(oracle: Any, name: str) -> None:
    function, specs = ERRORS[name]
    oracle.same_error(
        lambda: function(corelib, *map(oracle.ours, specs)), lambda: function(oracle.torch, *map(oracle.theirs, specs))
    )
