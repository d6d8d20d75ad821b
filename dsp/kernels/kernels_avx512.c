// SPDX-License-Identifier: GPL-3.0-or-later
#if !defined(__AVX512F__) || !defined(__AVX512DQ__) || !defined(__AVX512VL__)
#error "compile this file with -mavx512f -mavx512dq -mavx512vl"
#endif
#include <immintrin.h>

#define UB_LANES 16
#define UB_PANEL_VECTORS 3
#define UB_BLOCK 8
#define UB_DOT_ROWS 4
#define UB_DOT_COLS 6
#define UB_FUSED(a, b, c) (vec) _mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c))
#define UB_RECIPROCAL_ROOT(x) (vec) _mm512_rsqrt14_ps((__m512)(x))
#define UB_SET ub_kernels_avx512
#define UB_SET_NAME "avx512"
#include "kernels_body.h"
