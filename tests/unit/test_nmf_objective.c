// SPDX-License-Identifier: GPL-3.0-or-later
// When the objective of a factorisation is measured, and what follows from it.
#include "nmf_case.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static ub_status fit(nmf_case *problem, ub_nmf_report *report)
{
    return ub_nmf_fit(problem->spectra, problem->n_channels, &problem->settings,
                      &problem->constraints, NULL, &problem->start, report, NULL);
}

// What is measured in between changes nothing as long as nothing rises.
static void the_objective_is_measured_as_often_as_asked(void **state)
{
    (void)state;
    nmf_case problem = nmf_case_two_channels(21);
    nmf_case other = nmf_case_two_channels(21);
    problem.settings.n_iterations = other.settings.n_iterations = 18;
    other.settings.cost_interval = 7;
    double costs[19], fewer[19];
    ub_nmf_report report = {.costs = costs}, sparse = {.costs = fewer};
    assert_int_equal(fit(&problem, &report), UB_OK);
    assert_int_equal(fit(&other, &sparse), UB_OK);
    assert_int_equal(report.n_rejected, 0);
    for (size_t n = 0; n <= 18; n++) {
        const bool measured = n % 7 == 0 || n == 18;
        assert_true(measured ? fewer[n] == costs[n] : isnan(fewer[n]));
    }
    assert_true(sparse.n_iterations == 18 && sparse.cost == report.cost);
    for (size_t k = 0; k < other.n_components; k++) {
        assert_memory_equal(ub_matrix_column(&other.start.templates, k),
                            ub_matrix_column(&problem.start.templates, k),
                            other.n_bins * sizeof(float));
    }
    nmf_case_free(&problem);
    nmf_case_free(&other);
}

// A strong penalty makes updates rise; the fit goes back over all that were not measured.
static void a_rise_takes_back_all_updates_since_the_last_measurement(void **state)
{
    (void)state;
    nmf_case problem = nmf_case_two_channels(21);
    problem.settings.relaxation = 1.9;
    problem.settings.continuity = 5.0;
    problem.settings.cost_interval = 4;
    double costs[51];
    ub_nmf_report report = {.costs = costs};
    assert_int_equal(fit(&problem, &report), UB_OK);
    assert_true(report.n_rejected > 0 && report.n_iterations == 50);
    double before = costs[0];
    for (size_t n = 1; n <= 50; n++) {
        assert_true(isnan(costs[n]) || costs[n] <= before * (1.0 + 2.1e-7));
        before = isnan(costs[n]) ? before : costs[n];
    }
    assert_true(before == report.cost);
    nmf_case_free(&problem);
}

static void the_tolerance_stops_the_fit_where_it_says(void **state)
{
    (void)state;
    nmf_case problem = nmf_case_two_channels(21);
    problem.settings.tolerance = 1e-3;
    problem.settings.n_iterations = 400;
    double costs[401];
    ub_nmf_report report = {.costs = costs};
    assert_int_equal(fit(&problem, &report), UB_OK);
    const size_t n = report.n_iterations;
    assert_true(report.converged && n > 5 && n < 400);
    assert_true(costs[n - 1] - costs[n] <= 1e-3 * costs[n - 1]);
    for (size_t i = 1; i < n; i++) {
        assert_true(costs[i - 1] - costs[i] > 1e-3 * costs[i - 1]);
    }
    nmf_case_free(&problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_objective_is_measured_as_often_as_asked),
        cmocka_unit_test(a_rise_takes_back_all_updates_since_the_last_measurement),
        cmocka_unit_test(the_tolerance_stops_the_fit_where_it_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
