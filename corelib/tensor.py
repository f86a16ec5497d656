"""Tensor's operators, methods and properties, bound from the definitions in ``corelib.ops``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar, overload

import numpy as np

from . import ops
from .autograd import engine
from .core.inplace import inplace, inplace_operator
from .core.modes import set_grad
from .core.node import Accumulate, Output, accumulator, has_history, is_leaf_node, node_of
from .core.tensor import TENSORS, Storage, Tensor, View, backend_of, detached, storage_of
from .device import Device
from .dtypes import (
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
from .dtypes import dtype as dtype_class
from .layout import Size
from .ops.primitive import PRIMITIVES, Primitive, operator_of
from .state import STATE, local

__all__ = ["Tensor"]

T: Any = Tensor
S = TypeVar("S", bound=Tensor)
F = TypeVar("F", bound=Callable[..., Any])


def bind(name: str, function: Any) -> None:
    """Make ``function`` the method or property ``name``."""
    setattr(T, name, function)


# -- properties --------------------------------------------------------------------------------------------------


def _prop(
    name: str, type_: str, doc: str, get: Callable[[Tensor], Any], put: Callable[[Tensor, Any], None] | None = None
) -> None:
    get.__doc__ = doc
    get.__annotations__ = {"return": type_}  # read by .ci/stubs.py, as the methods' annotations are
    bind(name, property(get, put))


def _version(self: Tensor) -> int:
    if self._extra is not None and "inference" in self._extra:
        raise RuntimeError("Inference tensors do not track version counter.")
    return 0 if self._storage is None else self._storage.version


def _set_requires_grad(self: Tensor, value: bool) -> None:
    requires_grad_(self, bool(value))


def requires_grad_(self: Tensor, requires_grad: bool = True) -> Tensor:
    """Say whether gradients are wanted for this leaf."""
    if requires_grad:
        if self._layout.dtype.category < 2:
            raise RuntimeError("only Tensors of floating point dtype can require gradients")
        if self._extra is not None and "inference" in self._extra and not local.inference:
            raise RuntimeError("Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.")
        if self._node is None:
            self._node = accumulator(self)
    elif (node := node_of(self)) is not None:
        if not is_leaf_node(node):
            raise RuntimeError(
                "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in "
                "a subgraph that doesn't require differentiation use var_no_grad = var.detach()."
            )
        self._node = None
    return self


def _grad_fn(self: Tensor) -> Any:
    node = node_of(self)
    if is_leaf_node(node):
        return None
    return node.node if type(node) is Output else node


def _put_grad(self: Tensor, value: Any) -> None:
    if value is None and not STATE.intercept:
        self._grad = None
        return
    if value is not None:
        if value.__class__ not in TENSORS:
            raise TypeError(
                f"assigned grad expected to be a Tensor or None but got grad of type {type(value).__name__}"
            )
        if value is self:
            raise RuntimeError("can't assign Variable as its own grad")
        if tuple(value.shape) != tuple(self.shape):
            raise RuntimeError(
                f"attempting to assign a gradient of size '{list(value.shape)}' to a tensor of size "
                f"'{list(self.shape)}'. Please ensure that the gradient and the tensor are the same size"
            )
        if value.dtype is not self.dtype:
            raise RuntimeError(
                f"attempting to assign a gradient with dtype '{value.dtype.name}' to a tensor with grad_dtype "
                f"'{self.dtype.name}'. The gradient must match the tensor's dtype."
            )
        if value.device is not self.device:
            raise RuntimeError(
                f"attempting to assign a gradient on device '{value.device}' to a tensor on device '{self.device}'. "
                "Please ensure that the gradient and the tensor are on the same device"
            )
    set_grad(self, value)


def _get_data(self: Tensor) -> Tensor:
    """The same memory without history, and with a version of its own."""
    result = detached(self)
    storage = storage_of(self)
    shared = Storage(storage.array, storage.layout)
    shared.peers = storage.peers
    result._storage = shared
    return result


def _put_data(self: Tensor, value: Tensor) -> None:
    if value.__class__ not in TENSORS:
        raise TypeError(f"Variable data has to be a tensor, but got {type(value).__name__}")
    storage = storage_of(value)
    mine = Storage(storage.array, storage.layout)
    mine.peers = storage.peers
    mine.version = 0 if self._storage is None else self._storage.version
    self._array, self._layout, self._storage = value._array, value._layout, mine
    offset = 0 if value._view is None else value._view.offset
    self._view = View(None, offset, mine.version, None) if offset else None
    if mine.peers is not None:
        mine.peers[id(self)] = self
    if type(self._node) is Accumulate:
        self._node.layouts = (self._layout,)


_prop("shape", "Size", "Sizes, a torch.Size.", lambda self: self._layout.shape)
_prop("dtype", "dtype", "Element type.", lambda self: self._layout.dtype)
_prop("device", "Device", "Where it is.", lambda self: self._layout.device)
_prop("ndim", "int", "Number of dimensions.", lambda self: len(self._layout.shape))
_prop("itemsize", "int", "Bytes per element.", lambda self: self._layout.dtype.itemsize)
_prop("nbytes", "int", "Bytes of all elements.", lambda self: self._layout.dtype.itemsize * self._layout.numel)
_prop(
    "requires_grad",
    "bool",
    "Whether gradients are computed for it.",
    lambda self: has_history(self),
    _set_requires_grad,
)
_prop("grad", "Tensor | None", "The accumulated gradient of a leaf.", lambda self: self._grad, _put_grad)
bind("grad", T.grad.deleter(lambda self: _put_grad(self, None)))
_prop("grad_fn", "Any", "The tape node that made it; None for a leaf.", _grad_fn)
_prop("is_leaf", "bool", "Whether no recorded operation made it.", lambda self: _grad_fn(self) is None)
_prop(
    "output_nr",
    "int",
    "Which output of grad_fn it is.",
    lambda self: self._node.index if type(self._node) is Output else 0,
)
_prop("data", "Tensor", "The same memory, outside of autograd.", _get_data, _put_data)
_prop(
    "retains_grad", "bool", "Whether a non-leaf keeps its grad.", lambda self: bool((self._extra or {}).get("retains"))
)
_prop("_version", "int", "In-place writes seen by its memory.", _version)
_prop(
    "_base",
    "Tensor | None",
    "The tensor it is a view of, or None.",
    lambda self: None if self._view is None else self._view.base,
)
_prop("T", "Tensor", "Dimensions reversed.", lambda self: ops.permute(self, tuple(range(self.ndim - 1, -1, -1))))
_prop("mT", "Tensor", "The last two dimensions swapped.", lambda self: ops.transpose(self, -1, -2))
_prop(
    "mH",
    "Tensor",
    "Conjugate transpose of the last two dimensions.",
    lambda self: ops.conj(ops.transpose(self, -1, -2)),
)
_prop("H", "Tensor", "Conjugate transpose of a matrix.", lambda self: ops.conj(ops.transpose(self, 0, 1)))
_prop(
    "real",
    "Tensor",
    "Real part, a view.",
    lambda self: ops.view_as_real(self)[..., 0] if self.dtype.is_complex else self,
)
_prop("imag", "Tensor", "Imaginary part, a view.", lambda self: _imag(self))
_prop("is_cpu", "bool", "Whether it is on the CPU.", lambda self: self._layout.device.type == "cpu")
_prop("is_cuda", "bool", "Whether it is on a CUDA device.", lambda self: self._layout.device.type == "cuda")
_prop("is_meta", "bool", "Whether it has no data.", lambda self: self._layout.device.type == "meta")
_prop("is_sparse", "bool", "Always False.", lambda self: False)
_prop("is_quantized", "bool", "Always False.", lambda self: False)


def _imag(self: Tensor) -> Tensor:
    if not self.dtype.is_complex:
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
    return ops.view_as_real(self)[..., 1]


# -- plain methods -----------------------------------------------------------------------------------------------


def _method(function: F) -> F:
    bind(function.__name__, function)
    return function


_method(requires_grad_)


@overload
def size(self: Tensor, dim: None = None) -> Size: ...
@overload
def size(self: Tensor, dim: int) -> int: ...
@_method
def size(self: Tensor, dim: int | None = None) -> Any:
    """Sizes, or the size of one dimension."""
    return self._layout.shape if dim is None else self._layout.shape[ops.rules.normalize_dim(dim, self.ndim)]


@overload
def stride(self: Tensor, dim: None = None) -> tuple[int, ...]: ...
@overload
def stride(self: Tensor, dim: int) -> int: ...
@_method
def stride(self: Tensor, dim: int | None = None) -> Any:
    """Strides in elements, or that of one dimension."""
    return self._layout.strides if dim is None else self._layout.strides[ops.rules.normalize_dim(dim, self.ndim)]


@_method
def storage_offset(self: Tensor) -> int:
    """Elements of the storage before the first."""
    return 0 if self._view is None else self._view.offset


@_method
def dim(self: Tensor) -> int:
    """Number of dimensions."""
    return len(self._layout.shape)


@_method
def numel(self: Tensor) -> int:
    """Number of elements."""
    return self._layout.numel


@_method
def element_size(self: Tensor) -> int:
    """Bytes per element."""
    return self._layout.dtype.itemsize


@_method
def is_contiguous(self: Tensor, memory_format: Any = None) -> bool:
    """Whether it is dense and row-major."""
    return self._layout.contiguous


@_method
def is_floating_point(self: Tensor) -> bool:
    """Whether the dtype is floating."""
    return self._layout.dtype.is_floating_point


@_method
def is_complex(self: Tensor) -> bool:
    """Whether the dtype is complex."""
    return self._layout.dtype.is_complex


@_method
def is_signed(self: Tensor) -> bool:
    """Whether the dtype is signed."""
    return self._layout.dtype.is_signed


@_method
def is_inference(self: Tensor) -> bool:
    """Whether it was made in inference mode."""
    return self._extra is not None and "inference" in self._extra


@_method
def get_device(self: Tensor) -> int:
    """The device's index; -1 for the CPU."""
    return -1 if self._layout.device.index is None else self._layout.device.index


