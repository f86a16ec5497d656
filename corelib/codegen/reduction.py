"""Reductions: folds of a state over some dimensions.

Two walks, by where memory is dense.  *inner*: the innermost loop runs along a reduced dimension, in 16 lanes, so that
a compiler can use vectors and errors grow with the logarithm of the length.  *outer*: it runs along 64 neighbouring
results.  In both the states of short blocks are combined, not of single elements, for the same reason.  Where there are
few results, each is made in parts, whose states a second kernel combines.

On a "grid" there are two others.  *group*: a group of callers makes a result, each of them every so many elements, and
their states meet in a tree.  *single*: each caller makes a result, neighbours those beside each other.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..dtypes import dtype
from .dialect import Dialect
from .family import TYPES, loaded, stored
from .lowering import Reduction, State
from .scalar import cast, compute, index, load, variable
from .writer import Array, Kernel, Writer

__all__ = ["BLOCK", "COLUMNS", "GROUP", "LANES", "finish", "reduce"]

LANES = 16
COLUMNS = 64
"""Neighbouring results that the outer walk makes at a time."""
BLOCK = 4096
"""Elements along the innermost reduced dimension (inner walk) whose state is made before it joins the others."""
GROUP = 256
"""Callers of a group."""
_ROWS = 128


def _prefixed(prefix: str, state: State) -> State:
    return tuple(variable(f"{prefix}{i}", e.dtype) for i, e in enumerate(state))


class _Fold:
    """The statements of a fold, over a writer."""

    def __init__(self, w: Writer, lowering: Reduction, source: dtype, converted: dtype) -> None:
        self.w = w
        self.lowering = lowering
        self.source = source
        self.identity = lowering.identity(compute(converted))
        x = load(0, source)
        self.element = lowering.start(x if source is converted else cast(x, converted), index("reduced"))
        self.old = _prefixed("a", self.identity)
        self.new = _prefixed("b", self.identity)
        self.combined = lowering.combine(self.old, self.new)

    def declare(self, prefix: str, size: int = 0) -> None:
        """Variables (or arrays of ``size``) for a state, filled with that of nothing."""
        for i, value in enumerate(self.w.values(self.identity, {})):
            t = TYPES[self.identity[i].dtype]
            if size:
                self.w.line(f"{t} {prefix}{i}[{size}];")
                self.w.line(f"for (int l = 0; l < {size}; ++l) {prefix}{i}[l] = {value};")
            else:
                self.w.line(f"{t} {prefix}{i} = {value};")

    def reset(self, prefix: str, size: int) -> None:
        for i, value in enumerate(self.w.values(self.identity, {})):
            self.w.line(f"for (int l = 0; l < {size}; ++l) {prefix}{i}[l] = {value};")

    def join(self, target: str, at: str, other: Sequence[str]) -> None:
        """``target = combine(target, other)``."""
        leaves: dict[tuple[str, object], str] = {}
        for i, (a, b) in enumerate(zip(self.old, self.new, strict=True)):
            leaves["variable", a.value] = f"{target}{i}{at}"
            leaves["variable", b.value] = other[i]
        values = self.w.values(self.combined, leaves)
        for i, value in enumerate(values):
            self.w.line(f"{target}{i}{at} = {value};")

    def take(self, target: str, at: str, place: str, position: str) -> None:
        """``target = combine(target, state of the element at place)``."""
        leaves: dict[tuple[str, object], str] = {
            ("load", 0): loaded(self.source, "x", place), ("index", "reduced"): f"({position})"
        }  # fmt: skip
        self.join(target, at, self.w.values(self.element, leaves))

    def store(self, prefix: str, at: str, place: str, out: dtype | None) -> None:
        """The finished result, or the state, to position ``place`` of the outputs."""
        if out is None:
            for i, e in enumerate(self.identity):
                self.w.line(stored(e.dtype, f"y{i}", f"y{i}_offset + {place}", f"{prefix}{i}{at}", e.dtype))
            return
        state = self.old
        leaves: dict[tuple[str, object], str] = {("variable", e.value): f"{prefix}{i}{at}" for i, e in enumerate(state)}
        result = self.lowering.finish(state)
        self.w.line(stored(out, "y0", f"y0_offset + {place}", self.w.value(result, leaves), result.dtype))


def reduce(
    dialect: Dialect, name: str, lowering: Reduction, source: dtype, converted: dtype, out: dtype | None,
    kept: int, reduced: int, walk: str,
) -> Kernel:  # fmt: skip
    """Render the kernel of a reduction.

    Its arguments: (x, offset); (array, offset) of the dense result or, where ``out`` is None, of each part of the
    state, [results, parts]; the ``kept`` and the ``reduced`` sizes; x's strides in them; parts.

    Args:
        source: dtype of x; ``converted``: that it is converted to first.
        out: dtype of the result, or None for states.
        kept, reduced: numbers of collapsed loops, at least one each.
        walk: "inner1" (innermost reduced stride 1), "inners", or "outer" (innermost kept stride 1); on a
            grid "group" or "single".
    """
    w = Writer(dialect, group=GROUP if walk == "group" else 0)
    fold = _Fold(w, lowering, source, converted)
    w.array(Array("x", source))
    for i, d in enumerate([e.dtype for e in fold.identity] if out is None else [out]):
        w.array(Array(f"y{i}", d, True))
    k, r = [f"kept{d}" for d in range(kept)], [f"reduced{d}" for d in range(reduced)]
    ks, rs = [f"kept_stride{d}" for d in range(kept)], [f"reduced_stride{d}" for d in range(reduced)]
    w.integer(*k, *r, *ks, *rs, "parts")
    if walk == "group":
        _group(w, fold, out, k, r, ks, rs)
    elif walk == "single":
        _single(w, fold, out, k, r, ks, rs)
    elif walk == "outer":
        _outer(w, fold, out, k, r, ks, rs)
    else:
        _inner(w, fold, out, k, r, ks, rs, "i" if walk == "inner1" else f"i * {rs[-1]}")
    return w.kernel(name)


def _inner(
    w: Writer, fold: _Fold, out: dtype | None, k: list[str], r: list[str], ks: list[str], rs: list[str], step: str
) -> None:
    length = r[-1]
    with w.units():
        w.line("const i64 result = unit / parts, part = unit - result * parts;")
        w.offsets("result", k, {"base": ("x_offset", ks)})
        w.line(f"const i64 blocks = ({length} + {BLOCK - 1}) / {BLOCK}, all = {' * '.join([*r[:-1], 'blocks'])};")
        fold.declare("total")
        with w.block("for (i64 q = all * part / parts; q < all * (part + 1) / parts; ++q)"):
            w.line(f"const i64 row = q / blocks, first = (q - row * blocks) * {BLOCK};")
            w.line(f"const i64 last = first + {BLOCK} < {length} ? first + {BLOCK} : {length};")
            w.offsets("row", r[:-1], {"line": ("base", rs[:-1])})
            w.line("i64 i = first;")
            with w.block(f"if (last - first >= {LANES})"):
                fold.declare("lane", LANES)
                with w.block(f"for (; i + {LANES} <= last; i += {LANES})"):
                    w.line("VECTOR")
                    with w.block(f"for (int l = 0; l < {LANES}; ++l)"):
                        place = step.replace("i", "(i + l)", 1)
                        fold.take("lane", "[l]", f"line + {place}", f"row * {length} + i + l")
                w.line(f"for (int fold = {LANES // 2}; fold; fold /= 2)")
                with w.block("    for (int l = 0; l < fold; ++l)"):
                    fold.join("lane", "[l]", [f"lane{i}[l + fold]" for i in range(len(fold.identity))])
                fold.join("total", "", [f"lane{i}[0]" for i in range(len(fold.identity))])
            with w.block("for (; i < last; ++i)"):
                fold.take("total", "", f"line + {step}", f"row * {length} + i")
        fold.store("total", "", "unit", out)


def _outer(w: Writer, fold: _Fold, out: dtype | None, k: list[str], r: list[str], ks: list[str], rs: list[str]) -> None:
    with w.units():
        w.line(f"const i64 groups = ({k[-1]} + {COLUMNS - 1}) / {COLUMNS}, part = unit % parts, group = unit / parts;")
        w.line(f"const i64 outer = group / groups, column = (group - outer * groups) * {COLUMNS};")
        w.line(f"const int width = column + {COLUMNS} <= {k[-1]} ? {COLUMNS} : (int)({k[-1]} - column);")
        w.offsets("outer", k[:-1], {"base": ("x_offset + column", ks[:-1])})
        w.line(f"const i64 all = {' * '.join(r)}, until = all * (part + 1) / parts;")
        fold.declare("total", COLUMNS)
        fold.declare("lane", COLUMNS)
        with w.block(f"for (i64 first = all * part / parts; first < until; first += {_ROWS})"):
            w.line(f"const i64 last = first + {_ROWS} < until ? first + {_ROWS} : until;")
            fold.reset("lane", COLUMNS)
            with w.block("for (i64 row = first; row < last; ++row)"):
                w.offsets("row", r, {"line": ("base", rs)})
                for head, bound in ((f"if (width == {COLUMNS})", str(COLUMNS)), ("else", "width")):
                    with w.block(head):
                        w.line("VECTOR")
                        with w.block(f"for (int l = 0; l < {bound}; ++l)"):
                            fold.take("lane", "[l]", "line + l", "row")
            with w.block(f"for (int l = 0; l < {COLUMNS}; ++l)"):
                fold.join("total", "[l]", [f"lane{i}[l]" for i in range(len(fold.identity))])
        with w.block("for (int l = 0; l < width; ++l)"):
            fold.store("total", "[l]", f"(outer * {k[-1]} + column + l) * parts + part", out)


def _tree(w: Writer, fold: _Fold, out: dtype | None, place: str) -> None:
    """The ``total`` of all callers of a group, stored."""
    count = len(fold.identity)
    for i, e in enumerate(fold.identity):
        w.shared(TYPES[e.dtype], f"met{i}", GROUP)
        w.line(f"met{i}[LOCAL_ID] = total{i};")
    w.line("BARRIER")
    with w.block(f"for (int fold = {GROUP // 2}; fold; fold /= 2)"):
        with w.block("if (LOCAL_ID < fold)"):
            fold.join("met", "[LOCAL_ID]", [f"met{i}[LOCAL_ID + fold]" for i in range(count)])
        w.line("BARRIER")
    with w.block("if (LOCAL_ID == 0)"):
        fold.store("met", "[0]", place, out)
    w.line("BARRIER")


def _group(w: Writer, fold: _Fold, out: dtype | None, k: list[str], r: list[str], ks: list[str], rs: list[str]) -> None:
    with w.units():
        w.line("const i64 result = unit / parts, part = unit - result * parts;")
        w.offsets("result", k, {"base": ("x_offset", ks)})
        w.line(f"const i64 all = {' * '.join(r)}, until = all * (part + 1) / parts;")
        fold.declare("total")
        with w.block(f"for (i64 i = all * part / parts + LOCAL_ID; i < until; i += {GROUP})"):
            w.offsets("i", r, {"line": ("base", rs)})
            fold.take("total", "", "line", "i")
        _tree(w, fold, out, "unit")


def _single(
    w: Writer, fold: _Fold, out: dtype | None, k: list[str], r: list[str], ks: list[str], rs: list[str]
) -> None:
    with w.units():
        w.line(f"const i64 results = {' * '.join(k)}, part = unit / results, result = unit - part * results;")
        w.offsets("result", k, {"base": ("x_offset", ks)})
        w.line(f"const i64 all = {' * '.join(r)}, until = all * (part + 1) / parts;")
        fold.declare("total")
        with w.block(f"for (i64 first = all * part / parts; first < until; first += {_ROWS})"):
            w.line(f"const i64 last = first + {_ROWS} < until ? first + {_ROWS} : until;")
            fold.declare("block")
            with w.block("for (i64 i = first; i < last; ++i)"):
                w.offsets("i", r, {"line": ("base", rs)})
                fold.take("block", "", "line", "i")
            fold.join("total", "", [f"block{i}" for i in range(len(fold.identity))])
        fold.store("total", "", "result * parts + part", out)


def finish(
    dialect: Dialect, name: str, lowering: Reduction, converted: dtype, out: dtype, group: bool = False
) -> Kernel:
    """Render the kernel that combines parts: (array, offset) of each part of the state, of the result; parts.

    One unit a result, by one caller or by a group.
    """
    w = Writer(dialect, group=GROUP if group else 0)
    fold = _Fold(w, lowering, converted, converted)
    for i, e in enumerate(fold.identity):
        w.array(Array(f"x{i}", e.dtype))
    w.array(Array("y0", out, True))
    w.integer("parts")
    with w.units():
        fold.declare("total")
        head = f"for (i64 p = LOCAL_ID; p < parts; p += {GROUP})" if group else "for (i64 p = 0; p < parts; ++p)"
        with w.block(head):
            fold.join("total", "", [f"x{i}[x{i}_offset + unit * parts + p]" for i in range(len(fold.identity))])
        if group:
            _tree(w, fold, out, "unit")
        else:
            fold.store("total", "", "unit", out)
    return w.kernel(name)
