"""How a primitive is defined: one decorated function says all that is known about it.

    @primitive(rule=rules.floating, vjp={"input": lambda grad, out: grad * out}, samples=unary())
    def exp(input: Tensor) -> Tensor:
        '''e**input, elementwise.'''

* The signature's ``Tensor`` parameters are operands, in order; the rest are parameters of the kernel.
  Annotations: ``Tensor``, ``Tensor | Number``, ``Tensor | None``, ``Tensors`` (a sequence), ``Number``
  (an immediate: its value is not part of the signature's key), ``Generator``.
* A body (more than the docstring) is the *decomposition*; without one the primitive is required of
  every backend.
* ``rule(*layouts, *parameters)`` checks and gives a :class:`~corelib.core.dispatch.Result`.
* ``vjp`` is a dict from operand to a function, or one function returning all gradients.  What such a
  function names is what is saved: ``grad`` (``grads`` where there are several outputs), operands, outputs,
  parameters, ``<operand>_layout``, ``needs`` (which operands want a gradient).
* ``jvp``, ``batch``, ``autocast`` and ``lower`` are slots that later stages fill.

The function that users call is generated from a template per kind of signature: the case with a cached
plan and no interception runs straight through in one frame.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterable
from functools import cache
from types import CodeType, FunctionType
from typing import Any

from ..core import dispatch
from ..core.inplace import inplace
from ..core.node import FREED, Node, as_view, node_of, save_output
from ..core.tensor import NUMBERS, TENSORS, Tensor
from ..state import STATE, local

__all__ = ["PRIMITIVES", "Number", "Primitive", "Tensors", "primitive"]

Number = bool | int | float | complex
Tensors = Any  # a list or tuple of tensors
PRIMITIVES: dict[str, Primitive] = {}

_OPERANDS = {
    "Tensor": "tensor", "Tensor | Number": "number", "Tensor | None": "optional", "Tensors": "list",
    "Number": "immediate", "Generator": "generator",
}  # fmt: skip


class Primitive:
    """A definition, and what follows from it."""

    jvp: Any = None
    batch: Any = None
    autocast: Any = None
    lower: Any = None

    def __init__(
        self,
        definition: Callable[..., Any],
        *,
        name: str | None,
        rule: Callable[..., Any],
        vjp: dict[str, Any] | Callable[..., Any] | None,
        samples: Callable[[], Iterable[Any]] | None,
        kind: str,
        tier: str,
        outputs: tuple[str, ...],
        nondifferentiable: tuple[int, ...],
        scalars_mix: bool,
        widen: bool,
        node_name: str | None,
        torch_name: str | None,
        result_type: Any,
    ) -> None:
        self.name = name or definition.__name__
        self.doc = inspect.getdoc(definition) or ""
        self.rule = rule
        self.vjp = vjp
        self.samples = samples
        self.kind = kind
        self.outputs = outputs
        self.nondifferentiable = nondifferentiable
        self.scalars_mix = scalars_mix
        self.widen = widen
        self.torch_name = self.name if torch_name is None else torch_name
        self.node_name = (node_name or "".join(p.title() for p in self.name.split("_"))) + "Backward0"
        self.result_type = result_type
        self.plans = dispatch.new_plans()
        self.signature = inspect.signature(definition)
        self.operands: tuple[str, ...] = tuple(
            n for n, p in self.signature.parameters.items() if p.annotation in _OPERANDS
        )
        self.kinds = tuple(_OPERANDS[self.signature.parameters[n].annotation] for n in self.operands)
        self.parameters = tuple(n for n in self.signature.parameters if n not in self.operands)
        self.draws = "generator" in self.kinds
        self.decomposition = definition if _has_body(definition) else None
        self.tier = tier if self.decomposition is None else (tier if tier not in ("core", "training") else "optional")
        self._analyse_vjp()
        self.function = _user_function(self, definition)
        self.inplace = _InplaceFunction(self, 0)
        self.into = _InplaceFunction(self, -1)

    @property
    def required(self) -> bool:
        """Whether every backend must have a kernel for it."""
        return self.decomposition is None and self.kind not in ("view", "host") and self.tier in ("core", "training")

    @property
    def differentiable(self) -> bool:
        return self.vjp is not None

    # -- gradients -------------------------------------------------------------------------------------

    def _analyse_vjp(self) -> None:
        """From the names in the vjp functions: what to save for which operand's gradient."""
        functions: dict[str, Any] = {}
        if isinstance(self.vjp, dict):
            functions = self.vjp
        elif self.vjp is not None:
            functions = dict.fromkeys(self.operands, self.vjp)
        self.saves: dict[str, tuple[str, ...]] = {}  # operand -> operands whose gradients need it
        outputs: set[str] = set()
        for target, function in functions.items():
            if target not in self.operands:
                raise TypeError(f"{self.name}: vjp names '{target}', which is no operand")
            for name in inspect.signature(function).parameters:
                if name in self.operands:
                    self.saves[name] = (*self.saves.get(name, ()), target)
                elif name in self.outputs:
                    outputs.add(name)
                elif name not in ("grad", "grads", "needs", "output_layouts", *self.parameters) and not (
                    name.endswith("_layout") and name.removesuffix("_layout") in self.operands
                ):
                    raise TypeError(
                        f"{self.name}: vjp asks for '{name}', which is neither operand nor output nor parameter"
                    )
        self.saves_output = frozenset(outputs)
        self.saved_operands = tuple(n for n in self.operands if n in self.saves)

    def needs_operand(self, position: int, edges: tuple[Any, ...]) -> bool:
        """Whether gradients that are wanted need the value of this operand."""
        targets = self.saves.get(self.operands[position], ())
        return any(edges[self.operands.index(t)] is not None for t in targets)

    def save(self, operands: tuple[Any, ...], edges: tuple[Any, ...]) -> Any:
        """What a node keeps of the operands: values, then their versions."""
        if not self.saved_operands:
            return None
        kept, versions = [], []
        listed = "list" in self.kinds
        for name in self.saved_operands:
            position = self.operands.index(name)
            x = operands[position]
            wanted = listed or self.needs_operand(position, edges)
            kept.append(x if wanted else None)
            versions.append(_version(x) if wanted else 0)
        return (*kept, *versions)

    def backward(self, node: Node, grads: Any) -> tuple[Any, ...]:
        """The operands' gradients, by the vjp."""
        saved = node.saved
        if saved is FREED:
            raise RuntimeError(
                "Trying to backward through the graph a second time (or directly access saved tensors after they "
                "have already been freed). Saved intermediate values of the graph are freed when you call .backward() "
                "or autograd.grad(). Specify retain_graph=True if you need to backward through the graph a second "
                "time or if you need to access saved tensors after calling backward."
            )
        values: dict[str, Any] = dict(zip(self.parameters, node.statics, strict=True))
        values["grads" if len(self.outputs) > 1 else "grad"] = grads
        if len(self.outputs) > 1:
            values["grad"] = grads[0]
            values["output_layouts"] = node.extra["outputs"]  # type: ignore[index]
        count = len(self.saved_operands)
        for i, name in enumerate(self.saved_operands):
            values[name] = _check_version(saved[i], saved[count + i], node)
        if self.saves_output:
            rest = saved[2 * count :]
            if len(self.outputs) == 1:
                values[self.outputs[0]] = _saved_output(rest[0], rest[1], node, None)
            else:
                n = len(self.outputs)
                for i, name in enumerate(self.outputs):
                    if name in self.saves_output:
                        values[name] = _saved_output(rest[i], rest[n + i], node, i)
        for name, layout in zip(self.operands, node.layouts, strict=False):
            values[name + "_layout"] = layout
        edges = node.edges
        if isinstance(self.vjp, dict):
            return tuple(
                [
                    None if edge is None or name not in self.vjp else _apply(self.vjp[name], values)
                    for name, edge in zip(self.operands, edges, strict=True)
                ]
            )
        values["needs"] = tuple([e is not None for e in edges])
        got = _apply(self.vjp, values)
        return got if type(got) is tuple else (got,)

    def check_operands(self, operands: tuple[Any, ...]) -> None:
        """TypeError, in PyTorch's words, for an operand of the wrong kind."""
        for i, (kind, x) in enumerate(zip(self.kinds, operands, strict=True)):
            cls = x.__class__
            if cls in TENSORS:
                if kind not in ("tensor", "number", "optional", "immediate"):
                    raise TypeError(f"{self.name}(): argument '{self.operands[i]}' must be a sequence of Tensors")
                continue
            ok = (
                (kind in ("number", "immediate") and cls in NUMBERS)
                or (kind == "optional" and x is None)
                or (kind == "list" and cls in (list, tuple))
                or kind == "generator"
            )
            if not ok:
                want = {"list": "tuple of Tensors", "immediate": "Number"}.get(kind, "Tensor")
                raise TypeError(
                    f"{self.torch_name or self.name}(): argument '{self.operands[i]}' (position {i + 1}) must be {want}, "
                    f"not {type(x).__name__}"
                )

    def __repr__(self) -> str:
        return f"<primitive {self.name}{self.signature}>"


