"""gather and scatter, what is said in them, and writes of a whole tensor."""

from __future__ import annotations

from typing import Any

from ..codegen.lowering import Gather, Scatter
from ..core.inplace import check_writable, inplace
from ..core.plan import Result
from ..core.tensor import TENSORS, Tensor
from ..dtypes import bool_, int32, int64
from ..layout import Layout
from . import rules, samples
from .movement import cat, copy
from .primitive import Number, primitive
from .reduction import cumsum
from .results import accepts_out
from .view import expand, slice_

__all__ = [
    "gather", "index_add", "index_select", "masked_fill", "masked_select", "nonzero", "scatter", "scatter_add",
    "take_along_dim",
]  # fmt: skip
METHODS = [
    "copy_", "fill_", "gather", "index_add", "index_select", "masked_fill", "masked_select", "nonzero", "scatter",
    "scatter_", "scatter_add", "scatter_add_", "take_along_dim",
]  # fmt: skip
IN_PLACE = ["index_add", "masked_fill"]


def _check_index(index: Layout, name: str) -> None:
    if index.dtype not in (int32, int64):
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index")


def _gather_rule(x: Layout, index: Layout, dim: int) -> Result:
    _check_index(index, "gather")
    d = rules.normalize_dim(dim, len(x.shape))
    if len(x.shape) != len(index.shape):
        raise RuntimeError("Index tensor must have the same number of dimensions as input tensor")
    for i, (n, m) in enumerate(zip(index.shape, x.shape, strict=True)):
        if i != d and n > m:
            raise RuntimeError(
                f"Size does not match at dimension {i} expected index {list(index.shape)} to be no larger than self "
                f"{list(x.shape)} apart from dimension {d}"
            )
    return Result(x.with_shape(index.shape), (d,), cast=(None, int64))


def _gather_grad(grad: Tensor, index: Tensor, input_layout: Layout, dim: int) -> Tensor:
    return scatter_add(grad.new_zeros(tuple(input_layout.shape)), dim, index, grad)


@primitive(
    name="gather",
    rule=_gather_rule,
    vjp={"input": _gather_grad},
    samples=samples.calls(
        "[3,3] [2,3]@int64~0..2 1; [4,3]t [2,3]@int64~0..2 0; [3,3]o [2,3]@int64~0..2 -1; "
        "[3,3]e [2,3]t@int64~0..2 0; [5]s [8]s@int64~0..4 0; [2,3,4] [2,1,5]@int64~0..3 2; [3] [0]@int64 0; "
        "[0,3] [0,2]@int64 1; [] []@int64=0 0; [3,3] [2,3] 1 !RuntimeError; [3,3] [2,3]@int64~0..2 2 !IndexError; "
        "[3,3] [4]@int64~0.. 1 !RuntimeError; [3] [1]@int64=3 0 !RuntimeError; [3] [1]@int64=-1 0 !RuntimeError",
        accepts="fibc",
    ),
    lower=Gather("bif"),
)
def gather_kernel(input: Tensor, index: Tensor, dim: int) -> Tensor:
    """Elements of ``input`` at ``index`` along ``dim``."""


