// SPDX-License-Identifier: GPL-3.0-or-later
// The fit: sweep, compare, advance or go back.
//
// A sweep can measure the objective of the factors that it starts from while it computes their
// update, at the price of a logarithm per entry; that is done every few updates. The last point
// that was measured is kept, to go back to when the objective has risen since.
#include "unbraid/nmf.h"
#include "euclid.h"
#include "fit.h"
#include "ground/number.h"
#include "ground/progress_part.h"

#include <math.h>
#include <string.h>

enum {
    PLAIN_UPDATES = 5 // before over-relaxation: it is only locally stable (Badeau et al. 2010)
};

// Single precision makes the objective uncertain by about this share; less is not a rise.
static double noise_for(double beta)
{
    // Near 0 and 1 the general formula is a small difference divided by a small number.
    const double divisor = fabs(beta * (beta - 1.0));
    return divisor > 0.0 && divisor < 0.1 ? 2e-8 / divisor : 2e-7;
}

ub_nmf_settings ub_nmf_settings_default(void)
{
    return (ub_nmf_settings){
        .beta = 1.0,
        .n_iterations = 100,
        .tolerance = 1e-4,
        .cost_interval = 5,
        .relaxation = 1.5,
        .norm = UB_NORM_L1,
    };
}

size_t ub_nmf_kernels(const char *names[4])
{
    const ub_kernels *sets[4];
    const size_t n = ub_kernels_all(sets);
    for (size_t i = 0; i < n; i++) {
        names[i] = sets[i]->name;
    }
    return n;
}

ub_status ub_nmf_settings_check(const ub_nmf_settings *settings, ub_message *why)
{
    const double penalties[] = {settings->l1_activations, settings->l2_activations,
                                settings->l1_templates, settings->l2_templates,
                                settings->continuity};
    for (size_t i = 0; i < sizeof penalties / sizeof *penalties; i++) {
        if (!ub_in_range(penalties[i], 0.0, 1e30)) {
            return ub_fail(why, UB_BAD_SETTING, "a penalty is %g, but must be >= 0", penalties[i]);
        }
    }
    if (!ub_in_range(settings->beta, -4.0, 4.0)) {
        return ub_fail(why, UB_BAD_SETTING, "beta is %g, but must be from -4 to 4", settings->beta);
    }
    if (!ub_in_range(settings->tolerance, 0.0, 1.0)) {
        return ub_fail(why, UB_BAD_SETTING, "the tolerance is %g, but must be from 0 to 1",
                       settings->tolerance);
    }
    if (!ub_in_range(settings->mask_tolerance, 0.0, 1.0)) {
        return ub_fail(why, UB_BAD_SETTING, "the mask tolerance is %g, but must be from 0 to 1",
                       settings->mask_tolerance);
    }
    if (!ub_in_range(settings->relaxation, 1.0, 1.999)) {
        return ub_fail(why, UB_BAD_SETTING,
                       "the relaxation is %g, but must be at least 1 and below 2",
                       settings->relaxation);
    }
    if (settings->norm != UB_NORM_L1 && settings->norm != UB_NORM_L2) {
        return ub_fail(why, UB_BAD_SETTING, "norm %d is neither L1 nor L2", (int)settings->norm);
    }
    if (settings->kernels && !ub_kernels_named(settings->kernels)) {
        return ub_fail(why, UB_BAD_SETTING, "this CPU or build has no kernels named '%.40s'",
                       settings->kernels);
    }
    return UB_OK;
}

ub_status ub_nmf_factors_new(size_t n_bins, size_t n_frames, size_t n_channels, size_t n_components,
                             ub_nmf_factors *out)
{
    ub_nmf_factors factors = {0};
    if (ub_matrix_new(n_bins, n_components, &factors.templates) ||
        ub_matrix_new(n_components, n_frames, &factors.activations) ||
        ub_matrix_new(n_channels, n_components, &factors.gains)) {
        ub_nmf_factors_free(&factors);
        return UB_NO_MEMORY;
    }
    for (size_t k = 0; k < n_components; k++) {
        for (size_t c = 0; c < n_channels; c++) {
            ub_matrix_column(&factors.gains, k)[c] = 1.0f / (float)n_channels;
        }
    }
    *out = factors;
    return UB_OK;
}

