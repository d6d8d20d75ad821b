// SPDX-License-Identifier: GPL-3.0-or-later
/** Norms of templates. Private header. */
#ifndef UNBRAID_FACTOR_NORM_H
#define UNBRAID_FACTOR_NORM_H

#include "unbraid/nmf.h"

/** The norm of n numbers >= 0. */
double ub_norm_of(ub_norm norm, const float *w, size_t n);

/** Give the first n columns norm one, but for those of zeros. */
void ub_norm_columns(ub_norm norm, ub_matrix *matrix, size_t n);

#endif
