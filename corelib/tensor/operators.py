"""Tensor's operators and the protocols of Python objects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import ops
from ..core.tensor import TENSORS, Tensor
from ..device import Device
from ..dtypes import dtype as dtype_class
from ..dtypes import (
    float32,
)
from ..ops.primitive import PRIMITIVES, operator_of
from .binding import T, bind
from .methods import as_subclass, detach, item
from .properties import requires_grad_

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
    from ..printing import tensor_repr

    return tensor_repr(self)


def _format(self: Tensor, spec: str) -> str:
    plain = self.ndim == 0 and type(self) is Tensor and self.device.type != "meta"
    return format(item(self), spec) if plain else object.__format__(self, spec)


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
