// SPDX-License-Identifier: GPL-3.0-or-later
// Activations of fixed templates: the H half of the factorisation, a tile of frames at a time and
// all its updates while the tile is in cache.
#include "bands.h"
#include "fit.h"
#include "ground/floats.h"
#include "ground/fpu.h"

#include <stdlib.h>
#include <string.h>

enum {
    PLAIN_UPDATES = 2 // from equal activations the first steps are large; relax after them
};

// The templates at one resolution.
typedef struct resolution {
    ub_packing packing;
    float *packed, *transposed, *template_sums;
    size_t n_iterations;
} resolution;

struct ub_activator {
    const ub_kernels *kernels;
    resolution fine, coarse; // the coarse one comes first, and has no iterations when there is none
    ub_bands bands;
    double beta;
    double exponent, relaxed; // plain and over-relaxed
    float l1, l2;
    size_t tile_frames;
    size_t padded_components;
    float *memory; // the arrays of the levels and those below
    float *scale;
    float *plain_exponents, *relaxed_exponents;
    float *merged; // one template on bands, when there are any
};

void ub_activator_free(ub_activator *activator)
{
    if (activator) {
        ub_bands_free(&activator->bands);
        free(activator->memory);
        free(activator);
    }
}

static ub_status check(const ub_matrix *templates, const ub_matrix *gains,
                       const ub_nmf_settings *settings, ub_message *why)
{
    const ub_status status = ub_nmf_settings_check(settings, why);
    if (status) {
        return status;
    }
    if (templates->n_rows <= settings->n_others || templates->n_cols == 0 ||
        templates->n_cols > UB_NMF_MAX_COMPONENTS || gains->n_cols != templates->n_cols ||
        gains->n_rows == 0 || gains->n_rows > UB_NMF_MAX_CHANNELS) {
        return ub_fail(why, UB_BAD_SHAPE, "templates and gains differ in components");
    }
    if (!ub_matrix_is_nonnegative(templates) || !ub_matrix_is_nonnegative(gains)) {
        return ub_fail(why, UB_BAD_VALUE, "templates or gains are negative or not finite");
    }
    return UB_OK;
}

static void replace_at(const ub_activator *activator, size_t first, const ub_matrix *templates,
                       const ub_matrix *gains, resolution *level)
{
    activator->kernels->pack(&level->packing, first, templates->n_cols, templates->data,
                             templates->stride, gains->data, gains->stride, level->packed);
    activator->kernels->transpose(&level->packing, first, templates->n_cols, level->packed,
                                  level->transposed);
    ub_fit_sum_templates(templates, gains, level->template_sums + first);
}

void ub_activator_replace(ub_activator *activator, size_t first, const ub_matrix *templates,
                          const ub_matrix *gains)
{
    replace_at(activator, first, templates, gains, &activator->fine);
    for (size_t k = 0; activator->coarse.n_iterations > 0 && k < templates->n_cols; k++) {
        ub_bands_merge(&activator->bands, ub_matrix_column(templates, k), activator->merged);
        const ub_matrix merged = {
            .data = activator->merged, .n_rows = activator->bands.n_bands, .n_cols = 1};
        const ub_matrix gain = {
            .data = ub_matrix_column(gains, k), .n_rows = gains->n_rows, .n_cols = 1};
        replace_at(activator, first + k, &merged, &gain, &activator->coarse);
    }
}

static void fill(ub_activator *activator, const ub_matrix *templates, const ub_matrix *gains)
{
    for (size_t k = 0; k < activator->padded_components; k++) {
        activator->scale[k] = 1.0f;
        activator->plain_exponents[k] = (float)activator->exponent;
        activator->relaxed_exponents[k] = (float)activator->relaxed;
    }
    ub_activator_replace(activator, 0, templates, gains);
}

static size_t level_floats(const resolution *level, size_t padded_components)
{
    return ub_floats_line(level->packing.n_floats) + ub_floats_line(level->packing.n_transposed) +
           padded_components;
}

static float *place_level(resolution *level, size_t padded_components, float *memory)
{
    level->packed = memory;
    level->transposed = level->packed + ub_floats_line(level->packing.n_floats);
    level->template_sums = level->transposed + ub_floats_line(level->packing.n_transposed);
    return level->template_sums + padded_components;
}

static ub_status allocate(ub_activator *activator)
{
    const size_t padded = activator->padded_components;
    const size_t n = level_floats(&activator->fine, padded) +
                     level_floats(&activator->coarse, padded) + 3 * padded +
                     activator->bands.n_bands;
    activator->memory = ub_floats_new(n);
    if (!activator->memory) {
        return UB_NO_MEMORY;
    }
    float *rest = place_level(&activator->fine, padded, activator->memory);
    rest = place_level(&activator->coarse, padded, rest);
    activator->scale = rest;
    activator->plain_exponents = rest + padded;
    activator->relaxed_exponents = rest + 2 * padded;
    activator->merged = rest + 3 * padded;
    return UB_OK;
}

