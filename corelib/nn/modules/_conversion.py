"""Conversion of modules: device and dtype of parameters and buffers, in place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Self

from ...autograd import no_grad
from ...creation import empty_like
from ...device import Device
from ...dtypes import bfloat16, float16, float32, float64
from ...dtypes import dtype as DType
from ...tensor import Tensor

__all__ = ["Conversion"]

DeviceLike = str | Device | None


class Conversion:
    """The methods of Module that convert all of its tensors."""

    _parameters: dict[str, Any]
    _buffers: dict[str, Tensor | None]
    children: Callable[[], Iterator[Any]]

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Replace every parameter's and gradient's data, and every buffer, by ``fn`` of it.

        Parameters stay the same objects, so that an optimizer made before goes on working.
        """
        if recurse:
            for child in self.children():
                child._apply(fn)
        for param in self._parameters.values():
            if param is None:
                continue
            with no_grad():
                grad = param.grad
                param.data = fn(param.data)
                if grad is not None:
                    grad.data = fn(grad.data)
        for name, buffer in self._buffers.items():
            if buffer is not None:
                self._buffers[name] = fn(buffer)
        return self

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Move and/or convert in place: ``to(device)``, ``to(dtype)``, ``to(device, dtype)``, ``to(tensor)``.

        Only floating and complex parameters and buffers take the dtype.
        """
        device, dtype = _parse_to(*args, **kwargs)
        if dtype is not None and not (dtype.is_floating_point or dtype.is_complex):
            raise TypeError(
                f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={dtype}"
            )

        def convert(t: Tensor) -> Tensor:
            return t.to(device, dtype if t.is_floating_point() or t.is_complex() else None)

        return self._apply(convert)

    def to_empty(self, *, device: DeviceLike, recurse: bool = True) -> Self:
        """Move to ``device`` without copying: parameters and buffers there are uninitialized."""
        return self._apply(lambda t: empty_like(t, device=device), recurse)

    def cpu(self) -> Self:
        """Move to the CPU."""
        return self.to("cpu")

    def cuda(self, device: int | DeviceLike = None) -> Self:
        """Move to a CUDA device, the current one by default."""
        return self.to("cuda" if device is None else f"cuda:{device}" if isinstance(device, int) else device)

    def xpu(self, device: int | DeviceLike = None) -> Self:
        """Move to an XPU device, the current one by default."""
        return self.to("xpu" if device is None else f"xpu:{device}" if isinstance(device, int) else device)

    def float(self) -> Self:
        """Convert floating parameters and buffers to float32."""
        return self._to_floating(float32)

    def double(self) -> Self:
        """Convert floating parameters and buffers to float64."""
        return self._to_floating(float64)

    def half(self) -> Self:
        """Convert floating parameters and buffers to float16."""
        return self._to_floating(float16)

    def bfloat16(self) -> Self:
        """Convert floating parameters and buffers to bfloat16."""
        return self._to_floating(bfloat16)

    def type(self, dst_type: Any) -> Self:
        """Convert all parameters and buffers, whatever they are, to ``dst_type``."""
        return self._apply(lambda t: t.type(dst_type))

    def _to_floating(self, dtype: DType) -> Self:
        return self._apply(lambda t: t.to(dtype) if t.is_floating_point() else t)


def _parse_to(
    *args: Any, device: Any = None, dtype: DType | None = None, non_blocking: bool = False, tensor: Tensor | None = None
) -> tuple[Any, DType | None]:
    """The device and dtype that the arguments of ``to`` ask for, each or None."""
    del non_blocking  # accepted, as in PyTorch; a copy is always complete when it is used
    for position, argument in enumerate(args[:2]):
        if isinstance(argument, Tensor):
            tensor = argument
        elif isinstance(argument, DType):
            dtype = argument
        elif position == 0 and argument is not None:
            device = argument
    if tensor is not None:
        return tensor.device, tensor.dtype
    return device, dtype
