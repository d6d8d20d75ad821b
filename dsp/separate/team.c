// SPDX-License-Identifier: GPL-3.0-or-later
#include "team.h"
#include "ground/floats.h"
#include "ground/threads.h"

#include <stdlib.h>

enum {
    TASK_FRAMES = 24 // frames of a task; any number gives the same bits
};

ub_status ub_team_new(const ub_activator *activator, size_t n_threads, ub_team *out)
{
    // Threads write to cache lines of their own.
    const size_t work_size = ub_floats_line(ub_activator_work_size(activator));
    *out = (ub_team){.activator = activator, .n_threads = n_threads, .work_size = work_size};
    out->work = ub_floats_new(n_threads * work_size);
    return out->work ? UB_OK : UB_NO_MEMORY;
}

void ub_team_free(ub_team *team)
{
    free(team->work);
    *team = (ub_team){0};
}

void ub_team_run(const ub_team *team, const ub_matrix *spectra, size_t n, ub_matrix *activations)
{
#pragma omp parallel for schedule(dynamic, 1) num_threads((int)team->n_threads)
    for (size_t first = 0; first < n; first += TASK_FRAMES) {
        const size_t some = n - first < TASK_FRAMES ? n - first : TASK_FRAMES;
        ub_activator_run(team->activator, spectra, first, some,
                         team->work + ub_thread_index() * team->work_size, activations);
    }
}
