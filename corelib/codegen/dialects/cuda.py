"""CUDA C++ as NVRTC compiles it, without headers: threads take turns at the units, blocks at those of a group.

The compiler must be told ``--fmad=false`` for the programs whose kernels may not ``contract``.
"""

from __future__ import annotations

from ..dialect import ACCESS, ACCESS_DOUBLE, HALF, HALF_DOUBLE, Dialect, errors, functions
from ..family import FUNCTIONS

__all__ = ["CUDA"]

_PROLOGUE = f"""typedef unsigned char u8; typedef signed char i8; typedef unsigned short u16; typedef short i16;
typedef unsigned int u32; typedef int i32; typedef unsigned long long u64; typedef long long i64;
typedef float f32; typedef double f64; typedef u16 f16; typedef u16 bf16;
#define KERNEL extern "C" __global__
#define GROUP(n) __launch_bounds__(n, 1)
#define GLOBAL
#define LOCAL __shared__
#define RESTRICT __restrict__
#define INLINE static __device__ inline
#define VECTOR
#define BARRIER __syncthreads();
#define GROUP_ID blockIdx.x
#define GROUPS gridDim.x
#define LOCAL_ID ((int)threadIdx.x)
#define UNITS
#define FIRST (i64)blockIdx.x * blockDim.x + threadIdx.x
#define LIMIT units_
#define STEP (i64)gridDim.x * blockDim.x
#define AS_u32 __float_as_uint
#define AS_f32 __uint_as_float
#define NAN_f32 __int_as_float(0x7fc00000)
#define NAN_f64 __longlong_as_double(0x7ff8000000000000LL)
#define INFINITY_f32 __int_as_float(0x7f800000)
#define INFINITY_f64 __longlong_as_double(0x7ff0000000000000LL)
{functions(FUNCTIONS, "f", True)}
{errors()}
{HALF}{HALF_DOUBLE}{ACCESS}{ACCESS_DOUBLE}"""

CUDA = Dialect("CUDA C", _PROLOGUE, "const i64 units_", "grid")
