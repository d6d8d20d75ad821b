// SPDX-License-Identifier: GPL-3.0-or-later
/**
   How loud the noise is that speech rises above, bin by bin. Private header.

   Speech has pauses, between words and in every bin; so the least power of a bin within a second or
   two is near that of the noise (minimum statistics, Martin 2001). Smoothed powers scatter, and
   their least is below their mean: it is raised by a factor. That is where to start from. Then each
   power counts as noise as far as it is probably no speech, and what counts is smoothed again, some
   rounds long (speech presence probability, Gerkmann, Hendriks 2012): all frames tell of the noise
   then, not the quietest alone. The whole stretch is known, so that all this looks both ways.

   Martin. Noise power spectral density estimation based on optimal smoothing and minimum
   statistics. IEEE TSAP 9(5), 2001.
   Gerkmann, Hendriks. Unbiased MMSE-based noise power estimation with low complexity and low
   tracking delay. IEEE TASLP 20(4), 2012.
*/
#ifndef UNBRAID_GUIDE_NOISE_FLOOR_H
#define UNBRAID_GUIDE_NOISE_FLOOR_H

#include "unbraid/matrix.h"

typedef struct ub_noise_floor_settings {
    double smoothing_frames; ///< time constant, both ways, of the powers that minima are of; >= 0
    size_t reach_frames; ///< before and after a frame, that its minimum is of
    double bias; ///< by which the minimum is raised
    size_t n_rounds; ///< of weighing by the probability of speech
    double memory_frames; ///< time constant, both ways, of what counts as noise; >= 0
} ub_noise_floor_settings;

/** What the guide of speech takes: minima over 0.7 s on both sides, then six rounds. */
ub_noise_floor_settings ub_noise_floor_settings_default(double frame_rate_hz);

/**
   @param magnitudes  F x T, finite, >= 0. Read only.
   @param noise       F x T: every element is set, a power, >= 0.
   @return UB_OK or UB_NO_MEMORY. Memory F x T twice more, time O(F T) whatever the reach.
*/
ub_status ub_noise_floor_find(const ub_matrix *magnitudes, const ub_noise_floor_settings *settings,
                              ub_matrix *noise);

#endif
