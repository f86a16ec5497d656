"""Operands of convolutions, packed for the product of matrices: windows as columns, weights as lines.

Forward, the columns are output positions and their elements (channel, place in the window); for the gradient of the
weight it is the other way round; for that of the input, columns are input positions, to which windows are laid
backwards.  One kernel makes all three: an element's coordinate in the array is a part from its column plus a part from
its place along it.
"""

from __future__ import annotations

from ..dtypes import dtype
from .dialect import Dialect
from .family import TYPES, loaded, stored
from .scalar import compute
from .writer import Array, Kernel, Writer

__all__ = ["pack_columns", "pack_lines"]


def _callers(grid: bool, width: int) -> tuple[str, int]:
    """Of a panel's lines, the first that a caller does, and how far it is to the next: on a grid it does one."""
    return ("LOCAL_ID", width) if grid else ("0", 1)


def pack_columns(dialect: Dialect, name: str, d: dtype, rank: int, width: int, steps: bool, ones: bool) -> Kernel:
    """Render the kernel of windows: panels [panels, k, width], zeros where there is no element.

    Its arguments: (x, offset); (y, offset); lines of a matrix; matrices side by side, x's step from one to the next
    and to the next row of them; lines' step in x beyond the window, then for each dimension of the window their size,
    factor and start; the same of k, with a size beyond the window; for each dimension x's size and stride and, where
    ``steps``, what coordinates must be multiples of.

    Args:
        ones: whether each panel ends with a row of ones, for a bias.
    """
    grid = dialect.schedule == "grid"
    w = Writer(dialect, group=width if grid else 0)  # a caller for each line
    t, dims = TYPES[compute(d)], range(rank)
    own, at = (1, "[0]") if grid else (width, "[l]")
    start, step = _callers(grid, width)
    every = f"for (int l = {start}; l < {width}; l += {step})"
    w.array(Array("x", d))
    w.array(Array("y", compute(d), True))
    w.integer("lines", "beside", "x_beside", "x_below", "x_line")
    w.integer(*[f"{n}{i}" for i in dims for n in ("line_size", "line_factor", "line_start")])
    w.integer("k_outer", "x_k", *[f"{n}{i}" for i in dims for n in ("k_size", "k_factor", "k_start")])
    w.integer(*[f"{n}{i}" for i in dims for n in ("size", "stride", *(("step",) if steps else ()))])
    with w.units():
        w.line(f"const i64 panels = (lines + {width - 1}) / {width}, matrix = unit / panels;")
        w.line(f"const i64 first = (unit - matrix * panels) * {width};")
        w.line(f"const int inside = first + {width} <= lines ? {width} : (int)(lines - first);")
        w.line("const i64 base = x_offset + matrix / beside * x_below + matrix % beside * x_beside;")
        k = " * ".join(["k_outer", *[f"k_size{i}" for i in dims]])
        w.line(f"i64 to = y_offset + unit * ({k}{' + 1' if ones else ''}) * {width};")
        w.line(f"int {', '.join(f'at{i}[{own}]' for i in dims)}, place[{own}];")
        with w.block(every):
            w.line("i64 rest = first + l;")
            for i in reversed(dims):
                w.line(f"const int c{i} = (int)(rest % line_size{i}); rest /= line_size{i};")
                w.line(f"at{i}{at} = l < inside ? c{i} * (int)line_factor{i} + (int)line_start{i} : -(1 << 30);")
            inner = [] if steps else [f"at{i}{at} * (int)stride{i}" for i in dims]
            w.line(f"place{at} = l < inside ? {' + '.join(['(int)(rest * x_line)', *inner])} : 0;")
        heads = ["for (i64 ko = 0; ko < k_outer; ++ko)"]
        heads += [f"for (int k{i} = 0; k{i} < k_size{i}; ++k{i})" for i in dims]
        with w.block(" ".join(heads)):
            for i in dims:
                w.line(f"const int move{i} = k{i} * (int)k_factor{i} + (int)k_start{i};")
            moves = [] if steps else [f"move{i} * (int)stride{i}" for i in dims]
            w.line(f"const i64 from = base + ko * x_k{''.join(f' + {m}' for m in moves)};")
            w.line("VECTOR")
            with w.block(every):
                tests, terms = [], [f"place{at}"]
                for i in dims:
                    w.line(f"const int p{i} = at{i}{at} + move{i};")
                    if steps:
                        w.line(f"const int q{i} = p{i} / (int)step{i};")
                        tests += [f"p{i} >= 0", f"q{i} * (int)step{i} == p{i}", f"q{i} < (int)size{i}"]
                        terms.append(f"q{i} * (int)stride{i}")
                    else:
                        tests += [f"p{i} >= 0", f"p{i} < (int)size{i}"]
                w.line(f"const int ok = {' & '.join(f'({s})' for s in tests)};")
                w.line(f"const i64 source = ok ? from + ({' + '.join(terms)}) : base;")
                value = loaded(d, "x", "source")
                w.line(stored(compute(d), "y", "to + l", f"ok ? {value} : ({t})0", compute(d)))
            w.line(f"to += {width};")
        if ones:
            w.line(f"{every} y[to + l] = 1;")
    return w.kernel(name)


def pack_lines(dialect: Dialect, name: str, d: dtype, width: int, last: str) -> Kernel:
    """Render the packing of lines whose elements are in two loops: panels [panels, k, width], zeros beyond the edge.

    ``last`` is what each line ends with: "bias", "one" (which a bias in the other operand is multiplied by), or "".

    Arguments: (x, offset); where there is a bias (bias, offset), dense; (y, offset); lines of a matrix; the two sizes
    of k; x's step across lines, in the two loops, and from matrix to matrix; after how many matrices they begin again.
    """
    grid = dialect.schedule == "grid"
    w = Writer(dialect, group=width if grid else 0)
    first, step = _callers(grid, width)
    c = compute(d)
    w.array(Array("x", d))
    if last == "bias":
        w.array(Array("bias", d))
    w.array(Array("y", c, True))
    w.integer("lines", "k_outer", "k_inner", "x_line", "x_outer", "x_inner", "x_matrix", "again")
    with w.units():
        w.line(f"const i64 panels = (lines + {width - 1}) / {width}, matrix = unit / panels % again;")
        w.line(f"const i64 first = unit % panels * {width};")
        w.line(f"const int inside = first + {width} <= lines ? {width} : (int)(lines - first);")
        w.line("const i64 base = x_offset + matrix * x_matrix + first * x_line;")
        w.line(f"i64 to = y_offset + unit * (k_outer * k_inner{' + 1' if last else ''}) * {width};")
        with w.block("for (i64 o = 0; o < k_outer; ++o) for (i64 i = 0; i < k_inner; ++i)"):
            value = loaded(d, "x", "base + o * x_outer + i * x_inner + l * x_line")
            w.line(f"for (int l = {first}; l < inside; l += {step}) y[to + l] = {value};")
            w.line(f"for (int l = inside + {first}; l < {width}; l += {step}) y[to + l] = 0;")
            w.line(f"to += {width};")
        if last:
            value = loaded(d, "bias", "bias_offset + matrix * lines + first + l") if last == "bias" else "1"
            w.line(f"for (int l = {first}; l < {width}; l += {step}) y[to + l] = l < inside ? {value} : 0;")
    return w.kernel(name)
