// SPDX-License-Identifier: GPL-3.0-or-later
// The pass over V: a tile of frames at a time is projected on the templates, its activations
// descend, and with the new ones it is correlated.
#include "euclid.h"
#include "ground/fpu.h"

#include <math.h>
#include <string.h>

enum {
    // A sweep costs 2 K^2 T flops next to the 4 F K T of the two products with V. What reached the
    // same cost soonest is in docs/measurements.md.
    ACTIVATION_SWEEPS = 4,
    GRAM_BINS = 64, // summed in one go
    MOST_WIDTH = 64 // of a panel
};

static const float DEAD_TEMPLATE = 1e-30f; // square of a norm: nothing to divide by

// Whole vectors that hold `rest` frames, at most a panel.
static size_t panel_width(const ub_kernels *kernels, size_t rest)
{
    const size_t width = (rest + kernels->lanes - 1) / kernels->lanes * kernels->lanes;
    return width < kernels->panel_bins ? width : kernels->panel_bins;
}

static void fill_template_gram(ub_euclid *euclid)
{
    const ub_fit *fit = euclid->fit;
    const size_t n_k = fit->n_components, stride = euclid->stride;
    for (size_t k = 0; k < n_k; k++) {
        const float *w = ub_matrix_column(&fit->now.templates, k);
        for (size_t f = 0; f < fit->n_bins; f++) {
            euclid->rows[f * stride + k] = w[f];
        }
    }
    memset(euclid->template_gram, 0, n_k * stride * sizeof(float));
    for (size_t f = 0; f < fit->n_bins; f += GRAM_BINS) {
        const size_t n = fit->n_bins - f < GRAM_BINS ? fit->n_bins - f : GRAM_BINS;
        fit->kernels->gram(euclid->rows + f * stride, stride, n, n_k, euclid->template_gram);
    }
    ub_euclid_mirror(euclid->template_gram, n_k, stride);
}

// ---- activations -------------------------------------------------------------------------------

// What activations are multiplied by when they are read: the scale that the templates owe them, and
// the level.
static void fill_factors(ub_euclid *euclid)
{
    const ub_fit *fit = euclid->fit;
    for (size_t k = 0; k < fit->n_components; k++) {
        euclid->factors[k] = fit->now.scale[k] / euclid->level;
        euclid->least[k] = ub_fit_activation_fixed(fit, k) ? 0.0f : UB_EUCLID_LEAST;
    }
}

// An entry above zero stays above zero, whatever the scale does to it: it may come back.
static void gather_activations(const ub_euclid *euclid, size_t first, size_t n, float *tile)
{
    const ub_fit *fit = euclid->fit;
    const float *factors = euclid->factors, *least = euclid->least;
    for (size_t t = 0; t < n; t++) {
        const float *h = ub_matrix_column(&fit->now.activations, first + t);
        float *to = tile + t * euclid->stride;
        for (size_t k = 0; k < fit->n_components; k++) {
            const float x = h[k] * factors[k];
            to[k] = h[k] > 0.0f && x < least[k] ? least[k] : x;
        }
    }
}

static const float *project(ub_euclid *euclid, size_t first, size_t n, const ub_euclid_work *work)
{
    const ub_fit *fit = euclid->fit;
    float *to = euclid->projections.data ? ub_matrix_column(&euclid->projections, first)
                                         : work->projections;
    if (!euclid->projected) {
        fit->kernels->project(&fit->packing, fit->packed, fit->transposed, fit->sweep.spectra,
                              fit->sweep.spectrum_stride, first, n, to, euclid->stride,
                              work->spare);
    }
    return to;
}

// Rows of a panel from columns of frames: to[k * width + t] = from[t * stride + k] scale + offset.
static void turn(const float *from, size_t stride, size_t n, size_t n_k, float scale, float offset,
                 size_t width, float *to)
{
    memset(to, 0, n_k * width * sizeof(float));
    for (size_t t = 0; t < n; t++) {
        for (size_t k = 0; k < n_k; k++) {
            to[k * width + t] = from[t * stride + k] * scale + offset;
        }
    }
}

// Coordinate descent mends a wrong level slowly, as multiplicative updates do not. So before the
// first descent the free part x of each frame is multiplied by what is best for it:
// m / d, m = x'(n - G fixed), d = x'Gx, which saves d (1 - m / d)^2 / 2.
static double fit_levels(const ub_euclid *euclid, const ub_euclid_work *work, size_t width)
{
    const ub_fit *fit = euclid->fit;
    double m[MOST_WIDTH] = {0.0}, d[MOST_WIDTH] = {0.0}, saved = 0.0;
    for (size_t k = 0; k < fit->n_components; k++) {
        const float *gram = euclid->gram + k * euclid->stride, *x = work->x + k * width;
        const bool fixed = ub_fit_activation_fixed(fit, k);
        float product[MOST_WIDTH] = {0.0f};
        for (size_t l = 0; l < fit->n_components; l++) {
            const float g = ub_fit_activation_fixed(fit, l) ? 0.0f : gram[l];
            for (size_t i = 0; i < width; i++) {
                product[i] += g * work->x[l * width + i];
            }
        }
        for (size_t i = 0; i < width; i++) {
            const double y = (double)x[i] * (double)product[i];
            m[i] += fixed ? -y : (double)x[i] * (double)work->linear[k * width + i];
            d[i] += fixed ? 0.0 : y;
        }
    }
    float level[MOST_WIDTH];
    for (size_t i = 0; i < width; i++) {
        level[i] = d[i] > 0.0 ? (float)fmax(m[i] / d[i], 0.0) : 1.0f;
        const double change = (double)level[i] - 1.0;
        saved += change * (m[i] - d[i] - 0.5 * change * d[i]);
    }
    for (size_t k = 0; k < fit->n_components; k++) {
        float *x = work->x + k * width;
        for (size_t i = 0; i < width && !ub_fit_activation_fixed(fit, k); i++) {
            const float y = x[i] * level[i];
            x[i] = x[i] > 0.0f && y < UB_EUCLID_LEAST ? UB_EUCLID_LEAST : y;
        }
    }
    return saved;
}