@_method
def data_ptr(self: Tensor) -> int:
    """An address that is equal for tensors that start at the same element."""
    array = self._array
    if isinstance(array, np.ndarray):
        return array.__array_interface__["data"][0]  # type: ignore[no-any-return]
    offset = 0 if self._view is None else self._view.offset
    return id(storage_of(self).array) + offset * self._layout.dtype.itemsize


@_method
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


@_method
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


@_method
def backward(
    self: Tensor, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False, inputs: Any = None
) -> None:
    """Accumulate gradients into the leaves this came from."""
    engine.backward(self, gradient, retain_graph, create_graph, inputs)


@_method
def register_hook(self: Tensor, hook: Any) -> Any:
    """Call ``hook(grad)`` when the gradient is known; what it returns replaces it."""
    return engine.register_hook(self, hook)


@_method
def register_post_accumulate_grad_hook(self: Tensor, hook: Any) -> Any:
    """Call ``hook(tensor)`` after a gradient was added to this leaf."""
    from .core.node import Handle

    if not has_history(self):
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    if type(self._node) is not Accumulate:
        raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
    if self._extra is None:
        self._extra = {}
    return Handle(self._extra.setdefault("post_accumulate", {}), hook)


@_method
def retain_grad(self: Tensor) -> None:
    """Keep the gradient of a non-leaf in ``grad``."""
    engine.retain_grad(self)


