"""How a primitive is defined: one decorated function says all that is known about it.

    @primitive(rule=rules.floating, vjp={"input": lambda grad, out: grad * out}, samples=unary())
    def exp(input: Tensor) -> Tensor:
        '''e**input, elementwise.'''

* The signature's ``Tensor`` parameters are operands, in order; the rest are parameters of the kernel.
  Annotations: ``Tensor``, ``Tensor | Number``, ``Tensor | None``, ``Tensors`` (a sequence), ``Number``
  (an immediate: its value is not part of the signature's key), ``Generator``.
* A body (more than the docstring) is the *decomposition*; without one the primitive is required of
  every backend.
* ``rule(*layouts, *parameters)`` checks and gives a :class:`~corelib.core.plan.Result`.
* ``vjp`` is a dict from operand to a function, or one function returning all gradients.  What such a
  function names is what is saved: ``grad`` (``grads`` where there are several outputs), operands, outputs,
  parameters, ``<operand>_layout``, ``needs`` (which operands want a gradient).
* ``lower`` says it as a loop program (:mod:`corelib.codegen`), from which devices' kernels are rendered.
* ``jvp``, ``batch`` and ``autocast`` are slots that later stages fill.

The function that users call is generated from a template per kind of signature: the case with a cached
plan and no interception runs straight through in one frame.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, Protocol, TypeVar, overload

from ..codegen.lowering import LOWERINGS, PLAIN, Elementwise, Lowering
from ..core import plan
from ..core.inplace import inplace
from ..core.node import Node
from ..core.saved import version_of_all
from ..core.tensor import NUMBERS, TENSORS, Tensor
from .generate import generate_backward, has_body, operator_of, user_function
from .tracing import Traced

__all__ = ["PRIMITIVES", "Number", "Primitive", "Tensors", "operator_of", "primitive"]

Number = bool | int | float | complex
Tensors = Any  # a list or tuple of tensors
P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
PRIMITIVES: dict[str, Primitive] = {}

_OPERANDS = {
    "Tensor": "tensor", "Tensor | Number": "number", "Tensor | None": "optional", "Tensors": "list",
    "Number": "immediate", "Generator": "generator",
}  # fmt: skip


class Operation(Protocol[P, R_co]):
    """The function that users call: it takes what its definition does and, where it makes new tensors, ``out``."""

    __name__: str
    prim: Primitive

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...
    @overload
    def __call__(self, *args: Any, out: Any, **kwargs: Any) -> R_co: ...


class Primitive:
    """A definition, and what follows from it."""

    jvp: Any = None
    batch: Any = None
    autocast: Any = None

    def __init__(
        self,
        definition: Callable[..., Any],
        *,
        name: str | None,
        rule: Callable[..., plan.Result],
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
        lower: Lowering | None,
    ) -> None:
        self.name = name or definition.__name__
        self.lower = lower
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
        self.plans = plan.new_plans()
        self.signature = inspect.signature(definition)
        self.operands: tuple[str, ...] = tuple(
            n for n, p in self.signature.parameters.items() if p.annotation in _OPERANDS
        )
        self.kinds = tuple(_OPERANDS[self.signature.parameters[n].annotation] for n in self.operands)
        self.parameters = tuple(n for n in self.signature.parameters if n not in self.operands)
        self.draws = "generator" in self.kinds
        self.decomposition = definition if has_body(definition) else None
        self.tier = tier if self.decomposition is None else (tier if tier not in ("core", "training") else "optional")
        self._analyse_vjp()
        self.backward: Callable[[Node, Any], tuple[Any, ...]] = self._generated_backward
        self.function = user_function(self, definition)
        self.inplace = _InplaceFunction(self, 0)
        self.into = _InplaceFunction(self, -1)

    @property
    def required(self) -> bool:
        """Whether every backend must have a kernel for it."""
        return self.decomposition is None and self.kind not in ("view", "host") and self.tier in ("core", "training")

    @property
    def differentiable(self) -> bool:
        return self.vjp is not None

    # -- gradients

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
        self.asks_layouts = any("output_layouts" in inspect.signature(f).parameters for f in functions.values())
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
            versions.append(version_of_all(x) if wanted else 0)
        return (*kept, *versions)

    def _generated_backward(self, node: Node, grads: Any) -> tuple[Any, ...]:
        """``backward``, the operands' gradients by the vjp, before it is generated, which is when first needed."""
        self.backward = generate_backward(self)
        return self.backward(node, grads)

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
                    f"{self.torch_name or self.name}(): argument '{self.operands[i]}' (position {i + 1}) must be "
                    f"{want}, not {type(x).__name__}"
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


def primitive(
    *,
    name: str | None = None,
    rule: Callable[..., plan.Result],
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
    lower: Lowering | str | None = None,
) -> Callable[[Callable[P, R]], Operation[P, R]]:
    """Define a primitive (see the module's docstring); returns the function users call.

    Args:
        name: of the primitive and its kernel, where it is not the function's.
        kind: "kernel", "view" (the rule gives a layout and an offset), or "host" (the body runs, whatever kernels
            there are).
        tier: the tier that requires it ("core", "training", ...); with a body it is optional.
        outputs: names of the results.
        nondifferentiable: positions of outputs without a gradient (integer outputs have none anyway).
        scalars_mix: whether a 0-d CPU tensor may stand beside tensors of another device.
        widen: whether a decomposition of float16 or bfloat16 computes in float32.
        torch_name: PyTorch's name, for comparisons, where it is another ("" for none).
        result_type: the named tuple of several results.
        lower: how it is said as a loop program, for devices whose kernels are rendered; categories of dtypes (as in
            "if") for which that is, elementwise, its decomposition or, without one, C's function of its name.
    """

    def define(definition: Callable[P, R]) -> Operation[P, R]:
        prim = Primitive(
            definition, name=name, rule=rule, vjp=vjp, samples=samples, kind=kind, tier=tier, outputs=outputs,
            nondifferentiable=nondifferentiable, scalars_mix=scalars_mix, widen=widen, node_name=node_name,
            torch_name=torch_name, result_type=result_type,
            lower=None if isinstance(lower, str) else lower,
        )  # fmt: skip
        if isinstance(lower, str):
            prim.lower = Elementwise(lower, Traced(prim) if prim.decomposition is not None else None)
        if prim.name in PRIMITIVES:
            raise ValueError(f"primitive '{prim.name}' is defined twice")
        PRIMITIVES[prim.name] = prim
        if prim.lower is not None:
            LOWERINGS[prim.name] = prim.lower
            if isinstance(prim.lower, Elementwise) and len(prim.operands) == len(prim.signature.parameters):
                PLAIN[prim.name] = len(prim.operands)
        function: Operation[P, R] = prim.function
        return function

    return define
