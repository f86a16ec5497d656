"""Kernels written by hand in the C family: random bits, sorting, matrix products."""

from __future__ import annotations

from ..dtypes import dtype, float32, int64
from .dialect import Dialect
from .family import TYPES, loaded, stored
from .scalar import apply, compute, load, variable
from .writer import Array, Kernel, Writer

__all__ = ["PHILOX", "matmul", "random_bits", "sort", "tile"]

PHILOX = """INLINE void philox(u32* c, u32 k0, u32 k1) {
    for (int round = 0; round < 10; ++round) {
        const u64 p = (u64)0xD2511F53u * c[0], q = (u64)0xCD9E8D57u * c[2];
        const u32 c1 = c[1], c3 = c[3];
        c[0] = (u32)(q >> 32) ^ c1 ^ k0; c[1] = (u32)q;
        c[2] = (u32)(p >> 32) ^ c3 ^ k1; c[3] = (u32)p;
        k0 += 0x9E3779B9u; k1 += 0xBB67AE85u;
    }
}"""


def random_bits(dialect: Dialect) -> Kernel:
    """Philox-4x32-10 words (Salmon et al., 2011): word i mod 4 of block offset + i / 4 is element i.

    Arguments: (y, offset), seed, number of the first block, elements, blocks a unit.
    """
    w = Writer(dialect)
    w.functions["philox"] = PHILOX
    w.array(Array("y", int64, True))
    w.integer("seed", "counter", "count", "block")
    with w.units():
        w.line("const i64 blocks = (count + 3) / 4, start = unit * block;")
        w.line("const i64 stop = start + block < blocks ? start + block : blocks;")
        with w.block("for (i64 i = start; i < stop; ++i)"):
            w.line("const u64 number = (u64)counter + (u64)i;")
            w.line("u32 word[4] = {(u32)number, (u32)(number >> 32), 0, 0};")
            w.line("philox(word, (u32)seed, (u32)((u64)seed >> 32));")
            w.line("for (int j = 0; j < 4; ++j) if (4 * i + j < count) y[y_offset + 4 * i + j] = word[j];")
    return w.kernel("random_bits")


def sort(dialect: Dialect, name: str, d: dtype, descending: bool, group: bool = False) -> Kernel:
    """A stable merge sort of the dense lines of ``values``, from the bottom up; nan is the largest.

    Arguments: (values, offset) and (places, offset), the result, values holding the operand's elements; the same two of
    scratch memory; length.  A unit is a line, by one caller or by a group.
    """
    w = Writer(dialect, group=GROUP if group else 0)
    arrays = [Array("v", d, True), Array("p", int64, True), Array("sv", d, True), Array("sp", int64, True)]
    for a in arrays:
        w.array(a)
    w.integer("length")
    t, c = TYPES[d], compute(d)
    behind = f"{'before' if descending else 'behind'}_{t}"
    w.functions[behind] = _behind(behind, d, c, descending)
    first, step = ("LOCAL_ID", str(GROUP)) if group else ("0", "1")
    every = f"for (i64 i = {first}; i < length; i += {step})"
    barrier = ("BARRIER",) if group else ()
    with w.units():
        for a in arrays:
            const = "GLOBAL " + TYPES[a.dtype]
            w.line(f"{const}* {a.name}_line = {a.name} + {a.name}_offset + unit * length;")
        w.line(f"{every} p_line[i] = i;", *barrier)
        w.line(f"GLOBAL {t}* from = v_line; GLOBAL {t}* to = sv_line;")
        w.line("GLOBAL i64* from_p = p_line; GLOBAL i64* to_p = sp_line;")
        with w.block("for (i64 run = 1; run < length; run *= 2)"):
            if group:
                _merge_places(w, d, behind, every)
            else:
                _merge_runs(w, d, behind)
            w.line(*barrier, f"GLOBAL {t}* v_other = from; from = to; to = v_other;")
            w.line("GLOBAL i64* p_other = from_p; from_p = to_p; to_p = p_other;")
        w.line(f"if (from != v_line) {every} {{ v_line[i] = from[i]; p_line[i] = from_p[i]; }}", *barrier)
    return w.kernel(name)


