/* The device's library: functions on pointers to dense elements.  Python passes sizes, and sees to everything else.
 *
 * Types are u8 (bool too) i8 i16 i32 i64 f32 f64; float16 and bfloat16 are only converted, and computed as f32.  What
 * moves elements without looking at them has the size of an element as its suffix: 1, 2, 4 or 8.  A line of a
 * dimension: x is [outer, n, inner], and the line's elements lie `inner` apart.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef uint8_t u8; typedef int8_t i8; typedef int16_t i16; typedef int32_t i32; typedef int64_t i64;
typedef uint16_t u16; typedef uint32_t u32; typedef uint64_t u64; typedef float f32; typedef double f64;

#define INTEGERS(M) M(u8) M(i8) M(i16) M(i32) M(i64)
#define SIGNED(M) M(i8) M(i16) M(i32) M(i64)
#define NUMBERS(M) INTEGERS(M) M(f32) M(f64)
#define SIZES(M) M(1, u8) M(2, u16) M(4, u32) M(8, u64)
#define FLOATS(M) M(f32, f) M(f64, )

/* One operand, and two: z[i] is an expression of a = x[i], and b = y[i]. */
#define ONE(name, T, R, e) \
    void name##_##T(i64 n, const T *x, R *z) { for (i64 i = 0; i < n; i++) { T a = x[i]; z[i] = (R)(e); } }
#define TWO(name, T, R, e) \
    void name##_##T(i64 n, const T *x, const T *y, R *z) \
    { for (i64 i = 0; i < n; i++) { T a = x[i], b = y[i]; z[i] = (R)(e); } }

#define OF_NUMBERS(T) \
    ONE(neg, T, T, -a) TWO(add, T, T, a + b) TWO(sub, T, T, a - b) \
    TWO(mul, T, T, a * b) TWO(maximum, T, T, a > b || a != a ? a : b) TWO(minimum, T, T, a < b || a != a ? a : b) \
    TWO(eq, T, u8, a == b) TWO(lt, T, u8, a < b) TWO(le, T, u8, a <= b)
#define WIDTH ((i64)(8 * sizeof a))
#define OF_INTEGERS(T) \
    TWO(trunc_divide, T, T, b == (T)-1 && (T)-1 < 0 ? -a : a / b) TWO(fmod, T, T, b == (T)-1 && (T)-1 < 0 ? 0 : a % b) \
    TWO(pow, T, T, power((i64)a, (i64)b)) ONE(bitwise_not, T, T, ~a) ONE(abs, T, T, a < 0 ? -a : a) \
    TWO(bitwise_and, T, T, a & b) TWO(bitwise_or, T, T, a | b) TWO(bitwise_xor, T, T, a ^ b) \
    TWO(bitwise_left_shift, T, T, b < 0 || b >= WIDTH ? 0 : (u64)a << b) \
    TWO(bitwise_right_shift, T, T, b < 0 || b >= WIDTH ? (a < 0 ? -1 : 0) : a >> b)