class _InplaceFunction:
    """The in-place form of a primitive, as modes see it and replay it."""

    def __init__(self, prim: Primitive, position: int) -> None:
        self.prim = prim
        self.position = position
        self.name = prim.name + "_" if position == 0 else prim.name + "_into"

    def __call__(self, dest: Tensor, *args: Any) -> Tensor:
        prim = self.prim
        count = len(prim.operands) - (1 if self.position == 0 else 0)
        operands = args[:count] if self.position else (dest, *args[:count])
        return inplace(prim, dest, operands, args[count:], self.position)

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"


_names: dict[Any, tuple[str, ...]] = {}


def _apply(function: Any, values: dict[str, Any]) -> Any:
    names = _names.get(function)
    if names is None:
        names = _names[function] = tuple(inspect.signature(function).parameters)
    return function(*[values[n] for n in names])


def _version(x: Any) -> Any:
    if x.__class__ is list or x.__class__ is tuple:
        return tuple([_version(y) for y in x])
    storage = getattr(x, "_storage", None)
    return 0 if storage is None else storage.version


def _check_version(x: Any, version: Any, node: Node) -> Any:
    if version.__class__ is tuple:
        for y, v in zip(x, version, strict=True):
            _check_version(y, v, node)
        return x
    if x.__class__ in TENSORS:
        storage = x._storage
        if storage is not None and storage.version != version:
            _modified(x, storage.version, version)
    return x


