// SPDX-License-Identifier: GPL-3.0-or-later
// What a caller may rely on when the Euclidean distance is fitted by coordinate descent, beside its
// numbers, which property_euclid.c checks.
#include "malloc_guard.h"
#include "nmf_case.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static nmf_case two_channels(void)
{
    nmf_case problem = nmf_case_two_channels(41);
    problem.settings.beta = 2.0;
    problem.settings.n_iterations = 20;
    return problem;
}

static ub_status fit(const nmf_case *problem, ub_nmf_factors *factors, ub_nmf_report *report,
                     ub_message *why)
{
    return ub_nmf_fit(problem->spectra, problem->n_channels, &problem->settings,
                      &problem->constraints, NULL, factors, report, why);
}

static float at_gain(const nmf_case *problem, size_t k, size_t c)
{
    return ub_matrix_column(&problem->start.gains, k)[c];
}

static double cost_of(nmf_case *problem, bool multiplicative)
{
    ub_nmf_report report = {0};
    ub_nmf_factors factors = nmf_case_copy(&problem->start);
    problem->settings.multiplicative = multiplicative;
    assert_int_equal(fit(problem, &factors, &report, NULL), UB_OK);
    ub_nmf_factors_free(&factors);
    return report.cost;
}

// The settings asked for are honoured: far fewer updates reach what multiplicative ones do.
static void ten_updates_beat_a_hundred_multiplicative_ones(void **state)
{
    (void)state;
    nmf_case problem = two_channels();
    problem.settings.n_iterations = 100;
    const double slow = cost_of(&problem, true);
    problem.settings.n_iterations = 10;
    assert_true(cost_of(&problem, false) < slow);
    nmf_case_free(&problem);
}

// Penalties on what is normalised inside the objective, and continuity: the same bits either way.
static void what_would_not_be_exact_is_left_to_multiplicative_updates(void **state)
{
    (void)state;
    double settings[][3] = {{0.1, 0.0, 0.0}, {0.0, 0.1, 0.0}, {0.0, 0.0, 0.1}};
    for (size_t i = 0; i < 3; i++) {
        nmf_case problem = two_channels();
        problem.settings.l1_activations = settings[i][0];
        problem.settings.l2_templates = settings[i][1];
        problem.settings.continuity = settings[i][2];
        assert_true(cost_of(&problem, false) == cost_of(&problem, true));
        // With all templates and gains fixed only continuity is no quadratic.
        for (size_t k = 0; k < 4; k++) {
            problem.fixed_templates[k] = problem.fixed_gains[k] = true;
        }
        problem.constraints.fixed_templates = problem.fixed_templates;
        problem.constraints.fixed_gains = problem.fixed_gains;
        assert_true((cost_of(&problem, false) == cost_of(&problem, true)) == (i == 2));
        nmf_case_free(&problem);
    }
}

static void progress_goes_from_zero_to_one(void **state)
{
    (void)state;
    nmf_case problem = two_channels();
    nmf_listener l = {0};
    const ub_progress progress = {.report = nmf_listen, .context = &l};
    assert_int_equal(ub_nmf_fit(problem.spectra, 2, &problem.settings, NULL, &progress,
                                &problem.start, NULL, NULL),
                     UB_OK);
    assert_false(l.is_wrong);
    assert_true(l.last == 1.0 && l.n_calls == 21);
    nmf_case_free(&problem);
}

static void cancelling_leaves_the_factors_unchanged(void **state)
{
    (void)state;
    nmf_case problem = two_channels();
    for (size_t cancel_at = 1; cancel_at <= 21; cancel_at += 5) {
        assert_true(nmf_case_cancels(&problem, cancel_at));
    }
    nmf_case_free(&problem);
}

