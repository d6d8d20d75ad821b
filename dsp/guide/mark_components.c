// SPDX-License-Identifier: GPL-3.0-or-later
// The constants are measured, see docs/measurements.md.
#include "ground/floats.h"
#include "ground/threads.h"
#include "marks.h"
#include "unbraid/nmf.h"

#include <math.h>
#include <stdlib.h>

enum {
    COARSE_UPDATES = 40, // on bands of bins
    FINE_UPDATES = 4,
    TILE_FRAMES = 64,
    REPORT_TILES = 8 // tiles between two reports
};

static const double RELAXATION = 1.9;
static const double REACH = 0.2; // of what is alike
static const double SHARPNESS_BESIDE_ALL = 2.0; // a region is compared with all, itself too
static const double MASK_EXPONENT = 1.5;
static const double TRACE = 1e-30; // so that there is a sum to divide by

// ---- shares ------------------------------------------------------------------------------------

// What components have, as shares of what all of them have together.
double ub_marks_share(const double *amounts, size_t n, size_t k)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += amounts[i];
    }
    return sum > 0.0 ? amounts[k] / sum : 1.0 / (double)n;
}

static void bring_to_one(size_t n, float *shares)
{
    double sum = 0.0;
    for (size_t j = 0; j < n; j++) {
        sum += (double)shares[j];
    }
    for (size_t j = 0; j < n; j++) {
        shares[j] = (float)((double)shares[j] / sum);
    }
}

bool ub_marks_leave_some(const ub_marking *marking)
{
    for (size_t j = 0; j < marking->n_sources; j++) {
        if (!ub_marks_tell(marking, UB_MARK_REGION, j)) {
            return true;
        }
    }
    return false;
}

// Who has no region is taken to be everywhere.
void ub_marks_weigh(const ub_marking *marking, const double *regions, const ub_matrix *positions,
                    const double *whole, ub_matrix *weights)
{
    const size_t n_k = weights->n_cols;
    const double sharpness = ub_marks_leave_some(marking) ? SHARPNESS_BESIDE_ALL : 1.0;
    for (size_t j = 0; j < marking->n_sources; j++) {
        const bool is_told = ub_marks_tell(marking, UB_MARK_REGION, j);
        const double *amounts = is_told ? regions + j * n_k : whole;
        for (size_t k = 0; k < n_k; k++) {
            const double share = ub_marks_share(amounts, n_k, k);
            const double place = positions ? (double)ub_matrix_column(positions, k)[j] : 1.0;
            ub_matrix_column(weights, k)[j] = (float)(pow(share, sharpness) * place + TRACE);
        }
    }
    for (size_t k = 0; k < n_k; k++) {
        bring_to_one(marking->n_sources, ub_matrix_column(weights, k));
    }
}

ub_status ub_marks_spread(const double *apart, const double *trust, ub_matrix *weights)
{
    const size_t n_k = weights->n_cols, n = weights->n_rows;
    ub_matrix before;
    const ub_status status = ub_matrix_copy(weights, &before);
    if (status) {
        return status;
    }
    for (size_t k = 0; k < n_k; k++) {
        double sums[UB_DICTIONARY_MAX_SOURCES + 1] = {0.0};
        for (size_t i = 0; i < n_k; i++) {
            const double near = trust[i] * exp(-apart[k * n_k + i] / REACH);
            for (size_t j = 0; j < n; j++) {
                sums[j] += near * (double)ub_matrix_column(&before, i)[j];
            }
        }
        for (size_t j = 0; j < n; j++) {
            const double own = (double)ub_matrix_column(&before, k)[j];
            ub_matrix_column(weights, k)[j] = (float)(sqrt(own) * sums[j] + TRACE);
        }
        bring_to_one(n, ub_matrix_column(weights, k));
    }
    ub_matrix_free(&before);
    return UB_OK;
}

// ---- activations -------------------------------------------------------------------------------

