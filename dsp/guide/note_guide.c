// SPDX-License-Identifier: GPL-3.0-or-later
// The channels are fitted together, as their sum; how each source is spread over them is found
// afterwards, from its share of each channel's bins.
#include "note_guide.h"
#include "factor/adapt.h"
#include "ground/progress_part.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    N_START = 30, // updates of the activations alone
    N_ROUNDS = 15, // of both
    N_ROUNDS_OF_FREE = 20, // of free components, before those
    N_SPREADS = 10, // updates of the sources' gains in the channels
};

static const double SHRINKAGE = 0.05; // see adapt.h
static const float FLOOR = 1e-9f; // of models, 60 dB below the noise of 16 bits

struct guiding {
    const ub_note_orders *orders;
    const ub_scene *scene;
    size_t n_sources, n_bins, n_frames;
    ub_matrix sum; // of the channels
    double *level; // of its frames
    double *gains; // [source][channel]
    double *shares; // [frame][source]: work
    ub_note_plan plan;
    ub_matrix *masks;
};

static void guiding_free(struct guiding *g)
{
    ub_matrix_free(&g->sum);
    free(g->level);
    free(g->gains);
    free(g->shares);
    ub_note_plan_free(&g->plan);
}

static ub_status listen(struct guiding *g)
{
    g->level = calloc(g->n_frames + 1, sizeof *g->level);
    g->gains = calloc(g->n_sources * g->scene->n_channels, sizeof *g->gains);
    g->shares = calloc(g->n_frames * g->n_sources + 1, sizeof *g->shares);
    if (!g->level || !g->gains || !g->shares || ub_scene_sum(g->scene, &g->sum)) {
        return UB_NO_MEMORY;
    }
    for (size_t t = 0; t < g->n_frames; t++) {
        const float *sum = ub_matrix_column(&g->sum, t);
        for (size_t f = 0; f < g->n_bins; f++) {
            g->level[t] += (double)sum[f];
        }
    }
    return UB_OK;
}

static ub_adaptation adaptation_of(const struct guiding *g)
{
    return (ub_adaptation){
        .beta = 1.0,
        .n_start = N_START,
        .n_rounds = N_ROUNDS,
        .n_between = 1,
        .shrinkage = SHRINKAGE,
        .n_adapted = g->plan.n_components,
        .cell_frames = UB_NOTE_CELL,
        .chosen = g->plan.chosen,
        .n_threads = g->scene->n_threads,
        .kernels = ub_settings_kernels(g->scene->settings),
    };
}

// Free components learn first, while the score's templates stay what they are: later these would
// have learned what is not theirs.
static ub_status fit(struct guiding *g, const ub_progress *progress)
{
    const size_t n_free = g->orders->n_free;
    const double share = n_free > 0 ? 0.5 : 0.0;
    ub_adaptation adaptation = adaptation_of(g);
    ub_status status = UB_OK;
    if (n_free > 0) {
        ub_progress_part part = {progress, 0.0, share};
        const ub_progress half = ub_progress_of_part(&part);
        adaptation.n_rounds = N_ROUNDS_OF_FREE;
        adaptation.n_adapted = n_free;
        status = ub_adapt(&g->sum, &adaptation, &half, &g->plan.templates, &g->plan.activations);
        adaptation = adaptation_of(g);
        adaptation.n_start = 0;
    }
    ub_progress_part part = {progress, share, 1.0};
    const ub_progress rest = ub_progress_of_part(&part);
    return status ? status
                  : ub_adapt(&g->sum, &adaptation, &rest, &g->plan.templates, &g->plan.activations);
}

static float *model_of(const struct guiding *g, size_t source, size_t frame)
{
    return ub_matrix_column(&g->masks[source * g->scene->n_channels], frame);
}

// Into the first channel of each source's masks. What no note of the score explains is the rest.
static void model_frame(struct guiding *g, size_t frame)
{
    const float *h = ub_matrix_column(&g->plan.activations, frame);
    for (size_t k = 0; k < g->plan.n_components; k++) {
        if (h[k] > 0.0f) {
            float *model = model_of(g, g->plan.part[k], frame);
            const float *w = ub_matrix_column(&g->plan.templates, k);
            for (size_t f = 0; f < g->n_bins; f++) {
                model[f] += h[k] * w[f];
            }
        }
    }
    float *rest = model_of(g, g->n_sources - 1, frame);
    for (size_t f = 0; f < g->n_bins; f++) {
        rest[f] += FLOOR;
    }
}

