// SPDX-License-Identifier: GPL-3.0-or-later
// What a component has of the data under a prior is h_k times the projection of M V / X on its
// templates, summed over frames: products that the kernels of the factorisation have.
#include "prior.h"
#include "ground/floats.h"
#include "ground/fpu.h"
#include "ground/threads.h"
#include "kernels/kernels.h"
#include "unbraid/mask.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    COMPONENTS = 100,
    COARSE_UPDATES = 40, // on bands of bins
    FINE_UPDATES = 3,
    TILE_FRAMES = 16
};

static const double RELAXATION = 1.9;
static const float FLOOR = 1e-12f; // of the model

// ---- the factorisation -------------------------------------------------------------------------

ub_status ub_prior_factorise(const ub_scene *scene, const ub_progress *progress,
                             ub_nmf_factors *out, ub_message *why)
{
    const double *value = scene->settings->value;
    const double asked = value[UB_PARAM_COMPONENTS], updates = value[UB_PARAM_ITERATIONS];
    const size_t n_components = asked > 0.0 ? (size_t)asked : COMPONENTS;
    const double relaxation = value[UB_PARAM_RELAXATION];
    ub_nmf_settings nmf = ub_nmf_settings_default();
    nmf.n_coarse_iterations = updates > 0.0 ? 0 : COARSE_UPDATES;
    nmf.n_iterations = updates > 0.0 ? (size_t)updates : FINE_UPDATES;
    nmf.relaxation = relaxation > 0.0 ? relaxation : RELAXATION;
    nmf.n_threads = scene->n_threads;
    nmf.kernels = ub_settings_kernels(scene->settings);
    ub_nmf_factors factors;
    ub_status status = ub_nmf_factors_new(scene->spectra[0].n_rows, scene->spectra[0].n_cols,
                                          scene->n_channels, n_components, &factors);
    if (status) {
        return ub_fail(why, status, "no memory for %zu components", n_components);
    }
    status = ub_nmf_start(UB_START_RANDOM, scene->spectra, scene->n_channels,
                          (uint64_t)value[UB_PARAM_SEED], NULL, &factors, why);
    status = status ? status
                    : ub_nmf_fit(scene->spectra, scene->n_channels, &nmf, NULL, progress, &factors,
                                 NULL, why);
    if (status) {
        ub_nmf_factors_free(&factors);
        return status;
    }
    *out = factors;
    return UB_OK;
}

// ---- the shares --------------------------------------------------------------------------------

typedef struct weighing {
    const ub_scene *scene;
    const ub_matrix *activations, *priors;
    size_t n_priors, n_components, stride; // stride: of a line of components
    const ub_kernels *kernels;
    ub_packing packing;
    float *packed, *transposed;
    float *work; // work_floats for each thread
    size_t work_floats, column; // column: floats of a frame of a channel
    double *sums; // for each tile: n_priors x n_components
} weighing;

static void weighing_free(weighing *w)
{
    free(w->packed);
    free(w->transposed);
    free(w->work);
    free(w->sums);
}

static size_t n_tiles(const weighing *w)
{
    return (w->activations->n_cols + TILE_FRAMES - 1) / TILE_FRAMES;
}

static ub_status weighing_new(const ub_scene *scene, const ub_nmf_factors *factors,
                              const ub_matrix *priors, size_t n_priors, weighing *w)
{
    const char *name = ub_settings_kernels(scene->settings);
    *w = (weighing){.scene = scene,
                    .activations = &factors->activations,
                    .priors = priors,
                    .n_priors = n_priors,
                    .n_components = factors->templates.n_cols,
                    .stride = ub_floats_line(factors->templates.n_cols),
                    .kernels = name ? ub_kernels_named(name) : ub_kernels_best()};
    w->packing = ub_kernels_packing(w->kernels, scene->n_channels, factors->templates.n_rows,
                                    w->n_components);
    w->column = ub_floats_line(w->packing.padded_bins);
    w->work_floats = TILE_FRAMES * (2 * scene->n_channels * w->column + 2 * w->stride);
    w->packed = ub_floats_new(w->packing.n_floats);
    w->transposed = ub_floats_new(w->packing.n_transposed);
    w->work = ub_floats_new(ub_thread_count(scene->n_threads) * w->work_floats);
    w->sums = calloc(n_tiles(w) * n_priors * w->n_components, sizeof *w->sums);
    if (!w->packed || !w->transposed || !w->work || !w->sums) {
        weighing_free(w);
        return UB_NO_MEMORY;
    }
    w->kernels->pack(&w->packing, 0, w->n_components, factors->templates.data,
                     factors->templates.stride, factors->gains.data, factors->gains.stride,
                     w->packed);
    w->kernels->transpose(&w->packing, 0, w->n_components, w->packed, w->transposed);
    return UB_OK;
}