static double descend_tile(ub_euclid *euclid, const ub_descent *descent, size_t first, size_t n,
                           const ub_euclid_work *work)
{
    const ub_fit *fit = euclid->fit;
    const size_t n_k = fit->n_components, stride = euclid->stride;
    const float inverse = 1.0f / euclid->level;
    const float *projections = project(euclid, first, n, work);
    double saved = 0.0;
    for (size_t t = 0; t < n;) {
        const size_t width = panel_width(fit->kernels, n - t);
        const size_t some = n - t < width ? n - t : width;
        float *tile = work->activations + t * stride;
        turn(projections + t * stride, stride, some, n_k, inverse,
             -(float)fit->settings.l1_activations * inverse, width, work->linear);
        turn(tile, stride, some, n_k, 1.0f, 0.0f, width, work->x);
        saved += euclid->levelled ? 0.0 : fit_levels(euclid, work, width);
        saved += fit->kernels->descend(descent, work->linear, width, work->x);
        for (size_t i = 0; i < some; i++) {
            for (size_t k = 0; k < n_k; k++) {
                tile[i * stride + k] = work->x[k * width + i];
            }
        }
        t += some;
    }
    return saved;
}

static void write_activations(ub_euclid *euclid, size_t first, size_t n, const float *tile)
{
    ub_fit *fit = euclid->fit;
    for (size_t t = 0; t < n; t++) {
        float *h = ub_matrix_column(&fit->next_activations, first + t);
        for (size_t k = 0; k < fit->n_components; k++) {
            h[k] = tile[t * euclid->stride + k] * euclid->level;
        }
    }
}

static void do_chunk(ub_euclid *euclid, const ub_descent *descent, size_t chunk,
                     const ub_euclid_work *work)
{
    ub_fit *fit = euclid->fit;
    float *correlations = fit->ratio_sums + chunk * fit->packing.n_floats;
    float *gram = NULL;
    if (euclid->moves_templates) {
        const size_t n = fit->n_components * euclid->stride;
        gram = euclid->chunk_grams + chunk * n;
        memset(correlations, 0, fit->packing.n_floats * sizeof(float));
        memset(gram, 0, n * sizeof(float));
    }
    const size_t first = chunk * fit->n_tiles / euclid->n_chunks * fit->tile_frames;
    const size_t end_tile = (chunk + 1) * fit->n_tiles / euclid->n_chunks;
    const size_t end = end_tile == fit->n_tiles ? fit->n_frames : end_tile * fit->tile_frames;
    double saved = 0.0;
    memset(work->activations, 0, fit->tile_frames * euclid->stride * sizeof(float));
    for (size_t t = first; t < end; t += fit->tile_frames) {
        const size_t n = end - t < fit->tile_frames ? end - t : fit->tile_frames;
        gather_activations(euclid, t, n, work->activations);
        if (fit->any_free_activation) {
            saved += descend_tile(euclid, descent, t, n, work);
            write_activations(euclid, t, n, work->activations);
        }
        if (euclid->moves_templates) {
            fit->kernels->correlate(&fit->packing, fit->sweep.spectra, fit->sweep.spectrum_stride,
                                    t, n, work->activations, euclid->stride, correlations);
            fit->kernels->gram(work->activations, euclid->stride, n, fit->n_components, gram);
        }
    }
    euclid->saved[chunk] = saved;
}

double ub_euclid_update_activations(ub_euclid *euclid)
{
    ub_fit *fit = euclid->fit;
    if (!euclid->projected) {
        fit->kernels->pack(&fit->packing, 0, fit->n_components, fit->now.templates.data,
                           fit->now.templates.stride, fit->now.gains.data, fit->now.gains.stride,
                           fit->packed);
        fit->kernels->transpose(&fit->packing, 0, fit->n_components, fit->packed, fit->transposed);
        fill_template_gram(euclid);
    }
    fill_factors(euclid);
    const ub_descent descent =
        ub_euclid_descent(euclid, euclid->template_gram, (float)fit->settings.l2_activations,
                          DEAD_TEMPLATE, ub_fit_activation_fixed, ACTIVATION_SWEEPS);
#pragma omp parallel num_threads((int)fit->n_threads)
    {
        const ub_euclid_work work = ub_euclid_work_here(euclid);
        const uint64_t mode = ub_fpu_flush_denormals();
#pragma omp for schedule(dynamic, 1)
        for (size_t chunk = 0; chunk < euclid->n_chunks; chunk++) {
            do_chunk(euclid, &descent, chunk, &work);
        }
        ub_fpu_restore(mode);
    }
    euclid->projected = euclid->projections.data != NULL;
    euclid->levelled = true;
    double saved = 0.0;
    for (size_t chunk = 0; chunk < euclid->n_chunks; chunk++) {
        saved += euclid->saved[chunk];
    }
    return saved;
}
