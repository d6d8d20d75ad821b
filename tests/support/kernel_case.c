// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernel_case.h"

#include <stdlib.h>

static ub_matrix new_matrix(size_t n_rows, size_t n_cols)
{
    ub_matrix matrix;
    if (ub_matrix_new(n_rows, n_cols, &matrix)) {
        abort();
    }
    return matrix;
}

ub_matrix kernel_case_matrix(size_t n_rows, size_t n_cols, ub_random *random)
{
    ub_matrix matrix = new_matrix(n_rows, n_cols);
    for (size_t col = 0; col < n_cols; col++) {
        for (size_t row = 0; row < n_rows; row++) {
            ub_matrix_column(&matrix, col)[row] = ub_random_uniform(random) + 0.01f;
        }
    }
    return matrix;
}

double kernel_case_at(const ub_matrix *matrix, size_t row, size_t col)
{
    return (double)ub_matrix_column(matrix, col)[row];
}

kernel_case kernel_case_new(const ub_kernels *kernels, size_t most_components, size_t most_frames,
                            ub_random *random)
{
    kernel_case p = {.kernels = kernels};
    p.n_channels = 1 + ub_random_bits(random) % KERNEL_CASE_MOST_CHANNELS;
    p.n_bins = 1 + ub_random_bits(random) % 150;
    p.n_components = 1 + ub_random_bits(random) % most_components;
    p.n_frames = 1 + ub_random_bits(random) % most_frames;
    p.packing = ub_kernels_packing(kernels, p.n_channels, p.n_bins, p.n_components);
    p.templates = kernel_case_matrix(p.n_bins, p.n_components, random);
    p.gains = kernel_case_matrix(p.n_channels, p.n_components, random);
    p.activations = kernel_case_matrix(p.n_components, p.n_frames, random);
    for (size_t c = 0; c < p.n_channels; c++) {
        p.spectra[c] = kernel_case_matrix(p.n_bins, p.n_frames, random);
        p.pointers[c] = p.spectra[c].data;
    }
    p.packed = new_matrix(p.packing.n_floats, 1);
    p.transposed = new_matrix(p.packing.n_transposed, 1);
    kernels->pack(&p.packing, 0, p.n_components, p.templates.data, p.templates.stride, p.gains.data,
                  p.gains.stride, p.packed.data);
    kernels->transpose(&p.packing, 0, p.n_components, p.packed.data, p.transposed.data);
    return p;
}

void kernel_case_free(kernel_case *p)
{
    ub_matrix_free(&p->templates);
    ub_matrix_free(&p->gains);
    ub_matrix_free(&p->activations);
    ub_matrix_free(&p->packed);
    ub_matrix_free(&p->transposed);
    for (size_t c = 0; c < p->n_channels; c++) {
        ub_matrix_free(&p->spectra[c]);
    }
}
