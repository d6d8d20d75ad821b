// SPDX-License-Identifier: GPL-3.0-or-later
/**
   REPET-SIM in double precision, straight from Rafii and Pardo 2012: a similarity matrix, the most
   similar frames of each, the median of them.

   Storage v[t F + f], features[t B + b], mask[t F + f].
*/
#ifndef UNBRAID_TESTS_REFERENCE_REPETITION_H
#define UNBRAID_TESTS_REFERENCE_REPETITION_H

#include <stddef.h>

typedef struct reference_repetition {
    size_t n_bins, n_frames, n_features; // F, T, B
    const double *v;
    const double *features; // what frames are compared by
    size_t n_similar, apart, first_bin;
} reference_repetition;

/**
   The share of the foreground.
   @param margins  Per frame: how much more alike a chosen frame was than the next best at least.
                   Where that is next to nothing, another precision may choose another.
*/
void reference_repetition_mask(const reference_repetition *problem, double *mask, double *margins);

#endif
