// SPDX-License-Identifier: GPL-3.0-or-later
// With w the template at one bin, v and x the magnitude and the model there, and a frame's weight
// h, the majoriser of the divergence in w' is up to constants, with r = w' / w and beta in [1, 2],
//     h w ( -v x^(beta-2) r^(beta-1) / (beta-1) + x^(beta-1) r^beta / beta )
// and has the same r in every frame once it is written around the template of now. Powers of w that
// this takes are kept in the weights b: they follow w by the factor r^(beta-1) for beta above 1,
// and not at all below, where the second term is linear in r.
#include "learner.h"
#include "fit.h"
#include "ground/floats.h"
#include "norm.h"
#include "unbraid/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// As for all frames that are fitted one by one.
static const float FLOOR = 1e-12f;

// Entries stay above this share of their mean, from where they can come back.
static const double LEAST = 1e-4;

struct ub_learner {
    const ub_kernels *kernels;
    double beta;
    ub_matrix templates, start;
    ub_matrix weights; // F x n; 1 x n for beta = 1
    float *ratio, *power; // of the frame: V X^(beta-2), X^(beta-1)
    float *fresh, *change; // of one template
};

void ub_learner_free(ub_learner *learner)
{
    if (learner) {
        ub_matrix_free(&learner->templates);
        ub_matrix_free(&learner->start);
        ub_matrix_free(&learner->weights);
        free(learner->ratio);
        free(learner->power);
        free(learner->fresh);
        free(learner->change);
        free(learner);
    }
}

// A bump of an octave or so for each, from the fourth bin to the last; the noise sets apart what
// hears the same.
static void fill_start(ub_learner *learner, size_t n_others)
{
    ub_random random = ub_random_new(1);
    const size_t n_bins = learner->start.n_rows - n_others, n = learner->start.n_cols;
    const double octaves = log2((double)n_bins / 4.0 + 1.0);
    for (size_t k = 0; k < n; k++) {
        const double centre = octaves * ((double)k + 0.5) / (double)n;
        float *w = ub_matrix_column(&learner->start, k);
        for (size_t f = 0; f < n_bins; f++) {
            const double away = log2((double)f / 4.0 + 1.0) - centre;
            const double noise = 0.1 * (double)ub_random_uniform(&random);
            w[f] = (float)((exp(-away * away) + noise + 0.001) / ((double)f + 4.0));
        }
        const double sum = ub_norm_of(UB_NORM_L1, w, n_bins);
        for (size_t i = 0; i < n_others; i++) {
            w[n_bins + i] = (float)(sum / (double)n_others);
        }
    }
    ub_norm_columns(UB_NORM_L1, &learner->start, n);
}

static bool allocate(size_t n_bins, size_t n, ub_learner *learner)
{
    const size_t n_weights = learner->beta == 1.0 ? 1 : n_bins;
    learner->ratio = ub_floats_new(n_bins);
    learner->power = ub_floats_new(n_bins);
    learner->fresh = ub_floats_new(n_bins);
    learner->change = ub_floats_new(n_bins);
    return learner->ratio && learner->power && learner->fresh && learner->change &&
           !ub_matrix_new(n_bins, n, &learner->templates) &&
           !ub_matrix_new(n_bins, n, &learner->start) &&
           !ub_matrix_new(n_weights, n, &learner->weights);
}

ub_status ub_learner_new(size_t n_rows, size_t n, const ub_nmf_settings *settings, ub_learner **out)
{
    ub_learner *learner = calloc(1, sizeof *learner);
    if (!learner) {
        return UB_NO_MEMORY;
    }
    learner->kernels = settings->kernels ? ub_kernels_named(settings->kernels) : ub_kernels_best();
    learner->beta = ub_beta_settled(settings->beta);
    if (!allocate(n_rows, n, learner)) {
        ub_learner_free(learner);
        return UB_NO_MEMORY;
    }
    fill_start(learner, settings->n_others);
    ub_learner_forget(learner);
    *out = learner;
    return UB_OK;
}

const ub_matrix *ub_learner_templates(const ub_learner *learner)
{
    return &learner->templates;
}

