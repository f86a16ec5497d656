"""The backward pass: iterative, by counts of consumers, freeing what was saved as it goes."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Sequence
from typing import Any

from ..backend.registry import registry
from ..core.modes import set_grad
from ..core.node import FREED, Accumulate, Handle, Node, Output, _extra, has_history, node_of, retain_at
from ..core.tensor import TENSORS, Tensor, backend_of, fresh
from ..layout import Layout
from ..state import STATE, local

__all__ = ["backward", "grad", "register_hook", "retain_grad"]

_accumulating = threading.RLock()  # several threads may reach one leaf


def fit(gradient: Any, layout: Any) -> Any:
    """A gradient in the shape, dtype and device of the operand it belongs to."""
    if gradient is None or layout.__class__ is not Layout:
        return None
    own = gradient._layout
    if own.shape != layout.shape:
        from ..ops.view import sum_to

        gradient = sum_to(gradient, tuple(layout.shape))
        own = gradient._layout
    if own.dtype is not layout.dtype:
        if own.dtype.is_complex and not layout.dtype.is_complex:
            gradient = gradient.real
        gradient = gradient.to(layout.dtype)
    if own.device is not layout.device:
        gradient = gradient.to(layout.device)
    return gradient


def _children(node: Node) -> list[Any]:
    return [e.node if type(e) is Output else e for e in node.edges if e is not None]


def _consumers(roots: list[Node]) -> dict[Node, int]:
    """For every node reached, how many edges lead to it."""
    counts: dict[Node, int] = dict.fromkeys(roots, 0)
    stack = list(counts)
    while stack:
        for edge in stack.pop().edges:
            if edge is not None:
                child = edge.node if edge.__class__ is Output else edge
                if child in counts:
                    counts[child] += 1
                else:
                    counts[child] = 1
                    if child.__class__ is not Accumulate:
                        stack.append(child)
    return counts


def _needed(targets: Any, nodes: dict[Node, int]) -> set[Node]:
    """The nodes from which a target can be reached, targets included."""
    parents: dict[Node, list[Node]] = {}
    for node in nodes:
        for child in _children(node):
            parents.setdefault(child, []).append(node)
    found = set(targets)
    stack = list(found)
    while stack:
        for parent in parents.get(stack.pop(), ()):
            if parent not in found:
                found.add(parent)
                stack.append(parent)
    return found


def _arrive(waiting: dict[Node, list[Any]], edge: Any, gradient: Any, owned: bool) -> None:
    """Add a gradient to what waits for a node: per output [gradient, whether nobody else holds it], flat."""
    node, index = edge, 0
    if edge.__class__ is Output:
        node, index = edge.node, 2 * edge.index
    buffer = waiting.get(node)
    if buffer is None:
        buffer = waiting[node] = [None] * (2 * node.outputs)
    if buffer[index] is not None:
        gradient, owned = buffer[index] + gradient, True
    buffer[index], buffer[index + 1] = gradient, owned


def _run(
    roots: list[tuple[Any, Tensor]],
    retain: bool,
    create: bool,
    captures: dict[Node, dict[int, Any]] | None,
) -> dict[tuple[Node, int], Any]:
    """Walk the tape from ``roots``.  With ``captures``, collect the gradients arriving there instead of
    accumulating into leaves (the values of the inner dict are unused).

    What most nodes need (one output, no hook, a primitive's gradients of the right layout) is in line.
    """
    waiting: dict[Node, list[Any]] = {}
    for edge, gradient in roots:
        if edge.__class__ is Output or edge in waiting:
            _arrive(waiting, edge, gradient, False)
        else:
            waiting[edge] = [gradient, False]
    starts = list(waiting)
    counts = _consumers(starts)
    needed = _needed(captures, counts) if captures is not None else None
    found: dict[tuple[Node, int], Any] = {}
    ready: list[tuple[Node, list[Any] | None]]  # with the gradients of their outputs
    ready = [(n, waiting.pop(n)) for n in starts if counts[n] == 0]
    previous = local.grad
    local.grad = create
    try:
        while ready:
            node, buffer = ready.pop()
            edges = node.edges
            gradients: Any = ()
            if buffer is not None and (needed is None or node in needed):
                if captures is not None or node.extra is not None:
                    runs = _before(node, buffer, captures, needed, found)
                else:
                    runs = True
                if node.__class__ is Accumulate:
                    if captures is None:
                        _accumulate(node.leaf(), buffer[0], buffer[1], create)
                elif runs:
                    first = buffer[0]
                    given = first if len(buffer) == 2 else buffer[::2]
                    if node.extra is not None or STATE.intercept:
                        gradients, trusted = _step(node, given, len(buffer) == 2)
                    elif node.__class__ is Node:
                        gradients, trusted = node.prim.backward(node, given), True
                    else:
                        gradients, trusted = node.backward(given), False
                    if not retain:
                        if node.__class__ is not Node:
                            node.release()
                        elif node.saved is not None:
                            node.saved = FREED
                    if len(gradients) > 1 and trusted:
                        trusted = not _repeats(gradients)
            if len(gradients) < len(edges):
                gradients = (*gradients, *[None] * (len(edges) - len(gradients)))
            for edge, gradient, layout in zip(edges, gradients, node.layouts, strict=False):
                if edge is None:
                    continue
                child = edge.node if edge.__class__ is Output else edge
                left = counts[child] = counts[child] - 1
                if gradient is not None:
                    fitted = gradient if gradient._layout is layout else fit(gradient, layout)
                    if fitted is not None:
                        # A gradient that is handed through goes on as it came.
                        owned = fitted is not gradient or (trusted and (gradient is not first or buffer[1]))  # type: ignore[index]
                        if child is not edge or child in waiting:
                            _arrive(waiting, edge, fitted, owned)
                        elif left:
                            waiting[child] = [fitted, owned]
                        elif child.__class__ is Accumulate and child.extra is None and captures is None:
                            _accumulate(child.leaf(), fitted, owned, create)
                            continue
                        else:
                            ready.append((child, [fitted, owned]))
                            continue
                if left == 0:
                    ready.append((child, waiting.pop(child, None)))
    finally:
        local.grad = previous
    return found


def _before(
    node: Node,
    buffer: list[Any],
    captures: dict[Node, dict[int, Any]] | None,
    needed: set[Node] | None,
    found: dict[tuple[Node, int], Any],
) -> bool:
    """Capture what is asked for and call the hooks that come before a node; returns whether it runs itself."""
    captured = None if captures is None else captures.get(node)
    runs = needed is None or any([c in needed for c in _children(node)])
    if captured is not None and runs:  # as in PyTorch: the gradient before hooks, if those run later
        _capture(node, buffer, captured, found)
    if node.extra is not None:
        _tensor_hooks(node, buffer)
        if runs:
            _prehooks(node, buffer)
    if captured is not None and not runs:
        _capture(node, buffer, captured, found)
    return runs


def _step(node: Node, given: Any, single: bool) -> tuple[tuple[Any, ...], bool]:
    """Gradients of a node's operands, with its hooks and what anomaly detection does, and whether nobody else may
    hold them: what a user's function or hook returns may be held by it."""
    hooked = node.extra is not None and "hooks" in node.extra
    try:
        gradients = node.backward(given)
        if hooked:
            gradients = _posthooks(node, gradients, given, single)
        if local.anomaly and local.check_nan:
            _check_nan(node, gradients)
    except Exception:
        if local.anomaly:
            _explain(node)
        raise
    return gradients, node.prim is not None and not hooked


def _repeats(gradients: tuple[Any, ...]) -> bool:
    """Whether one gradient stands for several operands."""
    if len(gradients) == 2:
        return gradients[0] is gradients[1]
    if len(gradients) == 3:
        a, b, c = gradients
        return ((a is b or a is c) and a is not None) or (b is c and b is not None)
    present = [id(g) for g in gradients if g is not None]
    return len(set(present)) < len(present)


def _capture(node: Node, buffer: list[Any], indices: dict[int, Any], found: dict[tuple[Node, int], Any]) -> None:
    for index in indices:
        found[node, index] = buffer[2 * index]
        buffer[2 * index + 1] = False


def _tensor_hooks(node: Node, buffer: list[Any]) -> None:
    """Hooks of the node's outputs, in order of registration; then gradients are kept that shall be."""
    extra = node.extra
    assert extra is not None
    for index, hooks in extra.get("tensor_hooks", {}).items():
        for hook in list(hooks.values()):
            gradient = buffer[2 * index]
            if gradient is None:
                continue
            replaced = hook(gradient)
            if replaced is not None:
                if replaced.__class__ not in TENSORS:
                    raise TypeError(f"expected Variable, but hook returned '{type(replaced).__name__}'")
                _check_replaced(hook, gradient, replaced)
                buffer[2 * index] = replaced
            buffer[2 * index + 1] = False  # the hook may have kept it
    for index, reference in extra.get("retains", {}).items():
        tensor, gradient = reference(), buffer[2 * index]
        if tensor is not None and gradient is not None:
            set_grad(tensor, gradient if tensor._grad is None else tensor._grad + gradient)
            buffer[2 * index + 1] = False


def _check_replaced(hook: Any, old: Tensor, new: Tensor) -> None:
    name = getattr(hook, "__name__", type(hook).__name__)
    if tuple(new.shape) != tuple(old.shape):
        raise RuntimeError(f"hook '{name}' has changed the size of value")
    if new.dtype is not old.dtype:
        raise RuntimeError(f"hook '{name}' has changed the type of value (was {old.type()} got {new.type()})")


def _replacement(hook: Any, replaced: Any, count: int) -> tuple[Any, ...]:
    if not isinstance(replaced, tuple):
        if count == 1 and replaced.__class__ in TENSORS:
            return (replaced,)
        raise TypeError(f"expected tuple, but hook returned '{type(replaced).__name__}'")
    if len(replaced) != count:
        name = getattr(hook, "__name__", type(hook).__name__)
        raise RuntimeError(
            f"hook '{name}' has returned an incorrect number of values (got {len(replaced)}, but expected {count})"
        )
    return replaced


def _prehooks(node: Node, buffer: list[Any]) -> None:
    for hook in list(node.extra.get("prehooks", {}).values()):  # type: ignore[union-attr]
        replaced = hook(tuple(buffer[::2]))
        if replaced is not None:
            buffer[::2] = list(_replacement(hook, replaced, len(buffer) // 2))
        buffer[1::2] = [False] * (len(buffer) // 2)


def _posthooks(node: Node, gradients: tuple[Any, ...], given: Any, single: bool) -> tuple[Any, ...]:
    for hook in list(node.extra["hooks"].values()):  # type: ignore[index]
        replaced = hook(gradients, (given,) if single else tuple(given))
        if replaced is not None:
            gradients = _replacement(hook, replaced, len(gradients))
    return gradients


def _check_nan(node: Node, gradients: tuple[Any, ...]) -> None:
    for i, gradient in enumerate(gradients):
        if gradient is not None and gradient.dtype.category >= 2:
            anomaly, local.anomaly = local.anomaly, False
            try:
                bad = bool((gradient != gradient).any())
            finally:
                local.anomaly = anomaly
            if bad:
                raise RuntimeError(f"Function '{node.name()}' returned nan values in its {i}th output.")


def _explain(node: Node) -> None:
    """Warn of the forward call whose gradient fails."""
    trace = (node.extra or {}).get("trace")
    where = (
        f"Traceback of forward call that caused the error:\n{trace}"
        if trace
        else "No forward pass information available. Enable detect anomaly during forward pass for more information."
    )
    warnings.warn(f"Error detected in {node.name()}. {where}", stacklevel=2)


def _accumulate(leaf: Tensor | None, gradient: Tensor | None, owned: bool, create: bool, inner: bool = False) -> None:
    """Add to ``grad``; the first gradient becomes it, copied unless ``owned``.  ``inner``: it need not be a leaf."""
    if leaf is None or gradient is None:  # nobody asks any more
        return
    node = leaf._node
    if node.__class__ is not Accumulate and not inner:
        if node is None:
            return
        raise RuntimeError("leaf variable has been moved into the graph interior")
    with _accumulating:
        present = leaf._grad
        if present is None:
            if not create and gradient._node is not None:
                gradient = gradient.detach()
            if not owned or gradient._view is not None or not gradient._layout.contiguous:
                gradient = gradient.clone()
            if STATE.intercept:
                set_grad(leaf, gradient)
            else:
                leaf._grad = gradient
        elif create:
            set_grad(leaf, present + gradient)
        else:
            present.add_(gradient)
    extra = leaf._extra
    if extra is not None:
        for hook in list(extra.get("post_accumulate", {}).values()):
            hook(leaf)


def _tuple(x: Any) -> tuple[Any, ...]:
    return (x,) if x is None or x.__class__ in TENSORS else tuple(x)


_ones: dict[Layout, Any] = {}  # the copy kernel and what it copies
registry.on_change.append(_ones.clear)


def _one(layout: Layout) -> Tensor:
    """The gradient of a scalar with respect to itself."""
    if STATE.intercept:
        from ..ops.creation import ones

        return ones(layout.shape, dtype=layout.dtype, device=layout.device)
    known = _ones.get(layout)
    if known is None:
        kernels = backend_of(layout).kernels
        known = _ones[layout] = layout.dense, kernels["copy"].function, kernels["fill"].function(1.0, layout.dense)
    dense, copy, array = known
    return fresh(copy(array), dense)


def _root(i: int, out: Tensor, gradient: Any) -> tuple[Any, Tensor]:
    """The edge of an output to start from, and its gradient."""
    edge = out._node if out._view is None else node_of(out)
    if edge is None:
        raise RuntimeError(f"element {i} of tensors does not require grad and does not have a grad_fn")
    if gradient is None:
        if out._layout.numel != 1:
            raise RuntimeError("grad can be implicitly created only for scalar outputs")
        return edge, _one(out._layout)
    if gradient.__class__ not in TENSORS:
        raise TypeError(f"gradients can be either Tensors or None, but got {type(gradient).__name__}")
    if tuple(gradient.shape) != tuple(out.shape):
        raise RuntimeError(
            f"Mismatch in shape: grad_output[{i}] has a shape of {gradient.shape} and output[{i}] has a shape "
            f"of {out.shape}."
        )
    return edge, gradient if gradient.dtype is out.dtype else gradient.to(out.dtype)


def _roots(outputs: Sequence[Tensor], gradients: Sequence[Any]) -> list[tuple[Any, Tensor]]:
    if len(outputs) != len(gradients):
        raise RuntimeError(f"got {len(outputs)} tensors and {len(gradients)} gradients")
    return [_root(i, out, gradient) for i, (out, gradient) in enumerate(zip(outputs, gradients, strict=True))]


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Accumulate gradients of ``tensors`` into the leaves they came from (``torch.autograd.backward``).

    Args:
        tensors: outputs; scalars need no gradient of their own.
        grad_tensors: one gradient per output.
        retain_graph: keep what was saved, for another pass (default: as ``create_graph``).
        create_graph: record the backward pass, so that it can be differentiated again.
        inputs: accumulate into these only.
    """
    retain = create_graph if retain_graph is None else retain_graph
    if tensors.__class__ in TENSORS and grad_tensors is None and inputs is None:
        _run([_root(0, tensors, None)], retain, create_graph, None)
        return
    outputs = _tuple(tensors)
    gradients = _tuple(grad_tensors) if grad_tensors is not None else (None,) * len(outputs)
    if inputs is None:
        _run(_roots(outputs, gradients), retain, create_graph, None)
        return
    chosen = _tuple(inputs)
    if not chosen:
        raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    for x in chosen:
        if not has_history(x):
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
    found = grad(outputs, chosen, gradients, retain, create_graph, allow_unused=True)
    for x, g in zip(chosen, found, strict=True):
        if g is not None:
            _accumulate(x, g, False, create_graph, True)


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """Gradients of ``outputs`` with respect to ``inputs``, returned (``torch.autograd.grad``)."""
    if is_grads_batched:
        raise NotImplementedError("grad(): is_grads_batched=True is not there yet; loop over the gradients")
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: allow_unused=False."
        )
    outs, ins = _tuple(outputs), _tuple(inputs)
    if not ins:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    gradients = _tuple(grad_outputs) if grad_outputs is not None else (None,) * len(outs)
    retain = create_graph if retain_graph is None else retain_graph
    captures: dict[Node, dict[int, Any]] = {}
    places = []
    for x in ins:
        edge = node_of(x)
        if edge is None:
            raise RuntimeError("One of the differentiated Tensors does not require grad")
        node, index = (edge.node, edge.index) if type(edge) is Output else (edge, 0)
        captures.setdefault(node, {})[index] = None
        places.append((node, index))
    found = _run(_roots(outs, gradients), retain, create_graph, captures)
    results = []
    for i, (x, place) in enumerate(zip(ins, places, strict=True)):
        g = found.get(place)
        if g is None:
            if materialize_grads:
                g = x.new_zeros(tuple(x.shape))
            elif not allow_unused:
                raise RuntimeError(
                    f"The differentiated Tensor at index {i} appears to not have been used in the graph. Set "
                    "allow_unused=True if this is the desired behavior."
                )
        else:
            g = fit(g, x._layout)
        results.append(g)
    return tuple(results)


# -- hooks of tensors


def register_hook(tensor: Tensor, hook: Any) -> Any:
    """Call ``hook(grad)`` when the tensor's gradient is known; what it returns replaces it."""
    edge = node_of(tensor)
    if edge is None:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    node, index = (edge.node, edge.index) if type(edge) is Output else (edge, 0)
    return Handle(_extra(node).setdefault("tensor_hooks", {}).setdefault(index, {}), hook)


def retain_grad(tensor: Tensor) -> None:
    """Keep the gradient of a tensor that is not a leaf in its ``grad``."""
    if node_of(tensor) is None:
        raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
    if type(tensor._node) is Accumulate or (tensor._extra or {}).get("retains"):
        return
    tensor._extra = {**(tensor._extra or {}), "retains": True}
    retain_at(tensor, tensor._node)
