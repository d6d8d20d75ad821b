// SPDX-License-Identifier: GPL-3.0-or-later
#include "features.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double LOWEST_HZ = 40.0, HIGHEST_HZ = 16000.0;
static const double LOW_HZ = 250.0;
static const double MEDIAN_S = 0.4, MEDIAN_HZ = 230.0;

enum { MOST_MEDIAN = 255 };

static size_t band_of(double hz)
{
    const double at = log(hz / LOWEST_HZ) / log(HIGHEST_HZ / LOWEST_HZ) * UB_N_BANDS;
    return at <= 0.0 ? 0 : at >= UB_N_BANDS - 1 ? UB_N_BANDS - 1 : (size_t)at;
}

// Width of a running median in points: odd, at least 3.
static size_t median_width(double wanted)
{
    const double odd = 2.0 * floor(wanted / 2.0) + 1.0;
    return odd < 3.0 ? 3 : odd > MOST_MEDIAN ? MOST_MEDIAN : (size_t)odd;
}

static int by_value(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

// Share of x that rises above its running median; the ends see fewer points.
static double share_above_median(const float *x, size_t n, size_t width)
{
    float window[MOST_MEDIAN];
    double above = 0.0, sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        const size_t half = width / 2;
        const size_t from = i > half ? i - half : 0;
        const size_t to = i + half + 1 < n ? i + half + 1 : n;
        memcpy(window, x + from, (to - from) * sizeof *window);
        qsort(window, to - from, sizeof *window, by_value);
        const float median = window[(to - from) / 2];
        above += x[i] > median ? (double)(x[i] - median) : 0.0;
        sum += (double)x[i];
    }
    return sum > 0.0 ? above / sum : 0.0;
}

static void fill_spectral(const float *w, size_t n_bins, double bin_hz, ub_features *out)
{
    double sum = 0.0;
    for (size_t f = 1; f < n_bins; f++) {
        const double hz = (double)f * bin_hz, value = (double)w[f];
        out->bands[band_of(hz)] += value;
        out->low += hz < LOW_HZ ? value : 0.0;
        out->centre_log_hz += value * log(hz);
        sum += value;
    }
    for (size_t b = 0; b < UB_N_BANDS; b++) {
        out->bands[b] = sum > 0.0 ? out->bands[b] / sum : 1.0 / UB_N_BANDS;
    }
    out->low = sum > 0.0 ? out->low / sum : 0.0;
    out->centre_log_hz = sum > 0.0 ? out->centre_log_hz / sum : 0.0;
    out->tonal = share_above_median(w, n_bins, median_width(MEDIAN_HZ / bin_hz));
}

ub_status ub_features_fill(const ub_nmf_factors *factors, double bin_hz, double frame_s,
                           ub_features *out)
{
    const size_t n_frames = factors->activations.n_cols, n_bins = factors->templates.n_rows;
    float *row = malloc(n_frames * sizeof *row);
    if (!row) {
        return UB_NO_MEMORY;
    }
    for (size_t k = 0; k < factors->templates.n_cols; k++) {
        const float *w = ub_matrix_column(&factors->templates, k);
        double activation = 0.0, template = 0.0;
        for (size_t t = 0; t < n_frames; t++) {
            row[t] = ub_matrix_column(&factors->activations, t)[k];
            activation += (double)row[t];
        }
        for (size_t f = 0; f < n_bins; f++) {
            template += (double)w[f];
        }
        out[k] = (ub_features){.energy = activation * template};
        fill_spectral(w, n_bins, bin_hz, &out[k]);
        out[k].percussive = share_above_median(row, n_frames, median_width(MEDIAN_S / frame_s));
    }
    free(row);
    return UB_OK;
}
