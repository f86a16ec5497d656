"""The functions that users call, and the nodes' backward, generated from a primitive's signature.

Both are text from a template, compiled once per kind of signature.  The user's function holds everything a
call needs in one Python frame: key, plan, kernel, result, node.  Whatever is out of the ordinary goes to
``core.dispatch.call``, which does the same slowly.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import dispatch
from ..core.node import FREED, Node, Output, as_view, edge_of, save_output
from ..core.plan import plan_for
from ..core.saved import check_version, freed, modified, saved_output
from ..core.tensor import NUMBERS, TENSORS, Tensor, View, storage_of
from ..state import STATE, local

if TYPE_CHECKING:
    from .primitive import Primitive

__all__ = ["generate_backward", "has_body", "operator_of", "user_function"]


def _empty() -> None:
    """Nothing but a docstring."""


def has_body(function: Any) -> bool:
    """Whether a definition has statements beyond its docstring (by its code: reading sources is slow)."""
    return function.__code__.co_code != _empty.__code__.co_code  # type: ignore[no-any-return]


@cache
def _compiled(source: str) -> CodeType:
    module = compile(source, "<corelib primitive>", "exec")
    return next(c for c in module.co_consts if isinstance(c, CodeType))


# -- forward


def _operand(i: int, name: str, kind: str, bail: str, is_self: bool, operator: bool) -> list[str]:
    """Lines that set k (for the key), a (for the kernel) and n (the tape's edge) of one operand."""
    tensor = [
        f"k{i} = {name}._layout",
        f"a{i} = {name}._array",
        f"n{i} = {name}._node if {name}._view is None else NODE({name})",
    ]
    if is_self:  # a method's own tensor
        return tensor
    if kind == "tensor":
        return [f"c{i} = {name}.__class__", f"if c{i} is not Tensor and c{i} not in TENSORS:", f"    {bail}", *tensor]
    number = kind in ("number", "immediate")
    lines = [f"c{i} = {name}.__class__", f"if c{i} is Tensor or c{i} in TENSORS:", *(f"    {t}" for t in tensor)]
    lines += [f"elif c{i} in NUMBERS:" if number else f"elif {name} is None:"]
    lines += [f"    k{i} = {f'c{i}' if number else None}", f"    a{i} = {name}", f"    n{i} = None", "else:"]
    if operator:
        lines += [f"    if not isinstance({name}, GENERIC): return NotImplemented"]
    return [*lines, f"    {bail}"]


def _node(prim: Primitive, multiple: bool) -> list[str]:
    """Lines that record the call."""
    names = list(prim.operands)
    edges = ", ".join(f"n{i}" for i in range(len(names)))
    lines = [
        "node = NEW(Node)",
        "node.prim = PRIM",
        f"node.edges = ({edges},)",
        "node.layouts = key",
        "node.statics = plan.statics",
    ]
    lines += ["node.extra = None"]
    values, versions = [], []
    for name in prim.saved_operands:
        i = names.index(name)
        version = f"{name}._storage.version"
        absent = f"{name}._storage is None"
        if prim.kinds[i] != "tensor":
            absent = f"{name}.__class__ not in TENSORS or {absent}"
        version = f"0 if {absent} else {version}"
        targets = [t for t in prim.saves[name] if t in names]
        if set(targets) >= set(names):
            values.append(name)
            versions.append(version)
        else:
            wanted = " or ".join(f"n{names.index(t)} is not None" for t in targets)
            values.append(f"{name} if {wanted} else None")
            versions.append(f"({version}) if {wanted} else 0")
    kept = [*values, *versions]
    if multiple:
        if prim.asks_layouts:
            saved = f"({', '.join(kept)},)" if kept else "None"
            return [*lines, f"node.saved = {saved}", "ATTACH(PRIM, node, result)"]
        lines += _outputs(prim)
        if prim.saves_output:
            saves = [n in prim.saves_output for n in prim.outputs]
            kept += [f"kept{i}" if s else "None" for i, s in enumerate(saves)]
            kept += [f"0 if kept{i} is None else kept{i}._storage.version" if s else "0" for i, s in enumerate(saves)]
        return [*lines, f"node.saved = ({', '.join(kept)},)" if kept else "node.saved = None"]
    if prim.saves_output:
        lines += _kept("result", "kept")
        kept += ["kept", "kept._storage.version"]
    lines += [f"node.saved = ({', '.join(kept)},)" if kept else "node.saved = None"]
    return [*lines, "result._node = node"]


def _kept(result: str, kept: str) -> list[str]:
    """Lines that make the result as its node may keep it: what ``KEEP`` does, for a fresh result in line."""
    return [
        f"storage = {result}._storage or STORAGE({result})",
        f"if {result}._view is not None or {result}._extra is not None or storage.peers is not None:",
        f"    {kept} = KEEP({result})",
        "else:",
        f"    {kept} = NEW(Tensor)",
        f"    {kept}._array = {result}._array",
        f"    {kept}._layout = {result}._layout",
        f"    {kept}._storage = storage",
        f"    {kept}._node = {kept}._view = {kept}._grad = {kept}._extra = None",
    ]


def _outputs(prim: Primitive) -> list[str]:
    """Lines that do what ``ATTACH`` does for the results (fresh ones) of a primitive that has several."""
    lines: list[str] = []
    for i, name in enumerate(prim.outputs):
        inner = []
        if i not in prim.nondifferentiable:
            inner += [f"if r{i}._layout.dtype.category >= 2:", f"    edge = r{i}._node = NEW(Output)"]
            inner += ["    edge.node = node", f"    edge.index = {i}"]
        if name in prim.saves_output:
            lines.append(f"kept{i} = None")
            inner += _kept(f"r{i}", f"kept{i}")
        if inner:
            lines += [f"if r{i} is not None:", *(f"    {line}" for line in inner)]
    return lines


def _view(name: str) -> list[str]:
    """Lines that make the view: what ``VIEW`` does, in line where neither flags, dtypes nor peers are concerned."""
    return [
        f"storage = {name}._storage or STORAGE({name})",
        f"base = {name}._view",
        "layout = plan.layout",
        f"if (base is not None and base.creation is not None or {name}._extra is not None or storage.peers is not None",
        "        or storage.layout.dtype is not layout.dtype or not storage.backend.strided):",
        f"    result = VIEW({name}, plan)",
        "else:",
        "    result = NEW(Tensor)",
        "    view = NEW(View)",
        "    if base is None:",
        f"        view.base = {name}",
        "        view.offset = plan.offset",
        "    else:",
        f"        view.base = {name} if base.base is None else base.base",
        "        view.offset = base.offset + plan.offset",
        "    view.version = storage.version",
        "    view.creation = None if local.grad else 'no_grad'",
        "    result._array = storage.backend.as_strided(storage.array, layout, view.offset)",
        "    result._layout = layout",
        "    result._storage = storage",
        "    result._view = view",
        "    result._node = result._grad = result._extra = None",
    ]


INTEGERS = ("dim", "dim0", "dim1", "dimension", "index")
"""Parameters that must not be floats."""
NUMPY_NAMES = {"axis": "dim", "keepdims": "keepdim"}
"""NumPy's names of parameters, which PyTorch takes too."""


def _optional(prim: Primitive, name: str) -> bool:
    """Whether a primitive has a parameter of this name that need not be given."""
    p = prim.signature.parameters.get(name)
    return p is not None and p.default is not p.empty and name in prim.parameters


def _source(prim: Primitive, reflected: bool, operator: bool) -> str:
    """The text for this kind of signature; primitives of one kind share it, and so its code."""
    names = list(prim.operands)
    params = [n if p.default is p.empty else f"{n}=None" for n, p in prim.signature.parameters.items()]
    if reflected:
        params[0], params[1] = params[1], params[0]
    view, multiple = prim.kind == "view", len(prim.outputs) > 1
    takes_out = not (view or operator)
    operands = "(" + "".join(f"{n}, " for n in names) + ")"
    statics = "(" + "".join(f"{n}, " for n in prim.parameters) + ")"
    bail = f"return CALL(PRIM, {operands}, {statics}{', out' if takes_out else ''})"
    renamed = [] if operator else [(alias, p) for alias, p in NUMPY_NAMES.items() if _optional(prim, p)]
    body = [f"if {alias} is not None: {p} = {alias}" for alias, p in renamed]
    body += ["if STATE.intercept or out is not None:" if takes_out else "if STATE.intercept:", f"    {bail}"]
    for i, (n, kind) in enumerate(zip(names, prim.kinds, strict=True)):
        body += _operand(i, n, kind, bail, operator and n == names[1 if reflected else 0], operator)
    whole = [f"{p}.__class__ is float" for p in prim.parameters if p in INTEGERS]
    if whole:  # equal to an integer, and so to another plan's key
        body += [f"if {' or '.join(whole)}:", f"    {bail}"]
    key = "".join(f"k{i}, " for i in range(len(names))) + "".join(f"{p}, " for p in prim.parameters)
    body += [f"key = ({key})", "try:", "    plan = PLANS[key]", "except KeyError:"]
    body += [f"    plan = PLAN(PRIM, key, {operands}, {statics})", "except TypeError:", f"    {bail}"]
    if view:
        body += _view(names[0])
    else:
        arrays = ", ".join([*(f"a{i}" for i in range(len(names))), *(["*plan.statics"] if prim.parameters else [])])
        body += ["kernel = plan.kernel", "if kernel is None:", f"    result = plan.run({', '.join(names)})", "else:"]
        if multiple:
            made = [f"r{i}" for i in range(len(prim.outputs))]
            body.insert(-1, f"    {', '.join(made)}, = result")
            body += [f"    arrays = kernel({arrays})", "    layouts = plan.layout"]
            for i, r in enumerate(made):
                body += [f"    layout = layouts[{i}]", "    if layout is None:", f"        {r} = None", "    else:"]
                body += [
                    f"        {r} = NEW(Tensor)",
                    f"        {r}._array = arrays[{i}]",
                    f"        {r}._layout = layout",
                ]
                body += [f"        {r}._node = {r}._storage = {r}._view = {r}._grad = {r}._extra = None"]
            body += [f"    result = ({', '.join(made)},)"]
        else:
            body += [
                "    result = NEW(Tensor)",
                f"    result._array = kernel({arrays})",
                "    result._layout = plan.layout",
            ]
            body += ["    result._node = result._storage = result._view = result._grad = result._extra = None"]
    if prim.vjp is not None:
        test = " or ".join(f"n{i} is not None" for i in range(len(names)))
        body += [f"if ({test}) and local.grad and plan.differentiable:", *(f"    {x}" for x in _node(prim, multiple))]
    body += ["return RESULT(*result)" if multiple and prim.result_type is not None else "return result"]
    keywords = ["out=None"] * takes_out + [f"{alias}=None" for alias, _ in renamed]
    header = ", ".join([*params, *(["*", *keywords] if keywords else [])])
    return f"def FUNCTION({header}):\n" + "".join(f"    {line}\n" for line in body)


def _generate(prim: Primitive, name: str, reflected: bool = False, operator: bool = False) -> Any:
    code = _compiled(_source(prim, reflected, operator)).replace(co_name=name, co_qualname=name)
    scope = {
        "STATE": STATE, "CALL": dispatch.call, "PRIM": prim, "Tensor": Tensor, "TENSORS": TENSORS, "NUMBERS": NUMBERS,
        "NODE": edge_of, "PLANS": prim.plans, "PLAN": plan_for, "VIEW": as_view, "NEW": object.__new__,
        "Node": Node, "Output": Output, "View": View, "STORAGE": storage_of,
        "KEEP": save_output, "local": local, "GENERIC": (np.generic, np.ndarray),
        "ATTACH": dispatch.attach, "RESULT": prim.result_type, "__builtins__": __builtins__,
    }  # fmt: skip
    defaults = tuple([p.default for p in prim.signature.parameters.values() if p.default is not p.empty])
    function = FunctionType(code, scope, name, defaults or None)
    if not operator:
        keywords = [alias for alias, p in NUMPY_NAMES.items() if _optional(prim, p)]
        function.__kwdefaults__ = dict.fromkeys(keywords + ["out"] * (prim.kind != "view"))
    return function


def user_function(prim: Primitive, definition: Callable[..., Any]) -> Any:
    """The primitive's generated function; with lists or generators among the operands, one that uses ``call``."""
    plain = all(k in ("tensor", "number", "optional", "immediate") for k in prim.kinds)
    if plain and prim.operands and prim.kind in ("kernel", "view"):
        function: Any = _generate(prim, prim.name)
    else:
        signature, count = prim.signature, len(prim.operands)
        renames = {alias: p for alias, p in NUMPY_NAMES.items() if p in prim.parameters}

        def function(*args: Any, out: Any = None, **kwargs: Any) -> Any:
            if kwargs or len(args) != len(signature.parameters):
                bound = signature.bind(*args, **{renames.get(k, k): v for k, v in kwargs.items()})
                bound.apply_defaults()
                args = bound.args
            return dispatch.call(prim, args[:count], args[count:], out)

        function.__name__ = function.__qualname__ = prim.name
    function.__doc__ = prim.doc
    function.__module__ = definition.__module__
    function.__signature__ = prim.signature
    function.__wrapped_primitive__ = function.prim = prim
    function.name = prim.name
    return function


def operator_of(prim: Primitive, name: str, reflected: bool = False) -> Any:
    """The primitive as a binary operator method: unknown operands give NotImplemented."""
    function = _generate(prim, name, reflected, operator=True)
    function.__doc__ = prim.doc
    return function


# -- backward


def generate_backward(prim: Primitive) -> Callable[[Node, Any], tuple[Any, ...]]:
    """``backward(node, grads)``: checks and unpacks what the vjp names, calls it per operand that wants a gradient."""
    functions: dict[str, Any] = prim.vjp if isinstance(prim.vjp, dict) else {"": prim.vjp}
    names = {t: tuple(inspect.signature(f).parameters) for t, f in functions.items()}
    asked = {n for params in names.values() for n in params}
    multiple, count = len(prim.outputs) > 1, len(prim.saved_operands)
    body: list[str] = []
    if multiple and "grads" not in asked:
        body += ["if grads[0] is None:", "    return (None,) * len(node.edges)"]
    if "grad" in asked:
        body += ["grad = grads[0]" if multiple else "grad = grads"]
    if prim.saved_operands or prim.saves_output:
        body += ["saved = node.saved", "if saved is FREED:", "    freed()"]
    for i, n in enumerate(prim.saved_operands):
        if prim.kinds[prim.operands.index(n)] == "list":
            body += [f"{n} = check(saved[{i}], saved[{count + i}], node)"]
            continue
        body += [f"{n} = saved[{i}]", f"if {n}.__class__ in TENSORS:", f"    storage = {n}._storage"]
        body += [f"    if storage is not None and storage.version != saved[{count + i}]:"]
        body += [f"        modified({n}, storage.version, saved[{count + i}], node)"]
    for i, n in enumerate(prim.outputs):
        if n in prim.saves_output:
            at = 2 * count + i
            version = f"saved[{at + len(prim.outputs)}]"
            body += [f"{n} = saved[{at}]", f"storage = {n}._storage"]
            body += [f"if local.grad or storage is None or storage.version != {version}:"]
            body += [f"    {n} = output({n}, {version}, node, {i if multiple else None})"]
    if prim.parameters and any(p in asked for p in prim.parameters):
        body += [f"{', '.join(prim.parameters)}, = node.statics"]
    for i, n in enumerate(prim.operands):
        if f"{n}_layout" in asked:
            every = prim.kinds[i] == "list"  # then the only operand; the node's layouts are those of its elements
            body += [f"{n}_layout = node.layouts" + ("" if every else f"[{i}]")]
    if "output_layouts" in asked:
        body += ["output_layouts = node.extra['outputs']"]
    body += ["edges = node.edges"]
    scope: dict[str, Any] = {
        "FREED": FREED, "freed": freed, "check": check_version, "modified": modified, "output": saved_output,
        "TENSORS": TENSORS, "local": local,
    }  # fmt: skip
    if isinstance(prim.vjp, dict):
        results = []
        for i, n in enumerate(prim.operands):
            if n in functions:
                scope[f"vjp_{n}"] = functions[n]
                results.append(f"None if edges[{i}] is None else vjp_{n}({', '.join(names[n])})")
            else:
                results.append("None")
        body += [f"return ({', '.join(results)},)"]
    else:
        scope["vjp"] = prim.vjp
        if "needs" in asked:
            if "list" in prim.kinds:
                body += ["needs = [e is not None for e in edges]"]
            else:
                body += [f"needs = ({''.join(f'edges[{i}] is not None, ' for i in range(len(prim.operands)))})"]
        body += [f"result = vjp({', '.join(names[''])})", "return result if result.__class__ is tuple else (result,)"]
    code = _compiled("def backward(node, grads):\n" + "".join(f"    {line}\n" for line in body))
    return FunctionType(code.replace(co_name=f"{prim.name}_backward"), scope)
