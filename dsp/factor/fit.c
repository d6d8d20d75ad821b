// SPDX-License-Identifier: GPL-3.0-or-later
// Memory of a factorisation, and the sweep over all frames by threads.
#include "fit.h"
#include "ground/floats.h"
#include "ground/fpu.h"
#include "ground/threads.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_CHUNKS = 16, // also the most threads a fit makes use of
    CACHE_FLOATS = 65536 // 256 KiB for the ratio of a tile
};

size_t ub_tile_frames(size_t n_channels, size_t n_bins)
{
    const size_t frames = CACHE_FLOATS / (n_channels * n_bins) / 24 * 24;
    return frames < 24 ? 24 : frames > 96 ? 96 : frames;
}

size_t ub_sweep_work_size(const ub_packing *packing, size_t panel_bins, size_t tile_frames)
{
    const size_t padded = ub_floats_line(packing->n_components);
    const size_t stacked = packing->n_channels * packing->padded_bins;
    return 2 * ub_floats_line(tile_frames * stacked) +
           2 * ub_floats_line(tile_frames * panel_bins) + 4 * tile_frames * padded +
           (tile_frames + 8) * padded;
}

ub_sweep_work ub_sweep_work_in(float *memory, const ub_packing *packing, size_t panel_bins,
                               size_t tile_frames)
{
    const size_t padded = ub_floats_line(packing->n_components);
    const size_t tile = ub_floats_line(tile_frames * packing->n_channels * packing->padded_bins);
    const size_t panel = ub_floats_line(tile_frames * panel_bins);
    ub_sweep_work work;
    work.ratio = memory;
    work.power = work.ratio + tile;
    work.panel_ratio = work.power + tile;
    work.panel_power = work.panel_ratio + panel;
    work.tile_h = work.panel_power + panel;
    work.tile_new = work.tile_h + tile_frames * padded;
    work.sums = work.tile_new + tile_frames * padded;
    work.blocks = work.sums + 2 * tile_frames * padded;
    return work;
}

static void point_free(ub_point *point)
{
    ub_matrix_free(&point->templates);
    ub_matrix_free(&point->gains);
    ub_matrix_free(&point->activations);
    free(point->scale);
}

void ub_fit_free(ub_fit *fit)
{
    point_free(&fit->now);
    point_free(&fit->before);
    ub_matrix_free(&fit->next_activations);
    free(fit->packed);
    free(fit->transposed);
    free(fit->template_sums);
    free(fit->exponents);
    free(fit->continuity);
    free(fit->ratio_sums);
    free(fit->power_sums);
    free(fit->activation_sums);
    free(fit->chunk_costs);
    free(fit->thread_work);
    free(fit->component_work);
    free(fit->gain_sums);
    free(fit->audible_work);
    free(fit->held_gains);
    *fit = (ub_fit){0};
}

static bool point_new(const ub_fit *fit, const ub_nmf_factors *from, ub_point *point)
{
    point->scale = ub_floats_new(fit->padded_components);
    if (!point->scale || ub_matrix_copy(&from->templates, &point->templates) ||
        ub_matrix_copy(&from->gains, &point->gains) ||
        ub_matrix_copy(&from->activations, &point->activations)) {
        return false;
    }
    for (size_t k = 0; k < fit->n_components; k++) {
        point->scale[k] = 1.0f;
    }
    return true;
}

static void plan_chunks(ub_fit *fit)
{
    const size_t arrays = fit->sweep.form == UB_FORM_KULLBACK ? 1 : 2;
    fit->tile_frames = ub_tile_frames(fit->n_channels, fit->n_bins);
    fit->n_tiles = (fit->n_frames + fit->tile_frames - 1) / fit->tile_frames;
    size_t most = UB_FIT_SUM_FLOATS / (arrays * fit->packing.n_floats);
    most = most < 2 ? 2 : most > MOST_CHUNKS ? MOST_CHUNKS : most;
    fit->n_chunks = fit->n_tiles < most ? fit->n_tiles : most;
    fit->n_chunks = fit->n_chunks ? fit->n_chunks : 1;
}

static size_t threads_for(const ub_fit *fit)
{
    const size_t n = ub_thread_count(fit->settings.n_threads);
    return n < fit->n_chunks ? n : fit->n_chunks;
}

