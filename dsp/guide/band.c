// SPDX-License-Identifier: GPL-3.0-or-later
// What rings takes the place of the vocals until it is divided: the order of the sources is that of
// the method for hits and tones.
#include "band.h"
#include "bass.h"
#include "ground/progress_part.h"
#include "harmonic_percussive.h"
#include "median.h"
#include "vocals.h"

#include <assert.h>
#include <math.h>

enum { VOCALS, DRUMS, BASS, OTHER, N_SOURCES };

static const char *const names[N_SOURCES] = {"vocals", "drums", "bass", "other"};

static const double SHARE_OF_DRUMS = 0.7; // of the time
static const double EXPECTED_BASS = 0.5; // most bands have one, not all

// Of what is no bass, no hit and does not repeat itself, from LOWEST_HZ to HIGHEST_HZ: the share of
// the energy above its median over 0.4 s. Recorded singing and speech have 0.46 to 0.77, pieces
// without a voice 0.1 to 0.32 when they are rendered, 0.2 and 0.42 when recorded.
static const double NOBODY_SINGS = 0.25, SOMEBODY_SINGS = 0.45;
static const double LOWEST_HZ = 200.0, HIGHEST_HZ = 4300.0, SECONDS_AROUND = 0.2;

// ---- whether somebody sings --------------------------------------------------------------------

// The energy of what may be a voice in one frame, and of what of it is above the steady part.
typedef struct glide {
    double all, unsteady;
} glide;

static glide glide_of(const float *sum, const float *steady, const float *voice, const float *rings,
                      size_t first, size_t end)
{
    glide g = {0.0, 0.0};
    for (size_t f = first; f < end; f++) {
        const double x = (double)sum[f] * (double)rings[f] * (double)voice[f];
        g.all += x * x;
        g.unsteady += sum[f] > steady[f] ? x * x * (1.0 - (double)steady[f] / (double)sum[f]) : 0.0;
    }
    return g;
}

// A voice glides, and its partials stay in a bin for no longer than a syllable; keys and strings
// stay. Where everything stays, what does not repeat itself is a tune that is played.
static ub_status find_singing(const ub_scene *scene, const ub_matrix *sum, const ub_matrix *voice,
                              const ub_matrix *rings, double *singing)
{
    const size_t first = ub_scene_bin(scene, LOWEST_HZ), end = ub_scene_bin(scene, HIGHEST_HZ);
    const size_t around = ub_scene_frames(scene, SECONDS_AROUND);
    ub_matrix steady;
    ub_status status = ub_matrix_new(sum->n_rows, sum->n_cols, &steady);
    if (status) {
        return status;
    }
    status = ub_median_along_time(sum, around, scene->n_threads, &steady);
    glide whole = {0.0, 0.0};
    for (size_t t = 0; !status && t < sum->n_cols; t++) {
        const glide g =
            glide_of(ub_matrix_column(sum, t), ub_matrix_column(&steady, t),
                     ub_matrix_column(voice, t), ub_matrix_column(rings, t), first, end);
        whole.all += g.all;
        whole.unsteady += g.unsteady;
    }
    const double share = whole.all > 0.0 ? whole.unsteady / whole.all : 0.0;
    *singing = fmax(0.0, fmin(1.0, (share - NOBODY_SINGS) / (SOMEBODY_SINGS - NOBODY_SINGS)));
    ub_matrix_free(&steady);
    return status;
}

// ---- masks -------------------------------------------------------------------------------------

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
    status = status ? status : find_singing(scene, &sum, &voice, rings, &singing);
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
