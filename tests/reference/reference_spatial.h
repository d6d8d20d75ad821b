// SPDX-License-Identifier: GPL-3.0-or-later
/** The multichannel Wiener filter by the book, one bin of all frames at a time. */
#ifndef UNBRAID_TESTS_REFERENCE_SPATIAL_H
#define UNBRAID_TESTS_REFERENCE_SPATIAL_H

#include <complex.h>
#include <stddef.h>

/** Rounds of the filter for one bin.
    @param mix      [frame * n_channels + channel]
    @param sources  [(frame * n_sources + source) * n_channels + channel]: in mask times mix, out
   what they become.
    @param diagonal Share of the mean diagonal that is added before inverting; what it takes goes to
                    the sources by their power. */
void reference_spatial(size_t n_channels, size_t n_sources, size_t n_frames, size_t n_rounds,
                       double diagonal, const double complex *mix, double complex *sources);

#endif
