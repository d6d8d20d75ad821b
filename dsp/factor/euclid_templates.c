// SPDX-License-Identifier: GPL-3.0-or-later
// Gains and templates from the correlations and the Gram matrix of the activations.
#include "euclid.h"
#include "ground/fpu.h"

#include <math.h>
#include <string.h>

enum {
    TEMPLATE_SWEEPS = 6, // next to nothing beside a pass over V
    GAIN_SWEEPS = 2
};

static const float DEAD_ACTIVATION = 1e-20f; // square of a norm; inaudible by more than 100 dB
static const double DEAD_PRODUCT = 1e-30; // the same of a template and an activation together

void ub_euclid_gather(ub_euclid *euclid)
{
    const ub_fit *fit = euclid->fit;
    ub_fit_add_chunks(fit, euclid->n_chunks, fit->ratio_sums, fit->packing.n_floats);
    ub_fit_add_chunks(fit, euclid->n_chunks, euclid->chunk_grams,
                      fit->n_components * euclid->stride);
    ub_euclid_mirror(euclid->chunk_grams, fit->n_components, euclid->stride);
}

// ---- gains -------------------------------------------------------------------------------------

// The part of component k in the correlations with channel c: n bins from `first` on.
static const float *correlations_at(const ub_fit *fit, size_t c, size_t k, size_t first,
                                    size_t *width)
{
    const size_t panel_bins = fit->kernels->panel_bins;
    const size_t at = ub_packing_panel(&fit->packing, panel_bins, c, first / panel_bins, width);
    return fit->ratio_sums + at + k * *width;
}

// p[k * C + c] = w_k' V_c h_k, at the level of the data.
static void fill_gain_terms(const ub_euclid *euclid, double *terms)
{
    const ub_fit *fit = euclid->fit;
    for (size_t k = 0; k < fit->n_components; k++) {
        const float *w = ub_matrix_column(&fit->now.templates, k);
        for (size_t c = 0; c < fit->n_channels; c++) {
            double sum = 0.0;
            for (size_t first = 0; first < fit->n_bins; first += fit->kernels->panel_bins) {
                size_t width;
                const float *a = correlations_at(fit, c, k, first, &width);
                for (size_t i = 0; i < width && first + i < fit->n_bins; i++) {
                    sum += (double)w[first + i] * (double)a[i];
                }
            }
            terms[k * fit->n_channels + c] = sum / (double)euclid->level;
        }
    }
}

// One number for the gains of a group in one channel: slope and curvature are sums over members.
static double update_group(ub_euclid *euclid, size_t group, size_t c, const double *terms)
{
    ub_fit *fit = euclid->fit;
    const float *activation_gram = euclid->chunk_grams;
    double slope = 0.0, curvature = 0.0, old = 0.0;
    for (size_t k = 0; k < fit->n_components; k++) {
        if (ub_fit_gain_group(fit, k) != group || ub_fit_gain_fixed(fit, k)) {
            continue;
        }
        old = (double)ub_matrix_column(&fit->now.gains, k)[c];
        slope -= terms[k * fit->n_channels + c];
        for (size_t l = 0; l < fit->n_components; l++) {
            const size_t at = k * euclid->stride + l;
            const double m = (double)euclid->template_gram[at] * (double)activation_gram[at];
            slope += m * (double)ub_matrix_column(&fit->now.gains, l)[c];
            const bool member = ub_fit_gain_group(fit, l) == group && !ub_fit_gain_fixed(fit, l);
            curvature += member ? m : 0.0;
        }
    }
    if (old <= 0.0 || curvature <= DEAD_PRODUCT) {
        return 0.0;
    }
    const float renewed = (float)fmax(old - slope / curvature, (double)UB_EUCLID_LEAST);
    for (size_t k = 0; k < fit->n_components; k++) {
        if (ub_fit_gain_group(fit, k) == group && !ub_fit_gain_fixed(fit, k)) {
            ub_matrix_column(&fit->now.gains, k)[c] = renewed;
        }
    }
    const double step = (double)renewed - old;
    return -step * (slope + 0.5 * step * curvature);
}

double ub_euclid_update_gains(ub_euclid *euclid)
{
    ub_fit *fit = euclid->fit;
    double saved = 0.0;
    fill_gain_terms(euclid, fit->gain_sums);
    for (size_t sweep = 0; sweep < GAIN_SWEEPS; sweep++) {
        for (size_t group = 0; group < fit->n_components; group++) {
            for (size_t c = 0; c < fit->n_channels; c++) {
                saved += update_group(euclid, group, c, fit->gain_sums);
            }
        }
    }
    return saved;
}

// ---- templates ---------------------------------------------------------------------------------

static double descend_bins(ub_euclid *euclid, const ub_descent *descent, size_t first,
                           const ub_euclid_work *work)
{
    ub_fit *fit = euclid->fit;
    const float inverse = 1.0f / euclid->level;
    size_t width = 0;
    for (size_t k = 0; k < fit->n_components; k++) {
        const float *q = ub_matrix_column(&fit->now.gains, k);
        const float *w = ub_matrix_column(&fit->now.templates, k) + first;
        for (size_t c = 0; c < fit->n_channels; c++) {
            const float *a = correlations_at(fit, c, k, first, &width);
            float *linear = work->linear + k * width;
            for (size_t i = 0; i < width; i++) {
                linear[i] = (c ? linear[i] : 0.0f) + q[c] * inverse * a[i];
            }
        }
        const size_t n = fit->n_bins - first < width ? fit->n_bins - first : width;
        memcpy(work->x + k * width, w, n * sizeof(float));
        memset(work->x + k * width + n, 0, (width - n) * sizeof(float));
    }
    const double saved = fit->kernels->descend(descent, work->linear, width, work->x);
    const size_t n = fit->n_bins - first < width ? fit->n_bins - first : width;
    for (size_t k = 0; k < fit->n_components; k++) {
        if (!ub_fit_template_fixed(fit, k)) {
            memcpy(ub_matrix_column(&fit->now.templates, k) + first, work->x + k * width,
                   n * sizeof(float));
        }
    }
    return saved;
}

double ub_euclid_update_templates(ub_euclid *euclid)
{
    ub_fit *fit = euclid->fit;
    const ub_descent descent = ub_euclid_descent(euclid, euclid->chunk_grams, 0.0f, DEAD_ACTIVATION,
                                                 ub_fit_template_fixed, TEMPLATE_SWEEPS);
#pragma omp parallel num_threads((int)fit->n_threads)
    {
        const ub_euclid_work work = ub_euclid_work_here(euclid);
        const uint64_t mode = ub_fpu_flush_denormals();
#pragma omp for schedule(static)
        for (size_t panel = 0; panel < euclid->n_panels; panel++) {
            euclid->saved[panel] =
                descend_bins(euclid, &descent, panel * fit->kernels->panel_bins, &work);
        }
        ub_fpu_restore(mode);
    }
    double saved = 0.0;
    for (size_t panel = 0; panel < euclid->n_panels; panel++) {
        saved += euclid->saved[panel];
    }
    return saved;
}
