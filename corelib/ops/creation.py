"""Tensors from nothing or from data: tensor, zeros, arange, full, from_numpy, ..."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..codegen import scalar
from ..codegen.lowering import Indexed
from ..core.dispatch import call
from ..core.inplace import write_result
from ..core.node import accumulator, has_history
from ..core.plan import Result, check_dtype
from ..core.tensor import TENSORS, Tensor, backend_of, fresh
from ..device import Device, current_device
from ..dtypes import bool_, default_dtype, dtype, float32, float64, from_numpy_dtype, int64, number_dtype
from ..layout import Layout
from ..state import local
from . import rules, samples
from .movement import place
from .primitive import Number, primitive

_L = samples.LayoutSpec

__all__ = [
    "arange", "as_tensor", "empty", "empty_like", "empty_strided", "eye", "from_numpy", "full", "full_like", "linspace",
    "ones", "ones_like", "scalar_tensor", "tensor", "zeros", "zeros_like",
]  # fmt: skip


def _size(shape: tuple[Any, ...], name: str) -> tuple[int, ...]:
    """Sizes given as ints or as one sequence."""
    if len(shape) == 1 and not isinstance(shape[0], int):
        single = shape[0]
        shape = tuple(single) if isinstance(single, (tuple, list)) else (single,)
    sizes = []
    for n in shape:
        if not hasattr(n, "__index__"):
            raise TypeError(f"{name}(): argument 'size' (position 1) must be tuple of ints, not {type(n).__name__}")
        n = n.__index__()
        if n < 0:
            if name == "zeros":
                raise RuntimeError("zeros: Dimension size must be non-negative.")
            raise RuntimeError(f"Trying to create tensor with negative dimension {n}: {list(shape)}")
        sizes.append(n)
    return tuple(sizes)


def _layout(size: tuple[int, ...], dtype: dtype | None, device: Any, out: Tensor | None = None) -> Layout:
    """The layout to make; with ``out``, of its dtype and device."""
    if out is not None:
        if dtype is not None and dtype is not out.dtype:
            raise RuntimeError(
                f"dtype {rules.what(dtype)} does not match dtype of out parameter ({rules.what(out.dtype)})"
            )
        if device is not None and place(device) is not out.device:
            raise RuntimeError(f"device {device} does not match device of out parameter ({out.device})")
        return Layout.of(size, out.dtype, out.device)
    return Layout.of(size, dtype or default_dtype(), place(current_device(device)))


def _finish(result: Tensor, requires_grad: bool, out: Tensor | None = None, name: str = "") -> Tensor:
    """The result as a leaf that requires grad, where asked; with ``out``, written there."""
    if out is not None:
        if local.grad and has_history(out):
            raise RuntimeError(
                f"aten::{name}(): functions with out=... arguments don't support automatic differentiation, but one of "
                "the arguments requires grad."
            )
        result = write_result(out, result, name, quiet=name != "arange")
    if requires_grad:
        if result.dtype.category < 2:
            raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
        result._node = accumulator(result)
    return result


_CPP_TYPES = {
    "uint8": "uint8_t", "int8": "int8_t", "int16": "int16_t", "int32": "int", "int64": "int64_t", "float32": "float",
    "float64": "double", "complex64": "c10::complex<float>",
}  # fmt: skip


def fitted(value: Any, d: dtype) -> Any:
    """A number as one of the dtype (integers wrap once below 0); RuntimeError where it is out of range."""
    overflow = False
    if d.category == 1:
        if isinstance(value, float) and not math.isfinite(value):
            overflow = True
        elif not isinstance(value, complex):
            value = int(value)
            largest = (1 << (8 * d.itemsize - d.is_signed)) - 1
            overflow = not -largest - 1 <= value <= largest
    elif d in (float32, float64) and isinstance(value, (int, float)):
        overflow = math.isfinite(value) and abs(value) > float(np.finfo(d.numpy).max)
    if isinstance(value, complex) and d.category in (1, 2):
        overflow = True
    if overflow:
        raise RuntimeError(f"value cannot be converted to type {_CPP_TYPES.get(d.name, d.name)} without overflow")
    return value


def _fill_rule(value: Any, layout: Layout) -> Result:
    return Result(layout, (layout,), cast=(layout.dtype,))


@primitive(
    name="fill", rule=_fill_rule, torch_name="",
    samples=samples.calls(
        *[(1, _L((2, 3), d)) for d in samples.DTYPES], (2.5, _L((2, 3))), (-1, _L((3,), int64)), (True, _L(())),
        (float("nan"), _L((2,))), (0, _L((0, 2))),
    ),
    lower=Indexed("bif", lambda element, value, d: value),
)  # fmt: skip
def fill_kernel(value: Number, layout: Any) -> Tensor:
    """A dense tensor of one value."""


FILL = fill_kernel.prim


def _arange_rule(start: Any, step: Any, layout: Layout) -> Result:
    return Result(layout, (layout,), cast=(layout.dtype, layout.dtype))


@primitive(
    name="arange", rule=_arange_rule, torch_name="",
    samples=samples.calls(
        *[(1, 2, _L((5,), d)) for d in (*samples.FLOATS, *samples.INTEGERS)], (5, -2, _L((4,), int64)),
        (0.5, 0.25, _L((9,))), (0, 1, _L((0,), int64)), (1 << 53, 3, _L((4,), int64)),
    ),
    lower=Indexed("if", lambda element, start, step, d: start + scalar.cast(element, d) * step),
)  # fmt: skip
def arange_kernel(start: Number, step: Number, layout: Any) -> Tensor:
    """start + i * step."""


_ARANGE = arange_kernel.prim


def full(size: Any, fill_value: Any, *, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False,
         out: Any = None, layout: Any = None, pin_memory: bool = False) -> Tensor:  # fmt: skip
    """A tensor of one value; its dtype is the value's where none is given."""
    shape = _size((size,), "full")
    dtype = out.dtype if dtype is None and out is not None else dtype
    if fill_value.__class__ in TENSORS:
        fill_value = fill_value.item()
    d = dtype or number_dtype(type(fill_value))
    fill_value = fitted(fill_value, d)
    result = call(FILL, (fill_value,), (_layout(shape, d, device, out),))
    return _finish(result, requires_grad, out, "full")


