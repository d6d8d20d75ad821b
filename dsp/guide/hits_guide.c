// SPDX-License-Identifier: GPL-3.0-or-later
#include "hits_guide.h"
#include "drum_kit.h"
#include "factor/nmfd.h"
#include "ground/floats.h"
#include "ground/fpu.h"
#include "hit_templates.h"
#include "hits.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    UPDATES = 30, // as in the paper
    WITHIN_FRAMES = 1, // a hit may begin a frame sooner or later than it was found
    TOGETHER_FRAMES = 2 // hits this close are struck together
};

static const double OTHER_KEY = 0.1; // of what may sound at a hit, of the source's other keys
static const double AFTER = 0.003; // of what may sound at a hit, after it: what templates cut off
static const double FORGOTTEN = 1e-5; // share of an activation's largest value that is nothing
static const double CLEAR = 0.3; // of the strongest hit of its source, for one to hide others
static const double ALONE = 0.1; // share of a tom's hits that are heard without a kick or snare
static const double QUIETEST = 1e-5; // level of frames below which all is silence: -100 dB
static const double SHARPNESS = 1.5; // of masks, times the exponent of the settings
static const float LEAST = 1e-25f; // of a source that is heard, where nothing is

typedef struct hits_work {
    const ub_scene *scene;
    const ub_dictionary *dictionary;
    size_t n_frames;
    ub_keys keys;
    ub_drum_kit kit;
    ub_hits hits;
    double *levels; // of sources
    bool *is_heard; // sources
    ub_matrix mix; // F x T: all channels
    ub_hit_templates templates; // of the components that are heard
    size_t *owners, *in_keys; // sources and keys of those components
    size_t n_components; // K
    bool *is_in; // [source * K + component]: whose it is
    double *gains; // [source * n_channels + channel]
    ub_nmfd *nmfd;
} hits_work;

static void work_free(hits_work *w)
{
    ub_nmfd_free(w->nmfd);
    free(w->gains);
    free(w->is_in);
    free(w->in_keys);
    free(w->owners);
    ub_hit_templates_free(&w->templates);
    ub_matrix_free(&w->mix);
    free(w->is_heard);
    free(w->levels);
    ub_hits_free(&w->hits);
    ub_drum_kit_free(&w->kit);
    ub_keys_free(&w->keys);
}

static ub_status work_new(const ub_scene *scene, hits_work *w, ub_message *why)
{
    const ub_dictionary *d = scene->dictionary;
    const size_t n_k = d->templates.n_cols, n_sources = d->n_sources;
    *w = (hits_work){
        .scene = scene, .dictionary = d, .n_frames = scene->spectra[0].n_cols, .n_components = 0};
    ub_status status = ub_keys_new(d, &w->keys, why);
    status = status ? status : ub_drum_kit_new(d, &w->kit, why);
    if (status) {
        return status;
    }
    w->levels = calloc(n_sources, sizeof *w->levels);
    w->is_heard = calloc(n_sources, sizeof *w->is_heard);
    w->owners = calloc(n_k, sizeof *w->owners);
    w->in_keys = calloc(n_k, sizeof *w->in_keys);
    w->is_in = calloc(n_sources * n_k, sizeof *w->is_in);
    w->gains = calloc(n_sources * scene->n_channels, sizeof *w->gains);
    status = ub_scene_sum(scene, &w->mix);
    return status || !w->levels || !w->is_heard || !w->owners || !w->in_keys || !w->is_in ||
                   !w->gains
               ? ub_fail(why, UB_NO_MEMORY, "no memory for the hits of %zu frames", w->n_frames)
               : UB_OK;
}

static double level_of(const ub_matrix *mix, size_t frame)
{
    const float *v = ub_matrix_column(mix, frame);
    double level = 0.0;
    for (size_t f = 0; f < mix->n_rows; f++) {
        level += (double)v[f];
    }
    return level;
}

// Whether there is anything to hear.
static bool has_sound(const hits_work *w)
{
    double loudest = 0.0;
    for (size_t t = 0; t < w->n_frames; t++) {
        loudest = fmax(loudest, level_of(&w->mix, t));
    }
    return loudest > QUIETEST;
}

static ub_status find_hits(hits_work *w)
{
    ub_matrix bands = {0}, sounding = {0};
    ub_status status = ub_matrix_new(w->kit.bands.n_bands, w->n_frames, &bands);
    status = status ? status : ub_matrix_new(w->keys.n, w->n_frames, &sounding);
    for (size_t t = 0; !status && t < w->n_frames; t++) {
        ub_drum_kit_hear(&w->kit, &w->mix, 1, t, ub_matrix_column(&bands, t));
    }
    status = status ? status : ub_drum_kit_deconvolve(&w->kit, &w->keys, &bands, &sounding);
    status = status ? status : ub_hits_find(&w->keys, &sounding, 0, w->n_frames, 0, &w->hits);
    status = status ? status
                    : ub_hits_choose(&w->keys, UB_HIT_LIKELY, &w->hits, w->levels,
                                     w->dictionary->n_sources);
    ub_matrix_free(&bands);
    ub_matrix_free(&sounding);
    return status;
}