static ub_status plan(ub_activator *activator, const ub_matrix *templates, const ub_matrix *gains,
                      const ub_nmf_settings *settings)
{
    const size_t n_channels = gains->n_rows, n_bins = templates->n_rows, n_k = templates->n_cols;
    activator->kernels =
        settings->kernels ? ub_kernels_named(settings->kernels) : ub_kernels_best();
    activator->beta = ub_beta_settled(settings->beta);
    activator->exponent = ub_nmf_gamma(activator->beta);
    activator->relaxed = activator->exponent * settings->relaxation;
    activator->l1 = (float)settings->l1_activations;
    activator->l2 = (float)settings->l2_activations;
    activator->tile_frames = ub_tile_frames(n_channels, n_bins);
    activator->padded_components = ub_floats_line(n_k);
    activator->fine.n_iterations = settings->n_iterations;
    activator->fine.packing = ub_kernels_packing(activator->kernels, n_channels, n_bins, n_k);
    if (settings->n_coarse_iterations == 0) {
        return UB_OK;
    }
    const ub_status status =
        ub_bands_new(n_bins - settings->n_others, settings->n_others, &activator->bands);
    activator->coarse.n_iterations = settings->n_coarse_iterations;
    activator->coarse.packing =
        ub_kernels_packing(activator->kernels, n_channels, activator->bands.n_bands, n_k);
    return status;
}

ub_status ub_activator_new(const ub_matrix *templates, const ub_matrix *gains,
                           const ub_nmf_settings *settings, ub_activator **out, ub_message *why)
{
    const ub_nmf_settings standard = ub_nmf_settings_default();
    settings = settings ? settings : &standard;
    ub_status status = check(templates, gains, settings, why);
    if (status) {
        return status;
    }
    ub_activator *activator = calloc(1, sizeof *activator);
    status = activator ? plan(activator, templates, gains, settings) : UB_NO_MEMORY;
    status = status ? status : allocate(activator);
    if (status) {
        ub_activator_free(activator);
        return ub_fail(why, status, "no memory for %zu templates", templates->n_cols);
    }
    fill(activator, templates, gains);
    *out = activator;
    return UB_OK;
}

static size_t sweep_floats(const ub_activator *activator, const resolution *level)
{
    const size_t n =
        ub_sweep_work_size(&level->packing, activator->kernels->panel_bins, activator->tile_frames);
    return ub_floats_line(n);
}

static size_t merged_stride(const ub_activator *activator)
{
    return ub_floats_line(activator->coarse.packing.n_bins);
}

// The sweep takes turns; the merged spectra of a tile lie behind it.
size_t ub_activator_work_size(const ub_activator *activator)
{
    size_t n = sweep_floats(activator, &activator->fine);
    if (activator->coarse.n_iterations > 0) {
        const size_t coarse = sweep_floats(activator, &activator->coarse);
        n = n > coarse ? n : coarse;
        n += activator->coarse.packing.n_channels * activator->tile_frames *
             merged_stride(activator);
    }
    return n;
}

// Equal activations at the level of each frame. A frame of silence starts at zero and stays there.
static void start_frames(const ub_activator *activator, const ub_matrix *spectra, size_t first,
                         size_t n, ub_matrix *activations)
{
    const ub_packing *packing = &activator->fine.packing;
    double template_sum = 0.0;
    for (size_t k = 0; k < packing->n_components; k++) {
        template_sum += (double)activator->fine.template_sums[k];
    }
    for (size_t t = first; t < first + n; t++) {
        double level = 0.0;
        for (size_t c = 0; c < packing->n_channels; c++) {
            const float *v = ub_matrix_column(&spectra[c], t);
            for (size_t f = 0; f < packing->n_bins; f++) {
                level += (double)v[f];
            }
        }
        const float h = template_sum > 0.0 ? (float)(level / template_sum) : 0.0f;
        float *column = ub_matrix_column(activations, t);
        for (size_t k = 0; k < packing->n_components; k++) {
            column[k] = h;
        }
    }
}

// A floor that does not look at other frames: far below the quietest 24-bit sound.
static const float FLOOR = 1e-12f;

// Some frames on the way: their spectra, which have a stride, and their activations.
typedef struct frame_tile {
    const float *spectra[UB_NMF_MAX_CHANNELS];
    size_t spectrum_stride;
    size_t n_frames;
    float *activations;
    size_t activation_stride;
} frame_tile;

