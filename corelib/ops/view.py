"""Views: the rule computes shape, strides and offset; no kernel runs and no element moves."""

from __future__ import annotations

import math
from typing import Any

from ..core.plan import Result
from ..core.tensor import Tensor
from ..layout import Layout, contiguous_strides
from . import rules, samples
from .primitive import primitive

__all__ = ["as_strided", "diagonal", "permute", "select", "squeeze", "transpose", "unfold", "unsqueeze"]
METHODS = ["as_strided", "diagonal", "select", "squeeze", "transpose", "unfold", "unsqueeze"]


def view_strides(shape: tuple[int, ...], strides: tuple[int, ...], new: tuple[int, ...]) -> tuple[int, ...] | None:
    """Strides that show memory of ``shape``/``strides`` as ``new``, or None where only a copy can.

    Source dimensions are grouped into runs that are contiguous in memory; each run must be cut exactly
    by consecutive new dimensions.
    """
    if 0 in shape:
        return contiguous_strides(new)
    runs: list[list[int]] = []  # [elements, stride of the last dimension]
    for size, stride in zip(shape, strides, strict=True):
        if size == 1:
            continue
        if runs and runs[-1][1] == size * stride:
            runs[-1][0] *= size
            runs[-1][1] = stride
        else:
            runs.append([size, stride])
    result = [0] * len(new)
    position = len(new) - 1
    for size, stride in reversed(runs):
        left, step = size, stride
        while left > 1:
            if position < 0:
                return None
            n = new[position]
            if n == 1:
                result[position] = step
                position -= 1
                continue
            if left % n:
                return None
            result[position] = step
            step *= n
            left //= n
            position -= 1
    step = 1 if not runs else runs[0][0] * runs[0][1]
    while position >= 0:
        if new[position] != 1:
            return None
        result[position] = step
        position -= 1
    return tuple(result)


def infer_size(shape: Any, numel: int) -> tuple[int, ...]:
    """A shape with one -1 filled in; PyTorch's errors."""
    shape = tuple(shape)
    if shape.count(-1) > 1:
        raise RuntimeError("only one dimension can be inferred")
    for n in shape:
        if not isinstance(n, int):
            raise TypeError(
                f"view(): argument 'size' must be tuple of ints, but found element of type {type(n).__name__}"
            )
        if n < -1:
            raise RuntimeError(f"invalid shape dimension {n}")
    if -1 in shape:
        known = math.prod(n for n in shape if n != -1)
        if known == 0:
            if numel == 0:
                raise RuntimeError(
                    f"cannot reshape tensor of 0 elements into shape {list(shape)} because the unspecified dimension "
                    "size -1 can be any value and is ambiguous"
                )
            raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {numel}")
        if numel % known:
            raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {numel}")
        shape = [numel // known if n == -1 else n for n in shape]
    if math.prod(shape) != numel:
        raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {numel}")
    return tuple(shape)


def _laid(x: Layout, shape: tuple[int, ...], strides: tuple[int, ...], offset: int = 0, *statics: Any) -> Result:
    return Result(Layout.of(shape, x.dtype, x.device, strides), statics, offset=offset)


def _view_rule(x: Layout, size: Any) -> Result:
    shape = infer_size(size, x.numel)
    strides = view_strides(x.shape, x.strides, shape)
    if strides is None:
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one dimension spans across two "
            "contiguous subspaces). Use .reshape(...) instead."
        )
    return _laid(x, shape, contiguous_strides(shape) if x.contiguous else strides, 0, shape)


@primitive(
    kind="view",
    rule=_view_rule,
    vjp={"input": lambda grad, input_layout: grad.reshape(input_layout.shape)},
    samples=samples.calls(
        "[2,6] (3,4); [2,6] (-1,); [0,3] (3,0); [] (1,1); [3,4]s (3,2,2); [3,4]e (3,2,2); [3,4]o (-1,); [1,1] (); "
        "[3,4]t (3,2,2); [3,4,1]t (3,1,4); [3,4]t (12,) !RuntimeError; [0,3] (-1,0) !RuntimeError; "
        "[2,3] (4,-1) !RuntimeError",
    ),
)
def view(input: Tensor, size: Any) -> Tensor:
    """The same memory in another shape; RuntimeError where that takes a copy."""


