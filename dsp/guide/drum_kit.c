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
    MOST_LAGS = 10, // longer ones find no more hits
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

static void merge_templates(const ub_dictionary *dictionary, ub_drum_kit *kit)
{
    const size_t n_k = dictionary->templates.n_cols, n_bins = dictionary->templates.n_rows;
    for (size_t k = 0; k < n_k; k++) {
        double sum = 0.0;
        for (size_t lag = 0; lag < kit->n_lags; lag++) {
            const float *from =
                lag == 0 ? ub_matrix_column(&dictionary->templates, k)
                         : ub_matrix_column(&dictionary->context, k) + (lag - 1) * n_bins;
            float *to = ub_matrix_column(&kit->templates, lag * n_k + k);
            ub_bands_merge(&kit->bands, from, to);
            for (size_t b = 0; b < kit->bands.n_bands; b++) {
                sum += (double)to[b];
            }
        }
        for (size_t i = 0; sum > 0.0 && i < kit->n_lags * kit->bands.n_bands; i++) {
            const size_t lag = i / kit->bands.n_bands, b = i % kit->bands.n_bands;
            float *w = &ub_matrix_column(&kit->templates, lag * n_k + k)[b];
            *w = (float)((double)*w / sum);
        }
    }
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
    ub_drum_kit kit = {.n_lags = 1 + dictionary->n_after};
    kit.n_lags = kit.n_lags < MOST_LAGS ? kit.n_lags : MOST_LAGS;
    const double bin_hz = dictionary->rate_hz / (double)dictionary->window_samples;
    ub_status status = make_bands(bin_hz, dictionary->templates.n_rows, &kit.bands);
    status = status ? status
                    : ub_matrix_new(kit.bands.n_bands, kit.n_lags * dictionary->templates.n_cols,
                                    &kit.templates);
    if (status) {
        ub_drum_kit_free(&kit);
        return ub_fail(why, status, "no memory for the drums of the dictionary");
    }
    merge_templates(dictionary, &kit);
    *out = kit;
    return UB_OK;
}

void ub_drum_kit_free(ub_drum_kit *kit)
{
    ub_bands_free(&kit->bands);
    ub_matrix_free(&kit->templates);
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
    const ub_status status = ub_nmfd_new(spectra, &kit->templates, NULL, kit->n_lags, 1, &nmfd);
    if (status) {
        return status;
    }
    const uint64_t mode = ub_fpu_flush_denormals();
    for (size_t i = 1; i <= UPDATES; i++) {
        ub_nmfd_update_activations(nmfd);
        ub_nmfd_update_templates(nmfd, 1.0 - (double)i / UPDATES);
    }
    for (size_t t = 0; t < spectra->n_cols; t++) {
        ub_keys_add_up(keys, ub_matrix_column(ub_nmfd_activations(nmfd), t), 1.0f,
                       ub_matrix_column(sounding, t));
    }
    ub_fpu_restore(mode);
    ub_nmfd_free(nmfd);
    return UB_OK;
}
