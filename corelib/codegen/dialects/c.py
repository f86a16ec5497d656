"""C99 with the few extensions that gcc and clang share: each kernel does the units [first, limit).

gcc knows no pragma for it: it needs ``-ffp-contract=off`` for the programs whose kernels may not ``contract``.
"""

from __future__ import annotations

from ..dialect import ACCESS, ACCESS_DOUBLE, HALF, HALF_DOUBLE, Dialect, errors, functions
from ..family import FUNCTIONS

__all__ = ["C"]

_PROLOGUE = f"""#include <math.h>
#include <stdint.h>
#include <string.h>
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif
typedef uint8_t u8; typedef int8_t i8; typedef uint16_t u16; typedef int16_t i16; typedef uint32_t u32;
typedef int32_t i32; typedef uint64_t u64; typedef int64_t i64; typedef float f32; typedef double f64;
typedef u16 f16; typedef u16 bf16;
#define KERNEL __attribute__((visibility("default")))
#define GLOBAL
#define RESTRICT restrict
#define INLINE static inline
#define VECTOR _Pragma("GCC ivdep")
typedef float v8 __attribute__((vector_size(32), aligned(4), may_alias));
#define ZERO_v8 ((v8){{0}})
#define LOAD_v8(p) (*(const v8*)(p))
#define STORE_v8(p, x) (*(v8*)(p) = (x))
#define NAN_f32 ((f32)NAN)
#define NAN_f64 ((f64)NAN)
#define INFINITY_f32 ((f32)INFINITY)
#define INFINITY_f64 ((f64)INFINITY)
#define UNITS
#define FIRST first_
#define LIMIT limit_
#define STEP 1
INLINE u32 AS_u32(f32 x) {{ u32 b; memcpy(&b, &x, 4); return b; }}
INLINE f32 AS_f32(u32 b) {{ f32 x; memcpy(&x, &b, 4); return x; }}
{functions(FUNCTIONS, "f", True)}
{errors()}
{HALF}{HALF_DOUBLE}{ACCESS}{ACCESS_DOUBLE}"""

C = Dialect("C", _PROLOGUE, "const i64 first_, const i64 limit_")
