"""The tape: nodes of the graph that ``backward`` walks.

A node knows the primitive that ran, an edge for each operand (the node that made the operand, or None),
the operands' layouts (gradients are reduced and cast to them), what it saved, and the parameters.
"""

from __future__ import annotations

import weakref
from typing import Any

from ..state import local
from .tensor import Tensor, alias, detached

__all__ = ["FREED", "Accumulate", "AsStrided", "CopySlices", "Node", "Output", "accumulator", "node_of", "version_of"]

FREED: Any = ("freed",)  # what ``saved`` becomes when backward has passed


class Node:
    """One recorded call of a primitive."""

    __slots__ = ("__weakref__", "edges", "extra", "layouts", "prim", "saved", "statics")

    prim: Any
    edges: tuple[Any, ...]  # one per operand: Node, Output or None
    layouts: tuple[Any, ...]  # one per operand (parameters may follow, unused)
    saved: Any
    statics: tuple[Any, ...]
    extra: dict[str, Any] | None  # hooks, the forward traceback, output layouts

    def name(self) -> str:
        """PyTorch's name of the node, such as ``AddBackward0``."""
        return str(self.prim.node_name)

    def backward(self, grads: Any) -> tuple[Any, ...]:
        """Gradients of the operands, given that of the output (a list, where there are several outputs)."""
        return self.prim.backward(self, grads)  # type: ignore[no-any-return]

    def release(self) -> None:
        """Free what was saved; a second backward through it then says so."""
        if self.saved is not None:
            self.saved = FREED

    @property
    def outputs(self) -> int:
        return len(self.prim.outputs)

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """(node, output number) of each operand, as in PyTorch."""
        return tuple((e.node, e.index) if type(e) is Output else (e, 0) for e in self.edges)

    @property
    def metadata(self) -> dict[str, Any]:
        """A dict for the user's own notes."""
        return _extra(self).setdefault("metadata", {})  # type: ignore[no-any-return]

    def register_hook(self, hook: Any) -> Any:
        """Call ``hook(grad_inputs, grad_outputs)`` after the node ran; what it returns replaces grad_inputs."""
        return Handle(_extra(self).setdefault("hooks", {}), hook)

    def register_prehook(self, hook: Any) -> Any:
        """Call ``hook(grad_outputs)`` before the node runs; what it returns replaces them."""
        return Handle(_extra(self).setdefault("prehooks", {}), hook)

    def __repr__(self) -> str:
        return f"<{self.name()} object at {id(self):#x}>"


def _extra(node: Node) -> dict[str, Any]:
    if node.extra is None:
        node.extra = {}
    return node.extra


class Handle:
    """Removes what it was returned for; also a context manager."""

    __slots__ = ("_hooks", "id")
    _count = 0

    def __init__(self, hooks: dict[int, Any], hook: Any) -> None:
        Handle._count += 1
        self.id = Handle._count
        self._hooks = hooks
        hooks[self.id] = hook

    def remove(self) -> None:
        self._hooks.pop(self.id, None)

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


class Output:
    """An edge to output ``index`` of a node that has several."""

    __slots__ = ("index", "node")

    def __init__(self, node: Node, index: int) -> None:
        self.node = node
        self.index = index


class Accumulate(Node):
    """The end of the tape at a leaf: adds what arrives to the leaf's ``grad``."""

    __slots__ = ("leaf",)

    def __init__(self, leaf: Tensor) -> None:
        self.prim = self.saved = self.extra = None
        self.edges = self.statics = ()
        self.layouts = (leaf._layout,)
        self.leaf = weakref.ref(leaf)  # the leaf holds its accumulator, so this must not hold the leaf

    def name(self) -> str:
        return "AccumulateGrad"

    @property
    def variable(self) -> Tensor | None:
        return self.leaf()

    @property
    def outputs(self) -> int:
        return 1


def accumulator(leaf: Tensor) -> Accumulate:
    """A new end of the tape for a leaf that starts to require grad."""
    return Accumulate(leaf)


