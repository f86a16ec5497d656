"""gather, scatter, and Python's indexing: basic (views), advanced (gathers), and assignment."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..codegen.lowering import Gather, Scatter
from ..core.inplace import check_writable, inplace
from ..core.plan import Result
from ..core.tensor import TENSORS, Tensor
from ..dtypes import bool_, int32, int64, uint8
from ..layout import Layout
from . import rules, samples
from .movement import cat, copy
from .primitive import Number, primitive
from .reduction import cumsum
from .results import accepts_out
from .view import alias_of, expand, permute, select, slice_, unsqueeze

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


def _along(index: Tensor, dim: int, like: Any) -> Tensor:
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
    if input.ndim == 0:
        return gather(input.reshape(1), 0, index).reshape(())
    d = rules.normalize_dim(dim, input.ndim)
    return gather_kernel(input, _along(index, d, input.shape), d)


@accepts_out
def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Any = 1) -> Tensor:
    """A copy with slices of ``source`` added at ``index`` along ``dim``."""
    if input.ndim == 0:
        rules.normalize_dim(dim, 0)
        index, source = index.reshape(-1), source.reshape(-1)
        return index_add(input.reshape(1), 0, index, source, alpha=alpha).reshape(())
    d = rules.normalize_dim(dim, input.ndim)
    return scatter_add(input, d, _along(index.to(int64), d, source.shape), source if alpha == 1 else source * alpha)


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


# -- x[...]


def _consumed(key: tuple[Any, ...]) -> int:
    """How many dimensions a key addresses."""
    addressing = [k for k in key if k is not None and k is not Ellipsis and not isinstance(k, bool)]
    return sum(k.ndim if isinstance(k, Tensor) and k.dtype in (bool_, uint8) else 1 for k in addressing)


def _basic(x: Tensor, key: tuple[Any, ...]) -> tuple[Tensor, list[Any]]:
    """Apply ints, slices, None and ...; what remains for advanced indexing is returned per dimension."""
    if _consumed(key) > x.ndim:
        if x.ndim == 0:
            raise IndexError(
                "invalid index of a 0-dim tensor. Use `tensor.item()` to convert a 0-dim tensor to a number"
            )
        raise IndexError(f"too many indices for tensor of dimension {x.ndim}")
    advanced: list[Any] = []
    d = 0
    for i, k in enumerate(key):
        if k is Ellipsis:
            skipped = x.ndim - d - _consumed(key[i + 1 :])
            advanced += [None] * skipped
            d += skipped
        elif k is None:
            x = unsqueeze(x, d)
            advanced.append(None)
            d += 1
        elif isinstance(k, bool):
            x = unsqueeze(x, d)
            advanced.append(_mask_of(k, x))
            d += 1
        elif isinstance(k, int):
            n = x.shape[d]
            if not -n <= k < n:
                raise IndexError(f"index {k} is out of bounds for dimension {d} with size {n}")
            x = select(x, d, k)
        elif isinstance(k, slice):
            if k.step is not None and _int(k.step) <= 0:
                raise ValueError("step must be greater than zero")
            if k.start not in (None, 0) or k.stop not in (None, x.shape[d]) or k.step not in (None, 1):
                x = slice_(x, d, _int(k.start), _int(k.stop), 1 if k.step is None else _int(k.step))
            advanced.append(None)
            d += 1
        else:
            advanced.append(k)
            d += k.ndim if k.dtype in (bool_, uint8) else 1
    return x, advanced


def _int(value: Any) -> Any:
    return None if value is None else value.__index__()


def _mask_of(value: bool, x: Tensor) -> Tensor:
    from .creation import tensor

    return tensor([value], device=x.device)


def _normalize(key: Any, x: Tensor) -> tuple[Any, ...]:
    """A key as a tuple of int, slice, None, Ellipsis, bool and tensors."""
    from .creation import tensor

    if isinstance(key, tuple) or (
        isinstance(key, list) and any(isinstance(k, (slice, Tensor, type(None))) or k is Ellipsis for k in key)
    ):
        parts = list(key)
    else:
        parts = [key]
    result: list[Any] = []
    for k in parts:
        if k is None or k is Ellipsis or isinstance(k, (bool, slice, int)):
            result.append(k)
        elif isinstance(k, Tensor):
            if k.dtype.category >= 2:
                raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
            if k.ndim == 0:
                result.append(bool(k) if k.dtype is bool_ else int(k))
            else:
                result.append(k)
        elif isinstance(k, (list, range, np.ndarray)):
            made = tensor(list(k) if isinstance(k, range) else k, device=x.device)
            result.append(made if made.numel() or made.dtype.category < 2 else made.to(int64))
        elif hasattr(k, "__index__"):
            result.append(k.__index__())
        elif isinstance(k, str):
            raise TypeError("new(): invalid data type 'str'")
        else:
            raise IndexError(
                "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices "
                f"(got {type(k).__name__})"
            )
    if len([k for k in result if k is Ellipsis]) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    return tuple(result)


def _expand_masks(x: Tensor, advanced: list[Any]) -> list[Any]:
    """Bool masks as index tensors; one entry a dimension of ``x``."""
    result: list[Any] = []
    for k in advanced:
        if k is None:
            result.append(None)
        elif k.dtype in (bool_, uint8):
            d = len(result)
            for i, n in enumerate(k.shape):
                if x.shape[d + i] != n:
                    raise IndexError(
                        f"The shape of the mask {list(k.shape)} at index {i} does not match the shape of the indexed "
                        f"tensor {list(x.shape)} at index {d + i}"
                    )
            result += list(nonzero(k.to(x.device), as_tuple=True)) if k.ndim else []
        else:
            index = k.to(x.device)
            result.append(index if index.dtype is int64 else index.to(int64))
    return result + [None] * (x.ndim - len(result))


def _addressed(x: Tensor, advanced: list[Any]) -> tuple[tuple[int, ...], list[Tensor], list[int], list[int]]:
    """For advanced indexing: (the common shape of the indices, they in it and from 0, their dimensions, the others)."""
    from .elementwise import add, lt, where

    dims = [d for d, k in enumerate(advanced) if k is not None]
    shapes = [tuple(advanced[d].shape) for d in dims]
    try:
        shape = rules.broadcast_shapes(*shapes)
    except RuntimeError:
        raise IndexError(
            "shape mismatch: indexing tensors could not be broadcast together with shapes "
            + ", ".join(str(list(s)) for s in shapes)
        ) from None
    indices = []
    for d in dims:
        k, n = advanced[d], x.shape[d]
        if k.numel():
            low, high = int(k.min()), int(k.max())
            if low < -n or high >= n:
                bad = low if low < -n else high
                raise IndexError(f"index {bad} is out of bounds for dimension {d} with size {n}")
            if low < 0:
                k = where(lt(k, 0), add(k, n), k)
        indices.append(expand(k, shape))
    return shape, indices, dims, [d for d in range(x.ndim) if d not in dims]


def _flat(indices: list[Tensor], steps: list[int]) -> Tensor:
    """One position for each place of the indices: their sum, by the steps of their dimensions; a vector."""
    position: Any = 0
    for k, step in zip(indices, steps, strict=True):
        position = k * step + position
    return position.reshape(-1)  # type: ignore[no-any-return]


def getitem(x: Tensor, key: Any) -> Tensor:
    """``x[key]``: a view for ints, slices, None and ...; a copy for tensors, lists and masks."""
    if key.__class__ is int and x._layout.shape:
        n = x._layout.shape[0]
        if not -n <= key < n:
            raise IndexError(f"index {key} is out of bounds for dimension 0 with size {n}")
        return select(x, 0, key)
    viewed, advanced = _basic(x, _normalize(key, x))
    if all(k is None for k in advanced):
        return alias_of(viewed) if viewed is x else viewed
    advanced = _expand_masks(viewed, advanced)
    if all(k is None for k in advanced):  # only a 0-d mask
        return viewed
    shape, indices, dims, rest = _addressed(viewed, advanced)
    order = (*dims, *rest)
    moved = permute(viewed, order) if order != tuple(range(viewed.ndim)) else viewed
    sizes, rest_shape = [viewed.shape[d] for d in dims], tuple(viewed.shape[d] for d in rest)
    source = moved.reshape((_product(sizes), *rest_shape))
    rows = _flat(indices, _strides(sizes))
    picked = gather_kernel(source, _along(rows, 0, source.shape), 0)
    result = picked.reshape((*shape, *rest_shape))
    # indices that stand together keep their place; otherwise their dimensions come first
    together = dims == list(range(dims[0], dims[0] + len(dims)))
    before = dims[0] if together else 0
    if before:
        n = len(shape)
        total = n + len(rest)
        result = permute(result, (*range(n, n + before), *range(n), *range(n + before, total)))
    return result


def _product(values: Any) -> int:
    total = 1
    for v in values:
        total *= v
    return total


def setitem(x: Tensor, key: Any, value: Any) -> None:
    """``x[key] = value``: writes through the view, or scatters."""
    from .creation import arange, tensor

    if value.__class__ not in TENSORS and not isinstance(value, (bool, int, float, complex)):
        if not isinstance(value, (list, tuple, np.ndarray, np.generic)):
            raise TypeError(f"can't assign a {type(value).__name__} to a torch.{rules.what(x.dtype)}Tensor")
        value = tensor(value, dtype=x.dtype, device=x.device)
    viewed, advanced = _basic(x, _normalize(key, x))
    if all(k is None for k in advanced):
        assign(viewed, value)
        return
    advanced = _expand_masks(viewed, advanced)
    if all(k is None for k in advanced):
        assign(viewed, value)
        return
    shape, indices, dims, rest = _addressed(viewed, advanced)
    rest_shape = tuple(viewed.shape[d] for d in rest)
    together = dims == list(range(dims[0], dims[0] + len(dims)))
    before = dims[0] if together else 0
    target = (*rest_shape[:before], *shape, *rest_shape[before:])
    if not isinstance(value, Tensor):
        value = tensor(value, dtype=x.dtype, device=x.device)
    value = value.to(x.device).to(x.dtype)
    while value.ndim > len(target) and value.shape[0] == 1:
        value = value.squeeze(0)
    if rules.broadcast_shapes(target, value.shape) != target:
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(value.shape)} cannot be broadcast to indexing result of "
            f"shape {list(target)}"
        )
    spread = expand(value, target)
    if before:
        n = len(shape)
        spread = permute(spread, (*range(before, before + n), *range(before), *range(before + n, len(target))))
    # a flat scatter over the memory order of ``viewed``, then one write through the view
    count = _product(shape)
    steps = _strides(viewed.shape)
    index = _flat(indices, [steps[d] for d in dims]).reshape((count, *(1,) * len(rest)))
    for i, d in enumerate(rest):
        along = arange(viewed.shape[d], device=x.device) * steps[d]
        index = index + along.reshape((-1,) + (1,) * (len(rest) - 1 - i))
    written = scatter_kernel(viewed.reshape(-1), index.reshape(-1), spread.reshape((count, *rest_shape)).reshape(-1), 0)
    viewed.copy_(written.reshape(viewed.shape))


def _strides(shape: Any) -> list[int]:
    step, result = 1, []
    for n in reversed(shape):
        result.append(step)
        step *= n
    return result[::-1]


def assign(dest: Tensor, value: Any) -> Tensor:
    """``dest.copy_(value)`` for a tensor or number, with leading size-1 dimensions dropped as PyTorch does."""
    if value.__class__ in TENSORS:
        if tuple(value.shape) != tuple(dest.shape):
            while value.ndim and value.shape[0] == 1:
                value = value.squeeze(0)
            value = expand(value, tuple(dest.shape))
        return copy_(dest, value)
    return _fill(dest, value)


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
    _fill(target, value)
    return dest


def _fill(dest: Tensor, value: Any) -> Tensor:
    from .creation import FILL, fitted

    return inplace(FILL, dest, (fitted(value, dest.dtype),), (dest._layout.dense,), position=-1)
