"""Calling a primitive, whatever the circumstances.

The generated functions look a signature's plan up and call its kernel straight.  Everything out of the
ordinary (modes, ``out=``, lists of tensors, generators, NumPy scalars) comes through :func:`call`.

Order, from the outside in: transforms, autograd, modes, decomposition, kernel.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..state import STATE, local
from .late import late
from .node import Node, Output, as_view, node_of, save_output, version_of
from .plan import Plan, plan_for
from .tensor import NUMBERS, TENSORS, fresh

__all__ = ["attach", "call", "edges_of", "execute", "find_plan", "make_node", "notify", "record"]


def _plain(x: Any) -> Any:
    """NumPy scalars as Python numbers; lists as tuples where they are parameters."""
    if isinstance(x, np.generic):
        return x.item()
    if isinstance(x, np.ndarray):  # beside a tensor, as if it were one
        return late.tensor(x)
    return x


def frozen(x: Any) -> Any:
    """A parameter as something hashable."""
    if x.__class__ is list:
        return tuple(map(frozen, x))
    if isinstance(x, np.integer):
        return int(x)
    if x.__class__ in TENSORS:  # a 0-d tensor as a size or dimension
        return x.item()
    return x


def call(prim: Any, operands: tuple[Any, ...], statics: tuple[Any, ...] = (), out: Any = None) -> Any:
    """Run a primitive, whatever the circumstances.  The generated functions are this with nothing to do."""
    operands = tuple(map(_plain, operands))
    prim.check_operands(operands)
    statics = tuple(map(frozen, statics))
    if out is not None:
        return _into(prim, operands, statics, out)
    plan = find_plan(prim, operands, statics)
    if STATE.intercept and local.modes:
        result = _through_mode(prim.function, operands, statics)
        if isinstance(result, tuple):
            result = tuple(result)  # record names the results again
        elif prim.kind == "view" and local.grad and result._view is not None:
            seen = operands[0]._view  # gradients were off while the modes decided: that says nothing of the view
            result._view.creation = None if seen is None else seen.creation
    else:
        result = execute(prim, plan, operands)
    return record(prim, plan, operands, result)


def find_plan(prim: Any, operands: tuple[Any, ...], statics: tuple[Any, ...]) -> Plan:
    """The cached or new plan of a call."""
    key: Any = (*map(_key, operands), *statics)
    if float in map(type, statics) and "dim" in "".join(prim.parameters):  # 1.0 is as good a key as 1: ask the rule
        return plan_for(prim, None, operands, statics)
    try:
        plan = prim.plans.get(key)
    except TypeError:  # a parameter that cannot be hashed: let the rule say what is wrong with it
        key = plan = None
    return plan if plan is not None else plan_for(prim, key, operands, statics)


def _key(x: Any) -> Any:
    cls = x.__class__
    if cls in TENSORS:
        return x._layout
    if cls in NUMBERS:
        return cls
    if cls is tuple or cls is list:
        return tuple(map(_key, x))
    return None


def _through_mode(function: Any, operands: tuple[Any, ...], statics: tuple[Any, ...], **kwargs: Any) -> Any:
    """Hand a call to the innermost mode, which is off the stack (and gradients off) while it decides."""
    modes, grad, within = local.modes, local.grad, local.within
    mode = modes[-1]
    local.modes, local.grad = modes[:-1], False
    if mode.see_inner:
        local.within = ((getattr(function, "prim", function), mode), *within)
    try:
        return mode.__torch_dispatch__(function, (), (*operands, *statics), kwargs)
    finally:
        local.modes, local.grad, local.within = modes, grad, within


def notify(function: Any, *args: Any) -> None:
    """Tell the modes of an effect that is not a primitive's result (a gradient that is assigned)."""
    if STATE.intercept and local.modes:
        _through_mode(function, args, ())
    elif local.within:
        modes, within = local.modes, local.within
        local.modes, local.within = [m for f, m in within if f is function], ()
        try:
            function.effect(*args)
        finally:
            local.modes, local.within = modes, within
    else:
        function.effect(*args)


