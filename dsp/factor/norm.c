// SPDX-License-Identifier: GPL-3.0-or-later
#include "norm.h"

#include <math.h>

double ub_norm_of(ub_norm norm, const float *w, size_t n)
{
    double sum = 0.0;
    for (size_t f = 0; f < n; f++) {
        sum += norm == UB_NORM_L1 ? (double)w[f] : (double)w[f] * (double)w[f];
    }
    return norm == UB_NORM_L1 ? sum : sqrt(sum);
}

void ub_norm_columns(ub_norm norm, ub_matrix *matrix, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        float *w = ub_matrix_column(matrix, k);
        const double length = ub_norm_of(norm, w, matrix->n_rows);
        for (size_t f = 0; f < matrix->n_rows && length > 0.0; f++) {
            w[f] = (float)((double)w[f] / length);
        }
    }
}
