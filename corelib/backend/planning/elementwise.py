"""Calls of elementwise kernels: what is common to a combination of layouts is worked out once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

from ...codegen import elementwise as loops
from ...codegen import scalar
from ...codegen.dialect import Dialect
from ...codegen.geometry import Nest, collapse, step_class
from ...codegen.lowering import LOWERINGS, PLAIN, Elementwise, Indexed
from ...codegen.writer import Kernel
from ...dtypes import bool_, dtype
from ...layout import Layout
from ..window import Plans, Window

if TYPE_CHECKING:
    from ..codegen_backend import CodegenBackend

__all__ = ["ElementwiseCall", "indexed"]


class ElementwiseCall:
    """The kernel function of an elementwise primitive: ``call(*operands, *parameters[, out=view])``."""

    def __init__(self, backend: CodegenBackend, name: str, lowering: Elementwise) -> None:
        self.backend = backend
        self.name = name
        self.function = lowering.function or getattr(scalar, name)
        self._calls = Plans()

    def __call__(self, *given: Any, out: Window | None = None) -> Window:
        key = tuple(
            [x.layout if x.__class__ is Window else x.__class__ if x.__class__ in _NUMBERS else x for x in given]
        )
        aliases: tuple[int, ...] = ()
        if out is not None:
            memory, offset, layout = out.memory, out.offset, out.layout
            aliases = tuple([
                i for i, x in enumerate(given)
                if x.__class__ is Window and x.memory is memory and x.offset == offset and x.layout is layout
            ])  # fmt: skip
            found = self._calls.get((key, layout, aliases))
            if found is None:
                found = self._calls[key, layout, aliases] = self._plan(given, out.layout, frozenset(aliases))
        else:
            found = self._calls.get(key)
            if found is None:
                found = self._calls[key] = self._plan(given, None, frozenset())
        built, units, tail, result, index = found
        backend = self.backend
        if out is None:
            out = backend.allocate(result)
        arguments: list[Any] = []
        numbers: list[Any] = []
        for i, x in enumerate(given):
            if x.__class__ is Window:
                if i not in aliases:
                    arguments += (x.memory, x.offset)
            elif x.__class__ in _NUMBERS:
                numbers.append(x)
        if units:
            backend.run(built, units, [*arguments, out.memory, out.offset, *numbers, *tail], index)
        return out

    def _plan(self, given: tuple[Any, ...], out: Layout | None, aliases: frozenset[int]) -> tuple[Any, ...]:
        arrays = [x.layout for x in given if isinstance(x, Window)]
        like = next((a for a in arrays if a.dtype is not bool_), arrays[0])
        operands = [x.layout.dtype if isinstance(x, Window) else None for x in given]
        numbers = [(i, like.dtype) for i, x in enumerate(given) if x.__class__ in _NUMBERS]
        expression = self._expression(given, like.dtype)
        target = _target(given, expression, like.dtype)
        result = out if out is not None else Layout.of(tuple(arrays[0].shape), target, arrays[0].device)
        walked = [x.layout for i, x in enumerate(given) if isinstance(x, Window) and i not in aliases]
        index = result.device.index or 0
        nest = collapse(result.shape, [a.strides for a in [*walked, result]])
        steps = iter(nest.strides)
        classes = "".join(
            step_class(nest.strides[-1][-1] if i in aliases else next(steps)[-1])
            for i, x in enumerate(given) if isinstance(x, Window)
        ) + step_class(nest.strides[-1][-1])  # fmt: skip
        rank = len(nest.sizes)
        parameters = tuple(x for x in given if not isinstance(x, Window) and x.__class__ not in _NUMBERS)
        key = (self.name, tuple(operands), like.dtype, target, parameters, rank, classes, aliases)

        def render(dialect: Dialect) -> Kernel:
            return loops.elementwise(
                dialect, self.name, [(expression, target)], operands, numbers, rank, classes, aliases
            )

        def family() -> dict[tuple[Any, ...], Callable[[Dialect], Kernel]]:
            return {**_family(operands, rank, classes), key: render}

        if not result.numel:
            return None, 0, [], result, index
        plain = (
            PLAIN.get(self.name) in (1, 2)
            and len(set(operands)) == 1
            and not (numbers or aliases or _depends(self.function))
        )
        built = self.backend.built(key, index, render, family if plain else None)
        units, ends = _units(self.backend, nest, index)
        tail: list[int] = list(nest.sizes)
        written = [c for i, c in zip([i for i, x in enumerate(given) if isinstance(x, Window)], classes, strict=False)
                   if i not in aliases] + [classes[-1]]  # fmt: skip
        for strides, step in zip(nest.strides, written, strict=True):
            tail += strides if step == "s" else strides[:-1]
        return built, units, [*tail, *ends], result, index

    def _expression(self, given: tuple[Any, ...], like: dtype) -> scalar.Expr:
        values = []
        for i, x in enumerate(given):
            if isinstance(x, Window):
                values.append(scalar.load(i, x.layout.dtype))
            else:
                values.append(scalar.number(i, like) if x.__class__ in _NUMBERS else x)
        device = next(x.layout.device for x in given if isinstance(x, Window))
        on = getattr(self.function, "on", None)  # a function that depends on what the device has
        result: scalar.Expr = (self.function if on is None else on(device))(*values)
        return result


_NUMBERS = frozenset({bool, int, float})


def _depends(function: Any) -> bool:
    """Whether it is a function that depends on what the device has."""
    return hasattr(function, "on")


def _family(operands: list[Any], rank: int, classes: str) -> dict[tuple[Any, ...], Callable[[Dialect], Kernel]]:
    """The kernels of the same dtypes and form, by key."""
    d = operands[0]
    made: dict[tuple[Any, ...], Callable[[Dialect], Kernel]] = {}
    for name, lowering in LOWERINGS.items():
        if (
            not isinstance(lowering, Elementwise) or PLAIN.get(name) != len(operands)
            or "bifc"[d.category] not in lowering.accepts or _depends(lowering.function)
        ):  # fmt: skip
            continue
        function = lowering.function or getattr(scalar, name)
        expression = function(*[scalar.load(i, x) for i, x in enumerate(operands)])
        target = _target((), expression, d)
        made[name, tuple(operands), d, target, (), rank, classes, frozenset()] = partial(
            loops.elementwise, name=name, results=[(expression, target)], operands=operands, numbers=[], rank=rank,
            classes=classes,
        )  # fmt: skip
    return made


def _target(given: tuple[Any, ...], expression: scalar.Expr, like: dtype) -> dtype:
    """The dtype that the result is stored in: the parameter that says it, a comparison's bool, or the operands'."""
    for x in given:
        if isinstance(x, dtype):
            return x
    return like if expression.dtype is scalar.compute(like) else expression.dtype


def _units(backend: CodegenBackend, nest: Nest, index: int) -> tuple[int, list[int]]:
    """How many units of work there are, and the last arguments: rows and elements of one."""
    *outer, inner = nest.sizes
    rows = prod(outer)
    if backend.dialect(index).schedule == "grid":
        tall, block = 1, 1
    elif outer and any(s[-2] == 1 and s[-1] > 1 for s in nest.strides):
        tall, block = loops.TILE
    else:  # rows that are short together
        block = min(loops.BLOCK, max(inner, 1))
        tall = loops.BLOCK // block
    return -(-rows // tall) * -(-inner // block), ([tall, block] if outer else [block])


def indexed(backend: CodegenBackend, name: str, lowering: Indexed, *given: Any, out: Window | None = None) -> Window:
    """A result made of positions and numbers, ``(*numbers, layout)``."""
    *numbers, layout = given
    if out is None:
        out = backend.allocate(layout)
    target = out.layout
    index, d = layout.device.index or 0, layout.dtype
    nest = collapse(target.shape, [target.strides])
    classes = step_class(nest.strides[0][-1])
    rank = len(nest.sizes)

    def render(dialect: Dialect) -> Kernel:
        values = [scalar.number(i, d) for i in range(len(numbers))]
        expression = lowering.function(scalar.index(), *values, d)
        listed = [(i, d) for i in range(len(numbers))]
        return loops.elementwise(dialect, name, [(expression, d)], [], listed, rank, classes)

    if layout.numel:
        built = backend.built((name, d, rank, classes), index, render)
        units, ends = _units(backend, nest, index)
        strides = nest.strides[0] if classes == "s" else nest.strides[0][:-1]
        backend.run(built, units, [out.memory, out.offset, *numbers, *nest.sizes, *strides, *ends], index)
    return out
