"""Kernels whose every result element comes from the operands' elements at the same place.

Specialized by the number of loops that are left after collapsing, and by how the innermost steps through each array
(dense, one element, any stride): so contiguous and broadcast operands are walked without multiplications, and a
compiler can use vectors.  Outer sizes and strides are arguments.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..dtypes import dtype
from .dialect import Dialect
from .family import loaded, stored
from .scalar import Expr, compute
from .writer import Array, Kernel, Writer

__all__ = ["BLOCK", "elementwise"]

BLOCK = 1 << 14
"""Elements of an innermost loop that one unit of work does, where units are long loops."""


def elementwise(
    dialect: Dialect,
    name: str,
    results: Sequence[tuple[Expr, dtype]],
    operands: Sequence[dtype | None],
    numbers: Sequence[tuple[int, dtype]],
    rank: int,
    classes: str,
    aliases: frozenset[int] = frozenset(),
) -> Kernel:
    """Render a kernel.

    Its arguments: (array, offset) of each array operand that is not aliased and each result; the numbers; ``rank``
    sizes; of each array, operands first, ``rank - 1`` strides and, where its class is "s", the innermost; elements of
    a unit.

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
    w.integer("block")
    inner = sizes[-1]
    with w.units():
        w.line(f"const i64 blocks = ({inner} + block - 1) / block, row = unit / blocks;")
        w.line("const i64 start = (unit - row * blocks) * block;")
        w.line(f"const i64 stop = start + block < {inner} ? start + block : {inner};")
        bases = {f"{a.name}_base": (f"{a.name}_offset", strides[a.name]) for a in walked}
        w.offsets("row", sizes[:-1], bases)
        w.line("VECTOR")
        with w.block("for (i64 i = start; i < stop; ++i)"):
            place = {
                a.name: f"{a.name}_base" + {"1": " + i", "0": "", "s": f" + i * {a.name}_step"}[steps[a.name]]
                for a in walked
            }
            leaves: dict[tuple[str, object], str] = {("index", "element"): f"(row * {inner} + i)"}
            for i, given in enumerate(operands):
                if given is not None:
                    source = "y0" if i in aliases else f"x{i}"
                    leaves["load", i] = loaded(given, source, place[source])
            leaves.update({("number", i): f"n{i}" for i, _ in numbers})
            values = w.values([e for e, _ in results], leaves)
            for out, value, (e, _) in zip(outs, values, results, strict=True):
                w.line(stored(out.dtype, out.name, place[out.name], value, e.dtype))
    return w.kernel(name)
