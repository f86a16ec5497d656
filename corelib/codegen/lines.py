"""Kernels that walk along one dimension: scans, gather and scatter.

A unit of work is 16 neighbouring lines (of the innermost other dimension), so that memory is read by the cache line
where it is dense across them; on a grid it is one line, and neighbours do neighbouring ones.  Each line is walked in
order by one caller: a scatter adds repeated places in order, the same in every run, and needs no atomics.

On a grid a scan may be a group's, by block, and gather goes by element.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from ..dtypes import dtype, float32, float64, int64
from .dialect import Dialect
from .family import TYPES, loaded, stored
from .lowering import Scan, Scatter, State
from .scalar import cast, compute, index, load, variable
from .writer import Array, Kernel, Writer

__all__ = ["gather", "lanes", "scan", "scatter"]

GROUP = 256
"""Callers of a group."""


def lanes(dialect: Dialect) -> int:
    """Lines of a unit."""
    return 1 if dialect.schedule == "grid" else 16


@contextmanager
def _lines(w: Writer, others: int, arrays: Mapping[str, str], wide: int = 0) -> Iterator[None]:
    """Parameters and loops over groups of lines: sizes of the other dimensions, strides of each array in them.

    Inside, ``width`` lines begin at ``<array>_base`` and are ``<array>_across`` apart.
    """
    sizes = [f"size{d}" for d in range(others)]
    w.integer(*sizes)
    strides = {name: [f"{name}_stride{d}" for d in range(others)] for name in arrays}
    for name in arrays:
        w.integer(*strides[name])
    last, wide = sizes[-1], wide or lanes(w.dialect)
    with w.units():
        w.line(f"const i64 groups = ({last} + {wide - 1}) / {wide}, outer = unit / groups;")
        w.line(f"const i64 column = (unit - outer * groups) * {wide};")
        w.line(f"const int width = column + {wide} <= {last} ? {wide} : (int)({last} - column);")
        for name in arrays:
            w.line(f"const i64 {name}_across = {strides[name][-1]};")
        bases = {f"{n}_base": (f"{start} + column * {n}_across", strides[n][:-1]) for n, start in arrays.items()}
        w.offsets("outer", sizes[:-1], bases)
        yield


def scan(
    dialect: Dialect, name: str, lowering: Scan, source: dtype, converted: dtype, outs: list[dtype], others: int,
    group: bool = False,
) -> Kernel:  # fmt: skip
    """Render a scan, each line by one caller or by a group.

    Its arguments: (x, offset); (array, offset) of each dense result; length; x's and the results' step along the
    dimension; sizes of the ``others`` (collapsed, at least one), strides of x and of the results in them.
    """
    w = Writer(dialect, group=GROUP if group else 0)
    wide = float64 if converted is float32 and dialect.double else compute(converted)  # as long sums lose digits
    x = load(0, source)
    element = lowering.start(cast(x if source is converted else cast(x, converted), wide), index("reduced"))
    old = tuple(variable(f"a{i}", e.dtype) for i, e in enumerate(element))
    new = tuple(variable(f"b{i}", e.dtype) for i, e in enumerate(element))
    combined = lowering.combine(old, new)
    w.array(Array("x", source))
    for i, d in enumerate(outs):
        w.array(Array(f"y{i}", d, True))
    w.integer("length", "x_step", "y_step")
    walked = {"x": "x_offset", "y": "0"}
    if group:
        with _lines(w, others, walked, 1):
            _blocks(w, source, element, combined, outs)
        return w.kernel(name)
    with _lines(w, others, walked):
        for i, e in enumerate(element):
            start = " = {0}" if lanes(dialect) == 1 else ""  # else a compiler thinks that it may be read before
            w.line(f"{TYPES[e.dtype]} state{i}[{lanes(dialect)}]{start};")
        with w.block("for (i64 i = 0; i < length; ++i)"), w.block("for (int l = 0; l < width; ++l)"):
            place = "x_base + i * x_step + l * x_across"
            values = w.values(element, {("load", 0): loaded(source, "x", place), ("index", "reduced"): "i"})
            with w.block("if (i == 0)"):
                for i, value in enumerate(values):
                    w.line(f"state{i}[l] = {value};")
            with w.block("else"):
                leaves: dict[tuple[str, object], str] = {}
                for i, value in enumerate(values):
                    leaves["variable", f"a{i}"] = f"state{i}[l]"
                    leaves["variable", f"b{i}"] = value
                for i, value in enumerate(w.values(combined, leaves)):
                    w.line(f"state{i}[l] = {value};")
            for i, d in enumerate(outs):
                at = f"y{i}_offset + y_base + i * y_step + l * y_across"
                w.line(stored(d, f"y{i}", at, f"state{i}[l]", element[i].dtype))
    return w.kernel(name)


def _blocks(w: Writer, source: dtype, element: State, combined: State, outs: list[dtype]) -> None:
    """A line by a group: in each block, states meet with those 1, 2, 4, ... places before; the last stays."""
    types = [TYPES[e.dtype] for e in element]
    met, parts = [f"met{i}" for i in range(len(element))], range(len(element))
    for name, t in zip(met, types, strict=True):
        w.shared(t, name, GROUP)
        w.line(f"{t} {name}_old = 0;")

    def join(before: str, into: Sequence[str]) -> None:
        leaves: dict[tuple[str, object], str] = {}
        for i in parts:
            leaves["variable", f"a{i}"] = before.format(met[i])
            leaves["variable", f"b{i}"] = f"{met[i]}[LOCAL_ID]"
        for name, value in zip(into, w.values(combined, leaves), strict=True):
            w.line(f"{name} = {value};")

    with w.block(f"for (i64 start = 0; start < length; start += {GROUP})"):
        w.line("const i64 i = start + LOCAL_ID;")
        with w.block("if (i < length)"):
            leaves = {("load", 0): loaded(source, "x", "x_base + i * x_step"), ("index", "reduced"): "i"}
            for name, value in zip(met, w.values(element, dict(leaves)), strict=True):
                w.line(f"{name}[LOCAL_ID] = {value};")
            with w.block("if (start > 0 && LOCAL_ID == 0)"):
                join("{}_old", [f"{name}[0]" for name in met])
        w.line("BARRIER")
        with w.block(f"for (int step = 1; step < {GROUP}; step *= 2)"):
            w.line("const int takes = LOCAL_ID >= step && i < length;")
            w.line(*[f"{t} {name}_new = 0;" for name, t in zip(met, types, strict=True)])
            with w.block("if (takes)"):
                join("{}[LOCAL_ID - step]", [f"{name}_new" for name in met])
            w.line("BARRIER")
            w.line(f"if (takes) {{ {' '.join(f'{name}[LOCAL_ID] = {name}_new;' for name in met)} }}")
            w.line("BARRIER")
        with w.block("if (i < length)"):
            for i, d in enumerate(outs):
                at = f"y{i}_offset + y_base + i * y_step"
                w.line(stored(d, f"y{i}", at, f"{met[i]}[LOCAL_ID]", element[i].dtype))
        w.line(*[f"{name}_old = {name}[{GROUP - 1}];" for name in met])
        w.line("BARRIER")


def _checked(w: Writer, place: str) -> None:
    """Declare ``at``, the index at ``place``; report one outside [0, size) and pass over it."""
    w.raises = True
    w.line(f"const i64 at = index[{place}];")
    w.line("if (at < 0 || at >= size) { REPORT(ERROR_INDEX, at, dim, size); continue; }")


def gather(dialect: Dialect, name: str, d: dtype, others: int) -> Kernel:
    """Render gather: ``y[..., i, ...] = x[..., index[..., i, ...], ...]``.

    Its arguments: (x, offset), (index, offset), (y, offset) with y dense; dim and size of x along it, length of the
    index and steps of x, index and y along the dimension; sizes of the others, strides of x, index and y in them; the
    error word.
    """
    w = Writer(dialect)
    for a in (Array("x", d), Array("index", int64), Array("y", d, True)):
        w.array(a)
    w.integer("dim", "size", "length", "x_step", "index_step", "y_step")
    if dialect.schedule == "grid":
        _elements(w, others)
        return w.kernel(name)
    with (
        _lines(w, others, {"x": "x_offset", "index": "index_offset", "y": "y_offset"}),
        w.block("for (i64 i = 0; i < length; ++i)"),
        w.block("for (int l = 0; l < width; ++l)"),
    ):
        _checked(w, "index_base + i * index_step + l * index_across")
        w.line("y[y_base + i * y_step + l * y_across] = x[x_base + at * x_step + l * x_across];")
    return w.kernel(name)


def _elements(w: Writer, others: int) -> None:
    """gather, an element a unit: along the dimension first where the result is dense along it."""
    arrays = ("x", "index", "y")
    sizes = [f"size{d}" for d in range(others)]
    w.integer(*sizes)
    strides = {name: [f"{name}_stride{d}" for d in range(others)] for name in arrays}
    for name in arrays:
        w.integer(*strides[name])
    with w.units():
        w.line(f"const i64 lines = {' * '.join(sizes)};")
        w.line("const i64 i = y_step == 1 ? unit % length : unit / lines;")
        w.line("const i64 line = y_step == 1 ? unit / length : unit - i * lines;")
        w.offsets("line", sizes, {f"{name}_base": (f"{name}_offset", strides[name]) for name in arrays})
        _checked(w, "index_base + i * index_step")
        w.line("y[y_base + i * y_step] = x[x_base + at * x_step];")


def scatter(dialect: Dialect, name: str, lowering: Scatter, d: dtype, others: int, number: bool) -> Kernel:
    """Render scatter into y, which holds a copy of the operand: ``y[..., index[..., i, ...], ...] = src``.

    y is in the compute type where elements are combined, so that a sum of halves is rounded once, by the caller.

    Its arguments: (index, offset), (src, offset) or a number, (y, offset); dim and size of y along it, length of
    the index and steps of index, src (unless a number) and y along the dimension; sizes of the others, strides of the
    same in them; the error word.
    """
    w = Writer(dialect)
    w.array(Array("index", int64))
    walked = {"index": "index_offset", "y": "y_offset"}
    if number:
        w.scalar("value", compute(d))
    else:
        w.array(Array("src", d))
        walked["src"] = "src_offset"
    target = d if lowering.combine is None else compute(d)
    w.array(Array("y", target, True))
    w.integer("dim", "size", "length", "index_step", *([] if number else ["src_step"]), "y_step")
    with (
        _lines(w, others, walked),
        w.block("for (i64 i = 0; i < length; ++i)"),
        w.block("for (int l = 0; l < width; ++l)"),
    ):
        _checked(w, "index_base + i * index_step + l * index_across")
        w.line("const i64 to = y_base + at * y_step + l * y_across;")
        value = "value" if number else loaded(d, "src", "src_base + i * src_step + l * src_across")
        if lowering.combine is not None:
            both = lowering.combine(load(0, target), load(1, target))
            value = w.value(both, {("load", 0): "y[to]", ("load", 1): value})
        w.line(stored(target, "y", "to", value, compute(d)))
    return w.kernel(name)
