// SPDX-License-Identifier: GPL-3.0-or-later
/**
   What is compared: one signal, or the sum of several (the mix, the estimates together), read block
   by block in double precision, so that no whole signal is ever copied. Private header.
*/
#ifndef UNBRAID_EVALUATE_SIGNAL_H
#define UNBRAID_EVALUATE_SIGNAL_H

#include <stddef.h>

typedef struct ub_score_signal {
    const float *const *const
        *parts; ///< [part][channel][sample], borrowed; the signal is their sum
    size_t n_parts, n_channels, n_samples;
} ub_score_signal;

/** Samples first to first + n - 1 of one channel, all within the signal. */
void ub_score_signal_read(const ub_score_signal *signal, size_t channel, size_t first, size_t n,
                          double *out);

/**
   The mean of the channels plus 1e-9, which keeps silence from being singular. Here the signal has
   `lead` samples before its first, and any number after its last, that are exactly zero: sample 0
   is the first of the lead.
*/
void ub_score_signal_read_mono(const ub_score_signal *signal, size_t lead, size_t first, size_t n,
                               double *out);

#endif
