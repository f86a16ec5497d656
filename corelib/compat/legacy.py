"""PyTorch's older names, which its own documentation no longer teaches but programs still use."""

from __future__ import annotations

from typing import Any

from .. import (
    Tensor,
    bfloat16,
    bool,
    empty,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    set_default_dtype,
    tensor,
    uint8,
)
from ..device import Device
from ..dtypes import dtype

__all__ = ["LEGACY"]


class _TensorType(type):
    """The metaclass of ``torch.FloatTensor`` and its kin: a call makes a tensor, ``isinstance`` asks for the dtype."""

    dtype: dtype
    device_type: str

    def __instancecheck__(cls, instance: Any) -> Any:
        return isinstance(instance, Tensor) and instance.dtype is cls.dtype and instance.device.type == cls.device_type

    def __call__(cls, *args: Any) -> Any:
        device = Device(cls.device_type)
        if len(args) == 1 and not isinstance(args[0], int):
            if isinstance(args[0], Tensor):
                return args[0].to(device, cls.dtype)
            return tensor(args[0], dtype=cls.dtype, device=device)
        return empty(args or (0,), dtype=cls.dtype, device=device)


_NAMES = {
    "Float": float32, "Double": float64, "Half": float16, "BFloat16": bfloat16, "Long": int64, "Int": int32,
    "Short": int16, "Char": int8, "Byte": uint8, "Bool": bool,
}  # fmt: skip


def _types(device_type: str) -> dict[str, Any]:
    return {
        f"{name}Tensor": _TensorType(f"{name}Tensor", (), {"dtype": d, "device_type": device_type})
        for name, d in _NAMES.items()
    }


def _set_default_tensor_type(t: Any) -> None:
    """``torch.set_default_tensor_type``: the default dtype, by a tensor type or its name."""
    name = t if isinstance(t, str) else t.__name__
    short = name.rpartition(".")[2].removesuffix("Tensor")
    if short not in _NAMES:
        raise TypeError(f"invalid type object: {name!r}; use torch.set_default_dtype()")
    set_default_dtype(_NAMES[short])


LEGACY: dict[str, Any] = {**_types("cpu"), "set_default_tensor_type": _set_default_tensor_type}
"""Name in ``torch`` -> what it is here."""

CUDA = _types("cuda")
"""Name in ``torch.cuda`` -> what it is here."""
