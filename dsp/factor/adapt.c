// SPDX-License-Identifier: GPL-3.0-or-later
// Cells go by chunks, which have sums of their own, added up in order: so the bits do not depend
// on who did what.
#include "adapt.h"
#include "fit.h"
#include "ground/fpu.h"
#include "ground/threads.h"
#include "norm.h"
#include "subset.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_CHUNKS = 8 };

typedef struct adapting {
    const ub_matrix *spectra;
    const ub_adaptation *how;
    const ub_kernels *kernels;
    size_t n_cells, n_chunks, n_threads;
    double activation_exponent, template_exponent;
    ub_matrix *templates, *activations;
    ub_matrix origin; // the templates as they came in
    ub_subset subsets[MOST_CHUNKS]; // per thread
    ub_matrix ratio_sums[MOST_CHUNKS], power_sums[MOST_CHUNKS]; // per chunk, F x K
    double *heard; // K: sums of activations
} adapting;

static void adapting_free(adapting *a)
{
    for (size_t i = 0; i < MOST_CHUNKS; i++) {
        ub_subset_free(&a->subsets[i]);
        ub_matrix_free(&a->ratio_sums[i]);
        ub_matrix_free(&a->power_sums[i]);
    }
    ub_matrix_free(&a->origin);
    free(a->heard);
}

static void plan(adapting *a)
{
    const size_t cell = a->how->cell_frames,
                 n_sums = 2 * a->templates->stride * a->templates->n_cols;
    size_t most = UB_FIT_SUM_FLOATS / (n_sums ? n_sums : 1);
    most = most < 2 ? 2 : most > MOST_CHUNKS ? MOST_CHUNKS : most;
    a->n_cells = (a->spectra->n_cols + cell - 1) / cell;
    a->n_chunks = a->n_cells < most ? a->n_cells : most;
    const size_t n_threads = ub_thread_count(a->how->n_threads);
    a->n_threads = n_threads < a->n_chunks ? n_threads : a->n_chunks;
    const double gamma = ub_nmf_gamma(ub_beta_settled(a->how->beta));
    a->template_exponent = gamma;
    a->activation_exponent = a->how->beta < 1.0 ? 2.0 * gamma : gamma;
    a->kernels = a->how->kernels ? ub_kernels_named(a->how->kernels) : ub_kernels_best();
}

static ub_status allocate(adapting *a)
{
    const size_t n_bins = a->templates->n_rows, n_k = a->templates->n_cols;
    a->heard = calloc(n_k, sizeof *a->heard);
    ub_status status = a->heard ? ub_matrix_copy(a->templates, &a->origin) : UB_NO_MEMORY;
    for (size_t i = 0; !status && i < a->n_threads; i++) {
        status = ub_subset_new(a->kernels, a->how->beta, n_bins, n_k, &a->subsets[i]);
    }
    for (size_t i = 0; !status && i < a->n_chunks; i++) {
        status = ub_matrix_new(n_bins, n_k, &a->ratio_sums[i]);
        status = status ? status : ub_matrix_new(n_bins, n_k, &a->power_sums[i]);
    }
    return status;
}

static void clear(ub_matrix *matrix)
{
    memset(matrix->data, 0, matrix->stride * matrix->n_cols * sizeof(float));
}

static void run_chunk(adapting *a, size_t chunk, ub_subset *subset, size_t n_updates,
                      bool want_sums)
{
    const size_t cell_frames = a->how->cell_frames, n_frames = a->spectra->n_cols;
    clear(&a->ratio_sums[chunk]);
    clear(&a->power_sums[chunk]);
    const size_t end = (chunk + 1) * a->n_cells / a->n_chunks;
    for (size_t cell = chunk * a->n_cells / a->n_chunks; cell < end; cell++) {
        const size_t first = cell * cell_frames;
        const size_t n = n_frames - first < cell_frames ? n_frames - first : cell_frames;
        ub_subset_choose(subset, a->templates, a->how->chosen + cell * a->templates->n_cols);
        ub_subset_update(subset, a->spectra, first, n, n_updates, a->activation_exponent,
                         a->activations);
        if (want_sums) {
            ub_subset_accumulate(subset, a->spectra, first, n, a->activations,
                                 &a->ratio_sums[chunk], &a->power_sums[chunk]);
        }
    }
}

