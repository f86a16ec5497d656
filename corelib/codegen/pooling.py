"""Pools over windows of the last two dimensions: a unit is a row of the result (or, of the gradient, a plane)."""

from __future__ import annotations

from ..dtypes import dtype, int64
from .dialect import Dialect
from .family import TYPES, loaded, stored
from .scalar import compute
from .writer import Array, Kernel, Writer

__all__ = ["avg_pool", "max_pool", "max_pool_grad"]


LANES = 8


def _rows(w: Writer, sizes: tuple[str, ...]) -> None:
    """Parameters of a pool, and where a unit's row begins: ``base`` in x, ``top`` its first row there."""
    w.integer("beside", "x_below", "x_beside", "height", "width", "x_row", "x_column", "rows", "columns", *sizes)
    w.integer(*[f"{n}{i}" for n in ("window", "stride", "padding", "dilation") for i in (0, 1)])


_START = (
    "const i64 plane = unit / rows, top = unit % rows * stride0 - padding0;",
    "const i64 base = x_offset + plane / beside * x_below + plane % beside * x_beside;",
)


def max_pool(dialect: Dialect, name: str, d: dtype) -> Kernel:
    """Render the maximum and its place in the plane; the first of ties, nan above all.

    Its arguments: (x, offset), (y, offset), (place, offset), the results dense; planes side by side, x's steps from one
    row of planes to the next and from plane to plane; x's last two sizes and strides; the result's last two sizes;
    pairs: window, stride, padding, dilation.
    """
    w = Writer(dialect)
    for a in (Array("x", d), Array("y", d, True), Array("place", int64, True)):
        w.array(a)
    _rows(w, ())
    t = TYPES[compute(d)]
    nan = " | ((v != v) & (best[l] == best[l]))" if d.category == 2 else ""
    with w.units():
        w.line(*_START)
        with w.block(f"for (i64 first = 0; first < columns; first += {LANES})"):
            w.line(f"const int count = first + {LANES} <= columns ? {LANES} : (int)(columns - first);")
            w.line(f"{t} best[{LANES}];", f"int at[{LANES}];")
            w.line(f"for (int l = 0; l < {LANES}; ++l) {{ best[l] = 0; at[l] = -1; }}")
            with w.block("for (i64 a = 0; a < window0; ++a)"):
                w.line("const i64 i = top + a * dilation0, line = base + i * x_row;")
                w.line("if (i < 0 || i >= height) continue;")
                with w.block("for (i64 b = 0; b < window1; ++b)"):
                    w.line("const int left = (int)(first * stride1 - padding1 + b * dilation1);")
                    w.line("VECTOR")
                    with w.block(f"for (int l = 0; l < {LANES}; ++l)"):  # no branches, half of which would miss
                        w.line("const int j = left + l * (int)stride1;")
                        w.line("const int inside = (j >= 0) & (j < (int)width) & (l < count);")
                        w.line(f"const {t} v = {loaded(d, 'x', 'line + (inside ? j : 0) * x_column')};")
                        w.line(f"const int better = inside & ((at[l] < 0) | (v > best[l]){nan});")
                        w.line("best[l] = better ? v : best[l];")
                        w.line("at[l] = better ? (int)(i * width) + j : at[l];")
            with w.block("for (int l = 0; l < count; ++l)"):
                w.line(stored(d, "y", "y_offset + unit * columns + first + l", "best[l]", compute(d)))
                w.line("place[place_offset + unit * columns + first + l] = at[l];")
    return w.kernel(name)


def max_pool_grad(dialect: Dialect, name: str, d: dtype) -> Kernel:
    """Render each gradient added where its maximum was found, in the compute type.

    Its arguments: (x, offset), (place, offset), (y, offset), all dense; elements of a plane of x, and of y; the error
    word.  A unit is a plane.
    """
    w = Writer(dialect)
    c = compute(d)
    for a in (Array("x", d), Array("place", int64), Array("y", c, True)):
        w.array(a)
    w.integer("count", "size")
    w.raises = True
    with w.units():
        w.line("const i64 to = y_offset + unit * size, from = unit * count;")
        w.line("for (i64 i = 0; i < size; ++i) y[to + i] = 0;")
        with w.block("for (i64 i = 0; i < count; ++i)"):
            w.line("const i64 at = place[place_offset + from + i];")
            w.line("if (at < 0 || at >= size) { REPORT(ERROR_INDEX, at, 1, size); continue; }")
            w.line(f"y[to + at] += {loaded(d, 'x', 'x_offset + from + i')};")
    return w.kernel(name)


def avg_pool(dialect: Dialect, name: str, d: dtype) -> Kernel:
    """Render the mean of each window.

    Its arguments: (x, offset), (y, offset), y dense; as of :func:`max_pool`, with whether padding counts after the
    sizes; what to divide by, or 0 for the number of elements.
    """
    w = Writer(dialect)
    c = compute(d)
    t = TYPES[c]
    for a in (Array("x", d), Array("y", d, True)):
        w.array(a)
    _rows(w, ("padded",))
    w.scalar("divisor", c)
    with w.units():
        w.line(*_START)
        w.line("const i64 low = padded ? padding0 : 0, side = padded ? padding1 : 0;")
        w.line("const i64 bottom = top + window0 < height + low ? top + window0 : height + low;")
        w.line("const i64 tall = padded || top > 0 ? bottom - top : bottom;")
        with w.block("for (i64 column = 0; column < columns; ++column)"):
            w.line("const i64 left = column * stride1 - padding1;")
            w.line("const i64 right = left + window1 < width + side ? left + window1 : width + side;")
            w.line("const i64 wide = padded || left > 0 ? right - left : right;")
            w.line(f"{t} total = 0;")
            with w.block("for (i64 i = top > 0 ? top : 0; i < bottom && i < height; ++i)"):
                w.line("for (i64 j = left > 0 ? left : 0; j < right && j < width; ++j)")
                w.line(f"    total += {loaded(d, 'x', 'base + i * x_row + j * x_column')};")
            w.line(f"const {t} mean = total / (divisor != 0 ? divisor : ({t})(tall * wide));")
            w.line(stored(d, "y", "y_offset + unit * columns + column", "mean", c))
    return w.kernel(name)
