// SPDX-License-Identifier: GPL-3.0-or-later
// Bands of bins, the updates on them, and the stop by the masks.
#include "factor/bands.h"
#include "malloc_guard.h"
#include "nmf_case.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void bands_cover_all_bins_and_none_is_too_wide(void **state)
{
    (void)state;
    const size_t sizes[] = {1, 2, 69, 70, 139, 140, 141, 513, 1025, 2049, 8193};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        ub_bands bands;
        assert_int_equal(ub_bands_new(sizes[i], 0, &bands), UB_OK);
        assert_int_equal(bands.first[0], 0);
        assert_int_equal(bands.first[bands.n_bands], sizes[i]);
        for (size_t b = 0; b < bands.n_bands; b++) {
            const size_t width = bands.first[b + 1] - bands.first[b];
            assert_true(width == 1 || (width > 1 && width * 70 <= bands.first[b]));
        }
        assert_true(sizes[i] < 2000 || bands.n_bands * 5 < sizes[i]);
        ub_bands_free(&bands);
    }
}

static void other_rows_stay_as_they_are(void **state)
{
    (void)state;
    ub_bands plain, bands;
    assert_int_equal(ub_bands_new(300, 0, &plain), UB_OK);
    assert_int_equal(ub_bands_new(300, 5, &bands), UB_OK);
    assert_int_equal(bands.n_bands, plain.n_bands + 5);
    assert_int_equal(bands.n_bins, 305);
    for (size_t b = 0; b <= plain.n_bands; b++) {
        assert_int_equal(bands.first[b], plain.first[b]);
    }
    for (size_t i = 0; i <= 5; i++) {
        assert_int_equal(bands.first[plain.n_bands + i], 300 + i);
    }
    ub_bands_free(&bands);
    ub_bands_free(&plain);
}

static void merging_adds_up_and_sharing_out_keeps_the_sums(void **state)
{
    (void)state;
    enum { N = 700 };
    ub_bands bands;
    ub_random random = ub_random_new(5);
    float bins[N], merged[N], shared[N], again[N];
    double weights[N];
    assert_int_equal(ub_bands_new(N, 0, &bands), UB_OK);
    for (size_t f = 0; f < N; f++) {
        bins[f] = ub_random_uniform(&random);
        weights[f] = f < 300 ? (double)bins[f] * 3.0 : 0.0; // above: no weight at all
    }
    ub_bands_merge(&bands, bins, merged);
    ub_bands_share(&bands, merged, weights, shared);
    ub_bands_merge(&bands, shared, again);
    for (size_t b = 0; b < bands.n_bands; b++) {
        double sum = 0.0;
        const size_t first = bands.first[b], end = bands.first[b + 1];
        for (size_t f = first; f < end; f++) {
            sum += (double)bins[f];
            const double even = (double)merged[b] / (double)(end - first);
            const double wanted = end <= 300 ? (double)bins[f] : even;
            assert_true(first < 300 && end > 300 ? 1 : fabs((double)shared[f] - wanted) < 1e-5);
        }
        assert_true(fabs((double)merged[b] - sum) < 1e-5);
        assert_true(fabs((double)again[b] - sum) < 1e-5);
    }
    ub_bands_free(&bands);
}

static nmf_case wide_problem(void)
{
    ub_random random = ub_random_new(23);
    return nmf_case_new(2, 400, 60, 5, &random);
}

static ub_status fit(nmf_case *problem, const ub_progress *progress, ub_nmf_report *report)
{
    return ub_nmf_fit(problem->spectra, problem->n_channels, &problem->settings,
                      &problem->constraints, progress, &problem->start, report, NULL);
}

static double cost_after(size_t n_coarse, size_t n_fine)
{
    nmf_case problem = wide_problem();
    problem.settings.n_coarse_iterations = n_coarse;
    problem.settings.n_iterations = n_fine;
    ub_nmf_report report = {0};
    assert_int_equal(fit(&problem, NULL, &report), UB_OK);
    assert_int_equal(report.n_iterations, n_fine);
    const reference_nmf nmf = nmf_case_reference(&problem);
    reference_point point = nmf_case_point(&problem, &problem.start);
    const double cost = reference_objective(&nmf, &point);
    assert_true(fabs(cost - report.cost) <= 1e-5 * cost);
    reference_point_free(&point);
    nmf_case_free(&problem);
    return cost;
}

// Five updates on bins after them do what fifty do alone, within a few hundredths of the start.
static void updates_on_bands_are_worth_nearly_as_many_on_bins(void **state)
{
    (void)state;
    const double start = cost_after(0, 0), fine = cost_after(0, 60);
    assert_true(cost_after(0, 10) > 5.0 * cost_after(60, 0));
    assert_true(cost_after(60, 5) - fine < 0.02 * start);
    assert_true(cost_after(60, 10) < 1.3 * fine);
}

