// SPDX-License-Identifier: GPL-3.0-or-later
#include "guided.h"
#include "ground/progress_part.h"
#include "spectra.h"
#include "unbraid/nmf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    SHARE_OF_OVERLAP = 8 // of a stretch that the next one has too: seven seconds of a minute
};

// Of the time that a stretch takes; the rest is synthesis.
static const double SHARE_OF_GUIDE = 0.8;

struct ub_guided {
    ub_front *front;
    const ub_guide *guide;
    ub_scene scene; // of the last stretch
    size_t n_sources, n_masks; // n_masks: sources times channels
    size_t n_stretches, step, overlap; // in frames
    size_t next; // stretch to come
    ub_matrix *spectra; // per channel
    ub_matrix *masks; // of the last stretch: [source * channels + channel]
    ub_matrix *tail; // the end of the one before, which the last stretch has too
};

void ub_guided_free(ub_guided *guided)
{
    if (guided) {
        ub_spectra_free(guided->spectra, guided->scene.n_channels);
        ub_spectra_free(guided->masks, guided->n_masks);
        ub_spectra_free(guided->tail, guided->n_masks);
        free(guided);
    }
}

static bool allocate(ub_guided *g, ub_message *why)
{
    const size_t n_bins = ub_stft_n_bins(g->front->stft), n_frames = g->step + g->overlap;
    g->masks = calloc(g->n_masks, sizeof *g->masks);
    g->tail = calloc(g->n_masks, sizeof *g->tail);
    bool done = g->masks && g->tail && !ub_spectra_new(g->front, n_frames, &g->spectra, why);
    for (size_t i = 0; done && i < g->n_masks; i++) {
        done = !ub_matrix_new(n_bins, n_frames, &g->masks[i]) &&
               (g->overlap == 0 || !ub_matrix_new(n_bins, g->overlap, &g->tail[i]));
    }
    return done;
}

// As few stretches as there may be, all of one length but the last.
static void plan(ub_guided *g, size_t n_frames, size_t most)
{
    if (n_frames <= most) {
        g->n_stretches = 1;
        g->step = n_frames;
        return;
    }
    g->overlap = (most + SHARE_OF_OVERLAP - 1) / SHARE_OF_OVERLAP;
    const size_t rest = n_frames - g->overlap, most_step = most - g->overlap;
    g->n_stretches = (rest + most_step - 1) / most_step;
    g->step = (rest + g->n_stretches - 1) / g->n_stretches;
}

ub_status ub_guided_new(ub_front *front, const ub_guide *guide, const ub_scene *scene,
                        size_t n_sources, size_t n_frames, ub_guided **out, ub_message *why)
{
    ub_guided *g = calloc(1, sizeof *g);
    if (!g) {
        return ub_fail(why, UB_NO_MEMORY, "no memory for a guide");
    }
    g->front = front;
    g->guide = guide;
    g->scene = ub_front_scene(front, scene->settings, NULL);
    g->scene.dictionary = scene->dictionary;
    g->n_sources = n_sources;
    g->n_masks = n_sources * g->scene.n_channels;
    plan(g, front->n_frames, n_frames);
    if (!allocate(g, why)) {
        ub_guided_free(g);
        return ub_fail(why, UB_NO_MEMORY, "no memory for the masks of %zu frames", n_frames);
    }
    *out = g;
    return UB_OK;
}

static void clear(ub_matrix *mask)
{
    memset(mask->data, 0, mask->stride * mask->n_cols * sizeof(float));
}

void ub_guided_rewind(ub_guided *guided)
{
    guided->next = 0;
    for (size_t i = 0; i < guided->n_masks; i++) {
        guided->masks[i].n_cols = guided->step + guided->overlap;
        clear(&guided->masks[i]);
    }
}

// The one place where masks are made to sum to one.
static void share_out(const ub_guided *g, size_t channel, size_t frame)
{
    const size_t n_channels = g->scene.n_channels, n_bins = g->spectra[0].n_rows;
    float *column[UB_DICTIONARY_MAX_SOURCES + 1];
    for (size_t j = 0; j < g->n_sources; j++) {
        column[j] = ub_matrix_column(&g->masks[j * n_channels + channel], frame);
    }
    for (size_t f = 0; f < n_bins; f++) {
        double sum = 0.0;
        for (size_t j = 0; j < g->n_sources; j++) {
            sum += (double)column[j][f];
        }
        const bool is_told = isfinite(sum) && sum > 0.0;
        for (size_t j = 0; j < g->n_sources; j++) {
            column[j][f] =
                is_told ? (float)((double)column[j][f] / sum) : 1.0f / (float)g->n_sources;
        }
    }
}

