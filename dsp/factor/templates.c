// SPDX-License-Identifier: GPL-3.0-or-later
// Update of templates W and gains Q from the sums over frames of one sweep.
//
// With r = Q' W' / (Q W) the majoriser of the divergence in the stacked templates is, up to
// constants, sum_cf q w ( -G a(r) + E b(r) ), where G = (V X^(beta-2)) H', E = X^(beta-1) H' and
// (a, b) are r^(beta-1)/(beta-1), r^beta/beta for beta in [1, 2] (a = log for beta = 1), the convex
// and the linearised concave part otherwise. It is minimised over W for the old Q, then over Q for
// the new W: two closed forms from the same sums, neither of which can raise the divergence.
#include "fit.h"
#include "ground/threads.h"
#include "norm.h"

#include <math.h>
#include <string.h>

typedef struct component_work {
    float *ratio, *power; // per channel, n_bins each, `stride` apart
    size_t stride;
    float *numerator, *denominator, *change;
    float *old; // the template before its update
} component_work;

static component_work work_in(const ub_fit *fit, float *memory)
{
    component_work work = {.stride = (fit->n_bins + 15) / 16 * 16};
    work.ratio = memory;
    work.power = work.ratio + fit->n_channels * work.stride;
    work.numerator = work.power + fit->n_channels * work.stride;
    work.denominator = work.numerator + work.stride;
    work.change = work.denominator + work.stride;
    work.old = work.change + work.stride;
    return work;
}

// The packed sums of component k as plain rows, one per channel.
static void gather_component(const ub_fit *fit, size_t k, const component_work *work)
{
    const size_t panel_bins = fit->kernels->panel_bins;
    for (size_t c = 0; c < fit->n_channels; c++) {
        float *ratio = work->ratio + c * work->stride;
        float *power = work->power + c * work->stride;
        for (size_t first = 0; first < fit->n_bins; first += panel_bins) {
            size_t width;
            const size_t at =
                ub_packing_panel(&fit->packing, panel_bins, c, first / panel_bins, &width) +
                k * width;
            const size_t n = fit->n_bins - first < width ? fit->n_bins - first : width;
            memcpy(ratio + first, fit->ratio_sums + at, n * sizeof(float));
            if (fit->power_sums) {
                memcpy(power + first, fit->power_sums + at, n * sizeof(float));
            } else {
                for (size_t f = 0; f < n; f++) {
                    power[first + f] = (float)fit->activation_sums[k];
                }
            }
        }
    }
}

// Gradient of the objective in the normalised template: the part of the gradient along the
// template (L2) or along the ones (L1) has no effect and is projected out, split by sign
// (Le Roux et al. 2015, equation 17 in spirit).
static void project_gradient(ub_norm norm, const float *w, size_t n, float *numerator,
                             float *denominator)
{
    double along_n = 0.0, along_d = 0.0;
    for (size_t f = 0; f < n; f++) {
        along_n += (double)w[f] * (double)numerator[f];
        along_d += (double)w[f] * (double)denominator[f];
    }
    for (size_t f = 0; f < n; f++) {
        const float direction = norm == UB_NORM_L2 ? w[f] : 1.0f;
        numerator[f] += direction * (float)along_d;
        denominator[f] += direction * (float)along_n;
    }
}

static void sum_channels(const ub_fit *fit, const float *w, const float *q,
                         const component_work *work)
{
    const float l1 = (float)fit->settings.l1_templates;
    const float l2 = (float)fit->settings.l2_templates;
    for (size_t f = 0; f < fit->n_bins; f++) {
        float numerator = 0.0f, denominator = 0.0f;
        for (size_t c = 0; c < fit->n_channels; c++) {
            numerator += q[c] * work->ratio[c * work->stride + f];
            denominator += q[c] * work->power[c * work->stride + f];
        }
        work->numerator[f] = numerator;
        work->denominator[f] = denominator + l1 + l2 * w[f];
    }
}