static void threads_do_not_change_a_bit(void **state)
{
    (void)state;
    const size_t n_frames[] = {30, 250, 1700};
    ub_random random = ub_random_new(42);
    for (size_t i = 0; i < 6; i++) {
        nmf_case problem = nmf_case_new(1 + i / 3, 137, n_frames[i % 3], 6, &random);
        problem.settings.beta = 2.0;
        problem.settings.n_iterations = 7;
        ub_nmf_factors one = nmf_case_copy(&problem.start);
        double costs[8], more_costs[8];
        ub_nmf_report report = {.costs = costs};
        assert_int_equal(fit(&problem, &one, &report, NULL), UB_OK);
        const size_t n_threads[] = {2, 3, 0};
        for (size_t n = 0; n < 3; n++) {
            problem.settings.n_threads = n_threads[n];
            ub_nmf_factors more = nmf_case_copy(&problem.start);
            ub_nmf_report more_report = {.costs = more_costs};
            assert_int_equal(fit(&problem, &more, &more_report, NULL), UB_OK);
            assert_true(nmf_case_same(&one, &more));
            assert_memory_equal(costs, more_costs, sizeof costs);
            ub_nmf_factors_free(&more);
        }
        ub_nmf_factors_free(&one);
        nmf_case_free(&problem);
    }
}

// A power of two is no rounding, and everything is done at the level of the data.
static void the_level_of_the_data_changes_no_bit_of_the_templates(void **state)
{
    (void)state;
    const float levels[] = {0x1p-30f, 0x1p30f, 0x1p48f};
    for (size_t i = 0; i < 3; i++) {
        nmf_case problem = two_channels();
        ub_nmf_factors plain = nmf_case_copy(&problem.start);
        assert_int_equal(fit(&problem, &plain, NULL, NULL), UB_OK);
        for (size_t j = 0; j < 2 * 50 * 33; j++) {
            ub_matrix_column(&problem.spectra[j % 2], j / 2 / 33)[j / 2 % 33] *= levels[i];
        }
        for (size_t j = 0; j < 50 * 4; j++) {
            ub_matrix_column(&problem.start.activations, j / 4)[j % 4] *= levels[i];
            ub_matrix_column(&plain.activations, j / 4)[j % 4] *= levels[i];
        }
        assert_int_equal(fit(&problem, &problem.start, NULL, NULL), UB_OK);
        assert_true(nmf_case_same(&plain, &problem.start));
        ub_nmf_factors_free(&plain);
        nmf_case_free(&problem);
    }
}

// The first update finds the level of each frame.
static void a_start_of_the_wrong_level_costs_nothing(void **state)
{
    (void)state;
    const float levels[] = {1e-9f, 1e9f};
    nmf_case problem = two_channels();
    const double wanted = cost_of(&problem, false);
    for (size_t i = 0; i < 2; i++) {
        nmf_case other = two_channels();
        for (size_t j = 0; j < 50 * 4; j++) {
            ub_matrix_column(&other.start.activations, j / 4)[j % 4] *= levels[i];
        }
        assert_true(fabs(cost_of(&other, false) - wanted) <= 1e-4 * wanted);
        nmf_case_free(&other);
    }
    nmf_case_free(&problem);
}

static void the_tolerance_stops_the_fit_where_it_says(void **state)
{
    (void)state;
    nmf_case problem = two_channels();
    problem.settings.tolerance = 1e-3;
    problem.settings.n_iterations = 400;
    double costs[401];
    ub_nmf_report report = {.costs = costs};
    assert_int_equal(fit(&problem, &problem.start, &report, NULL), UB_OK);
    const size_t n = report.n_iterations;
    assert_true(report.converged && n > 3 && n < 400);
    assert_true(costs[n - 1] - costs[n] <= 1e-3 * costs[n - 1]);
    for (size_t i = 1; i < n; i++) {
        assert_true(costs[i - 1] - costs[i] > 1e-3 * costs[i - 1]);
    }
    nmf_case_free(&problem);
}

