// SPDX-License-Identifier: GPL-3.0-or-later
#include "subset.h"
#include "fit.h"
#include "ground/floats.h"

#include <stdlib.h>
#include <string.h>

static const float FLOOR = 1e-12f; // of the model, as in an activator

static bool allocate(ub_subset *subset)
{
    const ub_packing widest = ub_kernels_packing(subset->kernels, 1, subset->n_bins, subset->most);
    const size_t padded = ub_floats_line(subset->most);
    subset->packed = ub_floats_new(widest.n_floats);
    subset->transposed = ub_floats_new(widest.padded_bins * padded); // fewer may be rounded up
    subset->ratio_sums = ub_floats_new(widest.n_floats);
    subset->power_sums = ub_floats_new(widest.n_floats);
    subset->work = ub_floats_new(
        ub_sweep_work_size(&widest, subset->kernels->panel_bins, subset->tile_frames));
    subset->template_sums = ub_floats_new(3 * padded);
    subset->components = calloc(padded, sizeof *subset->components);
    return subset->packed && subset->transposed && subset->ratio_sums && subset->power_sums &&
           subset->work && subset->template_sums && subset->components &&
           !ub_matrix_new(subset->most, subset->tile_frames, &subset->activations);
}

ub_status ub_subset_new(const ub_kernels *kernels, double beta, size_t n_bins, size_t most,
                        ub_subset *out)
{
    ub_subset subset = {
        .kernels = kernels,
        .beta = ub_beta_settled(beta),
        .n_bins = n_bins,
        .most = most,
        .tile_frames = ub_tile_frames(1, n_bins),
    };
    if (!allocate(&subset)) {
        ub_subset_free(&subset);
        return UB_NO_MEMORY;
    }
    subset.ones = subset.template_sums + ub_floats_line(most);
    subset.exponents = subset.ones + ub_floats_line(most);
    for (size_t k = 0; k < ub_floats_line(most); k++) {
        subset.ones[k] = 1.0f;
    }
    *out = subset;
    return UB_OK;
}

void ub_subset_free(ub_subset *subset)
{
    ub_matrix_free(&subset->activations);
    free(subset->components);
    free(subset->packed);
    free(subset->transposed);
    free(subset->ratio_sums);
    free(subset->power_sums);
    free(subset->work);
    free(subset->template_sums);
    *subset = (ub_subset){0};
}

void ub_subset_choose(ub_subset *subset, const ub_matrix *templates, const bool *chosen)
{
    size_t n = 0;
    for (size_t k = 0; k < templates->n_cols; k++) {
        if (chosen[k]) {
            subset->components[n++] = k;
        }
    }
    subset->packing = ub_kernels_packing(subset->kernels, 1, subset->n_bins, n);
    for (size_t i = 0; i < n; i++) {
        const float *w = ub_matrix_column(templates, subset->components[i]);
        subset->kernels->pack(&subset->packing, i, 1, w, templates->stride, subset->ones, 1,
                              subset->packed);
        double sum = 0.0;
        for (size_t f = 0; f < subset->n_bins; f++) {
            sum += (double)w[f];
        }
        subset->template_sums[i] = (float)sum;
    }
    subset->kernels->transpose(&subset->packing, 0, n, subset->packed, subset->transposed);
}

static void gather(ub_subset *subset, const ub_matrix *from, size_t first, size_t n)
{
    for (size_t t = 0; t < n; t++) {
        const float *all = ub_matrix_column(from, first + t);
        float *h = ub_matrix_column(&subset->activations, t);
        for (size_t i = 0; i < subset->packing.n_components; i++) {
            h[i] = all[subset->components[i]];
        }
    }
}

static void scatter(const ub_subset *subset, size_t first, size_t n, ub_matrix *to)
{
    for (size_t t = 0; t < n; t++) {
        const float *h = ub_matrix_column(&subset->activations, t);
        float *all = ub_matrix_column(to, first + t);
        for (size_t i = 0; i < subset->packing.n_components; i++) {
            all[subset->components[i]] = h[i];
        }
    }
}

