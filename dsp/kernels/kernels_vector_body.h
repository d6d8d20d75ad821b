// SPDX-License-Identifier: GPL-3.0-or-later
//
// Vectors of UB_LANES floats and the functions on them: part of kernels_body.h, written with the
// compilers' vector extension, so that one text serves every instruction set. No include guard:
// each set is a translation unit of its own.

#include <stdint.h>
#include <string.h>

typedef float vec __attribute__((vector_size(4 * UB_LANES)));
typedef int32_t ivec __attribute__((vector_size(4 * UB_LANES)));

#define INLINE static inline __attribute__((always_inline))

// Before a loop over a register block: only unrolled early does it stay in registers.
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 8")
#endif

enum { LANES = UB_LANES, PANEL = UB_LANES * UB_PANEL_VECTORS };

INLINE vec load(const float *from)
{
    vec x;
    memcpy(&x, from, sizeof x);
    return x;
}

INLINE void store(float *to, vec x)
{
    memcpy(to, &x, sizeof x);
}

INLINE vec spread(float x)
{
    return x - (vec){0};
}

INLINE vec choose(ivec where, vec yes, vec no)
{
    return (vec)((where & (ivec)yes) | (~where & (ivec)no));
}

INLINE vec larger(vec a, vec b)
{
    return choose(a > b, a, b);
}

INLINE vec smaller(vec a, vec b)
{
    return choose(a < b, a, b);
}

// log2 of normal positive numbers: x = 2^e m with m in [sqrt(1/2), sqrt(2)), and
// log2 m = f q(f), f = m - 1, q a polynomial with relative error 4e-9 (Lawson fit).
INLINE vec log2_vec(vec x)
{
    const ivec bits = (ivec)x;
    const ivec e = (bits - 0x3f3504f3) >> 23;
    const vec f = (vec)(bits - (e << 23)) - 1.0f;
    vec q = spread(-1.099494897e-01f);
    q = UB_FUSED(q, f, spread(1.861749285e-01f));
    q = UB_FUSED(q, f, spread(-1.910627641e-01f));
    q = UB_FUSED(q, f, spread(2.046006258e-01f));
    q = UB_FUSED(q, f, spread(-2.396174031e-01f));
    q = UB_FUSED(q, f, spread(2.885674080e-01f));
    q = UB_FUSED(q, f, spread(-3.606966494e-01f));
    q = UB_FUSED(q, f, spread(4.808982411e-01f));
    q = UB_FUSED(q, f, spread(-7.213473515e-01f));
    q = UB_FUSED(q, f, spread(1.442695041e+00f));
    return UB_FUSED(q, f, __builtin_convertvector(e, vec));
}

// 2^y = s (1 + g), y clamped to the exponents of normal numbers: y = n + f with f in [-1/2, 1/2],
// s = 2^n and g = f r(f), r a polynomial such that 2^f has relative error 2e-9.
INLINE void exp2_parts(vec y, vec *s, vec *g)
{
    y = larger(smaller(y, spread(126.999f)), spread(-126.0f));
    const vec magic = spread(12582912.0f); // 1.5 * 2^23: adding it rounds to a whole number
    const vec n = (y + magic) - magic;
    const vec f = y - n;
    vec r = spread(1.534581184e-04f);
    r = UB_FUSED(r, f, spread(1.339993122e-03f));
    r = UB_FUSED(r, f, spread(9.618488958e-03f));
    r = UB_FUSED(r, f, spread(5.550328777e-02f));
    r = UB_FUSED(r, f, spread(2.402264689e-01f));
    r = UB_FUSED(r, f, spread(6.931472057e-01f));
    *s = (vec)((__builtin_convertvector(n, ivec) + 127) << 23);
    *g = r * f;
}

INLINE vec exp2_vec(vec y)
{
    vec s, g;
    exp2_parts(y, &s, &g);
    return UB_FUSED(s, g, s);
}

// 2^y - 1, exact to rounding where y is small.
INLINE vec exp2_less_one(vec y)
{
    vec s, g;
    exp2_parts(y, &s, &g);
    return UB_FUSED(s, g, s - 1.0f);
}

INLINE vec sqrt_vec(vec x)
{
    float lanes[LANES];
    store(lanes, x);
    for (int i = 0; i < LANES; i++) {
        lanes[i] = __builtin_sqrtf(lanes[i]);
    }
    return load(lanes);
}

// 1 / sqrt(x) of a normal number, within two ulp. Where the processor has an estimate of 14 bits,
// one step of Newton's method is sooner done than a root and a division. (For 1 / x it is not: a
// division runs beside the products.)
INLINE vec reciprocal_root_vec(vec x)
{
#if defined(UB_RECIPROCAL_ROOT)
    const vec y = UB_RECIPROCAL_ROOT(x);
    return UB_FUSED(0.5f * y, UB_FUSED(-x * y, y, spread(1.0f)), y);
#else
    return 1.0f / sqrt_vec(x);
#endif
}

// x^p for x >= 0, with 0 for x below the normal numbers.
INLINE vec power_vec(vec x, vec exponent)
{
    const vec smallest = spread(1.17549435e-38f);
    const vec y = exp2_vec(exponent * log2_vec(larger(x, smallest)));
    return choose(x < smallest, spread(0.0f), y);
}
