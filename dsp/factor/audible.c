// SPDX-License-Identifier: GPL-3.0-or-later
// How much the masks of the components moved between two points of a fit.
#include "fit.h"

#include <math.h>
#include <string.h>

enum {
    SAMPLED_FRAMES = 64 // of the whole; enough for a figure that only has to be compared
};

// Activations of one frame with the scale that they are owed.
static void scaled_frame(const ub_point *point, size_t t, float *h)
{
    const float *column = ub_matrix_column(&point->activations, t);
    for (size_t k = 0; k < point->activations.n_rows; k++) {
        h[k] = column[k] * point->scale[k];
    }
}

// x[f] = sum_k q w[f,k] h[k], plus the floor.
static void model_frame(const ub_point *point, size_t channel, const float *h, float floor,
                        size_t n_bins, float *x)
{
    for (size_t f = 0; f < n_bins; f++) {
        x[f] = floor;
    }
    for (size_t k = 0; k < point->templates.n_cols; k++) {
        const float *w = ub_matrix_column(&point->templates, k);
        const float g = ub_matrix_column(&point->gains, k)[channel] * h[k];
        for (size_t f = 0; f < n_bins; f++) {
            x[f] += g * w[f];
        }
    }
}

// Energy of what moved from one component to another in a frame: sum_kf (v (m - m'))^2.
static double moved_energy(const ub_fit *fit, size_t channel, const float *h, const float *old_h,
                           const float *v, float *work)
{
    const size_t n_bins = fit->n_bins;
    float *x = work, *old_x = work + n_bins, *moved = work + 2 * n_bins;
    model_frame(&fit->now, channel, h, fit->sweep.floor, n_bins, x);
    model_frame(&fit->before, channel, old_h, fit->sweep.floor, n_bins, old_x);
    for (size_t f = 0; f < n_bins; f++) {
        x[f] = v[f] / x[f];
        old_x[f] = v[f] / old_x[f];
        moved[f] = 0.0f;
    }
    for (size_t k = 0; k < fit->n_components; k++) {
        const float *w = ub_matrix_column(&fit->now.templates, k);
        const float *old_w = ub_matrix_column(&fit->before.templates, k);
        const float g = ub_matrix_column(&fit->now.gains, k)[channel] * h[k];
        const float old_g = ub_matrix_column(&fit->before.gains, k)[channel] * old_h[k];
        for (size_t f = 0; f < n_bins; f++) {
            const float d = g * w[f] * x[f] - old_g * old_w[f] * old_x[f];
            moved[f] += d * d;
        }
    }
    double sum = 0.0;
    for (size_t f = 0; f < n_bins; f++) {
        sum += (double)moved[f];
    }
    return sum;
}

size_t ub_fit_audible_work_size(const ub_fit *fit)
{
    return 3 * fit->n_bins + 2 * fit->n_components;
}

double ub_fit_mask_change(const ub_fit *fit)
{
    float *h = fit->audible_work, *old_h = h + fit->n_components;
    float *work = old_h + fit->n_components;
    const size_t step = fit->n_frames / SAMPLED_FRAMES ? fit->n_frames / SAMPLED_FRAMES : 1;
    double moved = 0.0, whole = 0.0;
    for (size_t t = step / 2; t < fit->n_frames; t += step) {
        scaled_frame(&fit->now, t, h);
        scaled_frame(&fit->before, t, old_h);
        for (size_t c = 0; c < fit->n_channels; c++) {
            const float *v = ub_matrix_column(&fit->spectra[c], t);
            moved += moved_energy(fit, c, h, old_h, v, work);
            for (size_t f = 0; f < fit->n_bins; f++) {
                whole += (double)v[f] * (double)v[f];
            }
        }
    }
    return whole > 0.0 ? sqrt(moved / whole) : 0.0;
}
