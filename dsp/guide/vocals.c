// SPDX-License-Identifier: GPL-3.0-or-later
// What does not repeat itself is the voice, and the bins at its pitch more so: the comb of the
// pitch is added to the log-odds of the share.
#include "vocals.h"
#include "prior.h"
#include "repetition.h"

#include <math.h>
#include <stdlib.h>

static const char *const names[] = {"vocals", "accompaniment"};

ub_status ub_vocals_share(const ub_scene *scene, const ub_matrix *magnitudes,
                          const ub_progress *progress, ub_matrix *voice)
{
    ub_repetition_settings settings =
        ub_repetition_settings_default(scene->rate_hz, scene->size_samples, scene->hop_samples);
    settings.n_threads = scene->n_threads;
    return ub_repetition_mask(magnitudes, &settings, progress, voice);
}

// Of the comb; twice and half as much are worth less.
static const float COMB_WEIGHT = 4.0f;
static const double COMB_HZ = 4000.0; // pitches glide within a frame, so that it fades
static const float LEAST_SHARE = 1e-3f;

// The root of the magnitudes that do not repeat themselves.
static void compress(const ub_matrix *magnitudes, const ub_matrix *foreground, ub_matrix *out)
{
    for (size_t t = 0; t < out->n_cols; t++) {
        const float *v = ub_matrix_column(magnitudes, t);
        const float *share = ub_matrix_column(foreground, t);
        float *root = ub_matrix_column(out, t);
        for (size_t f = 0; f < out->n_rows; f++) {
            root[f] = sqrtf(share[f] * v[f]);
        }
    }
}

static void favour(const ub_scene *scene, ub_pitch pitch, float *share)
{
    const double bin_hz = scene->rate_hz / (double)scene->size_samples;
    for (size_t f = 0; f < scene->spectra[0].n_rows; f++) {
        const float kept = share[f] < 1.0f - LEAST_SHARE ? share[f] : 1.0f - LEAST_SHARE;
        const float comb = ub_pitch_comb(pitch, (double)f * bin_hz, COMB_HZ);
        if (kept > LEAST_SHARE) {
            share[f] = 1.0f / (1.0f + (1.0f - kept) / kept * expf(-COMB_WEIGHT * comb));
        }
    }
}

ub_status ub_vocals_pitch(const ub_scene *scene, const ub_matrix *magnitudes,
                          const ub_matrix *voice, ub_pitch *pitches)
{
    ub_matrix roots;
    ub_status status = ub_matrix_new(magnitudes->n_rows, magnitudes->n_cols, &roots);
    if (!status) {
        compress(magnitudes, voice, &roots);
        status = ub_pitch_follow(scene, &roots, pitches);
        ub_matrix_free(&roots);
    }
    return status;
}

static ub_status favour_pitch(const ub_scene *scene, const ub_matrix *magnitudes,
                              ub_matrix *foreground)
{
    ub_pitch *pitches = calloc(magnitudes->n_cols, sizeof *pitches);
    const ub_status status =
        pitches ? ub_vocals_pitch(scene, magnitudes, foreground, pitches) : UB_NO_MEMORY;
    for (size_t t = 0; !status && t < magnitudes->n_cols; t++) {
        favour(scene, pitches[t], ub_matrix_column(foreground, t));
    }
    free(pitches);
    return status;
}

static ub_status make_masks(const void *context, const ub_scene *scene, const ub_progress *progress,
                            ub_matrix *masks, ub_message *why)
{
    (void)context;
    ub_matrix magnitudes = {0}, foreground = {0};
    ub_status status = ub_scene_sum(scene, &magnitudes);
    status = status ? status : ub_matrix_new(magnitudes.n_rows, magnitudes.n_cols, &foreground);
    status = status ? status : ub_vocals_share(scene, &magnitudes, progress, &foreground);
    status = status ? status : favour_pitch(scene, &magnitudes, &foreground);
    if (!status) {
        ub_prior_split(&foreground, scene->n_channels, masks);
    }
    ub_matrix_free(&magnitudes);
    ub_matrix_free(&foreground);
    return status == UB_NO_MEMORY ? ub_fail(why, status, "no memory to compare frames") : status;
}

const ub_guide ub_guide_vocals = {
    .n_sources = 2, .names = names, .masks = make_masks, .window_ms = 2048.0 / 44.1};