// A sweep over the gathered frames, in place.
static void sweep(ub_subset *subset, const float *spectra, size_t stride, size_t n, double exponent,
                  bool update_activations)
{
    const ub_sweep_work work = ub_sweep_work_in(subset->work, &subset->packing,
                                                subset->kernels->panel_bins, subset->tile_frames);
    const ub_sweep job = {
        .packing = subset->packing,
        .form = ub_form_for(subset->beta),
        .beta = subset->beta,
        .spectra = &spectra,
        .spectrum_stride = stride,
        .floor = FLOOR,
        .templates = subset->packed,
        .transposed = subset->transposed,
        .template_sums = subset->template_sums,
        .activations = subset->activations.data,
        .new_activations = subset->activations.data,
        .activation_stride = subset->activations.stride,
        .n_frames = n,
        .scale = subset->ones,
        .exponents = subset->exponents,
        .is_plain = exponent == 1.0,
        .update_activations = update_activations,
        .update_templates = !update_activations,
    };
    subset->kernels->sweep(&job, 0, n, &work, subset->ratio_sums, subset->power_sums);
}

void ub_subset_update(ub_subset *subset, const ub_matrix *spectra, size_t first, size_t n,
                      size_t n_updates, double exponent, ub_matrix *activations)
{
    for (size_t i = 0; i < ub_floats_line(subset->packing.n_components); i++) {
        subset->exponents[i] = (float)exponent;
    }
    for (size_t t = 0; subset->packing.n_components > 0 && t < n; t += subset->tile_frames) {
        const size_t some = n - t < subset->tile_frames ? n - t : subset->tile_frames;
        gather(subset, activations, first + t, some);
        for (size_t i = 0; i < n_updates; i++) {
            sweep(subset, ub_matrix_column(spectra, first + t), spectra->stride, some, exponent,
                  true);
        }
        scatter(subset, first + t, some, activations);
    }
}

// Add the packed sums of all chosen templates to their columns, and make them zero.
static void unpack(ub_subset *subset, float *sums, ub_matrix *to)
{
    const size_t panel_bins = subset->kernels->panel_bins, n_bins = subset->n_bins;
    for (size_t first = 0; first < n_bins; first += panel_bins) {
        size_t width;
        const float *panel =
            sums + ub_packing_panel(&subset->packing, panel_bins, 0, first / panel_bins, &width);
        const size_t n = n_bins - first < width ? n_bins - first : width;
        for (size_t i = 0; i < subset->packing.n_components; i++) {
            float *column = ub_matrix_column(to, subset->components[i]) + first;
            for (size_t f = 0; f < n; f++) {
                column[f] += panel[i * width + f];
            }
        }
    }
    memset(sums, 0, subset->packing.n_floats * sizeof *sums);
}

// For beta = 1 the power of the model is one: its sums are those of the gathered activations.
static void add_activations(const ub_subset *subset, size_t n, ub_matrix *power_sums)
{
    for (size_t i = 0; i < subset->packing.n_components; i++) {
        double sum = 0.0;
        for (size_t t = 0; t < n; t++) {
            sum += (double)ub_matrix_column(&subset->activations, t)[i];
        }
        float *column = ub_matrix_column(power_sums, subset->components[i]);
        for (size_t f = 0; f < subset->n_bins; f++) {
            column[f] += (float)sum;
        }
    }
}

void ub_subset_accumulate(ub_subset *subset, const ub_matrix *spectra, size_t first, size_t n,
                          const ub_matrix *activations, ub_matrix *ratio_sums,
                          ub_matrix *power_sums)
{
    const bool is_kullback = ub_form_for(subset->beta) == UB_FORM_KULLBACK;
    for (size_t t = 0; subset->packing.n_components > 0 && t < n; t += subset->tile_frames) {
        const size_t some = n - t < subset->tile_frames ? n - t : subset->tile_frames;
        gather(subset, activations, first + t, some);
        sweep(subset, ub_matrix_column(spectra, first + t), spectra->stride, some, 1.0, false);
        if (is_kullback) {
            add_activations(subset, some, power_sums);
        }
    }
    unpack(subset, subset->ratio_sums, ratio_sums);
    if (!is_kullback) {
        unpack(subset, subset->power_sums, power_sums);
    }
}
