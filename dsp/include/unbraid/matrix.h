// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef UNBRAID_MATRIX_H
#define UNBRAID_MATRIX_H

#include "status.h"

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
   A matrix of floats, column-major: element (row, col) is `data[col * stride + row]`.

   A column is one thing (a spectral frame, a template, the activations of a frame): contiguous,
   aligned to 64 bytes, followed by `stride - n_rows` numbers of padding, zero when made here.
   A zeroed struct is the empty matrix. The owner of the struct owns `data`.
*/
typedef struct ub_matrix {
    float *data;
    size_t n_rows;
    size_t n_cols;
    size_t stride; ///< floats from one column to the next; a multiple of 16
} ub_matrix;

/** The column `col` of a matrix. No check. */
static inline float *ub_matrix_column(const ub_matrix *matrix, size_t col)
{
    return matrix->data + col * matrix->stride;
}

/**
   Make a matrix of zeros.

   @param out  Set on success only; what it held before is not freed.
   @return UB_OK, or UB_NO_MEMORY (also when the size overflows). 0 x n is allowed.
*/
UB_API UB_MUST_USE ub_status ub_matrix_new(size_t n_rows, size_t n_cols, ub_matrix *out);

/** A copy of `from`. @return as ub_matrix_new(). */
UB_API UB_MUST_USE ub_status ub_matrix_copy(const ub_matrix *from, ub_matrix *out);

/** Copy the elements of `from` into `to`, which has as many rows and columns. */
UB_API UB_RT void ub_matrix_copy_into(const ub_matrix *from, ub_matrix *to);

/** The largest element of a matrix of numbers >= 0; 0 for an empty one. */
UB_API UB_RT float ub_matrix_largest(const ub_matrix *matrix);

/** Free what the matrix owns and make it the empty matrix. NULL and empty are fine. */
UB_API void ub_matrix_free(ub_matrix *matrix);

/** True when every element is finite and >= 0. */
UB_API UB_RT bool ub_matrix_is_nonnegative(const ub_matrix *matrix);

#ifdef __cplusplus
}
#endif
#endif
