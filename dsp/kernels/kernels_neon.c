// SPDX-License-Identifier: GPL-3.0-or-later
#if !defined(__ARM_NEON)
#error "compile this file for a CPU with NEON"
#endif
#include <arm_neon.h>

#define UB_LANES 4
#define UB_PANEL_VECTORS 3
#define UB_BLOCK 6
#define UB_DOT_ROWS 4
#define UB_DOT_COLS 4
#define UB_FUSED(a, b, c) (vec) vfmaq_f32((float32x4_t)(c), (float32x4_t)(a), (float32x4_t)(b))
#define UB_SET ub_kernels_neon
#define UB_SET_NAME "neon"
#include "kernels_body.h"
