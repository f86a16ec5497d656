"""OpenCL C 1.2: work-items share the units evenly (chunks), or take turns (grid)."""

from __future__ import annotations

from ..dialect import ACCESS, ACCESS_DOUBLE, HALF, HALF_DOUBLE, Dialect, errors, functions
from ..family import FUNCTIONS

__all__ = ["opencl"]

_CHUNKS = """#define UNITS const i64 first_ = units_ * get_global_id(0) / get_global_size(0), \\
    limit_ = units_ * (get_global_id(0) + 1) / get_global_size(0);
#define FIRST first_
#define LIMIT limit_
#define STEP 1
"""
_GRID = """#define UNITS
#define FIRST get_global_id(0)
#define LIMIT units_
#define STEP get_global_size(0)
#define GROUP(n) __attribute__((reqd_work_group_size(n, 1, 1)))
#define LOCAL __local
#define BARRIER barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);
#define GROUP_ID get_group_id(0)
#define GROUPS get_num_groups(0)
#define LOCAL_ID ((int)get_local_id(0))
"""
_TYPES = """typedef uchar u8; typedef char i8; typedef ushort u16; typedef short i16; typedef uint u32; typedef int i32;
typedef ulong u64; typedef long i64; typedef float f32; typedef ushort f16; typedef ushort bf16;
#define KERNEL __kernel
#define GLOBAL __global
#define RESTRICT restrict
#define INLINE static inline
#define VECTOR
typedef float8 v8; typedef float16 v16;
#define ZERO_v8 ((float8)(0.0f))
#define LOAD_v8(p) vload8(0, p)
#define STORE_v8(p, x) vstore8(x, 0, p)
#define ZERO_v16 ((float16)(0.0f))
#define LOAD_v16(p) vload16(0, p)
#define STORE_v16(p, x) vstore16(x, 0, p)
#define NAN_f32 NAN
#define INFINITY_f32 INFINITY
#define AS_u32 as_uint
#define AS_f32 as_float
"""
_DOUBLE = """#pragma OPENCL EXTENSION cl_khr_fp64 : enable
typedef double f64;
#define NAN_f64 ((f64)NAN)
#define INFINITY_f64 ((f64)INFINITY)
"""


def opencl(schedule: str = "chunks", double: bool = True) -> Dialect:
    """The dialect for a kind of device, with or without float64."""
    parts = ["#pragma OPENCL FP_CONTRACT OFF\n", _TYPES, _DOUBLE if double else ""]
    parts += [_CHUNKS if schedule == "chunks" else _GRID, functions(FUNCTIONS, "", double), "\n"]
    parts += [f"#define {name}_v8 {name}\n" for name in FUNCTIONS] + [errors()]
    parts += [HALF, HALF_DOUBLE if double else "", ACCESS, ACCESS_DOUBLE if double else ""]
    return Dialect(
        "OpenCL C", "".join(parts), "const i64 units_", schedule, double, vectors=schedule == "chunks", lanes=16
    )
