// SPDX-License-Identifier: GPL-3.0-or-later
// A dictionary for another sample rate or transform.
#include "unbraid/dictionary.h"
#include "unbraid/stft.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

// Bins of two transforms over the same frequencies. Two factors rather than their quotient, so that
// bins that coincide are found to: the products are whole numbers, and exact.
typedef struct bin_map {
    size_t n_from, n_to;
    double new_step, old_step; // the widths of a bin, both times the same number
} bin_map;

static bin_map map_for(const ub_dictionary *from, double rate_hz, size_t window_samples)
{
    return (bin_map){
        .n_from = from->templates.n_rows,
        .n_to = window_samples / 2 + 1,
        .new_step = rate_hz * (double)from->window_samples,
        .old_step = from->rate_hz * (double)window_samples,
    };
}

// Where a new bin lies among the old ones.
static double old_bin(const bin_map *bins, size_t f)
{
    return (double)f * bins->new_step / bins->old_step;
}

// Mean of the topmost 1000 Hz: what the bins above the old Nyquist frequency are given.
static double top_level(const float *w, size_t n, double bin_hz)
{
    size_t first = (size_t)fmax(0.0, (double)n - ceil(1000.0 / bin_hz));
    double sum = 0.0;
    for (size_t f = first; f < n; f++) {
        sum += (double)w[f];
    }
    return sum / (double)(n - first);
}

// Value at a fractional bin, or the mean over the new bin's width where that is wider.
static double density(const float *w, size_t n, double at, double width)
{
    if (width <= 1.0) {
        const size_t low = (size_t)at;
        const double part = at - (double)low;
        const double high = low + 1 < n ? (double)w[low + 1] : (double)w[low];
        return (1.0 - part) * (double)w[low] + part * high;
    }
    double sum = 0.0, weights = 0.0;
    const double from = fmax(at - width, 0.0), to = fmin(at + width, (double)(n - 1));
    for (size_t f = (size_t)ceil(from); (double)f <= to; f++) {
        // A triangle, linear both ways; its ends may round to less than nothing.
        const double weight = fmax(1.0 - fabs((double)f - at) / width, 0.0);
        sum += weight * (double)w[f];
        weights += weight;
    }
    return weights > 0.0 ? sum / weights : 0.0;
}

static void fit_template(const float *from, const bin_map *bins, double bin_hz, float *to)
{
    const double last = (double)(bins->n_from - 1), ratio = bins->new_step / bins->old_step;
    const double shared = old_bin(bins, bins->n_to - 1); // top of the new, in old bins
    double old_sum = 0.0, new_sum = 0.0;
    for (size_t f = 0; f < bins->n_from && (double)f <= shared; f++) {
        old_sum += (double)from[f];
    }
    for (size_t f = 0; f < bins->n_to && old_bin(bins, f) <= last; f++) {
        to[f] = (float)density(from, bins->n_from, old_bin(bins, f), ratio);
        new_sum += (double)to[f];
    }
    const double scale = new_sum > 0.0 ? old_sum / new_sum : 0.0;
    const double top = top_level(from, bins->n_from, bin_hz) * ratio;
    for (size_t f = 0; f < bins->n_to; f++) {
        const double value = old_bin(bins, f) <= last ? (double)to[f] * scale : top;
        to[f] = (float)fmin(value, FLT_MAX); // wider bins hold more, and every value stays finite
    }
}

// Frames of F bins below each other.
static void fit_frames(const ub_matrix *from, const bin_map *bins, double bin_hz, ub_matrix *to)
{
    const size_t n_frames = from->n_rows / bins->n_from;
    for (size_t i = 0; i < to->n_cols * n_frames; i++) {
        const size_t k = i / n_frames, frame = i % n_frames;
        fit_template(ub_matrix_column(from, k) + frame * bins->n_from, bins, bin_hz,
                     ub_matrix_column(to, k) + frame * bins->n_to);
    }
}

static ub_status fit_matrix(const ub_dictionary *for_map, const bin_map *bins, ub_matrix *matrix)
{
    const size_t n_frames = matrix->n_rows / bins->n_from;
    ub_matrix fitted;
    if (ub_matrix_new(n_frames * bins->n_to, matrix->n_cols, &fitted)) {
        return UB_NO_MEMORY;
    }
    fit_frames(matrix, bins, for_map->rate_hz / (double)for_map->window_samples, &fitted);
    ub_matrix_free(matrix);
    *matrix = fitted;
    return UB_OK;
}

static ub_status fit(const ub_dictionary *from, const bin_map *bins, ub_dictionary *copy)
{
    ub_status status = fit_matrix(from, bins, &copy->templates);
    status = status || copy->context.n_rows == 0 ? status : fit_matrix(from, bins, &copy->context);
    return status || copy->reconstruction.n_rows == 0
               ? status
               : fit_matrix(from, bins, &copy->reconstruction);
}

ub_status ub_dictionary_fit(const ub_dictionary *dictionary, double rate_hz, size_t window_samples,
                            size_t hop_samples, ub_dictionary *out, ub_message *why)
{
    const ub_stft_settings stft = {dictionary->window, window_samples, hop_samples};
    ub_status status = ub_stft_settings_check(&stft, why);
    if (!status && !(rate_hz >= 1000.0 && rate_hz <= 1e6)) {
        status = ub_fail(why, UB_BAD_SETTING, "a sample rate of %g Hz is not supported", rate_hz);
    }
    if (status) {
        return status;
    }
    ub_dictionary copy = {0};
    const bool same =
        rate_hz == dictionary->rate_hz && window_samples == dictionary->window_samples;
    const bin_map bins = map_for(dictionary, rate_hz, window_samples);
    status = ub_dictionary_copy(dictionary, &copy);
    if (status || (!same && fit(dictionary, &bins, &copy))) {
        ub_dictionary_free(&copy);
        return ub_fail(why, UB_NO_MEMORY, "no memory for %zu templates",
                       dictionary->templates.n_cols);
    }
    const double distance = (double)copy.context_samples * rate_hz / dictionary->rate_hz;
    copy.context_samples = copy.context_samples ? (size_t)fmax(1.0, round(distance)) : 0;
    copy.rate_hz = rate_hz;
    copy.window_samples = window_samples;
    copy.hop_samples = hop_samples;
    *out = copy;
    return UB_OK;
}
