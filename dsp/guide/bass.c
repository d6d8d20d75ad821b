// SPDX-License-Identifier: GPL-3.0-or-later
// Partials of a bass above a few hundred hertz are lost to the rest: whoever looks for them by
// combs finds those of other instruments an octave up as well, and loses more
// (docs/measurements.md).
#include "bass.h"
#include "hpss.h"

#include <math.h>

enum { BASS, REST, N_SOURCES };

static const char *const names[N_SOURCES] = {"bass", "rest"};

static const double EDGE_HZ = 250.0, STEEPNESS = 8.0;

double ub_bass_share(double hz)
{
    return 1.0 / (1.0 + pow(hz / EDGE_HZ, STEEPNESS));
}

static void share_out(const ub_scene *scene, const ub_matrix *struck, ub_matrix *masks)
{
    const size_t n_channels = scene->n_channels;
    const double bin_hz = scene->rate_hz / (double)scene->size_samples;
    for (size_t f = 0; f < struck->n_rows; f++) {
        const float share = (float)ub_bass_share((double)f * bin_hz);
        for (size_t i = 0; i < struck->n_cols * n_channels; i++) {
            const size_t channel = i % n_channels, t = i / n_channels;
            const float bass = share * (1.0f - ub_matrix_column(struck, t)[f]);
            ub_matrix_column(&masks[BASS * n_channels + channel], t)[f] = bass;
            ub_matrix_column(&masks[REST * n_channels + channel], t)[f] = 1.0f - bass;
        }
    }
}

static ub_status make_masks(const void *context, const ub_scene *scene, const ub_progress *progress,
                            ub_matrix *masks, ub_message *why)
{
    (void)context;
    ub_matrix sum = {0}, struck = {0};
    ub_status status = ub_scene_sum(scene, &sum);
    status = status ? status : ub_matrix_new(sum.n_rows, sum.n_cols, &struck);
    status = status ? status : ub_hpss_mask(scene, &sum, &struck);
    ub_matrix_free(&sum);
    status = status ? ub_fail(why, status, "no memory to tell hits from tones") : UB_OK;
    if (!status) {
        share_out(scene, &struck, masks);
        status = ub_progress_report(progress, "guide", 1.0);
    }
    ub_matrix_free(&struck);
    return status;
}

const ub_guide ub_guide_bass = {.n_sources = N_SOURCES, .names = names, .masks = make_masks};