static void fixed_entries_keep_their_bits_and_the_rest_moves(void **state)
{
    (void)state;
    nmf_case problem = two_channels();
    problem.fixed_templates[0] = problem.fixed_activations[1] = problem.fixed_gains[2] = true;
    problem.constraints = (ub_nmf_constraints){
        .fixed_templates = problem.fixed_templates,
        .fixed_activations = problem.fixed_activations,
        .fixed_gains = problem.fixed_gains,
    };
    ub_nmf_factors fitted = nmf_case_copy(&problem.start);
    assert_int_equal(fit(&problem, &fitted, NULL, NULL), UB_OK);
    for (size_t k = 0; k < 4; k++) {
        const float *w = ub_matrix_column(&problem.start.templates, k);
        const float *new_w = ub_matrix_column(&fitted.templates, k);
        const float *q = ub_matrix_column(&problem.start.gains, k);
        const float *new_q = ub_matrix_column(&fitted.gains, k);
        assert_true((memcmp(w, new_w, 33 * sizeof *w) == 0) == (k == 0));
        assert_true((memcmp(q, new_q, 2 * sizeof *q) == 0) == (k == 2));
        double sum = 0.0;
        for (size_t f = 0; f < 33; f++) {
            sum += (double)new_w[f];
        }
        // Norms, where the scale can go to the activations.
        assert_true(k < 2 || fabs(sum - 1.0) < 1e-5);
        assert_true(k == 1 || k == 2 || fabs((double)new_q[0] + (double)new_q[1] - 1.0) < 1e-5);
        for (size_t t = 0; t < 50; t++) {
            const float h = ub_matrix_column(&problem.start.activations, t)[k];
            assert_true((h == ub_matrix_column(&fitted.activations, t)[k]) == (k == 1));
        }
    }
    ub_nmf_factors_free(&fitted);
    nmf_case_free(&problem);
}

static void components_of_a_group_share_their_gains(void **state)
{
    (void)state;
    nmf_case problem = two_channels();
    const size_t groups[] = {3, 1, 3, 1};
    memcpy(problem.gain_groups, groups, sizeof groups);
    problem.constraints.gain_groups = problem.gain_groups;
    assert_int_equal(fit(&problem, &problem.start, NULL, NULL), UB_OK);
    for (size_t c = 0; c < 2; c++) {
        const float q[] = {at_gain(&problem, 0, c), at_gain(&problem, 1, c),
                           at_gain(&problem, 2, c), at_gain(&problem, 3, c)};
        assert_true(q[0] == q[2] && q[1] == q[3] && fabsf(q[0] - q[1]) > 1e-4f);
    }
    nmf_case_free(&problem);
}

// Far more components than anything else, one frame, and the largest K.
static void extreme_shapes_are_fitted(void **state)
{
    (void)state;
    const size_t shapes[][3] = {{1, 1, 1}, {3, 2, 64}, {200, 1, 40}, {1, 300, 17}};
    ub_random random = ub_random_new(43);
    for (size_t i = 0; i < 4; i++) {
        nmf_case problem = nmf_case_new(1, shapes[i][0], shapes[i][1], shapes[i][2], &random);
        problem.settings.beta = 2.0;
        ub_nmf_report report = {0};
        assert_int_equal(fit(&problem, &problem.start, &report, NULL), UB_OK);
        assert_true(isfinite(report.cost) && report.cost >= 0.0);
        assert_true(ub_matrix_is_nonnegative(&problem.start.activations));
        nmf_case_free(&problem);
    }
    ub_matrix spectrum;
    ub_nmf_factors factors;
    ub_nmf_settings settings = ub_nmf_settings_default();
    settings.beta = 2.0;
    settings.n_iterations = 2;
    assert_int_equal(ub_matrix_new(9, 5, &spectrum), UB_OK);
    ub_matrix_column(&spectrum, 2)[3] = 1.0f;
    assert_int_equal(ub_nmf_factors_new(9, 5, 1, UB_NMF_MAX_COMPONENTS, &factors), UB_OK);
    assert_int_equal(ub_nmf_start(UB_START_RANDOM, &spectrum, 1, 1, NULL, &factors, NULL), UB_OK);
    ub_nmf_report report = {0};
    assert_int_equal(ub_nmf_fit(&spectrum, 1, &settings, NULL, NULL, &factors, &report, NULL),
                     UB_OK);
    assert_true(report.cost < 1e-3);
    ub_nmf_factors_free(&factors);
    ub_matrix_free(&spectrum);
}

