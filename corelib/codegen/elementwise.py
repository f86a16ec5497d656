"""Kernels whose every result element comes from the operands' elements at the same place.

Specialized by the number of loops that are left after collapsing, and by how the innermost steps through each array
(dense, one element, any stride): so contiguous and broadcast operands are walked without multiplications, and a
compiler can use vectors.  Outer sizes and strides are arguments.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..dtypes import dtype, float32
from .dialect import Dialect
from .family import FUNCTIONS, loaded, stored
from .scalar import Expr, compute
from .writer import Array, Kernel, Writer

__all__ = ["BLOCK", "LONG", "TILE", "elementwise"]

Results = Sequence[tuple[Expr, dtype]]
Operands = Sequence[dtype | None]
Numbers = Sequence[tuple[int, dtype]]
Leaves = dict[tuple[str, object], str]

BLOCK = 1 << 14
"""Elements of an innermost loop that one unit of work does, where units are long loops."""
TILE = (16, 64)
"""Rows and elements of a unit where an array is dense across the rows (a transposed one): a cache line of it serves
sixteen rows."""


def elementwise(
    dialect: Dialect,
    name: str,
    results: Results,
    operands: Operands,
    numbers: Numbers,
    rank: int,
    classes: str,
    aliases: frozenset[int] = frozenset(),
) -> Kernel:
    """Render a kernel.

    Its arguments: (array, offset) of each array operand that is not aliased and each result; the numbers; ``rank``
    sizes; of each array, operands first, ``rank - 1`` strides and, where its class is "s", the innermost; elements of
    a unit; before these, where there is more than one loop, rows of a unit.

    Args:
        results: expressions over ``load(i)``, ``number(i)`` and ``index("element")``, and the dtypes stored.
        operands: the dtype of each operand that is an array; None where it is a number or absent.
        numbers: positions and dtypes of the operands that are numbers.
        rank: loops.
        classes: of each array operand, then each result: "1", "0" or "s".
        aliases: operands whose view is the (only) result's; they are read through its pointer.
    """
    w = Writer(dialect)
    arrays = [Array(f"x{i}", d) for i, d in enumerate(operands) if d is not None]
    outs = [Array(f"y{i}", d, True) for i, (_, d) in enumerate(results)]
    steps = dict(zip([a.name for a in [*arrays, *outs]], classes, strict=True))
    walked = [a for a in [*arrays, *outs] if a.name not in {f"x{i}" for i in aliases}]
    for a in walked:
        w.array(a)
    for i, d in numbers:
        w.scalar(f"n{i}", compute(d))
    sizes = [f"size{d}" for d in range(rank)]
    w.integer(*sizes)
    strides = {a.name: [f"{a.name}_stride{d}" for d in range(rank - 1)] for a in walked}
    for a in walked:
        w.integer(*strides[a.name], *([f"{a.name}_step"] if steps[a.name] == "s" else []))
    w.integer(*(["tall"] if rank > 1 else []), "block")
    inner = sizes[-1]
    bases = {f"{a.name}_base": (f"{a.name}_offset", strides[a.name]) for a in walked}
    with w.units():
        w.line(f"const i64 blocks = ({inner} + block - 1) / block, group = unit / blocks;")
        w.line("const i64 start = (unit - group * blocks) * block;")
        w.line(f"const i64 stop = start + block < {inner} ? start + block : {inner};")
        if rank > 1:
            w.line(f"const i64 rows = {' * '.join(sizes[:-1])};")
            w.line("const i64 below = (group + 1) * tall < rows ? (group + 1) * tall : rows;")
            head = "for (i64 row = group * tall; row < below; ++row)"
        else:
            w.line("const i64 row = 0;")
            head = ""
        with w.block(head):
            w.offsets("row", sizes[:-1], bases)
            body = _vectors if dialect.vectors and _vectorizable(e for e, _ in results) else _elements
            body(w, results, operands, numbers, outs, walked, steps, aliases, inner)
    return w.kernel(name)


def _elements(
    w: Writer, results: Results, operands: Operands, numbers: Numbers, outs: list[Array], walked: list[Array],
    steps: dict[str, str], aliases: frozenset[int], inner: str,
) -> None:  # fmt: skip
    """The innermost loop, element by element."""
    w.line("VECTOR")
    with w.block("for (i64 i = start; i < stop; ++i)"):
        place = {a.name: f"{a.name}_base" + _AT[steps[a.name]].format(a.name) for a in walked}
        leaves: Leaves = {("index", "element"): f"(row * {inner} + i)"}
        for i, given in enumerate(operands):
            if given is not None:
                source = "y0" if i in aliases else f"x{i}"
                leaves["load", i] = loaded(given, source, place[source])
        leaves.update({("number", i): f"n{i}" for i, _ in numbers})
        values = w.values([e for e, _ in results], leaves)
        for out, value, (e, _) in zip(outs, values, results, strict=True):
            w.line(stored(out.dtype, out.name, place[out.name], value, e.dtype))


_AT = {"1": " + i", "0": "", "s": " + i * {}_step"}


def _vectorizable(results: Iterable[Expr]) -> bool:
    """Whether it is arithmetic in float32 with a function in it, of which compilers make no vectors by themselves."""
    found = False
    pending = list(results)
    while pending:
        e = pending.pop()
        if e.dtype is not float32 or e.op not in _VECTOR_OPS:
            return False
        found |= e.op in LONG
        pending += e.args
    return found


LONG = frozenset(FUNCTIONS) - {"fabs", "sqrt", "floor", "rint", "trunc", "ceil", "copysign", "fma"}
"""Functions that compilers make no vectors of by themselves."""
_VECTOR_OPS = frozenset(FUNCTIONS) | {"load", "number", "const", "add", "sub", "mul", "div", "neg", "abs", "round"}


def _vectors(
    w: Writer, results: Results, operands: Operands, numbers: Numbers, outs: list[Array], walked: list[Array],
    steps: dict[str, str], aliases: frozenset[int], inner: str,
) -> None:  # fmt: skip
    """The innermost loop, eight elements at a time, in every layout and at the end too: a language's functions of a
    vector and of a number may differ in the last place, and where an element stands must not show."""
    with w.block("for (i64 i = start; i < stop; i += 8)"):
        w.line("const int count = stop - i < 8 ? (int)(stop - i) : 8;")
        place = {
            a.name: f"{a.name}_base" + _AT[steps[a.name]].replace("i", "(i + l)", 1).format(a.name) for a in walked
        }
        leaves: Leaves = {("number", i): f"((v8)(n{i}))" for i, _ in numbers}
        for i, given in enumerate(operands):
            if given is None:
                continue
            source = "y0" if i in aliases else f"x{i}"
            w.line(f"v8 v{i};")
            dense = given is float32 and steps[source] == "1"
            if dense:
                w.line(f"if (count == 8) v{i} = LOAD_v8({source} + {source}_base + i); else")
            with w.block(""):
                w.line("f32 part[8] = {0, 0, 0, 0, 0, 0, 0, 0};")
                w.line(f"for (int l = 0; l < count; ++l) part[l] = {loaded(given, source, place[source])};")
                w.line(f"v{i} = LOAD_v8(part);")
            leaves["load", i] = f"v{i}"
        values = w.values([e for e, _ in results], leaves, vectors=True)
        for out, value in zip(outs, values, strict=True):
            if out.dtype is float32 and steps[out.name] == "1":
                w.line(f"if (count == 8) STORE_v8({out.name} + {out.name}_base + i, {value}); else")
            with w.block(""):
                w.line(f"f32 part[8]; STORE_v8(part, {value});")
                w.line("for (int l = 0; l < count; ++l)")
                w.line("    " + stored(out.dtype, out.name, place[out.name], "part[l]", float32))