void ub_nmf_factors_free(ub_nmf_factors *factors)
{
    if (factors) {
        ub_matrix_free(&factors->templates);
        ub_matrix_free(&factors->activations);
        ub_matrix_free(&factors->gains);
    }
}

static ub_status check_shapes(const ub_matrix *spectra, size_t n_channels,
                              const ub_nmf_settings *settings, const ub_nmf_factors *factors,
                              ub_message *why)
{
    if (n_channels < 1 || n_channels > UB_NMF_MAX_CHANNELS) {
        return ub_fail(why, UB_BAD_SHAPE, "%zu channels, but 1 to %d are supported", n_channels,
                       UB_NMF_MAX_CHANNELS);
    }
    const size_t n_bins = spectra[0].n_rows, n_frames = spectra[0].n_cols;
    const size_t n_components = factors->templates.n_cols;
    if (n_bins <= settings->n_others || n_frames == 0 || n_components == 0 ||
        n_components > UB_NMF_MAX_COMPONENTS) {
        return ub_fail(why, UB_BAD_SHAPE,
                       "%zu bins, %zu frames and %zu components cannot be factorised", n_bins,
                       n_frames, n_components);
    }
    bool fits = factors->templates.n_rows == n_bins && factors->activations.n_cols == n_frames &&
                factors->activations.n_rows == n_components &&
                factors->gains.n_rows == n_channels && factors->gains.n_cols == n_components;
    for (size_t c = 0; c < n_channels; c++) {
        fits &= spectra[c].n_rows == n_bins && spectra[c].n_cols == n_frames &&
                spectra[c].stride == spectra[0].stride;
    }
    return fits ? UB_OK
                : ub_fail(why, UB_BAD_SHAPE,
                          "spectra and factors differ in bins, frames, "
                          "channels or components");
}

static bool is_usable(const ub_matrix *matrix)
{
    if (!ub_matrix_is_nonnegative(matrix)) {
        return false;
    }
    for (size_t col = 0; col < matrix->n_cols; col++) {
        const float *column = ub_matrix_column(matrix, col);
        for (size_t row = 0; row < matrix->n_rows; row++) {
            if (column[row] > 1e15f) {
                return false;
            }
        }
    }
    return true;
}

// The kernels read whole vectors: what lies behind a frame would count as data.
static bool is_padded_with_zeros(const ub_matrix *matrix)
{
    for (size_t col = 0; col < matrix->n_cols; col++) {
        const float *column = ub_matrix_column(matrix, col);
        for (size_t row = matrix->n_rows; row < matrix->stride; row++) {
            if (column[row] != 0.0f) {
                return false;
            }
        }
    }
    return true;
}

static ub_status check_values(const ub_matrix *spectra, size_t n_channels,
                              const ub_nmf_constraints *constraints, const ub_nmf_factors *factors,
                              ub_message *why)
{
    for (size_t c = 0; c < n_channels; c++) {
        if (!is_usable(&spectra[c])) {
            return ub_fail(why, UB_BAD_VALUE,
                           "the spectrogram holds negative, infinite or missing values");
        }
        if (!is_padded_with_zeros(&spectra[c])) {
            return ub_fail(why, UB_BAD_VALUE, "the padding of the spectrogram is not zero");
        }
    }
    if (!is_usable(&factors->templates) || !is_usable(&factors->activations) ||
        !is_usable(&factors->gains)) {
        return ub_fail(why, UB_BAD_VALUE, "the start holds negative, infinite or missing values");
    }
    for (size_t k = 0; constraints->gain_groups && k < factors->templates.n_cols; k++) {
        if (constraints->gain_groups[k] >= factors->templates.n_cols) {
            return ub_fail(why, UB_BAD_VALUE, "gain group %zu of component %zu does not exist",
                           constraints->gain_groups[k], k);
        }
    }
    return UB_OK;
}

// How far to go: the over-relaxation, and the share of the exponent that is left after rises.
typedef struct stride {
    double relaxation, share;
} stride;

static double exponent_for(const ub_fit *fit, const stride *step, size_t iteration)
{
    const double relaxation = iteration < PLAIN_UPDATES ? 1.0 : step->relaxation;
    return fit->gamma * relaxation * step->share;
}

