"""``out=`` of generated functions and of composites: values, dtypes, devices, overlaps, resizing, gradients."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest

import corelib

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "add": lambda t, x, out: t.add(x, x, out=out),
    "exp": lambda t, x, out: t.exp(x, out=out),
    "sinh": lambda t, x, out: t.sinh(x, out=out),
    "eq": lambda t, x, out: t.eq(x, x, out=out),
    "logical_not": lambda t, x, out: t.logical_not(x, out=out),
    "sum": lambda t, x, out: t.sum(x, 1, out=out),
    "mean": lambda t, x, out: t.mean(x, 1, out=out),
    "std": lambda t, x, out: t.std(x, 1, out=out),
    "amax": lambda t, x, out: t.amax(x, 1, out=out),
    "argmax": lambda t, x, out: t.argmax(x, 1, out=out),
    "max": lambda t, x, out: t.max(x, 1, out=out),
    "sort": lambda t, x, out: t.sort(x, 1, out=out),
    "topk": lambda t, x, out: t.topk(x, 2, 1, out=out),
    "cumsum": lambda t, x, out: t.cumsum(x, 1, out=out),
    "mm": lambda t, x, out: t.mm(x, x.t(), out=out),
    "matmul": lambda t, x, out: t.matmul(x, x.t(), out=out),
    "addmm": lambda t, x, out: t.addmm(x @ x.t(), x, x.t(), out=out),
    "dot": lambda t, x, out: t.dot(x[0], x[0], out=out),
    "cat": lambda t, x, out: t.cat([x, x], out=out),
    "stack": lambda t, x, out: t.stack([x, x], out=out),
    "gather": lambda t, x, out: t.gather(x, 1, t.zeros(3, 2, dtype=t.int64), out=out),
    "index_select": lambda t, x, out: t.index_select(x, 0, t.tensor([0, 1]), out=out),
    "take": lambda t, x, out: t.take(x, t.tensor([0, 1]), out=out),
    "masked_select": lambda t, x, out: t.masked_select(x, x > 0, out=out),
    "nonzero": lambda t, x, out: t.nonzero(x, out=out),
    "where": lambda t, x, out: t.where(x > 0, x, x, out=out),
    "clamp": lambda t, x, out: t.clamp(x, 0, 1, out=out),
    "lerp": lambda t, x, out: t.lerp(x, x, 0.5, out=out),
    "addcmul": lambda t, x, out: t.addcmul(x, x, x, out=out),
    "tril": lambda t, x, out: t.tril(x, out=out),
    "softmax": lambda t, x, out: t.softmax(x, 1, out=out),
    "round": lambda t, x, out: t.round(x, out=out),
    "logaddexp": lambda t, x, out: t.logaddexp(x, x, out=out),
    "ones": lambda t, x, out: t.ones(3, 4, out=out),
    "arange": lambda t, x, out: t.arange(4, out=out),
}
OUTS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "alike": lambda t, x, y: t.zeros_like(y),
    "transposed": lambda t, x, y: t.zeros(tuple(reversed(y.shape)), dtype=y.dtype).permute(
        tuple(reversed(range(y.ndim)))
    ),
    "double": lambda t, x, y: t.zeros(tuple(y.shape), dtype=t.float64),
    "long": lambda t, x, y: t.zeros(tuple(y.shape), dtype=t.int64),
    "meta": lambda t, x, y: t.zeros(tuple(y.shape), dtype=y.dtype, device="meta"),
    "empty": lambda t, x, y: t.zeros(0, dtype=y.dtype),
    "other shape": lambda t, x, y: t.zeros(7, dtype=y.dtype),
    "requires grad": lambda t, x, y: t.zeros_like(y).requires_grad_(y.is_floating_point()),
    "expanded": lambda t, x, y: t.zeros((1,) * y.ndim, dtype=y.dtype).expand(tuple(y.shape)),
    "the input": lambda t, x, y: x if x.dtype == y.dtype and x.shape == y.shape else t.zeros_like(y),
    "shifted": lambda t, x, y: (
        x._base.view(-1)[1:13].view(3, 4) if x.dtype == y.dtype and x.shape == y.shape else t.zeros_like(y)
    ),
}
EXCEPTIONS = {  # by the out tensor
    "sums are computed in the dtype of out": ("long", "sum cumsum"),
    "the device is named otherwise": ("meta", "gather argmax max topk masked_select"),
    "PyTorch writes one element many times": ("expanded", "sum std amax tril argmax ones"),
    "the warning of its own": ("other shape", "arange"),
    "the name of the function that it calls": ("requires grad", "softmax"),
    "PyTorch copies first": ("shifted", "tril softmax"),
}
EXCEPT = {(kind, name) for kind, names in EXCEPTIONS.values() for name in names.split()}


def _outcome(t: Any, name: str, kind: str) -> tuple[Any, ...]:
    x = (t.arange(24, dtype=t.float32) / 7 - 2).view(4, 6).view(-1)[:12].view(3, 4)
    ys = FUNCTIONS[name](t, x.clone(), None)
    outs = tuple(OUTS[kind](t, x, y) for y in (ys if isinstance(ys, tuple) else (ys,)))
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            got = FUNCTIONS[name](t, x, outs if isinstance(ys, tuple) else outs[0])
        except Exception as error:
            return type(error).__name__, str(error).splitlines()[0]
    results = got if isinstance(got, tuple) else (got,)
    values = [[round(float(v), 3) for v in o.flatten().tolist()] if kind != "meta" else 0 for o in outs]
    same = all(a is b for a, b in zip(results, outs, strict=True))
    shapes = [(str(o.dtype), tuple(o.shape), name == "nonzero" or o.stride()) for o in outs]
    return same, values, shapes, [str(w.message).splitlines()[0][:60] for w in warned]


@pytest.mark.parametrize("kind", OUTS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_out(torch: Any, name: str, kind: str) -> None:
    ours, theirs = _outcome(corelib, name, kind), _outcome(torch, name, kind)
    if (kind, name) in EXCEPT:
        assert ours != theirs, "no exception any more"
    else:
        assert ours == theirs


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_do_not_pass(torch: Any, name: str) -> None:
    def outcome(t: Any) -> str:
        x = t.ones(3, 4).requires_grad_()
        y = FUNCTIONS[name](t, x.detach(), None)
        out = tuple(t.zeros_like(z) for z in y) if isinstance(y, tuple) else t.zeros_like(y)
        try:
            FUNCTIONS[name](t, x, out)
        except RuntimeError as error:
            return str(error).split("(): ")[-1]
        return ""

    assert outcome(corelib) == outcome(torch) or name == "softmax"  # whose out PyTorch leaves without a history


def test_what_is_no_tensor(torch: Any) -> None:
    for function in (FUNCTIONS["add"], FUNCTIONS["sinh"], FUNCTIONS["where"]):
        with pytest.raises(TypeError, match="argument 'out' must be Tensor, not str"):
            function(corelib, corelib.ones(2, 2), "a")