def _merge_runs(w: Writer, d: dtype, behind: str) -> None:
    with w.block("for (i64 low = 0; low < length; low += 2 * run)"):
        w.line("const i64 middle = low + run < length ? low + run : length;")
        w.line("const i64 high = middle + run < length ? middle + run : length;")
        w.line("i64 i = low, j = middle;")
        with w.block("for (i64 k = low; k < high; ++k)"):
            right, left = loaded(d, "from", "j"), loaded(d, "from", "i")
            w.line(f"const int second = j < high && (i >= middle || {behind}({left}, {right}));")
            w.line("const i64 at = second ? j++ : i++;")
            w.line("to[k] = from[at]; to_p[k] = from_p[at];")


def _merge_places(w: Writer, d: dtype, behind: str, every: str) -> None:
    """Each element's place: its own in its run, and how many of the neighbouring run go before it."""
    t = TYPES[compute(d)]
    with w.block(every):
        w.line("const i64 low = i / (2 * run) * (2 * run), middle = low + run < length ? low + run : length;")
        w.line("const i64 high = middle + run < length ? middle + run : length;")
        w.line(f"const int second = i >= middle; const {t} own = {loaded(d, 'from', 'i')};")
        w.line("i64 first = second ? low : middle, last = second ? middle : high;")
        with w.block("while (first < last)"):
            w.line(f"const i64 mid = (first + last) / 2; const {t} other = {loaded(d, 'from', 'mid')};")
            w.line(f"if (second ? !{behind}(other, own) : {behind}(own, other)) first = mid + 1; else last = mid;")
        w.line("to[i + first - middle] = from[i]; to_p[i + first - middle] = from_p[i];")


def _behind(name: str, d: dtype, c: dtype, descending: bool) -> str:
    """Whether ``a``, which was before ``b``, belongs behind it."""
    order = "b > a" if descending else "b < a"
    if d.category == 2:
        missing = "(b != b && a == a)" if descending else "(a != a && b == b)"
        order = f"{missing} || {order}"
    t = TYPES[c]
    return f"INLINE int {name}({t} a, {t} b) {{ return {order}; }}"


ROWS = 12
GROUP = 256
"""Callers of a group."""


def tile(dialect: Dialect) -> tuple[int, int]:
    """Rows and columns of the product that one unit makes in registers: columns are two of the dialect's vectors.

    On a grid a unit is a group's, each of whose callers makes a sixteenth of both.
    """
    return (64, 64) if dialect.schedule == "grid" else (ROWS, 2 * dialect.lanes)


def matmul(dialect: Dialect, name: str, d: dtype) -> Kernel:
    """Products of packed matrices: a in panels of a tile's rows, b in panels of its columns.

    Arguments: (a, offset), (b, offset), (y, offset) with y dense; m, n, k; panels from one matrix of a to the next, and
    of b (0 where it is the same for all).  A unit is a tile of one product; those beneath each other share b's panel.
    """
    grid = dialect.schedule == "grid"
    w = Writer(dialect, group=GROUP if grid else 0)
    c, t = compute(d), TYPES[compute(d)]
    for a in (Array("a", c), Array("b", c), Array("y", d, True)):
        w.array(a)
    w.integer("m", "n", "k", "a_panels", "b_panels")
    rows, columns = tile(dialect)
    with w.units():
        w.line(f"const i64 down = (m + {rows - 1}) / {rows}, across = (n + {columns - 1}) / {columns};")
        w.line("const i64 matrix = unit / (down * across), tile = unit - matrix * down * across;")
        w.line("const i64 i = tile % down, j = tile / down;")
        w.line(f"GLOBAL const {t}* RESTRICT pa = a + a_offset + (matrix * a_panels + i) * k * {rows};")
        w.line(f"GLOBAL const {t}* RESTRICT pb = b + b_offset + (matrix * b_panels + j) * k * {columns};")
        if grid:
            _tile_group(w, c, d)
        else:
            _tile(w, c, d)
    return w.kernel(name, contract=True)


def _tile(w: Writer, c: dtype, d: dtype) -> None:
    """A tile by one caller, in its registers."""
    rows, columns = tile(w.dialect)
    if c is float32:
        _tile_vector(w)
    else:
        _tile_scalar(w, c)
    w.line(f"const i64 to = y_offset + matrix * m * n + i * {rows} * n + j * {columns};")
    w.line(f"const int height = m - i * {rows} < {rows} ? (int)(m - i * {rows}) : {rows};")
    w.line(f"const int width = n - j * {columns} < {columns} ? (int)(n - j * {columns}) : {columns};")
    with w.block("for (int r = 0; r < height; ++r) for (int l = 0; l < width; ++l)"):
        w.line(stored(d, "y", "to + r * n + l", "sum[r][l]", c))