// How much of a channel's frame each source explains.
static void share_frame(struct guiding *g, size_t channel, size_t frame)
{
    const float *v = ub_matrix_column(&g->scene->spectra[channel], frame);
    double *shares = g->shares + frame * g->n_sources;
    memset(shares, 0, g->n_sources * sizeof *shares);
    for (size_t f = 0; f < g->n_bins; f++) {
        double sum = 0.0;
        for (size_t j = 0; j < g->n_sources; j++) {
            sum += g->gains[j * g->scene->n_channels + channel] * (double)model_of(g, j, frame)[f];
        }
        const double ratio = sum > 0.0 ? (double)v[f] / sum : 0.0;
        for (size_t j = 0; j < g->n_sources; j++) {
            shares[j] += ratio * (double)model_of(g, j, frame)[f];
        }
    }
}

// One update of the gains of a channel by what its sources explain.
static void spread(struct guiding *g, size_t channel, double *updated)
{
#pragma omp parallel for schedule(static) num_threads((int)g->scene->n_threads)
    for (size_t t = 0; t < g->n_frames; t++) {
        share_frame(g, channel, t);
    }
    for (size_t j = 0; j < g->n_sources; j++) {
        double sum = 0.0;
        for (size_t t = 0; t < g->n_frames; t++) {
            sum += g->shares[t * g->n_sources + j];
        }
        updated[j] = sum * g->gains[j * g->scene->n_channels + channel];
    }
}

// Gains of a source sum to the number of channels; those of one that is not heard are equal.
static ub_status find_gains(struct guiding *g)
{
    const size_t n_channels = g->scene->n_channels;
    double *updated = calloc(g->n_sources * n_channels, sizeof *updated);
    for (size_t i = 0; i < g->n_sources * n_channels; i++) {
        g->gains[i] = 1.0;
    }
    for (size_t i = 0; updated && n_channels > 1 && i < N_SPREADS; i++) {
        for (size_t c = 0; c < n_channels; c++) {
            spread(g, c, updated + c * g->n_sources);
        }
        for (size_t j = 0; j < g->n_sources; j++) {
            double sum = 0.0;
            for (size_t c = 0; c < n_channels; c++) {
                sum += updated[c * g->n_sources + j];
            }
            for (size_t c = 0; sum > 1e-9 && c < n_channels; c++) {
                g->gains[j * n_channels + c] =
                    (double)n_channels * updated[c * g->n_sources + j] / sum;
            }
        }
    }
    free(updated);
    return updated ? UB_OK : UB_NO_MEMORY;
}

// From models to masks, the first channel last, because it holds the models.
static void mask_frame(struct guiding *g, size_t source, size_t frame)
{
    const double exponent = ub_settings_value(g->scene->settings, UB_PARAM_MASK_EXPONENT, 1.0);
    const size_t n_channels = g->scene->n_channels;
    const float *model = model_of(g, source, frame);
    for (size_t c = n_channels; c-- > 0;) {
        const float gain = (float)g->gains[source * n_channels + c];
        float *mask = ub_matrix_column(&g->masks[source * n_channels + c], frame);
        for (size_t f = 0; f < g->n_bins; f++) {
            const float value = gain * model[f];
            mask[f] = exponent == 1.0 ? value : powf(value, (float)exponent);
        }
    }
}

static ub_status make(struct guiding *g, const ub_progress *progress, ub_message *why)
{
    ub_status status = listen(g);
    status = status ? status : ub_note_plan_new(g->orders, g->scene, g->level, &g->plan, why);
    if (!status && g->plan.n_components > 0) {
        status = fit(g, progress);
    }
    if (status) {
        return status;
    }
#pragma omp parallel for schedule(static) num_threads((int)g->scene->n_threads)
    for (size_t t = 0; t < g->n_frames; t++) {
        model_frame(g, t);
    }
    status = find_gains(g);
#pragma omp parallel for schedule(static) num_threads((int)g->scene->n_threads)
    for (size_t t = 0; t < (status ? 0 : g->n_frames); t++) {
        for (size_t j = 0; j < g->n_sources; j++) {
            mask_frame(g, j, t);
        }
    }
    return status;
}

static ub_status masks_by_notes(const void *context, const ub_scene *scene,
                                const ub_progress *progress, ub_matrix *masks, ub_message *why)
{
    const ub_note_orders *orders = context;
    struct guiding g = {.orders = orders,
                        .scene = scene,
                        .n_sources = orders->parts->n + 1,
                        .n_bins = scene->spectra[0].n_rows,
                        .n_frames = scene->spectra[0].n_cols,
                        .masks = masks};
    const ub_status status = make(&g, progress, why);
    guiding_free(&g);
    return status == UB_NO_MEMORY ? ub_fail(why, status, "no memory for the stems of a score")
                                  : status;
}

ub_guide ub_note_guide(const ub_note_orders *orders, const char **names)
{
    for (size_t i = 0; i < orders->parts->n; i++) {
        names[i] = orders->parts->names[i];
    }
    names[orders->parts->n] = "rest";
    return (ub_guide){.n_sources = orders->parts->n + 1,
                      .names = names,
                      .masks = masks_by_notes,
                      .context = orders};
}