def _modified(x: Tensor, found: int, expected: int) -> None:
    from ..core.inplace import _SCALAR_NAMES

    made_by = "" if x._node is None else f", which is output 0 of {getattr(x._node, 'node', x._node).name()},"
    raise RuntimeError(
        "one of the variables needed for gradient computation has been modified by an inplace operation: "
        f"[torch.{_SCALAR_NAMES[x._layout.dtype.name]}Tensor {list(x._layout.shape)}]{made_by} is at version {found}; "
        f"expected version {expected} instead. Hint: enable anomaly detection to find the operation that failed to "
        "compute its gradient, with torch.autograd.set_detect_anomaly(True)."
    )


def _saved_output(kept: Tensor, version: int, node: Node, index: int | None) -> Tensor:
    storage = kept._storage
    if storage is not None and storage.version != version:
        _modified(kept, storage.version, version)
    if not local.grad:
        return kept
    from ..core.node import Output

    again = save_output(kept)  # with its history, so that the gradient differentiates again
    again._node = node if index is None else Output(node, index)
    return again


# -- the function users call -------------------------------------------------------------------------------


def _has_body(function: Callable[..., Any]) -> bool:
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(tree, ast.FunctionDef)
    body = tree.body
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    return bool(body)


def _source(prim: Primitive, reflected: bool, operator: bool) -> str:
    """The template for this kind of signature; primitives of one kind share the text."""
    names, kinds = list(prim.operands), prim.kinds
    params = []
    for n, p in prim.signature.parameters.items():
        default = "" if p.default is p.empty else f"={n}_default"
        params.append(n + default)
    order = list(prim.operands)
    if reflected:
        params[0], params[1] = params[1], params[0]
    header = ", ".join(params)
    view = prim.kind == "view"
    out = "" if view or operator else ", *, out=None"
    operands = "(" + "".join(f"{n}, " for n in order) + ")"
    statics = "(" + "".join(f"{n}, " for n in prim.parameters) + ")"
    if not operator:
        fallback = f"return CALL(PRIM, {operands}, {statics}{'' if view else ', out'})"
    else:
        fallback = f"return CALL(PRIM, {operands}, {statics})"
    test = "STATE.intercept" if view or operator else "STATE.intercept or out is not None"
    lines = [f"def FUNCTION({header}{out}):", f"    if {test}:", f"        {fallback}"]
    keys, arrays, nodes = [], [], []
    for i, (n, kind) in enumerate(zip(names, kinds, strict=True)):
        own = operator and n == (names[1] if reflected else names[0])  # the operator's self is a tensor
        lines.append(f"    c{i} = {n}.__class__")
        if kind == "tensor" or own:
            test = f"    if c{i} is not Tensor and c{i} not in TENSORS:"
            lines += [test, f"        {fallback}"]
            lines += [f"    k{i} = {n}._layout", f"    a{i} = {n}._array"]
            lines += [f"    n{i} = {n}._node if {n}._view is None else NODE({n})"]
        else:
            lines += [f"    if c{i} is Tensor or c{i} in TENSORS:"]
            lines += [f"        k{i} = {n}._layout", f"        a{i} = {n}._array"]
            lines += [f"        n{i} = {n}._node if {n}._view is None else NODE({n})"]
            lines += [f"    elif c{i} in NUMBERS:" if kind in ("number", "immediate") else f"    elif {n} is None:"]
            lines += [f"        k{i} = {'c' + str(i) if kind in ('number', 'immediate') else 'None'}"]
            lines += [f"        a{i} = {n}", f"        n{i} = None", "    else:"]
            if operator:
                lines += [f"        if not isinstance({n}, GENERIC): return NotImplemented"]
            lines += [f"        {fallback}"]
        keys.append(f"k{i}")
        arrays.append(f"a{i}")
        nodes.append(f"n{i}")
    key = "(" + "".join(f"{k}, " for k in [*keys, *prim.parameters]) + ")"
    lines += [f"    key = {key}", "    try:", "        plan = PLANS[key]"]
    lines += ["    except KeyError:", f"        plan = PLAN(PRIM, key, {operands}, {statics})"]
    lines += ["    except TypeError:", f"        {fallback}"]
    if view:
        lines += [f"    result = VIEW({names[0]}, plan)"]
    else:
        args = ", ".join([*arrays, "*plan.statics"] if prim.parameters else arrays)
        plain = [x for x in order]
        lines += ["    kernel = plan.kernel", "    if kernel is None:"]
        lines += [f"        result = plan.run({', '.join(plain)})", "    else:", "        result = NEW(Tensor)"]
        lines += [f"        result._array = kernel({args})", "        result._layout = plan.layout"]
        lines += ["        result._node = result._storage = result._view = result._grad = result._extra = None"]
    if prim.vjp is not None:
        test = " or ".join(f"n{i} is not None" for i in range(len(nodes)))
        test = f"({test})" if len(nodes) > 1 else test
        lines += [f"    if {test} and local.grad and plan.differentiable:"]
        lines += ["        node = NEW(Node)", "        node.prim = PRIM", f"        node.edges = ({', '.join(nodes)},)"]
        lines += ["        node.layouts = key", "        node.statics = plan.statics", "        node.extra = None"]
        saved, versions = [], []
        for n in prim.saved_operands:
            targets = [f"n{names.index(t)} is not None" for t in prim.saves[n] if t in names]
            always = set(prim.saves[n]) >= set(names)
            condition = " or ".join(targets)
            i = names.index(n)
            version = f"0 if {n}._storage is None else {n}._storage.version"
            if kinds[i] != "tensor":
                version = f"0 if n{i} is None and (c{i} in NUMBERS or {n} is None) or {n}._storage is None else {n}._storage.version"
            saved.append(n if always else f"{n} if {condition} else None")
            versions.append(version if always else f"({version}) if {condition} else 0")
        if prim.saves_output:
            saved_text = "".join(f"{x}, " for x in [*saved, *versions])
            lines += ["        kept = KEEP(result)", f"        node.saved = ({saved_text}kept, kept._storage.version)"]
        elif saved:
            lines += [f"        node.saved = ({', '.join([*saved, *versions])},)"]
        else:
            lines += ["        node.saved = None"]
        lines += ["        result._node = node"]
    lines += ["    return result"]
    return "\n".join(lines) + "\n"