static bool allocate(ub_fit *fit, const ub_nmf_factors *factors)
{
    const size_t n_k = fit->padded_components;
    const size_t n_sums = fit->n_chunks * fit->packing.n_floats;
    fit->thread_work_floats = ub_floats_line(
        ub_sweep_work_size(&fit->packing, fit->kernels->panel_bins, fit->tile_frames));
    // Per channel a numerator and a denominator, and four arrays beside them.
    fit->component_work_floats = (2 * fit->n_channels + 4) * ub_floats_line(fit->n_bins);
    fit->packed = ub_floats_new(fit->packing.n_floats);
    fit->transposed = ub_floats_new(fit->packing.n_transposed);
    fit->template_sums = ub_floats_new(n_k);
    fit->exponents = ub_floats_new(n_k);
    fit->continuity = fit->settings.continuity > 0.0 ? calloc(3 * n_k, sizeof(double)) : NULL;
    fit->ratio_sums = ub_floats_new(n_sums);
    fit->power_sums = fit->sweep.form == UB_FORM_KULLBACK ? NULL : ub_floats_new(n_sums);
    fit->activation_sums = calloc(fit->n_chunks * fit->n_components, sizeof(double));
    fit->chunk_costs = calloc(fit->n_chunks, sizeof(double));
    fit->thread_work = ub_floats_new(fit->n_threads * fit->thread_work_floats);
    fit->component_work = ub_floats_new(fit->n_threads * fit->component_work_floats);
    fit->gain_sums = calloc(fit->n_components * fit->n_channels * 2, sizeof(double));
    fit->held_gains = calloc(fit->n_components, sizeof(bool));
    const bool audible = fit->settings.mask_tolerance > 0.0;
    fit->audible_work = audible ? ub_floats_new(ub_fit_audible_work_size(fit)) : NULL;
    return fit->packed && fit->transposed && fit->template_sums && fit->exponents &&
           (fit->continuity || fit->settings.continuity <= 0.0) && fit->ratio_sums &&
           (fit->power_sums || fit->sweep.form == UB_FORM_KULLBACK) && fit->activation_sums &&
           fit->chunk_costs && fit->thread_work && fit->component_work && fit->gain_sums &&
           fit->held_gains && (fit->audible_work || !audible) &&
           point_new(fit, factors, &fit->now) && point_new(fit, factors, &fit->before) &&
           !ub_matrix_new(fit->n_components, fit->n_frames, &fit->next_activations);
}

// Also fixes the scale of what follows: the floor is 1e-10 of the largest value.
static float floor_for(const ub_matrix *spectra, size_t n_channels)
{
    float largest = 0.0f;
    for (size_t c = 0; c < n_channels; c++) {
        const float other = ub_matrix_largest(&spectra[c]);
        largest = other > largest ? other : largest;
    }
    return largest > 1e-12f ? largest * 1e-10f : 1e-22f;
}

static void plan(ub_fit *fit, const ub_matrix *spectra, size_t n_channels,
                 const ub_nmf_factors *factors)
{
    const ub_nmf_settings *s = &fit->settings;
    fit->spectra = spectra;
    fit->n_channels = n_channels;
    fit->n_bins = spectra[0].n_rows;
    fit->n_frames = spectra[0].n_cols;
    fit->n_components = factors->templates.n_cols;
    fit->padded_components = ub_floats_line(fit->n_components);
    fit->packing = ub_kernels_packing(fit->kernels, n_channels, fit->n_bins, fit->n_components);
    fit->gamma = ub_nmf_gamma(s->beta);
    fit->penalised = s->l1_activations > 0.0 || s->l2_activations > 0.0 || s->l1_templates > 0.0 ||
                     s->l2_templates > 0.0 || s->continuity > 0.0;
    for (size_t k = 0; k < fit->n_components; k++) {
        fit->any_free_template |= !ub_fit_template_fixed(fit, k);
        fit->any_free_gain |= !ub_fit_gain_fixed(fit, k);
        fit->any_free_activation |= !ub_fit_activation_fixed(fit, k);
    }
}