static void run_chunks(adapting *a, size_t n_updates, bool want_sums)
{
#pragma omp parallel num_threads((int)a->n_threads)
    {
        const uint64_t mode = ub_fpu_flush_denormals();
        ub_subset *subset = &a->subsets[ub_thread_index()];
#pragma omp for schedule(dynamic, 1)
        for (size_t chunk = 0; chunk < a->n_chunks; chunk++) {
            run_chunk(a, chunk, subset, n_updates, want_sums);
        }
        ub_fpu_restore(mode);
    }
}

// Sum of the activations of each adapted template, and what all of them have in the mean.
static double listen(adapting *a)
{
    const size_t n = a->how->n_adapted;
    memset(a->heard, 0, a->templates->n_cols * sizeof *a->heard);
    double sum = 0.0;
    for (size_t t = 0; t < a->activations->n_cols; t++) {
        const float *h = ub_matrix_column(a->activations, t);
        for (size_t k = 0; k < n; k++) {
            a->heard[k] += (double)h[k];
            sum += (double)h[k];
        }
    }
    return n > 0 ? sum / (double)n : 0.0;
}

static void update_template(const adapting *a, size_t k, double share)
{
    const size_t n_bins = a->templates->n_rows;
    float *w = ub_matrix_column(a->templates, k);
    float *ratio = ub_matrix_column(&a->ratio_sums[0], k);
    const float *power = ub_matrix_column(&a->power_sums[0], k);
    const float *origin = ub_matrix_column(&a->origin, k);
    for (size_t f = 0; f < n_bins; f++) {
        ratio[f] = power[f] > 1e-37f ? ratio[f] / power[f] : 1.0f;
    }
    if (a->template_exponent != 1.0) {
        a->kernels->power(ratio, n_bins, (float)a->template_exponent, ratio);
    }
    for (size_t f = 0; f < n_bins; f++) {
        w[f] *= ratio[f];
    }
    const double sum = ub_norm_of(UB_NORM_L1, w, n_bins);
    share = sum > 0.0 ? share : 0.0;
    const float kept = (float)(1.0 - share), scale = sum > 0.0 ? (float)(share / sum) : 0.0f;
    for (size_t f = 0; f < n_bins; f++) {
        w[f] = kept * origin[f] + scale * w[f];
    }
}

static void update_templates(adapting *a)
{
    const double mean = listen(a);
#pragma omp parallel for schedule(static) num_threads((int)a->n_threads)
    for (size_t k = 0; k < a->how->n_adapted; k++) {
        float *ratio = ub_matrix_column(&a->ratio_sums[0], k);
        float *power = ub_matrix_column(&a->power_sums[0], k);
        for (size_t chunk = 1; chunk < a->n_chunks; chunk++) {
            const float *more_ratio = ub_matrix_column(&a->ratio_sums[chunk], k);
            const float *more_power = ub_matrix_column(&a->power_sums[chunk], k);
            for (size_t f = 0; f < a->templates->n_rows; f++) {
                ratio[f] += more_ratio[f];
                power[f] += more_power[f];
            }
        }
        if (a->heard[k] > 0.0) { // else it has learned nothing and is where it came from
            const double heard = a->heard[k] / mean;
            update_template(a, k, heard / (heard + a->how->shrinkage));
        }
    }
}

ub_status ub_adapt(const ub_matrix *spectra, const ub_adaptation *adaptation,
                   const ub_progress *progress, ub_matrix *templates, ub_matrix *activations)
{
    adapting a = {
        .spectra = spectra, .how = adaptation, .templates = templates, .activations = activations};
    plan(&a);
    ub_status status = allocate(&a);
    const double n_steps = (double)adaptation->n_rounds + 1.0;
    for (size_t round = 0; !status && a.n_cells > 0 && round <= adaptation->n_rounds; round++) {
        status = ub_progress_report(progress, "adapt", (double)round / n_steps);
        if (!status) {
            const bool is_last = round == adaptation->n_rounds;
            run_chunks(&a, round == 0 ? adaptation->n_start : adaptation->n_between, !is_last);
            if (!is_last) {
                update_templates(&a);
            }
        }
    }
    adapting_free(&a);
    return status;
}
