// SPDX-License-Identifier: GPL-3.0-or-later
/** An activator with work space for several threads. Private header. */
#ifndef UNBRAID_SEPARATE_TEAM_H
#define UNBRAID_SEPARATE_TEAM_H

#include "unbraid/nmf.h"

typedef struct ub_team {
    const ub_activator *activator; ///< borrowed
    size_t n_threads;
    size_t work_size; ///< floats per thread
    float *work;
} ub_team;

/** @return UB_OK or UB_NO_MEMORY. */
ub_status ub_team_new(const ub_activator *activator, size_t n_threads, ub_team *out);
void ub_team_free(ub_team *team);

/** ub_activator_run() for columns 0 to n: the same bits for every number of threads. */
void ub_team_run(const ub_team *team, const ub_matrix *spectra, size_t n, ub_matrix *activations);

#endif
