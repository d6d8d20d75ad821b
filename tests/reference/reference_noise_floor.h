// SPDX-License-Identifier: GPL-3.0-or-later
/** Minimum statistics and the probability of speech in double precision, bin by bin. */
#ifndef UNBRAID_TESTS_REFERENCE_NOISE_FLOOR_H
#define UNBRAID_TESTS_REFERENCE_NOISE_FLOOR_H

#include <stddef.h>

typedef struct reference_noise_floor_settings {
    double smoothing_frames;
    size_t reach;
    double bias;
    size_t n_rounds;
    double memory_frames;
} reference_noise_floor_settings;

/** The magnitudes v of one bin over n frames: the power of the noise in each. It begins as `bias`
    times the least smoothed power of the frames up to `reach` away. */
void reference_noise_floor(const double *v, size_t n, const reference_noise_floor_settings *s,
                           double *noise);

#endif
