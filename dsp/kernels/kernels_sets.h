// SPDX-License-Identifier: GPL-3.0-or-later
// The tables that this build holds; kernels.c chooses among them.
#ifndef UNBRAID_KERNELS_KERNELS_SETS_H
#define UNBRAID_KERNELS_KERNELS_SETS_H

#include "kernels.h"

extern const ub_kernels ub_kernels_generic;
extern const ub_kernels ub_kernels_avx2;
extern const ub_kernels ub_kernels_avx512;
extern const ub_kernels ub_kernels_neon;

#endif
