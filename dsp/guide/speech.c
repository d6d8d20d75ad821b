// SPDX-License-Identifier: GPL-3.0-or-later
#include "speech.h"
#include "noise_floor.h"
#include "taught.h"

#include <math.h>

enum { SPEECH, NOISE, N_SOURCES };

static const char *const names[N_SOURCES] = {"speech", "noise"};

// Shorter than a syllable and longer than most.
static const double SMOOTHING_S = 0.06, REACH_S = 0.7;
// Of 1.4 seconds' minimum of powers that are smoothed over 0.06 s, below the mean by as much, and
// the rest because too little noise is worse than too much.
static const double BIAS = 3.5;

static ub_status find_shares(const ub_scene *scene, const ub_progress *progress,
                             const ub_matrix *magnitudes, ub_matrix *taught, ub_matrix *above,
                             ub_message *why)
{
    const ub_noise_floor_settings settings = {.smoothing_frames = SMOOTHING_S * scene->rate_hz /
                                                                  (double)scene->hop_samples,
                                              .reach_frames = ub_scene_frames(scene, REACH_S),
                                              .bias = BIAS};
    ub_status status = ub_matrix_new(magnitudes->n_rows, magnitudes->n_cols, taught);
    status = status ? status : ub_matrix_new(magnitudes->n_rows, magnitudes->n_cols, above);
    status = status ? status : ub_noise_floor_share(magnitudes, &settings, above);
    if (status) {
        return ub_fail(why, status, "no memory to find the noise");
    }
    return ub_taught_share(scene, &names[SPEECH], 1, magnitudes, progress, taught, why);
}

// Speech is what both say is speech; the dictionary, which has never heard this voice, counts half.
static void combine(const ub_scene *scene, const ub_matrix *taught, const ub_matrix *above,
                    ub_matrix *masks)
{
    for (size_t c = 0; c < scene->n_channels; c++) {
        for (size_t t = 0; t < taught->n_cols; t++) {
            const float *a = ub_matrix_column(taught, t), *b = ub_matrix_column(above, t);
            float *speech = ub_matrix_column(&masks[SPEECH * scene->n_channels + c], t);
            float *noise = ub_matrix_column(&masks[NOISE * scene->n_channels + c], t);
            for (size_t f = 0; f < taught->n_rows; f++) {
                speech[f] = sqrtf(a[f]) * b[f];
                noise[f] = 1.0f - speech[f];
            }
        }
    }
}

static ub_status make_masks(const void *context, const ub_scene *scene, const ub_progress *progress,
                            ub_matrix *masks, ub_message *why)
{
    (void)context;
    ub_matrix magnitudes = {0}, taught = {0}, above = {0};
    ub_status status = ub_scene_sum(scene, &magnitudes);
    status = status ? ub_fail(why, status, "no memory for the sum of channels")
                    : find_shares(scene, progress, &magnitudes, &taught, &above, why);
    if (!status) {
        combine(scene, &taught, &above, masks);
    }
    ub_matrix_free(&magnitudes);
    ub_matrix_free(&taught);
    ub_matrix_free(&above);
    return status;
}

const ub_guide ub_guide_speech = {
    .n_sources = N_SOURCES, .names = names, .needs_dictionary = true, .masks = make_masks};