// After a rise: first without over-relaxation, then half the exponent, and so on. Any exponent
// above zero moves every entry against its gradient, so a small enough one cannot rise.
static void shorten(stride *step, size_t iteration)
{
    if (step->relaxation > 1.0 && iteration >= PLAIN_UPDATES) {
        step->relaxation = 1.0;
    } else {
        step->share *= 0.5;
    }
}

static void lengthen(const ub_fit *fit, stride *step)
{
    if (step->share < 1.0) {
        step->share *= 2.0;
    } else {
        // Back by a quarter of the way: a rise costs a sweep.
        step->relaxation += 0.25 * (fit->settings.relaxation - step->relaxation);
    }
}

static void take_out(ub_fit *fit, ub_nmf_factors *factors)
{
    const ub_point *point = &fit->now;
    for (size_t t = 0; t < fit->n_frames; t++) {
        const float *h = ub_matrix_column(&point->activations, t);
        float *out = ub_matrix_column(&factors->activations, t);
        for (size_t k = 0; k < fit->n_components; k++) {
            out[k] = h[k] * point->scale[k];
        }
    }
    for (size_t k = 0; k < fit->n_components; k++) {
        memcpy(ub_matrix_column(&factors->templates, k), ub_matrix_column(&point->templates, k),
               fit->n_bins * sizeof(float));
        memcpy(ub_matrix_column(&factors->gains, k), ub_matrix_column(&point->gains, k),
               fit->n_channels * sizeof(float));
    }
}

// Where the loop stands.
typedef struct course {
    stride step;
    size_t done; // updates that are in `now`
    size_t kept; // updates that are in `before`, or were when `now` was measured
    size_t most; // `done` at its highest, for a progress that never falls
    bool retried; // `now` has been measured before; a successor had risen
    bool stuck; // single precision knows no better point
} course;

static bool is_due(const ub_fit *fit, const course *at)
{
    const size_t interval = fit->settings.cost_interval ? fit->settings.cost_interval : 1;
    return at->done == 0 || at->done - at->kept >= interval;
}

// A rise takes the updates since the last measurement back. Written so that a NaN counts as a rise.
static bool rose(const ub_fit *fit, const course *at, double objective)
{
    const double before = fit->before.objective;
    return at->done > at->kept &&
           !(objective <= before + noise_for(fit->settings.beta) * fabs(before));
}

static void take_back(ub_fit *fit, course *at)
{
    ub_fit_retreat(fit);
    at->done = at->kept;
    at->retried = true;
    shorten(&at->step, at->done);
    at->stuck = at->step.share < 1e-3;
}

static bool small_fall(const ub_fit *fit, const course *at, double objective)
{
    const double before = fit->before.objective;
    return at->done > at->kept && fit->settings.tolerance > 0.0 &&
           before - objective <=
               fit->settings.tolerance * (double)(at->done - at->kept) * fabs(before);
}

static void note(ub_fit *fit, const course *at, double objective, ub_nmf_report *report)
{
    fit->now.objective = report->cost = objective;
    report->n_iterations = at->done;
    if (report->costs) {
        report->costs[at->done] = objective;
    }
}

static ub_status iterate(ub_fit *fit, const ub_progress *progress, ub_nmf_report *report)
{
    const size_t n = fit->settings.n_iterations;
    course at = {.step = {fit->settings.relaxation, 1.0}};
    for (;;) {
        at.most = at.done > at.most ? at.done : at.most;
        const ub_status status =
            ub_progress_report(progress, "factorise", n ? (double)at.most / (double)n : 1.0);
        if (status) {
            return status;
        }
        const bool last = at.done == n || at.stuck;
        const bool measure = last || is_due(fit, &at);
        const double exponent = exponent_for(fit, &at.step, at.done);
        const double objective = ub_fit_sweep(fit, exponent, measure, !last);
        if (measure && rose(fit, &at, objective)) {
            report->n_rejected++;
            take_back(fit, &at);
            continue;
        }
        if (measure) {
            note(fit, &at, objective, report);
            report->converged = at.stuck || small_fall(fit, &at, objective) ||
                                (at.done > at.kept && ub_fit_masks_rest(fit));
            if (last || report->converged) {
                return UB_OK;
            }
            if (at.done > at.kept && !at.retried) {
                lengthen(fit, &at.step);
            }
        }
        // A point that was gone back to has been measured as well: keep it again.
        const bool keep = measure || at.done == at.kept;
        at.kept = keep ? at.done : at.kept;
        ub_fit_advance(fit, exponent, keep);
        at.done++;
        at.retried = at.retried && !measure;
    }
}

