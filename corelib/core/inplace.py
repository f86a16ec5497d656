"""In-place operations: the same primitive with a destination, then a new history for what was written.

A write to a tensor replaces its node; a write to a view replaces its base's node (by CopySlices) and
the view's own is regenerated from it.  The rules of what may be written, and the words in which it is
refused, are PyTorch's.
"""

from __future__ import annotations

from typing import Any

from ..dtypes import can_cast
from ..layout import Layout
from ..state import STATE, local
from .dispatch import _array, _plain, _through_mode, edges_of, find_plan, frozen, make_node
from .node import Accumulate, AsStrided, CopySlices, save_output, version_of
from .tensor import TENSORS, Tensor, backend_of, fresh, realize, storage_of, write_array

__all__ = ["inplace", "write_result"]

_LEAF = "a leaf Variable that requires grad is being used in an in-place operation."
_VIEW_OF_LEAF = "a view of a leaf Variable that requires grad is being used in an in-place operation."
_INFERENCE = (
    "Inplace update to inference tensor outside InferenceMode is not allowed."
    "You can make a clone to get a normal tensor before doing inplace update."
)
_CREATION = {
    "no_grad": "A view was created in no_grad mode and is being modified inplace with grad mode enabled. "
    "Given that this use case is ambiguous and error-prone, it is forbidden. You can clarify your code by moving "
    "both the view and the inplace either both inside the no_grad block (if you don't want the inplace to be "
    "tracked) or both outside (if you want the inplace to be tracked).",
    "multi_output": "Output 0 of {node} is a view and is being modified inplace. This view is the output of a "
    "function that returns multiple views. Such functions do not allow the output views to be modified inplace. "
    "You should replace the inplace operation by an out-of-place one.",
}
_OVERLAP = (
    "unsupported operation: more than one element of the written-to tensor refers to a single memory location. "
    "Please clone() the tensor before performing the operation."
)
_PARTIAL = (
    "unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory "
    "location. Please clone() the tensor before performing the operation."
)


def inplace(prim: Any, dest: Tensor, operands: tuple[Any, ...], statics: tuple[Any, ...] = (), position: int = 0) -> Tensor:
    """Write the primitive's result into ``dest``, which is ``operands[position]`` (or none of them: -1)."""
    operands = tuple([_plain(x) for x in operands])
    prim.check_operands(operands)
    statics = tuple([frozen(s) for s in statics])
    plan = find_plan(prim, operands, statics)
    _check_result(prim, dest._layout, plan.layout)
    edges: tuple[Any, ...] = ()
    node = None
    extra = dest._extra
    if extra is not None and "inference" in extra and not local.inference:
        raise RuntimeError(_INFERENCE)
    if local.grad and not local.inference:
        edges = edges_of(operands)
        old = edges[position] if position >= 0 else edges_of((dest,))[0]
        if old is not None or any([e is not None for e in edges]):
            _check_history(dest, old)
            if plan.differentiable:
                saved = operands
                if position >= 0 and prim.needs_operand(position, edges):
                    kept = fresh(backend_of(dest._layout).kernels["copy"].function(dest._array), dest._layout.dense)
                    kept._node = edges[position]
                    saved = (*operands[:position], kept, *operands[position + 1 :])
                node = make_node(prim, plan, saved, edges)
    if 0 in dest._layout.strides and any(
        s == 0 and n > 1 for s, n in zip(dest._layout.strides, dest._layout.shape, strict=True)
    ):
        raise RuntimeError(_OVERLAP)
    if STATE.intercept and local.modes:
        rest = tuple([x for i, x in enumerate(operands) if i != position])
        _through_mode(prim.inplace if position == 0 else prim.into, (dest, *rest), statics)
    else:
        _write(prim, plan, dest, operands, position)
    if node is not None:
        _rebase(prim, dest, node, position)
    return dest


def _check_result(prim: Any, dest: Layout, result: Layout) -> None:
    if tuple(result.shape) != tuple(dest.shape):
        raise RuntimeError(
            f"output with shape {list(dest.shape)} doesn't match the broadcast shape {list(result.shape)}"
        )
    if not can_cast(result.dtype, dest.dtype):
        raise RuntimeError(
            f"result type {_scalar_name(result)} can't be cast to the desired output type {_scalar_name(dest)}"
        )


_SCALAR_NAMES = {
    "bool": "Bool", "uint8": "Byte", "int8": "Char", "int16": "Short", "int32": "Int", "int64": "Long",
    "float16": "Half", "bfloat16": "BFloat16", "float32": "Float", "float64": "Double",
    "complex64": "ComplexFloat", "complex128": "ComplexDouble",
}  # fmt: skip