// A stick is a snare that is struck on its rim.
static bool is_kick_or_snare(int pitch)
{
    const ub_hit_part part = ub_hit_part_of(pitch);
    return part == UB_HIT_KICK || part == UB_HIT_SNARE || part == UB_HIT_STICK;
}

static bool is_hidden(const hits_work *w, const ub_hit *hit, const float *strongest)
{
    for (size_t i = 0; i < w->hits.n; i++) {
        const ub_hit *other = &w->hits.hits[i];
        const size_t source = w->keys.source[other->key];
        if (is_kick_or_snare(w->keys.pitch[other->key]) &&
            fabs(other->frame - hit->frame) <= TOGETHER_FRAMES + 0.5 &&
            (double)other->strength > CLEAR * (double)strongest[source]) {
            return true;
        }
    }
    return false;
}

// A drum that is heard with others only is what the templates of those others lack.
static ub_status judge_sources(hits_work *w)
{
    const size_t n_sources = w->dictionary->n_sources;
    float *strongest = ub_floats_new(3 * n_sources);
    if (!strongest) {
        return UB_NO_MEMORY;
    }
    float *alone = strongest + n_sources, *all = alone + n_sources;
    for (size_t i = 0; i < w->hits.n; i++) {
        const size_t source = w->keys.source[w->hits.hits[i].key];
        strongest[source] = fmaxf(strongest[source], w->hits.hits[i].strength);
    }
    for (size_t i = 0; i < w->hits.n; i++) {
        const ub_hit *hit = &w->hits.hits[i];
        const size_t source = w->keys.source[hit->key];
        const bool is_sure = ub_hit_part_of(w->keys.pitch[hit->key]) != UB_HIT_TOMS;
        all[source] += hit->strength;
        alone[source] += is_sure || !is_hidden(w, hit, strongest) ? hit->strength : 0.0f;
    }
    for (size_t j = 0; j < n_sources; j++) {
        w->is_heard[j] = all[j] > 0.0f && (double)alone[j] >= ALONE * (double)all[j];
    }
    free(strongest);
    return UB_OK;
}

static ub_status gather_templates(hits_work *w)
{
    const ub_dictionary *d = w->dictionary;
    size_t *chosen = calloc(d->templates.n_cols, sizeof *chosen);
    if (!chosen) {
        return UB_NO_MEMORY;
    }
    for (size_t k = 0; k < d->templates.n_cols; k++) {
        if (w->is_heard[d->component_source[k]]) {
            w->in_keys[w->n_components] = w->keys.of_component[k];
            w->owners[w->n_components] = d->component_source[k];
            chosen[w->n_components++] = k;
        }
    }
    const size_t n_k = w->n_components;
    for (size_t k = 0; k < n_k; k++) {
        w->is_in[w->owners[k] * n_k + k] = true;
    }
    const ub_status status = n_k ? ub_hit_templates_new(d, chosen, n_k, &w->templates) : UB_OK;
    free(chosen);
    return status;
}

// Shares of the level of a frame: all at the hits of a source, a little after them, none before;
// most of it to the key that was hit, as far as that is known.
static void allow(const hits_work *w, ub_matrix *start)
{
    for (size_t i = 0; i < w->hits.n; i++) {
        const size_t source = w->keys.source[w->hits.hits[i].key];
        const double at = round(w->hits.hits[i].frame);
        const size_t frame = at > 0.0 ? (size_t)at : 0;
        const size_t first = frame > WITHIN_FRAMES ? frame - WITHIN_FRAMES : 0;
        for (size_t t = first; t < w->n_frames; t++) {
            const float share = t <= frame + WITHIN_FRAMES ? 1.0f : (float)AFTER;
            for (size_t k = 0; k < w->n_components; k++) {
                float *h = &ub_matrix_column(start, t)[k];
                const bool is_key = w->in_keys[k] == w->hits.hits[i].key;
                const float part = is_key ? share : (float)OTHER_KEY * share;
                *h = w->owners[k] == source ? fmaxf(*h, part) : *h;
            }
        }
    }
    for (size_t t = 0; t < w->n_frames; t++) {
        const double level = level_of(&w->mix, t);
        for (size_t k = 0; k < w->n_components; k++) {
            ub_matrix_column(start, t)[k] *= (float)(level / (double)w->n_components);
        }
    }
}