ub_status ub_fit_new(const ub_matrix *spectra, size_t n_channels, const ub_nmf_settings *settings,
                     const ub_nmf_constraints *constraints, const ub_nmf_factors *factors,
                     ub_fit *fit)
{
    *fit = (ub_fit){.settings = *settings, .constraints = constraints};
    fit->settings.beta = ub_beta_settled(settings->beta);
    fit->kernels = settings->kernels ? ub_kernels_named(settings->kernels) : ub_kernels_best();
    plan(fit, spectra, n_channels, factors);
    fit->sweep.form = ub_form_for(fit->settings.beta);
    plan_chunks(fit);
    fit->n_threads = threads_for(fit);
    if (!allocate(fit, factors)) {
        ub_fit_free(fit);
        return UB_NO_MEMORY;
    }
    for (size_t k = 0; k < fit->n_components; k++) {
        if (ub_fit_activation_fixed(fit, k) && !ub_fit_gain_fixed(fit, k)) {
            fit->held_gains[ub_fit_gain_group(fit, k)] = true;
        }
    }
    const size_t n_k = fit->padded_components;
    fit->sweep = (ub_sweep){
        .packing = fit->packing,
        .form = fit->sweep.form,
        .beta = fit->settings.beta,
        .spectrum_stride = spectra[0].stride,
        .floor = floor_for(spectra, n_channels),
        .templates = fit->packed,
        .transposed = fit->transposed,
        .template_sums = fit->template_sums,
        .activation_stride = fit->now.activations.stride,
        .n_frames = fit->n_frames,
        .exponents = fit->exponents,
        .l1 = (float)settings->l1_activations,
        .l2 = (float)settings->l2_activations,
        .continuity_same = fit->continuity,
        .continuity_near = fit->continuity ? fit->continuity + n_k : NULL,
        .continuity_back = fit->continuity ? fit->continuity + 2 * n_k : NULL,
    };
    return UB_OK;
}

void ub_fit_sum_templates(const ub_matrix *templates, const ub_matrix *gains, float *sums)
{
    for (size_t k = 0; k < templates->n_cols; k++) {
        const float *w = ub_matrix_column(templates, k);
        const float *q = ub_matrix_column(gains, k);
        double sum = 0.0, gain = 0.0;
        for (size_t f = 0; f < templates->n_rows; f++) {
            sum += (double)w[f];
        }
        for (size_t c = 0; c < gains->n_rows; c++) {
            gain += (double)q[c];
        }
        sums[k] = (float)(sum * gain);
    }
}

static void sum_activations(const ub_fit *fit, const ub_matrix *activations, const float *scale,
                            size_t first, size_t end, double *sums)
{
    memset(sums, 0, fit->n_components * sizeof *sums);
    for (size_t t = first; t < end; t++) {
        const float *h = ub_matrix_column(activations, t);
        for (size_t k = 0; k < fit->n_components; k++) {
            sums[k] += (double)h[k];
        }
    }
    for (size_t k = 0; scale && k < fit->n_components; k++) {
        sums[k] *= (double)scale[k];
    }
}

static void sweep_chunk(ub_fit *fit, size_t chunk, float *memory)
{
    const ub_sweep *sweep = &fit->sweep;
    const ub_sweep_work work =
        ub_sweep_work_in(memory, &fit->packing, fit->kernels->panel_bins, fit->tile_frames);
    const size_t offset = chunk * fit->packing.n_floats;
    float *ratio_sums = fit->ratio_sums + offset;
    float *power_sums = fit->power_sums ? fit->power_sums + offset : NULL;
    if (sweep->update_templates) {
        memset(ratio_sums, 0, fit->packing.n_floats * sizeof(float));
        if (power_sums) {
            memset(power_sums, 0, fit->packing.n_floats * sizeof(float));
        }
    }
    const size_t first_tile = chunk * fit->n_tiles / fit->n_chunks;
    const size_t end_tile = (chunk + 1) * fit->n_tiles / fit->n_chunks;
    const size_t first = first_tile * fit->tile_frames;
    const size_t end = end_tile == fit->n_tiles ? fit->n_frames : end_tile * fit->tile_frames;
    double cost = 0.0;
    for (size_t t = first; t < end; t += fit->tile_frames) {
        const size_t n = end - t < fit->tile_frames ? end - t : fit->tile_frames;
        cost += fit->kernels->sweep(sweep, t, n, &work, ratio_sums, power_sums);
    }
    fit->chunk_costs[chunk] = cost;
    if (sweep->update_templates) {
        const bool renewed = sweep->update_activations;
        sum_activations(fit, renewed ? &fit->next_activations : &fit->now.activations,
                        renewed ? NULL : fit->now.scale, first, end,
                        fit->activation_sums + chunk * fit->n_components);
    }
}

void ub_fit_add_chunks(const ub_fit *fit, size_t n_chunks, float *sums, size_t n)
{
    const size_t slice = 4096;
#pragma omp parallel for schedule(static) num_threads((int)fit->n_threads)
    for (size_t first = 0; first < n; first += slice) {
        const size_t end = n - first < slice ? n : first + slice;
        for (size_t chunk = 1; chunk < n_chunks; chunk++) {
            const float *from = sums + chunk * n;
            for (size_t i = first; i < end; i++) {
                sums[i] += from[i];
            }
        }
    }
}