@accepts_out
def gather(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """``out[i][j] = input[i][index[i][j]]`` for dim 1."""
    if input.ndim == 0:
        return gather_kernel(input.reshape(1), index.reshape(-1), 0).reshape(index.shape)
    return gather_kernel(input, index, dim)


def _scatter_rule(x: Layout, index: Layout, src: Any, dim: int) -> Result:
    _check_index(index, "scatter")
    d = rules.normalize_dim(dim, len(x.shape))
    given = src.__class__ is Layout
    if given and src.dtype is not x.dtype:
        raise RuntimeError("scatter(): Expected self.dtype to be equal to src.dtype")
    for name, other in (("self", x), *([("src", src)] if given else [])):
        if len(other.shape) != len(index.shape):
            raise RuntimeError(f"Index tensor must have the same number of dimensions as {name} tensor")
    outside = any(n > m for i, (n, m) in enumerate(zip(index.shape, x.shape, strict=True)) if i != d)
    if outside or (given and any(n > m for n, m in zip(index.shape, src.shape, strict=True))):
        message = (
            f"Expected index {list(index.shape)} to be no larger than self {list(x.shape)} apart from dimension {d}"
        )
        raise RuntimeError(message + (f" and to be no larger size than src {list(src.shape)}" if given else ""))
    return Result(x.dense, (d,), cast=(None, int64, x.dtype))


def _src_grad(grad: Tensor, index: Tensor, src_layout: Layout, dim: int) -> Tensor:
    picked = gather_kernel(grad, index, dim)
    if tuple(src_layout.shape) == tuple(index.shape):
        return picked
    whole = grad.new_zeros(tuple(src_layout.shape))
    window = whole
    for d, n in enumerate(index.shape):
        window = slice_(window, d, 0, n, 1)
    window.copy_(picked)
    return whole


_SCATTERED = samples.calls(
    "[3,3] [2,3]@int64=0,1,2,2,0,1 [2,3]#1 0; [3,4]t [3,2]@int64=0,1,3,2,1,0 [3,3]#1 1 !-; "
    "[3,3]e [2,3]@int64=0,1,2,2,0,1 [2,3]e 0; [3,3]o [2,3]@int64=0,1,2,2,0,1 [2,3]s -2; "
    "[3,3] [2,3]@int64=0,1,2,2,0,1 2.5 0; [3] [0]@int64 [0] 0; [] []@int64=0 []#1 0; "
    "[3,3] [2,3]@int64~0..2 [2,3]@int64 0 !RuntimeError; [3,3] [2,3] [2,3] 0 !RuntimeError; "
    "[3] [1]@int64=3 [1] 0 !RuntimeError; [3,3] [2,4]@int64~0.. [2,4] 0 !RuntimeError",
    accepts="fibc",
)
_REPEATED = samples.calls(
    "[3,3] [4,3]@int64~0..2 [4,3]#1 0; [4] [50]@int64~0..3 [50]#1 0",
    accepts="fi",
)


def _overwritten_grad(grad: Tensor, index: Tensor, dim: int) -> Tensor:
    return scatter_kernel(grad, index, 0.0, dim)


@primitive(
    name="scatter", rule=_scatter_rule, vjp={"input": _overwritten_grad, "src": _src_grad}, samples=_SCATTERED,
    lower=Scatter("bif"),
)  # fmt: skip
def scatter_kernel(input: Tensor, index: Tensor, src: Tensor | Number, dim: int) -> Tensor:
    """A copy of ``input`` with ``src`` written at ``index`` along ``dim``."""


@primitive(
    name="scatter_add", rule=_scatter_rule, tier="training",
    vjp={"input": lambda grad: grad, "src": _src_grad},
    samples=samples.both(_SCATTERED, _REPEATED),
    lower=Scatter("bif", lambda old, new: old + new),
)  # fmt: skip
def scatter_add_kernel(input: Tensor, index: Tensor, src: Tensor | Number, dim: int) -> Tensor:
    """A copy of ``input`` with ``src`` added at ``index`` along ``dim``; repeated indices all count."""


_COPY, _SCATTER, _SCATTER_ADD = copy.prim, scatter_kernel.prim, scatter_add_kernel.prim


@accepts_out
def scatter(
    input: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None, reduce: str | None = None
) -> Tensor:
    """``scatter(input, dim, index, src)``: a copy with ``src`` (tensor or number) written at ``index``.

    ``reduce`` "add" or "multiply" combines with what was there.
    """
    written = src if value is None else value
    if reduce is None:
        return scatter_kernel(input, index, written, dim)
    if reduce not in ("add", "multiply"):
        raise RuntimeError("reduce argument must be either add or multiply.")
    if reduce == "add":
        return scatter_add_kernel(input, index, written, dim)
    from .indexed_writes import scatter_reduce

    if written.__class__ not in TENSORS:
        written = input.new_full(tuple(index.shape), written)
    return scatter_reduce(input, dim, index, written, "prod")


@accepts_out
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """``scatter_add(input, dim, index, src)``: a copy with ``src`` added at ``index``."""
    return scatter_add_kernel(input, index, src, dim)


def scatter_(
    input: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None, reduce: str | None = None
) -> Tensor:
    """In-place :func:`scatter`."""
    if reduce is not None:
        return input.copy_(scatter(input, dim, index, src, value=value, reduce=reduce))
    return inplace(_SCATTER, input, (input, index, src if value is None else value), (dim,))


def scatter_add_(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """In-place :func:`scatter_add`."""
    return inplace(_SCATTER_ADD, input, (input, index, src), (dim,))


def along_dim(index: Tensor, dim: int, like: Any) -> Tensor:
    """A 1-d index spread over the other dimensions, for gather."""
    shape = [1] * len(like)
    shape[dim] = -1
    size = list(like)
    size[dim] = index.shape[0]
    return index.reshape(tuple(shape)).expand(tuple(size))


@accepts_out
def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """Slices of ``input`` at a 1-d ``index`` along ``dim``."""
    if index.ndim > 1:
        raise IndexError("index_select(): Index is supposed to be a vector")
    if index.dtype not in (int32, int64):
        raise RuntimeError("index_select(): Expected dtype int32 or int64 for index")
    index = index.reshape(-1).to(int64)
    d = rules.normalize_dim(dim, input.ndim)
    if input.ndim == 0:
        return gather(input.reshape(1), 0, index).reshape(())
    return gather_kernel(input, along_dim(index, d, input.shape), d)


def check_slices(name: str, input: Tensor, dim: int, index: Tensor, source: Tensor) -> None:
    """PyTorch's errors where ``source`` is not made of slices of ``input`` along ``dim``, one for each of ``index``."""
    d = rules.normalize_dim(dim, input.ndim)
    if index.ndim > 1:
        raise IndexError(
            f"{name}(): Index is supposed to be a vector, but got dim: {index.ndim} with type: "
            f"{rules.what(index.dtype)} and size: {list(index.shape)}"
        )
    mine, theirs = [tuple(x.shape[:d]) + tuple(x.shape[d + 1 :]) for x in (input, source)]
    if mine != theirs or (input.ndim and input.ndim != source.ndim):
        raise RuntimeError(
            "source tensor shape must match self tensor shape, excluding the specified dimension. Got self.shape = "
            f"{list(input.shape)} source.shape = {list(source.shape)}"
        )


@accepts_out
def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Any = 1) -> Tensor:
    """A copy with slices of ``source`` added at ``index`` along ``dim``."""
    check_slices("index_add_", input, dim, index, source)
    if input.ndim == 0:
        rules.normalize_dim(dim, 0)
        index, source = index.reshape(-1), source.reshape(-1)
        return index_add(input.reshape(1), 0, index, source, alpha=alpha).reshape(())
    d = rules.normalize_dim(dim, input.ndim)
    return scatter_add(input, d, along_dim(index.to(int64), d, source.shape), source if alpha == 1 else source * alpha)


@accepts_out
def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """Indices of nonzero elements: a matrix [count, ndim], or a tuple of columns.  Reads one number back."""
    from .creation import arange, empty
    from .derived import floor_divide, remainder
    from .elementwise import bitwise_not, eq, sub, where

    flat = input.reshape(-1)
    truth = flat if flat.dtype is bool_ else bitwise_not(eq(flat, 0))
    n = flat.shape[0]
    ranks = cumsum(truth, 0) if n else empty(0, dtype=int64, device=input.device)
    count = int(ranks[-1]) if n else 0
    # each true element's position is written at its rank; the others share one slot past the end
    target = where(truth, sub(ranks, 1), count)
    positions = scatter(empty(count + 1, dtype=int64, device=input.device), 0, target, arange(n, device=input.device))[
        :count
    ]
    columns: list[Tensor] = []
    for size in reversed(input.shape if n else (1,) * input.ndim):
        columns.append(remainder(positions, size))
        positions = floor_divide(positions, size)
    columns.reverse()
    if as_tuple:
        return tuple(columns) if columns else (positions,)
    if not columns:
        return empty((count, 0), dtype=int64, device=input.device)
    return cat([c.reshape(-1, 1) for c in columns], 1)


@accepts_out
def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where ``mask`` (bool, broadcastable) is true, in order."""
    if mask.dtype is not bool_:
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    shape = rules.broadcast_shapes(input.shape, mask.shape)
    where_true = nonzero(mask.expand(shape).reshape(-1))[:, 0]
    return gather(input.expand(shape).reshape(-1), 0, where_true)


def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """A copy with ``value`` where ``mask`` is true."""
    from .elementwise import where

    if mask.dtype is not bool_:
        raise RuntimeError(
            f"masked_fill_ only supports boolean masks, but got mask with dtype {rules.c_name(mask.dtype)}"
        )
    if value.__class__ in TENSORS and value.ndim:
        raise RuntimeError(
            f"masked_fill_ only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s)."
        )
    is_complex = value.dtype.is_complex if value.__class__ in TENSORS else isinstance(value, complex)
    if is_complex and not input.dtype.is_complex:
        name = "int64_t" if input.dtype is int64 else rules.c_name(input.dtype)
        raise RuntimeError(f"value cannot be converted to type {name} without overflow")
    return where(mask, value, input).to(input.dtype)


@accepts_out
def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """:func:`gather` with broadcasting."""
    if indices.dtype is not int64:
        raise RuntimeError(
            f"torch.take_along_dim(): dtype of indices should be Long but got {rules.what(indices.dtype)}"
        )
    if dim is None:
        return take_along_dim(input.reshape(-1), indices.reshape(-1), 0)
    d = rules.normalize_dim(dim, input.ndim)
    from .elementwise import lt, where

    indices = where(lt(indices, 0), indices + input.shape[d], indices)
    shape = list(
        rules.broadcast_shapes(
            [1 if i == d else n for i, n in enumerate(input.shape)],
            [1 if i == d else n for i, n in enumerate(indices.shape)],
        )
    )
    a, b = list(shape), list(shape)
    a[d], b[d] = input.shape[d], indices.shape[d]
    return gather(input.expand(tuple(a)), d, indices.expand(tuple(b)))


# -- writes


def _copy_into_rule(x: Layout, src: Layout) -> Result:
    if tuple(rules.broadcast_shapes(x.shape, src.shape)) != tuple(x.shape):
        raise RuntimeError(
            f"output with shape {list(x.shape)} doesn't match the broadcast shape "
            f"{list(rules.broadcast_shapes(x.shape, src.shape))}"
        )
    return Result(x.dense)


def copy_(dest: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    """Write ``src`` (broadcast, cast and moved as needed) into ``dest``."""
    if src.__class__ not in TENSORS:
        return fill_(dest, src)
    layout, source = dest._layout, src._layout
    if source.device is not layout.device:
        src = src.to(layout.device)
    if source.dtype is not layout.dtype:
        from .movement import cast

        src = cast(src, layout.dtype)
    if tuple(source.shape) != tuple(layout.shape):
        check_writable(dest, src)
        _copy_into_rule(layout, src._layout)
        src = expand(src, tuple(layout.shape))
    return inplace(_COPY, dest, (src,), position=-1)


def fill_(dest: Tensor, value: Any) -> Tensor:
    """Write one value (a number or 0-d tensor) everywhere."""
    if value.__class__ in TENSORS:
        if value.ndim:
            raise RuntimeError(
                f"fill_ only supports 0-dimension value tensor but got tensor with {value.ndim} dimensions."
            )
        return copy_(dest, value)
    target = dest
    for d, stride in enumerate(dest._layout.strides):
        if stride == 0 and dest._layout.shape[d] > 1:  # each element once, where a dimension repeats them
            target = slice_(target, d, 0, 1, 1)
    fill(target, value)
    return dest


def fill(dest: Tensor, value: Any) -> Tensor:
    from .creation import FILL, fitted

    return inplace(FILL, dest, (fitted(value, dest.dtype),), (dest._layout.dense,), position=-1)
