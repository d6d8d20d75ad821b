// SPDX-License-Identifier: GPL-3.0-or-later
// Every inner loop runs over the bins of a template. Most activations of a recording whose hits are
// known are zero and stay so: what belongs to them is left out, not multiplied.
#include "nmfd.h"
#include "ground/floats.h"
#include "ground/threads.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double FLOOR = 1e-10; // of the largest value, added to the model

enum { LANES = 16 }; // partial sums of a product: as many as the widest vector has

struct ub_nmfd {
    const ub_matrix *spectra;
    size_t n_lags, n_components, n_threads;
    size_t *begin; // of each lag, in frames after the hit; one more, the length of all
    float floor;
    ub_matrix origin; // templates as they came
    ub_matrix templates;
    ub_matrix activations; // K x T
    ub_matrix ratio; // F x T: V / X
    ub_matrix sums; // F x (L K): V/X shift(H, l)'
    double *lag_sums; // L K: sums of the templates
    double *scales; // K
};

void ub_nmfd_free(ub_nmfd *nmfd)
{
    if (!nmfd) {
        return;
    }
    free(nmfd->begin);
    ub_matrix_free(&nmfd->origin);
    ub_matrix_free(&nmfd->templates);
    ub_matrix_free(&nmfd->activations);
    ub_matrix_free(&nmfd->ratio);
    ub_matrix_free(&nmfd->sums);
    free(nmfd->lag_sums);
    free(nmfd->scales);
    free(nmfd);
}

static ub_status allocate(const ub_matrix *templates, ub_nmfd *nmfd)
{
    nmfd->begin = calloc(nmfd->n_lags + 1, sizeof *nmfd->begin);
    const size_t n_bins = templates->n_rows, n_columns = templates->n_cols;
    const size_t n_frames = nmfd->spectra->n_cols, n_k = nmfd->n_components;
    ub_status status = ub_matrix_copy(templates, &nmfd->origin);
    status = status ? status : ub_matrix_copy(templates, &nmfd->templates);
    status = status ? status : ub_matrix_new(n_k, n_frames, &nmfd->activations);
    status = status ? status : ub_matrix_new(n_bins, n_frames, &nmfd->ratio);
    status = status ? status : ub_matrix_new(n_bins, n_columns, &nmfd->sums);
    nmfd->lag_sums = calloc(n_columns, sizeof *nmfd->lag_sums);
    nmfd->scales = calloc(n_k, sizeof *nmfd->scales);
    return status || !nmfd->begin || !nmfd->lag_sums || !nmfd->scales ? UB_NO_MEMORY : UB_OK;
}

static double sum_of(const float *column, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)column[i];
    }
    return sum;
}

// What is derived from the templates.
static void prepare_templates(ub_nmfd *nmfd)
{
    for (size_t column = 0; column < nmfd->templates.n_cols; column++) {
        const float *w = ub_matrix_column(&nmfd->templates, column);
        nmfd->lag_sums[column] = sum_of(w, nmfd->templates.n_rows);
    }
}

static void start_activations(ub_nmfd *nmfd)
{
    const ub_matrix *v = nmfd->spectra;
    for (size_t t = 0; t < v->n_cols; t++) {
        const double level = sum_of(ub_matrix_column(v, t), v->n_rows);
        float *h = ub_matrix_column(&nmfd->activations, t);
        for (size_t k = 0; k < nmfd->n_components; k++) {
            h[k] = (float)(level / (double)nmfd->n_components);
        }
    }
}

// Frames of a template that are heard of a hit with so many frames from it on.
static size_t frames_within(const ub_nmfd *nmfd, size_t n_frames)
{
    const size_t length = nmfd->begin[nmfd->n_lags];
    return n_frames < length ? n_frames : length;
}

// What of component k is at a lag in frame t: the sum of all hits of which it is.
static float sum_at(const ub_nmfd *nmfd, size_t k, size_t lag, size_t t)
{
    float sum = 0.0f;
    for (size_t i = nmfd->begin[lag]; i < nmfd->begin[lag + 1] && i <= t; i++) {
        sum += ub_matrix_column(&nmfd->activations, t - i)[k];
    }
    return sum;
}

static void add_scaled(const float *from, float scale, size_t n, float *to)
{
    for (size_t i = 0; i < n; i++) {
        to[i] += from[i] * scale;
    }
}

void ub_nmfd_start(ub_nmfd *nmfd, const ub_matrix *activations)
{
    for (size_t t = 0; t < nmfd->activations.n_cols; t++) {
        memcpy(ub_matrix_column(&nmfd->activations, t), ub_matrix_column(activations, t),
               nmfd->n_components * sizeof(float));
    }
}

