"""Parameter and Buffer: tensors that register themselves when set as attributes of a Module; shapes known or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NoReturn, Self

from ..creation import empty
from ..device import Device
from ..dtypes import dtype as DType
from ..tensor import Tensor

__all__ = [
    "Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter", "UninitializedTensorMixin", "is_lazy",
]  # fmt: skip


class Parameter(Tensor):
    """A tensor that is a parameter of the module it is assigned to.

    Args:
        data: the values; shared, not copied.  ``None`` makes an empty tensor.
        requires_grad: whether gradients are wanted; set even inside ``no_grad``.

    Operations on it give plain tensors.
    """

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> Parameter:
        source = empty(0) if data is None else data
        return source.detach().as_subclass(cls).requires_grad_(requires_grad)

    def __init__(self, data: Tensor | None = None, requires_grad: bool = True) -> None:
        pass  # all is done in __new__; Tensor's own __init__ must not see the arguments

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        if id(self) in memo:
            return memo[id(self)]  # type: ignore[no-any-return]
        result = type(self)(self.detach().clone(), self.requires_grad)
        memo[id(self)] = result
        return result

    def __repr__(self) -> str:
        return "Parameter containing:\n" + Tensor.__repr__(self)


class Buffer(Tensor):
    """A tensor that becomes a buffer of the module it is assigned to.

    Args:
        data: the values; shared, not copied.
        persistent: whether it is part of the module's ``state_dict``.
    """

    persistent: bool

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Buffer:
        source = empty(0) if data is None else data
        result = source.detach().as_subclass(cls).requires_grad_(source.requires_grad)
        result.persistent = persistent
        return result

    def __init__(self, data: Tensor | None = None, *, persistent: bool = True) -> None:
        pass


_SHAPE = (
    "Can't access the shape of an uninitialized parameter or buffer. This error usually happens in `load_state_dict` "
    "when trying to load an uninitialized parameter into an initialized one. Call `forward` to initialize the "
    "parameters before accessing their attributes."
)


class UninitializedTensorMixin(Tensor):
    """What is known before the shape is: device, dtype and whether gradients are wanted."""

    cls_to_become: ClassVar[type[Tensor]]

    def materialize(self, shape: Sequence[int], device: str | Device | None = None, dtype: DType | None = None) -> None:
        """Become an ordinary parameter or buffer of this shape, with values that are not set yet."""
        made = empty(
            tuple(shape), device=self.device if device is None else device, dtype=self.dtype if dtype is None else dtype
        )
        self.__class__ = self.cls_to_become  # type: ignore[assignment]
        self.data = made

    @property
    def shape(self) -> NoReturn:
        raise RuntimeError(_SHAPE)

    def detach(self) -> Self:
        """Itself: there are no values yet, and a ``state_dict`` says so."""
        return self

    def share_memory_(self) -> Self:
        """RuntimeError: there is no memory to share."""
        raise RuntimeError(
            "Can't share memory on an uninitialized parameter or buffer. Call `forward` to initialize the parameters "
            "before calling `module.share_memory()`."
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


def is_lazy(param: Any) -> bool:
    """Whether ``param`` is a parameter or buffer whose shape is not known yet."""
    return isinstance(param, UninitializedTensorMixin)


def _nothing(device: Any, dtype: Any) -> Tensor:
    return empty(0, device=device, dtype=dtype)


class UninitializedParameter(UninitializedTensorMixin, Parameter):
    """A parameter whose shape is not known yet: ``materialize`` makes it a ``Parameter``."""

    cls_to_become = Parameter

    def __new__(
        cls, requires_grad: bool = True, device: str | Device | None = None, dtype: DType | None = None
    ) -> Self:
        return _nothing(device, dtype).as_subclass(cls).requires_grad_(requires_grad)

    def __init__(
        self, requires_grad: bool = True, device: str | Device | None = None, dtype: DType | None = None
    ) -> None:
        pass

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        if id(self) in memo:
            return memo[id(self)]  # type: ignore[no-any-return]
        result = type(self)(self.requires_grad, self.device, self.dtype)
        memo[id(self)] = result
        return result

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), (self.requires_grad, str(self.device), self.dtype)


class UninitializedBuffer(UninitializedTensorMixin, Buffer):
    """A buffer whose shape is not known yet: ``materialize`` makes it an ordinary tensor."""

    cls_to_become = Tensor

    def __new__(
        cls,
        requires_grad: bool = False,
        device: str | Device | None = None,
        dtype: DType | None = None,
        persistent: bool = True,
    ) -> Self:
        result = _nothing(device, dtype).as_subclass(cls).requires_grad_(requires_grad)
        result.persistent = persistent
        return result

    def __init__(
        self,
        requires_grad: bool = False,
        device: str | Device | None = None,
        dtype: DType | None = None,
        persistent: bool = True,
    ) -> None:
        pass

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """One on another device or of another dtype."""
        like = _nothing(self.device, self.dtype).to(*args, **kwargs)
        return type(self)(self.requires_grad, like.device, like.dtype, self.persistent)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if id(self) in memo:
            return memo[id(self)]  # type: ignore[no-any-return]
        result = type(self)(self.requires_grad, self.device, self.dtype, self.persistent)
        memo[id(self)] = result
        return result

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), (self.requires_grad, str(self.device), self.dtype, self.persistent)