ub_status ub_marks_activate(const ub_marking *marking, const ub_scene *scene,
                            const ub_progress *progress, ub_matrix *activations, ub_message *why)
{
    ub_nmf_settings nmf = ub_nmf_settings_default();
    nmf.n_coarse_iterations = COARSE_UPDATES;
    nmf.n_iterations = FINE_UPDATES;
    nmf.relaxation = RELAXATION;
    nmf.kernels = ub_settings_kernels(scene->settings);
    ub_activator *activator = NULL;
    ub_status status = ub_activator_new(marking->templates, marking->gains, &nmf, &activator, why);
    const size_t n_threads = ub_thread_count(scene->n_threads);
    const size_t n_floats = status ? 0 : ub_floats_line(ub_activator_work_size(activator));
    float *work = status ? NULL : ub_floats_new(n_threads * n_floats);
    if (!status && !work) {
        status = ub_fail(why, UB_NO_MEMORY, "no memory for activations");
    }
    const size_t n_frames = activations->n_cols, some = REPORT_TILES * TILE_FRAMES;
    for (size_t from = 0; !status && from < n_frames; from += some) {
        const size_t end = n_frames - from < some ? n_frames : from + some;
#pragma omp parallel for schedule(dynamic) num_threads((int)n_threads)
        for (size_t first = from; first < end; first += TILE_FRAMES) {
            const size_t n = end - first < TILE_FRAMES ? end - first : TILE_FRAMES;
            ub_activator_run(activator, scene->spectra, first, n,
                             work + ub_thread_index() * n_floats, activations);
        }
        status = ub_progress_report(progress, "activate", (double)end / (double)n_frames);
    }
    free(work);
    ub_activator_free(activator);
    return status;
}

// ---- the guide ---------------------------------------------------------------------------------

static void free_priors(ub_matrix *priors, size_t n)
{
    for (size_t j = 0; priors && j < n; j++) {
        ub_matrix_free(&priors[j]);
    }
    free(priors);
}

static ub_status new_priors(const ub_marking *marking, const ub_scene *scene, ub_matrix **out)
{
    ub_matrix *priors = calloc(marking->n_sources, sizeof *priors);
    ub_status status = priors ? UB_OK : UB_NO_MEMORY;
    for (size_t j = 0; !status && j < marking->n_sources; j++) {
        status = ub_matrix_new(scene->spectra[0].n_rows, scene->spectra[0].n_cols, &priors[j]);
    }
    if (status) {
        free_priors(priors, marking->n_sources);
        return status;
    }
    *out = priors;
    return UB_OK;
}

static ub_status make_masks(const void *context, const ub_scene *scene, const ub_progress *progress,
                            ub_matrix *masks, ub_message *why)
{
    const ub_marking *marking = context;
    // Views: the activations alone are the stretch's own.
    ub_nmf_factors factors = {.templates = *marking->templates, .gains = *marking->gains};
    ub_matrix *priors = NULL;
    ub_status status =
        ub_matrix_new(factors.templates.n_cols, scene->spectra[0].n_cols, &factors.activations);
    status = status ? status : new_priors(marking, scene, &priors);
    status = status ? ub_fail(why, status, "no memory for what is marked") : UB_OK;
    status =
        status ? status : ub_marks_activate(marking, scene, progress, &factors.activations, why);
    status = status ? status
                    : ub_prior_masks(scene, &factors, marking->weights, MASK_EXPONENT, masks, why);
    if (!status) {
        ub_marks_priors(marking, scene, priors);
    }
    for (size_t j = 0; !status && j < marking->n_sources; j++) {
        ub_prior_lean(scene, &priors[j], &masks[j * scene->n_channels]);
    }
    free_priors(priors, marking->n_sources);
    ub_matrix_free(&factors.activations);
    return status;
}

ub_guide ub_marks_guide(const ub_marking *marking)
{
    return (ub_guide){.n_sources = marking->n_sources,
                      .names = marking->names,
                      .masks = make_masks,
                      .context = marking};
}