// new = w (numerator / denominator)^exponent; `change` gets new / w.
static void update_template(const ub_fit *fit, size_t k, const ub_point *from, ub_point *to,
                            double exponent, const component_work *work)
{
    const float *w = ub_matrix_column(&from->templates, k);
    float *new_w = ub_matrix_column(&to->templates, k);
    const size_t n = fit->n_bins;
    memcpy(work->old, w, n * sizeof(float));
    if (ub_fit_template_fixed(fit, k)) {
        for (size_t f = 0; f < n; f++) {
            work->change[f] = 1.0f;
        }
        return;
    }
    sum_channels(fit, w, ub_matrix_column(&from->gains, k), work);
    if (fit->penalised && !ub_fit_activation_fixed(fit, k)) {
        project_gradient(fit->settings.norm, w, n, work->numerator, work->denominator);
    }
    for (size_t f = 0; f < n; f++) {
        const float d = work->denominator[f];
        // No activation at all: there is nothing to learn from, the template stays.
        work->change[f] = d > 1e-37f ? work->numerator[f] / d : 1.0f;
    }
    if (exponent != 1.0) {
        fit->kernels->power(work->change, n, (float)exponent, work->change);
    }
    for (size_t f = 0; f < n; f++) {
        new_w[f] = w[f] * work->change[f];
    }
}

// sum_f w G change^a and sum_f w E change^b, the statistics of the gain update.
static void sum_gain(const ub_fit *fit, size_t k, const component_work *work)
{
    const double beta = fit->settings.beta;
    const float *w = work->old;
    const double a = beta <= 2.0 ? beta - 1.0 : 1.0;
    const double b = beta < 1.0 ? 1.0 : beta;
    float *change_a = work->numerator, *change_b = work->denominator;
    fit->kernels->power(work->change, fit->n_bins, (float)a, change_a);
    fit->kernels->power(work->change, fit->n_bins, (float)b, change_b);
    for (size_t c = 0; c < fit->n_channels; c++) {
        const float *ratio = work->ratio + c * work->stride;
        const float *power = work->power + c * work->stride;
        double numerator = 0.0, denominator = 0.0;
        for (size_t f = 0; f < fit->n_bins; f++) {
            // A template entry that has become zero has no power below zero; it drops out.
            if (work->change[f] > 0.0f) {
                numerator += (double)w[f] * (double)ratio[f] * (double)change_a[f];
                denominator += (double)w[f] * (double)power[f] * (double)change_b[f];
            }
        }
        fit->gain_sums[(k * fit->n_channels + c) * 2] = numerator;
        fit->gain_sums[(k * fit->n_channels + c) * 2 + 1] = denominator;
    }
}

// The gains of all components of one group, channel by channel.
static void update_group(ub_fit *fit, size_t group, const ub_point *from, ub_point *to,
                         double share)
{
    double numerators[UB_NMF_MAX_CHANNELS] = {0}, denominators[UB_NMF_MAX_CHANNELS] = {0};
    double along_n = 0.0, along_d = 0.0;
    const float *q = NULL;
    for (size_t k = 0; k < fit->n_components; k++) {
        if (ub_fit_gain_group(fit, k) != group || ub_fit_gain_fixed(fit, k)) {
            continue;
        }
        q = ub_matrix_column(&from->gains, k);
        for (size_t c = 0; c < fit->n_channels; c++) {
            numerators[c] += fit->gain_sums[(k * fit->n_channels + c) * 2];
            denominators[c] += fit->gain_sums[(k * fit->n_channels + c) * 2 + 1];
        }
    }
    if (!q) {
        return;
    }
    for (size_t c = 0; c < fit->n_channels; c++) {
        along_n += (double)q[c] * numerators[c];
        along_d += (double)q[c] * denominators[c];
    }
    const double exponent = ub_nmf_gamma(fit->settings.beta) * share;
    // With penalties the scale of the gains must not move either: see project_gradient.
    const bool project = fit->penalised && !fit->held_gains[group];
    for (size_t k = 0; k < fit->n_components; k++) {
        if (ub_fit_gain_group(fit, k) != group || ub_fit_gain_fixed(fit, k)) {
            continue;
        }
        for (size_t c = 0; c < fit->n_channels; c++) {
            const double n = numerators[c] + (project ? along_d : 0.0);
            const double d = denominators[c] + (project ? along_n : 0.0);
            const double change = d > 1e-300 ? pow(n / d, exponent) : 1.0;
            ub_matrix_column(&to->gains, k)[c] =
                (float)((double)ub_matrix_column(&from->gains, k)[c] * change);
        }
    }
}

