// SPDX-License-Identifier: GPL-3.0-or-later
// Activations of fixed templates: the H half of the factorisation, a tile of frames at a time and
// all its updates while the tile is in cache.
#include "fit.h"
#include "ground/fpu.h"

#include <stdlib.h>
#include <string.h>

enum {
    PLAIN_UPDATES = 2 // from equal activations the first steps are large; relax after them
};

struct ub_activator {
    const ub_kernels *kernels;
    ub_packing packing;
    double beta;
    double exponent, relaxed; // plain and over-relaxed
    float l1, l2;
    size_t n_iterations;
    size_t tile_frames;
    size_t padded_components;
    float *memory; // packed templates, then the arrays below
    float *packed, *transposed, *template_sums, *scale;
    float *plain_exponents, *relaxed_exponents;
};

void ub_activator_free(ub_activator *activator)
{
    if (activator) {
        free(activator->memory);
        free(activator);
    }
}

static size_t round_line(size_t n)
{
    return (n + 15) / 16 * 16;
}

static ub_status check(const ub_matrix *templates, const ub_matrix *gains,
                       const ub_nmf_settings *settings, ub_message *why)
{
    const ub_status status = ub_nmf_settings_check(settings, why);
    if (status) {
        return status;
    }
    if (templates->n_rows == 0 || templates->n_cols == 0 ||
        templates->n_cols > UB_NMF_MAX_COMPONENTS || gains->n_cols != templates->n_cols ||
        gains->n_rows == 0 || gains->n_rows > UB_NMF_MAX_CHANNELS) {
        return ub_fail(why, UB_BAD_SHAPE, "templates and gains differ in components");
    }
    if (!ub_matrix_is_nonnegative(templates) || !ub_matrix_is_nonnegative(gains)) {
        return ub_fail(why, UB_BAD_VALUE, "templates or gains are negative or not finite");
    }
    return UB_OK;
}

static void fill(ub_activator *activator, const ub_matrix *templates, const ub_matrix *gains)
{
    const size_t padded = activator->padded_components;
    activator->kernels->pack(&activator->packing, templates->data, templates->stride, gains->data,
                             gains->stride, activator->packed);
    activator->kernels->transpose(&activator->packing, activator->packed, activator->transposed);
    for (size_t k = 0; k < templates->n_cols; k++) {
        double sum = 0.0, gain = 0.0;
        for (size_t f = 0; f < templates->n_rows; f++) {
            sum += (double)ub_matrix_column(templates, k)[f];
        }
        for (size_t c = 0; c < gains->n_rows; c++) {
            gain += (double)ub_matrix_column(gains, k)[c];
        }
        activator->template_sums[k] = (float)(sum * gain);
        activator->scale[k] = 1.0f;
    }
    for (size_t k = 0; k < padded; k++) {
        activator->plain_exponents[k] = (float)activator->exponent;
        activator->relaxed_exponents[k] = (float)activator->relaxed;
    }
}

ub_status ub_activator_new(const ub_matrix *templates, const ub_matrix *gains,
                           const ub_nmf_settings *settings, ub_activator **out, ub_message *why)
{
    const ub_nmf_settings standard = ub_nmf_settings_default();
    settings = settings ? settings : &standard;
    const ub_status status = check(templates, gains, settings, why);
    if (status) {
        return status;
    }
    ub_activator *activator = calloc(1, sizeof *activator);
    if (!activator) {
        return ub_fail(why, UB_NO_MEMORY, "no memory for %zu templates", templates->n_cols);
    }
    const double beta = ub_beta_settled(settings->beta);
    activator->kernels =
        settings->kernels ? ub_kernels_named(settings->kernels) : ub_kernels_best();
    activator->packing =
        ub_kernels_packing(activator->kernels, gains->n_rows, templates->n_rows, templates->n_cols);
    activator->beta = beta;
    activator->exponent = ub_nmf_gamma(beta);
    activator->relaxed = activator->exponent * settings->relaxation;
    activator->l1 = (float)settings->l1_activations;
    activator->l2 = (float)settings->l2_activations;
    activator->n_iterations = settings->n_iterations;
    activator->tile_frames = ub_tile_frames(gains->n_rows, templates->n_rows);
    activator->padded_components = round_line(templates->n_cols);
    const size_t packed = round_line(activator->packing.n_floats);
    const size_t transposed = round_line(activator->packing.n_transposed);
    const size_t padded = activator->padded_components;
    activator->memory = aligned_alloc(64, (packed + transposed + 4 * padded) * sizeof(float));
    if (!activator->memory) {
        ub_activator_free(activator);
        return ub_fail(why, UB_NO_MEMORY, "no memory for %zu templates", templates->n_cols);
    }
    activator->packed = activator->memory;
    activator->transposed = activator->packed + packed;
    activator->template_sums = activator->transposed + transposed;
    activator->scale = activator->template_sums + padded;
    activator->plain_exponents = activator->scale + padded;
    activator->relaxed_exponents = activator->plain_exponents + padded;
    fill(activator, templates, gains);
    *out = activator;
    return UB_OK;
}

