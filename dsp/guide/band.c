// SPDX-License-Identifier: GPL-3.0-or-later
// What rings takes the place of the vocals until it is divided: the order of the sources is that of
// the method for hits and tones.
#include "band.h"
#include "bass.h"
#include "ground/progress_part.h"
#include "harmonic_percussive.h"
#include "repetition.h"

#include <assert.h>
#include <stdlib.h>

enum { VOCALS, DRUMS, BASS, OTHER, N_SOURCES };

static const char *const names[N_SOURCES] = {"vocals", "drums", "bass", "other"};

static const double SHARE_OF_DRUMS = 0.7; // of the time

static ub_status find_voice(const ub_scene *scene, const ub_progress *progress, ub_matrix *voice,
                            ub_message *why)
{
    ub_repetition_settings settings =
        ub_repetition_settings_default(scene->rate_hz, scene->size_samples, scene->hop_samples);
    settings.n_threads = scene->n_threads;
    ub_matrix sum = {0};
    ub_status status = ub_scene_sum(scene, &sum);
    status = status ? status : ub_matrix_new(sum.n_rows, sum.n_cols, voice);
    status = status ? status : ub_repetition_mask(&sum, &settings, progress, voice);
    ub_matrix_free(&sum);
    return status == UB_NO_MEMORY ? ub_fail(why, status, "no memory to find a voice") : status;
}

// One frame of a channel.
static void divide(const float *voice, const float *low, size_t n_bins,
                   float *const mask[N_SOURCES])
{
    for (size_t f = 0; f < n_bins; f++) {
        const float sum = mask[VOCALS][f] + mask[DRUMS][f];
        const float rings = sum > 0.0f ? mask[VOCALS][f] / sum : 0.5f;
        const float rest = rings * (1.0f - low[f]);
        mask[DRUMS][f] = 1.0f - rings;
        mask[BASS][f] = rings * low[f];
        mask[VOCALS][f] = rest * voice[f];
        mask[OTHER][f] = rest * (1.0f - voice[f]);
    }
}

static ub_status divide_all(const ub_scene *scene, const ub_matrix *voice, ub_matrix *masks)
{
    const size_t n_bins = voice->n_rows, n_channels = scene->n_channels;
    float *low = malloc(n_bins * sizeof *low);
    if (!low) {
        return UB_NO_MEMORY;
    }
    for (size_t f = 0; f < n_bins; f++) {
        low[f] = (float)ub_bass_share((double)f * scene->rate_hz / (double)scene->size_samples);
    }
    for (size_t i = 0; i < voice->n_cols * n_channels; i++) {
        const size_t channel = i % n_channels, t = i / n_channels;
        float *mask[N_SOURCES];
        for (size_t j = 0; j < N_SOURCES; j++) {
            mask[j] = ub_matrix_column(&masks[j * n_channels + channel], t);
        }
        divide(ub_matrix_column(voice, t), low, n_bins, mask);
    }
    free(low);
    return UB_OK;
}

static ub_status make_masks(const void *context, const ub_scene *scene, const ub_progress *progress,
                            ub_matrix *masks, ub_message *why)
{
    (void)context;
    ub_progress_part parts[2] = {{progress, 0.0, SHARE_OF_DRUMS}, {progress, SHARE_OF_DRUMS, 1.0}};
    const ub_progress hits = ub_progress_of_part(&parts[0]);
    const ub_progress repetition = ub_progress_of_part(&parts[1]);
    const ub_guide *drums = &ub_guide_harmonic_percussive;
    assert(drums->n_sources == 2);
    ub_matrix voice = {0};
    ub_status status = drums->masks(drums->context, scene, &hits, masks, why);
    status = status ? status : find_voice(scene, &repetition, &voice, why);
    if (!status && divide_all(scene, &voice, masks)) {
        status = ub_fail(why, UB_NO_MEMORY, "no memory to divide what rings");
    }
    ub_matrix_free(&voice);
    return status;
}

const ub_guide ub_guide_band = {.n_sources = N_SOURCES, .names = names, .masks = make_masks};
