"""Decompositions as scalar expressions: an elementwise one is run once on operands without elements, and what it would
have done to them is one kernel."""

from __future__ import annotations

from typing import Any

from ..codegen import scalar
from ..codegen.lowering import LOWERINGS, Elementwise
from ..codegen.scalar import Expr, compute
from ..core.modes import TorchDispatchMode
from ..core.plan import wrap_integer
from ..core.tensor import TENSORS, Tensor, fresh
from ..device import Device
from ..dtypes import dtype
from ..layout import Layout
from ..state import STATE, local

__all__ = ["Traced"]


_ANYWHERE = Device("meta")


class Traced:
    """``function`` of an :class:`Elementwise` lowering: the expression that a primitive's decomposition amounts to.

    ``on(device)`` is the function for a device, of which a decomposition may ask what dtypes it has.
    """

    def __init__(self, prim: Any, device: Device = _ANYWHERE) -> None:
        self.prim = prim
        self.device = device

    def on(self, device: Device) -> Traced:
        """The same for a device."""
        return Traced(self.prim, device)

    def __call__(self, *values: Any) -> Expr:
        operands = [_stand_in(x, Layout.of((), x.dtype, self.device)) if isinstance(x, Expr) else x for x in values]
        grad, modes, within = local.grad, local.modes, local.within
        local.grad, local.modes, local.within = False, [_Tracer()], ()
        STATE.enter()
        try:
            result: Expr = self.prim.decomposition(*operands)._array
        finally:
            STATE.leave()
            local.grad, local.modes, local.within = grad, modes, within
        return result


def _stand_in(e: Expr, layout: Layout) -> Tensor:
    """A tensor without dimensions whose array is an expression."""
    return fresh(e, layout)


class _Tracer(TorchDispatchMode):
    """Answers primitives on stand-ins."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Tensor:
        prim = func.prim
        count = len(prim.operands)
        operands, statics = args[:count], args[count:]
        ruled = prim.rule(*[x._layout if x.__class__ in TENSORS else x.__class__ for x in operands], *statics)
        casts = ruled.cast or (None,) * count
        if prim.name == "fill":
            return _stand_in(_constant(operands[0], ruled.layout.dtype), ruled.layout)
        likes = [x.dtype for x in operands if x.__class__ in TENSORS]
        values: list[Any] = []
        for x, target in zip(operands, casts, strict=False):
            if x.__class__ in TENSORS:
                values.append(x._array if target is None else scalar.cast(x._array, target))
            else:
                values.append(_constant(x, target or likes[0]))
        if prim.kind == "view":
            return _stand_in(values[0], ruled.layout)
        lowering = LOWERINGS.get(prim.name)
        if isinstance(lowering, Elementwise):
            function = lowering.function or getattr(scalar, prim.name)
            return _stand_in(function(*values, *ruled.statics), ruled.layout)
        local.modes = [self]  # what this one is made of
        device = ruled.layout.device
        given = [_stand_in(v, Layout.of((), v.dtype, device)) for v in values]
        result: Tensor = prim.decomposition(*given, *ruled.statics)
        return result


def _constant(value: Any, d: dtype) -> Expr:
    return scalar.const(wrap_integer(int(value), d) if d.category == 1 else value, compute(d))
