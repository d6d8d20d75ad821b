// SPDX-License-Identifier: GPL-3.0-or-later
// Starting points for the factorisation.
#include "fit.h"
#include "svd.h"
#include "unbraid/nmf.h"
#include "unbraid/random.h"

#include <math.h>

// Random numbers are drawn for fixed entries as well, so that fixing one component does not
// change the start of another.
static void random_templates(const ub_nmf_constraints *constraints, ub_random *random,
                             ub_matrix *templates)
{
    for (size_t k = 0; k < templates->n_cols; k++) {
        float *w = ub_matrix_column(templates, k);
        double sum = 0.0;
        const bool keep = ub_is_fixed(constraints->fixed_templates, k);
        for (size_t f = 0; f < templates->n_rows; f++) {
            const float x = ub_random_uniform(random) + 0.1f;
            sum += (double)x;
            w[f] = keep ? w[f] : x;
        }
        for (size_t f = 0; f < templates->n_rows && !keep; f++) {
            w[f] = (float)((double)w[f] / sum);
        }
    }
}

static double frame_sum(const ub_matrix *spectra, size_t n_channels, size_t t)
{
    double sum = 0.0;
    for (size_t c = 0; c < n_channels; c++) {
        const float *v = ub_matrix_column(&spectra[c], t);
        for (size_t f = 0; f < spectra[c].n_rows; f++) {
            sum += (double)v[f];
        }
    }
    return sum;
}

// With templates that sum to one, the activations of a frame sum to about the sum of the frame:
// the model has the right scale from the start, and silence starts silent.
static void random_activations(const ub_matrix *spectra, size_t n_channels,
                               const ub_nmf_constraints *constraints, ub_random *random,
                               ub_matrix *activations)
{
    const double share = 1.0 / (0.6 * (double)activations->n_rows); // mean of uniform + 0.1
    for (size_t t = 0; t < activations->n_cols; t++) {
        const double level = frame_sum(spectra, n_channels, t) * share;
        float *h = ub_matrix_column(activations, t);
        for (size_t k = 0; k < activations->n_rows; k++) {
            const float x = (ub_random_uniform(random) + 0.1f) * (float)level;
            h[k] = ub_is_fixed(constraints->fixed_activations, k) ? h[k] : x;
        }
    }
}

// The model of all channels together, as gains sum to one.
static ub_status channel_sum(const ub_matrix *spectra, size_t n_channels, ub_matrix *out)
{
    const ub_status status = ub_matrix_new(spectra[0].n_rows, spectra[0].n_cols, out);
    for (size_t t = 0; !status && t < out->n_cols; t++) {
        float *sum = ub_matrix_column(out, t);
        for (size_t c = 0; c < n_channels; c++) {
            const float *v = ub_matrix_column(&spectra[c], t);
            for (size_t f = 0; f < out->n_rows; f++) {
                sum[f] += v[f];
            }
        }
    }
    return status;
}

// What of x counts towards one sign; for the leading triplet, whose vectors have one sign but for
// rounding and ties (Perron, Frobenius), all of it.
static double part(double x, int sign)
{
    return sign == 0 ? fabs(x) : x * sign > 0.0 ? fabs(x) : 0.0;
}

static double part_norm(const double *x, size_t n, int sign)
{
    double squares = 0.0;
    for (size_t i = 0; i < n; i++) {
        squares += part(x[i], sign) * part(x[i], sign);
    }
    return sqrt(squares);
}

// Component k from triplet i: the parts of the sign with the larger product of norms.
static void set_component(const ub_svd *svd, size_t i, const ub_nmf_constraints *constraints,
                          ub_nmf_factors *factors)
{
    const size_t n_bins = factors->templates.n_rows, n_frames = factors->activations.n_cols;
    const double *u = svd->u + i * n_bins, *v = svd->v + i * n_frames;
    const double plus = part_norm(u, n_bins, 1) * part_norm(v, n_frames, 1);
    const double minus = part_norm(u, n_bins, -1) * part_norm(v, n_frames, -1);
    const int sign = i == 0 ? 0 : plus >= minus ? 1 : -1;
    const double norm_u = part_norm(u, n_bins, sign), norm_v = part_norm(v, n_frames, sign);
    const double scale = sqrt(svd->s[i] * norm_u * norm_v);
    float *w = ub_matrix_column(&factors->templates, i);
    for (size_t f = 0; f < n_bins && !ub_is_fixed(constraints->fixed_templates, i); f++) {
        w[f] = norm_u > 0.0 ? (float)(scale * part(u[f], sign) / norm_u) : 0.0f;
    }
    for (size_t t = 0; t < n_frames && !ub_is_fixed(constraints->fixed_activations, i); t++) {
        ub_matrix_column(&factors->activations, t)[i] =
            norm_v > 0.0 ? (float)(scale * part(v[t], sign) / norm_v) : 0.0f;
    }
}