def zeros(*size: Any, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False, out: Any = None,
          layout: Any = None, pin_memory: bool = False, **named: Any) -> Tensor:  # fmt: skip
    """A tensor of zeros."""
    if named:
        size = rules.by_name("zeros", "size", size, named)
    return _finish(call(FILL, (0,), (_layout(_size(size, "zeros"), dtype, device, out),)), requires_grad, out, "zeros")


def ones(*size: Any, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False, out: Any = None,
         layout: Any = None, pin_memory: bool = False, **named: Any) -> Tensor:  # fmt: skip
    """A tensor of ones."""
    if named:
        size = rules.by_name("ones", "size", size, named)
    return _finish(call(FILL, (1,), (_layout(_size(size, "ones"), dtype, device, out),)), requires_grad, out, "ones")


def empty(*size: Any, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False, out: Any = None,
          layout: Any = None, pin_memory: bool = False, memory_format: Any = None, **named: Any) -> Tensor:  # fmt: skip
    """A tensor of undefined contents."""
    if named:
        size = rules.by_name("empty", "size", size, named)
    made = _layout(_size(size, "empty"), dtype, device, out)
    backend = backend_of(made)
    check_dtype(backend, made)
    return _finish(fresh(backend.allocate(made), made), requires_grad, out, "empty")


