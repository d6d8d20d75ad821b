// SPDX-License-Identifier: GPL-3.0-or-later
// Bands as wide as the ear's: finer ones find no more hits, and know more of the kit that was
// learned than of the one that plays.
#include "drum_kit.h"
#include "factor/nmfd.h"
#include "ground/fpu.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_BANDS = 40,
    HEAD_LAGS = 10, // a tenth of a second
    UPDATES = 20 // more fit templates to a bar instead of a hit
};

static const double LOWEST_HZ = 30.0, HIGHEST_HZ = 18000.0;
static const double LINEAR_BELOW_HZ = 300.0; // where widths go over from equal to proportional

static size_t edge(size_t band, double bin_hz, size_t n_bins)
{
    const double low = log(LOWEST_HZ / LINEAR_BELOW_HZ + 1.0);
    const double high = log(HIGHEST_HZ / LINEAR_BELOW_HZ + 1.0);
    const double at = low + (high - low) * (double)band / MOST_BANDS;
    const double bin = round(LINEAR_BELOW_HZ * (exp(at) - 1.0) / bin_hz);
    return bin < (double)n_bins ? (size_t)bin : n_bins;
}

// A band has a bin at least, so there are fewer than asked for at low frequencies.
static ub_status make_bands(double bin_hz, size_t n_bins, ub_bands *out)
{
    ub_bands bands = {.n_bins = n_bins, .first = calloc(MOST_BANDS + 1, sizeof *bands.first)};
    if (!bands.first) {
        return UB_NO_MEMORY;
    }
    bands.first[0] = edge(0, bin_hz, n_bins - 1);
    for (size_t band = 1; band <= MOST_BANDS; band++) {
        const size_t next = edge(band, bin_hz, n_bins);
        if (next > bands.first[bands.n_bands]) {
            bands.first[++bands.n_bands] = next;
        }
    }
    *out = bands;
    return UB_OK;
}

// What rings on is a hit's own: it would pass for others, which ring as long, if it ended.
static ub_status make_templates(const ub_dictionary *dictionary, ub_drum_kit *kit)
{
    const size_t n_k = dictionary->templates.n_cols;
    ub_matrix bands = {0};
    size_t *all = calloc(n_k, sizeof *all);
    kit->heads = calloc(n_k, sizeof *kit->heads);
    for (size_t k = 0; all && k < n_k; k++) {
        all[k] = k;
    }
    ub_status status = all && kit->heads
                           ? ub_hit_templates_new(dictionary, all, n_k, &kit->templates)
                           : UB_NO_MEMORY;
    free(all);
    const ub_matrix bins = kit->templates.columns;
    status = status ? status : ub_matrix_new(kit->bands.n_bands, bins.n_cols, &bands);
    if (status) {
        return status;
    }
    for (size_t column = 0; column < bins.n_cols; column++) {
        ub_bands_merge(&kit->bands, ub_matrix_column(&bins, column),
                       ub_matrix_column(&bands, column));
    }
    ub_matrix_free(&kit->templates.columns);
    kit->templates.columns = bands;
    const size_t n_lags = kit->templates.n_lags, n_head = n_lags < HEAD_LAGS ? n_lags : HEAD_LAGS;
    for (size_t k = 0; k < n_k; k++) {
        ub_hit_templates_level(&kit->templates, k);
        kit->heads[k] = (float)ub_hit_templates_sum(&kit->templates, k, n_head);
    }
    return UB_OK;
}

ub_status ub_drum_kit_new(const ub_dictionary *dictionary, ub_drum_kit *out, ub_message *why)
{
    const double hop = (double)dictionary->hop_samples;
    // For another sample rate sizes are rounded to those of fast transforms.
    if (fabs((double)dictionary->context_samples - hop) > 0.05 * hop + 1.0) {
        return ub_fail(why, UB_BAD_VALUE,
                       "the templates of the dictionary have frames %zu samples apart instead of "
                       "%zu; learn one for drums",
                       dictionary->context_samples, dictionary->hop_samples);
    }
    ub_drum_kit kit = {0};
    const double bin_hz = dictionary->rate_hz / (double)dictionary->window_samples;
    ub_status status = make_bands(bin_hz, dictionary->templates.n_rows, &kit.bands);
    status = status ? status : make_templates(dictionary, &kit);
    if (status) {
        ub_drum_kit_free(&kit);
        return ub_fail(why, status, "no memory for the drums of the dictionary");
    }
    *out = kit;
    return UB_OK;
}

void ub_drum_kit_free(ub_drum_kit *kit)
{
    ub_bands_free(&kit->bands);
    ub_hit_templates_free(&kit->templates);
    free(kit->heads);
    *kit = (ub_drum_kit){0};
}

void ub_drum_kit_hear(const ub_drum_kit *kit, const ub_matrix *spectra, size_t n_channels,
                      size_t frame, float *column)
{
    for (size_t b = 0; b < kit->bands.n_bands; b++) {
        float sum = 0.0f;
        for (size_t c = 0; c < n_channels; c++) {
            const float *magnitudes = ub_matrix_column(&spectra[c], frame);
            for (size_t f = kit->bands.first[b]; f < kit->bands.first[b + 1]; f++) {
                sum += magnitudes[f];
            }
        }
        column[b] = sum;
    }
}

ub_status ub_drum_kit_deconvolve(const ub_drum_kit *kit, const ub_keys *keys,
                                 const ub_matrix *spectra, ub_matrix *sounding)
{
    ub_nmfd *nmfd = NULL;
    const ub_status status = ub_nmfd_new(spectra, &kit->templates.columns, kit->templates.spans,
                                         kit->templates.n_lags, 1, &nmfd);
    if (status) {
        return status;
    }
    const uint64_t mode = ub_fpu_flush_denormals();
    for (size_t i = 1; i <= UPDATES; i++) {
        ub_nmfd_update_activations(nmfd);
        ub_nmfd_update_templates(nmfd, 1.0 - (double)i / UPDATES);
    }
    for (size_t t = 0; t < spectra->n_cols; t++) {
        const float *h = ub_matrix_column(ub_nmfd_activations(nmfd), t);
        float *sums = ub_matrix_column(sounding, t);
        memset(sums, 0, keys->n * sizeof *sums);
        for (size_t k = 0; k < keys->n_components; k++) {
            if (keys->of_component[k] < keys->n) {
                sums[keys->of_component[k]] += kit->heads[k] * h[k];
            }
        }
    }
    ub_fpu_restore(mode);
    ub_nmfd_free(nmfd);
    return UB_OK;
}
