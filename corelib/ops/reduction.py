"""Reductions: sums, products, extrema and what derives from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, overload

from ..codegen import scalar
from ..codegen.lowering import Rowwise, Stage, extreme, fold, position, running, running_best
from ..codegen.rowwise import Row
from ..codegen.scalar import Expr
from ..core.plan import Result
from ..core.tensor import Tensor
from ..dtypes import bool_, default_dtype, dtype, int64, uint8
from ..layout import Layout
from . import rules, samples
from .elementwise import abs, bitwise_not, conj, div, eq, exp, le, log, mul, sqrt, where
from .primitive import primitive
from .results import ValuesIndices, accepts_out, values_indices
from .view import expand

_A = samples.array

__all__ = [
    "all", "amax", "amin", "any", "argmax", "argmin", "count_nonzero", "cummax", "cummin", "cumprod", "cumsum",
    "logsumexp", "max", "mean", "min", "norm", "prod", "std", "sum", "var", "var_mean",
]  # fmt: skip
METHODS = [
    "all", "amax", "amin", "any", "argmax", "argmin", "count_nonzero", "cummax", "cummin", "cumprod", "cumsum",
    "logsumexp", "max", "mean", "min", "norm", "prod", "std", "sum", "var",
]  # fmt: skip
IN_PLACE = ["cumprod", "cumsum"]


def restore(grad: Tensor, shape: tuple[int, ...], dims: tuple[int, ...], keepdim: bool) -> Tensor:
    """Put reduced dimensions back as size 1, where broadcasting does not do it by itself."""
    return grad if keepdim or len(dims) == len(shape) else grad.reshape(rules.reduced_shape(shape, dims, True))


def _sum_rule(x: Layout, dim: Any, keepdim: bool, dtype: dtype | None) -> Result:
    dims = rules.normalize_dims(dim, len(x.shape))
    d = rules.accumulated(x.dtype, dtype)
    shape = rules.reduced_shape(x.shape, dims, bool(keepdim))
    cast = (d,) if d.category > x.dtype.category and d.category >= 2 else (None,)
    return Result(Layout.of(shape, d, x.device), (dims, bool(keepdim), d), cast=cast)


@primitive(
    rule=_sum_rule,
    vjp={
        "input": lambda grad, input_layout, dim, keepdim: expand(
            restore(grad, input_layout.shape, dim, keepdim), input_layout.shape
        )
    },
    samples=samples.both(
        samples.over_dims(accepts="fibc"),
        samples.calls(
            "[2,3] 0 False @float64; [2,3]@int64 0 False @float32",
        ),
    ),
    lower=fold("add", 0),
)
def sum(input: Tensor, dim: Any = None, keepdim: bool = False, dtype: dtype | None = None) -> Tensor:
    """Sum over ``dim`` (an int, a tuple, or None for all); integers count in int64."""


def _prod_grad(grad: Tensor, input: Tensor, out: Tensor, dim: tuple[int, ...], keepdim: bool) -> Tensor:
    shape = tuple(input.shape)
    g, whole = restore(grad, shape, dim, keepdim), restore(out, shape, dim, keepdim)
    zero = eq(input, 0)
    if not bool(any(zero)):
        return g * conj(whole / input)
    # products of all other elements, from both sides, along one flattened dimension
    order = [d for d in range(len(shape)) if d not in dim] + list(dim)
    moved = input.permute(order)
    kept = tuple(moved.shape[: len(shape) - len(dim)])
    flat = moved.reshape((*kept, -1))
    ones = flat[..., :1] * 0 + 1
    from .movement import cat

    left = cumprod(cat([ones, flat[..., :-1]], -1), -1)
    right = cumprod(cat([ones, flat.flip(-1)[..., :-1]], -1), -1).flip(-1)
    inverse = list(map(order.index, range(len(shape))))
    return g * conj(left * right).reshape(moved.shape).permute(inverse)


@primitive(rule=_sum_rule, vjp={"input": _prod_grad}, samples=samples.over_dims(accepts="fib"), lower=fold("mul", 1))
def prod(input: Tensor, dim: Any = None, keepdim: bool = False, dtype: dtype | None = None) -> Tensor:
    """Product over ``dim``; integers multiply in int64."""


_NOTHING = "{}(): Expected reduction dim to be specified for input.numel() == 0."


def _extremum_rule(name: str) -> Any:
    def rule(x: Layout, dim: Any, keepdim: bool) -> Result:
        if x.dtype.is_complex:
            raise rules.not_implemented("max_values_cpu" if name == "amax" else "min_values_cpu", x.dtype)
        dims = rules.normalize_dims(dim, len(x.shape))
        if dim in (None, ()) and x.numel == 0:
            raise RuntimeError(_NOTHING.format(name) + " Specify the reduction dim with the 'dim' argument.")
        for d in dims:
            if x.shape[d] == 0:
                raise IndexError(f"{name}(): Expected reduction dim {d} to have non-zero size.")
        shape = rules.reduced_shape(x.shape, dims, bool(keepdim))
        return Result(Layout.of(shape, x.dtype, x.device), (dims, bool(keepdim)))

    return rule


def _extremum_grad(grad: Tensor, input: Tensor, out: Tensor, dim: tuple[int, ...], keepdim: bool) -> Tensor:
    shape = tuple(input.shape)
    mask = eq(input, restore(out, shape, dim, keepdim))
    count = sum(mask, dim, True)
    return mask * (restore(grad, shape, dim, keepdim) / count)


_EXTREMA = samples.over_dims(accepts="fib", rejects="c", unique=True, empty=False)


@primitive(rule=_extremum_rule("amax"), vjp={"input": _extremum_grad}, samples=_EXTREMA, lower=extreme(True))
def amax(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """Largest element over ``dim``; ties share the gradient."""


@primitive(rule=_extremum_rule("amin"), vjp={"input": _extremum_grad}, samples=_EXTREMA, lower=extreme(False))
def amin(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """Smallest element over ``dim``; ties share the gradient."""


def _arg_rule(name: str) -> Any:
    def rule(x: Layout, dim: int, keepdim: bool) -> Result:
        if x.dtype is bool_ or x.dtype.is_complex:
            raise RuntimeError(f"{name}(): does not support {'complex' if x.dtype.is_complex else 'bool'} input")
        d = rules.normalize_dim(dim, len(x.shape))
        if x.shape and x.shape[d] == 0:
            raise IndexError(f"{name}(): Expected reduction dim {d} to have non-zero size.")
        dims = () if not x.shape else (d,)
        return Result(Layout.of(rules.reduced_shape(x.shape, dims, bool(keepdim)), int64, x.device), (d, bool(keepdim)))

    return rule


_ARG = samples.both(
    samples.along_dim(rejects="bc", unique=True, empty=False),
    samples.calls(
        "[2,3]u 1 True; [5]=1.0,3.0,nan,3.0,nan 0",
    ),
)


@primitive(name="argmax", rule=_arg_rule("argmax"), samples=_ARG, lower=position(True))
def argmax_dim(input: Tensor, dim: int, keepdim: bool = False) -> Tensor:
    """Index of the (first) largest element along ``dim``."""


@primitive(name="argmin", rule=_arg_rule("argmin"), samples=_ARG, lower=position(False))
def argmin_dim(input: Tensor, dim: int, keepdim: bool = False) -> Tensor:
    """Index of the (first) smallest element along ``dim``."""


def _arg(function: Callable[..., Tensor], name: str, input: Tensor, dim: int | None, keepdim: bool) -> Tensor:
    if input.ndim == 0:
        result = function(input.reshape(1), 0)
        return result.reshape(())
    if dim is not None:
        return function(input, dim, keepdim)
    if input.numel() == 0:
        raise IndexError(_NOTHING.format(name))
    result = function(input.reshape(-1), 0)
    return result.reshape((1,) * input.ndim) if keepdim else result


def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Index of the (first) largest element along ``dim``, or of the flattened tensor."""
    return _arg(argmax_dim, "argmax", input, dim, keepdim)


