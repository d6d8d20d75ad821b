// SPDX-License-Identifier: GPL-3.0-or-later
#include "fit.h"

// sum h, sum h^2 and sum (h_t - h_{t-1})^2 of one row.
typedef struct row_sums {
    double sum, squares, jumps;
} row_sums;

static row_sums sums_of_row(const ub_matrix *activations, size_t k, double scale)
{
    row_sums sums = {0.0, 0.0, 0.0};
    double before = 0.0;
    for (size_t t = 0; t < activations->n_cols; t++) {
        const double h = (double)ub_matrix_column(activations, t)[k] * scale;
        sums.sum += h;
        sums.squares += h * h;
        sums.jumps += t ? (h - before) * (h - before) : 0.0;
        before = h;
    }
    return sums;
}

// A row so small that the gradient of its continuity, which goes as one over its level, leaves
// single precision. It adds nothing to the model.
static bool is_dead(const ub_fit *fit, const row_sums *sums)
{
    return sums->squares <= 1e-60 * (double)fit->n_frames;
}

double ub_fit_penalty(const ub_fit *fit, const ub_point *point)
{
    const ub_nmf_settings *s = &fit->settings;
    double penalty = 0.0;
    if (!fit->penalised) {
        return 0.0;
    }
    for (size_t k = 0; k < fit->n_components; k++) {
        const row_sums sums = sums_of_row(&point->activations, k, (double)point->scale[k]);
        penalty += s->l1_activations * sums.sum + 0.5 * s->l2_activations * sums.squares;
        if (!is_dead(fit, &sums)) {
            penalty += s->continuity * (double)fit->n_frames * sums.jumps / sums.squares;
        }
        const float *w = ub_matrix_column(&point->templates, k);
        for (size_t f = 0; f < fit->n_bins; f++) {
            penalty += s->l1_templates * (double)w[f] +
                       0.5 * s->l2_templates * (double)w[f] * (double)w[f];
        }
    }
    return penalty;
}

// Gradient of T c jumps / squares: 2 T c (2 h - h_before - h_after) / squares
// - 2 T c h jumps / squares^2 (Virtanen 2007, equations 12 and 13). A dead row rests: if it came
// back to life, a penalty would appear from nowhere.
void ub_fit_continuity(ub_fit *fit, const ub_point *point)
{
    const double weight = fit->settings.continuity * (double)fit->n_frames;
    double *same = fit->continuity;
    double *near = same + fit->padded_components;
    double *back = near + fit->padded_components;
    for (size_t k = 0; k < fit->n_components; k++) {
        const row_sums sums = sums_of_row(&point->activations, k, (double)point->scale[k]);
        const bool dead = is_dead(fit, &sums);
        const double over = dead ? 0.0 : weight / sums.squares;
        same[k] = 4.0 * over;
        near[k] = 2.0 * over;
        back[k] = dead ? 0.0 : 2.0 * over * sums.jumps / sums.squares;
        fit->exponents[k] = dead ? 0.0f : fit->exponents[k];
    }
}
