"""Tensor's methods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, overload

import numpy as np

from .. import ops
from ..autograd import engine
from ..core.node import Accumulate, accumulator, has_history, node_of
from ..core.tensor import Tensor, backend_of, detached, storage_of
from ..device import Device
from ..dtypes import (
    bfloat16,
    bool_,
    complex64,
    complex128,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
)
from ..dtypes import dtype as dtype_class
from ..layout import Size
from ..ops.placement import checked
from ..state import STATE, local
from .binding import S, T, bind, method
from .properties import requires_grad_

method(requires_grad_)


@overload
def size(self: Tensor, dim: None = None) -> Size: ...
@overload
def size(self: Tensor, dim: int) -> int: ...
@method
def size(self: Tensor, dim: int | None = None) -> Any:
    """Sizes, or the size of one dimension."""
    return self._layout.shape if dim is None else self._layout.shape[ops.rules.normalize_dim(dim, self.ndim)]


@overload
def stride(self: Tensor, dim: None = None) -> tuple[int, ...]: ...
@overload
def stride(self: Tensor, dim: int) -> int: ...
@method
def stride(self: Tensor, dim: int | None = None) -> Any:
    """Strides in elements, or that of one dimension."""
    return self._layout.strides if dim is None else self._layout.strides[ops.rules.normalize_dim(dim, self.ndim)]


@method
def storage_offset(self: Tensor) -> int:
    """Elements of the storage before the first."""
    return 0 if self._view is None else self._view.offset


@method
def dim(self: Tensor) -> int:
    """Number of dimensions."""
    return len(self._layout.shape)


@method
def numel(self: Tensor) -> int:
    """Number of elements."""
    return self._layout.numel


@method
def element_size(self: Tensor) -> int:
    """Bytes per element."""
    return self._layout.dtype.itemsize


@method
def is_contiguous(self: Tensor, memory_format: Any = None) -> bool:
    """Whether it is dense and row-major."""
    return self._layout.contiguous


@method
def is_floating_point(self: Tensor) -> bool:
    """Whether the dtype is floating."""
    return self._layout.dtype.is_floating_point


@method
def is_complex(self: Tensor) -> bool:
    """Whether the dtype is complex."""
    return self._layout.dtype.is_complex


@method
def is_signed(self: Tensor) -> bool:
    """Whether the dtype is signed."""
    return self._layout.dtype.is_signed


@method
def is_inference(self: Tensor) -> bool:
    """Whether it was made in inference mode."""
    return self._extra is not None and "inference" in self._extra


@method
def get_device(self: Tensor) -> int:
    """The device's index; -1 for the CPU."""
    return -1 if self._layout.device.index is None else self._layout.device.index


@method
def data_ptr(self: Tensor) -> int:
    """An address that is equal for tensors that start at the same element."""
    array = self._array
    if isinstance(array, np.ndarray):
        return array.__array_interface__["data"][0]  # type: ignore[no-any-return]
    offset = 0 if self._view is None else self._view.offset
    return id(storage_of(self).array) + offset * self._layout.dtype.itemsize


@method
def detach(self: Tensor) -> Tensor:
    """The same memory and version without history."""
    if STATE.intercept:
        previous, local.grad = local.grad, False
        try:
            result = ops.alias_of(self)
        finally:
            local.grad = previous
        assert result._view is not None
        result._view.base = None
        result._node = None
        return result
    return detached(self)


@method
def detach_(self: Tensor) -> Tensor:
    """Forget the history, in place."""
    if self._view is not None and self._view.base is not None:
        raise RuntimeError(
            "Can't detach views in-place. Use detach() instead. If you are using DistributedDataParallel (DDP) for "
            "training, and gradient_as_bucket_view is set as True, gradients are views of DDP buckets, and hence "
            "detach_() cannot be called on these gradients. To fix this error, please refer to the "
            "Optimizer.zero_grad() function in torch/optim/optimizer.py as the solution."
        )
    self._node = None
    return self


@method
def backward(
    self: Tensor, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False, inputs: Any = None
) -> None:
    """Accumulate gradients into the leaves this came from."""
    engine.backward(self, gradient, retain_graph, create_graph, inputs)


@method
def register_hook(self: Tensor, hook: Any) -> Any:
    """Call ``hook(grad)`` when the gradient is known; what it returns replaces it."""
    return engine.register_hook(self, hook)


@method
def register_post_accumulate_grad_hook(self: Tensor, hook: Any) -> Any:
    """Call ``hook(tensor)`` after a gradient was added to this leaf."""
    from ..core.node import Handle

    if not has_history(self):
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    if type(self._node) is not Accumulate:
        raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
    if self._extra is None:
        self._extra = {}
    return Handle(self._extra.setdefault("post_accumulate", {}), hook)


