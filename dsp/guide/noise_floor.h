// SPDX-License-Identifier: GPL-3.0-or-later
/**
   What is always there: minimum statistics (Martin 2001). Speech has pauses, between words and in
   every bin; so the least power of a bin within a second or two is that of the noise. Smoothed
   powers scatter, and their least is below their mean: it is raised by a factor. The whole stretch
   is known, so that the seconds are around a frame, not before it. Private header.

   Martin. Noise power spectral density estimation based on optimal smoothing and minimum
   statistics. IEEE TSAP 9(5), 2001.
*/
#ifndef UNBRAID_GUIDE_NOISE_FLOOR_H
#define UNBRAID_GUIDE_NOISE_FLOOR_H

#include "unbraid/matrix.h"

typedef struct ub_noise_floor_settings {
    double smoothing_frames; ///< time constant of the smoothing, forwards and backwards; >= 0
    size_t reach_frames; ///< before and after a frame, that its minimum is of
    double bias; ///< by which the minimum is raised
} ub_noise_floor_settings;

/**
   The share of what rises above the noise, by spectral subtraction: 1 - N / P.

   @param magnitudes  F x T, finite, >= 0. Read only.
   @param share       F x T: every element is set, 0 to 1; 0 where there is nothing.
   @return UB_OK or UB_NO_MEMORY. Memory F x T twice, time O(F T) whatever the reach.
*/
ub_status ub_noise_floor_share(const ub_matrix *magnitudes, const ub_noise_floor_settings *settings,
                               ub_matrix *share);

#endif