def _scalar_name(layout: Layout) -> str:
    return _SCALAR_NAMES[layout.dtype.name]


def _check_history(dest: Tensor, old: Any) -> None:
    view = dest._view
    if view is not None and view.base is not None:
        if view.creation is not None:
            name = old.node.name() if hasattr(old, "node") else old.name() if old is not None else "a function"
            raise RuntimeError(_CREATION[view.creation].format(node=name))
        if type(view.base._node) is Accumulate:
            raise RuntimeError(_VIEW_OF_LEAF)
    if type(old) is Accumulate:
        raise RuntimeError(_LEAF)


def _write(prim: Any, plan: Any, dest: Tensor, operands: tuple[Any, ...], position: int) -> None:
    """Run below autograd and modes, and count the write."""
    layout = dest._layout
    storage = storage_of(dest)
    backend = backend_of(layout)
    shared = False
    for i, x in enumerate(operands):
        if i != position and x.__class__ in TENSORS and x._storage is storage:
            shared = shared or _overlap(dest, x)
    direct = plan.kernel is not None and plan.out and backend.mutable and not shared
    if direct and plan.layout.dtype is layout.dtype and not prim.draws:
        plan.kernel(*[_array(x) for x in operands], *plan.statics, out=dest._array)
    else:
        if plan.kernel is not None:
            arrays = [_array(x) for x in operands]
            if prim.draws:
                arrays[0:1] = operands[0]._draw(plan.layout.numel)
            array = plan.kernel(*arrays, *plan.statics)
        else:
            result = plan.run(*operands)
            array = result._array
            if not result._layout.contiguous:
                array = backend.kernels["copy"].function(array)
        if plan.layout.dtype is not layout.dtype:
            array = backend.kernels["cast"].function(array, layout.dtype)
        write_array(dest, array)
    storage.version += 1


def _overlap(dest: Tensor, other: Tensor) -> bool:
    """Whether another view of the same storage must be copied first; PyTorch's error where it can tell."""
    a, b = dest._layout, other._layout
    start_a = 0 if dest._view is None else dest._view.offset
    start_b = 0 if other._view is None else other._view.offset
    if a.strides == b.strides and tuple(a.shape) == tuple(b.shape) and start_a == start_b:
        return False
    if start_a + a.extent <= start_b or start_b + b.extent <= start_a:
        return False
    if a.contiguous and b.contiguous:
        raise RuntimeError(_PARTIAL)
    return True


def _rebase(prim: Any, dest: Tensor, node: Any, position: int) -> None:
    view = dest._view
    if prim.saves_output:
        kept = save_output(dest)
        node.saved = (*(node.saved or ()), kept, version_of(kept))
    if view is not None and view.base is not None:
        base = view.base
        base._node = CopySlices(node, dest, base, position)
        view.version = dest._storage.version  # type: ignore[union-attr]
        dest._node = AsStrided(dest, base, base._node)
    else:
        dest._node = node


def write_result(out: Tensor, result: Tensor, prim: Any) -> Tensor:
    """Write a computed result into a given ``out`` tensor; an empty one takes the result's shape."""
    if out.__class__ not in TENSORS:
        raise TypeError(f"{prim.name}(): argument 'out' must be Tensor, not {type(out).__name__}")
    if not can_cast(result._layout.dtype, out._layout.dtype):
        raise RuntimeError(
            f"result type {_scalar_name(result._layout)} can't be cast to the desired output type "
            f"{_scalar_name(out._layout)}"
        )
    if tuple(out._layout.shape) != tuple(result._layout.shape):
        resize(out, tuple(result._layout.shape))
    from .. import ops

    inplace(ops.copy, out, (result,), position=-1)
    return out


def resize(tensor: Tensor, shape: tuple[int, ...]) -> None:
    """Give a tensor another shape; memory is new where the old does not suffice (contents kept, as far as they go)."""
    import warnings

    layout = Layout.of(shape, tensor._layout.dtype, tensor._layout.device)
    if tensor._layout.numel and layout.numel != tensor._layout.numel:
        warnings.warn(
            f"An output with one or more elements was resized since it had shape {list(tensor._layout.shape)}, which "
            f"does not match the required output shape {list(shape)}.",
            stacklevel=5,
        )
    storage = storage_of(tensor)
    offset = 0 if tensor._view is None else tensor._view.offset
    if offset + layout.numel > storage.layout.numel:
        storage.array = backend_of(layout).allocate(layout)
        storage.layout = layout
        tensor._view = None
        tensor._array = storage.array
    else:
        tensor._array = realize(storage, layout, offset)
    tensor._layout = layout


