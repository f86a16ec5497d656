"""Calls of kernels over rows: their stages, worked out once for a combination of layouts and parameters."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from ...codegen import rowwise as loops
from ...codegen.geometry import collapse, step_class
from ...codegen.lowering import Rowwise, Stage
from ...layout import Layout
from ..window import Plans, Window

if TYPE_CHECKING:
    from ..codegen_backend import CodegenBackend

__all__ = ["RowwiseCall"]


class RowwiseCall:
    """The kernel function of a primitive that is said over rows: ``call(*operands, *parameters)``."""

    def __init__(self, backend: CodegenBackend, name: str, lowering: Rowwise) -> None:
        self.backend = backend
        self.name = name
        self.lowering = lowering
        self._calls = Plans()

    def __call__(self, *given: Any) -> Any:
        backend = self.backend
        key = tuple([x.layout if x.__class__ is Window else x for x in given])
        found = self._calls.get(key)
        if found is None:
            found = self._calls[key] = self._plan(key)
        planned, outputs, index = found
        results: list[Any] = []
        for built, units, positions, layouts, tail in planned:
            arguments: list[Any] = []
            for i in positions:
                array = given[i] if i >= 0 else results[~i]
                arguments += (array.memory, array.offset)
            for layout in layouts:
                made = backend.allocate(layout)
                results.append(made)
                arguments += (made.memory, made.offset)
            if units:
                backend.run(built, units, [*arguments, *tail], index)
        return results[outputs[0]] if len(outputs) == 1 else tuple([results[i] for i in outputs])

    def _plan(self, key: tuple[Any, ...]) -> tuple[Any, ...]:
        stages, outputs = self.lowering.stages(*key)
        results: list[Layout] = []
        index = next(x for x in key if isinstance(x, Layout)).device.index or 0
        planned = []
        for number, stage in enumerate(stages):
            planned.append(self._stage(stage, number, results, key, index))
            results += [*stage.elements, *stage.rows]
        return planned, outputs, index

    def _stage(
        self, stage: Stage, number: int, results: list[Layout], key: tuple[Any, ...], index: int
    ) -> tuple[Any, ...]:
        operands = [None if x is None else (key[x[0]] if x[0] >= 0 else results[~x[0]]).dtype for x in stage.inputs]
        walked = [x[1] for x in stage.inputs if x is not None] + [y.strides for y in stage.elements]
        over = list(stage.dims)
        rest = [d for d in range(len(stage.shape)) if d not in over]
        k = collapse([stage.shape[d] for d in rest], [[s[d] for d in rest] for s in walked])
        r = collapse([stage.shape[d] for d in over], [[s[d] for d in over] for s in walked])
        outer = r.strides[0][-1] != 1 and k.strides[0][-1] == 1 and k.sizes[-1] > 1
        classes = "".join(step_class(s[-1]) for s in (k if outer else r).strides)
        fixed = [x is not None and not any(x[1][d] for d in over) for x in stage.inputs]
        elements, rows = [y.dtype for y in stage.elements], [z.dtype for z in stage.rows]
        parameters = tuple(None if isinstance(x, Layout) else x for x in key)
        wide = prod(k.sizes[:-1]) * -(-k.sizes[-1] // loops.COLUMNS)
        walk = "inner" if not outer else "outer" if wide >= 2 * self.backend.workers(index) else "narrow"
        if self.backend.dialect(index).schedule == "grid":
            outer, walk, classes = False, "group" if prod(r.sizes) >= 64 else "single", "s" * len(walked)
        loops_of = (len(k.sizes), len(r.sizes), walk, classes)
        name = f"{self.name}_{number}" if number else self.name
        built = self.backend.built(
            (name, *operands, *fixed, *elements, *rows, parameters, *loops_of), index,
            lambda dialect: loops.rowwise(
                dialect, name, stage.function, operands, fixed, elements, rows, *loops_of
            ),
        )  # fmt: skip
        units = prod(k.sizes)
        if outer:
            units = wide if walk == "outer" else prod(k.sizes[:-1]) * -(-k.sizes[-1] // loops.LANES)
        tail = [*k.sizes, *r.sizes]
        for kept, reduced in zip(k.strides, r.strides, strict=True):
            tail += [*kept, *reduced]
        positions = [x[0] for x in stage.inputs if x is not None]
        return built, units, positions, [*stage.elements, *stage.rows], tail