void ub_nmfd_forget(ub_nmfd *nmfd, double share)
{
    const size_t n_frames = nmfd->activations.n_cols;
    for (size_t k = 0; k < nmfd->n_components; k++) {
        float most = 0.0f;
        for (size_t t = 0; t < n_frames; t++) {
            most = fmaxf(most, ub_matrix_column(&nmfd->activations, t)[k]);
        }
        for (size_t t = 0; t < n_frames; t++) {
            float *h = &ub_matrix_column(&nmfd->activations, t)[k];
            *h = (double)*h < share * (double)most ? 0.0f : *h;
        }
    }
}

// What components (NULL: all) add to frame t.
static void add_model(const ub_nmfd *nmfd, const bool *is_in, size_t t, float *x)
{
    const size_t n_bins = nmfd->spectra->n_rows, n_k = nmfd->n_components;
    for (size_t column = 0; column < nmfd->templates.n_cols; column++) {
        const size_t lag = column / n_k, k = column % n_k;
        if (nmfd->lag_sums[column] == 0.0 || (is_in && !is_in[k])) {
            continue;
        }
        const float h = sum_at(nmfd, k, lag, t);
        if (h > 0.0f) {
            add_scaled(ub_matrix_column(&nmfd->templates, column), h, n_bins, x);
        }
    }
}

void ub_nmfd_model(const ub_nmfd *nmfd, const bool *is_in, size_t frame, float *model)
{
    memset(model, 0, nmfd->spectra->n_rows * sizeof *model);
    add_model(nmfd, is_in, frame, model);
}

ub_status ub_nmfd_new(const ub_matrix *spectra, const ub_matrix *templates, const size_t *spans,
                      size_t n_lags, size_t n_threads, ub_nmfd **out)
{
    ub_nmfd *nmfd = calloc(1, sizeof *nmfd);
    if (!nmfd) {
        return UB_NO_MEMORY;
    }
    nmfd->spectra = spectra;
    nmfd->n_lags = n_lags;
    nmfd->n_components = templates->n_cols / n_lags;
    nmfd->n_threads = ub_thread_count(n_threads);
    // Silence has a floor too, so that no model is zero.
    nmfd->floor = (float)fmax(FLOOR * (double)ub_matrix_largest(spectra), 1e-30);
    if (allocate(templates, nmfd)) {
        ub_nmfd_free(nmfd);
        return UB_NO_MEMORY;
    }
    for (size_t lag = 0; lag < n_lags; lag++) {
        nmfd->begin[lag + 1] = nmfd->begin[lag] + (spans ? spans[lag] : 1);
    }
    prepare_templates(nmfd);
    start_activations(nmfd);
    *out = nmfd;
    return UB_OK;
}

static void model_frame(const ub_nmfd *nmfd, size_t t, float *x)
{
    for (size_t f = 0; f < nmfd->spectra->n_rows; f++) {
        x[f] = nmfd->floor;
    }
    add_model(nmfd, NULL, t, x);
}

static void compute_ratio(ub_nmfd *nmfd)
{
#pragma omp parallel for schedule(static) num_threads((int)nmfd->n_threads)
    for (size_t t = 0; t < nmfd->spectra->n_cols; t++) {
        const float *v = ub_matrix_column(nmfd->spectra, t);
        float *ratio = ub_matrix_column(&nmfd->ratio, t);
        model_frame(nmfd, t, ratio);
        for (size_t f = 0; f < nmfd->spectra->n_rows; f++) {
            ratio[f] = v[f] / ratio[f];
        }
    }
}

// In lanes, so that it is summed in one order with vectors of any width.
static double product(const float *a, const float *b, size_t n)
{
    float lanes[LANES] = {0.0f};
    const size_t whole = n / LANES * LANES;
    for (size_t i = 0; i < whole; i += LANES) {
        for (size_t lane = 0; lane < LANES; lane++) {
            lanes[lane] += a[i + lane] * b[i + lane];
        }
    }
    double sum = 0.0;
    for (size_t lane = 0; lane < LANES; lane++) {
        sum += (double)lanes[lane];
    }
    for (size_t i = whole; i < n; i++) {
        sum += (double)(a[i] * b[i]);
    }
    return sum;
}

// What an activation is multiplied by.
static double correction(const ub_nmfd *nmfd, size_t k, size_t t)
{
    const size_t n_frames = frames_within(nmfd, nmfd->spectra->n_cols - t);
    double numerator = 0.0, denominator = 0.0;
    for (size_t i = 0, lag = 0; i < n_frames; i++) {
        lag += i == nmfd->begin[lag + 1];
        const size_t column = lag * nmfd->n_components + k;
        if (nmfd->lag_sums[column] > 0.0) {
            numerator += product(ub_matrix_column(&nmfd->templates, column),
                                 ub_matrix_column(&nmfd->ratio, t + i), nmfd->spectra->n_rows);
            denominator += nmfd->lag_sums[column];
        }
    }
    return denominator > 0.0 ? numerator / denominator : 0.0;
}

