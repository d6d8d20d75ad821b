// SPDX-License-Identifier: GPL-3.0-or-later
#include "nmf_case.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void need(bool good)
{
    if (!good) {
        fputs("no memory for the test\n", stderr);
        abort();
    }
}

static void fill(ub_matrix *matrix, float offset, ub_random *random)
{
    for (size_t col = 0; col < matrix->n_cols; col++) {
        for (size_t row = 0; row < matrix->n_rows; row++) {
            ub_matrix_column(matrix, col)[row] = ub_random_uniform(random) + offset;
        }
    }
}

// Peaky low-rank data, as spectrograms are, with noise on top.
static void fill_spectra(nmf_case *problem, ub_random *random)
{
    const size_t n_true = 1 + problem->n_components * 3 / 4;
    ub_nmf_factors truth;
    need(!ub_nmf_factors_new(problem->n_bins, problem->n_frames, problem->n_channels, n_true,
                             &truth));
    fill(&truth.templates, 0.0f, random);
    fill(&truth.activations, 0.0f, random);
    fill(&truth.gains, 0.0f, random);
    for (size_t c = 0; c < problem->n_channels; c++) {
        for (size_t t = 0; t < problem->n_frames; t++) {
            for (size_t f = 0; f < problem->n_bins; f++) {
                double v = 0.02 * (double)ub_random_uniform(random);
                for (size_t k = 0; k < n_true; k++) {
                    const double w = (double)ub_matrix_column(&truth.templates, k)[f];
                    const double h = (double)ub_matrix_column(&truth.activations, t)[k];
                    v += (double)ub_matrix_column(&truth.gains, k)[c] * pow(w, 4.0) * h * h;
                }
                ub_matrix_column(&problem->spectra[c], t)[f] = (float)v;
            }
        }
    }
    ub_nmf_factors_free(&truth);
}

nmf_case nmf_case_new(size_t n_channels, size_t n_bins, size_t n_frames, size_t n_components,
                      ub_random *random)
{
    nmf_case problem = {
        .n_channels = n_channels,
        .n_bins = n_bins,
        .n_frames = n_frames,
        .n_components = n_components,
        .settings = ub_nmf_settings_default(),
    };
    problem.settings.n_iterations = 50;
    problem.settings.tolerance = 0.0;
    problem.settings.cost_interval = 1;
    problem.settings.relaxation = 1.0;
    problem.settings.n_threads = 1;
    for (size_t c = 0; c < n_channels; c++) {
        need(!ub_matrix_new(n_bins, n_frames, &problem.spectra[c]));
    }
    need(!ub_nmf_factors_new(n_bins, n_frames, n_channels, n_components, &problem.start));
    fill_spectra(&problem, random);
    fill(&problem.start.templates, 0.1f, random);
    fill(&problem.start.activations, 0.1f, random);
    fill(&problem.start.gains, 0.1f, random);
    problem.v = calloc(n_channels * n_frames * n_bins, sizeof *problem.v);
    need(problem.v);
    nmf_case_reread(&problem);
    return problem;
}

void nmf_case_free(nmf_case *problem)
{
    for (size_t c = 0; c < problem->n_channels; c++) {
        ub_matrix_free(&problem->spectra[c]);
    }
    ub_nmf_factors_free(&problem->start);
    free(problem->v);
}

void nmf_case_reread(nmf_case *problem)
{
    double *v = problem->v;
    for (size_t c = 0; c < problem->n_channels; c++) {
        for (size_t t = 0; t < problem->n_frames; t++) {
            for (size_t f = 0; f < problem->n_bins; f++) {
                *v++ = (double)ub_matrix_column(&problem->spectra[c], t)[f];
            }
        }
    }
}

reference_nmf nmf_case_reference(const nmf_case *problem)
{
    const ub_nmf_settings *s = &problem->settings;
    double largest = 0.0;
    for (size_t i = 0; i < problem->n_channels * problem->n_frames * problem->n_bins; i++) {
        largest = fmax(largest, problem->v[i]);
    }
    return (reference_nmf){
        .n_channels = problem->n_channels,
        .n_bins = problem->n_bins,
        .n_frames = problem->n_frames,
        .n_components = problem->n_components,
        .v = problem->v,
        .beta = s->beta,
        .floor = fmax(1e-10 * largest, 1e-22),
        .l1_h = s->l1_activations,
        .l2_h = s->l2_activations,
        .l1_w = s->l1_templates,
        .l2_w = s->l2_templates,
        .continuity = s->continuity,
        .unit_l2 = s->norm == UB_NORM_L2,
        .fixed_w = problem->constraints.fixed_templates,
        .fixed_h = problem->constraints.fixed_activations,
        .fixed_q = problem->constraints.fixed_gains,
        .groups = problem->constraints.gain_groups,
    };
}

static void to_doubles(const ub_matrix *matrix, double *out)
{
    for (size_t col = 0; col < matrix->n_cols; col++) {
        for (size_t row = 0; row < matrix->n_rows; row++) {
            *out++ = (double)ub_matrix_column(matrix, col)[row];
        }
    }
}

reference_point nmf_case_point(const nmf_case *problem, const ub_nmf_factors *factors)
{
    const reference_nmf nmf = nmf_case_reference(problem);
    reference_point point = reference_point_new(&nmf);
    to_doubles(&factors->templates, point.w);
    to_doubles(&factors->activations, point.h);
    to_doubles(&factors->gains, point.q);
    return point;
}

