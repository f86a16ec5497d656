"""Kernels over rows: reductions of a row, each from its elements and the results of earlier ones, then results for each
element and for each row.

A row is what some dimensions hold for fixed coordinates in the others.  Reductions that do not wait for each other
share a pass over the row.  As in :mod:`reduction` there are two walks: *inner* along a row, in lanes, one row a unit;
*outer* along neighbouring rows.  Where a language has functions of vectors, those of a block of elements are made at
once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from ..dtypes import dtype, float32
from .dialect import Dialect
from .elementwise import LONG
from .family import TYPES, loaded, stored
from .lowering import least
from .scalar import Expr, apply, cast, const, index, load, variable
from .writer import Array, Kernel, Writer

__all__ = ["BLOCK", "COLUMNS", "LANES", "Row", "rowwise"]

GROUP = 256
"""Callers of a group, on a grid."""
LANES = 16
COLUMNS = 64
"""Neighbouring rows that an outer walk takes where there are many; else LANES."""
BLOCK = 4096
_ROWS = 128
Function = Callable[..., tuple[Sequence[Expr], Sequence[Expr]]]


class Row:
    """What the function of a row reduces with."""

    def __init__(self, keeps: bool) -> None:
        self.folds: list[tuple[str, Expr, int]] = []  # function, elements, pass
        self.kept: tuple[Expr, int] | None = None
        self._keeps = keeps

    def sum(self, e: Expr) -> Expr:
        """The sum of an expression over the row."""
        return self._fold("add", e)

    def amax(self, e: Expr) -> Expr:
        """The largest value over the row."""
        return self._fold("maximum", e)

    def length(self, d: dtype) -> Expr:
        """Number of elements."""
        return cast(index("length"), d)

    def mean(self, e: Expr) -> Expr:
        """The mean over the row."""
        return self.sum(e) / self.length(e.dtype)

    def keep(self, e: Expr) -> Expr:
        """``e``, which was reduced, without computing it again: the first result holds it meanwhile, where it can."""
        if not self._keeps:
            return e
        self.kept = (e, self.level(e) + 1)
        return Expr("kept", (), e.dtype)

    def level(self, e: Expr) -> int:
        """After how many passes it can be computed."""
        if e.op == "variable":
            return self.folds[int(e.value[1:])][2]
        if e.op == "kept":
            assert self.kept is not None
            return self.kept[1]
        return max(map(self.level, e.args), default=0)

    def _fold(self, op: str, e: Expr) -> Expr:
        self.folds.append((op, e, self.level(e) + 1))
        return variable(f"r{len(self.folds) - 1}", e.dtype)


def rowwise(
    dialect: Dialect, name: str, function: Function, operands: Sequence[dtype | None], fixed: Sequence[bool],
    elements: Sequence[dtype], rows: Sequence[dtype], kept: int, reduced: int, walk: str, classes: str,
) -> Kernel:  # fmt: skip
    """Render a kernel.

    Its arguments: (array, offset) of each operand, each result by element, each dense result by row; the ``kept`` and
    the ``reduced`` sizes; of each array but the results by row, its strides in both.

    Args:
        function: ``function(row, *elements)`` gives the results by element and those by row; an element is None for an
            operand that is absent.
        operands: their dtypes; fixed: whether each is the same for a whole row.
        elements, rows: dtypes of the results.
        kept, reduced: numbers of collapsed loops, at least one each.
        walk: "inner", or "outer" by COLUMNS or "narrow" by LANES neighbouring rows; on a grid a row by a "group" or
            by a "single" caller.
        classes: of each operand that is there, then each result by element, how the innermost loop steps through it.
    """
    w = Writer(dialect, group=GROUP if walk == "group" else 0)
    return _Rows(w, function, operands, fixed, elements, rows, kept, reduced, walk, classes).kernel(name)


class _Rows:
    def __init__(
        self, w: Writer, function: Function, operands: Sequence[dtype | None], fixed: Sequence[bool],
        elements: Sequence[dtype], rows: Sequence[dtype], kept: int, reduced: int, walk: str, classes: str,
    ) -> None:  # fmt: skip
        self.w = w
        self.grid = walk if walk in ("group", "single") else ""
        self.outer = walk in ("outer", "narrow")
        self.lanes = COLUMNS if walk == "outer" else LANES
        self.arrays = [Array(f"x{i}", d) for i, d in enumerate(operands) if d is not None]
        self.outs = [Array(f"y{i}", d, True) for i, d in enumerate(elements)]
        self.results = [Array(f"z{i}", d, True) for i, d in enumerate(rows)]
        self.steps = dict(zip([a.name for a in [*self.arrays, *self.outs]], classes, strict=True))
        self.fixed = {f"x{i}" for i, f in enumerate(fixed) if f}
        self.operands = {i: Array(f"x{i}", d) for i, d in enumerate(operands) if d is not None}
        loads = [None if d is None else load(i, d) for i, d in enumerate(operands)]
        first = next(e.dtype for e in loads if e is not None)
        self.row = Row(bool(elements) and elements[0] is first)
        self.of_elements, self.of_rows = function(self.row, *loads)
        self.sizes = [f"kept{d}" for d in range(kept)], [f"reduced{d}" for d in range(reduced)]
        self.hoisted: list[tuple[str, Expr]] = []
        self.leaves: dict[tuple[str, object], str] = {}

    def kernel(self, name: str) -> Kernel:
        w = self.w
        for a in [*self.arrays, *self.outs, *self.results]:
            w.array(a)
        k, r = self.sizes
        w.integer(*k, *r)
        walked = [a.name for a in [*self.arrays, *self.outs]]
        self.strides = {
            n: ([f"{n}_kept{d}" for d in range(len(k))], [f"{n}_reduced{d}" for d in range(len(r))]) for n in walked
        }
        for n in walked:
            w.integer(*self.strides[n][0], *self.strides[n][1])
        with w.units():
            w.line(f"const i64 length = {' * '.join(r)};")
            if self.outer:
                w.line(f"const i64 groups = ({k[-1]} + {self.lanes - 1}) / {self.lanes}, outer = unit / groups;")
                w.line(f"const i64 column = (unit - outer * groups) * {self.lanes};")
                w.line(f"const int width = column + {self.lanes} <= {k[-1]} ? {self.lanes} : (int)({k[-1]} - column);")
                starts = {n: f"{n}_offset + column * {self.strides[n][0][-1]}" for n in walked}
                w.offsets("outer", k[:-1], {f"{n}_row": (starts[n], self.strides[n][0][:-1]) for n in walked})
            else:
                w.offsets("unit", k, {f"{n}_row": (f"{n}_offset", self.strides[n][0]) for n in walked})
            for p in range(1, max([level for *_, level in self.row.folds], default=0) + 1):
                self._pass(p)
            if self.outs:
                self._last()
            self._per_row()
            if self.grid == "group":
                w.line("BARRIER")
        return w.kernel(name)

    # -- what is the same for a whole row --------------------------------------------------------------

    def _varies(self, e: Expr) -> bool:
        if e.op == "load":
            return f"x{e.value}" not in self.fixed
        return e.op == "kept" or (e.op == "index" and e.value == "reduced") or any(map(self._varies, e.args))

    def _split(self, e: Expr, known: dict[int, Expr]) -> Expr:
        """``e`` with a variable for each part that is the same for a whole row."""
        if e.op == "const":
            return e
        found = known.get(id(e))
        if found is None:
            if self._varies(e):
                found = Expr(e.op, tuple([self._split(a, known) for a in e.args]), e.dtype, e.value)
            else:
                self.hoisted.append((f"h{len(self.hoisted)}", e))
                found = variable(self.hoisted[-1][0], e.dtype)
            known[id(e)] = found
        return found

    def _prepared(self, expressions: Sequence[Expr]) -> list[Expr]:
        """The same split, the parts declared."""
        start = len(self.hoisted)
        known: dict[int, Expr] = {}
        result = [self._split(e, known) for e in expressions]
        new = self.hoisted[start:]
        if self.outer and new:
            for name, e in new:
                self.w.line(f"{TYPES[e.dtype]} {name}[{self.lanes}];")
                self.leaves["variable", name] = f"{name}[l]"
            with self.w.block("for (int l = 0; l < width; ++l)"):
                for (name, _), value in zip(new, self.w.values([e for _, e in new], self._fixed_leaves()), strict=True):
                    self.w.line(f"{name}[l] = {value};")
        elif new:
            values = self.w.values([e for _, e in new], self._fixed_leaves())
            self.leaves.update({("variable", name): value for (name, _), value in zip(new, values, strict=True)})
        return result

    def _fixed_leaves(self) -> dict[tuple[str, object], str]:
        leaves: dict[tuple[str, object], str] = {("index", "length"): "length"}
        for i, a in self.operands.items():
            across = f" + l * {self.strides[a.name][0][-1]}" if self.outer else ""
            leaves["load", i] = loaded(a.dtype, a.name, f"{a.name}_row{across}")
        for i in range(len(self.row.folds)):
            leaves["variable", f"r{i}"] = f"r{i}[l]" if self.outer else f"r{i}"
        return leaves

    def _place(self, name: str, at: str) -> str:
        step = self.steps[name]
        if self.grid:
            return f"{name}_line"
        if step == "s":
            return f"{name}_line + ({at}) * {self.strides[name][0 if self.outer else 1][-1]}"
        return f"{name}_line" + (f" + {at}" if step == "1" else "")

    def _values(self, expressions: Sequence[Expr], at: str, position: str) -> list[str]:
        leaves = {**self.leaves, ("index", "reduced"): f"({position})"}
        for i, a in self.operands.items():
            leaves["load", i] = loaded(a.dtype, a.name, self._place(a.name, at))
        if self.row.kept is not None:
            leaves["kept", None] = loaded(self.outs[0].dtype, "y0", self._place("y0", at))
        return self.w.values(expressions, leaves)

    def _each(
        self, expressions: Sequence[Expr], at: str, position: str, bound: str, use: Callable[[list[str]], None]
    ) -> None:
        """The loop over ``l`` below ``bound``, at most a block, in which the values are used."""
        if self.w.dialect.vectors:
            known: dict[int, Expr] = {}
            expressions = [self._staged(e, at, position, bound, known) for e in expressions]
        self.w.line("VECTOR")
        with self.w.block(f"for (int l = 0; l < {bound}; ++l)"):
            use(self._values(expressions, at, position))

    def _staged(self, e: Expr, at: str, position: str, bound: str, known: dict[int, Expr]) -> Expr:
        """``e`` with what functions give for a block of elements in arrays, which are made first."""
        if id(e) not in known:
            new = Expr(
                e.op, tuple([self._staged(a, at, position, bound, known) for a in e.args]), e.dtype, e.value
            )  # fmt: skip
            if e.op in LONG and len(e.args) == 1 and e.dtype is float32:
                w, name = self.w, self.w.fresh("s")
                w.line(f"f32 {name}[{self.lanes}];")
                if bound != str(self.lanes):
                    w.line(f"for (int l = 0; l < {self.lanes}; ++l) {name}[l] = 0;")
                w.line("VECTOR")
                with w.block(f"for (int l = 0; l < {bound}; ++l)"):
                    w.line(f"{name}[l] = {self._values(new.args, at, position)[0]};")
                for half in range(0, self.lanes, 8):
                    w.line(f"STORE_v8({name} + {half}, {e.op}_v8(LOAD_v8({name} + {half})));")
                self.leaves["variable", name] = f"{name}[l]"
                new = variable(name, float32)
            known[id(e)] = new
        return known[id(e)]

    # -- passes ----------------------------------------------------------------------------------------

    @contextmanager
    def _lines(self, first: str = "0", last: str = "") -> Iterator[None]:
        """The loop over the outer reduced dimensions (inner walk), or all of them."""
        r = self.sizes[1]
        over = r if self.outer else r[:-1]
        last = last or " * ".join(over) or "1"
        with self.w.block(f"for (i64 row = {first}; row < {last}; ++row)"):
            bases = {f"{n}_line": (f"{n}_row", s[1][: len(over)]) for n, s in self.strides.items()}
            self.w.offsets("row", over, bases)
            yield

    @contextmanager
    def _own(self) -> Iterator[None]:
        """On a grid: the loop over this caller's elements of the row."""
        first, step = ("LOCAL_ID", GROUP) if self.grid == "group" else ("0", 1)
        with self.w.block(f"for (i64 i = {first}; i < length; i += {step})"):
            self.w.offsets("i", self.sizes[1], {f"{n}_line": (f"{n}_row", s[1]) for n, s in self.strides.items()})
            yield

    def _pass(self, number: int) -> None:
        """Reductions that can be made after ``number - 1`` passes."""
        w = self.w
        chosen = [(f"{i}", op, e) for i, (op, e, level) in enumerate(self.row.folds) if level == number]
        kept = [self.row.kept[0]] if self.row.kept is not None and self.row.kept[1] == number else []
        prepared = self._prepared([*[e for *_, e in chosen], *kept])
        neutral = {i: self._neutral(op, e.dtype) for i, op, e in chosen}

        def declare(prefix: str, size: int = 0) -> None:
            for i, _, e in chosen:
                at = f"[{size}]" if size else f" = {neutral[i]}"
                w.line(f"{TYPES[e.dtype]} {prefix}{i}{at};")
            if size:
                reset(prefix)

        def reset(prefix: str) -> None:
            w.line(f"for (int l = 0; l < {self.lanes}; ++l) {{")
            for i, *_ in chosen:
                w.line(f"    {prefix}{i}[l] = {neutral[i]};")
            w.line("}")

        def join(target: Callable[[str], str], other: Mapping[str, str]) -> None:
            for i, op, e in chosen:
                both = apply(op, variable("a", e.dtype), variable("b", e.dtype))
                value = w.value(both, {("variable", "a"): target(i), ("variable", "b"): other[i]})
                w.line(f"{target(i)} = {value};")

        def into(target: Callable[[str], str], at: str, values: list[str]) -> None:
            join(target, {i: v for (i, *_), v in zip(chosen, values, strict=False)})
            if kept:
                w.line(stored(self.outs[0].dtype, "y0", self._place("y0", at), values[-1], kept[0].dtype))

        def take(target: Callable[[str], str], at: str, position: str, bound: str) -> None:
            self._each(prepared, at, position, bound, lambda values: into(target, at, values))

        if self.grid:
            declare("r")
            with self._own():
                into(lambda i: f"r{i}", "", self._values(prepared, "", "i"))
            if self.grid == "group":
                for i, _, e in chosen:
                    w.shared(TYPES[e.dtype], f"met{i}", GROUP)
                    w.line(f"met{i}[LOCAL_ID] = r{i};")
                w.line("BARRIER")
                with w.block(f"for (int fold = {GROUP // 2}; fold; fold /= 2)"):
                    with w.block("if (LOCAL_ID < fold)"):
                        join(lambda i: f"met{i}[LOCAL_ID]", {i: f"met{i}[LOCAL_ID + fold]" for i, *_ in chosen})
                    w.line("BARRIER")
                w.line(*[f"r{i} = met{i}[0];" for i, *_ in chosen])
            return
        if self.outer:
            declare("r", self.lanes)
            declare("lane", self.lanes)
            with w.block(f"for (i64 first = 0; first < length; first += {_ROWS})"):
                w.line(f"const i64 last = first + {_ROWS} < length ? first + {_ROWS} : length;")
                reset("lane")
                with self._lines("first", "last"):
                    for head, bound in ((f"if (width == {self.lanes})", str(self.lanes)), ("else", "width")):
                        with w.block(head):
                            take(lambda i: f"lane{i}[l]", "l", "row", bound)
                with w.block(f"for (int l = 0; l < {self.lanes}; ++l)"):
                    join(lambda i: f"r{i}[l]", {i: f"lane{i}[l]" for i, *_ in chosen})
            return
        inner = self.sizes[1][-1]
        declare("r")
        with self._lines(), w.block(f"for (i64 first = 0; first < {inner}; first += {BLOCK})"):
            w.line(f"const i64 last = first + {BLOCK} < {inner} ? first + {BLOCK} : {inner};")
            w.line("i64 i = first;")
            with w.block(f"if (last - first >= {self.lanes})"):
                declare("lane", self.lanes)
                with w.block(f"for (; i + {self.lanes} <= last; i += {self.lanes})"):
                    take(lambda i: f"lane{i}[l]", "i + l", f"row * {inner} + i + l", str(self.lanes))
                w.line(f"for (int fold = {self.lanes // 2}; fold; fold /= 2)")
                with w.block("    for (int l = 0; l < fold; ++l)"):
                    join(lambda i: f"lane{i}[l]", {i: f"lane{i}[l + fold]" for i, *_ in chosen})
                join(lambda i: f"r{i}", {i: f"lane{i}[0]" for i, *_ in chosen})
            with w.block("if (i < last)"):
                w.line("const int count = (int)(last - i);")
                take(lambda i: f"r{i}", "i + l", f"row * {inner} + i + l", "count")

    def _neutral(self, op: str, d: dtype) -> str:
        return self.w.value(const(0, d) if op == "add" else least(d, True), {})

    def _last(self) -> None:
        """The results by element."""
        w = self.w
        prepared = self._prepared(self.of_elements)
        inner = self.sizes[1][-1]

        def use(at: str, values: list[str]) -> None:
            for out, value, e in zip(self.outs, values, self.of_elements, strict=True):
                w.line(stored(out.dtype, out.name, self._place(out.name, at), value, e.dtype))

        def write(at: str, position: str, bound: str) -> None:
            self._each(prepared, at, position, bound, lambda values: use(at, values))

        if self.grid:
            with self._own():
                use("", self._values(prepared, "", "i"))
            return
        with self._lines():
            if self.outer:
                for head, bound in ((f"if (width == {self.lanes})", str(self.lanes)), ("else", "width")):
                    with w.block(head):
                        write("l", "row", bound)
                return
            w.line("i64 i = 0;")
            with w.block(f"for (; i + {self.lanes} <= {inner}; i += {self.lanes})"):
                write("i + l", f"row * {inner} + i + l", str(self.lanes))
            with w.block(f"if (i < {inner})"):
                w.line(f"const int count = (int)({inner} - i);")
                write("i + l", f"row * {inner} + i + l", "count")

    def _per_row(self) -> None:
        """The results by row."""
        if not self.results:
            return
        head = "if (LOCAL_ID == 0)" if self.grid == "group" else ""
        with self.w.block("for (int l = 0; l < width; ++l)" if self.outer else head):
            values = self.w.values(self.of_rows, self._fixed_leaves())
            at = f"outer * {self.sizes[0][-1]} + column + l" if self.outer else "unit"
            for z, value, e in zip(self.results, values, self.of_rows, strict=True):
                self.w.line(stored(z.dtype, z.name, f"{z.name}_offset + {at}", value, e.dtype))
