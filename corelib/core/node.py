"""The tape: nodes of the graph that ``backward`` walks.

A node knows the primitive that ran, an edge for each operand (the node that made the operand, or None),
the operands' layouts (gradients are reduced and cast to them), what it saved, and the parameters.
"""

from __future__ import annotations

import re
import weakref
from typing import Any, NoReturn

from ..layout import Layout
from ..state import local
from .late import late
from .tensor import Tensor, alias, detached

__all__ = [
    "FREED", "Accumulate", "AsStrided", "CopySlices", "Node", "Nowhere", "Output", "Overwrite", "accumulator",
    "edge_of", "geometry_in", "has_history", "is_leaf_node", "move_retained", "node_of", "refuse_write",
    "retain_at", "source_of", "version_of",
]  # fmt: skip

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
        ends = [None if type(e) is Nowhere else e for e in self.edges]
        return tuple((e.node, e.index) if type(e) is Output else (e, 0) for e in ends)

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


def retain_at(tensor: Tensor, edge: Any) -> None:
    """Keep the gradient that arrives at ``edge`` in the tensor's ``grad``."""
    node, index = (edge.node, edge.index) if type(edge) is Output else (edge, 0)
    _extra(node).setdefault("retains", {})[index] = weakref.ref(tensor)


def move_retained(tensor: Tensor, old: Any) -> None:
    """Keep the gradient that arrives at the tensor's new node, no more the one at its ``old`` edge."""
    node, index = (old.node, old.index) if type(old) is Output else (old, 0)
    if node.extra is not None:
        node.extra.get("retains", {}).pop(index, None)
    retain_at(tensor, tensor._node)


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


class Nowhere(Node):
    """Where the gradient of a view ends that was made without recording, of a base that requires grad.

    As in PyTorch such a view requires grad, being part of its base, and yet has no history.
    """

    __slots__ = ()

    def __init__(self) -> None:
        self.prim = self.saved = self.extra = None
        self.edges = self.layouts = self.statics = ()

    @property
    def outputs(self) -> int:
        return 1

    def backward(self, grads: Any) -> tuple[Any, ...]:
        return ()


def is_leaf_node(node: Any) -> bool:
    """Whether a tensor with this edge is a leaf: it has no history, or is where one ends."""
    return node is None or type(node) is Accumulate or type(node) is Nowhere


def accumulator(leaf: Tensor) -> Accumulate:
    """A new end of the tape for a leaf that starts to require grad."""
    return Accumulate(leaf)


def node_of(tensor: Tensor) -> Any:
    """The tensor's edge into the tape; a view whose base was written since gets a new one."""
    view = tensor._view
    if view is None or view.base is None:
        return tensor._node
    base_node = view.base._node
    if base_node is None and is_leaf_node(tensor._node):
        return tensor._node
    version = tensor._storage.version  # type: ignore[union-attr]
    if view.version != version:
        if view.creation is not None:
            refuse_write(tensor, "its base or another view of its base has been")
        view.version = version
        if base_node is not None:
            tensor._node = AsStrided(base_node, geometry_in(tensor, view.base))
    return Nowhere() if tensor._node is None else tensor._node


def edge_of(tensor: Tensor) -> Any:
    """What an operation records of an operand: :func:`node_of`, or nothing where nothing is recorded."""
    return node_of(tensor) if local.grad else None


def has_history(tensor: Tensor) -> bool:
    """``requires_grad``: :func:`node_of` is not None, without renewing a stale view's node."""
    view = tensor._view
    return tensor._node is not None or (view is not None and view.base is not None and view.base._node is not None)


def source_of(node: Any) -> str | None:
    """How messages name what made a tensor with this edge, such as "Mul"; None for a leaf."""
    if is_leaf_node(node):
        return None
    return re.sub(r"Backwards?\d*$", "", (node.node if type(node) is Output else node).name())


def refuse_write(tensor: Tensor, what: str) -> NoReturn:
    """RuntimeError: a view that ``creation`` protects, or its base, is written while gradients are recorded."""
    creation = tensor._view.creation  # type: ignore[union-attr]
    source = source_of(tensor._node)
    if creation in _MODES or source is None:
        mode = "inference mode" if creation == "inference" else "no_grad mode"
        origin = f"Output 0 of {source} is a view of a view which was created in" if source else "A view was created in"
        end = "in normal mode" if creation == "inference" else "with grad mode enabled"
        message = f"{origin} {mode} and {what} modified inplace {end}."
    else:
        origin = creation if creation is not None and creation.startswith("Output") else f"Output 0 of {source}"
        message = f"{origin} is a view and {what} modified inplace."
    if creation in _MODES:
        message += (
            " Given that this use case is ambiguous and error-prone, it is forbidden. You can clarify your code by "
            f"moving both the view and the inplace either both inside the {_MODES[creation]} block (if you don't want "
            "the inplace to be tracked) or both outside (if you want the inplace to be tracked)."
        )
    elif creation == "custom":
        message += (
            " This view was created inside a custom Function (or because an input was returned as-is) and the autograd "
            "logic to handle view+inplace would override the custom backward associated with the custom Function, "
            "leading to incorrect gradients. This behavior is forbidden. You can fix this by cloning the output of the "
            "custom Function."
        )
    else:
        message += (
            " This view is the output of a function that returns multiple views. Such functions do not allow the "
            "output views to be modified inplace. You should replace the inplace operation by an out-of-place one."
        )
    raise RuntimeError(message)


