// SPDX-License-Identifier: GPL-3.0-or-later
#include "unbraid/matrix.h"
#include "floats.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

ub_status ub_matrix_new(size_t n_rows, size_t n_cols, ub_matrix *out)
{
    if (n_rows > SIZE_MAX / 2 / sizeof(float)) {
        return UB_NO_MEMORY;
    }
    const size_t stride = ub_floats_line(n_rows);
    if (stride && n_cols > SIZE_MAX / 2 / sizeof(float) / stride) {
        return UB_NO_MEMORY;
    }
    float *data = NULL;
    if (stride && n_cols) {
        data = ub_floats_new(stride * n_cols);
        if (!data) {
            return UB_NO_MEMORY;
        }
    }
    *out = (ub_matrix){.data = data, .n_rows = n_rows, .n_cols = n_cols, .stride = stride};
    return UB_OK;
}

ub_status ub_matrix_copy(const ub_matrix *from, ub_matrix *out)
{
    ub_matrix copy;
    const ub_status status = ub_matrix_new(from->n_rows, from->n_cols, &copy);
    if (status) {
        return status;
    }
    ub_matrix_copy_into(from, &copy);
    *out = copy;
    return UB_OK;
}

void ub_matrix_copy_into(const ub_matrix *from, ub_matrix *to)
{
    for (size_t col = 0; col < from->n_cols && from->n_rows; col++) {
        memcpy(ub_matrix_column(to, col), ub_matrix_column(from, col),
               from->n_rows * sizeof(float));
    }
}

float ub_matrix_largest(const ub_matrix *matrix)
{
    float largest = 0.0f;
    for (size_t col = 0; col < matrix->n_cols; col++) {
        const float other = ub_floats_largest(ub_matrix_column(matrix, col), matrix->n_rows);
        largest = other > largest ? other : largest;
    }
    return largest;
}

void ub_matrix_free(ub_matrix *matrix)
{
    if (matrix) {
        free(matrix->data);
        *matrix = (ub_matrix){0};
    }
}

bool ub_matrix_is_nonnegative(const ub_matrix *matrix)
{
    for (size_t col = 0; col < matrix->n_cols; col++) {
        const float *column = ub_matrix_column(matrix, col);
        bool good = true;
        for (size_t row = 0; row < matrix->n_rows; row++) {
            // False for NaN as well.
            good &= column[row] >= 0.0f && column[row] <= 3.402823466e38f;
        }
        if (!good) {
            return false;
        }
    }
    return true;
}