void ub_nmfd_update_activations(ub_nmfd *nmfd)
{
    compute_ratio(nmfd);
#pragma omp parallel for schedule(static) num_threads((int)nmfd->n_threads)
    for (size_t t = 0; t < nmfd->spectra->n_cols; t++) {
        float *h = ub_matrix_column(&nmfd->activations, t);
        for (size_t k = 0; k < nmfd->n_components; k++) {
            if (h[k] > 0.0f) {
                h[k] = (float)((double)h[k] * correction(nmfd, k, t));
            }
        }
    }
}

static void correlate(ub_nmfd *nmfd)
{
    const size_t n_bins = nmfd->spectra->n_rows, n_k = nmfd->n_components;
#pragma omp parallel for schedule(static) num_threads((int)nmfd->n_threads)
    for (size_t column = 0; column < nmfd->sums.n_cols; column++) {
        const size_t lag = column / n_k, k = column % n_k;
        float *sums = ub_matrix_column(&nmfd->sums, column);
        memset(sums, 0, n_bins * sizeof *sums);
        for (size_t t = 0; nmfd->lag_sums[column] > 0.0 && t < nmfd->spectra->n_cols; t++) {
            const float h = sum_at(nmfd, k, lag, t);
            if (h > 0.0f) {
                add_scaled(ub_matrix_column(&nmfd->ratio, t), h, n_bins, sums);
            }
        }
    }
}

// Over all frames; the last hits fall off the end.
static double sum_shifted(const ub_nmfd *nmfd, size_t k, size_t lag)
{
    double sum = 0.0;
    for (size_t t = 0; t < nmfd->activations.n_cols; t++) {
        sum += (double)sum_at(nmfd, k, lag, t);
    }
    return sum;
}

// The plain update, in place of the sums. @return what it sums to over all lags.
static double multiply(ub_nmfd *nmfd, size_t k)
{
    double sum = 0.0;
    for (size_t lag = 0; lag < nmfd->n_lags; lag++) {
        const size_t column = lag * nmfd->n_components + k;
        const float *w = ub_matrix_column(&nmfd->templates, column);
        float *next = ub_matrix_column(&nmfd->sums, column);
        const double heard = sum_shifted(nmfd, k, lag);
        for (size_t f = 0; f < nmfd->spectra->n_rows; f++) {
            // What was not heard stays.
            next[f] = heard > 0.0 ? (float)((double)(w[f] * next[f]) / heard) : w[f];
        }
        const size_t span = nmfd->begin[lag + 1] - nmfd->begin[lag];
        sum += (double)span * sum_of(next, nmfd->spectra->n_rows);
    }
    return sum;
}

static void restrain(ub_nmfd *nmfd, size_t k, double scale, double restraint)
{
    for (size_t lag = 0; lag < nmfd->n_lags; lag++) {
        const size_t column = lag * nmfd->n_components + k;
        const float *origin = ub_matrix_column(&nmfd->origin, column);
        const float *next = ub_matrix_column(&nmfd->sums, column);
        float *w = ub_matrix_column(&nmfd->templates, column);
        for (size_t f = 0; f < nmfd->spectra->n_rows; f++) {
            const double adapted = (1.0 - restraint) * (double)next[f] / scale;
            w[f] = (float)(restraint * (double)origin[f] + adapted);
        }
    }
}

void ub_nmfd_update_templates(ub_nmfd *nmfd, double restraint)
{
    compute_ratio(nmfd);
    correlate(nmfd);
    for (size_t k = 0; k < nmfd->n_components; k++) {
        const double sum = multiply(nmfd, k);
        // Nothing of it was in the data: it keeps its templates, without sound.
        nmfd->scales[k] = sum;
        if (sum > 0.0) {
            restrain(nmfd, k, sum, restraint);
        }
    }
    for (size_t t = 0; t < nmfd->activations.n_cols; t++) {
        float *h = ub_matrix_column(&nmfd->activations, t);
        for (size_t k = 0; k < nmfd->n_components; k++) {
            h[k] = (float)((double)h[k] * nmfd->scales[k]);
        }
    }
    prepare_templates(nmfd);
}

double ub_nmfd_cost(ub_nmfd *nmfd)
{
    double cost = 0.0;
    for (size_t t = 0; t < nmfd->spectra->n_cols; t++) {
        const float *v = ub_matrix_column(nmfd->spectra, t);
        float *x = ub_matrix_column(&nmfd->ratio, t);
        model_frame(nmfd, t, x);
        for (size_t f = 0; f < nmfd->spectra->n_rows; f++) {
            const double a = (double)v[f], b = (double)x[f];
            cost += b - a + (a > 0.0 ? a * log(a / b) : 0.0);
        }
    }
    return cost;
}

const ub_matrix *ub_nmfd_activations(const ub_nmfd *nmfd)
{
    return &nmfd->activations;
}

const ub_matrix *ub_nmfd_templates(const ub_nmfd *nmfd)
{
    return &nmfd->templates;
}