def node_of(tensor: Tensor) -> Any:
    """The tensor's edge into the tape; a view whose base was written since gets a new one."""
    view = tensor._view
    if view is None or view.base is None:
        return tensor._node
    version = tensor._storage.version  # type: ignore[union-attr]
    if view.version != version:
        base_node = view.base._node
        if base_node is not None or tensor._node is not None:
            view.version = version
            if base_node is not None:
                tensor._node = AsStrided(tensor, view.base, base_node)
    return tensor._node


def version_of(tensor: Any) -> int:
    """In-place writes seen by the tensor's storage; 0 for a number or None."""
    storage = getattr(tensor, "_storage", None)
    return 0 if storage is None else storage.version  # type: ignore[no-any-return]


def _relative(tensor: Tensor, base: Tensor) -> int:
    base_offset = 0 if base._view is None else base._view.offset
    return tensor._view.offset - base_offset  # type: ignore[union-attr]


class AsStrided(Node):
    """History of a view that was regenerated after its base had been written."""

    __slots__ = ("geometry",)

    def __init__(self, tensor: Tensor, base: Tensor, base_edge: Any) -> None:
        self.prim = self.saved = self.extra = None
        self.statics = ()
        self.edges = (base_edge,)
        self.layouts = (base._layout,)
        self.geometry = (base._layout, tensor._layout, _relative(tensor, base))

    def name(self) -> str:
        return "AsStridedBackward0"

    @property
    def outputs(self) -> int:
        return 1

    def backward(self, grads: Any) -> tuple[Any, ...]:
        from ..ops.view import as_strided_grad

        return (as_strided_grad(grads, *self.geometry),)


class CopySlices(Node):
    """History of a base after one of its views was written by the call that ``inner`` records.

    Backward: the gradient outside the view passes on to the old base; inside, through ``inner``.
    """

    __slots__ = ("geometry", "inner", "position")

    def __init__(self, inner: Node, view: Tensor, base: Tensor, position: int) -> None:
        self.prim = self.extra = None
        self.saved = ()
        self.statics = ()
        self.inner = inner
        self.position = position  # of the written tensor among inner's operands
        self.edges = (base._node, *(None if i == position else e for i, e in enumerate(inner.edges)))
        self.layouts = (base._layout, *inner.layouts[: len(inner.edges)])
        self.geometry = (base._layout, view._layout, _relative(view, base))

    def name(self) -> str:
        return "CopySlices"

    @property
    def outputs(self) -> int:
        return 1

    def release(self) -> None:
        self.inner.release()

    def backward(self, grads: Any) -> tuple[Any, ...]:
        from ..ops.view import geometry_of, in_geometry

        base_layout, view_layout, offset = self.geometry
        whole = in_geometry(grads, base_layout)  # a copy whose strides are the base's
        window = geometry_of(whole, view_layout, offset)
        inner = self.inner.backward(window.clone())
        mine = inner[self.position] if self.position >= 0 else None
        if mine is None:
            window.zero_()
        else:
            window.copy_(mine)
        rest = tuple(None if i == self.position else g for i, g in enumerate(inner))
        return (whole, *rest)


def save_output(tensor: Tensor) -> Tensor:
    """A result as its own node may keep it: the same memory and version, without the node."""
    return detached(tensor)


def as_view(tensor: Tensor, plan: Any) -> Tensor:
    """The view that a view primitive's plan describes (its node is set by the caller)."""
    view = tensor._view
    if view is None:
        return alias(tensor, plan.layout, plan.offset, tensor, None if local.grad else "no_grad")
    creation = view.creation or (None if local.grad else "no_grad")
    offset = view.offset
    if plan.layout.dtype is not tensor._layout.dtype:  # the parts of a complex tensor: in units of the new dtype
        offset = offset * tensor._layout.dtype.itemsize // plan.layout.dtype.itemsize
    return alias(tensor, plan.layout, offset + plan.offset, tensor if view.base is None else view.base, creation)

