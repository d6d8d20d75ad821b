// SPDX-License-Identifier: GPL-3.0-or-later
/** Gaussian means over two dimensions in double precision, place by place. */
#ifndef UNBRAID_TESTS_REFERENCE_BLUR_H
#define UNBRAID_TESTS_REFERENCE_BLUR_H

#include <stddef.h>

/** The mean around (f, t) of v, n_bins x n_frames with bins side by side, weighted up to three
    standard deviations away, and cut at the edges. */
double reference_blur(const double *v, size_t n_bins, size_t n_frames, double bins, double frames,
                      size_t f, size_t t);

#endif