#define OF_FLOATS(T, f) \
    ONE(abs, T, T, fabs##f(a)) ONE(floor, T, T, floor##f(a)) ONE(round, T, T, rint##f(a)) ONE(sqrt, T, T, sqrt##f(a)) ONE(exp, T, T, exp##f(a)) \
    ONE(expm1, T, T, expm1##f(a)) ONE(log, T, T, log##f(a)) ONE(log1p, T, T, log1p##f(a)) ONE(sin, T, T, sin##f(a)) \
    ONE(cos, T, T, cos##f(a)) ONE(tanh, T, T, tanh##f(a)) ONE(erf, T, T, erf##f(a)) TWO(div, T, T, a / b) \
    TWO(fmod, T, T, fmod##f(a, b)) TWO(pow, T, T, pow##f(a, b)) TWO(atan2, T, T, atan2##f(a, b))

static i64 power(i64 a, i64 b)
{
    if (b < 0) return a == 1 ? 1 : a == -1 ? (b % 2 ? -1 : 1) : 0;
    i64 z = 1;
    for (; b; b >>= 1, a *= a) if (b & 1) z *= a;
    return z;
}

NUMBERS(OF_NUMBERS)
INTEGERS(OF_INTEGERS)
FLOATS(OF_FLOATS)
ONE(logical_not, u8, u8, !a)

/* Conversions: to and from the half types by way of f32. */
static f32 as_f32(u32 b) { f32 x; memcpy(&x, &b, 4); return x; }
static u32 as_u32(f32 x) { u32 b; memcpy(&b, &x, 4); return b; }
static f32 load_f16(u16 h)
{
    u32 sign = (u32)(h & 0x8000) << 16, e = h >> 10 & 31, m = h & 0x3ff;
    if (e == 31) return as_f32(sign | 0x7f800000u | m << 13);
    return e ? as_f32(sign | (e + 112) << 23 | m << 13) : (sign ? -1 : 1) * (f32)m * 0x1p-24f;
}
static u16 store_f16(f32 x)
{
    u32 b = as_u32(x), sign = b >> 16 & 0x8000, a = b & 0x7fffffff;
    if (a > 0x7f800000u) return (u16)(sign | 0x7e00 | (a >> 13 & 0x3ff));
    if (a >= 0x477ff000u) return (u16)(sign | 0x7c00);
    if (a < 0x38800000u) return (u16)(sign | (u32)rintf(fabsf(x) * 0x1p24f));
    return (u16)(sign | ((a - 0x38000000u + 0xfff + (a >> 13 & 1)) >> 13));
}
static f32 load_bf16(u16 h) { return as_f32((u32)h << 16); }
static u16 store_bf16(f32 x)
{
    u32 b = as_u32(x);
    return x != x ? (u16)(b >> 16 | 0x40) : (u16)((b + 0x7fff + (b >> 16 & 1)) >> 16);
}
#define SAME(x) (x)
#define CAST(S, s, in, T, t, out) \
    void cast_##S##_##T(i64 n, const s *x, t *z) { for (i64 i = 0; i < n; i++) z[i] = (t)out(in(x[i])); }
#define CASTS(S, s, in) \
    CAST(S, s, in, u8, u8, SAME) CAST(S, s, in, i8, i8, SAME) CAST(S, s, in, i16, i16, SAME) \
    CAST(S, s, in, i32, i32, SAME) CAST(S, s, in, i64, i64, SAME) CAST(S, s, in, f32, f32, SAME) \
    CAST(S, s, in, f64, f64, SAME) CAST(S, s, in, f16, u16, store_f16) CAST(S, s, in, bf16, u16, store_bf16) \
    CAST(S, s, in, bool, u8, 0 != )
#define CASTS_OF(T) CASTS(T, T, SAME)
NUMBERS(CASTS_OF)
CASTS(f16, u16, load_f16)
CASTS(bf16, u16, load_bf16)

/* Reductions of rows of n elements.  Sums of f32 are held in f64: adding ones in f32 ends at 2^24. */
#define FOLD(name, T, A, first, e) \
    void name##_##T(i64 rows, i64 n, const T *x, T *z) \
    { for (i64 r = 0; r < rows; r++) { A s = first; for (i64 i = 0; i < n; i++) { T a = x[r * n + i]; s = (A)(e); } \
      z[r] = (T)s; } }
#define EXTREME(name, T, op) FOLD(name, T, T, x[r * n], a op s || a != a ? a : s)
#define RUNNING(name, T, A, first, e) \
    void name##_##T(i64 outer, i64 n, i64 inner, const T *x, T *z) \
    { for (i64 o = 0; o < outer; o++) for (i64 c = 0; c < inner; c++) { A s = first; \
      for (i64 i = 0; i < n; i++) { i64 at = (o * n + i) * inner + c; T a = x[at]; s = (A)(e); z[at] = (T)s; } } }
/* Where the extremum is: the first of ties (`op` strict), or at each place so far the last (`op` not strict). */
#define PLACE(name, T, op) \
    void name##_##T(i64 rows, i64 n, const T *x, i64 *z) \
    { for (i64 r = 0; r < rows; r++) { const T *a = x + r * n; i64 p = 0; \
      for (i64 i = 1; i < n; i++) if (a[i] op a[p] || (a[i] != a[i] && a[p] == a[p])) p = i; z[r] = p; } }
#define PLACES(name, T, op) \
    void name##_##T(i64 outer, i64 n, i64 inner, const T *x, i64 *z) \
    { for (i64 o = 0; o < outer; o++) for (i64 c = 0; c < inner; c++) { i64 at = o * n * inner + c; T s = x[at]; i64 p = 0; \
      for (i64 i = 0; i < n; i++, at += inner) { if (x[at] op s || x[at] != x[at]) s = x[at], p = i; z[at] = p; } } }
#define LINES(T, A) \
    FOLD(sum, T, A, 0, s + a) FOLD(prod, T, A, 1, s * a) RUNNING(cumsum, T, A, 0, s + a) RUNNING(cumprod, T, A, 1, s * a)
#define PLACES_OF(T) \
    EXTREME(amax, T, >) EXTREME(amin, T, <) PLACE(argmax, T, >) PLACE(argmin, T, <) PLACES(cummax, T, >=) \
    PLACES(cummin, T, <=) SORT(T)

/* A stable merge of indices; nan is the largest. */
#define SORT(T) \
    static int before_##T(T a, T b, int down) { return down ? a > b || (a != a && b == b) : a < b || (a == a && b != b); } \
    int sort_##T(i64 outer, i64 n, i64 inner, int down, const T *x, i64 *z) \
    { i64 *p = malloc(2 * n * sizeof(i64)), *q = p + n; if (!p) return 1; \
      for (i64 o = 0; o < outer; o++) for (i64 c = 0; c < inner; c++) { const T *line = x + o * n * inner + c; \
        for (i64 i = 0; i < n; i++) p[i] = i; \
        for (i64 w = 1; w < n; w *= 2) { \
          for (i64 l = 0; l < n; l += 2 * w) { i64 m = l + w < n ? l + w : n, r = m + w < n ? m + w : n, i = l, j = m; \
            for (i64 k = l; k < r; k++) \
              q[k] = i < m && (j >= r || !before_##T(line[p[j] * inner], line[p[i] * inner], down)) ? p[i++] : p[j++]; } \
          memcpy(p, q, n * sizeof(i64)); } \
        for (i64 i = 0; i < n; i++) z[(o * n + i) * inner + c] = p[i]; } \
      free(p); return 0; }

LINES(u8, u8) LINES(i8, i8) LINES(i16, i16) LINES(i32, i32) LINES(i64, i64) LINES(f32, f64) LINES(f64, f64)
NUMBERS(PLACES_OF)
FOLD(any, u8, u8, 0, s | a)
RUNNING(cumany, u8, u8, 0, s | a)

/* Strided views: where element i of a shape is, in elements from the first. */
static i64 at(i64 i, i64 rank, const i64 *shape, const i64 *strides)
{
    i64 offset = 0;
    for (i64 d = rank; d-- > 0; i /= shape[d]) offset += i % shape[d] * strides[d];
    return offset;
}
/* The same, but along `dim` at `place`. */
static i64 at_place(i64 i, i64 rank, const i64 *shape, const i64 *strides, i64 dim, i64 place)
{
    i64 offset = 0;
    for (i64 d = rank; d-- > 0; i /= shape[d]) offset += (d == dim ? place : i % shape[d]) * strides[d];
    return offset;
}
#define MOVES(s, T) \
    void fill_##s(i64 n, u64 value, T *z) { for (i64 i = 0; i < n; i++) z[i] = (T)value; } \
    void where_##s(i64 n, const u8 *c, const T *x, const T *y, T *z) { for (i64 i = 0; i < n; i++) z[i] = c[i] ? x[i] : y[i]; } \
    void copy_##s(i64 n, i64 rank, const i64 *shape, const i64 *xs, const i64 *zs, const T *x, T *z) \
    { for (i64 i = 0; i < n; i++) z[at(i, rank, shape, zs)] = x[at(i, rank, shape, xs)]; } \
    void gather_##s(i64 n, i64 rank, i64 dim, const i64 *shape, const i64 *xs, const T *x, const i64 *index, T *z) \
    { for (i64 i = 0; i < n; i++) z[i] = x[at_place(i, rank, shape, xs, dim, index[i])]; } \
    void scatter_##s(i64 n, i64 rank, i64 dim, const i64 *shape, const i64 *zs, const T *x, const i64 *index, T *z) \
    { for (i64 i = 0; i < n; i++) z[at_place(i, rank, shape, zs, dim, index[i])] = x[i]; }
SIZES(MOVES)
#define ADDS(name, T, e) \
    void name##_##T(i64 n, i64 rank, i64 dim, const i64 *shape, const i64 *zs, const T *x, const i64 *index, T *z) \
    { for (i64 i = 0; i < n; i++) { T *p = z + at_place(i, rank, shape, zs, dim, index[i]), s = *p, a = x[i]; *p = (T)(e); } }
#define ADDS_OF(T) ADDS(scatter_add, T, s + a)
NUMBERS(ADDS_OF)
ADDS(scatter_any, u8, s | a)

/* The first place whose value is not in [0, size), or -1; the value there; and whether there is a zero. */
i64 outside(i64 n, const i64 *index, i64 size)
{
    for (i64 i = 0; i < n; i++) if (index[i] < 0 || index[i] >= size) return i;
    return -1;
}
i64 load(const i64 *x, i64 i) { return x[i]; }
#define ZERO(T) int has_zero_##T(i64 n, const T *x) { for (i64 i = 0; i < n; i++) if (!x[i]) return 1; return 0; }
INTEGERS(ZERO)

#define MATMUL(T) \
    void matmul_##T(i64 batch, i64 m, i64 k, i64 n, const T *x, const T *y, T *z) \
    { for (i64 b = 0; b < batch; b++, x += m * k, y += k * n, z += m * n) for (i64 i = 0; i < m; i++) { \
        for (i64 j = 0; j < n; j++) z[i * n + j] = 0; \
        for (i64 l = 0; l < k; l++) { T a = x[i * k + l]; for (i64 j = 0; j < n; j++) z[i * n + j] += a * y[l * n + j]; } } }
NUMBERS(MATMUL)

void arange_i64(i64 n, i64 start, i64 step, i64 *z) { for (i64 i = 0; i < n; i++) z[i] = start + i * step; }
void arange_f64(i64 n, f64 start, f64 step, f64 *z) { for (i64 i = 0; i < n; i++) z[i] = start + (f64)i * step; }

/* Philox-4x32-10. */
void random_bits(i64 n, u64 seed, u64 offset, i64 *z)
{
    for (i64 i = 0; i < n; i += 4) {
        u64 block = offset + (u64)i / 4;
        u32 c[4] = {(u32)block, (u32)(block >> 32), 0, 0}, k0 = (u32)seed, k1 = (u32)(seed >> 32);
        for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) {
            u64 p = c[0] * (u64)0xD2511F53u, q = c[2] * (u64)0xCD9E8D57u;
            u32 next[4] = {(u32)(q >> 32) ^ c[1] ^ k0, (u32)q, (u32)(p >> 32) ^ c[3] ^ k1, (u32)p};
            memcpy(c, next, sizeof c);
        }
        for (i64 j = 0; j < 4 && i + j < n; j++) z[i + j] = c[j];
    }
}