ub_nmf_factors nmf_case_copy(const ub_nmf_factors *factors)
{
    ub_nmf_factors copy;
    need(!ub_matrix_copy(&factors->templates, &copy.templates) &&
         !ub_matrix_copy(&factors->activations, &copy.activations) &&
         !ub_matrix_copy(&factors->gains, &copy.gains));
    return copy;
}

static bool same_matrix(const ub_matrix *a, const ub_matrix *b)
{
    bool same = a->n_rows == b->n_rows && a->n_cols == b->n_cols;
    for (size_t col = 0; col < a->n_cols && a->n_rows && same; col++) {
        same = memcmp(ub_matrix_column(a, col), ub_matrix_column(b, col),
                      a->n_rows * sizeof(float)) == 0;
    }
    return same;
}

bool nmf_case_same(const ub_nmf_factors *a, const ub_nmf_factors *b)
{
    return same_matrix(&a->templates, &b->templates) &&
           same_matrix(&a->activations, &b->activations) && same_matrix(&a->gains, &b->gains);
}

double nmf_case_distance(const nmf_case *problem, const reference_point *a,
                         const reference_point *b)
{
    const reference_nmf nmf = nmf_case_reference(problem);
    const size_t n = problem->n_channels * problem->n_frames * problem->n_bins;
    double *x = calloc(2 * n, sizeof *x), *y = x + n;
    need(x);
    reference_model(&nmf, a, x);
    reference_model(&nmf, b, y);
    double apart = 0.0, size = 0.0;
    for (size_t i = 0; i < n; i++) {
        apart += (x[i] - y[i]) * (x[i] - y[i]);
        size += y[i] * y[i];
    }
    free(x);
    return sqrt(apart / size);
}

size_t nmf_case_size(ub_random *random, size_t most)
{
    const double u = (double)ub_random_uniform(random);
    return 1 + (size_t)((double)most * u * u);
}

nmf_case nmf_case_two_channels(uint64_t seed)
{
    ub_random random = ub_random_new(seed);
    return nmf_case_new(2, 33, 50, 4, &random);
}

nmf_case nmf_case_random(ub_random *random)
{
    size_t n_bins = nmf_case_size(random, 150), n_frames = nmf_case_size(random, 200);
    const size_t n_components = nmf_case_size(random, 40);
    const size_t n_channels = 1 + ub_random_bits(random) % 3;
    n_bins = ub_random_bits(random) % 12 == 0 ? 1 : n_bins;
    n_frames = ub_random_bits(random) % 12 == 0 ? 1 : n_frames;
    return nmf_case_new(n_channels, n_bins, n_frames, n_components, random);
}

void nmf_case_draw_constraints(nmf_case *problem, ub_random *random)
{
    for (size_t k = 0; k < problem->n_components; k++) {
        problem->fixed_templates[k] = ub_random_bits(random) % 4 == 0;
        problem->fixed_activations[k] = ub_random_bits(random) % 6 == 0;
        problem->fixed_gains[k] = ub_random_bits(random) % 4 == 0;
        problem->gain_groups[k] = ub_random_bits(random) % problem->n_components;
    }
    const uint64_t bits = ub_random_bits(random);
    problem->constraints = (ub_nmf_constraints){
        .fixed_templates = bits & 1 ? problem->fixed_templates : NULL,
        .fixed_activations = bits & 2 ? problem->fixed_activations : NULL,
        .fixed_gains = bits & 4 ? problem->fixed_gains : NULL,
        .gain_groups = bits & 8 ? problem->gain_groups : NULL,
    };
}

ub_nmf_factors nmf_case_fit(const nmf_case *problem, const char *kernels, ub_nmf_report *report)
{
    ub_nmf_settings settings = problem->settings;
    settings.kernels = kernels;
    ub_nmf_factors factors = nmf_case_copy(&problem->start);
    ub_message why = {""};
    const ub_status status = ub_nmf_fit(problem->spectra, problem->n_channels, &settings,
                                        &problem->constraints, NULL, &factors, report, &why);
    if (status || !ub_matrix_is_nonnegative(&factors.templates) ||
        !ub_matrix_is_nonnegative(&factors.activations) ||
        !ub_matrix_is_nonnegative(&factors.gains)) {
        fprintf(stderr, "a fit that should succeed: %s: %s\n", ub_status_text(status), why.text);
        abort();
    }
    return factors;
}

double nmf_case_apart(const nmf_case *problem, double cost, double wanted)
{
    double size = 0.0;
    for (size_t i = 0; i < problem->n_channels * problem->n_frames * problem->n_bins; i++) {
        size += problem->v[i] > 0.0 ? pow(problem->v[i], problem->settings.beta) : 0.0;
    }
    return fabs(cost - wanted) / (fabs(wanted) + 1e-5 * size);
}

int nmf_listen(void *context, const char *stage, double fraction)
{
    nmf_listener *l = context;
    l->is_wrong |= strcmp(stage, "factorise") != 0 || !(fraction >= l->last && fraction <= 1.0);
    l->last = fraction;
    return ++l->n_calls == l->cancel_at;
}

bool nmf_case_cancels(const nmf_case *problem, size_t cancel_at)
{
    nmf_listener l = {.cancel_at = cancel_at};
    const ub_progress progress = {.report = nmf_listen, .context = &l};
    ub_nmf_factors factors = nmf_case_copy(&problem->start);
    const ub_status status = ub_nmf_fit(problem->spectra, problem->n_channels, &problem->settings,
                                        &problem->constraints, &progress, &factors, NULL, NULL);
    const bool is_same = nmf_case_same(&factors, &problem->start);
    ub_nmf_factors_free(&factors);
    return status == UB_CANCELLED && l.n_calls == cancel_at && is_same && !l.is_wrong;
}
