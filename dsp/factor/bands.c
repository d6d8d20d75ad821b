// SPDX-License-Identifier: GPL-3.0-or-later
#include "bands.h"

#include <stdlib.h>
#include <string.h>

enum {
    BINS_PER_WIDTH = 70 // a band starting at bin b holds b / 70 bins, at least one
};

static size_t next_band(size_t first, size_t n_bins, size_t bins_per_width)
{
    const size_t width = first / bins_per_width;
    const size_t next = first + (width ? width : 1);
    return next < n_bins ? next : n_bins;
}

static ub_status make(size_t n_bins, size_t n_others, size_t bins_per_width, ub_bands *out)
{
    ub_bands bands = {.n_bins = n_bins + n_others, .n_bands = n_others};
    for (size_t f = 0; f < n_bins; f = next_band(f, n_bins, bins_per_width)) {
        bands.n_bands++;
    }
    bands.first = calloc(bands.n_bands + 1, sizeof *bands.first);
    if (!bands.first) {
        return UB_NO_MEMORY;
    }
    size_t b = 0;
    for (size_t f = 0; f < n_bins; f = next_band(f, n_bins, bins_per_width)) {
        bands.first[b++] = f;
    }
    for (size_t i = 0; i <= n_others; i++) {
        bands.first[b++] = n_bins + i;
    }
    *out = bands;
    return UB_OK;
}

ub_status ub_bands_new(size_t n_bins, size_t n_others, ub_bands *out)
{
    return make(n_bins, n_others, BINS_PER_WIDTH, out);
}

ub_status ub_bands_new_of_width(size_t n_bins, size_t bins_per_width, ub_bands *out)
{
    return make(n_bins, 0, bins_per_width, out);
}

// The first of the finer bands that begins where band `first` has its full width, or after that.
static size_t next_of_bands(const ub_bands *finer, size_t first)
{
    const size_t end = next_band(finer->first[first], finer->n_bins, BINS_PER_WIDTH);
    size_t next = first + 1;
    while (next < finer->n_bands && finer->first[next] < end) {
        next++;
    }
    return next;
}

ub_status ub_bands_of_bands(const ub_bands *finer, ub_bands *out)
{
    ub_bands bands = {.n_bins = finer->n_bands};
    bands.first = calloc(finer->n_bands + 1, sizeof *bands.first);
    if (!bands.first) {
        return UB_NO_MEMORY;
    }
    for (size_t b = 0; b < finer->n_bands; b = next_of_bands(finer, b)) {
        bands.first[bands.n_bands++] = b;
    }
    bands.first[bands.n_bands] = finer->n_bands;
    *out = bands;
    return UB_OK;
}

void ub_bands_free(ub_bands *bands)
{
    free(bands->first);
    *bands = (ub_bands){0};
}

void ub_bands_merge(const ub_bands *bands, const float *bins, float *merged)
{
    for (size_t b = 0; b < bands->n_bands; b++) {
        float sum = 0.0f;
        for (size_t f = bands->first[b]; f < bands->first[b + 1]; f++) {
            sum += bins[f];
        }
        merged[b] = sum;
    }
}

ub_status ub_bands_merge_matrix(const ub_bands *bands, const ub_matrix *bins, ub_matrix *out)
{
    if (ub_matrix_new(bands->n_bands, bins->n_cols, out)) {
        return UB_NO_MEMORY;
    }
    for (size_t col = 0; col < bins->n_cols; col++) {
        ub_bands_merge(bands, ub_matrix_column(bins, col), ub_matrix_column(out, col));
    }
    return UB_OK;
}

void ub_bands_share(const ub_bands *bands, const float *merged, const double *weights, float *bins)
{
    for (size_t b = 0; b < bands->n_bands; b++) {
        const size_t first = bands->first[b], end = bands->first[b + 1];
        double sum = 0.0;
        for (size_t f = first; f < end; f++) {
            sum += weights[f];
        }
        for (size_t f = first; f < end; f++) {
            const double share = sum > 0.0 ? weights[f] / sum : 1.0 / (double)(end - first);
            bins[f] = (float)((double)merged[b] * share);
        }
    }
}
