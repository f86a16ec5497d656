"""Copies: cast, clone, devices, reshape, and joining and splitting tensors."""

from __future__ import annotations

from typing import Any

from ..backend.registry import registry
from ..codegen import scalar
from ..codegen.lowering import Elementwise, Template
from ..core.plan import Result, check_dtype
from ..core.tensor import Tensor, backend_of, fresh
from ..device import Device
from ..dtypes import bool_, dtype
from ..layout import Layout
from ..state import local
from . import rules, samples
from .primitive import Tensors, primitive
from .results import accepts_out
from .view import permute, slice_, unsqueeze, view, view_strides

__all__ = [
    "cat", "chunk", "clone", "flatten", "flip", "movedim", "repeat", "reshape", "split", "stack", "tril", "triu",
    "unbind",
]  # fmt: skip
METHODS = ["chunk", "clone", "contiguous", "flatten", "movedim", "repeat", "reshape", "to", "tril", "triu", "unbind"]
IN_PLACE = ["tril", "triu"]
ALIASES = {"concat": "cat", "concatenate": "cat"}

_A = samples.array


def _copy_rule(x: Layout) -> Result:
    return Result(x.dense)


@primitive(
    rule=_copy_rule, vjp={"input": lambda grad: grad},
    samples=samples.unary(accepts="fibc"),
    node_name="Clone", torch_name="clone",
    lower=Elementwise("bif", lambda x: x),
)  # fmt: skip
def copy(input: Tensor) -> Tensor:
    """A dense copy."""


_CASTS = samples.both(
    *[samples.calls((_A(2, 3, low=0), d), accepts="fibc") for d in (*samples.FLOATS, *samples.INTEGERS, bool_)],
    samples.calls(
        "[2,3] @complex64; [3,4]t @float64; [3]o @int64; [3,4]e @float16; [3,4]s @int32; [] @float64; "
        "[0,2] @int64; [6]=-0.0,1e-30,65520.0,-1.5,2.5,1000000000.0 @bfloat16",
    ),
)  # fmt: skip


def _cast_rule(x: Layout, dtype: dtype) -> Result:
    return Result(x.with_dtype(dtype), (dtype,))


def _cast_grad(grad: Tensor, input_layout: Layout) -> Tensor:
    return cast(grad, input_layout.dtype)


@primitive(
    rule=_cast_rule, vjp={"input": _cast_grad},
    samples=_CASTS,
    node_name="ToCopy", torch_name="",
    lower=Elementwise("bif", scalar.cast),
)  # fmt: skip
def cast(input: Tensor, dtype: dtype) -> Tensor:
    """A dense copy in another dtype."""


def _transfer_rule(x: Layout, device: Device) -> Result:
    return Result(Layout.of(x.shape, x.dtype, device), (device,))


def _transfer_grad(grad: Tensor, input_layout: Layout) -> Tensor:
    return transfer(grad, input_layout.device)


@primitive(
    kind="host",
    rule=_transfer_rule,
    vjp={"input": _transfer_grad},
    node_name="ToCopy",
    torch_name="",
    widen=False,
    samples=samples.calls((_A(2, 3), Device("cpu")), (_A(2, 3, layout="transposed"), Device("cpu")), accepts="fibc"),
)
def transfer(input: Tensor, device: Device) -> Tensor:
    """A dense copy on another device."""
    source, target = input._layout, Layout.of(input._layout.shape, input._layout.dtype, device)
    backend = backend_of(target)
    check_dtype(backend, target)
    if source.device.type == device.type and device.type != "meta":
        return fresh(backend.transfer(input._array, source, device.index or 0), target)
    if source.device.type == "meta":
        raise NotImplementedError("Cannot copy out of meta tensor; no data!")
    return fresh(backend.upload(backend_of(source).download(input._array, source), target), target)


def canonical(device: Device) -> Device:
    """The device as tensors carry it: the CPU without an index, others with one."""
    if device.type in ("cpu", "meta"):
        return Device(device.type)
    return device if device.index is not None else Device(device.type, 0)