static void update(const ub_activator *activator, const resolution *level, const frame_tile *tile,
                   bool relaxed, float penalty, float *memory)
{
    const ub_sweep_work work = ub_sweep_work_in(
        memory, &level->packing, activator->kernels->panel_bins, activator->tile_frames);
    const ub_sweep sweep = {
        .packing = level->packing,
        .form = ub_form_for(activator->beta),
        .beta = activator->beta,
        .spectra = tile->spectra,
        .spectrum_stride = tile->spectrum_stride,
        .floor = FLOOR,
        .templates = level->packed,
        .transposed = level->transposed,
        .template_sums = level->template_sums,
        .activations = tile->activations,
        .new_activations = tile->activations,
        .activation_stride = tile->activation_stride,
        .n_frames = tile->n_frames,
        .scale = activator->scale,
        .exponents = relaxed ? activator->relaxed_exponents : activator->plain_exponents,
        .is_plain = (relaxed ? activator->relaxed : activator->exponent) == 1.0,
        .l1 = penalty * activator->l1,
        .l2 = penalty * activator->l2,
        .update_activations = true,
    };
    activator->kernels->sweep(&sweep, 0, tile->n_frames, &work, NULL, NULL);
}

static frame_tile tile_of(const ub_activator *activator, const ub_matrix *spectra, size_t first,
                          size_t n, ub_matrix *activations)
{
    frame_tile tile = {
        .spectrum_stride = spectra[0].stride,
        .n_frames = n,
        .activations = ub_matrix_column(activations, first),
        .activation_stride = activations->stride,
    };
    for (size_t c = 0; c < activator->fine.packing.n_channels; c++) {
        tile.spectra[c] = ub_matrix_column(&spectra[c], first);
    }
    return tile;
}

static void run_coarse(const ub_activator *activator, const ub_matrix *spectra, size_t first,
                       size_t n, float *memory, ub_matrix *activations)
{
    const size_t n_channels = activator->coarse.packing.n_channels;
    const size_t stride = merged_stride(activator);
    float *merged =
        memory + ub_activator_work_size(activator) - n_channels * activator->tile_frames * stride;
    frame_tile bands = tile_of(activator, spectra, first, n, activations);
    bands.spectrum_stride = stride;
    for (size_t c = 0; c < n_channels; c++) {
        float *channel = merged + c * activator->tile_frames * stride;
        memset(channel, 0, n * stride * sizeof(float));
        for (size_t t = 0; t < n; t++) {
            ub_bands_merge(&activator->bands, ub_matrix_column(&spectra[c], first + t),
                           channel + t * stride);
        }
        bands.spectra[c] = channel;
    }
    for (size_t i = 0; i < activator->coarse.n_iterations; i++) {
        update(activator, &activator->coarse, &bands, i >= PLAIN_UPDATES, 1.0f, memory);
    }
}

static void run_fine(const ub_activator *activator, const ub_matrix *spectra, size_t first,
                     size_t n, float *memory, ub_matrix *activations)
{
    const frame_tile bins = tile_of(activator, spectra, first, n, activations);
    const size_t done = activator->coarse.n_iterations;
    for (size_t i = 0; i < activator->fine.n_iterations; i++) {
        update(activator, &activator->fine, &bins, done + i >= PLAIN_UPDATES, 1.0f, memory);
    }
}

void ub_activator_update(const ub_activator *activator, const ub_matrix *spectra, size_t frame,
                         bool relaxed, float penalty, float *work, ub_matrix *activations)
{
    const uint64_t mode = ub_fpu_flush_denormals();
    const frame_tile bins = tile_of(activator, spectra, frame, 1, activations);
    update(activator, &activator->fine, &bins, relaxed, penalty, work);
    ub_fpu_restore(mode);
}

size_t ub_activator_stride(const ub_activator *activator)
{
    return ub_floats_line(activator->fine.packing.n_bins);
}

void ub_activator_model(const ub_activator *activator, size_t channel, const ub_matrix *activations,
                        size_t frame, float *model)
{
    const uint64_t mode = ub_fpu_flush_denormals();
    const ub_packing *packing = &activator->fine.packing;
    const size_t all[] = {0, packing->n_components};
    float *const out[] = {model};
    activator->kernels->model(packing, activator->fine.packed, channel,
                              ub_matrix_column(activations, frame), activations->stride, 1, 1, all,
                              out, ub_activator_stride(activator));
    ub_fpu_restore(mode);
}

void ub_activator_run(const ub_activator *activator, const ub_matrix *spectra, size_t first,
                      size_t n, float *work, ub_matrix *activations)
{
    const uint64_t mode = ub_fpu_flush_denormals();
    start_frames(activator, spectra, first, n, activations);
    for (size_t t = 0; t < n; t += activator->tile_frames) {
        const size_t some = n - t < activator->tile_frames ? n - t : activator->tile_frames;
        if (activator->coarse.n_iterations > 0) {
            run_coarse(activator, spectra, first + t, some, work, activations);
        }
        run_fine(activator, spectra, first + t, some, work, activations);
    }
    ub_fpu_restore(mode);
}