ub_status ub_fit_run(const ub_matrix *spectra, size_t n_channels, const ub_nmf_settings *settings,
                     const ub_nmf_constraints *constraints, const ub_progress *progress,
                     ub_nmf_factors *factors, ub_nmf_report *report)
{
    ub_fit fit;
    ub_status status = ub_fit_new(spectra, n_channels, settings, constraints, factors, &fit);
    if (status) {
        return status;
    }
    ub_fit_normalise(&fit, &fit.now, true);
    ub_fit_tie_gains(&fit, &fit.now);
    status = ub_euclid_suits(&fit) ? ub_euclid_iterate(&fit, progress, report)
                                   : iterate(&fit, progress, report);
    if (!status && report->converged) { // sooner than was said
        status = ub_progress_report(progress, "factorise", 1.0);
    }
    if (!status) {
        take_out(&fit, factors);
    }
    ub_fit_free(&fit);
    return status;
}

// The stages work on a copy: a fit that is cancelled changes nothing.
static ub_status run_stages(const ub_matrix *spectra, size_t n_channels,
                            const ub_nmf_settings *settings, const ub_nmf_constraints *constraints,
                            const ub_progress *progress, ub_nmf_factors *factors,
                            ub_nmf_report *report)
{
    ub_progress_stage(progress, "factorise");
    if (settings->n_coarse_iterations == 0) {
        return ub_fit_run(spectra, n_channels, settings, constraints, progress, factors, report);
    }
    ub_progress_part parts[2] = {{progress, 0.0, 0.6}, {progress, 0.6, 1.0}};
    const ub_progress first = ub_progress_of_part(&parts[0]);
    const ub_progress second = ub_progress_of_part(&parts[1]);
    ub_nmf_factors copy = {0};
    ub_status status = ub_matrix_copy(&factors->templates, &copy.templates);
    status = status ? status : ub_matrix_copy(&factors->activations, &copy.activations);
    status = status ? status : ub_matrix_copy(&factors->gains, &copy.gains);
    status =
        status ? status : ub_fit_coarse(spectra, n_channels, settings, constraints, &first, &copy);
    status = status
                 ? status
                 : ub_fit_run(spectra, n_channels, settings, constraints, &second, &copy, report);
    if (!status) {
        ub_matrix_copy_into(&copy.templates, &factors->templates);
        ub_matrix_copy_into(&copy.activations, &factors->activations);
        ub_matrix_copy_into(&copy.gains, &factors->gains);
    }
    ub_nmf_factors_free(&copy);
    return status;
}

ub_status ub_nmf_fit(const ub_matrix *spectra, size_t n_channels, const ub_nmf_settings *settings,
                     const ub_nmf_constraints *constraints, const ub_progress *progress,
                     ub_nmf_factors *factors, ub_nmf_report *report, ub_message *why)
{
    const ub_nmf_settings standard = ub_nmf_settings_default();
    const ub_nmf_constraints none = {0};
    settings = settings ? settings : &standard;
    constraints = constraints ? constraints : &none;
    ub_status status = ub_nmf_settings_check(settings, why);
    status = status ? status : check_shapes(spectra, n_channels, settings, factors, why);
    status = status ? status : check_values(spectra, n_channels, constraints, factors, why);
    if (status) {
        return status;
    }
    ub_nmf_report local = {.costs = report ? report->costs : NULL};
    for (size_t i = 0; local.costs && i <= settings->n_iterations; i++) {
        local.costs[i] = NAN;
    }
    status = run_stages(spectra, n_channels, settings, constraints, progress, factors, &local);
    if (status == UB_NO_MEMORY) {
        return ub_fail(why, status,
                       "no memory to factorise %zu bins, %zu frames and %zu components",
                       spectra[0].n_rows, spectra[0].n_cols, factors->templates.n_cols);
    }
    if (!status && report) {
        *report = local;
    }
    return status;
}
