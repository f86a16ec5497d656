"""torch.autograd.Function: a user's own forward and backward as one node of the tape."""

from __future__ import annotations

import functools
import traceback
import weakref
from typing import Any

from ..core.inplace import rebase
from ..core.node import FREED, Node, Output, has_history, is_leaf_node, node_of, save_output, version_of
from ..core.saved import check_version, freed, saved_output
from ..core.tensor import TENSORS, Tensor, alias, storage_of
from ..layout import Layout
from ..ops.creation import zeros
from ..ops.rules import broadcast_shapes
from ..state import local

__all__ = ["Function", "FunctionCtx", "once_differentiable"]


class FunctionCtx:
    """What ``forward`` hands to ``backward``; attributes may be added freely."""

    needs_input_grad: tuple[bool, ...]

    def __init__(self) -> None:
        self._to_save: tuple[Any, ...] = ()
        self._dirty: tuple[Any, ...] = ()
        self._fixed: tuple[Any, ...] = ()
        self._materialize = True
        self._node: Any = None  # a weak reference: the node holds the context

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep tensors for backward; a write to one in between is noticed."""
        for i, t in enumerate(tensors):
            if t is not None and t.__class__ not in TENSORS:
                raise TypeError(
                    f"save_for_backward can only save variables, but argument {i} is of type {type(t).__name__}"
                )
        self._to_save = tensors

    def mark_dirty(self, *tensors: Any) -> None:
        """Say which inputs forward wrote in place; they must be returned."""
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors: Any) -> None:
        """Say which outputs have no gradient."""
        self._fixed = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether undefined gradients reach backward as zeros (default) or None."""
        self._materialize = value

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What ``save_for_backward`` kept."""
        node = None if self._node is None else self._node()
        if node is None:
            return self._to_save
        if node.saved is FREED:
            freed()
        result = []
        for t, version, index in node.saved or ():
            if index is None:
                result.append(check_version(t, version, node))
            else:
                result.append(saved_output(t, version, node, index if node.count > 1 else None))
        return tuple(result)


class FunctionNode(Node):
    """The tape's node of one call; what is unknown to it is looked up in the context."""

    __slots__ = ("count", "ctx", "function", "output_layouts")

    saved: Any  # per saved tensor: value, version, and which output it is (None: none of them)
    count: int  # of outputs
    output_layouts: tuple[Layout | None, ...]

    def __init__(self, function: Any, ctx: FunctionCtx, args: tuple[Any, ...]) -> None:
        self.prim = self.extra = self.saved = None
        self.statics = ()
        self.function = function
        self.ctx = ctx
        self.edges = tuple([node_of(a) if a.__class__ in TENSORS else None for a in args])
        self.layouts = tuple([a._layout if a.__class__ in TENSORS else None for a in args])
        if local.anomaly:
            self.extra = {"trace": "".join(traceback.format_stack()[:-2])}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.ctx, name)

    def name(self) -> str:
        return f"{self.function.__name__}Backward"

    @property
    def outputs(self) -> int:
        return self.count

    def backward(self, grads: Any) -> tuple[Any, ...]:
        given = [grads] if self.count == 1 else list(grads)
        if self.ctx._materialize:
            given = [
                zeros(o.shape, dtype=o.dtype, device=o.device) if g is None and o is not None else g
                for g, o in zip(given, self.output_layouts, strict=True)
            ]
        got = self.function.backward(self.ctx, *given)
        got = got if isinstance(got, tuple) else (got,)
        n = len(self.edges)
        if len(got) > n and all(g is None for g in got[n:]):
            got = got[:n]
        if len(got) != n:
            raise RuntimeError(
                f"function {self.name()} returned an incorrect number of gradients (expected {n}, got {len(got)})"
            )
        for i, (g, layout, edge) in enumerate(zip(got, self.layouts, self.edges, strict=True)):
            if edge is not None and g is not None:
                self._check(i, g, layout)
        return got

    def _check(self, index: int, gradient: Any, layout: Layout) -> None:
        """RuntimeError where a gradient is none, or cannot be summed to its input's shape."""
        if gradient.__class__ not in TENSORS:
            raise RuntimeError(f"expected Variable or None (got {type(gradient).__name__})")
        try:
            fits = broadcast_shapes(gradient.shape, layout.shape) == tuple(gradient.shape)
        except RuntimeError:
            fits = False
        if not fits:
            raise RuntimeError(
                f"Function {self.name()} returned an invalid gradient at index {index} - got {list(gradient.shape)} "
                f"but expected shape compatible with {list(layout.shape)}"
            )