@_method
def _host(self: Tensor) -> np.ndarray[Any, Any]:
    """The elements as a fresh host array."""
    if self._layout.device.type == "meta":
        raise NotImplementedError("Cannot copy out of meta tensor; no data!")
    return backend_of(self._layout).download(self._array, self._layout)


@_method
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


@_method
def tolist(self: Tensor) -> Any:
    """Nested lists of Python numbers."""
    _reading(self)
    host: Any = self._host()
    return host.astype(np.float32).tolist() if self._layout.dtype is bfloat16 else host.tolist()


@_method
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


@_method
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


@_method
def type_as(self: Tensor, other: Tensor) -> Tensor:
    """In the other tensor's dtype."""
    return ops.to(self, other.dtype)


@_method
def cpu(self: Tensor) -> Tensor:
    """On the CPU."""
    return ops.to(self, "cpu")


@_method
def cuda(self: Tensor, device: Any = None) -> Tensor:
    """On a CUDA device."""
    target = "cuda" if device is None else Device("cuda", device) if isinstance(device, int) else device
    return ops.to(self, target)


def _type(self: Tensor, dtype: Any = None) -> Any:
    from .core.inplace import _SCALAR_NAMES

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
    def cast(self: Tensor) -> Tensor:
        return ops.to(self, target)

    cast.__name__ = name
    cast.__doc__ = f"In {target.name}."
    bind(name, cast)