def execute(prim: Any, plan: Plan, operands: tuple[Any, ...]) -> Any:
    """Run a plan below autograd and modes."""
    if prim.kind == "view":
        return as_view(operands[0], plan)
    if plan.kernel is None:
        return plan.run(*operands)  # type: ignore[misc]
    arrays = list(map(_array, operands))
    if prim.draws:  # a random primitive: the generator operand becomes (seed, offset), and moves on
        generator = operands[0]
        arrays[0:1] = generator._draw((plan.layout[0] if type(plan.layout) is tuple else plan.layout).numel)
    got = plan.kernel(*arrays, *plan.statics)
    if type(plan.layout) is tuple:
        return tuple([None if o is None else fresh(a, o) for a, o in zip(got, plan.layout, strict=True)])
    return fresh(got, plan.layout)


def _array(x: Any) -> Any:
    cls = x.__class__
    if cls in TENSORS:
        return x._array
    if cls is tuple or cls is list:
        return [y._array for y in x]
    return x


def record(prim: Any, plan: Plan, operands: tuple[Any, ...], result: Any) -> Any:
    """Give the result its node, where gradients are recorded and an operand has a history."""
    if local.grad and plan.differentiable and not local.inference:
        edges = edges_of(operands)
        if any([e is not None for e in edges]):
            node = make_node(prim, plan, operands, edges)
            attach(prim, node, result)
    if type(result) is tuple:
        return prim.result_type(*result) if prim.result_type is not None else result
    return result


def edges_of(operands: tuple[Any, ...]) -> tuple[Any, ...]:
    """One edge per tensor operand; lists are flattened (the node's layouts are too)."""
    edges: list[Any] = []
    for x in operands:
        cls = x.__class__
        if cls in TENSORS:
            edges.append(node_of(x))
        elif cls is tuple or cls is list:
            edges.extend(map(node_of, x))
        else:
            edges.append(None)
    return tuple(edges)


def make_node(prim: Any, plan: Plan, operands: tuple[Any, ...], edges: tuple[Any, ...]) -> Node:
    """A node with what the primitive's vjp declares to need (outputs are added by :func:`attach`)."""
    node = Node()
    node.prim = prim
    node.edges = edges
    flat: list[Any] = []
    for x in operands:
        if x.__class__ is tuple or x.__class__ is list:
            flat.extend([y._layout for y in x])
        else:
            flat.append(_key(x))
    node.layouts = tuple(flat)
    node.statics = plan.statics
    node.extra = None
    node.saved = prim.save(operands, edges)
    if local.anomaly:
        import traceback

        node.extra = {"trace": "".join(traceback.format_stack()[:-3])}
    return node


def attach(prim: Any, node: Node, result: Any) -> None:
    """Make ``node`` the history of the result, and let it keep the outputs its vjp needs."""
    if type(result) is tuple:
        if prim.asks_layouts:
            node.extra = {**(node.extra or {}), "outputs": tuple([None if r is None else r._layout for r in result])}
        fixed = prim.nondifferentiable
        for i, r in enumerate(result):
            if r is not None and r._layout.dtype.category >= 2 and i not in fixed:
                r._node = Output(node, i)
                if r._view is not None:
                    r._view.creation = r._view.creation or "multi_output"
        if prim.saves_output:
            named = zip(prim.outputs, result, strict=True)
            kept = tuple([save_output(r) if name in prim.saves_output else None for name, r in named])
            node.saved = (*(node.saved or ()), *kept, *map(version_of, kept))
    else:
        result._node = node
        if prim.saves_output:
            kept_one = save_output(result)
            node.saved = (*(node.saved or ()), kept_one, version_of(kept_one))


def _into(prim: Any, operands: tuple[Any, ...], statics: tuple[Any, ...], out: Any) -> Any:
    """``out=``: compute, then write into the given tensors, resizing an empty one as PyTorch does."""
    from .inplace import check_writable, write_result

    outs = [x for x in (out if isinstance(out, tuple) else (out,)) if x.__class__ in TENSORS]
    listed = [y for x in operands if x.__class__ in (list, tuple) for y in x]
    tensors = [x for x in (*operands, *listed) if x.__class__ in TENSORS]
    recorded = tensors if prim.differentiable else []
    if local.grad and any(t._node is not None for t in (*recorded, *outs)):
        raise RuntimeError(
            f"{prim.name}(): functions with out=... arguments don't support automatic differentiation, "
            "but one of the arguments requires grad."
        )
    for o in outs:
        check_writable(o, *tensors)
    result = call(prim, operands, statics)
    if isinstance(result, tuple):
        written = [write_result(o, r, prim.name) for o, r in zip(out, result, strict=True)]
        return type(out)(*written) if hasattr(out, "_fields") else tuple(written)
    return write_result(out, result, prim.name)


late.call = call  # what a plan that falls back to the CPU runs
