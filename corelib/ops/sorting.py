"""Sorting and what derives from it."""

from __future__ import annotations

from typing import Any

from ..codegen.lowering import Template
from ..core.plan import Result
from ..core.tensor import Tensor
from ..dtypes import float32, float64, int64
from ..layout import Layout
from . import rules, samples
from .primitive import primitive
from .reduction import _scatter_back
from .results import ValuesIndices, accepts_out, values_indices

__all__ = ["argsort", "bincount", "sort", "topk", "unique"]
METHODS = ["argsort", "bincount", "sort", "topk", "unique"]


_Topk = values_indices("topk")


def _sort_rule(x: Layout, dim: int, descending: bool, stable: bool) -> Result:
    if x.dtype.is_complex:
        raise RuntimeError(" Sort does not support complex dtypes on CPU")
    return Result((x.dense, x.with_dtype(int64)), (rules.normalize_dim(dim, len(x.shape)), bool(descending)))


@primitive(
    name="sort",
    rule=lambda x, dim, descending: _sort_rule(x, dim, descending, True),
    outputs=("values", "indices"),
    nondifferentiable=(1,),
    vjp={"input": lambda grad, indices, dim: _scatter_back(grad, indices, dim)},
    result_type=values_indices("sort"),
    samples=samples.both(
        samples.along_dim(False, accepts="fib", rejects="c", unique=True),
        samples.along_dim(True, unique=True),
        samples.calls(
            "[4]=2.0,nan,1.0,2.0 0 True",
        ),
        samples.calls(
            "[5]@int64=2,1,2,1,2 0 True",
        ),
    ),
    lower=Template("bif", "sort"),
)
def sort_kernel(input: Tensor, dim: int = -1, descending: bool = False) -> ValuesIndices:
    """(sorted values, where they were), stable; nan is the largest."""


@accepts_out
def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> ValuesIndices:
    """``(values, indices)`` in order along ``dim``; always stable."""
    return sort_kernel(input, dim, descending)


@accepts_out
def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """Indices that sort along ``dim``."""
    return sort_kernel(input, dim, descending)[1]


@accepts_out
def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> ValuesIndices:
    """The k largest (or smallest) along ``dim``, in order, and where they were."""
    if input.dtype.is_complex:
        raise RuntimeError(" topk does not support complex dtypes on CPU")
    d = rules.normalize_dim(dim, input.ndim)
    if k > (input.shape[d] if input.ndim else 1) or k < 0:
        raise RuntimeError("selected index k out of range")
    values, indices = sort_kernel(input, d, largest)
    if not input.ndim:
        return _Topk(values, indices)
    return _Topk(values.narrow(d, 0, k).clone(), indices.narrow(d, 0, k).clone())


def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The distinct elements in order, or the distinct slices along ``dim``.

    With ``return_inverse`` also the index of each input element (of each slice) among them, with ``return_counts`` how
    often each occurs.  The result is ordered whatever ``sorted`` says.
    """
    from .derived import ne
    from .indexing import index_select, masked_select, scatter
    from .movement import cat
    from .reduction import any as any_
    from .reduction import cumsum

    d = 0 if dim is None else rules.normalize_dim(dim, input.ndim)
    slices = input.reshape(-1) if dim is None else input.transpose(0, d)
    count = slices.shape[0]
    if dim is None:
        ordered, order = sort_kernel(slices, 0, False)
        different = ne(ordered[1:], ordered[:-1])
    else:
        order = _lexicographic(slices.reshape(count, -1) if count else slices)
        ordered = index_select(slices, 0, order)
        different = ne(ordered[1:], ordered[:-1])
        different = any_(different.reshape(count - 1, -1), 1) if count > 1 else different.new_zeros((0,))
    first = cat([different.new_ones((min(count, 1),)), different], 0)
    if dim is None:
        values = masked_select(ordered, first)
    else:
        values = index_select(ordered, 0, first.nonzero().reshape(-1)).transpose(0, d)
    results = [values]
    group = cumsum(first, 0) - 1
    if return_inverse:
        inverse = scatter(group, 0, order, group)
        results.append(inverse.reshape(tuple(input.shape)) if dim is None else inverse)
    if return_counts:
        results.append(bincount(group, minlength=0))
    return values if len(results) == 1 else tuple(results)


def _lexicographic(rows: Tensor) -> Tensor:
    """The order of a matrix's rows, by the first column, then by the next."""
    from .creation import arange
    from .indexing import gather

    order = arange(rows.shape[0], device=rows.device)
    for column in range(rows.shape[1] - 1, -1, -1) if rows.shape[0] else ():
        keys = gather(rows.select(1, column), 0, order)
        order = gather(order, 0, sort_kernel(keys, 0, False)[1])
    return order


def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each of 0, 1, ... occurs (or the sum of its weights)."""
    if input.dtype.category >= 2:
        raise rules.not_implemented("bincount_cpu", input.dtype)
    if input.ndim != 1 or (input.numel() and int(input.min()) < 0):
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    from .creation import ones, zeros
    from .indexing import scatter_add

    size = max(int(input.max()) + 1 if input.numel() else 0, minlength)
    if weights is None:
        src = ones(input.shape[0], dtype=int64, device=input.device)
    else:
        src = weights if weights.dtype is float32 else weights.to(float64)
    return scatter_add(zeros(size, dtype=src.dtype, device=input.device), 0, input.to(int64), src)
