// SPDX-License-Identifier: GPL-3.0-or-later
/** Stems of a mask that knows the truth. Private header. */
#ifndef UNBRAID_EVALUATE_ORACLE_H
#define UNBRAID_EVALUATE_ORACLE_H

#include "unbraid/evaluate.h"

/** Signals by source and channel, in one block. */
typedef struct ub_signals {
    size_t n_sources, n_channels, n_samples;
    float *memory;
    float **channels; ///< n_sources * n_channels
    const float *const **sources; ///< n_sources, as ub_score_input wants them
} ub_signals;

ub_status ub_signals_new(size_t n_sources, size_t n_channels, size_t n_samples, ub_signals *out);
void ub_signals_free(ub_signals *signals);

/** The oracle of ub_score_oracle(). @return UB_OK, UB_NO_MEMORY, UB_CANCELLED. */
ub_status ub_oracle_stems(const ub_score_input *input, const ub_progress *progress, ub_signals *out,
                          ub_message *why);

#endif
