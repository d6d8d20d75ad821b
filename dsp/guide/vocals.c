// SPDX-License-Identifier: GPL-3.0-or-later
#include "vocals.h"
#include "prior.h"
#include "repetition.h"

enum { VOCALS, ACCOMPANIMENT, N_SOURCES };

static const char *const names[N_SOURCES] = {"vocals", "accompaniment"};

ub_status ub_vocals_share(const ub_scene *scene, const ub_matrix *magnitudes,
                          const ub_progress *progress, ub_matrix *voice)
{
    ub_repetition_settings settings =
        ub_repetition_settings_default(scene->rate_hz, scene->size_samples, scene->hop_samples);
    settings.n_threads = scene->n_threads;
    return ub_repetition_mask(magnitudes, &settings, progress, voice);
}

// One mask for all channels; what is not the voice is the accompaniment.
static void share(const ub_scene *scene, const ub_matrix *foreground, ub_matrix *masks)
{
    for (size_t c = 0; c < scene->n_channels; c++) {
        ub_matrix *vocals = &masks[VOCALS * scene->n_channels + c];
        ub_matrix *rest = &masks[ACCOMPANIMENT * scene->n_channels + c];
        ub_matrix_copy_into(foreground, vocals);
        ub_prior_complement(foreground, rest);
    }
}

static ub_status make_masks(const void *context, const ub_scene *scene, const ub_progress *progress,
                            ub_matrix *masks, ub_message *why)
{
    (void)context;
    ub_matrix magnitudes = {0}, foreground = {0};
    ub_status status = ub_scene_sum(scene, &magnitudes);
    status = status ? status : ub_matrix_new(magnitudes.n_rows, magnitudes.n_cols, &foreground);
    status = status ? status : ub_vocals_share(scene, &magnitudes, progress, &foreground);
    if (!status) {
        share(scene, &foreground, masks);
    }
    ub_matrix_free(&magnitudes);
    ub_matrix_free(&foreground);
    return status == UB_NO_MEMORY ? ub_fail(why, status, "no memory to compare frames") : status;
}

const ub_guide ub_guide_vocals = {.n_sources = N_SOURCES, .names = names, .masks = make_masks};