static double mean_of(const ub_matrix *matrix)
{
    double sum = 0.0;
    for (size_t t = 0; t < matrix->n_cols; t++) {
        sum += frame_sum(matrix, 1, t);
    }
    return sum / ((double)matrix->n_rows * (double)matrix->n_cols);
}

static float filler(ub_start start, double mean, ub_random *random)
{
    return start == UB_START_NNDSVDA ? (float)mean
                                     : (float)(mean * 0.01) * ub_random_uniform(random);
}

static void fill_zeros(ub_start start, double mean, uint64_t seed,
                       const ub_nmf_constraints *constraints, ub_nmf_factors *factors)
{
    ub_random random = ub_random_new(seed);
    for (size_t k = 0; k < factors->templates.n_cols; k++) {
        float *w = ub_matrix_column(&factors->templates, k);
        for (size_t f = 0; f < factors->templates.n_rows; f++) {
            const float x = filler(start, mean, &random);
            w[f] = w[f] == 0.0f && !ub_is_fixed(constraints->fixed_templates, k) ? x : w[f];
        }
    }
    for (size_t t = 0; t < factors->activations.n_cols; t++) {
        float *h = ub_matrix_column(&factors->activations, t);
        for (size_t k = 0; k < factors->activations.n_rows; k++) {
            const float x = filler(start, mean, &random);
            h[k] = h[k] == 0.0f && !ub_is_fixed(constraints->fixed_activations, k) ? x : h[k];
        }
    }
}

static void clear_free(const ub_nmf_constraints *constraints, ub_nmf_factors *factors)
{
    for (size_t k = 0; k < factors->templates.n_cols; k++) {
        float *w = ub_matrix_column(&factors->templates, k);
        for (size_t f = 0; f < factors->templates.n_rows; f++) {
            w[f] = ub_is_fixed(constraints->fixed_templates, k) ? w[f] : 0.0f;
        }
        for (size_t t = 0; t < factors->activations.n_cols; t++) {
            float *h = ub_matrix_column(&factors->activations, t);
            h[k] = ub_is_fixed(constraints->fixed_activations, k) ? h[k] : 0.0f;
        }
    }
}

static ub_status nndsvd(ub_start start, const ub_matrix *spectra, size_t n_channels, uint64_t seed,
                        const ub_nmf_constraints *constraints, ub_nmf_factors *factors)
{
    ub_matrix sum;
    ub_svd svd;
    ub_status status = channel_sum(spectra, n_channels, &sum);
    if (status) {
        return status;
    }
    status = ub_svd_new(&sum, factors->templates.n_cols, seed, &svd);
    if (!status) {
        clear_free(constraints, factors);
        for (size_t i = 0; i < svd.n; i++) {
            set_component(&svd, i, constraints, factors);
        }
        if (start != UB_START_NNDSVD) {
            fill_zeros(start, mean_of(&sum), seed, constraints, factors);
        }
        ub_svd_free(&svd);
    }
    ub_matrix_free(&sum);
    return status;
}

ub_status ub_nmf_start(ub_start start, const ub_matrix *spectra, size_t n_channels, uint64_t seed,
                       const ub_nmf_constraints *constraints, ub_nmf_factors *factors,
                       ub_message *why)
{
    const ub_nmf_constraints none = {0};
    constraints = constraints ? constraints : &none;
    bool fits = n_channels >= 1 && n_channels <= UB_NMF_MAX_CHANNELS &&
                factors->activations.n_rows == factors->templates.n_cols;
    for (size_t c = 0; c < n_channels && fits; c++) {
        fits = spectra[c].n_rows == factors->templates.n_rows &&
               spectra[c].n_cols == factors->activations.n_cols;
    }
    if (!fits || spectra[0].n_rows == 0 || spectra[0].n_cols == 0 ||
        factors->templates.n_cols == 0) {
        return ub_fail(why, UB_BAD_SHAPE,
                       "spectra and factors are empty or differ in bins, frames or components");
    }
    if (start == UB_START_RANDOM) {
        ub_random random = ub_random_new(seed);
        random_templates(constraints, &random, &factors->templates);
        random_activations(spectra, n_channels, constraints, &random, &factors->activations);
        return UB_OK;
    }
    const ub_status status = nndsvd(start, spectra, n_channels, seed, constraints, factors);
    return status ? ub_fail(why, status, "no memory for the singular value decomposition") : UB_OK;
}
