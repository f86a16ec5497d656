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
from .late import late
from .node import (
    Accumulate,
    AsStrided,
    CopySlices,
    Node,
    Overwrite,
    has_history,
    is_leaf_node,
    move_retained,
    node_of,
    refuse_write,
    save_output,
    version_of,
)
from .tensor import NUMBERS, TENSORS, Storage, Tensor, backend_of, realize, storage_of, write_array

__all__ = ["check_writable", "inplace", "inplace_operator", "rebase", "write_result"]

_LEAF = "a leaf Variable that requires grad is being used in an in-place operation."
_VIEW_OF_LEAF = "a view of a leaf Variable that requires grad is being used in an in-place operation."
_INFERENCE = (
    "Inplace update to inference tensor outside InferenceMode is not allowed."
    "You can make a clone to get a normal tensor before doing inplace update."
    "See https://github.com/pytorch/rfcs/pull/17 for more details."
)
_OVERLAP = (
    "unsupported operation: more than one element of the written-to tensor refers to a single memory location. "
    "Please clone() the tensor before performing the operation."
)
_PARTIAL = (
    "unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory "
    "location. Please clone() the tensor before performing the operation."
)


def inplace_operator(prim: Any, dest: Tensor, other: Any) -> Tensor:
    """``dest op= other``: straight to the kernel where no view or mode is concerned, and nothing is to be saved."""
    if not STATE.intercept and dest._view is None and dest._extra is None:
        cls = other.__class__
        plan, old, edge = None, dest._node, None
        if cls in TENSORS:
            memory, edge = other._storage, other._node
            if other._view is None and (memory is None or memory is not dest._storage):
                plan = prim.plans.get((dest._layout, other._layout))
        elif cls in NUMBERS:
            plan = prim.plans.get((dest._layout, cls))
        tracked = (old is not None or edge is not None) and local.grad
        if tracked and (type(old) is Accumulate or prim.saves or prim.saves_output or not prim.differentiable):
            plan = None
        if plan is not None and plan.writes and plan.layout is dest._layout:
            plan.kernel(dest._array, other._array if cls in TENSORS else other, out=dest._array)
            (dest._storage or storage_of(dest)).version += 1
            if tracked:
                node = object.__new__(Node)
                node.prim, node.edges = prim, (old, edge)
                node.layouts = (dest._layout, other._layout if cls in TENSORS else cls)
                node.statics, node.saved, node.extra = (), None, None
                dest._node = node
            return dest
    return inplace(prim, dest, (dest, other))


def inplace(
    prim: Any, dest: Tensor, operands: tuple[Any, ...], statics: tuple[Any, ...] = (), position: int = 0
) -> Tensor:
    """Write the primitive's result into ``dest``, which is ``operands[position]`` (or none of them: -1)."""
    operands = tuple(map(_plain, operands))
    prim.check_operands(operands)
    statics = tuple(map(frozen, statics))
    extra = dest._extra
    if extra is not None and "inference" in extra and not local.inference:
        raise RuntimeError(_INFERENCE)
    edges: tuple[Any, ...] = ()
    old = None
    tracked = local.grad and not local.inference and _check_history(dest, operands)
    if tracked:
        old, edges = node_of(dest), edges_of(operands)
    plan = find_plan(prim, operands, statics)
    _check_result(prim, dest._layout, plan.layout)
    node = None
    if tracked and dest._layout.dtype.category >= 2:
        saved = operands
        if position >= 0 and prim.needs_operand(position, edges):
            kept = _copied(dest)
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
        _record(prim, dest, node, old, position < 0 or not prim.differentiable)
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


def _copied(tensor: Tensor) -> Tensor:
    """A copy without history, made in sight of the modes."""
    previous, local.grad = local.grad, False
    try:
        return late.copy(tensor)
    finally:
        local.grad = previous


def check_writable(dest: Tensor, *others: Tensor) -> None:
    """The errors of writing to ``dest`` what depends on ``others``, as far as history and memory go."""
    if local.grad and not local.inference:
        _check_history(dest, others)
    for x in others:
        if dest._storage is not None and dest._storage.shares(x._storage):
            _overlap(dest, x)


def _check_history(dest: Tensor, operands: tuple[Any, ...]) -> bool:
    """Whether the write is to be recorded; PyTorch's errors where that cannot be."""
    if not any([x.__class__ in TENSORS and has_history(x) for x in (dest, *operands)]):
        return False
    view = dest._view
    if view is not None and view.creation is not None:
        refuse_write(dest, "is being")
    if has_history(dest):
        if view is not None and view.base is not None and is_leaf_node(view.base._node):
            raise RuntimeError(_VIEW_OF_LEAF)
        if is_leaf_node(node_of(dest)):
            raise RuntimeError(_LEAF)
    return True