static void keep_tail(ub_guided *g)
{
    for (size_t i = 0; i < g->n_masks; i++) {
        for (size_t t = 0; t < g->overlap; t++) {
            memcpy(ub_matrix_column(&g->tail[i], t), ub_matrix_column(&g->masks[i], g->step + t),
                   g->masks[i].n_rows * sizeof(float));
        }
        clear(&g->masks[i]);
    }
}

static size_t stretch_of(const ub_guided *g, size_t frame)
{
    const size_t nth = frame / g->step;
    return nth < g->n_stretches ? nth : g->n_stretches - 1;
}

double ub_guided_done(const ub_guided *guided, size_t frame)
{
    const size_t stretch = stretch_of(guided, frame), first = stretch * guided->step;
    const size_t rest = guided->front->n_frames - first;
    const size_t n = stretch + 1 < guided->n_stretches ? guided->step : rest;
    const double done = (double)first + SHARE_OF_GUIDE * (double)n +
                        (1.0 - SHARE_OF_GUIDE) * (double)(frame - first);
    return done / (double)guided->front->n_frames;
}

static ub_status make_next(ub_guided *g, const ub_progress *progress, ub_message *why)
{
    const size_t first = g->next * g->step, rest = g->front->n_frames - first;
    const size_t n = rest < g->step + g->overlap ? rest : g->step + g->overlap;
    if (g->next > 0) {
        keep_tail(g);
    }
    ub_status status = ub_spectra_read(g->front, first, n, progress, g->spectra, 0, why);
    if (status) {
        return status;
    }
    ub_matrix spectra[UB_NMF_MAX_CHANNELS]; // views of what the stretch has
    for (size_t c = 0; c < g->scene.n_channels; c++) {
        spectra[c] = g->spectra[c];
        spectra[c].n_cols = n;
    }
    for (size_t i = 0; i < g->n_masks; i++) {
        g->masks[i].n_cols = n;
    }
    g->scene.spectra = spectra;
    g->scene.first_frame = first;
    ub_progress_stage(progress, "guide");
    const double from = (double)first / (double)g->front->n_frames;
    ub_progress_part part = {progress, from, ub_guided_done(g, first)};
    const ub_progress guiding = ub_progress_of_part(&part);
    status = g->guide->masks(g->guide->context, &g->scene, &guiding, g->masks, why);
    g->scene.spectra = NULL;
#pragma omp parallel for schedule(static) num_threads((int)g->scene.n_threads)
    for (size_t i = 0; i < (status ? 0 : n * g->scene.n_channels); i++) {
        share_out(g, i / n, i % n);
    }
    g->next++;
    return status;
}

static void copy(const ub_guided *g, size_t mask, size_t at, bool is_faded, float *out)
{
    const size_t n_bins = g->masks[mask].n_rows;
    const float *now = ub_matrix_column(&g->masks[mask], at);
    if (!is_faded) {
        memcpy(out, now, n_bins * sizeof *out);
        return;
    }
    const float *before = ub_matrix_column(&g->tail[mask], at);
    const float share = ((float)at + 0.5f) / (float)g->overlap;
    for (size_t f = 0; f < n_bins; f++) {
        out[f] = before[f] + share * (now[f] - before[f]);
    }
}

ub_status ub_guided_run(ub_guided *guided, size_t first, size_t n, const ub_progress *progress,
                        float *masks, size_t stride_frames, size_t stride, ub_message *why)
{
    const size_t n_channels = guided->scene.n_channels;
    for (size_t t = first; t < first + n; t++) {
        const size_t stretch = stretch_of(guided, t), at = t - stretch * guided->step;
        while (guided->next <= stretch) {
            const ub_status status = make_next(guided, progress, why);
            if (status) {
                return status;
            }
        }
        for (size_t i = 0; i < guided->n_masks; i++) {
            const size_t source = i / n_channels, channel = i % n_channels;
            const size_t place = (channel * guided->n_sources + source) * stride_frames + t - first;
            copy(guided, i, at, stretch > 0 && at < guided->overlap, masks + place * stride);
        }
    }
    return UB_OK;
}
