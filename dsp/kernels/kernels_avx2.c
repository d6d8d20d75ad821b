// SPDX-License-Identifier: GPL-3.0-or-later
#if !defined(__AVX2__) || !defined(__FMA__)
#error "compile this file with -mavx2 -mfma"
#endif
#include <immintrin.h>

#define UB_LANES 8
#define UB_PANEL_VECTORS 3
#define UB_BLOCK 4
#define UB_DOT_ROWS 4
#define UB_DOT_COLS 3
#define UB_FUSED(a, b, c) (vec) _mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c))
#define UB_SET ub_kernels_avx2
#define UB_SET_NAME "avx2"
#include "kernels_body.h"