class Function:
    """Subclass with static ``forward(ctx, ...)`` and ``backward(ctx, *grads)``; call ``MyFunction.apply(...)``.

    With a static ``setup_context(ctx, inputs, output)``, forward takes no ctx.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(
            "Legacy autograd function with non-static forward method is deprecated. Please use new-style autograd "
            "function with static forward method. "
            "(Example: https://pytorch.org/docs/stable/autograd.html#torch.autograd.Function)"
        )

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """The result; runs without recording."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """One gradient (or None) per argument of forward, from one per result."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use it with "
            "backward mode AD."
        )

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Run forward, and record one node whose backward is the user's."""
        ctx = FunctionCtx()
        ctx.needs_input_grad = tuple([a.__class__ in TENSORS and has_history(a) for a in args])
        node = FunctionNode(cls, ctx, args) if local.grad and any(ctx.needs_input_grad) else None
        previous, local.grad = local.grad, False
        try:
            if hasattr(cls, "setup_context"):
                got = cls.forward(*args)
                cls.setup_context(ctx, args, got)
            else:
                got = cls.forward(ctx, *args)
        finally:
            local.grad = previous
        outputs = got if isinstance(got, tuple) else (got,)
        results = tuple([_result(ctx, out, args) for out in outputs])
        if node is not None:
            node.count = len(outputs)
            for i, (out, result) in enumerate(zip(outputs, results, strict=True)):
                _connect(node, out, result, i)
            node.output_layouts = tuple([r._layout if r.__class__ in TENSORS else None for r in results])
            node.saved = tuple([_saved(t, outputs, results, args) for t in ctx._to_save]) or None
            ctx._to_save = ()
            ctx._node = weakref.ref(node)
        return results if isinstance(got, tuple) else results[0]


def _among(x: Any, others: tuple[Any, ...]) -> bool:
    return any(x is y for y in others)


def _result(ctx: FunctionCtx, out: Any, args: tuple[Any, ...]) -> Any:
    """What the caller gets for an output: an input that was not written comes back as a view of itself."""
    if out.__class__ not in TENSORS or _among(out, ctx._dirty):
        return out
    if _among(out, args):
        offset = 0 if out._view is None else out._view.offset
        base = out if out._view is None or out._view.base is None else out._view.base
        return alias(out, out._layout, offset, base, "custom")
    if out._view is not None:
        out._view.creation = "custom"
    return out


def _connect(node: FunctionNode, out: Any, result: Any, index: int) -> None:
    """Make ``node`` the history of a differentiable output."""
    if out.__class__ not in TENSORS or _among(out, node.ctx._fixed) or out._layout.dtype.category < 2:
        return
    if _among(out, node.ctx._dirty):
        if has_history(out) and is_leaf_node(out._node):
            raise RuntimeError("a leaf Variable that requires grad has been used in an in-place operation.")
        storage_of(out).version += 1
        if out._view is not None and out._view.base is not None:
            rebase(out, node, out._node)
            return
    result._node = node if node.count == 1 else Output(node, index)


def _saved(t: Any, outputs: tuple[Any, ...], results: tuple[Any, ...], args: tuple[Any, ...]) -> tuple[Any, int, Any]:
    """A tensor to keep, its version, and which differentiable output it is: then it is kept without its node."""
    if not _among(t, args):
        for i, out in enumerate(outputs):
            if out is t and results[i]._node is not None:
                kept: Tensor = save_output(t)
                return kept, version_of(kept), i
    return t, version_of(t), None


def once_differentiable(function: Any) -> Any:
    """A backward whose result has no history: a second derivative is an error."""

    @functools.wraps(function)
    def wrapped(ctx: Any, *grads: Any) -> Any:
        previous, local.grad = local.grad, False
        try:
            got = function(ctx, *grads)
        finally:
            local.grad = previous
        if not local.grad or not any(g.__class__ in TENSORS and has_history(g) for g in grads):
            return got
        refused = list(map(_refused, got if isinstance(got, tuple) else (got,)))
        return tuple(refused) if isinstance(got, tuple) else refused[0]

    return wrapped


def _refused(gradient: Any) -> Any:
    """The gradient with a history that raises."""
    return None if gradient is None else _Refuse.apply(gradient.detach().requires_grad_())


class _Refuse(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        raise RuntimeError("trying to differentiate twice a function that was marked with @once_differentiable")