for _name, _target in _CASTS.items():
    _make_cast(_name, _target)


def _new(function: Callable[..., Tensor], name: str) -> None:
    def make(self: Tensor, *args: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
        return function(*args, dtype=dtype or self.dtype, device=device or self.device, requires_grad=requires_grad)

    make.__name__ = name
    make.__doc__ = f"``{name.removeprefix('new_')}`` with this tensor's dtype and device."
    bind(name, make)


for _f in (ops.zeros, ops.ones, ops.empty, ops.full, ops.tensor):
    _new(_f, f"new_{_f.__name__}")


def _by_sizes(name: str, function: Callable[..., Tensor]) -> None:
    """A method whose sizes or dimensions may be given one by one."""

    def method(self: Tensor, *sizes: Any) -> Tensor:
        if len(sizes) == 1 and not isinstance(sizes[0], int):
            single = sizes[0]
            return function(self, tuple(single) if isinstance(single, (tuple, list)) else single)
        return function(self, sizes)

    method.__name__ = name
    method.__doc__ = function.__doc__
    bind(name, method)


def view(self: Tensor, *size: Any) -> Tensor:
    """The same memory in another shape (``x.view(2, 3)``) or as another dtype (``x.view(torch.int32)``)."""
    if len(size) == 1 and not isinstance(size[0], int):
        single = size[0]
        if isinstance(single, dtype_class):
            return ops.view_dtype(self, single)
        return ops.view(self, tuple(single))
    return ops.view(self, size)


bind("view", view)
for _op in (ops.expand, ops.permute):
    _by_sizes(_op.__name__, _op)


@_method
def view_as(self: Tensor, other: Tensor) -> Tensor:
    """In the other tensor's shape."""
    return ops.view(self, tuple(other.shape))


@_method
def expand_as(self: Tensor, other: Tensor) -> Tensor:
    """Expanded to the other tensor's shape."""
    return ops.expand(self, tuple(other.shape))


@_method
def reshape_as(self: Tensor, other: Tensor) -> Tensor:
    """Reshaped to the other tensor's shape."""
    return ops.reshape(self, tuple(other.shape))


@_method
def t(self: Tensor) -> Tensor:
    """A matrix transposed; fewer dimensions are as they are."""
    if self.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {self.ndim}D")
    return ops.transpose(self, 0, 1) if self.ndim == 2 else ops.alias_of(self)


@_method
def narrow(self: Tensor, dim: int, start: int, length: int) -> Tensor:
    """``length`` elements of a dimension from ``start``."""
    n = self.shape[ops.rules.normalize_dim(dim, self.ndim)]
    if start < 0:
        start += n
    if length < 0 or start + length > n:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({n}).")
    return ops.slice_(self, dim, start, start + length, 1)


@_method
def flip(self: Tensor, *dims: Any) -> Tensor:
    """Elements in reverse along the dimensions."""
    return ops.flip(self, dims[0] if len(dims) == 1 else dims)


# names bound as they are: the function's first argument is the tensor
for _name in (
    "abs", "sqrt", "exp", "expm1", "log", "log1p", "sin", "cos", "tanh", "erf", "floor", "round", "ceil", "trunc",
    "neg", "sign", "reciprocal", "rsqrt", "sigmoid", "relu", "square", "isnan", "isinf", "isfinite", "logical_not",
    "bitwise_not", "conj", "clamp", "pow", "sub", "mul", "div", "fmod", "remainder", "floor_divide", "atan2",
    "maximum", "minimum", "eq", "ne", "lt", "le", "gt", "ge", "bitwise_and", "bitwise_or", "bitwise_xor",
    "bitwise_left_shift", "bitwise_right_shift", "sum", "prod", "amax", "amin", "argmax", "argmin", "max", "min",
    "any", "all", "mean", "var", "std", "norm", "cumsum", "cumprod", "cummax", "cummin", "logsumexp", "softmax",
    "log_softmax", "count_nonzero", "matmul", "mm", "bmm", "mv", "dot", "outer", "addmm", "baddbmm", "reshape",
    "flatten", "squeeze", "unsqueeze", "transpose", "select", "diagonal", "unfold", "as_strided", "movedim",
    "contiguous", "clone", "to", "split", "chunk", "unbind", "repeat", "tril", "triu", "gather", "scatter",
    "scatter_add", "scatter_", "scatter_add_", "index_select", "index_add", "nonzero", "masked_select", "masked_fill",
    "take_along_dim", "copy_", "fill_", "uniform_", "normal_", "bernoulli", "bernoulli_", "random_", "exponential_",
    "multinomial", "sort", "argsort", "topk", "unique", "bincount",
):  # fmt: skip
    bind(_name, getattr(ops, _name))

bind("absolute", ops.abs)
bind("negative", ops.neg)
bind("true_divide", ops.true_divide)
bind("swapaxes", ops.transpose)
bind("nelement", T.numel)
bind("ndimension", T.dim)


@_method
def add(self: Tensor, other: Any, *, alpha: Any = 1, out: Any = None) -> Tensor:
    """self + alpha * other."""
    return ops.add(self, other if alpha == 1 else other * alpha, out=out)


@_method
def sub(self: Tensor, other: Any, *, alpha: Any = 1, out: Any = None) -> Tensor:
    """self - alpha * other."""
    return ops.sub(self, other if alpha == 1 else other * alpha, out=out)


@_method
def div(self: Tensor, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """self / other."""
    return ops.true_divide(self, other, rounding_mode=rounding_mode)


bind("divide", div)
bind("multiply", ops.mul)


@_method
def where(self: Tensor, condition: Tensor, other: Any) -> Tensor:
    """self where condition, else other."""
    return ops.where(condition, self, other)


@_method
def zero_(self: Tensor) -> Tensor:
    """All elements 0, in place."""
    return ops.fill_(self, 0)


# -- in place ----------------------------------------------------------------------------------------------------


def _inplace(name: str, prim: Primitive) -> None:
    """``x.name_(...)``: the primitive with ``x`` as destination."""
    count = len(prim.operands)
    if count == 1:

        def method(self: Tensor) -> Tensor:
            return inplace(prim, self, (self,))
    else:

        def method(self: Tensor, other: Any) -> Tensor:  # type: ignore[misc]
            return inplace_operator(prim, self, other)

    method.__name__ = name
    method.__doc__ = f"In-place ``{prim.name}``: {prim.doc}"
    bind(name, method)


for _p in PRIMITIVES.values():
    if (
        _p.kind == "kernel"
        and not _p.parameters
        and _p.kinds in (("tensor",), ("number", "number"))
        and _p.name not in ("copy", "where")
    ):
        _inplace(_p.name + "_", _p)


def _scaled_inplace(name: str) -> None:
    prim = PRIMITIVES[name]

    def method(self: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
        return inplace_operator(prim, self, other if alpha == 1 else other * alpha)

    method.__name__ = name + "_"
    method.__doc__ = f"self {'+' if name == 'add' else '-'}= alpha * other."
    bind(name + "_", method)


_scaled_inplace("add")
_scaled_inplace("sub")


def _written_back(name: str) -> None:
    """``x.name_(...)`` for an operation said in others: compute, then write (recorded as both).

    Backward may need what is overwritten, so what is computed from is a copy where history is recorded.
    """
    function = getattr(ops, name)

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        recorded = local.grad and any(
            [x.__class__ in TENSORS and has_history(x) for x in (self, *args, *kwargs.values())]
        )
        return ops.copy_(self, function(ops.copy(self) if recorded else self, *args, **kwargs))

    method.__name__ = name + "_"
    method.__doc__ = f"In-place ``{name}``."
    bind(name + "_", method)


for _name in (
    "clamp", "masked_fill", "remainder", "floor_divide", "ceil", "trunc", "index_add", "tril", "triu", "square",
):  # fmt: skip
    _written_back(_name)


@_method
def addcmul_(self: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """self += value * tensor1 * tensor2."""
    return self.add_(tensor1 * tensor2 if value == 1 else tensor1 * tensor2 * value)


@_method
def addcdiv_(self: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """self += value * tensor1 / tensor2."""
    return self.add_(tensor1 / tensor2 if value == 1 else tensor1 / tensor2 * value)


@_method
def lerp_(self: Tensor, end: Tensor, weight: Any) -> Tensor:
    """self += weight * (end - self)."""
    return self.add_((end - self) * weight)


# -- operators ---------------------------------------------------------------------------------------------------

for _name, _prim in (
    ("add", "add"), ("sub", "sub"), ("mul", "mul"), ("truediv", "div"), ("pow", "pow"), ("and", "bitwise_and"),
    ("or", "bitwise_or"), ("xor", "bitwise_xor"), ("lshift", "bitwise_left_shift"), ("rshift", "bitwise_right_shift"),
):  # fmt: skip
    bind(f"__{_name}__", operator_of(PRIMITIVES[_prim], f"__{_name}__"))
    bind(f"__r{_name}__", operator_of(PRIMITIVES[_prim], f"__r{_name}__", reflected=True))
    bind(f"__i{_name}__", getattr(T, PRIMITIVES[_prim].name + "_"))
for _name in ("eq", "lt", "le"):
    bind(f"__{_name}__", operator_of(PRIMITIVES[_name], f"__{_name}__"))
bind("__gt__", operator_of(PRIMITIVES["lt"], "__gt__", reflected=True))
bind("__ge__", operator_of(PRIMITIVES["le"], "__ge__", reflected=True))


def _ne(self: Tensor, other: Any) -> Any:
    equal = T.__eq__(self, other)
    return equal if equal is NotImplemented else ops.bitwise_not(equal)


def _matmul(self: Tensor, other: Any) -> Any:
    if other.__class__ not in TENSORS:
        return NotImplemented
    if len(self._layout.shape) == len(other._layout.shape) == 2:
        return ops.matmul_kernel(self, other)
    return ops.matmul(self, other)


bind("__ne__", _ne)
bind("__matmul__", _matmul)
bind("__neg__", ops.neg)
bind("__pos__", lambda self: self)
bind("__abs__", ops.abs)
bind("__invert__", ops.bitwise_not)
bind("__floordiv__", lambda self, other: ops.floor_divide(self, other))
bind("__rfloordiv__", lambda self, other: ops.floor_divide(other, self))
bind("__ifloordiv__", lambda self, other: self.floor_divide_(other))
bind("__mod__", lambda self, other: ops.remainder(self, other))
bind("__rmod__", lambda self, other: ops.remainder(other, self))
bind("__imod__", lambda self, other: self.remainder_(other))
bind("__hash__", object.__hash__)
bind("__getitem__", ops.getitem)
bind("__setitem__", ops.setitem)


def _len(self: Tensor) -> int:
    if not self._layout.shape:
        raise TypeError("len() of a 0-d tensor")
    return self._layout.shape[0]


def _iter(self: Tensor) -> Iterator[Tensor]:
    if not self._layout.shape:
        raise TypeError("iteration over a 0-d tensor")
    return iter(ops.unbind(self, 0))


def _bool(self: Tensor) -> bool:
    if self._layout.numel != 1:
        kind = "no values" if self._layout.numel == 0 else "more than one value"
        raise RuntimeError(f"Boolean value of Tensor with {kind} is ambiguous")
    return bool(item(self))


def _index(self: Tensor) -> int:
    if self._layout.numel != 1 or self._layout.dtype.category >= 2:
        raise TypeError("only integer tensors of a single element can be converted to an index")
    return int(item(self))


def _contains(self: Tensor, element: Any) -> bool:
    if element.__class__ in TENSORS or isinstance(element, (bool, int, float, complex)):
        return bool(ops.any(ops.eq(self, element)))
    raise RuntimeError(f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(element)}.")


def _repr(self: Tensor) -> str:
    from .printing import tensor_repr

    return tensor_repr(self)


def _format(self: Tensor, spec: str) -> str:
    return format(item(self), spec) if spec and self.ndim == 0 else object.__format__(self, spec)


def _deepcopy(self: Tensor, memo: dict[int, Any]) -> Tensor:
    if id(self) in memo:
        return memo[id(self)]  # type: ignore[no-any-return]
    if not self.is_leaf:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment.  "
            "If you were attempting to deepcopy a module, this may be because of a torch.nn.utils.weight_norm usage, "
            "see https://github.com/pytorch/pytorch/pull/103001"
        )
    import copy

    result = detach(self).clone()
    if type(self) is not Tensor:
        result = as_subclass(result, type(self))
    memo[id(self)] = result
    if self._node is not None:
        requires_grad_(result, True)
    if self._grad is not None:
        result._grad = copy.deepcopy(self._grad, memo)
    for name, value in self.__dict__.items():
        setattr(result, name, copy.deepcopy(value, memo))
    return result


def _rebuild(
    cls: type,
    host: np.ndarray[Any, Any],
    dtype: dtype_class,
    device: Device,
    requires_grad: bool,
    attributes: dict[str, Any],
) -> Tensor:
    result = ops.creation._upload(host, dtype, device)
    if cls is not Tensor:
        result = as_subclass(result, cls)
    if requires_grad:
        requires_grad_(result, True)
    result.__dict__.update(attributes)
    return result


def _reduce_ex(self: Tensor, protocol: Any) -> tuple[Any, ...]:
    if not self.is_leaf:
        raise RuntimeError("Only leaf tensors can be pickled; call .detach() first")
    return _rebuild, (type(self), self._host(), self.dtype, self.device, self.requires_grad, dict(self.__dict__))


for _name, _function in {
    "__len__": _len, "__iter__": _iter, "__bool__": _bool, "__index__": _index, "__contains__": _contains,
    "__repr__": _repr, "__format__": _format, "__deepcopy__": _deepcopy, "__reduce_ex__": _reduce_ex,
    "__int__": lambda self: int(item(self)), "__float__": lambda self: float(item(self)),
    "__complex__": lambda self: complex(item(self)),
}.items():  # fmt: skip
    bind(_name, _function)


def _tensor_new(cls: type, *args: Any, dtype: Any = None, device: Any = None) -> Any:
    """``torch.Tensor(2, 3)`` and ``torch.Tensor([1, 2])``: the legacy constructor, in the default dtype."""
    if len(args) == 1 and args[0].__class__ in TENSORS:
        made = detach(args[0])
    elif len(args) == 1 and isinstance(args[0], (list, tuple, np.ndarray)):
        made = ops.tensor(args[0], dtype=float32, device=device)
    else:
        made = ops.empty(*args, dtype=float32, device=device) if args else ops.empty(0, device=device)
    return made if cls is Tensor else as_subclass(made, cls)


bind("__new__", staticmethod(_tensor_new))