// What leaves single precision when squared is left to multiplicative updates: the first case.
static void huge_numbers_stay_finite(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        nmf_case problem = two_channels();
        problem.fixed_templates[0] = problem.fixed_activations[1] = true;
        problem.constraints.fixed_templates = problem.fixed_templates;
        problem.constraints.fixed_activations = problem.fixed_activations;
        for (size_t t = 0; t < 50; t++) {
            ub_matrix_column(&problem.start.activations, t)[1] *= i == 0 ? 1e14f : 1.0f;
            ub_matrix_column(&problem.start.activations, t)[2] *= i == 1 ? 1e14f : 1.0f;
        }
        for (size_t f = 0; f < 33; f++) {
            ub_matrix_column(&problem.start.templates, 0)[f] *= i == 2 ? 1e14f : 1.0f;
        }
        for (size_t j = 0; j < 2 * 50 * 33; j++) {
            float *v = ub_matrix_column(&problem.spectra[j % 2], j / 2 / 33) + j / 2 % 33;
            *v *= i == 0 ? 1e-9f : 1.0f;
        }
        assert_true(i != 0 || cost_of(&problem, false) == cost_of(&problem, true));
        ub_nmf_report report = {0};
        problem.settings.multiplicative = false;
        assert_int_equal(fit(&problem, &problem.start, &report, NULL), UB_OK);
        assert_true(isfinite(report.cost));
        assert_true(ub_matrix_is_nonnegative(&problem.start.templates));
        assert_true(ub_matrix_is_nonnegative(&problem.start.activations));
        nmf_case_free(&problem);
    }
}

static void every_failed_allocation_is_reported_and_nothing_leaks(void **state)
{
    (void)state;
    if (malloc_guard_is_missing()) {
        skip();
    }
    for (size_t dictionary = 0; dictionary < 2; dictionary++) {
        nmf_case problem = two_channels();
        problem.settings.n_iterations = 1;
        for (size_t k = 0; k < 4 && dictionary; k++) {
            problem.fixed_templates[k] = problem.fixed_gains[k] = true;
        }
        problem.constraints.fixed_templates = problem.fixed_templates;
        problem.constraints.fixed_gains = problem.fixed_gains;
        ub_nmf_factors before = nmf_case_copy(&problem.start);
        size_t n = 0, held = 0;
        ub_status status = UB_NO_MEMORY;
        while (status == UB_NO_MEMORY) {
            assert_true(nmf_case_same(&before, &problem.start));
            ub_message why = {""};
            malloc_guard_start(++n);
            status = fit(&problem, &problem.start, NULL, &why);
            malloc_guard_stop(&held);
            assert_int_equal(held, 0);
            assert_true(status == UB_OK || strstr(why.text, "memory"));
        }
        assert_int_equal(status, UB_OK);
        assert_true(n > 25);
        ub_nmf_factors_free(&before);
        nmf_case_free(&problem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_updates_beat_a_hundred_multiplicative_ones),
        cmocka_unit_test(what_would_not_be_exact_is_left_to_multiplicative_updates),
        cmocka_unit_test(progress_goes_from_zero_to_one),
        cmocka_unit_test(cancelling_leaves_the_factors_unchanged),
        cmocka_unit_test(threads_do_not_change_a_bit),
        cmocka_unit_test(the_level_of_the_data_changes_no_bit_of_the_templates),
        cmocka_unit_test(a_start_of_the_wrong_level_costs_nothing),
        cmocka_unit_test(the_tolerance_stops_the_fit_where_it_says),
        cmocka_unit_test(fixed_entries_keep_their_bits_and_the_rest_moves),
        cmocka_unit_test(components_of_a_group_share_their_gains),
        cmocka_unit_test(extreme_shapes_are_fitted),
        cmocka_unit_test(huge_numbers_stay_finite),
        cmocka_unit_test(every_failed_allocation_is_reported_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
