// SPDX-License-Identifier: GPL-3.0-or-later
// The reference set: what every CPU of the architecture runs.
#define UB_LANES 4
#define UB_PANEL_VECTORS 2
#define UB_BLOCK 4
#define UB_DOT_ROWS 4
#define UB_DOT_COLS 2
#define UB_FUSED(a, b, c) ((a) * (b) + (c))
#define UB_SET ub_kernels_generic
#define UB_SET_NAME "generic"
#include "kernels_body.h"
