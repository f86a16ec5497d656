"""Kernels that change several lists of dense arrays in place, element by element: optimizer steps."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from zlib import crc32

from ..dtypes import dtype
from .dialect import Dialect
from .family import TYPES, loaded, stored
from .lowering import UpdateFunction
from .scalar import cast, compute, load, number
from .writer import Array, Kernel, Writer

__all__ = ["COUNT", "update"]

COUNT = 8
"""Arrays of a list that one launch takes."""


def update(
    dialect: Dialect, name: str, function: UpdateFunction, flags: Any, dtypes: Sequence[dtype | None],
    single: Sequence[bool], numbers: int,
) -> Kernel:  # fmt: skip
    """Render a kernel.

    Its arguments: for each of COUNT places, (array, offset) of each list that is there, and the number of elements; the
    numbers; elements of a unit.

    Args:
        function: ``function(flags, elements, numbers)`` gives each list's new elements, None where they stay.
        dtypes: of each list; None where there is none.
        single: whether a list's arrays have one element, which serves all.
    """
    body, w = Writer(dialect), Writer(dialect)
    listed = [(i, d) for i, d in enumerate(dtypes) if d is not None]
    wide = compute(listed[0][1])
    elements = [None if d is None else cast(load(i, d), wide) for i, d in enumerate(dtypes)]
    results = function(flags, elements, [number(i, wide) for i in range(numbers)])
    written = [(i, e) for i, e in enumerate(results) if e is not None]
    leaves: dict[tuple[str, object], str] = {("number", i): f"n{i}" for i in range(numbers)}
    for i, d in listed:
        leaves["load", i] = loaded(d, f"x{i}", "0" if single[i] else "i")
    body.line("VECTOR")
    with body.block("for (i64 i = start; i < stop; ++i)"):
        values = body.values([e for _, e in written], leaves)
        for (i, e), value in zip(written, values, strict=True):
            body.line(stored(dict(listed)[i], f"x{i}", "i", value, e.dtype))
    changed = {i for i, _ in written}
    head = [f"GLOBAL {'' if i in changed else 'const '}{TYPES[d]}* RESTRICT x{i}" for i, d in listed]
    used = [i for i in range(numbers) if re.search(rf"\bn{i}\b", "\n".join(body.lines))]
    head += [f"const {TYPES[wide]} n{i}" for i in used] + ["const i64 start", "const i64 stop"]
    w.functions.update(body.functions)
    text = "\n".join(body.lines)
    block = f"{name}_{crc32(repr((head, text)).encode()):08x}"
    w.functions[block] = f"INLINE void {block}({', '.join(head)}) {{\n{text}\n}}"
    for t in range(COUNT):
        for i, d in listed:
            w.array(Array(f"x{i}_{t}", d, i in changed))
        w.integer(f"size{t}")
    for i in range(numbers):
        w.scalar(f"n{i}", wide)
    w.integer("block")
    with w.units():
        w.line("i64 at = unit;")
        for t in range(COUNT):
            given = [f"x{i}_{t} + x{i}_{t}_offset" for i, _ in listed] + [f"n{i}" for i in used]
            w.line(f"const i64 blocks{t} = (size{t} + block - 1) / block;")
            with w.block(f"if (at >= 0 && at < blocks{t})"):
                w.line(f"const i64 stop = (at + 1) * block < size{t} ? (at + 1) * block : size{t};")
                w.line(f"{block}({', '.join([*given, 'at * block', 'stop'])});")
            w.line(f"at -= blocks{t};")
    return w.kernel(name)