@cache
def _compiled(source: str) -> CodeType:
    module = compile(source, "<corelib primitive>", "exec")
    return next(c for c in module.co_consts if isinstance(c, CodeType))


def _generate(prim: Primitive, name: str, reflected: bool = False, operator: bool = False) -> Callable[..., Any]:
    import numpy as np

    defaults: list[Any] = []
    for p in prim.signature.parameters.values():
        if p.default is not p.empty:
            defaults.append(p.default)
    code = _compiled(_source(prim, reflected, operator)).replace(co_name=name, co_qualname=name)
    scope = {
        "STATE": STATE, "CALL": dispatch.call, "PRIM": prim, "Tensor": Tensor, "TENSORS": TENSORS, "NUMBERS": NUMBERS,
        "NODE": node_of, "PLANS": prim.plans, "PLAN": dispatch.plan_for, "VIEW": as_view, "NEW": object.__new__,
        "Node": Node, "KEEP": save_output, "local": local, "GENERIC": np.generic, "__builtins__": __builtins__,
    }  # fmt: skip
    function = FunctionType(code, scope, name, tuple(defaults) or None)
    if not operator and prim.kind != "view":
        function.__kwdefaults__ = {"out": None}
    return function


def _user_function(prim: Primitive, definition: Callable[..., Any]) -> Any:
    """The generated function, or for unusual signatures one that goes through ``call``."""
    straight = len(prim.outputs) == 1 and all(k in ("tensor", "number", "optional", "immediate") for k in prim.kinds)
    if straight and prim.operands and prim.kind in ("kernel", "view"):
        function: Any = _generate(prim, prim.name)
    else:
        signature = prim.signature
        count = len(prim.operands)

        def function(*args: Any, out: Any = None, **kwargs: Any) -> Any:
            if kwargs or len(args) != len(signature.parameters):
                bound = signature.bind(*args, **kwargs)
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