static void fixed_parts_pass_through_the_bands_unchanged(void **state)
{
    (void)state;
    nmf_case problem = wide_problem();
    problem.settings.n_coarse_iterations = 20;
    problem.settings.n_iterations = 5;
    problem.fixed_templates[1] = problem.fixed_gains[1] = problem.fixed_activations[3] = true;
    problem.constraints = (ub_nmf_constraints){.fixed_templates = problem.fixed_templates,
                                               .fixed_activations = problem.fixed_activations,
                                               .fixed_gains = problem.fixed_gains};
    ub_nmf_factors before = nmf_case_copy(&problem.start);
    assert_int_equal(fit(&problem, NULL, NULL), UB_OK);
    assert_memory_equal(ub_matrix_column(&problem.start.templates, 1),
                        ub_matrix_column(&before.templates, 1), 400 * sizeof(float));
    assert_memory_equal(ub_matrix_column(&problem.start.gains, 1),
                        ub_matrix_column(&before.gains, 1), 2 * sizeof(float));
    for (size_t t = 0; t < 60; t++) {
        assert_true(ub_matrix_column(&problem.start.activations, t)[3] ==
                    ub_matrix_column(&before.activations, t)[3]);
    }
    assert_true(ub_matrix_column(&problem.start.templates, 0)[0] !=
                ub_matrix_column(&before.templates, 0)[0]);
    ub_nmf_factors_free(&before);
    nmf_case_free(&problem);
}

static void threads_do_not_change_a_bit(void **state)
{
    (void)state;
    nmf_case one = wide_problem(), three = wide_problem();
    one.settings.n_coarse_iterations = three.settings.n_coarse_iterations = 20;
    one.settings.mask_tolerance = three.settings.mask_tolerance = 0.01;
    three.settings.n_threads = 3;
    assert_int_equal(fit(&one, NULL, NULL), UB_OK);
    assert_int_equal(fit(&three, NULL, NULL), UB_OK);
    assert_true(nmf_case_same(&one.start, &three.start));
    nmf_case_free(&one);
    nmf_case_free(&three);
}

static void cancelling_at_any_moment_changes_nothing(void **state)
{
    (void)state;
    nmf_case problem = wide_problem();
    problem.settings.n_coarse_iterations = 8;
    problem.settings.n_iterations = 4;
    nmf_listener all = {0};
    const ub_progress progress = {.report = nmf_listen, .context = &all};
    nmf_case whole = wide_problem();
    whole.settings = problem.settings;
    assert_int_equal(fit(&whole, &progress, NULL), UB_OK);
    assert_false(all.is_wrong);
    assert_true(all.n_calls > 12 && all.last == 1.0);
    for (size_t n = 1; n <= all.n_calls; n++) {
        assert_true(nmf_case_cancels(&problem, n));
    }
    nmf_case_free(&whole);
    nmf_case_free(&problem);
}

static void every_failed_allocation_is_reported_and_nothing_leaks(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    nmf_case problem = wide_problem();
    problem.settings.n_coarse_iterations = 2;
    problem.settings.n_iterations = 1;
    problem.settings.mask_tolerance = 0.1;
    ub_nmf_factors before = nmf_case_copy(&problem.start);
    ub_status status = UB_NO_MEMORY;
    for (size_t n = 1; status; n++) {
        size_t held = 0;
        malloc_guard_start(n);
        status = fit(&problem, NULL, NULL);
        malloc_guard_stop(&held);
        assert_int_equal(held, 0);
        assert_true(status == UB_OK || status == UB_NO_MEMORY);
        assert_true(!status || nmf_case_same(&problem.start, &before));
    }
    ub_nmf_factors_free(&before);
    nmf_case_free(&problem);
}

// Of all frames, as the problem has no more than are sampled.
static double mask_change(const nmf_case *problem, const reference_point *a,
                          const reference_point *b)
{
    const size_t n_bins = problem->n_bins, n_k = problem->n_components;
    double moved = 0.0, whole = 0.0;
    for (size_t i = 0; i < problem->n_channels * problem->n_frames * n_bins; i++) {
        const size_t f = i % n_bins, t = i / n_bins % problem->n_frames;
        const size_t c = i / n_bins / problem->n_frames;
        double x[2] = {0.0, 0.0};
        const reference_point *points[2] = {a, b};
        for (size_t p = 0; p < 2; p++) {
            for (size_t k = 0; k < n_k; k++) {
                x[p] += points[p]->q[k * problem->n_channels + c] * points[p]->w[k * n_bins + f] *
                        points[p]->h[t * n_k + k];
            }
        }
        const double v = problem->v[i];
        whole += v * v;
        for (size_t k = 0; k < n_k; k++) {
            double m[2];
            for (size_t p = 0; p < 2; p++) {
                m[p] = points[p]->q[k * problem->n_channels + c] * points[p]->w[k * n_bins + f] *
                       points[p]->h[t * n_k + k] / x[p];
            }
            moved += v * v * (m[0] - m[1]) * (m[0] - m[1]);
        }
    }
    return sqrt(moved / whole);
}