size_t ub_activator_work_size(const ub_activator *activator)
{
    return ub_sweep_work_size(&activator->packing, activator->kernels->panel_bins,
                              activator->tile_frames) +
           activator->tile_frames * activator->padded_components;
}

// Equal activations at the level of each frame. A frame of silence starts at zero and stays there.
static void start_frames(const ub_activator *activator, const ub_matrix *spectra, size_t first,
                         size_t n, ub_matrix *activations)
{
    const size_t n_components = activator->packing.n_components;
    double template_sum = 0.0;
    for (size_t k = 0; k < n_components; k++) {
        template_sum += (double)activator->template_sums[k];
    }
    for (size_t t = first; t < first + n; t++) {
        double level = 0.0;
        for (size_t c = 0; c < activator->packing.n_channels; c++) {
            const float *v = ub_matrix_column(&spectra[c], t);
            for (size_t f = 0; f < activator->packing.n_bins; f++) {
                level += (double)v[f];
            }
        }
        const float h = template_sum > 0.0 ? (float)(level / template_sum) : 0.0f;
        float *column = ub_matrix_column(activations, t);
        for (size_t k = 0; k < n_components; k++) {
            column[k] = h;
        }
    }
}

// A floor that does not look at other frames: far below the quietest 24-bit sound.
static const float FLOOR = 1e-12f;

static void run_tile(const ub_activator *activator, const ub_matrix *spectra, size_t first,
                     size_t n, float *memory, ub_matrix *activations)
{
    const float *pointers[UB_NMF_MAX_CHANNELS];
    for (size_t c = 0; c < activator->packing.n_channels; c++) {
        pointers[c] = ub_matrix_column(&spectra[c], first);
    }
    const ub_sweep_work work = ub_sweep_work_in(
        memory, &activator->packing, activator->kernels->panel_bins, activator->tile_frames);
    float *columns = ub_matrix_column(activations, first);
    ub_sweep sweep = {
        .packing = activator->packing,
        .form = ub_form_for(activator->beta),
        .beta = activator->beta,
        .spectra = pointers,
        .spectrum_stride = spectra[0].stride,
        .floor = FLOOR,
        .templates = activator->packed,
        .transposed = activator->transposed,
        .template_sums = activator->template_sums,
        .activations = columns,
        .new_activations = columns,
        .activation_stride = activations->stride,
        .n_frames = n,
        .scale = activator->scale,
        .l1 = activator->l1,
        .l2 = activator->l2,
        .update_activations = true,
    };
    for (size_t i = 0; i < activator->n_iterations; i++) {
        const bool plain = i < PLAIN_UPDATES;
        sweep.exponents = plain ? activator->plain_exponents : activator->relaxed_exponents;
        sweep.is_plain = (plain ? activator->exponent : activator->relaxed) == 1.0;
        activator->kernels->sweep(&sweep, 0, n, &work, NULL, NULL);
    }
}

void ub_activator_run(const ub_activator *activator, const ub_matrix *spectra, size_t first,
                      size_t n, float *work, ub_matrix *activations)
{
    const uint64_t mode = ub_fpu_flush_denormals();
    start_frames(activator, spectra, first, n, activations);
    for (size_t t = 0; t < n; t += activator->tile_frames) {
        const size_t some = n - t < activator->tile_frames ? n - t : activator->tile_frames;
        run_tile(activator, spectra, first + t, some, work, activations);
    }
    ub_fpu_restore(mode);
}
