// SPDX-License-Identifier: GPL-3.0-or-later
#include "spectra.h"
#include "factor/norm.h"
#include "tonality.h"

#include <math.h>
#include <string.h>

enum {
    BINS_PER_WIDTH = 250 // a band is a fourteenth of a semitone wide, and a bin at least
};

static const double REACH_HZ = 65.0; // wider than a partial, narrower than the slope of a noise
static const double TOP_HZ = 8800.0; // what the highest partials of most notes stay below
static const double LOWEST_HUMP_HZ = 60.0;
static const float FLOOR = 1e-4f; // per bin, where the loudest frames sum to one
static const double HUMP_FLOOR = 1e-4; // so that no noise is without a bin

ub_status ub_note_bands_new(double bin_hz, double top_hz, size_t n_bins, ub_note_bands *out)
{
    const double top = fmin(top_hz, TOP_HZ) / bin_hz;
    ub_note_bands bands = {.bin_hz = bin_hz};
    bands.n_bins = top < (double)n_bins ? (size_t)top : n_bins;
    bands.n_bins = bands.n_bins ? bands.n_bins : 1;
    const ub_status status = ub_bands_new_of_width(bands.n_bins, BINS_PER_WIDTH, &bands.bands);
    if (!status) {
        *out = bands;
    }
    return status;
}

void ub_note_bands_free(ub_note_bands *bands)
{
    ub_bands_free(&bands->bands);
}

// Bins on either side of one that make up its surroundings.
static size_t reach_of(const ub_note_bands *bands)
{
    return (size_t)(REACH_HZ / bands->bin_hz) + 1;
}

size_t ub_note_bands_work_size(const ub_note_bands *bands)
{
    return bands->n_bins + 2 * reach_of(bands) + 2;
}

float ub_note_bands_hear(const ub_note_bands *bands, const ub_matrix *spectra, size_t n_channels,
                         size_t frame, float *work, float *column)
{
    float *mean = work; // or the sum: all that follows goes by the level of the recording
    memcpy(mean, ub_matrix_column(&spectra[0], frame), bands->n_bins * sizeof *mean);
    for (size_t c = 1; c < n_channels; c++) {
        const float *channel = ub_matrix_column(&spectra[c], frame);
        for (size_t f = 0; f < bands->n_bins; f++) {
            mean[f] += channel[f];
        }
    }
    ub_bands_merge(&bands->bands, mean, column);
    return ub_tonality_gate(
        ub_tonality(mean, bands->n_bins, reach_of(bands), mean + bands->n_bins));
}

void ub_note_bands_level(const ub_note_bands *bands, float gain, size_t n, ub_matrix *spectra)
{
    for (size_t t = 0; t < n; t++) {
        float *column = ub_matrix_column(spectra, t);
        for (size_t b = 0; b < bands->bands.n_bands; b++) {
            const size_t width = bands->bands.first[b + 1] - bands->bands.first[b];
            column[b] = gain * column[b] + FLOOR * (float)width;
        }
    }
}

// Hump `i` of n over the logarithm of frequency, each reaching to the middle of the next.
static double hump(double hz, size_t i, size_t n)
{
    const double x =
        log2(fmax(hz, 20.0) / LOWEST_HUMP_HZ) / log2(TOP_HZ / LOWEST_HUMP_HZ) * (double)(n - 1);
    const double from = fabs(x - (double)i);
    if (i == 0 && x < 0.0) {
        return 1.0;
    }
    return from < 1.0 ? 0.5 + 0.5 * cos(3.14159265358979323846 * from) : 0.0;
}

static void make_noise(const ub_note_bands *bands, size_t noise, float *column)
{
    for (size_t b = 0; b < bands->bands.n_bands; b++) {
        double sum = 0.0;
        for (size_t f = bands->bands.first[b]; f < bands->bands.first[b + 1]; f++) {
            sum += noise == 0 ? 1.0
                              : hump((double)f * bands->bin_hz, noise - 1, UB_NOTE_NOISES - 1) +
                                    HUMP_FLOOR;
        }
        column[b] = (float)sum;
    }
}

ub_status ub_note_templates(const ub_note_bands *bands, const ub_matrix *templates, ub_matrix *out)
{
    const size_t n_k = templates->n_cols;
    ub_matrix all;
    if (ub_matrix_new(bands->bands.n_bands, n_k + UB_NOTE_NOISES, &all)) {
        return UB_NO_MEMORY;
    }
    for (size_t k = 0; k < n_k; k++) {
        ub_bands_merge(&bands->bands, ub_matrix_column(templates, k), ub_matrix_column(&all, k));
    }
    for (size_t noise = 0; noise < UB_NOTE_NOISES; noise++) {
        make_noise(bands, noise, ub_matrix_column(&all, n_k + noise));
    }
    ub_norm_columns(UB_NORM_L1, &all, all.n_cols);
    *out = all;
    return UB_OK;
}
