// SPDX-License-Identifier: GPL-3.0-or-later
#include "model.h"
#include "factor/adapt.h"
#include "flux.h"
#include "ground/floats.h"
#include "ground/progress_part.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { START_UPDATES = 15, ROUNDS = 20, UPDATES_BETWEEN = 2 };

static const double SHRINKAGE = 1.0;
static const double LEAST_MODEL = 1e-12; // what updates take for zero
static const double LOUD = 0.99; // what share of frames is no louder than loud ones

static int compare(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

// The value below which a share of n numbers lie; they are sorted.
static double quantile(float *x, size_t n, double share)
{
    if (n == 0) {
        return 0.0;
    }
    qsort(x, n, sizeof *x, compare);
    const double at = share * (double)(n - 1);
    const size_t low = (size_t)at, high = low + 1 < n ? low + 1 : low;
    return (double)x[low] + (at - (double)low) * (double)(x[high] - x[low]);
}

static ub_status measure_level(const ub_matrix *heard, ub_note_model *model)
{
    float *sums = ub_floats_new(heard->n_cols);
    if (!sums) {
        return UB_NO_MEMORY;
    }
    for (size_t t = 0; t < heard->n_cols; t++) {
        const float *column = ub_matrix_column(heard, t);
        double sum = 0.0;
        for (size_t b = 0; b < heard->n_rows; b++) {
            sum += (double)column[b];
        }
        sums[t] = (float)sum;
    }
    const double loud = quantile(sums, heard->n_cols, LOUD);
    model->gain = loud > 1e-9 ? (float)(1.0 / loud) : 0.0f; // silence below 24 bits
    free(sums);
    return UB_OK;
}

// Flux of the loudest key of each frame; cells are looked at one by one, for where the frames are a
// sample they do not follow each other.
static ub_status measure_loudness(const ub_matrix *activations, const float *gates, size_t lag,
                                  ub_note_model *model)
{
    const size_t n_keys = model->keys->n, n = activations->n_cols;
    float *most = ub_floats_new(n), *sums = ub_floats_new(UB_NOTE_CELL_FRAMES * n_keys);
    size_t n_most = 0;
    for (size_t first = 0; most && sums && first < n; first += UB_NOTE_CELL_FRAMES) {
        const size_t end = n - first < UB_NOTE_CELL_FRAMES ? n : first + UB_NOTE_CELL_FRAMES;
        for (size_t t = first; t < end; t++) {
            float *sum = sums + (t - first) * n_keys;
            ub_keys_add_up(model->keys, ub_matrix_column(activations, t), gates[t], sum);
            if (t - first >= 2 * lag) {
                most[n_most++] = ub_flux_largest(sum - 2 * lag * n_keys, sum, n_keys);
            }
        }
    }
    const ub_status status = most && sums ? UB_OK : UB_NO_MEMORY;
    model->loudness = status ? 0.0 : quantile(most, n_most, LOUD);
    free(most);
    free(sums);
    return status;
}

// Most activations are zero: those of templates that were not chosen.
static void add_up_model(const ub_matrix *templates, const float *h, float *model)
{
    memset(model, 0, templates->n_rows * sizeof *model);
    for (size_t k = 0; k < templates->n_cols; k++) {
        const float *w = ub_matrix_column(templates, k);
        for (size_t b = 0; h[k] > 0.0f && b < templates->n_rows; b++) {
            model[b] += h[k] * w[b];
        }
    }
}

static ub_status measure_divergence(const ub_matrix *heard, const ub_matrix *activations,
                                    ub_note_model *model)
{
    const size_t n_bands = heard->n_rows;
    float *sums = ub_floats_new(n_bands);
    double divergence = 0.0;
    for (size_t t = 0; sums && t < heard->n_cols; t++) {
        const float *column = ub_matrix_column(heard, t);
        add_up_model(&model->templates, ub_matrix_column(activations, t), sums);
        for (size_t b = 0; b < n_bands; b++) {
            const double ratio = (double)column[b] / fmax((double)sums[b], LEAST_MODEL);
            divergence += ratio - log(ratio) - 1.0;
        }
    }
    model->divergence = sums ? divergence / (double)(n_bands * heard->n_cols) : 0.0;
    const ub_status status = sums ? UB_OK : UB_NO_MEMORY;
    free(sums);
    return status;
}

static ub_status adapt(const ub_nmf_settings *settings, const ub_matrix *heard, const bool *chosen,
                       const ub_progress *progress, ub_matrix *activations, ub_note_model *model)
{
    const ub_adaptation adaptation = {
        .beta = settings->beta,
        .n_start = START_UPDATES,
        .n_rounds = ROUNDS,
        .n_between = UPDATES_BETWEEN,
        .shrinkage = SHRINKAGE,
        .n_adapted = model->keys->n_components,
        .cell_frames = UB_NOTE_CELL_FRAMES,
        .chosen = chosen,
        .n_threads = settings->n_threads,
        .kernels = settings->kernels,
    };
    return ub_adapt(heard, &adaptation, progress, &model->templates, activations);
}

static ub_status fit(const ub_nmf_settings *settings, size_t lag, const ub_progress *progress,
                     ub_matrix *heard, const float *gates, ub_note_model *model)
{
    const size_t n_k = model->templates.n_cols, n = heard->n_cols;
    const size_t n_cells = (n + UB_NOTE_CELL_FRAMES - 1) / UB_NOTE_CELL_FRAMES;
    ub_note_bands_level(model->bands, model->gain, n, heard);
    ub_note_listener *listener = NULL;
    ub_matrix activations = {0};
    bool *chosen = calloc(n_cells * n_k, sizeof *chosen);
    ub_status status = chosen ? ub_matrix_new(n_k, n, &activations) : UB_NO_MEMORY;
    status = status ? status
                    : ub_note_listener_new(model->keys, model->bands, &model->templates, settings,
                                           &listener);
    if (!status) {
        ub_progress_stage(progress, "choose");
        ub_note_listener_run(listener, heard, n, 0, &activations, chosen);
        ub_progress_stage(progress, "adapt");
        status = adapt(settings, heard, chosen, progress, &activations, model);
    }
    status = status ? status : measure_loudness(&activations, gates, lag, model);
    status = status ? status : measure_divergence(heard, &activations, model);
    ub_note_listener_free(listener);
    ub_matrix_free(&activations);
    free(chosen);
    return status;
}

ub_status ub_note_model_new(const ub_keys *keys, const ub_note_bands *bands, ub_matrix *templates,
                            const ub_nmf_settings *settings, size_t lag,
                            const ub_progress *progress, ub_matrix *heard, const float *gates,
                            ub_note_model *out)
{
    ub_note_model model = {.keys = keys, .bands = bands, .templates = *templates};
    *templates = (ub_matrix){0};
    ub_status status = measure_level(heard, &model);
    if (!status && model.gain > 0.0f) {
        status = fit(settings, lag, progress, heard, gates, &model);
    }
    if (status) {
        ub_note_model_free(&model);
        return status;
    }
    *out = model;
    return UB_OK;
}

void ub_note_model_free(ub_note_model *model)
{
    ub_matrix_free(&model->templates);
    *model = (ub_note_model){0};
}