def empty_strided(
    size: Any, stride: Any, *, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor of undefined contents with given strides."""
    from .view import as_strided

    extent = Layout.of(tuple(size), float32, Device("cpu"), tuple(stride)).extent
    return _finish(
        as_strided(empty(extent, dtype=dtype, device=device), tuple(size), tuple(stride)).detach(), requires_grad
    )


def _like(
    function: Callable[..., Tensor],
    other: Tensor,
    *value: Any,
    dtype: dtype | None,
    device: Any,
    requires_grad: bool,
) -> Tensor:
    return function(
        tuple(other.shape),
        *value,
        dtype=dtype or other.dtype,
        device=device or other.device,
        requires_grad=requires_grad,
    )


def zeros_like(
    input: Tensor,
    *,
    dtype: dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Zeros of the other tensor's shape, dtype and device."""
    return _like(zeros, input, dtype=dtype, device=device, requires_grad=requires_grad)


def ones_like(
    input: Tensor,
    *,
    dtype: dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Ones of the other tensor's shape, dtype and device."""
    return _like(ones, input, dtype=dtype, device=device, requires_grad=requires_grad)


def empty_like(
    input: Tensor,
    *,
    dtype: dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Undefined contents in the other tensor's shape, dtype and device."""
    return _like(empty, input, dtype=dtype, device=device, requires_grad=requires_grad)


def full_like(
    input: Tensor,
    fill_value: Any,
    *,
    dtype: dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """One value in the other tensor's shape, dtype and device."""
    return _like(full, input, fill_value, dtype=dtype, device=device, requires_grad=requires_grad)


def arange(start: Any = 0, end: Any = None, step: Any = 1, *, dtype: dtype | None = None, device: Any = None,
           requires_grad: bool = False, out: Any = None) -> Tensor:  # fmt: skip
    """``arange([start,] end[, step])``: integers unless a bound is a float."""
    if end is None:
        start, end = 0, start
    start, end, step = (
        x.item() if x.__class__ in TENSORS or isinstance(x, np.generic) else x for x in (start, end, step)
    )
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if not (math.isfinite(start) and math.isfinite(end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if (step > 0 and start > end) or (step < 0 and start < end):
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    dtype = out.dtype if dtype is None and out is not None else dtype
    d = dtype or (default_dtype() if any(isinstance(x, float) for x in (start, end, step)) else int64)
    if all(isinstance(x, int) for x in (start, end, step)):
        size = -((start - end) // step)
    else:
        size = math.ceil((end - start) / step)
    if d is bool_:
        raise rules.not_implemented("arange_cpu", d)
    if d.category == 1:
        start, step = int(start), int(step)
    made = _layout((max(size, 0),), d, device, out)
    return _finish(call(_ARANGE, (start, step), (made,)), requires_grad, out, "arange")


def linspace(
    start: Any, end: Any, steps: int, *, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """``steps`` values from start to end, both included, symmetric about the middle."""
    if not isinstance(steps, int):
        raise TypeError(f"linspace(): argument 'steps' (position 3) must be int, not {type(steps).__name__}")
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    from .elementwise import where

    d = dtype or default_dtype()
    if steps == 1:
        return full((1,), float(start), dtype=d, device=device, requires_grad=requires_grad)
    step = (end - start) / max(steps - 1, 1)
    i = arange(steps, dtype=float64 if d is float64 else float32, device=device)
    values = where(i < steps // 2, i * step + start, (i - (steps - 1)) * step + end)
    return _finish(values.to(d), requires_grad)


def eye(
    n: int, m: int | None = None, *, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """The identity matrix."""
    for name, size in (("n", n), ("m", m)):
        if size is not None and size < 0:
            raise RuntimeError(f"{name} must be greater or equal to 0, got {size}")
    result = zeros(n, n if m is None else m, dtype=dtype, device=device)
    result.diagonal().fill_(1)
    return _finish(result, requires_grad)


def scalar_tensor(
    value: Any,
    *,
    dtype: dtype | None = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    """A 0-d tensor."""
    return full((), value, dtype=dtype or default_dtype(), device=device, requires_grad=requires_grad)


def _upload(host: np.ndarray[Any, Any], d: dtype, device: Any) -> Tensor:
    made = _layout(host.shape, d, device)
    backend = backend_of(made)
    check_dtype(backend, made)
    return fresh(backend.upload(np.ascontiguousarray(host, dtype=d.numpy).reshape(host.shape), made), made)


_NUMBER_RANK = {bool: 0, int: 1, float: 2, complex: 3}


def _shape_of(data: Any) -> tuple[int, ...]:
    """The shape of nested sequences; PyTorch's error where they are ragged."""
    if isinstance(data, (list, tuple, range)):
        if not len(data):
            return (0,)
        first = _shape_of(data[0])
        return (len(data), *first)
    if isinstance(data, (np.ndarray,)) or data.__class__ in TENSORS:
        return tuple(data.shape)
    return ()


def _flatten(data: Any, shape: tuple[int, ...], depth: int, into: list[Any]) -> None:
    if isinstance(data, (list, tuple, range)):
        if depth >= len(shape) or len(data) != shape[depth]:
            want = shape[depth] if depth < len(shape) else 0
            raise ValueError(f"expected sequence of length {want} at dim {depth} (got {len(data)})")
        for x in data:
            _flatten(x, shape, depth + 1, into)
        return
    if data.__class__ in TENSORS:
        into.extend(np.ravel(data._host()).tolist() if data.ndim else [data.item()])
        return
    if isinstance(data, np.ndarray):
        into.extend(np.ravel(data).tolist())
        return
    if depth < len(shape):
        raise TypeError("not a sequence")
    if isinstance(data, np.generic):
        data = data.item()
    if not isinstance(data, (bool, int, float, complex)):
        if hasattr(data, "__index__"):
            data = data.__index__()
        elif hasattr(data, "__float__"):
            data = float(data)
        elif isinstance(data, str):
            raise TypeError(f"new(): invalid data type '{type(data).__name__}'")
        else:
            raise RuntimeError(f"Could not infer dtype of {type(data).__name__}")
    into.append(data)


def tensor(
    data: Any, *, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False
) -> Tensor:
    """A copy of data: a number, nested sequences, a NumPy array or scalar, or a tensor."""
    if data.__class__ in TENSORS:
        result = (
            data.detach().clone().to(device=device if device is not None else data.device, dtype=dtype or data.dtype)
        )
        return _finish(result, requires_grad)
    if isinstance(data, np.generic):
        data = np.asarray(data)
    if isinstance(data, np.ndarray):
        d = from_numpy_dtype(data.dtype)
        host = data if data.dtype.isnative else data.astype(data.dtype.newbyteorder("="))
        if dtype is not None and dtype is not d:
            return _finish(_upload(_host_cast(host, dtype), dtype, device), requires_grad)
        return _finish(_upload(host, d, device), requires_grad)
    shape = _shape_of(data)
    values: list[Any] = []
    _flatten(data, shape, 0, values)
    if dtype is None:
        rank = -1
        for v in values:
            r = (
                _NUMBER_RANK[type(v)]
                if type(v) in _NUMBER_RANK
                else _NUMBER_RANK[next(c for c in (bool, int, float, complex) if isinstance(v, c))]
            )
            rank = max(rank, r)
        d = default_dtype() if rank < 0 else number_dtype((bool, int, float, complex)[rank])
    else:
        d = dtype
    return _finish(_upload(_host_values(values, d).reshape(shape), d, device), requires_grad)


def _integer(value: Any, d: dtype) -> int:
    try:
        return int(fitted(value, d))
    except RuntimeError:
        if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
            raise ValueError("Overflow when unpacking long long") from None
        raise RuntimeError(f"value cannot be converted to type {d.name} without overflow") from None


def _host_values(values: list[Any], d: dtype) -> np.ndarray[Any, Any]:
    with np.errstate(all="ignore"):
        if d.category == 1:
            return np.array([_integer(v, d) for v in values], dtype=np.int64).astype(d.numpy)
        if d is bool_:
            return np.array(list(map(bool, values)), dtype=np.bool_)
        if not d.is_complex and any(isinstance(v, complex) for v in values):
            raise TypeError("must be real number, not complex")
        return np.array(values, dtype=np.complex128 if d.is_complex else np.float64).astype(d.numpy)


def _host_cast(host: np.ndarray[Any, Any], d: dtype) -> np.ndarray[Any, Any]:
    with np.errstate(all="ignore"):
        return host.astype(d.numpy)


def as_tensor(data: Any, dtype: dtype | None = None, device: Any = None) -> Tensor:
    """The tensor itself, or memory shared with a NumPy array, where nothing changes; else a copy."""
    if data.__class__ in TENSORS:
        return data.to(device=device, dtype=dtype)
    if (
        isinstance(data, np.ndarray)
        and (dtype is None or data.dtype == dtype.numpy)
        and data.dtype.isnative
        and Device(current_device(device)).type == "cpu"
        and data.flags.writeable
        and data.dtype.name in _SHAREABLE
    ):
        return from_numpy(data)
    return tensor(data, dtype=dtype, device=device)


_SHAREABLE = {
    "bool",
    "uint8",
    "int8",
    "int16",
    "int32",
    "int64",
    "float16",
    "float32",
    "float64",
    "complex64",
    "complex128",
}


def from_numpy(ndarray: np.ndarray[Any, Any]) -> Tensor:
    """A CPU tensor; memory is shared where the CPU backend can, so that writes show on both sides."""
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    d = from_numpy_dtype(ndarray.dtype)
    layout = Layout.of(ndarray.shape, d, Device("cpu"))
    backend = backend_of(layout)
    adopt = getattr(backend, "adopt", None)  # an optional capability: use host memory as it is
    if adopt is None or not ndarray.flags.carray or not ndarray.dtype.isnative:
        if any(s < 0 for s in ndarray.strides):
            raise ValueError(
                "At least one stride in the given numpy array is negative, and tensors with negative strides are not "
                "currently supported. (You can probably work around this by making a copy of your array with "
                "array.copy().)"
            )
        return tensor(ndarray, device="cpu")
    return fresh(adopt(ndarray, layout), layout)