def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Index of the (first) smallest element along ``dim``, or of the flattened tensor."""
    return _arg(argmin_dim, "argmin", input, dim, keepdim)


_NAMED = {name: values_indices(name) for name in ("max", "min")}


def _by_dim(name: str, extremum: Any, arg: Any, pair: Any, input: Tensor, dim: Any, keepdim: bool) -> Any:
    if isinstance(dim, Tensor):
        return pair(input, dim)
    if dim is None:
        if input.numel() == 0:
            raise RuntimeError(_NOTHING.format(name) + " Specify the reduction dim with the 'dim' argument.")
        return extremum(input)
    d = rules.normalize_dim(dim, input.ndim)
    if input.ndim and input.shape[d] == 0:
        raise IndexError(f"{name}(): Expected reduction dim {d} to have non-zero size.")
    indices = arg(input.to(uint8) if input.dtype is bool_ else input, d, True)
    values = input.gather(d, indices) if input.ndim else input.clone()
    if not keepdim and input.ndim:
        values, indices = values.squeeze(d), indices.squeeze(d)
    return _NAMED[name](values, indices)


@overload
def max(input: Tensor) -> Tensor: ...
@overload
def max(input: Tensor, dim: int, keepdim: bool = False) -> ValuesIndices: ...
@overload
def max(input: Tensor, dim: Tensor) -> Tensor: ...
@accepts_out
def max(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """``max(input)``, ``max(input, dim)`` -> (values, indices), or ``max(input, other)``."""
    from .elementwise import maximum

    return _by_dim("max", amax, argmax, maximum, input, dim, keepdim)


@overload
def min(input: Tensor) -> Tensor: ...
@overload
def min(input: Tensor, dim: int, keepdim: bool = False) -> ValuesIndices: ...
@overload
def min(input: Tensor, dim: Tensor) -> Tensor: ...
@accepts_out
def min(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """``min(input)``, ``min(input, dim)`` -> (values, indices), or ``min(input, other)``."""
    from .elementwise import minimum

    return _by_dim("min", amin, argmin, minimum, input, dim, keepdim)


def _truth(input: Tensor, test: Callable[[Tensor], Tensor]) -> Tensor:
    """The test of the elements' truth; as PyTorch has it, that of a uint8 tensor is a uint8 again."""
    result = test(input if input.dtype is bool_ else bitwise_not(eq(input, 0)))
    return result.to(uint8) if input.dtype is uint8 else result