static reference_point point_after(size_t n)
{
    nmf_case problem = wide_problem();
    problem.settings.n_iterations = n;
    assert_int_equal(fit(&problem, NULL, NULL), UB_OK);
    reference_point point = nmf_case_point(&problem, &problem.start);
    nmf_case_free(&problem);
    return point;
}

static size_t updates_with(double tolerance)
{
    nmf_case problem = wide_problem();
    problem.settings.n_iterations = 30;
    problem.settings.cost_interval = 5;
    problem.settings.mask_tolerance = tolerance;
    ub_nmf_report report = {0};
    assert_int_equal(fit(&problem, NULL, &report), UB_OK);
    assert_true(report.converged == (report.n_iterations < 30));
    nmf_case_free(&problem);
    return report.n_iterations;
}

static void the_fit_stops_when_the_masks_move_less_than_asked(void **state)
{
    (void)state;
    nmf_case problem = wide_problem();
    reference_point points[7];
    double change[7];
    for (size_t i = 0; i < 7; i++) {
        points[i] = point_after(5 * i);
        change[i] = i ? mask_change(&problem, &points[i], &points[i - 1]) : 1.0;
    }
    assert_true(change[5] < change[1]);
    assert_int_equal(updates_with(1.0), 5);
    assert_int_equal(updates_with(0.0), 30);
    for (size_t i = 1; i < 6; i++) {
        size_t wanted = 1; // the first measurement that is below
        while (wanted < 6 && change[wanted] > change[i] * 1.001) {
            wanted++;
        }
        assert_int_equal(updates_with(change[i] * 1.001), 5 * wanted);
    }
    for (size_t i = 0; i < 7; i++) {
        reference_point_free(&points[i]);
    }
    nmf_case_free(&problem);
}

// The same activations whether a frame comes alone or among others, and near those of bins only.
static void an_activator_may_start_on_bands(void **state)
{
    (void)state;
    nmf_case problem = wide_problem();
    problem.settings.n_iterations = 300;
    reference_point points[2];
    ub_matrix found[2];
    for (size_t i = 0; i < 2; i++) {
        ub_activator *activator;
        assert_int_equal(ub_activator_new(&problem.start.templates, &problem.start.gains,
                                          &problem.settings, &activator, NULL),
                         UB_OK);
        const size_t n = (ub_activator_work_size(activator) + 15) / 16 * 16;
        float *work = aligned_alloc(64, n * sizeof *work);
        assert_non_null(work);
        memset(work, 0xff, n * sizeof *work);
        assert_int_equal(ub_matrix_new(5, 60, &found[i]), UB_OK);
        ub_activator_run(activator, problem.spectra, 0, 60, work, &found[i]);
        for (size_t t = 0; t < 60; t++) {
            ub_matrix alone;
            assert_int_equal(ub_matrix_new(5, 60, &alone), UB_OK);
            ub_activator_run(activator, problem.spectra, t, 1, work, &alone);
            assert_memory_equal(ub_matrix_column(&alone, t), ub_matrix_column(&found[i], t),
                                5 * sizeof(float));
            ub_matrix_free(&alone);
        }
        free(work);
        ub_activator_free(activator);
        const ub_nmf_factors factors = {problem.start.templates, found[i], problem.start.gains};
        points[i] = nmf_case_point(&problem, &factors);
        problem.settings.n_iterations = 3;
        problem.settings.n_coarse_iterations = 100;
    }
    const double distance = nmf_case_distance(&problem, &points[1], &points[0]);
    assert_true(distance > 0.0 && distance < 0.08);
    for (size_t i = 0; i < 2; i++) {
        reference_point_free(&points[i]);
        ub_matrix_free(&found[i]);
    }
    nmf_case_free(&problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bands_cover_all_bins_and_none_is_too_wide),
        cmocka_unit_test(other_rows_stay_as_they_are),
        cmocka_unit_test(merging_adds_up_and_sharing_out_keeps_the_sums),
        cmocka_unit_test(updates_on_bands_are_worth_nearly_as_many_on_bins),
        cmocka_unit_test(fixed_parts_pass_through_the_bands_unchanged),
        cmocka_unit_test(threads_do_not_change_a_bit),
        cmocka_unit_test(cancelling_at_any_moment_changes_nothing),
        cmocka_unit_test(every_failed_allocation_is_reported_and_nothing_leaks),
        cmocka_unit_test(the_fit_stops_when_the_masks_move_less_than_asked),
        cmocka_unit_test(an_activator_may_start_on_bands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
