// SPDX-License-Identifier: GPL-3.0-or-later
/**
   The multichannel Wiener filter: sources that masks have found are told apart by their places
   among the channels too. Private header.

   With x the C channels of a bin in a frame, y_j what a source is so far (mask times x), and
       v_j = |y_j|^2 / C,    R_j = sum_t y_j y_j^H / sum_t v_j    for each bin,
   the source becomes
       v_j R_j (sum_i v_i R_i)^-1 x,
   the best linear estimate when sources are Gaussian with these covariances [1]; from that v and R
   may be computed again, which is a step of an EM algorithm [2]. Its parts still sum to x.

   [1] Duong, Vincent, Gribonval. Under-determined reverberant audio source separation using a
       full-rank spatial covariance model. IEEE TASLP 18(7), 2010.
   [2] Nugraha, Liutkus, Vincent. Multichannel audio source separation with deep neural networks.
       IEEE/ACM TASLP 24(9), 2016.
*/
#ifndef UNBRAID_MASK_SPATIAL_H
#define UNBRAID_MASK_SPATIAL_H

#include "unbraid/status.h"

#include <complex.h>
#include <stdbool.h>
#include <stddef.h>

enum { UB_SPATIAL_MOST_CHANNELS = 8, UB_SPATIAL_MOST_SOURCES = 128 };

typedef struct ub_spatial ub_spatial;

/** A frame to filter. */
typedef struct ub_spatial_frame {
    const float complex *const *mix; ///< [channel]: bins
    float complex *const *sources; ///< [source * n_channels + channel]: bins. In: mask times mix.
                                   ///< Out: what they become.
} ub_spatial_frame;

/**
   @param n_channels  1 to UB_SPATIAL_MOST_CHANNELS. n_sources: 1 to
                      UB_SPATIAL_MOST_SOURCES; n_bins: 1 or more.
   @param rank_one    Keep of each R_j what is largest, so that a source is one point.
   @return UB_OK or UB_NO_MEMORY.
*/
ub_status ub_spatial_new(size_t n_channels, size_t n_sources, size_t n_bins, bool rank_one,
                         ub_spatial **out);

/** NULL is fine. */
void ub_spatial_free(ub_spatial *spatial);

/** Hear frames: filter them in place with the covariances of the rounds so far, and add what they
    become to those of the next. The same bits for any cut into calls and number of threads. */
void ub_spatial_hear(ub_spatial *spatial, const ub_spatial_frame *frames, size_t n_frames,
                     size_t n_threads);

/** All frames have been heard: another round is complete. @return UB_OK or UB_NO_MEMORY. */
ub_status ub_spatial_end_round(ub_spatial *spatial);

/** Filter frames in place, round after round. */
void ub_spatial_filter(const ub_spatial *spatial, const ub_spatial_frame *frames, size_t n_frames,
                       size_t n_threads);

#endif
