"""Every primitive against PyTorch: value, dtype, shape, gradients, errors, over the definitions' samples."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from corelib.dtypes import complex128, float64
from corelib.ops import PRIMITIVES
from corelib.ops.primitive import Primitive
from corelib.ops.samples import ArraySpec, Sample

# What is called otherwise in PyTorch: name -> function of the module, then of the primitive's arguments.
ADAPTERS: dict[str, Callable[..., Any]] = {
    "scatter_extremum": lambda t, x, i, s, dim, largest, own: t.scatter_reduce(
        x, dim, i, s, "amax" if largest else "amin", include_self=own
    ),
    "trunc_divide": lambda t, a, b: t.div(a, b, rounding_mode="trunc"),
    "sign_real": lambda t, x: t.sign(x),
    "sum": lambda t, x, dim, keepdim, dtype: t.sum(x, dim, keepdim=keepdim, dtype=dtype),
    "mean": lambda t, x, dim, keepdim, dtype: t.mean(x, dim, keepdim=keepdim, dtype=dtype),
    "prod": lambda t, x, dim, keepdim, dtype: _prod(t, x, dim, keepdim, dtype),
    "amax": lambda t, x, dim, keepdim: t.amax(x, () if dim is None else dim, keepdim),
    "amin": lambda t, x, dim, keepdim: t.amin(x, () if dim is None else dim, keepdim),
    "logsumexp": lambda t, x, dim, keepdim: t.logsumexp(x, tuple(range(x.ndim)) if dim is None else dim, keepdim),
    "cumsum": lambda t, x, dim, dtype: t.cumsum(x, dim, dtype=dtype),
    "cumprod": lambda t, x, dim, dtype: t.cumprod(x, dim, dtype=dtype),
    "softmax": lambda t, x, dim, dtype: t.softmax(x, dim, dtype=dtype),
    "log_softmax": lambda t, x, dim, dtype: t.log_softmax(x, dim, dtype=dtype),
    "gelu": lambda t, x, approximate: t.nn.functional.gelu(x, approximate=approximate),
    "view": lambda t, x, size: x.view(size),
    "expand": lambda t, x, size: x.expand(size),
    "slice": lambda t, x, dim, start, end, step: t.ops.aten.slice.Tensor(x, dim, start, end, step),
    "squeeze": lambda t, x, dim: t.squeeze(x) if dim is None else t.squeeze(x, dim),
    "polygamma": lambda t, x, n: t.polygamma(n, x),
    "unfold": lambda t, x, dimension, size, step: x.unfold(dimension, size, step),
    "as_strided": lambda t, x, size, stride, delta: t.as_strided(x, size, stride, x.storage_offset() + delta),
    "alias": lambda t, x: t.ops.aten.alias(x),
    "copy": lambda t, x: x.clone(),
    "cast": lambda t, x, dtype: (x.real if x.is_complex() and not (dtype.is_complex or dtype == t.bool) else x).to(
        dtype
    ),
    "gather": lambda t, x, index, dim: t.gather(x, dim, index),
    "scatter": lambda t, x, index, src, dim: t.scatter(x, dim, index, src),
    "scatter_add": lambda t, x, index, src, dim: t.scatter_add(
        x, dim, index, src if isinstance(src, t.Tensor) else t.full(index.shape, src, dtype=x.dtype)
    ),
    "sort": lambda t, x, dim, descending: t.sort(x, dim=dim, descending=descending, stable=True),
    "convolution": lambda t, *args: t.nn.functional.conv2d(*args),
    "convolution_input_grad": lambda t, grad, weight, shape, *rest: t.nn.grad.conv2d_input(shape, weight, grad, *rest),
    "convolution_weight_grad": lambda t, grad, x, shape, *rest: t.nn.grad.conv2d_weight(x, shape, grad, *rest),
    "embedding": lambda t, weight, indices, padding_idx: t.nn.functional.embedding(
        indices, weight, None if padding_idx < 0 else padding_idx
    ),
    "embedding_grad": lambda t, grad, indices, rows, padding_idx: t.ops.aten.embedding_dense_backward(
        grad, indices, rows, padding_idx, False
    ),
    "relu_grad": lambda t, grad, output: t.where(output > 0, grad, 0.0),
    "dropout_grad": lambda t, grad, mask, factor: t.ops.aten.native_dropout_backward(grad, mask, factor),
    "gelu_grad": lambda t, grad, x, approximate: t.ops.aten.gelu_backward(grad, x, approximate=approximate),
    "softmax_grad": lambda t, grad, out, dim: t.ops.aten._softmax_backward_data(grad, out, dim, out.dtype),
    "log_softmax_grad": lambda t, grad, out, dim: t.ops.aten._log_softmax_backward_data(grad, out, dim, out.dtype),
    "linear_grad": lambda t, grad, x, weight, *wanted: (
        grad @ weight.conj(),
        grad.flatten(0, -2).mT @ x.flatten(0, -2).conj(),
        grad.flatten(0, -2).sum(0),
    ),
    "class_cross_entropy": lambda t, x, target, ignore_index, reduction: (
        t.nn.functional.cross_entropy(x, target, ignore_index=ignore_index, reduction=reduction),
        t.nn.functional.log_softmax(x, 1),
        (target != ignore_index).sum().to(x.dtype),
    ),
    "class_cross_entropy_grad": lambda t, *args: _class_grad(t, *args),
    "layer_norm": lambda t, x, weight, bias, ndim, eps: t.native_layer_norm(x, x.shape[-ndim:], weight, bias, eps),
    "layer_norm_grad": lambda t, grad, x, weight, mean, rstd, ndim: t.ops.aten.native_layer_norm_backward(
        grad, x, x.shape[-ndim:], mean, rstd, weight, weight, [True, True, True]
    ),
    "batch_norm_train": lambda t, x, weight, bias, eps: (
        *t.native_batch_norm(x, weight, bias, None, None, True, 0.0, eps),
        x.transpose(0, 1).flatten(1).var(1),
    ),
    "batch_norm_grad": lambda t, grad, x, weight, mean, rstd: t.ops.aten.native_batch_norm_backward(
        grad, x, weight, None, None, mean, rstd, True, 0.0, [True, True, True]
    ),
    "max_pool2d": lambda t, x, *window: t.nn.functional.max_pool2d(x, *window, return_indices=True),
    "max_pool2d_grad": lambda t, grad, indices, shape: (
        grad.new_zeros((*shape[:-2], shape[-2] * shape[-1]))
        .scatter_add(-1, indices.flatten(-2), grad.flatten(-2))
        .reshape(shape)
    ),
    "avg_pool2d": lambda t, *args: t.nn.functional.avg_pool2d(*args),
    "linalg_qr": lambda t, x, complete: t.linalg.qr(x, "complete" if complete else "reduced"),
    "linalg_solve_triangular": lambda t, a, b, upper, unit: t.linalg.solve_triangular(
        a, b, upper=upper, unitriangular=unit
    ),
    "fill": lambda t, value, layout: t.full(layout.shape, value, dtype=getattr(t, layout.dtype.name)),
    "arange": lambda t, start, step, layout: (t.arange(layout.shape[0]) * step + start).to(
        getattr(t, layout.dtype.name)
    ),
}
KEEP_STATISTICS_WIDE = {"layer_norm", "batch_norm_train"}  # in float32 for half inputs, where PyTorch's are half
NO_COUNTERPART = {
    "transfer", "random_bits", "dropout",
    "linalg_eig", "linalg_eigh", "linalg_svd", "linalg_pinv",  # up to signs (see test_linalg)
    "fft_c2c", "fft_r2c", "fft_c2r",  # see test_fft
}  # fmt: skip


def _prod(t: Any, x: Any, dim: Any, keepdim: bool, dtype: Any) -> Any:
    """PyTorch multiplies over one dimension only."""
    dims = range(x.ndim) if dim is None else dim if isinstance(dim, tuple) else (dim,)
    if not x.ndim or len(dims) == 1:
        return t.prod(x, *list(dims)[:1], keepdim, dtype=dtype) if dims else t.prod(x, dtype=dtype)
    if len({d % x.ndim for d in dims}) != len(dims):
        return t.sum(x, dim)  # raises what is due
    for d in sorted([d % x.ndim for d in dims], reverse=True):
        x = t.prod(x, d, keepdim, dtype=dtype)
    return x


def _class_grad(t: Any, grad: Any, logs: Any, target: Any, count: Any, ignore_index: int, reduction: str) -> Any:
    kept = target != ignore_index
    share = t.where(kept, grad / count if reduction == "mean" else grad, 0.0)
    return (logs.exp() - t.nn.functional.one_hot(t.where(kept, target, 0), logs.shape[1])) * share.unsqueeze(1)


def _all(wanted: Callable[[Primitive, Sample], bool]) -> list[Any]:
    found = [
        (p, i, s)
        for p in PRIMITIVES.values()
        if p.name not in NO_COUNTERPART
        for i, s in enumerate(p.samples() if p.samples is not None else ())
        if wanted(p, s)
    ]
    return [pytest.param(p, s, id=f"{p.name}-{i}") for p, i, s in found]


def theirs(torch: ModuleType, prim: Primitive) -> Callable[..., Any]:
    """PyTorch's function with the primitive's signature."""
    adapter = ADAPTERS.get(prim.name)
    if adapter is not None:
        return lambda *args: adapter(torch, *args)
    function: Any = torch
    for part in prim.torch_name.split("."):
        function = getattr(function, part)
    return function  # type: ignore[no-any-return]


def _bound(prim: Primitive, args: tuple[Any, ...]) -> tuple[Any, ...]:
    bound = prim.signature.bind(*args)
    bound.apply_defaults()
    return bound.args


@pytest.mark.parametrize(("prim", "sample"), _all(lambda p, s: s.error is None))
def test_value(oracle: Any, prim: Primitive, sample: Sample) -> None:
    args = _bound(prim, sample.args)
    expected = theirs(oracle.torch, prim)(*map(oracle.theirs, args))
    result = prim.function(*map(oracle.ours, args))
    if prim.name in KEEP_STATISTICS_WIDE and sample.dtype.is_half:
        result, expected = result[0], expected[0]
    oracle.same(result, expected)


@pytest.mark.parametrize(("prim", "sample"), _all(lambda p, s: s.error is not None))
def test_error(oracle: Any, prim: Primitive, sample: Sample) -> None:
    args = _bound(prim, sample.args)
    function = theirs(oracle.torch, prim)
    oracle.same_error(lambda: prim.function(*map(oracle.ours, args)), lambda: function(*map(oracle.theirs, args)))


def _active(sample: Sample) -> list[ArraySpec]:
    return [a for a in _flat(sample.args) if isinstance(a, ArraySpec) and a.dtype in (float64, complex128)]


def _flat(args: Any) -> list[Any]:
    return [y for x in args for y in (_flat(x) if isinstance(x, list) else [x])]


def _put(args: Any, tensors: Any, passive: Callable[[Any], Any]) -> list[Any]:
    """The arguments with tensors, in order, in the place of the floating arrays."""
    return [
        _put(a, tensors, passive) if isinstance(a, list)
        else next(tensors) if isinstance(a, ArraySpec) and a.dtype in (float64, complex128)
        else passive(a)
        for a in args
    ]  # fmt: skip


_seen: set[str] = set()


def _differentiable(prim: Primitive, sample: Sample) -> bool:
    """Whether there is a gradient to compare; once for samples that differ in precision alone."""
    wide = sample.widened()
    key = f"{prim.name}{wide.args}"
    if not (prim.differentiable and sample.error is None and sample.gradient and _active(wide)) or key in _seen:
        return False
    _seen.add(key)
    return True


@pytest.mark.parametrize(("prim", "sample"), _all(_differentiable))
def test_gradients(oracle: Any, prim: Primitive, sample: Sample) -> None:
    sample = sample.widened()
    args = _bound(prim, sample.args)
    function = theirs(oracle.torch, prim)
    oracle.same_gradients(
        lambda *tensors: prim.function(*_put(args, iter(tensors), oracle.ours)),
        lambda *tensors: function(*_put(args, iter(tensors), oracle.theirs)),
        _active(sample),
    )


def test_all_have_a_counterpart(torch: ModuleType) -> None:
    for name, prim in PRIMITIVES.items():
        assert name in NO_COUNTERPART or callable(theirs(torch, prim))
