// SPDX-License-Identifier: GPL-3.0-or-later
/**
   Restrained adaptation in double precision: plain loops, sharing nothing with the library.
   Storage v[t F + f], w[k F + f], h[t K + k].
*/
#ifndef UNBRAID_TESTS_REFERENCE_ADAPT_H
#define UNBRAID_TESTS_REFERENCE_ADAPT_H

#include <stdbool.h>
#include <stddef.h>

typedef struct reference_adaptation {
    size_t n_bins, n_frames, n_components; // F, T, K
    const double *v;
    double beta;
    size_t n_start, n_rounds, n_between, n_adapted, cell_frames;
    double shrinkage;
    const bool *chosen; // cells x K
} reference_adaptation;

/** Adapt templates w and activations h in place. */
void reference_adapt(const reference_adaptation *a, double *w, double *h);

#endif
