// SPDX-License-Identifier: GPL-3.0-or-later
// The constants are measured, see docs/measurements.md.
#include "prior.h"

#include <math.h>

static const double SHARPNESS = 2.0, MASK_EXPONENT = 1.5;
static const float DOUBT = 1e-3f; // of priors that are 0

void ub_prior_complement(const ub_matrix *of, ub_matrix *out)
{
    for (size_t t = 0; t < of->n_cols; t++) {
        const float *from = ub_matrix_column(of, t);
        float *to = ub_matrix_column(out, t);
        for (size_t f = 0; f < of->n_rows; f++) {
            to[f] = 1.0f - from[f];
        }
    }
}

void ub_prior_multiply(const ub_matrix *by, ub_matrix *prior)
{
    for (size_t t = 0; t < by->n_cols; t++) {
        const float *from = ub_matrix_column(by, t);
        float *to = ub_matrix_column(prior, t);
        for (size_t f = 0; f < by->n_rows; f++) {
            to[f] *= from[f];
        }
    }
}

void ub_prior_split(const ub_matrix *share, size_t n_channels, ub_matrix *masks)
{
    for (size_t c = 0; c < n_channels; c++) {
        if (share != &masks[c]) {
            ub_matrix_copy_into(share, &masks[c]);
        }
        ub_prior_complement(share, &masks[n_channels + c]);
    }
}

void ub_prior_agree(size_t n, const ub_matrix *others, ub_matrix *priors)
{
    const size_t n_bins = priors[0].n_rows;
    for (size_t i = 0; i < n_bins * priors[0].n_cols; i++) {
        const size_t f = i % n_bins, t = i / n_bins;
        float sum = 0.0f;
        for (size_t j = 0; j < n; j++) {
            float *share = ub_matrix_column(&priors[j], t) + f;
            *share = (*share + DOUBT) * (ub_matrix_column(&others[j], t)[f] + DOUBT);
            sum += *share;
        }
        for (size_t j = 0; j < n; j++) {
            ub_matrix_column(&priors[j], t)[f] /= sum;
        }
    }
}

void ub_prior_lean(const ub_scene *scene, const ub_matrix *prior, ub_matrix *masks)
{
    for (size_t c = 0; c < scene->n_channels; c++) {
        for (size_t t = 0; t < prior->n_cols; t++) {
            const float *share = ub_matrix_column(prior, t);
            float *gain = ub_matrix_column(&masks[c], t);
            for (size_t f = 0; f < prior->n_rows; f++) {
                gain[f] *= sqrtf(share[f] + DOUBT);
            }
        }
    }
}

ub_status ub_prior_follow(const ub_scene *scene, const ub_nmf_factors *factors,
                          const ub_matrix *priors, size_t n_priors, ub_matrix *masks,
                          ub_message *why)
{
    ub_matrix weights = {0};
    ub_status status = ub_matrix_new(n_priors, factors->templates.n_cols, &weights);
    status =
        status ? status : ub_prior_weigh(scene, factors, priors, n_priors, SHARPNESS, &weights);
    if (status) {
        ub_matrix_free(&weights);
        return ub_fail(why, status, "no memory to share out components");
    }
    status = ub_prior_masks(scene, factors, &weights, MASK_EXPONENT, masks, why);
    for (size_t j = 0; !status && j < n_priors; j++) {
        ub_prior_lean(scene, &priors[j], &masks[j * scene->n_channels]);
    }
    ub_matrix_free(&weights);
    return status;
}