def operator_of(prim: Primitive, name: str, reflected: bool = False) -> Callable[..., Any]:
    """The primitive as a binary operator method: unknown operands give NotImplemented."""
    function = _generate(prim, name, reflected, operator=True)
    function.__doc__ = prim.doc
    return function


def primitive(
    *,
    name: str | None = None,
    rule: Callable[..., Any],
    vjp: dict[str, Any] | Callable[..., Any] | None = None,
    samples: Callable[[], Iterable[Any]] | None = None,
    kind: str = "kernel",
    tier: str = "core",
    outputs: tuple[str, ...] = ("out",),
    nondifferentiable: tuple[int, ...] = (),
    scalars_mix: bool = False,
    widen: bool = True,
    node_name: str | None = None,
    torch_name: str | None = None,
    result_type: Any = None,
) -> Callable[[Callable[..., Any]], Any]:
    """Define a primitive (see the module's docstring); returns the function users call.

    Args:
        name: of the primitive and its kernel, where it is not the function's.
        kind: "kernel", "view" (the rule gives a layout and an offset), or "host".
        tier: the tier that requires it ("core", "training", ...); with a body it is optional.
        outputs: names of the results.
        nondifferentiable: positions of outputs without a gradient (integer outputs have none anyway).
        scalars_mix: whether a 0-d CPU tensor may stand beside tensors of another device.
        widen: whether a decomposition of float16 or bfloat16 computes in float32.
        torch_name: PyTorch's name, for comparisons, where it is another ("" for none).
        result_type: the named tuple of several results.
    """

    def define(definition: Callable[..., Any]) -> Any:
        prim = Primitive(
            definition, name=name, rule=rule, vjp=vjp, samples=samples, kind=kind, tier=tier, outputs=outputs,
            nondifferentiable=nondifferentiable, scalars_mix=scalars_mix, widen=widen, node_name=node_name,
            torch_name=torch_name, result_type=result_type,
        )  # fmt: skip
        if prim.name in PRIMITIVES:
            raise ValueError(f"primitive '{prim.name}' is defined twice")
        PRIMITIVES[prim.name] = prim
        return prim.function

    return define
