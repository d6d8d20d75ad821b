// SPDX-License-Identifier: GPL-3.0-or-later
/** Minimum statistics in double precision, frame by frame and window by window. */
#ifndef UNBRAID_TESTS_REFERENCE_NOISE_FLOOR_H
#define UNBRAID_TESTS_REFERENCE_NOISE_FLOOR_H

#include <stddef.h>

/** The magnitudes v of one bin over n frames: the share above `bias` times the least smoothed power
    of the frames up to `reach` away. */
void reference_noise_floor(const double *v, size_t n, double smoothing_frames, size_t reach,
                           double bias, double *share);

#endif