void ub_fit_update_templates(ub_fit *fit, const ub_point *from, ub_point *to, double exponent)
{
#pragma omp parallel num_threads((int)fit->n_threads)
    {
        const component_work work =
            work_in(fit, fit->component_work + ub_thread_index() * fit->component_work_floats);
#pragma omp for schedule(static)
        for (size_t k = 0; k < fit->n_components; k++) {
            gather_component(fit, k, &work);
            update_template(fit, k, from, to, exponent, &work);
            if (fit->any_free_gain) {
                sum_gain(fit, k, &work);
            }
        }
    }
    if (fit->any_free_gain) {
        // A rejected step is tried again shorter: the gains follow the same share of the way.
        const double share = exponent < fit->gamma ? exponent / fit->gamma : 1.0;
        for (size_t group = 0; group < fit->n_components; group++) {
            update_group(fit, group, from, to, share);
        }
    }
    ub_fit_normalise(fit, to, !fit->penalised);
}

static double divide_by(float *x, size_t n, double norm)
{
    if (norm <= 1e-30) {
        return 1.0; // a silent component has no norm
    }
    for (size_t i = 0; i < n; i++) {
        x[i] = (float)((double)x[i] / norm);
    }
    return norm;
}

void ub_fit_normalise(const ub_fit *fit, ub_point *point, bool keep_scale)
{
    for (size_t k = 0; k < fit->n_components; k++) {
        if (ub_fit_activation_fixed(fit, k)) {
            continue; // the scale has nowhere to go
        }
        const bool hold = fit->held_gains[ub_fit_gain_group(fit, k)];
        float *w = ub_matrix_column(&point->templates, k);
        float *q = ub_matrix_column(&point->gains, k);
        double scale = 1.0;
        if (!ub_fit_template_fixed(fit, k)) {
            scale *= divide_by(w, fit->n_bins, ub_norm_of(fit->settings.norm, w, fit->n_bins));
        }
        if (!ub_fit_gain_fixed(fit, k) && !hold) {
            scale *= divide_by(q, fit->n_channels, ub_norm_of(UB_NORM_L1, q, fit->n_channels));
        }
        if (keep_scale) {
            point->scale[k] *= (float)scale;
        }
    }
}

void ub_fit_tie_gains(const ub_fit *fit, ub_point *point)
{
    for (size_t group = 0; fit->constraints->gain_groups && group < fit->n_components; group++) {
        double mean[UB_NMF_MAX_CHANNELS] = {0};
        size_t n = 0;
        for (size_t k = 0; k < fit->n_components; k++) {
            if (ub_fit_gain_group(fit, k) != group || ub_fit_gain_fixed(fit, k)) {
                continue;
            }
            n++;
            for (size_t c = 0; c < fit->n_channels; c++) {
                mean[c] += (double)ub_matrix_column(&point->gains, k)[c];
            }
        }
        for (size_t k = 0; k < fit->n_components && n > 0; k++) {
            for (size_t c = 0; c < fit->n_channels; c++) {
                if (ub_fit_gain_group(fit, k) == group && !ub_fit_gain_fixed(fit, k)) {
                    ub_matrix_column(&point->gains, k)[c] = (float)(mean[c] / (double)n);
                }
            }
        }
    }
}