def place(device: Any) -> Device:
    """A usable device from a user's argument; errors where it does not exist."""
    d = canonical(Device(device))
    backend = registry.get(d.type)
    if d.index is not None and d.index >= (count := backend.device_count()):
        raise RuntimeError(
            f"{d.type.upper()} error: invalid device ordinal: device {d} asked for, but there "
            f"{'is 1 device' if count == 1 else f'are {count} devices'} of type '{d.type}'"
        )
    return d


def to(
    input: Tensor,
    *args: Any,
    dtype: Any = None,
    device: Any = None,
    non_blocking: bool = False,
    copy: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """``x.to(dtype)``, ``x.to(device[, dtype])``, ``x.to(other)``; itself where nothing changes.

    ``to(dtype, non_blocking, copy)``, ``to(device, dtype, non_blocking, copy)`` and ``to(other, non_blocking, copy)``
    are said by position, too; ``memory_format`` is a hint that nothing here follows.
    """
    from ..dtypes import dtype as dtype_class

    flags: list[bool] = []
    for a in args:
        if isinstance(a, dtype_class):
            dtype = a
        elif isinstance(a, Tensor):
            dtype, device = a.dtype, a.device
        elif isinstance(a, (str, Device)):
            device = a
        elif isinstance(a, bool):
            flags.append(a)
        elif a is not None:
            raise TypeError(f"to() received an invalid combination of arguments - got ({type(a).__name__})")
    copy = copy or (len(flags) > 1 and flags[1])
    result, layout = input, input._layout
    target = layout.device if device is None else place(device)
    # converted here, since the other device may not hold the old dtype; there, where this one does not hold the new
    if dtype not in (None, layout.dtype) and backend_of(layout).device_supports(dtype, layout.device.index or 0):
        result = cast(result, dtype)
    if target is not layout.device:
        result = transfer(result, target)
    if dtype is not None and dtype is not result._layout.dtype:
        result = cast(result, dtype)
    return _clone(result) if copy and result is input else result


_clone = copy


def clone(input: Tensor, *, memory_format: Any = None) -> Tensor:
    """A dense copy, through which gradients pass."""
    return copy(input)


def contiguous(input: Tensor, memory_format: Any = None) -> Tensor:
    """The tensor itself where it is dense and row-major, else a copy."""
    return input if input._layout.contiguous else copy(input)


def reshape(input: Tensor, *shape: Any, **named: Any) -> Tensor:
    """A view of the given shape where possible, else a copy."""
    if named:
        shape = rules.by_name("reshape", "shape", shape, named)
    size = shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape
    layout = input._layout
    if not layout.contiguous:
        from .view import infer_size

        size = infer_size(tuple(size), layout.numel)
        if view_strides(layout.shape, layout.strides, size) is None:
            result = view(copy(input), size)
            result._view = None  # of a copy that nobody else has
            return result
    return view(input, tuple(size))


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Dimensions from start to end as one."""
    n = input.ndim
    if n == 0:
        return reshape(input, 1)
    a, b = rules.normalize_dim(start_dim, n), rules.normalize_dim(end_dim, n)
    if a > b:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if a == b:
        return input
    size = 1
    for d in input.shape[a : b + 1]:
        size *= d
    return reshape(input, (*input.shape[:a], size, *input.shape[b + 1 :]))


def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """Dimensions moved to other places, the rest in order."""
    sources = (source,) if isinstance(source, int) else tuple(source)
    targets = (destination,) if isinstance(destination, int) else tuple(destination)
    n = input.ndim
    if len(sources) != len(targets):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source ({list(sources)} dims) should contain the same "
            f"number of dims as destination ({list(targets)} dims)"
        )
    for name, dims in (("source", sources), ("destination", targets)):
        if len({rules.normalize_dim(d, n) for d in dims}) != len(dims):
            raise RuntimeError(f"movedim: repeated dim in `{name}` ({list(dims)})")
    sources = tuple(rules.normalize_dim(d, n) for d in sources)
    targets = tuple(rules.normalize_dim(d, n) for d in targets)
    order = [d for d in range(n) if d not in sources]
    for t, s in sorted(zip(targets, sources, strict=True)):
        order.insert(t, s)
    return permute(input, tuple(order))


def flip(input: Tensor, dims: Any) -> Tensor:
    """Elements in reverse along the dimensions (a copy)."""
    from .creation import arange
    from .indexing import index_select

    result = input
    for d in rules.normalize_dims((dims,) if isinstance(dims, int) else tuple(dims), input.ndim) if dims != () else ():
        n = input.shape[rules.normalize_dim(d, input.ndim)] if input.ndim else 1
        if input.ndim:
            result = index_select(
                result, d, arange(n - 1, -1, -1, device=input.device) if n else arange(0, device=input.device)
            )
    return copy(result) if result is input else result


def _cat_rule(tensors: tuple[Layout, ...], dim: int) -> Result:
    if not tensors:
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    kept = [t for t in tensors if tuple(t.shape) != (0,)] or list(tensors)
    first = kept[0]
    d = rules.normalize_dim(dim, len(first.shape))
    if not first.shape:
        raise RuntimeError("zero-dimensional tensor (at position 0) cannot be concatenated")
    total = 0
    for i, t in enumerate(kept):
        if len(t.shape) != len(first.shape):
            raise RuntimeError(
                f"Tensors must have same number of dimensions: got {len(first.shape)} and {len(t.shape)}"
            )
        for j, (a, b) in enumerate(zip(first.shape, t.shape, strict=True)):
            if j != d and a != b:
                raise RuntimeError(
                    f"Sizes of tensors must match except in dimension {d}. Expected size {a} but got size {b} for "
                    f"tensor number {i} in the list."
                )
        total += t.shape[d]
    result = rules.promote(*tensors)
    return Result(
        Layout.of((*first.shape[:d], total, *first.shape[d + 1 :]), result, first.device), (d,), cast=(result,)
    )


def _cat_grad(grad: Tensor, tensors_layout: Any, dim: int) -> tuple[Tensor, ...]:
    parts, start = [], 0
    for t in tensors_layout:
        n = t.shape[dim] if len(t.shape) > dim else 0
        parts.append(slice_(grad, dim, start, start + n, 1).reshape(t.shape))
        start += n
    return tuple(parts)


@primitive(
    rule=_cat_rule, vjp=_cat_grad, widen=False,
    samples=samples.calls(
        "{[2,3] [2,3]#1} 0; {[2,3] [2,1]#1} -1; {[0] [2]} 0; {[0] [2,3]} 1; {[0,3] [2,3]} 0; {[2,3]} 0; "
        "{[3,4]t [3,4]e [3,4]o} 1; {[2] [3]@int64 [1]@float64} 0; {[2]@int32 [3]@int64 [1]@bool} 0; "
        "{[] []} 0 !RuntimeError; {[2,3] [2]} 0 !RuntimeError; {[2,3] [2,3]} 2 !IndexError; "
        "{[2,3] [2,2]} 0 !RuntimeError",
        accepts="fibc",
    ),
    lower=Template("bif", "cat"),
)  # fmt: skip
def cat(tensors: Tensors, dim: int = 0) -> Tensor:
    """Tensors joined along a dimension: writes into views of the result."""
    from .creation import empty

    layout: Any = _cat_rule(tuple(t._layout for t in tensors), dim).layout
    result = empty(layout.shape, dtype=layout.dtype, device=layout.device)
    start = 0
    for t in tensors:
        if tuple(t.shape) == (0,) and len(layout.shape) != 1:
            continue
        n = t.shape[dim]
        if t.numel():
            slice_(result, dim, start, start + n, 1).copy_(t)
        start += n
    return result


@accepts_out
def stack(tensors: Any, dim: int = 0) -> Tensor:
    """Tensors of one shape joined along a new dimension."""
    tensors = list(tensors)
    if not tensors:
        raise RuntimeError("stack expects a non-empty TensorList")
    first = tuple(tensors[0].shape)
    for i, t in enumerate(tensors):
        if tuple(t.shape) != first:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(first)} at entry 0 and {list(t.shape)} at "
                f"entry {i}"
            )
    return cat([unsqueeze(t, dim) for t in tensors], dim)


def split(tensor: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of consecutive pieces."""
    if not tensor.ndim:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    n = tensor.shape[rules.normalize_dim(dim, tensor.ndim)]
    if isinstance(split_size_or_sections, int):
        size = split_size_or_sections
        if size < 0 or (size == 0 and n):
            raise RuntimeError(f"split expects split_size be non-negative, but got split_size={size}")
        sizes = [min(size, n - i) for i in range(0, n, size)] if n else [0]
    else:
        sizes = list(split_size_or_sections)
        total = 0
        for s in sizes:
            total += s
        if total != n:
            raise RuntimeError(
                f"split_with_sizes expects split_sizes to sum exactly to {n} (input tensor's size at dimension "
                f"{dim}), but got split_sizes={sizes}"
            )
    pieces: list[Tensor] = []
    start = 0
    for s in sizes:
        pieces.append(_multi(slice_(tensor, dim, start, start + s, 1), len(pieces), "Split"))
        start += s
    return tuple(pieces)


def _multi(piece: Tensor, index: int, function: str) -> Tensor:
    """One of several views of a call: not to be written in place while gradients are recorded."""
    if local.grad and piece._view is not None:
        piece._view.creation = f"Output {index} of {function}"
    return piece


def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most ``chunks`` views of equal size (the last may be smaller)."""
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    if not input.ndim:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    n = input.shape[rules.normalize_dim(dim, input.ndim)]
    return split(input, max((n + chunks - 1) // chunks, 1), dim)


def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Views along a dimension, which goes."""
    from .view import select

    d = rules.normalize_dim(dim, input.ndim)
    if not input.ndim:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    return tuple(_multi(select(input, d, i), i, "Unbind") for i in range(input.shape[d]))


def repeat(input: Tensor, *sizes: Any, **named: Any) -> Tensor:
    """Tiled copies along each dimension."""
    if named:
        sizes = rules.by_name("repeat", "repeats", sizes, named)
    reps = tuple(sizes[0]) if len(sizes) == 1 and not isinstance(sizes[0], int) else sizes
    if len(reps) < input.ndim:
        raise RuntimeError("Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor")
    shape = (1,) * (len(reps) - input.ndim) + tuple(input.shape)
    x = reshape(input, shape)
    pairs: list[int] = []
    for r, n in zip(reps, shape, strict=True):
        pairs += [r, n]
    spread = reshape(x, tuple(v for n in shape for v in (1, n))).expand(tuple(pairs))
    return copy(spread).reshape(tuple(r * n for r, n in zip(reps, shape, strict=True)))


@accepts_out
def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """Elements above the diagonal set to zero."""
    return _triangle(input, diagonal, True)


@accepts_out
def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """Elements below the diagonal set to zero."""
    return _triangle(input, diagonal, False)


def _triangle(input: Tensor, diagonal: int, lower: bool) -> Tensor:
    from .creation import arange
    from .elementwise import le, where

    if input.ndim < 2:
        raise RuntimeError(
            "tril: input tensor must have at least 2 dimensions"
            if lower
            else "triu: input tensor must have at least 2 dimensions"
        )
    rows, columns = input.shape[-2:]
    i = arange(rows, device=input.device).unsqueeze(1) + diagonal
    j = arange(columns, device=input.device)
    keep = le(j, i) if lower else le(i, j)
    return where(keep, input, input.new_zeros(())).to(input.dtype)