def _expand_rule(x: Layout, size: Any) -> Result:
    size = tuple(size)
    extra = len(size) - len(x.shape)
    if extra < 0:
        raise RuntimeError(
            f"expand({what_tensor(x)}{{{list(x.shape)}}}, size={list(size)}): the number of sizes provided "
            f"({len(size)}) must be greater or equal to the number of dimensions in the tensor ({len(x.shape)})"
        )
    shape, strides = list(size), [0] * len(size)
    for i, n in reversed(list(enumerate(size))):
        if i < extra:
            if n == 1:
                strides[i] = shape[i + 1] * strides[i + 1] if i + 1 < len(size) else 1
            if n < 0:
                raise RuntimeError(
                    f"The expanded size of the tensor ({n}) isn't allowed in a leading, non-existing dimension {i}"
                )
            continue
        old, stride = x.shape[i - extra], x.strides[i - extra]
        if n == -1 or n == old:
            shape[i], strides[i] = old, stride
        elif old != 1:
            raise RuntimeError(
                f"The expanded size of the tensor ({n}) must match the existing size ({old}) at non-singleton "
                f"dimension {i}.  Target sizes: {list(size)}.  Tensor sizes: {list(x.shape)}"
            )
    return _laid(x, tuple(shape), tuple(strides), 0, tuple(shape))


def what_tensor(x: Layout) -> str:
    """Such as ``torch.FloatTensor``."""
    return f"torch.{rules.what(x.dtype)}Tensor"