def _write(prim: Any, plan: Any, dest: Tensor, operands: tuple[Any, ...], position: int) -> None:
    """Run below autograd and modes, and count the write."""
    layout = dest._layout
    storage = storage_of(dest)
    backend = backend_of(layout)
    shared = False
    for i, x in enumerate(operands):
        if i != position and x.__class__ in TENSORS and storage.shares(x._storage):
            shared = shared or _overlap(dest, x)
    direct = plan.kernel is not None and plan.out and backend.mutable and not shared
    if direct and plan.layout.dtype is layout.dtype and not prim.draws:
        plan.kernel(*map(_array, operands), *plan.statics, out=dest._array)
    else:
        if plan.kernel is not None:
            arrays = list(map(_array, operands))
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
    if storage.__class__ is Storage:
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


def _record(prim: Any, dest: Tensor, node: Any, old: Any, overwrites: bool) -> None:
    """Make ``node`` the history of what was written; ``old`` was the tensor's before."""
    if prim.saves_output:
        kept = save_output(dest)
        node.saved = (*(node.saved or ()), kept, version_of(kept))
    if overwrites:
        node = Overwrite(node, old, dest._layout)
    rebase(dest, node, old)


def rebase(dest: Tensor, node: Any, old: Any) -> None:
    """Make ``node``, whose operand 0 is ``dest`` as it was, the history of ``dest`` and so of its base."""
    view = dest._view
    if view is not None and view.base is not None:
        base = view.base
        base._node = CopySlices(node, dest, base)
        view.version = dest._storage.version  # type: ignore[union-attr]
        dest._node = AsStrided(base._node, base._node.geometry)
    else:
        dest._node = node
    if dest._extra is not None and "retains" in dest._extra:  # the gradient kept is that of the newest values
        move_retained(dest, old)


_SAME = """addbmm addmm addmv amax amin argmax argmin argsort baddbmm bmm cholesky clamp clip cummax cummin det diag
dot gather index_select inv kthvalue log_softmax masked_select matmul max median min mm mode msort mv nonzero norm qr
round softmax solve sort svd take topk trace tril triu where"""
_EXACT = frozenset(_SAME.split())
"""Functions whose ``out`` must have the result's dtype; elsewhere one to which it can be cast will do."""

_COMPLAINTS = {
    "dot": "result dtype {1} does not match input dtype {0}", "where": "Expected out type to be {0} but got {1}",
    "nonzero": "nonzero: Expected out tensor to have scalar type {0} but got scalar type{1}",
    "take": "take(): self and out expected to have the same dtype, but got self.dtype = {0} and out.dtype = {1}",
    **dict.fromkeys(("clamp", "clip", "round"), "Found dtype {1} but expected {0}"),
    **dict.fromkeys(("index_select", "masked_select"), "{name}(): self and result must have the same scalar type"),
    **dict.fromkeys(
        ("amax", "amin"),
        "Expected the dtype for input and out to match, but got {0} for input's dtype and {1} for out's dtype.",
    ),
}  # fmt: skip


def _c(layout: Layout) -> str:
    name = layout.dtype.name
    return {"float32": "float", "float64": "double", "int64": "long int", "int32": "int"}.get(name, name)


def write_result(out: Tensor, result: Tensor, name: str, quiet: bool = False) -> Tensor:
    """Write what function ``name`` computed into its ``out`` tensor; an empty one takes the result's shape."""
    if out.__class__ not in TENSORS:
        raise TypeError(f"{name}(): argument 'out' must be Tensor, not {type(out).__name__}")
    made, given = result._layout, out._layout
    if made.dtype is not given.dtype and name in _EXACT:
        complaint = _COMPLAINTS.get(name, "Expected out tensor to have dtype {}, but got {} instead")
        names = (_c(made), _c(given)) if name not in _COMPLAINTS else (_scalar_name(made), _scalar_name(given))
        raise RuntimeError(complaint.format(*names, name=name))
    if made.device is not given.device:
        raise RuntimeError(
            f"Attempting to copy from device {made.device} to device {given.device}, but cross-device copies are not "
            "allowed!"
        )
    if name in ("cat", "stack") and not can_cast(made.dtype, given.dtype):
        raise TypeError(f"torch.cat(): input types can't be cast to the desired output type {_scalar_name(given)}")
    if not can_cast(result._layout.dtype, out._layout.dtype):
        raise RuntimeError(
            f"result type {_scalar_name(result._layout)} can't be cast to the desired output type "
            f"{_scalar_name(out._layout)}"
        )
    if tuple(out._layout.shape) != tuple(result._layout.shape):
        resize(out, tuple(result._layout.shape), quiet=quiet)
    inplace(late.copy.prim, out, (result,), position=-1)
    return out


def resize(tensor: Tensor, shape: tuple[int, ...], *, quiet: bool = False) -> None:
    """Give a tensor another shape; memory is new, and its contents arbitrary, where the old does not suffice.

    Warns, unless ``quiet``, where elements are lost: an ``out`` of the wrong shape.
    """
    import warnings

    layout = Layout.of(shape, tensor._layout.dtype, tensor._layout.device)
    if not quiet and tensor._layout.numel and layout.numel != tensor._layout.numel:
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