def _tile_scalar(w: Writer, c: dtype) -> None:
    rows, columns = tile(w.dialect)
    product = apply("add", variable("s", c), apply("mul", load(0, c), load(1, c)))
    w.line(f"{TYPES[c]} sum[{rows}][{columns}];")
    w.line(f"for (int r = 0; r < {rows}; ++r) for (int l = 0; l < {columns}; ++l) sum[r][l] = 0;")
    with w.block("for (i64 q = 0; q < k; ++q)"), w.block(f"for (int r = 0; r < {rows}; ++r)"):
        w.line("VECTOR")
        with w.block(f"for (int l = 0; l < {columns}; ++l)"):
            leaves = {("variable", "s"): "sum[r][l]", ("load", 0): f"pa[q * {rows} + r]",
                      ("load", 1): f"pb[q * {columns} + l]"}  # fmt: skip
            w.line(f"sum[r][l] = {w.value(product, dict(leaves))};")


def _tile_vector(w: Writer) -> None:
    """The same in vectors, unrolled, so that all sums stay in registers."""
    rows, columns = tile(w.dialect)
    lanes = w.dialect.lanes
    v = f"v{lanes}"
    halves = range(columns // lanes)
    for r in range(rows):
        w.line(" ".join(f"{v} s{r}_{h} = ZERO_{v};" for h in halves))
    with w.block("for (i64 q = 0; q < k; ++q)"):
        w.line(" ".join(f"const {v} b{h} = LOAD_{v}(pb + q * {columns} + {lanes * h});" for h in halves))
        for r in range(rows):
            sums = " ".join(f"s{r}_{h} = s{r}_{h} + a{r} * b{h};" for h in halves)
            w.line(f"const f32 a{r} = pa[q * {rows} + {r}]; {sums}")
    w.line(f"f32 sum[{rows}][{columns}];")
    for r in range(rows):
        w.line(" ".join(f"STORE_{v}(&sum[{r}][{lanes * h}], s{r}_{h});" for h in halves))


_DEEP = 16


def _tile_group(w: Writer, c: dtype, d: dtype) -> None:
    """A tile by a group: parts of both panels go through shared memory, each caller sums 4 by 4 elements, 16 apart."""
    rows, columns = tile(w.dialect)
    t, side = TYPES[c], range(4)
    product = apply("add", variable("s", c), apply("mul", load(0, c), load(1, c)))
    w.shared(t, "pa_part", _DEEP * rows)
    w.shared(t, "pb_part", _DEEP * columns)
    w.line("const int row = LOCAL_ID / 16, column = LOCAL_ID % 16;")
    for r in side:
        w.line(" ".join(f"{t} s{r}_{x} = 0;" for x in side))
    with w.block(f"for (i64 q = 0; q < k; q += {_DEEP})"):
        with w.block(f"for (int at = LOCAL_ID; at < {_DEEP * rows}; at += {GROUP})"):
            w.line(f"const int inside = q * {rows} + at < k * {rows};")
            w.line(f"pa_part[at] = inside ? pa[q * {rows} + at] : 0; pb_part[at] = inside ? pb[q * {rows} + at] : 0;")
        w.line("BARRIER")
        with w.block(f"for (int p = 0; p < {_DEEP}; ++p)"):
            w.line(" ".join(f"const {t} a{r} = pa_part[p * {rows} + row + {16 * r}];" for r in side))
            w.line(" ".join(f"const {t} b{x} = pb_part[p * {columns} + column + {16 * x}];" for x in side))
            for r in side:
                for x in side:
                    leaves = {("variable", "s"): f"s{r}_{x}", ("load", 0): f"a{r}", ("load", 1): f"b{x}"}
                    w.line(f"s{r}_{x} = {w.value(product, dict(leaves))};")
        w.line("BARRIER")
    w.line(f"const i64 first = i * {rows} + row, left = j * {columns} + column, to = y_offset + matrix * m * n + left;")
    for r in side:
        with w.block(f"if (first + {16 * r} < m)"):
            for x in side:
                store = stored(d, "y", f"to + (first + {16 * r}) * n + {16 * x}", f"s{r}_{x}", c)
                w.line(f"if (left + {16 * x} < n) {{ {store} }}")