def sum_to(grad: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Sum a gradient over the dimensions in which an operand of ``shape`` was broadcast."""
    extra = grad.ndim - len(shape)
    dims = tuple(range(extra)) + tuple(extra + i for i, n in enumerate(shape) if n == 1 and grad.shape[extra + i] != 1)
    if dims:
        grad = grad.sum(dims, True)
    return grad.reshape(shape) if extra else grad


@primitive(
    kind="view", rule=_expand_rule, vjp={"input": lambda grad, input_layout: sum_to(grad, input_layout.shape)},
    samples=samples.calls(
        "[3,1] (3,4); [1,3] (2,-1,3); [] (2,2); [1] (0,); [3] (2,) !RuntimeError",
    ),
)  # fmt: skip
def expand(input: Tensor, size: Any) -> Tensor:
    """Size-1 dimensions repeated without a copy (stride 0); -1 keeps a size."""


def _permute_rule(x: Layout, dims: Any) -> Result:
    dims = tuple(dims)
    if len(dims) != len(x.shape):
        raise RuntimeError(
            f"permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired "
            f"ordering of dimensions i.e. input.dim() = {len(x.shape)} is not equal to len(dims) = {len(dims)}"
        )
    order = tuple(rules.normalize_dim(d, len(x.shape)) for d in dims)
    if len(set(order)) != len(order):
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return _laid(x, tuple(x.shape[d] for d in order), tuple(x.strides[d] for d in order), 0, order)


def _inverse(order: tuple[int, ...]) -> tuple[int, ...]:
    result = [0] * len(order)
    for i, d in enumerate(order):
        result[d] = i
    return tuple(result)


def _permute_grad(grad: Tensor, dims: tuple[int, ...]) -> Tensor:
    return permute(grad, _inverse(dims))


@primitive(
    kind="view",
    rule=_permute_rule,
    vjp={"input": _permute_grad},
    samples=samples.calls(
        "[2,3,4] (2,0,1); [2,3] (-1,0); [] (); [2,3] (0,0) !RuntimeError",
        layouts=True,
    ),
)
def permute(input: Tensor, dims: Any) -> Tensor:
    """Dimensions in another order."""


def _transpose_rule(x: Layout, dim0: int, dim1: int) -> Result:
    a, b = rules.normalize_dim(dim0, len(x.shape)), rules.normalize_dim(dim1, len(x.shape))
    shape, strides = list(x.shape), list(x.strides)
    if shape:
        shape[a], shape[b] = shape[b], shape[a]
        strides[a], strides[b] = strides[b], strides[a]
    return _laid(x, tuple(shape), tuple(strides), 0, a, b)


def _transpose_grad(grad: Tensor, dim0: int, dim1: int) -> Tensor:
    return transpose(grad, dim0, dim1)


@primitive(
    kind="view",
    rule=_transpose_rule,
    vjp={"input": _transpose_grad},
    samples=samples.calls(
        "[2,3] 0 1; [2,3,4] -1 0; [] 0 -1; [2,3] 0 2 !IndexError",
        layouts=True,
    ),
)
def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Two dimensions swapped."""


def _select_rule(x: Layout, dim: int, index: int) -> Result:
    if not x.shape:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    d = rules.normalize_dim(dim, len(x.shape))
    n = x.shape[d]
    if not -n <= index < n:
        raise IndexError(f"select(): index {index} out of range for tensor of size {list(x.shape)} at dimension {d}")
    i = index % n
    shape, strides = x.shape[:d] + x.shape[d + 1 :], x.strides[:d] + x.strides[d + 1 :]
    return _laid(x, tuple(shape), strides, i * x.strides[d], d, i)


def _into_zeros(grad: Tensor, layout: Layout, place: Any) -> Tensor:
    """Zeros of a layout's shape with the gradient written at the view that ``place`` takes."""
    whole = grad.new_zeros(tuple(layout.shape))
    place(whole).copy_(grad)
    return whole


def _select_grad(grad: Tensor, input_layout: Layout, dim: int, index: int) -> Tensor:
    return _into_zeros(grad, input_layout, lambda w: select(w, dim, index))


@primitive(
    kind="view",
    rule=_select_rule,
    vjp={"input": _select_grad},
    samples=samples.calls(
        "[2,3] 0 1; [2,3,4] -1 -2; [2,3] 1 3 !IndexError",
        layouts=True,
    ),
)
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """One index along a dimension, which goes."""


def _slice_rule(x: Layout, dim: int, start: Any, end: Any, step: int) -> Result:
    d = rules.normalize_dim(dim, len(x.shape))
    if step <= 0:
        raise ValueError("step must be greater than zero")
    n = x.shape[d]
    first, last, _ = slice(start, end, 1).indices(n)
    last = last if last > first else first
    size = (last - first + step - 1) // step
    shape = (*x.shape[:d], size, *x.shape[d + 1 :])
    strides = (*x.strides[:d], x.strides[d] * step, *x.strides[d + 1 :])
    return _laid(x, shape, strides, first * x.strides[d] if size else 0, d, first, last, step)


def _slice_grad(grad: Tensor, input_layout: Layout, dim: int, start: int, end: int, step: int) -> Tensor:
    return _into_zeros(grad, input_layout, lambda w: slice_(w, dim, start, end, step))


@primitive(
    kind="view",
    name="slice",
    rule=_slice_rule,
    vjp={"input": _slice_grad},
    samples=samples.calls(
        "[5,3] 0 1 4 2; [5,3] 1 None -1 1; [5] 0 4 2 1; [5] 0 -9 99 3; [0] 0 0 2 1; [5,3] -1 2 None 1",
        layouts=True,
    ),
)
def slice_(input: Tensor, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Tensor:
    """A range of a dimension, as Python slices clamp it."""


def _squeeze_rule(x: Layout, dim: Any) -> Result:
    if dim is None:
        dims = tuple(i for i, n in enumerate(x.shape) if n == 1)
    else:
        given = dim if isinstance(dim, tuple) else (dim,)
        dims = tuple(sorted(rules.normalize_dim(d, len(x.shape)) for d in given))
    keep = [i for i in range(len(x.shape)) if i not in dims or x.shape[i] != 1]
    return _laid(x, tuple(x.shape[i] for i in keep), tuple(x.strides[i] for i in keep), 0, dims)


@primitive(
    kind="view",
    rule=_squeeze_rule,
    vjp={"input": lambda grad, input_layout: grad.reshape(input_layout.shape)},
    samples=samples.calls(
        "[1,3,1] None; [2,1] 1; [2,1]t 1; [] None; [] 0; [1,3,1] 0; [1,3] 1; [1,3,1] (0,2)",
    ),
)
def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """Size-1 dimensions dropped."""


def _unsqueeze_rule(x: Layout, dim: int) -> Result:
    n = len(x.shape) + 1
    d = rules.normalize_dim(dim, n)
    step = x.shape[d] * x.strides[d] if d < len(x.shape) else 1
    return _laid(x, (*x.shape[:d], 1, *x.shape[d:]), (*x.strides[:d], step, *x.strides[d:]), 0, d)


@primitive(
    kind="view",
    rule=_unsqueeze_rule,
    vjp={"input": lambda grad, input_layout: grad.reshape(input_layout.shape)},
    samples=samples.calls(
        "[2,3] 0; [2,3] -1; [] 0; [2] 3 !IndexError",
        layouts=True,
    ),
)
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """A dimension of size 1 added."""


def _diagonal_rule(x: Layout, offset: int, dim1: int, dim2: int) -> Result:
    n = len(x.shape)
    a, b = rules.normalize_dim(dim1, n), rules.normalize_dim(dim2, n)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    rows, columns = x.shape[a], x.shape[b]
    size = max(min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns), 0)
    start = (offset * x.strides[b] if offset >= 0 else -offset * x.strides[a]) if size else 0
    keep = [i for i in range(n) if i not in (a, b)]
    shape = (*(x.shape[i] for i in keep), size)
    return _laid(x, shape, (*(x.strides[i] for i in keep), x.strides[a] + x.strides[b]), start, offset, a, b)


def _diagonal_grad(grad: Tensor, input_layout: Layout, offset: int, dim1: int, dim2: int) -> Tensor:
    return _into_zeros(grad, input_layout, lambda w: diagonal(w, offset, dim1, dim2))


@primitive(
    kind="view",
    rule=_diagonal_rule,
    vjp={"input": _diagonal_grad},
    samples=samples.calls(
        "[3,4]; [3,4] 1; [2,3,4] -1 2 1; [3,4] 7; [0,3] 0; [3,4] 0 1 1 !RuntimeError",
        layouts=True,
    ),
)
def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A diagonal of two dimensions, as the last dimension."""


def _unfold_rule(x: Layout, dimension: int, size: int, step: int) -> Result:
    d = rules.normalize_dim(dimension, len(x.shape))
    n = x.shape[d] if x.shape else 1
    if size > n:
        raise RuntimeError(f"maximum size for tensor at dimension {d} is {n} but size is {size}")
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    if not x.shape:
        return _laid(x, (size,), (1,), 0, d, size, step)
    shape = (*x.shape[:d], (n - size) // step + 1, *x.shape[d + 1 :], size)
    return _laid(x, shape, (*x.strides[:d], x.strides[d] * step, *x.strides[d + 1 :], x.strides[d]), 0, d, size, step)


@primitive(
    kind="view",
    rule=_unfold_rule,
    vjp={
        "input": lambda grad, input_layout, dimension, size, step: _unfold_grad(
            grad, input_layout, dimension, size, step
        )
    },
    samples=samples.calls(
        "[7] 0 3 2; [4,5] 1 2 1; [4,5] 0 4 1; [] 0 1 1; [3] 0 4 1 !RuntimeError",
        layouts=True,
    ),
)
def unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """Windows of ``size`` every ``step`` along a dimension, as a new last dimension."""


def _unfold_grad(grad: Tensor, x: Layout, dimension: int, size: int, step: int) -> Tensor:
    return as_strided_grad(grad, x.dense, _unfold_rule(x.dense, dimension, size, step).layout, 0)  # type: ignore[arg-type]


def _as_strided_rule(x: Layout, size: Any, stride: Any, delta: int) -> Result:
    size, stride = tuple(size), tuple(stride)
    if len(size) != len(stride):
        raise RuntimeError("mismatch in length of strides and shape")
    if any(s < 0 for s in stride):
        raise RuntimeError(f"as_strided: Negative strides are not supported at the moment, got strides: {list(stride)}")
    return _laid(x, size, stride, delta, size, stride, delta)


@primitive(
    kind="view", name="as_strided", rule=_as_strided_rule,
    vjp={"input": lambda grad, input_layout, size, stride, delta: as_strided_grad(
        grad, input_layout, Layout.of(size, input_layout.dtype, input_layout.device, stride), delta)},
    samples=samples.calls(
        "[3,4] (2,2) (4,1) 1; [6] (3,3) (1,1) 0; [6] (2,3) (0,2) 1",
    ),
)  # fmt: skip
def as_strided_relative(input: Tensor, size: Any, stride: Any, delta: int = 0) -> Tensor:
    """Any sizes and strides over the storage, ``delta`` elements after the tensor's own start."""


def as_strided(input: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    """``torch.as_strided``: sizes and strides over the storage, from an absolute offset."""
    own = 0 if input._view is None else input._view.offset
    delta = 0 if storage_offset is None else storage_offset - own
    extent = Layout.of(tuple(size), input.dtype, input.device, tuple(stride)).extent
    from ..core.tensor import storage_of

    storage = storage_of(input)
    available = storage.layout.numel * storage.layout.dtype.itemsize // input.dtype.itemsize
    if extent and (own + delta + extent > available or own + delta < 0):
        raise RuntimeError(
            f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {own + delta}, and itemsize "
            f"{input.dtype.itemsize} requiring a storage size of {(own + delta + extent) * input.dtype.itemsize} are "
            f"out of bounds for storage of size {available * input.dtype.itemsize}"
        )
    return as_strided_relative(input, tuple(size), tuple(stride), delta)


def geometry_of(tensor: Tensor, layout: Layout, offset: int) -> Tensor:
    """A view with a layout's sizes and strides, ``offset`` after the tensor's start."""
    return as_strided_relative(tensor, tuple(layout.shape), layout.strides, offset)


def in_geometry(tensor: Tensor, layout: Layout) -> Tensor:
    """A copy of a tensor laid out with ``layout``'s strides."""
    if layout.contiguous:
        return tensor.clone()
    whole = tensor.new_zeros((layout.extent,))
    result = as_strided_relative(whole, tuple(layout.shape), layout.strides, 0)
    result.copy_(tensor)
    return result


def as_strided_grad(grad: Tensor, base: Layout, made: Layout, offset: int) -> Tensor:
    """The gradient of a view of any geometry: each element's gradient is added where it came from.

    The same geometry applied to an index tensor says where each element came from.
    """
    from .creation import arange
    from .indexing import scatter_add

    start = max(0, -offset)  # of the base, in memory that holds both
    size = max(start + base.extent, start + offset + made.extent)
    positions = arange(size, device=grad.device)

    def gathered(values: Tensor, layout: Layout, at: int) -> Tensor:
        index = as_strided_relative(positions, tuple(layout.shape), layout.strides, at)
        return scatter_add(grad.new_zeros((size,)), 0, index.reshape(-1), values.reshape(-1))

    flat = gathered(grad, made, start + offset) if made.numel else grad.new_zeros((size,))
    if base.numel and overlaps(base):  # its elements share what arrives where they share memory
        flat = flat / gathered(grad.new_ones(tuple(base.shape)), base, start)
    return as_strided_relative(flat, tuple(base.shape), base.strides, start).reshape(tuple(base.shape))


def overlaps(layout: Layout) -> bool:
    """Whether elements may share memory."""
    reach = 0
    for stride, size in sorted(zip(layout.strides, layout.shape, strict=True)):
        if size > 1:
            if stride <= reach:
                return True
            reach += stride * (size - 1)
    return False


def alias_rule(x: Layout) -> Result:
    """The same layout."""
    return Result(x)


@primitive(
    kind="view", name="alias", rule=alias_rule, vjp={"input": lambda grad: grad}, samples=samples.unary(accepts="fibc")
)
def alias_of(input: Tensor) -> Tensor:
    """The tensor itself as a new view."""
