"""Kernels that copy or draw: rows of a table, their gradient, arrays joined, dropout."""

from __future__ import annotations

from ..dtypes import bool_, dtype, float32, int64
from .dialect import Dialect
from .family import TYPES, loaded, stored
from .scalar import compute
from .templates import PHILOX
from .writer import Array, Kernel, Writer

__all__ = ["COUNT", "cat", "dropout", "embedding", "embedding_grad"]

COUNT = 8
"""Arrays that one launch joins."""


def embedding(dialect: Dialect, name: str, d: dtype) -> Kernel:
    """Render rows of x at dense indices.

    Its arguments: (x, offset), (index, offset), (y, offset), y dense; indices, rows of x, its two strides, elements of
    a row; rows of y that a unit makes; the error word.
    """
    w = Writer(dialect)
    for a in (Array("x", d), Array("index", int64), Array("y", d, True)):
        w.array(a)
    w.integer("count", "size", "x_row", "x_column", "length", "block")
    w.raises = True
    with w.units():
        w.line("const i64 stop = (unit + 1) * block < count ? (unit + 1) * block : count;")
        with w.block("for (i64 i = unit * block; i < stop; ++i)"):
            w.line("const i64 at = index[index_offset + i], from = x_offset + at * x_row, to = y_offset + i * length;")
            w.line("if (at < 0 || at >= size) { REPORT(ERROR_INDEX, at, 0, size); continue; }")
            w.line("VECTOR")
            w.line("for (i64 j = 0; j < length; ++j) y[to + j] = x[from + j * x_column];")
    return w.kernel(name)


def embedding_grad(dialect: Dialect, name: str, d: dtype) -> Kernel:
    """Render dense rows added where dense indices point, in the compute type, in their order.

    Its arguments: (x, offset), (index, offset), (y, offset); indices, rows of y, the row that gets nothing (or -1),
    elements of a row; shares that the rows are split in, columns of a unit; the error word.
    """
    w = Writer(dialect)
    for a in (Array("x", d), Array("index", int64), Array("y", compute(d), True)):
        w.array(a)
    w.integer("count", "size", "skipped", "length", "shares", "columns")
    w.raises = True
    with w.units():
        w.line("const i64 share = unit % shares, first = unit / shares * columns;")
        w.line("const i64 last = first + columns < length ? first + columns : length;")
        w.line("const i64 low = size * share / shares, high = size * (share + 1) / shares;")
        w.line("for (i64 i = low; i < high; ++i)")
        w.line("    for (i64 j = first; j < last; ++j) y[y_offset + i * length + j] = 0;")
        with w.block("for (i64 i = 0; i < count; ++i)"):
            w.line("const i64 at = index[index_offset + i], from = x_offset + i * length, to = y_offset + at * length;")
            w.line("if (at < 0 || at >= size) { REPORT(ERROR_INDEX, at, 0, size); continue; }")
            w.line("if (at < low || at >= high || at == skipped) continue;")
            w.line("VECTOR")
            w.line(f"for (i64 j = first; j < last; ++j) y[to + j] += {loaded(d, 'x', 'from + j')};")
    return w.kernel(name)


def cat(dialect: Dialect, name: str, d: dtype) -> Kernel:
    """Render dense arrays written beside each other.

    Its arguments: for each of COUNT places (array, offset), its elements in a row of the result, where they begin
    there, and all its elements; (y, offset); elements of a row of y; elements of a unit.
    """
    w = Writer(dialect)
    for t in range(COUNT):
        w.array(Array(f"x{t}", d))
        w.integer(f"length{t}", f"start{t}", f"size{t}")
    w.array(Array("y", d, True))
    w.integer("row", "block")
    with w.units():
        w.line("i64 at = unit;")
        for t in range(COUNT):
            w.line(f"const i64 blocks{t} = (size{t} + block - 1) / block;")
            with w.block(f"if (at >= 0 && at < blocks{t})"):
                w.line(f"const i64 stop = (at + 1) * block < size{t} ? (at + 1) * block : size{t};")
                with w.block("for (i64 i = at * block; i < stop;)"):
                    w.line(f"const i64 line = i / length{t}, column = i - line * length{t};")
                    w.line(f"const i64 to = y_offset + line * row + start{t} + column, from = x{t}_offset + i;")
                    w.line(f"const i64 run = length{t} - column < stop - i ? length{t} - column : stop - i;")
                    w.line("VECTOR")
                    w.line(f"for (i64 j = 0; j < run; ++j) y[to + j] = x{t}[from + j];")
                    w.line("i += run;")
            w.line(f"at -= blocks{t};")
    return w.kernel(name)


def dropout(dialect: Dialect, name: str, d: dtype) -> Kernel:
    """Render elements kept where a uniform draw is below a limit, scaled; and which were.

    Its arguments: (x, offset), (y, offset), (mask, offset), all dense; seed, number of the first block, elements, the
    limit, the factor, blocks of four words that a unit draws.
    """
    w = Writer(dialect)
    w.functions["philox"] = PHILOX
    t = TYPES[compute(d)]
    for a in (Array("x", d), Array("y", d, True), Array("mask", bool_, True)):
        w.array(a)
    w.integer("seed", "counter", "count")
    w.scalar("limit", float32)
    w.scalar("factor", compute(d))
    w.integer("block")
    with w.units():
        w.line("const i64 blocks = (count + 3) / 4, start = unit * block;")
        w.line("const i64 stop = start + block < blocks ? start + block : blocks;")
        with w.block("for (i64 i = start; i < stop; ++i)"):
            w.line("const u64 number = (u64)counter + (u64)i;")
            w.line("u32 word[4] = {(u32)number, (u32)(number >> 32), 0, 0};")
            w.line("philox(word, (u32)seed, (u32)((u64)seed >> 32));")
            with w.block("for (int j = 0; j < 4 && 4 * i + j < count; ++j)"):
                w.line("const i64 at = 4 * i + j;")
                w.line("const u8 kept = (u8)((f32)(word[j] >> 8) * 0x1p-24f < limit);")
                w.line("mask[mask_offset + at] = kept;")
                value = f"({loaded(d, 'x', 'x_offset + at')} * ({t})kept * factor)"
                w.line(stored(d, "y", "y_offset + at", value, compute(d)))
    return w.kernel(name)
