// SPDX-License-Identifier: GPL-3.0-or-later
/** Symmetric positive semi-definite systems in double precision. Private header. */
#ifndef UNBRAID_EVALUATE_CHOLESKY_H
#define UNBRAID_EVALUATE_CHOLESKY_H

#include "unbraid/status.h"

#include <stddef.h>

/**
   Factor A = L L' in place.

   A row that the rows before it span already (its pivot is nothing but rounding) is left out: what
   is computed with the factor is as if A had never had it.

   @param a  n x n, row by row; only the lower triangle is read and written.
   @return UB_OK or UB_CANCELLED. Time n^3 / 3.
*/
ub_status ub_cholesky(double *a, size_t n, const ub_progress *progress);

/** The quadratic form d' A^-1 d = |L^-1 d|^2. `work` has room for n. */
double ub_cholesky_form(const double *factor, size_t n, const double *d, double *work);

#endif
