// SPDX-License-Identifier: GPL-3.0-or-later
// What rings is smooth in time, so its frames may be the longer the later they are: six of them are
// as good as the 123 that they last, and as many to adapt.
#include "hit_templates.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    HALF = 5, // frames whose sum is compared with that of as many before them
    LAST = 3, // frames that the level of the end is the mean of
    NARROWEST = 2, // bins on each side that fall together,
    WIDTH = 16 // and one more for so many
};

static const size_t RINGING[] = {6, 9, 13, 20, 30, 45}; // frames that the longer ones last
enum { N_RINGING = sizeof RINGING / sizeof *RINGING };

static const double SLOWEST = 0.983; // factor of a frame: the slowest of crashes
static const double FAINT =
    1e-3; // of the mean frame of a template, below which a later one is nothing

void ub_hit_templates_free(ub_hit_templates *templates)
{
    free(templates->spans);
    ub_matrix_free(&templates->columns);
    *templates = (ub_hit_templates){0};
}

static const float *frame_of(const ub_dictionary *d, size_t component, size_t lag)
{
    const size_t n_bins = d->templates.n_rows;
    return lag == 0 ? ub_matrix_column(&d->templates, component)
                    : ub_matrix_column(&d->context, component) + (lag - 1) * n_bins;
}

static double sum_of(const float *column, size_t first, size_t end)
{
    double sum = 0.0;
    for (size_t f = first; f < end; f++) {
        sum += (double)column[f];
    }
    return sum;
}

// What a bin falls by in a frame at the end of a template.
static double fall_of(const ub_dictionary *d, size_t component, size_t bin)
{
    const size_t n_bins = d->templates.n_rows, n_lags = 1 + d->n_after;
    const size_t around = NARROWEST + bin / WIDTH, half = n_lags / 2 < HALF ? n_lags / 2 : HALF;
    const size_t first = bin > around ? bin - around : 0;
    const size_t end = bin + around + 1 < n_bins ? bin + around + 1 : n_bins;
    double late = 0.0, early = 1e-30;
    for (size_t i = 1; i <= half; i++) {
        late += sum_of(frame_of(d, component, n_lags - i), first, end);
        early += sum_of(frame_of(d, component, n_lags - half - i), first, end);
    }
    return fmin(pow(late / early, 1.0 / (double)half), SLOWEST);
}

// The level of a bin in the last frame, from those before it.
static double end_of(const ub_dictionary *d, size_t component, size_t bin, double fall)
{
    const size_t n_lags = 1 + d->n_after, n = n_lags < LAST ? n_lags : LAST;
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)frame_of(d, component, n_lags - 1 - i)[bin] * pow(fall, (double)i);
    }
    return sum / (double)n;
}

static void ring(const ub_dictionary *d, size_t component, ub_hit_templates *t, size_t column)
{
    const size_t n_bins = d->templates.n_rows, n_known = 1 + d->n_after;
    const size_t n = t->columns.n_cols / t->n_lags;
    for (size_t f = 0; f < n_bins; f++) {
        const double fall = fall_of(d, component, f), end = end_of(d, component, f, fall);
        double begin = 0.5;
        for (size_t lag = n_known; lag < t->n_lags; lag++) {
            const double span = (double)t->spans[lag];
            ub_matrix_column(&t->columns, lag * n + column)[f] =
                (float)(end * pow(fall, begin + span / 2.0));
            begin += span;
        }
    }
}

// Known frames are kept whatever they are; `level` is the sum of them.
static void drop_faint(ub_hit_templates *t, size_t column, double level)
{
    const size_t n = t->columns.n_cols / t->n_lags, n_bins = t->columns.n_rows;
    const size_t n_known = t->n_lags - N_RINGING;
    for (size_t lag = n_known; lag < t->n_lags; lag++) {
        float *w = ub_matrix_column(&t->columns, lag * n + column);
        if (sum_of(w, 0, n_bins) < FAINT * level / (double)n_known) {
            memset(w, 0, n_bins * sizeof *w);
        }
    }
}

double ub_hit_templates_sum(const ub_hit_templates *t, size_t template, size_t n_lags)
{
    const size_t n = t->columns.n_cols / t->n_lags, n_bins = t->columns.n_rows;
    double sum = 0.0;
    for (size_t lag = 0; lag < n_lags; lag++) {
        sum += (double)t->spans[lag] *
               sum_of(ub_matrix_column(&t->columns, lag * n + template), 0, n_bins);
    }
    return sum;
}

void ub_hit_templates_level(ub_hit_templates *t, size_t template)
{
    const size_t n = t->columns.n_cols / t->n_lags, n_bins = t->columns.n_rows;
    const double sum = ub_hit_templates_sum(t, template, t->n_lags);
    for (size_t lag = 0; sum > 0.0 && lag < t->n_lags; lag++) {
        float *w = ub_matrix_column(&t->columns, lag * n + template);
        for (size_t f = 0; f < n_bins; f++) {
            w[f] = (float)((double)w[f] / sum);
        }
    }
}

static void make(const ub_dictionary *d, size_t component, ub_hit_templates *t, size_t column)
{
    const size_t n = t->columns.n_cols / t->n_lags, n_bins = t->columns.n_rows;
    const size_t n_known = t->n_lags - N_RINGING;
    for (size_t lag = 0; lag < n_known; lag++) {
        memcpy(ub_matrix_column(&t->columns, lag * n + column), frame_of(d, component, lag),
               n_bins * sizeof(float));
    }
    ring(d, component, t, column);
    drop_faint(t, column, ub_hit_templates_sum(t, column, n_known));
    ub_hit_templates_level(t, column);
}

ub_status ub_hit_templates_new(const ub_dictionary *dictionary, const size_t *chosen, size_t n,
                               ub_hit_templates *out)
{
    const size_t n_known = 1 + dictionary->n_after;
    ub_hit_templates t = {.n_lags = n_known + N_RINGING};
    t.spans = calloc(t.n_lags, sizeof *t.spans);
    if (!t.spans || ub_matrix_new(dictionary->templates.n_rows, t.n_lags * n, &t.columns)) {
        ub_hit_templates_free(&t);
        return UB_NO_MEMORY;
    }
    for (size_t lag = 0; lag < t.n_lags; lag++) {
        t.spans[lag] = lag < n_known ? 1 : RINGING[lag - n_known];
    }
    for (size_t i = 0; i < n; i++) {
        make(dictionary, chosen[i], &t, i);
    }
    *out = t;
    return UB_OK;
}
