"""torch.autograd.Function: a user's own forward and backward as one node of the tape."""

from __future__ import annotations

from typing import Any

from ..core.dispatch import edges_of
from ..core.node import FREED, Accumulate, Node, Output, save_output, version_of
from ..core.tensor import TENSORS
from ..state import local

__all__ = ["Function", "FunctionCtx"]


class FunctionCtx:
    """What ``forward`` hands to ``backward``; attributes may be added freely."""

    needs_input_grad: tuple[bool, ...]

    def __init__(self) -> None:
        self._to_save: tuple[Any, ...] = ()
        self._dirty: tuple[Any, ...] = ()
        self._fixed: tuple[Any, ...] = ()
        self._materialize = True
        self._node: Any = None

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep tensors for backward; a write to one in between is noticed."""
        for t in tensors:
            if t is not None and t.__class__ not in TENSORS:
                raise TypeError(f"save_for_backward can only save variables, but argument is of type {type(t).__name__}")
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
        if self._node is None:
            return self._to_save
        saved = self._node.saved
        if saved is FREED:
            raise RuntimeError(
                "Trying to backward through the graph a second time (or directly access saved tensors after they have "
                "already been freed). Saved intermediate values of the graph are freed when you call .backward() or "
                "autograd.grad(). Specify retain_graph=True if you need to backward through the graph a second time or "
                "if you need to access saved tensors after calling backward."
            )
        from ..core.saved import check_version, saved_output

        result = []
        for t, version, index in saved:
            if index is None:
                result.append(check_version(t, version, self._node))
            else:
                result.append(saved_output(t, version, self._node, index if self._node.count > 1 else None))
        return tuple(result)


class _FunctionNode(Node):
    __slots__ = ("count", "ctx", "function", "output_layouts")

    output_layouts: tuple[Any, ...]

    def __init__(self, function: Any, ctx: FunctionCtx, args: tuple[Any, ...], edges: tuple[Any, ...]) -> None:
        self.prim = self.extra = self.saved = None
        self.statics = ()
        self.function = function
        self.ctx = ctx
        self.edges = edges
        self.layouts = tuple([a._layout if a.__class__ in TENSORS else None for a in args])
        self.count = 1
        if local.anomaly:
            import traceback

            self.extra = {"trace": "".join(traceback.format_stack()[:-3])}

    def name(self) -> str:
        return f"{self.function.__name__}Backward"

    @property
    def outputs(self) -> int:
        return self.count

    def backward(self, grads: Any) -> tuple[Any, ...]:
        given = [grads] if self.count == 1 else list(grads)
        if self.ctx._materialize:
            from ..ops.creation import zeros

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
            if g is None or edge is None:
                continue
            if tuple(g.shape) != tuple(layout.shape):
                from ..ops.rules import broadcast_shapes

                try:
                    fits = tuple(broadcast_shapes(g.shape, layout.shape)) == tuple(g.shape)
                except RuntimeError:
                    fits = False
                if not fits:
                    raise RuntimeError(
                        f"Function {self.name()} returned an invalid gradient at index {i} - got {list(g.shape)} but expected "
                        f"shape compatible with {list(layout.shape)}"
                    )
        return got


class Function:
    """Subclass with static ``forward(ctx, ...)`` and ``backward(ctx, *grads)``; call ``MyFunction.apply(...)``.

    With a static ``setup_context(ctx, inputs, output)``, forward takes no ctx.
    """

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use it with "
            "backward mode AD."
        )

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Run forward, and record one node whose backward is the user's."""
        ctx = FunctionCtx()
        edges = edges_of(args) if not any(isinstance(a, (list, tuple)) for a in args) else tuple(
            [edges_of((a,))[0] if a.__class__ in TENSORS else None for a in args]
        )
        recording = local.grad and any(e is not None for e in edges)
        ctx.needs_input_grad = tuple([e is not None and local.grad for e in edges])
        previous = local.grad
        local.grad = False
        try:
            if hasattr(cls, "setup_context"):
                got = cls.forward(*args)
                cls.setup_context(ctx, args, got)
            else:
                got = cls.forward(ctx, *args)
        finally:
            local.grad = previous
        outputs = got if isinstance(got, tuple) else (got,)
        if not recording:
            return got
        node = _FunctionNode(cls, ctx, args, edges)
        node.count = len(outputs)
        results: list[Any] = []
        for i, out in enumerate(outputs):
            results.append(_connect(node, ctx, out, i, args))
        node.output_layouts = tuple([o._layout if o.__class__ in TENSORS else None for o in results])
        saved: list[tuple[Any, int, int | None]] = []
        for t in ctx._to_save:
            position = next((i for i, o in enumerate(outputs) if o is t), None)
            if position is not None and position < len(results) and results[position]._node is not None and not any(t is a for a in args):
                kept = save_output(t)
                saved.append((kept, version_of(kept), position))
            else:
                saved.append((t, version_of(t), None))
        node.saved = tuple(saved) if saved else None
        ctx._to_save = ()
        ctx._node = node
        return tuple(results) if isinstance(got, tuple) else results[0]


def _connect(node: _FunctionNode, ctx: FunctionCtx, out: Any, index: int, args: tuple[Any, ...]) -> Any:
    """An output with its history: a dirty input takes the new one, a returned input becomes a view of itself."""
    if out.__class__ not in TENSORS or any(out is f for f in ctx._fixed) or out.dtype.category < 2:
        return out
    edge: Any = node if node.count == 1 else Output(node, index)
    if any(out is d for d in ctx._dirty):
        if type(out._node) is Accumulate:
            raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
        from ..core.tensor import storage_of

        storage_of(out).version += 1
        out._node = edge
        return out
    if any(out is a for a in args) or out._view is not None:
        out = save_output(out)
    out._node = edge
    return out


def once_differentiable(function: Any) -> Any:
    """A backward whose result has no history (a second derivative is an error)."""
    import functools

    @functools.wraps(function)
    def wrapped(ctx: Any, *grads: Any) -> Any:
        previous = local.grad
        local.grad = False
        try:
            return function(ctx, *grads)
        finally:
            local.grad = previous

    return wrapped


