"""Tensor's in-place methods."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..core.inplace import check_writable, inplace, inplace_operator
from ..core.node import Accumulate, has_history, move_retained
from ..core.tensor import TENSORS, Storage, Tensor, View
from ..dtypes import can_cast
from ..ops.families import in_place
from ..ops.primitive import PRIMITIVES, Primitive
from ..ops.rules import what
from ..state import local
from .binding import T, bind, method


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


def _writable(prim: Primitive) -> bool:
    """Whether a primitive's first operand can be its destination, and what else it takes is one operand."""
    return prim.kind == "kernel" and not prim.parameters and len(prim.outputs) == 1 and (
        prim.kinds in (("tensor",), ("number", "number"), ("tensor", "tensor"), ("tensor", "number"))
    )  # fmt: skip


for _p in PRIMITIVES.values():
    if _writable(_p) and _p.kinds in (("tensor",), ("number", "number")) and _p.name not in ("copy", "where"):
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


def _written_back(name: str, function: Any) -> None:
    """``x.name_(...)`` for an operation said in others: compute, then write (recorded as both).

    Backward may need what is overwritten, so what is computed from is a copy where history is recorded.
    """

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        recorded = local.grad and any(
            [x.__class__ in TENSORS and has_history(x) for x in (self, *args, *kwargs.values())]
        )
        result = function(ops.copy(self) if recorded else self, *args, **kwargs)
        if not can_cast(result.dtype, self.dtype):
            mine, found = what(self.dtype), what(result.dtype)
            raise RuntimeError(f"result type {found} can't be cast to the desired output type {mine}")
        return ops.copy_(self, result)

    method.__name__ = name + "_"
    method.__doc__ = f"In-place ``{name}``."
    bind(name + "_", method)


_written_back("conj_physical", ops.conj)
for _name, _function in in_place(ops.FAMILIES).items():
    _prim = getattr(_function, "prim", None)
    if _prim is not None and _writable(_prim):
        _inplace(_name + "_", _prim)
    else:
        _written_back(_name, _function)


def _inplace_view(name: str, view: Any) -> None:
    """``x.name_(...)``: the tensor becomes its view, over the same memory; what others show of that stays."""

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        check_writable(self)
        old, recorded = self._node, local.grad and has_history(self)
        made = view(self, *args, **kwargs)
        seen = self._view
        storage: Any = self._storage
        if storage.__class__ is Storage:  # not one of inference mode
            storage.version += 1
        self._array, self._layout = made._array, made._layout
        if seen is not None or made._view.offset:
            version = storage.version if recorded else getattr(seen, "version", 0)
            self._view = View(getattr(seen, "base", None), made._view.offset, version, getattr(seen, "creation", None))
        if recorded:
            self._node = made._node
            if self._extra is not None and "retains" in self._extra:
                move_retained(self, old)
        elif type(old) is Accumulate:
            old.layouts = (self._layout,)
        return self

    method.__name__ = name
    method.__doc__ = f"``{name.removesuffix('_')}``, in place: the tensor takes the shape, the memory stays."
    bind(name, method)


def _turned(self: Tensor) -> Tensor:
    if self.ndim > 2:
        raise RuntimeError(f"t_() expects a tensor with <= 2 dimensions, but self is {self.ndim}D")
    turned: Tensor = T.t(self)
    return turned


_inplace_view("t_", _turned)
_inplace_view("as_strided_", ops.as_strided)
_inplace_view("squeeze_", ops.squeeze)
_inplace_view("unsqueeze_", ops.unsqueeze)
for _name in ("transpose_", "swapdims_", "swapaxes_"):
    _inplace_view(_name, ops.transpose)


@method
def div_(self: Tensor, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """self /= other."""
    if rounding_mode is None:
        return inplace_operator(PRIMITIVES["div"], self, other)
    divided: Tensor = self.divide_(other, rounding_mode=rounding_mode)
    return divided


@method
def pow_(self: Tensor, exponent: Any) -> Tensor:
    """self **= exponent."""
    return inplace_operator(PRIMITIVES["pow"], self, exponent)


@method
def addcmul_(self: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """self += value * tensor1 * tensor2."""
    return self.add_(tensor1 * tensor2 if value == 1 else tensor1 * tensor2 * value)


@method
def addcdiv_(self: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """self += value * tensor1 / tensor2."""
    return self.add_(tensor1 / tensor2 if value == 1 else tensor1 / tensor2 * value)


@method
def lerp_(self: Tensor, end: Tensor, weight: Any) -> Tensor:
    """self += weight * (end - self)."""
    return self.add_((end - self) * weight)
