"""Tensor's properties."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import ops
from ..core.modes import set_grad
from ..core.node import Accumulate, Output, accumulator, has_history, is_leaf_node, node_of
from ..core.tensor import TENSORS, Storage, Tensor, View, detached, storage_of
from ..state import STATE, local
from .binding import T, bind


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
    shared.origin = storage.origin or storage
    shared.peers = storage.peers
    result._storage = shared
    return result


def _put_data(self: Tensor, value: Tensor) -> None:
    if value.__class__ not in TENSORS:
        raise TypeError(f"Variable data has to be a tensor, but got {type(value).__name__}")
    storage = storage_of(value)
    mine = Storage(storage.array, storage.layout)
    mine.origin = storage.origin or storage
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
