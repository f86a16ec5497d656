"""A dialect: what a C-like language calls the things that every kernel needs.

All kernels are rendered in one C family; a dialect is the prologue of macros that makes its language of it, and how a
kernel's head is written.  The macros:

* ``KERNEL``, ``GLOBAL``, ``RESTRICT``, ``INLINE``; types ``u8 i8 i16 u16 i32 u32 i64 u64 f32 f64 f16 bf16``.
* ``NAN_f32``, ``INFINITY_f32``, ...; the functions ``exp_f32``, ``exp_f64``, ... of :data:`family.FUNCTIONS`.
* ``load_f16(p, i)``, ``store_f16(p, i, x)``, ``store_f16_f64``, ``round_f16(x)``, and those of ``bf16``.
* ``UNITS`` opens a kernel's body; ``FIRST``, ``LIMIT`` and ``STEP`` say which units of the work this caller does.
* ``VECTOR`` stands before a loop whose turns are independent.
* Where the schedule is "grid", for units that a group of callers does together: ``GROUP(n)`` in a kernel's head says
  how many they are; ``GROUP_ID`` of ``GROUPS``, ``LOCAL_ID``; ``LOCAL`` memory that they share, ``BARRIER``.
* ``ERRORS`` declares the error word as a parameter, ``REPORT(code, value, dim, size)`` sets it, touching nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ERROR_CODES", "HALF", "Dialect"]

ERROR_CODES = {"ERROR_DIVISION": 1, "ERROR_INDEX": 2}


@dataclass(frozen=True)
class Dialect:
    """A language of the C family.

    Attributes:
        name: of the language.
        prologue: macros, types and functions (see the module's docstring).
        tail: parameters at the end of every kernel: how a caller learns which units are its own.
        schedule: "chunks": a caller does a range of units, each a long loop (processors with few strong cores); "grid":
            a caller does one element at a time, neighbours doing neighbours (processors with many weak ones).
        double: whether there is ``f64``.
        vectors: whether the functions exist for eight lanes too (``exp_v8``, ...), and ``(v8)(x)`` fills them.
        lanes: of the vectors in which products are made (``v8`` or ``v16``).
    """

    name: str
    prologue: str
    tail: str
    schedule: str = "chunks"
    double: bool = True
    vectors: bool = False
    lanes: int = 8

    @property
    def errors(self) -> str:
        """The error word as a kernel's parameter."""
        return "GLOBAL i64* error_"


HALF = """
INLINE f32 widen_f16(u16 h) {
    u32 sign = (u32)(h & 0x8000) << 16, exponent = (h >> 10) & 31, fraction = h & 0x3ff;
    if (exponent == 31) return AS_f32(sign | 0x7f800000u | fraction << 13);
    if (exponent) return AS_f32(sign | (exponent + 112) << 23 | fraction << 13);
    f32 tiny = (f32)fraction * 0x1p-24f;
    return sign ? -tiny : tiny;
}
INLINE u16 narrow_f16(f32 x) {
    u32 b = AS_u32(x), sign = b >> 16 & 0x8000, a = b & 0x7fffffff;
    if (a > 0x7f800000u) return (u16)(sign | 0x7c00 | (a >> 13 & 0x3ff ? a >> 13 & 0x3ff : 0x200));
    if (a >= 0x477ff000u) return (u16)(sign | 0x7c00);
    if (a < 0x38800000u) {
        u32 shift = 126 - (a >> 23), whole = (a & 0x7fffff) | 0x800000;
        if (shift > 24) return (u16)sign;
        u32 kept = whole >> shift, rest = whole & ((1u << shift) - 1), tie = 1u << (shift - 1);
        return (u16)(sign | (kept + (rest > tie || (rest == tie && (kept & 1)))));
    }
    return (u16)(sign | ((a - 0x38000000u + 0xfff + (a >> 13 & 1)) >> 13));
}
INLINE f32 widen_bf16(u16 h) { return AS_f32((u32)h << 16); }
INLINE u16 narrow_bf16(f32 x) {
    u32 b = AS_u32(x);
    return x != x ? (u16)(b >> 16 | (b >> 16 & 0x7f ? 0 : 0x40)) : (u16)((b + 0x7fff + (b >> 16 & 1)) >> 16);
}
"""
"""float16 and bfloat16 in integer arithmetic: rounded to nearest even, nan kept to the bit, since moves go this way."""

HALF_DOUBLE = """
INLINE f32 odd_f32(f64 x) {
    f32 y = (f32)x;
    u32 b = AS_u32(y);
    if ((f64)y == x || x != x || (b & 0x7f800000) == 0x7f800000) return y;
    if (fabs_f64((f64)y) > fabs_f64(x)) b -= 1;
    return AS_f32(b | 1);
}
"""
"""float64 to float32 rounded to odd, so that rounding once more to a half type is the same as rounding once."""

ACCESS = """
#define load_f16(p, i) widen_f16((p)[i])
#define store_f16(p, i, x) (p)[i] = narrow_f16(x)
#define round_f16(x) widen_f16(narrow_f16((f32)(x)))
#define load_bf16(p, i) widen_bf16((p)[i])
#define store_bf16(p, i, x) (p)[i] = narrow_bf16(x)
#define round_bf16(x) widen_bf16(narrow_bf16((f32)(x)))
"""

ACCESS_DOUBLE = """
#define store_f16_f64(p, i, x) (p)[i] = narrow_f16(odd_f32(x))
#define store_bf16_f64(p, i, x) (p)[i] = narrow_bf16(odd_f32(x))
"""


def functions(names: tuple[str, ...], float_suffix: str, double: bool) -> str:
    """Macros that name the language's functions of f32 and f64."""
    lines = [f"#define {n}_f32 {n}{float_suffix}" for n in names]
    return "\n".join(lines + ([f"#define {n}_f64 {n}" for n in names] if double else []))


def errors() -> str:
    """Macros of the error word: [code, value, dim, size]."""
    lines = [f"#define {name} {code}" for name, code in ERROR_CODES.items()]
    lines += ["#define ERRORS GLOBAL i64* error_"]
    words = "error_[1] = (value), error_[2] = (dim), error_[3] = (size), error_[0] = (code)"
    lines.append(f"#define REPORT(code, value, dim, size) ({words})")
    return "\n".join(lines)