void ub_learner_forget(ub_learner *learner)
{
    ub_matrix_copy_into(&learner->start, &learner->templates);
    for (size_t k = 0; k < learner->weights.n_cols; k++) {
        memset(ub_matrix_column(&learner->weights, k), 0, learner->weights.n_rows * sizeof(float));
    }
}

void ub_learner_hear(ub_learner *learner, const float *magnitudes, const float *model)
{
    const size_t n_bins = learner->templates.n_rows;
    const float least = learner->beta <= 0.0 ? FLOOR : 0.0f; // infinite at zero
    for (size_t f = 0; f < n_bins; f++) {
        learner->fresh[f] = model[f] + FLOOR;
        learner->ratio[f] = fmaxf(magnitudes[f], least) / learner->fresh[f];
    }
    if (learner->beta == 1.0) {
        return;
    }
    learner->kernels->power(learner->fresh, n_bins, (float)(learner->beta - 1.0), learner->power);
    for (size_t f = 0; f < n_bins; f++) {
        learner->ratio[f] *= learner->power[f];
    }
}

// fmaxf() is a call to the library; NaN becomes b.
static inline float larger(float a, float b)
{
    return a > b ? a : b;
}

// Partial sums in a fixed order, which do not wait for each other.
static double sum_of(const float *x, size_t n)
{
    double sums[8] = {0.0};
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        for (size_t j = 0; j < 8; j++) {
            sums[j] += (double)x[i + j];
        }
    }
    for (; i < n; i++) {
        sums[0] += (double)x[i];
    }
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) +
           ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

// The new template and its weights without a scale.
static void update_shape(ub_learner *learner, const float *w, float *weights, float h, float keep)
{
    const size_t n_bins = learner->templates.n_rows;
    if (learner->beta == 1.0) {
        const float before = keep * weights[0];
        weights[0] = before + h;
        for (size_t f = 0; f < n_bins; f++) {
            learner->fresh[f] = w[f] * ((before + learner->ratio[f] * h) / weights[0]);
        }
        return;
    }
    for (size_t f = 0; f < n_bins; f++) {
        const float before = keep * weights[f];
        weights[f] = before + learner->power[f] * h;
        learner->change[f] = (before + learner->ratio[f] * h) / larger(weights[f], 1e-37f);
    }
    const double gamma = ub_nmf_gamma(learner->beta);
    learner->kernels->power(learner->change, n_bins, (float)gamma, learner->change);
    for (size_t f = 0; f < n_bins; f++) {
        learner->fresh[f] = w[f] * learner->change[f];
    }
    if (learner->beta > 1.0) {
        learner->kernels->power(learner->change, n_bins, (float)(learner->beta - 1.0),
                                learner->change);
        for (size_t f = 0; f < n_bins; f++) {
            weights[f] *= learner->change[f];
        }
    }
}

static void update_template(ub_learner *learner, size_t k, float h, float keep)
{
    const size_t n_bins = learner->templates.n_rows;
    float *w = ub_matrix_column(&learner->templates, k);
    float *weights = ub_matrix_column(&learner->weights, k);
    update_shape(learner, w, weights, h, keep);
    const double scale = sum_of(learner->fresh, n_bins);
    if (!(scale > 1e-20 && scale < 1e20)) { // powers that single precision cannot hold
        memset(weights, 0, learner->weights.n_rows * sizeof *weights);
        return;
    }
    const float share = (float)(1.0 / scale);
    const float least = (float)(LEAST / (double)n_bins);
    for (size_t f = 0; f < n_bins; f++) {
        w[f] = larger(share * learner->fresh[f], least);
    }
    // What the template has lost its activation would have gained.
    for (size_t i = 0; i < learner->weights.n_rows; i++) {
        weights[i] *= (float)scale;
    }
}

void ub_learner_update(ub_learner *learner, size_t first, size_t n, const float *activations,
                       double keep)
{
    for (size_t k = first; k < first + n; k++) {
        // Below the quietest 24-bit sound; NaN neither.
        if (activations[k] > 1e-9f && activations[k] < 1e15f) {
            update_template(learner, k, activations[k], (float)keep);
        }
    }
}
