// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef UNBRAID_FACTOR_SVD_H
#define UNBRAID_FACTOR_SVD_H

#include "unbraid/matrix.h"

#include <stdint.h>

/** Leading singular triplets of an m x n matrix: a ~ sum_i s[i] u_i v_i'. */
typedef struct ub_svd {
    size_t n; ///< triplets, s descending, only those above 1e-7 s[0]
    double *s; ///< n
    double *u, *v; ///< n rows of m and of n columns: u[i * m + row]
} ub_svd;

/**
   The leading `most` triplets, by subspace iteration with Rayleigh-Ritz on the smaller Gram
   matrix (Halko, Martinsson, Tropp 2011, with power iterations until the values rest). Exact up
   to rounding when `most` reaches about half of the smaller side. The larger side's vector is
   a' u / s.
   @return UB_OK or UB_NO_MEMORY. Private header; not for the audio thread.
*/
ub_status ub_svd_new(const ub_matrix *a, size_t most, uint64_t seed, ub_svd *out);
void ub_svd_free(ub_svd *svd);

/** Eigenvalues (descending) and orthonormal eigenvectors (rows of `vectors`) of a symmetric n x n
    matrix by cyclic Jacobi rotations; `a` is destroyed. */
void ub_symmetric_eigen(double *a, size_t n, double *values, double *vectors);

#endif
