// SPDX-License-Identifier: GPL-3.0-or-later
// A dictionary has never heard these instruments: voices and guitars look like drums to it where it
// lacks them. So it is believed as far as medians, which know no instruments, confirm what it says.
#include "harmonic_percussive.h"
#include "ground/progress_part.h"
#include "hpss.h"
#include "prior.h"
#include "taught.h"

#include <math.h>

enum { HARMONIC, PERCUSSIVE, N_SOURCES };

static const char *const names[N_SOURCES] = {"harmonic", "percussive"};
static const char *const struck[] = {"percussive", "drums"}; // in dictionaries

enum { UPDATES = 44 }; // of the dictionary's activations

static const double SHARE_OF_TAUGHT = 0.3; // of the time

static void free_two(ub_matrix matrices[N_SOURCES])
{
    ub_matrix_free(&matrices[HARMONIC]);
    ub_matrix_free(&matrices[PERCUSSIVE]);
}

static ub_status new_two(size_t n_bins, size_t n_frames, ub_matrix matrices[N_SOURCES])
{
    const ub_status status = ub_matrix_new(n_bins, n_frames, &matrices[HARMONIC]);
    return status ? status : ub_matrix_new(n_bins, n_frames, &matrices[PERCUSSIVE]);
}

// r^2: the share of the variance of one that the other explains, each bin as heavy as it is loud; 0
// where they contradict each other.
static double agreement(const ub_matrix *magnitudes, const ub_matrix *a, const ub_matrix *b)
{
    double sum = 0.0, x = 0.0, y = 0.0, xx = 0.0, yy = 0.0, xy = 0.0;
    for (size_t t = 0; t < a->n_cols; t++) {
        const float *v = ub_matrix_column(magnitudes, t);
        const float *of_a = ub_matrix_column(a, t), *of_b = ub_matrix_column(b, t);
        for (size_t f = 0; f < a->n_rows; f++) {
            const double w = (double)v[f], p = (double)of_a[f], q = (double)of_b[f];
            sum += w;
            x += w * p;
            y += w * q;
            xx += w * p * p;
            yy += w * q * q;
            xy += w * p * q;
        }
    }
    const double covariance = xy * sum - x * y;
    const double variances = (xx * sum - x * x) * (yy * sum - y * y);
    // What is left of variances that are none is rounding.
    return covariance > 0.0 && variances > 1e-12 * xx * yy * sum * sum
               ? fmin(1.0, covariance * covariance / variances)
               : 0.0;
}

// Odds to the power of `trust`: with none, nothing is said.
static void soften(double trust, ub_matrix *share)
{
    for (size_t t = 0; t < share->n_cols; t++) {
        float *x = ub_matrix_column(share, t);
        for (size_t f = 0; f < share->n_rows; f++) {
            const float yes = powf(x[f], (float)trust), no = powf(1.0f - x[f], (float)trust);
            x[f] = yes / (yes + no);
        }
    }
}

static ub_status ask_dictionary(const ub_scene *scene, const ub_matrix *magnitudes,
                                const ub_progress *progress, ub_matrix priors[N_SOURCES],
                                ub_message *why)
{
    ub_matrix taught[N_SOURCES] = {{0}};
    ub_status status = new_two(magnitudes->n_rows, magnitudes->n_cols, taught);
    status = status ? ub_fail(why, status, "no memory for what the dictionary says") : UB_OK;
    status = status ? status
                    : ub_taught_share(scene, struck, sizeof struck / sizeof *struck, magnitudes,
                                      UPDATES, progress, &taught[PERCUSSIVE], why);
    if (!status) {
        soften(agreement(magnitudes, &taught[PERCUSSIVE], &priors[PERCUSSIVE]),
               &taught[PERCUSSIVE]);
        ub_prior_complement(&taught[PERCUSSIVE], &taught[HARMONIC]);
        ub_prior_agree(N_SOURCES, taught, priors);
    }
    free_two(taught);
    return status;
}

static ub_status find_priors(const ub_scene *scene, const ub_progress *progress,
                             ub_matrix priors[N_SOURCES], ub_message *why)
{
    ub_matrix sum = {0};
    ub_status status = ub_scene_sum(scene, &sum);
    status = status ? status : new_two(sum.n_rows, sum.n_cols, priors);
    status = status ? status : ub_hpss_mask(scene, &sum, &priors[PERCUSSIVE]);
    status = status ? ub_fail(why, status, "no memory to tell hits from tones") : UB_OK;
    if (!status) {
        ub_prior_complement(&priors[PERCUSSIVE], &priors[HARMONIC]);
    }
    if (!status && scene->dictionary) {
        status = ask_dictionary(scene, &sum, progress, priors, why);
    }
    ub_matrix_free(&sum);
    return status;
}

static ub_status masks(const void *context, const ub_scene *scene, const ub_progress *progress,
                       ub_matrix *out, ub_message *why)
{
    (void)context;
    const double middle = scene->dictionary ? SHARE_OF_TAUGHT : 0.0;
    ub_progress_part parts[2] = {{progress, 0.0, middle}, {progress, middle, 1.0}};
    const ub_progress finding = ub_progress_of_part(&parts[0]);
    const ub_progress fitting = ub_progress_of_part(&parts[1]);
    ub_matrix priors[N_SOURCES] = {{0}};
    ub_nmf_factors factors = {0};
    ub_status status = find_priors(scene, &finding, priors, why);
    status = status ? status : ub_prior_factorise(scene, &fitting, &factors, why);
    status = status ? status : ub_prior_follow(scene, &factors, priors, N_SOURCES, out, why);
    ub_nmf_factors_free(&factors);
    free_two(priors);
    return status;
}

const ub_guide ub_guide_harmonic_percussive = {
    .n_sources = N_SOURCES, .names = names, .masks = masks};