@method
def retain_grad(self: Tensor) -> None:
    """Keep the gradient of a non-leaf in ``grad``."""
    engine.retain_grad(self)


@method
def _host(self: Tensor) -> np.ndarray[Any, Any]:
    """The elements as a fresh host array."""
    if self._layout.device.type == "meta":
        raise NotImplementedError("Cannot copy out of meta tensor; no data!")
    return backend_of(self._layout).download(self._array, self._layout)


@method
def item(self: Tensor) -> Any:
    """The one element as a Python number (waits for the device)."""
    if self._layout.numel != 1:
        raise RuntimeError(f"a Tensor with {self._layout.numel} elements cannot be converted to Scalar")
    _reading(self)
    return self._host().item()


def _reading(self: Tensor) -> None:
    """Tell modes that a value leaves the tensors (tracing cannot follow it)."""
    for mode in local.modes:
        note = getattr(mode, "__torch_read__", None)
        if note is not None:
            note(self)


@method
def tolist(self: Tensor) -> Any:
    """Nested lists of Python numbers."""
    _reading(self)
    host: Any = self._host()
    return host.astype(np.float32).tolist() if self._layout.dtype is bfloat16 else host.tolist()


@method
def numpy(self: Tensor, *, force: bool = False) -> np.ndarray[Any, Any]:
    """A NumPy array; on the CPU it shares memory where the backend's arrays are NumPy's."""
    if force:
        return self.detach().cpu().numpy()
    if self._node is not None and node_of(self) is not None:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
    if self._layout.device.type != "cpu":
        raise TypeError(
            f"can't convert {self._layout.device} device type tensor to numpy. Use Tensor.cpu() to copy the tensor to "
            "host memory first."
        )
    if self._layout.dtype is bfloat16:
        raise TypeError("Got unsupported ScalarType BFloat16")
    _reading(self)
    if isinstance(self._array, np.ndarray) and backend_of(self._layout).mutable:
        storage_of(self)
        return self._array
    return self._host()