static ub_status adapt(hits_work *w, const ub_progress *progress, ub_message *why)
{
    ub_matrix start = {0};
    const ub_hit_templates *t = &w->templates;
    ub_status status = ub_matrix_new(w->n_components, w->n_frames, &start);
    status = status ? status
                    : ub_nmfd_new(&w->mix, &t->columns, t->spans, t->n_lags, w->scene->n_threads,
                                  &w->nmfd);
    if (status) {
        ub_matrix_free(&start);
        return ub_fail(why, status, "no memory for the hits of %zu frames", w->n_frames);
    }
    allow(w, &start);
    ub_nmfd_start(w->nmfd, &start);
    ub_matrix_free(&start);
    for (size_t i = 1; !status && i <= UPDATES; i++) {
        ub_nmfd_update_activations(w->nmfd);
        ub_nmfd_forget(w->nmfd, FORGOTTEN);
        ub_nmfd_update_templates(w->nmfd, 1.0 - (double)i / UPDATES);
        status = ub_progress_report(progress, "adapt", (double)i / UPDATES);
    }
    return status;
}

// The model of each source in a frame, F values after each other.
static void model_sources(const hits_work *w, size_t frame, float *models)
{
    const size_t n_bins = w->mix.n_rows;
    for (size_t j = 0; j < w->dictionary->n_sources; j++) {
        if (w->is_heard[j]) {
            ub_nmfd_model(w->nmfd, w->is_in + j * w->n_components, frame, models + j * n_bins);
        }
    }
}

// How loud each source is in each channel, as a share of all; one channel has all.
static void measure_gains(hits_work *w, float *models)
{
    const size_t n_bins = w->mix.n_rows, n_channels = w->scene->n_channels;
    const size_t n_sources = w->dictionary->n_sources;
    for (size_t t = 0; n_channels > 1 && t < w->n_frames; t++) {
        const float *mix = ub_matrix_column(&w->mix, t);
        model_sources(w, t, models);
        for (size_t f = 0; f < n_bins; f++) {
            double sum = 1e-30;
            for (size_t j = 0; j < n_sources; j++) {
                sum += (double)models[j * n_bins + f];
            }
            for (size_t i = 0; mix[f] > 0.0f && i < n_sources * n_channels; i++) {
                const double share = (double)models[i / n_channels * n_bins + f] / sum;
                const float *v = ub_matrix_column(&w->scene->spectra[i % n_channels], t);
                // Of a bin that others share little is known.
                w->gains[i] += share * share * share * (double)v[f];
            }
        }
    }
    for (size_t j = 0; j < n_sources; j++) {
        double *gains = w->gains + j * n_channels, sum = 0.0;
        for (size_t c = 0; c < n_channels; c++) {
            sum += gains[c];
        }
        for (size_t c = 0; c < n_channels; c++) {
            gains[c] = sum > 0.0 ? gains[c] / sum : 1.0;
        }
    }
}

static ub_status make_masks(hits_work *w, ub_matrix *masks)
{
    const size_t n_bins = w->mix.n_rows, n_channels = w->scene->n_channels;
    const size_t n_sources = w->dictionary->n_sources;
    const double exponent_of_all =
        ub_settings_value(w->scene->settings, UB_PARAM_MASK_EXPONENT, 1.0);
    const float exponent = (float)(SHARPNESS * exponent_of_all);
    float *models = ub_floats_new(n_sources * n_bins);
    if (!models) {
        return UB_NO_MEMORY;
    }
    measure_gains(w, models);
    for (size_t t = 0; t < w->n_frames; t++) {
        model_sources(w, t, models);
        for (size_t i = 0; i < n_sources * n_channels; i++) {
            const size_t source = i / n_channels;
            const float gain = (float)w->gains[i];
            float *mask = ub_matrix_column(&masks[i], t);
            for (size_t f = 0; w->is_heard[source] && f < n_bins; f++) {
                mask[f] = LEAST + powf(gain * models[source * n_bins + f], exponent);
            }
        }
    }
    free(models);
    return UB_OK;
}

static ub_status separate(hits_work *w, const ub_progress *progress, ub_matrix *masks,
                          ub_message *why)
{
    if (!has_sound(w)) {
        return UB_OK;
    }
    ub_status status = find_hits(w);
    status = status ? status : judge_sources(w);
    status = status ? status : gather_templates(w);
    if (status) {
        return ub_fail(why, status, "no memory to find hits");
    }
    if (w->n_components == 0) {
        return UB_OK;
    }
    status = adapt(w, progress, why);
    if (!status && make_masks(w, masks)) {
        status = ub_fail(why, UB_NO_MEMORY, "no memory for masks");
    }
    return status;
}

static ub_status masks_of_hits(const void *context, const ub_scene *scene,
                               const ub_progress *progress, ub_matrix *masks, ub_message *why)
{
    (void)context;
    const ub_dictionary *d = scene->dictionary;
    if (!d->component_pitch || d->n_after == 0 || d->n_before > 0) {
        return ub_fail(why, UB_BAD_VALUE,
                       "the dictionary is not one of hits, whose templates go on in time");
    }
    hits_work work;
    const uint64_t mode = ub_fpu_flush_denormals();
    ub_status status = work_new(scene, &work, why);
    status = status ? status : separate(&work, progress, masks, why);
    work_free(&work);
    ub_fpu_restore(mode);
    return status;
}

const ub_guide ub_guide_hits = {.needs_dictionary = true, .masks = masks_of_hits};