_MODES = {"no_grad": "no_grad", "inference": "inference_mode"}


def version_of(tensor: Any) -> int:
    """In-place writes seen by the tensor's storage; 0 for a number or None."""
    storage = getattr(tensor, "_storage", None)
    return 0 if storage is None else storage.version


def geometry_in(view: Tensor, base: Tensor) -> tuple[Layout, Layout, int]:
    """Layouts of a base and its view, and the view's offset in the base."""
    base_offset = 0 if base._view is None else base._view.offset
    return base._layout, view._layout, view._view.offset - base_offset  # type: ignore[union-attr]


class AsStrided(Node):
    """History of a view that was regenerated after its base had been written.

    ``geometry``: the base's layout, the view's, and the view's offset in the base.
    """

    __slots__ = ("geometry",)

    def __init__(self, base_edge: Any, geometry: tuple[Layout, Layout, int]) -> None:
        self.prim = self.saved = self.extra = None
        self.statics = ()
        self.edges = (base_edge,)
        self.layouts = geometry[:1]
        self.geometry = geometry

    def name(self) -> str:
        return "AsStridedBackward0"

    @property
    def outputs(self) -> int:
        return 1

    def backward(self, grads: Any) -> tuple[Any, ...]:
        return (late.as_strided_grad(grads, *self.geometry),)


class Overwrite(Node):
    """History of a tensor after its values were replaced (``copy_``, ``fill_``) by what ``inner`` records.

    Operand 0 is the tensor as it was, whose gradient is zero.
    """

    __slots__ = ("inner",)

    def __init__(self, inner: Node, old: Any, layout: Any) -> None:
        self.prim = self.extra = None
        self.saved = ()
        self.statics = ()
        self.inner = inner
        self.edges = (old, *inner.edges)
        self.layouts = (layout, *inner.layouts[: len(inner.edges)])

    def name(self) -> str:
        return {"copy": "CopyBackwards", "fill": "FillBackward0"}.get(self.inner.prim.name, self.inner.name())

    @property
    def outputs(self) -> int:
        return 1

    def release(self) -> None:
        self.inner.release()

    def backward(self, grads: Any) -> tuple[Any, ...]:
        mine = None if self.edges[0] is None else grads.new_zeros(tuple(grads.shape))
        if self.inner.prim.vjp is None:
            return (mine, *[None for _ in self.inner.edges])
        return (mine, *self.inner.backward(grads))


class CopySlices(Node):
    """History of a base after one of its views was written by the call that ``inner`` records.

    Operand 0 of ``inner`` is the view.  Backward: the gradient outside the view passes on to the old base;
    inside, through ``inner``.  What ``inner`` saved of its result has this node's history, not its own.
    """

    __slots__ = ("geometry", "inner")

    def __init__(self, inner: Node, view: Tensor, base: Tensor) -> None:
        self.prim = self.extra = None
        self.saved = ()
        self.statics = ()
        self.inner = inner
        self.edges = (base._node, *inner.edges[1:])
        self.layouts = (base._layout, *inner.layouts[1 : len(inner.edges)])
        self.geometry = geometry_in(view, base)
        _extra(inner)["within"] = weakref.ref(self)

    def name(self) -> str:
        return "CopySlices"

    @property
    def outputs(self) -> int:
        return 1

    def release(self) -> None:
        self.inner.release()

    def backward(self, grads: Any) -> tuple[Any, ...]:
        base_layout, view_layout, offset = self.geometry
        whole = late.in_geometry(grads, base_layout)  # a copy whose strides are the base's
        window = late.geometry_of(whole, view_layout, offset)
        mine, *rest = self.inner.backward(window.clone())
        if mine is None:
            window.zero_()
        else:
            window.copy_(mine)
        return (whole, *rest)


save_output = detached
"""A result as its own node may keep it: the same memory and version, without the node."""


def as_view(tensor: Tensor, plan: Any) -> Tensor:
    """The view that a view primitive's plan describes (its node is set by the caller)."""
    view = tensor._view
    if view is None:
        return alias(tensor, plan.layout, plan.offset, tensor, None if local.grad else "no_grad")
    creation = view.creation if local.grad else "no_grad"
    if creation is not None and creation.startswith("Output"):
        creation = "multi_output"
    offset = view.offset
    if plan.layout.dtype is not tensor._layout.dtype:  # the parts of a complex tensor: in units of the new dtype
        offset = offset * tensor._layout.dtype.itemsize // plan.layout.dtype.itemsize
    return alias(tensor, plan.layout, offset + plan.offset, tensor if view.base is None else view.base, creation)