def _array(self: Tensor, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
    host = self.numpy() if self._layout.device.type == "cpu" else self.numpy(force=False)
    return np.array(host, dtype=dtype, copy=copy)


bind("__array__", _array)
T.__array_priority__ = 1000


@method
def as_subclass(self: Tensor, cls: type[S]) -> S:
    """The same memory and history as an instance of a subclass."""
    result: S = object.__new__(cls)
    for name in ("_array", "_layout", "_node", "_storage", "_view", "_grad", "_extra"):
        setattr(result, name, getattr(self, name))
    storage = storage_of(self)
    result._storage = storage
    if storage.peers is not None:
        storage.peers[id(result)] = result
    if type(self._node) is Accumulate:
        result._node = accumulator(result)
    return result


@method
def type_as(self: Tensor, other: Tensor) -> Tensor:
    """In the other tensor's dtype."""
    return ops.to(self, other.dtype)


@method
def cpu(self: Tensor) -> Tensor:
    """On the CPU."""
    return ops.to(self, "cpu")


@method
def cuda(self: Tensor, device: Any = None) -> Tensor:
    """On a CUDA device."""
    target = "cuda" if device is None else Device("cuda", device) if isinstance(device, int) else device
    return ops.to(self, target)


def _type(self: Tensor, dtype: Any = None) -> Any:
    from ..core.inplace import _SCALAR_NAMES

    if dtype is None:
        return f"torch.{_SCALAR_NAMES[self._layout.dtype.name]}Tensor"
    if isinstance(dtype, str):
        dtype = next(d for d in _CASTS.values() if f"torch.{_SCALAR_NAMES[d.name]}Tensor" == dtype)
    return ops.to(self, dtype)


bind("type", _type)

_CASTS = {
    "float": float32, "double": float64, "half": float16, "bfloat16": bfloat16, "long": int64, "int": int32,
    "short": int16, "char": int8, "byte": uint8, "bool": bool_, "cfloat": complex64, "cdouble": complex128,
}  # fmt: skip


def _make_cast(name: str, target: dtype_class) -> None:
    def cast(self: Tensor, memory_format: Any = None) -> Tensor:
        return ops.to(self, target)

    cast.__name__ = name
    cast.__doc__ = f"In {target.name}."
    bind(name, cast)


for _name, _target in _CASTS.items():
    _make_cast(_name, _target)


def _new(function: Callable[..., Tensor], name: str) -> None:
    def make(
        self: Tensor,
        *args: Any,
        dtype: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        layout: Any = None,
        pin_memory: bool = False,
        **named: Any,
    ) -> Tensor:
        checked(name, {"layout": layout, "pin_memory": pin_memory})
        for keyword in ("size", "data"):
            if keyword in named:
                args = (named.pop(keyword), *args)
        return function(
            *args, dtype=dtype or self.dtype, device=device or self.device, requires_grad=requires_grad, **named
        )

    make.__name__ = name
    make.__doc__ = f"``{name.removeprefix('new_')}`` with this tensor's dtype and device."
    bind(name, make)


for _f in (ops.zeros, ops.ones, ops.empty, ops.full, ops.tensor):
    _new(_f, f"new_{_f.__name__}")


def _by_sizes(name: str, function: Callable[..., Tensor], keyword: str) -> None:
    """A method whose sizes or dimensions may be given one by one, or all by ``keyword``."""

    def method(self: Tensor, *sizes: Any, **named: Any) -> Tensor:
        if named:
            sizes = ops.rules.by_name(name, keyword, sizes, named)
        if len(sizes) == 1 and not isinstance(sizes[0], int):
            single = sizes[0]
            return function(self, tuple(single) if isinstance(single, (tuple, list)) else single)
        return function(self, sizes)

    method.__name__ = name
    method.__doc__ = function.__doc__
    bind(name, method)


def view(self: Tensor, *size: Any, **named: Any) -> Tensor:
    """The same memory in another shape (``x.view(2, 3)``) or as another dtype (``x.view(torch.int32)``)."""
    if named:
        size = ops.rules.by_name("view", "dtype" if "dtype" in named else "size", size, named)
    if len(size) == 1 and not isinstance(size[0], int):
        single = size[0]
        if isinstance(single, dtype_class):
            return ops.view_dtype(self, single)
        return ops.view(self, tuple(single))
    return ops.view(self, size)


bind("view", view)
for _op, _keyword in ((ops.expand, "size"), (ops.permute, "dims")):
    _by_sizes(_op.__name__, _op, _keyword)


@method
def view_as(self: Tensor, other: Tensor) -> Tensor:
    """In the other tensor's shape."""
    return ops.view(self, tuple(other.shape))


@method
def expand_as(self: Tensor, other: Tensor) -> Tensor:
    """Expanded to the other tensor's shape."""
    return ops.expand(self, tuple(other.shape))


@method
def reshape_as(self: Tensor, other: Tensor) -> Tensor:
    """Reshaped to the other tensor's shape."""
    return ops.reshape(self, tuple(other.shape))


@method
def t(self: Tensor) -> Tensor:
    """A matrix transposed; fewer dimensions are as they are."""
    if self.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {self.ndim}D")
    return ops.transpose(self, 0, 1) if self.ndim == 2 else ops.alias_of(self)


@method
def narrow(self: Tensor, dim: int, start: int, length: int) -> Tensor:
    """``length`` elements of a dimension from ``start``."""
    if not self.ndim:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    n = self.shape[ops.rules.normalize_dim(dim, self.ndim)]
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    if not -n <= start <= n:
        raise IndexError(f"start out of range (expected to be in range of [-{n}, {n}], but got {int(start)})")
    if start < 0:
        start += n
    if start + length > n:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({n}).")
    return ops.slice_(self, dim, start, start + length, 1)


@method
def split(self: Tensor, split_size: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of pieces of one size (the last may be smaller), or of the sizes given."""
    return ops.split(self, split_size, dim)


@method
def flip(self: Tensor, *dims: Any, **named: Any) -> Tensor:
    """Elements in reverse along the dimensions."""
    if named:
        dims = ops.rules.by_name("flip", "dims", dims, named)
    return ops.flip(self, dims[0] if len(dims) == 1 else dims)


# names bound as they are: the function's first argument is the tensor
for _name, _function in ops.families.methods(ops.FAMILIES).items():
    bind(_name, ops.face.shown(getattr(_function, "shown", _function), first=1))

bind("nelement", T.numel)
bind("ndimension", T.dim)


@method
def add(self: Tensor, other: Any, *, alpha: Any = 1, out: Any = None) -> Tensor:
    """self + alpha * other."""
    return ops.add(self, other if alpha == 1 else other * alpha, out=out)


@method
def sub(self: Tensor, other: Any, *, alpha: Any = 1, out: Any = None) -> Tensor:
    """self - alpha * other."""
    return ops.sub(self, other if alpha == 1 else other * alpha, out=out)


@method
def div(self: Tensor, other: Any, *, rounding_mode: str | None = None, out: Any = None) -> Tensor:
    """self / other."""
    return ops.true_divide(self, other, rounding_mode=rounding_mode, out=out)


bind("divide", div)
bind("multiply", ops.mul)


@method
def where(self: Tensor, condition: Tensor, other: Any) -> Tensor:
    """self where condition, else other."""
    return ops.where(condition, self, other)


@method
def zero_(self: Tensor) -> Tensor:
    """All elements 0, in place."""
    return ops.fill_(self, 0)
