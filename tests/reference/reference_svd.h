// SPDX-License-Identifier: GPL-3.0-or-later
/** Singular values and NNDSVD in double precision, straight from the definitions; shares nothing
    with the library. */
#ifndef UNBRAID_TESTS_REFERENCE_SVD_H
#define UNBRAID_TESTS_REFERENCE_SVD_H

#include <stddef.h>

/** All singular triplets of the m x n matrix a (a[col m + row]) by one-sided Jacobi rotations,
    descending: s[min(m,n)], u[i m + row], v[i n + col]. */
void reference_svd(const double *a, size_t m, size_t n, double *s, double *u, double *v);

/** NNDSVD as published (Boutsidis and Gallopoulos 2008, table 1): w[k m + row], h[col K + k];
    components beyond min(m, n) are zero. @return how many components took the negative parts. */
size_t reference_nndsvd(const double *a, size_t m, size_t n, size_t n_components, double *w,
                        double *h);

#endif
