// SPDX-License-Identifier: GPL-3.0-or-later
// What rings takes the place of the vocals until it is divided: the order of the sources is that of
// the method for hits and tones.
#include "band.h"
#include "bass.h"
#include "ground/progress_part.h"
#include "harmonic_percussive.h"
#include "singing.h"
#include "vocals.h"

#include <assert.h>

enum { VOCALS, DRUMS, BASS, OTHER, N_SOURCES };

static const char *const names[N_SOURCES] = {"vocals", "drums", "bass", "other"};

static const double SHARE_OF_DRUMS = 0.7; // of the time
static const double EXPECTED_BASS = 0.5; // most bands have one, not all

// What rings and what is struck sum to one.
static void balance(const ub_scene *scene, ub_matrix *masks)
{
    const size_t n_channels = scene->n_channels;
    for (size_t i = 0; i < masks[0].n_cols * n_channels; i++) {
        const size_t channel = i % n_channels, t = i / n_channels;
        float *rings = ub_matrix_column(&masks[VOCALS * n_channels + channel], t);
        float *struck = ub_matrix_column(&masks[DRUMS * n_channels + channel], t);
        for (size_t f = 0; f < masks[0].n_rows; f++) {
            const float sum = rings[f] + struck[f];
            rings[f] = sum > 0.0f ? rings[f] / sum : 0.5f;
            struck[f] = 1.0f - rings[f];
        }
    }
}

// One frame of a channel.
static void divide(const float *voice, float singing, const float *low, size_t n_bins,
                   float *const mask[N_SOURCES])
{
    for (size_t f = 0; f < n_bins; f++) {
        const float rings = mask[VOCALS][f];
        const float rest = rings * (1.0f - low[f]);
        mask[BASS][f] = rings * low[f];
        mask[VOCALS][f] = rest * singing * voice[f];
        mask[OTHER][f] = rest * (1.0f - singing * voice[f]);
    }
}

static void divide_all(const ub_scene *scene, const ub_matrix *voice, double singing,
                       const ub_matrix *low, ub_matrix *masks)
{
    const size_t n_bins = voice->n_rows, n_channels = scene->n_channels;
    for (size_t i = 0; i < voice->n_cols * n_channels; i++) {
        const size_t channel = i % n_channels, t = i / n_channels;
        float *mask[N_SOURCES];
        for (size_t j = 0; j < N_SOURCES; j++) {
            mask[j] = ub_matrix_column(&masks[j * n_channels + channel], t);
        }
        divide(ub_matrix_column(voice, t), (float)singing, ub_matrix_column(low, t), n_bins, mask);
    }
}

static ub_status take_apart(const ub_scene *scene, const ub_progress *progress, ub_matrix *masks)
{
    ub_matrix *rings = &masks[VOCALS * scene->n_channels];
    ub_matrix voice = {0}, sum = {0}, low = {0};
    double singing = 0.0;
    balance(scene, masks);
    ub_status status = ub_scene_sum(scene, &sum);
    status = status ? status : ub_matrix_new(sum.n_rows, sum.n_cols, &voice);
    status = status ? status : ub_matrix_new(sum.n_rows, sum.n_cols, &low);
    status = status ? status : ub_bass_share(scene, rings, EXPECTED_BASS, &low);
    status = status ? status : ub_vocals_share(scene, &sum, progress, &voice);
    status = status ? status : ub_singing_find(scene, &sum, &voice, rings, &singing);
    if (!status) {
        divide_all(scene, &voice, singing, &low, masks);
    }
    ub_matrix_free(&voice);
    ub_matrix_free(&sum);
    ub_matrix_free(&low);
    return status;
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
    ub_status status = drums->masks(drums->context, scene, &hits, masks, why);
    if (status) {
        return status;
    }
    status = take_apart(scene, &repetition, masks);
    return status == UB_NO_MEMORY ? ub_fail(why, status, "no memory to find a bass and a voice")
                                  : status;
}

const ub_guide ub_guide_band = {.n_sources = N_SOURCES, .names = names, .masks = make_masks};