static void gather_sums(ub_fit *fit)
{
    ub_fit_add_chunks(fit, fit->n_chunks, fit->ratio_sums, fit->packing.n_floats);
    if (fit->power_sums) {
        ub_fit_add_chunks(fit, fit->n_chunks, fit->power_sums, fit->packing.n_floats);
    }
    for (size_t chunk = 1; chunk < fit->n_chunks; chunk++) {
        for (size_t k = 0; k < fit->n_components; k++) {
            fit->activation_sums[k] += fit->activation_sums[chunk * fit->n_components + k];
        }
    }
}

// Padded lanes compare a silent spectrum with the bare floor; their cost is taken out again.
static double padding_cost(const ub_fit *fit)
{
    const double beta = fit->settings.beta;
    const double lanes =
        (double)((fit->packing.padded_bins - fit->n_bins) * fit->n_channels * fit->n_frames);
    if (beta <= 0.0 || lanes == 0.0) {
        return 0.0; // the floor is compared with itself
    }
    return lanes * pow((double)fit->sweep.floor, beta) / beta;
}

double ub_fit_sweep(ub_fit *fit, double exponent, bool measure, bool update)
{
    const float *spectra[UB_NMF_MAX_CHANNELS];
    for (size_t c = 0; c < fit->n_channels; c++) {
        spectra[c] = fit->spectra[c].data;
    }
    fit->sweep.is_plain = exponent == 1.0;
    for (size_t k = 0; k < fit->n_components; k++) {
        fit->exponents[k] = ub_fit_activation_fixed(fit, k) ? 0.0f : (float)exponent;
        fit->sweep.is_plain &= !ub_fit_activation_fixed(fit, k);
    }
    fit->kernels->pack(&fit->packing, 0, fit->n_components, fit->now.templates.data,
                       fit->now.templates.stride, fit->now.gains.data, fit->now.gains.stride,
                       fit->packed);
    ub_fit_sum_templates(&fit->now.templates, &fit->now.gains, fit->template_sums);
    if (fit->continuity) {
        ub_fit_continuity(fit, &fit->now);
        fit->sweep.is_plain = false; // rows that have died rest
    }
    fit->sweep.spectra = spectra;
    fit->sweep.activations = fit->now.activations.data;
    fit->sweep.new_activations = fit->next_activations.data;
    fit->sweep.scale = fit->now.scale;
    fit->sweep.want_cost = measure;
    fit->sweep.update_activations = update && fit->any_free_activation;
    if (fit->sweep.update_activations) {
        fit->kernels->transpose(&fit->packing, 0, fit->n_components, fit->packed, fit->transposed);
    }
    fit->sweep.update_templates = update && (fit->any_free_template || fit->any_free_gain);
#pragma omp parallel num_threads((int)fit->n_threads)
    {
        float *memory = fit->thread_work + ub_thread_index() * fit->thread_work_floats;
        const uint64_t mode = ub_fpu_flush_denormals();
#pragma omp for schedule(dynamic, 1)
        for (size_t chunk = 0; chunk < fit->n_chunks; chunk++) {
            sweep_chunk(fit, chunk, memory);
        }
        ub_fpu_restore(mode);
    }
    if (fit->sweep.update_templates) {
        gather_sums(fit);
    }
    if (!measure) {
        return 0.0;
    }
    double cost = -padding_cost(fit);
    for (size_t chunk = 0; chunk < fit->n_chunks; chunk++) {
        cost += fit->chunk_costs[chunk];
    }
    return cost + ub_fit_penalty(fit, &fit->now);
}

static void keep_point(ub_fit *fit)
{
    const ub_point old = fit->now;
    fit->now = fit->before;
    fit->before = old;
    ub_matrix_copy_into(&old.templates, &fit->now.templates);
    ub_matrix_copy_into(&old.gains, &fit->now.gains);
    memcpy(fit->now.scale, old.scale, fit->n_components * sizeof(float));
    if (!fit->sweep.update_activations) {
        ub_matrix_copy_into(&old.activations, &fit->now.activations);
    }
}

void ub_fit_advance(ub_fit *fit, double exponent, bool keep)
{
    if (keep) {
        keep_point(fit);
    }
    if (fit->sweep.update_activations) {
        const ub_matrix spare = fit->now.activations;
        fit->now.activations = fit->next_activations;
        fit->next_activations = spare;
        // The sweep has applied the old scale to what it wrote.
        for (size_t k = 0; k < fit->n_components; k++) {
            fit->now.scale[k] = 1.0f;
        }
    }
    if (fit->sweep.update_templates) {
        ub_fit_update_templates(fit, keep ? &fit->before : &fit->now, &fit->now, exponent);
    }
}

void ub_fit_retreat(ub_fit *fit)
{
    const ub_point risen = fit->now;
    fit->now = fit->before;
    fit->before = risen;
}
