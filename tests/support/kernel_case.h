// SPDX-License-Identifier: GPL-3.0-or-later
/** Random factors and spectra, and the templates as a kernel set packs them, for tests of single
 * kernels. */
#ifndef UNBRAID_TESTS_KERNEL_CASE_H
#define UNBRAID_TESTS_KERNEL_CASE_H

#include "kernels/kernels.h"
#include "unbraid/matrix.h"
#include "unbraid/random.h"

enum { KERNEL_CASE_MOST_CHANNELS = 3 };

typedef struct kernel_case {
    const ub_kernels *kernels;
    size_t n_channels, n_bins, n_components, n_frames;
    ub_packing packing;
    ub_matrix templates, gains, activations, spectra[KERNEL_CASE_MOST_CHANNELS];
    ub_matrix packed, transposed; // one column each
    const float *pointers[KERNEL_CASE_MOST_CHANNELS]; // to the spectra
} kernel_case;

/** Up to 3 channels, 150 bins, and so many components and frames. Aborts without memory, as all
    below. */
kernel_case kernel_case_new(const ub_kernels *kernels, size_t most_components, size_t most_frames,
                            ub_random *random);
void kernel_case_free(kernel_case *problem);

/** A matrix of numbers from 0.01 to 1.01. */
ub_matrix kernel_case_matrix(size_t n_rows, size_t n_cols, ub_random *random);

/** An element in double precision. */
double kernel_case_at(const ub_matrix *matrix, size_t row, size_t col);

#endif