@accepts_out
def any(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether an element is nonzero."""
    if input.numel() == 0:
        return _truth(input, lambda truth: sum(truth, dim, keepdim) > 0)
    return _truth(input, lambda truth: amax(truth, () if dim is None else dim, keepdim))


@accepts_out
def all(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether every element is nonzero."""
    if input.numel() == 0:
        return _truth(input, lambda truth: eq(sum(bitwise_not(truth), dim, keepdim), 0))
    return _truth(input, lambda truth: amin(truth, () if dim is None else dim, keepdim))


def count_nonzero(input: Tensor, dim: Any = None) -> Tensor:
    """Number of nonzero elements."""
    return sum(bitwise_not(eq(input, 0)), dim)


def _mean_rule(x: Layout, dim: Any, keepdim: bool, dtype: dtype | None) -> Result:
    d = dtype or x.dtype
    if d.category < 2:
        raise RuntimeError(
            "mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. "
            f"Got: {rules.what(d)}"
        )
    return _sum_rule(x, dim, keepdim, d)


def _mean_grad(grad: Tensor, input_layout: Layout, dim: tuple[int, ...], keepdim: bool, dtype: Any) -> Tensor:
    count = 1
    for i in dim:
        count *= input_layout.shape[i]
    # divided before it is expanded: as many divisions as results
    small = restore(grad, input_layout.shape, dim, keepdim)
    return div(small, float(count) if count else float("nan")).expand(input_layout.shape)


@primitive(rule=_mean_rule, vjp={"input": _mean_grad}, samples=samples.over_dims(accepts="fc", rejects="ib"))
def mean(input: Tensor, dim: Any = None, keepdim: bool = False, dtype: dtype | None = None) -> Tensor:
    """Mean over ``dim`` of a floating tensor."""
    count = 1
    for i in dim:
        count *= input.shape[i]
    return div(sum(input, dim, keepdim), float(count))


def var(
    input: Tensor, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: int | None = None
) -> Tensor:
    """Variance over ``dim`` in two passes, divided by the count less ``correction`` (1)."""
    return var_mean(input, dim, unbiased, keepdim, correction=correction)[0]


def var_mean(
    input: Tensor, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: int | None = None
) -> tuple[Tensor, Tensor]:
    """(variance, mean)."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if input.dtype.category < 2:
        raise RuntimeError("std and var only support floating point and complex dtypes")
    dims = rules.normalize_dims(tuple(dim) if isinstance(dim, list) else dim, input.ndim)
    less = correction if correction is not None else int(unbiased)
    count = 1
    for d in dims:
        count *= input.shape[d]
    center = mean(input, dims or None, True)
    away = input - center
    square = mul(away, away) if not input.dtype.is_complex else mul(away, conj(away)).real
    total = sum(square, dims or None, keepdim)
    rest = count - less
    result = div(total, float(rest)) if rest > 0 else total / 0.0
    return result, center if keepdim or not dims else center.reshape(
        rules.reduced_shape(tuple(input.shape), dims, False)
    )


def std(
    input: Tensor, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: int | None = None
) -> Tensor:
    """Standard deviation (see :func:`var`)."""
    return sqrt(var(input, dim, unbiased, keepdim, correction=correction))


@accepts_out
def norm(input: Tensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: dtype | None = None) -> Tensor:
    """p-norm of the elements over ``dim`` (all), computed and returned in ``dtype`` where given."""
    if dtype is not None:
        input = input.to(dtype)
    if input.dtype.category < 2:
        raise RuntimeError(
            f"linalg.vector_norm: Expected a floating point or complex tensor as input. Got {rules.what(input.dtype)}"
        )
    if p == "nuc":
        from .factors import nuclear_norm

        return nuclear_norm(input, (-2, -1) if dim is None else dim, keepdim)
    size = abs(input)
    if p in (2, "fro"):
        return sqrt(sum(mul(size, size), dim, keepdim))
    if p == float("inf"):
        return amax(size, () if dim is None else dim, keepdim)
    if p == float("-inf"):
        return amin(size, () if dim is None else dim, keepdim)
    if p == 1:
        return sum(size, dim, keepdim)
    if p == 0:
        return sum(where(eq(size, 0), size.sign(), 1.0), dim, keepdim)
    powers: Tensor = size**p
    total: Tensor = sum(powers, dim, keepdim) ** (1.0 / p)
    return total


def _logsumexp_row(row: Row, x: Expr) -> Any:
    top = row.amax(x)
    top = scalar.select(scalar.eq(scalar.abs(top), float("inf")), 0.0, top)
    return [], [scalar.log(row.sum(scalar.exp(x - top))) + top]


def _logsumexp_stages(x: Layout, dim: tuple[int, ...], keepdim: bool) -> Any:
    result = x.with_shape(rules.reduced_shape(x.shape, dim, keepdim))
    return [Stage(_logsumexp_row, x.shape, dim if x.shape else (), ((0, x.strides),), rows=(result,))], (0,)


def _logsumexp_rule(x: Layout, dim: Any, keepdim: bool) -> Result:
    dims = rules.normalize_dims(dim, len(x.shape))
    d = x.dtype if x.dtype.category >= 2 else default_dtype()
    return Result(
        Layout.of(rules.reduced_shape(x.shape, dims, bool(keepdim)), d, x.device), (dims, bool(keepdim)), cast=(d,)
    )


@primitive(
    rule=_logsumexp_rule,
    vjp={
        "input": lambda grad, input, out, dim, keepdim: (
            restore(grad, input.shape, dim, keepdim) * conj(exp(input - restore(out, input.shape, dim, keepdim)))
        )
    },
    samples=samples.both(
        samples.over_dims(),
        samples.calls(
            (_A(3, values=(float("-inf"),) * 3), 0),
            "[3]=1.0,inf,2.0 0",
        ),
    ),
    lower=Rowwise("f", _logsumexp_stages),
)
def logsumexp(input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """log(sum(exp(input))) over ``dim``, without overflow."""
    if input.numel() == 0:
        return log(sum(exp(input), dim, keepdim))
    top = amax(input.real if input.dtype.is_complex else input, dim, True)
    top = where(eq(abs(top), float("inf")), 0.0, top)
    result = log(sum(exp(input - top), dim, True)) + top
    return result if keepdim else result.reshape(rules.reduced_shape(tuple(input.shape), dim, False))


# -- scans


def _scan_rule(x: Layout, dim: int, dtype: dtype | None) -> Result:
    d = rules.accumulated(x.dtype, dtype)
    return Result(Layout.of(x.shape, d, x.device), (rules.normalize_dim(dim, len(x.shape)), d), cast=(d,))


_SCANS = samples.both(
    samples.along_dim(accepts="fib"),
    samples.calls(
        "[2,3]@int32 0 @float32; [3]=2.0,0.0,3.0 0",
    ),
)


def _reversed_cumsum(x: Tensor, dim: int) -> Tensor:
    if x.ndim == 0:
        return x
    return cumsum(x.flip(dim), dim).flip(dim)


@primitive(
    rule=_scan_rule, vjp={"input": lambda grad, dim: _reversed_cumsum(grad, dim)}, samples=_SCANS, lower=running("add")
)
def cumsum(input: Tensor, dim: int, dtype: dtype | None = None) -> Tensor:
    """Running sum along ``dim``."""


def _cumprod_grad(grad: Tensor, input: Tensor, out: Tensor, dim: int) -> Tensor:
    if input.ndim == 0 or input.numel() == 0:
        return grad
    if not bool(any(eq(input, 0))):
        return _reversed_cumsum(grad * conj(out), dim) / conj(input)
    # With zeros: d out_j / d x_i = prod of x_k, k <= j, k != i; written out as a triangle.
    n = input.shape[dim]
    x, g = input.movedim(dim, -1), grad.movedim(dim, -1)
    from .creation import arange, ones_like

    index = arange(n, device=input.device)
    square = x.unsqueeze(-2).expand((*x.shape[:-1], n, n))  # [i, k]
    kept = where(eq(index.unsqueeze(0), index.unsqueeze(1)), ones_like(square), square)
    products = cumprod(kept, -1)  # [i, j]
    mask = le(index.unsqueeze(1), index.unsqueeze(0)).to(g.dtype)
    return sum(conj(products) * mask * g.unsqueeze(-2), -1).movedim(-1, dim)


@primitive(rule=_scan_rule, vjp={"input": _cumprod_grad}, samples=_SCANS, tier="training", lower=running("mul"))
def cumprod(input: Tensor, dim: int, dtype: dtype | None = None) -> Tensor:
    """Running product along ``dim``."""


def _cumextremum_rule(name: str) -> Any:
    def rule(x: Layout, dim: int) -> Result:
        if x.dtype.is_complex:
            raise rules.not_implemented(f"{name}_cpu", x.dtype)
        if not x.shape and dim not in (-1, 0):
            raise IndexError(f"{name}(): Expected reduction dim -1 or 0 for scalar but got {dim}")
        return Result((x.dense, x.with_dtype(int64)), (rules.normalize_dim(dim, len(x.shape)),))

    return rule


_CUMEXTREMA = samples.both(
    samples.along_dim(accepts="fib", unique=True),
    samples.calls(
        "[5]=2.0,3.0,3.0,nan,4.0 0",
    ),
)


def _scatter_back(grad: Tensor, indices: Tensor, dim: int) -> Tensor:
    from .indexing import scatter_add

    if grad.ndim == 0:
        return grad
    return scatter_add(grad.new_zeros(grad.shape), dim, indices, grad)


@primitive(
    rule=_cumextremum_rule("cummax"), vjp={"input": lambda grad, indices, dim: _scatter_back(grad, indices, dim)},
    samples=_CUMEXTREMA, tier="training", outputs=("values", "indices"), result_type=values_indices("cummax"),
    lower=running_best(True),
)  # fmt: skip
def cummax(input: Tensor, dim: int) -> ValuesIndices:
    """Running maximum along ``dim`` and where it stands (the last of ties)."""


@primitive(
    rule=_cumextremum_rule("cummin"), vjp={"input": lambda grad, indices, dim: _scatter_back(grad, indices, dim)},
    samples=_CUMEXTREMA, tier="training", outputs=("values", "indices"), result_type=values_indices("cummin"),
    lower=running_best(False),
)  # fmt: skip
def cummin(input: Tensor, dim: int) -> ValuesIndices:
    """Running minimum along ``dim`` and where it stands (the last of ties)."""