// V / X of some frames of a channel.
static void find_ratios(const weighing *w, size_t channel, size_t first, size_t n, float *ratios)
{
    const size_t all[] = {0, w->n_components}, n_bins = w->packing.n_bins;
    w->kernels->model(&w->packing, w->packed, channel, ub_matrix_column(w->activations, first),
                      w->activations->stride, n, 1, all, &ratios, w->column);
    for (size_t t = 0; t < n; t++) {
        const float *v = ub_matrix_column(&w->scene->spectra[channel], first + t);
        float *ratio = ratios + t * w->column;
        for (size_t f = 0; f < n_bins; f++) {
            ratio[f] = v[f] / (ratio[f] + FLOOR);
        }
    }
}

static void multiply(const weighing *w, const ub_matrix *prior, size_t first, size_t n,
                     const float *ratios, float *out)
{
    for (size_t t = 0; t < n; t++) {
        const float *m = ub_matrix_column(prior, first + t), *ratio = ratios + t * w->column;
        float *to = out + t * w->column; // what follows the last bin is zero
        for (size_t f = 0; f < w->packing.n_bins; f++) {
            to[f] = m[f] * ratio[f];
        }
    }
}

static void weigh_tile(const weighing *w, size_t tile)
{
    const size_t first = tile * TILE_FRAMES, rest = w->activations->n_cols - first;
    const size_t n = rest < TILE_FRAMES ? rest : TILE_FRAMES, n_channels = w->scene->n_channels;
    const size_t channel = TILE_FRAMES * w->column; // floats
    float *ratios = w->work + ub_thread_index() * w->work_floats;
    float *products = ratios + n_channels * channel;
    float *projections = products + n_channels * channel;
    const float *spectra[UB_NMF_MAX_CHANNELS];
    for (size_t c = 0; c < n_channels; c++) {
        find_ratios(w, c, first, n, ratios + c * channel);
        spectra[c] = products + c * channel;
    }
    for (size_t j = 0; j < w->n_priors; j++) {
        for (size_t c = 0; c < n_channels; c++) {
            multiply(w, &w->priors[j], first, n, ratios + c * channel, products + c * channel);
        }
        w->kernels->project(&w->packing, w->packed, w->transposed, spectra, w->column, 0, n,
                            projections, w->stride, projections + TILE_FRAMES * w->stride);
        double *sums = w->sums + (tile * w->n_priors + j) * w->n_components;
        for (size_t t = 0; t < n; t++) {
            const float *h = ub_matrix_column(w->activations, first + t);
            for (size_t k = 0; k < w->n_components; k++) {
                sums[k] += (double)h[k] * (double)projections[t * w->stride + k];
            }
        }
    }
}

// Tiles are added in order.
static void add_tiles(const weighing *w, double *amounts)
{
    const size_t n = w->n_priors * w->n_components;
    memset(amounts, 0, n * sizeof *amounts);
    for (size_t i = 0; i < n_tiles(w) * n; i++) {
        amounts[i % n] += w->sums[i];
    }
}

ub_status ub_prior_amounts(const ub_scene *scene, const ub_nmf_factors *factors,
                           const ub_matrix *priors, size_t n_priors, double *amounts)
{
    weighing w;
    const ub_status status = weighing_new(scene, factors, priors, n_priors, &w);
    if (status) {
        return status;
    }
#pragma omp parallel num_threads((int)ub_thread_count(scene->n_threads))
    {
        const uint64_t mode = ub_fpu_flush_denormals();
#pragma omp for schedule(static)
        for (size_t tile = 0; tile < n_tiles(&w); tile++) {
            weigh_tile(&w, tile);
        }
        ub_fpu_restore(mode);
    }
    add_tiles(&w, amounts);
    weighing_free(&w);
    return UB_OK;
}

// Shares to the power of g, divided by their sum. The largest is one before the power, so that no
// power of it is lost.
static void settle(double sharpness, double *amounts, ub_matrix *weights)
{
    const size_t n_priors = weights->n_rows, n_components = weights->n_cols;
    for (size_t k = 0; k < n_components; k++) {
        float *column = ub_matrix_column(weights, k);
        double largest = 0.0, sum = 0.0;
        for (size_t j = 0; j < n_priors; j++) {
            largest = fmax(largest, amounts[j * n_components + k]);
        }
        for (size_t j = 0; j < n_priors; j++) {
            double *share = &amounts[j * n_components + k];
            *share = largest > 0.0 ? pow(*share / largest, sharpness) : 1.0;
            sum += *share;
        }
        for (size_t j = 0; j < n_priors; j++) {
            column[j] = (float)(amounts[j * n_components + k] / sum);
        }
    }
}

ub_status ub_prior_weigh(const ub_scene *scene, const ub_nmf_factors *factors,
                         const ub_matrix *priors, size_t n_priors, double sharpness,
                         ub_matrix *weights)
{
    double *amounts = calloc(n_priors * factors->templates.n_cols, sizeof *amounts);
    const ub_status status =
        amounts ? ub_prior_amounts(scene, factors, priors, n_priors, amounts) : UB_NO_MEMORY;
    if (!status) {
        settle(sharpness, amounts, weights);
    }
    free(amounts);
    return status;
}
