"""The same bits as another dtype: ``x.view(dtype)``, and complex tensors as pairs of real ones."""

from __future__ import annotations

from typing import Any

from ..core.plan import Result
from ..core.tensor import Tensor
from ..dtypes import bfloat16, dtype
from ..layout import Layout
from . import rules, samples
from .primitive import primitive
from .view import view

__all__ = ["view_as_complex", "view_as_real"]


def _bitcast_rule(x: Layout, dtype: dtype) -> Result:
    if dtype.itemsize == x.dtype.itemsize:
        return Result(Layout.of(x.shape, dtype, x.device, x.strides), (dtype,))
    old, new = x.dtype.itemsize, dtype.itemsize
    if not x.shape:
        raise RuntimeError(f"self.dim() cannot be 0 to view {x.dtype.name} as {dtype.name} (different element sizes)")
    if x.strides[-1] != 1 and x.shape[-1] != 1:
        raise RuntimeError(
            f"self.stride(-1) must be 1 to view {x.dtype.name} as {dtype.name} (different element sizes), but got "
            f"{x.strides[-1]}"
        )
    if (x.shape[-1] * old) % new or any((s * old) % new for s in x.strides[:-1]):
        raise RuntimeError(
            f"self.size(-1) must be divisible by {new // old} to view {x.dtype.name} as {dtype.name} "
            f"(different element sizes), but got {x.shape[-1]}"
        )
    strides = (*(s * old // new for s in x.strides[:-1]), 1)
    return Result(Layout.of((*x.shape[:-1], x.shape[-1] * old // new), dtype, x.device, strides), (dtype,))


def view_dtype(input: Tensor, dtype: dtype) -> Tensor:
    """``x.view(dtype)``: the same bits as another dtype."""
    if dtype is input.dtype:
        return view(input, tuple(input.shape))
    offset = 0 if input._view is None else input._view.offset
    old, new = input.dtype.itemsize, dtype.itemsize
    if (offset * old) % new:
        raise RuntimeError(
            f"self.storage_offset() must be divisible by {new // old} to view as {dtype.name}, but got {offset}"
        )
    layout: Any = _bitcast_rule(input._layout, dtype).layout
    from ..core.tensor import alias

    return alias(input, layout, offset * old // new, None)


def view_as_real(input: Tensor) -> Tensor:
    """A complex tensor as a real one with a last dimension of 2 (real, imaginary)."""
    if not input.dtype.is_complex:
        raise RuntimeError("view_as_real is only supported for complex tensors")
    return _as_real(input)


def view_as_complex(input: Tensor) -> Tensor:
    """A real tensor with a last dimension of 2 as a complex one."""
    if input.dtype.category != 2 or input.dtype is bfloat16:
        raise RuntimeError(
            "view_as_complex is only supported for half, float and double tensors, but got a tensor of scalar type: "
            f"{rules.what(input.dtype)}"
        )
    if not input.shape or input.shape[-1] != 2:
        raise RuntimeError("Tensor must have a last dimension of size 2")
    if input.stride(-1) != 1:
        raise RuntimeError("Tensor must have a last dimension with stride 1")
    if any(s % 2 for s in input.stride()[:-1]):
        raise RuntimeError("Tensor must have a stride divisible by 2 for all but last dimension")
    if input.storage_offset() % 2:
        raise RuntimeError("Tensor must have a storage_offset divisible by 2")
    return _as_complex(input)


def _as_real_rule(x: Layout) -> Result:
    strides = (*(2 * s for s in x.strides), 1)
    return Result(Layout.of((*x.shape, 2), x.dtype.to_real(), x.device, strides))


def _as_complex_rule(x: Layout) -> Result:
    strides = tuple(s // 2 for s in x.strides[:-1])
    return Result(Layout.of(x.shape[:-1], x.dtype.to_complex(), x.device, strides))


@primitive(
    kind="view",
    name="view_as_real",
    rule=_as_real_rule,
    vjp={"input": lambda grad: view_as_complex(grad.contiguous())},
    samples=samples.calls(
        "[3,4]@complex64; []@complex128; [0,2]@complex64",
        layouts=True,
    ),
)
def _as_real(input: Tensor) -> Tensor:
    """A complex tensor's parts."""


@primitive(
    kind="view",
    name="view_as_complex",
    rule=_as_complex_rule,
    vjp={"input": lambda grad: view_as_real(grad)},
    samples=samples.calls(
        "[3,2]; [3,2]@float64; [3,2]e; [2]; [0,2]",
    ),
)
def _as_complex(input: Tensor) -> Tensor:
    """Parts as a complex tensor."""
